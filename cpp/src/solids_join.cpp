#include "solids_join.hpp"

#include <algorithm>

#include "geovision/parallel.hpp"

namespace geovision {

namespace {

// Where `begin` .. `end` of the piece go.
template <class T>
void put(Column<T>& to, std::size_t at, const Column<T>& from, std::size_t begin, std::size_t end) {
    std::copy(from.data() + begin, from.data() + end, to.data() + at);
}

// Offsets have one entry more than items; the first one is there already.
// `shift` is what their targets move by.
void put_offsets(Column<std::int64_t>& to, std::size_t at, const Column<std::int64_t>& from,
                 std::size_t begin, std::size_t end, std::size_t target, std::size_t was) {
    const std::int64_t shift = std::int64_t(target) - std::int64_t(was);
    for (std::size_t i = begin; i < end; ++i) to[at + i - begin + 1] = from[i + 1] + shift;
}

void resize(Solids& s, const SolidsSize& n, bool polygons, bool dressed) {
    s.origin.resize(3 * n.buildings);
    for (auto* offsets : {&s.vertex_offsets, &s.triangle_offsets, &s.face_offsets})
        offsets->resize(n.buildings + 1);
    s.status.resize(n.buildings);
    s.flags.resize(n.buildings);
    s.vertices.resize(3 * n.vertices);
    s.triangles.resize(3 * n.triangles);
    s.triangle_face.resize(n.triangles);
    for (auto* column : {&s.face_label, &s.face_provenance}) column->resize(n.faces);
    for (auto* column : {&s.face_part, &s.face_surface, &s.face_solid}) column->resize(n.faces);
    if (dressed)
        s.face_element.resize(n.faces), s.face_material.resize(n.faces), s.face_colour.resize(3 * n.faces);
    s.face_ring_offsets.resize(polygons ? n.faces + 1 : 1);
    s.ring_offsets.resize(n.rings + 1);
    s.ring_vertices.resize(n.ring_vertices);
    for (auto* offsets :
         {&s.vertex_offsets, &s.triangle_offsets, &s.face_offsets, &s.face_ring_offsets, &s.ring_offsets})
        offsets->front() = 0;
}

void copy_piece(const SolidsPiece& piece, const SolidsSize& at, bool polygons, Solids& to) {
    const Solids& s = *piece.from;
    const SolidsSize &a = piece.begin, &e = piece.end;
    put(to.origin, 3 * at.buildings, s.origin, 3 * a.buildings, 3 * e.buildings);
    put(to.status, at.buildings, s.status, a.buildings, e.buildings);
    put(to.flags, at.buildings, s.flags, a.buildings, e.buildings);
    put_offsets(to.vertex_offsets, at.buildings, s.vertex_offsets, a.buildings, e.buildings, at.vertices,
                a.vertices);
    put_offsets(to.triangle_offsets, at.buildings, s.triangle_offsets, a.buildings, e.buildings, at.triangles,
                a.triangles);
    put_offsets(to.face_offsets, at.buildings, s.face_offsets, a.buildings, e.buildings, at.faces, a.faces);
    put(to.vertices, 3 * at.vertices, s.vertices, 3 * a.vertices, 3 * e.vertices);
    put(to.triangles, 3 * at.triangles, s.triangles, 3 * a.triangles, 3 * e.triangles);
    put(to.triangle_face, at.triangles, s.triangle_face, a.triangles, e.triangles);
    put(to.face_label, at.faces, s.face_label, a.faces, e.faces);
    put(to.face_provenance, at.faces, s.face_provenance, a.faces, e.faces);
    put(to.face_part, at.faces, s.face_part, a.faces, e.faces);
    put(to.face_surface, at.faces, s.face_surface, a.faces, e.faces);
    put(to.face_solid, at.faces, s.face_solid, a.faces, e.faces);
    if (!to.face_element.empty()) {
        put(to.face_element, at.faces, s.face_element, a.faces, e.faces);
        put(to.face_material, at.faces, s.face_material, a.faces, e.faces);
        put(to.face_colour, 3 * at.faces, s.face_colour, 3 * a.faces, 3 * e.faces);
    }
    if (!polygons) return;
    put_offsets(to.face_ring_offsets, at.faces, s.face_ring_offsets, a.faces, e.faces, at.rings, a.rings);
    put_offsets(to.ring_offsets, at.rings, s.ring_offsets, a.rings, e.rings, at.ring_vertices,
                a.ring_vertices);
    put(to.ring_vertices, at.ring_vertices, s.ring_vertices, a.ring_vertices, e.ring_vertices);
}

}  // namespace

SolidsSize size_of(const Solids& s) {
    return {s.status.size(),     s.vertices.size() / 3,     s.triangle_face.size(),
            s.face_label.size(), s.ring_offsets.size() - 1, s.ring_vertices.size()};
}

Solids join(const std::vector<SolidsPiece>& pieces, double grid, int threads) {
    std::vector<SolidsSize> starts;
    starts.reserve(pieces.size());
    SolidsSize sum{};
    for (const SolidsPiece& p : pieces) {
        starts.push_back(sum);
        sum.buildings += p.end.buildings - p.begin.buildings;
        sum.vertices += p.end.vertices - p.begin.vertices;
        sum.triangles += p.end.triangles - p.begin.triangles;
        sum.faces += p.end.faces - p.begin.faces;
        sum.rings += p.end.rings - p.begin.rings;
        sum.ring_vertices += p.end.ring_vertices - p.begin.ring_vertices;
    }
    const bool polygons = sum.rings > 0;
    Solids all;
    all.grid = grid;
    const bool dressed = std::any_of(pieces.begin(), pieces.end(), [](const SolidsPiece& p) {
        return p.from != nullptr && !p.from->face_element.empty();
    });
    resize(all, sum, polygons, dressed);
    parallel_blocks(std::int64_t(pieces.size()), threads, nullptr, [&] {
        return [&](std::int64_t i) {
            copy_piece(pieces[std::size_t(i)], starts[std::size_t(i)], polygons, all);
        };
    });
    return all;
}

}  // namespace geovision
