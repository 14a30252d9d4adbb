#include "geovision/solid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace geovision {

namespace {

// Which label the wall below a surface's edge carries where another cell stands lower beside it.
Label step_label(Label surface) {
    switch (surface) {
        case Label::dormer_roof:
            return Label::dormer_wall;
        case Label::chimney:
            return Label::chimney;
        case Label::parapet:
            return Label::parapet;
        default:
            return Label::step_wall;
    }
}

void push3(Column<std::int32_t>& to, std::int32_t a, std::int32_t b, std::int32_t c) {
    to.push_back(a);
    to.push_back(b);
    to.push_back(c);
}

constexpr double flat_enough = 1.5;  // grid steps from its plane within which a face is published whole

bool ground_surface(const Surface& s) { return s.bottom.a == 0 && s.bottom.b == 0 && s.bottom.c == 0; }

}  // namespace

bool Extruder::on_ground(std::int32_t half) const {
    const std::int32_t s = cells_->surface_of_half(half);
    return s >= 0 && ground_surface(cells_->surfaces[std::size_t(s)]);
}

// Sorted distinct heights at every plan vertex; ids are given when a face first uses one.
void Extruder::find_levels() {
    const PlanarMap& map = cells_->map;
    const std::size_t n = map.out_begin.size() - 1;
    level_begin_.resize(n + 1);
    level_z_.clear();
    for (std::size_t v = 0; v < n; ++v) {
        const auto begin = level_z_.size();
        level_begin_[v] = std::int32_t(begin);
        for (std::int32_t i = map.out_begin[v]; i < map.out_begin[v + 1]; ++i) {
            const auto h = std::size_t(map.out[std::size_t(i)]);
            if (!cells_->solid(std::int32_t(h))) continue;
            for (const std::int32_t z : {cells_->top[h], cells_->bottom[h]})
                if (std::find(level_z_.begin() + std::ptrdiff_t(begin), level_z_.end(), z) == level_z_.end())
                    level_z_.push_back(z);
        }
        std::sort(level_z_.begin() + std::ptrdiff_t(begin), level_z_.end());
    }
    level_begin_[n] = std::int32_t(level_z_.size());
    level_id_.assign(level_z_.size(), -1);
}

std::int32_t Extruder::vertex(std::int32_t v, std::int32_t z) {
    std::int32_t i = level_begin_[std::size_t(v)];
    while (level_z_[std::size_t(i)] != z) ++i;
    std::int32_t& id = level_id_[std::size_t(i)];
    if (id < 0) {
        id = vertices_++;
        const Point p = cells_->points()[std::size_t(v)];
        push3(out_->vertices, p.x, p.y, z + z_shift_);
        plan_vertex_.push_back(v);
    }
    return id;
}

std::int32_t Extruder::overlap_root(std::int32_t f) {
    while (parent_[std::size_t(f)] != f)
        f = parent_[std::size_t(f)] = parent_[std::size_t(parent_[std::size_t(f)])];
    return f;
}

// Cells whose height ranges overlap along a common edge belong to one solid.
void Extruder::join_cells() {
    const PlanarMap& map = cells_->map;
    const std::int32_t faces = map.faces();
    parent_.resize(std::size_t(faces));
    for (std::int32_t f = 0; f < faces; ++f) parent_[std::size_t(f)] = f;
    for (std::int32_t h = 0; h < map.halves(); h += 2) {
        if (!cells_->solid(h) || !cells_->solid(h ^ 1)) continue;
        const auto lu = std::size_t(h), lv = std::size_t(map.next[std::size_t(h)]),
                   ru = std::size_t(map.next[std::size_t(h ^ 1)]), rv = std::size_t(h ^ 1);
        const auto& t = cells_->top;
        const auto& b = cells_->bottom;
        if (std::min(t[lu], t[ru]) <= std::max(b[lu], b[ru]) &&
            std::min(t[lv], t[rv]) <= std::max(b[lv], b[rv]))
            continue;
        parent_[std::size_t(overlap_root(map.face_of(h)))] = overlap_root(map.face_of(h ^ 1));
    }
    solid_of_.assign(std::size_t(faces), -1);
    solids_ = 0;
    for (std::int32_t f = 1; f < faces; ++f) {
        if (cells_->cell[std::size_t(f)] < 0) continue;
        std::int32_t& id = solid_of_[std::size_t(overlap_root(f))];
        if (id < 0) id = solids_++;
    }
    for (std::int32_t f = 1; f < faces; ++f)
        if (cells_->cell[std::size_t(f)] >= 0)
            solid_of_[std::size_t(f)] = solid_of_[std::size_t(overlap_root(f))];
}

