#include "ray_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "top_view.hpp"

namespace geovision {
namespace {

constexpr double cell_size = 2.0;    // metres; a ray crosses few, and each holds few triangles
constexpr double cover_cell = 0.25;  // metres; how finely streets and gardens are told apart
constexpr int cover_band = 64;
constexpr double infinity = std::numeric_limits<double>::infinity();

double length(double x, double y, double z) { return std::sqrt(x * x + y * y + z * z); }

void set_heights(const double* a, const double* b, double* height) {
    const double area =
        length(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
    const double sides[3] = {length(b[0] - a[0], b[1] - a[1], b[2] - a[2]), length(b[0], b[1], b[2]),
                             length(a[0], a[1], a[2])};
    for (int k = 0; k < 3; ++k) height[k] = sides[k] > 0.0 ? area / sides[k] : 0.0;
}

}  // namespace

RayGrid::RayGrid(const SceneMesh& scene, std::uint32_t seen, double x_min, double y_min, double x_max,
                 double y_max)
    : scene_(scene),
      has_ground_((seen & see::terrain) && !scene.terrain.empty()),
      // On whole cells in the world, so that nothing depends on the box that was asked for.
      box_{std::floor((x_min + scene.origin[0]) / cell_size) * cell_size - scene.origin[0],
           std::floor((y_min + scene.origin[1]) / cell_size) * cell_size - scene.origin[1], x_max, y_max},
      lowest_(infinity),
      highest_(-infinity),
      columns_(static_cast<int>((x_max - box_.x_min) / cell_size) + 1),
      rows_(static_cast<int>((y_max - box_.y_min) / cell_size) + 1) {
    top_.assign(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_),
                -std::numeric_limits<float>::infinity());
    normals_ = triangle_normals(scene.mesh);
    if (has_ground_) {
        const auto nodes = static_cast<std::int64_t>(scene.terrain.rows) * scene.terrain.columns;
        const auto [low, high] = std::minmax_element(scene.terrain.z, scene.terrain.z + nodes);
        double lift_low = 0.0, lift_high = 0.0;
        for (std::int64_t p = 0; p < scene.cover.polygons; ++p) {
            lift_low = std::min(lift_low, scene.cover.lift[p]);
            lift_high = std::max(lift_high, scene.cover.lift[p]);
        }
        has_lift_ = lift_low != 0.0 || lift_high != 0.0;
        lowest_ = ground_low_ = *low + lift_low;
        highest_ = ground_high_ = *high + lift_high;
        draw_cover();
    }
    add_triangles(seen);
    if (seen & see::tree) add_crowns();
    if (!(lowest_ <= highest_)) lowest_ = highest_ = 0.0;
}

int RayGrid::column(double x) const {
    return std::clamp(static_cast<int>((x - box_.x_min) / cell_size), 0, columns_ - 1);
}
int RayGrid::row(double y) const {
    return std::clamp(static_cast<int>((y - box_.y_min) / cell_size), 0, rows_ - 1);
}

void RayGrid::add_triangles(std::uint32_t seen) {
    std::vector<Box> boxes;
    for (std::int64_t t = 0; t < scene_.mesh.triangles; ++t) {
        if (!(seen_as(scene_.label[t]) & seen)) continue;
        const double* p[3];
        for (int k = 0; k < 3; ++k)
            p[k] = scene_.mesh.xyz + 3 * static_cast<std::int64_t>(scene_.mesh.triangle[3 * t + k]);
        const auto [x_low, x_high] = std::minmax({p[0][0], p[1][0], p[2][0]});
        const auto [y_low, y_high] = std::minmax({p[0][1], p[1][1], p[2][1]});
        const auto [z_low, z_high] = std::minmax({p[0][2], p[1][2], p[2][2]});
        // Written so that NaN stays out.
        if (!(x_high >= box_.x_min && x_low <= box_.x_max && y_high >= box_.y_min && y_low <= box_.y_max))
            continue;
        if (!std::isfinite(x_low + x_high + y_low + y_high + z_low + z_high)) continue;
        Triangle triangle{};
        for (int c = 0; c < 3; ++c) {
            triangle.corner[c] = p[0][c];
            triangle.first[c] = p[1][c] - p[0][c];
            triangle.second[c] = p[2][c] - p[0][c];
        }
        triangle.id = static_cast<std::int32_t>(t);
        set_heights(triangle.first, triangle.second, triangle.height);
        triangles_.push_back(triangle);
        boxes.push_back({x_low, y_low, x_high, y_high});
        lowest_ = std::min(lowest_, z_low);
        highest_ = std::max(highest_, z_high);
        for (int r = row(y_low); r <= row(y_high); ++r) {
            for (int c = column(x_low); c <= column(x_high); ++c)
                top_[cell_of(c, r)] =
                    std::max(top_[cell_of(c, r)], std::nextafter(static_cast<float>(z_high), 1e30f));
        }
    }
    triangles_in_ = list(boxes, [&](std::size_t i, const Box& cell) { return crosses(triangles_[i], cell); });
}

void RayGrid::add_crowns() {
    std::vector<Box> boxes;
    for (std::int64_t tree = 0; tree < scene_.trees.count; ++tree) {
        const Crown crown(scene_.trees, tree, scene_.origin.data());
        const Box box{crown.x() - crown.reach(), crown.y() - crown.reach(), crown.x() + crown.reach(),
                      crown.y() + crown.reach()};
        if (!(box.x_max >= box_.x_min && box.x_min <= box_.x_max && box.y_max >= box_.y_min &&
              box.y_min <= box_.y_max && std::isfinite(crown.highest()))) {
            continue;
        }
        crowns_.push_back(crown);
        crown_tree_.push_back(static_cast<std::int32_t>(tree));
        boxes.push_back(box);
        highest_ = std::max(highest_, crown.highest());
        lowest_ = std::min(lowest_, crown.lowest());
        for (int r = row(box.y_min); r <= row(box.y_max); ++r) {
            for (int c = column(box.x_min); c <= column(box.x_max); ++c)
                top_[cell_of(c, r)] =
                    std::max(top_[cell_of(c, r)], static_cast<float>(crown.highest()) + 0.01f);
        }
    }
    crowns_in_ = list(boxes, [](std::size_t, const Box&) { return true; });
}

RayGrid::Box RayGrid::cell_box(int column, int row) const {
    // A little wider, so that rounding never loses what stands on a border.
    constexpr double slack = 1e-6;
    const double x = box_.x_min + column * cell_size, y = box_.y_min + row * cell_size;
    return {x - slack, y - slack, x + cell_size + slack, y + cell_size + slack};
}

// False where the cell lies wholly outside one side of the triangle in plan.
bool RayGrid::crosses(const Triangle& t, const Box& cell) const {
    const double p[3][2] = {{t.corner[0], t.corner[1]},
                            {t.corner[0] + t.first[0], t.corner[1] + t.first[1]},
                            {t.corner[0] + t.second[0], t.corner[1] + t.second[1]}};
    const double area = t.first[0] * t.second[1] - t.first[1] * t.second[0];
    const double side = area < 0.0 ? -1.0 : 1.0;
    for (int k = 0; k < 3; ++k) {
        const double *a = p[k], *b = p[(k + 1) % 3];
        // Inward normal; the cell's corner that lies farthest along it decides.
        const double nx = -side * (b[1] - a[1]), ny = side * (b[0] - a[0]);
        const double x = nx > 0.0 ? cell.x_max : cell.x_min, y = ny > 0.0 ? cell.y_max : cell.y_min;
        if (nx * (x - a[0]) + ny * (y - a[1]) < -1e-9) return false;
    }
    return true;
}

template <class Crosses>
RayGrid::Lists RayGrid::list(const std::vector<Box>& boxes, Crosses crosses) const {
    Lists lists;
    lists.starts.assign(top_.size() + 1, 0);
    const auto each = [&](auto visit) {
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            for (int r = row(boxes[i].y_min); r <= row(boxes[i].y_max); ++r) {
                for (int c = column(boxes[i].x_min); c <= column(boxes[i].x_max); ++c) {
                    if (crosses(i, cell_box(c, r))) visit(cell_of(c, r), static_cast<std::int32_t>(i));
                }
            }
        }
    };
    each([&](std::size_t cell, std::int32_t) { ++lists.starts[cell + 1]; });
    for (std::size_t i = 1; i < lists.starts.size(); ++i) lists.starts[i] += lists.starts[i - 1];
    lists.items.resize(static_cast<std::size_t>(lists.starts.back()));
    std::vector<std::int64_t> next(lists.starts.begin(), lists.starts.end() - 1);
    each([&](std::size_t cell, std::int32_t i) { lists.items[static_cast<std::size_t>(next[cell]++)] = i; });
    return lists;
}

