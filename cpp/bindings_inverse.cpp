// Binds the fitter's kernel: points and outlines in, plane arrangements and point-to-solid distances out.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/fit_score.hpp"
#include "geovision/parallel.hpp"
#include "geovision/plane_covariance.hpp"
#include "geovision/roofplan.hpp"

namespace geovision::bindings {
namespace {

using Offsets = Array<std::int64_t>;

py::ssize_t check_offsets(const char* name, const Offsets& a, py::ssize_t items, py::ssize_t values) {
    bool good = a.ndim() == 1 && a.size() == items + 1 && a.data()[0] == 0 && a.data()[items] == values;
    for (py::ssize_t i = 1; good && i < a.size(); ++i) good = a.data()[i] >= a.data()[i - 1];
    if (!good)
        throw py::value_error(std::string(name) + " must start at 0, never decrease, have " +
                              std::to_string(items + 1) + " entries and end at " + std::to_string(values));
    return items;
}

template <class T>
void check_columns(const char* name, const Array<T>& a, py::ssize_t columns) {
    if (a.ndim() != 2 || a.shape(1) != columns)
        throw py::value_error(std::string(name) + " must be [n, " + std::to_string(columns) + "]");
}

template <class T>
py::array_t<T> column(const std::vector<T>& v, py::ssize_t columns = 0) {
    const auto n = py::ssize_t(v.size());
    py::array_t<T> a = columns > 0 ? py::array_t<T>({n / columns, columns}) : py::array_t<T>(n);
    std::copy(v.begin(), v.end(), a.mutable_data());
    return a;
}

PlanOptions options_of(const py::dict& d) {
    PlanOptions o;
    for (const auto& item : d) {
        const auto name = item.first.cast<std::string>();
        const auto value = item.second.cast<double>();
        if (name == "plane_nats")
            o.plane_nats = value;
        else if (name == "border_nats")
            o.border_nats = value;
        else if (name == "outlier_nats")
            o.outlier_nats = value;
        else if (name == "noise")
            o.noise = value;
        else if (name == "full_density")
            o.full_density = value;
        else if (name == "least_height")
            o.least_height = value;
        else if (name == "overreach")
            o.overreach = value;
        else if (name == "rounds")
            o.rounds = int(value);
        else if (name == "most_points")
            o.most_points = std::max<std::int64_t>(100, std::int64_t(value));
        else if (name == "reach")
            o.segment.reach = value;
        else if (name == "normal_deg")
            o.segment.normal_deg = value;
        else if (name == "min_points")
            o.segment.min_points = std::int32_t(value);
        else if (name == "least_area")
            o.segment.least_area = value;
        else if (name == "neighbours")
            o.segment.neighbours = int(value);
        else
            throw py::value_error("plan_roofs has no option '" + name + "'");
    }
    return o;
}

// Plans of many buildings as one set of ragged arrays.
py::dict plans_to_dict(const std::vector<RoofPlan>& plans) {
    std::vector<std::int64_t> face_offsets{0}, face_ring_offsets{0}, face_vertex_offsets{0}, used;
    std::vector<double> face_xy, face_plane, spacing, scatter, nats, price, explained;
    std::vector<std::uint8_t> status, inside;
    std::vector<std::int32_t> face_group;
    for (const RoofPlan& plan : plans) {
        for (const RoofFace& face : plan.faces) {
            const RoofPlane& p = plan.planes[std::size_t(face.plane)];
            const Vec& first = face.rings[0][0];
            face_plane.insert(face_plane.end(), {p.a, p.b, p.at(first.x, first.y)});
            face_group.push_back(face.plane);
            for (const std::vector<Vec>& ring : face.rings) {
                for (const Vec& v : ring) face_xy.push_back(v.x), face_xy.push_back(v.y);
                face_vertex_offsets.push_back(std::int64_t(face_xy.size() / 2));
            }
            face_ring_offsets.push_back(std::int64_t(face_vertex_offsets.size()) - 1);
        }
        face_offsets.push_back(std::int64_t(face_group.size()));
        status.push_back(std::uint8_t(plan.status));
        spacing.push_back(plan.spacing), scatter.push_back(plan.scatter);
        inside.insert(inside.end(), plan.inside.begin(), plan.inside.end());
        price.push_back(plan.price);
        nats.push_back(plan.nats), explained.push_back(plan.explained), used.push_back(plan.used);
    }
    py::dict d;
    d["face_offsets"] = column(face_offsets);
    d["face_ring_offsets"] = column(face_ring_offsets);
    d["face_vertex_offsets"] = column(face_vertex_offsets);
    d["face_xy"] = column(face_xy, 2);
    d["face_plane"] = column(face_plane, 3);
    d["face_group"] = column(face_group);
    d["status"] = column(status);
    d["spacing"] = column(spacing);
    d["scatter"] = column(scatter);
    d["nats"] = column(nats);
    d["price"] = column(price);
    d["inside"] = column(inside);
    d["explained"] = column(explained);
    d["used"] = column(used);
    return d;
}

py::dict plan_roofs(const Array<double>& points, const Offsets& point_offsets, const Array<float>& sigma,
                    const Array<double>& xy, const Offsets& vertex_offsets, const Offsets& ring_offsets,
                    const py::dict& options, int threads, const Array<double>& share) {
    check_columns("points", points, 3);
    check_columns("xy", xy, 2);
    const py::ssize_t buildings = std::max<py::ssize_t>(1, ring_offsets.size()) - 1;
    check_offsets("point_offsets", point_offsets, buildings, points.shape(0));
    check_offsets("vertex_offsets", vertex_offsets, vertex_offsets.size() - 1, xy.shape(0));
    check_offsets("ring_offsets", ring_offsets, buildings, vertex_offsets.size() - 1);
    if (sigma.size() != points.shape(0)) throw py::value_error("sigma must have one value per point");
    if (share.size() != 0 && share.size() != buildings)
        throw py::value_error("share must have one value per building, or none");
    const PlanOptions plan_options = options_of(options);
    std::vector<RoofPlan> plans(static_cast<std::size_t>(buildings));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(buildings, threads, &cancel, [&] {
            return [&, planner = std::make_shared<RoofPlanner>()](std::int64_t b) {
                PlanEvidence e;
                const std::int64_t first = point_offsets.data()[b];
                e.points = points.data() + 3 * first;
                e.sigma = sigma.data() + first;
                e.count = point_offsets.data()[b + 1] - first;
                if (share.size() != 0) e.share = share.data()[b];
                e.xy = xy.data();
                e.ring_offsets = vertex_offsets.data() + ring_offsets.data()[b];
                e.rings = ring_offsets.data()[b + 1] - ring_offsets.data()[b];
                planner->run(e, plan_options, plans[std::size_t(b)]);
            };
        });
    });
    return plans_to_dict(plans);
}

