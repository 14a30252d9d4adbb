// A scene's arrays as the kernel's view on them. Only files that match cpp/bindings*.cpp include this.
#pragma once

#include <vector>

#include "bindings_util.hpp"
#include "geovision/scene.hpp"

namespace geovision::bindings {

// The arrays of geovision.mesh.SceneMesh.kernel_arrays(), kept alive while the scene is used.
struct SceneArrays {
    std::vector<py::object> owners;
    SceneMesh scene;
};

// Throws for an array that is missing or too short: whatever would be memory-unsafe.
SceneArrays take_scene(const py::dict& arrays);

// Throws for a window without cells or with more than 2^31: a wrong size must not become an allocation.
RasterWindow take_window(double left, double top, double cell, int width, int height);

}  // namespace geovision::bindings
