#include "geovision/plane_covariance.hpp"

#include <algorithm>
#include <cmath>

#include "geovision/residual_sums.hpp"

namespace geovision {
namespace {

constexpr double same_slope = 3e-6;   // slopes and heights of a program are rounded; faces that agree to this
constexpr double same_height = 3e-3;  // are of one plane
constexpr double biweight2 = 12;      // squared standard deviations where a point stops to count
constexpr int least_points = 5;
constexpr std::size_t most_known = 128;
constexpr double most_rows = 1000;

double height_at(const PlaneEvidence& e, std::int64_t face, double x, double y) {
    const double* first = e.xy + 2 * e.vertex_offsets[e.ring_offsets[face]];
    const double* p = e.plane + 3 * face;
    return p[2] + p[0] * (x - first[0]) + p[1] * (y - first[1]);
}

bool over(const PlaneEvidence& e, std::int64_t face, double x, double y) {
    bool in = false;
    for (std::int64_t r = e.ring_offsets[face]; r < e.ring_offsets[face + 1]; ++r)
        for (std::int64_t i = e.vertex_offsets[r], j = e.vertex_offsets[r + 1] - 1;
             i < e.vertex_offsets[r + 1]; j = i++) {
            const double *a = e.xy + 2 * i, *b = e.xy + 2 * j;
            if ((a[1] > y) != (b[1] > y) && a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]) > x) in = !in;
        }
    return in;
}

}  // namespace

void PlaneCovariance::group_faces(const PlaneEvidence& e) {
    group_.assign(std::size_t(e.faces), -1);
    std::int32_t groups = 0;
    for (std::int64_t f = 0; f < e.faces; ++f) {
        const double* first = e.xy + 2 * e.vertex_offsets[e.ring_offsets[f]];
        for (std::int64_t g = 0; g < f && group_[std::size_t(f)] < 0; ++g)
            if (std::abs(e.plane[3 * f] - e.plane[3 * g]) < same_slope &&
                std::abs(e.plane[3 * f + 1] - e.plane[3 * g + 1]) < same_slope &&
                std::abs(height_at(e, g, first[0], first[1]) - e.plane[3 * f + 2]) < same_height)
                group_[std::size_t(f)] = group_[std::size_t(g)];
        if (group_[std::size_t(f)] < 0) group_[std::size_t(f)] = groups++;
    }
    planes_.assign(std::size_t(groups), {});
}

// Lists the points by rows in y, so that a face looks at those of its own rows only.
void PlaneCovariance::sort_by_row(const PlaneEvidence& e) {
    double top = -1e300;
    bottom_ = 1e300;
    for (std::int64_t i = 0; i < e.count; ++i)
        bottom_ = std::min(bottom_, e.points[3 * i + 1]), top = std::max(top, e.points[3 * i + 1]);
    if (e.count == 0) bottom_ = top = 0;
    row_height_ = std::max(0.5, (top - bottom_) / most_rows);
    row_begin_.assign(row_of(top) + 2, 0);
    for (std::int64_t i = 0; i < e.count; ++i) ++row_begin_[row_of(e.points[3 * i + 1]) + 1];
    for (std::size_t r = 0; r + 1 < row_begin_.size(); ++r) row_begin_[r + 1] += row_begin_[r];
    row_item_.resize(std::size_t(e.count));
    std::vector<std::int32_t> next(row_begin_.begin(), row_begin_.end() - 1);
    for (std::int64_t i = 0; i < e.count; ++i)
        row_item_[std::size_t(next[row_of(e.points[3 * i + 1])]++)] = std::int32_t(i);
}

void PlaneCovariance::assign(const PlaneEvidence& e) {
    face_of_.assign(std::size_t(e.count), -1);
    sort_by_row(e);
    for (std::int64_t f = 0; f < e.faces; ++f) {
        double low[2] = {1e300, 1e300}, high[2] = {-1e300, -1e300};
        const std::int64_t shell = e.ring_offsets[f];
        for (std::int64_t v = e.vertex_offsets[shell]; v < e.vertex_offsets[shell + 1]; ++v)
            for (int k = 0; k < 2; ++k)
                low[k] = std::min(low[k], e.xy[2 * v + k]), high[k] = std::max(high[k], e.xy[2 * v + k]);
        if (high[1] < bottom_ || row_of(low[1]) >= rows()) continue;
        const std::int32_t end = row_begin_[std::min(row_of(high[1]) + 1, rows())];
        for (std::int32_t k = row_begin_[row_of(low[1])]; k < end; ++k) {
            const std::int32_t i = row_item_[std::size_t(k)];
            const double* p = e.points + 3 * std::int64_t(i);
            const bool near = p[0] >= low[0] && p[0] <= high[0] && p[1] >= low[1] && p[1] <= high[1];
            if (near && face_of_[std::size_t(i)] < 0 && over(e, f, p[0], p[1]))
                face_of_[std::size_t(i)] = std::int32_t(f);
        }
    }
}