// Solids and the sets of points that each is compared with, checked.
struct Compared {
    Array<double> origin;
    Array<std::int32_t> vertices, triangles;
    Offsets vertex_offsets, triangle_offsets;
    TriangleBatch batch;

    Compared(const py::dict& solids, const Array<double>& points, const Offsets& point_offsets,
             const Array<double>& point_origin, const Offsets& which)
        : origin(solids["origin"].cast<Array<double>>()),
          vertices(solids["vertices"].cast<Array<std::int32_t>>()),
          triangles(solids["triangles"].cast<Array<std::int32_t>>()),
          vertex_offsets(solids["vertex_offsets"].cast<Offsets>()),
          triangle_offsets(solids["triangle_offsets"].cast<Offsets>()) {
        check_columns("points", points, 3);
        check_columns("point_origin", point_origin, 3);
        check_columns("origin", origin, 3);
        check_columns("vertices", vertices, 3);
        check_columns("triangles", triangles, 3);
        const py::ssize_t sets = point_origin.shape(0), buildings = origin.shape(0);
        check_offsets("point_offsets", point_offsets, sets, points.shape(0));
        check_offsets("vertex_offsets", vertex_offsets, buildings, vertices.shape(0));
        check_offsets("triangle_offsets", triangle_offsets, buildings, triangles.shape(0));
        if (which.size() != buildings) throw py::value_error("which must name a point set for every solid");
        for (py::ssize_t b = 0; b < buildings; ++b) {
            if (which.data()[b] < 0 || which.data()[b] >= sets)
                throw py::value_error("which names a point set that is not there");
            const std::int64_t corners = vertex_offsets.data()[b + 1] - vertex_offsets.data()[b];
            for (std::int64_t k = 3 * triangle_offsets.data()[b]; k < 3 * triangle_offsets.data()[b + 1]; ++k)
                if (triangles.data()[k] < 0 || triangles.data()[k] >= corners)
                    throw py::value_error("a triangle names a vertex that is not there");
        }
        batch.buildings = buildings;
        batch.grid = solids["grid"].cast<double>();
        batch.origin = origin.data(), batch.vertices = vertices.data(), batch.triangles = triangles.data();
        batch.vertex_offsets = vertex_offsets.data(), batch.triangle_offsets = triangle_offsets.data();
    }
};

