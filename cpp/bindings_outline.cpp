// Binds outlines: strips of rasters in, polygons out.
#include <cmath>
#include <memory>
#include <mutex>
#include <string>

#include "bindings_util.hpp"
#include "geovision/outline.hpp"

namespace geovision::bindings {
namespace {

template <class T>
py::array_t<T> take(const std::vector<T>& values) {
    return py::array_t<T>(py::ssize_t(values.size()), values.data());
}

py::dict to_dict(const Outlines& o) {
    py::dict d;
    d["polygon_offsets"] = take(o.polygon_offsets);
    d["ring_offsets"] = take(o.ring_offsets);
    d["xy"] = take(o.xy).reshape({py::ssize_t(o.xy.size() / 2), py::ssize_t(2)});
    d["area_m2"] = take(o.area);
    d["probability"] = take(o.probability);
    d["contrast"] = take(o.contrast);
    d["iou"] = take(o.iou);
    d["height_m"] = take(o.height);
    d["height_high_m"] = take(o.height_high);
    d["direction"] = take(o.direction);
    d["level"] = take(o.level);
    d["touches"] = take(o.touches);
    return d;
}

class Stream {
public:
    explicit Stream(const OutlineOptions& options) : options_(options), stream_(options) {}

    py::dict add(const py::object& building, const py::object& boundary, const py::object& frame,
                 const py::object& height) {
        const auto cells = building.cast<py::array>();
        if (cells.ndim() != 2 || cells.shape(1) != options_.columns)
            throw py::value_error("building must have shape (rows, columns)");
        OutlineStrip strip;
        strip.rows = cells.shape(0);
        strip.bands[band_building] = plane(building, strip.rows, "building");
        if (options_.has_boundary) strip.bands[band_boundary] = plane(boundary, strip.rows, "boundary");
        if (options_.has_frame) {
            const OutlinePlane both = plane(frame, 2 * strip.rows, "frame");
            strip.bands[band_frame_cos] = both;
            strip.bands[band_frame_sin] = both.row(strip.rows * options_.columns);
        }
        if (options_.has_height) {
            strip.bands[band_height] = plane(height, strip.rows, "height");
            if (strip.bands[band_height].floats == nullptr) throw py::type_error("height must be float32");
        }
        return work(
            [&](const std::atomic<bool>& cancel, Outlines& out) { stream_.add(strip, &cancel, out); });
    }

    py::dict finish() {
        return work([&](const std::atomic<bool>& cancel, Outlines& out) { stream_.finish(&cancel, out); });
    }

private:
    // Looks at the memory of an array, which its caller keeps alive; no copy is made.
    OutlinePlane plane(const py::object& given, std::int64_t rows, const char* name) const {
        if (!py::isinstance<py::array>(given)) throw py::type_error(std::string(name) + " must be an array");
        const auto array = given.cast<py::array>();
        if (array.size() != rows * options_.columns || (array.flags() & py::array::c_style) == 0)
            throw py::value_error(std::string(name) + " must be contiguous and of the strip's shape");
        OutlinePlane out;
        if (py::isinstance<py::array_t<std::uint8_t>>(array))
            out.bytes = static_cast<const std::uint8_t*>(array.data());
        else if (py::isinstance<py::array_t<float>>(array))
            out.floats = static_cast<const float*>(array.data());
        else
            throw py::type_error(std::string(name) + " must be uint8 or float32");
        return out;
    }

    template <class Work>
    py::dict work(Work run) {
        if (ended_) throw py::value_error("this stream has been finished or was interrupted");
        const std::unique_lock<std::mutex> lock(busy_, std::try_to_lock);
        if (!lock.owns_lock()) throw py::value_error("this stream is in use by another thread");
        Outlines out;
        // A strip that was interrupted is half taken in, so there is no going on.
        ended_ = true;
        run_interruptible([&](const std::atomic<bool>& cancel) { run(cancel, out); });
        ended_ = false;
        return to_dict(out);
    }

    OutlineOptions options_;
    OutlineStream stream_;
    std::mutex busy_;
    bool ended_ = false;
};

std::unique_ptr<Stream> make_stream(std::int64_t columns, double cell, bool binary, bool boundary, bool frame,
                                    bool height, double threshold, double boundary_threshold, double min_area,
                                    double min_hole, double tolerance, double min_iou, double reach,
                                    int level, int threads) {
    OutlineOptions o;
    o.columns = columns, o.cell = cell, o.binary = binary;
    o.has_boundary = boundary, o.has_frame = frame, o.has_height = height;
    o.threshold = threshold, o.boundary_threshold = boundary_threshold;
    o.min_area = min_area, o.min_hole = min_hole, o.tolerance = tolerance, o.min_iou = min_iou;
    o.reach = reach, o.level = static_cast<OutlineLevel>(level), o.threads = threads;
    // Vertices count 1024 steps a cell in 32 bits.
    if (columns < 1 || columns > (std::int64_t{1} << 19))
        throw py::value_error("columns must be 1 to 524288");
    if (!(cell > 0 && std::isfinite(cell))) throw py::value_error("cell must be above 0");
    if (!(threshold > 0 && threshold <= 1)) throw py::value_error("threshold must be above 0 and at most 1");
    if (level < 0 || level > 2) throw py::value_error("level must be 0 to 2");
    for (const double v : {boundary_threshold, min_area, min_hole, tolerance, min_iou, reach})
        if (!(v >= 0 && std::isfinite(v))) throw py::value_error("options must be finite and not negative");
    return std::make_unique<Stream>(o);
}

}  // namespace

void bind_outline(py::module_& m) {
    py::class_<Stream>(m, "OutlineStream",
                       "Outlines from rasters, by strips; see cpp/include/geovision/outline.hpp.")
        .def(py::init(&make_stream), py::kw_only(), py::arg("columns"), py::arg("cell"), py::arg("binary"),
             py::arg("boundary"), py::arg("frame"), py::arg("height"), py::arg("threshold"),
             py::arg("boundary_threshold"), py::arg("min_area"), py::arg("min_hole"), py::arg("tolerance"),
             py::arg("min_iou"), py::arg("reach"), py::arg("level"), py::arg("threads"))
        .def("add", &Stream::add, py::arg("building"), py::arg("boundary"), py::arg("frame"),
             py::arg("height"))
        .def("finish", &Stream::finish);
}

}  // namespace geovision::bindings
