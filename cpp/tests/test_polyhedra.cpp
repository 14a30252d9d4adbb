// The checker of polyhedra on boxes: sound ones pass, each fault has its code, threads do not matter.
#include "geovision/polyhedra.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "testing.hpp"

using namespace geovision;

namespace {

using Ring = std::vector<std::int64_t>;
using Place = std::array<std::int64_t, 3>;

struct Maker {
    std::vector<std::int64_t> vertices, ring_vertices, rings{0}, polygons{0}, shells{0}, primitives{0},
        groups;
    std::vector<std::uint8_t> kinds;

    std::vector<Ring> box(std::int64_t x, std::int64_t size) {
        return box({x, 0, 0}, {x + size, size, size});
    }

    // Six faces.
    std::vector<Ring> box(const Place& low, const Place& high) {
        const auto o = static_cast<std::int64_t>(vertices.size() / 3);
        for (const std::int64_t z : {low[2], high[2]})
            for (const auto& [u, v] : {std::pair{0, 0}, {1, 0}, {1, 1}, {0, 1}})
                vertices.insert(vertices.end(), {u ? high[0] : low[0], v ? high[1] : low[1], z});
        return {{o + 3, o + 2, o + 1, o},     {o + 4, o + 5, o + 6, o + 7}, {o, o + 1, o + 5, o + 4},
                {o + 1, o + 2, o + 6, o + 5}, {o + 2, o + 3, o + 7, o + 6}, {o + 3, o, o + 4, o + 7}};
    }

    void solid(const std::vector<Ring>& faces, std::int64_t group = -1) {
        for (const Ring& ring : faces) {
            ring_vertices.insert(ring_vertices.end(), ring.begin(), ring.end());
            rings.push_back(static_cast<std::int64_t>(ring_vertices.size()));
            polygons.push_back(static_cast<std::int64_t>(rings.size()) - 1);
        }
        shells.push_back(static_cast<std::int64_t>(polygons.size()) - 1);
        primitives.push_back(static_cast<std::int64_t>(shells.size()) - 1);
        kinds.push_back(static_cast<std::uint8_t>(PrimitiveKind::solid));
        groups.push_back(group);
    }

