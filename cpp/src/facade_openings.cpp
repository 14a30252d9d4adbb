// Openings: where they fit, and the recesses that they are.
#include <algorithm>
#include <cmath>

#include "facade_dresser.hpp"
#include "geovision/check.hpp"
#include "geovision/scene.hpp"

namespace geovision {
namespace {

constexpr std::int32_t to_border = 50;    // grid steps from an opening to the border of its wall or another
constexpr std::int32_t threshold = 20;    // below a door that is no notch
constexpr std::int32_t to_others = 20;    // from a recess to anything else
constexpr std::int32_t least_depth = 20;  // of a recess
constexpr std::int32_t pane_depth = 30;   // from the front of a frame to its panes
constexpr std::int32_t least_opening = 60;
constexpr std::int32_t least_pane = 40;
constexpr std::int32_t most_panes = 12;  // across and up
constexpr double closely = 4;            // grid steps: more than corners lie off their places
constexpr std::uint8_t glass_colour[3] = {62, 76, 88};

bool same(const GridPoint& a, const GridPoint& b) { return a.x == b.x && a.y == b.y && a.z == b.z; }

// Does a triangle of a wall come within rounding of a corner of the rim that is none of its own? Only then
// can it meet the sides of the recess.
bool passes_closely(const GridPoint (&p)[3], const GridPoint* rim, const WallFrame& f) {
    double s[3], z[3];
    for (int i = 0; i < 3; ++i) s[i] = f.along(p[i].x, p[i].y), z[i] = p[i].z;
    for (int k = 0; k < 4; ++k) {
        if (same(rim[k], p[0]) || same(rim[k], p[1]) || same(rim[k], p[2])) continue;
        const double rs = f.along(rim[k].x, rim[k].y), rz = rim[k].z;
        bool away = false;
        for (int i = 0; i < 3 && !away; ++i) {
            const int j = (i + 1) % 3;
            const double ds = s[j] - s[i], dz = z[j] - z[i], side = ds * (rz - z[i]) - dz * (rs - s[i]);
            away = side < 0 && side * side > closely * closely * (ds * ds + dz * dz);
        }
        if (!away) return true;
    }
    return false;
}

Box3 box_of(const GridPoint (&p)[3]) {
    Box3 box;
    for (const GridPoint& c : p) box.add(c.x, c.y, c.z);
    return box;
}

}  // namespace

// Is the rectangle inside the polygon of the wall?
bool Dresser::inside(std::int64_t wall, double s0, double s1, double z0, double z1) const {
    const double ms = (s0 + s1) / 2, mz = (z0 + z1) / 2;
    bool in = false;
    for (std::int64_t r = walls_.ring_offsets[std::size_t(wall)];
         r < walls_.ring_offsets[std::size_t(wall) + 1]; ++r) {
        const std::int64_t begin = walls_.vertex_offsets[std::size_t(r)],
                           end = walls_.vertex_offsets[std::size_t(r) + 1];
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int32_t *p = &walls_.sz[2 * std::size_t(i)],
                               *q = &walls_.sz[2 * std::size_t(i + 1 < end ? i + 1 : begin)];
            if (segment_enters(p[0], p[1], q[0], q[1], s0, s1, z0, z1)) return false;
            if ((p[1] > mz) != (q[1] > mz) &&
                p[0] + (mz - p[1]) * (double(q[0]) - p[0]) / (double(q[1]) - p[1]) > ms)
                in = !in;
        }
    }
    return in;
}

// Does another face of the building lie on the wall? A corner off its plane would pass through it.
bool Dresser::is_doubled(std::int64_t wall) const {
    const auto ring = std::size_t(walls_.ring_offsets[std::size_t(wall)]);
    const std::int64_t from = walls_.vertex_offsets[ring], to = walls_.vertex_offsets[ring + 1];
    return room_.has_double(frame(wall), &walls_.sz[2 * std::size_t(from)], to - from);
}

