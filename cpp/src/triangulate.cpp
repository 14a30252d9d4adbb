#include "geovision/triangulate.hpp"

#include <algorithm>

namespace geovision {

namespace {

bool on_segment(Point a, Point b, Point p) {
    return orient(a, b, p) == 0 && std::min(a.x, b.x) <= p.x && p.x <= std::max(a.x, b.x) &&
           std::min(a.y, b.y) <= p.y && p.y <= std::max(a.y, b.y);
}

// Does direction p->q leave apex p strictly inside the sector that opens counter-clockwise from p->a to p->b?
bool in_sector(Point p, Point a, Point b, Point q) {
    if (orient(p, a, b) > 0) return orient(p, a, q) > 0 && orient(p, q, b) > 0;
    if (orient(p, a, b) == 0 && angle_less({a.x - p.x, a.y - p.y}, {b.x - p.x, b.y - p.y}) == false &&
        (std::int64_t(a.x - p.x) * (b.x - p.x) + std::int64_t(a.y - p.y) * (b.y - p.y)) > 0)
        return !(on_segment(p, a, q) || on_segment(p, q, a));  // a slit: all but the slit itself
    return !(orient(p, b, q) >= 0 && orient(p, q, a) >= 0);
}

// Room for `count` more triangles.
std::int32_t* extend(std::vector<std::int32_t>& triangles, std::int32_t count) {
    const std::size_t before = triangles.size();
    triangles.resize(before + 3 * std::size_t(count));
    return triangles.data() + before;
}

}  // namespace

bool Triangulator::run(const std::vector<Point>& points, const std::int32_t* ring,
                       const std::int32_t* ring_begin, std::int32_t rings,
                       std::vector<std::int32_t>& triangles) {
    const std::size_t before = triangles.size();
    points_ = &points;
    const std::int32_t n = ring_begin[1] - ring_begin[0];
    if (n < 3) return false;
    if (rings == 1 && fan(ring + ring_begin[0], n, triangles)) return true;
    ids_.assign(ring + ring_begin[0], ring + ring_begin[1]);
    prev_.resize(std::size_t(n));
    next_.resize(std::size_t(n));
    for (std::int32_t i = 0; i < n; ++i) {
        prev_[std::size_t(i)] = i > 0 ? i - 1 : n - 1;
        next_[std::size_t(i)] = i + 1 < n ? i + 1 : 0;
    }
    if (rings > 1 && !bridge(ring, ring_begin, rings)) return false;
    if (clip(triangles)) return true;
    triangles.resize(before);
    return false;
}

// Small rings with at most two corners that are not convex, the common case, need no search: from one of
// them, or from the first corner, all of the ring is mostly seen.
bool Triangulator::fan(const std::int32_t* ring, std::int32_t n, std::vector<std::int32_t>& triangles) const {
    constexpr std::int32_t most = 16;
    if (n > most) return false;
    Point p[2 * most];
    for (std::int32_t i = 0; i < n; ++i) p[i] = p[i + n] = (*points_)[std::size_t(ring[i])];
    std::int32_t reflex[2] = {0, 0}, count = 0;  // the last two
    for (std::int32_t i = 1; i <= n; ++i) {
        const bool convex = orient(p[i - 1], p[i], p[i + 1]) > 0;
        reflex[1] = convex ? reflex[1] : reflex[0];
        reflex[0] = convex ? reflex[0] : i;
        count += !convex;
    }
    if (count > 2) return false;
    const auto sees_all = [&](std::int32_t from) {  // all triangles are counter-clockwise
        bool good = true;
        for (std::int32_t k = 2; k < n; ++k) good &= orient(p[from], p[from + k - 1], p[from + k]) > 0;
        return good;
    };
    std::int32_t from = reflex[0] % n;
    if (count == 0 && n > 4) {  // and turn less than once about the corner
        bool good = sees_all(0);
        for (std::int32_t k = 2; k < n; ++k) good &= orient(p[0], p[1], p[k]) > 0;
        if (!good) return false;
    } else if (count > 0 && !sees_all(from)) {
        from = reflex[1] % n;
        if (count == 1 || !sees_all(from)) return false;
    }
    std::int32_t* out = extend(triangles, n - 2);
    for (std::int32_t k = 2, a = from + 1 < n ? from + 1 : 0; k < n; ++k, out += 3) {
        const std::int32_t b = a + 1 < n ? a + 1 : 0;
        out[0] = ring[from], out[1] = ring[a], out[2] = ring[b];
        a = b;
    }
    return true;
}

// Is the segment from a node of the merged ring to vertex `id` free of every edge and vertex?
bool Triangulator::visible(std::int32_t node, std::int32_t id, const std::int32_t* ring,
                           const std::int32_t* ring_begin, std::int32_t rings) const {
    const Point p = at(node), q = (*points_)[std::size_t(id)];
    if (!in_sector(p, at(next_[std::size_t(node)]), at(prev_[std::size_t(node)]), q)) return false;
    const auto blocks = [&](Point a, Point b) {
        if (a != p && a != q && on_segment(p, q, a)) return true;
        return proper_crossing(p, q, a, b);
    };
    std::int32_t i = 0;
    do {
        if (blocks(at(i), at(next_[std::size_t(i)]))) return false;
        i = next_[std::size_t(i)];
    } while (i != 0);
    for (std::int32_t r = 1; r < rings; ++r) {
        const std::int32_t begin = ring_begin[r], end = ring_begin[r + 1];
        for (std::int32_t k = begin; k < end; ++k) {
            const std::int32_t m = k + 1 < end ? k + 1 : begin;
            if (blocks((*points_)[std::size_t(ring[k])], (*points_)[std::size_t(ring[m])])) return false;
        }
    }
    return true;
}

// Joins every hole to the merged ring: where it touches it, else by a double edge from the leftmost vertex of
// the leftmost hole that is left, which always sees the ring.
bool Triangulator::bridge(const std::int32_t* ring, const std::int32_t* ring_begin, std::int32_t rings) {
    const auto leftmost = [&](std::int32_t r) {
        return *std::min_element(&order_[std::size_t(ring_begin[r])], &order_[std::size_t(ring_begin[r + 1])],
                                 [&](std::int32_t a, std::int32_t b) {
                                     const Point p = (*points_)[std::size_t(ring[a])],
                                                 q = (*points_)[std::size_t(ring[b])];
                                     return p.x != q.x ? p.x < q.x : p.y != q.y ? p.y < q.y : a < b;
                                 });
    };
    order_.resize(std::size_t(ring_begin[rings]));
    for (std::size_t k = 0; k < order_.size(); ++k) order_[k] = std::int32_t(k);
    pending_.clear();
    for (std::int32_t r = 1; r < rings; ++r) pending_.push_back(r);
    std::sort(pending_.begin(), pending_.end(), [&](std::int32_t a, std::int32_t b) {
        const Point p = (*points_)[std::size_t(ring[leftmost(a)])],
                    q = (*points_)[std::size_t(ring[leftmost(b)])];
        return p.x != q.x ? p.x < q.x : p.y != q.y ? p.y < q.y : a < b;
    });
    while (!pending_.empty()) {
        std::int32_t node = -1, corner = -1;
        std::size_t chosen = 0;
        for (std::size_t i = 0; i < pending_.size() && node < 0; ++i) {
            const std::int32_t r = pending_[i];
            for (std::int32_t k = ring_begin[r]; k < ring_begin[r + 1] && node < 0; ++k) {
                node = touching_node(ring, ring_begin[r], ring_begin[r + 1], k);
                corner = k, chosen = i;
            }
        }
        if (node < 0) {
            chosen = 0;
            corner = leftmost(pending_[0]);
            node = nearest_visible(ring, ring_begin, rings, pending_[0], corner);
        }
        if (node < 0) return false;
        const std::int32_t r = pending_[chosen];
        join(node, ring, ring_begin[r], ring_begin[r + 1], corner);
        pending_.erase(pending_.begin() + std::ptrdiff_t(chosen));
    }
    return true;
}

namespace {

// Neighbours of corner k in the ring [begin, end).
std::int32_t following(std::int32_t k, std::int32_t begin, std::int32_t end) {
    return k + 1 < end ? k + 1 : begin;
}
std::int32_t preceding(std::int32_t k, std::int32_t begin, std::int32_t end) {
    return k > begin ? k - 1 : end - 1;
}

}  // namespace

// The node of the merged ring at the place of the hole's corner k in whose sector the hole lies, or -1.
std::int32_t Triangulator::touching_node(const std::int32_t* ring, std::int32_t begin, std::int32_t end,
                                         std::int32_t k) const {
    const Point h = (*points_)[std::size_t(ring[k])],
                after = (*points_)[std::size_t(ring[following(k, begin, end)])];
    std::int32_t i = 0;
    do {
        if (at(i) == h && in_sector(h, at(next_[std::size_t(i)]), at(prev_[std::size_t(i)]), after)) return i;
        i = next_[std::size_t(i)];
    } while (i != 0);
    return -1;
}

std::int32_t Triangulator::nearest_visible(const std::int32_t* ring, const std::int32_t* ring_begin,
                                           std::int32_t rings, std::int32_t r, std::int32_t k) {
    const Point h = (*points_)[std::size_t(ring[k])];
    const Point after = (*points_)[std::size_t(ring[following(k, ring_begin[r], ring_begin[r + 1])])];
    const Point ahead = (*points_)[std::size_t(ring[preceding(k, ring_begin[r], ring_begin[r + 1])])];
    scratch_.clear();
    std::int32_t i = 0;
    do {
        scratch_.push_back(i);
        i = next_[std::size_t(i)];
    } while (i != 0);
    std::sort(scratch_.begin(), scratch_.end(), [&](std::int32_t a, std::int32_t b) {
        const std::int64_t da = dist2(at(a), h), db = dist2(at(b), h);
        return da != db ? da < db : a < b;
    });
    for (const std::int32_t node : scratch_)
        if (in_sector(h, after, ahead, at(node)) && visible(node, ring[k], ring, ring_begin, rings))
            return node;
    return -1;
}

// node -> corner k -> round the hole -> corner k again -> node again -> the node's successor.
void Triangulator::join(std::int32_t node, const std::int32_t* ring, std::int32_t begin, std::int32_t end,
                        std::int32_t k) {
    const bool touching = at(node) == (*points_)[std::size_t(ring[k])];
    const std::int32_t size = end - begin, resume = next_[std::size_t(node)];
    std::int32_t last = node;
    const auto append = [&](std::int32_t id) {
        const auto i = std::int32_t(ids_.size());
        ids_.push_back(id);
        prev_.push_back(last);
        next_.push_back(-1);
        next_[std::size_t(last)] = i;
        last = i;
    };
    for (std::int32_t s = touching ? 1 : 0; s <= size; ++s) append(ring[begin + (k - begin + s) % size]);
    if (!touching) append(ids_[std::size_t(node)]);
    next_[std::size_t(last)] = resume;
    prev_[std::size_t(resume)] = last;
}

// Nothing of the ring lies in the triangle that corner b cuts off. Where anything does, so does a corner that
// is not convex.
bool Triangulator::is_ear(std::int32_t b) const {
    const std::int32_t a = prev_[std::size_t(b)], c = next_[std::size_t(b)];
    const Point p = at(a), q = at(b), r = at(c);
    if (orient(p, q, r) <= 0) return false;  // a ring that crosses itself may turn a convex corner over
    const std::int32_t x0 = std::min({p.x, q.x, r.x}), x1 = std::max({p.x, q.x, r.x});
    const std::int32_t y0 = std::min({p.y, q.y, r.y}), y1 = std::max({p.y, q.y, r.y});
    std::int32_t near = 0;  // counted without a branch: mostly none but a and c, where they are reflex
    for (const Reflex& t : reflex_) near += (t.x >= x0) & (t.x <= x1) & (t.y >= y0) & (t.y <= y1);
    if (near == (reflex_at_[std::size_t(a)] >= 0) + (reflex_at_[std::size_t(c)] >= 0)) return true;
    for (const Reflex& reflex : reflex_) {
        const Point t{reflex.x, reflex.y};
        const std::int32_t i = reflex.node;
        if ((t.x < x0) | (t.x > x1) | (t.y < y0) | (t.y > y1) | (i == a) | (i == c)) continue;
        if (t == p || t == q || t == r) {
            // The ring passes this corner again: it must not enter the triangle from it.
            const Point lo = t == p ? q : t == q ? r : p, hi = t == p ? r : t == q ? p : q;
            if (in_convex_cone(t, lo, hi, at(next_[std::size_t(i)])) ||
                in_convex_cone(t, lo, hi, at(prev_[std::size_t(i)])))
                return false;
            continue;
        }
        if (orient(p, q, t) >= 0 && orient(q, r, t) >= 0 && orient(r, p, t) >= 0) return false;
    }
    return true;
}

bool Triangulator::convex(std::int32_t b) const {
    return orient(at(prev_[std::size_t(b)]), at(b), at(next_[std::size_t(b)])) > 0;
}

// Cutting an ear off makes the corners beside it narrower, never wider.
void Triangulator::narrowed(std::int32_t node) {
    std::int32_t& place = reflex_at_[std::size_t(node)];
    if (place < 0 || !convex(node)) return;
    reflex_[std::size_t(place)] = reflex_.back();
    reflex_at_[std::size_t(reflex_.back().node)] = place;
    reflex_.pop_back();
    place = -1;
}

bool Triangulator::clip(std::vector<std::int32_t>& triangles) {
    auto left = std::int32_t(ids_.size());
    reflex_.clear();
    reflex_at_.assign(ids_.size(), -1);
    for (std::int32_t i = 0; i < left; ++i) {
        if (convex(i)) continue;
        reflex_at_[std::size_t(i)] = std::int32_t(reflex_.size());
        reflex_.push_back({at(i).x, at(i).y, i});
    }
    std::int32_t* out = extend(triangles, left - 2);
    const auto cut = [&](std::int32_t a, std::int32_t b, std::int32_t c) {
        out[0] = ids_[std::size_t(a)], out[1] = ids_[std::size_t(b)], out[2] = ids_[std::size_t(c)];
        out += 3;
    };
    std::int32_t b = 0, tried = 0;
    while (left > 3) {
        if (reflex_at_[std::size_t(b)] < 0 && is_ear(b)) {
            const std::int32_t a = prev_[std::size_t(b)], c = next_[std::size_t(b)];
            cut(a, b, c);
            next_[std::size_t(a)] = c;
            prev_[std::size_t(c)] = a;
            narrowed(a);
            narrowed(c);
            --left;
            tried = 0;
            b = next_[std::size_t(c)];  // skipping one keeps triangles from fanning into slivers
        } else {
            b = next_[std::size_t(b)];
            if (++tried > left) return false;
        }
    }
    const std::int32_t a = prev_[std::size_t(b)], c = next_[std::size_t(b)];
    if (orient(at(a), at(b), at(c)) <= 0) return false;
    cut(a, b, c);
    return true;
}

}  // namespace geovision
