// Convex cells cut by lines, and labels on graphs: what they keep, and the optimum on small cases.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "geovision/label.hpp"
#include "geovision/partition.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

double area_of(const Partition::Cell& cell) {
    double twice = 0;
    for (std::size_t i = 0; i < cell.ring.size(); ++i) {
        const auto &p = cell.ring[i], &q = cell.ring[(i + 1) % cell.ring.size()];
        twice += p.x * q.y - q.x * p.y;
    }
    return twice / 2;
}

CutLine line_through(double x, double y, double angle, double half) {
    CutLine line;
    line.nx = -std::sin(angle), line.ny = std::cos(angle);
    line.offset = line.nx * x + line.ny * y;
    const double t = line.along(x, y);
    line.t0 = t - half, line.t1 = t + half;
    return line;
}

// Cells tile the rectangle, keep every site once and inside, and borders lie on both cells they join.
void test_random_cuts() {
    std::mt19937 random(5);
    std::uniform_real_distribution<double> where(0, 10), turn(0, 3.2), reach(0.5, 4);
    Partition partition;
    for (int round = 0; round < 40; ++round) {
        std::vector<double> sites;
        for (int i = 0; i < 300; ++i) sites.push_back(where(random));
        partition.start(0, 0, 10, 10, sites.data(), 150);
        for (int k = 0; k < 12; ++k)
            partition.cut(line_through(where(random), where(random), turn(random), reach(random)), 0.3, 0.05,
                          500);
        partition.connect();
        double area = 0;
        std::vector<int> seen(150, 0);
        for (std::size_t c = 0; c < partition.size(); ++c) {
            const Partition::Cell& cell = partition.cell(c);
            area += area_of(cell);
            CHECK(area_of(cell) > 0);
            for (const std::int32_t s : cell.sites) {
                ++seen[std::size_t(s)];
                for (std::size_t i = 0; i < cell.ring.size(); ++i) {
                    const auto &p = cell.ring[i], &q = cell.ring[(i + 1) % cell.ring.size()];
                    const double x = sites[std::size_t(2 * s)], y = sites[std::size_t(2 * s + 1)];
                    CHECK((q.x - p.x) * (y - p.y) - (q.y - p.y) * (x - p.x) > -1e-6);
                }
            }
        }
        CHECK_NEAR(area, 100, 1e-6);
        CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
        for (const Partition::Border& b : partition.borders()) {
            const CutLine& line = partition.lines()[std::size_t(b.line)];
            const Vec m = line.at(0.5 * (b.t0 + b.t1));
            const auto side = [&](std::int32_t c) {
                double sum = 0;
                for (const auto& p : partition.cell(std::size_t(c)).ring) sum += line.across(p.x, p.y);
                return sum;
            };
            CHECK(b.t1 > b.t0);
            CHECK(side(b.a) > 0);
            CHECK(side(b.b) < 0);
            CHECK(m.x > -1e-9 && m.x < 10 + 1e-9);
        }
    }
}

void test_lines_stop_where_nothing_is_seen() {
    const double site[2] = {1, 1};
    Partition partition;
    partition.start(0, 0, 10, 10, site, 1);
    partition.cut(line_through(5, 5, 0, 6), 0.1, 0.05, 100);            // across all: two cells
    partition.cut(line_through(5, 2.5, 1.5707963, 1), 0.1, 0.05, 100);  // through the lower one alone
    CHECK(partition.size() == 3);
    partition.cut(line_through(5, 5.01, 0, 6), 0.1, 0.05, 100);  // a sliver: not cut
    CHECK(partition.size() == 3);
}

// Against all labellings of small random graphs.
void test_labels_against_brute_force() {
    std::mt19937 random(11);
    std::uniform_real_distribution<double> cost(0, 10), weight(0, 4);
    Labeller labeller;
    int best_found = 0, cases = 0;
    for (int round = 0; round < 120; ++round) {
        const std::int32_t nodes = 7, labels = round % 2 == 0 ? 2 : 3;
        const std::vector<double> price(std::size_t(labels), round % 4 < 2 ? 0 : 3);
        std::vector<double> data;
        for (std::int32_t i = 0; i < nodes * labels; ++i) data.push_back(cost(random));
        std::vector<LabelEdge> edges;
        for (std::int32_t a = 0; a < nodes; ++a)
            for (std::int32_t b = a + 1; b < nodes; ++b)
                if (random() % 2 == 0) edges.push_back({a, b, weight(random)});
        const auto energy = [&](const std::vector<std::int32_t>& l) {
            double sum = 0;
            for (std::int32_t i = 0; i < nodes; ++i) sum += data[std::size_t(i * labels + l[std::size_t(i)])];
            for (const LabelEdge& e : edges) sum += l[std::size_t(e.a)] != l[std::size_t(e.b)] ? e.weight : 0;
            for (std::int32_t k = 0; k < labels; ++k)
                sum += std::find(l.begin(), l.end(), k) != l.end() ? price[std::size_t(k)] : 0;
            return sum;
        };
        double least = 1e300;
        std::vector<std::int32_t> l(std::size_t(nodes), 0);
        for (int code = 0; code < std::pow(labels, nodes); ++code) {
            for (int i = 0, rest = code; i < nodes; ++i, rest /= labels) l[std::size_t(i)] = rest % labels;
            least = std::min(least, energy(l));
        }
        for (auto& v : l) v = std::int32_t(random() % std::uint32_t(labels));
        const double start = energy(l), found = labeller.run(nodes, labels, data, edges, price, l);
        CHECK_NEAR(found, energy(l), 1e-9);
        CHECK(found <= start + 1e-9);
        CHECK(found >= least - 1e-9);
        // Two labels without prices are one minimum cut away from the optimum.
        if (labels == 2 && price[0] == 0) CHECK_NEAR(found, least, 1e-6);
        ++cases;
        best_found += found < least + 1e-6;
    }
    CHECK(best_found * 10 >= cases * 9);
}

}  // namespace

int main() {
    test_random_cuts();
    test_lines_stop_where_nothing_is_seen();
    test_labels_against_brute_force();
    return TEST_RESULT();
}
