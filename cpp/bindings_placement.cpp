// Binds the placement of outlines among points.
#include <memory>
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/parallel.hpp"
#include "geovision/placement.hpp"

namespace geovision::bindings {
namespace {

using Offsets = Array<std::int64_t>;

void check_offsets(const char* name, const Offsets& a, py::ssize_t items, py::ssize_t values) {
    bool good = a.ndim() == 1 && a.size() == items + 1 && a.data()[0] == 0 && a.data()[items] == values;
    for (py::ssize_t i = 1; good && i < a.size(); ++i) good = a.data()[i] >= a.data()[i - 1];
    if (!good)
        throw py::value_error(std::string(name) + " must start at 0, never decrease, have " +
                              std::to_string(items + 1) + " entries and end at " + std::to_string(values));
}

template <class T>
void check_size(const char* name, const Array<T>& a, py::ssize_t size) {
    if (a.size() != size)
        throw py::value_error(std::string(name) + " has " + std::to_string(a.size()) + " values; " +
                              std::to_string(size) + " are needed");
}

PlacementOptions options_of(const py::dict& d) {
    PlacementOptions o;
    const std::pair<const char*, double*> known[] = {
        {"shift_sigma", &o.shift_sigma},       {"rotation_sigma", &o.rotation_sigma},
        {"overhang_sigma", &o.overhang_sigma}, {"wall_sigma", &o.wall_sigma},
        {"stretch_sigma", &o.stretch_sigma},   {"smear", &o.smear},
        {"least_step", &o.least_step},         {"shift_nats", &o.shift_nats},
        {"odd_wall_nats", &o.odd_wall_nats},   {"rotation_nats", &o.rotation_nats}};
    for (const auto& item : d) {
        const auto name = item.first.cast<std::string>();
        double* into = nullptr;
        for (const auto& option : known)
            if (name == option.first) into = option.second;
        if (into == nullptr) throw py::value_error("place_outlines has no option '" + name + "'");
        *into = item.second.cast<double>();
        if (!(*into > 0)) throw py::value_error("place_outlines: " + name + " must be above 0");
    }
    return o;
}

py::dict place_outlines(const Offsets& building_offsets, const Offsets& vertex_offsets,
                        const Array<double>& xy, const Array<std::int32_t>& edge_neighbour,
                        const Offsets& point_offsets, const Array<double>& points,
                        const Array<std::uint8_t>& kind, const Array<double>& ground,
                        const Array<double>& cell, const py::dict& options, int threads) {
    const py::ssize_t buildings = std::max<py::ssize_t>(1, building_offsets.size()) - 1;
    const py::ssize_t rings = std::max<py::ssize_t>(1, vertex_offsets.size()) - 1;
    check_offsets("building_offsets", building_offsets, buildings, rings);
    check_offsets("vertex_offsets", vertex_offsets, rings, xy.size() / 2);
    check_offsets("point_offsets", point_offsets, buildings, points.size() / 3);
    check_size("xy", xy, 2 * (xy.size() / 2));
    check_size("points", points, 3 * (points.size() / 3));
    check_size("edge_neighbour", edge_neighbour, xy.size() / 2);
    check_size("kind", kind, points.size() / 3);
    check_size("ground", ground, buildings);
    check_size("cell", cell, buildings);
    for (py::ssize_t r = 0; r < rings; ++r)
        if (vertex_offsets.data()[r + 1] - vertex_offsets.data()[r] < 3)
            throw py::value_error("place_outlines: a ring has under 3 vertices");
    const PlacementOptions o = options_of(options);
    std::vector<Placement> found(static_cast<std::size_t>(buildings));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(buildings, threads, &cancel, [&] {
            return [&, placer = std::make_shared<Placer>()](std::int64_t b) {
                PlacementEvidence e;
                e.rings = building_offsets.data()[b + 1] - building_offsets.data()[b];
                e.ring_offsets = vertex_offsets.data() + building_offsets.data()[b];
                e.xy = xy.data(), e.neighbour = edge_neighbour.data();
                const std::int64_t first = point_offsets.data()[b];
                e.count = point_offsets.data()[b + 1] - first;
                e.points = points.data() + 3 * first, e.kind = kind.data() + first;
                e.ground = ground.data()[b], e.cell = cell.data()[b];
                found[std::size_t(b)] = placer->run(e, o);
            };
        });
    });
    py::array_t<double> value({buildings, py::ssize_t(4)}), centre({buildings, py::ssize_t(2)}),
        covariance({buildings, py::ssize_t(4), py::ssize_t(4)}), nats(buildings);
    py::array_t<std::int32_t> stretches(buildings);
    for (py::ssize_t b = 0; b < buildings; ++b) {
        const Placement& p = found[std::size_t(b)];
        const double row[4] = {p.shift[0], p.shift[1], p.rotation, p.overhang};
        std::copy(row, row + 4, value.mutable_data(b, 0));
        std::copy(p.centre, p.centre + 2, centre.mutable_data(b, 0));
        std::copy(p.covariance, p.covariance + 16, covariance.mutable_data(b, 0, 0));
        nats.mutable_data()[b] = p.nats;
        stretches.mutable_data()[b] = p.stretches;
    }
    py::dict d;
    d["value"] = value, d["covariance"] = covariance, d["centre"] = centre, d["nats"] = nats;
    d["stretches"] = stretches;
    return d;
}

}  // namespace

void bind_placement(py::module_& m) {
    m.def("place_outlines", &place_outlines, py::arg("building_offsets"), py::arg("vertex_offsets"),
          py::arg("xy"), py::arg("edge_neighbour"), py::arg("point_offsets"), py::arg("points"),
          py::arg("kind"), py::arg("ground"), py::arg("cell"), py::arg("options") = py::dict(),
          py::arg("threads") = 0,
          "Shift and rotation of points against outlines, and overhang of roofs, building by building.");
}

}  // namespace geovision::bindings
