#include "geovision/fit_kinds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/wide.hpp"

namespace geovision::fit {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double not_given = std::numeric_limits<double>::quiet_NaN();
constexpr int round_facets = 16;
constexpr int dome_bands = 10;
constexpr double least_share = 0.04, most_share = 0.96;
constexpr double least_setback = 0.6;                 // metres
constexpr double steepest = 2.5, steepest_spire = 5;  // rise per metre
constexpr double least_rise = 0.2;                    // metres; less is a flat roof that drains

Dual operator+(Dual a, const Dual& b) {
    a.v += b.v;
    for (int k = 0; k < most_theta; ++k) a.d[k] += b.d[k];
    return a;
}
Dual operator-(Dual a, const Dual& b) {
    a.v -= b.v;
    for (int k = 0; k < most_theta; ++k) a.d[k] -= b.d[k];
    return a;
}
Dual operator*(const Dual& a, const Dual& b) {
    Dual r(a.v * b.v);
    for (int k = 0; k < most_theta; ++k) r.d[k] = a.d[k] * b.v + a.v * b.d[k];
    return r;
}
Dual operator/(const Dual& a, const Dual& b) {
    Dual r(a.v / b.v);
    for (int k = 0; k < most_theta; ++k) r.d[k] = (a.d[k] - r.v * b.d[k]) / b.v;
    return r;
}

Dual variable(const double* theta, int k) {
    Dual r(theta[k]);
    r.d[k] = 1;
    return r;
}

Vec outward(Vec a, Vec b) {
    const double length = norm(b.x - a.x, b.y - a.y);
    return {(b.y - a.y) / length, -(b.x - a.x) / length};
}

double inside(Vec a, Vec b, Vec p) {
    const Vec n = outward(a, b);
    return n.x * (a.x - p.x) + n.y * (a.y - p.y);
}

// Collects planes; profile planes are given over v, edge planes over the distance from an edge.
class Planes {
public:
    Planes(const Site& site, DualPlane* out) : s_(site), out_(out) {}

    int count = 0;
    std::int16_t group = 0;

    // Through (v0, z0) and (v1, z1) of the profile.
    void profile(const Dual& v0, const Dual& z0, const Dual& v1, const Dual& z1, Vec down, double reach) {
        const Dual slope = (z1 - z0) / (v1 - v0);
        add(Dual(-down.x) * slope, Dual(-down.y) * slope, z0 + slope * (Dual(reach) - v0));
    }
    void profile(const Dual& v0, const Dual& z0, const Dual& v1, const Dual& z1) {
        profile(v0, z0, v1, z1, s_.down, s_.reach);
    }

    // `height` over edge i, rising by `slope` away from it.
    void rising(std::size_t i, const Dual& height, const Dual& slope) {
        const std::size_t j = s_.skeleton ? std::size_t(s_.next[i]) : (i + 1) % s_.corners.size();
        const Vec a = s_.corners[i], b = s_.corners[j], n = outward(a, b);
        add(Dual(-n.x) * slope, Dual(-n.y) * slope, height + slope * Dual(n.x * a.x + n.y * a.y));
    }

private:
    void add(const Dual& a, const Dual& b, const Dual& c) {
        DualPlane& p = out_[count++];
        p.a = a, p.b = b, p.c = c, p.group = group;
    }

