// Pairs of triangles whose boxes meet, by a sweep along the wider plan axis. Part of the checker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace geovision {

struct TriangleBox {
    std::int32_t low[3], high[3];

    bool meets(const TriangleBox& other) const {
        for (int k = 0; k < 3; ++k) {
            if (high[k] < other.low[k] || other.high[k] < low[k]) return false;
        }
        return true;
    }
};

inline TriangleBox box_of(const std::int32_t* xyz, const std::int32_t* corner) {
    TriangleBox box;
    for (int k = 0; k < 3; ++k) {
        const auto range =
            std::minmax({xyz[3 * corner[0] + k], xyz[3 * corner[1] + k], xyz[3 * corner[2] + k]});
        box.low[k] = range.first;
        box.high[k] = range.second;
    }
    return box;
}

inline int wider_axis(const std::vector<TriangleBox>& boxes) {
    std::int64_t width[2];
    for (int k = 0; k < 2; ++k) {
        std::int64_t low = std::numeric_limits<std::int32_t>::max(),
                     high = std::numeric_limits<std::int32_t>::min();
        for (const TriangleBox& box : boxes) {
            low = std::min<std::int64_t>(low, box.low[k]);
            high = std::max<std::int64_t>(high, box.high[k]);
        }
        width[k] = high - low;
    }
    return width[0] >= width[1] ? 0 : 1;
}

// Calls visit(s, t) with s < t once for each pair of triangles whose boxes meet.
template <class Visit>
void for_near_triangles(const std::int32_t* xyz, const std::int32_t* triangles, std::int32_t count,
                        Visit visit) {
    std::vector<TriangleBox> boxes;
    boxes.reserve(static_cast<std::size_t>(count));
    for (std::int32_t t = 0; t < count; ++t) boxes.push_back(box_of(xyz, triangles + 3 * t));
    const int axis = wider_axis(boxes);
    std::vector<std::size_t> order(boxes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return boxes[a].low[axis] < boxes[b].low[axis]; });
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t j = i + 1; j < order.size(); ++j) {
            if (boxes[order[j]].low[axis] > boxes[order[i]].high[axis]) break;
            if (!boxes[order[i]].meets(boxes[order[j]])) continue;
            const auto s = static_cast<std::int32_t>(order[i]), t = static_cast<std::int32_t>(order[j]);
            visit(std::min(s, t), std::max(s, t));
        }
    }
}

}  // namespace geovision
