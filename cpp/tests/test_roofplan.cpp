// Plane arrangements of made-up roofs: planes, ridges and steps where they were put, faces that tile the
// outline.
#include "geovision/roofplan.hpp"

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "geovision/fit_score.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

struct House {
    std::vector<double> xy;
    std::vector<std::int64_t> rings{0};
    std::vector<double> points;

    void ring(const std::vector<Vec>& corners) {
        for (const Vec& v : corners) xy.push_back(v.x), xy.push_back(v.y);
        rings.push_back(std::int64_t(xy.size() / 2));
    }
    void scan(double x1, double y1, double per_m2, const std::function<double(double, double)>& height,
              double outliers = 0.03, double noise = 0.03) {
        std::mt19937 random(3);
        std::uniform_real_distribution<double> x(0, x1), y(0, y1), chance(0, 1), any(0, 12);
        std::normal_distribution<double> error(0, noise);
        for (int i = 0; i < int(x1 * y1 * per_m2); ++i) {
            const double px = x(random), py = y(random), z = height(px, py);
            if (z < 0) continue;
            points.insert(points.end(),
                          {px, py, chance(random) < outliers ? any(random) : z + error(random)});
        }
    }
    RoofPlan plan() const {
        PlanEvidence e;
        e.points = points.data(), e.count = std::int64_t(points.size() / 3);
        e.xy = xy.data(), e.ring_offsets = rings.data(), e.rings = std::int64_t(rings.size()) - 1;
        RoofPlanner planner;
        RoofPlan plan;
        planner.run(e, PlanOptions{}, plan);
        return plan;
    }
};

double ring_area(const std::vector<Vec>& ring) {
    double twice = 0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Vec &p = ring[i], &q = ring[(i + 1) % ring.size()];
        twice += p.x * q.y - q.x * p.y;
    }
    return twice / 2;
}

double faces_area(const RoofPlan& plan) {
    double sum = 0;
    for (const RoofFace& face : plan.faces)
        for (std::size_t r = 0; r < face.rings.size(); ++r) {
            const double a = ring_area(face.rings[r]);
            CHECK((a > 0) == (r == 0));
            sum += a;
        }
    return sum;
}

// Largest vertical error over a raster of places at least `margin` from what `skip` tells.
double worst_error(const RoofPlan& plan, const std::function<double(double, double)>& height,
                   const std::function<bool(double, double)>& skip) {
    double worst = 0;
    for (const RoofFace& face : plan.faces) {
        const std::vector<Vec>& ring = face.rings[0];
        for (double x = 0.05; x < 30; x += 0.1) {
            for (double y = 0.05; y < 30; y += 0.1) {
                bool in = false;
                for (const std::vector<Vec>& r : face.rings)
                    for (std::size_t i = 0, j = r.size() - 1; i < r.size(); j = i++)
                        if ((r[i].y > y) != (r[j].y > y) &&
                            x < r[i].x + (y - r[i].y) * (r[j].x - r[i].x) / (r[j].y - r[i].y))
                            in = !in;
                if (!in || skip(x, y)) continue;
                worst =
                    std::max(worst, std::abs(plan.planes[std::size_t(face.plane)].at(x, y) - height(x, y)));
            }
        }
        CHECK(ring.size() >= 3);
    }
    return worst;
}

const std::vector<Vec> box = {{0, 0}, {12, 0}, {12, 8}, {0, 8}};
bool nowhere(double, double) { return false; }

void test_gable() {
    House house;
    house.ring(box);
    const auto roof = [](double, double y) { return 5 + 0.8 * std::min(y, 8 - y); };
    house.scan(12, 8, 8, roof);
    const RoofPlan plan = house.plan();
    CHECK(plan.status == PlanStatus::ok);
    CHECK(plan.faces.size() == 2);
    CHECK_NEAR(faces_area(plan), 96, 0.01);
    CHECK(worst_error(plan, roof, nowhere) < 0.06);
    CHECK(plan.explained > 0.95);
}

void test_hip_with_dormer() {
    House house;
    house.ring(box);
    const auto dormer = [](double x, double y) { return x > 5 && x < 8 && y > 0.8 && y < 3; };
    const auto roof = [&](double x, double y) {
        const double hip = 5 + 0.9 * std::min({y, 8 - y, x, 12 - x});
        return dormer(x, y) ? std::max(hip, 7.6) : hip;
    };
    house.scan(12, 8, 12, roof);
    const RoofPlan plan = house.plan();
    CHECK(plan.faces.size() >= 5 && plan.faces.size() <= 7);
    CHECK_NEAR(faces_area(plan), 96, 0.01);
    const auto near_dormer = [](double x, double y) {
        const bool inside = x > 5.3 && x < 7.7 && y > 1.1;
        return x > 4.7 && x < 8.3 && y > 0.5 && y < 3.3 && !inside;
    };
    CHECK(worst_error(plan, roof, near_dormer) < 0.1);
}

