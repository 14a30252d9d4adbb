// ortho: own colours, shadow on the right side, threads, JPEG's blocks at odd sizes, options out of range.
#include "geovision/ortho.hpp"

#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "scene_arrays.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

// A slab 10 m up over level ground, and every material as a strip of cover.
struct Plaza : SceneArrays {
    Plaza() {
        xyz = {-5, -5, 10, 5, -5, 10, 5, 5, 10, -5, 5, 10};
        triangle = {0, 1, 2, 0, 2, 3};
        label = {0, 0};
        material = {1, 3};
        colour = {120, 70, 60, 120, 70, 60};
        roof_kind = {0, 0};
        building = part = surface = {0, 0};
        for (int m = 0; m < material_count; ++m) {
            const double x = -56 + 4 * m;
            add_cover({x, -50, x + 4, -50, x + 4, -30, x, -30}, m, {110, 110, 100}, 0.0);
        }
        tree_xy = {20, 20};
        tree_ground = {0};
        tree_radius = {4};
        conifer = true;
    }
    SceneMesh scene() const { return mesh_on({-100, 100, 200, 2, 2, ground.data(), 0, {100, 120, 80}}); }
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
