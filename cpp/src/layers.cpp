#include "geovision/layers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "geovision/edges.hpp"
#include "geovision/parallel.hpp"
#include "top_view.hpp"

namespace geovision {
namespace {

// Some bands' cells fit the second-level cache.
constexpr int band_rows = 16;

constexpr float degrees = 57.29577951308232f;

// The angle whose tangent is t >= 0, in degrees, to 2e-5 of one: a polynomial that vectorises.
float slope_of(float t) {
    const bool steep = t > 1.0f;
    const float x = steep ? 1.0f / t : t, s = x * x;
    const float a =
        x * (0.99999612f +
             s * (-0.33317369f +
                  s * (0.19807802f +
                       s * (-0.13233381f + s * (0.07962632f + s * (-0.03360610f + s * 0.00681177f))))));
    return degrees * (steep ? 1.57079632679f - a : a);
}

// Shifted above zero first, where cutting off is rounding down.
std::int8_t rounded(float v) { return static_cast<std::int8_t>(static_cast<int>(v + 128.5f) - 128); }

struct Facing {
    std::int8_t normal[3];
    float slope;
};

Facing facing_of(float slope_x, float slope_y) {
    const float square = slope_x * slope_x + slope_y * slope_y;
    const float up = 1.0f / std::sqrt(1.0f + square);
    return {{rounded(-127.0f * slope_x * up), rounded(-127.0f * slope_y * up), rounded(127.0f * up)},
            slope_of(std::sqrt(square))};
}

class Painter {
public:
    Painter(const SceneMesh& scene, const TopView& view, const LayersOut& out,
            const std::vector<std::array<float, 3>>& normals)
        : scene_(scene), view_(view), out_(out), normals_(normals), width_(view.window().width) {}

    void paint(const BandCells& cells) const {
        for (int row = cells.row_begin; row < cells.row_end; ++row) {
            const std::int64_t local = static_cast<std::int64_t>(row - cells.row_begin) * width_;
            const std::int64_t global = static_cast<std::int64_t>(row) * width_;
            if (out_.height != nullptr) {
                const auto base = static_cast<float>(scene_.origin[2]);
                for (std::int64_t c = 0; c < width_; ++c)
                    out_.height[global + c] = cells.z[at(local + c)] + base;
            }
            const std::int32_t* id = cells.id.data() + local;
            for (std::int64_t begin = 0; begin < width_;) {
                std::int64_t end = begin + 1;
                while (end < width_ && id[end] == id[begin]) ++end;
                run(cells, row, local, global, begin, end);
                begin = end;
            }
        }
    }

private:
    static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

    template <class T>
    static void fill(T* out, std::int64_t from, std::int64_t count, T value) {
        if (out != nullptr) std::fill_n(out + from, count, value);
    }

    // One run of cells that see the same thing.
    void run(const BandCells& cells, int row, std::int64_t local, std::int64_t global, std::int64_t begin,
             std::int64_t end) const {
        const std::int32_t id = cells.id[static_cast<std::size_t>(local + begin)];
        const std::int64_t from = global + begin, count = end - begin;
        const bool triangle = id >= 0 && id < view_.terrain_id();
        fill(out_.building, from, count, triangle ? scene_.building[id] : -1);
        fill(out_.part, from, count, static_cast<std::int16_t>(triangle ? scene_.part[id] : -1));
        fill(out_.roof_kind, from, count, triangle ? scene_.roof_kind[id] : std::uint8_t{255});
        fill(out_.surface, from, count, triangle ? scene_.surface[id] : -1);
        fill(out_.label, from, count, label_of(id));
        if (triangle || id < 0) {
            fill(out_.material, from, count, triangle ? scene_.material[id] : std::uint8_t{255});
            constant_facing(id, from, count);
        } else if (id == view_.terrain_id()) {
            terrain(cells, row, local, global, begin, end);
        } else {
            tree(row, id, global, begin, end);
        }
    }

    std::uint8_t label_of(std::int32_t id) const {
        if (id < 0) return static_cast<std::uint8_t>(SceneLabel::nothing);
        if (id < view_.terrain_id()) return scene_.label[id];
        return static_cast<std::uint8_t>(id == view_.terrain_id() ? SceneLabel::terrain : SceneLabel::tree);
    }

