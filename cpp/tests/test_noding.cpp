// Footprints that touch: shared walls, contested ground, groups, and many random boxes over each other.
#include "geovision/noding.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "testing.hpp"

using namespace geovision;

namespace {

using Place = std::array<std::int64_t, 2>;
using Ring = std::vector<Place>;

struct Layer {
    std::vector<std::int64_t> rings{0}, vertices{0}, xy;
    std::vector<std::int32_t> rank, pair;

    void add(const Ring& ring, std::int32_t order) {
        for (const Place& p : ring) xy.insert(xy.end(), p.begin(), p.end());
        vertices.push_back(std::int64_t(xy.size() / 2));
        rings.push_back(std::int64_t(vertices.size()) - 1);
        rank.push_back(order);
    }
    void connect_all() {
        for (std::size_t i = 1; i < rank.size(); ++i) pair.insert(pair.end(), {0, std::int32_t(i)});
    }
    NodedFootprints node() const {
        NodingInput in;
        in.footprints = std::int64_t(rank.size());
        in.ring_offsets = rings.data();
        in.vertex_offsets = vertices.data();
        in.xy = xy.data();
        in.rank = rank.data();
        in.pairs = std::int64_t(pair.size() / 2);
        in.pair = pair.data();
        return node_footprints(in);
    }
};

Ring box(std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h) {
    return {{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}};
}

std::vector<Ring> rings_of(const NodedFootprints& noded, std::size_t piece) {
    std::vector<Ring> rings;
    for (auto r = std::size_t(noded.ring_offsets[piece]); r < std::size_t(noded.ring_offsets[piece + 1]);
         ++r) {
        Ring& ring = rings.emplace_back();
        for (auto v = std::size_t(noded.vertex_offsets[r]); v < std::size_t(noded.vertex_offsets[r + 1]); ++v)
            ring.push_back({noded.xy[2 * v], noded.xy[2 * v + 1]});
    }
    return rings;
}

double area(const std::vector<Ring>& rings) {
    double twice = 0;
    for (const Ring& ring : rings)
        for (std::size_t i = 0; i < ring.size(); ++i) {
            const Place a = ring[i], b = ring[(i + 1) % ring.size()], o = ring[0];
            twice += double((a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]));
        }
    return twice / 2;
}

// Every directed edge is there once, and rings visit no vertex twice.
void check_simple(const NodedFootprints& noded) {
    std::set<std::array<std::int64_t, 4>> edges;
    for (std::size_t p = 0; p < noded.owner.size(); ++p) {
        for (const Ring& ring : rings_of(noded, p)) {
            CHECK(std::set<Place>(ring.begin(), ring.end()).size() == ring.size());
            for (std::size_t i = 0; i < ring.size(); ++i) {
                const Place a = ring[i], b = ring[(i + 1) % ring.size()];
                CHECK(edges.insert({a[0], a[1], b[0], b[1]}).second);
            }
        }
    }
}

void jitter_between_two_houses_goes() {
    Layer layer;
    layer.add({{0, 0}, {10'000, 12}, {9'985, 8'000}, {0, 8'000}}, 0);
    layer.add({{10'020, 5}, {20'000, 0}, {20'000, 9'000}, {10'011, 9'000}}, 1);
    layer.connect_all();
    const NodedFootprints noded = layer.node();
    REQUIRE(noded.owner.size() == 2);
    CHECK(noded.status[0] == std::uint8_t(NodingStatus::noded));
    const std::vector<Ring> a = rings_of(noded, 0), b = rings_of(noded, 1);
    const std::set<Place> left(a[0].begin(), a[0].end()), right(b[0].begin(), b[0].end());
    std::vector<Place> shared;
    std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(shared));
    CHECK(shared.size() == 2);
    CHECK(right.size() == 5);  // the corner of the left house is a T-vertex of the right one
    check_simple(noded);
}

void contested_ground_goes_by_rank() {
    for (const bool first_wins : {true, false}) {
        Layer layer;
        layer.add(box(0, 0, 10'000, 10'000), first_wins ? 0 : 1);
        layer.add(box(5'000, 2'000, 10'000, 3'000), first_wins ? 1 : 0);
        layer.connect_all();
        const NodedFootprints noded = layer.node();
        REQUIRE(noded.given_area.size() == 1);
        CHECK(noded.given_from[0] == (first_wins ? 1 : 0));
        CHECK_NEAR(noded.given_area[0], 15e6, 0.5);
        CHECK_NEAR(area(rings_of(noded, 0)), first_wins ? 100e6 : 85e6, 0.5);
        check_simple(noded);
    }
}

void a_footprint_inside_another_leaves_a_hole() {
    Layer layer;
    layer.add(box(0, 0, 10'000, 10'000), 1);
    layer.add(box(2'000, 2'000, 1'000, 1'000), 0);
    layer.connect_all();
    const NodedFootprints noded = layer.node();
    REQUIRE(noded.owner.size() == 2);
    CHECK(rings_of(noded, 0).size() == 2);
    CHECK_NEAR(area(rings_of(noded, 0)), 99e6, 0.5);
}

void what_has_no_pair_or_is_too_wide_stays() {
    Layer layer;
    layer.add(box(0, 0, 100, 10), 0);
    layer.add(box(0, 0, 100, 10), 1);
    NodedFootprints noded = layer.node();
    CHECK(noded.xy == layer.xy);
    layer.add(box(std::int64_t(1) << 40, 0, 100, 10), 2);
    layer.connect_all();
    noded = layer.node();
    CHECK(noded.xy == layer.xy);
    CHECK(noded.status[0] == std::uint8_t(NodingStatus::failed));
}

void random_boxes_become_a_partition() {
    std::mt19937 rng(5);
    for (int round = 0; round < 200; ++round) {
        Layer layer;
        const int count = 2 + int(rng() % 8);
        const auto random = [&](std::uint32_t n) { return std::int64_t(rng() % n); };
        for (int i = 0; i < count; ++i) {
            const std::int64_t x = random(2'000), y = random(2'000), w = 200 + random(2'000),
                               h = 200 + random(2'000);
            Ring ring = box(x, y, w, h);
            for (Place& p : ring) p = {p[0] + random(80), p[1] + random(80)};
            layer.add(ring, i);
        }
        layer.connect_all();
        const NodedFootprints noded = layer.node();
        CHECK(noded.status[0] == std::uint8_t(NodingStatus::noded));
        check_simple(noded);
        // The lowest rank keeps all it had, up to what the bends moved.
        CHECK_NEAR(area(rings_of(noded, 0)),
                   area({Ring{{layer.xy[0], layer.xy[1]},
                              {layer.xy[2], layer.xy[3]},
                              {layer.xy[4], layer.xy[5]},
                              {layer.xy[6], layer.xy[7]}}}),
                   50.0 * 10'000);
        Layer again;
        for (std::size_t p = 0; p < noded.owner.size(); ++p) {
            for (const Ring& ring : rings_of(noded, p)) {
                for (const Place& v : ring) again.xy.insert(again.xy.end(), v.begin(), v.end());
                again.vertices.push_back(std::int64_t(again.xy.size() / 2));
            }
            again.rings.push_back(std::int64_t(again.vertices.size()) - 1);
            again.rank.push_back(std::int32_t(p));
        }
        again.connect_all();
        CHECK(again.node().xy == noded.xy);
    }
}

}  // namespace

int main() {
    jitter_between_two_houses_goes();
    contested_ground_goes_by_rank();
    a_footprint_inside_another_leaves_a_hole();
    what_has_no_pair_or_is_too_wide_stays();
    random_boxes_become_a_partition();
    return TEST_RESULT();
}
