#include "facade_room.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {
namespace {

constexpr double bin_size = 1500;  // grid steps: about a window and its wall
constexpr std::size_t table_size = 256;
constexpr double nearly_flat = 0.99;  // cosine of 8 degrees
constexpr double rounding = 6;        // grid steps: more than corners off their planes come to
constexpr double seam = 6;            // grid steps: faces that merely adjoin share no more

// Convex polygons of a plan with few corners.
struct Outline {
    Vec p[8];
    int n = 0;
    void add(double x, double y) { p[n++] = {x, y}; }
};

// Is there a side of `a` that all of `b` lies outside of? `a` may be a segment or a point.
bool parted_by(const Outline& a, const Outline& b) {
    for (int i = 0; i < a.n; ++i) {
        const Vec u = a.p[i], v = a.p[i + 1 < a.n ? i + 1 : 0];
        const double nx = v.y - u.y, ny = u.x - v.x;
        if (nx == 0 && ny == 0) continue;
        double a0 = 0, a1 = 0, b0 = std::numeric_limits<double>::max(), b1 = -b0;
        for (int k = 0; k < a.n; ++k) {
            const double d = (a.p[k].x - u.x) * nx + (a.p[k].y - u.y) * ny;
            a0 = std::min(a0, d), a1 = std::max(a1, d);
        }
        for (int k = 0; k < b.n; ++k) {
            const double d = (b.p[k].x - u.x) * nx + (b.p[k].y - u.y) * ny;
            b0 = std::min(b0, d), b1 = std::max(b1, d);
        }
        if (b0 >= a1 || b1 <= a0) return true;
    }
    return false;
}

bool meet(const Outline& a, const Outline& b) { return !parted_by(a, b) && !parted_by(b, a); }

// The part of a triangle that is no farther than `reach` from the plane of its first two coordinates.
Outline within(const double (&p)[3][3], double reach) {
    Outline cut;
    for (int i = 0; i < 3; ++i) {
        const double *u = p[i], *v = p[(i + 1) % 3];
        if (std::abs(u[2]) <= reach) cut.add(u[0], u[1]);
        const double rise = v[2] - u[2];
        if (rise == 0) continue;
        double t[2] = {(-reach - u[2]) / rise, (reach - u[2]) / rise};
        if (rise < 0) std::swap(t[0], t[1]);
        for (const double at : t)
            if (at > 0 && at < 1) cut.add(u[0] + (v[0] - u[0]) * at, u[1] + (v[1] - u[1]) * at);
    }
    return cut;
}

// Does a convex piece, but for a seam along its border, lie on a polygon?
bool lies_on(const Outline& piece, const std::int32_t* sz, std::int64_t corners) {
    Vec middle{0, 0};
    for (int i = 0; i < piece.n; ++i) middle.x += piece.p[i].x / piece.n, middle.y += piece.p[i].y / piece.n;
    Outline inner;
    for (int i = 0; i < piece.n; ++i) {
        const double dx = piece.p[i].x - middle.x, dy = piece.p[i].y - middle.y, l = norm(dx, dy);
        const double keep = l > seam ? 1 - seam / l : 0;
        inner.add(middle.x + dx * keep, middle.y + dy * keep);
    }
    bool in = false;
    for (std::int64_t i = 0; i < corners; ++i) {
        const std::int64_t k = i + 1 < corners ? i + 1 : 0;
        Outline edge;
        edge.add(sz[2 * i], sz[2 * i + 1]), edge.add(sz[2 * k], sz[2 * k + 1]);
        if (meet(inner, edge)) return true;
        const double y0 = sz[2 * i + 1], y1 = sz[2 * k + 1];
        if ((y0 > middle.y) != (y1 > middle.y) &&
            sz[2 * i] + (middle.y - y0) * (double(sz[2 * k]) - sz[2 * i]) / (y1 - y0) > middle.x)
            in = !in;
    }
    return in;
}

Outline outline(const Prism& p) {
    Outline o;
    for (const Vec& v : p.plan) o.add(v.x, v.y);
    return o;
}

}  // namespace

void Box3::add(double x, double y, double z) {
    const double v[3] = {x, y, z};
    for (int k = 0; k < 3; ++k) low[k] = std::min(low[k], v[k]), high[k] = std::max(high[k], v[k]);
}

