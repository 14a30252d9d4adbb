// The plan predicates against 128-bit arithmetic, up to the largest coordinates that they allow.
#include "geovision/geom.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "skeleton_shapes.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

__extension__ typedef __int128 Wide;

constexpr std::int32_t limit = (1 << 30) - 1;

std::int32_t coordinate(shapes::Random& random, std::int32_t most) {
    // The ends of the range and small values are where overflow and ties are.
    switch (random.below(6)) {
        case 0:
            return most - random.below(3);
        case 1:
            return -most + random.below(3);
        case 2:
            return random.below(5) - 2;
        default:
            return static_cast<std::int32_t>(random.bits() % (2 * static_cast<std::uint64_t>(most) + 1)) -
                   most;
    }
}

Point point(shapes::Random& random, std::int32_t most) {
    const std::int32_t x = coordinate(random, most);
    return {x, coordinate(random, most)};
}

Wide wide_orient(Point a, Point b, Point c) {
    return (Wide(b.x) - a.x) * (Wide(c.y) - a.y) - (Wide(b.y) - a.y) * (Wide(c.x) - a.x);
}

// From the parameters of the meeting point instead of from signs: 0 < t, s < 1.
bool wide_crossing(Point a, Point b, Point c, Point d) {
    const Wide ux = Wide(b.x) - a.x, uy = Wide(b.y) - a.y, vx = Wide(d.x) - c.x, vy = Wide(d.y) - c.y;
    const Wide wx = Wide(c.x) - a.x, wy = Wide(c.y) - a.y;
    Wide det = ux * vy - uy * vx, t = wx * vy - wy * vx, s = wx * uy - wy * ux;
    if (det < 0) det = -det, t = -t, s = -s;
    return det > 0 && t > 0 && t < det && s > 0 && s < det;
}

// Half turns first, then the cross product.
bool wide_angle_less(Point u, Point v) {
    const auto half = [](Point p) { return p.y > 0 || (p.y == 0 && p.x > 0) ? 0 : 1; };
    if (half(u) != half(v)) return half(u) < half(v);
    return Wide(u.x) * v.y - Wide(u.y) * v.x > 0;
}

void test_orient() {
    shapes::Random random(1);
    int bad = 0, zeros = 0;
    for (int i = 0; i < 300000; ++i) {
        const std::int32_t most = i % 3 == 0 ? 4 : i % 3 == 1 ? 1 << 20 : limit;
        const Point a = point(random, most), b = point(random, most), c = point(random, most);
        const Wide exact = wide_orient(a, b, c);
        bad += Wide(orient(a, b, c)) != exact;
        bad += orient(b, c, a) != orient(a, b, c) || orient(b, a, c) != -orient(a, b, c);
        bad += sign(orient(a, b, c)) != (exact > 0) - (exact < 0);
        zeros += exact == 0;
    }
    CHECK(bad == 0);
    CHECK(zeros > 1000);
}

// One step beside a long line is not on it, however flat the triangle.
void test_orient_next_to_a_line() {
    shapes::Random random(2);
    int bad = 0;
    for (int i = 0; i < 100000; ++i) {
        const std::int32_t dx = 1 + random.below(30000), dy = random.below(30000) - 15000;
        const std::int32_t k = 1 + random.below(16000), m = random.below(16000) - 8000;
        const Point a = point(random, 1 << 20);
        const Point b{a.x + k * dx, a.y + k * dy}, on{a.x + m * dx, a.y + m * dy};
        bad += orient(a, b, on) != 0;
        bad += orient(a, b, {on.x, on.y + 1}) <= 0 || orient(a, b, {on.x, on.y - 1}) >= 0;
    }
    CHECK(bad == 0);
}

void test_dist2() {
    shapes::Random random(3);
    int bad = 0;
    for (int i = 0; i < 100000; ++i) {
        const Point a = point(random, limit), b = point(random, limit);
        const Wide dx = Wide(a.x) - b.x, dy = Wide(a.y) - b.y;
        bad += Wide(dist2(a, b)) != dx * dx + dy * dy || dist2(a, b) != dist2(b, a);
        bad += (dist2(a, b) == 0) != (a == b) || (a == b) == (a != b);
    }
    CHECK(bad == 0);
    CHECK(dist2({-limit, -limit}, {limit, limit}) > 0);
}

