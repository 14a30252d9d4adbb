// Properties of straight skeletons over random and special polygons. With --bench: speed only.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <vector>

#include "geovision/skeleton.hpp"
#include "skeleton_shapes.hpp"
#include "testing.hpp"

using namespace geovision;
using shapes::Random;
using shapes::Shape;

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();
SkeletonWorkspace workspace;
Skeleton skeleton;

SkeletonStatus build(const Shape& s, double max_h, Skeleton& out) {
    return straight_skeleton(s.xy.data(), s.offsets.data(), s.rings(), s.slope.data(), max_h, workspace, out);
}

constexpr int families = 8;
Shape random_shape(int family, Random& r) {
    switch (family) {
        case 0:
            return shapes::star(r, 4 + r.below(20), false);
        case 1:
            return shapes::star(r, 4 + r.below(12), true);
        case 2:
            return shapes::squares(r, 6, 3 + r.below(22), false);
        case 3:
            return shapes::squares(r, 5, 3 + r.below(15), true);
        case 4:
            return shapes::gear(r, 2 + r.below(10), r.below(2) ? 1.0 : r.between(0.3, 0.99));
        case 5:
            return shapes::winding(r, 4 + r.below(16));
        case 6:
            return shapes::crumple(r, shapes::squares(r, 6, 3 + r.below(15), false), 1e-3, true);
        default:
            break;
    }
    Shape s = shapes::squares(r, 6, 3 + r.below(22), false);
    for (double& c : s.xy) c *= 7;
    shapes::place(s, r.between(0, 2 * shapes::pi), r.between(-100, 100), r.between(-100, 100));
    return r.below(2) ? shapes::crumple(r, s, 0.01, true) : s;
}

// How often each face (the last entry: the flat) winds around a point.
void windings(const Shape& s, const Skeleton& k, double x, double y, std::vector<int>& count) {
    count.assign(s.size() + 1, 0);
    const auto side = [&](std::int32_t face, std::int32_t from, std::int32_t to) {
        const SkeletonNode &a = k.nodes[from], &b = k.nodes[to];
        if ((a.y <= y) == (b.y <= y)) return;
        if (a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y) <= x) return;
        count[face < 0 ? s.size() : face] += b.y > a.y ? 1 : -1;
    };
    std::vector<char> taken(s.size(), 0);
    for (const SkeletonPiece& p : k.pieces) {
        taken[p.edge] = 1;
        side(p.face, p.a, p.b);
    }
    for (int i = 0; i < s.size(); ++i) {
        if (!taken[i]) side(i, i, s.next(i));
    }
    for (const SkeletonArc& a : k.arcs) {
        side(a.left, a.a, a.b);
        side(a.right, a.b, a.a);
    }
}

// The one face over a point: -1 for the flat, -2 if there is not exactly one.
int face_at(const Shape& s, const Skeleton& k, double x, double y, std::vector<int>& count) {
    windings(s, k, x, y, count);
    int found = -2;
    for (int f = 0; f <= s.size(); ++f) {
        if (count[f] == 0) continue;
        if (count[f] != 1 || found != -2) return -2;
        found = f == s.size() ? -1 : f;
    }
    return found;
}

bool inside(const Shape& s, double x, double y) {
    bool in = false;
    for (int i = 0; i < s.size(); ++i) {
        const int j = s.next(i);
        const double ax = s.xy[2 * i], ay = s.xy[2 * i + 1], bx = s.xy[2 * j], by = s.xy[2 * j + 1];
        if ((ay <= y) != (by <= y) && ax + (y - ay) * (bx - ax) / (by - ay) > x) in = !in;
    }
    return in;
}

double offset_of(const Shape& s, int i, double x, double y) {
    const int j = s.next(i);
    const double dx = s.xy[2 * j] - s.xy[2 * i], dy = s.xy[2 * j + 1] - s.xy[2 * i + 1];
    return (dx * (y - s.xy[2 * i + 1]) - dy * (x - s.xy[2 * i])) / std::hypot(dx, dy);
}

