// Levenberg-Marquardt for roofs: a robust loss with graduated non-convexity, bounds, ties and priors.
//
// One problem is a building: parts with a roof each, whose parameters are drawn from one vector of globals.
// Two parts that name the same global are tied. A point belongs to one part; its residual is the vertical
// distance to that part's roof, scaled to the distance from the plane, over the point's sigma.
//
// The loss is Geman and McClure's, rho(s) = c^2 s / (c^2 + s) of the squared residual s. Its width c starts
// wide, where the problem is nearly convex, and narrows in steps. Work is limited by counts, never by time.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "geovision/fit_kinds.hpp"

namespace geovision::fit {

constexpr int most_globals = 34;

struct ProblemPart {
    Site site;
    std::int32_t global[most_theta] = {};  // index into the globals of each of theta's entries
    std::vector<std::int32_t> face;  // skeletons only: the edge whose face each point of the part lies on
};

// What is known of a slot of the program (roof_slots for the eave): a Gaussian of the value. A lock is one
// with a sigma far below what points can tell.
struct SlotPrior {
    std::int32_t part = 0, slot = 0;
    double value = 0, sigma = 1;
};

// Points sorted by part; pointers stay the caller's.
struct ProblemPoints {
    std::vector<double> x, y, z, weight;   // weight = 1 / sigma
    std::vector<std::int32_t> part_begin;  // [parts + 1]
    std::int64_t size() const { return std::int64_t(x.size()); }
};

struct Problem {
    std::vector<ProblemPart> parts;
    std::vector<double> start, lower, upper;  // globals; lower = upper holds one fixed
    std::vector<double> prior, prior_sigma;   // Gaussian; sigma 0 for none
    std::vector<SlotPrior> slot_priors;
    // Globals shift and shift + 1 are metres east and north by which points lie off the footprint: a point at
    // (x, y) is compared with the roof at (x - east, y - north). -1 where they lie where they are.
    std::int32_t shift = -1;
};

struct LmOptions {
    double width = 3;        // c at the end, in sigmas
    double first_width = 0;  // c at the beginning; 0 takes `width`: no graduation
    double narrowing = 2;    // c of one level over c of the next
    int level_iterations = 4;
    int iterations = 60;      // of the last level
    double tolerance = 1e-9;  // of a step, in metres (or shares)
};

enum class LmStatus : std::uint8_t {
    converged = 0,
    limit = 1,     // the iterations ran out
    singular = 2,  // nothing determines a parameter
};

struct LmResult {
    std::vector<double> theta;       // globals at the minimum
    std::vector<double> covariance;  // [globals, globals], 0 for those fixed or at a bound
    double cost = 0;                 // half the sum of rho, and of the priors
    double inliers = 0;              // points within 2 c
    double scatter = 1;              // standard deviation of the inliers' residuals, in their sigmas
    double inflation = 1;            // by which correlated residuals widen the variances
    std::int32_t iterations = 0;
    LmStatus status = LmStatus::converged;
};

// A plane, and sums over its points from which its share of the normal equations follows: rows of derivatives
// are linear in x and y, so these few numbers stand for all their products. w is the loss's weight; v is w
// over the variance, u is w times the residual over the standard deviation.
struct PlaneShare {
    double a = 0, b = 0, c = 0, scale = 1;  // scale from height to distance
    double v = 0, vx = 0, vy = 0, vxx = 0, vxy = 0, vyy = 0, u = 0, ux = 0, uy = 0, wrr = 0;

    void add(double x, double y, double weight, double r, double w) {
        const double wr = w * r, pu = wr * weight, pv = w * weight * weight, px = pv * x, py = pv * y;
        v += pv, vx += px, vy += py, vxx += px * x, vxy += px * y, vyy += py * y;
        u += pu, ux += pu * x, uy += pu * y, wrr += wr * r;
    }
    void add(const PlaneShare& o) {
        v += o.v, vx += o.vx, vy += o.vy, vxx += o.vxx, vxy += o.vxy, vyy += o.vyy;
        u += o.u, ux += o.ux, uy += o.uy, wrr += o.wrr;
    }
};

// Buffers kept from call to call; one a thread.
class Lm {
public:
    // Minimises; the result's covariance is filled where `covariance` is set.
    void solve(const Problem& problem, const ProblemPoints& points, const LmOptions& options, bool covariance,
               LmResult& result);

    // Residuals over sigma at `theta`, and their derivatives [points, globals] where `jacobian` is not null.
    void residuals(const Problem& problem, const ProblemPoints& points, const double* theta, double* residual,
                   double* jacobian);

private:
    // Reckoned no further than to `enough`; what is left of the sums is of no use then.
    double evaluate(const Problem& problem, const ProblemPoints& points, const double* theta, double width,
                    double enough = std::numeric_limits<double>::infinity());
    double part_sums(const ProblemPart& part, const ProblemPoints& points, std::int32_t begin,
                     std::int32_t end, const double* theta, std::int32_t shift, double width, double before);
    double slot_sums(const Problem& problem, const double* theta);
    bool step(const Problem& problem, const double* theta, double damping, double* out);
    void descend(const Problem& problem, const ProblemPoints& points, double width, int iterations,
                 double tolerance, LmResult& result);
    void covariance(const Problem& problem, const ProblemPoints& points, double width, LmResult& result);

    int n_ = 0;
    double enough_ = 0;
    double normal_[most_globals][most_globals];
    double gradient_[most_globals];
    double solve_[most_globals][most_globals + 1];
    DualPlane planes_[most_planes];
    PlaneShare shares_[most_planes], others_[most_planes];
    std::vector<double> residual_, jacobian_, psi_;
};

}  // namespace geovision::fit
