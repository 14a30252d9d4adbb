#include "instance_slabs.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {
namespace {

constexpr std::int32_t to_corner = 5;   // grid steps within which a slab or a wall ends at a corner
constexpr double widest_turn = 2.0944;  // 120 degrees: round sharper corners slabs do not run

}  // namespace

bool SlabCorners::is_slab(std::size_t element) const {
    const auto kind = static_cast<ElementKind>(elements_.kind[element]);
    const std::int64_t wall = elements_.wall[element];
    return (kind == ElementKind::cornice || kind == ElementKind::band) && wall >= 0 &&
           wall < static_cast<std::int64_t>(walls_.face.size());
}

SlabCorners::Slab SlabCorners::slab_of(std::size_t element) const {
    const auto w = static_cast<std::size_t>(elements_.wall[element]);
    const double *d = walls_.direction.data() + 2 * w, length = walls_.length[w];
    const std::int32_t* c = walls_.corner.data() + 3 * w;
    return {elements_.wall[element],
            c[2] + elements_.z0[element],
            c[2] + elements_.z1[element],
            {double(c[0]), double(c[1])},
            {c[0] + length * d[0], c[1] + length * d[1]},
            elements_.s0[element] <= to_corner,
            elements_.s1[element] >= walls_.length[w] - to_corner};
}

void SlabCorners::find() {
    slabs_.clear();
    known_ = true;
    const auto first =
                   static_cast<std::size_t>(elements_.building_offsets[static_cast<std::size_t>(building_)]),
               last = static_cast<std::size_t>(
                   elements_.building_offsets[static_cast<std::size_t>(building_) + 1]);
    for (std::size_t e = first; e < last; ++e) {
        if (!is_slab(e)) continue;
        const Slab slab = slab_of(e);
        if (slab.at_left || slab.at_right) slabs_.push_back(slab);
    }
}

double SlabCorners::beyond(std::size_t element, bool to_right) {
    if (!is_slab(element)) return 0.0;
    const Slab mine = slab_of(element);
    if (!(to_right ? mine.at_right : mine.at_left)) return 0.0;
    if (!known_) find();
    const double *end = to_right ? mine.right : mine.left, *a = walls_.direction.data() + 2 * mine.wall;
    for (const Slab& other : slabs_) {
        const double* begin = to_right ? other.left : other.right;
        if (other.wall == mine.wall || !(to_right ? other.at_left : other.at_right) || other.z0 >= mine.z1 ||
            other.z1 <= mine.z0 || std::abs(begin[0] - end[0]) > to_corner ||
            std::abs(begin[1] - end[1]) > to_corner)
            continue;
        const double* b = walls_.direction.data() + 2 * other.wall;
        const double turn = std::atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]);
        const double outward = to_right ? turn : -turn;  // a left turn goes round an outer corner
        return outward > 0.0 && outward < widest_turn ? std::tan(outward / 2) : 0.0;
    }
    return 0.0;
}

// Whether a line square to the direction parts them.
bool FarOut::apart(const Box& a, const Box& b, double dx, double dy) {
    double low[2], high[2];
    const Box* boxes[2] = {&a, &b};
    for (int k = 0; k < 2; ++k) {
        low[k] = high[k] = boxes[k]->x[0] * dx + boxes[k]->y[0] * dy;
        for (int i = 1; i < 4; ++i) {
            const double at = boxes[k]->x[i] * dx + boxes[k]->y[i] * dy;
            low[k] = std::min(low[k], at), high[k] = std::max(high[k], at);
        }
    }
    return high[0] <= low[1] || high[1] <= low[0];
}

bool FarOut::place(std::int64_t wall, std::int32_t s0, std::int32_t s1, std::int32_t z0, std::int32_t z1,
                   std::int32_t depth) {
    const auto w = static_cast<std::size_t>(wall);
    const double dx = walls_.direction[2 * w], dy = walls_.direction[2 * w + 1];
    const std::int32_t* c = walls_.corner.data() + 3 * w;
    Box box{wall, c[2] + z0, c[2] + z1, {}, {}};
    for (int i = 0; i < 4; ++i) {
        const double s = i == 0 || i == 3 ? s0 : s1, out = i < 2 ? 0 : depth;
        box.x[i] = c[0] + s * dx + out * dy, box.y[i] = c[1] + s * dy - out * dx;
    }
    for (const Box& other : placed_) {
        if (other.wall == wall || other.z0 >= box.z1 || other.z1 <= box.z0) continue;
        const auto o = static_cast<std::size_t>(other.wall);
        const double ox = walls_.direction[2 * o], oy = walls_.direction[2 * o + 1];
        if (!apart(box, other, dx, dy) && !apart(box, other, dy, -dx) && !apart(box, other, ox, oy) &&
            !apart(box, other, oy, -ox))
            return false;
    }
    placed_.push_back(box);
    return true;
}

}  // namespace geovision
