// How wavefront vertices move, and when they meet something.
#include <algorithm>
#include <cmath>

#include "skeleton_wavefront.hpp"

namespace geovision::skeleton {

namespace {
constexpr double parallel = 1e-8;  // sine of the angle under which two edges are parallel
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
    const double after = length / -rate;
    a.te = rate < 0 ? now_ + after : never;
    if (length <= eps_) a.te = rate < 0 && length > 0 ? std::min(a.te, now_ + eps_) : now_;
}

// Does reflex vertex s, which reaches the line of a's piece after dt, run into the piece itself?
inline bool Wavefront::meets(const Vertex& v, std::int32_t s, std::int32_t a, double gap, double dt) const {
    // Branches here are as good as random, so the tests are joined without any.
    const Vertex& va = v_[a];
    const std::int32_t b = va.next;
    const Vertex& vb = v_[b];
    const double nx = lines_.nx[a], ny = lines_.ny[a];
    const double t = now_ + dt;
    const Point q = at(v, t), pa = at(va, t), pb = at(vb, t);
    const double from_a = ny * (q.x - pa.x) - nx * (q.y - pa.y), to_b = ny * (pb.x - q.x) - nx * (pb.y - q.y);
    const bool own = (a == s) | (b == s) | (a == v.next) | (b == v.prev);
    // What met at a point has been sorted out there; it must not meet again before it moves on.
    const bool again = (gap <= eps_) & ((va.node == v.node) | (vb.node == v.node));
    return (from_a >= -eps_) & (to_b >= -eps_) & !own & !again;
}

// Looks for the first piece that reflex vertex s runs into before the ends of its own two pieces meet.
void Wavefront::search(std::int32_t s) {
    Vertex& v = v_[s];
    v.limit = std::min({v.te, v_[v.prev].te, max_h_ + 2 * eps_});
    v.target = -1;
    v.ts = v.limit;
    const auto m = static_cast<std::int32_t>(v_.size());
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
