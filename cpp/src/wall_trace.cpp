#include "wall_trace.hpp"

#include <algorithm>

namespace geovision {
namespace {

constexpr std::int32_t lowest_wall = 500;  // grid steps; lower ones are the edges of overhanging roofs
constexpr double off_line = 1.25;          // grid steps that a corner of a joined wall may lie off its line

bool is_wall(Label label) {
    return label == Label::wall || label == Label::step_wall || label == Label::dormer_wall;
}

// Does `m` lie between `p` and `q`, on the line through them?
bool on_line(Point p, Point m, Point q) {
    const double dx = double(q.x) - p.x, dy = double(q.y) - p.y, length = norm(dx, dy);
    const double s = (double(m.x) - p.x) * dx + (double(m.y) - p.y) * dy;
    const double off = std::abs((double(m.x) - p.x) * dy - (double(m.y) - p.y) * dx);
    return off <= off_line * length && s > 0 && s < length * length;
}

// Calls visit(from, to) for every edge of a face.
template <class Visit>
void each_edge(const BuildingView& b, std::int32_t face, Visit visit) {
    const Solids& s = *b.solids;
    for (std::int64_t r = b.ring_begin(face); r < b.ring_begin(face + 1); ++r) {
        const std::int64_t begin = s.ring_offsets[std::size_t(r)], end = s.ring_offsets[std::size_t(r) + 1];
        for (std::int64_t i = begin; i < end; ++i)
            visit(s.ring_vertices[std::size_t(i)], s.ring_vertices[std::size_t(i + 1 < end ? i + 1 : begin)]);
    }
}

}  // namespace

BuildingView::BuildingView(const Solids& s, std::int64_t b)
    : solids(&s),
      index(b),
      vertices(s.vertices.data() + 3 * s.vertex_offsets[std::size_t(b)]),
      triangles(s.triangles.data() + 3 * s.triangle_offsets[std::size_t(b)]),
      triangle_face(s.triangle_face.data() + s.triangle_offsets[std::size_t(b)]),
      vertex_count(std::int32_t(s.vertex_offsets[std::size_t(b) + 1] - s.vertex_offsets[std::size_t(b)])),
      triangle_count(
          std::int32_t(s.triangle_offsets[std::size_t(b) + 1] - s.triangle_offsets[std::size_t(b)])),
      face_count(std::int32_t(s.face_offsets[std::size_t(b) + 1] - s.face_offsets[std::size_t(b)])),
      first_face(s.face_offsets[std::size_t(b)]) {}

// Upright faces with the ends of their lines; edges of roofs are left out.
void WallTracer::collect(const BuildingView& b) {
    upright_.clear(), left_sides_.clear(), right_sides_.clear();
    for (std::int32_t f = 0; f < b.face_count; ++f) {
        if (!is_wall(b.label(f))) continue;
        double nx = 0, ny = 0;
        each_edge(b, f, [&](std::int32_t u, std::int32_t v) {
            const double rise = double(b.z(u)) + b.z(v);
            nx += (double(b.plan(u).y) - b.plan(v).y) * rise;
            ny += (double(b.plan(v).x) - b.plan(u).x) * rise;
        });
        const double dx = -ny, dy = nx;
        if (dx == 0 && dy == 0) continue;
        Upright wall{f, -1, -1, -1, -1};
        double least = 0, most = 0;
        each_edge(b, f, [&](std::int32_t u, std::int32_t) {
            const double s = b.plan(u).x * dx + b.plan(u).y * dy;
            if (wall.left < 0 || s < least) least = s, wall.left = u;
            if (wall.right < 0 || s > most) most = s, wall.right = u;
        });
        std::int32_t up = 0, down = 0;
        const auto place = std::int32_t(upright_.size());
        const std::size_t lefts = left_sides_.size(), rights = right_sides_.size();
        each_edge(b, f, [&](std::int32_t u, std::int32_t v) {
            if (b.plan(u) != b.plan(v)) return;
            if (b.plan(u) == b.plan(wall.right) && b.z(v) > b.z(u)) {
                up += b.z(v) - b.z(u);
                right_sides_.push_back({u, v, place});
            } else if (b.plan(u) == b.plan(wall.left) && b.z(u) > b.z(v)) {
                down += b.z(u) - b.z(v);
                left_sides_.push_back({v, u, place});
            }
        });
        if (std::max(up, down) <= lowest_wall || b.plan(wall.left) == b.plan(wall.right)) {
            left_sides_.resize(lefts), right_sides_.resize(rights);
            continue;
        }
        upright_.push_back(wall);
    }
}

// Which face goes on where another ends.
void WallTracer::find_neighbours(const BuildingView& b) {
    std::sort(left_sides_.begin(), left_sides_.end());
    const Solids& s = *b.solids;
    for (const Side& side : right_sides_) {
        Upright& from = upright_[std::size_t(side.place)];
        if (from.next >= 0) continue;
        const Side low{side.low, side.high, -1};
        for (auto it = std::lower_bound(left_sides_.begin(), left_sides_.end(), low);
             it != left_sides_.end() && it->low == side.low && it->high == side.high; ++it) {
            Upright& to = upright_[std::size_t(it->place)];
            const auto f = std::size_t(b.first_face + from.face), g = std::size_t(b.first_face + to.face);
            if (to.previous >= 0 || it->place == side.place ||
                !on_line(b.plan(from.left), b.plan(from.right), b.plan(to.right)) ||
                s.face_label[f] != s.face_label[g] || s.face_part[f] != s.face_part[g] ||
                s.face_solid[f] != s.face_solid[g])
                continue;
            from.next = it->place, to.previous = side.place;
            break;
        }
    }
}

const std::vector<TracedWall>& WallTracer::find(const BuildingView& b) {
    walls_.clear();
    collect(b);
    find_neighbours(b);
    const auto straight = [&](std::int32_t last) {  // from the first of the chain to `last`
        const Point p = b.plan(upright_[std::size_t(chain_[0])].left),
                    q = b.plan(upright_[std::size_t(last)].right);
        for (const std::int32_t place : chain_)
            if (!on_line(p, b.plan(upright_[std::size_t(place)].right), q)) return false;
        return true;
    };
    for (std::size_t i = 0; i < upright_.size(); ++i) {
        if (upright_[i].previous >= 0) continue;
        chain_.clear();
        for (std::int32_t at = std::int32_t(i); at >= 0; at = upright_[std::size_t(at)].next) {
            if (!chain_.empty() && !straight(at)) {
                add(b, chain_);
                chain_.clear();
            }
            chain_.push_back(at);
        }
        add(b, chain_);
    }
    std::sort(walls_.begin(), walls_.end(), [](const TracedWall& a, const TracedWall& c) {
        return *std::min_element(a.members.begin(), a.members.end()) <
               *std::min_element(c.members.begin(), c.members.end());
    });
    return walls_;
}

void WallTracer::add(const BuildingView& b, const std::vector<std::int32_t>& places) {
    const Point p = b.plan(upright_[std::size_t(places.front())].left),
                q = b.plan(upright_[std::size_t(places.back())].right);
    const double dx = double(q.x) - p.x, dy = double(q.y) - p.y, length = norm(dx, dy);
    TracedWall wall{{p.x, p.y, 0, dx / length, dy / length, to_grid(length)}, 0, {}};
    for (const std::int32_t place : places) wall.members.push_back(upright_[std::size_t(place)].face);
    if (wall.members.size() > 1 &&
        !outline(b, wall.members.data(), std::int32_t(wall.members.size()), wall.frame, ring_, begin_)) {
        for (const std::int32_t place : places) add(b, std::vector<std::int32_t>{place});
        return;
    }
    std::int32_t low = b.z(upright_[std::size_t(places.front())].left), high = low;
    for (const std::int32_t face : wall.members)
        each_edge(b, face, [&](std::int32_t u, std::int32_t) {
            low = std::min(low, b.z(u)), high = std::max(high, b.z(u));
        });
    wall.frame.z = low, wall.height = high - low;
    walls_.push_back(std::move(wall));
}

bool WallTracer::outline(const BuildingView& b, const std::int32_t* members, std::int32_t count,
                         const WallFrame& frame, std::vector<std::int32_t>& ring,
                         std::vector<std::int32_t>& begin) {
    ring.clear(), begin.assign(1, 0);
    if (count == 1) {
        const Solids& s = *b.solids;
        for (std::int64_t r = b.ring_begin(members[0]); r < b.ring_begin(members[0] + 1); ++r) {
            const auto from = s.ring_vertices.begin() + s.ring_offsets[std::size_t(r)],
                       to = s.ring_vertices.begin() + s.ring_offsets[std::size_t(r) + 1];
            ring.insert(ring.end(), from, to);
            begin.push_back(std::int32_t(ring.size()));
        }
        return true;
    }
    cancel_shared(b, members, count);
    std::int32_t outer = -1;
    for (Edge& first : edges_) {
        if (first.to < 0) continue;
        double area = 0;
        const auto from = std::int32_t(ring.size());
        for (Edge* e = &first; e->to >= 0;) {
            const std::int32_t to = e->to;
            const Point p = b.plan(e->from), q = b.plan(to);
            area += (frame.along(p.x, p.y) - frame.along(q.x, q.y)) * (double(b.z(e->from)) + b.z(to));
            ring.push_back(e->from);
            e->to = -1;
            const auto at = std::lower_bound(edges_.begin(), edges_.end(), to,
                                             [](const Edge& f, std::int32_t v) { return f.from < v; });
            if (at == edges_.end() || at->from != to) return false;
            e = &*at;
        }
        const auto size = std::int32_t(ring.size()) - from;
        if (area <= 0) {
            begin.push_back(from + size);
            continue;
        }
        if (outer >= 0) return false;
        outer = from;
        std::rotate(ring.begin(), ring.begin() + from, ring.end());
        for (std::size_t k = 1; k < begin.size(); ++k) begin[k] += size;
        begin.insert(begin.begin() + 1, size);
    }
    // A corner that is met twice would close a loop early.
    return outer >= 0 && std::adjacent_find(edges_.begin(), edges_.end(), [](const Edge& e, const Edge& f) {
                             return e.from == f.from;
                         }) == edges_.end();
}

// The edges of faces but for those that two of them share, by their first vertices.
void WallTracer::cancel_shared(const BuildingView& b, const std::int32_t* members, std::int32_t count) {
    edges_.clear();
    for (std::int32_t i = 0; i < count; ++i)
        each_edge(b, members[i], [&](std::int32_t u, std::int32_t v) { edges_.push_back({u, v}); });
    const auto less = [](const Edge& e, const Edge& f) {
        return std::minmax(e.from, e.to) < std::minmax(f.from, f.to);
    };
    std::sort(edges_.begin(), edges_.end(), less);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < edges_.size(); ++i) {
        const bool shared =
            i + 1 < edges_.size() && edges_[i].from == edges_[i + 1].to && edges_[i].to == edges_[i + 1].from;
        if (shared)
            ++i;
        else
            edges_[kept++] = edges_[i];
    }
    edges_.resize(kept);
    std::sort(edges_.begin(), edges_.end(), [](const Edge& e, const Edge& f) { return e.from < f.from; });
}

}  // namespace geovision
