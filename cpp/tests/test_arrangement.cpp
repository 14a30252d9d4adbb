// Snap rounding and planar maps: what arrangement.hpp promises, on many random drawings.
#include "geovision/arrangement.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "skeleton_shapes.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

__extension__ typedef __int128 Wide;
using shapes::Random;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

Segment segment(double ax, double ay, double bx, double by) {
    Segment s;
    s.a = {ax, ay}, s.b = {bx, by};
    return s;
}

std::vector<Segment> rectangle(double x0, double y0, double x1, double y1) {
    return {segment(x0, y0, x1, y0), segment(x1, y0, x1, y1), segment(x1, y1, x0, y1),
            segment(x0, y1, x0, y0)};
}

// From loose lines to crowds: `reach` against the minimum edge of 10 decides how much must merge.
std::vector<Segment> random_segments(Random& random, int n, double reach) {
    std::vector<Segment> s;
    for (int i = 0; i < n; ++i) {
        Segment k = segment(random.between(0, reach), random.between(0, reach), random.between(0, reach),
                            random.between(0, reach));
        if (i > 0 && random.below(3) == 0) {  // overlaps, T-junctions and shared ends
            const Segment& o = s[at(random.below(i))];
            const double t = random.between(0, 1), u = random.between(-0.5, 1.5);
            k.a = {o.a.x + t * (o.b.x - o.a.x), o.a.y + t * (o.b.y - o.a.y)};
            if (random.below(2) == 0) k.b = {o.a.x + u * (o.b.x - o.a.x), o.a.y + u * (o.b.y - o.a.y)};
            if (random.below(3) == 0) k.b = o.a;
        }
        s.push_back(k);
    }
    return s;
}

bool node(Noder& noder, const std::vector<Segment>& segments, double min_edge) {
    noder.clear(min_edge);
    for (const Segment& s : segments) noder.add(s);
    return noder.node();
}

std::vector<MapEdge> distinct_edges(const Noder& noder) {
    std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
    for (const NodedEdge& e : noder.edges) pairs.emplace_back(std::min(e.u, e.v), std::max(e.u, e.v));
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    std::vector<MapEdge> edges;
    for (const auto& p : pairs) edges.push_back({p.first, p.second});
    return edges;
}

bool strictly_between(Point a, Point b, Point p) {
    return orient(a, b, p) == 0 && p != a && p != b && dist2(a, p) < dist2(a, b) && dist2(b, p) < dist2(a, b);
}

double distance(Vec p, const Segment& s) {
    const double ux = s.b.x - s.a.x, uy = s.b.y - s.a.y, length2 = ux * ux + uy * uy;
    const double t = length2 > 0 ? ((p.x - s.a.x) * ux + (p.y - s.a.y) * uy) / length2 : 0;
    const double k = std::clamp(t, 0.0, 1.0);
    return norm(p.x - s.a.x - k * ux, p.y - s.a.y - k * uy);
}

Vec vec(Point p) { return {double(p.x), double(p.y)}; }

struct Noded {
    int close = 0, crossing = 0, inside = 0, broken = 0, strayed = 0;
    bool sound() const { return close + crossing + inside + broken + strayed == 0; }
};

// The pieces of a segment: one walk, from a vertex within `near` of its start to one of its end.
bool is_chain(const Noder& noder, std::int32_t id, double near) {
    const Segment& s = noder.segments[at(id)];
    std::int32_t first = -1, last = -1;
    for (const NodedEdge& e : noder.edges) {
        if (e.segment != id) continue;
        if (e.u == e.v || (last >= 0 && e.u != last)) return false;
        if (first < 0) first = e.u;
        last = e.v;
    }
    // Ends that merged into one vertex leave nothing.
    if (first < 0) return norm(s.a.x - s.b.x, s.a.y - s.b.y) < 2 * near;
    const Vec u = vec(noder.points[at(first)]), v = vec(noder.points[at(last)]);
    return norm(u.x - s.a.x, u.y - s.a.y) <= near && norm(v.x - s.b.x, v.y - s.b.y) <= near;
}

