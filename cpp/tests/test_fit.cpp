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
    CHECK(ways.size() == 2);
    for (const Pieces& way : ways) {
        double area = 0;
        for (const Ring& piece : way) {
            area += area_of(piece);
            CHECK(is_simple(piece, 0.01));
        }
        CHECK(std::abs(area - area_of(ell)) < 1e-6);
    }
    CHECK(decompose(box, DecomposeOptions()).empty());
    CHECK(!is_simple({{0, 0}, {4, 4}, {4, 0}, {0, 4}}, 0.01));
}

void steps_are_found() {
    Random random;
    std::vector<double> x, y, z;
    for (int i = 0; i < 900; ++i) {
        x.push_back(12 * random.uniform()), y.push_back(8 * random.uniform());
        z.push_back((y.back() < 5.3 ? 8 + 0.4 * y.back() : 3.2) + 0.03 * random.normal());
    }
    double place = 0, jump = 0;
    CHECK(find_step(box, {0, 1}, x, y, z, 0.3, &place, &jump));
    CHECK(std::abs(place - 5.3) < 0.15);
    CHECK(!find_step(box, {1, 0}, x, y, z, 0.3, &place, &jump));
    Ring before, behind;
    CHECK(cut_along(box, {0, 1}, 5.3, before, behind));
    CHECK(std::abs(area_of(before) - 12 * 5.3) < 1e-6);
    CHECK(std::abs(area_of(behind) - 12 * 2.7) < 1e-6);
}

}  // namespace

int main() {
    derivatives();
    recovers_a_gable();
    too_few_points_are_said();
    outlines_come_apart();
    steps_are_found();
    return TEST_RESULT();
}
