// Binds the checker: a solids dict in, a dict of one entry a building out.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/check.hpp"

namespace geovision::bindings {
namespace {

// Arrays of a solids dict, kept alive while the view on them is used.
struct CheckArrays {
    std::vector<py::object> owners;
    SolidsView view;

    template <class T>
    const T* take(const py::dict& solids, const char* name, std::int64_t columns, std::int64_t& count) {
        if (!solids.contains(name)) throw py::key_error(std::string("solids has no array '") + name + "'");
        auto array = solids[name].cast<Array<T>>();
        if (array.size() % columns != 0) {
            throw py::value_error(std::string("solids: ") + name + " must have " + std::to_string(columns) +
                                  " columns");
        }
        count = array.size() / columns;
        const T* data = array.data();
        owners.push_back(std::move(array));
        return data;
    }

    // Lengths are checked here; what the arrays say is the checker's business.
    template <class T>
    const T* take_sized(const py::dict& solids, const char* name, std::int64_t expected) {
        std::int64_t count = 0;
        const T* data = take<T>(solids, name, 1, count);
        if (count != expected) {
            throw py::value_error(std::string("solids: ") + name + " has " + std::to_string(count) +
                                  " entries, expected " + std::to_string(expected));
        }
        return data;
    }
};

CheckArrays take_check_arrays(const py::dict& solids) {
    CheckArrays a;
    SolidsView& v = a.view;
    v.grid = solids.contains("grid") ? solids["grid"].cast<double>() : 0.001;
    if (!(v.grid > 0.0)) throw py::value_error("solids: grid must be above 0");
    v.status = a.take<std::uint8_t>(solids, "status", 1, v.buildings);
    v.vertices = a.take<std::int32_t>(solids, "vertices", 3, v.vertex_count);
    v.triangles = a.take<std::int32_t>(solids, "triangles", 3, v.triangle_count);
    v.triangle_face = a.take_sized<std::int32_t>(solids, "triangle_face", v.triangle_count);
    v.face_solid = a.take<std::int32_t>(solids, "face_solid", 1, v.face_count);
    v.vertex_offsets = a.take_sized<std::int64_t>(solids, "vertex_offsets", v.buildings + 1);
    v.triangle_offsets = a.take_sized<std::int64_t>(solids, "triangle_offsets", v.buildings + 1);
    v.face_offsets = a.take_sized<std::int64_t>(solids, "face_offsets", v.buildings + 1);
    const bool has_rings = solids.contains("ring_vertices") && solids.contains("face_ring_offsets") &&
                           py::len(solids["face_ring_offsets"]) > 1;
    if (has_rings) {
        v.ring_vertices = a.take<std::int32_t>(solids, "ring_vertices", 1, v.ring_vertex_count);
        std::int64_t entries = 0;
        v.ring_offsets = a.take<std::int64_t>(solids, "ring_offsets", 1, entries);
        v.ring_count = entries - 1;
        v.face_ring_offsets = a.take_sized<std::int64_t>(solids, "face_ring_offsets", v.face_count + 1);
    }
    return a;
}

template <class T>
py::array_t<T> to_array(const std::vector<T>& values) {
    return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::dict check(const py::dict& solids, bool self_intersection, double min_edge, double planarity,
               int threads) {
    const CheckArrays arrays = take_check_arrays(solids);
    CheckResult result;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        result = check_solids(arrays.view, {min_edge, planarity, self_intersection, threads, &cancel});
    });
    py::dict out;
    out["faults"] = to_array(result.faults);
    out["element"] = to_array(result.element);
    out["volume"] = to_array(result.volume);
    out["deviation"] = to_array(result.deviation);
    return out;
}

// Two (n, 3, 3) int32 arrays in, one bool a pair out: for tests against an independent judge.
py::array_t<bool> cross_pairs(const Array<std::int32_t>& first, const Array<std::int32_t>& second) {
    if (first.size() != second.size() || first.size() % 9 != 0) {
        throw py::value_error("triangles must be two arrays of the same shape (n, 3, 3)");
    }
    const py::ssize_t count = first.size() / 9;
    py::array_t<bool> out(count);
    const auto corners = [](const std::int32_t* p, GridPoint(&t)[3]) {
        for (int i = 0; i < 3; ++i) t[i] = {p[3 * i], p[3 * i + 1], p[3 * i + 2]};
    };
    for (py::ssize_t i = 0; i < count; ++i) {
        GridPoint a[3], b[3];
        corners(first.data() + 9 * i, a);
        corners(second.data() + 9 * i, b);
        out.mutable_data()[i] = triangles_cross(a, b);
    }
    return out;
}

}  // namespace

void bind_check(py::module_& m) {
    m.def("check_solids", &check, py::arg("solids"), py::arg("self_intersection") = false,
          py::arg("min_edge") = 0.01, py::arg("planarity") = 0.002, py::arg("threads") = 0,
          "Faults, first offending element, volume and largest distance from a face's plane, per building.");
    m.def("triangles_cross", &cross_pairs, py::arg("first"), py::arg("second"),
          "Whether each pair of grid triangles meets in more than the corners it shares. Exact.");
}

}  // namespace geovision::bindings