Noded inspect(const Noder& noder, double min_edge) {
    Noded n;
    const auto& p = noder.points;
    const std::vector<MapEdge> edges = distinct_edges(noder);
    for (std::size_t i = 0; i < p.size(); ++i)
        for (std::size_t j = i + 1; j < p.size(); ++j)
            n.close += double(dist2(p[i], p[j])) < min_edge * min_edge;
    for (std::size_t i = 0; i < edges.size(); ++i) {
        const Point a = p[at(edges[i].u)], b = p[at(edges[i].v)];
        for (const Point q : p) n.inside += strictly_between(a, b, q);
        for (std::size_t j = i + 1; j < edges.size(); ++j)
            n.crossing += proper_crossing(a, b, p[at(edges[j].u)], p[at(edges[j].v)]);
    }
    for (std::size_t s = 0; s < noder.segments.size(); ++s)
        n.broken += !is_chain(noder, std::int32_t(s), min_edge + 0.71);
    for (const NodedEdge& e : noder.edges) {
        // Without merging a vertex is off its segment by roundings only.
        const double most = noder.merged ? 3 * min_edge : 3;
        n.strayed += distance(vec(p[at(e.u)]), noder.segments[at(e.segment)]) > most;
    }
    return n;
}

bool same(const Noder& a, const Noder& b) {
    const auto equal = [](const NodedEdge& e, const NodedEdge& f) {
        return e.u == f.u && e.v == f.v && e.segment == f.segment;
    };
    return a.points == b.points && a.merged == b.merged && a.edges.size() == b.edges.size() &&
           std::equal(a.edges.begin(), a.edges.end(), b.edges.begin(), equal);
}

void test_random_noding() {
    Random random(1);
    Noder reused;
    for (int i = 0; i < 3000; ++i) {
        static const double reaches[] = {60, 300, 1500, 10000, 300000};
        const double reach = reaches[i % 5], min_edge = i % 2 == 0 ? 10 : 4;
        const auto segments = random_segments(random, 2 + random.below(i % 10 == 4 ? 40 : 14), reach);
        REQUIRE(node(reused, segments, min_edge));
        const Noded n = inspect(reused, min_edge);
        if (!CHECK(n.sound()))
            std::fprintf(stderr, "  case %d: close %d crossing %d inside %d broken %d strayed %d\n", i,
                         n.close, n.crossing, n.inside, n.broken, n.strayed);
        Noder fresh;
        node(fresh, segments, min_edge);
        CHECK(same(fresh, reused));
        const auto points = reused.points;
        const std::size_t edges = reused.edges.size();
        CHECK(reused.node());  // what is noded stays as it is
        CHECK(reused.points == points && reused.edges.size() == edges);
    }
}

void test_junctions() {
    Noder noder;
    // A T, and one whose stem stops a third of a step short.
    for (const double gap : {0.0, 0.33}) {
        REQUIRE(node(noder, {segment(0, 0, 100, 0), segment(50, gap, 50, 80)}, 10));
        CHECK(noder.points.size() == 4 && noder.edges.size() == 3 && !noder.merged);
    }
    REQUIRE(node(noder, {segment(0, 0, 100, 60), segment(0, 60, 100, 0)}, 10));
    CHECK(noder.points.size() == 5 && noder.edges.size() == 4);
    const Point middle{50, 30};
    CHECK(noder.points[4] == middle);
    // Overlaps come out as equal edges, each with its own segment.
    REQUIRE(node(noder, {segment(0, 0, 100, 0), segment(30, 0, 150, 0), segment(100, 0, 0, 0)}, 10));
    CHECK(noder.points.size() == 4 && noder.edges.size() == 6);
    CHECK(distinct_edges(noder).size() == 3);
    // An end near a vertex moves to it, and says so when it was more than rounding.
    REQUIRE(node(noder, {segment(0, 0, 100, 0), segment(105, 3, 100, 90)}, 10));
    CHECK(noder.points.size() == 3 && noder.merged);
    REQUIRE(node(noder, {segment(0, 0, 100, 0), segment(100.4, 0.3, 100, 90)}, 10));
    CHECK(noder.points.size() == 3 && !noder.merged);
    REQUIRE(node(noder, {segment(0, 0, 4, 4), segment(50, 50, 50, 50)}, 10));
    CHECK(noder.edges.empty());
}

void test_anchors_stay() {
    Random random(2);
    Noder noder;
    for (int i = 0; i < 100; ++i) {
        noder.clear(10);
        std::vector<Point> anchors;
        for (int k = 0; k < 12; ++k) {
            anchors.push_back({40 * k, 40 * random.below(10)});
            noder.anchor(vec(anchors.back()));
        }
        for (const Segment& s : random_segments(random, 12, 480)) noder.add(s);
        REQUIRE(noder.node());
        CHECK(std::equal(anchors.begin(), anchors.end(), noder.points.begin()));
    }
}

