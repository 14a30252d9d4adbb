#include "geovision/edges.hpp"

#include <algorithm>
#include <cmath>

#include "geovision/types.hpp"

namespace geovision {
namespace {

using Normal = std::array<float, 3>;

constexpr double level_slope = 0.035;  // 2 degrees: lines flatter than this are level
constexpr float level_side = 0.02f;    // sine of the pitch below which a face neither falls nor rises
constexpr double coplanar = 0.01;      // sine of the angle between faces that show no line

// One use of an edge by a triangle; edges are grouped by their lower vertex.
struct Use {
    std::int32_t other, triangle;
};

class Finder {
public:
    Finder(const SceneMesh& scene, const std::vector<Normal>& normals) : scene_(scene), normals_(normals) {}

    std::vector<RoofEdge> run() {
        group();
        std::vector<Use> uses;
        for (std::int64_t v = 0; v < scene_.mesh.vertices; ++v) {
            const auto begin = uses_.begin() + starts_[static_cast<std::size_t>(v)],
                       end = uses_.begin() + starts_[static_cast<std::size_t>(v) + 1];
            std::sort(begin, end, [](const Use& a, const Use& b) {
                return a.other != b.other ? a.other < b.other : a.triangle < b.triangle;
            });
            for (auto first = begin; first != end;) {
                auto last = first;
                while (last != end && last->other == first->other) ++last;
                edge(static_cast<std::int32_t>(v), first->other, first, last);
                first = last;
            }
        }
        return std::move(edges_);
    }

private:
    template <class Visit>
    void each_use(Visit visit) const {
        const RasterMesh& mesh = scene_.mesh;
        for (std::int64_t t = 0; t < mesh.triangles; ++t) {
            if (scene_.building[t] < 0) continue;
            for (int k = 0; k < 3; ++k) {
                const std::int32_t a = mesh.triangle[3 * t + k], b = mesh.triangle[3 * t + (k + 1) % 3];
                if (a != b) visit(std::min(a, b), Use{std::max(a, b), static_cast<std::int32_t>(t)});
            }
        }
    }

    void group() {
        starts_.assign(static_cast<std::size_t>(scene_.mesh.vertices) + 1, 0);
        each_use([&](std::int32_t low, const Use&) { ++starts_[static_cast<std::size_t>(low) + 1]; });
        for (std::size_t v = 1; v < starts_.size(); ++v) starts_[v] += starts_[v - 1];
        uses_.resize(static_cast<std::size_t>(starts_.back()));
        std::vector<std::int64_t> next(starts_.begin(), starts_.end() - 1);
        each_use([&](std::int32_t low, const Use& use) {
            uses_[static_cast<std::size_t>(next[static_cast<std::size_t>(low)]++)] = use;
        });
    }

    const double* vertex(std::int32_t v) const { return scene_.mesh.xyz + 3 * static_cast<std::int64_t>(v); }

    // A face that is seen from above and carries lines: roofs, and the tops of what stands on them.
    bool roof(std::int32_t t) const {
        switch (static_cast<Label>(scene_.label[t])) {
            case Label::roof:
            case Label::dormer_roof:
            case Label::parapet:
            case Label::chimney:
                return normals_[static_cast<std::size_t>(t)][2] > 0.02f;
            default:
                return false;
        }
    }

    void edge(std::int32_t a, std::int32_t b, std::vector<Use>::const_iterator first,
              std::vector<Use>::const_iterator last) {
        std::int32_t roofs[2] = {-1, -1}, upright = -1;
        for (auto use = first; use != last; ++use) {
            if (!roof(use->triangle)) {
                // A step tells more than an outer wall.
                if (upright < 0 || !outer(use->triangle)) upright = use->triangle;
            } else if (roofs[0] < 0) {
                roofs[0] = use->triangle;
            } else if (roofs[1] < 0) {
                roofs[1] = use->triangle;
            }
        }
        if (roofs[0] < 0) return;
        const EdgeKind kind = roofs[1] >= 0 ? crease(a, b, roofs[0], roofs[1]) : border(a, b, upright);
        if (kind == EdgeKind::none) return;
        const double *p = vertex(a), *q = vertex(b);
        edges_.push_back({{p[0], p[1], p[2]}, {q[0], q[1], q[2]}, kind});
    }

