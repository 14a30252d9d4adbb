// Roofs from the straight skeleton as sites of the fitter: on any polygon, with holes.
#pragma once

#include <vector>

#include "geovision/fit_decompose.hpp"
#include "geovision/fit_kinds.hpp"
#include "geovision/skeleton.hpp"

namespace geovision::fit {

// Skeletons of one polygon, and which face each of its points lies on.
class SkeletonSites {
public:
    // Shell counter-clockwise, then holes clockwise. False where there is no skeleton, or too many edges.
    bool set(const std::vector<Ring>& rings);

    // Hipped (by pitch), mansard, or gabled by wings; false where no end can be a gable.
    bool site(RoofKind kind, Site& out) const;

    // The edge whose face each point lies on, or would where the face ran on beyond its eave.
    void faces(RoofKind kind, const std::vector<double>& x, const std::vector<double>& y,
               std::vector<std::int32_t>& face) const;

private:
    struct Piece {
        std::int32_t face;
        Vec a, b;
    };
    struct Solved {
        bool found = false;
        double top = 0;
        std::vector<Piece> borders;  // sorted by face
        std::vector<Piece> eaves;    // those of them that lie on the outline
    };
    static std::int32_t face_beyond(const std::vector<Piece>& eaves, Vec p);
    bool solve(const std::vector<double>& slope, Skeleton& skeleton, Solved& out);

    std::vector<double> xy_;
    std::vector<std::int64_t> offsets_;
    std::vector<Vec> corners_;
    std::vector<std::int32_t> next_;
    std::vector<std::uint8_t> gable_;
    Solved hipped_, wings_;
    SkeletonWorkspace workspace_;
};

}  // namespace geovision::fit
