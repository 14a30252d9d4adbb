// Binds points: LAS records to columns, and columns to buildings.
#include <pybind11/stl.h>

#include <limits>
#include <string>

#include "bindings_util.hpp"
#include "geovision/evidence.hpp"
#include "geovision/gridding.hpp"
#include "geovision/ground.hpp"
#include "geovision/points.hpp"

namespace geovision::bindings {
namespace {

// A NumPy array that owns the vector's memory: columns of millions of points are not copied.
template <class T>
py::array take_over(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
    auto* owned = new std::vector<T>(std::move(values));
    py::capsule owner(owned, [](void* p) { delete static_cast<std::vector<T>*>(p); });
    return py::array_t<T>(std::move(shape), owned->data(), owner);
}

template <class T>
py::array take_over(std::vector<T>&& values) {
    const auto count = static_cast<py::ssize_t>(values.size());
    return take_over(std::move(values), {count});
}

PointRecords take_records(const Array<std::uint8_t>& records, int format, const std::array<double, 3>& scale,
                          const std::array<double, 3>& offset) {
    if (records.ndim() != 2) throw py::value_error("records must have shape (n, bytes)");
    return {records.data(), records.shape(0), static_cast<int>(records.shape(1)), format, scale, offset};
}

PointFilter take_filter(int drop_flags, const std::vector<int>& drop_classes) {
    PointFilter filter;
    filter.drop_flags = static_cast<std::uint8_t>(drop_flags);
    for (const int c : drop_classes) {
        if (c < 0 || c > 255) throw py::value_error("classes are 0 to 255");
        filter.drop_class[static_cast<std::size_t>(c)] = true;
    }
    return filter;
}

py::dict unpack(const Array<std::uint8_t>& records, int format, const std::array<double, 3>& scale,
                const std::array<double, 3>& offset, int drop_flags, const std::vector<int>& drop_classes) {
    const PointRecords raw = take_records(records, format, scale, offset);
    const PointFilter filter = take_filter(drop_flags, drop_classes);
    PointColumns columns;
    {
        py::gil_scoped_release release;
        columns = unpack_points(raw, filter);
    }
    const auto count = static_cast<py::ssize_t>(columns.classification.size());
    py::dict out;
    out["xyz"] = take_over(std::move(columns.xyz), {count, 3});
    out["classification"] = take_over(std::move(columns.classification));
    out["return_number"] = take_over(std::move(columns.return_number));
    out["number_of_returns"] = take_over(std::move(columns.number_of_returns));
    out["flags"] = take_over(std::move(columns.flags));
    out["intensity"] = take_over(std::move(columns.intensity));
    out["source_id"] = take_over(std::move(columns.source_id));
    out["colour"] = take_over(std::move(columns.colour), {count, columns.bands});
    out["bounds"] = columns.bounds;
    return out;
}

template <class T>
const T* optional(const py::object& given, Array<T>& keep, py::ssize_t count, const char* name) {
    if (given.is_none()) return nullptr;
    keep = given.cast<Array<T>>();
    if (keep.size() != count) {
        throw py::value_error(std::string(name) + " has " + std::to_string(keep.size()) +
                              " values, expected " + std::to_string(count));
    }
    return keep.data();
}

// Offsets index memory, so they are checked here whatever the caller promised.
void check_offsets(const Array<std::int64_t>& offsets, py::ssize_t end, const char* name) {
    const std::int64_t* at = offsets.data();
    bool sound = offsets.ndim() == 1 && offsets.size() > 0 && at[0] == 0 && at[offsets.size() - 1] == end;
    for (py::ssize_t i = 1; sound && i < offsets.size(); ++i) sound = at[i] >= at[i - 1];
    if (!sound) {
        throw py::value_error(std::string(name) + " must rise from 0 to " + std::to_string(end));
    }
}

py::dict gather_points(const Array<std::int64_t>& ring_offsets, const Array<std::int64_t>& vertex_offsets,
                       const Array<double>& xy, const Array<double>& xyz, const py::object& kind,
                       const py::object& source, const py::object& wanted, double margin, int threads) {
    if (xy.ndim() != 2 || xy.shape(1) != 2) throw py::value_error("xy must have shape (n, 2)");
    if (xyz.ndim() != 2 || xyz.shape(1) != 3) throw py::value_error("xyz must have shape (n, 3)");
    check_offsets(vertex_offsets, xy.shape(0), "vertex_offsets");
    check_offsets(ring_offsets, vertex_offsets.size() - 1, "ring_offsets");
    Array<std::uint8_t> keep_kind, keep_source, keep_wanted;
    const py::ssize_t count = ring_offsets.size() - 1;
    const Outlines outlines{count, ring_offsets.data(), vertex_offsets.data(), xy.data(),
                            optional(wanted, keep_wanted, count, "wanted")};
    const Measurements points{xyz.shape(0), xyz.data(), optional(kind, keep_kind, xyz.shape(0), "kind"),
                              optional(source, keep_source, xyz.shape(0), "source")};
    Gathered found;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        found = gather(outlines, points, {margin, threads, &cancel});
    });
    py::dict out;
    out["offsets"] = take_over(std::move(found.offsets));
    out["index"] = take_over(std::move(found.index));
    out["kind"] = take_over(std::move(found.kind));
    out["distance"] = take_over(std::move(found.distance));
    out["rival"] = take_over(std::move(found.rival));
    out["claimed"] = take_over(std::move(found.claimed));
    out["origin"] = take_over(std::move(found.origin), {count, 2});
    return out;
}