double distance_to_outline(const Shape& s, double x, double y) {
    double best = unlimited;
    for (int i = 0; i < s.size(); ++i) {
        const int j = s.next(i);
        const double ax = s.xy[2 * i], ay = s.xy[2 * i + 1], bx = s.xy[2 * j] - ax, by = s.xy[2 * j + 1] - ay;
        const double t = std::min(1.0, std::max(0.0, ((x - ax) * bx + (y - ay) * by) / (bx * bx + by * by)));
        best = std::min(best, std::hypot(ax + t * bx - x, ay + t * by - y));
    }
    return best;
}

bool planes_hold(const Shape& s, const Skeleton& k, double tolerance) {
    for (const SkeletonArc& a : k.arcs) {
        for (const std::int32_t f : {a.left, a.right}) {
            if (f < 0) continue;
            for (const std::int32_t q : {a.a, a.b}) {
                const SkeletonNode& n = k.nodes[q];
                const double d = offset_of(s, f, n.x, n.y);
                if (!(std::fabs(d - n.h / s.slope[f]) <= tolerance * std::max(1.0, d))) return false;
            }
        }
    }
    return true;
}

// Pieces of an edge follow each other from its start to its end, on the edge.
bool pieces_cover(const Shape& s, const Skeleton& k) {
    for (std::size_t p = 0; p < k.pieces.size(); ++p) {
        const SkeletonPiece& piece = k.pieces[p];
        const SkeletonNode &a = k.nodes[piece.a], &b = k.nodes[piece.b];
        const bool first = p == 0 || k.pieces[p - 1].edge != piece.edge;
        const bool last = p + 1 == k.pieces.size() || k.pieces[p + 1].edge != piece.edge;
        const SkeletonNode& from = first ? k.nodes[piece.edge] : k.nodes[k.pieces[p - 1].b];
        if (std::hypot(a.x - from.x, a.y - from.y) > 1e-5) return false;
        if (std::fabs(offset_of(s, piece.edge, b.x, b.y)) > 1e-5) return false;
        const SkeletonNode& end = k.nodes[s.next(piece.edge)];
        if (last && std::hypot(b.x - end.x, b.y - end.y) > 1e-5) return false;
    }
    return true;
}

bool convex(const Shape& s) {
    for (int i = 0; i < s.size(); ++i) {
        if (s.turn(i) <= 0) return false;
    }
    return s.rings() == 1;
}

void check_samples(const Shape& s, Random& r, const Skeleton& whole, const Skeleton* part, double max_h,
                   bool equal) {
    std::vector<int> count;
    double lo_x = 1e9, lo_y = 1e9, hi_x = -1e9, hi_y = -1e9;
    for (int i = 0; i < s.size(); ++i) {
        lo_x = std::min(lo_x, s.xy[2 * i]), hi_x = std::max(hi_x, s.xy[2 * i]);
        lo_y = std::min(lo_y, s.xy[2 * i + 1]), hi_y = std::max(hi_y, s.xy[2 * i + 1]);
    }
    const bool is_convex = convex(s);
    for (int k = 0; k < 6; ++k) {
        const double x = r.between(lo_x, hi_x), y = r.between(lo_y, hi_y);
        if (!inside(s, x, y)) continue;
        const int face = face_at(s, whole, x, y, count);
        if (!CHECK(face >= 0)) return;
        const double h = s.slope[face] * offset_of(s, face, x, y), size = hi_x - lo_x + hi_y - lo_y;
        CHECK(h >= 0);
        if (is_convex) {
            double lowest = unlimited;
            for (int i = 0; i < s.size(); ++i) {
                if (std::isinf(s.slope[i])) continue;
                lowest = std::min(lowest, s.slope[i] * offset_of(s, i, x, y));
            }
            CHECK_NEAR(h, lowest, 1e-4 * std::max(1.0, s.slope[face]));
        }
        if (equal) CHECK(h <= s.slope[face] * distance_to_outline(s, x, y) + 1e-6 * size);
        if (part != nullptr && std::fabs(h - max_h) > 1e-3 * std::max(1.0, s.slope[face])) {
            CHECK(face_at(s, *part, x, y, count) == (h > max_h ? -1 : face));
        }
    }
}

