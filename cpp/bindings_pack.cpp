// Binds pack: solids in, one finished GLB as Python bytes out.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "bindings_frame.hpp"
#include "bindings_util.hpp"
#include "geovision/meshopt.hpp"
#include "geovision/pack.hpp"
#include "geovision/pack_compress.hpp"

namespace geovision::bindings {
namespace {

// Arrays of a solids dict, kept alive while the view on them is used.
struct PackArrays {
    Array<double> origin;
    Array<std::int64_t> vertex_offsets, triangle_offsets, face_offsets;
    Array<std::int32_t> vertices, triangles, triangle_face;
    Array<std::uint8_t> face_label;
    Array<float> uv;
    Array<std::uint8_t> face_group;
    Array<std::uint16_t> face_colour;
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
    PackArrays a{
        take<double>(solids, "origin"),
        take<std::int64_t>(solids, "vertex_offsets"),
        take<std::int64_t>(solids, "triangle_offsets"),
        take<std::int64_t>(solids, "face_offsets"),
        take<std::int32_t>(solids, "vertices"),
        take<std::int32_t>(solids, "triangles"),
        take<std::int32_t>(solids, "triangle_face"),
        take<std::uint8_t>(solids, "face_label"),
        solids.contains("uv") ? take<float>(solids, "uv") : Array<float>(0),
        solids.contains("face_group") ? take<std::uint8_t>(solids, "face_group") : Array<std::uint8_t>(0),
        solids.contains("face_colour") ? take<std::uint16_t>(solids, "face_colour") : Array<std::uint16_t>(0),
        {}};
    const py::ssize_t buildings = a.origin.size() / 3;
    if (a.origin.size() % 3 != 0 || a.vertices.size() % 3 != 0 ||
        a.triangles.size() != 3 * a.triangle_face.size()) {
        throw py::value_error(
            "solids: origin, vertices and triangles must have three columns, and triangle_face "
            "one entry a triangle");
    }
    if (solids.contains("uv") && 3 * a.uv.size() != 2 * a.vertices.size())
        throw py::value_error("solids: uv must have two columns and a row a vertex");
    if (solids.contains("face_group") && a.face_group.size() != a.face_label.size())
        throw py::value_error("solids: face_group must have one entry a face");
    if (solids.contains("face_colour") && a.face_colour.size() != 3 * a.face_label.size())
        throw py::value_error("solids: face_colour must have three columns and a row a face");
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
              a.face_label.data(),
              solids.contains("uv") ? a.uv.data() : nullptr,
              solids.contains("face_group") ? a.face_group.data() : nullptr,
              solids.contains("face_colour") ? a.face_colour.data() : nullptr};
    return a;
}

std::size_t align8(std::size_t value) { return (value + 7) / 8 * 8; }

// What the maker of the JSON header needs to know. `exact` is false the first time, when only the
// length of the text counts: the bounds are then stand-ins with the longest text that a number can have.
py::dict describe(const PackPlan& plan, const std::vector<std::size_t>& column_offsets, std::size_t bin_bytes,
                  bool exact) {
    constexpr double longest = -2.2250738585072014e-308;
    py::list groups;
    for (std::size_t g = 0; g < pack_groups; ++g) {
        const PackGroup& group = plan.groups[g];
        if (group.triangles == 0) continue;
        py::dict one;
        one["group"] = g;
        one["first_vertex"] = group.first_vertex;
        one["vertices"] = group.vertices;
        one["triangles"] = group.triangles;
        if (group.first_uv >= 0) one["first_uv"] = group.first_uv;
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
    result["uv_offset"] = plan.uv_offset;
    result["uv_vertices"] = plan.uv_vertices;
    if (plan.tangents) result["tangent_offset"] = plan.tangent_offset;
    if (plan.coloured) result["colour_offset"] = plan.colour_offset;
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

// Where the property table's columns come to lie behind the geometry.
std::vector<std::size_t> place_columns(const std::vector<py::bytes>& columns, std::size_t& bin_bytes) {
    std::vector<std::size_t> offsets;
    bin_bytes = align8(bin_bytes);
    for (const py::bytes& column : columns) {
        offsets.push_back(bin_bytes);
        bin_bytes = align8(bin_bytes + static_cast<std::size_t>(PyBytes_GET_SIZE(column.ptr())));
    }
    return offsets;
}

// An unfinished GLB with room for its two chunks.
class Container {
public:
    Container(std::size_t json_bytes, std::size_t bin_bytes)
        : json_room_(align8(json_bytes + 4) - 4),
          bin_bytes_(bin_bytes),
          // The BIN chunk starts at a multiple of 8.
          total_(20 + json_room_ + (bin_bytes > 0 ? 8 + bin_bytes : 0)) {
        if (total_ > std::numeric_limits<std::uint32_t>::max())
            throw std::length_error("a GLB ends at 4 GiB; write smaller tiles");
        glb_ = py::reinterpret_steal<py::bytes>(
            PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(total_)));
        if (!glb_) throw py::error_already_set();
        // Nobody else has seen these bytes yet, so writing to them is allowed (C API documentation).
        data_ = reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(glb_.ptr()));
        if (total_ >= long_column) advise_large_pages(data_, total_);
    }

    std::uint8_t* bin() { return data_ + 28 + json_room_; }

    void put_columns(const std::vector<py::bytes>& columns, const std::vector<std::size_t>& offsets) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(columns[i].ptr()));
            const std::size_t end = i + 1 < columns.size() ? offsets[i + 1] : bin_bytes_;
            std::memcpy(bin() + offsets[i], PyBytes_AS_STRING(columns[i].ptr()), size);
            std::memset(bin() + offsets[i] + size, 0, end - offsets[i] - size);
        }
    }

    py::bytes finish(const std::string& json) {
        if (json.size() > json_room_)
            throw std::logic_error("pack_glb: the second header is longer than the first");
        put_container(data_, total_, json, json_room_, bin_bytes_);
        return std::move(glb_);
    }

