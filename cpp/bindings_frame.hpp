// A tile's own frame as a tuple. Only files that match cpp/bindings*.cpp include this.
#pragma once

#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <tuple>

#include "bindings_util.hpp"
#include "geovision/pack.hpp"

namespace geovision::bindings {

// Centre, scale, degree and coefficients of a PackFrame.
using FrameTuple = std::tuple<std::array<double, 3>, double, int, Array<double>>;

inline std::optional<PackFrame> take_frame(const std::optional<FrameTuple>& given) {
    if (!given) return std::nullopt;
    const auto& [centre, scale, degree, coefficients] = *given;
    PackFrame frame{centre, scale, degree, {}};
    frame.coefficients.assign(coefficients.data(), coefficients.data() + coefficients.size());
    return frame;
}

}  // namespace geovision::bindings
