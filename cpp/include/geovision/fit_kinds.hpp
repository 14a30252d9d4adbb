// Roof kinds as forward models: parameters to planes, with exact derivatives.
//
// A roof is a height over its part: the highest of groups, each the lowest of its planes (a gable is one
// group of two planes, a butterfly two groups of one). The parameters move the planes; the site, which the
// footprint gives, stays. Metres in a local frame, heights above its zero.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/types.hpp"

namespace geovision::fit {

constexpr int most_theta = 4;     // parameters of one roof
constexpr int most_planes = 192;  // a dome has many
constexpr int most_corners = 20;  // of a convex part whose roof rises from its edges
constexpr int most_edges = 60;    // of a part whose roof is a straight skeleton

// A number with its derivatives by the parameters of one roof.
struct Dual {
    double v = 0;
    double d[most_theta] = {};
    Dual() = default;
    Dual(double value) : v(value) {}  // a constant; implicit, so that formulas read like formulas
};

struct DualPlane {
    Dual a, b, c;  // z = a x + b y + c
    std::int16_t group = 0;
};

// What the footprint says about a roof: outline, the way it faces, which end is hipped.
struct Site {
    RoofKind kind = RoofKind::flat;
    Vec down{0, -1};    // unit; the way the first slope faces, downhill
    double reach = 0;   // largest p.down over the outline: v = reach - p.down is 0 at the first eave
    double width = 0;   // extent along `down`
    double length = 0;  // along the ridge, between the middles of the ends (kinds with hips)
    double depth = 0;   // largest distance from all edges (mansard, hipped by pitch); cross_gabled: the
                        // reach of its second gable, whose width is `length`
    std::vector<Vec> corners;  // convex, counter-clockwise, corner 0 to 1 is the first eave
    Vec apex{0, 0};            // pyramidal, cone, dome
    bool by_pitch = false;     // hipped: one pitch on every side, else hips with a setback of their own
    std::int32_t hip_end = 0;  // side_hipped: 0 the end after the first eave, 1 the other
    // Hipped, mansard, and gabled by wings, on any polygon: the skeleton says which edge's face a point lies
    // on, so its planes are not compared. `next` is the vertex that edge i ends at, `gable` where it has no
    // face.
    bool skeleton = false;
    std::vector<std::int32_t> next;
    std::vector<std::uint8_t> gable;
};

// Names of what theta holds, kind by kind; heights in metres, shares in 0..1.
//   flat        eave
//   skillion    eave, rise
//   gabled      eave, rise, offset             offset as ridge_offset
//               eave, rise                     by wings
//   saltbox     eave, rise, offset, drop       rear eave = eave - drop
//   butterfly   eave, fall, offset             valley = eave - fall
//   gambrel     eave, rise, break, inset       break as a share of the rise, inset of half the width
//   round       eave, rise
//   cross_gabled eave, rise
//   hipped      eave, slope                    by pitch: rise per metre
//               eave, rise, setback            setback as a share of half the length
//   half_hipped eave, rise, hip, setback       hip height as a share of the rise
//   side_hipped eave, rise, setback            setback as a share of the length
//   pyramidal, cone, dome  eave, rise
//   mansard     eave, rise, break, inset       inset as a share of the depth
int theta_count(const Site& site);

// The site of a kind on an outline (open ring, counter-clockwise) whose first slope faces `down` (unit).
// False where the kind cannot stand there: hips need a convex quad, pyramids, mansards and hips by pitch a
// convex ring of at most most_corners, pyramids, cones and domes a centroid that sees every edge.
bool make_site(RoofKind kind, const std::vector<Vec>& ring, Vec down, bool by_pitch, int hip_end, Site& site);

// The planes of a roof and their derivatives by theta; returns how many. `planes` holds most_planes.
int roof_planes(const Site& site, const double* theta, DualPlane* planes);

// Bounds of theta, for heights between `low` and `high`.
void theta_bounds(const Site& site, double low, double high, double* lower, double* upper);

// The kernel's slots (RoofSlot) and eave of a roof, heights as theta's; slots that the kind does not use are
// NaN. jacobian[slot][k], with the eave in the last row, is the derivative by theta[k].
struct Slots {
    double eave = 0;
    double slot[roof_slots];
    double jacobian[roof_slots + 1][most_theta];
};
Slots roof_slots_of(const Site& site, const double* theta);

// The inverse: theta of a roof whose slots are known.
void theta_of_slots(const Site& site, double eave, const double* slot, double* theta);

// Planes of each edge of a skeleton: those of edge i stand together, from i times this number.
inline int planes_per_edge(const Site& site) { return site.kind == RoofKind::mansard ? 2 : 1; }

// The plane that counts at a point of an edge's face.
inline int plane_of_face(const DualPlane* planes, int per_edge, std::int32_t face, double x, double y) {
    const int i = face * per_edge;
    if (per_edge == 1) return i;
    const auto z = [&](int k) { return planes[k].a.v * x + planes[k].b.v * y + planes[k].c.v; };
    return z(i) <= z(i + 1) ? i : i + 1;
}

// The plane that counts at a point.
inline int plane_at(const DualPlane* planes, int count, double x, double y) {
    int best = 0;
    double top = 0;
    bool any = false;
    for (int i = 0; i < count;) {
        const std::int16_t group = planes[i].group;
        int low = i;
        double z = planes[i].a.v * x + planes[i].b.v * y + planes[i].c.v;
        for (++i; i < count && planes[i].group == group; ++i) {
            const double other = planes[i].a.v * x + planes[i].b.v * y + planes[i].c.v;
            if (other < z) z = other, low = i;
        }
        if (!any || z > top) top = z, best = low, any = true;
    }
    return best;
}

constexpr int point_block = 64;  // points that are compared with a roof together

// Heights of a roof over some points, and the planes that count there: the same as point by point, without
// branches that nothing could foresee.
struct RoofBlock {
    double z[point_block];
    std::int64_t plane[point_block];

    void of_planes(const DualPlane* planes, int count, int n, const double* x, const double* y);
    void of_faces(const DualPlane* planes, int per_edge, const std::int32_t* face, int n, const double* x,
                  const double* y);
};

}  // namespace geovision::fit
