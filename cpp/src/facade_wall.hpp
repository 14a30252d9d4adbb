// One wall as facade rules meet it: its rectangles, its terrain, its neighbours, and what may be put where.
// Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "facade_machine.hpp"
#include "geovision/facade.hpp"

namespace geovision {

constexpr std::int32_t facade_margin = 50;  // of an opening to the wall's border and to other openings

struct FacadeBox {
    std::int32_t s0, s1, z0, z1;
    bool meets(const FacadeBox& o, std::int32_t gap) const {
        return s0 < o.s1 + gap && o.s0 < s1 + gap && z0 < o.z1 + gap && o.z0 < z1 + gap;
    }
};

// A stretch of a wall between two upright steps of its outline: the largest rectangle below all of its upper
// edge, and what is above it under a slope.
struct FacadePiece {
    FacadeBox band{0, 0, 0, 0};  // empty where nothing is left
    std::int32_t top = 0;
    bool level_foot = true;  // its lower edge is level
    bool has_band() const { return band.z1 > band.z0; }
    bool has_gable() const { return top - band.z1 >= 500; }
};

// Rectangles by the metres of height that they take, so that few are compared.
class FacadeBins {
public:
    void clear(std::int32_t height);
    void add(const FacadeBox& box, std::int32_t name);
    // Calls meet(name) for those that are nearer than `gap`, until it returns true; returns whether it did.
    template <class Meet>
    bool any(const FacadeBox& box, std::int32_t gap, Meet meet) const {
        for (std::int32_t bin = bin_of(box.z0 - gap), last = bin_of(box.z1 + gap); bin <= last; ++bin) {
            for (std::int32_t i = first_[std::size_t(bin)]; i >= 0; i = entries_[std::size_t(i)].next) {
                const Entry& e = entries_[std::size_t(i)];
                if (box.meets(e.box, gap) && meet(e.name, e.box)) return true;
            }
        }
        return false;
    }

private:
    struct Entry {
        FacadeBox box;
        std::int32_t name, next;
    };
    std::int32_t bin_of(std::int32_t z) const;
    std::vector<std::int32_t> first_;
    std::vector<Entry> entries_;
};

class FacadeWall {
public:
    void begin(const Walls& walls, std::int64_t wall, std::int32_t ground);
    const std::vector<FacadePiece>& pieces() const { return pieces_; }
    std::int32_t z_ground() const { return z_ground_; }  // the building's ground in the frame
    std::int32_t base() const;                           // the wall's foot above the building's ground
    double blocked_share(const FacadePiece& piece) const;
    // What half of the wall's length is as high as, above the building's ground: its own eave.
    std::int32_t usual_top() const;
    bool outer() const { return outer_; }
    bool roof() const { return roof_; }

    // Moves an opening to where it may be (doors to the terrain). Returns why not, or -1. `steps` is how far
    // the door's foot lies above the lowest terrain before it.
    int settle(ElementKind kind, const FacadePiece& piece, FacadeBox& box, std::int32_t& steps) const;
    // Why a thing cannot hang here, or -1; bands are cut instead where a neighbour stands.
    int settle_thing(ElementKind kind, const FacadePiece& piece, FacadeBox& box) const;
    // What stands on the building's ground goes down to the wall's foot, and plinths up with the terrain.
    void settle_foot(ElementKind kind, const FacadePiece& piece, FacadeBox& box) const;
    bool is_blocked(const FacadeBox& box, std::int32_t gap) const;
    template <class Cut>
    void cut_blocked(Cut cut) const {
        for (std::int64_t i = blocked_begin_; i < blocked_end_; ++i) {
            const std::int32_t* span = walls_->blocked.data() + 3 * i;
            cut(FacadeBox{span[0], span[1], INT32_MIN / 4, span[2]});
        }
    }

private:
    void find_pieces();
    bool inside(const FacadePiece& piece, const FacadeBox& box) const;
    std::int32_t terrain(std::int32_t s, bool up) const;
    std::int32_t terrain_max(const FacadeBox& box) const;
    std::int32_t terrain_min(const FacadeBox& box) const;
    int settle_door(ElementKind kind, const FacadePiece& piece, FacadeBox& box, std::int32_t& steps) const;

    const Walls* walls_ = nullptr;
    std::int64_t wall_ = 0, blocked_begin_ = 0, blocked_end_ = 0;
    std::int32_t z_ground_ = 0, length_ = 0, foot_ = 0;
    bool outer_ = true, roof_ = false;
    bool simple_ = true;  // one ring without upright steps: all of a piece's band is inside
    std::vector<FacadePiece> pieces_;
    std::vector<std::int32_t> cuts_;
};

}  // namespace geovision
