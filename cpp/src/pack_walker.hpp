// What planning and filling a pack share: blocks of buildings, their faces in order, groups.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "geovision/pack.hpp"

namespace geovision {

constexpr std::int64_t pack_block = 256;  // buildings; fixed, so that nothing depends on the threads

inline std::int64_t block_count(const PackSolids& solids) {
    return (solids.buildings + pack_block - 1) / pack_block;
}

// Walks the faces of one building: for each, its triangles in order. Scratch is kept between buildings.
class PackWalker {
public:
    explicit PackWalker(const PackSolids& solids) : solids_(solids) {}

    // Calls visit(face, first, last): the triangles of one face are triangle(first) .. triangle(last - 1).
    template <class Visit>
    void faces(std::int64_t building, Visit visit) {
        const std::int64_t begin = solids_.triangle_offsets[building];
        const std::int64_t end = solids_.triangle_offsets[building + 1];
        order_.clear();
        base_ = begin;
        if (!std::is_sorted(solids_.triangle_face + begin, solids_.triangle_face + end)) sort(begin, end);
        const std::int64_t count = end - begin;
        for (std::int64_t first = 0; first < count;) {
            const std::int32_t face = solids_.triangle_face[triangle(first)];
            std::int64_t last = first + 1;
            while (last < count && solids_.triangle_face[triangle(last)] == face) ++last;
            visit(face, first, last);
            first = last;
        }
    }

    std::int64_t triangle(std::int64_t i) const {
        return order_.empty() ? base_ + i : order_[static_cast<std::size_t>(i)];
    }

    // The slot that `vertex` has in the current face, or -1 the first time it is met there.
    void begin_building(std::int64_t vertices) {
        if (static_cast<std::int64_t>(stamp_.size()) < vertices) {
            stamp_.resize(static_cast<std::size_t>(vertices), 0);
            slot_.resize(static_cast<std::size_t>(vertices), 0);
        }
    }
    void begin_face() { ++serial_; }
    bool is_new(std::int32_t vertex) {
        if (stamp_[static_cast<std::size_t>(vertex)] == serial_) return false;
        stamp_[static_cast<std::size_t>(vertex)] = serial_;
        return true;
    }
    std::uint32_t& slot(std::int32_t vertex) { return slot_[static_cast<std::size_t>(vertex)]; }

private:
    void sort(std::int64_t begin, std::int64_t end) {
        order_.resize(static_cast<std::size_t>(end - begin));
        for (std::int64_t i = begin; i < end; ++i) order_[static_cast<std::size_t>(i - begin)] = i;
        std::stable_sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
            return solids_.triangle_face[a] < solids_.triangle_face[b];
        });
    }

    const PackSolids& solids_;
    std::vector<std::int64_t> order_;  // empty where the triangles already stand face by face
    std::int64_t base_ = 0;
    std::vector<std::uint64_t> stamp_;
    std::vector<std::uint32_t> slot_;
    std::uint64_t serial_ = 0;
};

inline std::size_t group_of(const PackSolids& solids, const PackOptions& options, std::int64_t face) {
    return solids.face_group != nullptr ? solids.face_group[face]
                                        : options.group_of_label[solids.face_label[face]];
}

inline std::size_t index_size(const PackGroup& group) {
    return 3 * static_cast<std::size_t>(group.triangles) * static_cast<std::size_t>(group.index_bytes);
}

inline bool in_metres(const PackOptions& options, std::size_t group) { return options.metre_groups[group]; }

}  // namespace geovision
