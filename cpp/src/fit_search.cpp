#include "geovision/fit_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/wide.hpp"

namespace geovision::fit {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double most_shift = 3;         // sigmas
constexpr double porch_area = 6;         // square metres
constexpr double determined_nats = 2.5;  // log of how much better a roof knows its shift than the prior did

// How rare a kind is, in nats: minus the log of its share, among roofs of all countries, roughly.
double rarity(RoofKind kind) {
    switch (kind) {
        case RoofKind::gabled:
            return 0.7;
        case RoofKind::flat:
            return 1.2;
        case RoofKind::hipped:
            return 1.8;
        case RoofKind::skillion:
            return 2.5;
        case RoofKind::side_hipped:
        case RoofKind::saltbox:
        case RoofKind::half_hipped:
        case RoofKind::pyramidal:
            return 3.5;
        case RoofKind::gambrel:
        case RoofKind::mansard:
            return 4;
        default:
            return 5;
    }
}

// The same of what is built on to a house: porches, bays and sheds.
double porch_rarity(RoofKind kind) {
    switch (kind) {
        case RoofKind::flat:
            return 0.7;
        case RoofKind::skillion:
            return 1.2;
        case RoofKind::gabled:
            return 2.5;
        default:
            return rarity(kind) + 1;
    }
}

// Every n-th point, so that no more than `most` are left.
void thin_out(const ProblemPoints& from, int most, ProblemPoints& to) {
    const std::size_t n = from.x.size(),
                      stride = std::max<std::size_t>(1, (n + std::size_t(most) - 1) / std::size_t(most));
    to = ProblemPoints();
    for (std::size_t i = 0; i < n; i += stride) {
        to.x.push_back(from.x[i]), to.y.push_back(from.y[i]), to.z.push_back(from.z[i]);
        to.weight.push_back(from.weight[i]);
    }
    to.part_begin = {0, std::int32_t(to.x.size())};
}

bool all_convex(const Ring& ring) {
    const std::size_t n = ring.size();
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % n], c = ring[(i + 2) % n];
        if ((b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) < 0) return false;
    }
    return true;
}

}  // namespace

// Directions that slopes may face: outward normals of the longest walls, at most four.
std::vector<Vec> slope_directions(const Ring& ring, double jitter) {
    const std::vector<std::size_t> corner = main_corners(ring, jitter);
    struct Wall {
        double length;
        Vec normal;
    };
    std::vector<Wall> walls;
    for (std::size_t i = 0; i < corner.size(); ++i) {
        const Vec a = ring[corner[i]], b = ring[corner[(i + 1) % corner.size()]];
        const double l = norm(b.x - a.x, b.y - a.y);
        if (l > 0.5) walls.push_back({l, {(b.y - a.y) / l, -(b.x - a.x) / l}});
    }
    std::stable_sort(walls.begin(), walls.end(),
                     [](const Wall& a, const Wall& b) { return a.length > b.length; });
    std::vector<Vec> downs;
    for (const Wall& wall : walls) {
        const auto near = [&](Vec d) { return d.x * wall.normal.x + d.y * wall.normal.y > std::cos(pi / 9); };
        if (downs.size() < 4 && std::none_of(downs.begin(), downs.end(), near)) downs.push_back(wall.normal);
    }
    return downs;
}

// Whether a roof shows where it stands on its footprint. On one slope, or with two eaves, any shift is as
// well another height.
bool sees_shift(const Site& site) {
    return site.kind != RoofKind::flat && site.kind != RoofKind::skillion && site.kind != RoofKind::saltbox;
}

void add_shift(Problem& problem, const double* start, double sigma, double held) {
    problem.shift = std::int32_t(problem.start.size());
    for (int k = 0; k < 2; ++k) {
        problem.start.push_back(start[k]);
        problem.lower.push_back(-most_shift * sigma), problem.upper.push_back(most_shift * sigma);
        problem.prior.push_back(0), problem.prior_sigma.push_back(sigma / held);
    }
}

// Eaves and valleys stay over the ground, however steep a slope would have them.
void hold_above_ground(const Site& site, double low, double* lower, double* upper) {
    lower[0] = std::max(lower[0], std::max(0.3, std::min(0.35 * low, low - 0.5)));
    upper[0] = std::max(upper[0], lower[0] + 0.1);
    const double most = std::max(0.1, std::min(4.0, 0.6 * low));
    if (site.kind == RoofKind::saltbox) upper[3] = std::min({upper[3], most, std::max(0.05, lower[0] - 0.1)});
    if (site.kind == RoofKind::butterfly) upper[1] = std::min(upper[1], most);
}

