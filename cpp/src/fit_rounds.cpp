// The kinds that are tried on a piece, round by round.
#include <algorithm>
#include <cmath>

#include "geovision/fit_search.hpp"

namespace geovision::fit {

namespace {

constexpr int kept = 4;               // candidates of a piece that see all its points
constexpr double least_valley = 0.1;  // metres

double quantile(std::vector<double>& values, double share) {
    const auto at = values.begin() + std::ptrdiff_t(share * double(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace

void RoofSearch::add(Piece& piece, RoofKind kind, Vec down, bool by_pitch, int hip_end, const double* start) {
    if (!allowed(kind)) return;
    Candidate c;
    if (!make_site(kind, piece.rings[0], down, by_pitch, hip_end, c.site)) return;
    if (!c.site.corners.empty() && piece.rings.size() > 1) return;
    std::copy(start, start + most_theta, c.theta);
    // A gable's ridge lies in the middle until the points say otherwise.
    c.centred = kind == RoofKind::gabled && start[2] == 0.5;
    fit(piece, c, false);
    piece.best.push_back(std::move(c));
}

void RoofSearch::add_skeleton(Piece& piece, RoofKind kind) {
    if (!allowed(kind)) return;
    Candidate c;
    if (!piece.has_skeleton || !piece.skeleton.site(kind, c.site)) return;
    const double rise = std::max(0.5, piece.high - piece.low);
    c.theta[0] = piece.low, c.theta[1] = kind == RoofKind::hipped ? rise / c.site.depth : rise;
    c.theta[2] = 0.65, c.theta[3] = 0.35;
    fit(piece, c, false);
    piece.best.push_back(std::move(c));
}

// Middle heights of three strips across a slope, the lowest first as it faces `down`; false where one holds
// too few points.
bool RoofSearch::strips(const Piece& piece, Vec down, double middle[3]) {
    double low = 1e300, high = -1e300;
    for (const Vec p : piece.rings[0]) {
        const double v = p.x * down.x + p.y * down.y;
        low = std::min(low, v), high = std::max(high, v);
    }
    std::vector<double> z[3];
    for (std::size_t i = 0; i < piece.some.x.size(); ++i) {
        const double v = piece.some.x[i] * down.x + piece.some.y[i] * down.y;
        z[std::clamp(int(3 * (high - v) / (high - low)), 0, 2)].push_back(piece.some.z[i]);
    }
    if (std::min({z[0].size(), z[1].size(), z[2].size()}) < 3) return false;
    for (int k = 0; k < 3; ++k) middle[k] = quantile(z[k], 0.5);
    return true;
}

void RoofSearch::first_round(Piece& piece) {
    std::vector<double> z = piece.some.z;
    piece.low = quantile(z, 0.15), piece.high = quantile(z, 0.97);
    const double middle = quantile(z, 0.5), rise = std::max(0.5, piece.high - piece.low);
    const double flat[most_theta] = {middle}, ridged[most_theta] = {piece.low, rise, 0.5, 0.5};
    const std::vector<Vec>& downs = piece.downs;
    if (!downs.empty()) add(piece, RoofKind::flat, downs[0], false, 0, flat);
    for (std::size_t i = 0; i < downs.size(); ++i) {
        double strip[3];
        const bool seen = strips(piece, downs[i], strip);
        // Outliers are higher and lower than any slope: it starts from what its lower and upper third share.
        const double climb = seen ? std::max(0.0, strip[2] - strip[0]) : 0;
        const double sloped[most_theta] = {seen ? strip[0] - climb / 4 : piece.low,
                                           seen ? 1.5 * climb : rise};
        add(piece, RoofKind::skillion, downs[i], false, 0, sloped);
        bool mirrored = false;
        for (std::size_t j = 0; j < i; ++j) mirrored |= opposite(downs[i], downs[j]);
        if (mirrored) continue;
        add(piece, RoofKind::gabled, downs[i], false, 0, ridged);
        add(piece, RoofKind::hipped, downs[i], false, 0, ridged);
        if (seen && strip[1] < std::min(strip[0], strip[2]) - least_valley) {
            const double fallen[most_theta] = {piece.high, rise, 0.5, 0};
            add(piece, RoofKind::butterfly, downs[i], false, 0, fallen);
        }
    }
    if (!downs.empty()) {
        Site probe;
        if (make_site(RoofKind::hipped, piece.rings[0], downs[0], true, 0, probe)) {
            const double pitched[most_theta] = {piece.low, rise / probe.depth};
            add(piece, RoofKind::hipped, downs[0], true, 0, pitched);
        }
        add(piece, RoofKind::pyramidal, downs[0], false, 0, ridged);
        if (make_site(RoofKind::dome, piece.rings[0], downs[0], false, 0, probe) &&
            probe.corners.size() >= 6) {
            add(piece, RoofKind::cone, downs[0], false, 0, ridged);
            add(piece, RoofKind::dome, downs[0], false, 0, ridged);
        }
    }
    // A gable whose ridge lies off the middle looks like anything until its ridge may move.
    const Candidate* gable = nullptr;
    for (const Candidate& c : piece.best)
        if (c.site.kind == RoofKind::gabled && (!gable || c.nats < gable->nats)) gable = &c;
    if (gable) {
        const double free[most_theta] = {gable->theta[0], gable->theta[1], 0.499, 0};
        add(piece, RoofKind::gabled, Vec(gable->site.down), false, 0, free);
    }
    add_skeleton(piece, RoofKind::hipped);
    add_skeleton(piece, RoofKind::gabled);
    std::stable_sort(piece.best.begin(), piece.best.end(),
                     [](const Candidate& a, const Candidate& b) { return a.nats < b.nats; });
}

// Kinds that are near a good one: what differs from it by a hip, a break or an eave.
void RoofSearch::second_round(Piece& piece, const Candidate& parent) {
    const Vec down = parent.site.down, up{-down.x, -down.y};
    const double eave = parent.theta[0], rise = std::max(0.3, parent.theta[1]);
    const auto from = [&](RoofKind kind, Vec d, int end, double third, double fourth) {
        const double start[most_theta] = {eave, rise, third, fourth};
        add(piece, kind, d, false, end, start);
    };
    const auto hips = [&](Vec d) {
        from(RoofKind::half_hipped, d, 0, 0.6, 0.3);
        from(RoofKind::side_hipped, d, 0, 0.3, 0);
        from(RoofKind::side_hipped, d, 1, 0.3, 0);
    };
    switch (parent.site.kind) {
        case RoofKind::gabled:
            if (parent.site.skeleton) break;
            from(RoofKind::saltbox, down, 0, 0.45, 0.5);
            from(RoofKind::saltbox, up, 0, 0.45, 0.5);
            from(RoofKind::gambrel, down, 0, 0.65, 0.35);
            from(RoofKind::round, down, 0, 0, 0);
            from(RoofKind::cross_gabled, down, 0, 0, 0);
            hips(down);
            break;
        case RoofKind::skillion:
            from(RoofKind::gabled, down, 0, 0.8, 0);
            from(RoofKind::saltbox, down, 0, 0.8, 0.1);
            break;
        case RoofKind::flat:
            from(RoofKind::round, down, 0, 0, 0);
            for (const Vec d : piece.downs) from(RoofKind::butterfly, d, 0, 0.5, 0);
            break;
        case RoofKind::hipped:
        case RoofKind::pyramidal:
        case RoofKind::dome:
            if (parent.site.skeleton) {
                add_skeleton(piece, RoofKind::mansard);
                break;
            }
            from(RoofKind::mansard, down, 0, 0.65, 0.35);
            if (parent.site.kind == RoofKind::hipped)
                for (std::size_t i = 0; i < std::min<std::size_t>(2, piece.downs.size()); ++i)
                    hips(piece.downs[i]);
            from(RoofKind::cross_gabled, down, 0, 0, 0);
            break;
        default:
            break;
    }
}

// A gable whose ridge lies off the middle may be one with two eaves; its own fit says where to begin.
void RoofSearch::third_round(Piece& piece) {
    const Candidate gable = piece.best[0];
    if (gable.site.kind != RoofKind::gabled || gable.site.skeleton || gable.centred) return;
    const bool far = gable.theta[2] > 0.5;
    const Vec down = far ? Vec{-gable.site.down.x, -gable.site.down.y} : gable.site.down;
    const double shift = 0.3 * gable.theta[1], offset = far ? 1 - gable.theta[2] : gable.theta[2];
    const double start[most_theta] = {gable.theta[0] + shift, gable.theta[1] - shift, offset, shift};
    add(piece, RoofKind::saltbox, down, false, 0, start);
}

void RoofSearch::search_piece(Piece& piece) {
    if (piece.best.empty()) return;
    const double count = double(piece.count) / thin_;
    const auto sort = [&] {
        std::stable_sort(piece.best.begin(), piece.best.end(),
                         [](const Candidate& a, const Candidate& b) { return a.nats < b.nats; });
    };
    const std::vector<Candidate> parents(
        piece.best.begin(),
        piece.best.begin() + std::min<std::ptrdiff_t>(4, std::ptrdiff_t(piece.best.size())));
    std::vector<RoofKind> done;
    for (const Candidate& parent : parents) {
        if (done.size() >= 2 || parent.nats > parents[0].nats + 0.4 * count) break;
        if (std::find(done.begin(), done.end(), parent.site.kind) != done.end()) continue;
        done.push_back(parent.site.kind);
        second_round(piece, parent);
    }
    sort();
    third_round(piece);
    sort();
    if (piece.best.size() > kept) piece.best.resize(kept);
    for (Candidate& c : piece.best) fit(piece, c, true);
    sort();
}

}  // namespace geovision::fit
