#include "geovision/fit_lm.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "geovision/residual_sums.hpp"
#include "geovision/wide.hpp"

namespace geovision::fit {

namespace {

constexpr int most_columns = most_theta + 2;  // with a shift of the points
constexpr double level_tolerance = 2e-3;      // of a step, while the loss is still wider than it will be

// A plane with what all its points share: the factor from height to distance, and how that and the height
// change.
struct Ready {
    double a, b, c, scale;
    double da[most_theta], db[most_theta], dc[most_theta], tilt[most_theta];
};

Ready ready(const DualPlane& p) {
    Ready r;
    const double n2 = 1 + p.a.v * p.a.v + p.b.v * p.b.v;
    r.a = p.a.v, r.b = p.b.v, r.c = p.c.v, r.scale = 1 / std::sqrt(n2);
    for (int k = 0; k < most_theta; ++k) {
        r.da[k] = p.a.d[k], r.db[k] = p.b.d[k], r.dc[k] = p.c.d[k];
        r.tilt[k] = (p.a.v * p.a.d[k] + p.b.v * p.b.d[k]) / n2;
    }
    return r;
}

// A point's residual and its derivatives by the roof's own parameters; those past the last are 0. Those by a
// shift come last.
struct Row {
    double r;
    double d[most_columns];
};

inline Row row_at(const Ready& p, double x, double y, double z, double weight) {
    Row row;
    const double scale = weight * p.scale;
    row.r = (z - (p.a * x + p.b * y + p.c)) * scale;
    for (int k = 0; k < most_theta; ++k)
        row.d[k] = -(p.da[k] * x + p.db[k] * y + p.dc[k]) * scale - row.r * p.tilt[k];
    row.d[most_theta] = p.a * scale, row.d[most_theta + 1] = p.b * scale;
    return row;
}

int plane_for(const ProblemPart& part, const DualPlane* planes, int count, std::int32_t i, double x,
              double y) {
    if (part.site.skeleton)
        return plane_of_face(planes, planes_per_edge(part.site), part.face[std::size_t(i)], x, y);
    return plane_at(planes, count, x, y);
}

// Adds what the points of a plane say to the first columns of the normal equations; those of a shift come
// last. To the roof a shift is another height of its planes.
void add_share(const DualPlane& p, const PlaneShare& s, int columns, double a[most_columns][most_columns],
               double g[most_columns]) {
    double da[most_columns] = {}, db[most_columns] = {}, dc[most_columns];
    for (int j = 0; j < most_theta; ++j) da[j] = p.a.d[j], db[j] = p.b.d[j], dc[j] = p.c.d[j];
    dc[most_theta] = -s.a, dc[most_theta + 1] = -s.b;
    double tilt[most_columns], lean[most_columns];
    for (int j = 0; j < columns; ++j) {
        tilt[j] = (s.a * da[j] + s.b * db[j]) * s.scale * s.scale;
        lean[j] = s.scale * (da[j] * s.ux + db[j] * s.uy + dc[j] * s.u);
        g[j] -= lean[j] + tilt[j] * s.wrr;
    }
    for (int j = 0; j < columns; ++j) {
        const double x = da[j] * s.vxx + db[j] * s.vxy + dc[j] * s.vx;
        const double y = da[j] * s.vxy + db[j] * s.vyy + dc[j] * s.vy;
        const double one = da[j] * s.vx + db[j] * s.vy + dc[j] * s.v;
        for (int k = 0; k <= j; ++k)
            a[j][k] += s.scale * s.scale * (da[k] * x + db[k] * y + dc[k] * one) + tilt[k] * lean[j] +
                       tilt[j] * lean[k] + tilt[j] * tilt[k] * s.wrr;
    }
}

bool is_free(const Problem& p, int k) { return p.lower[std::size_t(k)] < p.upper[std::size_t(k)]; }

}  // namespace

GEOVISION_WIDE double Lm::part_sums(const ProblemPart& part, const ProblemPoints& points, std::int32_t begin,
                                    std::int32_t end, const double* theta, std::int32_t shift, double width,
                                    double before) {
    const int count = theta_count(part.site);
    double own[most_theta];
    for (int k = 0; k < count; ++k) own[k] = theta[part.global[k]];
    const int planes = roof_planes(part.site, own, planes_);
    for (int k = 0; k < planes; ++k) {
        const DualPlane& p = planes_[k];
        shares_[k] = {p.a.v, p.b.v, p.c.v, 1 / std::sqrt(1 + p.a.v * p.a.v + p.b.v * p.b.v)};
        others_[k] = PlaneShare{};
    }
    const double east = shift >= 0 ? theta[shift] : 0, north = shift >= 0 ? theta[shift + 1] : 0;
    const double c2 = width * width;
    double cost = 0, x[point_block], y[point_block], r[point_block], t[point_block];
    RoofBlock roof;
    // In blocks and step by step, so that one point does not wait for another's division.
    for (std::int32_t from = begin; from < end; from += point_block) {
        const int n = std::min(point_block, int(end - from));
        const double *z = points.z.data() + from, *weight = points.weight.data() + from;
        const double *px = points.x.data() + from, *py = points.y.data() + from;
        for (int i = 0; i < n; ++i) x[i] = px[i] - east, y[i] = py[i] - north;
        if (part.site.skeleton)
            roof.of_faces(planes_, planes_per_edge(part.site), part.face.data() + (from - begin), n, x, y);
        else
            roof.of_planes(planes_, planes, n, x, y);
        for (int i = 0; i < n; ++i) r[i] = (z[i] - roof.z[i]) * (weight[i] * shares_[roof.plane[i]].scale);
        for (int i = 0; i < n; ++i) t[i] = c2 / (c2 + r[i] * r[i]);
        const auto add = [&](PlaneShare* sums, int i) {
            cost += r[i] * r[i] * t[i];
            sums[roof.plane[i]].add(x[i], y[i], weight[i], r[i], t[i] * t[i]);
        };
        // Sums of two kinds in turn, so that a point does not wait for the one before it.
        int i = 0;
        for (; i + 1 < n; i += 2) add(shares_, i), add(others_, i + 1);
        if (i < n) add(shares_, i);
        if (before + cost / 2 >= enough_) return before + cost / 2;
    }
    for (int k = 0; k < planes; ++k) shares_[k].add(others_[k]);
    double a[most_columns][most_columns] = {}, g[most_columns] = {};
    const int columns = shift >= 0 ? most_columns : count;
    for (int k = 0; k < planes; ++k)
        if (shares_[k].v > 0) add_share(planes_[k], shares_[k], columns, a, g);
    int column[most_columns], global[most_columns], used = 0;
    for (int k = 0; k < count; ++k) column[used] = k, global[used++] = part.global[k];
    for (int k = 0; shift >= 0 && k < 2; ++k) column[used] = most_theta + k, global[used++] = shift + k;
    for (int j = 0; j < used; ++j) {
        gradient_[global[j]] += g[column[j]];
        for (int k = 0; k < used; ++k)
            normal_[global[j]][global[k]] +=
                a[std::max(column[j], column[k])][std::min(column[j], column[k])];
    }
    return before + cost / 2;
}

double Lm::evaluate(const Problem& problem, const ProblemPoints& points, const double* theta, double width,
                    double enough) {
    enough_ = enough;
    for (int j = 0; j < n_; ++j) {
        gradient_[j] = 0;
        std::memset(normal_[j], 0, sizeof(double) * std::size_t(n_));
    }
    double cost = 0;
    for (std::size_t k = 0; k < problem.parts.size(); ++k) {
        const ProblemPart& part = problem.parts[k];
        const std::int32_t begin = points.part_begin[k], end = points.part_begin[k + 1];
        cost = part_sums(part, points, begin, end, theta, problem.shift, width, cost);
        if (cost >= enough) return cost;
    }
    for (int k = 0; k < n_; ++k) {
        const double sigma = problem.prior_sigma[std::size_t(k)];
        if (sigma <= 0) continue;
        const double off = (theta[k] - problem.prior[std::size_t(k)]) / sigma;
        cost += off * off / 2;
        gradient_[k] += off / sigma;
        normal_[k][k] += 1 / (sigma * sigma);
    }
    return cost + slot_sums(problem, theta);
}

double Lm::slot_sums(const Problem& problem, const double* theta) {
    double cost = 0;
    for (const SlotPrior& prior : problem.slot_priors) {
        const ProblemPart& part = problem.parts[std::size_t(prior.part)];
        const int count = theta_count(part.site);
        double own[most_theta];
        for (int k = 0; k < count; ++k) own[k] = theta[part.global[k]];
        const Slots slots = roof_slots_of(part.site, own);
        const double value = prior.slot == roof_slots ? slots.eave : slots.slot[prior.slot];
        if (!(value == value)) continue;  // the kind has no such slot
        const double off = (value - prior.value) / prior.sigma;
        const double* d = slots.jacobian[prior.slot];
        cost += off * off / 2;
        for (int j = 0; j < count; ++j) {
            gradient_[part.global[j]] += off * d[j] / prior.sigma;
            for (int k = 0; k < count; ++k)
                normal_[part.global[j]][part.global[k]] += d[j] * d[k] / (prior.sigma * prior.sigma);
        }
    }
    return cost;
}

// Solves (A + damping diag A) step = -gradient for what is free: neither fixed nor pressed against a bound.
bool Lm::step(const Problem& problem, const double* theta, double damping, double* out) {
    int index[most_globals], m = 0;
    for (int k = 0; k < n_; ++k) {
        out[k] = 0;
        const auto u = std::size_t(k);
        const bool pressed = (theta[k] <= problem.lower[u] && gradient_[k] > 0) ||
                             (theta[k] >= problem.upper[u] && gradient_[k] < 0);
        if (is_free(problem, k) && !pressed && normal_[k][k] > 0) index[m++] = k;
    }
    // Cholesky in place.
    for (int i = 0; i < m; ++i)
        for (int j = 0; j <= i; ++j) {
            double sum = normal_[index[i]][index[j]];
            if (i == j) sum += damping * normal_[index[i]][index[i]];
            for (int k = 0; k < j; ++k) sum -= solve_[i][k] * solve_[j][k];
            if (i == j) {
                if (!(sum > 1e-14 * normal_[index[i]][index[i]])) return false;
                solve_[i][i] = std::sqrt(sum);
            } else {
                solve_[i][j] = sum / solve_[j][j];
            }
        }
    double v[most_globals];
    for (int i = 0; i < m; ++i) {
        double sum = -gradient_[index[i]];
        for (int k = 0; k < i; ++k) sum -= solve_[i][k] * v[k];
        v[i] = sum / solve_[i][i];
    }
    for (int i = m - 1; i >= 0; --i) {
        for (int k = i + 1; k < m; ++k) v[i] -= solve_[k][i] * v[k];
        v[i] /= solve_[i][i];
        out[index[i]] = v[i];
    }
    return true;
}

void Lm::descend(const Problem& problem, const ProblemPoints& points, double width, int iterations,
                 double tolerance, LmResult& result) {
    std::vector<double>& theta = result.theta;
    double trial[most_globals], move[most_globals];
    double damping = 1e-4;
    double cost = evaluate(problem, points, theta.data(), width);
    result.status = LmStatus::limit;
    for (int i = 0; i < iterations; ++i) {
        ++result.iterations;
        if (!step(problem, theta.data(), damping, move)) {
            damping = std::max(1e-6, damping * 10);
            if (damping > 1e8) {
                result.status = LmStatus::singular;
                break;
            }
            continue;
        }
        double longest = 0;
        for (int k = 0; k < n_; ++k) {
            const auto u = std::size_t(k);
            trial[k] = is_free(problem, k)
                           ? std::clamp(theta[u] + move[k], problem.lower[u], problem.upper[u])
                           : theta[u];
            longest = std::max(longest, std::abs(trial[k] - theta[u]));
        }
        if (longest <= tolerance) {
            result.status = LmStatus::converged;
            break;
        }
        double normal[most_globals][most_globals], gradient[most_globals];
        for (int k = 0; k < n_; ++k) {
            gradient[k] = gradient_[k];
            std::memcpy(normal[k], normal_[k], sizeof(double) * std::size_t(n_));
        }
        const double other = evaluate(problem, points, trial, width, cost);
        if (other < cost) {
            std::copy(trial, trial + n_, theta.begin());
            cost = other;
            damping = std::max(1e-12, damping * 0.2);
            continue;
        }
        // Back to where it stood, with a shorter step.
        for (int k = 0; k < n_; ++k) {
            gradient_[k] = gradient[k];
            std::memcpy(normal_[k], normal[k], sizeof(double) * std::size_t(n_));
        }
        damping = std::max(1e-4, damping * 8);
    }
    result.cost = cost;
}

void Lm::solve(const Problem& problem, const ProblemPoints& points, const LmOptions& options, bool covariant,
               LmResult& result) {
    n_ = int(problem.start.size());
    result.theta = problem.start;
    result.iterations = 0;
    for (std::size_t k = 0; k < result.theta.size(); ++k)
        if (problem.lower[k] < problem.upper[k])
            result.theta[k] = std::clamp(result.theta[k], problem.lower[k], problem.upper[k]);
    const double narrowing = std::max(options.narrowing, 1.1);
    for (double width = options.first_width; width > options.width * 1.001; width /= narrowing)
        descend(problem, points, width, options.level_iterations, level_tolerance, result);
    descend(problem, points, options.width, options.iterations, options.tolerance, result);
    result.covariance.clear();
    if (covariant) covariance(problem, points, options.width, result);
}

void Lm::residuals(const Problem& problem, const ProblemPoints& points, const double* theta, double* residual,
                   double* jacobian) {
    const std::size_t n = problem.start.size();
    const bool moved = problem.shift >= 0;
    const auto first = std::size_t(problem.shift);
    const double east = moved ? theta[first] : 0, north = moved ? theta[first + 1] : 0;
    for (std::size_t k = 0; k < problem.parts.size(); ++k) {
        const ProblemPart& part = problem.parts[k];
        const int count = theta_count(part.site);
        double own[most_theta];
        for (int j = 0; j < count; ++j) own[j] = theta[part.global[j]];
        const int planes = roof_planes(part.site, own, planes_);
        for (std::int32_t i = points.part_begin[k]; i < points.part_begin[k + 1]; ++i) {
            const auto u = std::size_t(i);
            const double x = points.x[u] - east, y = points.y[u] - north;
            const int plane = plane_for(part, planes_, planes, i - points.part_begin[k], x, y);
            const Row row = row_at(ready(planes_[plane]), x, y, points.z[u], points.weight[u]);
            residual[u] = row.r;
            if (!jacobian) continue;
            std::fill(jacobian + u * n, jacobian + (u + 1) * n, 0.0);
            for (int j = 0; j < count; ++j) jacobian[u * n + std::size_t(part.global[j])] += row.d[j];
            for (std::size_t j = 0; moved && j < 2; ++j)
                jacobian[u * n + first + j] = row.d[most_theta + int(j)];
        }
    }
}

// Of an M-estimator: the mean square of psi over the square of its mean slope, times the inverse of J'J, both
// over the points that the fit explains; then widened for correlated residuals.
void Lm::covariance(const Problem& problem, const ProblemPoints& points, double width, LmResult& result) {
    const std::size_t n = points.x.size(), m = problem.start.size();
    residual_.resize(n), jacobian_.resize(n * m), psi_.assign(n, 0.0);
    residuals(problem, points, result.theta.data(), residual_.data(), jacobian_.data());
    const double c2 = width * width;
    double square = 0, slope = 0, spread = 0;
    result.inliers = 0;
    for (int j = 0; j < n_; ++j) std::memset(normal_[j], 0, sizeof(double) * m);
    for (std::size_t i = 0; i < n; ++i) {
        const double r = residual_[i], s = r * r;
        if (s > 4 * c2) continue;
        const double t = c2 / (c2 + s);
        psi_[i] = r * t * t;
        square += psi_[i] * psi_[i], slope += t * t * (c2 - 3 * s) / (c2 + s), spread += t * t * s;
        ++result.inliers;
        const double* d = jacobian_.data() + i * m;
        for (std::size_t j = 0; j < m; ++j)
            for (std::size_t k = 0; k <= j; ++k) normal_[j][k] += d[j] * d[k];
    }
    result.covariance.assign(m * m, 0.0);
    result.inflation = residual_inflation(points.x, points.y, psi_);
    int index[most_globals], count = 0;
    for (int k = 0; k < n_; ++k) {
        const auto u = std::size_t(k);
        const bool bound = result.theta[u] <= problem.lower[u] || result.theta[u] >= problem.upper[u];
        if (is_free(problem, k) && !bound && normal_[k][k] > 0) index[count++] = k;
    }
    const double freedom = std::max(1.0, result.inliers - count),
                 mean = slope / std::max(1.0, result.inliers);
    if (!(mean > 0.05) || count == 0) return;
    const double factor = result.inflation * square / freedom / (mean * mean);
    result.scatter = std::sqrt(spread / freedom) / mean;
    // Priors join as measurements of their own.
    double a[most_globals][most_globals], inverse[most_globals][most_globals] = {};
    for (int i = 0; i < count; ++i)
        for (int j = 0; j <= i; ++j) {
            a[i][j] = normal_[index[i]][index[j]] / factor;
            const double sigma = problem.prior_sigma[std::size_t(index[i])];
            if (i == j && sigma > 0) a[i][i] += 1 / (sigma * sigma);
        }
    for (int i = 0; i < count; ++i)
        for (int j = 0; j <= i; ++j) {
            double sum = a[i][j];
            for (int k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
            if (i == j && !(sum > 1e-12 * a[i][i])) return;
            a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
        }
    for (int column = 0; column < count; ++column) {
        for (int i = column; i < count; ++i) {
            double sum = i == column ? 1 : 0;
            for (int k = column; k < i; ++k) sum -= a[i][k] * inverse[k][column];
            inverse[i][column] = sum / a[i][i];
        }
    }
    for (int i = 0; i < count; ++i)
        for (int j = 0; j < count; ++j) {
            double sum = 0;
            for (int k = std::max(i, j); k < count; ++k) sum += inverse[k][i] * inverse[k][j];
            result.covariance[std::size_t(index[i]) * m + std::size_t(index[j])] = sum;
        }
}

}  // namespace geovision::fit
