#include "skeleton_wavefront.hpp"

#include <algorithm>
#include <cmath>

namespace geovision::skeleton {

namespace {
constexpr double parallel = 1e-8;  // sine of the angle under which two edges are parallel
}  // namespace

void Wavefront::load(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                     const double* slope) {
    const auto n = static_cast<std::size_t>(ring_offsets[rings]);
    edges_.resize(n);
    ring_next_.resize(n);
    v_.resize(n);
    key_.resize(n);
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
    lines_.resize(n);
    for (std::size_t i = 0; i < n; ++i) lines_.set(i, edges_[i]);
    alive_ = static_cast<std::int32_t>(n);
}

// Velocity, and whether the vertex is reflex or acts at once.
void Wavefront::aim(std::int32_t s) {
    Vertex& v = v_[s];
    const Edge &a = edges_[v.ein], &b = edges_[v.eout];
    const double cross = a.nx * b.ny - a.ny * b.nx, dot = a.nx * b.nx + a.ny * b.ny;
    const double sx = a.nx + b.nx, sy = a.ny + b.ny, dx = a.nx - b.nx, dy = a.ny - b.ny;
    v.haste = Haste::none;
    v.reflex_at = -1;
    v.target = -1;
    v.ts = never;
    v.te = never;
    v.limit = -1;
    v.ux = v.uy = 0;
    if (std::fabs(cross) < parallel) {
        if (dot < 0) {
            v.haste = Haste::close;
        } else if (std::fabs(a.w - b.w) > 1e-12 * (a.w + b.w)) {
            v.haste = a.w > b.w ? Haste::take_out : Haste::take_in;
        } else {
            v.ux = 0.5 * a.w * sx;
            v.uy = 0.5 * a.w * sy;
        }
        return;
    }
    // Along the bisector and across it; exact to rounding for nearly parallel edges too.
    const double along = (a.w + b.w) / (sx * sx + sy * sy), across = (a.w - b.w) / (dx * dx + dy * dy);
    v.ux = along * sx + across * dx;
    v.uy = along * sy + across * dy;
    if (cross < 0) {
        v.reflex_at = static_cast<std::int32_t>(reflex_.size());
        reflex_.push_back(s);
    }
}

void Wavefront::set_key(std::int32_t s) {
    const Vertex& v = v_[s];
    if (v.haste != Haste::none) {
        key_[s] = -1.0;
    } else if (v.target >= 0 || v.ts < v_[v.prev].te) {
        key_[s] = std::min(v.te, v.ts);
    } else {
        key_[s] = v.te;
    }
}

// When the piece that starts at s shrinks to nothing.
void Wavefront::time_piece(std::int32_t s) {
    Vertex& a = v_[s];
    const Vertex& b = v_[a.next];
    const Edge& e = edges_[a.eout];
    const Point pa = at(a, now_), pb = at(b, now_);
    const double length = e.ny * (pb.x - pa.x) - e.nx * (pb.y - pa.y);
    const double rate = e.ny * (b.ux - a.ux) - e.nx * (b.uy - a.uy);
    if (length <= eps_) {
        a.te = rate < 0 && length > 0 ? now_ + length / -rate : now_;
        a.te = std::min(a.te, now_ + eps_);
    } else {
        a.te = rate < 0 ? now_ + length / -rate : never;
    }
}

// Does reflex vertex s, which reaches the line of a's piece after dt, run into the piece itself?
inline bool Wavefront::meets(const Vertex& v, std::int32_t s, std::int32_t a, double gap, double dt) const {
    const Vertex& va = v_[a];
    const std::int32_t b = va.next;
    if (a == s || b == s || a == v.next || b == v.prev) return false;
    const Vertex& vb = v_[b];
    const Edge& e = edges_[va.eout];
    const double t = now_ + dt;
    const Point q = at(v, t), pa = at(va, t), pb = at(vb, t);
    if (e.ny * (q.x - pa.x) - e.nx * (q.y - pa.y) < -eps_) return false;
    if (e.ny * (pb.x - q.x) - e.nx * (pb.y - q.y) < -eps_) return false;
    // What met at a point has been sorted out there; it must not meet again before it moves on.
    return gap > eps_ || (va.node != v.node && vb.node != v.node);
}

// Looks for the first piece that reflex vertex s runs into before the ends of its own two pieces meet.
void Wavefront::search(std::int32_t s) {
    Vertex& v = v_[s];
    v.limit = std::min({v.te, v_[v.prev].te, max_h_ + 2 * eps_});
    v.target = -1;
    v.ts = v.limit;
    const auto m = static_cast<std::int32_t>(v_.size());
    gap_.resize(v_.size());
    closing_.resize(v_.size());
    found_.resize(v_.size());
    double *const gaps = gap_.data(), *const closings = closing_.data();
    std::int32_t* const found = found_.data();
    const Point p = at(v, now_);
    const double ux = v.ux, uy = v.uy, span = v.limit - now_, lowest = -eps_, now = now_;
    const double *const nx = lines_.nx.data(), *const ny = lines_.ny.data();
    const double *const lc = lines_.c.data(), *const lw = lines_.w.data();
    for (std::int32_t a = 0; a < m; ++a) {
        closings[a] = lw[a] - (nx[a] * ux + ny[a] * uy);
        gaps[a] = nx[a] * p.x + ny[a] * p.y - lc[a] - lw[a] * now;
    }
    std::size_t k = 0;
    for (std::int32_t a = 0; a < m; ++a) {
        found[k] = a;
        const double gap = gaps[a], closing = closings[a];
        k += static_cast<std::size_t>((closing > 1e-12) & (gap > lowest) & (gap < span * closing));
    }
    for (std::size_t i = 0; i < k; ++i) {
        const std::int32_t a = found[i];
        const double gap = gaps[a], closing = closings[a];
        if (gap >= (v.ts - now) * closing) continue;
        const double dt = gap > 0 ? gap / closing : 0.0;
        if (!meets(v, s, a, gap, dt)) continue;
        v.ts = now + dt;
        v.target = a;
    }
    if (v.target >= 0) v.target_version = v_[v.target].version;
}

// Does reflex vertex s run into a changed piece sooner than into anything known?
inline void Wavefront::retry(std::int32_t s) {
    Vertex& v = v_[s];
    const Point p = at(v, now_);
    bool found = false;
    for (const std::int32_t a : changed_) {
        const double nx = lines_.nx[a], ny = lines_.ny[a];
        const double closing = lines_.w[a] - (nx * v.ux + ny * v.uy);
        const double gap = nx * p.x + ny * p.y - lines_.c[a] - lines_.w[a] * now_;
        if (!((closing > 1e-12) & (gap > -eps_) & (gap < (v.ts - now_) * closing))) continue;
        const double dt = gap > 0 ? gap / closing : 0.0;
        if (!meets(v, s, a, gap, dt)) continue;
        v.ts = now_ + dt;
        v.target = a;
        v.target_version = v_[a].version;
        found = true;
    }
    if (found) set_key(s);
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
    // A face without plan area hands its side of the outline over to its neighbour.
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
    v.eout = -1;
    lines_.w[s] = -1e300;
    v.haste = Haste::none;
    ++v.version;
    key_[s] = never;
    free_.push_back(s);
    --alive_;
}

std::int32_t Wavefront::birth(Point p, std::int32_t node, std::int32_t in, std::int32_t out) {
    std::int32_t s;
    if (free_.empty()) {
        s = static_cast<std::int32_t>(v_.size());
        v_.emplace_back();
        v_[s].version = 0;
        key_.push_back(never);
        lines_.resize(v_.size());
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
    lines_.set(s, edges_[out]);
    ++v.version;
    ++alive_;
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

// Around the event's point the wavefront is a fan of rays. Every sector that belongs to the inside
// runs counter-clockwise from an outgoing edge to an incoming one, and gets a vertex.
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

// Times of all that the newborn vertices changed.
void Wavefront::settle() {
    changed_.clear();
    for (const std::int32_t s : born_) {
        Vertex& v = v_[s];
        if (v.next == v.prev && v.haste == Haste::none) v.haste = Haste::close;
        ++v_[v.prev].version;
        changed_.push_back(s);
        if (v_[v.prev].event != event_) changed_.push_back(v.prev);
    }
    for (const std::int32_t s : born_) {
        time_piece(s);
        time_piece(v_[s].prev);
    }
    for (const std::int32_t r : reflex_) {
        Vertex& v = v_[r];
        if (v.haste != Haste::none) continue;
        if (v.limit < 0) {
            search(r);
            set_key(r);
            continue;
        }
        retry(r);
    }
    for (const std::int32_t s : born_) {
        set_key(s);
        set_key(v_[s].prev);
        set_key(v_[s].next);
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
        const auto m = static_cast<std::int32_t>(key_.size());
        for (std::int32_t s = 0; s < m; ++s) {
            if (key_[s] <= until && here(s, p)) {
                add_chain(s, p, false, false, node);
                split = false;
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

// Pieces for the edges that collinear neighbours took at the start; those may have been taken in turn.
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
        std::int32_t s = -1;
        const auto m = static_cast<std::int32_t>(key_.size());
        for (std::int32_t i = 0; i < m; ++i) {
            const double k = key_[i];
            second = std::min(second, std::max(first, k));
            s = k < first ? i : s;
            first = std::min(first, k);
        }
        if (first > max_h_ + eps_) {
            if (!(max_h_ < never)) return false;
            cut();
            break;
        }
        if (s < 0) return false;
        now_ = std::max(now_, first);
        process(s, second > now_ + eps_);
    }
    list_taken();
    return true;
}

}  // namespace geovision::skeleton
