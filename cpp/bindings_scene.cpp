// Binds what looks at scenes from above: layers and orthophotos.
#include "bindings_scene.hpp"

#include <pybind11/stl.h>

#include <limits>
#include <string>
#include <vector>

#include "bindings_settings.hpp"
#include "geovision/layers.hpp"
#include "geovision/ortho.hpp"

namespace geovision::bindings {
namespace {

class Taker {
public:
    Taker(const py::dict& arrays, SceneArrays& out) : arrays_(arrays), out_(out) {}

    template <class T>
    const T* any(const std::string& name, std::int64_t columns, std::int64_t& count) {
        if (!arrays_.contains(name.c_str())) throw py::key_error("scene has no array '" + name + "'");
        auto array = arrays_[name.c_str()].cast<Array<T>>();
        if (array.size() % columns != 0)
            throw py::value_error("scene: " + name + " must have " + std::to_string(columns) + " columns");
        count = array.size() / columns;
        const T* data = array.data();
        out_.owners.push_back(std::move(array));
        return data;
    }

    template <class T>
    const T* sized(const std::string& name, std::int64_t columns, std::int64_t expected) {
        std::int64_t count = 0;
        const T* data = any<T>(name, columns, count);
        if (count != expected) {
            throw py::value_error("scene: " + name + " has " + std::to_string(count) + " entries, expected " +
                                  std::to_string(expected));
        }
        return data;
    }

private:
    const py::dict& arrays_;
    SceneArrays& out_;
};

void take_mesh(Taker& take, SceneMesh& scene) {
    RasterMesh& mesh = scene.mesh;
    mesh.xyz = take.any<double>("vertices", 3, mesh.vertices);
    mesh.triangle = take.any<std::int32_t>("triangles", 3, mesh.triangles);
    const std::int64_t n = mesh.triangles;
    scene.label = take.sized<std::uint8_t>("label", 1, n);
    scene.material = take.sized<std::uint8_t>("material", 1, n);
    scene.colour = take.sized<std::uint8_t>("colour", 3, n);
    scene.building = take.sized<std::int32_t>("building", 1, n);
    scene.part = take.sized<std::int32_t>("part", 1, n);
    scene.surface = take.sized<std::int32_t>("surface", 1, n);
    scene.roof_kind = take.sized<std::uint8_t>("roof_kind", 1, n);
}

void take_trees(Taker& take, Trees& trees) {
    trees.xy = take.any<double>("tree_xy", 2, trees.count);
    trees.ground_z = take.sized<double>("tree_ground_z", 1, trees.count);
    trees.height = take.sized<double>("tree_height", 1, trees.count);
    trees.radius = take.sized<double>("tree_radius", 1, trees.count);
    trees.crown_base = take.sized<double>("tree_crown_base", 1, trees.count);
    trees.conifer = take.sized<bool>("tree_conifer", 1, trees.count);
    trees.colour = take.sized<std::uint8_t>("tree_colour", 3, trees.count);
    trees.density = take.sized<double>("tree_density", 1, trees.count);
}

void take_cover(Taker& take, Cover& cover) {
    std::int64_t entries = 0;
    cover.material = take.any<std::uint8_t>("cover_material", 1, cover.polygons);
    cover.colour = take.sized<std::uint8_t>("cover_colour", 3, cover.polygons);
    cover.lift = take.sized<double>("cover_lift", 1, cover.polygons);
    cover.ring_offsets = take.sized<std::int64_t>("cover_ring_offsets", 1, cover.polygons + 1);
    cover.vertex_offsets = take.any<std::int64_t>("cover_vertex_offsets", 1, entries);
    if (entries < 1) throw py::value_error("scene: cover_vertex_offsets must begin with 0");
    cover.rings = entries - 1;
    cover.xy = take.any<double>("cover_xy", 2, cover.vertices);
}

void take_terrain(Taker& take, const py::dict& arrays, Terrain& terrain) {
    const auto z = arrays["terrain_z"].cast<Array<float>>();
    if (z.ndim() != 2) throw py::value_error("scene: terrain_z must have two dimensions");
    std::int64_t count = 0;
    terrain.rows = static_cast<int>(z.shape(0));
    terrain.columns = static_cast<int>(z.shape(1));
    terrain.z = take.any<float>("terrain_z", 1, count);
    terrain.left = arrays["terrain_left"].cast<double>();
    terrain.top = arrays["terrain_top"].cast<double>();
    terrain.cell = arrays["terrain_cell_m"].cast<double>();
    if (!(terrain.cell > 0.0)) throw py::value_error("scene: terrain_cell_m must be above 0");
    terrain.material = arrays["terrain_material"].cast<std::uint8_t>();
    terrain.colour = arrays["terrain_colour"].cast<std::array<std::uint8_t, 3>>();
}

struct LayerArrays {
    py::dict arrays;
    LayersOut out;

