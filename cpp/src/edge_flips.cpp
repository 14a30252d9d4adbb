#include "edge_flips.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {
namespace {

constexpr double least_gain = 1e-7;     // sine: angles that differ by less, as in a grid of windows, stay
constexpr std::size_t most_flips = 16;  // for every edge; a bound that is not met but for rounding

std::int32_t next_half(std::int32_t h) { return h % 3 == 2 ? h - 2 : h + 1; }
std::int32_t last_half(std::int32_t h) { return h % 3 == 0 ? h + 2 : h - 1; }

// Are the angles at c and d, which face the edge ab from both sides, more than half a turn together?
bool should_flip(Point a, Point b, Point c, Point d) {
    const auto corner = [&](Point at, double& sine, double& cosine) {
        const double ux = double(a.x) - at.x, uy = double(a.y) - at.y, vx = double(b.x) - at.x,
                     vy = double(b.y) - at.y;
        const double scale = 1 / std::sqrt((ux * ux + uy * uy) * (vx * vx + vy * vy));
        sine = std::abs(ux * vy - uy * vx) * scale, cosine = (ux * vx + uy * vy) * scale;
    };
    double sc, cc, sd, cd;
    corner(c, sc, cc), corner(d, sd, cd);
    return sc * cd + cc * sd < -least_gain;
}

}  // namespace

void EdgeFlips::run(const std::vector<Point>& points, std::vector<std::int32_t>& t) {
    const auto halves = std::int32_t(t.size());
    if (halves < 6) return;
    sides_.clear();
    for (std::int32_t h = 0; h < halves; ++h) {
        const std::int32_t a = t[std::size_t(h)], b = t[std::size_t(next_half(h))];
        sides_.push_back({std::min(a, b), std::max(a, b), h});
    }
    std::sort(sides_.begin(), sides_.end(), [](const Side& p, const Side& q) {
        return p.low != q.low ? p.low < q.low : p.high != q.high ? p.high < q.high : p.half < q.half;
    });
    twin_.assign(std::size_t(halves), -1), pending_.clear();
    for (std::size_t i = 1; i < sides_.size(); ++i)
        if (sides_[i].low == sides_[i - 1].low && sides_[i].high == sides_[i - 1].high) {
            twin_[std::size_t(sides_[i].half)] = sides_[i - 1].half;
            twin_[std::size_t(sides_[i - 1].half)] = sides_[i].half;
            pending_.push_back(sides_[i].half);
        }
    const auto at = [&](std::int32_t h) { return points[std::size_t(t[std::size_t(h)])]; };
    const auto link = [&](std::int32_t h, std::int32_t twin) {
        twin_[std::size_t(h)] = twin;
        if (twin >= 0) twin_[std::size_t(twin)] = h;
    };
    std::size_t left = most_flips * pending_.size();
    while (!pending_.empty() && left-- > 0) {
        const std::int32_t h = pending_.back(), g = twin_[std::size_t(h)];
        pending_.pop_back();
        if (g < 0) continue;
        const std::int32_t h1 = next_half(h), h2 = last_half(h), g1 = next_half(g), g2 = last_half(g);
        const Point a = at(h), b = at(h1), c = at(h2), d = at(g2);
        if (orient(c, a, d) <= 0 || orient(d, b, c) <= 0 || !should_flip(a, b, c, d)) continue;
        // a b c and b a d become d c a and c d b: half h runs from d to c, g from c to d.
        const std::int32_t vc = t[std::size_t(h2)], vd = t[std::size_t(g2)], va = t[std::size_t(h)],
                           vb = t[std::size_t(h1)];
        const std::int32_t bc = twin_[std::size_t(h1)], ca = twin_[std::size_t(h2)],
                           ad = twin_[std::size_t(g1)], db = twin_[std::size_t(g2)];
        t[std::size_t(h)] = vd, t[std::size_t(h1)] = vc, t[std::size_t(h2)] = va;
        t[std::size_t(g)] = vc, t[std::size_t(g1)] = vd, t[std::size_t(g2)] = vb;
        link(h1, ca), link(h2, ad), link(g1, db), link(g2, bc);
        for (const std::int32_t edge : {h1, h2, g1, g2})
            if (twin_[std::size_t(edge)] >= 0) pending_.push_back(edge);
    }
}

}  // namespace geovision
