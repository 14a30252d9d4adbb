// Programs to solids: every roof kind on every outline is sound by the checker, volumes follow the formulas,
// refusals are named, and threads change nothing.
#include "geovision/compile.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "geovision/check.hpp"
#include "skeleton_shapes.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

struct Corner {
    double x, y;
};
using Ring = std::vector<Corner>;
using Slots = std::vector<std::pair<int, double>>;

struct Part {
    RoofKind kind = RoofKind::flat;
    std::vector<Ring> rings;
    double eave = 6;
    Slots slots = {};
    double base = 0, overhang = 0;
    Corner shift{0, 0};  // of the roof
};

template <class Enum>
std::uint8_t code(Enum e) {
    return static_cast<std::uint8_t>(e);
}

Ring box(double x0, double y0, double x1, double y1) { return {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}; }

Ring turned(Ring ring, double x, double y, double angle) {
    const double c = std::cos(angle), s = std::sin(angle);
    for (Corner& p : ring) p = {x + p.x * c - p.y * s, y + p.x * s + p.y * c};
    return ring;
}

Part block(double x0, double y0, double x1, double y1, double eave = 6, double base = 0) {
    return {RoofKind::flat, {box(x0, y0, x1, y1)}, eave, {}, base};
}

double area_of(const Ring& r) {
    double sum = 0;
    for (std::size_t i = 0, j = r.size() - 1; i < r.size(); j = i++)
        sum += (r[j].x * r[i].y - r[j].y * r[i].x) / 2;
    return std::fabs(sum);
}

// The arrays of a batch; planar parts get a ridge along x = 5.
struct Batch {
    std::vector<double> ground, eave, base, overhang, shift, params, xy, face_xy, face_plane, super_params;
    std::vector<std::uint8_t> kind, super_kind;
    std::vector<std::int32_t> super_part;
    std::vector<std::int64_t> parts{0}, rings{0}, vertices{0}, supers{0}, faces{0}, face_rings{0};
    std::vector<std::int64_t> face_vertices{0};

    void part(const Part& p) {
        kind.push_back(code(p.kind));
        eave.push_back(p.eave), base.push_back(p.base), overhang.push_back(p.overhang);
        shift.insert(shift.end(), {p.shift.x, p.shift.y});
        params.resize(params.size() + roof_slots, nan);
        for (const auto& [slot, value] : p.slots)
            params[params.size() - roof_slots + static_cast<std::size_t>(slot)] = value;
        for (const Ring& r : p.rings) {
            for (const Corner c : r) xy.insert(xy.end(), {c.x, c.y});
            vertices.push_back(static_cast<std::int64_t>(xy.size() / 2));
        }
        rings.push_back(static_cast<std::int64_t>(vertices.size()) - 1);
        for (const double side : {-1.0, 1.0}) {
            if (p.kind != RoofKind::planar) break;
            for (const Corner c : box(5, -30, 5 + side * 30, 30)) face_xy.insert(face_xy.end(), {c.x, c.y});
            face_vertices.push_back(static_cast<std::int64_t>(face_xy.size() / 2));
            face_rings.push_back(static_cast<std::int64_t>(face_vertices.size()) - 1);
            face_plane.insert(face_plane.end(), {-0.2 * side, 0.0, 9.0});
        }
        faces.push_back(static_cast<std::int64_t>(face_rings.size()) - 1);
    }

    void add(const std::vector<Part>& list, double z = 0) {
        for (const Part& p : list) part(p);
        parts.push_back(static_cast<std::int64_t>(kind.size()));
        ground.push_back(z);
        supers.push_back(static_cast<std::int64_t>(super_kind.size()));
    }

    Programs programs() const {
        Programs p;
        p.buildings = static_cast<std::int64_t>(ground.size());
        p.ground_z = ground.data(), p.part_offsets = parts.data(), p.roof_kind = kind.data();
        p.eave = eave.data(), p.base = base.data(), p.overhang = overhang.data();
        p.roof_shift = shift.data();
        p.roof_params = params.data(), p.ring_offsets = rings.data(), p.vertex_offsets = vertices.data();
        p.xy = xy.data(), p.face_offsets = faces.data(), p.face_ring_offsets = face_rings.data();
        p.face_vertex_offsets = face_vertices.data(), p.face_xy = face_xy.data();
        p.face_plane = face_plane.data(), p.super_offsets = supers.data(), p.super_kind = super_kind.data();
        p.super_part = super_part.data(), p.super_params = super_params.data();
        return p;
    }
};

