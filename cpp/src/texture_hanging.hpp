// Texture coordinates in metres: how a repeating picture hangs on each face of a building.
#pragma once

#include <array>
#include <cstdint>

#include "geovision/pack.hpp"

namespace geovision {

// Walls: from the left end of the face, and up from the building's foot, so that courses meet round a corner.
// Slopes: along the eave, and up the slope from the lowest point of the face, so that rows begin at the
// eave. Level faces: along the building's longest wall.
class TextureHanging {
public:
    void begin_building(const PackSolids& solids, std::int64_t building, double texture_m);
    // Then every vertex of the face through `reach`, then `end_face`; `place` is ready after that.
    void begin_face(const std::array<double, 3>& normal);
    void reach(std::int32_t vertex);
    void end_face();
    // Pieces of texture to the right and down, never below 0.
    void place(std::int32_t vertex, float* uv) const;

private:
    std::array<double, 2> at(std::int32_t vertex) const;
    const std::array<double, 2>& level_direction();

    const PackSolids* solids_ = nullptr;
    std::int64_t building_ = 0;
    const std::int32_t* vertices_ = nullptr;
    double scale_ = 0.0;  // pieces of texture a grid step
    double foot_ = 0.0;   // lowest vertex of the building, grid steps
    bool level_known_ = false;
    std::array<double, 2> level_{1.0, 0.0};
    std::array<double, 3> along_{}, up_{};
    bool upright_ = false;
    double left_ = 0.0, low_ = 0.0, high_ = 0.0;
};

}  // namespace geovision
