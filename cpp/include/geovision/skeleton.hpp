// Weighted straight skeleton of a polygon with holes: the ridges, hips and valleys of a roof whose
// faces rise from the polygon's edges, each at its own pitch.
//
// Conventions
//  * Edge i runs from vertex i to the next vertex of its ring; the polygon lies on its left. The face
//    of edge i is named i. Heights are above the eaves; "plan" means x, y.
//  * A slope of +inf is a gable end: the edge does not move, its face is vertical and has no plan area.
//    What lies over such an edge is told in Skeleton::pieces.
//  * Neighbours that are collinear and equally steep keep a face each, with an arc square to the eaves
//    between them. Where collinear neighbours differ in slope (in the input, or because the edge between
//    them shrank away) the gentler one wins: its face spreads along the line at that height.
//  * The roof is that of the shrinking wavefront, so it has no pits: water runs off every face.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace geovision {

struct SkeletonNode {
    double x, y, h;  // h = height above the eaves
};

// A straight piece of ridge, hip or valley from node a to node b. left and right are the edges whose
// faces lie on either side of a->b; -1 is the flat that is left when the wavefront stops at max_h.
struct SkeletonArc {
    std::int32_t a, b;
    std::int32_t left, right;
};

// A piece of an input edge over which another face than the edge's own lies (a gable end, or an edge
// that a gentler collinear neighbour took). It runs from node a to node b in the edge's direction.
struct SkeletonPiece {
    std::int32_t edge;
    std::int32_t a, b;
    std::int32_t face;  // the face whose plan touches the piece from the left; -1 = the flat at max_h
};

struct Skeleton {
    // The first n nodes are the input vertices, in order, with h = 0.
    std::vector<SkeletonNode> nodes;
    // All interior arcs of positive plan length. Pieces of the outline are not among them.
    std::vector<SkeletonArc> arcs;
    // Sorted by edge, then along the edge. An edge listed here is covered from its start vertex to its
    // end vertex by its pieces; over an edge not listed lies its own face.
    std::vector<SkeletonPiece> pieces;
};

enum class SkeletonStatus : std::uint8_t {
    ok = 0,
    perturbed = 1,  // the result is sound, but of a polygon moved by no more than 0.1 mm (see skeleton.cpp)
    failed = 2,     // no consistent skeleton was found; `out` holds nothing to rely on
    bad_input =
        3,  // fewer than 3 vertices, a zero-length edge, a ring that runs the wrong way round, a value
            // that is not finite, a slope or max_h that is not positive, a gable at a reflex corner
};

// Whether straight_skeleton proves that the faces partition the polygon. A caller who proves it of what is
// drawn from them may leave it; then a wrong skeleton may come back as ok.
enum class SkeletonProof : std::uint8_t { now, left_to_caller };

// Buffers reused from call to call: after the first few calls nothing is allocated. One per thread.
class SkeletonWorkspace {
public:
    SkeletonWorkspace();
    ~SkeletonWorkspace();
    SkeletonWorkspace(SkeletonWorkspace&&) noexcept;
    SkeletonWorkspace& operator=(SkeletonWorkspace&&) noexcept;
    struct Impl;
    Impl& impl() { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

// rings: shell counter-clockwise first, then holes clockwise; open, simple, disjoint (precondition), in
// metres near the origin; ring_offsets[rings + 1] counts vertices. slope[i] = tan(pitch) of edge i's
// face, +inf for a gable end (both its corners must be convex). If max_h is finite the wavefront stops
// there: what is left of it is returned as arcs at h = max_h with left = the face below, right = -1.
SkeletonStatus straight_skeleton(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                                 const double* slope, double max_h, SkeletonWorkspace& ws, Skeleton& out,
                                 SkeletonProof proof = SkeletonProof::now);

// Which edges can be turned into gable ends, given the skeleton of the hipped roof: both corners convex,
// the face a triangle, and the neighbours within 45 degrees of facing each other. gable[i] is set to 1
// for a set of such edges in which no two are neighbours (shorter ones first, then by index), else 0.
void gable_candidates(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                      const Skeleton& hipped, std::vector<std::uint8_t>& gable);

}  // namespace geovision
