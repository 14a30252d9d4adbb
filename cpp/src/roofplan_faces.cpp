// From labelled cells to faces: borders between labels and the outline, noded on the kernel's grid.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "geovision/roofplan.hpp"

namespace geovision {

namespace {

constexpr double grid = 1000;    // steps per metre
constexpr double min_edge = 10;  // steps, as the kernel's own
constexpr double steepest = 5;   // rise per metre; 80 degrees are walls

}  // namespace

// How far inside a cell a point lies, or minus how far outside; no more than `enough` if it is less.
double RoofPlanner::depth_in(const Partition::Cell& cell, double x, double y, double enough) {
    const std::vector<Partition::Corner>& ring = cell.ring;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < ring.size() && least > enough; ++i) {
        const Partition::Corner &p = ring[i], &q = ring[i + 1 < ring.size() ? i + 1 : 0];
        const double dx = q.x - p.x, dy = q.y - p.y, length = std::hypot(dx, dy);
        if (length > 1e-9) least = std::min(least, (dx * (y - p.y) - dy * (x - p.x)) / length);
    }
    return least;
}

// The label of the cell that a point lies in, or nearest to.
std::int32_t RoofPlanner::label_at(double x, double y) const {
    for (std::size_t c = 0; c < partition_.size(); ++c) {
        const Partition::Cell& cell = partition_.cell(c);
        if (std::abs(x - cell.x) <= cell.half_x && std::abs(y - cell.y) <= cell.half_y &&
            depth_in(cell, x, y, 0) > 0)
            return cell_label_[c];
    }
    double best = -std::numeric_limits<double>::infinity();
    std::int32_t label = 0;
    for (std::size_t c = 0; c < partition_.size(); ++c) {
        const double depth = depth_in(partition_.cell(c), x, y, best);
        if (depth > best) best = depth, label = cell_label_[c];
    }
    return label;
}

void RoofPlanner::draw_faces(RoofPlan& result) {
    noder_.clear(min_edge);
    for (std::int64_t r = 0; r < e_.rings; ++r)
        for (std::int64_t i = e_.ring_offsets[r]; i < e_.ring_offsets[r + 1]; ++i)
            noder_.anchor({e_.xy[2 * i] * grid, e_.xy[2 * i + 1] * grid});
    for (std::int64_t r = 0; r < e_.rings; ++r) {
        const std::int64_t begin = e_.ring_offsets[r], end = e_.ring_offsets[r + 1];
        for (std::int64_t i = begin; i < end; ++i) {
            const double *p = e_.xy + 2 * i, *q = e_.xy + 2 * (i + 1 < end ? i + 1 : begin);
            Segment s;
            s.a = {p[0] * grid, p[1] * grid}, s.b = {q[0] * grid, q[1] * grid};
            noder_.add(s);
        }
    }
    for (const Partition::Border& b : partition_.borders()) {
        if (cell_label_[std::size_t(b.a)] == cell_label_[std::size_t(b.b)]) continue;
        const CutLine& line = partition_.lines()[std::size_t(b.line)];
        const Vec p = line.at(b.t0), q = line.at(b.t1);
        Segment s;
        s.a = {p.x * grid, p.y * grid}, s.b = {q.x * grid, q.y * grid};
        noder_.add(s);
    }
    result.planes = planes_;
    if (!noder_.node()) {
        // Never seen; the outline alone is then one face.
        result.faces.assign(1, RoofFace{});
        return;
    }
    map_edges_.clear();
    for (const NodedEdge& e : noder_.edges)
        if (e.u != e.v) map_edges_.push_back({std::min(e.u, e.v), std::max(e.u, e.v)});
    const auto less = [](const MapEdge& a, const MapEdge& b) { return a.u != b.u ? a.u < b.u : a.v < b.v; };
    const auto same = [](const MapEdge& a, const MapEdge& b) { return a.u == b.u && a.v == b.v; };
    std::sort(map_edges_.begin(), map_edges_.end(), less);
    map_edges_.erase(std::unique(map_edges_.begin(), map_edges_.end(), same), map_edges_.end());
    map_.build(noder_.points, map_edges_);
    const auto at = [&](std::int32_t h) { return noder_.points[std::size_t(map_.origin[std::size_t(h)])]; };
    const auto degree = [&](std::int32_t v) {
        return map_.out_begin[std::size_t(v) + 1] - map_.out_begin[std::size_t(v)];
    };
    for (std::int32_t f = 1; f < map_.faces(); ++f) {
        const std::int32_t begin = map_.face_loops_begin[std::size_t(f)],
                           end = map_.face_loops_begin[std::size_t(f) + 1];
        const std::int32_t start = map_.loop_first[std::size_t(map_.face_loops[std::size_t(begin)])];
        std::int32_t h = start, longest = start;
        std::int64_t length = -1;
        do {
            const std::int64_t d = dist2(at(h), at(map_.next[std::size_t(h)]));
            if (d > length) length = d, longest = h;
            h = map_.next[std::size_t(h)];
        } while (h != start);
        const Point p = at(longest), q = at(map_.next[std::size_t(longest)]);
        const double l = std::sqrt(double(length)), step = std::min(4.0, 0.1 * l);
        const double x = (0.5 * (double(p.x) + q.x) - step * (double(q.y) - p.y) / l) / grid;
        const double y = (0.5 * (double(p.y) + q.y) + step * (double(q.x) - p.x) / l) / grid;
        if (!inside(x, y)) continue;
        RoofFace face;
        face.plane = label_at(x, y);
        for (std::int32_t k = begin; k < end; ++k) {
            const std::int32_t first = map_.loop_first[std::size_t(map_.face_loops[std::size_t(k)])];
            std::vector<Vec> ring;
            h = first;
            Point before = at(first);
            do {
                before = at(h);
                h = map_.next[std::size_t(h)];
            } while (h != first);
            do {
                const Point here = at(h), after = at(map_.next[std::size_t(h)]);
                // Vertices on a straight line that nobody else needs are left out.
                const double turn = std::abs(double(orient(before, here, after)));
                if (degree(map_.origin[std::size_t(h)]) > 2 ||
                    turn > 1.5 * std::sqrt(double(dist2(before, after)))) {
                    ring.push_back({double(here.x) / grid, double(here.y) / grid});
                    before = here;
                }
                h = map_.next[std::size_t(h)];
            } while (h != first);
            if (ring.size() >= 3) face.rings.push_back(std::move(ring));
        }
        if (!face.rings.empty()) result.faces.push_back(std::move(face));
    }
}

