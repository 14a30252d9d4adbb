// Binds the refinement of roofs alone: kinds and parameters to start from in, fitted ones out.
#include <pybind11/stl.h>

#include <cmath>
#include <string>
#include <vector>

#include "bindings_fit.hpp"
#include "geovision/fit_lm.hpp"
#include "geovision/fit_skeleton.hpp"
#include "geovision/parallel.hpp"

namespace geovision::bindings {
namespace {

using namespace geovision::fit;

// Problems for the refinement alone: parts with their kind, and the slots to start from.
class Problems {
public:
    explicit Problems(const py::dict& arrays) : in_(arrays) {
        count = in_.size("part_offsets") - 1;
        parts_ = in_.offsets("part_offsets", count);
        batch_.take_polygons(in_, "ring_offsets");
        if (batch_.count != parts_[count]) throw py::value_error("fit: ring_offsets must have a row a part");
        batch_.take_points(in_, count);
        kind_ = in_.take<std::uint8_t>("kind", py::ssize_t(parts_[count]));
        eave_ = in_.take<double>("eave", py::ssize_t(parts_[count]));
        slots_ = in_.take<double>("slots", py::ssize_t(parts_[count]), roof_slots);
        skeleton_ = in_.take<std::uint8_t>("skeleton", py::ssize_t(parts_[count]));
        tie_ = in_.take<std::int32_t>("tie", py::ssize_t(parts_[count]), most_theta);
        if (arrays.contains("shift")) {
            shift_ = in_.take<double>("shift", py::ssize_t(count), 2);
            shift_sigma_ = in_.take<double>("shift_sigma", py::ssize_t(count));
        }
        const py::ssize_t priors = in_.size("prior_sigma");
        prior_count_ = priors;
        prior_problem_ = in_.take<std::int64_t>("prior_problem", priors);
        prior_part_ = in_.take<std::int32_t>("prior_part", priors);
        prior_slot_ = in_.take<std::int32_t>("prior_slot", priors);
        prior_value_ = in_.take<double>("prior_value", priors);
        prior_sigma_ = in_.take<double>("prior_sigma", priors);
        for (py::ssize_t i = 0; i < priors; ++i) {
            const std::int64_t p = prior_problem_[i];
            if (p < 0 || p >= count || prior_part_[i] < 0 || prior_part_[i] >= parts_[p + 1] - parts_[p] ||
                prior_slot_[i] < 0 || prior_slot_[i] > roof_slots || !(prior_sigma_[i] > 0))
                throw py::value_error("fit: a prior names no field, or its sigma is not above 0");
        }
    }

    std::int64_t count = 0;

    // False where a kind cannot stand on its part.
    bool make(std::int64_t p, Problem& problem, ProblemPoints& points) const {
        problem = Problem(), points = ProblemPoints();
        points.part_begin.assign(1, 0);
        std::vector<char> taken(std::size_t(batch_.point_offsets[p + 1] - batch_.point_offsets[p]), 0);
        for (std::int64_t k = parts_[p]; k < parts_[p + 1]; ++k) {
            const std::vector<Ring> rings = batch_.rings(k);
            ProblemPart part;
            const std::size_t first = points.x.size();
            for (std::int64_t i = batch_.point_offsets[p]; i < batch_.point_offsets[p + 1]; ++i) {
                char& used = taken[std::size_t(i - batch_.point_offsets[p])];
                const double x = batch_.points[3 * i], y = batch_.points[3 * i + 1];
                bool in = !used && contains(rings[0], x, y);
                for (std::size_t r = 1; in && r < rings.size(); ++r) in = !contains(rings[r], x, y);
                if (!in) continue;
                used = 1;
                points.x.push_back(x), points.y.push_back(y), points.z.push_back(batch_.points[3 * i + 2]);
                points.weight.push_back(1 / batch_.sigma[i]);
            }
            points.part_begin.push_back(std::int32_t(points.x.size()));
            if (!site_of(k, rings, points, first, shift_ ? shift_ + 2 * p : nullptr, part)) return false;
            double theta[most_theta], lower[most_theta], upper[most_theta];
            theta_of_slots(part.site, eave_[k], slots_ + k * roof_slots, theta);
            theta_bounds(part.site, eave_[k], eave_[k] + 30, lower, upper);
            lower[0] = std::min(0.3, eave_[k]), upper[0] = 3 * eave_[k] + 30;
            for (int j = 0; j < theta_count(part.site); ++j) {
                const std::int32_t tie = tie_[k * most_theta + j];
                if (tie >= 0) {
                    if (tie >= std::int32_t(problem.start.size())) return false;
                    part.global[j] = tie;
                    continue;
                }
                if (problem.start.size() >= std::size_t(most_globals)) return false;
                part.global[j] = std::int32_t(problem.start.size());
                problem.start.push_back(theta[j]);
                problem.lower.push_back(lower[j]), problem.upper.push_back(upper[j]);
            }
            problem.parts.push_back(std::move(part));
        }
        problem.prior.assign(problem.start.size(), 0), problem.prior_sigma.assign(problem.start.size(), 0);
        if (shift_) {
            if (problem.start.size() + 2 > std::size_t(most_globals)) return false;
            add_shift(problem, shift_ + 2 * p, shift_sigma_[p]);
        }
        for (py::ssize_t i = 0; i < prior_count_; ++i)
            if (prior_problem_[i] == p)
                problem.slot_priors.push_back(
                    {prior_part_[i], prior_slot_[i], prior_value_[i], prior_sigma_[i]});
        return true;
    }

private:
    // Points lie about `at` off their parts; exactly there where sigma is 0.
    static void add_shift(Problem& problem, const double* at, double sigma) {
        problem.shift = std::int32_t(problem.start.size());
        for (int k = 0; k < 2; ++k) {
            problem.start.push_back(at[k]), problem.prior.push_back(at[k]);
            problem.prior_sigma.push_back(sigma);
            problem.lower.push_back(at[k] - 3 * sigma), problem.upper.push_back(at[k] + 3 * sigma);
        }
    }