py::array_t<float> distances(const py::dict& solids, const Array<double>& points,
                             const Offsets& point_offsets, const Array<double>& point_origin,
                             const Offsets& which, double cap, int threads) {
    const Compared compared(solids, points, point_offsets, point_origin, which);
    std::vector<std::int64_t> out_offsets{0};
    for (std::int64_t b = 0; b < compared.batch.buildings; ++b) {
        const std::int64_t* span = point_offsets.data() + which.data()[b];
        out_offsets.push_back(out_offsets.back() + span[1] - span[0]);
    }
    py::array_t<float> out(py::ssize_t(out_offsets.back()));
    float* into = out.mutable_data();
    run_interruptible([&](const std::atomic<bool>& cancel) {
        point_distances(compared.batch, points.data(), point_offsets.data(), point_origin.data(),
                        which.data(), out_offsets.data(), cap, threads, cancel, into);
    });
    return out;
}

py::dict scores(const py::dict& solids, const Array<double>& points, const Offsets& point_offsets,
                const Array<double>& point_origin, const Array<double>& point_sigma, const Offsets& which,
                const Array<double>& sigma, double cap, double outlier_nats, int threads) {
    const Compared compared(solids, points, point_offsets, point_origin, which);
    if (point_sigma.size() != points.shape(0))
        throw py::value_error("point_sigma must have one value a point");
    if (sigma.size() != point_origin.shape(0)) throw py::value_error("sigma must have one value a point set");
    for (py::ssize_t k = 0; k < sigma.size(); ++k)
        if (!(sigma.data()[k] > 0)) throw py::value_error("sigma must be above 0");
    ScoredPoints scored;
    scored.xyz = points.data(), scored.sigma = point_sigma.data(), scored.offsets = point_offsets.data();
    scored.origin = point_origin.data(), scored.set_sigma = sigma.data();
    std::vector<SolidScore> found(static_cast<std::size_t>(compared.batch.buildings));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        score_solids(compared.batch, scored, which.data(), cap, outlier_nats, threads, cancel, found.data());
    });
    const auto field = [&](double SolidScore::* member) {
        std::vector<double> values;
        for (const SolidScore& score : found) values.push_back(score.*member);
        return column(values);
    };
    py::dict d;
    d["nats"] = field(&SolidScore::nats), d["rms"] = field(&SolidScore::rms);
    d["within_0p1"] = field(&SolidScore::within_0p1), d["within_0p2"] = field(&SolidScore::within_0p2);
    d["median"] = field(&SolidScore::median);
    return d;
}

