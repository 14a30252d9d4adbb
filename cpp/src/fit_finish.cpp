// The chosen pieces as one problem: what is tied, how far the points lie off, how sure.
#include <algorithm>
#include <cmath>

#include "geovision/fit_search.hpp"

namespace geovision::fit {

namespace {

constexpr double tie_reach = 0.15;  // metres: eaves this close may be one
constexpr double finish_tolerance =
    1e-5;                             // of a step, in metres or shares: programs are told to the millimetre
constexpr double shown_nats = 4.5;    // what a shift of the points must explain, with its prior ...
constexpr double least_shift = 0.03;  // ... and metres that it must be long

// Globals of parts that are free.
std::int32_t parameters(const Problem& p) {
    std::vector<std::int32_t> used;
    for (const ProblemPart& part : p.parts)
        for (int k = 0; k < theta_count(part.site); ++k)
            if (p.lower[std::size_t(part.global[k])] < p.upper[std::size_t(part.global[k])])
                used.push_back(part.global[k]);
    std::sort(used.begin(), used.end());
    return std::int32_t(std::unique(used.begin(), used.end()) - used.begin());
}

// Near eaves, and near rises of one kind, become one. Held: a global that nothing names any more.
Problem tie_near(const Problem& free, const LmResult& solved) {
    Problem tied = free;
    for (std::size_t i = 1; i < tied.parts.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            ProblemPart &a = tied.parts[j], &b = tied.parts[i];
            const auto near = [&](int k) {
                return std::abs(solved.theta[std::size_t(free.parts[i].global[k])] -
                                solved.theta[std::size_t(free.parts[j].global[k])]) < tie_reach;
            };
            if (near(0)) b.global[0] = a.global[0];
            if (a.site.kind == b.site.kind && theta_count(a.site) == theta_count(b.site) &&
                theta_count(a.site) > 1 && a.site.kind != RoofKind::hipped && near(1))
                b.global[1] = a.global[1];
        }
    tied.start = solved.theta;
    std::vector<char> named(tied.start.size(), 0);
    for (const ProblemPart& part : tied.parts)
        for (int k = 0; k < theta_count(part.site); ++k) named[std::size_t(part.global[k])] = 1;
    for (std::size_t k = 0; free.shift >= 0 && k < 2; ++k) named[std::size_t(free.shift) + k] = 1;
    for (std::size_t k = 0; k < named.size(); ++k)
        if (!named[k]) tied.lower[k] = tied.upper[k] = tied.start[k];
    return tied;
}

// The covariance of fields whose derivatives by the globals are `rows`.
std::vector<double> carried(const std::vector<double>& rows, std::size_t fields, const LmResult& solved) {
    const std::size_t m = solved.theta.size();
    std::vector<double> out(fields * fields, 0.0), half(fields * m, 0.0);
    if (solved.covariance.size() != m * m) return out;
    for (std::size_t i = 0; i < fields; ++i)
        for (std::size_t k = 0; k < m; ++k)
            if (rows[i * m + k] != 0)
                for (std::size_t j = 0; j < m; ++j)
                    half[i * m + j] += rows[i * m + k] * solved.covariance[k * m + j];
    for (std::size_t i = 0; i < fields; ++i)
        for (std::size_t j = 0; j < fields; ++j)
            for (std::size_t k = 0; k < m; ++k) out[i * fields + j] += half[i * m + k] * rows[j * m + k];
    return out;
}

}  // namespace

// The shift of the points, where it explains enough: noise would set every roof of a row by itself.
void RoofSearch::tell_shift(Problem& problem, const ProblemPoints& points, const LmOptions& options,
                            LmResult& solved, SearchResult& result) {
    const auto first = std::size_t(problem.shift);
    const std::size_t m = solved.theta.size();
    for (std::size_t k = 0; k < 2; ++k) {
        result.shift_seen[k] = solved.theta[first + k];
        if (solved.covariance.size() == m * m)
            result.shift_sigma[k] = std::sqrt(solved.covariance[(first + k) * (m + 1)]);
    }
    Problem still = problem;
    still.start = solved.theta;
    for (std::size_t k = first; k < first + 2; ++k) still.start[k] = still.lower[k] = still.upper[k] = 0;
    LmResult other;
    lm_.solve(still, points, options, true, other);
    if ((other.cost - solved.cost) / thin_ < shown_nats ||
        norm(solved.theta[first], solved.theta[first + 1]) < least_shift) {
        problem = std::move(still), solved = std::move(other);
        return;
    }
    std::copy(result.shift_seen, result.shift_seen + 2, result.shift);
    result.shift_price = shift_nats(result.shift[0], result.shift[1]);
}

// The best of every piece as parts of one problem, free of each other but for the shift, and their points.
void RoofSearch::join(const std::vector<Piece*>& pieces, Problem& free, ProblemPoints& points) const {
    points.part_begin.assign(1, 0);
    for (const Piece* piece : pieces) {
        const Candidate& c = piece->best[0];
        const int n = theta_count(c.site);
        ProblemPart part;
        part.site = c.site;
        part.face = c.face;
        double lower[most_theta], upper[most_theta];
        theta_bounds(c.site, piece->low, piece->high, lower, upper);
        hold_above_ground(c.site, piece->low, lower, upper);
        if (c.centred) lower[2] = upper[2] = 0.5;
        for (int k = 0; k < n; ++k) {
            part.global[k] = std::int32_t(free.start.size());
            free.start.push_back(c.theta[k]), free.lower.push_back(lower[k]), free.upper.push_back(upper[k]);
        }
        free.parts.push_back(std::move(part));
        const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
            to.insert(to.end(), from.begin(), from.end());
        };
        append(points.x, piece->all.x), append(points.y, piece->all.y), append(points.z, piece->all.z);
        append(points.weight, piece->all.weight);
        points.part_begin.push_back(std::int32_t(points.x.size()));
    }
    for (double& w : points.weight) w /= scale_;
    free.prior.assign(free.start.size(), 0), free.prior_sigma.assign(free.start.size(), 0);
    double start[2] = {0, 0}, seen = 0;
    for (const Piece* piece : pieces) {
        const Candidate& c = piece->best[0];
        if (!sees_shift(c.site)) continue;
        const double count = double(piece->all.x.size());
        start[0] += count * c.shift[0], start[1] += count * c.shift[1], seen += count;
    }
    if (!(o_.shift_sigma > 0) || seen <= 0) return;
    start[0] /= seen, start[1] /= seen;
    add_shift(free, start, o_.shift_sigma, std::sqrt(thin_));
}

