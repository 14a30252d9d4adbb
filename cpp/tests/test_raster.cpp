// raster and render: coverage without gaps or doubles, heights, ties, threads, shadows.
#include "geovision/raster.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "geovision/render.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

struct Mesh {
    std::vector<double> xyz;
    std::vector<std::int32_t> triangle;
    void add(std::initializer_list<std::array<double, 3>> corners) {
        const auto base = static_cast<std::int32_t>(xyz.size() / 3);
        for (const auto& corner : corners) xyz.insert(xyz.end(), corner.begin(), corner.end());
        for (std::int32_t k = 1; k + 1 < static_cast<std::int32_t>(corners.size()); ++k)
            triangle.insert(triangle.end(), {base, base + k, base + k + 1});
    }
    RasterMesh view() const {
        return {static_cast<std::int64_t>(xyz.size() / 3), xyz.data(),
                static_cast<std::int64_t>(triangle.size() / 3), triangle.data()};
    }
};

struct Drawing {
    std::vector<float> z;
    std::vector<std::int32_t> id;
};

Drawing draw(const Mesh& mesh, const RasterWindow& window, int threads = 1) {
    const auto cells = static_cast<std::size_t>(window.width) * static_cast<std::size_t>(window.height);
    Drawing d{std::vector<float>(cells), std::vector<std::int32_t>(cells)};
    CHECK(rasterize_top(mesh.view(), window, d.z.data(), d.id.data(), threads));
    return d;
}

// A plane's height at every cell centre, row 0 in the north, nothing outside.
void plane() {
    Mesh mesh;
    mesh.add({{10, 20, 5}, {14, 20, 7}, {14, 23, 10}, {10, 23, 8}});  // z = 5 + (x - 10) / 2 + (y - 20)
    const RasterWindow window{9.0, 24.0, 0.5, 12, 10};
    const Drawing d = draw(mesh, window);
    for (int row = 0; row < window.height; ++row) {
        for (int column = 0; column < window.width; ++column) {
            const double x = 9.25 + 0.5 * column, y = 23.75 - 0.5 * row;
            const std::size_t i = static_cast<std::size_t>(row * window.width + column);
            if (x > 10 && x < 14 && y > 20 && y < 23) {
                CHECK_NEAR(d.z[i], 5 + (x - 10) / 2 + (y - 20), 1e-5);
                CHECK(d.id[i] >= 0);
            } else {
                CHECK(std::isnan(d.z[i]) && d.id[i] == -1);
            }
        }
    }
}

std::uint32_t random_state = 12345;
double random_unit() {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) / 16777216.0;
}

// Jittered triangulation of a square: every centre is covered, and by one triangle only.
void no_gaps_no_doubles() {
    constexpr int n = 24;
    Mesh mesh;
    for (int j = 0; j <= n; ++j) {
        for (int i = 0; i <= n; ++i) {
            const bool inner = i > 0 && j > 0 && i < n && j < n;
            mesh.xyz.insert(mesh.xyz.end(), {i + (inner ? 0.4 * random_unit() - 0.2 : 0.0),
                                             j + (inner ? 0.4 * random_unit() - 0.2 : 0.0), 1.0});
        }
    }
    for (int j = 0; j < n; ++j) {
        for (int i = 0; i < n; ++i) {
            const int a = j * (n + 1) + i, b = a + 1, c = a + n + 1, d = c + 1;
            mesh.triangle.insert(mesh.triangle.end(), {a, b, d, a, d, c});
        }
    }
    const RasterWindow window{0.0, n, 0.125, 8 * n, 8 * n};
    const Drawing whole = draw(mesh, window);
    std::vector<int> covered(whole.id.size(), 0);
    for (std::size_t t = 0; t < mesh.triangle.size() / 3; ++t) {
        Mesh one;
        one.xyz = mesh.xyz;
        one.triangle.assign(mesh.triangle.begin() + static_cast<std::ptrdiff_t>(3 * t),
                            mesh.triangle.begin() + static_cast<std::ptrdiff_t>(3 * t + 3));
        const Drawing d = draw(one, window);
        for (std::size_t i = 0; i < covered.size(); ++i) covered[i] += d.id[i] >= 0;
    }
    int wrong = 0;
    for (std::size_t i = 0; i < covered.size(); ++i) wrong += covered[i] != 1 || whole.id[i] < 0;
    CHECK(wrong == 0);
}

void highest_wins_and_ties_go_low() {
    Mesh mesh;
    mesh.add({{0, 0, 1}, {4, 0, 1}, {4, 4, 1}, {0, 4, 1}});  // triangles 0, 1
    mesh.add({{0, 0, 3}, {2, 0, 3}, {2, 4, 3}, {0, 4, 3}});  // 2, 3
    mesh.add({{0, 0, 1}, {4, 0, 1}, {4, 4, 1}, {0, 4, 1}});  // 4, 5: the first again
    mesh.add({{3, 0, 0}, {3, 4, 0}, {3, 4, 9}, {3, 0, 9}});  // a wall: not seen from above
    const Drawing d = draw(mesh, {0, 4, 1, 4, 4});
    for (std::size_t i = 0; i < 16; ++i) {
        CHECK(i % 4 < 2 ? d.z[i] == 3.0f && d.id[i] >= 2 && d.id[i] <= 3 : d.z[i] == 1.0f && d.id[i] <= 1);
    }
}