private:
    std::size_t json_room_, bin_bytes_, total_;
    py::bytes glb_;
    std::uint8_t* data_ = nullptr;
};

py::bytes plain_glb(const PackSolids& solids, PackOptions& options, PackPlan& plan,
                    const std::vector<py::bytes>& columns, const py::function& header) {
    std::size_t bin_bytes = plan.bytes;
    const std::vector<std::size_t> offsets = place_columns(columns, bin_bytes);
    // The header is made twice: now to reserve its room, and with the exact bounds once they are known.
    // So the geometry is written to its final place and never copied.
    const auto draft = header(describe(plan, offsets, bin_bytes, false)).cast<std::string>();
    Container glb(draft.size(), bin_bytes);
    if (bin_bytes > 0) {
        run_interruptible([&](const std::atomic<bool>& cancel) {
            options.cancel = &cancel;
            fill_pack(solids, options, plan, glb.bin());
        });
    }
    glb.put_columns(columns, offsets);
    return glb.finish(header(describe(plan, offsets, bin_bytes, true)).cast<std::string>());
}

py::dict describe_view(const CompressedView& view) {
    py::dict one;
    one["offset"] = view.offset;
    one["bytes"] = view.bytes;
    one["decoded_offset"] = view.decoded_offset;
    one["stride"] = view.stride;
    one["count"] = view.count;
    return one;
}

py::dict describe_compressed(const PackPlan& plan, const CompressedPack& pack) {
    py::dict result;
    result["decoded_bytes"] = pack.decoded_bytes;
    result["wide_features"] = pack.wide_features;
    result["position"] = describe_view(pack.position);
    result["normal"] = describe_view(pack.normal);
    result["feature"] = describe_view(pack.feature);
    if (plan.uv_vertices > 0) result["uv"] = describe_view(pack.uv);
    if (plan.tangents && plan.uv_vertices > 0) result["tangent"] = describe_view(pack.tangent);
    if (plan.coloured) result["colour"] = describe_view(pack.colour);
    py::list indices;
    for (std::size_t g = 0; g < pack_groups; ++g) {
        if (plan.groups[g].triangles > 0) indices.append(describe_view(pack.index[g]));
    }
    result["indices"] = indices;
    return result;
}

py::bytes compressed_glb(const PackSolids& solids, PackOptions& options, PackPlan& plan, int step_exponent,
                         const std::vector<py::bytes>& columns, const py::function& header) {
    CompressedPack pack;
    options.step = std::ldexp(1.0, step_exponent);
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        std::vector<std::uint8_t> filled(plan.bytes);
        if (fill_pack(solids, options, plan, filled.data()))
            pack = compress_pack(plan, filled.data(), solids.buildings, step_exponent,
                                 options.metre_groups.any(), options.photo_groups.any());
    });
    std::size_t bin_bytes = pack.bytes.size();
    const std::vector<std::size_t> offsets = place_columns(columns, bin_bytes);
    py::dict layout = describe(plan, offsets, bin_bytes, true);
    layout["compressed"] = describe_compressed(plan, pack);
    const auto json = header(layout).cast<std::string>();
    Container glb(json.size(), bin_bytes);
    if (bin_bytes > 0) {
        std::memset(glb.bin(), 0, bin_bytes);
        std::memcpy(glb.bin(), pack.bytes.data(), pack.bytes.size());
    }
    glb.put_columns(columns, offsets);
    return glb.finish(json);
}

