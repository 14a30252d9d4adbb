// Main directions of walls: every long stretch votes for its own, and the frame field for what it says there.
#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/outline_lines.hpp"

namespace geovision {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double degree = pi / 180;

double turned_in(double angle) {
    const double a = std::fmod(angle, pi / 2);
    return a < 0 ? a + pi / 2 : a;
}

// Least turn between two directions modulo a right angle.
double apart(double a, double b) {
    const double d = turned_in(a - b);
    return std::min(d, pi / 2 - d);
}

double signed_apart(double a, double b) {
    const double d = turned_in(a - b);
    return d > pi / 4 ? d - pi / 2 : d;
}

struct Vote {
    double angle, length, weight;  // weight: how exactly the angle is known
};
using Votes = std::vector<Vote>;

// The frame field along a stretch, looked up in the cells on both sides that lie in buildings.
Vec frame_along(const OutlinePatch& patch, const OutlinePaths& paths, std::size_t path, std::int32_t first,
                std::int32_t last) {
    Vec sum;
    for (std::int32_t k = first; k < last; ++k) {
        const Vec p = paths.point(path, k);
        const auto x = std::int32_t(p.x), y = std::int32_t(p.y);
        if (x < 1 || y < 1 || x >= patch.width || y >= patch.height) continue;
        for (const auto& cell : {patch.at(x, y), patch.at(x - 1, y - 1)}) {
            if (patch.label[cell] == 0) continue;
            sum.x += patch.frame[2 * cell] / 254.0;
            sum.y += patch.frame[2 * cell + 1] / 254.0;
        }
    }
    return sum;
}

void vote(const OutlinePatch& patch, const OutlinePaths& paths, std::size_t path, Votes& out) {
    const std::vector<std::int32_t>& breaks = paths.paths[path].coarse;
    for (std::size_t k = 0; k + 1 < breaks.size(); ++k) {
        const std::int32_t first = breaks[k], last = breaks[k + 1];
        const Vec a = paths.point(path, first), b = paths.point(path, last);
        const double length = norm(b.x - a.x, b.y - a.y);
        if (length < 4) continue;
        const std::int32_t trim = std::min(2, (last - first) / 4);
        const OutlineMoments m = paths.stretch(path, first + trim, last - trim);
        const Vec axis = m.axis();
        out.push_back({turned_in(std::atan2(axis.y, axis.x)), length, length * length});
        if (patch.frame.empty()) continue;
        const Vec f = frame_along(patch, paths, path, first, last);
        const double sure = std::min(1.0, norm(f.x, f.y) / double(last - first));
        // The field's angle is seen on a map, with y up. A network is as sure of a short wall as of a long
        // one.
        if (sure > 0.2)
            out.push_back({turned_in(-std::atan2(f.y, f.x) / 4), length * sure, 20 * length * sure});
    }
}

// The direction with most length near it, then the mean of what is near.
OutlineDirection strongest(const Votes& votes) {
    std::vector<std::size_t> order(votes.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    const auto count = std::min<std::size_t>(order.size(), 16);
    std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(count), order.end(),
                      [&](std::size_t a, std::size_t b) {
                          if (votes[a].length != votes[b].length) return votes[a].length > votes[b].length;
                          return a < b;
                      });
    OutlineDirection best;
    for (std::size_t c = 0; c < count; ++c) {
        const double angle = votes[order[c]].angle;
        double score = 0;
        for (const Vote& v : votes) {
            const double d = apart(v.angle, angle) / (5 * degree);
            if (d < 3) score += v.length * std::exp(-d * d);
        }
        if (score > best.weight * (1 + 1e-9)) best = {angle, score};
    }
    for (const double near : {10 * degree, 6 * degree}) {
        double sum = 0, turn = 0;
        for (const Vote& v : votes) {
            if (apart(v.angle, best.angle) > near) continue;
            sum += v.weight;
            turn += v.weight * signed_apart(v.angle, best.angle);
        }
        if (sum > 0) best.angle = turned_in(best.angle + turn / sum);
    }
    return best;
}

OutlineDirections directions_of(Votes votes) {
    OutlineDirections out;
    double all = 0;
    for (const Vote& v : votes) all += v.length;
    while (out.size() < 2 && !votes.empty()) {
        const OutlineDirection best = strongest(votes);
        // A second direction must be a wing, not a bay.
        if (!out.empty() && best.weight < std::max(0.2 * all, 12.0)) break;
        out.push_back(best);
        const auto explained = [&](const Vote& v) {
            const double d = apart(v.angle, best.angle);
            return d < 10 * degree || d > 38 * degree;
        };
        votes.erase(std::remove_if(votes.begin(), votes.end(), explained), votes.end());
    }
    return out;
}

std::int32_t root_of(std::vector<std::int32_t>& parent, std::int32_t a) {
    while (parent[std::size_t(a)] != a) {
        parent[std::size_t(a)] = parent[std::size_t(parent[std::size_t(a)])];
        a = parent[std::size_t(a)];
    }
    return a;
}

// Neighbours that differ by little share one direction, so that their common walls and fronts are straight.
void agree(const OutlineMap& map, std::vector<OutlineDirections>& of) {
    std::vector<std::int32_t> parent(of.size());
    for (std::size_t k = 0; k < parent.size(); ++k) parent[k] = std::int32_t(k);
    bool touching = false;
    for (const OutlineArc& arc : map.arcs) {
        if (arc.left == 0 || arc.right == 0) continue;
        touching = true;
        const std::int32_t a = root_of(parent, arc.left), b = root_of(parent, arc.right);
        parent[std::size_t(std::max(a, b))] = std::min(a, b);
    }
    if (!touching) return;
    struct Entry {
        std::int32_t cluster;
        OutlineDirection* direction;
    };
    std::vector<Entry> entries;
    for (std::size_t k = 1; k < of.size(); ++k)
        for (OutlineDirection& d : of[k]) entries.push_back({root_of(parent, std::int32_t(k)), &d});
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        if (a.cluster != b.cluster) return a.cluster < b.cluster;
        return a.direction->weight > b.direction->weight;
    });
    for (std::size_t i = 0, j = 0; i < entries.size(); i = j) {
        while (j < entries.size() && entries[j].cluster == entries[i].cluster) ++j;
        OutlineDirections centres;
        std::vector<std::size_t> nearest;
        for (std::size_t k = i; k < j; ++k) {
            const OutlineDirection d = *entries[k].direction;
            std::size_t c = 0;
            while (c < centres.size() && apart(centres[c].angle, d.angle) > 3 * degree) ++c;
            if (c == centres.size()) centres.push_back({d.angle, 0});
            OutlineDirection& centre = centres[c];
            centre.weight += d.weight;
            centre.angle =
                turned_in(centre.angle + signed_apart(d.angle, centre.angle) * d.weight / centre.weight);
            nearest.push_back(c);
        }
        for (std::size_t k = i; k < j; ++k) entries[k].direction->angle = centres[nearest[k - i]].angle;
    }
}

}  // namespace

std::vector<OutlineDirections> find_directions(const OutlinePatch& patch, const OutlineMap& map,
                                               const OutlinePaths& paths) {
    std::vector<Votes> votes(std::size_t(patch.buildings) + 1);
    for (std::size_t a = 0; a < map.arcs.size(); ++a) {
        Votes some;
        vote(patch, paths, a, some);
        for (const std::int32_t side : {map.arcs[a].left, map.arcs[a].right})
            if (side != 0)
                votes[std::size_t(side)].insert(votes[std::size_t(side)].end(), some.begin(), some.end());
    }
    std::vector<OutlineDirections> out;
    for (Votes& some : votes) out.push_back(directions_of(std::move(some)));
    agree(map, out);
    return out;
}

}  // namespace geovision