void Dresser::place_openings(const BuildingView& view, std::int64_t wall, const std::int64_t* elements,
                             std::int64_t count) {
    const WallFrame f = frame(wall);
    const auto first = std::size_t(walls_.member_offsets[std::size_t(wall)]);
    const auto members =
        std::int32_t(walls_.member_offsets[std::size_t(wall) + 1] - walls_.member_offsets[std::size_t(wall)]);
    Box3 reach;
    bool any = false;
    for (std::int64_t i = 0; i < count; ++i) {
        if (!is_opening(kind(elements[i]))) continue;
        const Rect r = rect(elements[i]);
        const double back = back_of(elements[i], r) + 2.0 * to_others;
        reach.add(bounds(prism(f, r.s0 - 100, r.s1 + 100, r.z0 - 100, r.z1 + 100, -back, 0)));
        any = true;
    }
    if (!any) return;
    reach.add(bounds(prism(f, 0, f.length, 0, walls_.height[std::size_t(wall)], -10, 10)));
    room_.look_at(reach, &walls_.members[first], members);
    ring_.clear();
    const bool doubled = is_doubled(wall);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t e = elements[i];
        if (!is_opening(kind(e))) continue;
        Opening o{e, wall, rect(e), 0, -1, -1, -1, {}, {}};
        set(e, doubled ? Outcome::no_room : place_opening(view, o, f));
        if (outcome(e) == Outcome::built) openings_.push_back(o);
    }
}

Outcome Dresser::place_opening(const BuildingView& view, Opening& o, const WallFrame& f) {
    Rect& r = o.rect;
    if (r.width() < least_opening || r.height() < least_opening) return Outcome::too_small;
    if (r.s0 < to_border || r.s1 > f.length - to_border || r.z0 < -to_border) return Outcome::outside;
    double below = to_border;
    if (r.z0 <= to_border) {
        if (find_notch(view, f, o))
            r.z0 = 0, below = -1;
        else
            r.z0 = std::max(r.z0, threshold), below = threshold;
    }
    if (r.height() < least_opening) return Outcome::too_small;
    if (!inside(o.wall, r.s0 - to_border, r.s1 + to_border, r.z0 - below, r.z1 + to_border))
        return Outcome::outside;
    if (is_blocked(o.wall, r)) return Outcome::blocked;
    o.back = back_of(o.element, r);
    // What is in front of the back of the panes, and a margin round it.
    const double deep = o.back + (options_.lod >= 32 ? pane_depth : 0);
    const double m = to_others;
    const bool notch = o.notch >= 0;
    const Prism room =
        prism(f, r.s0 - m, r.s1 + m, notch ? 1 : r.z0 - std::min(m, below), r.z1 + m, -deep - m, 0);
    if (room_.meets_building(room)) return Outcome::no_room;
    const Prism apart =
        prism(f, r.s0 - to_border, r.s1 + to_border, r.z0 - to_border, r.z1 + to_border, -deep - m, 0);
    if (pockets_.meets(apart, apart, o.wall)) return Outcome::overlaps;
    pockets_.add(prism(f, r.s0, r.s1, r.z0, r.z1, -deep, 0), o.wall);
    return Outcome::built;
}

// Looks for a level edge at the foot of the wall, on the ground, that is longer than the opening.
bool Dresser::find_notch(const BuildingView& view, const WallFrame& f, Opening& o) {
    const auto w = std::size_t(o.wall);
    if (ring_.empty()) {
        const auto first = std::size_t(walls_.member_offsets[w]);
        if (!tracer_.outline(view, &walls_.members[first],
                             std::int32_t(walls_.member_offsets[w + 1] - walls_.member_offsets[w]), f, ring_,
                             begin_))
            return false;
    }
    if (!ground_known_) {
        ground_known_ = true;
        ground_edges_.clear();
        for (std::int32_t face = 0; face < view.face_count; ++face) {
            if (view.label(face) != Label::ground) continue;
            for (std::int64_t r = view.ring_begin(face); r < view.ring_begin(face + 1); ++r) {
                const std::int64_t begin = solids_.ring_offsets[std::size_t(r)],
                                   end = solids_.ring_offsets[std::size_t(r) + 1];
                for (std::int64_t i = begin; i < end; ++i)
                    ground_edges_.push_back({solids_.ring_vertices[std::size_t(i)],
                                             solids_.ring_vertices[std::size_t(i + 1 < end ? i + 1 : begin)],
                                             face});
            }
        }
        std::sort(ground_edges_.begin(), ground_edges_.end());
    }
    const std::int32_t size = begin_[1];
    for (std::int32_t i = 0; i < size; ++i) {
        const std::int32_t u = ring_[std::size_t(i)], v = ring_[std::size_t(i + 1 < size ? i + 1 : 0)];
        if (view.z(u) != f.z || view.z(v) != f.z) continue;
        const double from = f.along(view.plan(u).x, view.plan(u).y),
                     to = f.along(view.plan(v).x, view.plan(v).y);
        if (from > o.rect.s0 - to_border || to < o.rect.s1 + to_border) continue;
        const GroundEdge twin{v, u, -1};
        const auto at = std::lower_bound(ground_edges_.begin(), ground_edges_.end(), twin);
        if (at == ground_edges_.end() || at->from != v || at->to != u) return false;
        o.notch = u, o.notch_end = v, o.ground = at->face;
        return true;
    }
    return false;
}

