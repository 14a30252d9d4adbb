// What the fitter's bindings share: arrays of a dict, checked, and polygons and points in CSR form.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/fit_decompose.hpp"

namespace geovision::bindings {

using fit::Ring;

template <class T>
py::array_t<T> to_array(const std::vector<T>& values) {
    return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

inline py::array_t<double> to_table(const std::vector<double>& values, py::ssize_t columns) {
    return py::array_t<double>({py::ssize_t(values.size()) / columns, columns}, values.data());
}

// Arrays of a dict, checked and kept alive.
class Inputs {
public:
    explicit Inputs(const py::dict& d) : dict_(d) {}

    template <class T>
    const T* take(const char* name, py::ssize_t rows, py::ssize_t columns = 1) {
        if (!dict_.contains(name)) throw py::key_error(std::string("fit: there is no array '") + name + "'");
        const auto array = dict_[name].cast<Array<T>>();
        if (array.size() != rows * columns)
            throw py::value_error(std::string("fit: ") + name + " has " + std::to_string(array.size()) +
                                  " values; " + std::to_string(rows * columns) + " are needed");
        owned_.append(array);
        return array.data();
    }

    py::ssize_t size(const char* name) const {
        if (!dict_.contains(name)) throw py::key_error(std::string("fit: there is no array '") + name + "'");
        return py::len(dict_[name]);
    }

    const std::int64_t* offsets(const char* name, py::ssize_t items) {
        const std::int64_t* data = take<std::int64_t>(name, items + 1);
        bool good = data[0] == 0;
        for (py::ssize_t i = 0; good && i < items; ++i) good = data[i] <= data[i + 1];
        if (!good) throw py::value_error(std::string("fit: ") + name + " must start at 0 and never fall");
        return data;
    }

private:
    py::dict dict_;
    py::list owned_;
};

// Polygons in CSR form, and points in CSR form.
struct Batch {
    std::int64_t count = 0;
    const std::int64_t *ring_offsets, *vertex_offsets, *point_offsets;
    const double *xy, *points, *sigma;

    void take_polygons(Inputs& in, const char* offsets_name) {
        count = in.size(offsets_name) - 1;
        ring_offsets = in.offsets(offsets_name, count);
        vertex_offsets = in.offsets("vertex_offsets", py::ssize_t(ring_offsets[count]));
        xy = in.take<double>("xy", py::ssize_t(vertex_offsets[ring_offsets[count]]), 2);
        for (std::int64_t r = 0; r < ring_offsets[count]; ++r)
            if (vertex_offsets[r + 1] - vertex_offsets[r] < 3)
                throw py::value_error("fit: a ring has under 3 vertices");
        for (std::int64_t b = 0; b < count; ++b)
            if (ring_offsets[b] == ring_offsets[b + 1]) throw py::value_error("fit: a polygon has no ring");
    }

    void take_points(Inputs& in, std::int64_t owners) {
        point_offsets = in.offsets("point_offsets", py::ssize_t(owners));
        points = in.take<double>("points", py::ssize_t(point_offsets[owners]), 3);
        sigma = in.take<double>("sigma", py::ssize_t(point_offsets[owners]));
        for (std::int64_t i = 0; i < point_offsets[owners]; ++i)
            if (!(sigma[i] > 0)) throw py::value_error("fit: sigma must be above 0");
    }

    std::vector<Ring> rings(std::int64_t polygon) const {
        std::vector<Ring> out;
        for (std::int64_t r = ring_offsets[polygon]; r < ring_offsets[polygon + 1]; ++r) {
            Ring ring;
            for (std::int64_t i = vertex_offsets[r]; i < vertex_offsets[r + 1]; ++i)
                ring.push_back({xy[2 * i], xy[2 * i + 1]});
            if ((fit::area_of(ring) < 0) == (r == ring_offsets[polygon]))
                std::reverse(ring.begin(), ring.end());
            out.push_back(std::move(ring));
        }
        return out;
    }
};

}  // namespace geovision::bindings
