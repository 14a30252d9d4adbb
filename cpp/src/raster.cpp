#include "geovision/raster.hpp"

#include <limits>
#include <stdexcept>
#include <vector>

#include "geovision/parallel.hpp"
#include "raster_core.hpp"

namespace geovision {
namespace {

constexpr int band_rows = 64;  // fixed, so that nothing depends on the threads

void draw(const Drawn& drawn, const RasterWindow& window, int row_begin, int row_end, float* z,
          std::int32_t* id) {
    for_spans(drawn, row_begin, row_end, [&](int row, std::int64_t begin, std::int64_t end) {
        float* z_row = z + static_cast<std::int64_t>(row) * window.width;
        std::int32_t* id_row = id + static_cast<std::int64_t>(row) * window.width;
        const double z_start = drawn.z0 + row * drawn.dz_dy;
        for (std::int64_t column = begin; column < end; ++column) {
            const float height = height_at(drawn, z_start, column);
            const bool higher = height > z_row[column] || id_row[column] < 0 ||
                                (height == z_row[column] && drawn.id < id_row[column]);
            if (higher) {
                z_row[column] = height;
                id_row[column] = drawn.id;
            }
        }
    });
}

}  // namespace

void check_raster(const RasterMesh& mesh, const RasterWindow& window) {
    if (!(window.cell > 0.0) || !std::isfinite(window.cell) || !std::isfinite(window.left) ||
        !std::isfinite(window.top)) {
        throw std::invalid_argument("raster: the cell size must be above zero and the window finite");
    }
    const std::int64_t cells = static_cast<std::int64_t>(window.width) * window.height;
    if (window.width <= 0 || window.height <= 0 || cells > std::numeric_limits<std::int32_t>::max()) {
        throw std::invalid_argument("raster: the window must have 1 to 2^31 cells");
    }
    if (mesh.triangles > std::numeric_limits<std::int32_t>::max()) {
        throw std::invalid_argument("raster: more triangles than 32-bit ids can name");
    }
    for (std::int64_t i = 0; i < 3 * mesh.triangles; ++i) {
        if (mesh.triangle[i] < 0 || mesh.triangle[i] >= mesh.vertices) {
            throw std::invalid_argument("raster: a triangle has a vertex that is not there");
        }
    }
}

bool rasterize_top(const RasterMesh& mesh, const RasterWindow& window, float* z, std::int32_t* id,
                   int threads, const std::atomic<bool>* cancel) {
    check_raster(mesh, window);
    const std::int64_t cells = static_cast<std::int64_t>(window.width) * window.height;
    std::fill(z, z + cells, std::numeric_limits<float>::quiet_NaN());
    std::fill(id, id + cells, -1);
    const auto stopped = [&] { return cancel != nullptr && cancel->load(std::memory_order_relaxed); };

    // Prepared once; then every band draws those that touch it.
    std::vector<Drawn> all;
    const int bands = (window.height + band_rows - 1) / band_rows;
    std::vector<std::vector<std::uint32_t>> of_band(static_cast<std::size_t>(bands));
    Drawn drawn{};
    for (std::int64_t t = 0; t < mesh.triangles; ++t) {
        if (t % 65536 == 0 && stopped()) return false;
        if (!prepare(mesh, window, t, drawn)) continue;
        for (int band = drawn.row_begin / band_rows; band <= (drawn.row_end - 1) / band_rows; ++band) {
            of_band[static_cast<std::size_t>(band)].push_back(static_cast<std::uint32_t>(all.size()));
        }
        all.push_back(drawn);
    }

    return parallel_blocks(bands, threads, cancel, [&] {
        return [&](std::int64_t number) {
            const int band = static_cast<int>(number);
            const int end = std::min(window.height, (band + 1) * band_rows);
            for (const std::uint32_t i : of_band[static_cast<std::size_t>(band)]) {
                draw(all[i], window, band * band_rows, end, z, id);
            }
        };
    });
}

}  // namespace geovision
