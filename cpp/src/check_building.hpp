// One building under the checker, shared by its files: where its arrays are, and what was found so far.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "geovision/check.hpp"

namespace geovision::checking {

__extension__ typedef __int128 Wide;  // a compiler extension, and said so under -Wpedantic

struct Finding {
    std::uint32_t faults = 0;
    std::int64_t element = -1;
    double volume = 0.0;
    double deviation = 0.0;

    void add(std::uint32_t bit, std::int64_t where) {
        if (faults == 0 || bit < (faults & (~faults + 1))) element = where;
        faults |= bit;
    }
};

// Scratch of one thread, reused from building to building.
struct Scratch {
    std::vector<std::int32_t> start, out;  // half-edges by origin: start[v]..start[v+1] into out
    std::vector<std::int32_t> twin;        // opposite half-edge, -1 for none
    std::vector<std::int32_t> vertex_solid;
    std::vector<std::int32_t> order;
    std::vector<std::int32_t> face_start, face_triangles;
    std::vector<std::int64_t> border, wanted;
    std::vector<std::array<double, 3>> cloud;
};

// Pointers to a building's own slices, their lengths, and geometry on them.
class BuildingSlice {
public:
    BuildingSlice(const SolidsView& all, const CheckOptions& options, std::int64_t index, Scratch& scratch)
        : all_(all), options_(options), s_(scratch), index_(index) {}

protected:
    static bool range(const std::int64_t* offsets, std::int64_t i, std::int64_t total) {
        return offsets[i] >= 0 && offsets[i] <= offsets[i + 1] && offsets[i + 1] <= total;
    }

    bool slice() {
        if (!range(all_.vertex_offsets, index_, all_.vertex_count) ||
            !range(all_.triangle_offsets, index_, all_.triangle_count) ||
            !range(all_.face_offsets, index_, all_.face_count)) {
            found_.add(fault::bad_offsets, -1);
            return false;
        }
        xyz_ = all_.vertices + 3 * all_.vertex_offsets[index_];
        vertices_ = static_cast<std::int32_t>(all_.vertex_offsets[index_ + 1] - all_.vertex_offsets[index_]);
        tri_ = all_.triangles + 3 * all_.triangle_offsets[index_];
        tri_face_ = all_.triangle_face + all_.triangle_offsets[index_];
        triangles_ =
            static_cast<std::int32_t>(all_.triangle_offsets[index_ + 1] - all_.triangle_offsets[index_]);
        first_face_ = all_.face_offsets[index_];
        faces_ = static_cast<std::int32_t>(all_.face_offsets[index_ + 1] - first_face_);
        return true;
    }

    static bool in(std::int32_t index, std::int32_t count) { return index >= 0 && index < count; }

    GridPoint point(std::int32_t v) const { return {xyz_[3 * v], xyz_[3 * v + 1], xyz_[3 * v + 2]}; }
    std::int32_t origin(std::int32_t half) const { return tri_[half]; }
    static std::int32_t next(std::int32_t half) { return half % 3 == 2 ? half - 2 : half + 1; }
    static std::int32_t previous(std::int32_t half) { return half % 3 == 0 ? half + 2 : half - 1; }
    std::int32_t target(std::int32_t half) const { return tri_[next(half)]; }
    std::int32_t solid(std::int32_t t) const { return all_.face_solid[first_face_ + tri_face_[t]]; }

    struct Normal {
        Wide x, y, z;
    };

    // Twice the area vector; 67 bits.
    Normal normal(std::int32_t t) const {
        const GridPoint a = point(tri_[3 * t]), b = point(tri_[3 * t + 1]), c = point(tri_[3 * t + 2]);
        const std::int64_t ux = std::int64_t{b.x} - a.x, uy = std::int64_t{b.y} - a.y,
                           uz = std::int64_t{b.z} - a.z;
        const std::int64_t vx = std::int64_t{c.x} - a.x, vy = std::int64_t{c.y} - a.y,
                           vz = std::int64_t{c.z} - a.z;
        return {Wide{uy} * vz - Wide{uz} * vy, Wide{uz} * vx - Wide{ux} * vz, Wide{ux} * vy - Wide{uy} * vx};
    }

    const SolidsView& all_;
    const CheckOptions& options_;
    Scratch& s_;
    std::int64_t index_;
    Finding found_;
    const std::int32_t* xyz_ = nullptr;
    const std::int32_t* tri_ = nullptr;
    const std::int32_t* tri_face_ = nullptr;
    std::int32_t vertices_ = 0, triangles_ = 0, faces_ = 0;
    std::int64_t first_face_ = 0;
};

// Checks rings, folds and planarity of the polygon faces. Indices are sound and twins are known by then.
Finding check_faces(const BuildingSlice& building);

}  // namespace geovision::checking