Solids compile(const Batch& b, int lod = 22, int threads = 1, bool stop = false) {
    CompileOptions options;
    options.lod = lod, options.threads = threads;
    const std::atomic<bool> cancel{stop};
    return compile_solids(b.programs(), options, cancel);
}

CheckResult inspect(const Solids& s) {
    const CheckOptions with_crossings{0.01, 0.002, true, 1, nullptr};
    return check_solids(view_of(s), with_crossings);
}

struct One {
    Status status;
    std::uint32_t flags, faults;
    double volume;
    Solids solids;
};

One one(const std::vector<Part>& parts, int lod = 22, double z = 0) {
    Batch b;
    b.add(parts, z);
    Solids s = compile(b, lod);
    const CheckResult r = inspect(s);
    return {static_cast<Status>(s.status[0]), s.flags[0], r.faults[0], r.volume[0], std::move(s)};
}

// Square metres of the first building's faces with a label.
double labelled(const Solids& s, Label label) {
    double sum = 0;
    for (std::size_t t = 0; t < static_cast<std::size_t>(s.triangle_offsets[1]); ++t) {
        if (s.face_label[static_cast<std::size_t>(s.triangle_face[t])] != code(label)) continue;
        const auto edge = [&](std::size_t c, std::size_t k) {  // from the triangle's first corner
            const auto at = [&](std::size_t i) {
                return s.vertices[3 * static_cast<std::size_t>(s.triangles[3 * t + i]) + k % 3];
            };
            return s.grid * (at(c) - at(0));
        };
        double square = 0;
        for (std::size_t k = 0; k < 3; ++k)
            square += std::pow(edge(1, k) * edge(2, k + 1) - edge(1, k + 1) * edge(2, k), 2);
        sum += std::sqrt(square) / 2;
    }
    return sum;
}

// Over an eave at 6.
Slots slots_of(RoofKind kind) {
    using K = RoofKind;
    if (kind == K::flat || kind == K::planar) return {};
    if (kind == K::butterfly) return {{slot_ridge, 5}};
    if (kind == K::half_hipped || kind == K::mansard || kind == K::gambrel)
        return {{slot_ridge, 9}, {slot_break, 8}, {slot_inset, 1.2}};
    if (kind == K::saltbox) return {{slot_ridge, 9}, {slot_offset, 0.4}, {slot_rear_eave, 5}};
    if (kind == K::sawtooth) return {{slot_ridge, 9}, {slot_count, 3}};
    if (kind == K::side_hipped) return {{slot_ridge, 9}, {slot_inset, 2}, {slot_count, 1}};
    if (kind == K::onion) return {{slot_ridge, 9}, {slot_inset, 0.6}};
    return {{slot_ridge, 9}};
}

void test_every_kind() {
    const Ring outlines[] = {box(0, 0, 12, 8),
                             {{0, 0}, {12, 1}, {11, 9}, {1, 7}},
                             {{0, 0}, {12, 0}, {12, 6}, {6, 6}, {6, 11}, {0, 11}},
                             {{10, 5}, {7.5, 9.33}, {2.5, 9.33}, {0, 5}, {2.5, 0.67}, {7.5, 0.67}}};
    for (const int lod : {11, 12, 13, 22, 23}) {
        for (int k = 0; k <= roof_kind_count; ++k) {  // the last is hipped with a setback
            const bool setback = k == roof_kind_count;
            const auto kind = setback ? RoofKind::hipped : static_cast<RoofKind>(k);
            const bool quad = setback || kind == RoofKind::half_hipped || kind == RoofKind::side_hipped;
            for (std::size_t o = 0; o < 4; ++o) {
                Part p{kind, {outlines[o]}, 6, slots_of(kind), 0, 0.4};
                if (setback) p.slots.push_back({slot_inset, 2.0});
                const One r = one({p}, lod);
                const bool refused = quad && o >= 2 && lod > 20;
                const double area = area_of(outlines[o]), height = r.volume / area;
                const bool shaped = refused || lod > 20 || kind == RoofKind::planar;
                const double block = k == 0 ? 6 : kind == RoofKind::butterfly ? 5.5 : 7.5;
                const bool good = CHECK(r.status == (refused ? Status::not_a_quad : Status::ok)) &&
                                  CHECK(r.faults == 0 && !(r.flags & flag::roof_simplified)) &&
                                  CHECK(refused || (height > 5 && height < 10)) &&
                                  CHECK(shaped || std::fabs(height / block - 1) < 1e-4);
                if (!good)
                    std::fprintf(stderr, "  kind %d, outline %d, lod %d: status %d, faults %#x\n", k,
                                 static_cast<int>(o), lod, static_cast<int>(r.status), r.faults);
            }
        }
    }
}