// How far the back of the recess lies behind the wall: the frame where there is one, else the pane.
std::int32_t Dresser::back_of(std::int64_t e, const Rect& r) {
    const std::int32_t depth = e_.depth[std::size_t(e)];
    const bool framed = options_.lod >= 32 && cells(e, r);
    return std::max(least_depth, framed ? depth - pane_depth : depth);
}

// Divides an opening into the cells of its frame; false where it has none, or has no room for it.
bool Dresser::cells(std::int64_t e, const Rect& r) {
    cells_.clear();
    const Design d = design(e);
    const bool leaf = kind(e) == ElementKind::door || kind(e) == ElementKind::garage_door;
    const std::int32_t frame = d.frame, bar = std::clamp(d.mullion, 20, 1000);
    if (frame < 20 || frame > longest_length / 2) return false;
    const Rect in{r.s0 + frame, r.s1 - frame, r.z0 + frame, r.z1 - frame};
    if (in.width() < least_pane || in.height() < least_pane) return false;
    const auto fit = [&](std::int32_t length, std::int32_t wanted) {
        return std::clamp(std::min(wanted, (length + bar) / (least_pane + bar)), 1, most_panes);
    };
    const auto grid = [&](const Rect& of, Label label, bool glass) {
        const std::int32_t across = fit(of.width(), d.across), up = fit(of.height(), d.up);
        const auto cut = [&](std::int32_t length, std::int32_t n, std::int32_t i) {
            return std::int32_t((std::int64_t(length) + bar) * i / n);
        };
        for (std::int32_t k = 0; k < up; ++k)
            for (std::int32_t i = 0; i < across; ++i)
                cells_.push_back(
                    {{of.s0 + cut(of.width(), across, i), of.s0 + cut(of.width(), across, i + 1) - bar,
                      of.z0 + cut(of.height(), up, k), of.z0 + cut(of.height(), up, k + 1) - bar},
                     label,
                     glass});
    };
    if (kind(e) == ElementKind::window) {
        grid(in, Label::window, d.glass);
        return true;
    }
    const double share = d.panel >= 0 && d.panel <= 1 ? d.panel : leaf ? 1 : 0;
    const auto solid = std::int32_t(share * in.height());
    const Label panel = leaf ? Label::door : Label::frame;
    if (in.height() - solid < least_pane + bar || kind(e) == ElementKind::garage_door) {
        grid(in, panel, false);
        return true;
    }
    std::int32_t from = in.z0;
    if (solid >= least_pane) {
        cells_.push_back({{in.s0, in.s1, in.z0, in.z0 + solid}, panel, false});
        from += solid + bar;
    }
    grid({in.s0, in.s1, from, in.z1}, d.glass ? Label::window : panel, d.glass);
    return true;
}

bool Dresser::write_wall(const BuildingView& view, std::int64_t wall) {
    const auto first = std::size_t(walls_.member_offsets[std::size_t(wall)]);
    const auto members =
        std::int32_t(walls_.member_offsets[std::size_t(wall) + 1] - walls_.member_offsets[std::size_t(wall)]);
    const WallFrame f = frame(wall);
    if (!tracer_.outline(view, &walls_.members[first], members, f, ring_, begin_)) return false;
    const auto mine_begin = std::lower_bound(openings_.begin(), openings_.end(), wall,
                                             [](const Opening& o, std::int64_t w) { return o.wall < w; });
    auto mine_end = mine_begin;
    while (mine_end != openings_.end() && mine_end->wall == wall) ++mine_end;
    loop_.clear(), loop_begin_.assign(1, 0);
    std::vector<const Opening*> notches;
    for (std::size_t r = 0; r + 1 < begin_.size(); ++r) {
        for (std::int32_t i = begin_[r]; i < begin_[r + 1]; ++i) {
            const std::int32_t v = ring_[std::size_t(i)];
            loop_.push_back(writer_.old_vertex(v));
            notches.clear();
            for (auto o = mine_begin; r == 0 && o != mine_end; ++o)
                if (o->notch == v) notches.push_back(&*o);
            std::sort(notches.begin(), notches.end(),
                      [](const Opening* a, const Opening* c) { return a->rect.s0 < c->rect.s0; });
            for (const Opening* o : notches)
                for (const int k : {0, 3, 2, 1}) loop_.push_back(o->rim[k]);
        }
        loop_begin_.push_back(std::int32_t(loop_.size()));
    }
    for (auto o = mine_begin; o != mine_end; ++o) {
        if (o->notch >= 0) continue;
        for (const int k : {0, 3, 2, 1}) loop_.push_back(o->rim[k]);
        loop_begin_.push_back(std::int32_t(loop_.size()));
    }
    const std::int32_t triangle = writer_.triangles();
    return writer_.polygon(loop_, loop_begin_, Drawing::upright(f.dx, f.dy),
                           base_style(walls_.face[std::size_t(wall)])) &&
           is_clean(wall, triangle);
}

