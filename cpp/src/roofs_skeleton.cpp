// Roofs from the weighted straight skeleton, on any polygon: hipped, gabled by
// wings, mansard; and the parapet, whose inner edge is where the wavefront
// stops.
#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/roofs.hpp"

namespace geovision::roof {

namespace {

constexpr double radians = 3.14159265358979323846 / 180;
constexpr double unlimited = std::numeric_limits<double>::infinity();

bool solve(const Shape& shape, double max_h, RoofScratch& s) {
    const SkeletonStatus status =
        straight_skeleton(s.metres.data(), shape.ring_begin.data(), std::int64_t(shape.rings()),
                          s.slope.data(), max_h, s.skeleton_ws, s.skeleton, s.proof);
    s.unproven = s.unproven || s.proof == SkeletonProof::left_to_caller;
    return status == SkeletonStatus::ok || status == SkeletonStatus::perturbed;
}

// Moves the corners of every hole `by` grid steps into the hole.
void shrink_holes(const Shape& shape, double by, double grid, RoofScratch& s) {
    for (std::size_t r = 1; r < shape.rings(); ++r) {
        const std::size_t begin = std::size_t(shape.ring_begin[r]),
                          end = std::size_t(shape.ring_begin[r + 1]);
        for (std::size_t i = begin; i < end; ++i) {
            const Vec a = shape.points[i > begin ? i - 1 : end - 1], b = shape.points[i],
                      c = shape.points[shape.next(i, r)];
            const double ab = norm(b.x - a.x, b.y - a.y), bc = norm(c.x - b.x, c.y - b.y);
            // Outward normals of the two edges point into the hole.
            const Vec m{(b.y - a.y) / ab + (c.y - b.y) / bc, -(b.x - a.x) / ab - (c.x - b.x) / bc};
            const double length = std::max(norm(m.x, m.y), 1e-9);
            s.metres[2 * i] = (b.x + by * m.x / length) * grid;
            s.metres[2 * i + 1] = (b.y + by * m.y / length) * grid;
        }
    }
}

// The skeleton of the shape. Where a hole touches another ring there is none;
// then the hole is shrunk by the least that helps, and only the corners inside
// the roof move with it.
bool run(const Shape& shape, double grid, double max_h, RoofScratch& s) {
    s.metres.clear();
    for (const Vec p : shape.points) {
        s.metres.push_back(p.x * grid);
        s.metres.push_back(p.y * grid);
    }
    if (solve(shape, max_h, s)) return true;
    for (const double by : {10.0, 30.0}) {
        if (shape.rings() == 1) break;
        shrink_holes(shape, by, grid, s);
        if (solve(shape, max_h, s)) return true;
    }
    return false;
}

double top_of(const Skeleton& skeleton) {
    double h = 0;
    for (const SkeletonNode& n : skeleton.nodes) h = std::max(h, n.h);
    return h;
}

bool convex_corner(const Shape& shape, std::size_t i, std::size_t ring) {
    const std::size_t begin = std::size_t(shape.ring_begin[ring]),
                      end = std::size_t(shape.ring_begin[ring + 1]);
    const Vec a = shape.points[i > begin ? i - 1 : end - 1], b = shape.points[i],
              c = shape.points[shape.next(i, ring)];
    return (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) > 0;
}

// Slopes as asked for; gable ends that cannot stand are hipped, with a flag.
bool set_slopes(const RoofSpec& spec, const Shape& shape, RoofScratch& s, std::uint32_t* flags) {
    const double own = spec.has(slot_pitch) ? std::tan(spec.slots[slot_pitch] * radians) : 1.0;
    if (!(own > 0 && own < 60)) return false;
    s.slope.assign(shape.points.size(), own);
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            const double pitch = shape.pitch[i];
            if (!(pitch == pitch)) continue;
            if (!(pitch > 0 && pitch <= 90)) return false;
            if (pitch < 89) {
                s.slope[i] = std::tan(pitch * radians);
            } else if (convex_corner(shape, i, r) && convex_corner(shape, shape.next(i, r), r)) {
                s.slope[i] = unlimited;
            } else {
                *flags |= flag::gable_left_hipped;
            }
        }
    }
    return true;
}

// Adds the skeleton's nodes to the drawing's points; its corners are there already, unless they are shifted.
class Nodes {
public:
    Nodes(const RoofSpec& spec, const Shape& shape, const Skeleton& k, double grid, Drawing& drawing)
        : corners_(spec.shifted() ? 0 : std::int32_t(shape.points.size())),
          corner_(shape.first_source),
          inner_(std::int32_t(drawing.points.size()) - corners_) {
        const std::size_t n = shape.points.size();
        for (auto i = std::size_t(corners_); i < k.nodes.size(); ++i) {
            const Vec p = i < n ? shape.points[i] : Vec{k.nodes[i].x / grid, k.nodes[i].y / grid};
            drawing.points.push_back({p.x + spec.shift.x, p.y + spec.shift.y});
        }
    }
    std::int32_t operator()(std::int32_t node) const { return node + (node < corners_ ? corner_ : inner_); }

private:
    std::int32_t corners_, corner_, inner_;
};

