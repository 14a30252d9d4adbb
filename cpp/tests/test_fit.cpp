// The fitter: derivatives against differences, recovery of a known roof, pieces and steps of an outline.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "geovision/fit_search.hpp"
#include "testing.hpp"

using namespace geovision;
using namespace geovision::fit;

namespace {

struct Random {
    std::uint64_t state = 88172645463325252ull;
    double uniform() {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return double(state >> 11) / 9007199254740992.0;
    }
    double normal() {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += uniform();
        return sum;
    }
};

const Ring box{{0, 0}, {12, 0}, {12, 8}, {0, 8}};

Building gabled_house(double noise, double outliers) {
    Building b;
    b.rings = {box};
    Random random;
    for (int i = 0; i < 800; ++i) {
        const double x = 12 * random.uniform(), y = 8 * random.uniform();
        double z = 5 + 3 * (1 - std::abs(y - 4) / 4) + noise * random.normal();
        if (random.uniform() < outliers) z = 12 * random.uniform();
        b.x.push_back(x), b.y.push_back(y), b.z.push_back(z), b.sigma.push_back(0.05);
    }
    return b;
}

void derivatives() {
    const RoofKind kinds[] = {RoofKind::skillion, RoofKind::gabled,   RoofKind::saltbox,
                              RoofKind::hipped,   RoofKind::gambrel,  RoofKind::half_hipped,
                              RoofKind::mansard,  RoofKind::butterfly};
    for (const RoofKind kind : kinds) {
        Site site;
        CHECK(make_site(kind, box, {0, -1}, false, 0, site));
        const double theta[most_theta] = {5, 3, 0.4, 0.3};
        DualPlane planes[most_planes], moved[most_planes];
        const int count = roof_planes(site, theta, planes);
        for (int k = 0; k < theta_count(site); ++k) {
            double other[most_theta];
            std::copy(theta, theta + most_theta, other);
            other[k] += 1e-6;
            CHECK(roof_planes(site, other, moved) == count);
            for (int i = 0; i < count; ++i) {
                CHECK(std::abs((moved[i].a.v - planes[i].a.v) / 1e-6 - planes[i].a.d[k]) < 1e-4);
                CHECK(std::abs((moved[i].b.v - planes[i].b.v) / 1e-6 - planes[i].b.d[k]) < 1e-4);
                CHECK(std::abs((moved[i].c.v - planes[i].c.v) / 1e-6 - planes[i].c.d[k]) < 1e-3);
            }
        }
    }
}

void recovers_a_gable() {
    RoofSearch search;
    SearchResult result;
    search.run(gabled_house(0.05, 0.15), SearchOptions(), result);
    CHECK(result.status == SearchStatus::ok);
    CHECK(result.parts.size() == 1);
    CHECK(result.parts[0].site.kind == RoofKind::gabled);
    CHECK(std::abs(result.parts[0].slots.slot[slot_ridge] - 8) < 0.03);
    CHECK(std::abs(result.parts[0].slots.eave - 5) < 0.03);
    SearchResult again;
    search.run(gabled_house(0.05, 0.15), SearchOptions(), again);
    CHECK(again.nats == result.nats);
}

void too_few_points_are_said() {
    Building b = gabled_house(0, 0);
    for (auto* column : {&b.x, &b.y, &b.z, &b.sigma}) column->resize(3);
    SearchResult result;
    RoofSearch().run(b, SearchOptions(), result);
    CHECK(result.status == SearchStatus::too_few_points);
    CHECK(result.parts.empty());
}

void outlines_come_apart() {
    const Ring ell{{0, 0}, {9, 0}, {9, 4}, {4, 4}, {4, 8}, {0, 8}};
    const std::vector<Pieces> ways = decompose(ell, DecomposeOptions());
    CHECK(ways.size() == 3);
    for (const Pieces& way : ways) {
        double area = 0;
        for (const Ring& piece : way) {
            area += area_of(piece);
            CHECK(is_simple(piece, 0.01));
        }
        CHECK(std::abs(area - area_of(ell)) < 1e-6);
    }
    CHECK(decompose(box, DecomposeOptions()).empty());
    // A corner of a block: along either wall, and along the mitre.
    const Ring bend{{0, 0}, {9, 0}, {9, 4}, {4, 4}, {4, 9}, {0, 9}};
    const std::vector<Pieces> three = decompose(bend, DecomposeOptions());
    CHECK(three.size() == 3);
    CHECK(std::abs(area_of(three[2][0]) - 28) < 1e-6 && std::abs(area_of(three[2][1]) - 28) < 1e-6);
    // What juts out behind a wall that a survey bent by some centimetres.
    const Ring jut{{0, 0}, {6, 0}, {6, 9.6}, {5.7, 9.7}, {5.7, 12}, {2, 12}, {2, 9.5}, {0, 9.7}};
    CHECK(decompose(jut, DecomposeOptions())[0].size() == 2);
    CHECK(!is_simple({{0, 0}, {4, 4}, {4, 0}, {0, 4}}, 0.01));
}

void steps_are_found() {
    Random random;
    std::vector<Height> heights;
    for (int i = 0; i < 900; ++i) {
        const double x = 12 * random.uniform(), y = 8 * random.uniform();
        heights.push_back({x, y, (y < 5.3 ? 8 + 0.4 * y : 3.2) + 0.03 * random.normal()});
    }
    const Break step = find_breaks(box, {{0, 1}}, heights, 0.3).jump;
    CHECK(step.size > 0);
    CHECK(std::abs(step.place - 5.3) < 0.15);
    CHECK(find_breaks(box, {{1, 0}}, heights, 0.3).jump.size == 0);
    Ring before, behind;
    CHECK(cut_along(box, {0, 1}, 5.3, before, behind));
    CHECK(std::abs(area_of(before) - 12 * 5.3) < 1e-6);
    CHECK(std::abs(area_of(behind) - 12 * 2.7) < 1e-6);
}

// An extension whose level roof begins at the eave of a gable: nothing jumps.
void kinks_are_found() {
    Random random;
    std::vector<Height> extended, gable;
    for (int i = 0; i < 900; ++i) {
        const double x = 12 * random.uniform(), y = 8 * random.uniform();
        const double house = y < 5 ? 5.2 - 0.7 * std::abs(y - 2.5) : 3.4;
        extended.push_back({x, y, house + 0.03 * random.normal()});
        gable.push_back({x, y, 6 - 0.7 * std::abs(y - 4) + 0.03 * random.normal()});
    }
    const std::vector<Vec> both{{1, 0}, {0, 1}};
    const Breaks found = find_breaks(box, both, extended, 0.3);
    CHECK(found.jump.size == 0);
    CHECK(found.kink.size > 0.3);
    CHECK(found.kink.axis.y == 1);
    CHECK(std::abs(found.kink.place - 5) < 0.25);
    CHECK(find_breaks(box, both, gable, 0.3).kink.size == 0);
    // A cut ends at vertices near it.
    const Ring jittered{{0, 0}, {12, 0}, {12.03, 4.96}, {12, 8}, {0, 8}, {-0.04, 5.03}};
    Ring before, behind;
    CHECK(cut_along(jittered, {0, 1}, 5, before, behind));
    CHECK(before.size() == 4 && behind.size() == 4);
    CHECK(std::abs(area_of(before) + area_of(behind) - area_of(jittered)) < 1e-9);
}

}  // namespace

int main() {
    derivatives();
    recovers_a_gable();
    too_few_points_are_said();
    outlines_come_apart();
    steps_are_found();
    kinks_are_found();
    return TEST_RESULT();
}