void test_random(int rounds) {
    long perturbed = 0, failed = 0, all = 0;
    Skeleton part;
    for (int family = 0; family < families; ++family) {
        for (int style = 0; style < 6; ++style) {
            for (int k = 0; k < rounds; ++k) {
                Random r(static_cast<std::uint64_t>(k) * 1000003u + family * 17u + style * 131u);
                Shape s = random_shape(family, r);
                shapes::pitch(r, s, style % 3, style >= 3 ? 0.4 : 0);
                const SkeletonStatus status = build(s, unlimited, skeleton);
                ++all;
                if (status == SkeletonStatus::perturbed) ++perturbed;
                if (status != SkeletonStatus::ok && status != SkeletonStatus::perturbed) {
                    ++failed;
                    std::fprintf(stderr, "family %d style %d round %d: status %d\n", family, style, k,
                                 static_cast<int>(status));
                    continue;
                }
                CHECK(planes_hold(s, skeleton, status == SkeletonStatus::ok ? 1e-6 : 1e-3));
                CHECK(pieces_cover(s, skeleton));
                const bool cut = k % 3 == 0;
                double top = 0;
                for (const SkeletonNode& n : skeleton.nodes) top = std::max(top, n.h);
                const double max_h = top * r.between(0.05, 0.95);
                if (cut) CHECK(build(s, max_h, part) != SkeletonStatus::failed);
                check_samples(s, r, skeleton, cut ? &part : nullptr, max_h, style == 0);
            }
        }
    }
    std::printf("%ld polygons, %ld perturbed, %ld failed\n", all, perturbed, failed);
    CHECK(failed == 0);
    CHECK(perturbed * 1000 <= all);
}

double summary(const Skeleton& k) {  // lengths and heights, whatever the order
    double sum = 0;
    for (const SkeletonArc& a : k.arcs) {
        const SkeletonNode &p = k.nodes[a.a], &q = k.nodes[a.b];
        sum += std::hypot(p.x - q.x, p.y - q.y) * (1 + p.h + q.h);
    }
    return sum;
}

void test_symmetry() {
    for (int k = 0; k < 400; ++k) {
        Random r(k + 99);
        Shape s = random_shape(k % 6, r);
        shapes::pitch(r, s, 0, 0);
        REQUIRE(build(s, unlimited, skeleton) == SkeletonStatus::ok);
        const double sum = summary(skeleton), tolerance = 1e-5 * (1 + std::fabs(sum));
        Shape turned = s, mirrored = s;
        for (int i = 0; i < s.size(); ++i) {
            turned.xy[2 * i] = -s.xy[2 * i + 1];
            turned.xy[2 * i + 1] = s.xy[2 * i];
        }
        for (std::int64_t ring = 0; ring < s.rings(); ++ring) {
            for (std::int64_t i = s.offsets[ring]; i < s.offsets[ring + 1]; ++i) {
                const std::int64_t j = s.offsets[ring] + s.offsets[ring + 1] - 1 - i;
                mirrored.xy[2 * i] = -s.xy[2 * j];
                mirrored.xy[2 * i + 1] = s.xy[2 * j + 1];
            }
        }
        REQUIRE(build(turned, unlimited, skeleton) == SkeletonStatus::ok);
        CHECK_NEAR(summary(skeleton), sum, tolerance);
        REQUIRE(build(mirrored, unlimited, skeleton) == SkeletonStatus::ok);
        CHECK_NEAR(summary(skeleton), sum, tolerance);
    }
}

void expect(const Shape& s, double max_h, std::size_t nodes, std::size_t arcs, std::size_t pieces,
            double top) {
    REQUIRE(build(s, max_h, skeleton) == SkeletonStatus::ok);
    CHECK(skeleton.nodes.size() == nodes + static_cast<std::size_t>(s.size()));
    CHECK(skeleton.arcs.size() == arcs);
    CHECK(skeleton.pieces.size() == pieces);
    double highest = 0;
    for (const SkeletonNode& n : skeleton.nodes) highest = std::max(highest, n.h);
    CHECK_NEAR(highest, top, 1e-7);
}

