// Raw LAS records to columns: coordinates, class, returns, colour, with the unwanted left out on the way.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace geovision {

// Records as LAS stores them, formats 0 to 10. Bytes stay the caller's.
struct PointRecords {
    const std::uint8_t* bytes = nullptr;  // [count, stride]
    std::int64_t count = 0;
    int stride = 0;  // at least the size of the format
    int format = 0;
    std::array<double, 3> scale{1.0, 1.0, 1.0};
    std::array<double, 3> offset{0.0, 0.0, 0.0};
};

// Flags of a point, one set of bits for all formats.
namespace point_flag {
constexpr std::uint8_t synthetic = 1, key_point = 2, withheld = 4, overlap = 8;
}

// What is left out while unpacking.
struct PointFilter {
    std::uint8_t drop_flags = 0;         // points with any of these
    std::array<bool, 256> drop_class{};  // and those of these classes
};

struct PointColumns {
    std::vector<double> xyz;  // [n, 3]
    std::vector<std::uint8_t> classification, return_number, number_of_returns, flags;
    std::vector<std::uint16_t> intensity, source_id;
    std::vector<std::uint16_t> colour;  // [n, bands]
    int bands = 0;                      // 0, 3 (red, green, blue) or 4 (and near infrared)
    std::array<double, 6> bounds;       // low x, y, z, high x, y, z of what was kept; infinite for nothing
};

// Bands of colour that a format carries.
int colour_bands(int format);

// Throws std::invalid_argument for a format that does not exist or a stride below its size.
PointColumns unpack_points(const PointRecords& records, const PointFilter& filter);

}  // namespace geovision
