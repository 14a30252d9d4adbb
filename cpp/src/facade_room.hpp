// Upright prisms, and what they meet: whether a recess or a thing has room. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "geovision/check.hpp"
#include "geovision/geom.hpp"
#include "wall_trace.hpp"

namespace geovision {

// A convex quadrilateral in plan between two heights, in grid steps.
struct Prism {
    std::array<Vec, 4> plan;
    double z0, z1;
};

struct Box3 {
    double low[3] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::max(),
                     std::numeric_limits<double>::max()};
    double high[3] = {std::numeric_limits<double>::lowest(), std::numeric_limits<double>::lowest(),
                      std::numeric_limits<double>::lowest()};
    void add(double x, double y, double z);
    void add(const Box3& o);
    bool meets(const Box3& o) const;
};

Box3 bounds(const Prism& p);

// Rectangle of a wall's frame between two distances from it, negative ones behind the wall.
Prism prism(const WallFrame& f, double s0, double s1, double z0, double z1, double out0, double out1);

// Wider by `by` on every side but its top and bottom.
Prism grown(const Prism& p, double by);

// Do the insides have a point in common? Touching is not meeting.
bool meet(const Prism& a, const Prism& b);
bool meets_triangle(const Prism& p, const std::int32_t* a, const std::int32_t* b, const std::int32_t* c);

// Does the segment from a to b have a point strictly inside the rectangle?
bool segment_enters(double ax, double ay, double bx, double by, double x0, double x1, double y0, double y1);

// What stands in a building already.
class Room {
public:
    void begin(const BuildingView& building);
    // Looks at the triangles in `reach` alone from now on, without those of the given faces.
    void look_at(const Box3& reach, const std::int32_t* but, std::int32_t count);
    bool meets_building(const Prism& p) const;
    // Does a face nearly in the plane of the frame lie on the polygon, given in it, and closer than rounding?
    bool has_double(const WallFrame& f, const std::int32_t* sz, std::int64_t corners) const;
    // Calls visit(corners) for every triangle looked at whose box meets another.
    template <class Visit>
    void each_near(const Box3& box, Visit visit) const {
        for (const std::int32_t t : near_) {
            if (!boxes_[std::size_t(t)].meets(box)) continue;
            GridPoint p[3];
            for (int k = 0; k < 3; ++k) {
                const std::int32_t* v = building_->vertex(building_->triangles[3 * std::int64_t(t) + k]);
                p[k] = {v[0], v[1], v[2]};
            }
            visit(p);
        }
    }

private:
    const BuildingView* building_ = nullptr;
    std::vector<Box3> boxes_;  // of all triangles
    std::vector<std::int32_t> near_;
    std::vector<std::uint8_t> left_out_;  // per face
};

// Prisms that were placed, in cubic bins so that finding those near one is quick; the largest in a list.
class Placed {
public:
    void clear();
    // Does it meet one of its own wall, or does it `wide` meet one of another? Prisms of one wall keep to its
    // frame and may touch; those of others need room for rounding.
    bool meets(const Prism& p, const Prism& wide, std::int64_t wall) const;
    void add(const Prism& p, std::int64_t wall);

private:
    struct Item {
        Prism prism;
        Box3 box;
        std::int64_t wall;
    };
    std::vector<Item> items_;
    std::vector<std::int32_t> large_;
    struct Entry {
        std::int64_t x, y, z;
        std::int32_t item;
    };
    std::vector<std::vector<Entry>> table_;  // hashed by bin
};

}  // namespace geovision