    bool site_of(std::int64_t k, const std::vector<Ring>& rings, const ProblemPoints& points,
                 std::size_t first, const double* shift, ProblemPart& part) const {
        const double* slot = slots_ + k * roof_slots;
        const auto kind = RoofKind(kind_[k]);
        if (skeleton_[k]) {
            SkeletonSites sites;
            if (!sites.set(rings) || !sites.site(kind, part.site)) return false;
            std::vector<double> x(points.x.begin() + std::ptrdiff_t(first), points.x.end()),
                y(points.y.begin() + std::ptrdiff_t(first), points.y.end());
            for (double& v : x) v -= shift ? shift[0] : 0;
            for (double& v : y) v -= shift ? shift[1] : 0;
            sites.faces(kind, x, y, part.face);
            return true;
        }
        const double azimuth = slot[slot_azimuth] == slot[slot_azimuth] ? slot[slot_azimuth] : 0;
        const Vec down{std::sin(azimuth * 3.14159265358979323846 / 180),
                       std::cos(azimuth * 3.14159265358979323846 / 180)};
        const bool by_pitch = kind == RoofKind::hipped && !(slot[slot_inset] == slot[slot_inset]);
        const int end = slot[slot_count] > 0.5 ? 1 : 0;
        return kind_[k] < roof_kind_count && make_site(kind, rings[0], down, by_pitch, end, part.site);
    }

