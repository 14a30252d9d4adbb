// Binds raster and render: triangles in, height maps and pictures out.
#include <pybind11/stl.h>

#include <array>
#include <limits>
#include <string>

#include "bindings_util.hpp"
#include "geovision/render.hpp"

namespace geovision::bindings {
namespace {

RasterMesh take_mesh(const Array<double>& vertices, const Array<std::int32_t>& triangles) {
    const auto three_columns = [](const py::array& a) { return a.ndim() == 2 && a.shape(1) == 3; };
    if (!three_columns(vertices) || !three_columns(triangles)) {
        throw py::value_error("vertices and triangles must have shape (n, 3)");
    }
    return {vertices.shape(0), vertices.data(), triangles.shape(0), triangles.data()};
}

py::tuple rasterize(const Array<double>& vertices, const Array<std::int32_t>& triangles, double left,
                    double top, double cell, int width, int height, int threads) {
    const RasterMesh mesh = take_mesh(vertices, triangles);
    // Checked before the arrays are made: a wrong size must not become an allocation.
    if (width < 1 || height < 1 ||
        static_cast<std::int64_t>(width) * height > std::numeric_limits<std::int32_t>::max()) {
        throw py::value_error("width and height must be at least 1, and their product at most 2^31 - 1");
    }
    py::array_t<float> z({height, width});
    py::array_t<std::int32_t> id({height, width});
    run_interruptible(
        [&, z_out = z.mutable_data(), id_out = id.mutable_data()](const std::atomic<bool>& cancel) {
            rasterize_top(mesh, {left, top, cell, width, height}, z_out, id_out, threads, &cancel);
        });
    return py::make_tuple(z, id);
}

py::array_t<std::uint8_t> render_picture(const Array<double>& vertices, const Array<std::int32_t>& triangles,
                                         const Array<std::uint8_t>& colours, const py::dict& settings) {
    const RasterMesh mesh = take_mesh(vertices, triangles);
    if (colours.ndim() != 2 || colours.shape(1) != 3 || colours.shape(0) != mesh.triangles) {
        throw py::value_error("colours must have shape (triangles, 3)");
    }
    RenderOptions options;
    for (const auto& [key, value] : settings) {
        const auto name = key.cast<std::string>();
        if (name == "width")
            options.width = value.cast<int>();
        else if (name == "height")
            options.height = value.cast<int>();
        else if (name == "azimuth")
            options.azimuth = value.cast<double>();
        else if (name == "elevation")
            options.elevation = value.cast<double>();
        else if (name == "sun_azimuth")
            options.sun_azimuth = value.cast<double>();
        else if (name == "sun_elevation")
            options.sun_elevation = value.cast<double>();
        else if (name == "margin")
            options.margin = value.cast<double>();
        else if (name == "supersample")
            options.supersample = value.cast<int>();
        else if (name == "shadows")
            options.shadows = value.cast<bool>();
        else if (name == "occlusion")
            options.occlusion = value.cast<bool>();
        else if (name == "edges")
            options.edges = value.cast<bool>();
        else if (name == "ground_plane") {
            options.ground = !value.is_none();
            if (options.ground) options.ground_plane = value.cast<std::array<double, 3>>();
        } else if (name == "ground_colour")
            options.ground_colour = value.cast<std::array<std::uint8_t, 3>>();
        else if (name == "background")
            options.background = value.cast<std::array<std::uint8_t, 3>>();
        else if (name == "threads")
            options.threads = value.cast<int>();
        else
            throw py::key_error("render has no setting '" + name + "'");
    }
    if (options.width < 1 || options.height < 1 || options.width > 16384 || options.height > 16384) {
        throw py::value_error("width and height must be 1 to 16384 pixels");
    }
    py::array_t<std::uint8_t> rgb({options.height, options.width, 3});
    run_interruptible([&, out = rgb.mutable_data()](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        render(mesh, colours.data(), options, out);
    });
    return rgb;
}

}  // namespace

void bind_raster(py::module_& m) {
    m.def("rasterize_top", &rasterize, py::arg("vertices"), py::arg("triangles"), py::arg("left"),
          py::arg("top"), py::arg("cell"), py::arg("width"), py::arg("height"), py::arg("threads") = 0,
          "Highest surface in every cell: (z float32 with NaN, triangle index int32 with -1), row 0 in the "
          "north.");
    m.def("render", &render_picture, py::arg("vertices"), py::arg("triangles"), py::arg("colours"),
          py::arg("settings"),
          "Picture (height, width, 3) uint8 of triangles with one sRGB colour each. Settings: the fields of "
          "RenderOptions; ground_plane (a, b, c) or None.");
}

}  // namespace geovision::bindings
