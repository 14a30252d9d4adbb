// Every face of every arrangement is triangulated: exact area, positive triangles, the face's own border.
#include "geovision/triangulate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fuzz_input.hpp"

using namespace geovision;

namespace {

using Directed = std::pair<std::int32_t, std::int32_t>;

// Edges with the same face on both sides are no border; without them all rings are polygons.
std::vector<MapEdge> borders(const PlanarMap& map, const std::vector<MapEdge>& edges) {
    std::vector<MapEdge> kept;
    for (std::size_t e = 0; e < edges.size(); ++e) {
        if (map.face_of(std::int32_t(2 * e)) != map.face_of(std::int32_t(2 * e + 1)))
            kept.push_back(edges[e]);
    }
    return kept;
}

void check_triangles(const std::vector<Point>& points, const std::vector<std::int32_t>& ring,
                     const std::vector<std::int32_t>& begin, const std::vector<std::int32_t>& triangles) {
    std::int64_t area = 0, covered = 0;
    std::vector<Directed> wanted, got, border;
    for (std::size_t r = 0; r + 1 < begin.size(); ++r) {
        const std::int32_t n = begin[r + 1] - begin[r];
        for (std::int32_t i = 0; i < n; ++i) {
            const std::int32_t u = ring[std::size_t(begin[r] + i)],
                               v = ring[std::size_t(begin[r] + (i + 1) % n)];
            wanted.emplace_back(u, v);
            area += orient(points[std::size_t(ring[0])], points[std::size_t(u)], points[std::size_t(v)]);
        }
    }
    for (std::size_t t = 0; t < triangles.size(); t += 3) {
        const std::int64_t twice =
            orient(points[std::size_t(triangles[t])], points[std::size_t(triangles[t + 1])],
                   points[std::size_t(triangles[t + 2])]);
        fuzz::require(twice > 0, "triangles are positive");
        covered += twice;
        for (std::size_t k = 0; k < 3; ++k) got.emplace_back(triangles[t + k], triangles[t + (k + 1) % 3]);
    }
    fuzz::require(area == covered, "triangles cover the face");
    std::sort(got.begin(), got.end());
    fuzz::require(std::adjacent_find(got.begin(), got.end()) == got.end(), "no edge twice");
    for (const Directed& e : got) {
        if (!std::binary_search(got.begin(), got.end(), Directed{e.second, e.first})) border.push_back(e);
    }
    std::sort(wanted.begin(), wanted.end());
    fuzz::require(border == wanted, "the border is the rings");
}

void triangulate_face(const PlanarMap& map, const std::vector<Point>& points, std::int32_t face) {
    static Triangulator triangulator;
    std::vector<std::int32_t> ring, begin{0}, triangles;
    for (std::int32_t i = map.face_loops_begin[std::size_t(face)];
         i < map.face_loops_begin[std::size_t(face) + 1]; ++i) {
        const std::int32_t first = map.loop_first[std::size_t(map.face_loops[std::size_t(i)])];
        std::int32_t h = first;
        do {
            ring.push_back(map.origin[std::size_t(h)]);
            h = map.next[std::size_t(h)];
        } while (h != first);
        begin.push_back(std::int32_t(ring.size()));
    }
    const auto rings = std::int32_t(begin.size()) - 1;
    fuzz::require(triangulator.run(points, ring.data(), begin.data(), rings, triangles),
                  "a face is triangulated");
    check_triangles(points, ring, begin, triangles);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Noder noder;
    static PlanarMap map;
    fuzz::add_segments(data, size, noder);
    if (!noder.node()) return 0;
    const std::vector<MapEdge> edges = fuzz::distinct_edges(noder);
    if (edges.empty()) return 0;
    map.build(noder.points, edges);
    const std::vector<MapEdge> kept = borders(map, edges);
    if (kept.empty()) return 0;
    map.build(noder.points, kept);
    for (std::int32_t face = 1; face < map.faces(); ++face) triangulate_face(map, noder.points, face);
    return 0;
}