void RayGrid::draw_cover() {
    if (scene_.cover.polygons == 0) return;
    // On whole multiples in the world, so that borders do not depend on the box.
    const double x0 = scene_.origin[0], y0 = scene_.origin[1];
    cover_window_.cell = cover_cell;
    cover_window_.left = std::floor((box_.x_min + x0) / cover_cell) * cover_cell - x0;
    cover_window_.top = std::ceil((box_.y_max + y0) / cover_cell) * cover_cell - y0;
    cover_window_.width = static_cast<int>((box_.x_max - cover_window_.left) / cover_cell) + 1;
    cover_window_.height = static_cast<int>((cover_window_.top - box_.y_min) / cover_cell) + 1;
    SceneMesh bare = scene_;
    bare.mesh = {};
    bare.trees = {};
    const TopView view(bare, cover_window_, see::terrain, cover_band);
    cover_.reserve(static_cast<std::size_t>(cover_window_.width) *
                   static_cast<std::size_t>(cover_window_.height));
    BandCells cells;
    for (int band = 0; band < view.bands(); ++band) {
        view.draw(band, cells);
        cover_.insert(cover_.end(), cells.cover.begin(), cells.cover.end());
    }
}

std::int32_t RayGrid::cover_at(double x, double y) const {
    if (cover_.empty()) return -1;
    const double c = (x - cover_window_.left) / cover_cell, r = (cover_window_.top - y) / cover_cell;
    if (!(c >= 0.0 && r >= 0.0 && c < cover_window_.width && r < cover_window_.height)) return -1;
    return cover_[static_cast<std::size_t>(r) * static_cast<std::size_t>(cover_window_.width) +
                  static_cast<std::size_t>(c)];
}

