// Binds pack: solids in, one finished GLB as Python bytes out.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/pack.hpp"

namespace geovision::bindings {
namespace {

// Arrays of a solids dict, kept alive while the view on them is used.
struct PackArrays {
    Array<double> origin;
    Array<std::int64_t> vertex_offsets, triangle_offsets, face_offsets;
    Array<std::int32_t> vertices, triangles, triangle_face;
    Array<std::uint8_t> face_label;
    PackSolids view;
};

template <class T>
Array<T> take(const py::dict& solids, const char* name) {
    if (!solids.contains(name)) throw py::key_error(std::string("solids has no array '") + name + "'");
    return solids[name].cast<Array<T>>();
}

void check_offsets(const Array<std::int64_t>& offsets, const char* name, py::ssize_t buildings,
                   py::ssize_t items) {
    const bool fits = offsets.ndim() == 1 && offsets.size() == buildings + 1 && offsets.data()[0] == 0 &&
                      offsets.data()[buildings] == items;
    if (!fits) {
        throw py::value_error(std::string("solids: ") + name +
                              " must have one entry a building and one more, " +
                              "start at 0 and end at the length of its array");
    }
    // A dip in the middle would pass both ends, so every step is looked at here, once.
    for (py::ssize_t i = 0; i < buildings; ++i) {
        if (offsets.data()[i] > offsets.data()[i + 1])
            throw py::value_error(std::string("solids: ") + name + " decrease");
    }
}

PackArrays take_solids(const py::dict& solids) {
    PackArrays a{take<double>(solids, "origin"),
                 take<std::int64_t>(solids, "vertex_offsets"),
                 take<std::int64_t>(solids, "triangle_offsets"),
                 take<std::int64_t>(solids, "face_offsets"),
                 take<std::int32_t>(solids, "vertices"),
                 take<std::int32_t>(solids, "triangles"),
                 take<std::int32_t>(solids, "triangle_face"),
                 take<std::uint8_t>(solids, "face_label"),
                 {}};
    const py::ssize_t buildings = a.origin.size() / 3;
    if (a.origin.size() % 3 != 0 || a.vertices.size() % 3 != 0 ||
        a.triangles.size() != 3 * a.triangle_face.size()) {
        throw py::value_error(
            "solids: origin, vertices and triangles must have three columns, and triangle_face "
            "one entry a triangle");
    }
    check_offsets(a.vertex_offsets, "vertex_offsets", buildings, a.vertices.size() / 3);
    check_offsets(a.triangle_offsets, "triangle_offsets", buildings, a.triangle_face.size());
    check_offsets(a.face_offsets, "face_offsets", buildings, a.face_label.size());
    const double grid = solids.contains("grid") ? solids["grid"].cast<double>() : 0.001;
    a.view = {grid,
              buildings,
              a.origin.data(),
              a.vertex_offsets.data(),
              a.vertices.data(),
              a.triangle_offsets.data(),
              a.triangles.data(),
              a.triangle_face.data(),
              a.face_offsets.data(),
              a.face_label.data()};
    return a;
}

std::size_t align8(std::size_t value) { return (value + 7) / 8 * 8; }

// What the maker of the JSON header needs to know. `exact` is false the first time, when only the
// length of the text counts: the bounds are then stand-ins with the longest text that a number can have.
py::dict describe(const PackPlan& plan, const std::vector<std::size_t>& column_offsets, std::size_t bin_bytes,
                  bool exact) {
    constexpr double longest = -2.2250738585072014e-308;
    py::list groups;
    for (std::size_t g = 0; g < label_count; ++g) {
        const PackGroup& group = plan.groups[g];
        if (group.triangles == 0) continue;
        py::dict one;
        one["group"] = g;
        one["first_vertex"] = group.first_vertex;
        one["vertices"] = group.vertices;
        one["triangles"] = group.triangles;
        one["index_offset"] = group.index_offset;
        one["index_bytes"] = group.index_bytes;
        py::list low, high;
        for (std::size_t k = 0; k < 3; ++k) {
            low.append(exact ? static_cast<double>(group.min[k]) : longest);
            high.append(exact ? static_cast<double>(group.max[k]) : longest);
        }
        one["min"] = low;
        one["max"] = high;
        groups.append(one);
    }
    py::dict result;
    result["vertices"] = plan.vertices;
    result["position_offset"] = plan.position_offset;
    result["normal_offset"] = plan.normal_offset;
    result["feature_offset"] = plan.feature_offset;
    result["groups"] = groups;
    result["columns"] = column_offsets;
    result["bytes"] = bin_bytes;
    return result;
}

void put_u32(std::uint8_t* at, std::size_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    std::memcpy(at, &word, 4);
}

// GLB container, glTF 2.0 specification, chapter 4. JSON is padded with spaces to `json_room`.
void put_container(std::uint8_t* glb, std::size_t total, const std::string& json, std::size_t json_room,
                   std::size_t bin_bytes) {
    std::memcpy(glb, "glTF", 4);
    put_u32(glb + 4, 2);
    put_u32(glb + 8, total);
    put_u32(glb + 12, json_room);
    std::memcpy(glb + 16, "JSON", 4);
    std::memcpy(glb + 20, json.data(), json.size());
    std::memset(glb + 20 + json.size(), ' ', json_room - json.size());
    if (bin_bytes > 0) {
        put_u32(glb + 20 + json_room, bin_bytes);
        std::memcpy(glb + 24 + json_room, "BIN\0", 4);
    }
}

py::bytes pack_glb(const py::dict& solids, const std::array<double, 3>& tile_origin,
                   const std::array<std::uint8_t, label_count>& group_of_label,
                   const std::vector<py::bytes>& columns, const py::function& header, int threads) {
    const PackArrays arrays = take_solids(solids);
    PackOptions options;
    options.tile_origin = tile_origin;
    options.group_of_label = group_of_label;
    options.threads = threads;
    PackPlan plan;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        plan_pack(arrays.view, options, plan);
    });

