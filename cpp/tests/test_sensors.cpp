// lidar and dsm: rays against boxes and ground, threads, input that describes no flight and no raster.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "geovision/dsm_sensor.hpp"
#include "geovision/lidar.hpp"
#include "scene_arrays.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

// A box of 8 x 6 m, 5 m high, a tree beside it, on a slope with a kerb.
struct Yard : SceneArrays {
    Yard() {
        for (int k = 0; k < 8; ++k)
            xyz.insert(xyz.end(), {k & 1 ? 18.0 : 10.0, k & 2 ? 16.0 : 10.0, k & 4 ? 6.0 : 0.0});
        const int quads[5][4] = {{4, 5, 7, 6}, {0, 1, 5, 4}, {1, 3, 7, 5}, {3, 2, 6, 7}, {2, 0, 4, 6}};
        for (int q = 0; q < 5; ++q) {
            for (const auto& corners : {std::array<int, 3>{0, 1, 2}, std::array<int, 3>{0, 2, 3}}) {
                for (const int c : corners) triangle.push_back(quads[q][c]);
                label.push_back(q == 0 ? 0 : 1);
                surface.push_back(q);
            }
        }
        material.assign(10, 1);
        colour.assign(30, 90);
        roof_kind.assign(10, 0);
        building.assign(10, 3);
        part.assign(10, 0);
        ground = {0, 2, 0, 2};
        add_cover({-50, -20, 90, -20, 90, -10, -50, -10}, 18, {60, 60, 60}, -0.3);
        tree_xy = {25, 20};
        tree_radius = {3};
    }
    SceneMesh scene() const {
        SceneMesh s = mesh_on({-50, 90, 140, 2, 2, ground.data(), 16, {90, 110, 60}});
        s.origin = {1000, 2000, 50};
        return s;
    }
};

LidarOptions exact() {
    LidarOptions o;
    o.datum = 50;
    o.range_noise = o.strip_shift = o.strip_lift = o.strip_wave = o.dropout = o.outlier_share = 0.0;
    o.divergence_mrad = 0.0;
    o.bounds = {990, 1970, 1040, 2040};
    return o;
}

std::vector<LidarPoint> fly(const SceneMesh& scene, const LidarOptions& options) {
    std::vector<LidarPoint> points;
    CHECK(simulate_lidar(scene, options, points));
    return points;
}

void points_lie_on_what_they_say() {
    const Yard yard;
    for (const auto pattern : {ScanPattern::line, ScanPattern::oscillating, ScanPattern::elliptical}) {
        LidarOptions o = exact();
        o.pattern = pattern;
        int roofs = 0, walls = 0, trees = 0, wrong = 0;
        for (const LidarPoint& p : fly(yard.scene(), o)) {
            const double x = p.x - 1000, y = p.y - 2000, z = p.z - 50;
            const double land = (x + 50) / 70 + (y > -20 && y < -10 ? -0.3 : 0.0);
            if (p.label == 0) {
                ++roofs;
                wrong += std::fabs(z - 6) > 1e-6 || x < 10 || x > 18 || y < 10 || y > 16 || p.building != 3;
            } else if (p.label == 1) {
                ++walls;
                const double off =
                    std::min({std::fabs(x - 10), std::fabs(x - 18), std::fabs(y - 10), std::fabs(y - 16)});
                wrong += off > 1e-6 || z > 6.0 + 1e-9;
            } else if (p.label == 17) {
                ++trees;
                wrong += std::hypot(x - 25, y - 20) > 3.6 || z < 2.4;
            } else {
                // The cover is looked up on a grid of 0.25 m.
                const bool kerb = std::fabs(y + 20) < 0.3 || std::fabs(y + 10) < 0.3;
                wrong += std::fabs(z - land) > (kerb ? 0.31 : 1e-4);
                wrong += x > 10 && x < 18 && y > 10 && y < 16;
            }
        }
        CHECK(wrong == 0);
        CHECK(roofs > 200 && trees > 100);
        CHECK(pattern != ScanPattern::elliptical || walls > 100);
    }
}

void threads_agree() {
    const Yard yard;
    LidarOptions o;
    o.datum = 50;
    o.bounds = exact().bounds;
    o.threads = 1;
    const auto one = fly(yard.scene(), o);
    o.threads = 8;
    const auto eight = fly(yard.scene(), o);
    bool same = one.size() == eight.size();
    for (std::size_t i = 0; same && i < one.size(); ++i)
        same = one[i].x == eight[i].x && one[i].z == eight[i].z && one[i].intensity == eight[i].intensity;
    CHECK(same && one.size() > 10000);
}

template <class Call>
bool throws(Call call) {
    try {
        call();
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void no_flight() {
    const Yard yard;
    for (int k = 0; k < 5; ++k) {
        LidarOptions o = exact();
        if (k == 0) o.bounds[2] = o.bounds[0];
        if (k == 1) o.density = 0;
        if (k == 2) o.altitude = 1;
        if (k == 3) o.bounds[0] = std::nan("");
        if (k == 4) o.bounds = {0, 0, 1e7, 1e7};
        std::vector<LidarPoint> points;
        CHECK(throws([&] { simulate_lidar(yard.scene(), o, points); }));
    }
    CHECK(fly({}, exact()).empty());
    // Things without a place are not met.
    Yard broken;
    broken.xyz[12] = std::nan("");
    broken.tree_xy[0] = std::nan("");
    for (const LidarPoint& p : fly(broken.scene(), exact())) CHECK(std::isfinite(p.x) && std::isfinite(p.z));
}

void rasters() {
    const RasterWindow window{100, 200, 0.5, 60, 40};
    std::vector<float> height(60 * 40, 5.0f), out(60 * 40);
    for (std::size_t i = 30; i < 60; ++i) height[i] = std::numeric_limits<float>::quiet_NaN();
    DsmOptions o;
    o.hole_share = 0.1;
    o.outlier_share = 0.1;
    o.shadow_hole = 1.0;
    CHECK(simulate_dsm(height.data(), window, o, out.data()));
    CHECK(std::isnan(out[45]));
    double sum = 0.0;
    int count = 0;
    for (const float v : out) {
        if (!std::isnan(v)) sum += static_cast<double>(v), ++count;
    }
    CHECK(count > 1500);
    CHECK_NEAR(sum / count, 5.0, 0.3);
    std::vector<float> again(60 * 40);
    o.threads = 8;
    CHECK(simulate_dsm(height.data(), window, o, again.data()));
    bool same = true;
    for (std::size_t i = 0; i < out.size(); ++i)
        same &= out[i] == again[i] || (std::isnan(out[i]) && std::isnan(again[i]));
    CHECK(same);
    DsmOptions bad;
    bad.smooth = -1;
    CHECK(throws([&] { simulate_dsm(height.data(), window, bad, out.data()); }));
    bad.smooth = 1e4;
    CHECK(throws([&] { simulate_dsm(height.data(), window, bad, out.data()); }));
    bad = {};
    bad.relief_length = 0;
    CHECK(throws([&] { simulate_dsm(height.data(), window, bad, out.data()); }));
    CHECK(throws([&] { simulate_dsm(height.data(), {0, 0, -1, 60, 40}, {}, out.data()); }));
    // One cell, and lengths far larger than the raster.
    o.smooth = o.fatten = o.ragged = 50;
    CHECK(simulate_dsm(height.data(), {0, 0, 0.5, 1, 1}, o, out.data()));
}

}  // namespace

int main() {
    points_lie_on_what_they_say();
    threads_agree();
    no_flight();
    rasters();
    return TEST_RESULT();
}
