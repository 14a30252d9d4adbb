// The checker on hand-made solids: sound ones pass, and each way to break one is named.
#include "geovision/check.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "testing.hpp"

using namespace geovision;

namespace {

// A batch under construction; quads in, triangles and rings out.
struct Maker {
    Solids s;

    Maker() {
        s.vertex_offsets = s.triangle_offsets = s.face_offsets = s.face_ring_offsets = s.ring_offsets = {0};
    }

    void face(const std::vector<std::int32_t>& ring, const std::vector<std::vector<std::int32_t>>& triangles,
              std::int32_t solid = 0) {
        const auto id =
            static_cast<std::int32_t>(static_cast<std::int64_t>(s.face_solid.size()) - s.face_offsets.back());
        for (const auto& t : triangles) {
            s.triangles.insert(s.triangles.end(), t.begin(), t.end());
            s.triangle_face.push_back(id);
        }
        s.ring_vertices.insert(s.ring_vertices.end(), ring.begin(), ring.end());
        s.ring_offsets.push_back(static_cast<std::int64_t>(s.ring_vertices.size()));
        s.face_ring_offsets.push_back(static_cast<std::int64_t>(s.ring_offsets.size()) - 1);
        s.face_solid.push_back(solid);
        s.face_label.push_back(0);
    }

    void quad(std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d, std::int32_t solid = 0) {
        face({a, b, c, d}, {{a, b, c}, {a, c, d}}, solid);
    }

    std::int32_t vertex(std::int32_t x, std::int32_t y, std::int32_t z) {
        s.vertices.insert(s.vertices.end(), {x, y, z});
        return static_cast<std::int32_t>(static_cast<std::int64_t>(s.vertices.size() / 3) - 1 -
                                         s.vertex_offsets.back());
    }

    // Corners 0..3 below and 4..7 above, counter-clockwise.
    void box(std::int32_t x, std::int32_t y, std::int32_t z, std::int32_t dx, std::int32_t dy,
             std::int32_t dz, std::int32_t solid = 0) {
        std::int32_t first = -1;
        for (const std::int32_t up : {0, dz}) {
            const std::int32_t v = vertex(x, y, z + up);
            if (first < 0) first = v;
            vertex(x + dx, y, z + up);
            vertex(x + dx, y + dy, z + up);
            vertex(x, y + dy, z + up);
        }
        const std::int32_t o = first;
        quad(o + 3, o + 2, o + 1, o, solid);
        quad(o + 4, o + 5, o + 6, o + 7, solid);
        for (std::int32_t i = 0; i < 4; ++i)
            quad(o + i, o + (i + 1) % 4, o + (i + 1) % 4 + 4, o + i + 4, solid);
    }

    void end(Status status = Status::ok) {
        s.vertex_offsets.push_back(static_cast<std::int64_t>(s.vertices.size() / 3));
        s.triangle_offsets.push_back(static_cast<std::int64_t>(s.triangles.size() / 3));
        s.face_offsets.push_back(static_cast<std::int64_t>(s.face_solid.size()));
        s.status.push_back(static_cast<std::uint8_t>(status));
        s.flags.push_back(0);
    }

