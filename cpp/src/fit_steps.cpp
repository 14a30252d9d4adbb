// Borders between roofs that the outline does not show: where heights jump along a direction, or stop
// falling.
#include <algorithm>
#include <cmath>

#include "geovision/fit_decompose.hpp"

namespace geovision::fit {

namespace {

constexpr double least_jump = 0.6;   // metres beyond what the slopes on both sides explain
constexpr double least_kink = 0.25;  // rise per metre by which a roof bends upward; a valley between roofs
constexpr double sure_kink = 3;      // standard errors that it must be beyond that
constexpr double least_depth = 1.2;  // metres of the shallower piece
constexpr double cut_snap = 0.06;    // metres within which a cut ends at a vertex that is there already
constexpr int least_in_bin = 4;

double to_mm(double v) { return std::round(v * 1000) / 1000; }

double median(std::vector<double>& values) {
    const auto at = values.begin() + std::ptrdiff_t(values.size() / 2);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

struct Sample {
    double v, z;
};

// Heights along an axis: middles of bins, where they are known.
struct Profile {
    double low, high, bin;
    std::vector<Sample> samples;  // in no order
    std::vector<double> middle;   // of a bin's heights
    std::vector<char> known;
    std::vector<std::vector<double>> heights;  // of each bin

    double centre(std::size_t b) const { return low + (double(b) + 0.5) * bin; }
    double variance(std::size_t b) const;  // of that middle
    bool all_known(std::size_t from, std::size_t to) const {
        return std::all_of(known.begin() + std::ptrdiff_t(from), known.begin() + std::ptrdiff_t(to),
                           [](char k) { return k != 0; });
    }
};

double Profile::variance(std::size_t b) const {
    std::vector<double> off = heights[b];
    for (double& v : off) v = std::abs(v - middle[b]);
    const double scatter = 1.48 * median(off);
    return 1.57 * scatter * scatter / double(off.size());
}

struct Line {
    double v, z, slope;
    double at(double x) const { return z + slope * (x - v); }
};

bool make_profile(const Ring& ring, Vec axis, const std::vector<Height>& inside, double spacing, Profile& p) {
    p.low = 1e300, p.high = -1e300;
    for (const Vec q : ring) {
        const double v = q.x * axis.x + q.y * axis.y;
        p.low = std::min(p.low, v), p.high = std::max(p.high, v);
    }
    p.bin = std::max(0.3, 1.5 * spacing);
    const auto bins = std::size_t((p.high - p.low) / p.bin) + 1;
    if (bins < 6 || bins > 4000) return false;
    p.samples.clear();
    for (const Height& h : inside) p.samples.push_back({h.x * axis.x + h.y * axis.y, h.z});
    std::vector<std::vector<double>>& in = p.heights;
    if (in.size() < bins) in.resize(bins);
    for (std::size_t b = 0; b < bins; ++b) in[b].clear();
    for (const Sample& s : p.samples)
        in[std::min(bins - 1, std::size_t(std::max(0.0, (s.v - p.low) / p.bin)))].push_back(s.z);
    p.middle.assign(bins, 0), p.known.assign(bins, 0);
    for (std::size_t b = 0; b < bins; ++b) {
        std::vector<double>& values = in[b];
        if (int(values.size()) < least_in_bin) continue;
        p.middle[b] = median(values), p.known[b] = 1;
    }
    return true;
}

// Where the samples between two places part best into those on `before` and those on `behind`.
double best_gap(const Profile& p, double from, double to, const Line& before, const Line& behind) {
    std::vector<Sample> between;
    for (const Sample& s : p.samples)
        if (s.v >= from && s.v < to) between.push_back(s);
    std::sort(between.begin(), between.end(),
              [](const Sample& a, const Sample& b) { return a.v < b.v || (a.v == b.v && a.z < b.z); });
    double cost = 0, least = 0, at = (from + to) / 2, last = from;
    bool any = false;
    for (const Sample& s : between) {
        if (!any || cost < least) least = cost, at = (last + s.v) / 2, any = true;
        cost += std::min(std::abs(s.z - before.at(s.v)), 1.0) - std::min(std::abs(s.z - behind.at(s.v)), 1.0);
        last = s.v;
    }
    return any && cost < least ? (last + to) / 2 : at;
}

// The greatest jump; a bin that it runs through has a median of either side, so the bins two apart are
// compared.
Break find_jump(const Profile& p) {
    Break found;
    for (std::size_t b = 2; b + 2 < p.middle.size(); ++b) {
        const bool all = p.known[b - 2] && p.known[b - 1] && p.known[b + 1] && p.known[b + 2];
        if (!all) continue;
        const std::vector<double>& m = p.middle;
        const double slope = std::max(std::abs(m[b - 1] - m[b - 2]), std::abs(m[b + 2] - m[b + 1]));
        const double over = std::abs(m[b + 1] - m[b - 1]) - 2 * std::min(slope, 2 * p.bin) - 0.1;
        if (over <= std::max(found.size, least_jump)) continue;
        const double from = p.low + double(b - 1) * p.bin, to = p.low + double(b + 2) * p.bin;
        const double at = best_gap(p, from, to, {from, m[b - 1], 0}, {to, m[b + 1], 0});
        if (at - p.low < least_depth || p.high - at < least_depth) continue;
        found.place = at, found.size = over;
    }
    return found;
}

// The greatest upward bend. One roof over a simple plan bends downward only.
Break find_kink(const Profile& p) {
    Break found;
    for (std::size_t b = 3; b + 3 <= p.middle.size(); ++b) {
        if (!p.all_known(b - 3, b + 3)) continue;
        const std::vector<double>& m = p.middle;
        const Line before{p.centre(b - 2), (m[b - 3] + m[b - 2] + m[b - 1]) / 3,
                          (m[b - 1] - m[b - 3]) / (2 * p.bin)};
        const Line behind{p.centre(b + 1), (m[b] + m[b + 1] + m[b + 2]) / 3, (m[b + 2] - m[b]) / (2 * p.bin)};
        const double rise = behind.slope - before.slope, enough = std::max(found.size, least_kink);
        if (rise <= enough) continue;
        const double variance = p.variance(b - 3) + p.variance(b - 1) + p.variance(b) + p.variance(b + 2);
        const double bend = rise - sure_kink * (std::sqrt(variance) / (2 * p.bin));
        if (bend <= enough) continue;
        const double middle = p.low + double(b) * p.bin;
        const double at = best_gap(p, middle - 1.5 * p.bin, middle + 1.5 * p.bin, before, behind);
        if (at - p.low < least_depth || p.high - at < least_depth) continue;
        found.place = at, found.size = bend;
    }
    return found;
}

// A cut's end on edge i of the ring: a vertex of it where one is near, else the crossing.
Vec cut_end(const Ring& ring, std::size_t i, Vec crossing) {
    Vec best = crossing;
    double nearest = cut_snap;
    for (const Vec p : {ring[i], ring[(i + 1) % ring.size()]}) {
        const double away = norm(p.x - crossing.x, p.y - crossing.y);
        if (away < nearest) nearest = away, best = p;
    }
    return best;
}

}  // namespace

Breaks find_breaks(const Ring& ring, const std::vector<Vec>& axes, const std::vector<Height>& heights,
                   double spacing) {
    std::vector<Height> inside;
    for (const Height& h : heights)
        if (contains(ring, h.x, h.y)) inside.push_back(h);
    Breaks best;
    Profile p;
    for (const Vec axis : axes) {
        if (!make_profile(ring, axis, inside, spacing, p)) continue;
        const auto take = [&](Break found, Break& to) {
            if (found.size > to.size + 1e-9) to = found, to.axis = axis;
        };
        take(find_jump(p), best.jump), take(find_kink(p), best.kink);
    }
    return best;
}

bool cut_along(const Ring& ring, Vec axis, double place, Ring& before, Ring& behind) {
    const std::size_t n = ring.size();
    const auto side = [&](Vec p) { return p.x * axis.x + p.y * axis.y - place; };
    before.clear(), behind.clear();
    int crossings = 0;
    const auto same = [](Vec a, Vec b) { return norm(a.x - b.x, a.y - b.y) <= 1e-9; };
    const auto add = [&](Ring& piece, Vec p) {
        if (piece.empty() || !same(piece.back(), p)) piece.push_back(p);
    };
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % n];
        const double sa = side(a), sb = side(b);
        add(sa < 0 ? before : behind, a);
        if ((sa < 0) == (sb < 0)) continue;
        ++crossings;
        const double t = sa / (sa - sb);
        const Vec at = cut_end(ring, i, {to_mm(a.x + t * (b.x - a.x)), to_mm(a.y + t * (b.y - a.y))});
        add(before, at), add(behind, at);
    }
    for (Ring* piece : {&before, &behind})
        if (piece->size() > 1 && same(piece->front(), piece->back())) piece->pop_back();
    // More than two crossings would leave pieces that hang together by a line.
    if (crossings != 2) return false;
    for (Ring* piece : {&before, &behind}) {
        const auto tiny = [&](std::size_t i) {
            const Vec a = (*piece)[i], b = (*piece)[(i + 1) % piece->size()];
            return norm(b.x - a.x, b.y - a.y) < 0.02;
        };
        for (std::size_t i = 0; i < piece->size(); ++i)
            if (tiny(i)) return false;
        if (piece->size() < 3 || area_of(*piece) < 2) return false;
    }
    return true;
}

}  // namespace geovision::fit
