// How each finish looks at a place.
#pragma once

#include <array>

#include "finish_noise.hpp"
#include "geovision/finish.hpp"

namespace geovision {

struct FinishSample {
    std::array<float, 3> colour{1.0f, 1.0f, 1.0f};  // factors on the material's own colour
    float relief = 0.0f;                            // metres
    float roughness = 0.9f;
    float metallic = 0.0f;
    float occlusion = 1.0f;
};

// x to the right, y up, both in [0, metres).
FinishSample look_at_finish(Finish finish, const Torus& torus, double x, double y);

}  // namespace geovision