const std::vector<double> rectangle{0, 0, 20, 0, 20, 10, 0, 10};
const std::vector<double> ell{0, 0, 20, 0, 20, 10, 10, 10, 10, 20, 0, 20};

void test_special() {
    const double inf = shapes::gable;
    expect(shapes::polygon({0, 0, 10, 0, 10, 10, 0, 10}), unlimited, 1, 4, 0, 5);
    expect(shapes::polygon(rectangle), unlimited, 2, 5, 0, 5);
    expect(shapes::polygon(ell), unlimited, 3, 8, 0, 5);
    // T, U, H and cross.
    expect(shapes::polygon({0, 0, 30, 0, 30, 10, 20, 10, 20, 20, 10, 20, 10, 10, 0, 10}), unlimited, 4, 11, 0,
           5);
    expect(shapes::polygon({0, 0, 30, 0, 30, 20, 20, 20, 20, 10, 10, 10, 10, 20, 0, 20}), unlimited, 4, 11, 0,
           5);
    expect(shapes::polygon(
               {0, 0, 10, 0, 10, 10, 20, 10, 20, 0, 30, 0, 30, 30, 20, 30, 20, 20, 10, 20, 10, 30, 0, 30}),
           unlimited, 6, 17, 0, 5);
    expect(shapes::polygon(
               {10, 0, 20, 0, 20, 10, 30, 10, 30, 20, 20, 20, 20, 30, 10, 30, 10, 20, 0, 20, 0, 10, 10, 10}),
           unlimited, 5, 16, 0, 5);
    for (int n = 3; n <= 60; ++n) {
        Shape s;
        for (int i = 0; i < n; ++i)
            s.add(9 * std::cos(2 * shapes::pi * i / n), 9 * std::sin(2 * shapes::pi * i / n));
        s.close();
        s.slope.assign(n, 1.0);
        expect(s, unlimited, 1, n, 0, 9 * std::cos(shapes::pi / n));
    }
    Shape court = shapes::polygon({0, 0, 30, 0, 30, 30, 0, 30});
    for (const double c : {10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 10.0}) court.xy.push_back(c);
    court.close();
    court.slope.assign(8, 1.0);
    expect(court, unlimited, 4, 12, 0, 5);
    // Gable ends: a plain ridge; one end; two neighbours.
    Shape s = shapes::polygon(rectangle);
    s.slope = {1, inf, 1, inf};
    expect(s, unlimited, 2, 1, 4, 5);
    CHECK(skeleton.pieces[0].edge == 1 && skeleton.pieces[0].face == 0 && skeleton.pieces[1].face == 2);
    CHECK(skeleton.pieces[2].edge == 3 && skeleton.pieces[2].face == 2 && skeleton.pieces[3].face == 0);
    s.slope = {1, inf, 1, 1};
    expect(s, unlimited, 2, 3, 2, 5);
    s.slope = {inf, inf, 1, 1};
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::ok);
    // Cut: the flat, with and without a gable end under it.
    s.slope = {1, 1, 1, 1};
    expect(s, 2, 4, 8, 0, 2);
    s.slope = {1, inf, 1, 1};
    expect(s, 2, 4, 5, 3, 2);
    CHECK(skeleton.pieces[1].edge == 1 && skeleton.pieces[1].face == -1);
    expect(s, 5, 2, 3, 2, 5);
    // Collinear neighbours: equal slopes keep a face each, of two slopes the gentler wins.
    s = shapes::polygon({0, 0, 10, 0, 20, 0, 20, 10, 0, 10});
    expect(s, unlimited, 3, 7, 0, 5);
    s.slope = {1, 2, 1, 1, 1};
    expect(s, unlimited, 2, 5, 1, 5);
    CHECK(skeleton.pieces[0].edge == 1 && skeleton.pieces[0].face == 0);
}

