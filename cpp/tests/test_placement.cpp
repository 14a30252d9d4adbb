// Borders of roofs over an outline: shifts, overhangs, and what must not be taken for either.
#include <cmath>
#include <cstdint>
#include <vector>

#include "geovision/placement.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

struct Random {
    std::uint64_t state;
    double uniform() {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return double(state >> 11) / 9007199254740992.0;
    }
};

// A flat-roofed house of 12 by 9 metres whose roof lies `dx`, `dy` off its outline and reaches `over` beyond.
struct House {
    double dx = 0, dy = 0, over = 0, density = 8, annex = 0;
    double cut = 9;  // metres beyond the outline where the points end
    std::vector<double> points;
    std::vector<std::uint8_t> kind;

    void scan(std::uint64_t seed) {
        Random random{88172645463325252ull + seed};
        const auto count = std::int64_t(density * 20 * 17);
        for (std::int64_t i = 0; i < count; ++i) {
            const double x = -4 + 20 * random.uniform(), y = -4 + 17 * random.uniform();
            if (x < -cut || x > 12 + cut || y < -cut || y > 9 + cut) continue;
            const double u = x - dx, v = y - dy;
            const bool roof = u > -over && u < 12 + over + annex && v > -over && v < 9 + over;
            points.insert(points.end(), {x, y, (roof ? 5.0 : 0.0) + 0.1 * random.uniform()});
            kind.push_back(std::uint8_t(roof ? PointKind::building : PointKind::ground));
        }
    }

    Placement place(const std::vector<std::int32_t>& neighbour = {-1, -1, -1, -1}) const {
        static const double xy[] = {0, 0, 12, 0, 12, 9, 0, 9};
        static const std::int64_t rings[] = {0, 4};
        PlacementEvidence e;
        e.rings = 1, e.ring_offsets = rings, e.xy = xy, e.neighbour = neighbour.data();
        e.count = std::int64_t(kind.size()), e.points = points.data(), e.kind = kind.data();
        return Placer().run(e, {});
    }
};

void shifts_and_overhangs_are_told_apart() {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        House house;
        house.dx = 0.3, house.dy = -0.2, house.over = 0.4;
        house.scan(seed);
        const Placement found = house.place();
        CHECK_NEAR(found.shift[0], 0.3, 0.1);
        CHECK_NEAR(found.shift[1], -0.2, 0.1);
        CHECK_NEAR(found.overhang, 0.4, 0.1);
        CHECK(found.stretches > 10);
    }
}

void nothing_is_made_up() {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        House straight, sparse, extended, ends;
        straight.scan(seed);
        CHECK(straight.place().shift[0] == 0 && straight.place().shift[1] == 0);
        sparse.density = 0.2, sparse.dx = 0.3;
        sparse.scan(seed);
        CHECK(sparse.place().shift[0] == 0);
        // A map that lacks an extension is no shift.
        extended.annex = 0.8;
        extended.scan(seed);
        CHECK(extended.place().shift[0] == 0);
        // Points that somebody cut along the outline show no border.
        ends.cut = 0, ends.over = 0.4;
        ends.scan(seed);
        CHECK(ends.place().stretches == 0);
    }
}

void shared_walls_say_nothing() {
    House house;
    house.dx = 0.5;
    house.scan(1);
    const Placement all = house.place(), some = house.place({-1, 0, -1, 0}), none = house.place({0, 0, 0, 0});
    CHECK(some.stretches < all.stretches && some.stretches > 0);
    CHECK(none.stretches == 0 && none.shift[0] == 0 && none.overhang == 0);
    CHECK_NEAR(std::sqrt(none.covariance[0]), PlacementOptions().shift_sigma, 1e-9);
}

}  // namespace

int main() {
    shifts_and_overhangs_are_told_apart();
    nothing_is_made_up();
    shared_walls_say_nothing();
    return TEST_RESULT();
}
