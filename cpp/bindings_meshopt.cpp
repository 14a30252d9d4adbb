// Binds the decoder of EXT_meshopt_compression: bytes in, bytes out.
#include <string>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/meshopt_decode.hpp"

namespace geovision::bindings {
namespace {

py::bytes decode(const py::bytes& data, std::int64_t count, std::int64_t stride, const std::string& mode) {
    char* text = nullptr;
    py::ssize_t size = 0;
    if (PyBytes_AsStringAndSize(data.ptr(), &text, &size) != 0) throw py::error_already_set();
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text);
    std::vector<std::uint8_t> out;
    {
        // Seconds for large files, and other threads may read theirs.
        py::gil_scoped_release release;
        out = mode == "TRIANGLES" ? decode_triangles(bytes, size, count, stride)
                                  : decode_attributes(bytes, size, count, stride);
    }
    return py::bytes(reinterpret_cast<const char*>(out.data()), out.size());
}

}  // namespace

void bind_meshopt(py::module_& m) {
    m.def("decode_meshopt", &decode, py::arg("data"), py::arg("count"), py::arg("stride"), py::arg("mode"),
          "Bytes of a buffer view of EXT_meshopt_compression, mode ATTRIBUTES or TRIANGLES, before its "
          "filter.");
}

}  // namespace geovision::bindings
