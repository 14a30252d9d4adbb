#include "geovision/noding.hpp"

#include <algorithm>
#include <numeric>

#include "noding_group.hpp"

namespace geovision {

namespace {

// Groups of footprints connected by pairs.
class Groups {
public:
    explicit Groups(const NodingInput& in) : parent_(std::size_t(in.footprints)) {
        std::iota(parent_.begin(), parent_.end(), 0);
        for (std::int64_t i = 0; i < in.pairs; ++i) {
            const std::int32_t a = find(in.pair[2 * i]), b = find(in.pair[2 * i + 1]);
            parent_[std::size_t(std::max(a, b))] = std::min(a, b);
        }
    }

    // Members by group, groups by their lowest member; those of one member are left out.
    std::vector<std::vector<std::int32_t>> several() {
        std::vector<std::int32_t> size(parent_.size(), 0), place(parent_.size(), -1);
        const auto n = std::int32_t(parent_.size());
        for (std::int32_t f = 0; f < n; ++f) ++size[std::size_t(find(f))];
        std::vector<std::vector<std::int32_t>> groups;
        for (std::int32_t f = 0; f < n; ++f) {
            const auto root = std::size_t(find(f));
            if (size[root] < 2) continue;
            if (place[root] < 0) {
                place[root] = std::int32_t(groups.size());
                groups.emplace_back();
            }
            groups[std::size_t(place[root])].push_back(f);
        }
        return groups;
    }

private:
    std::int32_t find(std::int32_t f) {
        while (parent_[std::size_t(f)] != f) {
            parent_[std::size_t(f)] = parent_[std::size_t(parent_[std::size_t(f)])];
            f = parent_[std::size_t(f)];
        }
        return f;
    }

    std::vector<std::int32_t> parent_;
};

// Where a footprint's pieces are.
struct Place {
    std::int32_t group = -1;
    std::vector<std::int32_t> pieces;
};

class Output {
public:
    Output(const NodingInput& in, NodedFootprints& out) : in_(in), out_(out) {
        out.ring_offsets.push_back(0);
        out.vertex_offsets.push_back(0);
    }

    void as_given(std::int32_t f) {
        for (std::int64_t r = in_.ring_offsets[f]; r < in_.ring_offsets[f + 1]; ++r) {
            out_.xy.insert(out_.xy.end(), in_.xy + 2 * in_.vertex_offsets[r],
                           in_.xy + 2 * in_.vertex_offsets[r + 1]);
            end_ring();
        }
        end_piece(f);
    }

    void piece(std::int32_t f, const FootprintPiece& piece, std::int64_t x0, std::int64_t y0) {
        for (const auto& ring : piece.rings) {
            for (const Point p : ring) {
                out_.xy.push_back(p.x + x0);
                out_.xy.push_back(p.y + y0);
            }
            end_ring();
        }
        end_piece(f);
    }

private:
    void end_ring() { out_.vertex_offsets.push_back(std::int64_t(out_.xy.size() / 2)); }
    void end_piece(std::int32_t f) {
        out_.owner.push_back(f);
        out_.ring_offsets.push_back(std::int64_t(out_.vertex_offsets.size()) - 1);
    }

    const NodingInput& in_;
    NodedFootprints& out_;
};

// The group's footprints in the order of their ranks, near the origin. False when it is too wide.
bool load(const NodingInput& in, const std::vector<std::int32_t>& members, FootprintGroup& group) {
    std::int64_t low[2] = {INT64_MAX, INT64_MAX}, high[2] = {INT64_MIN, INT64_MIN};
    for (const std::int32_t f : members) {
        const std::int64_t first = in.vertex_offsets[in.ring_offsets[f]],
                           last = in.vertex_offsets[in.ring_offsets[f + 1]];
        for (std::int64_t i = 2 * first; i < 2 * last; ++i) {
            low[i & 1] = std::min(low[i & 1], in.xy[i]);
            high[i & 1] = std::max(high[i & 1], in.xy[i]);
        }
    }
    if (std::max(high[0] - low[0], high[1] - low[1]) >= std::int64_t(1) << 29) return false;
    group.x0 = low[0];
    group.y0 = low[1];
    group.pieces.clear();
    for (const std::int32_t f : members) {
        FootprintPiece piece;
        piece.footprint = f;
        for (std::int64_t r = in.ring_offsets[f]; r < in.ring_offsets[f + 1]; ++r) {
            auto& ring = piece.rings.emplace_back();
            for (std::int64_t v = in.vertex_offsets[r]; v < in.vertex_offsets[r + 1]; ++v)
                ring.push_back(
                    {std::int32_t(in.xy[2 * v] - low[0]), std::int32_t(in.xy[2 * v + 1] - low[1])});
        }
        group.pieces.push_back(std::move(piece));
    }
    return true;
}

}  // namespace

NodedFootprints node_footprints(const NodingInput& in, const std::atomic<bool>* cancel) {
    NodedFootprints out;
    out.status.assign(std::size_t(in.footprints), std::uint8_t(NodingStatus::alone));
    std::vector<FootprintGroup> groups;
    std::vector<Place> places(std::size_t(in.footprints));
    GroupNoder noder(in.snap);
    for (auto& members : Groups(in).several()) {
        if (cancel != nullptr && cancel->load()) return out;
        // Neither the order of reading nor that of groups may show in a result.
        std::sort(members.begin(), members.end(),
                  [&](std::int32_t a, std::int32_t b) { return in.rank[a] < in.rank[b]; });
        FootprintGroup group;
        const NodingStatus status = load(in, members, group) ? noder.run(group) : NodingStatus::failed;
        for (const std::int32_t f : members) out.status[std::size_t(f)] = std::uint8_t(status);
        if (status == NodingStatus::failed) continue;
        out.rounds = std::max(out.rounds, group.rounds);
        for (const auto& gift : group.given) {
            out.given_from.push_back(gift.from);
            out.given_to.push_back(gift.to);
            out.given_area.push_back(gift.area);
        }
        for (std::size_t p = 0; p < group.pieces.size(); ++p) {
            Place& place = places[std::size_t(group.pieces[p].footprint)];
            place.pieces.push_back(std::int32_t(p));
        }
        for (const std::int32_t f : members) places[std::size_t(f)].group = std::int32_t(groups.size());
        groups.push_back(std::move(group));
    }
    Output output(in, out);
    for (std::int32_t f = 0; f < in.footprints; ++f) {
        const Place& place = places[std::size_t(f)];
        if (place.group < 0) {
            output.as_given(f);
            continue;
        }
        const FootprintGroup& group = groups[std::size_t(place.group)];
        for (const std::int32_t p : place.pieces)
            output.piece(f, group.pieces[std::size_t(p)], group.x0, group.y0);
    }
    return out;
}

}  // namespace geovision