py::array judge(const Array<std::int64_t>& offsets, const Array<double>& xyz, const Array<std::uint8_t>& kind,
                const Array<float>& above, const Array<float>& distance, const Array<std::uint8_t>& rival,
                const Array<std::uint8_t>& echo, const Array<float>& tolerance, bool buildings_by_class,
                int threads) {
    if (xyz.ndim() != 2 || xyz.shape(1) != 3) throw py::value_error("xyz must have shape (n, 3)");
    const py::ssize_t count = xyz.shape(0);
    check_offsets(offsets, count, "offsets");
    for (const py::array& column : {py::array(kind), py::array(above), py::array(distance), py::array(rival),
                                    py::array(echo), py::array(tolerance)}) {
        if (column.size() != count) throw py::value_error("every column must have one value per point");
    }
    std::vector<std::uint8_t> out(kind.data(), kind.data() + count);
    const Surroundings around{offsets.size() - 1, offsets.data(),   xyz.data(),
                              above.data(),       distance.data(),  rival.data(),
                              echo.data(),        tolerance.data(), buildings_by_class};
    run_interruptible(
        [&](const std::atomic<bool>& cancel) { judge_kinds(around, out.data(), threads, &cancel); });
    return take_over(std::move(out));
}

py::array_t<bool> roof_candidates(const Array<double>& xyz, const Array<std::uint8_t>& kind, double ground,
                                  double least, double classed) {
    if (xyz.ndim() != 2 || xyz.shape(1) != 3) throw py::value_error("xyz must have shape (n, 3)");
    if (kind.size() != xyz.shape(0)) throw py::value_error("kind must have one value per point");
    static_assert(sizeof(bool) == sizeof(std::uint8_t), "written as bytes");
    py::array_t<bool> may(xyz.shape(0));
    find_roof_candidates(xyz.data(), kind.data(), xyz.shape(0), {ground, least, classed},
                         reinterpret_cast<std::uint8_t*>(may.mutable_data()));
    return may;
}

py::array terrain(const Array<double>& ground, const Array<double>& query, double reach, int threads) {
    if (ground.ndim() != 2 || ground.shape(1) != 3) throw py::value_error("ground must have shape (n, 3)");
    if (query.ndim() != 2 || query.shape(1) != 2) throw py::value_error("query must have shape (m, 2)");
    std::vector<double> z;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        z = terrain_at(ground.data(), ground.shape(0), query.data(), query.shape(0),
                       {reach, threads, &cancel});
    });
    return take_over(std::move(z));
}