    const Site& s_;
    DualPlane* out_;
};

void gable(Planes& p, const Dual& width, const Dual& eave, const Dual& ridge, const Dual& offset,
           const Dual& rear, Vec down, double reach) {
    const Dual at = width * offset;
    p.profile(0.0, eave, at, ridge, down, reach);
    p.profile(at, ridge, width, rear, down, reach);
}

void round_roof(Planes& p, double width, const Dual& eave, const Dual& rise) {
    const auto v = [&](int i) { return width / 2 * (1 - std::cos(pi * i / round_facets)); };
    const auto z = [&](int i) { return eave + rise * Dual(std::sin(pi * i / round_facets)); };
    for (int i = 0; i < round_facets; ++i) p.profile(v(i), z(i), v(i + 1), z(i + 1));
}

void hips(const Site& s, Planes& p, const double* theta) {
    const Dual eave = variable(theta, 0), rise = variable(theta, 1);
    const bool half = s.kind == RoofKind::half_hipped, one = s.kind == RoofKind::side_hipped;
    const Dual share = variable(theta, half ? 3 : 2);
    const Dual start = half ? eave + variable(theta, 2) * rise : eave;
    const auto& c = s.corners;
    const Vec end1{(c[1].x + c[2].x) / 2, (c[1].y + c[2].y) / 2};
    const Vec end0{(c[3].x + c[0].x) / 2, (c[3].y + c[0].y) / 2};
    const Vec centre{(end0.x + end1.x) / 2, (end0.y + end1.y) / 2};
    const Vec axis{(end1.x - end0.x) / s.length, (end1.y - end0.y) / s.length};
    for (const std::size_t i : {0u, 2u}) p.rising(i, eave, rise / Dual(inside(c[i], c[(i + 1) % 4], centre)));
    const Dual setback = share * Dual(one ? s.length : s.length / 2);
    for (const std::size_t i : {1u, 3u}) {
        if (one && (i == 1) != (s.hip_end == 0)) continue;
        const Vec n = outward(c[i], c[(i + 1) % 4]);
        // The run of the hip is the setback seen square to its wall.
        const Dual run = setback * Dual(std::abs(n.x * axis.x + n.y * axis.y));
        p.rising(i, start, (eave + rise - start) / run);
    }
}

void dome(const Site& s, Planes& p, const Dual& eave, const Dual& rise) {
    for (std::size_t i = 0; i < s.corners.size(); ++i) {
        const double reach = inside(s.corners[i], s.corners[(i + 1) % s.corners.size()], s.apex);
        for (int k = 0; k < dome_bands; ++k) {
            const double r0 = std::cos(pi / 2 * k / dome_bands), r1 = std::cos(pi / 2 * (k + 1) / dome_bands);
            const double z0 = std::sin(pi / 2 * k / dome_bands), z1 = std::sin(pi / 2 * (k + 1) / dome_bands);
            const Dual slope = rise * Dual((z1 - z0) / ((r0 - r1) * reach));
            p.rising(i, eave + rise * Dual(z0) - slope * Dual((1 - r0) * reach), slope);
        }
    }
}

bool convex(const std::vector<Vec>& ring) {
    const std::size_t n = ring.size();
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % n], c = ring[(i + 2) % n];
        if ((b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) <= 0) return false;
    }
    return n >= 3;
}

Vec centroid(const std::vector<Vec>& ring) {
    double sx = 0, sy = 0, sum = 0;
    const Vec o = ring[0];
    for (std::size_t i = 1; i + 1 < ring.size(); ++i) {
        const Vec a{ring[i].x - o.x, ring[i].y - o.y}, b{ring[i + 1].x - o.x, ring[i + 1].y - o.y};
        const double w = a.x * b.y - a.y * b.x;
        sx += w * (a.x + b.x), sy += w * (a.y + b.y), sum += w;
    }
    return {o.x + sx / (3 * sum), o.y + sy / (3 * sum)};
}

// Largest distance from all edges inside a convex ring, by bisection on clipped rings.
double inner_depth(const std::vector<Vec>& ring) {
    double low = 0, high = 1e3;
    std::vector<Vec> poly, cut;
    const auto holds = [&](double depth) {
        poly = ring;
        for (std::size_t i = 0; i < ring.size() && poly.size() >= 3; ++i) {
            const Vec a = ring[i], b = ring[(i + 1) % ring.size()];
            cut.clear();
            for (std::size_t k = 0; k < poly.size(); ++k) {
                const Vec p = poly[k], q = poly[(k + 1) % poly.size()];
                const double dp = inside(a, b, p) - depth, dq = inside(a, b, q) - depth;
                if (dp >= 0) cut.push_back(p);
                if ((dp >= 0) != (dq >= 0))
                    cut.push_back({p.x + (q.x - p.x) * dp / (dp - dq), p.y + (q.y - p.y) * dp / (dp - dq)});
            }
            poly.swap(cut);
        }
        return poly.size() >= 3;
    };
    for (int i = 0; i < 40; ++i) {
        const double middle = (low + high) / 2;
        (holds(middle) ? low : high) = middle;
    }
    return low;
}

