// Binds warp and sharpen: rasters on another grid, and rasters without their smear.
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "bindings_util.hpp"
#include "geovision/parallel.hpp"
#include "geovision/sharpen.hpp"
#include "geovision/warp.hpp"

namespace geovision::bindings {
namespace {

struct Request {
    const Array<double>& nodes;
    std::int64_t step, first_column, first_row, height, width;
    Resampling method;
    std::array<double, 2> scale;
    std::array<std::int64_t, 2> corner;
    int threads;
};

void check(const Request& r, const py::array& source, const py::object& valid) {
    if (source.ndim() != 3 || source.shape(1) < 1 || source.shape(2) < 1) {
        throw py::value_error("source must have shape (bands, height, width) with at least one pixel");
    }
    if (r.nodes.ndim() != 3 || r.nodes.shape(2) != 2)
        throw py::value_error("nodes must have shape (rows, columns, 2)");
    const auto side = [&](std::int64_t first, std::int64_t size, std::int64_t nodes) {
        // Bounded first, so that the sum cannot overflow.
        constexpr std::int64_t most = std::int64_t{1} << 31;
        return size >= 1 && size < most && first >= 0 && first < r.step &&
               (first + size - 1) / r.step + 2 <= nodes;
    };
    if (r.step < 1 || !side(r.first_column, r.width, r.nodes.shape(1)) ||
        !side(r.first_row, r.height, r.nodes.shape(0))) {
        throw py::value_error("the nodes do not reach round the output, or its size is below 1");
    }
    if (!(r.scale[0] > 0 && r.scale[1] > 0 && r.scale[0] < 1e6 && r.scale[1] < 1e6)) {
        throw py::value_error("scale must be above 0 and below 1e6");
    }
    constexpr std::int64_t far = std::int64_t{1} << 40;
    if (std::max(std::abs(r.corner[0]), std::abs(r.corner[1])) > far)
        throw py::value_error("corner is too far out");
    if (!valid.is_none()) {
        const auto mask = valid.cast<py::array>();
        if (mask.ndim() != 2 || mask.shape(0) != source.shape(1) || mask.shape(1) != source.shape(2)) {
            throw py::value_error("valid must have shape (height, width) of the source");
        }
    }
}

template <class T>
py::tuple run(const Request& r, const py::array& source, const py::object& valid) {
    const auto data = source.cast<Array<T>>();
    Array<std::uint8_t> mask;
    if (!valid.is_none()) mask = valid.cast<Array<std::uint8_t>>();
    const std::int64_t bands = data.shape(0);
    py::array_t<T> out({bands, r.height, r.width});
    py::array_t<std::uint8_t> out_valid({r.height, r.width});
    const WarpSource<T> cut{data.data(),   valid.is_none() ? nullptr : mask.data(),
                            bands,         data.shape(1),
                            data.shape(2), r.corner[0],
                            r.corner[1]};
    const WarpGrid grid{r.nodes.data(), r.nodes.shape(0), r.nodes.shape(1),
                        r.step,         r.first_column,   r.first_row};
    std::int64_t count = 0;
    run_interruptible([&, o = out.mutable_data(),
                       v = out_valid.mutable_data()](const std::atomic<bool>& cancel) {
        count =
            warp<T>(cut, grid, r.method, r.scale[0], r.scale[1], r.height, r.width, o, v, r.threads, &cancel);
    });
    return py::make_tuple(out, out_valid, count);
}

py::tuple warp_raster(const py::array& source, const py::object& valid, std::array<std::int64_t, 2> corner,
                      const Array<double>& nodes, std::int64_t step, std::array<std::int64_t, 2> first,
                      std::array<std::int64_t, 2> size, std::array<double, 2> scale, bool nearest,
                      int threads) {
    const Request request{nodes,
                          step,
                          first[0],
                          first[1],
                          size[1],
                          size[0],
                          nearest ? Resampling::nearest : Resampling::bilinear,
                          scale,
                          corner,
                          threads};
    check(request, source, valid);
    if (py::isinstance<py::array_t<std::uint8_t>>(source)) return run<std::uint8_t>(request, source, valid);
    if (py::isinstance<py::array_t<std::uint16_t>>(source)) return run<std::uint16_t>(request, source, valid);
    if (py::isinstance<py::array_t<float>>(source)) return run<float>(request, source, valid);
    throw py::type_error("source must be uint8, uint16 or float32");
}

std::vector<py::array_t<double>> sharpen_heights(const std::vector<Array<double>>& heights,
                                                 const std::vector<Array<std::int32_t>>& labels,
                                                 const std::vector<double>& spread, int fine, double noise,
                                                 int threads) {
    if (labels.size() != heights.size() || spread.size() != heights.size())
        throw py::value_error("heights, labels and spread must be equally many");
    if (fine < 1 || fine > 64 || !(noise > 0))
        throw py::value_error("fine must be 1 to 64 and noise above 0");
    std::vector<py::array_t<double>> out;
    std::vector<SharpenPatch> patches;
    std::vector<double*> to;
    for (std::size_t k = 0; k < heights.size(); ++k) {
        const Array<double>& z = heights[k];
        const Array<std::int32_t>& l = labels[k];
        if (z.ndim() != 2 || l.ndim() != 2 || z.size() == 0 || l.shape(0) != z.shape(0) * fine ||
            l.shape(1) != z.shape(1) * fine)
            throw py::value_error("labels must have shape (rows * fine, columns * fine) of their heights");
        if (!(spread[k] > 0 && spread[k] < 256))
            throw py::value_error("spread must be above 0 and below 256");
        out.emplace_back(std::vector<py::ssize_t>{l.shape(0), l.shape(1)});
        patches.push_back({z.data(), l.data(), z.shape(0), z.shape(1), fine});
        to.push_back(out.back().mutable_data());
    }
    run_interruptible([&](const std::atomic<bool>& cancel) {
        parallel_blocks(static_cast<std::int64_t>(patches.size()), threads, &cancel, [&] {
            return [&](std::int64_t k) {
                const auto i = static_cast<std::size_t>(k);
                SharpenOptions options;
                options.spread = spread[i], options.noise = noise;
                sharpen(patches[i], options, &cancel, to[i]);
            };
        });
    });
    return out;
}

}  // namespace

void bind_warp(py::module_& m) {
    m.def("sharpen_heights", &sharpen_heights, py::arg("heights"), py::arg("labels"), py::arg("spread"),
          py::arg("fine") = 1, py::arg("noise") = 0.1, py::arg("threads") = 0,
          "Patches of a smeared height raster without the smear; see cpp/include/geovision/sharpen.hpp. "
          "labels have `fine` x `fine` cells for one of heights; spread is in those.");
    m.def("warp_raster", &warp_raster, py::arg("source"), py::arg("valid"), py::arg("corner"),
          py::arg("nodes"), py::arg("step"), py::arg("first"), py::arg("size"), py::arg("scale"),
          py::arg("nearest"), py::arg("threads") = 0,
          "Resample a cut of a raster; see cpp/include/geovision/warp.hpp. corner: (left, top) of the cut; "
          "first: "
          "(column, row) of the output from node (0, 0); size: (width, height); scale: (x, y) source pixels "
          "per output "
          "pixel. Gives the pixels [bands, height, width], 1 where valid [height, width], and the count of "
          "valid ones.");
}

}  // namespace geovision::bindings
