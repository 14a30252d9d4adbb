#include "geovision/fit_score.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "geovision/parallel.hpp"

namespace geovision {

namespace {

constexpr double most_cells = 20000;

struct V3 {
    double x, y, z;
};
V3 operator-(V3 a, V3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
double dot(V3 a, V3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
V3 cross(V3 a, V3 b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }

struct Triangle {
    V3 normal;      // of unit length
    double offset;  // of its plane
    V3 low, high, corner[3];
    V3 edge[3], inward[3];  // from corner k to the next, and square to it in the plane
    double shorter[3];      // 1 / its squared length
};

// The nearest point lies inside, or on an edge that the point is outside of.
double distance2(V3 p, const Triangle& t) {
    double best = std::numeric_limits<double>::infinity();
    for (int k = 0; k < 3; ++k) {
        const V3 q = p - t.corner[k];
        if (dot(t.inward[k], q) >= 0) continue;
        const double s = std::clamp(dot(q, t.edge[k]) * t.shorter[k], 0.0, 1.0);
        const V3 e = {q.x - s * t.edge[k].x, q.y - s * t.edge[k].y, q.z - s * t.edge[k].z};
        best = std::min(best, dot(e, e));
    }
    if (best < std::numeric_limits<double>::infinity()) return best;
    const double d = dot(p, t.normal) - t.offset;
    return d * d;
}

double box2(V3 p, const Triangle& t) {
    const double dx = std::max({0.0, t.low.x - p.x, p.x - t.high.x});
    const double dy = std::max({0.0, t.low.y - p.y, p.y - t.high.y});
    const double dz = std::max({0.0, t.low.z - p.z, p.z - t.high.z});
    return dx * dx + dy * dy + dz * dz;
}

class Worker {
public:
    Worker(const TriangleBatch& solids, double cap) : s_(solids), cap_(cap) {}

    void load(std::int64_t b, const double* point_origin) {
        triangles_.clear();
        const double* o = s_.origin + 3 * b;
        const std::int32_t* vertices = s_.vertices + 3 * s_.vertex_offsets[b];
        for (std::int64_t k = s_.triangle_offsets[b]; k < s_.triangle_offsets[b + 1]; ++k) {
            Triangle t;
            for (int i = 0; i < 3; ++i) {
                const std::int32_t* v = vertices + 3 * std::int64_t(s_.triangles[3 * k + i]);
                t.corner[i] = {o[0] - point_origin[0] + s_.grid * v[0],
                               o[1] - point_origin[1] + s_.grid * v[1],
                               o[2] - point_origin[2] + s_.grid * v[2]};
            }
            t.normal = cross(t.corner[1] - t.corner[0], t.corner[2] - t.corner[0]);
            const double length = std::sqrt(dot(t.normal, t.normal));
            if (length < 1e-12) continue;
            t.normal = {t.normal.x / length, t.normal.y / length, t.normal.z / length};
            t.offset = dot(t.corner[0], t.normal);
            const V3* c = t.corner;
            for (int i = 0; i < 3; ++i) {
                t.edge[i] = c[(i + 1) % 3] - c[i];
                t.inward[i] = cross(t.normal, t.edge[i]);
                t.shorter[i] = 1 / std::max(dot(t.edge[i], t.edge[i]), 1e-18);
            }
            t.low = {std::min({c[0].x, c[1].x, c[2].x}), std::min({c[0].y, c[1].y, c[2].y}),
                     std::min({c[0].z, c[1].z, c[2].z})};
            t.high = {std::max({c[0].x, c[1].x, c[2].x}), std::max({c[0].y, c[1].y, c[2].y}),
                      std::max({c[0].z, c[1].z, c[2].z})};
            triangles_.push_back(t);
        }
        hint_ = 0;
        index();
    }

    // Neighbours in the list are often neighbours in space: the last nearest triangle is tried first.
    float distance(const double* point) {
        const V3 p = {point[0], point[1], point[2]};
        const double column = (p.x - x0_) * per_metre_, row = (p.y - y0_) * per_metre_;
        if (!(column >= 0 && row >= 0 && column < columns_ && row < rows_)) return float(cap_);
        double best = std::min(cap_ * cap_, distance2(p, triangles_[hint_]));
        const auto at = std::size_t(row) * std::size_t(columns_) + std::size_t(column);
        for (std::int32_t i = cell_begin_[at]; i < cell_begin_[at + 1]; ++i) {
            const auto k = std::size_t(cell_item_[std::size_t(i)]);
            const double off = dot(p, triangles_[k].normal) - triangles_[k].offset;
            if (off * off >= best || box2(p, triangles_[k]) >= best) continue;
            const double d = distance2(p, triangles_[k]);
            if (d < best) best = d, hint_ = k;
        }
        return float(std::sqrt(best));
    }

private:
    // Lists for every cell of the plan the triangles that come within `cap` of it.
    void index() {
        columns_ = rows_ = 0;
        if (triangles_.empty()) return;
        double x1 = -std::numeric_limits<double>::infinity(), y1 = x1;
        x0_ = y0_ = -x1;
        for (const Triangle& t : triangles_) {
            x0_ = std::min(x0_, t.low.x), x1 = std::max(x1, t.high.x);
            y0_ = std::min(y0_, t.low.y), y1 = std::max(y1, t.high.y);
        }
        x0_ -= cap_, y0_ -= cap_, x1 += cap_, y1 += cap_;
        cell_ = std::max(0.7, std::sqrt((x1 - x0_) * (y1 - y0_) / most_cells));
        per_metre_ = 1 / cell_;
        columns_ = std::int32_t((x1 - x0_) / cell_) + 1, rows_ = std::int32_t((y1 - y0_) / cell_) + 1;
        cell_begin_.assign(std::size_t(columns_) * std::size_t(rows_) + 1, 0);
        for (const bool fill : {false, true}) {
            for (std::size_t k = 0; k < triangles_.size(); ++k) {
                const Triangle& t = triangles_[k];
                const auto c1 = std::int32_t((t.high.x + cap_ - x0_) / cell_);
                const auto r1 = std::int32_t((t.high.y + cap_ - y0_) / cell_);
                for (auto r = std::int32_t((t.low.y - cap_ - y0_) / cell_); r <= std::min(r1, rows_ - 1);
                     ++r) {
                    for (auto c = std::int32_t((t.low.x - cap_ - x0_) / cell_);
                         c <= std::min(c1, columns_ - 1); ++c) {
                        const auto at = std::size_t(r) * std::size_t(columns_) + std::size_t(c);
                        if (fill)
                            cell_item_[std::size_t(cursor_[at]++)] = std::int32_t(k);
                        else
                            ++cell_begin_[at + 1];
                    }
                }
            }
            if (fill) break;
            for (std::size_t i = 1; i < cell_begin_.size(); ++i) cell_begin_[i] += cell_begin_[i - 1];
            cursor_.assign(cell_begin_.begin(), cell_begin_.end() - 1);
            cell_item_.resize(std::size_t(cell_begin_.back()));
        }
    }

private:
    const TriangleBatch& s_;
    double cap_;
    std::vector<Triangle> triangles_;
    std::size_t hint_ = 0;
    double x0_ = 0, y0_ = 0, cell_ = 1, per_metre_ = 1;  // cells a metre
    std::int32_t columns_ = 0, rows_ = 0;
    std::vector<std::int32_t> cell_begin_, cell_item_, cursor_;
};

double median(std::vector<float>& values) {
    const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return double(*middle);
    return 0.5 * (double(*middle) + double(*std::max_element(values.begin(), middle)));
}

}  // namespace

bool score_solids(const TriangleBatch& solids, const ScoredPoints& points, const std::int64_t* which,
                  double cap, double outlier_nats, int threads, const std::atomic<bool>& cancel,
                  SolidScore* out) {
    return parallel_blocks(solids.buildings, threads, &cancel, [&] {
        return [&, worker = Worker(solids, cap), distances = std::vector<float>()](std::int64_t b) mutable {
            const std::int64_t set = which[b], begin = points.offsets[set], end = points.offsets[set + 1];
            SolidScore& score = out[b];
            score = SolidScore{};
            if (begin == end) return;
            worker.load(b, points.origin + 3 * set);
            distances.clear();
            double near = 0, nearer = 0, square = 0;
            for (std::int64_t i = begin; i < end; ++i) {
                distances.push_back(worker.distance(points.xyz + 3 * i));
                const auto d = double(distances.back());
                const double r = d / std::max(points.set_sigma[set], points.sigma[i]);
                score.nats += std::min(0.5 * r * r, outlier_nats);
                nearer += d <= 0.1, near += d <= 0.2, square += d * d;
            }
            const auto n = double(end - begin);
            score.within_0p1 = nearer / n, score.within_0p2 = near / n, score.rms = std::sqrt(square / n);
            score.median = median(distances);
        };
    });
}

bool point_distances(const TriangleBatch& solids, const double* points, const std::int64_t* point_offsets,
                     const double* point_origin, const std::int64_t* which, const std::int64_t* out_offsets,
                     double cap, int threads, const std::atomic<bool>& cancel, float* out) {
    return parallel_blocks(solids.buildings, threads, &cancel, [&] {
        return [&, worker = Worker(solids, cap)](std::int64_t b) mutable {
            const std::int64_t set = which[b], begin = point_offsets[set];
            worker.load(b, point_origin + 3 * set);
            for (std::int64_t i = begin; i < point_offsets[set + 1]; ++i)
                out[out_offsets[b] + i - begin] = worker.distance(points + 3 * i);
        };
    });
}

}  // namespace geovision
