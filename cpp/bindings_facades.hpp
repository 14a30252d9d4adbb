// Walls and Elements as dicts of arrays. Only files that match cpp/bindings*.cpp include this.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "bindings_util.hpp"
#include "geovision/elements.hpp"
#include "geovision/walls.hpp"

namespace geovision::bindings {

// Copies the array `name` of `d`; `rows` < 0 takes any number of rows of `columns` values.
template <class T>
Column<T> column_of(const py::dict& d, const char* name, std::int64_t rows, std::int64_t columns = 1) {
    if (!d.contains(name)) throw py::key_error(std::string("there is no array '") + name + "'");
    const auto a = d[name].cast<Array<T>>();
    const bool fits = rows < 0 ? a.size() % columns == 0 : a.size() == rows * columns;
    if (!fits)
        throw py::value_error(std::string(name) + " has " + std::to_string(a.size()) + " values; " +
                              std::to_string(rows * columns) + " are needed");
    return Column<T>(a.data(), a.data() + a.size());
}

// Offsets that cut `items` things (< 0: any number).
inline Column<std::int64_t> offsets_of(const py::dict& d, const char* name, std::int64_t items = -1) {
    Column<std::int64_t> a = column_of<std::int64_t>(d, name, items < 0 ? -1 : items + 1);
    if (a.empty() || a[0] != 0 || !std::is_sorted(a.begin(), a.end()))
        throw py::value_error(std::string(name) + " must start at 0 and never decrease");
    return a;
}

// A batch with polygons, copied: the kernel takes it as its own.
Solids solids_of(const py::dict& d);
Walls walls_of(const py::dict& d);
py::dict to_dict(Walls&& w);
Elements elements_of(const py::dict& d);
py::dict to_dict(Elements&& e);

}  // namespace geovision::bindings
