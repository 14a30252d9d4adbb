// ortho: own colours, shadow on the right side, threads, JPEG's blocks at odd sizes, options out of range.
#include "geovision/ortho.hpp"

#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "testing.hpp"

using namespace geovision;

namespace {

// A slab 10 m up over level ground, and every material as a strip of cover.
struct Plaza {
    std::vector<double> xyz{-5, -5, 10, 5, -5, 10, 5, 5, 10, -5, 5, 10};
    std::vector<std::int32_t> triangle{0, 1, 2, 0, 2, 3};
    std::vector<std::uint8_t> label{0, 0}, material{1, 3}, colour{120, 70, 60, 120, 70, 60}, roof_kind{0, 0};
    std::vector<std::int32_t> building{0, 0}, part{0, 0}, surface{0, 0};
    std::vector<float> ground{0, 0, 0, 0};
    std::vector<std::int64_t> ring_offsets{0}, vertex_offsets{0};
    std::vector<double> cover_xy, lift;
    std::vector<std::uint8_t> cover_material, cover_colour;
    std::vector<double> tree_xy{20, 20}, tree_ground{0}, tree_height{9}, tree_radius{4}, crown_base{2},
        density{1};
    bool conifer = true;
    std::vector<std::uint8_t> tree_colour{60, 90, 40};

    Plaza() {
        for (int m = 0; m < material_count; ++m) {
            const double x = -56 + 4 * m;
            cover_xy.insert(cover_xy.end(), {x, -50, x + 4, -50, x + 4, -30, x, -30});
            cover_material.push_back(static_cast<std::uint8_t>(m));
            cover_colour.insert(cover_colour.end(), {110, 110, 100});
            lift.push_back(0.0);
            ring_offsets.push_back(m + 1);
            vertex_offsets.push_back(4 * (m + 1));
        }
    }
    SceneMesh scene() const {
        SceneMesh s;
        s.mesh = {4, xyz.data(), 2, triangle.data()};
        s.label = label.data();
        s.material = material.data();
        s.colour = colour.data();
        s.building = building.data();
        s.part = part.data();
        s.surface = surface.data();
        s.roof_kind = roof_kind.data();
        s.terrain = {-100, 100, 200, 2, 2, ground.data(), 0, {100, 120, 80}};
        s.cover = {material_count,        material_count,        4 * material_count,
                   ring_offsets.data(),   vertex_offsets.data(), cover_xy.data(),
                   cover_material.data(), cover_colour.data(),   lift.data()};
        s.trees = {1,
                   tree_xy.data(),
                   tree_ground.data(),
                   tree_height.data(),
                   tree_radius.data(),
                   crown_base.data(),
                   &conifer,
                   tree_colour.data(),
                   density.data()};
        return s;
    }
};

constexpr RasterWindow window{-56.0, 50.0, 0.5, 227, 205};

std::vector<std::uint8_t> draw(const SceneMesh& scene, const OrthoOptions& options,
                               const RasterWindow& w = window) {
    std::vector<std::uint8_t> rgbn(4 * static_cast<std::size_t>(w.width) *
                                   static_cast<std::size_t>(w.height));
    CHECK(draw_ortho(scene, w, options, rgbn.data()));
    return rgbn;
}

void light_and_shadow() {
    const Plaza plaza;
    OrthoOptions o;
    o.sun_azimuth_deg = 225;
    o.sun_elevation_deg = 45;
    o.haze = o.noise = o.blur_cells = 0.0;
    const auto rgbn = draw(plaza.scene(), o);
    const auto green = [&](double x, double y) {
        const auto row = static_cast<std::size_t>((50 - y) / 0.5),
                   column = static_cast<std::size_t>((x + 56) / 0.5);
        return static_cast<int>(rgbn[4 * (row * 227 + column) + 1]);
    };
    CHECK(std::abs(green(40, 40) - 120) <= 1);
    CHECK(green(8, 8) < 100);  // 10 m up at 45 degrees: the shadow lies 7 m to the north-east
    CHECK(std::abs(green(-8, -8) - 120) <= 9);  // the sunny side, which sees a little less sky
}

void threads_and_jpeg() {
    const Plaza plaza;
    OrthoOptions o;
    o.supersample = 3;
    o.sharpen = 0.5;
    o.jpeg_quality = 60;
    o.threads = 1;
    const auto one = draw(plaza.scene(), o);
    o.threads = 8;
    CHECK(one == draw(plaza.scene(), o));
    // Odd sizes down to one cell, and blur wider than the picture.
    o.blur_cells = 4.0;
    for (const int size : {1, 2, 7, 17}) draw(plaza.scene(), o, {0, 20, 0.5, size, 18 - size});
}

void nothing_and_nonsense() {
    const auto empty = draw({}, {}, {0, 0, 1, 5, 4});
    for (const std::uint8_t v : empty) CHECK(v == 0);
    int thrown = 0;
    for (int k = 0; k < 6; ++k) {
        OrthoOptions o;
        if (k == 0) o.supersample = 0;
        if (k == 1) o.sun_elevation_deg = 0;
        if (k == 2) o.jpeg_quality = 5;
        if (k == 3) o.blur_cells = std::nan("");
        if (k == 4) o.sun = o.sky = 0;
        if (k == 5) o.texture = -1;
        try {
            draw_ortho({}, {0, 0, 1, 5, 4}, o, nullptr);
        } catch (const std::invalid_argument&) {
            ++thrown;
        }
    }
    CHECK(thrown == 6);
}

}  // namespace

int main() {
    light_and_shadow();
    threads_and_jpeg();
    nothing_and_nonsense();
    return TEST_RESULT();
}
