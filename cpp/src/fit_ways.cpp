// The ways to cut a building: where its outline bends, where heights jump or bend, and levels set back.
#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/fit_search.hpp"

namespace geovision::fit {

namespace {

constexpr int step_points = 500;
constexpr int sides = 4;                // of a level that is set back
constexpr double least_set_back = 0.4;  // metres; nearer to a wall a level stands on it
constexpr int settling_rounds = 3;

double to_mm(double v) { return std::round(v * 1000) / 1000; }

// Directions of slopes without those that only point the other way.
std::vector<Vec> slope_axes(const Ring& ring, double jitter) {
    std::vector<Vec> axes;
    for (const Vec down : slope_directions(ring, jitter))
        if (std::none_of(axes.begin(), axes.end(), [&](Vec d) { return opposite(d, down); }))
            axes.push_back(down);
    return axes;
}

// How far a place lies from the nearest wall.
double from_walls(const Ring& ring, Vec p) {
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % ring.size()], d{b.x - a.x, b.y - a.y};
        const double l2 = d.x * d.x + d.y * d.y;
        const double t = l2 > 0 ? std::clamp(((p.x - a.x) * d.x + (p.y - a.y) * d.y) / l2, 0.0, 1.0) : 0;
        nearest = std::min(nearest, norm(p.x - a.x - t * d.x, p.y - a.y - t * d.y));
    }
    return nearest;
}

double middle_of(std::vector<double> z) {
    const auto at = z.begin() + std::ptrdiff_t(z.size() / 2);
    std::nth_element(z.begin(), at, z.end());
    return *at;
}

struct Placed {
    double u, v;  // along the sides of a level
    bool high;
};

// Where along `u` the high points end, as seen from the middle outward; `sign` says which way.
double end_of(const std::vector<Placed>& points, double Placed::* u, double middle, double sign) {
    std::vector<std::pair<double, bool>> out;
    for (const Placed& p : points)
        if (sign * (p.*u - middle) > 0) out.push_back({sign * (p.*u - middle), p.high});
    std::sort(out.begin(), out.end());
    // Low points before the end and high ones behind it are wrong.
    int wrong = int(std::count_if(out.begin(), out.end(), [](const auto& p) { return p.second; }));
    int least = wrong;
    double best = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        wrong += out[i].second ? -1 : 1;
        if (wrong >= least) continue;
        least = wrong;
        best = i + 1 < out.size() ? (out[i].first + out[i + 1].first) / 2 : out[i].first;
    }
    return middle + sign * best;
}

// A level of four sides with each of them where the points say that it ends: cuts were placed one by one, in
// strips that hold more than one level.
Ring settled(const Ring& level, const std::vector<Height>& heights) {
    const Vec o = level[0];
    const double length = norm(level[1].x - o.x, level[1].y - o.y);
    if (level.size() != sides || length < 0.1) return level;
    const Vec along{(level[1].x - o.x) / length, (level[1].y - o.y) / length};
    std::vector<double> inner, outer;
    for (const Height& h : heights) (contains(level, h.x, h.y) ? inner : outer).push_back(h.z);
    if (inner.empty() || outer.empty()) return level;
    const double between = (middle_of(inner) + middle_of(outer)) / 2;
    const bool above = middle_of(inner) > between;
    std::vector<Placed> points;
    for (const Height& h : heights) {
        const double x = h.x - o.x, y = h.y - o.y;
        points.push_back({x * along.x + y * along.y, y * along.x - x * along.y, (h.z > between) == above});
    }
    double low[2] = {0, 0}, high[2] = {length, (level[2].x - o.x) * -along.y + (level[2].y - o.y) * along.x};
    double Placed::* const axis[2] = {&Placed::u, &Placed::v};
    for (int round = 0; round < settling_rounds; ++round)
        for (int k = 0; k < 2; ++k) {
            const auto other = axis[1 - k];
            std::vector<Placed> beside;
            for (const Placed& p : points)
                if (p.*other > low[1 - k] && p.*other < high[1 - k]) beside.push_back(p);
            const double middle = (low[k] + high[k]) / 2;
            low[k] = end_of(beside, axis[k], middle, -1), high[k] = end_of(beside, axis[k], middle, 1);
        }
    const auto corner = [&](double u, double v) {
        return Vec{to_mm(o.x + u * along.x - v * along.y), to_mm(o.y + u * along.y + v * along.x)};
    };
    return {corner(low[0], low[1]), corner(high[0], low[1]), corner(high[0], high[1]),
            corner(low[0], high[1])};
}

}  // namespace

