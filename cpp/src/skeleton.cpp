#include "geovision/skeleton.hpp"

#include <algorithm>
#include <cmath>

#include "skeleton_check.hpp"
#include "skeleton_wavefront.hpp"

namespace geovision {

struct SkeletonWorkspace::Impl {
    skeleton::Wavefront wavefront;
    skeleton::Checker checker;
    std::vector<double> moved;
};

SkeletonWorkspace::SkeletonWorkspace() : impl_(new Impl) {}
SkeletonWorkspace::~SkeletonWorkspace() = default;
SkeletonWorkspace::SkeletonWorkspace(SkeletonWorkspace&&) noexcept = default;
SkeletonWorkspace& SkeletonWorkspace::operator=(SkeletonWorkspace&&) noexcept = default;

namespace {

// A retry: ties are told by `eps`; vertices are moved by up to `shift` metres.
struct Attempt {
    double eps, shift;
};
constexpr Attempt attempts[] = {{1e-7, 0},    {1e-9, 0},    {3e-6, 0},    {1e-9, 1e-7},
                                {1e-9, 1e-6}, {1e-9, 1e-5}, {1e-8, 3e-5}, {1e-8, 7e-5}};

// Deterministic noise in -1..1.
double noise(std::uint64_t k) {
    k += 0x9E3779B97F4A7C15ull;
    k = (k ^ (k >> 30)) * 0xBF58476D1CE4E5B9ull;
    k = (k ^ (k >> 27)) * 0x94D049BB133111EBull;
    k ^= k >> 31;
    return static_cast<double>(k >> 11) * 0x1p-52 - 1.0;
}

bool valid(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings, const double* slope) {
    if (rings < 1) return false;
    for (std::int64_t r = 0; r < rings; ++r) {
        const std::int64_t first = ring_offsets[r], last = ring_offsets[r + 1] - 1;
        if (last - first < 2) return false;
        double area = 0;
        for (std::int64_t i = first; i <= last; ++i) {
            const std::int64_t h = i == first ? last : i - 1, j = i == last ? first : i + 1;
            const double dx = xy[2 * j] - xy[2 * i], dy = xy[2 * j + 1] - xy[2 * i + 1];
            if (!(slope[i] > 0) || !(std::fabs(xy[2 * i]) < 1e9) || !(std::fabs(xy[2 * i + 1]) < 1e9)) {
                return false;
            }
            if (dx == 0 && dy == 0) return false;
            area += xy[2 * i] * xy[2 * j + 1] - xy[2 * i + 1] * xy[2 * j];
            if (std::isinf(slope[i]) || std::isinf(slope[h])) {
                const double px = xy[2 * i] - xy[2 * h], py = xy[2 * i + 1] - xy[2 * h + 1];
                if (px * dy - py * dx < 0) return false;
            }
        }
        if (!(r == 0 ? area > 0 : area < 0)) return false;
    }
    return true;
}

void sort_pieces(const double* xy, const std::vector<std::int32_t>& next, Skeleton& out) {
    if (out.pieces.empty()) return;
    const auto along = [&](const SkeletonPiece& p) {
        const std::int32_t i = p.edge, j = next[i];
        const SkeletonNode &a = out.nodes[p.a], &b = out.nodes[p.b];
        return (xy[2 * j] - xy[2 * i]) * (a.x + b.x) + (xy[2 * j + 1] - xy[2 * i + 1]) * (a.y + b.y);
    };
    std::sort(out.pieces.begin(), out.pieces.end(), [&](const SkeletonPiece& p, const SkeletonPiece& q) {
        return p.edge != q.edge ? p.edge < q.edge : along(p) < along(q);
    });
}

}  // namespace

SkeletonStatus straight_skeleton(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                                 const double* slope, double max_h, SkeletonWorkspace& ws, Skeleton& out,
                                 SkeletonProof proof) {
    if (!valid(xy, ring_offsets, rings, slope) || !(max_h > 0)) return SkeletonStatus::bad_input;
    auto& impl = ws.impl();
    const auto n = static_cast<std::size_t>(ring_offsets[rings]);
    std::uint64_t seed = 0;
    for (const Attempt& attempt : attempts) {
        const double* points = xy;
        if (attempt.shift > 0) {
            impl.moved.resize(2 * n);
            for (std::size_t k = 0; k < 2 * n; ++k) impl.moved[k] = xy[k] + attempt.shift * noise(++seed);
            points = impl.moved.data();
        }
        auto& wavefront = impl.wavefront;
        if (!wavefront.run(points, ring_offsets, rings, slope, max_h, attempt.eps, out)) continue;
        if (proof == SkeletonProof::now &&
            !impl.checker.sound(wavefront.edges(), wavefront.next_vertex(), out, 20 * attempt.eps))
            continue;
        for (std::size_t k = 0; attempt.shift > 0 && k < n; ++k) out.nodes[k] = {xy[2 * k], xy[2 * k + 1], 0};
        sort_pieces(xy, wavefront.next_vertex(), out);
        return attempt.shift > 0 ? SkeletonStatus::perturbed : SkeletonStatus::ok;
    }
    return SkeletonStatus::failed;
}

void gable_candidates(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings,
                      const Skeleton& hipped, std::vector<std::uint8_t>& gable) {
    const auto n = static_cast<std::size_t>(ring_offsets[rings]);
    // While counting: sides of each face; 100 more for each that does not start
    // at the outline.
    gable.assign(n, 0);
    const auto count = [&](std::int32_t face) {
        if (face >= 0 && gable[face] < 100) ++gable[face];
    };
    for (const SkeletonArc& a : hipped.arcs) {
        count(a.left);
        count(a.right);
        if (a.left < 0 || a.right < 0) gable[std::max(a.left, a.right)] = 100;
    }
    for (const SkeletonPiece& p : hipped.pieces) {
        gable[p.edge] = 100;
        if (p.face >= 0) gable[p.face] = 100;
    }
    struct Candidate {
        double length;
        std::int64_t i, h, j;
    };
    std::vector<Candidate> found;
    for (std::int64_t r = 0; r < rings; ++r) {
        const std::int64_t first = ring_offsets[r], size = ring_offsets[r + 1] - first;
        for (std::int64_t k = 0; k < size; ++k) {
            const std::int64_t i = first + k, h = first + (k + size - 1) % size, j = first + (k + 1) % size,
                               m = first + (k + 2) % size;
            if (gable[i] != 2) continue;
            const double ax = xy[2 * i] - xy[2 * h], ay = xy[2 * i + 1] - xy[2 * h + 1];
            const double bx = xy[2 * j] - xy[2 * i], by = xy[2 * j + 1] - xy[2 * i + 1];
            const double cx = xy[2 * m] - xy[2 * j], cy = xy[2 * m + 1] - xy[2 * j + 1];
            const bool convex = ax * by - ay * bx > 0 && bx * cy - by * cx > 0;
            const double facing = -(ax * cx + ay * cy);
            if (!convex || facing < 0 || 2 * facing * facing < (ax * ax + ay * ay) * (cx * cx + cy * cy))
                continue;
            found.push_back({std::hypot(bx, by), i, h, j});
        }
    }
    std::sort(found.begin(), found.end(), [](const Candidate& p, const Candidate& q) {
        return p.length != q.length ? p.length < q.length : p.i < q.i;
    });
    gable.assign(n, 0);
    for (const Candidate& c : found) gable[c.i] = !gable[c.h] && !gable[c.j];
}

}  // namespace geovision
