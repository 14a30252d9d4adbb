// Binds facade rules: compiled grammars and walls in, elements out.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings_facades.hpp"
#include "geovision/facade.hpp"

namespace geovision::bindings {
namespace {

// Lengths beyond this are no buildings, and sums of a few of them still fit.
constexpr std::int32_t most_steps = 1 << 28;

void limit(Column<std::int32_t>& column) {
    for (std::int32_t& v : column) v = std::clamp(v, -most_steps, most_steps);
}

Walls limited(Walls w) {
    for (Column<std::int32_t>* column :
         {&w.corner, &w.length, &w.height, &w.sz, &w.ground, &w.street, &w.level, &w.blocked})
        limit(*column);
    return w;
}

template <class T>
const T* take(const py::handle& value, std::int64_t columns, std::int64_t& rows, py::list& kept) {
    const auto a = Array<T>::ensure(value);
    if (!a || a.ndim() != (columns > 1 ? 2 : 1) || (columns > 1 && a.shape(1) != columns))
        throw py::value_error("an array of a grammar has another type or shape than the kernel takes");
    kept.append(a);
    rows = a.shape(0);
    return a.data();
}

template <class T>
const T* take_exactly(const py::handle& value, std::int64_t columns, std::int64_t rows, py::list& kept) {
    std::int64_t got = 0;
    const T* data = take<T>(value, columns, got, kept);
    if (got != rows) throw py::value_error("an array of a grammar has another length than the kernel takes");
    return data;
}

// In the order of Rules.arrays() in geovision/procedural/grammar/compiled.py.
FacadeRules rules_of(const py::tuple& t, py::list& kept) {
    if (t.size() != 11) throw py::value_error("a grammar has 11 arrays");
    FacadeRules r;
    r.node = take<std::int32_t>(t[0], facade_node_width, r.nodes, kept);
    r.salt = take_exactly<std::uint64_t>(t[1], 1, r.nodes, kept);
    r.item = take<std::int32_t>(t[2], facade_item_width, r.items, kept);
    r.code = take<std::int32_t>(t[3], 2, r.steps, kept);
    r.constant = take<double>(t[4], 1, r.consts, kept);
    r.code_salt = take<std::uint64_t>(t[5], 1, r.code_salts, kept);
    r.rule = take<std::int32_t>(t[6], 3, r.rules, kept);
    r.variable = take<std::int32_t>(t[7], 1, r.variables, kept);
    const std::int32_t* begin = take_exactly<std::int32_t>(t[8], 1, 3, kept);
    r.floors = begin[0];
    r.start = begin[1];
    r.roof = begin[2];
    r.design = take<std::int32_t>(t[9], 6, r.designs, kept);
    r.paint = take_exactly<std::int32_t>(t[10], 1, 4, kept);
    if (const char* wrong = check_facade_rules(r)) throw py::value_error(wrong);
    return r;
}

struct Settings {
    Column<std::int32_t> style, ground, with_variable, edit;
    Column<std::int64_t> with_offsets, edit_offsets;
    Column<std::uint8_t> provenance;
    Column<std::uint64_t> key;
    Column<double> attributes, with_value, edit_value;
};

Settings settings_of(const py::dict& d, const std::vector<FacadeRules>& rules, std::int64_t buildings) {
    Settings s;
    s.style = column_of<std::int32_t>(d, "style", buildings);
    s.key = column_of<std::uint64_t>(d, "key", buildings);
    s.attributes = column_of<double>(d, "attributes", buildings, facade_building_attributes);
    s.ground = column_of<std::int32_t>(d, "ground", buildings);
    limit(s.ground);
    s.provenance = column_of<std::uint8_t>(d, "provenance", buildings);
    s.with_offsets = offsets_of(d, "with_offsets", buildings);
    s.with_variable = column_of<std::int32_t>(d, "with_variable", s.with_offsets.back());
    s.with_value = column_of<double>(d, "with_value", s.with_offsets.back());
    s.edit_offsets = offsets_of(d, "edit_offsets", buildings);
    s.edit = column_of<std::int32_t>(d, "edit", s.edit_offsets.back(), 6);
    s.edit_value = column_of<double>(d, "edit_value", s.edit_offsets.back());
    for (std::int64_t b = 0; b < buildings; ++b) {
        const std::int32_t style = s.style[std::size_t(b)];
        if (style < -1 || style >= std::int64_t(rules.size()))
            throw py::value_error("style names no grammar");
        const std::int64_t variables = style < 0 ? 0 : rules[std::size_t(style)].variables;
        for (std::int64_t i = s.with_offsets[std::size_t(b)]; i < s.with_offsets[std::size_t(b) + 1]; ++i) {
            const std::int32_t v = s.with_variable[std::size_t(i)];
            if (v < 0 || v >= variables) throw py::value_error("with_variable names no variable");
        }
        for (std::int64_t i = s.edit_offsets[std::size_t(b)]; i < s.edit_offsets[std::size_t(b) + 1]; ++i) {
            const std::int32_t v = s.edit[std::size_t(6 * i + 5)];
            if (v < -1 || v >= variables) throw py::value_error("edit names no variable");
        }
    }
    return s;
}

py::tuple evaluate(const py::dict& walls, const std::vector<py::tuple>& grammars, const py::dict& settings,
                   int threads, const py::object& solids) {
    const Walls w = limited(walls_of(walls));
    py::list kept;
    std::vector<FacadeRules> rules;
    for (const py::tuple& grammar : grammars) rules.push_back(rules_of(grammar, kept));
    const auto buildings = static_cast<std::int64_t>(w.building_offsets.size()) - 1;
    const Settings s = settings_of(settings, rules, buildings);
    Walls roofs;
    FacadeBatch batch;
    batch.walls = &w;
    if (!solids.is_none()) {
        roofs = limited(find_roof_faces(solids_of(solids.cast<py::dict>())));
        if (roofs.building_offsets.size() != w.building_offsets.size())
            throw py::value_error("solids are not those of the walls");
        batch.roofs = &roofs;
    }
    batch.rules = rules.data();
    batch.grammars = std::int64_t(rules.size());
    batch.style = s.style.data();
    batch.key = s.key.data();
    batch.attributes = s.attributes.data();
    batch.ground = s.ground.data();
    batch.provenance = s.provenance.data();
    batch.with_offsets = s.with_offsets.data();
    batch.with_variable = s.with_variable.data();
    batch.with_value = s.with_value.data();
    batch.edit_offsets = s.edit_offsets.data();
    batch.edit = s.edit.data();
    batch.edit_value = s.edit_value.data();
    FacadeResult result;
    run_interruptible(
        [&](const std::atomic<bool>& cancel) { evaluate_facades(batch, threads, &cancel, result); });
    return py::make_tuple(to_dict(std::move(result.elements)),
                          give(std::move(result.dropped), facade_drop_count));
}

}  // namespace

void bind_facade_rules(py::module_& m) {
    m.def("evaluate_facades", &evaluate, py::arg("walls"), py::arg("grammars"), py::arg("settings"),
          py::arg("threads") = 0, py::arg("solids") = py::none(),
          "Elements of walls by compiled grammars, and what was left out, by reason.");
}

}  // namespace geovision::bindings
