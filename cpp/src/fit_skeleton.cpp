#include "geovision/fit_skeleton.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace geovision::fit {

bool SkeletonSites::set(const std::vector<Ring>& rings) {
    xy_.clear(), corners_.clear(), next_.clear();
    offsets_.assign(1, 0);
    hipped_ = wings_ = Solved();
    for (const Ring& ring : rings) {
        const std::size_t first = corners_.size();
        for (std::size_t i = 0; i < ring.size(); ++i) {
            corners_.push_back(ring[i]);
            xy_.push_back(ring[i].x), xy_.push_back(ring[i].y);
            next_.push_back(std::int32_t(i + 1 < ring.size() ? first + i + 1 : first));
        }
        offsets_.push_back(std::int64_t(corners_.size()));
    }
    if (corners_.size() > most_edges) return false;
    std::vector<double> slope(corners_.size(), 1.0);
    Skeleton skeleton;
    if (!solve(slope, skeleton, hipped_)) return false;
    gable_candidates(xy_.data(), offsets_.data(), std::int64_t(rings.size()), skeleton, gable_);
    if (std::find(gable_.begin(), gable_.end(), 1) == gable_.end()) return true;
    for (std::size_t i = 0; i < slope.size(); ++i)
        if (gable_[i]) slope[i] = std::numeric_limits<double>::infinity();
    solve(slope, skeleton, wings_);
    return true;
}

bool SkeletonSites::solve(const std::vector<double>& slope, Skeleton& skeleton, Solved& out) {
    const SkeletonStatus status =
        straight_skeleton(xy_.data(), offsets_.data(), std::int64_t(offsets_.size()) - 1, slope.data(),
                          std::numeric_limits<double>::infinity(), workspace_, skeleton);
    out = Solved();
    if (status != SkeletonStatus::ok && status != SkeletonStatus::perturbed) return false;
    const auto node = [&](std::int32_t i) {
        return Vec{skeleton.nodes[std::size_t(i)].x, skeleton.nodes[std::size_t(i)].y};
    };
    for (const SkeletonNode& n : skeleton.nodes) out.top = std::max(out.top, n.h);
    for (const SkeletonArc& arc : skeleton.arcs)
        for (const std::int32_t face : {arc.left, arc.right})
            if (face >= 0) out.borders.push_back({face, node(arc.a), node(arc.b)});
    std::vector<std::uint8_t> covered(corners_.size(), 0);
    for (const SkeletonPiece& piece : skeleton.pieces) {
        covered[std::size_t(piece.edge)] = 1;
        if (piece.face >= 0) out.eaves.push_back({piece.face, node(piece.a), node(piece.b)});
    }
    for (std::size_t i = 0; i < corners_.size(); ++i)
        if (!covered[i]) out.eaves.push_back({std::int32_t(i), corners_[i], corners_[std::size_t(next_[i])]});
    out.borders.insert(out.borders.end(), out.eaves.begin(), out.eaves.end());
    std::stable_sort(out.borders.begin(), out.borders.end(),
                     [](const Piece& a, const Piece& b) { return a.face < b.face; });
    out.found = out.top > 0.3;
    return out.found;
}

bool SkeletonSites::site(RoofKind kind, Site& out) const {
    const Solved& solved = kind == RoofKind::gabled ? wings_ : hipped_;
    if (!solved.found) return false;
    out = Site();
    out.kind = kind, out.skeleton = true, out.by_pitch = kind == RoofKind::hipped, out.depth = solved.top;
    out.corners = corners_, out.next = next_;
    out.gable = kind == RoofKind::gabled ? gable_ : std::vector<std::uint8_t>(corners_.size(), 0);
    return true;
}

void SkeletonSites::faces(RoofKind kind, const std::vector<double>& x, const std::vector<double>& y,
                          std::vector<std::int32_t>& face) const {
    const Solved& solved = kind == RoofKind::gabled ? wings_ : hipped_;
    const std::vector<Piece>& borders = solved.borders;
    face.assign(x.size(), -1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t k = 0; k < borders.size();) {
            const std::int32_t at = borders[k].face;
            bool in = false;
            for (; k < borders.size() && borders[k].face == at; ++k) {
                const Vec a = borders[k].a, b = borders[k].b;
                if ((a.y > y[i]) != (b.y > y[i]) && a.x + (y[i] - a.y) * (b.x - a.x) / (b.y - a.y) > x[i])
                    in = !in;
            }
            if (!in) continue;
            face[i] = at;
            break;
        }
        if (face[i] < 0) face[i] = face_beyond(solved.eaves, {x[i], y[i]});
    }
}

// Of the nearest eave; before a corner that of the eave which the point lies further beyond.
std::int32_t SkeletonSites::face_beyond(const std::vector<Piece>& eaves, Vec p) {
    std::int32_t face = 0;
    double nearest = std::numeric_limits<double>::infinity(), most = 0;
    for (const Piece& e : eaves) {
        const double ux = e.b.x - e.a.x, uy = e.b.y - e.a.y, length2 = std::max(ux * ux + uy * uy, 1e-12);
        const double t = std::clamp(((p.x - e.a.x) * ux + (p.y - e.a.y) * uy) / length2, 0.0, 1.0);
        const double far = norm(p.x - e.a.x - t * ux, p.y - e.a.y - t * uy);
        const double out = ((p.x - e.a.x) * uy - (p.y - e.a.y) * ux) / std::sqrt(length2);
        if (far > nearest + 1e-9 || (far > nearest - 1e-9 && out <= most)) continue;
        nearest = std::min(nearest, far), most = out, face = e.face;
    }
    return face;
}

}  // namespace geovision::fit