// Trees over a shed ask for spikes; roofs are no steeper than this, spires aside.
double most_rise(const Site& s) {
    if (s.kind == RoofKind::skillion) return steepest * s.width;
    if (s.kind == RoofKind::mansard || (s.kind == RoofKind::gabled && s.skeleton)) return steepest * s.depth;
    if (s.kind != RoofKind::pyramidal && s.kind != RoofKind::cone && s.kind != RoofKind::dome)
        return steepest * s.width / 2;
    double reach = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < s.corners.size(); ++i)
        reach = std::min(reach, inside(s.corners[i], s.corners[(i + 1) % s.corners.size()], s.apex));
    return steepest_spire * reach;
}

bool takes_corners(const Site& s) {
    switch (s.kind) {
        case RoofKind::hipped:
        case RoofKind::half_hipped:
        case RoofKind::side_hipped:
        case RoofKind::pyramidal:
        case RoofKind::cone:
        case RoofKind::dome:
        case RoofKind::mansard:
            return true;
        default:
            return false;
    }
}

// The ring without vertices on a straight line, which the kernel does not count as corners either.
std::vector<Vec> true_corners(const std::vector<Vec>& ring) {
    std::vector<Vec> out;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Vec a = out.empty() ? ring.back() : out.back(), b = ring[i], c = ring[(i + 1) % ring.size()];
        const double length = norm(c.x - a.x, c.y - a.y);
        if (std::abs((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) > 0.001 * length)
            out.push_back(b);
    }
    return out;
}

bool place_corners(const std::vector<Vec>& outline, Site& s) {
    const std::vector<Vec> ring = true_corners(outline);
    const std::size_t n = ring.size();
    if (n < 3 || n > most_corners || !convex(ring)) return false;
    std::size_t eave = 0;
    double most = -2;
    for (std::size_t i = 0; i < n; ++i) {
        const Vec normal = outward(ring[i], ring[(i + 1) % n]);
        const double along = normal.x * s.down.x + normal.y * s.down.y;
        if (along > most + 1e-9) most = along, eave = i;
    }
    for (std::size_t i = 0; i < n; ++i) s.corners.push_back(ring[(eave + i) % n]);
    if (s.kind == RoofKind::mansard || s.by_pitch) {
        s.depth = inner_depth(s.corners);
        return s.depth > 0.3;
    }
    if (s.kind == RoofKind::pyramidal || s.kind == RoofKind::cone || s.kind == RoofKind::dome) {
        s.apex = centroid(s.corners);
        for (std::size_t i = 0; i < n; ++i)
            if (inside(s.corners[i], s.corners[(i + 1) % n], s.apex) < 0.1) return false;
        return s.kind != RoofKind::dome || int(n) * dome_bands <= most_planes;
    }
    if (n != 4) return false;
    const auto& c = s.corners;
    s.length = norm((c[1].x + c[2].x - c[3].x - c[0].x) / 2, (c[1].y + c[2].y - c[3].y - c[0].y) / 2);
    return s.length > 0.5;
}

}  // namespace

int theta_count(const Site& s) {
    switch (s.kind) {
        case RoofKind::flat:
            return 1;
        case RoofKind::gabled:
            return s.skeleton ? 2 : 3;
        case RoofKind::butterfly:
        case RoofKind::side_hipped:
            return 3;
        case RoofKind::hipped:
            return s.by_pitch ? 2 : 3;
        case RoofKind::saltbox:
        case RoofKind::gambrel:
        case RoofKind::half_hipped:
        case RoofKind::mansard:
            return 4;
        default:
            return 2;
    }
}