void Extruder::begin_face(Label label, std::int32_t part, std::int32_t surface, std::int32_t solid) {
    out_->face_label.push_back(std::uint8_t(label));
    out_->face_part.push_back(part);
    out_->face_surface.push_back(surface);
    out_->face_provenance.push_back(std::uint8_t(Provenance::given));
    out_->face_solid.push_back(solid);
    ++faces_;
}

void Extruder::wall(std::int32_t half, std::int32_t ulo, std::int32_t uhi, std::int32_t wlo, std::int32_t whi,
                    Label label, std::int32_t surface) {
    if (ulo == uhi && wlo == whi) return;
    const PlanarMap& map = cells_->map;
    const auto chain = [&](std::int32_t v, std::int32_t lo, std::int32_t hi, std::vector<std::int32_t>& ids) {
        ids.clear();
        for (std::int32_t i = level_begin_[std::size_t(v)]; i < level_begin_[std::size_t(v) + 1]; ++i) {
            const std::int32_t z = level_z_[std::size_t(i)];
            if (z >= lo && z <= hi) ids.push_back(vertex(v, z));
        }
    };
    chain(map.origin[std::size_t(half)], ulo, uhi, chain_u_);
    chain(map.origin[std::size_t(half ^ 1)], wlo, whi, chain_w_);
    const std::int32_t face = map.face_of(half);
    begin_face(label, cells_->surfaces[std::size_t(cells_->cell[std::size_t(face)])].part, surface,
               solid_of_[std::size_t(face)]);
    if (polygons_) {
        auto& ring = out_->ring_vertices;
        ring.push_back(chain_u_[0]);
        ring.insert(ring.end(), chain_w_.begin(), chain_w_.end());
        for (std::size_t i = chain_u_.size(); i-- > 1;) ring.push_back(chain_u_[i]);
        out_->ring_offsets.push_back(std::int64_t(ring.size()));
        out_->face_ring_offsets.push_back(std::int64_t(out_->ring_offsets.size()) - 1);
    }
    const std::int32_t* xyz = out_->vertices.data() + out_->vertices.size() - 3 * std::size_t(vertices_);
    const auto z = [&](std::int32_t id) { return xyz[3 * std::size_t(id) + 2]; };
    std::size_t i = 0, j = 0;
    const std::size_t m = chain_u_.size() - 1, n = chain_w_.size() - 1;
    while (i < m || j < n) {
        const bool right = i == m || (j < n && z(chain_w_[j + 1]) <= z(chain_u_[i + 1]));
        const std::int32_t apex = right ? chain_w_[j + 1] : chain_u_[i + 1];
        push3(out_->triangles, chain_u_[i], chain_w_[j], apex);
        out_->triangle_face.push_back(faces_ - 1);
        (right ? j : i) += 1;
    }
}