    std::size_t bin_bytes = plan.bytes;
    std::vector<std::size_t> column_offsets;
    for (const py::bytes& column : columns) {
        column_offsets.push_back(bin_bytes);
        bin_bytes = align8(bin_bytes + static_cast<std::size_t>(PyBytes_GET_SIZE(column.ptr())));
    }
    // The header is made twice: now to reserve its room, and with the exact bounds once they are known.
    // So the geometry is written to its final place and never copied. The BIN chunk starts at a multiple
    // of 8.
    const auto draft = header(describe(plan, column_offsets, bin_bytes, false)).cast<std::string>();
    const std::size_t json_room = align8(draft.size() + 4) - 4;
    const std::size_t total = 20 + json_room + (bin_bytes > 0 ? 8 + bin_bytes : 0);
    if (total > std::numeric_limits<std::uint32_t>::max()) {
        throw std::length_error("a GLB ends at 4 GiB; write smaller tiles");
    }
    auto glb =
        py::reinterpret_steal<py::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(total)));
    if (!glb) throw py::error_already_set();
    // Nobody else has seen these bytes yet, so writing to them is allowed (C API documentation).
    auto* data = reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(glb.ptr()));
    if (total >= long_column) advise_large_pages(data, total);
    std::uint8_t* bin = data + 28 + json_room;
    if (bin_bytes > 0) {
        run_interruptible([&](const std::atomic<bool>& cancel) {
            options.cancel = &cancel;
            fill_pack(arrays.view, options, plan, bin);
        });
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(columns[i].ptr()));
        const std::size_t end = i + 1 < columns.size() ? column_offsets[i + 1] : bin_bytes;
        std::memcpy(bin + column_offsets[i], PyBytes_AS_STRING(columns[i].ptr()), size);
        std::memset(bin + column_offsets[i] + size, 0, end - column_offsets[i] - size);
    }
    const auto json = header(describe(plan, column_offsets, bin_bytes, true)).cast<std::string>();
    if (json.size() > json_room)
        throw std::logic_error("pack_glb: the second header is longer than the first");
    put_container(data, total, json, json_room, bin_bytes);
    return glb;
}

}  // namespace

void bind_pack(py::module_& m) {
    m.def("pack_glb", &pack_glb, py::arg("solids"), py::arg("tile_origin"), py::arg("group_of_label"),
          py::arg("columns"), py::arg("header"), py::arg("threads") = 0,
          "One finished GLB as bytes. `columns` are raw buffers put behind the geometry, each at a multiple "
          "of 8; "
          "`header(layout)` returns the JSON text and is called twice with the same layout, first with "
          "stand-in bounds.");
}

}  // namespace geovision::bindings