void Box3::add(const Box3& o) {
    for (int k = 0; k < 3; ++k) low[k] = std::min(low[k], o.low[k]), high[k] = std::max(high[k], o.high[k]);
}

bool Box3::meets(const Box3& o) const {
    bool all = true;
    for (int k = 0; k < 3; ++k) all &= low[k] <= o.high[k] && o.low[k] <= high[k];
    return all;
}

Box3 bounds(const Prism& p) {
    Box3 box;
    for (const Vec& v : p.plan) box.add(v.x, v.y, p.z0), box.add(v.x, v.y, p.z1);
    return box;
}

// Does the segment have a point strictly inside the rectangle?
bool segment_enters(double ax, double ay, double bx, double by, double x0, double x1, double y0, double y1) {
    double t0 = 0, t1 = 1;
    const double from[2] = {ax, ay}, run[2] = {bx - ax, by - ay}, low[2] = {x0, y0}, high[2] = {x1, y1};
    for (int k = 0; k < 2; ++k) {
        if (run[k] == 0) {
            if (from[k] <= low[k] || from[k] >= high[k]) return false;
            continue;
        }
        const double a = (low[k] - from[k]) / run[k], b = (high[k] - from[k]) / run[k];
        t0 = std::max(t0, std::min(a, b)), t1 = std::min(t1, std::max(a, b));
    }
    return t0 < t1;
}

Prism prism(const WallFrame& f, double s0, double s1, double z0, double z1, double out0, double out1) {
    return {{f.at(s0, out1), f.at(s1, out1), f.at(s1, out0), f.at(s0, out0)}, f.z + z0, f.z + z1};
}

Prism grown(const Prism& p, double by) {
    Prism g = p;
    for (std::size_t i = 0; i < 4; ++i)
        for (const std::size_t k : {(i + 1) % 4, (i + 3) % 4}) {
            const double dx = p.plan[i].x - p.plan[k].x, dy = p.plan[i].y - p.plan[k].y, l = norm(dx, dy);
            if (l > 0) g.plan[i].x += by * dx / l, g.plan[i].y += by * dy / l;
        }
    return g;
}

bool meet(const Prism& a, const Prism& b) {
    return a.z0 < b.z1 && b.z0 < a.z1 && meet(outline(a), outline(b));
}

bool meets_triangle(const Prism& p, const std::int32_t* a, const std::int32_t* b, const std::int32_t* c) {
    // What is left of the triangle between the two heights, seen from above.
    const std::int32_t* corner[3] = {a, b, c};
    double low = a[2], high = a[2];
    for (const auto* v : corner) low = std::min(low, double(v[2])), high = std::max(high, double(v[2]));
    if (high < p.z0 || low > p.z1 || (low == high && (low <= p.z0 || high >= p.z1))) return false;
    Outline cut;
    for (int i = 0; i < 3; ++i) {
        const std::int32_t *u = corner[i], *v = corner[(i + 1) % 3];
        if (u[2] >= p.z0 && u[2] <= p.z1) cut.add(u[0], u[1]);
        const double rise = double(v[2]) - u[2];
        if (rise == 0) continue;
        double t[2] = {(p.z0 - u[2]) / rise, (p.z1 - u[2]) / rise};
        if (rise < 0) std::swap(t[0], t[1]);
        for (const double at : t)
            if (at > 0 && at < 1)
                cut.add(u[0] + (double(v[0]) - u[0]) * at, u[1] + (double(v[1]) - u[1]) * at);
    }
    return cut.n > 0 && meet(outline(p), cut);
}

void Room::begin(const BuildingView& building) {
    building_ = &building;
    boxes_.assign(std::size_t(building.triangle_count), Box3());
    for (std::int32_t t = 0; t < building.triangle_count; ++t)
        for (int k = 0; k < 3; ++k) {
            const std::int32_t* v = building.vertex(building.triangles[3 * t + k]);
            boxes_[std::size_t(t)].add(v[0], v[1], v[2]);
        }
    left_out_.assign(std::size_t(building.face_count), 0);
}

void Room::look_at(const Box3& reach, const std::int32_t* but, std::int32_t count) {
    near_.clear();
    for (std::int32_t i = 0; i < count; ++i) left_out_[std::size_t(but[i])] = 1;
    for (std::int32_t t = 0; t < building_->triangle_count; ++t)
        if (boxes_[std::size_t(t)].meets(reach) && left_out_[std::size_t(building_->triangle_face[t])] == 0)
            near_.push_back(t);
    for (std::int32_t i = 0; i < count; ++i) left_out_[std::size_t(but[i])] = 0;
}