Mesh random_city(int count) {
    Mesh mesh;
    for (int i = 0; i < count; ++i) {
        const double x = 100 * random_unit(), y = 100 * random_unit(), s = 5 * random_unit(),
                     z = 10 * random_unit();
        mesh.add({{x, y, z}, {x + s, y + 1, z + 1}, {x + 2, y + s, z}});
    }
    return mesh;
}

void threads_agree() {
    const Mesh mesh = random_city(500);
    const RasterWindow window{-1, 101, 0.2, 510, 510};
    const Drawing one = draw(mesh, window, 1), eight = draw(mesh, window, 8);
    CHECK(one.id == eight.id);
    bool same = true;
    for (std::size_t i = 0; i < one.z.size(); ++i)
        same &= one.z[i] == eight.z[i] || (std::isnan(one.z[i]) && std::isnan(eight.z[i]));
    CHECK(same);
}

void bad_input() {
    Mesh mesh;
    mesh.add({{0, 0, 0}, {1, 0, 0}, {0, std::nan(""), 0}});
    mesh.add({{0, 0, 0}, {1e300, 0, 0}, {0, 1, 0}});
    mesh.add({{0, 0, 0}, {0, 0, 0}, {0, 0, 0}});
    for (const std::int32_t id : draw(mesh, {0, 1, 0.1, 10, 10}).id) CHECK(id == -1);
    int thrown = 0;
    float z = 0;
    std::int32_t id = 0;
    for (const RasterWindow& window :
         {RasterWindow{0, 0, 0, 1, 1}, RasterWindow{0, 0, 1, 0, 1}, RasterWindow{std::nan(""), 0, 1, 1, 1}}) {
        try {
            rasterize_top(mesh.view(), window, &z, &id, 1);
        } catch (const std::invalid_argument&) {
            ++thrown;
        }
    }
    mesh.triangle[0] = 99;
    try {
        rasterize_top(mesh.view(), {0, 1, 1, 1, 1}, &z, &id, 1);
    } catch (const std::invalid_argument&) {
        ++thrown;
    }
    CHECK(thrown == 4);
}

std::vector<std::uint8_t> picture(const Mesh& mesh, RenderOptions options) {
    const std::vector<std::uint8_t> colour(mesh.triangle.size(), 200);
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * options.width * options.height));
    CHECK(render(mesh.view(), colour.data(), options, rgb.data()));
    return rgb;
}

// A roof slab 10 m up: seen from above its shadow lies away from a sun in the south-west.
void shadow_falls_away_from_the_sun() {
    Mesh mesh;
    mesh.add({{45, 45, 10}, {55, 45, 10}, {55, 55, 10}, {45, 55, 10}});
    mesh.add({{0, 0, 0.05}, {100, 0, 0.05}, {100, 100, 0.05}, {0, 100, 0.05}});
    RenderOptions options;
    options.width = options.height = 100;
    options.margin = 0.0;
    options.azimuth = 180.0;
    options.elevation = 90.0;
    options.sun_azimuth = 225.0;
    options.sun_elevation = 45.0;
    options.edges = options.occlusion = false;
    const std::vector<std::uint8_t> rgb = picture(mesh, options);
    const auto green = [&](int x, int y) {
        return rgb[static_cast<std::size_t>(3 * ((99 - y) * 100 + x) + 1)];
    };
    CHECK(green(57, 57) < green(10, 10) - 40);  // 10 m up at 45 degrees: shifted by 7 m to the north-east
    CHECK(green(42, 42) == green(10, 10));      // the sunny side
    CHECK(green(75, 75) == green(10, 10));      // beyond it
    CHECK(green(50, 50) == green(10, 10));      // the slab does not shade itself
    options.shadows = false;
    CHECK(picture(mesh, options)[3 * (42 * 100 + 57) + 1] == green(10, 10));
}

void pictures_do_not_depend_on_threads() {
    const Mesh mesh = random_city(300);
    RenderOptions options;
    options.width = 120;
    options.height = 90;
    options.threads = 1;
    const auto one = picture(mesh, options);
    options.threads = 8;
    CHECK(one == picture(mesh, options));
    RenderOptions huge;
    huge.width = huge.height = 16384;
    bool thrown = false;
    try {
        render(mesh.view(), nullptr, huge, nullptr);
    } catch (const std::invalid_argument&) {
        thrown = true;
    }
    CHECK(thrown);
    const auto empty = picture(Mesh{}, options);
    CHECK(empty[0] == options.background[0] && empty.back() == options.background[2]);
}

}  // namespace

int main() {
    plane();
    no_gaps_no_doubles();
    highest_wins_and_ties_go_low();
    threads_agree();
    bad_input();
    shadow_falls_away_from_the_sun();
    pictures_do_not_depend_on_threads();
    return TEST_RESULT();
}
