#include "skeleton_wavefront.hpp"

#include <algorithm>
#include <cmath>

namespace geovision::skeleton {

void Wavefront::load(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                     const double* slope) {
    const auto n = static_cast<std::size_t>(ring_offsets[rings]);
    edges_.resize(n);
    ring_next_.resize(n);
    v_.resize(n);
    free_.clear();
    reflex_.clear();
    out_->nodes.resize(n);
    out_->arcs.clear();
    out_->pieces.clear();
    for (std::int64_t r = 0; r < rings; ++r) {
        const auto first = static_cast<std::int32_t>(ring_offsets[r]);
        const auto last = static_cast<std::int32_t>(ring_offsets[r + 1]) - 1;
        for (std::int32_t i = first; i <= last; ++i) {
            const std::int32_t j = i == last ? first : i + 1;
            const double dx = xy[2 * j] - xy[2 * i], dy = xy[2 * j + 1] - xy[2 * i + 1];
            const double inv = 1.0 / std::sqrt(dx * dx + dy * dy);
            Edge& e = edges_[i];
            e.nx = -dy * inv;
            e.ny = dx * inv;
            e.c = e.nx * xy[2 * i] + e.ny * xy[2 * i + 1];
            e.w = 1.0 / slope[i];
            ring_next_[i] = j;
            out_->nodes[i] = {xy[2 * i], xy[2 * i + 1], 0.0};
            Vertex& v = v_[i];
            v.px = xy[2 * i];
            v.py = xy[2 * i + 1];
            v.t0 = 0;
            v.prev = i == first ? last : i - 1;
            v.next = j;
            v.ein = v.prev;
            v.eout = i;
            v.node = i;
            v.version = 0;
            v.event = 0;
        }
    }
    taken_.assign(n, -1);
    any_taken_ = false;
    grow_scratch(n);
    alive_ = 0;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(n); ++i) seat(i);
}

// The place behind the last for a vertex that begins to live.
void Wavefront::seat(std::int32_t s) {
    v_[s].place = alive_;
    slot_[alive_] = s;
    lines_.set(alive_, edges_[v_[s].eout]);
    ++alive_;
}

// The last one takes the place of a vertex that dies.
void Wavefront::unseat(std::int32_t s) {
    const std::int32_t to = v_[s].place, last = --alive_;
    if (to == last) return;
    const std::int32_t moved = slot_[last];
    v_[moved].place = to;
    slot_[to] = moved;
    key_[to] = key_[last];
    lines_.set(to, edges_[v_[moved].eout]);
}

void Wavefront::start() {
    const auto n = static_cast<std::int32_t>(v_.size());
    for (std::int32_t i = 0; i < n; ++i) aim(i);
    for (std::int32_t i = 0; i < n; ++i) time_piece(i);
    for (const std::int32_t r : reflex_) search(r);
    for (std::int32_t i = 0; i < n; ++i) set_key(i);
}

inline bool Wavefront::here(std::int32_t s, Point p) const {
    const Vertex& v = v_[s];
    if (v.eout < 0) return false;
    const Point q = at(v, now_);
    return std::fabs(q.x - p.x) <= eps_ && std::fabs(q.y - p.y) <= eps_;
}

// The node at p now: an older one of this moment if there is one.
std::int32_t Wavefront::node_at(Point p) {
    auto& nodes = out_->nodes;
    for (std::size_t k = nodes.size(); k-- > 0 && nodes[k].h >= now_ - eps_;) {
        if (std::fabs(nodes[k].x - p.x) <= eps_ && std::fabs(nodes[k].y - p.y) <= eps_) {
            return static_cast<std::int32_t>(k);
        }
    }
    nodes.push_back({p.x, p.y, now_});
    return static_cast<std::int32_t>(nodes.size()) - 1;
}

void Wavefront::emit(std::int32_t a, std::int32_t b, std::int32_t left, std::int32_t right, Haste haste) {
    if (a == b || left == right) return;
    if (now_ <= 0 && (haste == Haste::take_in || haste == Haste::take_out)) {
        (haste == Haste::take_in ? taken_[left] : taken_[right]) = haste == Haste::take_in ? right : left;
        any_taken_ = true;
        return;
    }
    // A face without plan area hands its side of the outline over to its
    // neighbour.
    const bool flat_left = edges_[left].w <= 0, flat_right = right >= 0 && edges_[right].w <= 0;
    if (flat_left && flat_right) return;
    if (flat_left) {
        out_->pieces.push_back({left, b, a, right});
    } else if (flat_right) {
        out_->pieces.push_back({right, a, b, left});
    } else {
        out_->arcs.push_back({a, b, left, right});
    }
}