void test_split_edges() {
    Noder noder;
    REQUIRE(node(noder, {segment(0, 0, 100, 0), segment(100, 0, 0, 0), segment(0, 0, 0, 70)}, 10));
    CHECK(noder.split_edges(0, 1, {40, 0}));
    CHECK(noder.edges.size() == 5 && distinct_edges(noder).size() == 3);
    CHECK(!noder.split_edges(0, 3, {44, 0}));
    CHECK(noder.edges.size() == 5);
    CHECK(inspect(noder, 10).sound());
}

// Twice as fine as a grid step times 4096: a point one tenth of a step left of an edge's middle.
struct Fine {
    Wide x, y;
};

Fine left_of(Point a, Point b) {
    const double dx = double(b.x) - a.x, dy = double(b.y) - a.y, length = norm(dx, dy);
    return {2048 * (Wide(a.x) + b.x) + Wide(std::lround(-dy / length * 409)),
            2048 * (Wide(a.y) + b.y) + Wide(std::lround(dx / length * 409))};
}

// Winding number of all of a face's loops around a point, exact.
int winding(const PlanarMap& map, const std::vector<Point>& points, std::int32_t face, Fine p) {
    int turns = 0;
    for (std::int32_t i = map.face_loops_begin[at(face)]; i < map.face_loops_begin[at(face) + 1]; ++i) {
        const std::int32_t first = map.loop_first[at(map.face_loops[at(i)])];
        std::int32_t h = first;
        do {
            const Point a = points[at(map.origin[at(h)])], b = points[at(map.origin[at(PlanarMap::twin(h))])];
            const Wide ay = Wide(a.y) * 4096, by = Wide(b.y) * 4096, ax = Wide(a.x) * 4096;
            if ((ay > p.y) != (by > p.y)) {
                const Wide side = (Wide(b.x) * 4096 - ax) * (p.y - ay) - (by - ay) * (p.x - ax);
                if (by > ay && side > 0) ++turns;
                if (by < ay && side < 0) --turns;
            }
            h = map.next[at(h)];
        } while (h != first);
    }
    return turns;
}

