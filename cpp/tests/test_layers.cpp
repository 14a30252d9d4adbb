// layers: terrain, cover, mesh and trees from above; edges; threads; input that must not be drawn.
#include "geovision/layers.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "geovision/edges.hpp"
#include "scene_arrays.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

// A hut with a gabled roof on sloping ground, a street across it, and a tree.
struct Hut : SceneArrays {
    Hut() {
        xyz = {2, 2, 3, 10, 2, 3, 10, 5, 6, 2, 5, 6, 10, 8, 3, 2, 8, 3};
        triangle = {0, 1, 2, 0, 2, 3, 3, 2, 4, 3, 4, 5};
        label = {0, 0, 0, 0};
        material = {1, 1, 1, 1};
        colour.assign(12, 90);
        building = {7, 7, 7, 7};
        part = {0, 0, 0, 0};
        surface = {1, 1, 2, 2};
        roof_kind = {2, 2, 2, 2};
        ground = {0, 1, 0, 1};
        add_cover({0, 10, 20, 10, 20, 14, 0, 14}, 18, {60, 60, 60}, -0.5);
        tree_xy = {16, 5};
    }
    SceneMesh scene() const { return mesh_on({0, 20, 20, 2, 2, ground.data(), 16, {90, 110, 60}}); }
};

struct Drawn {
    std::vector<float> height, slope;
    std::vector<std::int32_t> building, surface;
    std::vector<std::int16_t> part;
    std::vector<std::uint8_t> roof_kind, label, material, edge;
    std::vector<std::int8_t> normal;
};

Drawn draw(const SceneMesh& scene, const RasterWindow& window, int threads = 1) {
    const auto n = static_cast<std::size_t>(window.width) * static_cast<std::size_t>(window.height);
    Drawn d{std::vector<float>(n),          std::vector<float>(n),        std::vector<std::int32_t>(n),
            std::vector<std::int32_t>(n),   std::vector<std::int16_t>(n), std::vector<std::uint8_t>(n),
            std::vector<std::uint8_t>(n),   std::vector<std::uint8_t>(n), std::vector<std::uint8_t>(n),
            std::vector<std::int8_t>(3 * n)};
    LayersOut out{d.height.data(), d.building.data(), d.part.data(),   d.roof_kind.data(), d.surface.data(),
                  d.label.data(),  d.material.data(), d.normal.data(), d.slope.data(),     d.edge.data()};
    LayersOptions options;
    options.threads = threads;
    CHECK(draw_layers(scene, window, options, out));
    return d;
}

constexpr RasterWindow window{0.0, 20.0, 0.25, 80, 80};

void what_is_where() {
    const Hut hut;
    const Drawn d = draw(hut.scene(), window);
    const auto at = [](double x, double y) {
        return static_cast<std::size_t>((20.0 - y) / 0.25) * 80 + static_cast<std::size_t>(x / 0.25);
    };
    CHECK(d.building[at(5, 4)] == 7 && d.surface[at(5, 4)] == 1 && d.surface[at(5, 7)] == 2);
    CHECK(d.roof_kind[at(5, 4)] == 2 && d.part[at(5, 4)] == 0 && d.label[at(5, 4)] == 0);
    CHECK_NEAR(d.height[at(5, 4)], 4.875, 1e-5);  // the centre lies at y = 3.875
    CHECK_NEAR(d.slope[at(5, 4)], 45.0, 1e-3);
    CHECK(d.normal[3 * at(5, 4) + 1] == -90 && d.normal[3 * at(5, 4) + 2] == 90);
    CHECK(d.label[at(1, 1)] == 16 && d.material[at(1, 1)] == 16 && d.building[at(1, 1)] == -1);
    CHECK_NEAR(d.height[at(1, 1)], 1.125 / 20, 1e-6);
    CHECK_NEAR(d.slope[at(1, 1)], std::atan(1.0 / 20) * 57.29578, 1e-3);
    CHECK(d.material[at(3, 12)] == 18);
    CHECK_NEAR(d.height[at(3, 12)], 3.125 / 20 - 0.5, 1e-6);
    CHECK(d.label[at(16, 5)] == 17 && d.material[at(16, 5)] == 24 && d.height[at(16, 5)] > 6.0f);
    CHECK(d.edge[at(6, 5)] == static_cast<std::uint8_t>(EdgeKind::ridge));
    CHECK(d.edge[at(6, 2)] == static_cast<std::uint8_t>(EdgeKind::eave));
    CHECK(d.edge[at(2, 4)] == static_cast<std::uint8_t>(EdgeKind::verge));
    CHECK(d.edge[at(6, 3.5)] == 0);
    int street = 0;
    for (const std::uint8_t m : d.material) street += m == 18;
    CHECK(street == 80 * 16);
}

void threads_agree() {
    const Hut hut;
    const Drawn one = draw(hut.scene(), window, 1), eight = draw(hut.scene(), window, 8);
    CHECK(one.height == eight.height && one.edge == eight.edge && one.normal == eight.normal);
    CHECK(one.surface == eight.surface && one.material == eight.material);
}

// Nothing given and nothing asked for.
void empty() {
    const SceneMesh scene;
    const Drawn d = draw(scene, {0, 1, 1, 1, 1});
    CHECK(std::isnan(d.height[0]) && d.label[0] == 255 && d.building[0] == -1);
    CHECK(draw_layers(scene, {0, 1, 1, 1, 1}, {}, {}));
}

void bad_input() {
    int thrown = 0;
    for (int k = 0; k < 4; ++k) {
        Hut hut;
        if (k == 0) hut.triangle[0] = 6;
        if (k == 1) hut.ring_offsets[1] = 2;
        if (k == 2) hut.vertex_offsets[0] = 1;
        SceneMesh scene = hut.scene();
        RasterWindow bad = window;
        if (k == 3) bad.cell = -1;
        try {
            draw_layers(scene, bad, {}, {});
        } catch (const std::invalid_argument&) {
            ++thrown;
        }
    }
    CHECK(thrown == 4);
    // What has no place is not drawn.
    Hut hut;
    hut.xyz[0] = std::nan("");
    hut.cover_xy[0] = std::nan("");
    hut.tree_xy[0] = std::nan("");
    const Drawn d = draw(hut.scene(), window);
    CHECK(d.label[0] == 16);
}

// Far from anything, and windows that cut through things.
void windows_off_the_scene() {
    const Hut hut;
    const Drawn far = draw(hut.scene(), {1e5, 1e5, 0.25, 7, 5});
    for (const std::uint8_t label : far.label) CHECK(label == 16);
    for (const std::uint8_t edge : far.edge) CHECK(edge == 0);
    const Drawn cut = draw(hut.scene(), {9.0, 6.0, 0.25, 30, 10});
    CHECK(cut.label[0] == 0 && cut.label[20] != 0);
}

}  // namespace

int main() {
    what_is_where();
    threads_agree();
    empty();
    bad_input();
    windows_off_the_scene();
    return TEST_RESULT();
}
