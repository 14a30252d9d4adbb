// One building's parts as the roofs take them: checked, in grid steps from the
// building's origin. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/boxes.hpp"
#include "geovision/roofs.hpp"
#include "geovision/types.hpp"

namespace geovision {

constexpr double max_length = 1e8;       // grid steps: no height or roof dimension is over 100 km
constexpr double most_roof_shift = 2.0;  // metres, each way

class ProgramReader {
public:
    ProgramReader(const Programs& programs, double grid, double min_edge)
        : p_(programs), grid_(grid), min_edge_(min_edge) {}
    // Reads building b into the members below. Adds to `flags` what had to be
    // merged or left out.
    Status read(std::int64_t b, std::uint32_t* flags);
    double steps(double metres) const { return metres / grid_; }

    double origin[3] = {0, 0, 0};  // whole metres
    std::int32_t z_shift = 0;      // of the ground above the origin, grid steps
    std::int32_t sources = 0;      // edges of all parts
    std::vector<Shape> shapes;     // per part; may be longer than there are parts
    std::vector<RoofSpec> specs;   // per part
    std::vector<double> overhang;  // per part
    bool apart = false;            // of the last part: edges that are no neighbours are two steps apart

private:
    Status read_part(std::int64_t part, Shape& shape, std::uint32_t* flags);
    Status check_rings(const Shape& shape, double depth);

    const Programs& p_;
    double grid_, min_edge_;
    Boxes boxes_;
};

}  // namespace geovision