// The heights of the points that lie on each plane, within the cells that have it.
void RoofPlanner::measure_reach() {
    reach_.assign(planes_.size(), {std::numeric_limits<double>::infinity(), 0});
    for (auto& reach : reach_) reach[1] = -reach[0];
    const std::size_t n = inverse_variance_.size();
    for (std::size_t c = 0; c < partition_.size(); ++c) {
        const auto l = std::size_t(cell_label_[c]);
        const RoofPlane& p = planes_[l];
        const double cosine = p.cosine();
        for (const std::int32_t s : partition_.cell(c).sites) {
            const auto i = std::size_t(s);
            if (i >= n) continue;
            const double* q = points_.data() + 3 * i;
            const double nats =
                capped_nats((q[2] - p.at(q[0], q[1])) * cosine, inverse_variance_[i], o_.outlier_nats);
            if (nats >= o_.outlier_nats) continue;
            reach_[l] = {std::min(reach_[l][0], q[2]), std::max(reach_[l][1], q[2])};
        }
    }
}

// Faces that would dip to the ground, are too steep, or run far above or below their plane's points are
// flattened, or lifted, until they do not.
void RoofPlanner::hold_faces(RoofPlan& result) {
    measure_reach();
    for (RoofFace& face : result.faces) {
        RoofPlane plane = result.planes[std::size_t(face.plane)];
        const auto& reach = reach_[std::size_t(face.plane)];
        double floor = o_.least_height, roof = std::numeric_limits<double>::infinity();
        if (reach[0] <= reach[1]) {
            floor = std::max(floor, reach[0] - o_.overreach);
            roof = std::max(floor, reach[1] + o_.overreach);
        }
        const double slope = std::hypot(plane.a, plane.b);
        double x = 0, y = 0, least = std::numeric_limits<double>::infinity(), most = -least;
        for (const Vec& v : face.rings[0]) {
            x += v.x, y += v.y;
            least = std::min(least, plane.at(v.x, v.y)), most = std::max(most, plane.at(v.x, v.y));
        }
        if (least >= floor && most <= roof && slope <= steepest) continue;
        x /= double(face.rings[0].size()), y /= double(face.rings[0].size());
        const double at = plane.at(x, y), middle = std::clamp(at, floor, roof);
        double keep = slope > steepest ? steepest / slope : 1;
        if (least < floor) keep = std::min(keep, at > least ? (middle - floor) / (at - least) : 0);
        if (most > roof) keep = std::min(keep, most > at ? (roof - middle) / (most - at) : 0);
        plane.a *= keep, plane.b *= keep;
        plane.c = middle - plane.a * x - plane.b * y;
        face.plane = std::int32_t(result.planes.size());
        result.planes.push_back(plane);
    }
}

}  // namespace geovision
