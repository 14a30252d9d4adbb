// Binds the checker of polyhedra: ragged arrays in, findings as columns out.
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/polyhedra.hpp"

namespace geovision::bindings {
namespace {

std::int64_t check_offsets(const Array<std::int64_t>& offsets, const char* name, std::int64_t cuts) {
    const auto fail = [&](const std::string& problem) {
        throw py::value_error(std::string("polyhedra: ") + name + " " + problem);
    };
    if (offsets.size() < 1 || offsets.data()[0] != 0) fail("must begin with 0");
    for (py::ssize_t i = 1; i < offsets.size(); ++i) {
        if (offsets.data()[i] < offsets.data()[i - 1]) fail("must not decrease");
    }
    if (offsets.data()[offsets.size() - 1] != cuts) fail("must end at " + std::to_string(cuts));
    return offsets.size() - 1;
}

template <class T, class Read>
py::array_t<T> column(const std::vector<PolyhedraFinding>& findings, Read read) {
    py::array_t<T> out(static_cast<py::ssize_t>(findings.size()));
    T* to = out.mutable_data();
    for (const PolyhedraFinding& finding : findings) *to++ = static_cast<T>(read(finding));
    return out;
}

py::array_t<double> to_array(const std::vector<double>& values) {
    return py::array_t<double>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::dict check(const Array<std::int64_t>& vertices, const Array<std::int64_t>& ring_vertices,
               const Array<std::int64_t>& ring_offsets, const Array<std::int64_t>& polygon_offsets,
               const Array<std::int64_t>& shell_offsets, const Array<std::int64_t>& primitive_offsets,
               const Array<std::uint8_t>& kind, const Array<std::int64_t>& group, double grid, double snap,
               double planarity, double normals_deg, int threads) {
    if (vertices.size() % 3 != 0) throw py::value_error("polyhedra: vertices must have 3 columns");
    if (!(grid > 0.0)) throw py::value_error("polyhedra: grid must be above 0");
    PolyhedraView view;
    view.grid = grid;
    view.vertex_count = vertices.size() / 3;
    const std::int64_t rings = check_offsets(ring_offsets, "ring_offsets", ring_vertices.size());
    const std::int64_t polygons = check_offsets(polygon_offsets, "polygon_offsets", rings);
    const std::int64_t shells = check_offsets(shell_offsets, "shell_offsets", polygons);
    view.primitives = check_offsets(primitive_offsets, "primitive_offsets", shells);
    if (kind.size() != view.primitives || group.size() != view.primitives)
        throw py::value_error("polyhedra: kind and group must have one entry a primitive");
    view.vertices = vertices.data();
    view.ring_vertices = ring_vertices.data();
    view.ring_offsets = ring_offsets.data();
    view.polygon_offsets = polygon_offsets.data();
    view.shell_offsets = shell_offsets.data();
    view.primitive_offsets = primitive_offsets.data();
    view.kind = kind.data();
    view.group = group.data();
    PolyhedraResult result;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        result = check_polyhedra(view, {snap, planarity, normals_deg, threads, &cancel});
    });
    using F = PolyhedraFinding;
    py::dict out;
    out["primitive"] = column<std::int64_t>(result.findings, [](const F& f) { return f.primitive; });
    out["code"] = column<std::int32_t>(result.findings, [](const F& f) { return f.code; });
    out["polygon"] = column<std::int64_t>(result.findings, [](const F& f) { return f.polygon; });
    out["vertex"] = column<std::int64_t>(result.findings, [](const F& f) { return f.vertex; });
    out["other"] = column<std::int64_t>(result.findings, [](const F& f) { return f.other; });
    out["value"] = column<double>(result.findings, [](const F& f) { return f.value; });
    out["normals"] = to_array(result.normals);
    out["volume"] = to_array(result.volume);
    out["deviation"] = to_array(result.deviation);
    return out;
}

}  // namespace

void bind_polyhedra(py::module_& m) {
    m.def("check_polyhedra", &check, py::arg("vertices"), py::arg("ring_vertices"), py::arg("ring_offsets"),
          py::arg("polygon_offsets"), py::arg("shell_offsets"), py::arg("primitive_offsets"), py::arg("kind"),
          py::arg("group"), py::arg("grid"), py::arg("snap") = 0.001, py::arg("planarity") = 0.01,
          py::arg("normals_deg") = 20.0, py::arg("threads") = 0,
          "Findings by val3dity's codes as columns; area vectors of polygons, volumes and deviations of "
          "primitives.");
}

}  // namespace geovision::bindings
