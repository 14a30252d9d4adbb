// Frames of walls and roof faces as they lie in the file.
#pragma once

#include <array>
#include <cstdint>

#include "geovision/instances.hpp"

namespace geovision {

using Vec3 = std::array<double, 3>;

// Metres along the frame to the file's coordinates; axes are those of a unit mesh.
struct PartFrame {
    Vec3 at{}, right{}, out{}, up{};  // directions of unit length
    Vec3 stretch{1.0, 1.0, 1.0};      // right, out, up: metres of the file a metre of the frame
    // Where the wall or face reaches to, metres: from left to width, from low to height.
    double left = 0.0, low = 0.0, width = 0.0, height = 0.0;

    Vec3 place(double s, double away, double z) const {
        Vec3 p = at;
        for (std::size_t k = 0; k < 3; ++k)
            p[k] += s * stretch[0] * right[k] + away * stretch[1] * out[k] + z * stretch[2] * up[k];
        return p;
    }
};

// Unit quaternion x, y, z, w that takes x to `right`, y to -`out`, z to `up`.
std::array<double, 4> quaternion_of(const PartFrame& frame);

class FrameMaker {
public:
    FrameMaker(const InstanceSolids& solids, const InstanceOptions& options)
        : solids_(solids), options_(options) {}

    PartFrame of_wall(const Walls& walls, std::int64_t wall) const;
    // Throws std::invalid_argument for a face that is not there or has no ring.
    PartFrame of_face(std::int64_t building, std::int64_t face) const;

private:
    // From a place and directions in the building's own coordinates, metres.
    PartFrame placed(std::int64_t building, const Vec3& at, const Vec3& right, const Vec3& out,
                     const Vec3& up) const;

    const InstanceSolids& solids_;
    const InstanceOptions& options_;
};

}  // namespace geovision