void test_gable_candidates() {
    std::vector<std::uint8_t> gable;
    const auto ask = [&](const Shape& s) {
        CHECK(build(s, unlimited, skeleton) == SkeletonStatus::ok);
        gable_candidates(s.xy.data(), s.offsets.data(), s.rings(), skeleton, gable);
    };
    ask(shapes::polygon(rectangle));
    CHECK((gable == std::vector<std::uint8_t>{0, 1, 0, 1}));
    ask(shapes::polygon({0, 0, 10, 0, 10, 10, 0, 10}));
    CHECK((gable == std::vector<std::uint8_t>{1, 0, 1, 0}));
    ask(shapes::polygon(ell));
    CHECK((gable == std::vector<std::uint8_t>{0, 1, 0, 0, 1, 0}));
    ask(shapes::polygon({0, 0, 10, 0, 5, 8.66}));
    CHECK((gable == std::vector<std::uint8_t>{0, 0, 0}));
}

void test_bad_input() {
    Shape s = shapes::polygon(rectangle);
    s.slope[2] = 0;
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::bad_input);
    s.slope[2] = std::nan("");
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::bad_input);
    s.slope[2] = 1;
    CHECK(build(s, 0, skeleton) == SkeletonStatus::bad_input);
    s.xy[3] = std::nan("");
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::bad_input);
    s = shapes::polygon({0, 0, 0, 10, 10, 10});  // clockwise
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::bad_input);
    s = shapes::polygon(ell);
    s.slope[2] = shapes::gable;  // ends at the reflex corner
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::bad_input);
    s = shapes::polygon(rectangle);
    s.slope.assign(4, shapes::gable);
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::failed);
}

void test_extent_and_detail() {
    // 300 m long, a 1 mm step, far from the origin.
    Shape s = shapes::polygon({0, 0, 150, 0, 150, 0.001, 300, 0.001, 300, 60, 0, 60});
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::ok);
    shapes::place(s, 0.3, 4000, -7000);
    CHECK(build(s, unlimited, skeleton) == SkeletonStatus::ok);
    CHECK(planes_hold(s, skeleton, 1e-6));
    Random r(5);
    for (int k = 0; k < 40; ++k) {
        Shape big = shapes::star(r, 300, k % 2 == 0);
        shapes::pitch(r, big, k % 3, 0.1);
        CHECK(build(big, unlimited, skeleton) == SkeletonStatus::ok);
    }
}

void bench() {
    const char* names[] = {"stars", "right-angled", "winding"};
    double total = 0;
    for (int family = 0; family < 3; ++family) {
        std::vector<Shape> all;
        Random r(family + 5);
        long vertices = 0;
        while (all.size() < 4000) {
            const bool hole = r.below(10) == 0;
            Shape s = family == 0   ? (hole ? shapes::star(r, 4 + r.below(17), true)
                                            : shapes::star(r, 6 + r.below(35), false))
                      : family == 1 ? shapes::squares(r, 8, 4 + r.below(45), false)
                                    : shapes::winding(r, 6 + r.below(35));
            if (s.size() > 40) continue;
            shapes::pitch(r, s, r.below(2), r.below(2) ? 0.3 : 0);
            vertices += s.size();
            all.push_back(s);
        }
        double best = unlimited;
        for (int turn = 0; turn < 7; ++turn) {
            // Processor time, so that a busy machine does not count.
            const std::clock_t start = std::clock();
            for (const Shape& s : all) build(s, unlimited, skeleton);
            best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
        }
        best /= static_cast<double>(all.size());
        total += best / 3;
        std::printf("%-13s %5.1f vertices %6.2f us %8.0f/s\n", names[family],
                    static_cast<double>(vertices) / static_cast<double>(all.size()), best * 1e6, 1 / best);
    }
    std::printf("%-13s %24.2f us %8.0f/s\n", "mean", total * 1e6, 1 / total);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--bench") == 0) {
        bench();
        return 0;
    }
    test_special();
    test_gable_candidates();
    test_bad_input();
    test_extent_and_detail();
    test_symmetry();
    test_random(argc > 1 ? std::atoi(argv[1]) : 1500);
    return TEST_RESULT();
}