Batch random_batch(int n) {
    shapes::Random random(7);
    Batch b;
    for (int i = 0; i < n; ++i) {
        std::vector<Part> parts(static_cast<std::size_t>(1 + random.below(3)));
        const double x = random.between(9e4, 1e5), y = random.between(4e5, 5e5), turn = random.between(0, 3);
        for (Part& p : parts) {
            p.kind = static_cast<RoofKind>(random.below(roof_kind_count - 1));  // planar has its own frame
            p.eave = 6 + random.below(3);
            p.slots = slots_of(p.kind);
            for (auto& s : p.slots)
                if (s.first == slot_ridge || s.first == slot_break) s.second += p.eave - 6;
            const double u = random.between(0, 8), v = random.between(0, 8);
            p.rings = {turned(box(u, v, u + random.between(6, 15), v + random.between(5, 9)), x, y, turn)};
            if (random.below(3) == 0) p.overhang = 0.3;
            if (random.below(20) == 0) p.eave = 20;  // above its ridge
            if (random.below(3) == 0 && p.kind != RoofKind::onion)
                p.shift = {random.between(-1, 1), random.between(-1, 1)};
        }
        b.add(parts, random.between(-5, 50));
    }
    return b;
}

auto columns(const Solids& s) {
    return std::tie(s.grid, s.origin, s.vertex_offsets, s.vertices, s.triangle_offsets, s.triangles,
                    s.triangle_face, s.face_offsets, s.face_label, s.face_part, s.face_surface,
                    s.face_provenance, s.face_solid, s.face_ring_offsets, s.ring_offsets, s.ring_vertices,
                    s.status, s.flags);
}

void test_random_threads_cancel() {
    const Batch b = random_batch(500);
    const Solids first = compile(b, 23, 1);
    for (const int threads : {2, 5}) CHECK(columns(first) == columns(compile(b, 23, threads)));
    const CheckResult r = inspect(first);
    int built = 0;
    for (std::size_t i = 0; i < 500; ++i) {
        if (!CHECK(r.faults[i] == 0)) std::fprintf(stderr, "  building %d\n", static_cast<int>(i));
        built += first.status[i] == code(Status::ok);
        CHECK(first.status[i] == code(Status::ok) || first.status[i] == code(Status::bad_parameter));
    }
    CHECK(built > 350 && built < 500);
    for (const int threads : {1, 3}) {
        const Solids s = compile(b, 22, threads, true);
        CHECK(s.status == Column<std::uint8_t>(500, code(Status::cancelled)));
        CHECK(s.vertices.empty() && s.triangles.empty() && s.vertex_offsets.size() == 501);
    }
}

Status status_of(const Part& p) {
    const One r = one({p});
    CHECK(r.faults == 0);  // a refused building carries no geometry
    return r.status;
}

