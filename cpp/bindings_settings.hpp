// Settings of a dataclass as a dict. Only files that match cpp/bindings*.cpp include this.
#pragma once

#include <string>

#include "bindings_util.hpp"

namespace geovision::bindings {

// Settings by name: every field that is named must be there, so that the Python class and the struct cannot
// drift.
class Settings {
public:
    Settings(const py::dict& dict, const char* what) : dict_(dict), what_(what) {}

    template <class T>
    void take(const char* name, T& field) {
        if (!dict_.contains(name)) throw py::key_error(std::string(what_) + " has no setting '" + name + "'");
        field = dict_[name].cast<T>();
        ++taken_;
    }
    void done() const {
        if (taken_ != py::len(dict_))
            throw py::key_error(std::string(what_) + " was given settings that it does not know");
    }

private:
    const py::dict& dict_;
    const char* what_;
    std::size_t taken_ = 0;
};

}  // namespace geovision::bindings
