// Binds windows: what inference does to every pixel before and after the network.
#include <pybind11/stl.h>

#include <array>
#include <tuple>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/scene_features.hpp"
#include "geovision/windows.hpp"

namespace geovision::bindings {
namespace {

using Group = std::tuple<py::array, py::object, std::int64_t, std::int64_t>;

std::int64_t stride_of(const py::array& array, int axis, std::int64_t item) {
    if (array.strides(axis) % item != 0) throw py::value_error("strides must be whole values");
    return array.strides(axis) / item;
}

GroupPlanes planes_of(const Group& group, const py::array_t<float>& out) {
    const auto& [data, valid, channel, valid_channel] = group;
    const bool bytes = py::isinstance<py::array_t<std::uint8_t>>(data);
    if (!bytes && !py::isinstance<py::array_t<float>>(data))
        throw py::type_error("groups must be uint8 or float32");
    const std::int64_t item = bytes ? 1 : 4;
    if (data.ndim() != 3 || data.shape(1) != out.shape(0) || data.shape(2) != out.shape(1) ||
        (data.shape(0) != 1 && data.shape(0) != 3))
        throw py::value_error("groups must have shape (1 or 3, rows, columns) of the output");
    const auto inner = [](const py::array& array, int axis, std::int64_t size) {
        if (array.shape(axis) > 1 && array.strides(axis) != size)
            throw py::value_error("columns must lie side by side");
    };
    inner(data, 2, item);
    if (channel < 0 || channel + data.shape(0) > out.shape(2) || valid_channel < 0 ||
        valid_channel >= out.shape(2))
        throw py::value_error("channels must lie in the output");
    GroupPlanes planes{
        data.data(), bytes,   data.shape(0), stride_of(data, 0, item), stride_of(data, 1, item), nullptr,
        0,           channel, valid_channel};
    if (!valid.is_none()) {
        const auto mask = valid.cast<py::array>();
        if (!py::isinstance<py::array_t<bool>>(mask) || mask.ndim() != 2 || mask.shape(0) != out.shape(0) ||
            mask.shape(1) != out.shape(1))
            throw py::value_error("valid must be bool with shape (rows, columns) of the output");
        inner(mask, 1, 1);
        planes.valid = static_cast<const std::uint8_t*>(mask.data());
        planes.valid_stride = stride_of(mask, 0, 1);
    }
    return planes;
}

void stack(const std::vector<Group>& groups, py::array_t<float, py::array::c_style>& out) {
    if (out.ndim() != 3) throw py::value_error("out must have shape (rows, columns, channels)");
    std::vector<GroupPlanes> planes;
    for (const Group& group : groups) planes.push_back(planes_of(group, out));
    float* to = out.mutable_data();
    const std::int64_t rows = out.shape(0), columns = out.shape(1), channels = out.shape(2);
    py::gil_scoped_release release;
    stack_groups(planes.data(), static_cast<std::int64_t>(planes.size()), rows, columns, channels, to);
}

// `table` empty: signed_bytes of every channel; else look_up of the only one.
py::array_t<std::uint8_t> to_bytes(const py::array_t<float, py::array::c_style>& values,
                                   const Array<std::uint8_t>& table, float range) {
    if (values.ndim() != 3 || values.shape(2) < 1) throw py::value_error("values must have three axes");
    if (table.size() == 0 ? false : values.shape(2) != 1 || !(range > 0))
        throw py::value_error("a table goes with one channel and a range above 0");
    const std::int64_t rows = values.shape(0), columns = values.shape(1), depth = values.shape(2);
    py::array_t<std::uint8_t> out({depth, rows, columns});
    const float* from = values.data();
    const std::uint8_t* cells = table.data();
    const std::int64_t count = rows * columns, size = table.size();
    std::uint8_t* to = out.mutable_data();
    py::gil_scoped_release release;
    for (std::int64_t k = 0; k < depth; ++k) {
        if (size > 0)
            look_up(from, depth, count, cells, size, range, to);
        else
            signed_bytes(from + k, depth, count, to + k * count);
    }
    return out;
}

void features(const py::array_t<float, py::array::c_style>& x, const std::array<float, 6>& rules,
              py::array_t<float, py::array::c_style>& out, int threads) {
    if (x.ndim() != 4 || x.shape(3) != kRawChannels)
        throw py::value_error("x must have shape (batch, rows, columns, 14)");
    if (out.ndim() != 4 || out.shape(0) != x.shape(0) || out.shape(1) != kSceneFeatures ||
        out.shape(2) != x.shape(1) || out.shape(3) != x.shape(2))
        throw py::value_error("out must have shape (batch, 24, rows, columns)");
    for (const float rule : rules)
        if (!(rule > 0)) throw py::value_error("rules must be above 0");
    const FeatureRules given{rules[0], rules[1], rules[2], rules[3], rules[4], rules[5]};
    const float* from = x.data();
    float* to = out.mutable_data();
    const std::int64_t batch = x.shape(0), rows = x.shape(1), columns = x.shape(2);
    run_interruptible([&](const std::atomic<bool>& cancel) {
        for (std::int64_t k = 0; k < batch; ++k)
            scene_features(from + k * rows * columns * kRawChannels, rows, columns, given, threads, &cancel,
                           to + k * rows * columns * kSceneFeatures);
    });
}

}  // namespace

void bind_windows(py::module_& m) {
    m.def(
        "stack_groups", &stack, py::arg("groups"), py::arg("out").noconvert(),
        "Fill a network's input [rows, columns, channels] from groups (data [bands, rows, columns], valid or "
        "None, first channel, channel of validity); see cpp/include/geovision/windows.hpp.");
    m.def("scene_features", &features, py::arg("x").noconvert(), py::arg("rules"), py::arg("out").noconvert(),
          py::arg("threads") = 0,
          "Fill out [batch, 24, rows, columns] with what the scene network sees of its raw input; see "
          "cpp/include/geovision/scene_features.hpp.");
    m.def("to_bytes", &to_bytes, py::arg("values").noconvert(), py::arg("table"), py::arg("reach"),
          "Outputs [rows, columns, channels] as bytes [channels, rows, columns]: through a table from -range "
          "to range, or 128 + 127 v where it is empty.");
}

}  // namespace geovision::bindings
