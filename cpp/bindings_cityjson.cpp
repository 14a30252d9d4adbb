// Binds cityjson: solids and finished JSON pieces in, lines of CityJSONSeq out.
#include <pybind11/stl.h>

#include <array>
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/cityjson.hpp"

namespace geovision::bindings {
namespace {

// Arrays of a solids dict, kept alive while the view on them is used, with the checks that make that safe.
class CityArrays {
public:
    explicit CityArrays(const py::dict& solids) : solids_(solids) {
        view.grid = solids.contains("grid") ? solids["grid"].cast<double>() : 0.001;
        if (!(view.grid > 0.0)) throw py::value_error("solids: grid must be above 0");
        view.origin = take<double>("origin", -1, 3);
        view.buildings = count_;
        view.vertex_offsets = offsets("vertex_offsets", view.buildings);
        const py::ssize_t vertices = last_;
        view.vertices = take<std::int32_t>("vertices", vertices, 3);
        view.face_offsets = offsets("face_offsets", view.buildings);
        const py::ssize_t faces = last_;
        view.face_label = take<std::uint8_t>("face_label", faces);
        view.face_part = take<std::int32_t>("face_part", faces);
        view.face_surface = take<std::int32_t>("face_surface", faces);
        view.face_provenance = take<std::uint8_t>("face_provenance", faces);
        view.face_solid = take<std::int32_t>("face_solid", faces);
        view.face_ring_offsets = offsets("face_ring_offsets", faces);
        view.ring_offsets = offsets("ring_offsets", last_);
        view.ring_vertices = take<std::int32_t>("ring_vertices", last_);
        check_rings();
    }

    CityJsonSolids view;

private:
    template <class T>
    const T* take(const char* name, py::ssize_t rows, py::ssize_t columns = 1) {
        if (!solids_.contains(name)) throw py::key_error(std::string("solids has no array '") + name + "'");
        const auto array = solids_[name].cast<Array<T>>();
        count_ = array.size() / columns;
        if (array.size() != (rows < 0 ? count_ : rows) * columns)
            throw py::value_error(std::string("solids: ") + name + " has " + std::to_string(array.size()) +
                                  " values; polygons are needed, see mesh(polygons=True)");
        owned_.append(array);
        return array.data();
    }

    const std::int64_t* offsets(const char* name, py::ssize_t items) {
        const std::int64_t* data = take<std::int64_t>(name, items + 1);
        bool good = data[0] == 0;
        for (py::ssize_t i = 0; good && i < items; ++i) good = data[i] <= data[i + 1];
        if (!good) throw py::value_error(std::string("solids: ") + name + " must start at 0 and never fall");
        last_ = py::ssize_t(data[items]);
        return data;
    }

    void check_rings() const {
        for (std::int64_t b = 0; b < view.buildings; ++b) {
            const std::int64_t vertices = view.vertex_offsets[b + 1] - view.vertex_offsets[b];
            for (std::int64_t f = view.face_offsets[b]; f < view.face_offsets[b + 1]; ++f) {
                const std::int64_t begin = view.face_ring_offsets[f], end = view.face_ring_offsets[f + 1];
                if (begin == end || view.face_label[f] >= label_count || view.face_solid[f] < 0)
                    throw py::value_error("solids: a face has no ring, label or solid");
                for (std::int64_t i = view.ring_offsets[begin]; i < view.ring_offsets[end]; ++i)
                    if (view.ring_vertices[i] < 0 || view.ring_vertices[i] >= vertices)
                        throw py::value_error("solids: a ring names a vertex that is not there");
            }
        }
    }

    py::dict solids_;
    py::list owned_;
    py::ssize_t count_ = 0, last_ = 0;
};

py::bytes features(const py::dict& solids, const std::vector<std::string>& ids,
                   const std::vector<std::string>& attributes, std::array<double, 3> translate,
                   const std::string& lod, int threads) {
    const CityArrays arrays(solids);
    const auto buildings = std::size_t(arrays.view.buildings);
    if (ids.size() != buildings || attributes.size() != buildings)
        throw py::value_error("ids and attributes must have one entry a building");
    for (const std::string& id : ids)
        if (id.size() < 2) throw py::value_error("ids must be JSON texts, in quotes");
    std::string out;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        write_city_features(arrays.view, ids, attributes, {translate, lod, threads, &cancel}, out);
    });
    return py::bytes(out);
}

}  // namespace

void bind_cityjson(py::module_& m) {
    m.def("city_features", &features, py::arg("solids"), py::arg("ids"), py::arg("attributes"),
          py::arg("translate"), py::arg("lod") = "2.2", py::arg("threads") = 0,
          "Lines of CityJSONSeq, one a building. ids and attributes are finished JSON.");
}

}  // namespace geovision::bindings