    template <class T>
    T* add(const char* name, std::vector<py::ssize_t> shape) {
        py::array_t<T> array(std::move(shape));
        T* data = array.mutable_data();
        arrays[name] = std::move(array);
        return data;
    }
};

LayerArrays make_layers(const std::vector<std::string>& names, int width, int height) {
    LayerArrays made;
    const std::vector<py::ssize_t> plain{height, width};
    for (const std::string& name : names) {
        if (name == "height")
            made.out.height = made.add<float>("height", plain);
        else if (name == "building")
            made.out.building = made.add<std::int32_t>("building", plain);
        else if (name == "part")
            made.out.part = made.add<std::int16_t>("part", plain);
        else if (name == "roof_kind")
            made.out.roof_kind = made.add<std::uint8_t>("roof_kind", plain);
        else if (name == "surface")
            made.out.surface = made.add<std::int32_t>("surface", plain);
        else if (name == "label")
            made.out.label = made.add<std::uint8_t>("label", plain);
        else if (name == "material")
            made.out.material = made.add<std::uint8_t>("material", plain);
        else if (name == "normal")
            made.out.normal = made.add<std::int8_t>("normal", {height, width, 3});
        else if (name == "slope")
            made.out.slope = made.add<float>("slope", plain);
        else if (name == "edge")
            made.out.edge = made.add<std::uint8_t>("edge", plain);
        else
            throw py::key_error("there is no layer '" + name + "'");
    }
    return made;
}

py::dict layers(const py::dict& scene, double left, double top, double cell, int width, int height,
                const std::vector<std::string>& names, std::uint32_t see, double edge_width, int threads) {
    const SceneArrays taken = take_scene(scene);
    const RasterWindow window = take_window(left, top, cell, width, height);
    const LayerArrays made = make_layers(names, width, height);
    LayersOptions options;
    options.seen = see;
    options.edge_width = edge_width;
    options.threads = threads;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        draw_layers(taken.scene, window, options, made.out);
    });
    return made.arrays;
}

OrthoOptions ortho_options(const py::dict& settings) {
    OrthoOptions o;
    Settings take(settings, "draw_ortho");
    take.take("sun_azimuth_deg", o.sun_azimuth_deg);
    take.take("sun_elevation_deg", o.sun_elevation_deg);
    take.take("sun", o.sun);
    take.take("sky", o.sky);
    take.take("sky_blue", o.sky_blue);
    take.take("haze", o.haze);
    take.take("supersample", o.supersample);
    take.take("blur_cells", o.blur_cells);
    take.take("sharpen", o.sharpen);
    take.take("noise", o.noise);
    take.take("exposure", o.exposure);
    take.take("gains", o.gains);
    take.take("gamma", o.gamma);
    take.take("contrast", o.contrast);
    take.take("saturation", o.saturation);
    take.take("jpeg_quality", o.jpeg_quality);
    take.take("texture", o.texture);
    take.done();
    return o;
}

py::array_t<std::uint8_t> ortho(const py::dict& scene, double left, double top, double cell, int width,
                                int height, const py::dict& settings, std::uint32_t see, std::uint32_t seed,
                                int threads) {
    const SceneArrays taken = take_scene(scene);
    const RasterWindow window = take_window(left, top, cell, width, height);
    OrthoOptions options = ortho_options(settings);
    options.seen = see;
    options.seed = seed;
    options.threads = threads;
    py::array_t<std::uint8_t> rgbn({height, width, 4});
    run_interruptible([&, out = rgbn.mutable_data()](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        draw_ortho(taken.scene, window, options, out);
    });
    return rgbn;
}

}  // namespace

SceneArrays take_scene(const py::dict& arrays) {
    SceneArrays taken;
    Taker take(arrays, taken);
    take_mesh(take, taken.scene);
    take_trees(take, taken.scene.trees);
    take_cover(take, taken.scene.cover);
    if (arrays.contains("terrain_z")) take_terrain(take, arrays, taken.scene.terrain);
    taken.scene.origin = arrays["origin"].cast<std::array<double, 3>>();
    return taken;
}

RasterWindow take_window(double left, double top, double cell, int width, int height) {
    if (width < 1 || height < 1 ||
        static_cast<std::int64_t>(width) * height > std::numeric_limits<std::int32_t>::max()) {
        throw py::value_error("width and height must be at least 1, and their product at most 2^31 - 1");
    }
    return {left, top, cell, width, height};
}

void bind_scene(py::module_& m) {
    m.def("draw_layers", &layers, py::arg("scene"), py::arg("left"), py::arg("top"), py::arg("cell"),
          py::arg("width"), py::arg("height"), py::arg("layers"), py::arg("see"), py::arg("edge_width") = 0.0,
          py::arg("threads") = 0, "Rasters by name of what is highest at every cell's centre.");
    m.def("draw_ortho", &ortho, py::arg("scene"), py::arg("left"), py::arg("top"), py::arg("cell"),
          py::arg("width"), py::arg("height"), py::arg("settings"), py::arg("see"), py::arg("seed") = 0,
          py::arg("threads") = 0,
          "True orthophoto (height, width, 4) uint8; settings are the fields of Light and Camera.");
}

}  // namespace geovision::bindings