    void constant_facing(std::int32_t id, std::int64_t from, std::int64_t count) const {
        Facing facing{{0, 0, 0}, std::numeric_limits<float>::quiet_NaN()};
        if (id >= 0) {
            const auto& n = normals_[static_cast<std::size_t>(id)];
            // Seen from above, so it faces up, whichever way round its corners were given.
            const float up = n[2] < 0.0f ? -1.0f : 1.0f;
            for (int c = 0; c < 3; ++c)
                facing.normal[c] = rounded(127.0f * up * n[static_cast<std::size_t>(c)]);
            facing.slope = slope_of(std::sqrt(n[0] * n[0] + n[1] * n[1]) / std::fabs(n[2]));
        }
        fill(out_.slope, from, count, facing.slope);
        if (out_.normal == nullptr) return;
        std::int8_t* normal = out_.normal + 3 * from;
        for (std::int64_t i = 0; i < count; ++i, normal += 3) std::copy_n(facing.normal, 3, normal);
    }

    void put(std::int64_t cell, const Facing& facing) const {
        if (out_.slope != nullptr) out_.slope[cell] = facing.slope;
        if (out_.normal != nullptr) std::copy_n(facing.normal, 3, out_.normal + 3 * cell);
    }

    void terrain(const BandCells& cells, int row, std::int64_t local, std::int64_t global, std::int64_t begin,
                 std::int64_t end) const {
        if (out_.material != nullptr) {
            const std::int32_t* cover = cells.cover.data() + local;
            for (std::int64_t c = begin; c < end; ++c)
                out_.material[global + c] =
                    cover[c] < 0 ? scene_.terrain.material : scene_.cover.material[cover[c]];
        }
        if (out_.slope == nullptr && out_.normal == nullptr) return;
        constexpr std::int64_t most = 256;
        float east[most], north[most], steep[most];
        for (; begin < end; begin += most) {
            const auto count = std::min(most, end - begin);
            scene_.terrain.gradients(view_.x(begin), view_.window().cell, view_.y(row),
                                     static_cast<int>(count), east, north);
            if (out_.slope != nullptr) {
                for (std::int64_t i = 0; i < count; ++i)
                    steep[i] = std::sqrt(east[i] * east[i] + north[i] * north[i]);
                for (std::int64_t i = 0; i < count; ++i) out_.slope[global + begin + i] = slope_of(steep[i]);
            }
            if (out_.normal != nullptr) pack_normals(east, north, count, out_.normal + 3 * (global + begin));
        }
    }

    static void pack_normals(const float* east, const float* north, std::int64_t count, std::int8_t* out) {
        for (std::int64_t i = 0; i < count; ++i, out += 3) {
            const float up = 127.0f / std::sqrt(1.0f + east[i] * east[i] + north[i] * north[i]);
            out[0] = rounded(-east[i] * up);
            out[1] = rounded(-north[i] * up);
            out[2] = rounded(up);
        }
    }

    void tree(int row, std::int32_t id, std::int64_t global, std::int64_t begin, std::int64_t end) const {
        const std::int64_t index = id - view_.terrain_id() - 1;
        const Material leaves = scene_.trees.conifer[index] ? Material::needles : Material::foliage;
        fill(out_.material, global + begin, end - begin, static_cast<std::uint8_t>(leaves));
        if (out_.slope == nullptr && out_.normal == nullptr) return;
        const Crown crown(scene_.trees, index, scene_.origin.data());
        const double y = view_.y(row);
        for (std::int64_t c = begin; c < end; ++c) {
            const auto gradient = crown.gradient(view_.x(c), y);
            put(global + c, facing_of(static_cast<float>(gradient[0]), static_cast<float>(gradient[1])));
        }
    }

    const SceneMesh& scene_;
    const TopView& view_;
    const LayersOut& out_;
    const std::vector<std::array<float, 3>>& normals_;
    std::int64_t width_;
};

// Lines as cells, band by band.
class EdgePainter {
public:
    EdgePainter(std::vector<RoofEdge> edges, const TopView& view, double width)
        : edges_(std::move(edges)), view_(view), half_(0.5 * std::max(width, view.window().cell)) {
        of_band_.resize(static_cast<std::size_t>(view.bands()));
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const auto [low, high] = std::minmax(edges_[e].from[1], edges_[e].to[1]);
            const int first = row_of(high + half_) / band_rows, last = row_of(low - half_) / band_rows;
            for (int band = std::max(0, first); band <= std::min(view.bands() - 1, last); ++band)
                of_band_[static_cast<std::size_t>(band)].push_back(static_cast<std::uint32_t>(e));
        }
    }