// Ways with more pieces: cut where the heights jump, and then also where they bend upward.
void RoofSearch::add_breaks(std::vector<Way>& ways) const {
    const Building& b = *building_;
    // Some of the points show a step as well as all.
    const std::size_t stride = std::max<std::size_t>(1, b.x.size() / std::size_t(step_points));
    std::vector<Height> heights;
    for (std::size_t i = 0; i < b.x.size(); i += stride) heights.push_back({b.x[i], b.y[i], b.z[i]});
    const double spacing = std::sqrt(area_of(b.rings[0]) / std::max(1.0, double(heights.size())));
    std::vector<std::pair<Ring, Breaks>> known;
    const auto breaks_of = [&](const Ring& ring) {
        for (const auto& [seen, breaks] : known)
            if (same_ring(seen, ring)) return breaks;
        Breaks found = find_breaks(ring, slope_axes(ring, o_.decompose.jitter), heights, spacing);
        // Wings meet in valleys that their outline explains.
        if (main_corners(ring, o_.decompose.jitter).size() > 4) found.kink.size = 0;
        known.push_back({ring, found});
        return found;
    };
    const auto cut_all = [&](Way& way, Break Breaks::* which, int most) {
        Pieces& pieces = way.pieces;
        const int before_it = way.free_cuts;
        for (std::size_t k = 0; k < pieces.size() && way.free_cuts - before_it < most &&
                                int(pieces.size()) < o_.decompose.most_pieces;
             ++k) {
            Ring before, behind;
            const Break found = breaks_of(pieces[k]).*which;
            if (found.size <= 0 || !cut_along(pieces[k], found.axis, found.place, before, behind)) continue;
            pieces[k] = before;
            pieces.insert(pieces.begin() + std::ptrdiff_t(k) + 1, behind);
            ++way.free_cuts;
            --k;  // what is left may have another
        }
        return way.free_cuts > before_it;
    };
    const std::size_t given = std::min<std::size_t>(ways.size(), 2);
    for (std::size_t w = 0; w < given; ++w) {
        Way way = ways[w];
        if (cut_all(way, &Breaks::jump, o_.decompose.most_pieces)) ways.push_back(way);
        if (cut_all(way, &Breaks::kink, 1)) ways.push_back(std::move(way));
    }
}

// Where pieces that heights show lie all round one that touches no wall, it is a level set back on a lower
// one.
void RoofSearch::add_set_back(std::vector<Way>& ways) const {
    const Building& b = *building_;
    const Ring& outline = b.rings[0];
    const auto apart = [&](Vec p) {
        return contains(outline, p.x, p.y) && from_walls(outline, p) > least_set_back;
    };
    std::vector<Height> heights;
    for (std::size_t w = 0, count = ways.size(); w < count; ++w) {
        if (ways[w].free_cuts < sides) continue;
        for (const Ring& piece : Pieces(ways[w].pieces)) {
            if (!std::all_of(piece.begin(), piece.end(), apart)) continue;
            if (heights.empty())
                for (std::size_t i = 0; i < b.x.size(); ++i)
                    if (contains(outline, b.x[i], b.y[i])) heights.push_back({b.x[i], b.y[i], b.z[i]});
            const Ring level = settled(piece, heights);
            ways.push_back({{outline, piece}, sides, true});
            if (!same_ring(level, piece) && std::all_of(level.begin(), level.end(), apart))
                ways.push_back({{outline, level}, sides, true});
        }
    }
}

// The ways to cut the outline: where it bends, and where its heights jump or bend.
void RoofSearch::add_ways(std::vector<Way>& ways) const {
    if (building_->rings.size() != 1) return;
    for (Pieces& way : decompose(building_->rings[0], o_.decompose)) ways.push_back({std::move(way), 0});
    add_breaks(ways);
    add_set_back(ways);
    const auto frail = [](const Way& way) {
        return !std::all_of(way.pieces.begin(), way.pieces.end(),
                            [](const Ring& r) { return is_simple(r, 0.01); });
    };
    ways.erase(std::remove_if(ways.begin() + 1, ways.end(), frail), ways.end());
}

}  // namespace geovision::fit
