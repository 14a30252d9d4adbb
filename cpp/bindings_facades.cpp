// Binds what walls and elements are: arrays in and out.
#include "bindings_facades.hpp"

namespace geovision::bindings {

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

}  // namespace geovision::bindings
