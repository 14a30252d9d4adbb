#include "top_view.hpp"

#include <limits>
#include <stdexcept>

namespace geovision {
namespace {

void check_offsets(const std::int64_t* offsets, std::int64_t count, std::int64_t end) {
    if (offsets[0] != 0 || offsets[count] != end) throw std::invalid_argument("cover: offsets do not fit");
    for (std::int64_t i = 0; i < count; ++i) {
        if (offsets[i + 1] < offsets[i]) throw std::invalid_argument("cover: offsets fall");
    }
}

void check_scene(const SceneMesh& scene) {
    if (scene.mesh.triangles + 1 + scene.trees.count > std::numeric_limits<std::int32_t>::max()) {
        throw std::invalid_argument("scene: more triangles and trees than 32-bit ids can name");
    }
    if (scene.cover.polygons > 0) {
        check_offsets(scene.cover.ring_offsets, scene.cover.polygons, scene.cover.rings);
        check_offsets(scene.cover.vertex_offsets, scene.cover.rings, scene.cover.vertices);
    }
}

}  // namespace

TopView::TopView(const SceneMesh& scene, const RasterWindow& window, std::uint32_t seen, int band_rows)
    : scene_(scene), window_(window), seen_(seen), band_rows_(band_rows) {
    check_raster(scene.mesh, window);
    check_scene(scene);
    bands_ = (window.height + band_rows - 1) / band_rows;
    for (auto* bins : {&triangles_of_, &crowns_of_, &cover_of_})
        bins->resize(static_cast<std::size_t>(bands_));
    bin_triangles();
    if (seen & see::tree) bin_trees();
    if ((seen & see::terrain) && !scene.terrain.empty()) bin_cover();
}

void TopView::put(std::vector<std::vector<std::uint32_t>>& bands, double y_low, double y_high,
                  std::uint32_t item) const {
    const double first = (window_.top - y_high) / window_.cell - 0.5,
                 last = (window_.top - y_low) / window_.cell - 0.5;
    if (!(last >= 0.0 && first <= window_.height)) return;
    const int begin = static_cast<int>(std::max(0.0, first)) / band_rows_;
    const int end = static_cast<int>(std::min<double>(window_.height - 1, last + 1.0)) / band_rows_;
    for (int band = begin; band <= end; ++band) bands[static_cast<std::size_t>(band)].push_back(item);
}

void TopView::bin_triangles() {
    Drawn drawn{};
    for (std::int64_t t = 0; t < scene_.mesh.triangles; ++t) {
        if (!(seen_as(scene_.label[t]) & seen_) || !prepare(scene_.mesh, window_, t, drawn)) continue;
        for (int band = drawn.row_begin / band_rows_; band <= (drawn.row_end - 1) / band_rows_; ++band) {
            triangles_of_[static_cast<std::size_t>(band)].push_back(
                static_cast<std::uint32_t>(drawn_.size()));
        }
        drawn_.push_back(drawn);
    }
}

void TopView::bin_trees() {
    const double right = window_.left + window_.width * window_.cell;
    for (std::int64_t tree = 0; tree < scene_.trees.count; ++tree) {
        const Crown crown(scene_.trees, tree, scene_.origin.data());
        if (!(crown.x() + crown.reach() >= window_.left && crown.x() - crown.reach() <= right)) continue;
        const auto item = static_cast<std::uint32_t>(crowns_.size());
        put(crowns_of_, crown.y() - crown.reach(), crown.y() + crown.reach(), item);
        crowns_.push_back(crown);
        crown_tree_.push_back(tree_id(tree));
    }
}

void TopView::bin_cover() {
    const Cover& cover = scene_.cover;
    for (std::int64_t polygon = 0; polygon < cover.polygons; ++polygon) {
        const std::int64_t begin = cover.vertex_offsets[cover.ring_offsets[polygon]],
                           end = cover.vertex_offsets[cover.ring_offsets[polygon + 1]];
        double low = std::numeric_limits<double>::infinity(), high = -low;
        bool finite = true;
        for (std::int64_t v = begin; v < end; ++v) {
            finite &= std::isfinite(cover.xy[2 * v]) && std::isfinite(cover.xy[2 * v + 1]);
            low = std::min(low, cover.xy[2 * v + 1]);
            high = std::max(high, cover.xy[2 * v + 1]);
        }
        if (finite && begin < end) put(cover_of_, low, high, static_cast<std::uint32_t>(polygon));
    }
}

void TopView::draw(int band, BandCells& cells) const {
    cells.row_begin = band * band_rows_;
    cells.row_end = std::min(window_.height, cells.row_begin + band_rows_);
    const auto count =
        static_cast<std::size_t>(window_.width) * static_cast<std::size_t>(cells.row_end - cells.row_begin);
    cells.cover.assign(count, -1);
    if ((seen_ & see::terrain) && !scene_.terrain.empty()) {
        cells.z.resize(count);
        cells.id.assign(count, terrain_id());
        draw_cover(band, cells);
        draw_terrain(cells);
    } else {
        cells.z.assign(count, std::numeric_limits<float>::quiet_NaN());
        cells.id.assign(count, -1);
    }
    draw_triangles(band, cells);
    draw_trees(band, cells);
}

void TopView::draw_cover(int band, BandCells& cells) const {
    for (const std::uint32_t polygon : cover_of_[static_cast<std::size_t>(band)])
        fill_polygon(polygon, cells);
}

// Cells whose centres lie inside by the even-odd rule; a centre on an edge belongs to one side.
void TopView::fill_polygon(std::int64_t polygon, BandCells& cells) const {
    const Cover& cover = scene_.cover;
    for (int row = cells.row_begin; row < cells.row_end; ++row) {
        const double y_row = y(row);
        cells.crossings.clear();
        for (std::int64_t r = cover.ring_offsets[polygon]; r < cover.ring_offsets[polygon + 1]; ++r) {
            const std::int64_t begin = cover.vertex_offsets[r], end = cover.vertex_offsets[r + 1];
            for (std::int64_t v = begin; v < end; ++v) {
                const double* a = cover.xy + 2 * v;
                const double* b = cover.xy + 2 * (v + 1 < end ? v + 1 : begin);
                if ((a[1] > y_row) == (b[1] > y_row)) continue;
                // From the lower end up, so that neighbours find the same place.
                const double *low = a[1] < b[1] ? a : b, *high = a[1] < b[1] ? b : a;
                cells.crossings.push_back(low[0] +
                                          (high[0] - low[0]) * ((y_row - low[1]) / (high[1] - low[1])));
            }
        }
        std::sort(cells.crossings.begin(), cells.crossings.end());
        std::int32_t* out =
            cells.cover.data() + static_cast<std::int64_t>(row - cells.row_begin) * window_.width;
        const auto column = [&](double x_edge) {
            const double c = std::ceil((x_edge - window_.left) / window_.cell - 0.5);
            return static_cast<std::int64_t>(std::clamp<double>(c, 0.0, window_.width));
        };
        for (std::size_t k = 0; k + 1 < cells.crossings.size(); k += 2) {
            std::fill(out + column(cells.crossings[k]), out + column(cells.crossings[k + 1]),
                      static_cast<std::int32_t>(polygon));
        }
    }
}

void TopView::draw_terrain(BandCells& cells) const {
    const Terrain& t = scene_.terrain;
    cells.line.resize(static_cast<std::size_t>(t.columns));
    const double step = window_.cell / t.cell;
    const double start = (x(0) - t.left) / t.cell;  // in nodes
    for (int row = cells.row_begin; row < cells.row_end; ++row) {
        const double node_row = std::clamp((t.top - y(row)) / t.cell, 0.0, static_cast<double>(t.rows - 1));
        const int j = std::min(static_cast<int>(node_row), t.rows - 2);
        const double v = node_row - j;
        const float* north = t.z + static_cast<std::int64_t>(j) * t.columns;
        const float* south = north + t.columns;
        const double last = start + step * (window_.width - 1);
        const int first_node = std::clamp(static_cast<int>(std::max(0.0, start)), 0, t.columns - 2);
        const int last_node = std::clamp(static_cast<int>(std::max(0.0, last)) + 1, 1, t.columns - 1);
        for (int c = first_node; c <= last_node; ++c)
            cells.line[static_cast<std::size_t>(c)] =
                north[c] + v * (static_cast<double>(south[c]) - north[c]);
        float* z = cells.z.data() + static_cast<std::int64_t>(row - cells.row_begin) * window_.width;
        for (int column = 0; column < window_.width; ++column) {
            const double place = std::clamp(start + step * column, 0.0, static_cast<double>(t.columns - 1));
            const int i = std::min(static_cast<int>(place), t.columns - 2);
            const double a = cells.line[static_cast<std::size_t>(i)],
                         b = cells.line[static_cast<std::size_t>(i) + 1];
            z[column] = static_cast<float>(a + (place - i) * (b - a));
        }
        if (scene_.cover.polygons == 0) continue;
        const std::int32_t* cover =
            cells.cover.data() + static_cast<std::int64_t>(row - cells.row_begin) * window_.width;
        for (int column = 0; column < window_.width; ++column) {
            if (cover[column] >= 0) z[column] += static_cast<float>(scene_.cover.lift[cover[column]]);
        }
    }
}

void TopView::draw_triangles(int band, BandCells& cells) const {
    for (const std::uint32_t item : triangles_of_[static_cast<std::size_t>(band)]) {
        const Drawn& drawn = drawn_[item];
        for_spans(drawn, cells.row_begin, cells.row_end, [&](int row, std::int64_t begin, std::int64_t end) {
            const std::int64_t offset = static_cast<std::int64_t>(row - cells.row_begin) * window_.width;
            float* z = cells.z.data() + offset;
            std::int32_t* id = cells.id.data() + offset;
            const double z_start = drawn.z0 + row * drawn.dz_dy;
            for (std::int64_t column = begin; column < end; ++column) {
                const float height = height_at(drawn, z_start, column);
                // Written so that NaN, where nothing is yet, loses. Of equal heights the first triangle wins.
                if (!(height <= z[column])) {
                    z[column] = height;
                    id[column] = drawn.id;
                }
            }
        });
    }
}

void TopView::draw_trees(int band, BandCells& cells) const {
    for (const std::uint32_t item : crowns_of_[static_cast<std::size_t>(band)]) {
        const Crown& crown = crowns_[item];
        const double reach = crown.reach() / window_.cell;
        const double middle_row = (window_.top - crown.y()) / window_.cell - 0.5,
                     middle_column = (crown.x() - window_.left) / window_.cell - 0.5;
        const auto bound = [](double v, int low, int high) {
            return static_cast<int>(std::clamp<double>(v, low, high));
        };
        const int row_begin = bound(std::ceil(middle_row - reach), cells.row_begin, cells.row_end),
                  row_end = bound(std::floor(middle_row + reach) + 1, cells.row_begin, cells.row_end),
                  column_begin = bound(std::ceil(middle_column - reach), 0, window_.width),
                  column_end = bound(std::floor(middle_column + reach) + 1, 0, window_.width);
        for (int row = row_begin; row < row_end; ++row) {
            const std::int64_t offset = static_cast<std::int64_t>(row - cells.row_begin) * window_.width;
            for (int column = column_begin; column < column_end; ++column) {
                double bottom = 0.0, top = 0.0;
                float& z = cells.z[static_cast<std::size_t>(offset + column)];
                if (z >= crown.highest() || !crown.span(x(column), y(row), bottom, top)) continue;
                if (!(static_cast<float>(top) <= z)) {
                    z = static_cast<float>(top);
                    cells.id[static_cast<std::size_t>(offset + column)] = crown_tree_[item];
                }
            }
        }
    }
}

}  // namespace geovision