double RayGrid::ground_at(double x, double y) const {
    const std::int32_t polygon = has_lift_ ? cover_at(x, y) : -1;
    return scene_.terrain.at(x, y) + (polygon < 0 ? 0.0 : scene_.cover.lift[polygon]);
}

// Where a ray meets the ground. Beams are steeper than land, so secants converge at once; a kerb can make
// them jump to and fro, and then halving finds its edge.
double RayGrid::meet_ground(const Ray& ray) const {
    const double t_begin = (ground_high_ + 0.01 - ray.from[2]) / ray.step[2],
                 t_end = (ground_low_ - 0.01 - ray.from[2]) / ray.step[2];
    const auto above = [&](double t) {
        return ray.from[2] + t * ray.step[2] -
               ground_at(ray.from[0] + t * ray.step[0], ray.from[1] + t * ray.step[1]);
    };
    double t = t_end, height = above(t), fall = ray.step[2];
    for (int i = 0; i < 16 && std::fabs(height) > 1e-6; ++i) {
        const double next = std::clamp(t - height / fall, t_begin, t_end), there = above(next);
        // A slope that no land has comes from a kerb or from rounding.
        const double slope = next != t ? (there - height) / (next - t) : ray.step[2];
        fall = slope < 0.3 * ray.step[2] && slope > 3.0 * ray.step[2] ? slope : ray.step[2];
        t = next;
        height = there;
    }
    if (std::fabs(height) <= 1e-6) return t;
    double high = t_begin, low = t_end;
    for (int i = 0; i < 48; ++i) {
        const double middle = 0.5 * (high + low);
        (above(middle) > 0.0 ? high : low) = middle;
    }
    return low;
}

