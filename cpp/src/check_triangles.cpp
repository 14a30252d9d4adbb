// Exact meeting of two triangles on the integer grid.
#include <algorithm>
#include <cstdint>

#include "geovision/check.hpp"

namespace geovision {
namespace {

__extension__ typedef __int128 Wide;  // a compiler extension, and said so under -Wpedantic

// int32 differences take 33 bits; a 3x3 determinant of them 102 bits: inside 128.
struct Vector {
    std::int64_t x, y, z;
};

Vector operator-(const GridPoint& a, const GridPoint& b) {
    return {std::int64_t{a.x} - b.x, std::int64_t{a.y} - b.y, std::int64_t{a.z} - b.z};
}

bool operator==(const GridPoint& a, const GridPoint& b) { return a.x == b.x && a.y == b.y && a.z == b.z; }

int sign(Wide value) { return (value > 0) - (value < 0); }

struct WideVector {
    Wide x, y, z;
};

WideVector cross(const Vector& u, const Vector& v) {
    return {Wide{u.y} * v.z - Wide{u.z} * v.y, Wide{u.z} * v.x - Wide{u.x} * v.z,
            Wide{u.x} * v.y - Wide{u.y} * v.x};
}

// 66 + 33 + 2 bits.
Wide dot(const WideVector& n, const Vector& v) { return n.x * v.x + n.y * v.y + n.z * v.z; }

bool is_zero(const WideVector& n) { return n.x == 0 && n.y == 0 && n.z == 0; }

// Side of d to the plane through a, b, c.
int orient(const GridPoint& a, const GridPoint& b, const GridPoint& c, const GridPoint& d) {
    return sign(dot(cross(b - a, c - a), d - a));
}

// A triangle with its plane, computed once for all the tests it takes part in.
struct Facet {
    const GridPoint* p;
    WideVector normal;
    int drop;  // axis to leave out when the plane is looked at in 2D: the normal is not zero there