// The triangles of a wall with openings, from `first` on, against the building and the sides of the recesses.
// A wall that was cut anew lies up to a millimetre off its plane in other places than before, and has edges
// between corners that were not joined.
bool Dresser::is_clean(std::int64_t wall, std::int32_t first) {
    const WallFrame f = frame(wall);
    // The ground below a notch is drawn anew as well.
    std::vector<std::int32_t> but(walls_.members.begin() + walls_.member_offsets[std::size_t(wall)],
                                  walls_.members.begin() + walls_.member_offsets[std::size_t(wall) + 1]);
    for (const Opening& o : openings_)
        if (o.wall == wall && o.notch >= 0) but.push_back(o.ground);
    room_.look_at(bounds(prism(f, 0, f.length, 0, walls_.height[std::size_t(wall)], -2, 2)), but.data(),
                  std::int32_t(but.size()));
    const auto borders = [&](std::int32_t u, std::int32_t v) {
        for (std::size_t r = 0; r + 1 < loop_begin_.size(); ++r)
            for (std::int32_t i = loop_begin_[r], last = loop_begin_[r + 1] - 1; i <= last; ++i)
                if (loop_[std::size_t(i)] == u && loop_[std::size_t(i < last ? i + 1 : loop_begin_[r])] == v)
                    return true;
        return false;
    };
    boxes_.clear();
    for (std::int32_t t = first; t < writer_.triangles(); ++t) {
        GridPoint p[3];
        writer_.corners(t, p);
        boxes_.push_back(box_of(p));
        bool clean = true;
        room_.each_near(boxes_.back(), [&](const GridPoint(&q)[3]) {
            if (triangles_cross(p, q)) clean = false;
            for (int i = 0; i < 3; ++i)
                for (int k = 0; k < 3; ++k) {
                    const int j = (i + 1) % 3, l = (k + 1) % 3;
                    const bool shared =
                        (same(p[i], q[k]) && same(p[j], q[l])) || (same(p[i], q[l]) && same(p[j], q[k]));
                    if (shared && !borders(writer_.corner(t, i), writer_.corner(t, j))) clean = false;
                }
        });
        if (!clean) return false;
    }
    for (const Opening& o : openings_) {
        if (o.wall != wall) continue;
        GridPoint corner[8];
        for (int k = 0; k < 4; ++k)
            corner[k] = writer_.place(o.rim[k]), corner[4 + k] = writer_.place(o.rear[k]);
        Box3 box;
        for (const GridPoint& c : corner) box.add(c.x, c.y, c.z);
        for (std::int32_t t = first; t < writer_.triangles(); ++t) {
            if (!boxes_[std::size_t(t - first)].meets(box)) continue;
            GridPoint p[3];
            writer_.corners(t, p);
            if (!passes_closely(p, corner, f)) continue;
            for (int k = o.notch >= 0 ? 1 : 0; k < 4; ++k) {
                const int n = (k + 1) % 4;
                const GridPoint a[3] = {corner[k], corner[n], corner[4 + n]},
                                c[3] = {corner[k], corner[4 + n], corner[4 + k]};
                if (triangles_cross(p, a) || triangles_cross(p, c)) return false;
            }
        }
    }
    return true;
}

