#include "facade_wall.hpp"

#include <algorithm>

namespace geovision {
namespace {

constexpr std::int32_t step_height = 1000;  // an upright edge as high as this parts a wall
constexpr std::int32_t narrowest = 100;     // piece
constexpr std::int32_t smallest = 200;      // opening
constexpr std::int32_t thinnest = 20;       // thing
constexpr std::int32_t door_up = 1500;      // a wall whose foot is higher above the ground has no doors
constexpr std::int32_t threshold = 20;      // a door's foot above the terrain
constexpr std::int32_t window_up = 100;     // a window above the terrain
constexpr std::int32_t steps_from = 180;    // lower thresholds need no steps
constexpr std::int32_t steps_most = 2500;   // higher ones are no doors
constexpr std::int32_t least_door = 1800;
constexpr std::int32_t garage_step = 300;
constexpr std::int32_t plinth_up = 900;  // most that terrain lifts a plinth

// Does the open segment or its line cross the inside of the box?
bool crosses(const std::int32_t* a, const std::int32_t* b, const FacadeBox& box) {
    if (std::max(a[0], b[0]) <= box.s0 || std::min(a[0], b[0]) >= box.s1 || std::max(a[1], b[1]) <= box.z0 ||
        std::min(a[1], b[1]) >= box.z1)
        return false;
    const std::int64_t ds = std::int64_t(b[0]) - a[0], dz = std::int64_t(b[1]) - a[1];
    const auto turn = [&](std::int32_t s, std::int32_t z) {
        return ds * (std::int64_t(z) - a[1]) - dz * (std::int64_t(s) - a[0]);
    };
    const std::int64_t t[4] = {turn(box.s0, box.z0), turn(box.s1, box.z0), turn(box.s0, box.z1),
                               turn(box.s1, box.z1)};
    return *std::min_element(t, t + 4) < 0 && *std::max_element(t, t + 4) > 0;
}

// Height of an edge at s, rounded up or down.
std::int32_t height_at(const std::int32_t* a, const std::int32_t* b, std::int32_t s, bool up) {
    if (a[0] > b[0]) std::swap(a, b);
    if (s <= a[0]) return a[1];
    if (s >= b[0]) return b[1];
    const std::int64_t run = std::int64_t(b[0]) - a[0];
    const std::int64_t rise = (std::int64_t(b[1]) - a[1]) * (std::int64_t(s) - a[0]);
    std::int64_t whole = rise / run;
    const std::int64_t rest = rise % run;
    if (rest != 0 && up && rest > 0) ++whole;
    if (rest != 0 && !up && rest < 0) --whole;
    return static_cast<std::int32_t>(a[1] + whole);
}

}  // namespace

std::int32_t FacadeBins::bin_of(std::int32_t z) const {
    const auto last = static_cast<std::int32_t>(first_.size()) - 1;
    return std::clamp(z / 1000, 0, last);
}

void FacadeBins::clear(std::int32_t height) {
    first_.assign(std::size_t(std::clamp(height / 1000 + 1, 1, 4096)), -1);
    entries_.clear();
}

void FacadeBins::add(const FacadeBox& box, std::int32_t name) {
    for (std::int32_t bin = bin_of(box.z0), last = bin_of(box.z1); bin <= last; ++bin) {
        entries_.push_back({box, name, first_[std::size_t(bin)]});
        first_[std::size_t(bin)] = static_cast<std::int32_t>(entries_.size()) - 1;
    }
}

void FacadeWall::begin(const Walls& walls, std::int64_t wall, std::int32_t ground) {
    walls_ = &walls;
    wall_ = wall;
    const auto w = std::size_t(wall);
    z_ground_ = ground - walls.corner[3 * w + 2];
    length_ = walls.length[w];
    outer_ = walls.label[w] == std::uint8_t(Label::wall);
    roof_ = walls.label[w] == std::uint8_t(Label::roof);
    blocked_begin_ = walls.blocked_offsets[w];
    blocked_end_ = walls.blocked_offsets[w + 1];
    simple_ = walls.ring_offsets[w + 1] - walls.ring_offsets[w] == 1;
    find_pieces();
}

std::int32_t FacadeWall::base() const { return foot_ - z_ground_; }

void FacadeWall::find_pieces() {
    pieces_.clear();
    foot_ = 0;
    const std::int64_t ring = walls_->ring_offsets[std::size_t(wall_)];
    if (ring == walls_->ring_offsets[std::size_t(wall_) + 1]) return;
    const std::int64_t first = walls_->vertex_offsets[std::size_t(ring)],
                       count = walls_->vertex_offsets[std::size_t(ring) + 1] - first;
    const std::int32_t* sz = walls_->sz.data() + 2 * first;
    const auto at = [&](std::int64_t i) { return sz + 2 * (i % count); };
    cuts_.assign({0, length_});
    foot_ = count > 0 ? INT32_MAX : 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t *a = at(i), *b = at(i + 1);
        foot_ = std::min(foot_, a[1]);
        if (a[0] != b[0] || a[0] <= 0 || a[0] >= length_) continue;
        simple_ = false;
        if (std::abs(a[1] - b[1]) >= step_height) cuts_.push_back(a[0]);
    }
    std::sort(cuts_.begin(), cuts_.end());
    for (std::size_t c = 0; c + 1 < cuts_.size(); ++c) {
        const std::int32_t s0 = cuts_[c], s1 = cuts_[c + 1];
        if (s1 - s0 < narrowest) continue;
        FacadePiece piece;
        std::int32_t low = INT32_MIN, lowest = INT32_MAX, high = INT32_MAX;
        piece.top = INT32_MIN;
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int32_t *a = at(i), *b = at(i + 1);
            const std::int32_t from = std::max(s0, std::min(a[0], b[0])),
                               to = std::min(s1, std::max(a[0], b[0]));
            if (from >= to) continue;
            const bool lower = b[0] > a[0];
            for (const std::int32_t s : {from, to}) {
                const std::int32_t z = height_at(a, b, s, lower);
                if (lower) {
                    low = std::max(low, z), lowest = std::min(lowest, z);
                } else {
                    high = std::min(high, z), piece.top = std::max(piece.top, z);
                }
            }
        }
        if (low == INT32_MIN || high == INT32_MAX) continue;
        piece.level_foot = low == lowest;
        piece.band = {s0, s1, low, std::max(low, high)};
        pieces_.push_back(piece);
    }
}

