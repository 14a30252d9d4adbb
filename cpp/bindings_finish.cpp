// Binds finish: a tileable piece of wall or roof as arrays.
#include <vector>

#include "bindings_util.hpp"
#include "geovision/finish.hpp"

namespace geovision::bindings {
namespace {

Array<float> as_array(const std::vector<float>& values, py::ssize_t size, py::ssize_t channels) {
    std::vector<py::ssize_t> shape{size, size};
    if (channels > 1) shape.push_back(channels);
    return Array<float>(shape, values.data());
}

py::dict draw(int finish, double metres, int size, std::uint32_t seed, int threads) {
    if (finish < 0 || finish >= finish_count) throw py::value_error("no such finish");
    FinishOptions options;
    options.finish = static_cast<Finish>(finish);
    options.metres = metres;
    options.size = size;
    options.seed = seed;
    options.threads = threads;
    FinishMaps maps;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        draw_finish(options, maps);
    });
    py::dict result;
    result["colour"] = as_array(maps.colour, size, 3);
    result["relief"] = as_array(maps.relief, size, 1);
    result["roughness"] = as_array(maps.roughness, size, 1);
    result["metallic"] = as_array(maps.metallic, size, 1);
    result["occlusion"] = as_array(maps.occlusion, size, 1);
    return result;
}

}  // namespace

void bind_finish(py::module_& m) {
    m.def("draw_finish", &draw, py::arg("finish"), py::arg("metres"), py::arg("size"), py::arg("seed") = 0,
          py::arg("threads") = 0,
          "Colour (linear factors on the material's own), relief in metres, roughness, metallic and "
          "occlusion of a square piece that repeats without a seam, rows from the top.");
}

}  // namespace geovision::bindings