py::bytes pack_glb(const py::dict& solids, const std::array<double, 3>& tile_origin,
                   const std::array<std::uint8_t, label_count>& group_of_label,
                   const std::vector<py::bytes>& columns, const py::function& header, int threads,
                   const std::optional<FrameTuple>& frame, const std::optional<int>& compress,
                   const std::vector<std::uint8_t>& metre_groups, double texture_m,
                   const std::vector<std::uint8_t>& photo_groups) {
    if (!(texture_m > 0.0)) throw py::value_error("texture_m must be above 0");
    const PackArrays arrays = take_solids(solids);
    const std::optional<PackFrame> placed = take_frame(frame);
    PackOptions options;
    options.tile_origin = tile_origin;
    options.group_of_label = group_of_label;
    options.threads = threads;
    for (const std::uint8_t group : metre_groups) {
        if (group >= pack_groups) throw py::value_error("a group in metre_groups is out of range");
        options.metre_groups.set(group);
    }
    options.texture_m = texture_m;
    for (const std::uint8_t group : photo_groups) {
        if (group >= pack_groups) throw py::value_error("a group in photo_groups is out of range");
        options.photo_groups.set(group);
    }
    options.frame = placed ? &*placed : nullptr;
    PackPlan plan;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        plan_pack(arrays.view, options, plan);
    });
    return compress ? compressed_glb(arrays.view, options, plan, *compress, columns, header)
                    : plain_glb(arrays.view, options, plan, columns, header);
}

py::bytes encode_meshopt(const py::bytes& data, int stride, const std::string& mode) {
    const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(data.ptr()));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(PyBytes_AS_STRING(data.ptr()));
    if (stride <= 0 || size % static_cast<std::size_t>(stride) != 0)
        throw py::value_error("data is not a whole number of elements");
    const std::size_t count = size / static_cast<std::size_t>(stride);
    std::vector<std::uint8_t> out;
    {
        py::gil_scoped_release release;
        if (mode == "ATTRIBUTES") {
            encode_attributes(bytes, count, static_cast<std::size_t>(stride), out);
        } else if (mode == "TRIANGLES") {
            encode_triangles(bytes, count, stride, out);
        } else {
            throw std::invalid_argument("mode must be ATTRIBUTES or TRIANGLES");
        }
    }
    return py::bytes(reinterpret_cast<const char*>(out.data()), out.size());
}

}  // namespace

void bind_pack(py::module_& m) {
    m.def("pack_glb", &pack_glb, py::arg("solids"), py::arg("tile_origin"), py::arg("group_of_label"),
          py::arg("columns"), py::arg("header"), py::arg("threads") = 0, py::arg("frame") = py::none(),
          py::arg("compress") = py::none(), py::arg("metre_groups") = py::tuple(), py::arg("texture_m") = 2.0,
          py::arg("photo_groups") = py::tuple(),
          "One finished GLB as bytes. `columns` are raw buffers put behind the geometry, each at a multiple "
          "of 8; "
          "`header(layout)` returns the JSON text and is called twice with the same layout, first with "
          "stand-in bounds. `frame` is (centre, scale, degree, coefficients) of a map into the tile's own "
          "frame. Solids with an array \"uv\" of texture coordinates a vertex bring them to their roofs; "
          "with an array \"face_group\" groups are by face instead of by label, and \"face_colour\" gives "
          "every face linear factors of 16 bits. The groups in `metre_groups` have texture "
          "coordinates in pieces of `texture_m`, along and down each face; those in `photo_groups` have "
          "\"uv\". "
          "With `compress` positions are rounded to 2^compress metres, the geometry is in the bitstream of "
          "EXT_meshopt_compression, layout['compressed'] says where, and the header is called once.");
    m.def("encode_meshopt", &encode_meshopt, py::arg("data"), py::arg("stride"), py::arg("mode"),
          "Elements of `stride` bytes in the bitstream of EXT_meshopt_compression, mode ATTRIBUTES or "
          "TRIANGLES.");
}

}  // namespace geovision::bindings
