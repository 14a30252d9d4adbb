#include "geovision/scene.hpp"

#include <algorithm>
#include <cmath>

#include "geovision/noise.hpp"

namespace geovision {

std::uint32_t seen_as(std::uint8_t label) {
    if (label < 16) return see::building;
    switch (static_cast<SceneLabel>(label)) {
        case SceneLabel::terrain:
            return see::terrain;
        case SceneLabel::tree:
            return see::tree;
        case SceneLabel::car:
            return see::car;
        default:
            return see::object;
    }
}

const Reflectance& reflectance(std::uint8_t material) {
    // Near infrared: living leaves are bright, water is black, mineral surfaces are as bright as they look.
    // Laser at 1,064 nm: after published spectra, rounded.
    static constexpr Reflectance table[material_count] = {
        {1.0f, 0.00f, 0.35f},  // plain
        {1.1f, 0.04f, 0.40f},  // tiles
        {1.0f, 0.01f, 0.16f},  // slate
        {1.0f, 0.00f, 0.45f},  // metal
        {1.0f, 0.02f, 0.32f},  // gravel
        {1.0f, 0.00f, 0.12f},  // membrane
        {0.8f, 0.00f, 0.08f},  // solar
        {0.8f, 0.00f, 0.06f},  // glass
        {1.0f, 0.02f, 0.50f},  // plaster
        {1.1f, 0.04f, 0.38f},  // brick
        {1.0f, 0.00f, 0.30f},  // concrete
        {1.3f, 0.08f, 0.35f},  // thatch
        {1.0f, 0.00f, 0.35f}, {1.0f, 0.00f, 0.35f}, {1.0f, 0.00f, 0.35f},
        {1.0f, 0.00f, 0.35f}, {1.8f, 0.20f, 0.48f},  // grass
        {1.2f, 0.05f, 0.30f},                        // soil
        {1.0f, 0.00f, 0.14f},                        // asphalt
        {1.0f, 0.01f, 0.30f},                        // paving
        {0.2f, 0.00f, 0.03f},                        // water
        {1.0f, 0.00f, 0.60f},                        // paint
        {1.1f, 0.04f, 0.45f},                        // sand
        {1.8f, 0.18f, 0.42f},                        // shrub
        {1.8f, 0.24f, 0.40f},                        // foliage
        {1.5f, 0.14f, 0.32f},                        // needles
        {1.0f, 0.00f, 0.35f},                        // car paint
        {1.3f, 0.06f, 0.42f},                        // wood
    };
    return table[material < material_count ? material : 0];
}

double Terrain::at(double x, double y) const {
    const double column = std::clamp((x - left) / cell, 0.0, static_cast<double>(columns - 1)),
                 row = std::clamp((top - y) / cell, 0.0, static_cast<double>(rows - 1));
    const int i = std::min(static_cast<int>(column), columns - 2),
              j = std::min(static_cast<int>(row), rows - 2);
    const float* a = z + static_cast<std::int64_t>(j) * columns + i;
    const float* b = a + columns;
    const double u = column - i, v = row - j;
    const double north = a[0] + u * (static_cast<double>(a[1]) - a[0]);
    const double south = b[0] + u * (static_cast<double>(b[1]) - b[0]);
    return north + v * (south - north);
}

void Terrain::gradients(double x, double step, double y, int count, float* east, float* north) const {
    const double row = (top - y) / cell, inside_row = std::clamp(row, 0.0, static_cast<double>(rows - 1));
    const int j = std::min(static_cast<int>(inside_row), rows - 2);
    const float* a = z + static_cast<std::int64_t>(j) * columns;
    const float* b = a + columns;
    const auto v = static_cast<float>(inside_row - j), per_metre = static_cast<float>(1.0 / cell);
    const float north_scale = row == inside_row ? -per_metre : 0.0f;
    const double first = (x - left) / cell, pace = step / cell, last = columns - 1;
    for (int k = 0; k < count; ++k) {
        const double column = first + pace * k, inside = std::clamp(column, 0.0, last);
        const int i = std::min(static_cast<int>(inside), columns - 2);
        const auto u = static_cast<float>(inside - i);
        const float west_fall = b[i] - a[i], east_fall = b[i + 1] - a[i + 1];
        const float north_rise = a[i + 1] - a[i], south_rise = b[i + 1] - b[i];
        east[k] = column == inside ? per_metre * (north_rise + v * (south_rise - north_rise)) : 0.0f;
        north[k] = north_scale * (west_fall + u * (east_fall - west_fall));
    }
}

Crown::Crown(const Trees& trees, std::int64_t index, const double* origin) {
    const double base = trees.ground_z[index] + trees.crown_base[index];
    x_ = trees.xy[2 * index];
    y_ = trees.xy[2 * index + 1];
    world_x_ = origin[0];
    world_y_ = origin[1];
    radius_ = trees.radius[index];
    conifer_ = trees.conifer[index];
    const double tall = trees.ground_z[index] + trees.height[index] - base;
    // The widest place of a ball crown lies below its middle; a cone is widest at its foot.
    middle_ = base + (conifer_ ? 0.12 : 0.42) * tall;
    up_ = base + tall - middle_;
    down_ = middle_ - base;
    lumps_ = std::min(0.22 * radius_, 0.2 * tall);
    reach_ = 1.2 * radius_;
    highest_ = base + tall + 0.5 * lumps_;
    lowest_ = base;
    // A tree looks the same wherever the frame's origin is, as its place is rounded to millimetres.
    const auto millimetres = [](double v) { return lattice(std::llround(v * 1000.0)); };
    key_ = hash32(millimetres(x_ + world_x_), millimetres(y_ + world_y_));
}

bool Crown::span(double x, double y, double& bottom, double& top) const {
    const double dx = x - x_, dy = y - y_;
    const double q = (dx * dx + dy * dy) / (radius_ * radius_);
    if (q >= 1.44) return false;
    const double size = 0.3 * radius_ + 0.35;
    const float branch = value_noise(dx / size, dy / size, key_) - 0.5f;
    const float leaf = value_noise(dx * 2.1, dy * 2.1, key_ ^ 0x51ed270bu) - 0.5f;
    const double d2 = q * (1.0 + 0.75 * branch + 0.35 * leaf) + 0.06 * leaf;
    if (d2 >= 1.0) return false;
    const double inside = std::max(0.0, d2);
    const double dome = conifer_ ? 1.0 - std::sqrt(inside) : std::sqrt(1.0 - inside);
    top =
        middle_ + up_ * dome + lumps_ * (0.7 * static_cast<double>(branch) + 0.3 * static_cast<double>(leaf));
    bottom = middle_ - down_ * dome;
    return top > bottom;
}

std::array<double, 2> Crown::gradient(double x, double y) const {
    const double dx = x - x_, dy = y - y_;
    const double r = std::sqrt(dx * dx + dy * dy) / radius_;
    if (r < 1e-9) return {0.0, 0.0};
    const double fall = conifer_ ? 1.0 : r / std::sqrt(std::max(0.03, 1.0 - r * r));
    const double scale = -up_ * fall / (r * radius_ * radius_);
    return {scale * dx, scale * dy};
}

std::vector<std::array<float, 3>> triangle_normals(const RasterMesh& mesh) {
    std::vector<std::array<float, 3>> normals(static_cast<std::size_t>(mesh.triangles));
    for (std::int64_t t = 0; t < mesh.triangles; ++t) {
        const double* p[3];
        for (int k = 0; k < 3; ++k) p[k] = mesh.xyz + 3 * static_cast<std::int64_t>(mesh.triangle[3 * t + k]);
        double u[3], v[3];
        for (int c = 0; c < 3; ++c) {
            u[c] = p[1][c] - p[0][c];
            v[c] = p[2][c] - p[0][c];
        }
        const double n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
        const double length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
        auto& out = normals[static_cast<std::size_t>(t)];
        for (std::size_t c = 0; c < 3; ++c) out[c] = length > 0.0 ? static_cast<float>(n[c] / length) : 0.0f;
    }
    return normals;
}

}  // namespace geovision