void check_map(const PlanarMap& map, const std::vector<Point>& points, const std::vector<MapEdge>& edges) {
    std::vector<std::size_t> parent(points.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    const auto root = [&](std::size_t v) {
        while (parent[v] != v) v = parent[v] = parent[parent[v]];
        return v;
    };
    std::vector<char> used(points.size(), 0);
    for (const MapEdge& e : edges) {
        parent[root(at(e.u))] = root(at(e.v));
        used[at(e.u)] = used[at(e.v)] = 1;
    }
    long vertices = 0, components = 0;
    for (std::size_t v = 0; v < points.size(); ++v)
        vertices += used[v], components += used[v] && root(v) == v;
    CHECK(map.halves() == std::int32_t(2 * edges.size()));
    CHECK(vertices - long(edges.size()) + map.faces() == 1 + components);  // Euler
    // Walking every loop meets every half-edge once.
    std::vector<int> met(at(map.halves()), 0);
    std::int64_t total = 0;
    for (std::size_t l = 0; l < map.loop_first.size(); ++l) {
        std::int64_t area = 0;
        std::int32_t h = map.loop_first[l];
        do {
            const Point p = points[at(map.origin[at(h)])], q = points[at(map.origin[at(PlanarMap::twin(h))])];
            area += std::int64_t(p.x) * q.y - std::int64_t(p.y) * q.x;
            CHECK(map.loop_of[at(h)] == std::int32_t(l));
            ++met[at(h)];
            h = map.next[at(h)];
        } while (h != map.loop_first[l] && met[at(h)] == 0);
        CHECK(area == map.loop_area2[l]);
        total += area;
    }
    CHECK(std::all_of(met.begin(), met.end(), [](int n) { return n == 1; }));
    CHECK(total == 0);
    // The outer loop of a face comes first and is its only positive one.
    for (std::int32_t f = 0; f < map.faces(); ++f) {
        for (std::int32_t i = map.face_loops_begin[at(f)]; i < map.face_loops_begin[at(f) + 1]; ++i) {
            const bool outer = f > 0 && i == map.face_loops_begin[at(f)];
            CHECK((map.loop_area2[at(map.face_loops[at(i)])] > 0) == outer);
            CHECK(map.loop_face[at(map.face_loops[at(i)])] == f);
        }
    }
    // A face winds once around what lies left of its edges, every other face not at all.
    for (std::int32_t h = 0; h < map.halves(); ++h) {
        const Fine p = left_of(points[at(map.origin[at(h)])], points[at(map.origin[at(PlanarMap::twin(h))])]);
        for (std::int32_t f = 1; f < map.faces(); ++f)
            CHECK(winding(map, points, f, p) == (f == map.face_of(h) ? 1 : 0));
    }
}

void test_random_maps() {
    Random random(3);
    PlanarMap map;
    Noder noder;
    for (int i = 0; i < 600; ++i) {
        static const double reaches[] = {150, 2000, 200000};
        REQUIRE(node(noder, random_segments(random, 3 + random.below(10), reaches[i % 3]), 10));
        const auto edges = distinct_edges(noder);
        map.build(noder.points, edges);
        check_map(map, noder.points, edges);
    }
}

// Overlapping rectangles on a lattice: the covered faces are the union, which can be counted.
void test_area_of_union() {
    constexpr int cells = 16, size = 25;
    Random random(4);
    PlanarMap map;
    Noder noder;
    for (int i = 0; i < 100; ++i) {
        std::vector<Segment> segments;
        bool covered[cells][cells] = {};
        for (int k = random.below(8); k >= 0; --k) {
            const int x0 = random.below(cells - 1), y0 = random.below(cells - 1);
            const int x1 = x0 + 1 + random.below(cells - x0 - 1), y1 = y0 + 1 + random.below(cells - y0 - 1);
            for (const Segment& s : rectangle(x0 * size, y0 * size, x1 * size, y1 * size))
                segments.push_back(s);
            for (int x = x0; x < x1; ++x)
                for (int y = y0; y < y1; ++y) covered[x][y] = true;
        }
        REQUIRE(node(noder, segments, 10));
        const auto edges = distinct_edges(noder);
        map.build(noder.points, edges);
        check_map(map, noder.points, edges);
        std::int64_t united = 0, counted = 0;
        for (const auto& row : covered) counted += 2 * size * size * std::count(row, row + cells, true);
        for (std::int32_t f = 1; f < map.faces(); ++f) {
            std::int64_t area = 0;
            for (std::int32_t k = map.face_loops_begin[at(f)]; k < map.face_loops_begin[at(f) + 1]; ++k)
                area += map.loop_area2[at(map.face_loops[at(k)])];
            const std::int32_t h = map.loop_first[at(map.face_loops[at(map.face_loops_begin[at(f)])])];
            const Fine p =
                left_of(noder.points[at(map.origin[at(h)])], noder.points[at(map.origin[at(h ^ 1)])]);
            const auto cell = [](Wide v) { return static_cast<int>(v / (4096 * size)); };
            if (covered[cell(p.x)][cell(p.y)]) united += area;
            CHECK(area > 0);
        }
        CHECK(united == counted);
        CHECK(!noder.merged);
    }
}

// Squares within squares, two in each: holes in islands in holes.
void nest(double x, double y, double size, int depth, std::vector<Segment>& segments) {
    for (const Segment& s : rectangle(x, y, x + size, y + size)) segments.push_back(s);
    if (depth == 0) return;
    nest(x + size / 16, y + size / 16, size / 4, depth - 1, segments);
    nest(x + size / 2, y + size / 2, size * 0.375, depth - 1, segments);
}

void test_nesting() {
    std::vector<Segment> segments;
    nest(0, 0, 1 << 20, 4, segments);
    Noder noder;
    PlanarMap map;
    for (int order = 0; order < 2; ++order) {  // inner squares last, inner squares first
        REQUIRE(node(noder, segments, 10));
        std::vector<MapEdge> edges;
        for (const NodedEdge& e : noder.edges) edges.push_back({e.u, e.v});
        map.build(noder.points, edges);
        check_map(map, noder.points, edges);
        CHECK(map.faces() == 32);
        int leaves = 0, twins = 0;
        for (std::int32_t f = 1; f < map.faces(); ++f) {
            const std::int32_t loops = map.face_loops_begin[at(f) + 1] - map.face_loops_begin[at(f)];
            leaves += loops == 1, twins += loops == 3;
        }
        CHECK(leaves == 16 && twins == 15);
        std::reverse(segments.begin(), segments.end());
    }
}

}  // namespace

int main() {
    test_random_noding();
    test_junctions();
    test_anchors_stay();
    test_split_edges();
    test_random_maps();
    test_area_of_union();
    test_nesting();
    return TEST_RESULT();
}