void RoofSearch::tell_parts(const std::vector<Piece*>& pieces, const Problem& problem,
                            const ProblemPoints& points, const LmResult& solved, SearchResult& result) const {
    const std::size_t m = solved.theta.size();
    std::vector<double> rows;  // derivatives of the fields by the globals
    for (std::size_t k = 0; k < pieces.size(); ++k) {
        const ProblemPart& part = problem.parts[k];
        FittedPart fitted;
        fitted.rings = pieces[k]->rings, fitted.site = part.site;
        fitted.points = points.part_begin[k + 1] - points.part_begin[k];
        for (int j = 0; j < theta_count(part.site); ++j)
            fitted.theta[j] = solved.theta[std::size_t(part.global[j])];
        fitted.slots = roof_slots_of(part.site, fitted.theta);
        for (int slot = roof_slots; slot >= 0; --slot) {
            const bool used = slot == roof_slots || fitted.slots.slot[slot] == fitted.slots.slot[slot];
            if (!used || slot == slot_azimuth || slot == slot_count) continue;
            result.fields.push_back({std::int32_t(k), slot});
            const std::size_t at = rows.size();
            rows.resize(at + m, 0.0);
            for (int j = 0; j < theta_count(part.site); ++j)
                rows[at + std::size_t(part.global[j])] += fitted.slots.jacobian[slot][j];
        }
        result.parts.push_back(std::move(fitted));
    }
    result.covariance = carried(rows, result.fields.size(), solved);
}

void RoofSearch::tell_misfit(const Problem& problem, const ProblemPoints& points, const LmResult& solved,
                             SearchResult& result) {
    residual_.resize(points.x.size());
    lm_.residuals(problem, points, solved.theta.data(), residual_.data(), nullptr);
    std::int32_t near = 0;
    double sum = 0;
    for (std::size_t i = 0; i < residual_.size(); ++i) {
        const double r = residual_[i];
        near += std::abs(r) <= 3;
        sum -= std::log((1 - o_.outliers) * 0.3989422804 * points.weight[i] *
                            std::exp(-0.5 * std::min(r * r, 200.0)) +
                        o_.outliers / o_.range);
    }
    result.explained = double(near) / std::max(1.0, double(residual_.size()));
    result.misfit = sum;
}

// All pieces in one problem: first free of each other, then with near eaves (and rises of one kind) tied,
// which is kept where the score says so. Then the covariance.
void RoofSearch::finish(const std::vector<Piece*>& pieces, SearchResult& result) {
    ProblemPoints points;
    Problem problem;
    join(pieces, problem, points);
    LmOptions options;
    options.tolerance = finish_tolerance;
    LmResult solved;
    lm_.solve(problem, points, options, true, solved);
    if (o_.ties && pieces.size() > 1) {
        Problem tied = tie_near(problem, solved);
        const std::int32_t fewer = parameters(problem) - parameters(tied);
        if (fewer > 0) {
            LmResult other;
            lm_.solve(tied, points, options, true, other);
            const double saved = 0.5 * std::log(std::max(2.0, double(points.x.size()) / thin_)) * fewer;
            if ((other.cost - solved.cost) / thin_ < saved)
                solved = std::move(other), problem = std::move(tied);
        }
    }
    result.parameters = parameters(problem);
    if (problem.shift >= 0) tell_shift(problem, points, options, solved, result);
    result.scatter = solved.scatter * scale_, result.inflation = solved.inflation;
    tell_parts(pieces, problem, points, solved, result);
    tell_misfit(problem, points, solved, result);
}

}  // namespace geovision::fit
