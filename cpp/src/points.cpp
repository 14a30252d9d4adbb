#include "geovision/points.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

namespace geovision {
namespace {

// Where the fields of a format lie in its record (LAS 1.4 R15).
struct Layout {
    int size;
    bool extended;  // formats 6 and above: more returns, 8-bit classes, flags of their own
    int colour;     // byte of red, -1 for none
    int bands;
};

constexpr std::array<Layout, 11> layouts{{
    {20, false, -1, 0},
    {28, false, -1, 0},
    {26, false, 20, 3},
    {34, false, 28, 3},
    {57, false, -1, 0},
    {63, false, 28, 3},
    {30, true, -1, 0},
    {36, true, 30, 3},
    {38, true, 30, 4},
    {59, true, -1, 0},
    {67, true, 30, 4},
}};

template <class T>
T load(const std::uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);  // little-endian, as LAS is; records are not aligned
    return value;
}

struct Decoded {
    double x, y, z;
    std::uint8_t classification, flags;
};

class Reader {
public:
    explicit Reader(const PointRecords& records) : records_(records) {
        if (records.format < 0 || records.format >= static_cast<int>(layouts.size())) {
            throw std::invalid_argument("point format " + std::to_string(records.format) + " does not exist");
        }
        layout_ = layouts[static_cast<std::size_t>(records.format)];
        if (records.stride < layout_.size) {
            throw std::invalid_argument("records are shorter than their point format");
        }
    }

    const std::uint8_t* at(std::int64_t i) const { return records_.bytes + i * records_.stride; }

    Decoded decode(const std::uint8_t* r) const {
        Decoded d;
        d.x = load<std::int32_t>(r) * records_.scale[0] + records_.offset[0];
        d.y = load<std::int32_t>(r + 4) * records_.scale[1] + records_.offset[1];
        d.z = load<std::int32_t>(r + 8) * records_.scale[2] + records_.offset[2];
        if (layout_.extended) {
            d.classification = r[16];
            d.flags = r[15] & 0x0F;
        } else {
            d.classification = r[15] & 0x1F;
            d.flags = r[15] >> 5;
        }
        return d;
    }

    int return_number(const std::uint8_t* r) const { return r[14] & (layout_.extended ? 15 : 7); }
    int number_of_returns(const std::uint8_t* r) const {
        return layout_.extended ? r[14] >> 4 : (r[14] >> 3) & 7;
    }
    int source_byte() const { return layout_.extended ? 20 : 18; }
    const Layout& layout() const { return layout_; }

private:
    const PointRecords& records_;
    Layout layout_{};
};

bool unwanted(const PointFilter& f, const Decoded& d) {
    return (d.flags & f.drop_flags) != 0 || f.drop_class[d.classification];
}

}  // namespace

int colour_bands(int format) {
    return format >= 0 && format < static_cast<int>(layouts.size())
               ? layouts[static_cast<std::size_t>(format)].bands
               : 0;
}

PointColumns unpack_points(const PointRecords& records, const PointFilter& filter) {
    const Reader reader(records);
    PointColumns out;
    out.bands = reader.layout().bands;
    constexpr double far = std::numeric_limits<double>::infinity();
    out.bounds = {far, far, far, -far, -far, -far};
    const auto n = static_cast<std::size_t>(records.count);
    out.xyz.reserve(3 * n);
    for (auto* column : {&out.classification, &out.return_number, &out.number_of_returns, &out.flags}) {
        column->reserve(n);
    }
    out.intensity.reserve(n);
    out.source_id.reserve(n);
    out.colour.reserve(n * static_cast<std::size_t>(out.bands));
    for (std::int64_t i = 0; i < records.count; ++i) {
        const std::uint8_t* r = reader.at(i);
        const Decoded d = reader.decode(r);
        if (unwanted(filter, d)) continue;
        out.xyz.insert(out.xyz.end(), {d.x, d.y, d.z});
        const std::array<double, 3> p{d.x, d.y, d.z};
        for (std::size_t axis = 0; axis < 3; ++axis) {
            out.bounds[axis] = std::min(out.bounds[axis], p[axis]);
            out.bounds[axis + 3] = std::max(out.bounds[axis + 3], p[axis]);
        }
        out.classification.push_back(d.classification);
        out.flags.push_back(d.flags);
        out.return_number.push_back(static_cast<std::uint8_t>(reader.return_number(r)));
        out.number_of_returns.push_back(static_cast<std::uint8_t>(reader.number_of_returns(r)));
        out.intensity.push_back(load<std::uint16_t>(r + 12));
        out.source_id.push_back(load<std::uint16_t>(r + reader.source_byte()));
        for (int band = 0; band < out.bands; ++band) {
            out.colour.push_back(load<std::uint16_t>(r + reader.layout().colour + 2 * band));
        }
    }
    return out;
}

}  // namespace geovision
