// Triangulation: the exact area, positive triangles, the vertices given and no others, the rings as border.
#include "geovision/triangulate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "geovision/arrangement.hpp"
#include "skeleton_shapes.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

__extension__ typedef __int128 Wide;
using shapes::Random;
using Ids = std::vector<std::int32_t>;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

struct Polygon {
    std::vector<Point> points;
    Ids ring, begin{0};

    void vertex(std::int32_t x, std::int32_t y) {
        ring.push_back(static_cast<std::int32_t>(points.size()));
        points.push_back({x, y});
    }
    void close() { begin.push_back(static_cast<std::int32_t>(ring.size())); }
    void add(const std::vector<Point>& p) {
        for (const Point q : p) vertex(q.x, q.y);
        close();
    }
    std::int32_t rings() const { return static_cast<std::int32_t>(begin.size()) - 1; }
};

Wide cross(Point a, Point b) { return Wide(a.x) * b.y - Wide(a.y) * b.x; }

// What of the promise is broken, as a text; null when it is kept.
const char* fault_of(const Polygon& p, const Ids& triangles) {
    Wide area = 0, covered = 0;
    std::vector<std::pair<std::int32_t, std::int32_t>> wanted, got, border;
    for (std::int32_t r = 0; r < p.rings(); ++r) {
        const std::int32_t first = p.begin[at(r)], n = p.begin[at(r) + 1] - first;
        for (std::int32_t i = 0; i < n; ++i) {
            const std::int32_t u = p.ring[at(first + i)], v = p.ring[at(first + (i + 1) % n)];
            wanted.emplace_back(u, v);
            area += cross(p.points[at(u)], p.points[at(v)]);
        }
    }
    for (std::size_t t = 0; t < triangles.size(); t += 3) {
        const Point a = p.points[at(triangles[t])], b = p.points[at(triangles[t + 1])],
                    c = p.points[at(triangles[t + 2])];
        const Wide twice = cross(a, b) + cross(b, c) + cross(c, a);
        if (twice <= 0) return "a triangle is not positive";
        covered += twice;
        for (std::size_t k = 0; k < 3; ++k) got.emplace_back(triangles[t + k], triangles[t + (k + 1) % 3]);
    }
    if (area != covered) return "the areas differ";
    std::sort(got.begin(), got.end());
    if (std::adjacent_find(got.begin(), got.end()) != got.end()) return "an edge is used twice";
    for (const auto& e : got)
        if (!std::binary_search(got.begin(), got.end(), std::make_pair(e.second, e.first)))
            border.push_back(e);
    std::sort(wanted.begin(), wanted.end());
    if (border != wanted) return "the border is not the rings";
    Ids used = triangles, given = p.ring;
    for (Ids* ids : {&used, &given}) {
        std::sort(ids->begin(), ids->end());
        ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
    }
    return used == given ? nullptr : "other vertices than those given";
}

bool sound(const Polygon& p) {
    static Triangulator triangulator;  // its memory is reused, as in the kernel
    Ids triangles = {7, 7, 7};
    const char* fault = "refused";
    if (triangulator.run(p.points, p.ring.data(), p.begin.data(), p.rings(), triangles)) {
        const bool appended = triangles.size() > 3 && triangles[0] == 7 && triangles[2] == 7;
        triangles.erase(triangles.begin(), triangles.begin() + 3);
        fault = appended ? fault_of(p, triangles) : "not appended";
    }
    if (fault) std::fprintf(stderr, "  %s\n", fault);
    return fault == nullptr;
}

// Every rotation of the start vertex, since ear clipping starts there.
void check_rotations(Polygon p) {
    const std::int32_t n = p.begin[1];
    for (std::int32_t i = 0; i < n; i += std::max(1, n / 12)) {
        CHECK(sound(p));
        std::rotate(p.ring.begin(), p.ring.begin() + std::max(1, n / 12), p.ring.begin() + n);
    }
}

void test_convex_and_collinear() {
    Random random(1);
    for (int n = 3; n < 40; ++n) {
        Polygon p;
        for (int i = 0; i < n; ++i) {
            const double a = 2 * shapes::pi * i / n, r = random.between(1e5, 2e8);
            p.vertex(std::int32_t(r * std::cos(a)), std::int32_t(r * std::sin(a)));  // a star
        }
        p.close();
        check_rotations(p);
    }
    for (const int k : {1, 2, 7}) {  // k vertices on each side of a triangle and of a square
        Polygon triangle, square;
        for (int i = 0; i <= k; ++i) triangle.vertex(1000 * i, 0);
        for (int i = 0; i <= k; ++i) triangle.vertex(1000 * (k + 1) - 500 * i, 900 * i);
        for (int i = 0; i <= k; ++i) triangle.vertex(500 * (k + 1 - i), 900 * (k + 1 - i));
        triangle.close();
        check_rotations(triangle);
        for (int i = 0; i <= k; ++i) square.vertex(i, 0);
        for (int i = 0; i <= k; ++i) square.vertex(k + 1, i);
        for (int i = 0; i <= k; ++i) square.vertex(k + 1 - i, k + 1);
        for (int i = 0; i <= k; ++i) square.vertex(0, k + 1 - i);
        square.close();
        check_rotations(square);
    }
    Polygon lone;  // all of a side's vertices see only the one corner opposite
    for (int i = 0; i < 20; ++i) lone.vertex(i, 0);
    lone.vertex(5, 9);
    lone.close();
    check_rotations(lone);
}