// The outline as lines; `surface_of(edge)` may map several edges to one
// surface.
template <class SurfaceOf>
void draw_outline(const Shape& shape, const Skeleton& k, const Nodes& node, std::int16_t layer,
                  SurfaceOf surface_of, Drawing& drawing) {
    std::size_t piece = 0;
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            const std::int32_t source = shape.point(i);
            if (piece >= k.pieces.size() || std::size_t(k.pieces[piece].edge) != i) {
                drawing.lines.push_back({shape.point(i), shape.point(shape.next(i, r)),
                                         surface_of(std::int32_t(i)), -1, layer, true, source});
                continue;
            }
            for (; piece < k.pieces.size() && std::size_t(k.pieces[piece].edge) == i; ++piece) {
                const SkeletonPiece& p = k.pieces[piece];
                drawing.lines.push_back(
                    {node(p.a), node(p.b), p.face < 0 ? -1 : surface_of(p.face), -1, layer, true, source});
            }
        }
    }
}

Vec outward(const Shape& shape, std::size_t i, std::size_t ring) {
    const Vec a = shape.points[i], b = shape.points[shape.next(i, ring)];
    const double length = norm(b.x - a.x, b.y - a.y);
    return {(b.y - a.y) / length, -(b.x - a.x) / length};
}

Plane edge_plane(const RoofSpec& spec, const Shape& shape, std::size_t i, std::size_t ring, double height,
                 double slope) {
    const Vec a = shape.points[i], out = outward(shape, i, ring);
    return {-slope * out.x, -slope * out.y,
            height + slope * (out.x * (a.x + spec.shift.x) + out.y * (a.y + spec.shift.y))};
}

// Where the outline of a shifted roof begins a face, and the edge that it is on.
struct Eave {
    std::int32_t node, face;
    std::size_t edge;
};

void list_eaves(const Shape& shape, const Skeleton& k, std::size_t ring, std::vector<Eave>& eaves) {
    eaves.clear();
    auto piece = std::size_t(
        std::lower_bound(k.pieces.begin(), k.pieces.end(), shape.ring_begin[ring],
                         [](const SkeletonPiece& p, std::int64_t edge) { return p.edge < edge; }) -
        k.pieces.begin());
    for (auto i = std::size_t(shape.ring_begin[ring]); i < std::size_t(shape.ring_begin[ring + 1]); ++i) {
        if (piece >= k.pieces.size() || std::size_t(k.pieces[piece].edge) != i)
            eaves.push_back({std::int32_t(i), std::int32_t(i), i});
        for (; piece < k.pieces.size() && std::size_t(k.pieces[piece].edge) == i; ++piece)
            eaves.push_back({k.pieces[piece].a, k.pieces[piece].face, i});
    }
}

// Where the crease between two faces has run `reach` beyond both their eaves, or the corner of one face.
Vec beyond(Vec from, Vec out, Vec next_out, const Plane& before, const Plane& after, double reach) {
    Vec way{out.x + next_out.x, out.y + next_out.y};
    const Vec crease{before.b - after.b, after.a - before.a};
    if (norm(crease.x, crease.y) > 1e-6) {
        const double side = crease.x * way.x + crease.y * way.y < 0 ? -1 : 1;
        way = {side * crease.x, side * crease.y};
    }
    const double length = std::max(norm(way.x, way.y), 1e-9);
    way = {way.x / length, way.y / length};
    const double slowest = std::min(way.x * out.x + way.y * out.y, way.x * next_out.x + way.y * next_out.y);
    const double far = reach / std::max(slowest, 0.05);
    return {from.x + far * way.x, from.y + far * way.y};
}

// The faces of a shifted roof run on beyond its eaves, further than the outline can lie. `first` is the
// surface of edge 0.
void draw_beyond(const RoofSpec& spec, const Shape& shape, const Skeleton& k, const Nodes& node,
                 std::int16_t layer, std::int32_t first, Drawing& drawing) {
    const double reach = norm(spec.shift.x, spec.shift.y) + 20;
    std::vector<Eave> eaves;
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        list_eaves(shape, k, r, eaves);
        const auto start = std::int32_t(drawing.points.size()), n = std::int32_t(eaves.size());
        for (std::int32_t i = 0; i < n; ++i) {
            const Eave &e = eaves[std::size_t(i)], &last = eaves[std::size_t((i + n - 1) % n)];
            const std::int32_t at = node(e.node), to = start + i;
            drawing.points.push_back(beyond(drawing.points[std::size_t(at)], outward(shape, last.edge, r),
                                            outward(shape, e.edge, r),
                                            drawing.surfaces[std::size_t(first + last.face)].top,
                                            drawing.surfaces[std::size_t(first + e.face)].top, reach));
            if (e.face != last.face)
                drawing.lines.push_back({at, to, first + e.face, first + last.face, layer, true, -1});
            drawing.lines.push_back({to, start + (i + 1) % n, first + e.face, -1, layer, true, -1});
        }
    }
}