    bool outer(std::int32_t t) const {
        const auto label = static_cast<Label>(scene_.label[t]);
        return label == Label::wall || label == Label::underside || label == Label::ground ||
               label == Label::window || label == Label::door || label == Label::frame;
    }

    bool level(std::int32_t a, std::int32_t b) const {
        const double *p = vertex(a), *q = vertex(b);
        return std::fabs(q[2] - p[2]) <= level_slope * std::hypot(q[0] - p[0], q[1] - p[1]);
    }

    EdgeKind border(std::int32_t a, std::int32_t b, std::int32_t upright) const {
        if (upright >= 0 && !outer(upright)) return EdgeKind::step;
        return level(a, b) ? EdgeKind::eave : EdgeKind::verge;
    }

    // The corner of a triangle that is not on the edge.
    const double* far_corner(std::int32_t t, std::int32_t a, std::int32_t b) const {
        for (int k = 0; k < 3; ++k) {
            const std::int32_t v = scene_.mesh.triangle[3 * static_cast<std::int64_t>(t) + k];
            if (v != a && v != b) return vertex(v);
        }
        return vertex(a);
    }

    // Sine of how steeply a face falls from the edge towards its inside; negative where it rises.
    float falls(std::int32_t t, std::int32_t a, std::int32_t b) const {
        const double *p = vertex(a), *q = vertex(b), *c = far_corner(t, a, b);
        double across[2] = {q[1] - p[1], p[0] - q[0]};
        const double side = across[0] * (c[0] - p[0]) + across[1] * (c[1] - p[1]);
        const double length = std::hypot(across[0], across[1]);
        if (length == 0.0) return 0.0f;
        const Normal& n = normals_[static_cast<std::size_t>(t)];
        const double fall =
            (across[0] * static_cast<double>(n[0]) + across[1] * static_cast<double>(n[1])) / length;
        return static_cast<float>(side >= 0.0 ? fall : -fall);
    }

    EdgeKind crease(std::int32_t a, std::int32_t b, std::int32_t s, std::int32_t t) const {
        if (scene_.surface[s] == scene_.surface[t] && scene_.surface[s] >= 0) return EdgeKind::none;
        const Normal &m = normals_[static_cast<std::size_t>(s)], &n = normals_[static_cast<std::size_t>(t)];
        const double *p = vertex(a), *c = far_corner(t, a, b);
        double above = 0.0, far = 0.0;
        for (std::size_t k = 0; k < 3; ++k) {
            above += static_cast<double>(m[k]) * (c[k] - p[k]);
            far += (c[k] - p[k]) * (c[k] - p[k]);
        }
        const double cross[3] = {static_cast<double>(m[1] * n[2] - m[2] * n[1]),
                                 static_cast<double>(m[2] * n[0] - m[0] * n[2]),
                                 static_cast<double>(m[0] * n[1] - m[1] * n[0])};
        if (std::sqrt(cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2]) < coplanar)
            return EdgeKind::none;
        const float first = falls(s, a, b), second = falls(t, a, b);
        if (above > 0.0) {
            return first <= level_side && second <= level_side ? EdgeKind::valley : EdgeKind::break_;
        }
        if (first < level_side || second < level_side) return EdgeKind::break_;
        return level(a, b) ? EdgeKind::ridge : EdgeKind::hip;
    }

    const SceneMesh& scene_;
    const std::vector<Normal>& normals_;
    std::vector<std::int64_t> starts_;
    std::vector<Use> uses_;
    std::vector<RoofEdge> edges_;
};

}  // namespace

std::vector<RoofEdge> roof_edges(const SceneMesh& scene, const std::vector<Normal>& normals) {
    return Finder(scene, normals).run();
}

}  // namespace geovision
