#include "geovision/meshopt_decode.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace geovision {
namespace {

[[noreturn]] void refuse(const char* problem) {
    throw std::invalid_argument(std::string("meshopt data ") + problem);
}

// Reads bytes up to an end; the tail of a stream is not part of what it reads.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::int64_t begin, std::int64_t end)
        : data_(data), at_(begin), end_(end) {}

    const std::uint8_t* take(std::int64_t count) {
        if (count > end_ - at_) refuse("end too early");
        at_ += count;
        return data_ + at_ - count;
    }
    std::uint8_t next() { return *take(1); }
    bool done() const { return at_ == end_; }

private:
    const std::uint8_t* data_;
    std::int64_t at_, end_;
};

// Sixteen deltas, of 0, 2, 4 or 8 bits; a value of all ones is followed by a byte of its own.
void read_group(Bytes& bytes, int mode, std::uint8_t (&out)[16]) {
    if (mode == 0) {
        std::fill(out, out + 16, std::uint8_t{0});
    } else if (mode == 3) {
        std::copy_n(bytes.take(16), 16, out);
    } else {
        const int bits = 2 * mode, escape = (1 << bits) - 1;
        const std::uint8_t* packed = bytes.take(2 * bits);
        for (int i = 0; i < 16; ++i) {
            const int bit = i * bits;
            const int value = packed[bit / 8] >> (8 - bits - bit % 8) & escape;
            out[i] = value == escape ? bytes.next() : static_cast<std::uint8_t>(value);
        }
    }
}

class Triangles {
public:
    Triangles(const std::uint8_t* data, std::int64_t size, std::int64_t triangles)
        : codes_(data + 1), table_(data + size - 16), bytes_(data, 1 + triangles, size - 16) {}

    std::array<std::uint32_t, 3> next(std::int64_t triangle) {
        const int x = codes_[triangle] >> 4, y = codes_[triangle] & 15;
        return x < 15 ? behind_edge(x, y) : free(y);
    }
    bool done() const { return bytes_.done(); }

private:
    std::uint32_t fresh() { return next_++; }

    std::uint32_t index() {
        std::uint32_t value = 0;
        for (int shift = 0;; shift += 7) {
            if (shift > 28) refuse("have an index that is too long");
            const std::uint8_t byte = bytes_.next();
            value |= std::uint32_t(byte & 127) << shift;
            if (byte < 128) break;
        }
        last_ += (value & 1) != 0 ? ~(value >> 1) : value >> 1;
        return last_;
    }

    std::uint32_t vertex(int back) const { return vertices_[(vertex_at_ - 1u - unsigned(back)) & 15u]; }
    void push_vertex(std::uint32_t v) { vertices_[vertex_at_++ & 15u] = v; }
    void push_edge(std::uint32_t a, std::uint32_t b) { edges_[edge_at_++ & 15u] = {a, b}; }

    std::uint32_t corner(int nibble) {
        if (nibble == 0) return fresh();
        return nibble == 15 ? index() : vertex(nibble - 1);
    }

    std::array<std::uint32_t, 3> free(int y) {
        const std::uint8_t code = y >= 14 ? bytes_.next() : table_[y];
        const int z = code >> 4, w = code & 15;
        if (y >= 14 && code == 0) next_ = 0;
        const std::uint32_t a = y < 15 ? fresh() : index();
        const std::uint32_t b = corner(z), c = corner(w);
        push_edge(b, a);
        push_edge(c, b);
        push_edge(a, c);
        push_vertex(a);
        if (z == 0 || z == 15) push_vertex(b);
        if (w == 0 || w == 15) push_vertex(c);
        return {a, b, c};
    }

    std::array<std::uint32_t, 3> behind_edge(int x, int y) {
        const auto [a, b] = edges_[(edge_at_ - 1u - unsigned(x)) & 15u];
        std::uint32_t c = 0;
        if (y == 0) {
            c = fresh();
        } else if (y < 13) {
            c = vertex(y);
        } else if (y < 15) {
            c = last_ += y == 14 ? 1u : ~0u;
        } else {
            c = index();
        }
        push_edge(c, b);
        push_edge(a, c);
        if (y == 0 || y >= 13) push_vertex(c);
        return {a, b, c};
    }

    const std::uint8_t *codes_, *table_;
    Bytes bytes_;
    std::uint32_t next_ = 0, last_ = 0;
    std::array<std::array<std::uint32_t, 2>, 16> edges_{};
    std::array<std::uint32_t, 16> vertices_{};
    unsigned edge_at_ = 0, vertex_at_ = 0;
};

void check_size(std::int64_t size, std::int64_t count, std::int64_t tail, std::int64_t least) {
    if (count < 0 || size < tail || count > least) refuse("end too early");
}

}  // namespace

std::vector<std::uint8_t> decode_attributes(const std::uint8_t* data, std::int64_t size, std::int64_t count,
                                            std::int64_t stride) {
    if (stride < 4 || stride > 256 || stride % 4 != 0) refuse("have no such stride");
    const std::int64_t tail = std::max<std::int64_t>(32, stride);
    // Sixteen elements of a byte that never changes take two bits: no stream holds more than that.
    check_size(size, count, 1 + tail, 64 * size + 64);
    if (data[0] != 0xA0) refuse("are no attributes of version 0");
    Bytes bytes(data, 1, size - tail);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(count * stride));
    std::vector<std::uint8_t> last(data + size - stride, data + size);
    const std::int64_t most = std::min<std::int64_t>(8192 / stride & ~15, 256);
    for (std::int64_t first = 0; first < count; first += most) {
        const std::int64_t block = std::min(most, count - first), groups = (block + 15) / 16;
        for (std::int64_t k = 0; k < stride; ++k) {
            const std::uint8_t* header = bytes.take((groups + 3) / 4);
            std::uint8_t value = last[std::size_t(k)], deltas[16];
            for (std::int64_t g = 0; g < groups; ++g) {
                read_group(bytes, header[g / 4] >> (2 * (g % 4)) & 3, deltas);
                for (std::int64_t i = 16 * g; i < std::min(block, 16 * g + 16); ++i) {
                    const std::uint8_t d = deltas[i - 16 * g];
                    value = static_cast<std::uint8_t>(value + ((d >> 1) ^ -(d & 1)));
                    out[std::size_t((first + i) * stride + k)] = value;
                }
            }
            last[std::size_t(k)] = value;
        }
    }
    if (!bytes.done()) refuse("go on after the last element");
    return out;
}

std::vector<std::uint8_t> decode_triangles(const std::uint8_t* data, std::int64_t size, std::int64_t count,
                                           std::int64_t stride) {
    if (stride != 2 && stride != 4) refuse("have no such stride");
    if (count % 3 != 0) refuse("have no whole number of triangles");
    check_size(size, count, 17, 3 * (size - 17));
    if (data[0] != 0xE1) refuse("are no triangles of version 1");
    Triangles triangles(data, size, count / 3);
    std::vector<std::uint8_t> out;
    out.reserve(static_cast<std::size_t>(count * stride));
    for (std::int64_t t = 0; t < count / 3; ++t) {
        for (const std::uint32_t index : triangles.next(t))
            for (std::int64_t k = 0; k < stride; ++k)
                out.push_back(static_cast<std::uint8_t>(index >> (8 * k)));
    }
    if (!triangles.done()) refuse("go on after the last triangle");
    return out;
}

}  // namespace geovision