void RoofSearch::make_piece(const Building& b, const std::vector<Ring>& rings, bool whole, Piece& piece) {
    piece.rings = rings;
    piece.porch = !whole && area_of(rings[0]) < porch_area;
    ProblemPoints inner;
    inside_rings(rings, b.x, b.y, in_);
    for (std::size_t i = 0; i < b.x.size(); ++i) {
        if (!in_[i]) continue;
        inner.x.push_back(b.x[i]), inner.y.push_back(b.y[i]), inner.z.push_back(b.z[i]);
        inner.weight.push_back(1 / b.sigma[i]);
    }
    piece.count = inner.size();
    thin_out(inner, o_.most_points, piece.all);
    thin_out(inner, o_.subset, piece.some);
    piece.downs = slope_directions(rings[0], o_.decompose.jitter);
    piece.has_skeleton = false;
    if (whole && o_.skeletons && (rings.size() > 1 || main_corners(rings[0], 0.002).size() > 4))
        piece.has_skeleton = piece.skeleton.set(rings);
    if (!piece.has_skeleton) return;
    for (const int wings : {0, 1}) {
        const RoofKind kind = wings ? RoofKind::gabled : RoofKind::hipped;
        piece.skeleton.faces(kind, piece.all.x, piece.all.y, piece.face[wings][0]);
        piece.skeleton.faces(kind, piece.some.x, piece.some.y, piece.face[wings][1]);
    }
}

bool RoofSearch::allowed(RoofKind kind) const {
    if (!held_.empty() && std::find(held_.begin(), held_.end(), std::uint8_t(kind)) == held_.end())
        return false;
    const auto& given = building_->given_kind;
    return given.empty() || std::find(given.begin(), given.end(), std::uint8_t(kind)) != given.end();
}

double RoofSearch::kind_nats(const Piece& piece, const Candidate& c) const {
    double nats = piece.porch ? porch_rarity(c.site.kind) : rarity(c.site.kind);
    // At its bound a shape is on its way to another kind.
    if (c.edge && c.site.kind != RoofKind::hipped) nats += 4;
    if (c.edge && c.site.kind == RoofKind::hipped && c.theta[2] < 0.9) nats += 4;
    // Round roofs stand on round plans.
    if (c.site.kind == RoofKind::cone) nats = c.site.corners.size() >= 8 ? 2 : 6;
    if (c.site.kind == RoofKind::dome) nats = 3;
    // On many sides a roof rises to one point.
    if (c.site.kind == RoofKind::hipped && c.site.corners.size() >= 7 && all_convex(piece.rings[0]))
        nats += 3;
    // On a square both come to one point, and it has a name.
    if (c.site.kind == RoofKind::hipped && c.site.by_pitch && c.site.corners.size() == 4) {
        const double side = std::sqrt(std::max(area_of(piece.rings[0]), 0.01));
        if (2 * c.site.depth > 0.97 * side) nats += 2;
    }
    // Ridges mostly run along the long side.
    if (c.site.kind == RoofKind::gabled && !c.site.skeleton) {
        const double across = c.site.width, along = area_of(piece.rings[0]) / std::max(across, 0.1);
        if (across > 1.3 * along) nats += 1;
    }
    return nats;
}

double RoofSearch::structure(const Candidate& c, double count) const {
    const int n = theta_count(c.site);
    int free = 0;
    for (int k = 0; k < n; ++k) free += !(c.centred && k == 2);
    return 0.5 * free * std::log(std::max(2.0, count));
}

// A prior, not a parameter: footprints do lie a little beside what was measured.
double RoofSearch::shift_nats(double east, double north) const {
    if (east == 0 && north == 0) return 0;
    return 0.5 * (east * east + north * north) / (o_.shift_sigma * o_.shift_sigma) + determined_nats;
}

void RoofSearch::see_faces(const Piece& piece, Candidate& c) const {
    if (!c.site.skeleton) return;
    if (c.shift[0] == 0 && c.shift[1] == 0) {
        c.face = piece.face[c.site.kind == RoofKind::gabled][0];
        return;
    }
    std::vector<double> x(piece.all.x), y(piece.all.y);
    for (double& v : x) v -= c.shift[0];
    for (double& v : y) v -= c.shift[1];
    piece.skeleton.faces(c.site.kind, x, y, c.face);
}

// A point is roof with a Gaussian error, or anything within the range.
GEOVISION_WIDE double RoofSearch::misfit(const Piece& piece, const Candidate& c, bool all) {
    const ProblemPoints& p = all ? piece.all : piece.some;
    const std::size_t n = p.x.size();
    if (n == 0) return 0;
    const int planes = roof_planes(c.site, c.theta, planes_);
    const std::vector<std::int32_t>* face = nullptr;
    if (c.site.skeleton) face = all ? &c.face : &piece.face[c.site.kind == RoofKind::gabled][1];
    const double wild = -std::log(o_.outliers / o_.range);
    double cosine[most_planes];
    for (int k = 0; k < planes; ++k) {
        const double a = planes_[k].a.v, b = planes_[k].b.v;
        cosine[k] = 1 / std::sqrt(1 + a * a + b * b);
    }
    double sum = 0, x[point_block], y[point_block];
    RoofBlock roof;
    for (std::size_t from = 0; from < n; from += point_block) {
        const int count = int(std::min<std::size_t>(point_block, n - from));
        for (int i = 0; i < count; ++i) {
            x[i] = p.x[from + std::size_t(i)] - c.shift[0];
            y[i] = p.y[from + std::size_t(i)] - c.shift[1];
        }
        if (face)
            roof.of_faces(planes_, planes_per_edge(c.site), face->data() + from, count, x, y);
        else
            roof.of_planes(planes_, planes, count, x, y);
        // One logarithm for a few points: of the product of what they are likely to.
        double product = 1;
        for (int i = 0; i < count; ++i) {
            const double w = p.weight[from + std::size_t(i)] / scale_;
            const double r = (p.z[from + std::size_t(i)] - roof.z[i]) * w * cosine[roof.plane[i]];
            if (r * r > 40)
                sum += wild;
            else
                product *=
                    (1 - o_.outliers) * 0.3989422804 * w * std::exp(-0.5 * r * r) + o_.outliers / o_.range;
            if (i % 16 == 15 || i + 1 == count) sum -= std::log(product), product = 1;
        }
    }
    return sum / double(n);
}