std::int32_t FacadeWall::usual_top() const {
    // Few pieces: nothing is sorted.
    std::int64_t all = 0;
    for (const FacadePiece& p : pieces_) all += p.band.s1 - p.band.s0;
    std::int32_t found = INT32_MIN;
    for (const FacadePiece& p : pieces_) {
        std::int64_t up_to = 0;
        for (const FacadePiece& q : pieces_) up_to += q.band.z1 <= p.band.z1 ? q.band.s1 - q.band.s0 : 0;
        if (2 * up_to >= all && (found == INT32_MIN || p.band.z1 < found)) found = p.band.z1;
    }
    return found == INT32_MIN ? found : found - z_ground_;
}

double FacadeWall::blocked_share(const FacadePiece& piece) const {
    // A neighbour that reaches a man's height up is in the way of windows.
    const std::int32_t foot = std::max(piece.band.z0, std::min(z_ground_, piece.band.z1));
    const std::int32_t up = std::min(foot + 1800, (foot + piece.top) / 2);
    std::int64_t total = 0;
    std::int32_t done = piece.band.s0;
    cut_blocked([&](const FacadeBox& span) {
        if (span.z1 < up) return;
        const std::int32_t from = std::max(span.s0, done), to = std::min(span.s1, piece.band.s1);
        if (from < to) total += to - from, done = to;
    });
    return static_cast<double>(total) / (piece.band.s1 - piece.band.s0);
}

bool FacadeWall::is_blocked(const FacadeBox& box, std::int32_t gap) const {
    for (std::int64_t i = blocked_begin_; i < blocked_end_; ++i) {
        const std::int32_t* span = walls_->blocked.data() + 3 * i;
        if (box.s0 < span[1] + gap && span[0] < box.s1 + gap && box.z0 < span[2] + gap) return true;
    }
    return false;
}

bool FacadeWall::inside(const FacadePiece& piece, const FacadeBox& box) const {
    const FacadeBox& band = piece.band;
    if (simple_ && box.s0 >= band.s0 && box.s1 <= band.s1 && box.z0 >= band.z0 && box.z1 <= band.z1)
        return true;
    if (box.s0 < 0 || box.s1 > length_) return false;
    const std::int32_t middle[2] = {box.s0 + (box.s1 - box.s0) / 2, box.z0 + (box.z1 - box.z0) / 2};
    bool in = false;
    for (std::int64_t r = walls_->ring_offsets[std::size_t(wall_)];
         r < walls_->ring_offsets[std::size_t(wall_) + 1]; ++r) {
        const std::int64_t first = walls_->vertex_offsets[std::size_t(r)],
                           count = walls_->vertex_offsets[std::size_t(r) + 1] - first;
        const std::int32_t* sz = walls_->sz.data() + 2 * first;
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int32_t *a = sz + 2 * i, *b = sz + 2 * ((i + 1) % count);
            if (crosses(a, b, box)) return false;
            if ((a[1] > middle[1]) == (b[1] > middle[1])) continue;
            const std::int64_t turn = (std::int64_t(b[0]) - a[0]) * (std::int64_t(middle[1]) - a[1]) -
                                      (std::int64_t(b[1]) - a[1]) * (std::int64_t(middle[0]) - a[0]);
            if ((turn > 0) == (b[1] > a[1])) in = !in;
        }
    }
    return in;
}