    Inputs in_;
    Batch batch_;
    const std::int64_t *parts_, *prior_problem_;
    const std::uint8_t *kind_, *skeleton_;
    const double *eave_, *slots_, *prior_value_, *prior_sigma_;
    const double *shift_ = nullptr, *shift_sigma_ = nullptr;
    const std::int32_t *tie_, *prior_part_, *prior_slot_;
    py::ssize_t prior_count_ = 0;
};

LmOptions lm_options(const py::dict& given) {
    LmOptions o;
    for (const auto& [key, value] : given) {
        const auto name = key.cast<std::string>();
        if (name == "width")
            o.width = value.cast<double>();
        else if (name == "first_width")
            o.first_width = value.cast<double>();
        else if (name == "narrowing")
            o.narrowing = value.cast<double>();
        else if (name == "level_iterations")
            o.level_iterations = value.cast<int>();
        else if (name == "iterations")
            o.iterations = value.cast<int>();
        else if (name == "tolerance")
            o.tolerance = value.cast<double>();
        else
            throw py::key_error("refine_roofs has no option '" + name + "'");
    }
    if (!(o.width > 0) || o.iterations < 0 || o.level_iterations < 0)
        throw py::value_error("refine_roofs: an option is out of its range");
    return o;
}

py::dict refine(const py::dict& arrays, const py::dict& options, int threads) {
    const Problems problems(arrays);
    const LmOptions o = lm_options(options);
    struct Refined {
        LmResult result;
        std::vector<double> eave, slots, theta, sigma;
        bool made = false;
    };
    std::vector<Refined> refined(static_cast<std::size_t>(problems.count));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(problems.count, threads, &cancel, [&] {
            return [&, lm = Lm(), problem = Problem(), points = ProblemPoints()](std::int64_t p) mutable {
                Refined& out = refined[std::size_t(p)];
                out.made = problems.make(p, problem, points);
                if (!out.made) return;
                lm.solve(problem, points, o, true, out.result);
                const std::size_t m = problem.start.size();
                for (const ProblemPart& part : problem.parts) {
                    double theta[most_theta] = {};
                    const int n = theta_count(part.site);
                    for (int k = 0; k < n; ++k) theta[k] = out.result.theta[std::size_t(part.global[k])];
                    const Slots slots = roof_slots_of(part.site, theta);
                    out.eave.push_back(slots.eave);
                    out.slots.insert(out.slots.end(), slots.slot, slots.slot + roof_slots);
                    for (int row = 0; row <= roof_slots; ++row) {
                        double variance = 0;
                        for (int i = 0; i < n; ++i)
                            for (int j = 0; j < n; ++j)
                                variance += slots.jacobian[row][i] * slots.jacobian[row][j] *
                                            out.result.covariance[std::size_t(part.global[i]) * m +
                                                                  std::size_t(part.global[j])];
                        out.sigma.push_back(std::sqrt(std::max(0.0, variance)));
                    }
                }
            };
        });
    });
    std::vector<double> eave, slots, sigma, cost, scatter, inflation;
    std::vector<std::uint8_t> status;
    std::vector<std::int32_t> iterations;
    py::list theta, covariance;
    for (const Refined& r : refined) {
        eave.insert(eave.end(), r.eave.begin(), r.eave.end());
        slots.insert(slots.end(), r.slots.begin(), r.slots.end());
        sigma.insert(sigma.end(), r.sigma.begin(), r.sigma.end());
        cost.push_back(r.result.cost), scatter.push_back(r.result.scatter);
        inflation.push_back(r.result.inflation);
        status.push_back(r.made ? std::uint8_t(r.result.status) : 255);
        iterations.push_back(r.result.iterations);
        theta.append(to_array(r.result.theta));
        const auto m = py::ssize_t(r.result.theta.size());
        covariance.append(m ? py::object(to_table(r.result.covariance, m)) : py::none());
    }
    py::dict d;
    d["eave"] = to_array(eave), d["slots"] = to_table(slots, roof_slots);
    d["sigma"] = to_table(sigma, roof_slots + 1), d["theta"] = theta, d["covariance"] = covariance;
    d["cost"] = to_array(cost), d["scatter"] = to_array(scatter), d["inflation"] = to_array(inflation);
    d["status"] = to_array(status), d["iterations"] = to_array(iterations);
    return d;
}

// One problem's start, bounds, and residuals with derivatives at `theta`, for tests and oracles.
py::dict residuals(const py::dict& arrays, const py::object& theta) {
    const Problems problems(arrays);
    if (problems.count != 1) throw py::value_error("roof_residuals takes one problem");
    Problem problem;
    ProblemPoints points;
    if (!problems.make(0, problem, points)) throw py::value_error("the kind cannot stand on its part");
    const auto m = py::ssize_t(problem.start.size());
    std::vector<double> at = theta.is_none() ? problem.start : theta.cast<std::vector<double>>();
    if (py::ssize_t(at.size()) != m) throw py::value_error("theta has the wrong length");
    const auto n = py::ssize_t(points.x.size());
    py::array_t<double> r(n), jacobian({n, m});
    Lm lm;
    lm.residuals(problem, points, at.data(), r.mutable_data(), jacobian.mutable_data());
    py::dict d;
    d["start"] = to_array(problem.start), d["lower"] = to_array(problem.lower);
    d["upper"] = to_array(problem.upper), d["residuals"] = r, d["jacobian"] = jacobian;
    return d;
}

}  // namespace

void bind_refine(py::module_& m) {
    m.def("refine_roofs", &refine, py::arg("arrays"), py::arg("options"), py::arg("threads") = 0,
          "Roofs of given kinds, fitted to the points from given parameters.");
    m.def("roof_residuals", &residuals, py::arg("arrays"), py::arg("theta") = py::none(),
          "Residuals over sigma of one problem, and their derivatives.");
}

}  // namespace geovision::bindings
