// Binds facades: what walls and elements are, finding walls, and opening them.
#include "bindings_facades.hpp"

#include "bindings_solids.hpp"
#include "geovision/facades.hpp"

namespace geovision::bindings {
namespace {

// What could become a wild read.
void check_indices(const Solids& s) {
    for (std::size_t b = 0; b < s.status.size(); ++b) {
        const std::int64_t vertices = s.vertex_offsets[b + 1] - s.vertex_offsets[b],
                           faces = s.face_offsets[b + 1] - s.face_offsets[b];
        const auto in = [](std::int32_t i, std::int64_t n) { return i >= 0 && i < n; };
        bool good = true;
        for (std::int64_t t = s.triangle_offsets[b]; t < s.triangle_offsets[b + 1]; ++t) {
            good &= in(s.triangle_face[std::size_t(t)], faces);
            for (std::int64_t k = 3 * t; k < 3 * t + 3; ++k)
                good &= in(s.triangles[std::size_t(k)], vertices);
        }
        const std::int64_t first = s.face_ring_offsets[std::size_t(s.face_offsets[b])],
                           last = s.face_ring_offsets[std::size_t(s.face_offsets[b + 1])];
        for (std::int64_t f = s.face_offsets[b]; f < s.face_offsets[b + 1]; ++f)
            good &= s.face_ring_offsets[std::size_t(f)] < s.face_ring_offsets[std::size_t(f) + 1];
        for (std::int64_t r = first; r < last; ++r)
            good &= s.ring_offsets[std::size_t(r) + 1] - s.ring_offsets[std::size_t(r)] >= 3;
        for (std::int64_t i = s.ring_offsets[std::size_t(first)]; i < s.ring_offsets[std::size_t(last)]; ++i)
            good &= in(s.ring_vertices[std::size_t(i)], vertices);
        if (!good)
            throw py::value_error("solids of building " + std::to_string(b) +
                                  ": a triangle or a ring points at nothing");
    }
}

}  // namespace

Solids solids_of(const py::dict& d) {
    Solids s;
    s.grid = d["grid"].cast<double>();
    if (!(s.grid > 0)) throw py::value_error("solids: grid must be above 0");
    s.status = column_of<std::uint8_t>(d, "status", -1);
    const auto b = std::int64_t(s.status.size());
    s.flags = column_of<std::uint32_t>(d, "flags", b);
    s.origin = column_of<double>(d, "origin", b, 3);
    s.vertex_offsets = offsets_of(d, "vertex_offsets", b);
    s.vertices = column_of<std::int32_t>(d, "vertices", s.vertex_offsets.back(), 3);
    s.triangle_offsets = offsets_of(d, "triangle_offsets", b);
    s.triangles = column_of<std::int32_t>(d, "triangles", s.triangle_offsets.back(), 3);
    s.triangle_face = column_of<std::int32_t>(d, "triangle_face", s.triangle_offsets.back());
    s.face_offsets = offsets_of(d, "face_offsets", b);
    const std::int64_t f = s.face_offsets.back();
    s.face_label = column_of<std::uint8_t>(d, "face_label", f);
    s.face_part = column_of<std::int32_t>(d, "face_part", f);
    s.face_surface = column_of<std::int32_t>(d, "face_surface", f);
    s.face_provenance = column_of<std::uint8_t>(d, "face_provenance", f);
    s.face_solid = column_of<std::int32_t>(d, "face_solid", f);
    s.face_ring_offsets = offsets_of(d, "face_ring_offsets");
    s.ring_offsets = offsets_of(d, "ring_offsets");
    s.ring_vertices = column_of<std::int32_t>(d, "ring_vertices", s.ring_offsets.back());
    if (std::int64_t(s.face_ring_offsets.size()) != f + 1)
        throw py::value_error("solids have no polygons; mesh them with polygons=True");
    if (s.face_ring_offsets.back() != std::int64_t(s.ring_offsets.size()) - 1)
        throw py::value_error("solids: face_ring_offsets do not fit ring_offsets");
    check_indices(s);
    return s;
}

namespace {

py::dict find(const py::dict& solids, const py::dict& around, double near, double reach, double street_reach,
              int threads) {
    const Solids s = solids_of(solids);
    const auto neighbours = offsets_of(around, "neighbour_offsets"),
               streets = offsets_of(around, "street_offsets");
    const auto neighbour_xy = column_of<double>(around, "neighbour_xy", neighbours.back(), 2);
    const auto neighbour_top =
        column_of<double>(around, "neighbour_top", std::int64_t(neighbours.size()) - 1);
    const auto street_xy = column_of<double>(around, "street_xy", streets.back(), 2);
    const Surroundings view{
        std::int64_t(neighbours.size()) - 1, neighbours.data(), neighbour_xy.data(), neighbour_top.data(),
        std::int64_t(streets.size()) - 1,    streets.data(),    street_xy.data()};
    const WallOptions options{near, reach, street_reach, threads};
    Walls walls;
    run_interruptible([&](const std::atomic<bool>& cancel) { walls = find_walls(s, view, options, cancel); });
    return to_dict(std::move(walls));
}

py::dict open(const py::dict& solids, const py::dict& walls, const py::dict& elements, int lod, int threads) {
    const Solids s = solids_of(solids);
    const Walls w = walls_of(walls);
    const Elements e = elements_of(elements);
    OpenedSolids opened;
    run_interruptible(
        [&](const std::atomic<bool>& cancel) { opened = open_walls(s, w, e, {lod, threads}, cancel); });
    py::dict d = to_dict(std::move(opened.solids));
    d["outcome"] = give(std::move(opened.outcome));
    return d;
}

}  // namespace

Walls walls_of(const py::dict& d) {
    Walls w;
    w.building_offsets = offsets_of(d, "building_offsets");
    const std::int64_t n = w.building_offsets.back();
    w.building = column_of<std::int32_t>(d, "building", n);
    w.face = column_of<std::int32_t>(d, "face", n);
    w.member_offsets = offsets_of(d, "member_offsets", n);
    w.members = column_of<std::int32_t>(d, "members", w.member_offsets.back());
    w.part = column_of<std::int32_t>(d, "part", n);
    w.label = column_of<std::uint8_t>(d, "label", n);
    w.corner = column_of<std::int32_t>(d, "corner", n, 3);
    w.direction = column_of<double>(d, "direction", n, 2);
    w.length = column_of<std::int32_t>(d, "length", n);
    w.height = column_of<std::int32_t>(d, "height", n);
    w.ring_offsets = offsets_of(d, "ring_offsets", n);
    w.vertex_offsets = offsets_of(d, "vertex_offsets", w.ring_offsets.back());
    w.sz = column_of<std::int32_t>(d, "sz", w.vertex_offsets.back(), 2);
    w.ground = column_of<std::int32_t>(d, "ground", n, 2);
    w.side = column_of<std::uint8_t>(d, "side", n);
    w.street = column_of<std::int32_t>(d, "street", n);
    w.level = column_of<std::int32_t>(d, "level", n);
    w.blocked_offsets = offsets_of(d, "blocked_offsets", n);
    w.blocked = column_of<std::int32_t>(d, "blocked", w.blocked_offsets.back(), 3);
    return w;
}

py::dict to_dict(Walls&& w) {
    py::dict d;
    d["building_offsets"] = give(std::move(w.building_offsets));
    d["building"] = give(std::move(w.building));
    d["face"] = give(std::move(w.face));
    d["member_offsets"] = give(std::move(w.member_offsets));
    d["members"] = give(std::move(w.members));
    d["part"] = give(std::move(w.part));
    d["label"] = give(std::move(w.label));
    d["corner"] = give(std::move(w.corner), 3);
    d["direction"] = give(std::move(w.direction), 2);
    d["length"] = give(std::move(w.length));
    d["height"] = give(std::move(w.height));
    d["ring_offsets"] = give(std::move(w.ring_offsets));
    d["vertex_offsets"] = give(std::move(w.vertex_offsets));
    d["sz"] = give(std::move(w.sz), 2);
    d["ground"] = give(std::move(w.ground), 2);
    d["side"] = give(std::move(w.side));
    d["street"] = give(std::move(w.street));
    d["level"] = give(std::move(w.level));
    d["blocked_offsets"] = give(std::move(w.blocked_offsets));
    d["blocked"] = give(std::move(w.blocked), 3);
    return d;
}

Elements elements_of(const py::dict& d) {
    Elements e;
    e.building_offsets = offsets_of(d, "building_offsets");
    const std::int64_t n = e.building_offsets.back(), b = std::int64_t(e.building_offsets.size()) - 1;
    e.wall = column_of<std::int32_t>(d, "wall", n);
    e.kind = column_of<std::uint8_t>(d, "kind", n);
    e.s0 = column_of<std::int32_t>(d, "s0", n);
    e.s1 = column_of<std::int32_t>(d, "s1", n);
    e.z0 = column_of<std::int32_t>(d, "z0", n);
    e.z1 = column_of<std::int32_t>(d, "z1", n);
    e.depth = column_of<std::int32_t>(d, "depth", n);
    e.design = column_of<std::int32_t>(d, "design", n);
    e.material = column_of<std::uint8_t>(d, "material", n);
    e.colour = column_of<std::uint8_t>(d, "colour", n, 3);
    e.provenance = column_of<std::uint8_t>(d, "provenance", n);
    e.parent = column_of<std::int32_t>(d, "parent", n);
    e.panes_across = column_of<std::int32_t>(d, "panes_across", -1);
    const auto designs = std::int64_t(e.panes_across.size());
    e.panes_up = column_of<std::int32_t>(d, "panes_up", designs);
    e.frame = column_of<std::int32_t>(d, "frame", designs);
    e.mullion = column_of<std::int32_t>(d, "mullion", designs);
    e.panel = column_of<double>(d, "panel", designs);
    e.glass = column_of<std::uint8_t>(d, "glass", designs);
    e.arched = column_of<std::uint8_t>(d, "arched", designs);
    e.wall_material = column_of<std::uint8_t>(d, "wall_material", b);
    e.wall_colour = column_of<std::uint8_t>(d, "wall_colour", b, 3);
    e.wall_provenance = column_of<std::uint8_t>(d, "wall_provenance", b);
    e.roof_material = column_of<std::uint8_t>(d, "roof_material", b);
    e.roof_colour = column_of<std::uint8_t>(d, "roof_colour", b, 3);
    e.roof_provenance = column_of<std::uint8_t>(d, "roof_provenance", b);
    return e;
}

py::dict to_dict(Elements&& e) {
    py::dict d;
    d["building_offsets"] = give(std::move(e.building_offsets));
    d["wall"] = give(std::move(e.wall));
    d["kind"] = give(std::move(e.kind));
    d["s0"] = give(std::move(e.s0));
    d["s1"] = give(std::move(e.s1));
    d["z0"] = give(std::move(e.z0));
    d["z1"] = give(std::move(e.z1));
    d["depth"] = give(std::move(e.depth));
    d["design"] = give(std::move(e.design));
    d["material"] = give(std::move(e.material));
    d["colour"] = give(std::move(e.colour), 3);
    d["provenance"] = give(std::move(e.provenance));
    d["parent"] = give(std::move(e.parent));
    d["panes_across"] = give(std::move(e.panes_across));
    d["panes_up"] = give(std::move(e.panes_up));
    d["frame"] = give(std::move(e.frame));
    d["mullion"] = give(std::move(e.mullion));
    d["panel"] = give(std::move(e.panel));
    d["glass"] = give(std::move(e.glass));
    d["arched"] = give(std::move(e.arched));
    d["wall_material"] = give(std::move(e.wall_material));
    d["wall_colour"] = give(std::move(e.wall_colour), 3);
    d["wall_provenance"] = give(std::move(e.wall_provenance));
    d["roof_material"] = give(std::move(e.roof_material));
    d["roof_colour"] = give(std::move(e.roof_colour), 3);
    d["roof_provenance"] = give(std::move(e.roof_provenance));
    return d;
}

void bind_facades(py::module_& m) {
    m.def("find_walls", &find, py::arg("solids"), py::arg("around"), py::arg("near") = 1.0,
          py::arg("reach") = 20.0, py::arg("street_reach") = 100.0, py::arg("threads") = 0,
          "Walls of a batch of solids in their frames, with what stands round them.");
    m.def("open_walls", &open, py::arg("solids"), py::arg("walls"), py::arg("elements"), py::arg("lod") = 32,
          py::arg("threads") = 0, "Solids at LoD 3 and what became of every element.");
}

}  // namespace geovision::bindings