bool make_site(RoofKind kind, const std::vector<Vec>& ring, Vec down, bool by_pitch, int hip_end, Site& s) {
    s = Site();
    s.kind = kind, s.down = down, s.by_pitch = by_pitch, s.hip_end = hip_end;
    if (ring.size() < 3) return false;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Vec p : ring) {
        const double along = p.x * s.down.x + p.y * s.down.y;
        low = std::min(low, along), high = std::max(high, along);
    }
    s.reach = high, s.width = high - low;
    if (!(s.width > 0.5)) return false;
    switch (kind) {
        case RoofKind::sawtooth:
        case RoofKind::onion:
        case RoofKind::planar:
            return false;
        case RoofKind::cross_gabled: {
            double from = std::numeric_limits<double>::infinity(), to = -from;
            for (const Vec p : ring) {
                const double along = p.x * s.down.y - p.y * s.down.x;
                from = std::min(from, along), to = std::max(to, along);
            }
            s.length = to - from, s.depth = to;
            return s.length > 0.5;
        }
        default:
            return !takes_corners(s) || place_corners(ring, s);
    }
}

int roof_planes(const Site& s, const double* theta, DualPlane* planes) {
    Planes p(s, planes);
    const Dual eave = variable(theta, 0), width(s.width);
    if (s.kind == RoofKind::flat) {
        planes[0] = DualPlane();
        planes[0].c = eave;
        return 1;
    }
    const Dual rise = variable(theta, 1);
    switch (s.kind) {
        case RoofKind::skillion:
            p.profile(0.0, eave, width, eave + rise);
            break;
        case RoofKind::gabled:
            if (s.skeleton) {
                for (std::size_t i = 0; i < s.corners.size(); ++i)
                    p.rising(i, eave, s.gable[i] ? Dual(0) : rise / Dual(s.depth));
                break;
            }
            gable(p, width, eave, eave + rise, variable(theta, 2), eave, s.down, s.reach);
            break;
        case RoofKind::saltbox:
            gable(p, width, eave, eave + rise, variable(theta, 2), eave - variable(theta, 3), s.down,
                  s.reach);
            break;
        case RoofKind::butterfly: {
            const Dual at = width * variable(theta, 2), valley = eave - rise;
            p.profile(0.0, eave, at, valley);
            p.group = 1;
            p.profile(at, valley, width, eave);
            break;
        }
        case RoofKind::gambrel: {
            const Dual at = eave + variable(theta, 2) * rise;
            const Dual inset = variable(theta, 3) * Dual(s.width / 2), half(s.width / 2);
            p.profile(0.0, eave, inset, at);
            p.profile(inset, at, half, eave + rise);
            p.profile(half, eave + rise, width - inset, at);
            p.profile(width - inset, at, width, eave);
            break;
        }
        case RoofKind::round:
            round_roof(p, s.width, eave, rise);
            break;
        case RoofKind::cross_gabled: {
            gable(p, width, eave, eave + rise, 0.5, eave, s.down, s.reach);
            p.group = 1;
            const Vec side{s.down.y, -s.down.x};
            gable(p, s.length, eave, eave + rise, 0.5, eave, side, s.depth);
            break;
        }
        case RoofKind::hipped:
            if (s.by_pitch) {
                for (std::size_t i = 0; i < s.corners.size(); ++i) p.rising(i, eave, rise);
                break;
            }
            hips(s, p, theta);
            break;
        case RoofKind::half_hipped:
        case RoofKind::side_hipped:
            hips(s, p, theta);
            break;
        case RoofKind::pyramidal:
        case RoofKind::cone:
            for (std::size_t i = 0; i < s.corners.size(); ++i)
                p.rising(i, eave,
                         rise / Dual(inside(s.corners[i], s.corners[(i + 1) % s.corners.size()], s.apex)));
            break;
        case RoofKind::dome:
            dome(s, p, eave, rise);
            break;
        case RoofKind::mansard: {
            const Dual inset = variable(theta, 3) * Dual(s.depth), up = variable(theta, 2) * rise;
            const Dual low = up / inset, high = (rise - up) / (Dual(s.depth) - inset);
            for (std::size_t i = 0; i < s.corners.size(); ++i) {
                p.rising(i, eave, low);
                p.rising(i, eave + up - high * inset, high);
            }
            break;
        }
        default:
            break;
    }
    return p.count;
}

