// The pieces of a building together: which way of cutting.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "geovision/fit_search.hpp"

namespace geovision::fit {

namespace {

constexpr double piece_nats = 4;  // what one more piece costs besides its parameters
constexpr double place_nats = 8;  // and where no wall shows the place of the cut
constexpr double alike_nats = 2;  // what it gains where its kind is the first one's and it is no mere porch
constexpr double well_explained = 0.96;
constexpr double held_explained = 0.85;  // of the points, or more than what was proposed is tried
constexpr double close_nats = 0.2;       // a point, that the further rounds may make good
constexpr double whole_nats = 0.6;       // a point, more for a roof without cuts
constexpr double stands_nats = 0.06;     // a point, that what stands on a roof may save at most
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

RoofSearch::Piece& RoofSearch::piece_of(Pool& pool, const std::vector<Ring>& rings) {
    for (const auto& known : pool)
        if (std::equal(known->rings.begin(), known->rings.end(), rings.begin(), rings.end(), same_ring))
            return *known;
    pool.push_back(std::make_unique<Piece>());
    make_piece(*building_, rings, pool.size() == 1, *pool.back());
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

// The first round on all ways to cut. Held to the proposals where these are sure and explain the points.
void RoofSearch::begin_plans(Pool& pool, std::vector<Plan>& plans, double* scatter) {
    std::vector<Way> ways{{{building_->rings[0]}, 0}};
    if (!held_.empty()) {
        ways.clear(), piece_of(pool, building_->rings);
        if (std::any_of(building_->proposed.begin(), building_->proposed.end(),
                        [](const Proposed& p) { return p.pieces.size() == 1; }))
            ways.push_back({{building_->rings[0]}, 0});
        add_proposed_ways(ways);
    }
    for (std::size_t w = 0; w < ways.size(); ++w) {
        Plan plan;
        plan.price = piece_nats * double(ways[w].pieces.size() - 1) + place_nats * ways[w].free_cuts;
        for (const Ring& ring : ways[w].pieces) {
            const bool whole = ways[w].pieces.size() == 1;
            std::vector<Ring> rings = whole ? building_->rings : std::vector<Ring>{ring};
            if (ways[w].nested && plan.pieces.empty())
                rings.emplace_back(ways[w].pieces[1].rbegin(), ways[w].pieces[1].rend());
            plan.pieces.push_back(&piece_of(pool, rings));
        }
        if (!begin_plan(plan, second_best(plans), scatter) && w > 0) continue;
        plans.push_back(std::move(plan));
        // One simple roof over all leaves nothing to cut.
        if (w == 0 && held_.empty() && pool[0]->explained <= well_explained) {
            add_ways(ways);
            add_proposed_ways(ways);
        }
    }
}

void RoofSearch::choose(SearchResult& result) {
    Pool pool;
    std::vector<Plan> plans;
    double scatter = 2;
    if (o_.sure > 0 && !building_->proposed.empty() && building_->rest_nats >= o_.sure) {
        hold_to_proposed();
        begin_plans(pool, plans, &scatter);
        const auto good = [&](const Plan& plan) {
            double explained = 0, count = 0;
            for (const Piece* p : plan.pieces)
                explained += p->explained * double(p->count), count += double(p->count);
            return !plan.pieces[0]->best.empty() && explained >= held_explained * std::max(count, 1.0);
        };
        if (std::none_of(plans.begin(), plans.end(), good))
            held_.clear(), plans.clear(), pool.clear(), scatter = 2;
    }
    if (plans.empty()) begin_plans(pool, plans, &scatter);
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
            return c.nats - (k > 0 && c.site.kind == first && !piece.porch ? alike_nats : 0);
        };
        std::stable_sort(piece.best.begin(), piece.best.end(),
                         [&](const Candidate& a, const Candidate& b) { return cost(a) < cost(b); });
        total.nats += cost(piece.best[0]);
        total.kinds.push_back(std::uint8_t(piece.best[0].site.kind));
    }
    take_told(priced, total);
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
        trial.told_nats = told_nats(total.kinds);
        const double told = trial.told_nats;
        double gain = 0;
        for (const Superstructure& s : trial.supers) gain += (s.saved - s.price) / (thin_ * building_->share);
        for (std::size_t k = 0; k < plan.size(); ++k)
            for (std::size_t c = 1; c < plan[k]->best.size(); ++c) {
                Alternative other = total;
                other.kinds[k] = std::uint8_t(plan[k]->best[c].site.kind);
                other.nats += plan[k]->best[c].nats - plan[k]->best[0].nats - gain;
                other.nats += told_nats(other.kinds) - told;
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
        std::vector<double> x = building_->x, y = building_->y, z = building_->z;
        for (double& v : x) v -= result.shift[0];
        for (double& v : y) v -= result.shift[1];
        inside_rings(part.rings, x, y, in_);
        std::size_t kept = 0;
        for (std::size_t i = 0; i < in_.size(); ++i)
            if (in_[i]) x[kept] = x[i], y[kept] = y[i], z[kept++] = z[i];
        x.resize(kept), y.resize(kept), z.resize(kept);
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

}  // namespace geovision::fit
