// Binds the noding of footprints: polygons in, polygons that agree with their neighbours out.
#include <cmath>
#include <limits>

#include "bindings_util.hpp"
#include "geovision/noding.hpp"

namespace geovision::bindings {
namespace {

template <class T>
py::array_t<T> take(const std::vector<T>& values) {
    return py::array_t<T>(py::ssize_t(values.size()), values.data());
}

void check_offsets(const Array<std::int64_t>& offsets, std::int64_t end, const char* name) {
    const auto* o = offsets.data();
    const auto n = offsets.shape(0);
    bool good = n >= 1 && o[0] == 0 && o[n - 1] == end;
    for (py::ssize_t i = 1; good && i < n; ++i) good = o[i - 1] < o[i];
    if (!good) throw py::value_error(std::string(name) + " must rise from 0 to the number of what they cut");
}

py::dict noded(const Array<std::int64_t>& ring_offsets, const Array<std::int64_t>& vertex_offsets,
               const Array<std::int64_t>& xy, const Array<std::int32_t>& rank,
               const Array<std::int32_t>& pairs, double snap) {
    if (xy.ndim() != 2 || xy.shape(1) != 2) throw py::value_error("xy must have shape (n, 2)");
    if (pairs.ndim() != 2 || pairs.shape(1) != 2) throw py::value_error("pairs must have shape (n, 2)");
    if (!(snap >= 1 && snap <= 1e6)) throw py::value_error("snap must be 1 to 1e6 grid steps");
    check_offsets(vertex_offsets, xy.shape(0), "vertex_offsets");
    check_offsets(ring_offsets, vertex_offsets.shape(0) - 1, "ring_offsets");
    NodingInput in;
    in.footprints = ring_offsets.shape(0) - 1;
    if (rank.shape(0) != in.footprints) throw py::value_error("rank must have one value per footprint");
    for (py::ssize_t i = 0; i < pairs.size(); ++i)
        if (pairs.data()[i] < 0 || pairs.data()[i] >= in.footprints)
            throw py::value_error("pairs must be indices of footprints");
    for (py::ssize_t i = 0; i < xy.size(); ++i)
        if (std::abs(double(xy.data()[i])) > 1e15) throw py::value_error("xy is outside the grid");
    in.ring_offsets = ring_offsets.data();
    in.vertex_offsets = vertex_offsets.data();
    in.xy = xy.data();
    in.rank = rank.data();
    in.pairs = pairs.shape(0);
    in.pair = pairs.data();
    in.snap = snap;
    NodedFootprints out;
    run_interruptible([&](const std::atomic<bool>& cancel) { out = node_footprints(in, &cancel); });
    py::dict result;
    result["owner"] = take(out.owner);
    result["ring_offsets"] = take(out.ring_offsets);
    result["vertex_offsets"] = take(out.vertex_offsets);
    result["xy"] = take(out.xy).reshape({py::ssize_t(out.xy.size() / 2), py::ssize_t(2)});
    result["status"] = take(out.status);
    result["given_from"] = take(out.given_from);
    result["given_to"] = take(out.given_to);
    result["given_area"] = take(out.given_area);
    result["rounds"] = out.rounds;
    return result;
}

}  // namespace

void bind_noding(py::module_& m) {
    m.def("node_footprints", &noded, py::arg("ring_offsets"), py::arg("vertex_offsets"), py::arg("xy"),
          py::arg("rank"), py::arg("pairs"), py::arg("snap"),
          "Footprints on an integer grid to footprints whose shared walls are the same vertices.");
}

}  // namespace geovision::bindings