    explicit Facet(const GridPoint (&corner)[3]) : p(corner), normal(cross(p[1] - p[0], p[2] - p[0])) {
        drop = normal.z != 0 ? 2 : normal.y != 0 ? 1 : 0;
    }
    int side(const GridPoint& q) const { return sign(dot(normal, q - p[0])); }
};

struct Flat {
    std::int64_t u, v;
};

Flat flatten(const GridPoint& p, int drop) {
    if (drop == 2) return {p.x, p.y};
    if (drop == 1) return {p.x, p.z};
    return {p.y, p.z};
}

int turn(const Flat& a, const Flat& b, const Flat& c) {
    return sign(Wide{b.u - a.u} * (c.v - a.v) - Wide{b.v - a.v} * (c.u - a.u));
}

bool within_box(const Flat& a, const Flat& b, const Flat& q) {
    return std::min(a.u, b.u) <= q.u && q.u <= std::max(a.u, b.u) && std::min(a.v, b.v) <= q.v &&
           q.v <= std::max(a.v, b.v);
}

bool segments_meet(const Flat& a, const Flat& b, const Flat& c, const Flat& d) {
    const int s1 = turn(a, b, c), s2 = turn(a, b, d), s3 = turn(c, d, a), s4 = turn(c, d, b);
    if (s1 * s2 < 0 && s3 * s4 < 0) return true;
    return (s1 == 0 && within_box(a, b, c)) || (s2 == 0 && within_box(a, b, d)) ||
           (s3 == 0 && within_box(c, d, a)) || (s4 == 0 && within_box(c, d, b));
}

// Segment and triangle of one plane, both closed.
bool meet_in_plane(const GridPoint& from, const GridPoint& to, const Facet& t) {
    const Flat a = flatten(from, t.drop), b = flatten(to, t.drop);
    const Flat c[3] = {flatten(t.p[0], t.drop), flatten(t.p[1], t.drop), flatten(t.p[2], t.drop)};
    for (int i = 0; i < 3; ++i) {
        if (segments_meet(a, b, c[i], c[(i + 1) % 3])) return true;
    }
    const int s0 = turn(c[0], c[1], a), s1 = turn(c[1], c[2], a), s2 = turn(c[2], c[0], a);
    return (s0 > 0 && s1 > 0 && s2 > 0) || (s0 < 0 && s1 < 0 && s2 < 0);
}

bool segment_meets(const GridPoint& from, const GridPoint& to, const Facet& t) {
    const int a = t.side(from), b = t.side(to);
    if (a == 0 && b == 0) return meet_in_plane(from, to, t);
    if (a * b > 0) return false;
    const int s0 = orient(from, to, t.p[0], t.p[1]), s1 = orient(from, to, t.p[1], t.p[2]),
              s2 = orient(from, to, t.p[2], t.p[0]);
    const bool has_left = s0 > 0 || s1 > 0 || s2 > 0, has_right = s0 < 0 || s1 < 0 || s2 < 0;
    return !(has_left && has_right);
}

bool segment_pierces(const GridPoint& from, const GridPoint& to, const Facet& t) {
    if (t.side(from) * t.side(to) >= 0) return false;
    const int s0 = orient(from, to, t.p[0], t.p[1]), s1 = orient(from, to, t.p[1], t.p[2]),
              s2 = orient(from, to, t.p[2], t.p[0]);
    return s0 != 0 && s0 == s1 && s1 == s2;
}

// All corners strictly on one side: the planes alone decide.
bool apart(const Facet& t, const Facet& other) {
    const int a = t.side(other.p[0]);
    return a != 0 && a == t.side(other.p[1]) && a == t.side(other.p[2]);
}

bool any_edge_meets(const Facet& edges_of, const Facet& t) {
    for (int i = 0; i < 3; ++i) {
        if (segment_meets(edges_of.p[i], edges_of.p[(i + 1) % 3], t)) return true;
    }
    return false;
}

// Two triangles on a shared edge overlap only when they lie in one plane on one side of it.
bool folded_on_edge(const Facet& a, int apex_a, const Facet& b, int apex_b) {
    if (a.side(b.p[apex_b]) != 0) return false;
    const Flat from = flatten(a.p[(apex_a + 1) % 3], a.drop), to = flatten(a.p[(apex_a + 2) % 3], a.drop);
    return turn(from, to, flatten(a.p[apex_a], a.drop)) == turn(from, to, flatten(b.p[apex_b], a.drop));
}

}  // namespace

bool triangles_cross(const GridPoint (&a)[3], const GridPoint (&b)[3]) {
    const Facet fa(a), fb(b);
    if (is_zero(fa.normal) || is_zero(fb.normal)) return false;
    if (apart(fa, fb) || apart(fb, fa)) return false;
    int shared = 0, sum_a = 0, sum_b = 0;
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
            if (a[i] == b[j]) ++shared, sum_a += i, sum_b += j;
        }
    }
    if (shared == 0) return any_edge_meets(fa, fb) || any_edge_meets(fb, fa);
    if (shared == 1) {
        // Whatever they share beyond the corner leaves one of them through the edge facing it.
        return segment_meets(a[(sum_a + 1) % 3], a[(sum_a + 2) % 3], fb) ||
               segment_meets(b[(sum_b + 1) % 3], b[(sum_b + 2) % 3], fa);
    }
    if (shared == 2) return folded_on_edge(fa, 3 - sum_a, fb, 3 - sum_b);
    return true;
}

bool triangles_pierce(const GridPoint (&a)[3], const GridPoint (&b)[3]) {
    const Facet fa(a), fb(b);
    if (is_zero(fa.normal) || is_zero(fb.normal)) return false;
    if (apart(fa, fb) || apart(fb, fa)) return false;
    for (int i = 0; i < 3; ++i) {
        if (segment_pierces(a[i], a[(i + 1) % 3], fb) || segment_pierces(b[i], b[(i + 1) % 3], fa))
            return true;
    }
    return false;
}

}  // namespace geovision
