// Solids as a dict of arrays. Only files that match cpp/bindings*.cpp include this.
#pragma once

#include "bindings_util.hpp"
#include "geovision/types.hpp"

namespace geovision::bindings {

py::dict to_dict(Solids&& s);

}  // namespace geovision::bindings
