// Binds compile: program arrays in, solid arrays out.
#include <string>

#include "bindings_solids.hpp"
#include "geovision/compile.hpp"

namespace geovision::bindings {
namespace {

// Arrays of the programs dict, kept alive while the kernel reads them, with the checks that make that safe.
class ProgramArrays {
public:
    explicit ProgramArrays(const py::dict& d) : dict_(d) {
        const Array<std::int64_t> parts = offsets("part_offsets");
        view.buildings = parts.size() - 1;
        view.part_offsets = keep(parts);
        const py::ssize_t p = last(parts);
        view.ground_z = take<double>("ground_z", view.buildings);
        view.roof_kind = take<std::uint8_t>("roof_kind", p);
        view.eave = take<double>("eave", p);
        view.base = take<double>("base", p);
        view.overhang = take<double>("overhang", p);
        if (has("roof_shift")) view.roof_shift = take<double>("roof_shift", 2 * p);
        view.roof_params = take<double>("roof_params", p * roof_slots);
        const Array<std::int64_t> rings = offsets("ring_offsets", p),
                                  vertices = offsets("vertex_offsets", last(rings));
        view.ring_offsets = keep(rings);
        view.vertex_offsets = keep(vertices);
        view.xy = take<double>("xy", 2 * last(vertices));
        if (has("edge_pitch")) view.edge_pitch = take<double>("edge_pitch", last(vertices));
        if (has("face_offsets")) {
            const Array<std::int64_t> faces = offsets("face_offsets", p),
                                      face_rings = offsets("face_ring_offsets", last(faces));
            const Array<std::int64_t> face_vertices = offsets("face_vertex_offsets", last(face_rings));
            for (py::ssize_t i = 0; i < last(faces); ++i)
                if (face_rings.data()[i] == face_rings.data()[i + 1])
                    throw py::value_error("programs: face " + std::to_string(i) + " has no ring");
            view.face_offsets = keep(faces);
            view.face_ring_offsets = keep(face_rings);
            view.face_vertex_offsets = keep(face_vertices);
            view.face_xy = take<double>("face_xy", 2 * last(face_vertices));
            view.face_plane = take<double>("face_plane", 3 * last(faces));
        }
        const Array<std::int64_t> supers = offsets("super_offsets", view.buildings);
        view.super_offsets = keep(supers);
        view.super_kind = take<std::uint8_t>("super_kind", last(supers));
        view.super_part = take<std::int32_t>("super_part", last(supers));
        view.super_params = take<double>("super_params", last(supers) * super_slots);
    }

    Programs view;

private:
    bool has(const char* name) const { return dict_.contains(name) && !dict_[name].is_none(); }

    template <class T>
    Array<T> get(const char* name) const {
        if (!has(name)) throw py::key_error(std::string("programs has no array '") + name + "'");
        return dict_[name].cast<Array<T>>();
    }

    template <class T>
    const T* keep(const Array<T>& a) {
        owned_.append(a);
        return a.data();
    }

    template <class T>
    const T* take(const char* name, py::ssize_t size) {
        const Array<T> a = get<T>(name);
        if (a.size() != size)
            throw py::value_error(std::string("programs: ") + name + " has " + std::to_string(a.size()) +
                                  " values; " + std::to_string(size) + " are needed");
        return keep(a);
    }

    static py::ssize_t last(const Array<std::int64_t>& a) { return py::ssize_t(a.data()[a.size() - 1]); }

    Array<std::int64_t> offsets(const char* name, py::ssize_t items = -1) const {
        Array<std::int64_t> a = get<std::int64_t>(name);
        bool good = a.ndim() == 1 && a.size() > 0 && a.data()[0] == 0 && (items < 0 || a.size() == items + 1);
        for (py::ssize_t i = 1; good && i < a.size(); ++i) good = a.data()[i] >= a.data()[i - 1];
        if (!good)
            throw py::value_error(std::string("programs: ") + name +
                                  " must start at 0, never decrease and have one entry more than its items");
        return a;
    }

    py::dict dict_;
    py::list owned_;
};

py::dict compile(const py::dict& programs, int lod, int threads, double grid, double min_edge,
                 bool polygons) {
    if (lod != 11 && lod != 12 && lod != 13 && lod != 22 && lod != 23)
        throw py::value_error("lod is " + std::to_string(lod) + "; it must be 11, 12, 13, 22 or 23");
    if (!(grid >= 1e-6 && grid <= 1)) throw py::value_error("grid must be between 1e-6 and 1 metre");
    if (!(min_edge >= 4 * grid)) throw py::value_error("min_edge must be at least four grid steps");
    const ProgramArrays arrays(programs);
    CompileOptions options;
    options.lod = lod, options.threads = threads, options.grid = grid, options.min_edge = min_edge,
    options.polygons = polygons;
    Solids solids;
    run_interruptible(
        [&](const std::atomic<bool>& cancel) { solids = compile_solids(arrays.view, options, cancel); });
    return to_dict(std::move(solids));
}

}  // namespace

py::dict to_dict(Solids&& s) {
    py::dict d;
    d["grid"] = s.grid;
    d["origin"] = give(std::move(s.origin), 3);
    d["vertex_offsets"] = give(std::move(s.vertex_offsets));
    d["vertices"] = give(std::move(s.vertices), 3);
    d["triangle_offsets"] = give(std::move(s.triangle_offsets));
    d["triangles"] = give(std::move(s.triangles), 3);
    d["triangle_face"] = give(std::move(s.triangle_face));
    d["face_offsets"] = give(std::move(s.face_offsets));
    d["face_label"] = give(std::move(s.face_label));
    d["face_part"] = give(std::move(s.face_part));
    d["face_surface"] = give(std::move(s.face_surface));
    d["face_provenance"] = give(std::move(s.face_provenance));
    d["face_solid"] = give(std::move(s.face_solid));
    d["face_ring_offsets"] = give(std::move(s.face_ring_offsets));
    d["ring_offsets"] = give(std::move(s.ring_offsets));
    d["ring_vertices"] = give(std::move(s.ring_vertices));
    d["status"] = give(std::move(s.status));
    d["flags"] = give(std::move(s.flags));
    if (!s.face_element.empty()) {
        d["face_element"] = give(std::move(s.face_element));
        d["face_material"] = give(std::move(s.face_material));
        d["face_colour"] = give(std::move(s.face_colour), 3);
    }
    return d;
}

void bind_compile(py::module_& m) {
    m.def("compile_solids", &compile, py::arg("programs"), py::arg("lod") = 22, py::arg("threads") = 0,
          py::arg("grid") = 0.001, py::arg("min_edge") = 0.01, py::arg("polygons") = true,
          "Solids of a batch of programs; one status per building.");
}

}  // namespace geovision::bindings