void Wavefront::kill(std::int32_t s, std::int32_t node) {
    Vertex& v = v_[s];
    emit(v.node, node, v.ein, v.eout, v.haste);
    if (v.reflex_at >= 0) {
        const std::int32_t last = reflex_.back();
        reflex_[v.reflex_at] = last;
        v_[last].reflex_at = v.reflex_at;
        reflex_.pop_back();
    }
    unseat(s);
    v.eout = -1;
    v.haste = Haste::none;
    ++v.version;
    free_.push_back(s);
}

std::int32_t Wavefront::birth(Point p, std::int32_t node, std::int32_t in, std::int32_t out) {
    std::int32_t s;
    if (free_.empty()) {
        s = static_cast<std::int32_t>(v_.size());
        v_.emplace_back();
        v_[s].version = 0;
        grow_scratch(v_.size());
    } else {
        s = free_.back();
        free_.pop_back();
    }
    Vertex& v = v_[s];
    v.px = p.x;
    v.py = p.y;
    v.t0 = now_;
    v.node = node;
    v.event = event_;
    v.ein = in;
    v.eout = out;
    seat(s);
    ++v.version;
    born_.push_back(s);
    aim(s);
    return s;
}

// Removes the stretch of a loop around `seed` that is at p, and notes its ends.
void Wavefront::add_chain(std::int32_t seed, Point p, bool with_prev, bool with_next, std::int32_t node) {
    std::int32_t first = seed, last = seed;
    while (v_[last].next != seed && (with_next || here(v_[last].next, p))) {
        last = v_[last].next;
        with_next = false;
    }
    bool whole = v_[last].next == seed;
    if (!whole) {
        while (v_[first].prev != last && (with_prev || here(v_[first].prev, p))) {
            first = v_[first].prev;
            with_prev = false;
        }
        whole = v_[first].prev == last;
    }
    if (!whole) chains_.push_back({v_[first].ein, v_[last].eout, v_[first].prev, v_[last].next});
    for (std::int32_t s = first;;) {
        const std::int32_t following = v_[s].next;
        kill(s, node);
        if (s == last) break;
        s = following;
    }
}

// Around the event's point the wavefront is a fan of rays. Every sector that
// belongs to the inside runs counter-clockwise from an outgoing edge to an
// incoming one, and gets a vertex.
void Wavefront::pair_up(std::int32_t node, Point p, bool split) {
    const std::size_t k = chains_.size();
    const auto link = [&](const Chain& in, const Chain& out) {
        const std::int32_t s = birth(p, node, in.in, out.out);
        v_[s].prev = in.before;
        v_[s].next = out.after;
        return s;
    };
    rays_.clear();
    if (k == 1) {
        link(chains_[0], chains_[0]);
    } else if (k == 2 && split) {
        link(chains_[0], chains_[1]);
        link(chains_[1], chains_[0]);
    } else {
        for (std::size_t i = 0; i < k; ++i) {
            for (std::size_t o = 0; o < k; ++o) {
                const Edge &ei = edges_[chains_[i].in], &eo = edges_[chains_[o].out];
                // From the direction of eo to the reverse direction of ei.
                const double cross = -(eo.nx * ei.ny - eo.ny * ei.nx), dot = -(eo.nx * ei.nx + eo.ny * ei.ny);
                double angle = std::atan2(cross, dot);
                if (angle < -1e-7) angle += 6.283185307179586;
                rays_.push_back({angle, static_cast<std::int32_t>(i), static_cast<std::int32_t>(o)});
            }
        }
        std::sort(rays_.begin(), rays_.end(), [](const Ray& x, const Ray& y) {
            if (x.angle != y.angle) return x.angle < y.angle;
            return x.in != y.in ? x.in < y.in : x.out < y.out;
        });
        used_.assign(2 * k, 0);
        for (const Ray& r : rays_) {
            if (used_[r.in] || used_[k + r.out]) continue;
            used_[r.in] = used_[k + r.out] = 1;
            link(chains_[r.in], chains_[r.out]);
        }
    }
    for (const std::int32_t s : born_) {
        v_[v_[s].prev].next = s;
        v_[v_[s].next].prev = s;
    }
}