void test_proper_crossing() {
    shapes::Random random(4);
    int bad = 0, crossings = 0;
    for (int i = 0; i < 300000; ++i) {
        const std::int32_t most = i % 3 == 0 ? 4 : i % 3 == 1 ? 1 << 15 : limit;
        const Point a = point(random, most), b = point(random, most), c = point(random, most),
                    d = point(random, most);
        const bool exact = wide_crossing(a, b, c, d);
        bad += proper_crossing(a, b, c, d) != exact || proper_crossing(c, d, b, a) != exact;
        crossings += exact;
        // Sharing an end, or ending on the other, is no proper crossing.
        bad += proper_crossing(a, b, a, d) || proper_crossing(a, b, c, b) || proper_crossing(a, b, a, b);
    }
    CHECK(bad == 0);
    CHECK(crossings > 10000);
    CHECK(proper_crossing({-limit, -limit}, {limit, limit}, {-limit, limit}, {limit, -limit}));
    CHECK(!proper_crossing({0, 0}, {10, 0}, {5, 0}, {5, 9}));
    CHECK(!proper_crossing({0, 0}, {10, 0}, {3, 0}, {20, 0}));
}

void test_angle_order() {
    shapes::Random random(5);
    int bad = 0;
    for (int i = 0; i < 300000; ++i) {
        const std::int32_t most = i % 2 == 0 ? 3 : limit;
        const Point u = point(random, most), v = point(random, most);
        const Point none{0, 0};
        if (u == none || v == none) continue;
        bad += angle_less(u, v) != wide_angle_less(u, v);
        bad += angle_less(u, u) || (angle_less(u, v) && angle_less(v, u));
    }
    CHECK(bad == 0);
    std::vector<Point> wheel;
    for (std::int32_t x = -6; x <= 6; ++x)
        for (std::int32_t y = -6; y <= 6; ++y)
            if (x != 0 || y != 0) wheel.push_back({x, y});
    std::sort(wheel.begin(), wheel.end(), angle_less);
    const auto turn = [](Point p) {
        const double a = std::atan2(double(p.y), double(p.x));
        return a < 0 ? a + 2 * shapes::pi : a;
    };
    for (std::size_t i = 1; i < wheel.size(); ++i) CHECK(turn(wheel[i - 1]) <= turn(wheel[i]) + 1e-12);
}

void test_cone() {
    shapes::Random random(6);
    int bad = 0, inside = 0;
    for (int i = 0; i < 200000; ++i) {
        const std::int32_t most = i % 2 == 0 ? 5 : limit;
        const Point o = point(random, most), a = point(random, most), b = point(random, most);
        if (wide_orient(o, a, b) <= 0) continue;
        const Point d = point(random, most);
        const bool exact = wide_orient(o, a, d) > 0 && wide_orient(o, d, b) > 0;
        bad += in_convex_cone(o, a, b, d) != exact;
        bad += in_convex_cone(o, a, b, a) || in_convex_cone(o, a, b, b) || in_convex_cone(o, a, b, o);
        inside += exact;
    }
    CHECK(bad == 0);
    CHECK(inside > 1000);
    CHECK(in_convex_cone({0, 0}, {5, 0}, {0, 5}, {1, 1}));
    CHECK(!in_convex_cone({0, 0}, {5, 0}, {0, 5}, {-1, -1}));
}

void test_rounding() {
    for (int i = -64; i <= 64; ++i) CHECK(to_grid(i / 16.0) == std::lround(i / 16.0));
    shapes::Random random(7);
    int bad = 0;
    for (int i = 0; i < 100000; ++i) {
        const double v = random.between(-max_coordinate, max_coordinate);
        bad += to_grid(v) != std::lround(v) || to_grid(-v) != -to_grid(v);
    }
    CHECK(bad == 0);
    const Point p = round_point(-2.5, 2.5), wanted{-3, 3};
    CHECK(p == wanted);
    CHECK(to_grid(max_coordinate) == 1000000000);
}

void test_plane() {
    const Plane plane{0.5, -0.25, 100};
    CHECK_NEAR(plane.at(8, 4), 103, 0.0);
    CHECK_NEAR(plane.at(Point{8, 4}), plane.at(8.0, 4.0), 0.0);
    CHECK_NEAR(norm(3, 4), 5, 0.0);
}

}  // namespace

int main() {
    test_orient();
    test_orient_next_to_a_line();
    test_dist2();
    test_proper_crossing();
    test_angle_order();
    test_cone();
    test_rounding();
    test_plane();
    return TEST_RESULT();
}
