// How wavefront vertices move, and when they meet something.
#include <algorithm>
#include <cmath>

#include "skeleton_wavefront.hpp"

namespace geovision::skeleton {

namespace {

constexpr double parallel = 1e-8;  // sine of the angle under which two edges are parallel

struct Approach {  // of a moving vertex to lines
    double x, y, ux, uy, now, lowest, span;
};

// How fast and from how far a vertex comes to each of `n` lines that move as
// well. `off` is below zero where it comes closer, the line lies ahead and is
// met in time. A function of its own, so that the compiler knows the columns to
// be apart and takes several lines at a time.
void approach(const double* __restrict nx, const double* __restrict ny, const double* __restrict c,
              const double* __restrict w, double* __restrict closings, double* __restrict gaps,
              double* __restrict off, std::size_t n, const Approach& v) {
    const double x = v.x, y = v.y, ux = v.ux, uy = v.uy, now = v.now, lowest = v.lowest, span = v.span;
    for (std::size_t i = 0; i < n; ++i) {
        const double closing = w[i] - (nx[i] * ux + ny[i] * uy);
        const double gap = nx[i] * x + ny[i] * y - c[i] - w[i] * now;
        closings[i] = closing;
        gaps[i] = gap;
        off[i] = std::max(std::max(lowest - gap, 1e-12 - closing), gap - span * closing);
    }
}

}  // namespace

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
    // Along the bisector and across it; exact to rounding for nearly parallel
    // edges too.
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
        key_[v.place] = -1.0;
    } else if (v.target >= 0 || v.ts < v_[v.prev].te) {
        key_[v.place] = std::min(v.te, v.ts);
    } else {
        key_[v.place] = v.te;
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
    const double after = length / -rate;
    a.te = rate < 0 ? now_ + after : never;
    if (length <= eps_) a.te = rate < 0 && length > 0 ? std::min(a.te, now_ + eps_) : now_;
}

// Does reflex vertex s, which reaches the line of a's piece after dt, run into
// the piece itself?
inline bool Wavefront::meets(const Vertex& v, std::int32_t s, std::int32_t a, double gap, double dt) const {
    // Branches here are as good as random, so the tests are joined without any.
    const Vertex& va = v_[a];
    const std::int32_t b = va.next;
    const Vertex& vb = v_[b];
    const double nx = edges_[va.eout].nx, ny = edges_[va.eout].ny;
    const double t = now_ + dt;
    const Point q = at(v, t), pa = at(va, t), pb = at(vb, t);
    const double from_a = ny * (q.x - pa.x) - nx * (q.y - pa.y), to_b = ny * (pb.x - q.x) - nx * (pb.y - q.y);
    const bool own = (a == s) | (b == s) | (a == v.next) | (b == v.prev);
    // What met at a point has been sorted out there; it must not meet again
    // before it moves on.
    const bool again = (gap <= eps_) & ((va.node == v.node) | (vb.node == v.node));
    return (from_a >= -eps_) & (to_b >= -eps_) & !own & !again;
}

// Looks for the first piece that reflex vertex s runs into before the ends of
// its own two pieces meet.
void Wavefront::search(std::int32_t s) {
    Vertex& v = v_[s];
    v.limit = std::min({v.te, v_[v.prev].te, max_h_ + 2 * eps_});
    v.target = -1;
    v.ts = v.limit;
    double *const gaps = gap_.data(), *const closings = closing_.data(), *const off = off_.data();
    std::int32_t* const found = found_.data();
    const Point p = at(v, now_);
    const double now = now_;
    approach(lines_.nx.data(), lines_.ny.data(), lines_.c.data(), lines_.w.data(), closings, gaps, off,
             static_cast<std::size_t>(alive_), {p.x, p.y, v.ux, v.uy, now, -eps_, v.limit - now});
    std::size_t k = 0;
    for (std::int32_t a = 0; a < alive_; ++a) {
        found[k] = a;
        k += off[a] < 0;
    }
    for (std::size_t i = 0; i < k; ++i) {
        const double gap = gaps[found[i]], closing = closings[found[i]];
        if (gap >= (v.ts - now) * closing) continue;
        const std::int32_t a = slot_[found[i]];
        const double dt = gap > 0 ? gap / closing : 0.0;
        if (!meets(v, s, a, gap, dt)) continue;
        v.ts = now + dt;
        v.target = a;
    }
    if (v.target >= 0) v.target_version = v_[v.target].version;
}

// Does reflex vertex s run into a changed piece sooner than into anything
// known?
inline void Wavefront::retry(std::int32_t s) {
    Vertex& v = v_[s];
    const Point p = at(v, now_);
    bool found = false;
    for (const std::int32_t a : changed_) {
        const Edge& e = edges_[v_[a].eout];
        const double closing = e.w - (e.nx * v.ux + e.ny * v.uy);
        const double gap = e.nx * p.x + e.ny * p.y - e.c - e.w * now_;
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

}  // namespace geovision::skeleton