    PolyhedraResult check(int threads = 1) const {
        PolyhedraView v;
        v.vertex_count = static_cast<std::int64_t>(vertices.size() / 3);
        v.primitives = static_cast<std::int64_t>(kinds.size());
        v.vertices = vertices.data();
        v.ring_vertices = ring_vertices.data();
        v.ring_offsets = rings.data();
        v.polygon_offsets = polygons.data();
        v.shell_offsets = shells.data();
        v.primitive_offsets = primitives.data();
        v.kind = kinds.data();
        v.group = groups.data();
        PolyhedraOptions options;
        options.threads = threads;
        return check_polyhedra(v, options);
    }
};

void sound_boxes_pass() {
    Maker maker;
    maker.solid(maker.box(0, 2000));
    maker.solid(maker.box(5000000000, 3000));
    const PolyhedraResult result = maker.check();
    CHECK(result.findings.empty());
    CHECK_NEAR(result.volume[0], 8.0, 0.0);
    CHECK_NEAR(result.volume[1], 27.0, 0.0);
    CHECK_NEAR(result.normals[2], -4.0, 0.0);
    CHECK_NEAR(result.normals[5], 4.0, 0.0);
}

std::int32_t only_code(const Maker& maker) {
    const PolyhedraResult result = maker.check();
    if (result.findings.size() != 1) return -static_cast<std::int32_t>(result.findings.size());
    return result.findings[0].code;
}

void each_fault_has_its_code() {
    const auto broken = [](auto change) {
        Maker maker;
        auto faces = maker.box(0, 1000);
        change(maker, faces);
        maker.solid(faces);
        return only_code(maker);
    };
    using Faces = std::vector<Ring>;
    CHECK(broken([](Maker&, Faces&) {}) == 0);
    CHECK(broken([](Maker&, Faces& f) { f.pop_back(); }) == polyhedron_code::not_closed);
    CHECK(broken([](Maker&, Faces& f) { f.resize(3); }) == polyhedron_code::too_few_polygons);
    CHECK(broken([](Maker&, Faces& f) { f[2] = Ring(f[2].rbegin(), f[2].rend()); }) ==
          polyhedron_code::polygon_orientation);
    CHECK(broken([](Maker&, Faces& f) { f[2].resize(2); }) == polyhedron_code::too_few_points);
    CHECK(broken([](Maker&, Faces& f) { f[2].push_back(f[2].front()); }) == polyhedron_code::repeated_point);
    CHECK(broken([](Maker&, Faces& f) { std::swap(f[2][0], f[2][1]); }) ==
          polyhedron_code::ring_crosses_itself);
    CHECK(broken([](Maker&, Faces& f) { f[2][0] = 8; }) == polyhedron_code::bad_index);
    CHECK(broken([](Maker&, Faces& f) { f[2][0] = INT64_MIN; }) == polyhedron_code::bad_index);
    CHECK(broken([](Maker& m, Faces&) { m.vertices[0] = INT64_MIN; }) == polyhedron_code::too_wide);
    CHECK(broken([](Maker&, Faces& f) { f.clear(); }) == polyhedron_code::empty);
}

void groups_must_not_overlap() {
    for (const auto& [x, wanted] : {std::pair{1000, 0},
                                    {500, polyhedron_code::solids_overlap},
                                    {0, polyhedron_code::duplicated_solids},
                                    {90000, 0}}) {
        Maker maker;
        maker.solid(maker.box(0, 1000), 7);
        maker.solid(maker.box(x, 1000), 7);
        CHECK(only_code(maker) == wanted);
    }
}

// On a coarse lattice, so that most touch along faces, edges or corners, or lie in one another.
void random_boxes_overlap_where_their_spans_do() {
    std::mt19937 chance(11);
    const auto draw = [&](int most) { return static_cast<std::int64_t>(chance() % unsigned(most)); };
    int overlapping = 0;
    for (int round = 0; round < 3000; ++round) {
        Maker maker;
        Place low[2], high[2];
        for (int b = 0; b < 2; ++b) {
            for (std::size_t k = 0; k < 3; ++k) {
                low[b][k] = 100 * draw(7);
                high[b][k] = low[b][k] + 100 * (1 + draw(5));
            }
            maker.solid(maker.box(low[b], high[b]), 7);
        }
        bool meet = true;
        for (std::size_t k = 0; k < 3; ++k) meet = meet && low[0][k] < high[1][k] && low[1][k] < high[0][k];
        const bool same = low[0] == low[1] && high[0] == high[1];
        overlapping += meet;
        CHECK(only_code(maker) == (same   ? polyhedron_code::duplicated_solids
                                   : meet ? polyhedron_code::solids_overlap
                                          : 0));
    }
    CHECK(overlapping > 300);
}

void threads_do_not_matter() {
    Maker maker;
    for (int i = 0; i < 500; ++i) {
        auto faces = maker.box(10000 * i, 1000 + i);
        if (i % 3 == 0) faces.pop_back();
        maker.solid(faces, i / 2);
    }
    const PolyhedraResult one = maker.check(1), many = maker.check(4);
    REQUIRE(one.findings.size() == many.findings.size());
    CHECK(one.findings.size() == 167);
    for (std::size_t i = 0; i < one.findings.size(); ++i)
        CHECK(one.findings[i].primitive == many.findings[i].primitive);
    CHECK(one.normals == many.normals);
}

}  // namespace

int main() {
    sound_boxes_pass();
    each_fault_has_its_code();
    groups_must_not_overlap();
    random_boxes_overlap_where_their_spans_do();
    threads_do_not_matter();
    return TEST_RESULT();
}
