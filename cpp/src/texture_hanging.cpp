#include "texture_hanging.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace geovision {
namespace {

constexpr double steep = 0.1736, level = 0.02;  // sines: of 80 degrees from level, and of one degree

}  // namespace

void TextureHanging::begin_building(const PackSolids& solids, std::int64_t building, double texture_m) {
    solids_ = &solids;
    building_ = building;
    const std::int64_t first = solids.vertex_offsets[building], last = solids.vertex_offsets[building + 1];
    vertices_ = solids.vertices + 3 * first;
    scale_ = solids.grid / texture_m;
    foot_ = 0.0;
    if (last > first) {
        std::int32_t lowest = vertices_[2];
        for (std::int64_t i = 1; i < last - first; ++i) lowest = std::min(lowest, vertices_[3 * i + 2]);
        foot_ = lowest;
    }
    level_known_ = false;
}

// Of the longest level edge of its walls; few faces need it.
const std::array<double, 2>& TextureHanging::level_direction() {
    if (level_known_) return level_;
    level_known_ = true;
    level_ = {1.0, 0.0};
    double longest = 0.0;
    const std::uint8_t* label = solids_->face_label + solids_->face_offsets[building_];
    for (std::int64_t t = solids_->triangle_offsets[building_]; t < solids_->triangle_offsets[building_ + 1];
         ++t) {
        if (label[solids_->triangle_face[t]] != static_cast<std::uint8_t>(Label::wall)) continue;
        const std::int32_t* corner = solids_->triangles + 3 * t;
        for (int k = 0; k < 3; ++k) {
            const std::int32_t* a = vertices_ + 3 * static_cast<std::int64_t>(corner[k]);
            const std::int32_t* b = vertices_ + 3 * static_cast<std::int64_t>(corner[(k + 1) % 3]);
            const double x = double(b[0]) - a[0], y = double(b[1]) - a[1];
            const double length = std::sqrt(x * x + y * y);
            if (a[2] != b[2] || length <= longest) continue;
            longest = length;
            level_ = {x / length, y / length};
        }
    }
    return level_;
}

void TextureHanging::begin_face(const std::array<double, 3>& normal) {
    const double flat = std::sqrt(normal[0] * normal[0] + normal[1] * normal[1]);
    upright_ = std::fabs(normal[2]) < steep;
    if (flat < level) {
        const std::array<double, 2>& d = level_direction();
        along_ = {d[0], d[1], 0.0};
    } else {
        along_ = {-normal[1] / flat, normal[0] / flat, 0.0};
    }
    up_ = {0.0, 0.0, 1.0};
    if (!upright_) {
        up_ = {-normal[2] * along_[1], normal[2] * along_[0], normal[0] * along_[1] - normal[1] * along_[0]};
    }
    left_ = low_ = std::numeric_limits<double>::infinity();
    high_ = -low_;
}

std::array<double, 2> TextureHanging::at(std::int32_t vertex) const {
    const std::int32_t* p = vertices_ + 3 * static_cast<std::int64_t>(vertex);
    return {along_[0] * p[0] + along_[1] * p[1], up_[0] * p[0] + up_[1] * p[1] + up_[2] * p[2]};
}

void TextureHanging::reach(std::int32_t vertex) {
    const auto [s, t] = at(vertex);
    left_ = std::min(left_, s);
    low_ = std::min(low_, t);
    high_ = std::max(high_, t);
}

void TextureHanging::end_face() {
    if (upright_) low_ = foot_;
    // Pictures hang from the top: whole pieces above what is lowest.
    high_ = low_ + std::ceil((high_ - low_) * scale_) / scale_;
}

void TextureHanging::place(std::int32_t vertex, float* uv) const {
    const auto [s, t] = at(vertex);
    uv[0] = static_cast<float>((s - left_) * scale_);
    uv[1] = static_cast<float>((high_ - t) * scale_);
}

}  // namespace geovision
