// The sweep against the polygon's own area and against cutting ears.
#include <random>

#include "geovision/sweep.hpp"
#include "geovision/triangulate.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

struct Polygon {
    std::vector<Point> points;
    std::vector<std::int32_t> ring, begin{0};
    void add(const std::vector<Point>& loop) {
        for (const Point p : loop) {
            ring.push_back(std::int32_t(points.size()));
            points.push_back(p);
        }
        begin.push_back(std::int32_t(ring.size()));
    }
    std::int64_t area() const {
        std::int64_t sum = 0;
        for (std::size_t r = 0; r + 1 < begin.size(); ++r)
            for (std::int32_t i = begin[r]; i < begin[r + 1]; ++i) {
                const Point p = points[std::size_t(i)],
                            q = points[std::size_t(i + 1 < begin[r + 1] ? i + 1 : begin[r])];
                sum += std::int64_t(p.x) * q.y - std::int64_t(p.y) * q.x;
            }
        return sum;
    }
};

// A wall with upright ends and sloping top, its corners dense, turned by `turn` quarters.
Polygon wall(std::mt19937& random, int across, int up, int turn, bool level) {
    const auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
    Polygon p;
    const int width = 1000 * across + 500, height = 1000 * up + 500;
    std::vector<Point> outer{{0, 0}};
    for (int i = 1; i < across; ++i)
        if (pick(0, 1)) outer.push_back({1000 * i, 0});
    outer.push_back({width, level ? 0 : pick(-300, 0)});
    outer.push_back({width, height});
    if (!level) outer.push_back({width / 2, height + pick(1, 4000)});
    outer.push_back({0, height});
    p.add(outer);
    for (int i = 0; i < across; ++i)
        for (int k = 0; k < up; ++k) {
            if (pick(0, 3) == 0) continue;
            const int x = 1000 * i + (level ? 300 : pick(200, 500)),
                      y = 1000 * k + (level ? 300 : pick(200, 500));
            const int w = level ? 400 : pick(20, 480), h = level ? 500 : pick(20, 480);
            p.add({{x, y}, {x, y + h}, {x + w, y + h}, {x + w, y}});
        }
    for (Point& q : p.points)
        for (int k = 0; k < turn; ++k) q = {-q.y, q.x};
    return p;
}

}  // namespace

int main() {
    std::mt19937 random(7);
    SweepTriangulator sweep;
    for (int i = 0; i < 4000; ++i) {
        const Polygon p = wall(random, 1 + i % 6, 1 + i / 6 % 5, i % 4, i % 3 == 0);
        std::vector<std::int32_t> triangles;
        const auto rings = std::int32_t(p.begin.size()) - 1;
        CHECK(sweep.run(p.points, p.ring.data(), p.begin.data(), rings, triangles));
        std::int64_t sum = 0;
        for (std::size_t t = 0; t < triangles.size(); t += 3) {
            const std::int64_t area =
                orient(p.points[std::size_t(triangles[t])], p.points[std::size_t(triangles[t + 1])],
                       p.points[std::size_t(triangles[t + 2])]);
            CHECK(area > 0);
            sum += area;
        }
        CHECK(sum == p.area());
        CHECK(triangles.size() == 3 * (p.points.size() + 2 * std::size_t(rings) - 4));
    }
    // Random star-shaped rings, which turn back and forth along the sweep.
    for (int i = 0; i < 4000; ++i) {
        Polygon p;
        std::vector<Point> loop;
        const int n = 3 + i % 40;
        for (int k = 0; k < n; ++k) {
            const double angle = 6.283185307179586 * k / n;
            const double reach = std::uniform_real_distribution<double>(50, 1000)(random);
            loop.push_back(round_point(reach * std::cos(angle), reach * std::sin(angle)));
        }
        p.add(loop);
        std::vector<std::int32_t> triangles, ears;
        Triangulator clipper;
        const bool good = clipper.run(p.points, p.ring.data(), p.begin.data(), 1, ears);
        CHECK(sweep.run(p.points, p.ring.data(), p.begin.data(), 1, triangles) == good);
        CHECK(!good || triangles.size() == ears.size());
        std::int64_t sum = 0;
        for (std::size_t t = 0; t < triangles.size(); t += 3)
            sum += orient(p.points[std::size_t(triangles[t])], p.points[std::size_t(triangles[t + 1])],
                          p.points[std::size_t(triangles[t + 2])]);
        CHECK(!good || sum == p.area());
    }
    // What is not simple is refused.
    Polygon eight;
    eight.add({{0, 0}, {100, 100}, {100, 0}, {0, 100}});
    std::vector<std::int32_t> none;
    CHECK(!sweep.run(eight.points, eight.ring.data(), eight.begin.data(), 1, none) && none.empty());
    return TEST_RESULT();
}