std::int32_t FacadeWall::terrain(std::int32_t s, bool up) const {
    const std::int32_t* g = walls_->ground.data() + 2 * wall_;
    if (length_ <= 0) return g[0];
    const std::int32_t a[2] = {0, g[0]}, b[2] = {length_, g[1]};
    return height_at(a, b, s, up);
}

std::int32_t FacadeWall::terrain_max(const FacadeBox& box) const {
    return std::max(terrain(box.s0, true), terrain(box.s1, true));
}

std::int32_t FacadeWall::terrain_min(const FacadeBox& box) const {
    return std::min(terrain(box.s0, false), terrain(box.s1, false));
}

int FacadeWall::settle_door(ElementKind kind, const FacadePiece& piece, FacadeBox& box,
                            std::int32_t& steps) const {
    const std::int32_t high = terrain_max(box), low = terrain_min(box), bottom = piece.band.z0;
    const auto unreachable = int(FacadeDrop::not_reachable);
    if (!outer_ || base() > door_up) return unreachable;
    std::int32_t foot = std::max(box.z0, high > bottom ? high + threshold : bottom);
    // On the wall's foot, or clear of it: nothing thinner is left between.
    if (foot < bottom + facade_margin)
        foot = foot <= bottom && piece.level_foot ? bottom : bottom + facade_margin;
    steps = foot - low;
    if (steps > (kind == ElementKind::garage_door ? garage_step : steps_most)) return unreachable;
    const FacadeBox asked = box;
    box.z1 += foot - box.z0;
    box.z0 = foot;
    const auto fits = [&](const FacadeBox& b) {
        const std::int32_t under = b.z0 == bottom ? 0 : facade_margin;
        return inside(piece,
                      {b.s0 - facade_margin, b.s1 + facade_margin, b.z0 - under, b.z1 + facade_margin});
    };
    if (fits(box)) return -1;
    // Under a low ceiling a door is lower.
    box.z1 = asked.z1;
    if (box.z1 - box.z0 >= least_door && fits(box)) return -1;
    return int(FacadeDrop::outside);
}

int FacadeWall::settle(ElementKind kind, const FacadePiece& piece, FacadeBox& box,
                       std::int32_t& steps) const {
    steps = 0;
    if (box.s1 - box.s0 < smallest || box.z1 - box.z0 < smallest) return int(FacadeDrop::too_small);
    if (roof_) return int(FacadeDrop::outside);
    int why = -1;
    if (kind == ElementKind::door || kind == ElementKind::garage_door) {
        why = settle_door(kind, piece, box, steps);
        if (why >= 0) return why;
    } else {
        const std::int32_t least = terrain_max(box) + window_up;
        if (box.z0 < least && box.z1 - least >= (box.z1 - box.z0) * 6 / 10) box.z0 = least;
        if (box.z0 < least) return int(FacadeDrop::below_ground);
        if (!inside(piece, {box.s0 - facade_margin, box.s1 + facade_margin, box.z0 - facade_margin,
                            box.z1 + facade_margin}))
            return int(FacadeDrop::outside);
    }
    return is_blocked(box, facade_margin) ? int(FacadeDrop::blocked) : -1;
}

void FacadeWall::settle_foot(ElementKind kind, const FacadePiece& piece, FacadeBox& box) const {
    if (!outer_ || box.z0 != z_ground_) return;
    const std::int32_t lift = std::clamp(terrain_max(box) - z_ground_, 0, plinth_up);
    box.z0 = std::min(box.z0, piece.band.z0);
    if (kind != ElementKind::band) return;
    box.z1 = std::max(box.z1, std::min(box.z1 + lift, piece.band.z1));
}

int FacadeWall::settle_thing(ElementKind kind, const FacadePiece& piece, FacadeBox& box) const {
    // What reaches a little over its opening ends with the wall.
    box.s0 = std::max(box.s0, 0);
    box.s1 = std::min(box.s1, length_);
    if (box.s1 - box.s0 < thinnest || box.z1 - box.z0 < thinnest) return int(FacadeDrop::too_small);
    // Roof windows keep clear of the border as openings do; a little more, because faces are rounded.
    const std::int32_t margin = roof_ ? facade_margin + 2 : 0;
    const FacadeBox room{box.s0 - margin, box.s1 + margin, box.z0 - margin, box.z1 + margin};
    if (kind == ElementKind::chimney_cap || roof_ != (kind == ElementKind::roof_window) ||
        !inside(piece, room))
        return int(FacadeDrop::outside);
    if (kind == ElementKind::band || kind == ElementKind::cornice) return -1;
    return is_blocked(box, 0) ? int(FacadeDrop::blocked) : -1;
}

}  // namespace geovision
