// Binds the fitter: footprints and points in, parametric roofs out; and its cutting alone.
#include <string>
#include <vector>

#include "bindings_fit.hpp"
#include "geovision/fit_search.hpp"
#include "geovision/parallel.hpp"

namespace geovision::bindings {
namespace {

using namespace geovision::fit;

constexpr int max_piece_vertices = 100000;

// What `search` returns, joined in order.
struct SearchColumns {
    std::vector<std::int64_t> part_offsets{0}, ring_offsets{0}, vertex_offsets{0}, field_offsets{0},
        covariance_offsets{0}, alternative_offsets{0}, kind_offsets{0};
    std::vector<double> xy, eave, slots, covariance, alternative_nats;
    std::vector<std::uint8_t> kind, skeleton, alternative_kinds, status;
    std::vector<std::int32_t> part_points, field_part, field_slot, points, parameters;
    std::vector<double> nats, misfit, explained, scatter, inflation, super_price, super_params, shift,
        shift_seen, shift_sigma, shift_price;
    std::vector<std::int64_t> super_offsets{0};
    std::vector<std::uint8_t> super_kind;
    std::vector<std::int32_t> super_part;

    void append(const SearchResult& r) {
        for (const FittedPart& part : r.parts) {
            kind.push_back(std::uint8_t(part.site.kind)), eave.push_back(part.slots.eave);
            skeleton.push_back(part.site.skeleton);
            slots.insert(slots.end(), part.slots.slot, part.slots.slot + roof_slots);
            part_points.push_back(part.points);
            for (const Ring& ring : part.rings) {
                for (const Vec v : ring) xy.push_back(v.x), xy.push_back(v.y);
                vertex_offsets.push_back(std::int64_t(xy.size() / 2));
            }
            ring_offsets.push_back(std::int64_t(vertex_offsets.size()) - 1);
        }
        part_offsets.push_back(std::int64_t(kind.size()));
        for (const Field& f : r.fields) field_part.push_back(f.part), field_slot.push_back(f.slot);
        field_offsets.push_back(std::int64_t(field_part.size()));
        covariance.insert(covariance.end(), r.covariance.begin(), r.covariance.end());
        covariance_offsets.push_back(std::int64_t(covariance.size()));
        for (const Alternative& a : r.alternatives) {
            alternative_nats.push_back(a.nats);
            alternative_kinds.insert(alternative_kinds.end(), a.kinds.begin(), a.kinds.end());
            kind_offsets.push_back(std::int64_t(alternative_kinds.size()));
        }
        alternative_offsets.push_back(std::int64_t(alternative_nats.size()));
        status.push_back(std::uint8_t(r.status)), points.push_back(r.points);
        parameters.push_back(r.parameters), nats.push_back(r.nats), misfit.push_back(r.misfit);
        explained.push_back(r.explained), scatter.push_back(r.scatter), inflation.push_back(r.inflation);
        shift.insert(shift.end(), r.shift, r.shift + 2);
        shift_seen.insert(shift_seen.end(), r.shift_seen, r.shift_seen + 2);
        shift_sigma.insert(shift_sigma.end(), r.shift_sigma, r.shift_sigma + 2),
            shift_price.push_back(r.shift_price);
        double price = 0;
        for (const Superstructure& s : r.supers) {
            super_kind.push_back(std::uint8_t(s.kind)), super_part.push_back(s.part);
            super_params.insert(super_params.end(), s.slot, s.slot + super_slots);
            price += s.price;
        }
        super_offsets.push_back(std::int64_t(super_kind.size())), super_price.push_back(price);
        told_nats.push_back(r.told_nats);
    }

    std::vector<double> told_nats;