    void paint(int band, const BandCells& cells, std::vector<float>& nearest, std::uint8_t* out) const {
        const std::int64_t width = view_.window().width;
        const std::int64_t first = cells.row_begin * width, count = (cells.row_end - cells.row_begin) * width;
        std::fill_n(out + first, count, std::uint8_t{0});
        const auto& mine = of_band_[static_cast<std::size_t>(band)];
        if (mine.empty()) return;
        nearest.assign(static_cast<std::size_t>(count), std::numeric_limits<float>::infinity());
        for (const std::uint32_t e : mine) line(edges_[e], cells, nearest, out + first);
    }

private:
    // Clamped well inside int, so that far-off buildings cost nothing.
    int row_of(double y) const {
        return static_cast<int>(
            std::clamp((view_.window().top - y) / view_.window().cell, -1e6, 1.0 + view_.window().height));
    }

    void line(const RoofEdge& edge, const BandCells& cells, std::vector<float>& nearest,
              std::uint8_t* out) const {
        const RasterWindow& window = view_.window();
        const double dx = edge.to[0] - edge.from[0], dy = edge.to[1] - edge.from[1],
                     dz = edge.to[2] - edge.from[2];
        const double square = dx * dx + dy * dy;
        const auto [y_low, y_high] = std::minmax(edge.from[1], edge.to[1]);
        const int row_begin = std::max(cells.row_begin, row_of(y_high + half_)),
                  row_end = std::min(cells.row_end, row_of(y_low - half_) + 1);
        // A cell's centre may see the roof beside the line, as much higher as that is steep.
        const double tolerance = 0.05 + 2.0 * half_;
        for (int row = row_begin; row < row_end; ++row) {
            const double y = view_.y(row);
            // The part of the line that this row can be near to.
            double begin = 0.0, end = 1.0;
            if (std::fabs(dy) > 1e-9) {
                const double a = (y - half_ - edge.from[1]) / dy, b = (y + half_ - edge.from[1]) / dy;
                begin = std::max(0.0, std::min(a, b));
                end = std::min(1.0, std::max(a, b));
                if (begin > end) continue;
            }
            const double xa = edge.from[0] + begin * dx, xb = edge.from[0] + end * dx;
            const auto column = [&](double x) {
                return std::clamp<double>((x - window.left) / window.cell - 0.5, -1.0, window.width);
            };
            const int column_begin =
                          std::max(0, static_cast<int>(std::floor(column(std::min(xa, xb) - half_)))),
                      column_end = std::min(window.width - 1,
                                            static_cast<int>(std::ceil(column(std::max(xa, xb) + half_))));
            const std::int64_t local = static_cast<std::int64_t>(row - cells.row_begin) * window.width;
            for (int c = column_begin; c <= column_end; ++c) {
                const double px = view_.x(c) - edge.from[0], py = y - edge.from[1];
                const double along = square > 0.0 ? std::clamp((px * dx + py * dy) / square, 0.0, 1.0) : 0.0;
                const double ox = px - along * dx, oy = py - along * dy;
                const auto distance = static_cast<float>(ox * ox + oy * oy);
                const auto i = static_cast<std::size_t>(local + c);
                if (static_cast<double>(distance) > half_ * half_ || distance > nearest[i]) continue;
                const auto kind = static_cast<std::uint8_t>(edge.kind);
                if (distance == nearest[i] && kind >= out[i]) continue;
                if (edge.from[2] + along * dz < static_cast<double>(cells.z[i]) - tolerance) continue;
                nearest[i] = distance;
                out[i] = kind;
            }
        }
    }

    std::vector<RoofEdge> edges_;
    const TopView& view_;
    double half_;
    std::vector<std::vector<std::uint32_t>> of_band_;
};

}  // namespace

bool draw_layers(const SceneMesh& scene, const RasterWindow& window, const LayersOptions& options,
                 const LayersOut& out) {
    const TopView view(scene, window, options.seen, band_rows);
    const auto normals = triangle_normals(scene.mesh);
    const bool lines = out.edge != nullptr && (options.seen & see::building);
    const EdgePainter edges(lines ? roof_edges(scene, normals) : std::vector<RoofEdge>{}, view,
                            options.edge_width);
    const Painter painter(scene, view, out, normals);
    return parallel_blocks(view.bands(), options.threads, options.cancel, [&] {
        return [&, cells = BandCells{}, nearest = std::vector<float>{}](std::int64_t band) mutable {
            view.draw(static_cast<int>(band), cells);
            painter.paint(cells);
            if (out.edge != nullptr) edges.paint(static_cast<int>(band), cells, nearest, out.edge);
        };
    });
}

}  // namespace geovision