py::array ground_filter(const Array<double>& xyz, double cell, double max_object, double slope, double step,
                        double tolerance) {
    if (xyz.ndim() != 2 || xyz.shape(1) != 3) throw py::value_error("xyz must have shape (n, 3)");
    std::vector<std::uint8_t> ground;
    {
        py::gil_scoped_release release;
        ground = filter_ground(xyz.data(), xyz.shape(0), {cell, max_object, slope, step, tolerance});
    }
    return take_over(std::move(ground));
}

py::array_t<float> grid(const Array<double>& xyz, double left, double top, double cell, int width, int height,
                        double percentile, double radius, double fill, int threads) {
    if (xyz.ndim() != 2 || xyz.shape(1) != 3) throw py::value_error("xyz must have shape (n, 3)");
    // Checked before the array is made: a wrong size must not become an allocation.
    if (width < 1 || height < 1 ||
        static_cast<std::int64_t>(width) * height > std::numeric_limits<std::int32_t>::max()) {
        throw py::value_error("width and height must be at least 1, and their product at most 2^31 - 1");
    }
    py::array_t<float> z({height, width});
    run_interruptible([&, out = z.mutable_data()](const std::atomic<bool>& cancel) {
        grid_points(xyz.data(), xyz.shape(0), {left, top, cell, width, height},
                    {percentile, radius, fill, threads, &cancel}, out);
    });
    return z;
}

}  // namespace

void bind_points(py::module_& m) {
    m.def("unpack_points", &unpack, py::arg("records"), py::arg("point_format"), py::arg("scale"),
          py::arg("offset"), py::arg("drop_flags") = 0, py::arg("drop_classes") = std::vector<int>(),
          "Columns of raw LAS records (n, bytes), formats 0 to 10.");
    m.def("gather_points", &gather_points, py::arg("ring_offsets"), py::arg("vertex_offsets"), py::arg("xy"),
          py::arg("xyz"), py::arg("kind") = py::none(), py::arg("source") = py::none(),
          py::arg("wanted") = py::none(), py::arg("margin") = 2.0, py::arg("threads") = 0,
          "Points in each outline and its margin, in canonical order: offsets, index, kind, distance, "
          "origin, claimed.");
    m.def("judge_points", &judge, py::arg("offsets"), py::arg("xyz"), py::arg("kind"), py::arg("above"),
          py::arg("distance"), py::arg("rival"), py::arg("echo"), py::arg("tolerance"),
          py::arg("buildings_by_class") = false, py::arg("threads") = 0,
          "Kinds of gathered points, those without a class judged by the shape of what is round them.");
    m.def("roof_candidates", &roof_candidates, py::arg("xyz"), py::arg("kind"), py::arg("ground"),
          py::arg("least"), py::arg("classed"),
          "Which points [n, 3] of a building may lie on its roof: open ones higher over the ground than "
          "`least`, and those classed as a building than `classed` with nothing higher beside them.");
    m.def("terrain_at", &terrain, py::arg("ground"), py::arg("query"), py::arg("reach") = 20.0,
          py::arg("threads") = 0,
          "Height of the terrain at places [m, 2] from ground points [n, 3]; NaN unknown.");
    m.def("grid_points", &grid, py::arg("xyz"), py::arg("left"), py::arg("top"), py::arg("cell"),
          py::arg("width"), py::arg("height"), py::arg("percentile") = 100.0, py::arg("radius") = 1.0,
          py::arg("fill") = 0.0, py::arg("threads") = 0,
          "Heights [height, width] of points [n, 3]: a percentile of each cell, or with a negative one the "
          "mean "
          "of the points round its middle; NaN where nothing is near.");
    m.def("filter_ground", &ground_filter, py::arg("xyz"), py::arg("cell") = 1.0,
          py::arg("max_object") = 36.0, py::arg("slope") = 0.3, py::arg("step") = 0.5,
          py::arg("tolerance") = 0.25,
          "1 for each point [n, 3] that is ground: the lowest points, opened morphologically.");
}

}  // namespace geovision::bindings
