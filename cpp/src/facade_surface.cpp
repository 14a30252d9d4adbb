#include "facade_surface.hpp"

#include <algorithm>

namespace geovision {
namespace {

constexpr std::int32_t shortest_band = 50;
constexpr std::int32_t tread = 280, riser = 175, beside_door = 150;
constexpr std::int32_t buried = 2 * riser;  // of steps, for ground that falls away from the wall

bool is_band(ElementKind kind) { return kind == ElementKind::band || kind == ElementKind::cornice; }
// A railing stands away from the wall, as far as its balcony reaches.
bool is_free(ElementKind kind) { return kind == ElementKind::railing; }

}  // namespace

void FacadeSurface::begin(const FacadeWall& wall, std::int32_t height, std::uint32_t* dropped) {
    wall_ = &wall;
    dropped_ = dropped;
    elements_.clear();
    openings_.clear(height);
    things_.clear(height);
}

std::int32_t FacadeSurface::add(const FacadePiece& piece, FacadeElement e) {
    std::int32_t rise = 0;
    int why = -1;
    if (is_opening(e.kind)) {
        why = wall_->settle(e.kind, piece, e.box, rise);
        if (why < 0 &&
            openings_.any(e.box, facade_margin, [](std::int32_t, const FacadeBox&) { return true; }))
            why = int(FacadeDrop::overlap);
    } else {
        if (e.kind == ElementKind::band || e.kind == ElementKind::pilaster)
            wall_->settle_foot(e.kind, piece, e.box);
        why = wall_->settle_thing(e.kind, piece, e.box);
    }
    if (why >= 0) {
        drop(static_cast<FacadeDrop>(why));
        return -1;
    }
    const std::int32_t number = size();
    e.kept = true;
    elements_.push_back(e);
    if (is_opening(e.kind)) openings_.add(e.box, number);
    if (e.kind == ElementKind::door && rise >= 180) {
        const std::int32_t low = std::max(e.box.z0 - rise - buried, piece.band.z0);
        const std::int32_t treads = (e.box.z0 - low + riser - 1) / riser;
        FacadeElement steps{
            ElementKind::steps, e.box, std::min(treads * tread, 3000), -1, -1, -1, number, true};
        steps.box = {e.box.s0 - beside_door, e.box.s1 + beside_door, low, e.box.z0};
        if (wall_->settle_thing(ElementKind::steps, piece, steps.box) < 0) elements_.push_back(steps);
    }
    return number;
}

bool FacadeSurface::belongs(std::int32_t thing, std::int32_t to) const {
    for (std::int32_t p = elements_[std::size_t(thing)].parent; p >= 0;
         p = elements_[std::size_t(p)].parent) {
        if (p == to) return true;
    }
    return false;
}

void FacadeSurface::finish() {
    const std::int32_t count = size();
    for (std::int32_t i = 0; i < count; ++i) {
        FacadeElement& e = elements_[std::size_t(i)];
        if (e.parent >= 0 && !elements_[std::size_t(e.parent)].kept) e.kept = false;
        if (!e.kept || is_opening(e.kind) || is_band(e.kind) || is_free(e.kind)) continue;
        const auto other = [&](std::int32_t n, const FacadeBox&) { return !belongs(i, n); };
        const bool in_the_way =
            (e.kind != ElementKind::canopy && openings_.any(e.box, 0, other)) || things_.any(e.box, 0, other);
        if (in_the_way) {
            e.kept = false;
            drop(FacadeDrop::overlap);
        } else {
            things_.add(e.box, i);
        }
    }
    for (std::int32_t i = 0; i < count; ++i) {
        if (elements_[std::size_t(i)].kept && is_band(elements_[std::size_t(i)].kind)) cut_band(i);
    }
}

// What is left of a band beside openings, things and neighbours: the first piece takes its place, others
// follow at the end.
void FacadeSurface::cut_band(std::int32_t i) {
    const FacadeElement whole = elements_[std::size_t(i)];
    rest_.assign(1, whole.box);
    const auto cut = [&](std::int32_t, const FacadeBox& box) {
        take_out(box);
        return false;
    };
    openings_.any(whole.box, 0, cut);
    things_.any(whole.box, 0, cut);
    wall_->cut_blocked([&](const FacadeBox& span) { take_out(span); });
    std::sort(rest_.begin(), rest_.end(), [](const FacadeBox& a, const FacadeBox& b) { return a.s0 < b.s0; });
    elements_[std::size_t(i)].kept = false;
    bool first = true;
    for (const FacadeBox& box : rest_) {
        if (box.s1 - box.s0 < shortest_band) continue;
        FacadeElement piece = whole;
        piece.box = box;
        piece.kept = true;
        things_.add(box, first ? i : size());
        if (first)
            elements_[std::size_t(i)] = piece;
        else
            elements_.push_back(piece);
        first = false;
    }
    if (first) drop(FacadeDrop::overlap);
}

void FacadeSurface::take_out(const FacadeBox& hole) {
    const std::size_t count = rest_.size();
    for (std::size_t i = 0; i < count; ++i) {
        const FacadeBox box = rest_[i];
        if (!box.meets(hole, 0)) continue;
        rest_[i].s1 = std::max(box.s0, hole.s0);
        if (hole.s1 < box.s1) rest_.push_back({hole.s1, box.s1, box.z0, box.z1});
    }
}

}  // namespace geovision
