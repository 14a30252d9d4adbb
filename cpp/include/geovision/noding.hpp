// Footprints that touch or overlap to a partition of the plane: every wall between two of them is one
// sequence of vertices that both have, and no place belongs to two.
//
// Per group of footprints that are connected by `pairs`:
//   1. Vertices of different footprints that are closer than `snap` become one (the one that most footprints
//      already have, then the one with most others round it, then the lowest x and y).
//   2. An edge that passes closer than snap / sqrt(2) to a vertex of another footprint is bent to go through
//      it, and edges that still cross get a vertex at the crossing, rounded to the grid; until nothing
//      changes.
//   3. The faces of the resulting map are given out: one that several footprints cover goes to the one with
//      the lowest rank. What is left of a footprint may come as several pieces.
// The three steps are repeated until they change nothing, so that a second call changes nothing either.
// A vertex moves by less than `snap` in one round; rounds after the first are rare (`rounds` tells).
//
// Preconditions: rings are open, valid together and without repeated vertices, shells counter-clockwise and
// holes clockwise; a group is narrower than 2^30 grid steps. Results of a group depend on that group alone,
// not on the order in which its footprints come. Footprints without a pair come back as they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace geovision {

struct NodingInput {
    std::int64_t footprints = 0;
    const std::int64_t* ring_offsets = nullptr;    // [F+1] shell first
    const std::int64_t* vertex_offsets = nullptr;  // [R+1]
    const std::int64_t* xy = nullptr;              // [V, 2] grid steps
    const std::int32_t* rank = nullptr;            // [F] all different; lower keeps contested ground
    std::int64_t pairs = 0;
    const std::int32_t* pair = nullptr;  // [pairs, 2] footprints that may touch within `snap`
    double snap = 50;                    // grid steps
};

enum class NodingStatus : std::uint8_t {
    alone = 0,     // no pair: as given
    noded = 1,     // the promise holds
    unstable = 2,  // shared walls agree, but rounds ran out before nothing was within `snap`
    failed = 3,    // as given: the group could not be noded, or is too wide
};

struct NodedFootprints {
    std::vector<std::int32_t> owner;  // [P] footprint that a piece is of; pieces in order of owner
    std::vector<std::int64_t> ring_offsets, vertex_offsets, xy;
    std::vector<std::uint8_t> status;  // [F]
    // Ground that several footprints covered: from, to, area in square grid steps.
    std::vector<std::int32_t> given_from, given_to;
    std::vector<double> given_area;
    std::int32_t rounds = 0;  // most that any group took
};

NodedFootprints node_footprints(const NodingInput& input, const std::atomic<bool>* cancel = nullptr);

}  // namespace geovision