bool Dresser::write_ground(const BuildingView& view, std::int32_t face) {
    loop_.clear(), loop_begin_.assign(1, 0);
    std::vector<const Opening*> notches;
    for (std::int64_t r = view.ring_begin(face); r < view.ring_begin(face + 1); ++r) {
        const std::int64_t begin = solids_.ring_offsets[std::size_t(r)],
                           end = solids_.ring_offsets[std::size_t(r) + 1];
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int32_t v = solids_.ring_vertices[std::size_t(i)],
                               u = solids_.ring_vertices[std::size_t(i + 1 < end ? i + 1 : begin)];
            loop_.push_back(writer_.old_vertex(v));
            notches.clear();
            for (const Opening& o : openings_)
                if (o.ground == face && o.notch == u && o.notch_end == v) notches.push_back(&o);
            std::sort(notches.begin(), notches.end(),
                      [](const Opening* a, const Opening* c) { return a->rect.s0 > c->rect.s0; });
            for (const Opening* o : notches)
                for (const std::int32_t k : {o->rim[1], o->rear[1], o->rear[0], o->rim[0]})
                    loop_.push_back(k);
        }
        loop_begin_.push_back(std::int32_t(loop_.size()));
    }
    return writer_.polygon(loop_, loop_begin_, Drawing::down(), base_style(face));
}

// The sides of a recess from its rim to its rear, as seen from outside; a notch has no floor.
void Dresser::reveals(const std::int32_t* rim, const std::int32_t* rear, bool floor, const FaceStyle& style) {
    FaceStyle s = style;
    const auto side = [&](std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d) {
        s.surface = writer_.new_surface();
        writer_.quad(a, b, c, d, s);
    };
    if (floor) side(rim[0], rim[1], rear[1], rear[0]);
    side(rim[1], rim[2], rear[2], rear[1]);
    side(rim[2], rim[3], rear[3], rear[2]);
    side(rim[3], rim[0], rear[0], rear[3]);
}

bool Dresser::write_recess(const BuildingView& view, const Opening& o) {
    const WallFrame f = frame(o.wall);
    const auto face = std::size_t(view.first_face + walls_.face[std::size_t(o.wall)]);
    const std::int32_t part = solids_.face_part[face], solid = solids_.face_solid[face];
    FaceStyle side = style(o.element, Label::frame, part, solid);
    side.material = e_.wall_material[std::size_t(b_)];
    side.colour = &e_.wall_colour[3 * std::size_t(b_)];
    reveals(o.rim, o.rear, o.notch < 0, side);
    const bool leaf = kind(o.element) == ElementKind::door || kind(o.element) == ElementKind::garage_door;
    const auto pane = [&](Label label, bool glass) {
        FaceStyle s = style(o.element, label, part, solid);
        if (glass) s.material = std::uint8_t(Material::glass), s.colour = glass_colour;
        s.surface = writer_.new_surface();
        return s;
    };
    if (options_.lod < 32 || !cells(o.element, o.rect)) {
        const bool glass = !leaf && design(o.element).glass;
        writer_.quad(o.rear[0], o.rear[1], o.rear[2], o.rear[3],
                     pane(leaf ? Label::door : Label::window, glass));
        return true;
    }
    const std::vector<Cell> panes = cells_;
    std::vector<std::int32_t> rims, rears;
    loop_.assign(o.rear, o.rear + 4), loop_begin_ = {0, 4};
    for (const Cell& cell : panes) {
        const Rect& r = cell.rect;
        const std::int32_t s[4] = {r.s0, r.s1, r.s1, r.s0}, z[4] = {r.z0, r.z0, r.z1, r.z1};
        for (int k = 0; k < 4; ++k) {
            rims.push_back(writer_.vertex(f.on_grid(s[k], -o.back), f.z + z[k]));
            rears.push_back(writer_.vertex(f.on_grid(s[k], -o.back - pane_depth), f.z + z[k]));
        }
        const std::size_t at = rims.size() - 4;
        for (const std::size_t k : {0, 3, 2, 1}) loop_.push_back(rims[at + k]);
        loop_begin_.push_back(std::int32_t(loop_.size()));
    }
    FaceStyle frame_style = style(o.element, Label::frame, part, solid);
    frame_style.surface = writer_.new_surface();
    if (!writer_.polygon(loop_, loop_begin_, Drawing::upright(f.dx, f.dy), frame_style)) return false;
    for (std::size_t i = 0; i < panes.size(); ++i) {
        reveals(&rims[4 * i], &rears[4 * i], true, frame_style);
        writer_.quad(rears[4 * i], rears[4 * i + 1], rears[4 * i + 2], rears[4 * i + 3],
                     pane(panes[i].label, panes[i].glass));
    }
    return true;
}

}  // namespace geovision