// What stands out of the cell left of `half` above and below the cell on its right.
void Extruder::walls(std::int32_t half) {
    if (!cells_->solid(half)) return;
    const PlanarMap& map = cells_->map;
    const auto u = std::size_t(half), w = std::size_t(map.next[u]);
    const std::int32_t tu = cells_->top[u], tw = cells_->top[w], bu = cells_->bottom[u],
                       bw = cells_->bottom[w];
    const std::int32_t e = half / 2, own = groups_ + sources_ + 2 * half;
    const std::int32_t source = cells_->source[std::size_t(e)];
    const Surface& s = cells_->surfaces[std::size_t(cells_->surface_of_half(half))];
    if (!cells_->solid(half ^ 1)) {
        wall(half, bu, tu, bw, tw, Label::wall, source >= 0 ? groups_ + source : own);
        return;
    }
    const auto ou = std::size_t(map.next[std::size_t(half ^ 1)]), ow = std::size_t(half ^ 1);
    const std::int32_t otu = cells_->top[ou], otw = cells_->top[ow], obu = cells_->bottom[ou],
                       obw = cells_->bottom[ow];
    const bool apart = (otu <= bu && otw <= bw) || (tu <= obu && tw <= obw);
    if (apart) {
        wall(half, bu, tu, bw, tw, step_label(s.label), own);
        return;
    }
    if (tu > otu || tw > otw) wall(half, otu, tu, otw, tw, step_label(s.label), own);
    if (bu < obu || bw < obw) wall(half, bu, obu, bw, obw, Label::wall, own + 1);
}

void Extruder::add_ring(std::int32_t first, bool top) {
    const PlanarMap& map = cells_->map;
    std::int32_t h = first;
    do {
        const std::int32_t v = map.origin[std::size_t(h)];
        corners_.push_back({v, top ? cells_->top[std::size_t(h)] : cells_->bottom[std::size_t(h)]});
        h = map.next[std::size_t(h)];
    } while (h != first);
    ring_begin_.push_back(std::int32_t(corners_.size()));
}

// Emits the polygon held in corners_ and ring_begin_ (counter-clockwise in plan), facing up or down.
bool Extruder::horizontal(bool up, const Plane& plane) {
    local_points_.clear();
    ring_.clear();
    for (const Corner& c : corners_) {
        ring_.push_back(std::int32_t(ring_.size()));
        local_points_.push_back(cells_->points()[std::size_t(c.vertex)]);
    }
    local_triangles_.clear();
    const auto rings = std::int32_t(ring_begin_.size()) - 1;
    if (!triangulator_.run(local_points_, ring_.data(), ring_begin_.data(), rings, local_triangles_))
        return false;
    double off = 0;
    for (std::size_t i = 0; i < corners_.size(); ++i) {
        ring_[i] = vertex(corners_[i].vertex, corners_[i].z);
        off = std::max(off, std::abs(plane.at(local_points_[i]) - corners_[i].z));
    }
    // Corners that merging moved off the plane: the triangles are faces of their own, planar by nature.
    const bool split = corners_.size() > 3 &&
                       off * off > flat_enough * flat_enough * (1 + plane.a * plane.a + plane.b * plane.b);
    if (polygons_ && !split) {
        for (std::int32_t r = 0; r < rings; ++r) {
            const auto begin = ring_.begin() + ring_begin_[std::size_t(r)],
                       end = ring_.begin() + ring_begin_[std::size_t(r) + 1];
            if (up)
                out_->ring_vertices.insert(out_->ring_vertices.end(), begin, end);
            else
                out_->ring_vertices.insert(out_->ring_vertices.end(), std::make_reverse_iterator(end),
                                           std::make_reverse_iterator(begin));
            out_->ring_offsets.push_back(std::int64_t(out_->ring_vertices.size()));
        }
        out_->face_ring_offsets.push_back(std::int64_t(out_->ring_offsets.size()) - 1);
    }
    for (std::size_t t = 0; t < local_triangles_.size(); t += 3) {
        if (split && t > 0) repeat_face();
        const std::int32_t a = ring_[std::size_t(local_triangles_[t])],
                           b = ring_[std::size_t(local_triangles_[t + 1])],
                           c = ring_[std::size_t(local_triangles_[t + 2])];
        push3(out_->triangles, a, up ? b : c, up ? c : b);
        out_->triangle_face.push_back(faces_ - 1);
        if (!split || !polygons_) continue;
        push3(out_->ring_vertices, a, up ? b : c, up ? c : b);
        out_->ring_offsets.push_back(std::int64_t(out_->ring_vertices.size()));
        out_->face_ring_offsets.push_back(std::int64_t(out_->ring_offsets.size()) - 1);
    }
    return true;
}