void RoofSearch::fit(Piece& piece, Candidate& c, bool all) {
    const ProblemPoints& points = all ? piece.all : piece.some;
    const int n = theta_count(c.site);
    problem_ = Problem();
    ProblemPart part;
    part.site = c.site;
    if (all) see_faces(piece, c);
    if (c.site.skeleton) part.face = all ? c.face : piece.face[c.site.kind == RoofKind::gabled][1];
    problem_.lower.resize(most_theta), problem_.upper.resize(most_theta);
    theta_bounds(c.site, piece.low, piece.high, problem_.lower.data(), problem_.upper.data());
    hold_above_ground(c.site, piece.low, problem_.lower.data(), problem_.upper.data());
    if (c.centred) problem_.lower[2] = problem_.upper[2] = 0.5;
    problem_.lower.resize(std::size_t(n)), problem_.upper.resize(std::size_t(n));
    problem_.start.assign(c.theta, c.theta + n);
    problem_.prior.assign(std::size_t(n), 0), problem_.prior_sigma.assign(std::size_t(n), 0);
    for (int k = 0; k < n; ++k) part.global[k] = k;
    problem_.parts.push_back(std::move(part));
    if (all && o_.shift_sigma > 0 && sees_shift(c.site))
        add_shift(problem_, c.shift, o_.shift_sigma, std::sqrt(thin_));
    LmOptions options;
    if (all) {
        options.first_width = 6, options.level_iterations = 3, options.iterations = 15,
        options.tolerance = 1e-4;
    } else {
        const double half = (piece.high - piece.low) / 2 * points.weight[0];
        options.first_width = std::clamp(half, 6.0, 80.0), options.narrowing = 5.2;
        options.level_iterations = 3, options.iterations = 5, options.tolerance = 2e-3;
    }
    if (!o_.graduated) options.first_width = 0;
    options.width *= scale_;
    lm_.solve(problem_, points, options, false, lm_result_);
    std::copy(lm_result_.theta.begin(), lm_result_.theta.begin() + n, c.theta);
    if (problem_.shift >= 0) {
        std::copy(lm_result_.theta.begin() + n, lm_result_.theta.end(), c.shift);
        see_faces(piece, c);
    }
    const double count = double(piece.count) / thin_;
    c.edge = false;
    for (int k = 2; k < n; ++k) {
        const auto u = std::size_t(k);
        c.edge |= problem_.lower[u] < problem_.upper[u] &&
                  (c.theta[k] <= problem_.lower[u] + 1e-6 || c.theta[k] >= problem_.upper[u] - 1e-6);
    }
    c.nats = misfit(piece, c, all) * count + structure(c, count) + kind_nats(piece, c) +
             shift_nats(c.shift[0], c.shift[1]);
}

// The first round's scores once the noise is known.
void RoofSearch::rescore(Piece& piece) {
    const double count = double(piece.count) / thin_;
    for (Candidate& c : piece.best)
        c.nats = misfit(piece, c, false) * count + structure(c, count) + kind_nats(piece, c);
    std::stable_sort(piece.best.begin(), piece.best.end(),
                     [](const Candidate& a, const Candidate& b) { return a.nats < b.nats; });
    price_first(piece);
}

// What the first round's best costs on all points: ways of cutting are compared on the same ones.
void RoofSearch::price_first(Piece& piece) {
    piece.first = std::numeric_limits<double>::infinity();
    if (piece.best.empty()) return;
    Candidate& c = piece.best[0];
    see_faces(piece, c);
    const double count = double(piece.count) / thin_;
    piece.first = misfit(piece, c, true) * count + structure(c, count) + kind_nats(piece, c);
}

void RoofSearch::run(const Building& building, const SearchOptions& options, SearchResult& result) {
    building_ = &building, o_ = options, scale_ = 1;
    o_.supers.share = building.share;
    held_.clear();
    result = SearchResult();
    double area = 0;
    for (const Ring& ring : building.rings) area += area_of(ring);
    thin_ = std::max(1 / building.share, 0.25 * double(building.x.size()) / std::max(area, 1.0));
    choose(result);
}

}  // namespace geovision::fit