// Moeller and Trumbore (1997), borders included so that rays do not slip through between neighbours.
void RayGrid::meet_triangles(const Ray& ray, std::size_t cell, RayHit& best) const {
    const double* d = ray.step.data();
    for (std::int64_t i = triangles_in_.starts[cell]; i < triangles_in_.starts[cell + 1]; ++i) {
        const Triangle& t =
            triangles_[static_cast<std::size_t>(triangles_in_.items[static_cast<std::size_t>(i)])];
        const double *a = t.first, *b = t.second;
        const double px = d[1] * b[2] - d[2] * b[1], py = d[2] * b[0] - d[0] * b[2],
                     pz = d[0] * b[1] - d[1] * b[0];
        const double det = a[0] * px + a[1] * py + a[2] * pz;
        if (std::fabs(det) < 1e-12) continue;
        const double sx = ray.from[0] - t.corner[0], sy = ray.from[1] - t.corner[1],
                     sz = ray.from[2] - t.corner[2];
        const double inverse = 1.0 / det;
        const double u = (sx * px + sy * py + sz * pz) * inverse;
        if (u < -1e-9 || u > 1.0 + 1e-9) continue;
        const double qx = sy * a[2] - sz * a[1], qy = sz * a[0] - sx * a[2], qz = sx * a[1] - sy * a[0];
        const double v = (d[0] * qx + d[1] * qy + d[2] * qz) * inverse;
        if (v < -1e-9 || u + v > 1.0 + 1e-9) continue;
        const double hit = (b[0] * qx + b[1] * qy + b[2] * qz) * inverse;
        if (hit < best.t || (hit == best.t && best.id >= 0 && t.id < best.id)) {
            best = {hit, t.id, std::min({(1.0 - u - v) * t.height[0], u * t.height[1], v * t.height[2]})};
        }
    }
}

RayHit RayGrid::cast(const Ray& ray, std::vector<std::int32_t>* crowns, bool& crowded) const {
    crowded = false;
    const double t_begin = (highest_ + 0.01 - ray.from[2]) / ray.step[2];
    double t_end = (lowest_ - 0.01 - ray.from[2]) / ray.step[2];
    RayHit best{infinity, nothing, 0.0};
    if (has_ground_) {
        t_end = meet_ground(ray);
        best = {t_end, ground, 0.0};
    }
    // Cells in plan, in the order of the ray (Amanatides and Woo 1987).
    const double x = ray.from[0] + t_begin * ray.step[0], y = ray.from[1] + t_begin * ray.step[1];
    int c = static_cast<int>(std::floor((x - box_.x_min) / cell_size)),
        r = static_cast<int>(std::floor((y - box_.y_min) / cell_size));
    const auto first_border = [&](double from, double step, int cell, double border) {
        if (std::fabs(step) < 1e-12) return infinity;
        return (border + (cell + (step > 0.0 ? 1 : 0)) * cell_size - from) / step;
    };
    double next_x = first_border(ray.from[0], ray.step[0], c, box_.x_min),
           next_y = first_border(ray.from[1], ray.step[1], r, box_.y_min);
    const double pace_x = cell_size / std::fabs(ray.step[0]), pace_y = cell_size / std::fabs(ray.step[1]);
    const int step_x = ray.step[0] > 0.0 ? 1 : -1, step_y = ray.step[1] > 0.0 ? 1 : -1;
    for (double t = t_begin; t <= t_end;) {
        const double leave = std::min({next_x, next_y, t_end});
        if (c >= 0 && r >= 0 && c < columns_ && r < rows_) {
            const std::size_t cell = cell_of(c, r);
            // The lowest point of the ray in this cell against the highest thing in it.
            if (static_cast<double>(top_[cell]) >= ray.from[2] + leave * ray.step[2]) {
                if (triangles_in_.starts[cell] < triangles_in_.starts[cell + 1]) {
                    crowded = true;
                    meet_triangles(ray, cell, best);
                }
                if (crowns != nullptr && !crowns_in_.starts.empty()) {
                    for (std::int64_t i = crowns_in_.starts[cell]; i < crowns_in_.starts[cell + 1]; ++i) {
                        const std::int32_t crown = crowns_in_.items[static_cast<std::size_t>(i)];
                        if (std::find(crowns->begin(), crowns->end(), crown) == crowns->end())
                            crowns->push_back(crown);
                    }
                }
                if (best.t <= leave && best.id >= 0) break;
            }
        }
        t = leave;
        if (next_x <= next_y) {
            if (next_x >= t_end) break;
            next_x += pace_x;
            c += step_x;
        } else {
            if (next_y >= t_end) break;
            next_y += pace_y;
            r += step_y;
        }
    }
    return best;
}

}  // namespace geovision