bool Room::has_double(const WallFrame& f, const std::int32_t* sz, std::int64_t corners) const {
    for (const std::int32_t t : near_) {
        double p[3][3];
        for (int k = 0; k < 3; ++k) {
            const std::int32_t* v = building_->vertex(building_->triangles[3 * std::int64_t(t) + k]);
            p[k][0] = f.along(v[0], v[1]), p[k][1] = double(v[2]) - f.z, p[k][2] = f.out(v[0], v[1]);
        }
        double n[3], u[3], w[3];
        for (int k = 0; k < 3; ++k) u[k] = p[1][k] - p[0][k], w[k] = p[2][k] - p[0][k];
        for (int k = 0; k < 3; ++k) n[k] = u[(k + 1) % 3] * w[(k + 2) % 3] - u[(k + 2) % 3] * w[(k + 1) % 3];
        if (std::abs(n[2]) < nearly_flat * std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])) continue;
        const Outline piece = within(p, rounding);
        if (piece.n > 0 && lies_on(piece, sz, corners)) return true;
    }
    return false;
}

bool Room::meets_building(const Prism& p) const {
    const Box3 box = bounds(p);
    for (const std::int32_t t : near_) {
        if (!boxes_[std::size_t(t)].meets(box)) continue;
        const std::int32_t* v = building_->triangles + 3 * std::int64_t(t);
        if (meets_triangle(p, building_->vertex(v[0]), building_->vertex(v[1]), building_->vertex(v[2])))
            return true;
    }
    return false;
}

namespace {

constexpr double most_bins = 512;  // things in more bins are looked at one by one

std::int64_t bin(double v) { return std::int64_t(std::floor(v / bin_size)); }

std::size_t slot(std::int64_t x, std::int64_t y, std::int64_t z) {
    const std::uint64_t h = std::uint64_t(x) * 0x9E3779B97F4A7C15u ^ std::uint64_t(y) * 0xC2B2AE3D27D4EB4Fu ^
                            std::uint64_t(z) * 0x165667B19E3779F9u;
    return std::size_t((h >> 40) % table_size);
}

bool is_large(const Box3& box) {
    double bins = 1;
    for (int k = 0; k < 3; ++k) bins *= (box.high[k] - box.low[k]) / bin_size + 1;
    return bins > most_bins;
}

// Until `visit` returns true.
template <class Visit>
void each_bin(const Box3& box, Visit visit) {
    for (std::int64_t x = bin(box.low[0]); x <= bin(box.high[0]); ++x)
        for (std::int64_t y = bin(box.low[1]); y <= bin(box.high[1]); ++y)
            for (std::int64_t z = bin(box.low[2]); z <= bin(box.high[2]); ++z)
                if (visit(x, y, z)) return;
}

}  // namespace

void Placed::clear() {
    table_.resize(table_size);
    if (items_.empty()) return;
    for (auto& entries : table_) entries.clear();
    items_.clear(), large_.clear();
}

bool Placed::meets(const Prism& p, const Prism& wide, std::int64_t wall) const {
    const Box3 box = bounds(wide);
    const auto met = [&](const Item& item) {
        return item.box.meets(box) && meet(item.prism, item.wall == wall ? p : wide);
    };
    if (is_large(box)) return std::any_of(items_.begin(), items_.end(), met);
    for (const std::int32_t i : large_)
        if (met(items_[std::size_t(i)])) return true;
    bool found = false;
    each_bin(box, [&](std::int64_t x, std::int64_t y, std::int64_t z) {
        for (const Entry& e : table_[slot(x, y, z)])
            if (e.x == x && e.y == y && e.z == z && met(items_[std::size_t(e.item)])) return found = true;
        return false;
    });
    return found;
}

void Placed::add(const Prism& p, std::int64_t wall) {
    const auto index = std::int32_t(items_.size());
    items_.push_back({p, bounds(p), wall});
    if (is_large(items_.back().box)) {
        large_.push_back(index);
        return;
    }
    each_bin(items_.back().box, [&](std::int64_t x, std::int64_t y, std::int64_t z) {
        table_[slot(x, y, z)].push_back({x, y, z, index});
        return false;
    });
}

}  // namespace geovision
