// Steps that the outline does not show: where the heights of points jump along a direction.
#include <algorithm>
#include <cmath>

#include "geovision/fit_decompose.hpp"

namespace geovision::fit {

namespace {

constexpr double least_jump = 0.6;   // metres beyond what the slopes on both sides explain
constexpr double least_depth = 1.2;  // metres of the shallower piece
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

// Where the samples, sorted by v, part best into those at `low` before and those at `high` behind.
double best_gap(const std::vector<Sample>& samples, double from, double to, double before, double behind) {
    double cost = 0, least = 0, at = (from + to) / 2, last = from;
    bool any = false;
    for (const Sample& s : samples) {
        if (s.v < from || s.v >= to) continue;
        if (!any || cost < least) least = cost, at = (last + s.v) / 2, any = true;
        cost += std::min(std::abs(s.z - before), 1.0) - std::min(std::abs(s.z - behind), 1.0);
        last = s.v;
    }
    return any && cost < least ? (last + to) / 2 : at;
}

}  // namespace

bool find_step(const Ring& ring, Vec axis, const std::vector<double>& x, const std::vector<double>& y,
               const std::vector<double>& z, double spacing, double* place, double* jump) {
    double low = 1e300, high = -1e300;
    for (const Vec p : ring) {
        const double v = p.x * axis.x + p.y * axis.y;
        low = std::min(low, v), high = std::max(high, v);
    }
    const double bin = std::max(0.3, 1.5 * spacing);
    const auto bins = std::size_t((high - low) / bin) + 1;
    if (bins < 6 || bins > 4000) return false;
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (contains(ring, x[i], y[i])) samples.push_back({x[i] * axis.x + y[i] * axis.y, z[i]});
    std::stable_sort(samples.begin(), samples.end(),
                     [](const Sample& a, const Sample& b) { return a.v < b.v; });
    std::vector<double> middle(bins, 0), values;
    std::vector<char> known(bins, 0);
    std::size_t next = 0;
    for (std::size_t b = 0; b < bins; ++b) {
        values.clear();
        for (; next < samples.size() && samples[next].v < low + double(b + 1) * bin; ++next)
            values.push_back(samples[next].z);
        if (int(values.size()) < least_in_bin) continue;
        middle[b] = median(values), known[b] = 1;
    }
    // A bin that the step runs through has a median of either side, so the bins two apart are compared.
    *jump = least_jump;
    bool found = false;
    for (std::size_t b = 2; b + 2 < bins; ++b) {
        const bool all = known[b - 2] && known[b - 1] && known[b + 1] && known[b + 2];
        if (!all) continue;
        const double left = middle[b - 1] - middle[b - 2], right = middle[b + 2] - middle[b + 1];
        const double slope = std::max(std::abs(left), std::abs(right));
        const double over = std::abs(middle[b + 1] - middle[b - 1]) - 2 * std::min(slope, 2 * bin) - 0.1;
        if (over <= *jump) continue;
        const double from = low + double(b - 1) * bin, to = low + double(b + 2) * bin;
        const double at = best_gap(samples, from, to, middle[b - 1], middle[b + 1]);
        if (at - low < least_depth || high - at < least_depth) continue;
        *jump = over, *place = at, found = true;
    }
    return found;
}

bool cut_along(const Ring& ring, Vec axis, double place, Ring& before, Ring& behind) {
    const std::size_t n = ring.size();
    const auto side = [&](Vec p) { return p.x * axis.x + p.y * axis.y - place; };
    before.clear(), behind.clear();
    int crossings = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % n];
        const double sa = side(a), sb = side(b);
        (sa < 0 ? before : behind).push_back(a);
        if ((sa < 0) == (sb < 0)) continue;
        ++crossings;
        const double t = sa / (sa - sb);
        const Vec at{to_mm(a.x + t * (b.x - a.x)), to_mm(a.y + t * (b.y - a.y))};
        for (Ring* piece : {&before, &behind})
            if (piece->empty() || norm(piece->back().x - at.x, piece->back().y - at.y) > 1e-9)
                piece->push_back(at);
    }
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