    py::dict dict() const {
        py::dict d;
        d["told_nats"] = to_array(told_nats);
        d["part_offsets"] = to_array(part_offsets), d["ring_offsets"] = to_array(ring_offsets);
        d["vertex_offsets"] = to_array(vertex_offsets), d["xy"] = to_table(xy, 2);
        d["kind"] = to_array(kind), d["skeleton"] = to_array(skeleton), d["eave"] = to_array(eave);
        d["slots"] = to_table(slots, roof_slots), d["part_points"] = to_array(part_points);
        d["field_offsets"] = to_array(field_offsets), d["field_part"] = to_array(field_part);
        d["field_slot"] = to_array(field_slot), d["covariance"] = to_array(covariance);
        d["covariance_offsets"] = to_array(covariance_offsets);
        d["alternative_offsets"] = to_array(alternative_offsets);
        d["alternative_nats"] = to_array(alternative_nats);
        d["alternative_kinds"] = to_array(alternative_kinds), d["kind_offsets"] = to_array(kind_offsets);
        d["status"] = to_array(status), d["points"] = to_array(points);
        d["parameters"] = to_array(parameters), d["nats"] = to_array(nats), d["misfit"] = to_array(misfit);
        d["explained"] = to_array(explained), d["scatter"] = to_array(scatter);
        d["inflation"] = to_array(inflation), d["super_offsets"] = to_array(super_offsets);
        d["super_kind"] = to_array(super_kind), d["super_part"] = to_array(super_part);
        d["shift"] = to_table(shift, 2), d["shift_sigma"] = to_table(shift_sigma, 2);
        d["shift_seen"] = to_table(shift_seen, 2);
        d["shift_price"] = to_array(shift_price);
        d["super_params"] = to_table(super_params, super_slots), d["super_price"] = to_array(super_price);
        return d;
    }
};

SearchOptions search_options(const py::dict& given) {
    SearchOptions o;
    for (const auto& [key, value] : given) {
        const auto name = key.cast<std::string>();
        if (name == "subset")
            o.subset = value.cast<int>();
        else if (name == "most_points")
            o.most_points = value.cast<int>();
        else if (name == "least_points")
            o.least_points = value.cast<int>();
        else if (name == "outliers")
            o.outliers = value.cast<double>();
        else if (name == "range")
            o.range = value.cast<double>();
        else if (name == "skeletons")
            o.skeletons = value.cast<bool>();
        else if (name == "shift_sigma")
            o.shift_sigma = value.cast<double>();
        else if (name == "superstructures")
            o.superstructures = value.cast<bool>();
        else if (name == "graduated")
            o.graduated = value.cast<bool>();
        else if (name == "ties")
            o.ties = value.cast<bool>();
        else if (name == "told")
            o.told = value.cast<double>();
        else if (name == "most_told")
            o.most_told = value.cast<double>();
        else if (name == "sure")
            o.sure = value.cast<double>();
        else if (name == "most_pieces")
            o.decompose.most_pieces = value.cast<int>();
        else if (name == "most_ways")
            o.decompose.most_ways = value.cast<int>();
        else if (name == "jitter")
            o.decompose.jitter = value.cast<double>();
        else
            throw py::key_error("search_roofs has no option '" + name + "'");
    }
    if (o.subset < 8 || o.most_points < 8 || o.least_points < 3 || !(o.outliers > 0 && o.outliers < 1) ||
        !(o.range > 0))
        throw py::value_error("search_roofs: an option is out of its range");
    return o;
}

// What was proposed for the buildings of a batch; nothing where the arrays do not say.
class Proposals {
public:
    Proposals(const py::dict& arrays, std::int64_t buildings) : in_(arrays) {
        if (!arrays.contains("proposal_offsets")) return;
        offsets_ = in_.offsets("proposal_offsets", buildings);
        parts_ = in_.offsets("proposal_part_offsets", py::ssize_t(offsets_[buildings]));
        nats_ = in_.take<double>("proposal_nats", py::ssize_t(offsets_[buildings]));
        rest_ = in_.take<double>("proposal_rest", buildings);
        const auto parts = py::ssize_t(parts_[offsets_[buildings]]);
        kind_ = in_.take<std::uint8_t>("proposal_kind", parts);
        vertices_ = in_.offsets("proposal_vertex_offsets", parts);
        xy_ = in_.take<double>("proposal_xy", py::ssize_t(vertices_[parts]), 2);
    }

