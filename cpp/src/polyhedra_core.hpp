// One primitive under the checker of polyhedra: its own small vertex list, and what was found. Shared by
// the checker's files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "geovision/check.hpp"
#include "geovision/polyhedra.hpp"
#include "geovision/triangulate.hpp"

namespace geovision::polyhedra {

__extension__ typedef __int128 Wide;  // a compiler extension, and said so under -Wpedantic

namespace code = polyhedron_code;

// A primitive with vertices welded and counted from its own corner.
struct Body {
    std::int64_t primitive = 0;
    std::vector<GridPoint> points;
    std::vector<std::int64_t> sources;  // [points] a vertex of the file at this place
    std::vector<std::int32_t> ring;     // [ring vertices] into points, in the order of the file
    std::int64_t first_corner = 0;      // of the file's ring_vertices
    std::vector<std::int32_t> triangles;
    std::vector<std::int64_t> triangle_polygon;
    std::vector<std::size_t> shell_begin;  // [shells + 1] into triangles / 3
    double volume = 0.0, deviation = 0.0;
    bool sound = true;
};

struct Triangles {
    const Body& body;
    std::size_t begin, end;  // of triangles

    const std::int32_t* at(std::size_t t) const { return body.triangles.data() + 3 * t; }
    void corners(std::size_t t, GridPoint (&out)[3]) const {
        for (std::size_t k = 0; k < 3; ++k) out[k] = body.points[std::size_t(at(t)[k])];
    }
};

inline Triangles shell_of(const Body& body, std::size_t s) {
    return {body, body.shell_begin[s], body.shell_begin[s + 1]};
}

struct Context {
    const PolyhedraView& view;
    const PolyhedraOptions& options;
    std::vector<PolyhedraFinding>& findings;

    void add(Body& body, std::int32_t what, std::int64_t polygon, std::int64_t vertex, double value) const {
        body.sound = false;
        findings.push_back({body.primitive, what, polygon, vertex, -1, value});
    }
};

// Checks rings and polygons one after the other and cuts them into triangles.
class PolygonChecker {
public:
    explicit PolygonChecker(const Context& context) : c_(context) {}
    // True where the polygon is sound; its triangles are then appended to the body's.
    bool check(Body& body, std::int64_t polygon);
    // A sound polygon cut into triangles in several ways: seen along its plane's axis and from above, begun
    // at one corner and at the next. It lies on its plane but for roundings, and so has no other surface.
    std::vector<std::vector<std::int32_t>> cuts(Body& body, std::int64_t polygon);

private:
    struct Side {
        Point a, b;
        std::int32_t from, to, ring, at;
    };
    struct Touch {
        std::int32_t ring;
        Point place;
    };

    void begin(Body& body, std::int64_t polygon);
    bool check_points();
    bool check_plane();
    void project(int drop);
    bool check_sides();
    bool meet(const Side& s, const Side& t);
    bool check_duplicates();
    bool check_holes();
    bool check_connected();
    int widest_axis() const;
    bool is_sliver() const;
    Wide outline_area() const;
    void add_touches();
    bool cut();
    bool check_fold(std::size_t from);
    bool fail(std::int32_t what, std::int32_t at, double value = 1.0);
    bool same_ring(std::int32_t r, std::int32_t q) const;
    int place_in(std::int32_t r, std::int64_t x2, std::int64_t y2) const;
    int holds(std::int32_t outer, std::int32_t inner) const;
    std::int32_t rings() const { return static_cast<std::int32_t>(begin_.size()) - 1; }

    const Context& c_;
    Body* body_ = nullptr;
    std::int64_t polygon_ = 0;
    std::vector<std::int32_t> ids_, begin_, local_, unique_, cut_, noded_, noded_begin_;
    std::vector<Point> flat_;
    std::vector<Side> sides_;
    std::vector<Touch> touches_;
    std::vector<std::array<double, 3>> cloud_;
    std::array<double, 3> normal_{};
    int drop_ = 2;
    bool silent_ = false;
    Triangulator triangulator_;
};

// Shells of a solid and composite surfaces: closed, manifold, oriented, free of crossings.
void check_shells(const Context& context, Body& body);

// Orientation of a solid's shells, and how its cavities lie; sets the volume. Its shells are sound.
void check_solid(const Context& context, Body& body);

// Solids of one group: that none enters another. Findings are named after the later one.
void check_group(const Context& context, const std::vector<Body>& bodies);

}  // namespace geovision::polyhedra
