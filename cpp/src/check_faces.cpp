// The checker's part about polygon faces: rings, folds, planes.
#include <algorithm>
#include <numeric>

#include "check_building.hpp"
#include "check_plane.hpp"

namespace geovision::checking {
namespace {

class FaceChecker : private BuildingSlice {
public:
    explicit FaceChecker(const BuildingSlice& building) : BuildingSlice(building) {}

    Finding check() {
        s_.face_start.assign(static_cast<std::size_t>(faces_) + 1, 0);
        for (std::int32_t t = 0; t < triangles_; ++t)
            ++s_.face_start[static_cast<std::size_t>(tri_face_[t]) + 1];
        std::partial_sum(s_.face_start.begin(), s_.face_start.end(), s_.face_start.begin());
        s_.face_triangles.resize(static_cast<std::size_t>(triangles_));
        s_.order.assign(s_.face_start.begin(), s_.face_start.end() - 1);
        for (std::int32_t t = 0; t < triangles_; ++t)
            s_.face_triangles[static_cast<std::size_t>(s_.order[static_cast<std::size_t>(tri_face_[t])]++)] =
                t;
        for (std::int32_t f = 0; f < faces_; ++f) {
            if (!check_rings(f)) continue;
            check_fold(f);
            check_planarity(f);
        }
        return found_;
    }

private:
    static std::int64_t directed(std::int32_t from, std::int32_t to) {
        return (std::int64_t{from} << 32) | to;
    }

    // The rings' directed edges are the triangles' directed edges less those that cancel inside the face.
    bool check_rings(std::int32_t f) {
        if (!range(all_.face_ring_offsets, first_face_ + f, all_.ring_count)) {
            found_.add(fault::bad_offsets, f);
            return false;
        }
        s_.wanted.clear();
        const std::int64_t begin = all_.face_ring_offsets[first_face_ + f],
                           end = all_.face_ring_offsets[first_face_ + f + 1];
        for (std::int64_t r = begin; r < end; ++r) {
            if (!add_ring(f, r)) return false;
        }
        s_.border.clear();
        for (std::int32_t i = s_.face_start[static_cast<std::size_t>(f)];
             i < s_.face_start[static_cast<std::size_t>(f) + 1]; ++i) {
            const std::int32_t t = s_.face_triangles[static_cast<std::size_t>(i)];
            for (std::int32_t h = 3 * t; h < 3 * t + 3; ++h) {
                const std::int32_t other = s_.twin[static_cast<std::size_t>(h)];
                if (other < 0 || tri_face_[other / 3] != f)
                    s_.border.push_back(directed(origin(h), target(h)));
            }
        }
        std::sort(s_.border.begin(), s_.border.end());
        std::sort(s_.wanted.begin(), s_.wanted.end());
        if (begin == end || s_.border != s_.wanted) found_.add(fault::ring_mismatch, f);
        return begin != end;
    }

    bool add_ring(std::int32_t f, std::int64_t r) {
        if (!range(all_.ring_offsets, r, all_.ring_vertex_count)) {
            found_.add(fault::bad_offsets, f);
            return false;
        }
        const std::int32_t* ring = all_.ring_vertices + all_.ring_offsets[r];
        const std::int64_t count = all_.ring_offsets[r + 1] - all_.ring_offsets[r];
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int32_t from = ring[i], to = ring[(i + 1) % count];
            if (!in(from, vertices_) || !in(to, vertices_)) {
                found_.add(fault::bad_index, f);
                return false;
            }
            s_.wanted.push_back(directed(from, to));
        }
        if (count < 3) found_.add(fault::ring_mismatch, f);
        return count >= 3;
    }

    // Looked at along one of the axes (roofs from above, walls from their side) no triangle of a face is
    // turned over.
    void check_fold(std::int32_t f) {
        const std::size_t begin = static_cast<std::size_t>(s_.face_start[static_cast<std::size_t>(f)]),
                          end = static_cast<std::size_t>(s_.face_start[static_cast<std::size_t>(f) + 1]);
        bool up[3] = {true, true, true}, down[3] = {true, true, true};
        for (std::size_t i = begin; i < end; ++i) {
            const Normal n = normal(s_.face_triangles[i]);
            const Wide along[3] = {n.x, n.y, n.z};
            for (int k = 0; k < 3; ++k) up[k] = up[k] && along[k] > 0, down[k] = down[k] && along[k] < 0;
        }
        for (int k = 0; k < 3; ++k)
            if (up[k] || down[k]) return;
        found_.add(fault::folded_face, f);
    }

    // Distance of the vertices from their least-squares plane, in doubles about the first one. Newell's
    // normal will not do: along a strip a few centimetres wide, a millimetre of rounding turns it over.
    void check_planarity(std::int32_t f) {
        const std::int64_t r0 = all_.face_ring_offsets[first_face_ + f];
        const std::int64_t r1 = all_.face_ring_offsets[first_face_ + f + 1];
        const std::int64_t begin = all_.ring_offsets[r0], end = all_.ring_offsets[r1];
        const GridPoint o = point(all_.ring_vertices[begin]);
        s_.cloud.clear();
        for (std::int64_t i = begin; i < end; ++i) s_.cloud.push_back(relative(all_.ring_vertices[i], o));
        const double worst = distance_from_plane(s_.cloud) * all_.grid;
        found_.deviation = std::max(found_.deviation, worst);
        if (worst > options_.planarity) found_.add(fault::not_planar, f);
    }

    std::array<double, 3> relative(std::int32_t v, const GridPoint& o) const {
        const GridPoint p = point(v);
        return {static_cast<double>(std::int64_t{p.x} - o.x), static_cast<double>(std::int64_t{p.y} - o.y),
                static_cast<double>(std::int64_t{p.z} - o.z)};
    }
};

}  // namespace

Finding check_faces(const BuildingSlice& building) { return FaceChecker(building).check(); }

}  // namespace geovision::checking