    CheckResult check(int threads = 1) const {
        CheckOptions options;
        options.self_intersection = true;
        options.threads = threads;
        return check_solids(view_of(s), options);
    }
};

Maker one_box() {
    Maker m;
    m.box(0, 0, 0, 8000, 6000, 3000);
    m.end();
    return m;
}

bool has(const Maker& m, std::uint32_t bit) { return (m.check().faults[0] & bit) != 0; }

void test_sound() {
    const CheckResult r = one_box().check();
    CHECK(r.faults[0] == 0);
    CHECK(r.element[0] == -1);
    CHECK_NEAR(r.volume[0], 144.0, 0.0);
    CHECK_NEAR(r.deviation[0], 0.0, 0.0);
}

void test_far_corners_do_not_overflow() {
    Maker m;
    m.box(-2000000000, -2000000000, -2000000000, 2000000000, 2000000000, 2000000000);
    m.end();
    const CheckResult r = m.check();
    CHECK(r.faults[0] == 0);
    CHECK_NEAR(r.volume[0] / 8e18, 1.0, 1e-15);
}

// A block with a courtyard: the top and the bottom are faces with a hole.
Maker ring_house() {
    Maker m;
    for (const std::int32_t z : {0, 3000}) {
        m.vertex(0, 0, z), m.vertex(9000, 0, z), m.vertex(9000, 9000, z), m.vertex(0, 9000, z);
        m.vertex(3000, 3000, z), m.vertex(6000, 3000, z), m.vertex(6000, 6000, z), m.vertex(3000, 6000, z);
    }
    std::vector<std::vector<std::int32_t>> top, bottom;
    for (std::int32_t i = 0; i < 4; ++i) {
        const std::int32_t j = (i + 1) % 4;
        top.push_back({8 + i, 8 + j, 12 + j});
        top.push_back({8 + i, 12 + j, 12 + i});
        bottom.push_back({i, 4 + j, j});
        bottom.push_back({i, 4 + i, 4 + j});
        m.quad(i, j, 8 + j, 8 + i);
        m.quad(4 + j, 4 + i, 12 + i, 12 + j);
    }
    for (const bool up : {true, false}) {
        m.face(up ? std::vector<std::int32_t>{8, 9, 10, 11} : std::vector<std::int32_t>{3, 2, 1, 0},
               up ? top : bottom);
        for (const std::int32_t v :
             up ? std::vector<std::int32_t>{15, 14, 13, 12} : std::vector<std::int32_t>{4, 5, 6, 7})
            m.s.ring_vertices.push_back(v);
        m.s.ring_offsets.push_back(static_cast<std::int64_t>(m.s.ring_vertices.size()));
        m.s.face_ring_offsets.back() = static_cast<std::int64_t>(m.s.ring_offsets.size()) - 1;
    }
    m.end();
    return m;
}

void test_face_with_hole() {
    Maker m = ring_house();
    const CheckResult r = m.check();
    CHECK(r.faults[0] == 0);
    CHECK_NEAR(r.volume[0], 216.0, 1e-12);
    std::reverse(m.s.ring_vertices.end() - 4, m.s.ring_vertices.end());
    CHECK(m.check().faults[0] == fault::ring_mismatch);
}

void test_open_and_repeated() {
    Maker open = one_box();
    open.s.triangles.resize(open.s.triangles.size() - 3);
    open.s.triangle_face.pop_back();
    open.s.triangle_offsets.back() -= 1;
    CHECK(has(open, fault::open_edge));
    Maker flipped = one_box();
    std::swap(flipped.s.triangles[0], flipped.s.triangles[1]);
    CHECK(has(flipped, fault::open_edge));
    CHECK(has(flipped, fault::repeated_edge));
    Maker doubled;
    doubled.box(0, 0, 0, 1000, 1000, 1000);
    doubled.quad(4, 5, 6, 7);
    doubled.end();
    CHECK(has(doubled, fault::repeated_edge));
}

void test_inside_out() {
    Maker m = one_box();
    for (std::size_t t = 0; t < m.s.triangles.size(); t += 3)
        std::swap(m.s.triangles[t], m.s.triangles[t + 1]);
    CHECK(has(m, fault::not_positive));
    CHECK(!has(m, fault::open_edge));
    CHECK(m.check().volume[0] < 0);
}

void test_short_and_degenerate() {
    Maker thin;
    thin.box(0, 0, 0, 8000, 9, 3000);
    thin.end();
    CHECK(thin.check().faults[0] == fault::short_edge);
    Maker just;
    just.box(0, 0, 0, 8000, 10, 3000);
    just.end();
    CHECK(just.check().faults[0] == 0);
    Maker flat = one_box();
    flat.s.vertices[3 * 6 + 0] = 4000;  // corner 6 onto the diagonal 5-7
    flat.s.vertices[3 * 6 + 1] = 3000;
    flat.s.triangles[6] = 5, flat.s.triangles[7] = 6, flat.s.triangles[8] = 7;
    CHECK(has(flat, fault::degenerate_triangle));
}

void test_pinched_and_coincident() {
    // Two boxes corner to corner: sharing the vertex they pinch, with a vertex each they coincide,
    // as two solids they are sound.
    Maker two;
    two.box(0, 0, 0, 1000, 1000, 1000, 0);
    two.box(1000, 1000, 1000, 1000, 1000, 1000, 0);
    two.end();
    CHECK(two.check().faults[0] == (fault::coincident_vertices));
    Maker pinched = two;
    for (auto& v : pinched.s.triangles) v = v == 8 ? 6 : v;
    for (auto& v : pinched.s.ring_vertices) v = v == 8 ? 6 : v;
    CHECK(has(pinched, fault::pinched_vertex));
    CHECK(has(pinched, fault::unused_vertex));
    Maker apart = two;
    for (std::size_t f = 6; f < 12; ++f) apart.s.face_solid[f] = 1;
    CHECK(apart.check().faults[0] == 0);
    Maker mixed = two;
    mixed.s.face_solid[3] = 1;
    CHECK(has(mixed, fault::mixed_solid));
}

void test_crossings() {
    Maker m;
    m.box(0, 0, 0, 1000, 1000, 1000, 0);
    m.box(500, 400, 300, 1000, 1000, 1000, 0);
    m.end();
    CHECK(m.check().faults[0] == fault::self_intersection);
    for (std::size_t f = 6; f < 12; ++f) m.s.face_solid[f] = 1;
    CHECK(m.check().faults[0] == fault::solids_cross);
    // Standing on each other: touching faces are a fault within a solid and none between two.
    Maker stacked;
    stacked.box(0, 0, 0, 1000, 1000, 1000, 0);
    stacked.box(100, 100, 1000, 500, 500, 500, 0);
    stacked.end();
    CHECK(stacked.check().faults[0] == fault::self_intersection);
    for (std::size_t f = 6; f < 12; ++f) stacked.s.face_solid[f] = 1;
    CHECK(stacked.check().faults[0] == 0);
}

void test_faces() {
    Maker bent = one_box();
    bent.s.vertices[3 * 6 + 2] += 20;
    CHECK(bent.check().faults[0] == fault::not_planar);
    CHECK(bent.check().deviation[0] > 0.004);
    CHECK(bent.check().deviation[0] < 0.006);
    Maker swapped = one_box();
    std::swap(swapped.s.ring_vertices[1], swapped.s.ring_vertices[2]);
    CHECK(has(swapped, fault::ring_mismatch));
    Maker wandering = one_box();
    wandering.s.triangle_face[0] = 1;
    CHECK(has(wandering, fault::ring_mismatch));
    CHECK(has(wandering, fault::folded_face));
    Maker bare = one_box();
    bare.s.face_ring_offsets.clear();
    bare.s.ring_offsets.clear();
    bare.s.ring_vertices.clear();
    CHECK(bare.check().faults[0] == 0);
}

void test_unsafe_input_is_a_fault() {
    Maker index = one_box();
    index.s.triangles[4] = 8;
    CHECK(index.check().faults[0] == fault::bad_index);
    CHECK(index.check().element[0] == 1);
    Maker face = one_box();
    face.s.triangle_face[2] = -1;
    CHECK(face.check().faults[0] == fault::bad_index);
    Maker ring = one_box();
    ring.s.ring_vertices[3] = 99;
    CHECK(ring.check().faults[0] == fault::bad_index);
    Maker offsets = one_box();
    offsets.s.vertex_offsets[1] = 9;
    CHECK(offsets.check().faults[0] == fault::bad_offsets);
    Maker rings = one_box();
    rings.s.ring_offsets[2] = 1000;
    CHECK(rings.check().faults[0] == fault::bad_offsets);
}

void test_status_and_geometry_agree() {
    Maker m;
    m.end(Status::self_crossing);
    m.box(0, 0, 0, 1000, 1000, 1000);
    m.end(Status::empty);
    m.end(Status::ok);
    m.box(0, 0, 0, 1000, 1000, 1000);
    m.end();
    const CheckResult r = m.check();
    CHECK(r.faults[0] == 0);
    CHECK(r.faults[1] == fault::solid_without_ok);
    CHECK(r.faults[2] == fault::solid_without_ok);
    CHECK(r.faults[3] == 0);
}

void test_threads_agree() {
    Maker m;
    for (std::int32_t i = 0; i < 500; ++i) {
        m.box(i, 0, 0, 1000, i % 7 == 0 ? 5 : 1000, 1000 + i);
        m.end();
    }
    const CheckResult one = m.check(1), many = m.check(8);
    CHECK(one.faults == many.faults);
    CHECK(one.element == many.element);
    CHECK(one.volume == many.volume);
    CHECK(std::count(one.faults.begin(), one.faults.end(), fault::short_edge) == 72);
}

void test_pairs() {
    const GridPoint floor[3] = {{0, 0, 0}, {10, 0, 0}, {0, 10, 0}};
    const GridPoint through[3] = {{2, 2, -5}, {3, 2, 5}, {2, 3, 5}};
    const GridPoint touching[3] = {{2, 2, 0}, {3, 2, 5}, {2, 3, 5}};
    const GridPoint above[3] = {{2, 2, 1}, {3, 2, 5}, {2, 3, 5}};
    const GridPoint hinge[3] = {{10, 0, 0}, {0, 0, 0}, {0, 5, 5}};
    const GridPoint flap[3] = {{10, 0, 0}, {0, 0, 0}, {2, 2, 0}};
    const GridPoint beside[3] = {{10, 0, 0}, {0, 0, 0}, {2, -2, 0}};
    const GridPoint tip[3] = {{0, 0, 0}, {-5, -5, 3}, {-5, -4, 3}};
    const GridPoint tip_through[3] = {{0, 0, 0}, {5, 5, 3}, {5, 6, -3}};
    const GridPoint inside[3] = {{1, 1, 0}, {2, 1, 0}, {1, 2, 0}};
    const GridPoint line[3] = {{1, 1, 0}, {2, 2, 0}, {3, 3, 0}};
    CHECK(triangles_cross(floor, through) && triangles_pierce(floor, through));
    CHECK(triangles_cross(floor, touching) && !triangles_pierce(floor, touching));
    CHECK(!triangles_cross(floor, above));
    CHECK(!triangles_cross(floor, hinge));
    CHECK(triangles_cross(floor, flap) && !triangles_pierce(floor, flap));
    CHECK(!triangles_cross(floor, beside));
    CHECK(!triangles_cross(floor, tip));
    CHECK(triangles_cross(floor, tip_through));
    CHECK(triangles_cross(floor, inside));
    CHECK(triangles_cross(floor, floor));
    CHECK(!triangles_cross(floor, line));
}

}  // namespace

int main() {
    test_sound();
    test_far_corners_do_not_overflow();
    test_face_with_hole();
    test_open_and_repeated();
    test_inside_out();
    test_short_and_degenerate();
    test_pinched_and_coincident();
    test_crossings();
    test_faces();
    test_unsafe_input_is_a_fault();
    test_status_and_geometry_agree();
    test_threads_agree();
    test_pairs();
    return TEST_RESULT();
}
