// Binds instances: elements in, buffers of placed pieces out, plain or compressed.
#include <cmath>
#include <cstring>
#include <vector>

#include "bindings_facades.hpp"
#include "bindings_frame.hpp"
#include "geovision/instances.hpp"
#include "geovision/meshopt.hpp"

namespace geovision::bindings {
namespace {

// Arrays of a solids dict, kept alive while the view on them is used.
class SolidArrays {
public:
    explicit SolidArrays(const py::dict& d) {
        view.buildings = d["face_offsets"].cast<Array<std::int64_t>>().size() - 1;
        view.grid = d.contains("grid") ? d["grid"].cast<double>() : 0.001;
        view.origin = take<double>(d, "origin", 3 * view.buildings);
        view.face_offsets = offsets(d, "face_offsets", view.buildings);
        view.vertex_offsets = offsets(d, "vertex_offsets", view.buildings);
        view.vertices = take<std::int32_t>(d, "vertices", 3 * view.vertex_offsets[view.buildings]);
        const std::int64_t faces = view.face_offsets[view.buildings];
        if (!d.contains("face_ring_offsets")) return;
        const auto rings = d["face_ring_offsets"].cast<Array<std::int64_t>>();
        if (rings.size() != faces + 1) return;  // meshed without polygons
        view.face_ring_offsets = offsets(d, "face_ring_offsets", faces);
        view.ring_offsets = offsets(d, "ring_offsets", view.face_ring_offsets[faces]);
        view.ring_vertices =
            take<std::int32_t>(d, "ring_vertices", view.ring_offsets[view.face_ring_offsets[faces]]);
    }

    InstanceSolids view;

private:
    template <class T>
    const T* take(const py::dict& d, const char* name, std::int64_t size) {
        const auto a = d[name].cast<Array<T>>();
        if (a.size() != size) throw py::value_error(std::string("solids: ") + name + " has a wrong length");
        owners_.append(a);
        return a.data();
    }

    const std::int64_t* offsets(const py::dict& d, const char* name, std::int64_t items) {
        const std::int64_t* a = take<std::int64_t>(d, name, items + 1);
        if (a[0] != 0 || !std::is_sorted(a, a + items + 1))
            throw py::value_error(std::string("solids: ") + name + " must start at 0 and never decrease");
        return a;
    }

    py::list owners_;
};

py::bytes as_bytes(const std::vector<std::uint8_t>& data) {
    return py::bytes(reinterpret_cast<const char*>(data.data()), data.size());
}

template <class T>
std::vector<std::uint8_t> raw(const Column<T>& values) {
    std::vector<std::uint8_t> out(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
    return out;
}

// Multiples of 2^exponent with filter EXPONENTIAL.
std::vector<std::uint8_t> stepped(const Column<float>& values, int exponent) {
    std::vector<std::uint32_t> words(values.size());
    const ExponentialFilter filter(exponent);
    const float step = std::ldexp(1.0f, exponent);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = filter(std::nearbyint(values[i] / step) * step);
    std::vector<std::uint8_t> out;
    encode_attributes(reinterpret_cast<const std::uint8_t*>(words.data()), words.size() / 3, 12, out);
    return out;
}

template <class T>
std::vector<std::uint8_t> coded(const Column<T>& values, std::size_t stride) {
    std::vector<std::uint8_t> out;
    encode_attributes(reinterpret_cast<const std::uint8_t*>(values.data()),
                      values.size() * sizeof(T) / stride, stride, out);
    return out;
}

py::list describe(const InstanceSet& set) {
    py::list groups;
    for (const InstanceGroup& g : set.groups) {
        py::dict one;
        one["shape"] = static_cast<int>(g.shape);
        one["design"] = g.design;
        one["material"] = g.material;
        one["colour"] = py::make_tuple(g.colour[0], g.colour[1], g.colour[2]);
        one["size"] = py::make_tuple(g.width, g.height);
        one["first"] = g.first;
        one["count"] = g.count;
        groups.append(one);
    }
    return groups;
}

py::dict place(const py::dict& solids, const py::dict& walls, const py::dict& elements,
               const std::array<double, 3>& tile_origin, int threads, const std::optional<FrameTuple>& frame,
               const std::optional<int>& compress) {
    const SolidArrays arrays(solids);
    const Walls w = walls_of(walls);
    const Elements e = elements_of(elements);
    const std::optional<PackFrame> placed = take_frame(frame);
    InstanceOptions options;
    options.tile_origin = tile_origin;
    options.frame = placed ? &*placed : nullptr;
    options.threads = threads;
    InstanceSet set;
    std::vector<std::uint8_t> translation, rotation, scale, feature;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        if (!place_instances(arrays.view, w, e, options, set)) return;
        if (compress) {
            translation = stepped(set.translation, *compress);
            rotation = coded(set.rotation, 8);
            scale = stepped(set.scale, *compress - 2);
            feature = coded(set.feature, 4);
        } else {
            translation = raw(set.translation);
            rotation = raw(set.rotation);
            scale = raw(set.scale);
            feature = raw(set.feature);
        }
    });
    py::dict result;
    result["groups"] = describe(set);
    result["count"] = set.feature.size();
    result["dropped"] = set.dropped;
    result["translation"] = as_bytes(translation);
    result["rotation"] = as_bytes(rotation);
    result["scale"] = as_bytes(scale);
    result["feature"] = as_bytes(feature);
    result["min"] = py::make_tuple(set.min[0], set.min[1], set.min[2]);
    result["max"] = py::make_tuple(set.max[0], set.max[1], set.max[2]);
    return result;
}

}  // namespace

void bind_instances(py::module_& m) {
    m.def("place_instances", &place, py::arg("solids"), py::arg("walls"), py::arg("elements"),
          py::arg("tile_origin"), py::arg("threads") = 0, py::arg("frame") = py::none(),
          py::arg("compress") = py::none(),
          "Elements as instances of small meshes: groups of pieces that share one, and translation (float32 "
          "x 3), "
          "rotation (int16 x 4), scale (float32 x 3) and feature (float32) of all pieces as bytes; with "
          "`compress` in the bitstream of EXT_meshopt_compression, translations to 2^compress metres.");
}

}  // namespace geovision::bindings
