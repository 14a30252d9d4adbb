// The Python module geovision._kernel: the only file that knows both Python and the kernel.
//
// Each area of the kernel registers its functions in its own bind_*(py::module_&), called once at the
// bottom. Functions take and return NumPy arrays, check whatever would be memory-unsafe, and release
// the GIL once round the whole computation.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "geovision/types.hpp"

namespace py = pybind11;

// Areas with a file of their own: cpp/bindings_<area>.cpp.
namespace geovision::bindings {
void bind_compile(py::module_& m);
void bind_facades(py::module_& m);
void bind_pack(py::module_& m);
void bind_raster(py::module_& m);
void bind_scene(py::module_& m);
void bind_sensors(py::module_& m);
void bind_check(py::module_& m);
void bind_polyhedra(py::module_& m);
void bind_meshopt(py::module_& m);
void bind_noding(py::module_& m);
void bind_cityjson(py::module_& m);
void bind_points(py::module_& m);
void bind_warp(py::module_& m);
void bind_windows(py::module_& m);
void bind_inverse(py::module_& m);
void bind_fit(py::module_& m);
void bind_refine(py::module_& m);
void bind_placement(py::module_& m);
void bind_outline(py::module_& m);
void bind_facade_rules(py::module_& m);
void bind_finish(py::module_& m);
void bind_instances(py::module_& m);
}  // namespace geovision::bindings

namespace {

// Facts that `geovision doctor` prints: a wrong build type is the first thing to rule out.
void bind_build(py::module_& m) {
    m.attr("__version__") = GEOVISION_VERSION;
    m.def(
        "build_info",
        []() {
            py::dict info;
            info["version"] = GEOVISION_VERSION;
            info["build_type"] = GEOVISION_BUILD_TYPE;
            info["compiler"] = GEOVISION_COMPILER;
            info["sanitizers"] = GEOVISION_SANITIZE;
            info["cpp_standard"] = static_cast<long>(__cplusplus);
            return info;
        },
        "Version, build type, compiler and sanitizers of this kernel.");
}

}  // namespace

PYBIND11_MODULE(_kernel, m) {
    m.doc() = "geovision's C++ kernel: programs in, watertight solids out, as NumPy arrays.";
    bind_build(m);
    geovision::bindings::bind_compile(m);
    geovision::bindings::bind_facades(m);
    geovision::bindings::bind_pack(m);
    geovision::bindings::bind_raster(m);
    geovision::bindings::bind_scene(m);
    geovision::bindings::bind_sensors(m);
    geovision::bindings::bind_check(m);
    geovision::bindings::bind_polyhedra(m);
    geovision::bindings::bind_meshopt(m);
    geovision::bindings::bind_noding(m);
    geovision::bindings::bind_cityjson(m);
    geovision::bindings::bind_points(m);
    geovision::bindings::bind_warp(m);
    geovision::bindings::bind_windows(m);
    geovision::bindings::bind_inverse(m);
    geovision::bindings::bind_fit(m);
    geovision::bindings::bind_refine(m);
    geovision::bindings::bind_placement(m);
    geovision::bindings::bind_outline(m);
    geovision::bindings::bind_facade_rules(m);
    geovision::bindings::bind_finish(m);
    geovision::bindings::bind_instances(m);
}
