// Cuts a footprint into simple pieces along the lines of its own walls.
#pragma once

#include <vector>

#include "geovision/geom.hpp"

namespace geovision::fit {

using Ring = std::vector<Vec>;     // open, counter-clockwise, metres
using Pieces = std::vector<Ring>;  // together they are the footprint; they touch and do not overlap

struct DecomposeOptions {
    double jitter = 0.15;     // metres by which a wall may wander and still be one wall
    double snap = 0.3;        // metres within which a cut ends at a corner that is there already
    double least_area = 1.2;  // square metres of a piece
    double least_side = 0.6;  // metres of a wall that a cut is drawn from
    int most_pieces = 6;
    int most_ways = 6;  // different ways to cut, best first
};

// Ways to cut a ring at its reflex corners, each along one of the two walls that meet there. The whole ring
// is not among them. Cut ends are rounded to the millimetre.
std::vector<Pieces> decompose(const Ring& ring, const DecomposeOptions& options);

struct Height {
    double x, y, z;
};

// Where one roof ends and another begins: an extension behind a house, a penthouse, a level.
struct Break {
    Vec axis{1, 0};
    double place = 0;  // along the axis
    double size =
        0;  // metres beyond what the slopes explain; of a kink, metres per metre; 0 where there is none
};

struct Breaks {
    Break jump, kink;
};

// The places along `axes` (unit) where the heights inside a ring jump most, and where they bend most upward,
// which one roof over a simple plan does nowhere.
Breaks find_breaks(const Ring& ring, const std::vector<Vec>& axes, const std::vector<Height>& heights,
                   double spacing);

// Cuts a ring by the line p.axis = place, from vertex to vertex where there are some near. False where it
// would fall into more than two pieces, or a sliver.
bool cut_along(const Ring& ring, Vec axis, double place, Ring& before, Ring& behind);

// Corners that count: the ring simplified to `tolerance`, as indices into it.
std::vector<std::size_t> main_corners(const Ring& ring, double tolerance);

// Whether no vertex comes nearer than `clearance` to an edge that is not its own, and no edges cross.
bool is_simple(const Ring& ring, double clearance);

bool same_ring(const Ring& a, const Ring& b);
double area_of(const Ring& ring);
bool contains(const Ring& ring, double x, double y);
// For each point 1 where it lies in the shell and in no hole, else 0.
void inside_rings(const std::vector<Ring>& rings, const std::vector<double>& x, const std::vector<double>& y,
                  std::vector<std::uint8_t>& in);

}  // namespace geovision::fit