py::dict plane_covariances(const Offsets& face_offsets, const Offsets& ring_offsets,
                           const Offsets& vertex_offsets, const Array<double>& xy, const Array<double>& plane,
                           const Array<double>& points, const Offsets& point_offsets,
                           const Array<double>& sigma, int threads) {
    check_columns("xy", xy, 2);
    check_columns("plane", plane, 3);
    check_columns("points", points, 3);
    const py::ssize_t roofs = std::max<py::ssize_t>(1, face_offsets.size()) - 1;
    const py::ssize_t rings = std::max<py::ssize_t>(1, vertex_offsets.size()) - 1;
    check_offsets("face_offsets", face_offsets, roofs, plane.shape(0));
    check_offsets("ring_offsets", ring_offsets, plane.shape(0), rings);
    check_offsets("vertex_offsets", vertex_offsets, rings, xy.shape(0));
    check_offsets("point_offsets", point_offsets, roofs, points.shape(0));
    if (sigma.size() != roofs) throw py::value_error("sigma must have one value per roof");
    for (py::ssize_t r = 0; r < rings; ++r)
        if (vertex_offsets.data()[r + 1] - vertex_offsets.data()[r] < 3)
            throw py::value_error("a ring has under 3 vertices");
    for (py::ssize_t f = 0; f < plane.shape(0); ++f)
        if (ring_offsets.data()[f + 1] == ring_offsets.data()[f]) throw py::value_error("a face has no ring");
    for (py::ssize_t b = 0; b < roofs; ++b)
        if (!(sigma.data()[b] > 0)) throw py::value_error("sigma must be above 0");
    std::vector<std::vector<std::uint8_t>> known(static_cast<std::size_t>(roofs));
    std::vector<std::vector<double>> covariance(static_cast<std::size_t>(roofs));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(roofs, threads, &cancel, [&] {
            return [&, worker = std::make_shared<PlaneCovariance>()](std::int64_t b) {
                PlaneEvidence e;
                const std::int64_t face = face_offsets.data()[b], point = point_offsets.data()[b];
                e.faces = face_offsets.data()[b + 1] - face;
                e.ring_offsets = ring_offsets.data() + face, e.vertex_offsets = vertex_offsets.data();
                e.xy = xy.data(), e.plane = plane.data() + 3 * face, e.points = points.data() + 3 * point;
                e.count = point_offsets.data()[b + 1] - point, e.sigma = sigma.data()[b];
                worker->run(e, known[std::size_t(b)], covariance[std::size_t(b)]);
            };
        });
    });
    std::vector<std::uint8_t> all_known;
    std::vector<std::int64_t> offsets{0};
    for (std::size_t b = 0; b < known.size(); ++b) {
        all_known.insert(all_known.end(), known[b].begin(), known[b].end());
        offsets.push_back(offsets.back() + std::int64_t(covariance[b].size()));
    }
    // Megabytes where roofs have many faces: copied once.
    py::array_t<double> all(offsets.back());
    for (std::size_t b = 0; b < known.size(); ++b) {
        std::copy(covariance[b].begin(), covariance[b].end(), all.mutable_data() + offsets[b]);
        std::vector<double>().swap(covariance[b]);
    }
    py::dict d;
    d["known"] = column(all_known), d["covariance"] = all, d["offsets"] = column(offsets);
    return d;
}

}  // namespace

void bind_inverse(py::module_& m) {
    m.def("plan_roofs", &plan_roofs, py::arg("points"), py::arg("point_offsets"), py::arg("sigma"),
          py::arg("xy"), py::arg("vertex_offsets"), py::arg("ring_offsets"), py::arg("options") = py::dict(),
          py::arg("threads") = 0, py::arg("share") = Array<double>(),
          "Plane arrangements of a batch of buildings.");
    m.def("point_distances", &distances, py::arg("solids"), py::arg("points"), py::arg("point_offsets"),
          py::arg("point_origin"), py::arg("which"), py::arg("cap") = 1.0, py::arg("threads") = 0,
          "Distance of every point to the nearest face of its solid.");
    m.def("score_solids", &scores, py::arg("solids"), py::arg("points"), py::arg("point_offsets"),
          py::arg("point_origin"), py::arg("point_sigma"), py::arg("which"), py::arg("sigma"),
          py::arg("cap") = 1.0, py::arg("outlier_nats") = 8.0, py::arg("threads") = 0,
          "What the distances of points from their solids come to.");
    m.def("plane_covariances", &plane_covariances, py::arg("face_offsets"), py::arg("ring_offsets"),
          py::arg("vertex_offsets"), py::arg("xy"), py::arg("plane"), py::arg("points"),
          py::arg("point_offsets"), py::arg("sigma"), py::arg("threads") = 0,
          "Covariances of the planes of a batch of arrangements.");
}

}  // namespace geovision::bindings
