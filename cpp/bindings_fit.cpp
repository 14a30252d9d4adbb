// Binds the fitter: footprints and points in, parametric roofs out; and its stages one by one.
#include <pybind11/stl.h>

#include <limits>
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/fit_search.hpp"
#include "geovision/parallel.hpp"

namespace geovision::bindings {
namespace {

using namespace geovision::fit;

constexpr int max_piece_vertices = 100000;

template <class T>
py::array_t<T> to_array(const std::vector<T>& values) {
    return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::array_t<double> to_table(const std::vector<double>& values, py::ssize_t columns) {
    return py::array_t<double>({py::ssize_t(values.size()) / columns, columns}, values.data());
}

// Arrays of a dict, checked and kept alive.
class Inputs {
public:
    explicit Inputs(const py::dict& d) : dict_(d) {}

    template <class T>
    const T* take(const char* name, py::ssize_t rows, py::ssize_t columns = 1) {
        if (!dict_.contains(name)) throw py::key_error(std::string("fit: there is no array '") + name + "'");
        const auto array = dict_[name].cast<Array<T>>();
        if (array.size() != rows * columns)
            throw py::value_error(std::string("fit: ") + name + " has " + std::to_string(array.size()) +
                                  " values; " + std::to_string(rows * columns) + " are needed");
        owned_.append(array);
        return array.data();
    }

    py::ssize_t size(const char* name) const {
        if (!dict_.contains(name)) throw py::key_error(std::string("fit: there is no array '") + name + "'");
        return py::len(dict_[name]);
    }

    const std::int64_t* offsets(const char* name, py::ssize_t items) {
        const std::int64_t* data = take<std::int64_t>(name, items + 1);
        bool good = data[0] == 0;
        for (py::ssize_t i = 0; good && i < items; ++i) good = data[i] <= data[i + 1];
        if (!good) throw py::value_error(std::string("fit: ") + name + " must start at 0 and never fall");
        return data;
    }

private:
    py::dict dict_;
    py::list owned_;
};

// Polygons in CSR form, and points in CSR form.
struct Batch {
    std::int64_t count = 0;
    const std::int64_t *ring_offsets, *vertex_offsets, *point_offsets;
    const double *xy, *points, *sigma;

    void take_polygons(Inputs& in, const char* offsets_name) {
        count = in.size(offsets_name) - 1;
        ring_offsets = in.offsets(offsets_name, count);
        vertex_offsets = in.offsets("vertex_offsets", py::ssize_t(ring_offsets[count]));
        xy = in.take<double>("xy", py::ssize_t(vertex_offsets[ring_offsets[count]]), 2);
        for (std::int64_t r = 0; r < ring_offsets[count]; ++r)
            if (vertex_offsets[r + 1] - vertex_offsets[r] < 3)
                throw py::value_error("fit: a ring has under 3 vertices");
        for (std::int64_t b = 0; b < count; ++b)
            if (ring_offsets[b] == ring_offsets[b + 1]) throw py::value_error("fit: a polygon has no ring");
    }

    void take_points(Inputs& in, std::int64_t owners) {
        point_offsets = in.offsets("point_offsets", py::ssize_t(owners));
        points = in.take<double>("points", py::ssize_t(point_offsets[owners]), 3);
        sigma = in.take<double>("sigma", py::ssize_t(point_offsets[owners]));
        for (std::int64_t i = 0; i < point_offsets[owners]; ++i)
            if (!(sigma[i] > 0)) throw py::value_error("fit: sigma must be above 0");
    }

    std::vector<Ring> rings(std::int64_t polygon) const {
        std::vector<Ring> out;
        for (std::int64_t r = ring_offsets[polygon]; r < ring_offsets[polygon + 1]; ++r) {
            Ring ring;
            for (std::int64_t i = vertex_offsets[r]; i < vertex_offsets[r + 1]; ++i)
                ring.push_back({xy[2 * i], xy[2 * i + 1]});
            if ((area_of(ring) < 0) == (r == ring_offsets[polygon])) std::reverse(ring.begin(), ring.end());
            out.push_back(std::move(ring));
        }
        return out;
    }
};

// What `search` returns, joined in order.
struct SearchColumns {
    std::vector<std::int64_t> part_offsets{0}, ring_offsets{0}, vertex_offsets{0}, field_offsets{0},
        covariance_offsets{0}, alternative_offsets{0}, kind_offsets{0};
    std::vector<double> xy, eave, slots, covariance, alternative_nats;
    std::vector<std::uint8_t> kind, skeleton, alternative_kinds, status;
    std::vector<std::int32_t> part_points, field_part, field_slot, points, parameters;
    std::vector<double> nats, misfit, explained, scatter, inflation, super_price, super_params, shift,
        shift_seen, shift_sigma, shift_price;
    std::vector<std::int64_t> super_offsets{0};
    std::vector<std::uint8_t> super_kind;
    std::vector<std::int32_t> super_part;

    void append(const SearchResult& r) {
        for (const FittedPart& part : r.parts) {
            kind.push_back(std::uint8_t(part.site.kind)), eave.push_back(part.slots.eave);
            skeleton.push_back(part.site.skeleton);
            slots.insert(slots.end(), part.slots.slot, part.slots.slot + roof_slots);
            part_points.push_back(part.points);
            for (const Ring& ring : part.rings) {
                for (const Vec v : ring) xy.push_back(v.x), xy.push_back(v.y);
                vertex_offsets.push_back(std::int64_t(xy.size() / 2));
            }
            ring_offsets.push_back(std::int64_t(vertex_offsets.size()) - 1);
        }
        part_offsets.push_back(std::int64_t(kind.size()));
        for (const Field& f : r.fields) field_part.push_back(f.part), field_slot.push_back(f.slot);
        field_offsets.push_back(std::int64_t(field_part.size()));
        covariance.insert(covariance.end(), r.covariance.begin(), r.covariance.end());
        covariance_offsets.push_back(std::int64_t(covariance.size()));
        for (const Alternative& a : r.alternatives) {
            alternative_nats.push_back(a.nats);
            alternative_kinds.insert(alternative_kinds.end(), a.kinds.begin(), a.kinds.end());
            kind_offsets.push_back(std::int64_t(alternative_kinds.size()));
        }
        alternative_offsets.push_back(std::int64_t(alternative_nats.size()));
        status.push_back(std::uint8_t(r.status)), points.push_back(r.points);
        parameters.push_back(r.parameters), nats.push_back(r.nats), misfit.push_back(r.misfit);
        explained.push_back(r.explained), scatter.push_back(r.scatter), inflation.push_back(r.inflation);
        shift.insert(shift.end(), r.shift, r.shift + 2);
        shift_seen.insert(shift_seen.end(), r.shift_seen, r.shift_seen + 2);
        shift_sigma.insert(shift_sigma.end(), r.shift_sigma, r.shift_sigma + 2),
            shift_price.push_back(r.shift_price);
        double price = 0;
        for (const Superstructure& s : r.supers) {
            super_kind.push_back(std::uint8_t(s.kind)), super_part.push_back(s.part);
            super_params.insert(super_params.end(), s.slot, s.slot + super_slots);
            price += s.price;
        }
        super_offsets.push_back(std::int64_t(super_kind.size())), super_price.push_back(price);
        told_nats.push_back(r.told_nats);
    }

    std::vector<double> told_nats;

    py::dict dict() const {
        py::dict d;
        d["told_nats"] = to_array(told_nats);
        d["part_offsets"] = to_array(part_offsets), d["ring_offsets"] = to_array(ring_offsets);
        d["vertex_offsets"] = to_array(vertex_offsets), d["xy"] = to_table(xy, 2);
        d["kind"] = to_array(kind), d["skeleton"] = to_array(skeleton), d["eave"] = to_array(eave);
        d["slots"] = to_table(slots, roof_slots), d["part_points"] = to_array(part_points);
        d["field_offsets"] = to_array(field_offsets), d["field_part"] = to_array(field_part);
        d["field_slot"] = to_array(field_slot), d["covariance"] = to_array(covariance);
        d["covariance_offsets"] = to_array(covariance_offsets);
        d["alternative_offsets"] = to_array(alternative_offsets);
        d["alternative_nats"] = to_array(alternative_nats);
        d["alternative_kinds"] = to_array(alternative_kinds), d["kind_offsets"] = to_array(kind_offsets);
        d["status"] = to_array(status), d["points"] = to_array(points);
        d["parameters"] = to_array(parameters), d["nats"] = to_array(nats), d["misfit"] = to_array(misfit);
        d["explained"] = to_array(explained), d["scatter"] = to_array(scatter);
        d["inflation"] = to_array(inflation), d["super_offsets"] = to_array(super_offsets);
        d["super_kind"] = to_array(super_kind), d["super_part"] = to_array(super_part);
        d["shift"] = to_table(shift, 2), d["shift_sigma"] = to_table(shift_sigma, 2);
        d["shift_seen"] = to_table(shift_seen, 2);
        d["shift_price"] = to_array(shift_price);
        d["super_params"] = to_table(super_params, super_slots), d["super_price"] = to_array(super_price);
        return d;
    }
};

SearchOptions search_options(const py::dict& given) {
    SearchOptions o;
    for (const auto& [key, value] : given) {
        const auto name = key.cast<std::string>();
        if (name == "subset")
            o.subset = value.cast<int>();
        else if (name == "most_points")
            o.most_points = value.cast<int>();
        else if (name == "least_points")
            o.least_points = value.cast<int>();
        else if (name == "outliers")
            o.outliers = value.cast<double>();
        else if (name == "range")
            o.range = value.cast<double>();
        else if (name == "skeletons")
            o.skeletons = value.cast<bool>();
        else if (name == "shift_sigma")
            o.shift_sigma = value.cast<double>();
        else if (name == "superstructures")
            o.superstructures = value.cast<bool>();
        else if (name == "graduated")
            o.graduated = value.cast<bool>();
        else if (name == "ties")
            o.ties = value.cast<bool>();
        else if (name == "told")
            o.told = value.cast<double>();
        else if (name == "most_told")
            o.most_told = value.cast<double>();
        else if (name == "sure")
            o.sure = value.cast<double>();
        else if (name == "most_pieces")
            o.decompose.most_pieces = value.cast<int>();
        else if (name == "most_ways")
            o.decompose.most_ways = value.cast<int>();
        else if (name == "jitter")
            o.decompose.jitter = value.cast<double>();
        else
            throw py::key_error("search_roofs has no option '" + name + "'");
    }
    if (o.subset < 8 || o.most_points < 8 || o.least_points < 3 || !(o.outliers > 0 && o.outliers < 1) ||
        !(o.range > 0))
        throw py::value_error("search_roofs: an option is out of its range");
    return o;
}

// What was proposed for the buildings of a batch; nothing where the arrays do not say.
class Proposals {
public:
    Proposals(const py::dict& arrays, std::int64_t buildings) : in_(arrays) {
        if (!arrays.contains("proposal_offsets")) return;
        offsets_ = in_.offsets("proposal_offsets", buildings);
        parts_ = in_.offsets("proposal_part_offsets", py::ssize_t(offsets_[buildings]));
        nats_ = in_.take<double>("proposal_nats", py::ssize_t(offsets_[buildings]));
        rest_ = in_.take<double>("proposal_rest", buildings);
        const auto parts = py::ssize_t(parts_[offsets_[buildings]]);
        kind_ = in_.take<std::uint8_t>("proposal_kind", parts);
        vertices_ = in_.offsets("proposal_vertex_offsets", parts);
        xy_ = in_.take<double>("proposal_xy", py::ssize_t(vertices_[parts]), 2);
    }

    void put(std::int64_t b, Building& building) const {
        if (!offsets_) return;
        building.rest_nats = rest_[b];
        for (std::int64_t p = offsets_[b]; p < offsets_[b + 1]; ++p) {
            Proposed proposed;
            proposed.nats = nats_[p];
            for (std::int64_t k = parts_[p]; k < parts_[p + 1]; ++k) {
                Ring ring;
                for (std::int64_t i = vertices_[k]; i < vertices_[k + 1]; ++i)
                    ring.push_back({xy_[2 * i], xy_[2 * i + 1]});
                if (area_of(ring) < 0) std::reverse(ring.begin(), ring.end());
                proposed.pieces.push_back(std::move(ring)), proposed.kinds.push_back(kind_[k]);
            }
            building.proposed.push_back(std::move(proposed));
        }
    }

private:
    Inputs in_;
    const std::int64_t *offsets_ = nullptr, *parts_ = nullptr, *vertices_ = nullptr;
    const double *nats_ = nullptr, *rest_ = nullptr, *xy_ = nullptr;
    const std::uint8_t* kind_ = nullptr;
};

py::dict search(const py::dict& arrays, const py::dict& options, int threads) {
    Inputs in(arrays);
    Batch batch;
    batch.take_polygons(in, "building_offsets");
    batch.take_points(in, batch.count);
    const py::ssize_t kinds = arrays.contains("kinds") ? in.size("kinds") : 0;
    const double* share = arrays.contains("share") ? in.take<double>("share", batch.count) : nullptr;
    const std::uint8_t* kind = kinds ? in.take<std::uint8_t>("kinds", kinds) : nullptr;
    const Proposals proposals(arrays, batch.count);
    const SearchOptions o = search_options(options);
    std::vector<SearchResult> results(static_cast<std::size_t>(batch.count));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(batch.count, threads, &cancel, [&] {
            return [&, work = RoofSearch()](std::int64_t b) mutable {
                Building building;
                building.rings = batch.rings(b);
                if (share) building.share = share[b];
                if (kind) building.given_kind.assign(kind, kind + kinds);
                for (std::int64_t i = batch.point_offsets[b]; i < batch.point_offsets[b + 1]; ++i) {
                    building.x.push_back(batch.points[3 * i]), building.y.push_back(batch.points[3 * i + 1]);
                    building.z.push_back(batch.points[3 * i + 2]), building.sigma.push_back(batch.sigma[i]);
                }
                proposals.put(b, building);
                work.run(building, o, results[std::size_t(b)]);
            };
        });
    });
    SearchColumns columns;
    for (const SearchResult& r : results) columns.append(r);
    return columns.dict();
}

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

py::list decompose_ring(const Array<double>& xy, const py::dict& options) {
    if (xy.ndim() != 2 || xy.shape(1) != 2 || xy.shape(0) < 3 || xy.shape(0) > max_piece_vertices)
        throw py::value_error("a ring has shape (n, 2) with 3 to 100,000 vertices");
    Ring ring;
    for (py::ssize_t i = 0; i < xy.shape(0); ++i) ring.push_back({xy.at(i, 0), xy.at(i, 1)});
    if (area_of(ring) < 0) std::reverse(ring.begin(), ring.end());
    py::list ways;
    for (const Pieces& way : decompose(ring, search_options(options).decompose)) {
        py::list pieces;
        for (const Ring& piece : way) {
            std::vector<double> flat;
            for (const Vec v : piece) flat.push_back(v.x), flat.push_back(v.y);
            pieces.append(to_table(flat, 2));
        }
        ways.append(pieces);
    }
    return ways;
}

}  // namespace

void bind_fit(py::module_& m) {
    m.def("search_roofs", &search, py::arg("arrays"), py::arg("options"), py::arg("threads") = 0,
          "The parametric roof that explains the points of each building best.");
    m.def("refine_roofs", &refine, py::arg("arrays"), py::arg("options"), py::arg("threads") = 0,
          "Roofs of given kinds, fitted to the points from given parameters.");
    m.def("roof_residuals", &residuals, py::arg("arrays"), py::arg("theta") = py::none(),
          "Residuals over sigma of one problem, and their derivatives.");
    m.def("decompose_ring", &decompose_ring, py::arg("xy"), py::arg("options") = py::dict(),
          "Ways to cut a ring into simple pieces along its walls; each a list of rings.");
}

}  // namespace geovision::bindings
