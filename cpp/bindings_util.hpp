// What the bindings of several areas share. Only files that match cpp/bindings*.cpp include this.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <string>
#include <utility>

#include "geovision/column.hpp"

namespace geovision::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

// Runs work(cancel) without the GIL while this thread looks for Ctrl-C twenty times a second: only the
// thread that owns the GIL can see a signal, and the work must not hold it.
template <class Work>
void run_interruptible(Work work) {
    std::atomic<bool> cancel{false};
    std::future<void> done = std::async(std::launch::async, [&] { work(cancel); });
    while (true) {
        bool ready = false;
        {
            py::gil_scoped_release release;
            ready = done.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
        }
        if (ready) break;
        if (PyErr_CheckSignals() != 0) {
            cancel = true;
            {
                py::gil_scoped_release release;
                done.wait();
            }
            throw py::error_already_set();
        }
    }
    done.get();
}

// Hands a vector's memory to NumPy without copying it.
template <class T>
py::array give(Column<T>&& v, py::ssize_t columns = 0) {
    auto* owner = new Column<T>(std::move(v));
    py::capsule free(owner, [](void* p) { delete static_cast<Column<T>*>(p); });
    const auto n = py::ssize_t(owner->size());
    if (columns == 0) return py::array_t<T>({n}, owner->data(), free);
    return py::array_t<T>({n / columns, columns}, owner->data(), free);
}

}  // namespace geovision::bindings