void theta_bounds(const Site& s, double low, double high, double* lower, double* upper) {
    const int n = theta_count(s);
    const double tall = 1.6 * std::max(high - low, 0.5) + 2;  // quantiles miss the ends
    // Under steep lower slopes the eave is far below most points.
    lower[0] = low - std::max(1.0, 1.2 * (high - low)), upper[0] = high + 1;
    for (int k = 1; k < n; ++k) lower[k] = least_share, upper[k] = most_share;
    if (n > 1) lower[1] = least_rise, upper[1] = tall;
    if (s.kind == RoofKind::hipped && s.by_pitch)
        lower[1] = least_rise / s.depth, upper[1] = steepest;
    else if (n > 1)
        upper[1] = std::max(2 * lower[1], std::min(upper[1], most_rise(s)));
    if (s.kind == RoofKind::saltbox) lower[3] = 0.0, upper[3] = tall;
    // A ridge near an eave makes a skillion with an odd edge.
    if (s.kind == RoofKind::gabled && !s.skeleton) lower[2] = 0.15, upper[2] = 0.85;
    if (s.kind == RoofKind::saltbox) lower[2] = 0.1, upper[2] = 0.9;
    // A hip much steeper than it is deep is a wall, and a break at the very eave or ridge none.
    const auto at_least = [&](int k, double metres, double whole) {
        lower[k] = std::min(std::max(lower[k], metres / whole), 0.5 * most_share);
    };
    if (s.kind == RoofKind::hipped && !s.by_pitch) at_least(2, least_setback, s.length / 2), upper[2] = 1;
    if (s.kind == RoofKind::side_hipped) at_least(2, least_setback, s.length);
    if (s.kind == RoofKind::half_hipped) {
        at_least(3, least_setback / 2, s.length / 2);
        lower[2] = 0.1, upper[2] = 0.9;
    }
    if (s.kind == RoofKind::gambrel || s.kind == RoofKind::mansard) {
        lower[2] = lower[3] = 0.1;
        upper[2] = upper[3] = 0.9;
    }
}

Slots roof_slots_of(const Site& s, const double* theta) {
    Slots out{};
    for (double& slot : out.slot) slot = not_given;
    Dual values[roof_slots];
    bool used[roof_slots] = {};
    const auto set = [&](int slot, const Dual& value) { values[slot] = value, used[slot] = true; };
    const int n = theta_count(s);
    const Dual eave = variable(theta, 0), rise = n > 1 ? variable(theta, 1) : Dual();
    const double azimuth = std::fmod(std::atan2(s.down.x, s.down.y) * 180 / pi + 360, 360);
    switch (s.kind) {
        case RoofKind::flat:
        case RoofKind::pyramidal:
        case RoofKind::cone:
        case RoofKind::dome:
        case RoofKind::mansard:
            break;
        default:
            if (!s.skeleton && !(s.kind == RoofKind::hipped && s.by_pitch)) set(slot_azimuth, azimuth);
    }
    if (s.kind == RoofKind::butterfly)
        set(slot_ridge, eave - rise);
    else if (s.kind == RoofKind::hipped && s.by_pitch) {
        Dual pitch(std::atan(theta[1]) * 180 / pi);
        pitch.d[1] = 180 / pi / (1 + theta[1] * theta[1]);
        set(slot_pitch, pitch);
    } else if (s.kind != RoofKind::flat)
        set(slot_ridge, eave + rise);
    switch (s.kind) {
        case RoofKind::gabled:
        case RoofKind::butterfly:
            if (!s.skeleton) set(slot_offset, variable(theta, 2));
            break;
        case RoofKind::saltbox:
            set(slot_offset, variable(theta, 2));
            set(slot_rear_eave, eave - variable(theta, 3));
            break;
        case RoofKind::gambrel:
        case RoofKind::mansard:
            set(slot_break, eave + variable(theta, 2) * rise);
            set(slot_inset, variable(theta, 3) * Dual(s.kind == RoofKind::gambrel ? s.width / 2 : s.depth));
            break;
        case RoofKind::hipped:
            if (!s.by_pitch) set(slot_inset, variable(theta, 2) * Dual(s.length / 2));
            break;
        case RoofKind::half_hipped:
            set(slot_break, eave + variable(theta, 2) * rise);
            set(slot_inset, variable(theta, 3) * Dual(s.length / 2));
            break;
        case RoofKind::side_hipped:
            set(slot_inset, variable(theta, 2) * Dual(s.length));
            set(slot_count, double(s.hip_end));
            break;
        default:
            break;
    }
    out.eave = eave.v;
    for (int i = 0; i < roof_slots; ++i) {
        if (used[i]) out.slot[i] = values[i].v;
        std::copy(values[i].d, values[i].d + most_theta, out.jacobian[i]);
    }
    std::copy(eave.d, eave.d + most_theta, out.jacobian[roof_slots]);
    return out;
}