void draw_eaves(const RoofSpec& spec, const Shape& shape, const Skeleton& k, const Nodes& node,
                std::int16_t layer, std::int32_t first, Drawing& drawing) {
    if (spec.shifted())
        draw_beyond(spec, shape, k, node, layer, first, drawing);
    else
        draw_outline(shape, k, node, layer, [&](std::int32_t edge) { return first + edge; }, drawing);
}

Status draw_hips(const RoofSpec& spec, const Shape& shape, double grid, double scale, RoofScratch& s,
                 Drawing& drawing) {
    const std::int16_t layer = spec.shifted() ? draw_under(spec, shape, drawing) : drawing.add_layer();
    const auto first = std::int32_t(drawing.surfaces.size());
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            const double slope = std::isfinite(s.slope[i]) ? s.slope[i] * scale : 0;
            drawing.add_surface(edge_plane(spec, shape, i, r, spec.eave, slope), spec.base, spec.part,
                                drawing.groups++, Label::roof);
        }
    }
    const Nodes node(spec, shape, s.skeleton, grid, drawing);
    draw_eaves(spec, shape, s.skeleton, node, layer, first, drawing);
    Line* line = drawing.add_lines(s.skeleton.arcs.size());
    for (const SkeletonArc& arc : s.skeleton.arcs)
        *line++ = {node(arc.a), node(arc.b), first + arc.left, first + arc.right, layer, true, -1};
    return Status::ok;
}

Status draw_hipped(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& s, Drawing& drawing) {
    if (!set_slopes(spec, shape, s, &drawing.flags)) return Status::bad_parameter;
    if (!run(shape, grid, unlimited, s)) {
        // Too many gable ends to hold a roof between them: hip those.
        const double own = spec.has(slot_pitch) ? std::tan(spec.slots[slot_pitch] * radians) : 1.0;
        std::replace(s.slope.begin(), s.slope.end(), unlimited, own);
        drawing.flags |= flag::gable_left_hipped;
        if (!run(shape, grid, unlimited, s)) return Status::skeleton_failed;
    }
    double scale = 1;
    if (spec.has(slot_ridge)) {
        if (!(spec.slots[slot_ridge] > spec.eave)) return Status::bad_parameter;
        scale = (spec.slots[slot_ridge] - spec.eave) * grid / top_of(s.skeleton);
    }
    return draw_hips(spec, shape, grid, scale, s, drawing);
}

// One ridge per wing: the hipped roof with its end faces stood up, where that
// is possible.
Status draw_wings(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& s, Drawing& drawing) {
    if (!spec.has(slot_ridge) || !(spec.slots[slot_ridge] > spec.eave)) return Status::bad_parameter;
    s.slope.assign(shape.points.size(), 1.0);
    if (!run(shape, grid, unlimited, s)) return Status::skeleton_failed;
    gable_candidates(s.metres.data(), shape.ring_begin.data(), std::int64_t(shape.rings()), s.skeleton,
                     s.gable);
    bool any = false;
    for (std::size_t i = 0; i < s.gable.size(); ++i) {
        if (s.gable[i]) s.slope[i] = unlimited, any = true;
    }
    if (!any || !run(shape, grid, unlimited, s)) {
        drawing.flags |= flag::gable_left_hipped;
        s.slope.assign(shape.points.size(), 1.0);
        if (!run(shape, grid, unlimited, s)) return Status::skeleton_failed;
    }
    const double scale = (spec.slots[slot_ridge] - spec.eave) * grid / top_of(s.skeleton);
    return draw_hips(spec, shape, grid, scale, s, drawing);
}