void test_combs_and_spirals() {
    Polygon comb;
    for (int i = 0; i < 250; ++i) comb.vertex(1000 * i, i % 2 == 0 ? 0 : 90000);
    for (int i = 249; i >= 0; --i) comb.vertex(1000 * i, i % 2 == 0 ? 10 : 90010);
    comb.close();
    check_rotations(comb);
    Polygon teeth;
    teeth.vertex(1000 * 498, -500);
    for (int i = 498; i >= 0; --i) teeth.vertex(1000 * i, i % 2 == 0 ? 0 : 90000 + 7 * i);
    teeth.vertex(0, -500);
    teeth.close();
    check_rotations(teeth);
    Polygon spiral;
    const auto turn = [&](int i, double inset) {
        const double a = i * 0.15, r = 1000 + 400 * a - inset;
        spiral.vertex(std::int32_t(r * std::cos(a)), std::int32_t(r * std::sin(a)));
    };
    for (int i = 0; i < 250; ++i) turn(i, 0);
    for (int i = 249; i >= 0; --i) turn(i, 300);
    spiral.close();
    check_rotations(spiral);
}

std::vector<Point> clockwise_square(std::int32_t x, std::int32_t y, std::int32_t size) {
    return {{x, y}, {x, y + size}, {x + size, y + size}, {x + size, y}};
}

void test_holes() {
    Polygon sieve;
    sieve.add({{0, 0}, {1100, 0}, {1100, 1100}, {0, 1100}});
    for (int i = 0; i < 100; ++i) sieve.add(clockwise_square(20 + 110 * (i % 10), 20 + 110 * (i / 10), 60));
    CHECK(sound(sieve));
    Random random(2);
    for (int k = 0; k < 60; ++k) {
        Polygon p;
        const int n = 4 + random.below(30);
        for (int i = 0; i < n; ++i) {
            const double a = 2 * shapes::pi * i / n, r = random.between(6e6, 9e6);
            p.vertex(std::int32_t(r * std::cos(a)), std::int32_t(r * std::sin(a)));
        }
        p.close();
        const int holes = n > 8 ? random.below(9) : 0;  // within the circle that every side stays outside of
        for (int h = 0; h < holes; ++h) {
            const std::int32_t x = -2400000 + 1600000 * (h % 3), y = -2400000 + 1600000 * (h / 3);
            const int m = 3 + random.below(9);
            for (int i = 0; i < m; ++i) {
                const double a = -2 * shapes::pi * i / m, r = random.between(1e5, 7e5);
                p.vertex(x + std::int32_t(r * std::cos(a)), y + std::int32_t(r * std::sin(a)));
            }
            p.close();
        }
        check_rotations(p);
    }
}

void test_touching() {
    Polygon ring;  // a hole whose corner is a vertex of the ring
    ring.add({{0, 0}, {50, 0}, {100, 0}, {100, 100}, {0, 100}});
    ring.ring.push_back(1);
    ring.vertex(30, 40), ring.vertex(70, 40), ring.close();
    check_rotations(ring);
    Polygon both = ring;  // and a second hole that hangs from the first, up to the other side
    both.points[4].y = both.points[3].y = 90;
    both.ring.insert(both.ring.end(), {5}), both.vertex(20, 60), both.vertex(35, 70), both.close();
    check_rotations(both);
    Polygon diamonds;  // a chain of holes, tip to tip
    diamonds.add({{-50, -50}, {1050, -50}, {1050, 50}, {-50, 50}});
    for (int i = 0; i <= 20; ++i) diamonds.points.push_back({50 * i, 0});  // tips are vertices 4..24
    for (int i = 0; i < 20; ++i) {
        diamonds.ring.push_back(4 + i), diamonds.vertex(50 * i + 25, 20);
        diamonds.ring.push_back(5 + i), diamonds.vertex(50 * i + 25, -20), diamonds.close();
    }
    check_rotations(diamonds);
    Polygon pinched;  // a frame that closes in one vertex: the ring passes it twice
    pinched.points = {{0, 0}, {90, 0}, {90, 90}, {0, 90}, {30, 30}, {30, 60}, {60, 60}, {60, 30}};
    pinched.points[4] = {0, 0};
    pinched.ring = {0, 1, 2, 3, 0, 5, 6, 7}, pinched.begin = {0, 8};
    check_rotations(pinched);
}