// Two flat levels round a courtyard: steps where the points say, one face ring per hole.
void test_levels_and_courtyard() {
    House house;
    house.ring({{0, 0}, {20, 0}, {20, 20}, {0, 20}});
    house.ring({{8, 8}, {8, 12}, {12, 12}, {12, 8}});
    const auto roof = [](double x, double y) {
        if (x > 8 && x < 12 && y > 8 && y < 12) return -1.0;
        return x < 13.37 ? 6.0 : 9.5;
    };
    house.scan(20, 20, 6, roof);
    const RoofPlan plan = house.plan();
    CHECK(plan.faces.size() == 2);
    CHECK_NEAR(faces_area(plan), 384, 0.02);
    CHECK(worst_error(plan, roof, [](double x, double) { return std::abs(x - 13.37) < 0.15; }) < 0.05);
}

void test_thin_evidence() {
    House house;
    house.ring(box);
    CHECK(house.plan().status == PlanStatus::no_points);
    house.points = {1, 1, 4, 2, 2, 4.2, 3, 3, 4.1, 100, 100, 50};
    const RoofPlan plan = house.plan();
    CHECK(plan.status == PlanStatus::few_points);
    CHECK(plan.faces.size() == 1 && plan.used == 3);
    CHECK_NEAR(faces_area(plan), 96, 0.01);
    CHECK_NEAR(plan.planes[std::size_t(plan.faces[0].plane)].at(4, 4), 4.1, 1e-9);
    House line;
    line.ring({{0, 0}, {1, 1}, {2, 2}});
    CHECK(line.plan().status == PlanStatus::bad_outline);
}

// At one or two points per square metre the simple roofs still come out.
void test_sparse() {
    House house;
    house.ring(box);
    const auto roof = [](double, double y) { return 5 + 0.8 * std::min(y, 8 - y); };
    house.scan(12, 8, 1.5, roof, 0.03, 0.05);
    const RoofPlan plan = house.plan();
    CHECK(plan.faces.size() == 2);
    CHECK(worst_error(plan, roof, nowhere) < 0.25);
}

// Whatever the points, faces tile the outline and stay off the ground.
void test_chaos() {
    std::mt19937 random(17);
    std::uniform_real_distribution<double> any(-1, 9);
    for (int round = 0; round < 60; ++round) {
        House house;
        house.ring({{0, 0}, {7, 0}, {7, 3}, {4, 3}, {4, 8}, {0, 8}});
        const int n = 20 << (round % 6);
        for (int i = 0; i < n; ++i) {
            const double x = any(random), y = any(random);
            house.points.insert(house.points.end(), {x, y, i % 3 == 0 ? any(random) : 2 + std::floor(x / 2)});
        }
        const RoofPlan plan = house.plan();
        CHECK_NEAR(faces_area(plan), 41, 0.05);
        for (const RoofFace& face : plan.faces)
            for (const Vec& v : face.rings[0])
                CHECK(plan.planes[std::size_t(face.plane)].at(v.x, v.y) > 0.29);
    }
}

void test_distances() {
    // One vertical and one level triangle, in millimetres.
    const std::vector<std::int32_t> vertices = {0, 0, 0, 4000, 0, 0, 0, 3000, 0, 0, 0, 2000};
    const std::vector<std::int32_t> triangles = {0, 1, 2, 0, 1, 3};
    const std::vector<std::int64_t> vertex_offsets = {0, 4, 4}, triangle_offsets = {0, 2, 2};
    const std::vector<double> origin = {10, 20, 0, 0, 0, 0};
    TriangleBatch batch;
    batch.buildings = 2;
    batch.origin = origin.data(), batch.vertices = vertices.data(), batch.triangles = triangles.data();
    batch.vertex_offsets = vertex_offsets.data(), batch.triangle_offsets = triangle_offsets.data();
    const std::vector<double> points = {1, 1, 0.25, 1, -0.5, 0.5, -0.3, 0, -0.4, 9, 9, 9};
    const std::vector<std::int64_t> point_offsets = {0, 4}, which = {0, 0}, out_offsets = {0, 4, 8};
    const std::vector<double> point_origin = {10, 20, 0};
    std::vector<float> out(8, -1);
    const std::atomic<bool> go{false};
    CHECK(point_distances(batch, points.data(), point_offsets.data(), point_origin.data(), which.data(),
                          out_offsets.data(), 1.0, 1, go, out.data()));
    const double expected[8] = {0.25, 0.5, 0.5, 1, 1, 1, 1, 1};
    for (int i = 0; i < 8; ++i) CHECK_NEAR(double(out[std::size_t(i)]), expected[i], 1e-6);
}

}  // namespace

int main() {
    test_gable();
    test_hip_with_dormer();
    test_levels_and_courtyard();
    test_thin_evidence();
    test_sparse();
    test_chaos();
    test_distances();
    return TEST_RESULT();
}
