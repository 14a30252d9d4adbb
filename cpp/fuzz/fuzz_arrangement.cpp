// Whatever segments come in: noded edges do not cross, vertices keep their distance, and the faces of
// the map tile the plane.
#include "geovision/arrangement.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "fuzz_input.hpp"

using namespace geovision;

namespace {

bool inside_edge(Point a, Point b, Point p) {
    if (orient(a, b, p) != 0 || p == a || p == b) return false;
    return dist2(a, p) < dist2(a, b) && dist2(b, p) < dist2(a, b);
}

void check_noded(const Noder& noder, const std::vector<MapEdge>& edges, double min_edge) {
    const auto& points = noder.points;
    std::vector<char> used(points.size(), 0);
    for (const MapEdge& e : edges) {
        fuzz::require(e.u != e.v, "no loops");
        used[std::size_t(e.u)] = used[std::size_t(e.v)] = 1;
    }
    for (std::size_t i = 0; i < points.size(); ++i) {
        for (std::size_t j = i + 1; j < points.size(); ++j) {
            const bool apart =
                !used[i] || !used[j] || double(dist2(points[i], points[j])) >= min_edge * min_edge;
            fuzz::require(apart, "vertices keep the minimum distance");
        }
    }
    for (std::size_t i = 0; i < edges.size(); ++i) {
        const Point a = points[std::size_t(edges[i].u)], b = points[std::size_t(edges[i].v)];
        for (std::size_t p = 0; p < points.size(); ++p) {
            fuzz::require(!used[p] || !inside_edge(a, b, points[p]), "no vertex inside an edge");
        }
        for (std::size_t j = i + 1; j < edges.size(); ++j) {
            const Point c = points[std::size_t(edges[j].u)], d = points[std::size_t(edges[j].v)];
            fuzz::require(!proper_crossing(a, b, c, d), "edges do not cross");
        }
    }
}

std::size_t root(std::vector<std::size_t>& parent, std::size_t v) {
    while (parent[v] != v) v = parent[v] = parent[parent[v]];
    return v;
}

void check_map(const PlanarMap& map, const Noder& noder, const std::vector<MapEdge>& edges) {
    std::vector<std::size_t> parent(noder.points.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    std::vector<char> used(noder.points.size(), 0);
    for (const MapEdge& e : edges) {
        parent[root(parent, std::size_t(e.u))] = root(parent, std::size_t(e.v));
        used[std::size_t(e.u)] = used[std::size_t(e.v)] = 1;
    }
    long vertices = 0, components = 0;
    for (std::size_t v = 0; v < used.size(); ++v) {
        vertices += used[v];
        components += used[v] && root(parent, v) == v;
    }
    fuzz::require(vertices - long(edges.size()) + map.faces() == 1 + components, "Euler's formula");
    std::int64_t total = 0;
    for (const std::int64_t area : map.loop_area2) total += area;
    fuzz::require(total == 0, "loops cancel");
    for (std::int32_t f = 1; f < map.faces(); ++f) {
        std::int64_t area = 0;
        for (std::int32_t i = map.face_loops_begin[std::size_t(f)];
             i < map.face_loops_begin[std::size_t(f) + 1]; ++i)
            area += map.loop_area2[std::size_t(map.face_loops[std::size_t(i)])];
        fuzz::require(area > 0, "a face has area");
    }
    for (std::int32_t h = 0; h < map.halves(); ++h)
        fuzz::require(map.loop_of[std::size_t(h)] == map.loop_of[std::size_t(map.next[std::size_t(h)])],
                      "loops close");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Noder noder;
    static PlanarMap map;
    const double min_edge = fuzz::add_segments(data, size, noder);
    fuzz::require(noder.node(), "snap rounding converges");
    const std::vector<MapEdge> edges = fuzz::distinct_edges(noder);
    check_noded(noder, edges, min_edge);
    if (edges.empty()) return 0;
    map.build(noder.points, edges);
    check_map(map, noder, edges);
    return 0;
}
