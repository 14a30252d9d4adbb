// Bytes as segments on the grid, for the fuzz targets.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "geovision/arrangement.hpp"

namespace fuzz {

// Also in release builds, unlike assert.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

// First byte: scale (from everything within a few minimum edges to houses), sub-grid fractions, minimum edge.
// Then four bytes a segment. Coordinates repeat often, so that ends meet and edges overlap.
inline double add_segments(const std::uint8_t* data, std::size_t size, geovision::Noder& noder) {
    static const double scales[] = {1, 3, 10, 37.5, 100, 1000, 0.5, 12345};
    const double scale = size > 0 ? scales[data[0] & 7] : 1;
    const double shift = size > 0 && (data[0] & 8) ? 1.0 / 3 : 0;
    const double min_edge = size > 0 && (data[0] & 16) ? 4 : 10;
    noder.clear(min_edge);
    for (std::size_t i = 1; i + 3 < size && i < 4 * 64; i += 4) {
        geovision::Segment s;
        s.a = {data[i] * scale + shift, data[i + 1] * scale - shift};
        s.b = {data[i + 2] * scale + shift, data[i + 3] * scale - shift};
        s.layer = static_cast<std::int16_t>(i % 3);
        s.left = static_cast<std::int32_t>(i);
        noder.add(s);
    }
    return min_edge;
}

// The noded edges as a map wants them: each pair of vertices once.
inline std::vector<geovision::MapEdge> distinct_edges(const geovision::Noder& noder) {
    std::vector<geovision::MapEdge> edges;
    for (const geovision::NodedEdge& e : noder.edges) {
        const geovision::MapEdge edge{e.u < e.v ? e.u : e.v, e.u < e.v ? e.v : e.u};
        bool known = false;
        for (const geovision::MapEdge& other : edges)
            known = known || (other.u == edge.u && other.v == edge.v);
        if (!known) edges.push_back(edge);
    }
    return edges;
}

}  // namespace fuzz
