// Step 3 of noding: faces are given out, and outlines are traced round what each footprint holds.
#include <algorithm>
#include <numeric>

#include "noding_group.hpp"

namespace geovision {

namespace {

using Cover = std::vector<std::pair<std::int32_t, std::int32_t>>;  // piece, how often it winds round the face

void wind(Cover& cover, std::int32_t piece, std::int32_t by) {
    const auto at = std::lower_bound(cover.begin(), cover.end(), piece,
                                     [](const auto& entry, std::int32_t p) { return entry.first < p; });
    if (at == cover.end() || at->first != piece)
        cover.insert(at, {piece, by});
    else if ((at->second += by) == 0)
        cover.erase(at);
}

std::int64_t ring_area2(const std::vector<Point>& ring) {
    std::int64_t area2 = 0;
    for (std::size_t i = 1; i + 1 < ring.size(); ++i) area2 += orient(ring[0], ring[i], ring[i + 1]);
    return area2;
}

}  // namespace

// Edges that run along each other become one; what a piece runs both ways is none of its boundary.
void GroupNoder::build_map() {
    std::vector<Side> runs;
    std::vector<std::uint64_t> keys;
    std::vector<std::size_t> order(edges_.size());
    std::iota(order.begin(), order.end(), 0);
    for (const Edge& e : edges_)
        keys.push_back((std::uint64_t(std::min(e.u, e.v)) << 32) | std::uint32_t(std::max(e.u, e.v)));
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return keys[a] != keys[b] ? keys[a] < keys[b] : edges_[a].piece < edges_[b].piece;
    });
    map_edges_.clear();
    sides_.clear();
    side_begin_.assign(1, 0);
    for (std::size_t i = 0; i < order.size();) {
        const std::uint64_t key = keys[order[i]];
        const std::size_t before = sides_.size();
        while (i < order.size() && keys[order[i]] == key) {
            const std::int32_t piece = edges_[order[i]].piece;
            std::int32_t net = 0;
            for (; i < order.size() && keys[order[i]] == key && edges_[order[i]].piece == piece; ++i)
                net += edges_[order[i]].u < edges_[order[i]].v ? 1 : -1;
            if (net != 0) sides_.push_back({std::int32_t(map_edges_.size()), piece, net});
        }
        if (sides_.size() == before) continue;
        map_edges_.push_back({std::int32_t(key >> 32), std::int32_t(key & 0xFFFFFFFFu)});
        side_begin_.push_back(std::int32_t(sides_.size()));
    }
    map_.build(points_, map_edges_);
}

void GroupNoder::cover_faces(FootprintGroup& group) {
    const auto faces = std::size_t(map_.faces());
    std::vector<Cover> covers(faces);
    std::vector<char> seen(faces, 0);
    holder_.assign(faces, -1);
    std::vector<std::int32_t> waiting{0};
    seen[0] = 1;
    while (!waiting.empty()) {
        const std::int32_t face = waiting.back();
        waiting.pop_back();
        const Cover cover = std::move(covers[std::size_t(face)]);
        covers[std::size_t(face)].clear();
        std::int64_t area2 = 0;
        for (std::int32_t l = map_.face_loops_begin[std::size_t(face)];
             l < map_.face_loops_begin[std::size_t(face) + 1]; ++l) {
            const std::int32_t loop = map_.face_loops[std::size_t(l)],
                               first = map_.loop_first[std::size_t(loop)];
            area2 += map_.loop_area2[std::size_t(loop)];
            std::int32_t h = first;
            do {
                const std::int32_t other = map_.face_of(PlanarMap::twin(h));
                if (!seen[std::size_t(other)]) {
                    seen[std::size_t(other)] = 1;
                    Cover& next = covers[std::size_t(other)] = cover;
                    const std::int32_t e = h / 2, turn = (h & 1) != 0 ? 1 : -1;
                    for (std::int32_t s = side_begin_[std::size_t(e)]; s < side_begin_[std::size_t(e) + 1];
                         ++s)
                        wind(next, sides_[std::size_t(s)].piece, turn * sides_[std::size_t(s)].net);
                    waiting.push_back(other);
                }
                h = map_.next[std::size_t(h)];
            } while (h != first);
        }
        // Pieces come by rank, so the first that covers the face holds it.
        std::int32_t& holder = holder_[std::size_t(face)];
        for (const auto& [piece, times] : cover) {
            if (times < 1) continue;
            if (holder < 0) {
                holder = piece;
                continue;
            }
            const std::int32_t from = group.pieces[std::size_t(piece)].footprint,
                               to = group.pieces[std::size_t(holder)].footprint;
            if (from != to) group.given.push_back({from, to, 0.5 * double(area2)});
        }
    }
}

