// What stands out of walls as boxes: how far cornices and bands run on round the corners of their building,
// and what would stand in another in its inner corners.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/elements.hpp"
#include "geovision/walls.hpp"

namespace geovision {

class SlabCorners {
public:
    SlabCorners(const Walls& walls, const Elements& elements) : walls_(walls), elements_(elements) {}

    // The building that the next elements are of.
    void begin(std::int64_t building) { building_ = building, known_ = false; }

    // How far a slab runs on beyond an end of its wall for each metre that it stands out: the tangent of half
    // the turn, so that it ends where the slab that goes on round the corner does. 0 where none does, and for
    // what is no cornice and no band.
    double beyond(std::size_t element, bool to_right);

private:
    struct Slab {
        std::int64_t wall;
        std::int32_t z0, z1;  // in the building's frame
        double left[2], right[2];
        bool at_left, at_right;  // whether it reaches the ends of its wall
    };

    bool is_slab(std::size_t element) const;
    Slab slab_of(std::size_t element) const;
    void find();

    const Walls& walls_;
    const Elements& elements_;
    std::int64_t building_ = 0;
    bool known_ = false;
    std::vector<Slab> slabs_;  // of the building, that reach an end of their wall
};

// Balconies and canopies of a building: those of one wall stand clear of those of another.
class FarOut {
public:
    explicit FarOut(const Walls& walls) : walls_(walls) {}
    void begin() { placed_.clear(); }
    // False where the box would stand in one that was placed before it on another wall; else it is placed.
    bool place(std::int64_t wall, std::int32_t s0, std::int32_t s1, std::int32_t z0, std::int32_t z1,
               std::int32_t depth);

private:
    struct Box {
        std::int64_t wall;
        std::int32_t z0, z1;
        double x[4], y[4];
    };
    static bool apart(const Box& a, const Box& b, double dx, double dy);

    const Walls& walls_;
    std::vector<Box> placed_;
};

}  // namespace geovision