// Half a lattice of cells, sheared and shaken: its faces have pinched rings, holes that touch the ring or
// each other, and vertices along straight sides. Cells that meet in a corner alone share its vertex.
struct Lattice {
    static constexpr int n = 9, corners = n + 1;
    std::vector<Point> points;
    bool filled[n][n] = {};

    Lattice(Random& random, bool shaken) {
        for (int y = 0; y < corners; ++y)
            for (int x = 0; x < corners; ++x) {
                const std::int32_t dx = shaken ? random.below(30) : 0, dy = shaken ? random.below(30) : 0;
                points.push_back({100 * x + 37 * y + dx, 90 * y - 11 * x + dy});
            }
        const int share = 4 + random.below(4);
        for (auto& row : filled)
            for (bool& cell : row) cell = random.below(10) < share;
    }
    bool at_cell(int x, int y) const { return x >= 0 && y >= 0 && x < n && y < n && filled[y][x]; }
    std::vector<MapEdge> borders() const {
        std::vector<MapEdge> edges;
        for (int y = 0; y < corners; ++y)
            for (int x = 0; x < corners; ++x) {
                const std::int32_t v = y * corners + x;
                if (x < n && at_cell(x, y) != at_cell(x, y - 1)) edges.push_back({v, v + 1});
                if (y < n && at_cell(x, y) != at_cell(x - 1, y)) edges.push_back({v, v + corners});
            }
        return edges;
    }
};

// Splits a ring where it passes a vertex again, into rings that pass each vertex once.
void split_ring(const Ids& walk, std::vector<Ids>& simple) {
    Ids stack;
    for (const std::int32_t v : walk) {
        const auto seen = std::find(stack.begin(), stack.end(), v);
        if (seen != stack.end()) {
            simple.emplace_back(seen, stack.end());
            stack.erase(seen, stack.end());
        }
        stack.push_back(v);
    }
    simple.push_back(stack);
}

bool counter_clockwise(const std::vector<Point>& points, const Ids& ring) {
    Wide area = 0;
    for (std::size_t i = 0; i < ring.size(); ++i)
        area += cross(points[at(ring[i])], points[at(ring[(i + 1) % ring.size()])]);
    return area > 0;
}

void test_lattices() {
    Random random(3);
    PlanarMap map;
    int faces = 0, touching = 0;
    for (int k = 0; k < 400; ++k) {
        const Lattice lattice(random, k % 2 == 1);
        map.build(lattice.points, lattice.borders());
        for (std::int32_t f = 1; f < map.faces(); ++f, ++faces) {
            Polygon traced, split;
            traced.points = split.points = lattice.points;
            std::vector<Ids> simple;
            for (std::int32_t i = map.face_loops_begin[at(f)]; i < map.face_loops_begin[at(f) + 1]; ++i) {
                const std::int32_t first = map.loop_first[at(map.face_loops[at(i)])];
                Ids walk;
                std::int32_t h = first;
                do walk.push_back(map.origin[at(h)]);
                while ((h = map.next[at(h)]) != first);
                traced.ring.insert(traced.ring.end(), walk.begin(), walk.end());
                traced.close();
                split_ring(walk, simple);
            }
            CHECK(sound(traced));
            // The same face as one simple ring with simple holes that touch.
            std::stable_sort(simple.begin(), simple.end(), [&](const Ids& a, const Ids& b) {
                return counter_clockwise(lattice.points, a) > counter_clockwise(lattice.points, b);
            });
            for (const Ids& ring : simple) {
                split.ring.insert(split.ring.end(), ring.begin(), ring.end());
                split.close();
            }
            CHECK(sound(split));
            touching += split.rings() > traced.rings();
        }
    }
    CHECK(faces > 1000 && touching > 100);
}

void test_refusals() {
    Triangulator triangulator;
    Ids triangles;
    const auto run = [&](const Polygon& p) {
        return triangulator.run(p.points, p.ring.data(), p.begin.data(), p.rings(), triangles);
    };
    Polygon two, flat, clockwise, outside;
    two.add({{0, 0}, {9, 9}});
    flat.add({{0, 0}, {5, 0}, {9, 0}});
    clockwise.add(clockwise_square(0, 0, 9));
    outside.add({{0, 0}, {9, 0}, {9, 9}, {0, 9}});
    outside.add(clockwise_square(20, 0, 5));
    CHECK(!run(two));
    CHECK(!run(flat));
    CHECK(!run(clockwise));
    CHECK(!run(outside));
}

}  // namespace

int main() {
    test_convex_and_collinear();
    test_combs_and_spirals();
    test_holes();
    test_touching();
    test_lattices();
    test_refusals();
    return TEST_RESULT();
}
