// A proven tiling written out as a closed solid: the faces on top, a wall under every edge of the outline,
// the ground.
#include <algorithm>

#include "geovision/tiling.hpp"

namespace geovision {

namespace {

// Makes room for `n` more values at the end of a column and returns where they go.
template <class T>
T* extend(Column<T>& column, std::size_t n) {
    column.resize(column.size() + n);
    return column.data() + (column.size() - n);
}

std::int32_t* put3(std::int32_t* at, std::int32_t a, std::int32_t b, std::int32_t c) {
    at[0] = a, at[1] = b, at[2] = c;
    return at + 3;
}

}  // namespace

void Tiling::write(const Drawing& drawing, std::int32_t z_shift, std::int32_t sources, bool polygons,
                   Solids& out) const {
    write_vertices(z_shift, out);
    write_triangles(out);
    write_faces(drawing, sources, out);
    if (polygons) write_rings(out);
}

// The plan's vertices at their heights, then the outline's on the ground.
void Tiling::write_vertices(std::int32_t z_shift, Solids& out) const {
    std::int32_t* at = extend(out.vertices, 3 * (grid_.points.size() + ground_.size()));
    for (std::size_t v = 0; v < grid_.points.size(); ++v)
        at = put3(at, grid_.points[v].x, grid_.points[v].y, top_[v] + z_shift);
    for (const std::int32_t v : ground_) {
        const Point p = grid_.points[std::size_t(v)];
        at = put3(at, p.x, p.y, z_shift);
    }
}

void Tiling::write_triangles(Solids& out) const {
    const std::size_t walls = wall_.size();
    const std::size_t count = triangles_.size() + 6 * walls + ground_triangles_.size();
    std::int32_t* at = extend(out.triangles, count);
    std::int32_t* face = extend(out.triangle_face, count / 3);
    at = std::copy(triangles_.begin(), triangles_.end(), at);
    std::int32_t id = 0, from = 0;
    for (const Span& f : faces_) {
        face = std::fill_n(face, (f.triangles - from) / 3, id++);
        from = f.triangles;
    }
    for (const std::int32_t h : wall_) {
        const std::int32_t u = origin(h), v = origin(h ^ 1), u0 = below_[std::size_t(u)],
                           v0 = below_[std::size_t(v)];
        if (top_[std::size_t(v)] <= top_[std::size_t(u)]) {
            at = put3(at, u0, v0, v);
            at = put3(at, u0, v, u);
        } else {
            at = put3(at, u0, v0, u);
            at = put3(at, u, v0, v);
        }
        face = std::fill_n(face, 2, id++);
    }
    for (std::size_t t = 0; t < ground_triangles_.size(); t += 3) {
        const auto below = [&](std::size_t i) { return below_[std::size_t(ground_triangles_[t + i])]; };
        at = put3(at, below(0), below(2), below(1));
        *face++ = id;
    }
}

void Tiling::write_faces(const Drawing& drawing, std::int32_t sources, Solids& out) const {
    const std::size_t count = faces_.size() + wall_.size() + 1;
    std::uint8_t* label = extend(out.face_label, count);
    std::int32_t* part = extend(out.face_part, count);
    std::int32_t* surface = extend(out.face_surface, count);
    std::fill_n(extend(out.face_provenance, count), count, std::uint8_t(Provenance::given));
    std::fill_n(extend(out.face_solid, count), count, 0);
    for (const Span& f : faces_) {
        const Surface& s = drawing.surfaces[std::size_t(f.surface)];
        *label++ = std::uint8_t(s.label), *part++ = s.part, *surface++ = s.group;
    }
    for (const std::int32_t h : wall_) {
        *label++ = std::uint8_t(Label::wall);
        *part++ = drawing.surfaces[std::size_t(half_[std::size_t(h)].surface)].part;
        *surface++ = drawing.groups + drawing.lines[std::size_t(h / 2)].source;
    }
    *label = std::uint8_t(Label::ground);
    *part = drawing.surfaces[0].part;
    *surface = drawing.groups + sources;
}

void Tiling::write_rings(Solids& out) const {
    const auto end_ring = [&] { out.ring_offsets.push_back(std::int64_t(out.ring_vertices.size())); };
    const auto end_face = [&] { out.face_ring_offsets.push_back(std::int64_t(out.ring_offsets.size()) - 1); };
    std::int32_t ring = 0, corner = 0;
    for (const Span& f : faces_) {
        for (; ring < f.rings; ++ring) {
            const std::int32_t end = ring_end_[std::size_t(ring)];
            out.ring_vertices.insert(out.ring_vertices.end(), corners_.begin() + corner,
                                     corners_.begin() + end);
            corner = end;
            end_ring();
        }
        end_face();
    }
    for (const std::int32_t h : wall_) {
        const std::int32_t u = origin(h), v = origin(h ^ 1);
        for (const std::int32_t id : {below_[std::size_t(u)], below_[std::size_t(v)], v, u})
            out.ring_vertices.push_back(id);
        end_ring();
        end_face();
    }
    for (std::size_t r = 0; r + 1 < wall_ring_.size(); ++r) {
        for (std::int32_t i = wall_ring_[r + 1]; i-- > wall_ring_[r];)
            out.ring_vertices.push_back(below_[std::size_t(ground_[std::size_t(i)])]);
        end_ring();
    }
    end_face();
}

}  // namespace geovision