// Two pitches: every face of the skeleton is cut where the lower slope has run
// `inset`.
Status draw_mansard(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& s, Drawing& drawing) {
    const double inset = spec.slots[slot_inset], at = spec.slots[slot_break], ridge = spec.slots[slot_ridge];
    if (!(inset > 0 && at > spec.eave && ridge >= at)) return Status::bad_parameter;
    s.slope.assign(shape.points.size(), 1.0);
    if (!run(shape, grid, unlimited, s)) return Status::skeleton_failed;
    const Skeleton& k = s.skeleton;
    const double level = inset * grid, reach = top_of(k);
    if (!(reach > level + 0.02)) return Status::bad_parameter;
    const double low = (at - spec.eave) / inset, high = (ridge - at) / (reach / grid - inset);
    const std::int16_t layer = spec.shifted() ? draw_under(spec, shape, drawing) : drawing.add_layer();
    const auto first = std::int32_t(drawing.surfaces.size()), n = std::int32_t(shape.points.size());
    for (int storey = 0; storey < 2; ++storey) {
        for (std::size_t r = 0; r < shape.rings(); ++r) {
            for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
                 ++i) {
                const double slope = storey == 0 ? low : high;
                const double height = storey == 0 ? spec.eave : at - high * inset;
                drawing.add_surface(edge_plane(spec, shape, i, r, height, slope), spec.base, spec.part,
                                    drawing.groups++, Label::roof);
            }
        }
    }
    const Nodes node(spec, shape, k, grid, drawing);
    draw_eaves(spec, shape, k, node, layer, first, drawing);
    struct Hit {
        std::int32_t face;
        double along;
        std::int32_t point;
    };
    thread_local std::vector<Hit> hits;
    hits.clear();
    const auto hit = [&](std::int32_t face, std::int32_t point) {
        std::size_t ring = 0;
        while (face >= shape.ring_begin[ring + 1]) ++ring;
        const Vec a = shape.points[std::size_t(face)], b = shape.points[shape.next(std::size_t(face), ring)],
                  p = drawing.points[std::size_t(point)];
        hits.push_back({face, (b.x - a.x) * p.x + (b.y - a.y) * p.y, point});
    };
    for (const SkeletonArc& arc : k.arcs) {
        const double ha = k.nodes[std::size_t(arc.a)].h, hb = k.nodes[std::size_t(arc.b)].h;
        const bool above_a = ha >= level, above_b = hb >= level;
        const auto add = [&](std::int32_t p, std::int32_t q, bool above) {
            const std::int32_t shift = first + (above ? n : 0);
            drawing.lines.push_back({p, q, shift + arc.left, shift + arc.right, layer, true, -1});
        };
        if (above_a == above_b) {
            add(node(arc.a), node(arc.b), above_a);
            continue;
        }
        const double t = (level - ha) / (hb - ha);
        const Vec a = drawing.points[std::size_t(node(arc.a))], b = drawing.points[std::size_t(node(arc.b))];
        const std::int32_t m = drawing.point({a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
        add(node(arc.a), m, above_a);
        add(m, node(arc.b), above_b);
        hit(arc.left, m);
        hit(arc.right, m);
    }
    std::sort(hits.begin(), hits.end(), [](const Hit& p, const Hit& q) {
        return p.face != q.face ? p.face < q.face : p.along < q.along;
    });
    for (std::size_t i = 0; i + 1 < hits.size(); i += 2) {
        if (hits[i].face != hits[i + 1].face) return Status::skeleton_failed;
        drawing.lines.push_back({hits[i].point, hits[i + 1].point, first + n + hits[i].face,
                                 first + hits[i].face, layer, true, -1});
    }
    return Status::ok;
}

}  // namespace

Status draw_skeleton_kind(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& scratch,
                          Drawing& drawing) {
    if (spec.kind == RoofKind::mansard) return draw_mansard(spec, shape, grid, scratch, drawing);
    if (spec.kind == RoofKind::gabled) return draw_wings(spec, shape, grid, scratch, drawing);
    return draw_hipped(spec, shape, grid, scratch, drawing);
}

Status draw_parapet(const RoofSpec& host, const Shape& shape, double thickness, double top, double grid,
                    std::int16_t support, RoofScratch& s, Drawing& drawing) {
    if (!(thickness > 0)) return Status::bad_parameter;
    s.slope.assign(shape.points.size(), 1.0);
    if (!run(shape, grid, thickness * grid, s)) return Status::skeleton_failed;
    const std::int16_t layer = drawing.add_layer(support);
    const std::int32_t surface =
        drawing.add_surface({0, 0, top}, host.base, host.part, drawing.groups++, Label::parapet);
    const Nodes node(RoofSpec{}, shape, s.skeleton, grid, drawing);
    draw_outline(shape, s.skeleton, node, layer, [&](std::int32_t) { return surface; }, drawing);
    for (const SkeletonArc& arc : s.skeleton.arcs) {
        if (arc.left >= 0 && arc.right >= 0) continue;
        drawing.lines.push_back({node(arc.a), node(arc.b), arc.left >= 0 ? surface : -1,
                                 arc.right >= 0 ? surface : -1, layer, false, -1});
    }
    return Status::ok;
}

}  // namespace geovision::roof
