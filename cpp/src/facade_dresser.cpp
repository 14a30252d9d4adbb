#include "facade_dresser.hpp"

#include <algorithm>

namespace geovision {
namespace {

constexpr std::uint8_t undecided = 255;
constexpr std::uint8_t white[3] = {255, 255, 255};

}  // namespace

void Dresser::building(std::int64_t b) {
    b_ = b;
    first_element_ = e_.building_offsets[std::size_t(b)];
    last_element_ = e_.building_offsets[std::size_t(b) + 1];
    for (int k = 0; k < 3; ++k) out.origin.push_back(solids_.origin[3 * std::size_t(b) + std::size_t(k)]);
    out.status.push_back(solids_.status[std::size_t(b)]);
    out.flags.push_back(solids_.flags[std::size_t(b)]);
    const BuildingView view(solids_, b);
    openings_.clear(), things_.clear();
    sort_elements(view);
    if (!sorted_.empty()) {
        pockets_.clear(), things_placed_.clear();
        room_.begin(view);
        ground_known_ = false;
        for (const bool opening : {true, false}) {
            for (std::size_t i = 0; i < sorted_.size();) {
                const std::int32_t wall = e_.wall[std::size_t(sorted_[i])];
                std::size_t end = i + 1;
                while (end < sorted_.size() && e_.wall[std::size_t(sorted_[end])] == wall) ++end;
                const auto count = std::int64_t(end - i);
                if (wall >= 0 && opening) place_openings(view, wall, &sorted_[i], count);
                if (wall >= 0 && !opening) place_things(wall, &sorted_[i], count);
                if (wall < 0 && !opening)
                    for (; i < end; ++i) place_on_face(view, sorted_[i]);
                i = end;
            }
        }
    }
    writer_.begin(view);
    while (!write(view)) {
        // A polygon that cannot be cut: its wall keeps none of its openings, or a thing is left out.
        openings_.erase(
            std::remove_if(openings_.begin(), openings_.end(), [&](const Opening& o) { return drop(o); }),
            openings_.end());
        things_.erase(std::remove_if(things_.begin(), things_.end(), [&](const Thing& t) { return drop(t); }),
                      things_.end());
        writer_.roll_back();
    }
    writer_.end();
}

// Elements that may be built, wall by wall; the others get their outcome.
void Dresser::sort_elements(const BuildingView& view) {
    sorted_.clear();
    for (std::int64_t e = first_element_; e < last_element_; ++e) {
        const std::int32_t wall = e_.wall[std::size_t(e)];
        const bool here = wall >= 0 ? wall >= walls_.building_offsets[std::size_t(b_)] &&
                                          wall < walls_.building_offsets[std::size_t(b_) + 1]
                                    : -1 - std::int64_t(wall) < view.face_count;
        if (!here || !usable(e))
            set(e, Outcome::bad_value);
        else if (!shown(kind(e)))
            set(e, Outcome::not_at_level);
        else
            outcome_[std::size_t(e)] = undecided, sorted_.push_back(e);
    }
    std::stable_sort(sorted_.begin(), sorted_.end(), [&](std::int64_t a, std::int64_t c) {
        return e_.wall[std::size_t(a)] < e_.wall[std::size_t(c)];
    });
}

bool Dresser::usable(std::int64_t e) const {
    const auto i = std::size_t(e);
    if (e_.kind[i] >= element_kind_count) return false;
    const bool on_face = kind(e) == ElementKind::roof_window || kind(e) == ElementKind::chimney_cap;
    if (on_face != (e_.wall[i] < 0)) return false;
    for (const std::int32_t v : {e_.s0[i], e_.s1[i], e_.z0[i], e_.z1[i]})
        if (v > longest_length || v < -longest_length) return false;
    if (e_.depth[i] < 0 || e_.depth[i] > longest_length) return false;
    if (e_.design[i] < -1 || e_.design[i] >= std::int64_t(e_.panes_across.size())) return false;
    return e_.parent[i] >= -1 && e_.parent[i] < last_element_ - first_element_ &&
           (e_.s1[i] > e_.s0[i] || kind(e) == ElementKind::chimney_cap) && e_.z1[i] > e_.z0[i];
}

bool Dresser::shown(ElementKind kind) const {
    if (is_opening(kind)) return true;
    const bool fine =
        kind == ElementKind::frame || kind == ElementKind::railing || kind == ElementKind::roof_window;
    return options_.lod >= (fine ? 32 : 31);
}

// Is what it belongs to built, or does it belong to nothing?
bool Dresser::hosted(std::int64_t e) const {
    const std::int32_t parent = e_.parent[std::size_t(e)];
    return parent < 0 || (first_element_ + parent != e && outcome(first_element_ + parent) == Outcome::built);
}

bool Dresser::is_blocked(std::int64_t wall, const Rect& r) const {
    for (std::int64_t k = walls_.blocked_offsets[std::size_t(wall)];
         k < walls_.blocked_offsets[std::size_t(wall) + 1]; ++k) {
        const std::int32_t* span = &walls_.blocked[3 * std::size_t(k)];
        if (r.s0 < span[1] && span[0] < r.s1 && r.z0 < span[2]) return true;
    }
    return false;
}

WallFrame Dresser::frame(std::int64_t wall) const {
    const auto w = std::size_t(wall);
    return {walls_.corner[3 * w],    walls_.corner[3 * w + 1],    walls_.corner[3 * w + 2],
            walls_.direction[2 * w], walls_.direction[2 * w + 1], walls_.length[w]};
}

Dresser::Design Dresser::design(std::int64_t e) const {
    const std::int32_t d = e_.design[std::size_t(e)];
    const bool leaf = kind(e) == ElementKind::door || kind(e) == ElementKind::garage_door;
    if (d < 0) return {1, 1, 60, 40, leaf ? 1.0 : 0.0, true};
    const auto i = std::size_t(d);
    const auto bounded = [](std::int32_t v) { return std::clamp(v, 0, longest_length); };
    return {bounded(e_.panes_across[i]),
            bounded(e_.panes_up[i]),
            bounded(e_.frame[i]),
            bounded(e_.mullion[i]),
            e_.panel[i],
            e_.glass[i] != 0};
}

Rect Dresser::rect(std::int64_t e) const {
    const auto i = std::size_t(e);
    return {e_.s0[i], e_.s1[i], e_.z0[i], e_.z1[i]};
}

FaceStyle Dresser::style(std::int64_t e, Label label, std::int32_t part, std::int32_t solid) const {
    const auto i = std::size_t(e);
    return {label,
            part,
            0,
            solid,
            std::int32_t(e - first_element_),
            e_.provenance[i],
            e_.material[i],
            &e_.colour[3 * i]};
}

FaceStyle Dresser::base_style(std::int32_t face) const {
    const auto f = std::size_t(solids_.face_offsets[std::size_t(b_)] + face), b = std::size_t(b_);
    const auto label = Label(solids_.face_label[f]);
    const bool roof = label == Label::roof || label == Label::dormer_roof;
    return {label,
            solids_.face_part[f],
            solids_.face_surface[f],
            solids_.face_solid[f],
            -1,
            solids_.face_provenance[f],
            roof ? e_.roof_material[b] : e_.wall_material[b],
            label == Label::ground ? white
            : roof                 ? &e_.roof_colour[3 * b]
                                   : &e_.wall_colour[3 * b]};
}

bool Dresser::drop(const Opening& o) {
    if (o.wall != failed_wall_) return false;
    set(o.element, Outcome::no_room);
    return true;
}

bool Dresser::drop(const Thing& t) {
    if (t.element != failed_thing_) return false;
    set(t.element, Outcome::no_room);
    return true;
}

// Writes the whole building. False where something cannot be written; its number is then set.
bool Dresser::write(const BuildingView& view) {
    failed_wall_ = failed_thing_ = -1;
    const auto fail = [&](std::int64_t wall) {
        failed_wall_ = wall;
        return false;
    };
    wall_of_face_.assign(std::size_t(view.face_count), -1);
    notched_.assign(std::size_t(view.face_count), 0);
    for (Opening& o : openings_) {
        for (std::int64_t m = walls_.member_offsets[std::size_t(o.wall)];
             m < walls_.member_offsets[std::size_t(o.wall) + 1]; ++m)
            wall_of_face_[std::size_t(walls_.members[std::size_t(m)])] = o.wall;
        const WallFrame f = frame(o.wall);
        const Rect& r = o.rect;
        const std::int32_t s[4] = {r.s0, r.s1, r.s1, r.s0}, z[4] = {r.z0, r.z0, r.z1, r.z1};
        for (int k = 0; k < 4; ++k) {
            o.rim[k] = writer_.vertex(f.on_grid(s[k], 0), f.z + z[k]);
            o.rear[k] = writer_.vertex(f.on_grid(s[k], -o.back), f.z + z[k]);
        }
        if (o.notch >= 0) notched_[std::size_t(o.ground)] = 1;
    }
    for (std::int32_t f = 0; f < view.face_count; ++f) {
        const std::int64_t wall = wall_of_face_[std::size_t(f)];
        if (wall >= 0) {
            if (walls_.face[std::size_t(wall)] == f && !write_wall(view, wall)) return fail(wall);
        } else if (notched_[std::size_t(f)] != 0) {
            if (write_ground(view, f)) continue;
            for (const Opening& o : openings_)
                if (o.notch >= 0 && o.ground == f) return fail(o.wall);
        } else {
            writer_.copy(f, base_style(f));
        }
    }
    for (const Opening& o : openings_)
        if (!write_recess(view, o)) return fail(o.wall);
    for (const Thing& thing : things_) {
        if (write_thing(view, thing)) continue;
        failed_thing_ = thing.element;
        return false;
    }
    return true;
}

}  // namespace geovision