void Wavefront::event_at(Point p, std::int32_t seed, bool with_prev, bool with_next, std::int32_t hit,
                         bool alone) {
    const std::int32_t node = node_at(p);
    ++event_;
    chains_.clear();
    born_.clear();
    const std::int32_t hit_end = hit >= 0 ? v_[hit].next : -1;
    const std::int32_t hit_edge = hit >= 0 ? v_[hit].eout : -1;
    add_chain(seed, p, with_prev, with_next, node);
    bool split = false;
    if (hit >= 0 && v_[hit].eout >= 0 && v_[hit_end].eout >= 0) {
        const bool a = here(hit, p), b = here(hit_end, p);
        if (!a && !b) {
            chains_.push_back({hit_edge, hit_edge, hit, hit_end});
            split = true;
        } else {
            if (a) add_chain(hit, p, false, false, node);
            if (here(hit_end, p)) add_chain(hit_end, p, false, false, node);
        }
    }
    if (!alone) {
        const double until = now_ + eps_;
        for (std::int32_t i = 0; i < alive_;) {
            if (key_[i] <= until && here(slot_[i], p)) {
                add_chain(slot_[i], p, false, false, node);
                split = false;
                i = 0;  // others may have moved here
            } else {
                ++i;
            }
        }
    }
    if (chains_.empty()) return;
    pair_up(node, p, split);
    settle();
}

void Wavefront::process(std::int32_t s, bool alone) {
    Vertex& v = v_[s];
    if (v.haste != Haste::none) {
        const Vertex &a = v_[v.prev], &b = v_[v.next];
        const Point pa = at(a, now_), pb = at(b, now_);
        bool to_prev = v.haste == Haste::take_in, to_next = v.haste == Haste::take_out;
        if (v.haste == Haste::close) {
            const Edge& e = edges_[v.eout];
            const double la = e.ny * (pa.x - v.px) - e.nx * (pa.y - v.py);
            const double lb = e.ny * (pb.x - v.px) - e.nx * (pb.y - v.py);
            to_prev = v.prev == v.next || la <= lb + eps_;
            to_next = v.prev == v.next || lb <= la + eps_;
        }
        const Point q = to_prev ? pa : pb;
        v.px = q.x;
        v.py = q.y;
        v.t0 = now_;
        event_at(q, s, to_prev, to_next, -1, false);
        return;
    }
    if (v.te <= v.ts) {
        const Vertex& b = v_[v.next];
        const bool mine = v.ux * v.ux + v.uy * v.uy <= b.ux * b.ux + b.uy * b.uy;
        event_at(at(mine ? v : b, now_), s, false, true, -1, alone);
        return;
    }
    if (v.target < 0 || v_[v.target].version != v.target_version) {
        // So far was it searched; what was known of later times has changed since.
        search(s);
        set_key(s);
        return;
    }
    event_at(at(v, now_), s, false, false, v.target, alone);
}

// Pieces for the edges that collinear neighbours took at the start; those may
// have been taken in turn.
void Wavefront::list_taken() {
    const auto n = static_cast<std::int32_t>(edges_.size());
    for (std::int32_t e = 0; any_taken_ && e < n; ++e) {
        if (taken_[e] < 0) continue;
        std::int32_t by = taken_[e];
        while (taken_[by] >= 0) by = taken_[by];
        out_->pieces.push_back({e, e, ring_next_[e], by});
    }
}

// The wavefront stops at max_h: what is left of it bounds the flat.
void Wavefront::cut() {
    now_ = max_h_;
    const auto m = static_cast<std::int32_t>(v_.size());
    for (std::int32_t s = 0; s < m; ++s) {
        Vertex& v = v_[s];
        if (v.eout < 0) continue;
        const std::int32_t node = node_at(at(v, now_));
        emit(v.node, node, v.ein, v.eout, Haste::none);
        v.node = node;
    }
    for (std::int32_t s = 0; s < m; ++s) {
        if (v_[s].eout >= 0) emit(v_[v_[s].next].node, v_[s].node, v_[s].eout, -1, Haste::none);
    }
}

bool Wavefront::run(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                    const double* slope, double max_h, double eps, Skeleton& out) {
    out_ = &out;
    now_ = 0;
    max_h_ = max_h;
    eps_ = eps;
    event_ = 0;
    load(xy, ring_offsets, rings, slope);
    start();
    std::int64_t budget = 8 * static_cast<std::int64_t>(v_.size()) + 64;
    while (alive_ > 0) {
        if (--budget < 0) return false;
        double first = never, second = never;
        std::int32_t at = -1;
        for (std::int32_t i = 0; i < alive_; ++i) {
            const double k = key_[i];
            second = std::min(second, std::max(first, k));
            at = k < first ? i : at;
            first = std::min(first, k);
        }
        if (first > max_h_ + eps_) {
            if (!(max_h_ < never)) return false;
            cut();
            break;
        }
        if (at < 0) return false;
        now_ = std::max(now_, first);
        process(slot_[at], second > now_ + eps_);
    }
    list_taken();
    return true;
}

}  // namespace geovision::skeleton