    void put(std::int64_t b, Building& building) const {
        if (!offsets_) return;
        building.rest_nats = rest_[b];
        for (std::int64_t p = offsets_[b]; p < offsets_[b + 1]; ++p) {
            Proposed proposed;
            proposed.nats = nats_[p];
            for (std::int64_t k = parts_[p]; k < parts_[p + 1]; ++k) {
                Ring ring;
                for (std::int64_t i = vertices_[k]; i < vertices_[k + 1]; ++i)
                    ring.push_back({xy_[2 * i], xy_[2 * i + 1]});
                if (area_of(ring) < 0) std::reverse(ring.begin(), ring.end());
                proposed.pieces.push_back(std::move(ring)), proposed.kinds.push_back(kind_[k]);
            }
            building.proposed.push_back(std::move(proposed));
        }
    }

private:
    Inputs in_;
    const std::int64_t *offsets_ = nullptr, *parts_ = nullptr, *vertices_ = nullptr;
    const double *nats_ = nullptr, *rest_ = nullptr, *xy_ = nullptr;
    const std::uint8_t* kind_ = nullptr;
};

py::dict search(const py::dict& arrays, const py::dict& options, int threads) {
    Inputs in(arrays);
    Batch batch;
    batch.take_polygons(in, "building_offsets");
    batch.take_points(in, batch.count);
    const py::ssize_t kinds = arrays.contains("kinds") ? in.size("kinds") : 0;
    const double* share = arrays.contains("share") ? in.take<double>("share", batch.count) : nullptr;
    const std::uint8_t* kind = kinds ? in.take<std::uint8_t>("kinds", kinds) : nullptr;
    const Proposals proposals(arrays, batch.count);
    const SearchOptions o = search_options(options);
    std::vector<SearchResult> results(static_cast<std::size_t>(batch.count));
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(batch.count, threads, &cancel, [&] {
            return [&, work = RoofSearch()](std::int64_t b) mutable {
                Building building;
                building.rings = batch.rings(b);
                if (share) building.share = share[b];
                if (kind) building.given_kind.assign(kind, kind + kinds);
                for (std::int64_t i = batch.point_offsets[b]; i < batch.point_offsets[b + 1]; ++i) {
                    building.x.push_back(batch.points[3 * i]), building.y.push_back(batch.points[3 * i + 1]);
                    building.z.push_back(batch.points[3 * i + 2]), building.sigma.push_back(batch.sigma[i]);
                }
                proposals.put(b, building);
                work.run(building, o, results[std::size_t(b)]);
            };
        });
    });
    SearchColumns columns;
    for (const SearchResult& r : results) columns.append(r);
    return columns.dict();
}

py::list decompose_ring(const Array<double>& xy, const py::dict& options) {
    if (xy.ndim() != 2 || xy.shape(1) != 2 || xy.shape(0) < 3 || xy.shape(0) > max_piece_vertices)
        throw py::value_error("a ring has shape (n, 2) with 3 to 100,000 vertices");
    Ring ring;
    for (py::ssize_t i = 0; i < xy.shape(0); ++i) ring.push_back({xy.at(i, 0), xy.at(i, 1)});
    if (area_of(ring) < 0) std::reverse(ring.begin(), ring.end());
    py::list ways;
    for (const Pieces& way : decompose(ring, search_options(options).decompose)) {
        py::list pieces;
        for (const Ring& piece : way) {
            std::vector<double> flat;
            for (const Vec v : piece) flat.push_back(v.x), flat.push_back(v.y);
            pieces.append(to_table(flat, 2));
        }
        ways.append(pieces);
    }
    return ways;
}

}  // namespace

void bind_fit(py::module_& m) {
    m.def("search_roofs", &search, py::arg("arrays"), py::arg("options"), py::arg("threads") = 0,
          "The parametric roof that explains the points of each building best.");
    m.def("decompose_ring", &decompose_ring, py::arg("xy"), py::arg("options") = py::dict(),
          "Ways to cut a ring into simple pieces along its walls; each a list of rings.");
}

}  // namespace geovision::bindings