bool PlaneCovariance::measure(const PlaneEvidence& e, std::int32_t group) {
    x_.clear(), y_.clear(), psi_.clear();
    double square = 0, slope = 0;
    Plane& plane = planes_[std::size_t(group)];
    for (std::int64_t i = 0; i < e.count; ++i) {
        const std::int32_t f = face_of_[std::size_t(i)];
        if (f < 0 || group_[std::size_t(f)] != group) continue;
        const double* p = e.points + 3 * i;
        const double* n = e.plane + 3 * f;
        const double r = p[2] - height_at(e, f, p[0], p[1]);
        const double u = r * r / ((1 + n[0] * n[0] + n[1] * n[1]) * biweight2 * e.sigma * e.sigma);
        if (u >= 1) continue;
        x_.push_back(p[0]), y_.push_back(p[1]), psi_.push_back(r * (1 - u) * (1 - u));
        square += psi_.back() * psi_.back(), slope += (1 - u) * (1 - 5 * u);
        plane.x += p[0], plane.y += p[1];
    }
    const auto n = double(x_.size());
    if (n < least_points || !(slope > 0.05 * n)) return false;
    plane.x /= n, plane.y /= n;
    double xx = 0, xy = 0, yy = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
        const double dx = x_[i] - plane.x, dy = y_[i] - plane.y;
        xx += dx * dx, xy += dx * dy, yy += dy * dy;
    }
    const double det = xx * yy - xy * xy;
    if (!(det > 1e-3 * (xx + yy) * (xx + yy))) return false;
    const double factor = residual_inflation(x_, y_, psi_) * square / (n - 3) * (n * n) / (slope * slope);
    plane.height = factor / n;
    plane.aa = factor * yy / det, plane.ab = -factor * xy / det, plane.bb = factor * xx / det;
    return true;
}

// The faces over most points, in their own order.
void PlaneCovariance::keep_largest(std::vector<std::int64_t>& rows) const {
    if (rows.size() <= most_known) return;
    std::vector<std::int64_t> over(group_.size(), 0);
    for (const std::int32_t f : face_of_)
        if (f >= 0) ++over[std::size_t(f)];
    std::stable_sort(rows.begin(), rows.end(), [&](std::int64_t a, std::int64_t b) {
        return over[std::size_t(a)] > over[std::size_t(b)];
    });
    rows.resize(most_known);
    std::sort(rows.begin(), rows.end());
}

void PlaneCovariance::run(const PlaneEvidence& e, std::vector<std::uint8_t>& known,
                          std::vector<double>& covariance) {
    group_faces(e);
    assign(e);
    for (std::size_t g = 0; g < planes_.size(); ++g) planes_[g].known = measure(e, std::int32_t(g));
    known.assign(std::size_t(e.faces), 0);
    std::vector<std::int64_t> rows;
    for (std::int64_t f = 0; f < e.faces; ++f)
        if (planes_[std::size_t(group_[std::size_t(f)])].known) rows.push_back(f);
    keep_largest(rows);
    for (const std::int64_t f : rows) known[std::size_t(f)] = 1;
    const std::size_t size = 3 * rows.size();
    covariance.assign(size * size, 0);
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::size_t j = 0; j < rows.size(); ++j) {
            const std::int32_t g = group_[std::size_t(rows[i])];
            if (g != group_[std::size_t(rows[j])]) continue;
            const Plane& p = planes_[std::size_t(g)];
            const double* u = e.xy + 2 * e.vertex_offsets[e.ring_offsets[rows[i]]];
            const double* v = e.xy + 2 * e.vertex_offsets[e.ring_offsets[rows[j]]];
            const double ux = u[0] - p.x, uy = u[1] - p.y, vx = v[0] - p.x, vy = v[1] - p.y;
            // Heights at the first vertices are the height in the middle and what the slopes make of the way.
            const double block[9] = {p.aa,
                                     p.ab,
                                     p.aa * vx + p.ab * vy,
                                     p.ab,
                                     p.bb,
                                     p.ab * vx + p.bb * vy,
                                     ux * p.aa + uy * p.ab,
                                     ux * p.ab + uy * p.bb,
                                     p.height + ux * (p.aa * vx + p.ab * vy) + uy * (p.ab * vx + p.bb * vy)};
            for (std::size_t k = 0; k < 9; ++k) covariance[(3 * i + k / 3) * size + 3 * j + k % 3] = block[k];
        }
}

}  // namespace geovision
