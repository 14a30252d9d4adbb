#include "height_field.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "geovision/noise.hpp"
#include "geovision/parallel.hpp"
#include "top_view.hpp"

namespace geovision {
namespace {

constexpr int band_rows = 16;
constexpr int block = 16;           // cells
constexpr double sky_reach = 12.0;  // metres: what stands farther off hides little sky
constexpr double longest = 250.0;   // metres of shadow at most
constexpr float lowest = -std::numeric_limits<float>::infinity();

struct Extent {
    double low, high;
};

Extent heights(const SceneMesh& scene, std::uint32_t seen) {
    Extent e{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    const auto add = [&](double z) {
        if (!std::isfinite(z)) return;
        e.low = std::min(e.low, z);
        e.high = std::max(e.high, z);
    };
    if (seen & ~(see::terrain | see::tree)) {
        for (std::int64_t v = 0; v < scene.mesh.vertices; ++v) add(scene.mesh.xyz[3 * v + 2]);
    }
    if ((seen & see::terrain) && !scene.terrain.empty()) {
        const auto nodes = static_cast<std::int64_t>(scene.terrain.rows) * scene.terrain.columns;
        const auto [low, high] = std::minmax_element(scene.terrain.z, scene.terrain.z + nodes);
        add(*low);
        add(*high);
    }
    if (seen & see::tree) {
        for (std::int64_t t = 0; t < scene.trees.count; ++t)
            add(scene.trees.ground_z[t] + 1.15 * scene.trees.height[t]);
    }
    return e.low <= e.high ? e : Extent{0.0, 0.0};
}

}  // namespace

HeightField::HeightField(const SceneMesh& scene, const RasterWindow& window, std::uint32_t seen,
                         double azimuth, double elevation)
    : scene_(scene),
      window_(window),
      seen_(seen),
      sun_x_(std::sin(azimuth)),
      sun_y_(std::cos(azimuth)),
      rise_(std::tan(elevation)) {
    const Extent extent = heights(scene, seen);
    highest_ = extent.high;
    const double reach = std::min(longest, (extent.high - extent.low) / std::max(1e-3, rise_));
    const auto cells = [&](double metres) { return static_cast<int>(std::ceil(metres / window.cell)) + 2; };
    const int west = cells(std::max(sky_reach, -sun_x_ * reach)),
              east = cells(std::max(sky_reach, sun_x_ * reach)),
              north = cells(std::max(sky_reach, sun_y_ * reach)),
              south = cells(std::max(sky_reach, -sun_y_ * reach));
    // One cell more on each side, for what lies between cells.
    inner_ = {north - 1, north + window.height + 1, west - 1, west + window.width + 1};
    window_.left -= west * window.cell;
    window_.top += north * window.cell;
    window_.width += west + east;
    window_.height += north + south;
}

bool HeightField::draw(int threads, const std::atomic<bool>* cancel) {
    const TopView view(scene_, window_, seen_, band_rows);
    z_.resize(static_cast<std::size_t>(window_.width) * static_cast<std::size_t>(window_.height));
    const bool done = parallel_blocks(view.bands(), threads, cancel, [&] {
        return [&, cells = BandCells{}](std::int64_t band) mutable {
            view.draw(static_cast<int>(band), cells);
            float* out = z_.data() + static_cast<std::int64_t>(cells.row_begin) * window_.width;
            for (const float z : cells.z) *out++ = std::isnan(z) ? lowest : z;
        };
    });
    if (!done) return false;
    build_blocks();
    set_looks();
    return cast_shadows(threads, cancel);
}

void HeightField::build_blocks() {
    block_columns_ = (window_.width + block - 1) / block;
    block_rows_ = (window_.height + block - 1) / block;
    std::vector<float> top(static_cast<std::size_t>(block_columns_) * static_cast<std::size_t>(block_rows_),
                           lowest);
    const auto block_index = [&](int r, int c) {
        return static_cast<std::size_t>(r) * static_cast<std::size_t>(block_columns_) +
               static_cast<std::size_t>(c);
    };
    for (int row = 0; row < window_.height; ++row) {
        for (int column = 0; column < window_.width; ++column) {
            float& t = top[block_index(row / block, column / block)];
            t = std::max(t, at(row, column));
        }
    }
    block_top_.assign(top.size(), lowest);
    for (int r = 0; r < block_rows_; ++r) {
        for (int c = 0; c < block_columns_; ++c) {
            float& t = block_top_[block_index(r, c)];
            for (int k = std::max(0, r - 1); k <= std::min(block_rows_ - 1, r + 1); ++k) {
                for (int m = std::max(0, c - 1); m <= std::min(block_columns_ - 1, c + 1); ++m)
                    t = std::max(t, top[block_index(k, m)]);
            }
        }
    }
}

float HeightField::clamped(int row, int column) const {
    return at(std::clamp(row, 0, window_.height - 1), std::clamp(column, 0, window_.width - 1));
}

// Every cell's shadow: how high the shade of what stands towards the sun reaches over it.
bool HeightField::cast_shadows(int threads, const std::atomic<bool>* cancel) {
    shadow_.assign(z_.size(), lowest);
    const std::int64_t blocks = (inner_.row_end - inner_.row_begin + block - 1) / block;
    return parallel_blocks(blocks, threads, cancel, [&] {
        return [&](std::int64_t number) {
            const int begin = inner_.row_begin + static_cast<int>(number) * block;
            for (int row = begin; row < std::min(inner_.row_end, begin + block); ++row) {
                for (int column = inner_.column_begin; column < inner_.column_end; ++column)
                    shadow_[index(row, column)] = shade_over(row, column);
            }
        };
    });
}

// Towards the sun cell by cell along the axis that it is nearer to.
float HeightField::shade_over(int row, int column) const {
    const bool across = std::fabs(sun_x_) >= std::fabs(sun_y_);  // the steps go along x
    const double major = across ? sun_x_ : -sun_y_, minor = across ? -sun_y_ : sun_x_;
    const int direction = major >= 0.0 ? 1 : -1;
    const double slide = minor / std::fabs(major);  // across, per step
    const auto climb = static_cast<float>(window_.cell / std::fabs(major) * rise_);
    const int end = across ? window_.width : window_.height, side = across ? window_.height : window_.width;
    const auto top = static_cast<float>(highest_);
    // On one surface between two cells the height lies between; where a wall is between them it is one or the
    // other.
    const auto wall = static_cast<float>(0.2 + 1.5 * window_.cell);
    int step = (across ? column : row) + direction;
    double place = (across ? row : column) + slide;
    float travelled = 1.0f;
    // What does not even reach a little below the cell's own height cannot matter to anything in it.
    float shade = at(row, column) - 1.0f;
    while (step >= 0 && step < end) {
        const float ray = shade + travelled * climb;
        if (ray > top) break;
        const int beside = static_cast<int>(whole(place));
        if (beside < 0 || beside + 1 >= side) break;
        const int r = across ? beside : step, c = across ? step : beside;
        if (block_top_[static_cast<std::size_t>(r / block) * static_cast<std::size_t>(block_columns_) +
                       static_cast<std::size_t>(c / block)] < ray) {
            // Nothing in this block or beside it: on by what certainly stays within those.
            step += direction * block;
            travelled += block;
            place += block * slide;
            continue;
        }
        const auto share = static_cast<float>(place - beside);
        const float near = at(r, c), far = across ? at(r + 1, c) : at(r, c + 1);
        const float height = std::fabs(near - far) < wall ? mix(near, far, share) : share < 0.5f ? near : far;
        shade = std::max(shade, height - travelled * climb);
        step += direction;
        travelled += 1.0f;
        place += slide;
    }
    return shade;
}

// Four cells' shadows, weighed by nearness: their borders come out half lit, not stepped.
float HeightField::sunlit(double x, double y, float z) const {
    const double column = (x - window_.left) / window_.cell - 0.5,
                 row = (window_.top - y) / window_.cell - 0.5;
    const int c0 = static_cast<int>(whole(column)), r0 = static_cast<int>(whole(row));
    const auto u = static_cast<float>(column - c0), v = static_cast<float>(row - r0);
    const auto base = static_cast<float>(0.02 + 0.12 * window_.cell),
               wall = static_cast<float>(0.4 + 2.0 * window_.cell);
    float lit = 0.0f, weight = 0.0f;
    for (int k = 0; k < 4; ++k) {
        const int dc = k & 1, dr = k >> 1;
        const float w = (dc ? u : 1.0f - u) * (dr ? v : 1.0f - v);
        if (w < 1e-4f) continue;
        const std::size_t i = index(r0 + dr, c0 + dc);
        if (z_[i] - z > wall) {
            // A wall stands between this place and that cell. Towards the sun it shades, else it says
            // nothing.
            const bool towards =
                (dc - static_cast<double>(u)) * sun_x_ - (dr - static_cast<double>(v)) * sun_y_ > 0.0;
            weight += towards ? w : 0.0f;
            continue;
        }
        weight += w;
        lit += w * (1.0f - std::clamp((shadow_[i] - z - base) / (1.5f * base + 0.03f), 0.0f, 1.0f));
    }
    return weight > 0.0f ? lit / weight : 1.0f;
}

void HeightField::set_looks() {
    constexpr double directions[8][2] = {{1, 0},  {0.7071, 0.7071},   {0, 1},  {-0.7071, 0.7071},
                                         {-1, 0}, {-0.7071, -0.7071}, {0, -1}, {0.7071, -0.7071}};
    constexpr double radii[looks] = {0.8, 2.0, 4.5, 10.0};  // metres
    for (std::size_t d = 0; d < 8; ++d) {
        for (std::size_t k = 0; k < looks; ++k) {
            const double cells = std::max(1.0, radii[k] / window_.cell);
            const std::int64_t rows = -std::lround(cells * directions[d][1]);
            look_[d][k] = rows * window_.width + std::lround(cells * directions[d][0]);
            per_metre_[k] = static_cast<float>(1.0 / (cells * window_.cell));
        }
    }
}

float HeightField::openness(double x, double y, float z) const {
    const auto column = whole((x - window_.left) / window_.cell),
               row = whole((window_.top - y) / window_.cell);
    // The raster reaches farther round every point of the window than is looked at here.
    const float* here = z_.data() + row * window_.width + column;
    float open = 0.0f;
    for (const auto& direction : look_) {
        float steepest = 0.0f;
        for (std::size_t k = 0; k < looks; ++k)
            steepest = std::max(steepest, (here[direction[k]] - z) * per_metre_[k]);
        // Of the light of an even sky, a level surface loses the squared sine of the horizon's angle.
        open += 1.0f / (1.0f + steepest * steepest);
    }
    return open * 0.125f;
}

std::array<float, 2> HeightField::gradient(double x, double y) const {
    const int column = static_cast<int>((x - window_.left) / window_.cell),
              row = static_cast<int>((window_.top - y) / window_.cell);
    const auto scale = static_cast<float>(0.5 / window_.cell);
    return {(clamped(row, column + 1) - clamped(row, column - 1)) * scale,
            (clamped(row - 1, column) - clamped(row + 1, column)) * scale};
}

}  // namespace geovision