void GroupNoder::region_ids() {
    region_.resize(holder_.size());
    std::iota(region_.begin(), region_.end(), 0);
    const auto find = [&](std::int32_t f) {
        while (region_[std::size_t(f)] != f) {
            region_[std::size_t(f)] = region_[std::size_t(region_[std::size_t(f)])];
            f = region_[std::size_t(f)];
        }
        return f;
    };
    for (std::int32_t h = 0; h < map_.halves(); h += 2) {
        const std::int32_t a = map_.face_of(h), b = map_.face_of(PlanarMap::twin(h));
        if (holder_[std::size_t(a)] < 0 || holder_[std::size_t(a)] != holder_[std::size_t(b)]) continue;
        const std::int32_t ra = find(a), rb = find(b);
        region_[std::size_t(std::max(ra, rb))] = std::min(ra, rb);
    }
    for (std::size_t f = 0; f < region_.size(); ++f) region_[f] = find(std::int32_t(f));
}

// A ring that comes by a vertex twice becomes several that only touch there.
void GroupNoder::split_simple(std::vector<std::int32_t>& ring, std::int32_t region) {
    std::vector<std::int32_t> path;
    on_path_.resize(points_.size(), -1);
    for (const std::int32_t v : ring) {
        std::int32_t& place = on_path_[std::size_t(v)];
        if (place >= 0) {
            const auto before = path.begin() + place;
            for (auto i = before; i != path.end(); ++i) on_path_[std::size_t(*i)] = -1;
            rings_.push_back({region, {before, path.end()}});
            path.erase(before, path.end());
        }
        place = std::int32_t(path.size());
        path.push_back(v);
    }
    for (const std::int32_t v : path) on_path_[std::size_t(v)] = -1;
    rings_.push_back({region, path});
}

// Replaces the pieces of the group by what each of them holds now.
void GroupNoder::trace(FootprintGroup& group) {
    region_ids();
    rings_.clear();
    const auto holder = [&](std::int32_t h) { return holder_[std::size_t(map_.face_of(h))]; };
    const auto border = [&](std::int32_t h) {
        return holder(h) >= 0 && holder(h) != holder(PlanarMap::twin(h));
    };
    std::vector<char> done(std::size_t(map_.halves()), 0);
    for (std::int32_t start = 0; start < map_.halves(); ++start) {
        if (done[std::size_t(start)] || !border(start)) continue;
        std::vector<std::int32_t> ring;
        std::int32_t h = start;
        do {
            done[std::size_t(h)] = 1;
            ring.push_back(map_.origin[std::size_t(h)]);
            h = map_.next[std::size_t(h)];
            // Turns through the faces of the same holder round this vertex, and never across a wall.
            while (!border(h)) h = map_.next[std::size_t(PlanarMap::twin(h))];
        } while (h != start);
        split_simple(ring, region_[std::size_t(map_.face_of(start))]);
    }
    std::unordered_map<std::int32_t, std::size_t> piece_of;
    std::vector<FootprintPiece> pieces;
    std::vector<std::int32_t> old;
    for (const bool shells : {true, false}) {
        for (const Ring& ring : rings_) {
            std::vector<Point> points;
            for (const std::int32_t v : ring.vertices) points.push_back(points_[std::size_t(v)]);
            if ((ring_area2(points) > 0) != shells) continue;
            if (shells) {
                piece_of[ring.region] = pieces.size();
                pieces.emplace_back();
                old.push_back(holder_[std::size_t(ring.region)]);
                pieces.back().footprint = group.pieces[std::size_t(old.back())].footprint;
            }
            pieces[piece_of.at(ring.region)].rings.push_back(std::move(points));
        }
    }
    // By the piece that they are of, then by falling area, then by the lowest vertex.
    std::vector<std::int64_t> area2;
    std::vector<Point> low;
    for (const FootprintPiece& piece : pieces) {
        area2.push_back(0);
        for (const auto& ring : piece.rings) area2.back() += ring_area2(ring);
        low.push_back(*std::min_element(piece.rings[0].begin(), piece.rings[0].end(),
                                        [](Point a, Point b) { return a.x != b.x ? a.x < b.x : a.y < b.y; }));
    }
    std::vector<std::size_t> order(pieces.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (old[a] != old[b]) return old[a] < old[b];
        if (area2[a] != area2[b]) return area2[a] > area2[b];
        return low[a].x != low[b].x ? low[a].x < low[b].x : low[a].y < low[b].y;
    });
    group.pieces.clear();
    for (const std::size_t i : order) group.pieces.push_back(std::move(pieces[i]));
}

}  // namespace geovision