void Extruder::repeat_face() {
    begin_face(Label(out_->face_label.back()), out_->face_part.back(), out_->face_surface.back(),
               out_->face_solid.back());
}

std::int32_t Extruder::find_pinch(const Solids& out) {
    // Triangle corners at a vertex are joined across shared edges; two groups at one vertex are two fans.
    const std::int32_t* t = out.triangles.data() + first_triangle_;
    const auto corners = std::int32_t(out.triangles.size() - first_triangle_);
    fan_.resize(std::size_t(corners));
    for (std::int32_t i = 0; i < corners; ++i) fan_[std::size_t(i)] = i;
    const auto root = [&](std::int32_t i) {
        while (fan_[std::size_t(i)] != i) i = fan_[std::size_t(i)] = fan_[std::size_t(fan_[std::size_t(i)])];
        return i;
    };
    struct Directed {
        std::int32_t a, b, corner;  // the corner at a; the next corner is at b
    };
    thread_local std::vector<Directed> edges;
    edges.clear();
    for (std::int32_t i = 0; i < corners; ++i) edges.push_back({t[i], t[i / 3 * 3 + (i + 1) % 3], i});
    const auto key_less = [](const Directed& p, const Directed& q) {
        return p.a != q.a ? p.a < q.a : p.b < q.b;
    };
    std::sort(edges.begin(), edges.end(), key_less);
    for (std::size_t i = 1; i < edges.size(); ++i)
        if (!key_less(edges[i - 1], edges[i])) return plan_vertex_[std::size_t(edges[i].a)];
    for (std::int32_t i = 0; i < corners; ++i) {
        const Directed want{t[i / 3 * 3 + (i + 1) % 3], t[i], 0};
        const auto found = std::lower_bound(edges.begin(), edges.end(), want, key_less);
        if (found == edges.end() || found->a != want.a || found->b != want.b)
            return plan_vertex_[std::size_t(t[i])];
        fan_[std::size_t(root(i))] = root(found->corner / 3 * 3 + (found->corner + 1) % 3);  // both at t[i]
    }
    thread_local std::vector<std::int32_t> first;
    first.assign(std::size_t(vertices_), -1);
    for (std::int32_t i = 0; i < corners; ++i) {
        std::int32_t& f = first[std::size_t(t[i])];
        if (f < 0)
            f = root(i);
        else if (f != root(i))
            return plan_vertex_[std::size_t(t[i])];
    }
    return -1;
}

bool Extruder::roof(std::int32_t face) {
    const PlanarMap& map = cells_->map;
    const Surface& s = cells_->surfaces[std::size_t(cells_->cell[std::size_t(face)])];
    for (const bool up : {true, false}) {
        if (!up && ground_surface(s)) break;
        corners_.clear();
        ring_begin_.assign(1, 0);
        for (std::int32_t k = map.face_loops_begin[std::size_t(face)];
             k < map.face_loops_begin[std::size_t(face) + 1]; ++k)
            add_ring(map.loop_first[std::size_t(map.face_loops[std::size_t(k)])], up);
        begin_face(up ? s.label : Label::underside, s.part,
                   up ? s.group : groups_ + sources_ + 4 * std::int32_t(cells_->source.size()) + 1 + face,
                   solid_of_[std::size_t(face)]);
        if (!horizontal(up, up ? s.top : s.bottom)) return false;
    }
    return true;
}

