// Walls between labels as arcs of cell borders, and arcs as rings.
#include <algorithm>
#include <array>

#include "geovision/outline_patch.hpp"

namespace geovision {
namespace {

constexpr std::array<Point, 4> step{{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};

class Tracer {
public:
    Tracer(const OutlinePatch& patch, bool binary)
        : patch_(patch),
          binary_(binary),
          columns_(patch.width + 1),
          node_(std::size_t(columns_) * std::size_t(patch.height + 1), -1),
          seen_(node_.size(), 0) {}

    OutlineMap run() {
        find_nodes();
        for (std::size_t n = 0; n < map_.nodes.size(); ++n)
            for (int way = 0; way < 4; ++way)
                if (border(map_.nodes[n], way) && !seen(map_.nodes[n], way)) follow(map_.nodes[n], way);
        // A closed arc has a border that runs east.
        for (std::int32_t y = 1; y < patch_.height; ++y) {
            const std::int32_t* up = &patch_.label[patch_.at(0, y - 1)];
            const std::int32_t* down = up + patch_.width;
            for (std::int32_t x = 1; x + 1 < patch_.width; ++x)
                if (up[x] != down[x] && !seen({x, y}, 0)) follow({x, y}, 0);
        }
        return std::move(map_);
    }

private:
    // Borders have cells on both sides: the outermost cells are empty.
    std::int32_t label(std::int32_t x, std::int32_t y) const { return patch_.label[patch_.at(x, y)]; }
    std::size_t corner(Point p) const { return std::size_t(p.y) * std::size_t(columns_) + std::size_t(p.x); }
    // The cells left and right of the border that leaves `p`.
    static std::array<Point, 2> sides(Point p, int way) {
        switch (way) {
            case 0:
                return {{{p.x, p.y - 1}, {p.x, p.y}}};
            case 1:
                return {{{p.x, p.y}, {p.x - 1, p.y}}};
            case 2:
                return {{{p.x - 1, p.y}, {p.x - 1, p.y - 1}}};
            default:
                return {{{p.x - 1, p.y - 1}, {p.x, p.y - 1}}};
        }
    }
    bool border(Point p, int way) const {
        const auto s = sides(p, way);
        return label(s[0].x, s[0].y) != label(s[1].x, s[1].y);
    }
    // Borders are marked at their western or northern end.
    bool seen(Point p, int way) const {
        const Point q = way >= 2 ? Point{p.x + step[std::size_t(way)].x, p.y + step[std::size_t(way)].y} : p;
        return (seen_[corner(q)] >> (way % 2) & 1) != 0;
    }
    void mark(Point p, int way) {
        const Point q = way >= 2 ? Point{p.x + step[std::size_t(way)].x, p.y + step[std::size_t(way)].y} : p;
        seen_[corner(q)] = std::uint8_t(seen_[corner(q)] | 1 << (way % 2));
    }

    void find_nodes() {
        for (std::int32_t y = 1; y < patch_.height; ++y) {
            const std::int32_t* up = &patch_.label[patch_.at(0, y - 1)];
            const std::int32_t* down = &patch_.label[patch_.at(0, y)];
            for (std::int32_t x = 1; x < patch_.width; ++x) {
                if (up[x - 1] == up[x] && down[x - 1] == down[x]) continue;
                const int borders = (up[x - 1] != up[x]) + (down[x - 1] != down[x]) +
                                    (up[x - 1] != down[x - 1]) + (up[x] != down[x]);
                if (borders < 3) continue;
                node_[corner({x, y})] = std::int32_t(map_.nodes.size());
                map_.nodes.push_back({x, y});
            }
        }
    }

    OutlineSample sample(Point p, int way) const {
        const auto s = sides(p, way);
        const Point d = step[std::size_t(way)];
        OutlineSample out{p.x + 0.5 * d.x, p.y + 0.5 * d.y, p};
        if (binary_) return out;
        const bool left = label(s[0].x, s[0].y) != 0, right = label(s[1].x, s[1].y) != 0;
        if (left == right) return out;
        const Point in = left ? s[0] : s[1], off = left ? s[1] : s[0];
        if (!patch_.in_raster(off.x, off.y)) return out;
        const double inner = patch_.building[patch_.at(in.x, in.y)];
        const double outer = patch_.building[patch_.at(off.x, off.y)];
        if (!(inner >= patch_.limit && outer < patch_.limit)) return out;
        // Kept off the cells' centres, so that no two samples meet.
        const double shift = std::clamp((inner - (patch_.limit - 0.5)) / (inner - outer) - 0.5, -0.45, 0.45);
        out.x += shift * (off.x - in.x);
        out.y += shift * (off.y - in.y);
        return out;
    }

    void follow(Point p, int way) {
        OutlineArc arc;
        const auto s = sides(p, way);
        arc.left = label(s[0].x, s[0].y);
        arc.right = label(s[1].x, s[1].y);
        arc.from = node_[corner(p)];
        arc.first_way = way;
        arc.begin = map_.samples.size();
        while (true) {
            mark(p, way);
            map_.samples.push_back(sample(p, way));
            arc.last_way = way;
            p = {p.x + step[std::size_t(way)].x, p.y + step[std::size_t(way)].y};
            if (node_[corner(p)] >= 0) break;
            for (const int turn : {0, 1, 3}) {
                const int next = (way + turn) % 4;
                if (border(p, next)) {
                    way = next;
                    break;
                }
            }
            if (seen(p, way)) break;
        }
        arc.to = node_[corner(p)];
        arc.end = map_.samples.size();
        map_.arcs.push_back(arc);
    }

    const OutlinePatch& patch_;
    bool binary_;
    std::int32_t columns_;
    std::vector<std::int32_t> node_;
    std::vector<std::uint8_t> seen_;
    OutlineMap map_;
};

// Arcs that leave a node, by the way they leave it: index * 2, plus 1 where backwards; -1 for none.
std::vector<std::array<std::int32_t, 4>> leaving(const OutlineMap& map) {
    std::vector<std::array<std::int32_t, 4>> out(map.nodes.size(), {-1, -1, -1, -1});
    for (std::size_t a = 0; a < map.arcs.size(); ++a) {
        const OutlineArc& arc = map.arcs[a];
        if (arc.closed()) continue;
        out[std::size_t(arc.from)][std::size_t(arc.first_way)] = std::int32_t(2 * a);
        out[std::size_t(arc.to)][std::size_t((arc.last_way + 2) % 4)] = std::int32_t(2 * a + 1);
    }
    return out;
}

}  // namespace

OutlineMap trace_map(const OutlinePatch& patch, bool binary) { return Tracer(patch, binary).run(); }

std::vector<OutlineRing> chain_rings(const OutlineMap& map, std::int32_t buildings) {
    const auto out_of = leaving(map);
    std::vector<char> used(2 * map.arcs.size(), 0);
    std::vector<std::vector<OutlineRing>> rings(std::size_t(buildings) + 1);
    const auto left_of = [&](std::int32_t half) {
        const OutlineArc& arc = map.arcs[std::size_t(half / 2)];
        return half % 2 == 0 ? arc.left : arc.right;
    };
    for (std::int32_t first = 0; first < std::int32_t(used.size()); ++first) {
        const std::int32_t building = left_of(first);
        if (building == 0 || used[std::size_t(first)] != 0) continue;
        OutlineRing ring{building, {}};
        for (std::int32_t half = first; used[std::size_t(half)] == 0;) {
            used[std::size_t(half)] = 1;
            ring.arcs.push_back(half);
            const OutlineArc& arc = map.arcs[std::size_t(half / 2)];
            if (arc.closed()) break;
            const bool back = half % 2 != 0;
            const std::int32_t node = back ? arc.from : arc.to;
            const int way = back ? (arc.first_way + 2) % 4 : arc.last_way;
            // Right first: where a building meets itself at a corner, its two sides are joined there, and the
            // ring does not touch itself.
            for (const int turn : {1, 0, 3}) {
                const std::int32_t next = out_of[std::size_t(node)][std::size_t((way + turn) % 4)];
                if (next < 0 || left_of(next) != building) continue;
                half = next;
                break;
            }
        }
        rings[std::size_t(building)].push_back(std::move(ring));
    }
    std::vector<OutlineRing> all;
    for (auto& some : rings)
        for (auto& ring : some) all.push_back(std::move(ring));
    return all;
}

}  // namespace geovision