void test_refusals() {
    using K = RoofKind;
    const Ring b = box(0, 0, 12, 8);
    const auto flat = [](std::vector<Ring> rings) { return Part{K::flat, std::move(rings)}; };
    const auto roof = [&](K kind, Slots slots) { return Part{kind, {b}, 6, std::move(slots)}; };
    CHECK(status_of(flat({{{0, 0}, {5, 0}}})) == Status::too_few_points);
    CHECK(status_of(flat({{{0, 0}, {10, 10}, {10, 0}, {0, 8}}})) == Status::self_crossing);
    CHECK(status_of(flat({b, box(10, 2, 15, 4)})) == Status::self_crossing);
    CHECK(status_of(flat({b, box(20, 2, 25, 4)})) == Status::hole_outside);
    CHECK(status_of(flat({b, box(2, 2, 8, 6), box(3, 3, 5, 5)})) == Status::hole_outside);
    CHECK(status_of(flat({{{0, 0}, {5, 0}, {10, 0}}})) == Status::zero_area);
    CHECK(status_of(flat({box(0, 0, 3e6, 8)})) == Status::too_large);
    for (const double bad : {nan, inf, -inf}) {
        CHECK(status_of(flat({{{0, 0}, {bad, 0}, {5, 5}}})) == Status::not_finite);
        CHECK(status_of(Part{K::flat, {b}, bad}) == Status::not_finite);
        CHECK(status_of(Part{K::flat, {b}, 6, {}, bad}) == Status::not_finite);
        CHECK(one({flat({b})}, 22, bad).status == Status::not_finite);
    }
    CHECK(status_of(roof(K::gabled, {{slot_ridge, inf}})) == Status::not_finite);
    CHECK(status_of(Part{K::flat, {b}, 6, {}, 7}) == Status::bad_parameter);
    CHECK(status_of(roof(K::gabled, {})) == Status::bad_parameter);
    for (const K kind : {K::skillion, K::gabled, K::hipped, K::pyramidal, K::round})
        CHECK(status_of(roof(kind, {{slot_ridge, 5}})) == Status::bad_parameter);
    const Slots wrong = {
        {slot_ridge, 9}, {slot_break, 8}, {slot_inset, 5}, {slot_offset, 1}, {slot_count, 0}};
    for (const K kind : {K::butterfly, K::saltbox, K::sawtooth, K::mansard, K::gambrel})
        CHECK(status_of(roof(kind, wrong)) == Status::bad_parameter);
    CHECK(status_of(roof(K::hipped, {{slot_pitch, 90}})) == Status::bad_parameter);
    CHECK(status_of(Part{K::dome, {b, box(4, 3, 6, 5)}, 6, {{slot_ridge, 9}}}) == Status::not_star_shaped);
    CHECK(status_of(roof(static_cast<K>(roof_kind_count), {})) == Status::unknown_kind);
    CHECK(status_of(Part{K::flat, {b}, 0}) == Status::empty);
    CHECK(one({}).status == Status::empty);
    Batch super;  // of an unknown kind, then on no part of the building
    super.super_kind = {super_kind_count}, super.super_part = {0};
    super.super_params.assign(super_slots, 1);
    super.add({flat({b})});
    CHECK(compile(super).status[0] == code(Status::unknown_kind));
    super.super_kind = {code(SuperKind::box)}, super.super_part = {1};
    CHECK(compile(super).status[0] == code(Status::bad_parameter));
}

void test_touching() {
    const One corners = one({block(0, 0, 10, 8), block(10, 8, 20, 16, 7)});
    CHECK(corners.status == Status::ok && corners.faults == 0 && (corners.flags & flag::separated));
    CHECK_NEAR(corners.volume / (80 * 13), 1, 1e-2);
    const Ring holes[] = {{{0, 5}, {3, 3}, {3, 7}}, {{0, 0}, {4, 2}, {2, 4}}, box(0, 3, 3, 6)};
    for (const Ring& hole : holes) {  // by a corner on an edge, corner to corner, by a whole edge
        for (const RoofKind kind : {RoofKind::flat, RoofKind::gabled, RoofKind::hipped}) {
            const One r = one({Part{kind, {box(0, 0, 10, 10), hole}, 6, slots_of(kind)}});
            CHECK(r.status == Status::ok && r.faults == 0);
            const double height = r.volume / (100 - area_of(hole));
            CHECK(height > 5.94 && height < (kind == RoofKind::flat ? 6.06 : 8.5));
        }
    }
}

void test_several_parts() {
    const Part low = block(0, 0, 10, 8), high = block(10, 0, 16, 8, 9);
    const One r = one({low, high});
    CHECK(r.status == Status::ok && r.faults == 0 && !(r.flags & flag::several_solids));
    CHECK_NEAR(r.volume, 80 * 6 + 48 * 9, 1e-6);
    CHECK_NEAR(labelled(r.solids, Label::step_wall), 8 * 3, 1e-6);
    CHECK_NEAR(labelled(r.solids, Label::wall), 6 * 28 + 9 * 20, 1e-6);
    for (const Label level : {Label::roof, Label::ground}) CHECK_NEAR(labelled(r.solids, level), 128, 1e-6);
    CHECK_NEAR(one({low, high}, 12).volume / (80 * 6 + 48 * 9), 1, 1e-3);
    CHECK_NEAR(one({low, high}, 13).volume, 80 * 6 + 48 * 9, 1e-6);
    CHECK_NEAR(one({low, block(10, 0, 13, 3)}, 11).volume, 80 * 6, 1e-6);  // a shed under 10 m2
    const One level = one({low, block(10, 0, 16, 8)});
    CHECK(level.faults == 0 && labelled(level.solids, Label::step_wall) == 0);
    CHECK_NEAR(level.volume, 128 * 6, 1e-6);
    const One over = one({low, block(6, 2, 14, 12, 9)});
    CHECK(over.status == Status::ok && over.faults == 0);
    CHECK_NEAR(over.volume, 56 * 6 + 80 * 9, 1e-6);
    CHECK_NEAR(labelled(over.solids, Label::step_wall), 10 * 3, 1e-6);
    const One raised = one({low, block(10, 0, 16, 8, 6, 3)});
    CHECK(raised.status == Status::ok && raised.faults == 0);
    CHECK_NEAR(raised.volume, 80 * 6 + 48 * 3, 1e-6);
    CHECK_NEAR(labelled(raised.solids, Label::underside), 48, 1e-6);
    CHECK(one({low, block(20, 0, 30, 8)}).flags == flag::several_solids);
}