GEOVISION_WIDE void RoofBlock::of_planes(const DualPlane* planes, int count, int n, const double* x,
                                         const double* y) {
    double low[point_block];
    std::int64_t who[point_block];
    for (int k = 0; k < count;) {
        const std::int16_t group = planes[k].group;
        const bool first = k == 0;
        for (bool begun = false; k < count && planes[k].group == group; ++k, begun = true) {
            const double a = planes[k].a.v, b = planes[k].b.v, c = planes[k].c.v;
            double* lowest = first ? z : low;
            std::int64_t* its = first ? plane : who;
            if (!begun) {
                for (int i = 0; i < n; ++i) lowest[i] = a * x[i] + b * y[i] + c, its[i] = k;
                continue;
            }
            for (int i = 0; i < n; ++i) {
                const double other = a * x[i] + b * y[i] + c;
                its[i] = other < lowest[i] ? k : its[i];
                lowest[i] = other < lowest[i] ? other : lowest[i];
            }
        }
        if (first) continue;
        for (int i = 0; i < n; ++i) {
            plane[i] = low[i] > z[i] ? who[i] : plane[i];
            z[i] = low[i] > z[i] ? low[i] : z[i];
        }
    }
}

void RoofBlock::of_faces(const DualPlane* planes, int per_edge, const std::int32_t* face, int n,
                         const double* x, const double* y) {
    for (int i = 0; i < n; ++i) {
        const int k = plane_of_face(planes, per_edge, face[i], x[i], y[i]);
        plane[i] = k;
        z[i] = planes[k].a.v * x[i] + planes[k].b.v * y[i] + planes[k].c.v;
    }
}

void theta_of_slots(const Site& s, double eave, const double* slot, double* theta) {
    theta[0] = eave, theta[2] = theta[3] = 0.5;
    theta[1] = slot[slot_ridge] - eave;
    const auto share = [](double part, double whole) { return whole > 1e-6 ? part / whole : 0.5; };
    switch (s.kind) {
        case RoofKind::gabled:
        case RoofKind::saltbox:
        case RoofKind::butterfly:
            if (slot[slot_offset] == slot[slot_offset]) theta[2] = slot[slot_offset];
            if (s.kind == RoofKind::butterfly) theta[1] = eave - slot[slot_ridge];
            theta[3] = s.kind == RoofKind::saltbox ? eave - slot[slot_rear_eave] : 0;
            break;
        case RoofKind::gambrel:
        case RoofKind::mansard:
            theta[2] = share(slot[slot_break] - eave, theta[1]);
            theta[3] = share(slot[slot_inset], s.kind == RoofKind::gambrel ? s.width / 2 : s.depth);
            break;
        case RoofKind::hipped:
            if (!s.by_pitch)
                theta[2] = share(slot[slot_inset], s.length / 2);
            else if (slot[slot_pitch] == slot[slot_pitch])
                theta[1] = std::tan(slot[slot_pitch] * pi / 180);
            else
                theta[1] /= s.depth;  // a ridge height and one pitch on all sides
            break;
        case RoofKind::half_hipped:
            theta[2] = share(slot[slot_break] - eave, theta[1]);
            theta[3] = share(slot[slot_inset], s.length / 2);
            break;
        case RoofKind::side_hipped:
            theta[2] = share(slot[slot_inset], s.length);
            break;
        default:
            break;
    }
}

}  // namespace geovision::fit
