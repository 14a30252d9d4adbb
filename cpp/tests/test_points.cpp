// points, evidence, ground and gridding: what a flipped offset or an odd number could break is run here under
// the sanitizers; what the functions compute is judged by the Python tests.
#include "geovision/points.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "geovision/evidence.hpp"
#include "geovision/gridding.hpp"
#include "geovision/ground.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Call>
bool refused(Call call) {
    try {
        call();
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

// Records of random bytes: every value of every field.
std::vector<std::uint8_t> noise(std::size_t bytes, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> out(bytes);
    for (auto& b : out) b = static_cast<std::uint8_t>(random());
    return out;
}

void unpacks_every_format() {
    const int sizes[] = {20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67};
    for (int format = 0; format < 11; ++format) {
        const int stride = sizes[format] + 3;
        const auto bytes = noise(static_cast<std::size_t>(100 * stride), static_cast<unsigned>(format));
        const PointRecords records{bytes.data(), 100, stride, format, {0.01, 0.01, 0.01}, {1.0, 2.0, 3.0}};
        const PointColumns all = unpack_points(records, {});
        CHECK(all.classification.size() == 100);
        CHECK(all.xyz.size() == 300);
        CHECK(all.colour.size() == static_cast<std::size_t>(100 * colour_bands(format)));
        std::int32_t x = 0;
        std::memcpy(&x, bytes.data() + 7 * stride, sizeof x);
        CHECK(all.xyz[21] == x * 0.01 + 1.0);
        PointFilter filter;
        filter.drop_flags = point_flag::withheld;
        std::size_t kept = 0;
        for (const auto flags : all.flags) kept += (flags & point_flag::withheld) == 0;
        CHECK(unpack_points(records, filter).flags.size() == kept);
    }
    const std::uint8_t byte = 0;
    CHECK(refused([&] { unpack_points({&byte, 0, 20, 11}, {}); }));
    CHECK(refused([&] { unpack_points({&byte, 0, 19, 0}, {}); }));
}

struct Street {
    std::vector<std::int64_t> rings, vertices;
    std::vector<double> xy;
    Outlines view() const {
        return {static_cast<std::int64_t>(rings.size()) - 1, rings.data(), vertices.data(), xy.data()};
    }
};

// A row of houses of 6 m by 9 m.
Street street(int houses) {
    Street s;
    for (int h = 0; h <= houses; ++h) {
        s.rings.push_back(h);
        s.vertices.push_back(4 * h);
    }
    for (int h = 0; h < houses; ++h) {
        const double west = 6.0 * h, east = west + 6.0;
        s.xy.insert(s.xy.end(), {west, 0.0, east, 0.0, east, 9.0, west, 9.0});
    }
    return s;
}

std::vector<double> cloud(int count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> x(-10.0, 70.0), y(-10.0, 20.0), z(0.0, 9.0);
    std::vector<double> out;
    for (int i = 0; i < count; ++i) out.insert(out.end(), {x(random), y(random), z(random)});
    // Odd ones among them.
    out.insert(out.end(), {nan, 1.0, 1.0, 1.0, nan, 1.0, 1.0, 1.0, nan, 1e300, 1.0, 1.0, 1.0, -1e300, 1.0});
    return out;
}

void every_point_inside_has_one_owner() {
    const Street s = street(10);
    const auto points = cloud(20000, 3);
    const auto count = static_cast<std::int64_t>(points.size() / 3);
    const Gathered g = gather(s.view(), {count, points.data()}, {2.0, 3});
    std::vector<int> owners(static_cast<std::size_t>(count), 0);
    for (std::size_t k = 0; k < g.index.size(); ++k)
        owners[static_cast<std::size_t>(g.index[k])] += g.distance[k] == 0.0F;
    for (std::int64_t i = 0; i < count; ++i) {
        const double* p = points.data() + 3 * i;
        const bool inside = p[0] > 0.0 && p[0] < 60.0 && p[1] > 0.0 && p[1] < 9.0 && std::isfinite(p[2]);
        CHECK(owners[static_cast<std::size_t>(i)] == (inside ? 1 : 0));
        CHECK((g.claimed[static_cast<std::size_t>(i)] != 0) == inside);
    }
    std::vector<std::uint8_t> kind(g.kind), echo(g.index.size(), 1);
    std::vector<float> above(g.index.size(), 3.0F), tolerance(g.index.size(), 0.1F);
    std::vector<double> local;
    for (const auto i : g.index) local.insert(local.end(), points.data() + 3 * i, points.data() + 3 * i + 3);
    const Surroundings around{10,           g.offsets.data(),  local.data(),
                              above.data(), g.distance.data(), g.rival.data(),
                              echo.data(),  tolerance.data(),  false};
    std::vector<std::uint8_t> again(kind);
    CHECK(judge_kinds(around, kind.data(), 1));
    CHECK(judge_kinds(around, again.data(), 4));
    CHECK(kind == again);
}

void refuses_outlines_that_cannot_be() {
    Street s = street(2);
    s.xy[3] = nan;
    CHECK(refused([&] { gather(s.view(), {}, {}); }));
    s.xy[3] = 1e9;
    CHECK(refused([&] { gather(s.view(), {}, {}); }));
    s = street(2);
    s.rings = {0, 0, 2};
    CHECK(refused([&] { gather(s.view(), {}, {}); }));
    CHECK(refused([&] { gather(street(2).view(), {}, {-1.0}); }));
    CHECK(gather(street(0).view(), {}, {}).index.empty());
    CHECK(gather(street(3).view(), {}, {}).offsets.back() == 0);
}

void ground_takes_odd_points() {
    const auto points = cloud(3000, 4);
    const auto count = static_cast<std::int64_t>(points.size() / 3);
    const auto ground = filter_ground(points.data(), count - 1, {});  // all but the one at 1e300
    CHECK(ground.size() == static_cast<std::size_t>(count - 1));
    const double query[] = {5.0, 5.0, nan, 0.0, 1e300, 0.0, -1e8, 3.0};
    const auto z = terrain_at(points.data(), count, query, 4, {});
    CHECK(std::isfinite(z[0]) && std::isnan(z[1]) && std::isnan(z[2]) && std::isnan(z[3]));
    CHECK(filter_reach({}) <= 45.0);
}

void grids_take_odd_points_and_sizes() {
    const auto points = cloud(3000, 5);
    const auto count = static_cast<std::int64_t>(points.size() / 3);
    for (const double percentile : {100.0, 50.0, 0.0, -1.0}) {
        for (const int width : {1, 7, 40}) {
            const RasterWindow window{-3.0, 11.0, 0.7, width, 5};
            std::vector<float> one(static_cast<std::size_t>(5 * width)), many(one);
            CHECK(grid_points(points.data(), count, window, {percentile, 1.5, 3.0, 1}, one.data()));
            CHECK(grid_points(points.data(), count, window, {percentile, 1.5, 3.0, 4}, many.data()));
            CHECK(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)) == 0);
            for (const float z : one) CHECK(z >= 0.0F && z <= 9.0F);
        }
    }
    float z = 0;
    CHECK(refused([&] { grid_points(nullptr, 0, {0, 0, 0.0, 1, 1}, {}, &z); }));
    CHECK(refused([&] { grid_points(nullptr, 0, {0, 0, 1.0, 0, 1}, {}, &z); }));
    CHECK(refused([&] { grid_points(nullptr, 0, {0, 0, 1.0, 1, 1}, {101.0}, &z); }));
    CHECK(refused([&] { grid_points(nullptr, 0, {0, 0, 1.0, 1, 1}, {100.0, 1.0, 65.0}, &z); }));
    CHECK(grid_points(nullptr, 0, {0, 0, 1.0, 1, 1}, {}, &z) && std::isnan(z));
}

}  // namespace

int main() {
    unpacks_every_format();
    every_point_inside_has_one_owner();
    refuses_outlines_that_cannot_be();
    ground_takes_odd_points();
    grids_take_odd_points_and_sizes();
    return TEST_RESULT();
}