void test_volumes() {
    using K = RoofKind;
    // Volumes over the area. A wedge holds width * height * (2 length + ridge) / 6.
    const double mansard = 2 * (96 + 4 * 10.8 * 6.8 + 9.6 * 5.6) / 6 + 5.6 * (2 * 9.6 + 4) / 6;
    const K kinds[] = {K::flat,     K::skillion, K::gabled,  K::pyramidal, K::cone,        K::butterfly,
                       K::sawtooth, K::gambrel,  K::saltbox, K::hipped,    K::side_hipped, K::mansard};
    const double heights[] = {
        6, 7.5, 7.5, 7, 7, 5.5, 7.5, 8.05, 7.2, 6 + 28 / 24.0, 6 + 34 / 24.0, 6 + mansard / 96};
    for (const double turn : {0.0, 0.3, 1.1, 2.6}) {
        Part p{K::flat, {turned(box(0, 0, 12, 8), 93000.123, 435000.456, turn)}};
        for (std::size_t i = 0; i < std::size(kinds); ++i) {
            p.kind = kinds[i], p.slots = slots_of(p.kind);
            const One r = one({p}, 22, 2.5);
            CHECK(r.status == Status::ok && r.faults == 0 && r.flags == 0);
            CHECK_NEAR(r.volume / (96 * heights[i]), 1, 1e-3);
        }
        p.kind = K::hipped, p.slots = {{slot_pitch, 45}};
        CHECK_NEAR(one({p}).volume / (96 * (6 + 28 / 18.0)), 1, 1e-3);
    }
}

void test_frame_and_polygons() {
    Batch b;
    const Ring ring = {{93000.623, 435000.756}, {93012.5, 435001}, {93010.25, 435009.875}};
    b.add({Part{RoofKind::flat, {ring}, 6}}, -1.25);
    for (const double grid : {0.001, 0.002}) {
        CompileOptions options;
        options.grid = grid;
        const std::atomic<bool> cancel{false};
        const Solids s = compile_solids(b.programs(), options, cancel);
        CHECK(s.grid == grid && s.origin == (Column<double>{93000, 435000, -2}));
        REQUIRE(s.vertices.size() == 18);
        for (std::size_t i = 0; i < 18; i += 3) {  // every vertex is a corner, below or above
            const double x = s.origin[0] + grid * s.vertices[i], y = s.origin[1] + grid * s.vertices[i + 1];
            const double z = s.origin[2] + grid * s.vertices[i + 2] - 1.75;
            CHECK_NEAR(std::fabs(z), 3, grid / 1.99);
            CHECK(std::any_of(ring.begin(), ring.end(), [&](Corner c) {
                return std::max(std::fabs(x - c.x), std::fabs(y - c.y)) < grid / 1.99;
            }));
        }
        options.polygons = false;
        const Solids bare = compile_solids(b.programs(), options, cancel);
        CHECK(bare.ring_vertices.empty() && bare.ring_offsets.size() + bare.face_ring_offsets.size() <= 2);
        CHECK(bare.vertices == s.vertices && bare.triangles == s.triangles);
        CHECK(bare.face_label == s.face_label && inspect(bare).faults[0] == 0);
    }
}

}  // namespace

int main() {
    test_every_kind();
    test_random_threads_cancel();
    test_refusals();
    test_touching();
    test_several_parts();
    test_volumes();
    test_frame_and_polygons();
    return TEST_RESULT();
}