// One ground polygon per connected region of cells that stand on the ground, whatever lies above it.
bool Extruder::ground() {
    const PlanarMap& map = cells_->map;
    visited_.assign(std::size_t(map.halves()), 0);
    loop_half_.clear();
    loop_area_.clear();
    const auto boundary = [&](std::int32_t h) { return on_ground(h) && !on_ground(h ^ 1); };
    const auto onward = [&](std::int32_t h) {
        std::int32_t k = map.next[std::size_t(h)];
        while (!boundary(k)) k = map.next[std::size_t(k ^ 1)];
        return k;
    };
    const auto at = [&](std::int32_t h) { return cells_->points()[std::size_t(map.origin[std::size_t(h)])]; };
    for (std::int32_t h = 0; h < map.halves(); ++h) {
        if (visited_[std::size_t(h)] || !boundary(h)) continue;
        std::int64_t area = 0;
        std::int32_t k = h;
        do {
            visited_[std::size_t(k)] = 1;
            area += orient(at(h), at(k), at(k ^ 1));
            k = onward(k);
        } while (k != h);
        loop_half_.push_back(h);
        loop_area_.push_back(area);
    }
    const std::size_t loops = loop_half_.size();
    thread_local std::vector<std::int32_t> owner;
    owner.assign(loops, -1);
    for (std::size_t l = 0; l < loops; ++l) {
        if (loop_area_[l] > 0) continue;
        std::int32_t low = loop_half_[l], k = low;
        do {
            if (at(k).y < at(low).y || (at(k).y == at(low).y && at(k).x < at(low).x)) low = k;
            k = onward(k);
        } while (k != loop_half_[l]);
        const double px = at(low).x, py = at(low).y - 1e-3;
        std::int64_t best = std::numeric_limits<std::int64_t>::max();
        for (std::size_t m = 0; m < loops; ++m) {
            if (loop_area_[m] <= 0 || loop_area_[m] >= best) continue;
            bool inside = false;
            k = loop_half_[m];
            do {
                const Point a = at(k), b = at(k ^ 1);
                if ((a.y > py) != (b.y > py) &&
                    a.x + (py - a.y) * (double(b.x) - a.x) / (double(b.y) - a.y) > px)
                    inside = !inside;
                k = onward(k);
            } while (k != loop_half_[m]);
            if (inside) best = loop_area_[m], owner[l] = std::int32_t(m);
        }
        if (owner[l] < 0) return false;
    }
    std::int32_t part = -1;
    bool shared = false;
    for (const std::int32_t c : cells_->cell) {
        if (c < 0) continue;
        const std::int32_t p = cells_->surfaces[std::size_t(c)].part;
        shared = shared || (part >= 0 && p != part);
        part = p;
    }
    for (std::size_t l = 0; l < loops; ++l) {
        if (loop_area_[l] <= 0) continue;
        corners_.clear();
        ring_begin_.assign(1, 0);
        for (std::size_t m = 0; m < loops; ++m) {
            const std::size_t q = m == 0 ? l : m <= l ? m - 1 : m;  // the outer ring first
            if (q != l && owner[q] != std::int32_t(l)) continue;
            std::int32_t k = loop_half_[q];
            do {
                corners_.push_back({map.origin[std::size_t(k)], cells_->bottom[std::size_t(k)]});
                k = onward(k);
            } while (k != loop_half_[q]);
            ring_begin_.push_back(std::int32_t(corners_.size()));
        }
        begin_face(Label::ground, shared ? -1 : part,
                   groups_ + sources_ + 4 * std::int32_t(cells_->source.size()),
                   solid_of_[std::size_t(map.face_of(loop_half_[l]))]);
        if (!horizontal(false, {0, 0, double(corners_[0].z)})) return false;
    }
    return true;
}

bool Extruder::run(const Cells& cells, std::int32_t z_shift, std::int32_t groups, std::int32_t sources,
                   bool polygons, Solids& out) {
    cells_ = &cells;
    out_ = &out;
    z_shift_ = z_shift, groups_ = groups, sources_ = sources, polygons_ = polygons;
    vertices_ = faces_ = 0;
    plan_vertex_.clear();
    first_triangle_ = out.triangles.size();
    find_levels();
    join_cells();
    for (std::int32_t f = 1; f < cells.map.faces(); ++f)
        if (cells.cell[std::size_t(f)] >= 0 && !roof(f)) return false;
    for (std::int32_t h = 0; h < cells.map.halves(); ++h) walls(h);
    return ground();
}

}  // namespace geovision
