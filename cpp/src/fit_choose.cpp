// The pieces of a building together: which way of cutting, what is tied, how sure.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "geovision/fit_search.hpp"

namespace geovision::fit {

namespace {

constexpr double piece_nats = 4;      // what one more piece costs besides its parameters
constexpr double place_nats = 8;      // and where no wall shows the place of the cut
constexpr double alike_nats = 2;      // what it gains where its kind is the first one's
constexpr double tie_reach = 0.15;    // metres: eaves this close may be one
constexpr double shown_nats = 4.5;    // what a shift of the points must explain, with its prior ...
constexpr double least_shift = 0.03;  // ... and metres that it must be long
constexpr double well_explained = 0.96;
constexpr double close_nats = 0.2;    // a point, that the further rounds may make good
constexpr double whole_nats = 0.6;    // a point, more for a roof without cuts
constexpr double stands_nats = 0.06;  // a point, that what stands on a roof may save at most
constexpr std::size_t plans_kept = 2;

double scatter_of(std::vector<double>& residual) {
    std::vector<double> inner;
    for (const double r : residual)
        if (std::abs(r) < 6) inner.push_back(std::abs(r));
    if (inner.size() < 20 || 2 * inner.size() < residual.size()) return 0;
    const auto middle = inner.begin() + std::ptrdiff_t(inner.size() / 2);
    std::nth_element(inner.begin(), middle, inner.end());
    return 1.4826 * *middle;
}

}  // namespace

// The first round, and what it says of the noise: the standard deviation about the best roof, 0 if it is
// poor.
double RoofSearch::begin(Piece& piece) {
    if (int(piece.all.x.size()) < o_.least_points) return 0;
    first_round(piece);
    if (piece.best.empty()) return 0;
    fit(piece, piece.best[0], false);
    residual_.resize(piece.some.x.size());
    lm_.residuals(problem_, piece.some, lm_result_.theta.data(), residual_.data(), nullptr);
    const double scatter = scatter_of(residual_);
    const auto near = [&](double r) { return std::abs(r) <= 3 * std::clamp(scatter, 0.7, 1.5); };
    piece.explained =
        double(std::count_if(residual_.begin(), residual_.end(), near)) / double(residual_.size());
    return scatter;
}

// What a way of cutting costs after the first round.
double RoofSearch::first_nats(const Plan& plan) {
    double sum = plan.price;
    for (const Piece* piece : plan.pieces) sum += piece->first;
    return sum;
}

// What a further way must cost less than to be looked at.
double RoofSearch::second_best(const std::vector<Plan>& plans) {
    std::vector<double> nats;
    for (const Plan& plan : plans) nats.push_back(first_nats(plan));
    if (nats.size() < plans_kept) return std::numeric_limits<double>::infinity();
    std::sort(nats.begin(), nats.end());
    return nats[plans_kept - 1];
}

// Ways of cutting that the first round already shows to be worse are not looked at further.
void RoofSearch::keep_best_plans(std::vector<Plan>& plans, double points) {
    std::stable_sort(plans.begin(), plans.end(),
                     [&](const auto& a, const auto& b) { return first_nats(a) < first_nats(b); });
    const double most = plans.empty() ? 0 : first_nats(plans[0]) + close_nats * points;
    const double whole_most = most + whole_nats * points;
    // The outline as it is has kinds of its own, which the first round does not try.
    std::vector<Plan> left;
    for (std::size_t k = 0; k < plans.size(); ++k) {
        const double nats = first_nats(plans[k]);
        if ((k < plans_kept && nats <= most) || (plans[k].pieces.size() == 1 && nats <= whole_most))
            left.push_back(std::move(plans[k]));
    }
    plans.swap(left);
}

// What a piece costs at the very least: no parameters, and every point on its roof.
double RoofSearch::least_nats(const Piece& piece) const {
    double sum = 0;
    for (const double w : piece.some.weight)
        sum -= std::log((1 - o_.outliers) * 0.3989422804 * w / scale_ + o_.outliers / o_.range);
    return sum * double(piece.count) / thin_ / std::max(1.0, double(piece.some.weight.size()));
}

RoofSearch::Piece& RoofSearch::piece_of(Pool& pool, const Ring& ring) {
    for (const auto& known : pool)
        if (known->rings.size() == 1 && same_ring(known->rings[0], ring)) return *known;
    pool.push_back(std::make_unique<Piece>());
    const bool whole = pool.size() == 1;
    make_piece(*building_, whole ? building_->rings : std::vector<Ring>{ring}, whole, *pool.back());
    return *pool.back();
}

// The first round on the pieces of a way. Given up, and false, as soon as it is sure to cost more than
// `most`.
bool RoofSearch::begin_plan(const Plan& plan, double most, double* scatter) {
    double sum = plan.price;
    for (const Piece* piece : plan.pieces) sum += least_nats(*piece);
    for (Piece* piece : plan.pieces) {
        if (!piece->begun) {
            if (sum > most) return false;
            piece->begun = true;
            const double found = begin(*piece);
            price_first(*piece);
            if (found > 0) *scatter = std::min(*scatter, found);
        }
        if (piece->best.empty()) return false;
        sum += piece->first - least_nats(*piece);
    }
    return sum <= most;
}

void RoofSearch::choose(SearchResult& result) {
    std::vector<Way> ways{{{building_->rings[0]}, 0}};
    Pool pool;
    std::vector<Plan> plans;
    double scatter = 2;
    for (std::size_t w = 0; w < ways.size(); ++w) {
        Plan plan;
        plan.price = piece_nats * double(ways[w].pieces.size() - 1) + place_nats * ways[w].free_cuts;
        for (const Ring& ring : ways[w].pieces) plan.pieces.push_back(&piece_of(pool, ring));
        if (!begin_plan(plan, second_best(plans), &scatter) && w > 0) continue;
        plans.push_back(std::move(plan));
        // One simple roof over all leaves nothing to cut.
        if (w == 0 && pool[0]->explained <= well_explained) add_ways(ways);
    }
    result.points = std::int32_t(pool[0]->count);
    if (result.points < o_.least_points) {
        result.status = SearchStatus::too_few_points;
        return;
    }
    // Better instruments than stated are rare, worse ones are not.
    scale_ = std::clamp(scatter, 0.7, 2.0);
    for (const auto& piece : pool) rescore(*piece);
    keep_best_plans(plans, double(result.points) / thin_);
    for (const auto& piece : pool) {
        const auto has = [&](const Plan& plan) {
            return std::find(plan.pieces.begin(), plan.pieces.end(), piece.get()) != plan.pieces.end();
        };
        if (std::any_of(plans.begin(), plans.end(), has)) search_piece(*piece);
    }
    take_best_plan(plans, result);
}

// Puts the candidates of a plan's pieces in order and says what the best of them cost together.
Alternative RoofSearch::order(const Plan& priced) const {
    const std::vector<Piece*>& plan = priced.pieces;
    Alternative total{{}, priced.price};
    for (std::size_t k = 0; k < plan.size(); ++k) {
        Piece& piece = *plan[k];
        if (piece.best.empty()) return {{}, std::numeric_limits<double>::infinity()};
        const RoofKind first = plan[0]->best[0].site.kind;
        const auto cost = [&](const Candidate& c) {
            return c.nats - (k > 0 && c.site.kind == first ? alike_nats : 0);
        };
        std::stable_sort(piece.best.begin(), piece.best.end(),
                         [&](const Candidate& a, const Candidate& b) { return cost(a) < cost(b); });
        total.nats += cost(piece.best[0]);
        total.kinds.push_back(std::uint8_t(piece.best[0].site.kind));
    }
    return total;
}

// The way of cutting that costs least with what stands on its parts: dormers are no reason to cut.
void RoofSearch::take_best_plan(const std::vector<Plan>& plans, SearchResult& result) {
    std::vector<Alternative> others;
    SearchResult found;
    double best = std::numeric_limits<double>::infinity(), least = best;
    for (const Plan& plan : plans) least = std::min(least, order(plan).nats);
    const double within = stands_nats * double(result.points) / thin_;
    for (const Plan& priced : plans) {
        const std::vector<Piece*>& plan = priced.pieces;
        const Alternative total = order(priced);
        if (total.kinds.empty() || total.nats > least + within) continue;
        SearchResult trial;
        trial.points = result.points;
        finish(plan, trial);
        if (o_.superstructures) add_supers(plan, trial);
        double gain = 0;
        for (const Superstructure& s : trial.supers) gain += (s.saved - s.price) / thin_;
        for (std::size_t k = 0; k < plan.size(); ++k)
            for (std::size_t c = 1; c < plan[k]->best.size(); ++c) {
                Alternative other = total;
                other.kinds[k] = std::uint8_t(plan[k]->best[c].site.kind);
                other.nats += plan[k]->best[c].nats - plan[k]->best[0].nats - gain;
                if (other.kinds != total.kinds) others.push_back(other);
            }
        others.push_back({total.kinds, total.nats - gain});
        if (total.nats - gain >= best) continue;
        best = total.nats - gain;
        found = std::move(trial);
    }
    if (found.parts.empty()) {
        result.status = SearchStatus::too_few_points;
        return;
    }
    result = std::move(found);
    result.nats = best;
    list_alternatives(others, result);
}

// One entry for each set of kinds, best first.
void RoofSearch::list_alternatives(std::vector<Alternative>& all, SearchResult& result) {
    std::stable_sort(all.begin(), all.end(),
                     [](const Alternative& a, const Alternative& b) { return a.nats < b.nats; });
    std::vector<std::vector<std::uint8_t>> known;
    for (Alternative& a : all) {
        std::vector<std::uint8_t> sorted = a.kinds;
        std::sort(sorted.begin(), sorted.end());
        if (std::find(known.begin(), known.end(), sorted) != known.end()) continue;
        known.push_back(std::move(sorted));
        result.alternatives.push_back(std::move(a));
    }
}

// What stands on the parts, judged by all of their points.
void RoofSearch::add_supers(const std::vector<Piece*>& pieces, SearchResult& result) {
    std::vector<double> sigma(building_->sigma);
    if (sigma.empty()) return;
    const auto middle = sigma.begin() + std::ptrdiff_t(sigma.size() / 2);
    std::nth_element(sigma.begin(), middle, sigma.end());
    const double scatter = *middle * scale_;
    std::vector<RoofedPoint> points;
    std::vector<std::int32_t> face;
    for (std::size_t k = 0; k < pieces.size(); ++k) {
        const FittedPart& part = result.parts[k];
        std::vector<double> x, y, z;
        for (std::size_t i = 0; i < building_->x.size(); ++i) {
            const double px = building_->x[i] - result.shift[0], py = building_->y[i] - result.shift[1];
            if (inside_rings(part.rings, px, py))
                x.push_back(px), y.push_back(py), z.push_back(building_->z[i]);
        }
        if (part.site.skeleton) pieces[k]->skeleton.faces(part.site.kind, x, y, face);
        const int planes = roof_planes(part.site, part.theta, planes_);
        points.clear();
        for (std::size_t i = 0; i < x.size(); ++i) {
            const int at = part.site.skeleton
                               ? plane_of_face(planes_, planes_per_edge(part.site), face[i], x[i], y[i])
                               : plane_at(planes_, planes, x[i], y[i]);
            const DualPlane& p = planes_[at];
            points.push_back({x[i], y[i], z[i], p.a.v, p.b.v, p.c.v});
        }
        const Vec down = pieces[k]->downs.empty() ? Vec{0, -1} : pieces[k]->downs[0];
        supers_.run(part.rings, down, part.site.kind == RoofKind::flat, std::int32_t(k), scatter, o_.supers,
                    points, result.supers);
    }
}

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

// All pieces in one problem: first free of each other, then with near eaves (and rises of one kind) tied,
// which is kept where the score says so. Then the covariance.
void RoofSearch::finish(const std::vector<Piece*>& pieces, SearchResult& result) {
    ProblemPoints points;
    points.part_begin.assign(1, 0);
    Problem free;
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
    if (o_.shift_sigma > 0 && seen > 0) {
        start[0] /= seen, start[1] /= seen;
        add_shift(free, start, o_.shift_sigma, std::sqrt(thin_));
    }
    const auto parameters = [](const Problem& p) {
        std::vector<std::int32_t> used;
        for (const ProblemPart& part : p.parts)
            for (int k = 0; k < theta_count(part.site); ++k)
                if (p.lower[std::size_t(part.global[k])] < p.upper[std::size_t(part.global[k])])
                    used.push_back(part.global[k]);
        std::sort(used.begin(), used.end());
        return std::int32_t(std::unique(used.begin(), used.end()) - used.begin());
    };
    LmOptions options;
    LmResult solved;
    lm_.solve(free, points, options, true, solved);
    Problem* taken = &free;
    Problem tied = free;
    if (o_.ties && pieces.size() > 1) {
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
        if (parameters(tied) < parameters(free)) {
            tied.start = solved.theta;
            // A global that nothing names any more is held.
            std::vector<char> named(tied.start.size(), 0);
            for (const ProblemPart& part : tied.parts)
                for (int k = 0; k < theta_count(part.site); ++k) named[std::size_t(part.global[k])] = 1;
            for (std::size_t k = 0; free.shift >= 0 && k < 2; ++k) named[std::size_t(free.shift) + k] = 1;
            for (std::size_t k = 0; k < named.size(); ++k)
                if (!named[k]) tied.lower[k] = tied.upper[k] = tied.start[k];
            LmResult other;
            lm_.solve(tied, points, options, true, other);
            const double count = double(points.x.size()) / thin_;
            const double saved = 0.5 * std::log(std::max(2.0, count)) * (parameters(free) - parameters(tied));
            if ((other.cost - solved.cost) / thin_ < saved) solved = other, taken = &tied;
        }
    }
    result.parameters = parameters(*taken);
    const std::size_t m = solved.theta.size();
    if (taken->shift >= 0) tell_shift(*taken, points, options, solved, result);
    result.scatter = solved.scatter * scale_, result.inflation = solved.inflation;
    std::vector<double> rows;  // derivatives of the fields by the globals
    for (std::size_t k = 0; k < pieces.size(); ++k) {
        const ProblemPart& part = taken->parts[k];
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
    const std::size_t f = result.fields.size();
    result.covariance.assign(f * f, 0.0);
    if (solved.covariance.size() == m * m) {
        std::vector<double> half(f * m, 0.0);
        for (std::size_t i = 0; i < f; ++i)
            for (std::size_t k = 0; k < m; ++k)
                if (rows[i * m + k] != 0)
                    for (std::size_t j = 0; j < m; ++j)
                        half[i * m + j] += rows[i * m + k] * solved.covariance[k * m + j];
        for (std::size_t i = 0; i < f; ++i)
            for (std::size_t j = 0; j < f; ++j)
                for (std::size_t k = 0; k < m; ++k)
                    result.covariance[i * f + j] += half[i * m + k] * rows[j * m + k];
    }
    residual_.resize(points.x.size());
    lm_.residuals(*taken, points, solved.theta.data(), residual_.data(), nullptr);
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

}  // namespace geovision::fit
