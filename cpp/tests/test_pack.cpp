// pack: layout, sharing, normals, bounds, feature ids, threads, and refusal of arrays that lie.
#include "geovision/pack.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "geovision/pack_compress.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

// Owns the arrays of a row of gabled houses; every second one has its triangles in a scrambled order.
struct Street {
    std::vector<double> origin;
    std::vector<std::int64_t> vertex_offsets{0}, triangle_offsets{0}, face_offsets{0};
    std::vector<std::int32_t> vertices, triangles, triangle_face;
    std::vector<std::uint8_t> face_label;

    void add_house(double x, double y, bool scrambled) {
        const std::vector<std::vector<int>> rings = {{3, 2, 1, 0}, {0, 1, 5, 4},    {1, 2, 6, 9, 5},
                                                     {2, 3, 7, 6}, {3, 0, 4, 8, 7}, {4, 5, 9, 8},
                                                     {6, 7, 8, 9}};
        const Label labels[] = {Label::ground, Label::wall, Label::wall, Label::wall,
                                Label::wall,   Label::roof, Label::roof};
        const int corners[10][3] = {{0, 0, 0},  {10, 0, 0}, {10, 8, 0}, {0, 8, 0}, {0, 0, 5},
                                    {10, 0, 5}, {10, 8, 5}, {0, 8, 5},  {0, 4, 8}, {10, 4, 8}};
        origin.insert(origin.end(), {x, y, 2.0});
        for (const auto& corner : corners) {
            for (const int c : corner) vertices.push_back(1000 * c);
        }
        std::vector<std::array<std::int32_t, 4>> rows;
        for (std::size_t f = 0; f < rings.size(); ++f) {
            face_label.push_back(static_cast<std::uint8_t>(labels[f]));
            for (std::size_t k = 1; k + 1 < rings[f].size(); ++k) {
                rows.push_back({rings[f][0], rings[f][k], rings[f][k + 1], static_cast<std::int32_t>(f)});
            }
        }
        if (scrambled) std::swap(rows.front(), rows.back());
        for (const auto& row : rows) {
            triangles.insert(triangles.end(), row.begin(), row.begin() + 3);
            triangle_face.push_back(row[3]);
        }
        close_building();
    }

    void close_building() {
        vertex_offsets.push_back(static_cast<std::int64_t>(vertices.size() / 3));
        triangle_offsets.push_back(static_cast<std::int64_t>(triangle_face.size()));
        face_offsets.push_back(static_cast<std::int64_t>(face_label.size()));
    }

    PackSolids view() const {
        return {0.001,
                static_cast<std::int64_t>(origin.size() / 3),
                origin.data(),
                vertex_offsets.data(),
                vertices.data(),
                triangle_offsets.data(),
                triangles.data(),
                triangle_face.data(),
                face_offsets.data(),
                face_label.data()};
    }
};

Street street(int houses) {
    Street s;
    for (int i = 0; i < houses; ++i) s.add_house(155000.0 + 20.0 * i, 463000.0, i % 2 == 1);
    return s;
}

struct Packed {
    PackPlan plan;
    std::vector<std::uint8_t> bytes;
    float real(std::size_t offset, std::int64_t i) const {
        float value = 0;
        std::memcpy(&value, bytes.data() + offset + 4 * static_cast<std::size_t>(i), 4);
        return value;
    }
    std::uint32_t index(const PackGroup& group, std::int64_t i) const {
        std::uint32_t value = 0;
        std::memcpy(&value,
                    bytes.data() + group.index_offset + static_cast<std::size_t>(group.index_bytes * i),
                    static_cast<std::size_t>(group.index_bytes));
        return value;
    }
};

Packed packed(const Street& s, const PackOptions& options) {
    Packed p;
    CHECK(plan_pack(s.view(), options, p.plan));
    p.bytes.assign(p.plan.bytes, 0xcd);  // so that a gap which is not cleared shows up
    CHECK(fill_pack(s.view(), options, p.plan, p.bytes.data()));
    return p;
}

PackOptions at_street() {
    PackOptions options;
    options.tile_origin = {155000.0, 463000.0, 0.0};
    return options;
}

void layout() {
    const Packed p = packed(street(3), at_street());
    CHECK(p.plan.groups[0].vertices == 3 * 8 && p.plan.groups[0].triangles == 3 * 4);
    CHECK(p.plan.groups[1].vertices == 3 * 18 && p.plan.groups[1].triangles == 3 * 10);
    CHECK(p.plan.groups[3].vertices == 3 * 4 && p.plan.groups[3].triangles == 3 * 2);
    CHECK(p.plan.groups[7].vertices == 0 && p.plan.vertices == 3 * 30 && p.plan.triangles == 3 * 16);
    CHECK(p.plan.normal_offset % 8 == 0 && p.plan.feature_offset % 8 == 0 && p.plan.bytes % 8 == 0);
    for (const PackGroup& group : p.plan.groups) CHECK(group.index_offset % 8 == 0);
}

// Every stored triangle winds about its stored normal, which has unit length, and bounds are exact.
void geometry() {
    const Packed p = packed(street(5), at_street());
    for (const PackGroup& group : p.plan.groups) {
        std::array<float, 3> low = group.max, high = group.min;
        for (std::int64_t t = 0; t < group.triangles; ++t) {
            double corner[3][3], normal[3];
            for (int k = 0; k < 3; ++k) {
                const std::uint32_t index = p.index(group, 3 * t + k);
                CHECK(index < group.vertices);
                const std::int64_t vertex = group.first_vertex + index;
                for (std::size_t c = 0; c < 3; ++c) {
                    const float value =
                        p.real(p.plan.position_offset, 3 * vertex + static_cast<std::int64_t>(c));
                    corner[k][c] = value;
                    low[c] = std::min(low[c], value);
                    high[c] = std::max(high[c], value);
                    normal[c] = p.real(p.plan.normal_offset, 3 * vertex + static_cast<std::int64_t>(c));
                }
                CHECK(p.real(p.plan.feature_offset, vertex) == std::floor(corner[0][0] / 20.0));
            }
            CHECK_NEAR(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2], 1.0, 1e-6);
            double u[3], v[3];
            for (int c = 0; c < 3; ++c) {
                u[c] = corner[1][c] - corner[0][c];
                v[c] = corner[2][c] - corner[0][c];
            }
            const double area[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                                    u[0] * v[1] - u[1] * v[0]};
            const double length = std::sqrt(area[0] * area[0] + area[1] * area[1] + area[2] * area[2]);
            CHECK_NEAR((area[0] * normal[0] + area[1] * normal[1] + area[2] * normal[2]) / length, 1.0, 1e-5);
        }
        if (group.vertices > 0) CHECK(low == group.min && high == group.max);
    }
}

void threads_agree() {
    const Street s = street(2000);
    PackOptions options = at_street();
    const Packed one = packed(s, options);
    CHECK(one.plan.groups[1].index_bytes == 2 && one.plan.groups[1].vertices == 36000);
    for (const int threads : {2, 8}) {
        options.threads = threads;
        CHECK(packed(s, options).bytes == one.bytes);
    }
}

void wide_indices() {
    const Packed p = packed(street(3641), at_street());  // 3641 * 18 = 65,538 wall vertices
    CHECK(p.plan.groups[1].index_bytes == 4 && p.plan.groups[0].index_bytes == 2);
    CHECK(p.index(p.plan.groups[1], 3 * p.plan.groups[1].triangles - 1) == 65537);
}

void groups_merge() {
    PackOptions options = at_street();
    options.group_of_label.fill(0);
    const Packed p = packed(street(4), options);
    CHECK(p.plan.groups[0].vertices == 4 * 30 && p.plan.groups[1].vertices == 0);
}

void empty_and_failed() {
    Street s = street(1);
    s.origin.insert(s.origin.end(), {155020.0, 463000.0, 0.0});
    s.close_building();  // a building that failed: nothing of it but a row
    CHECK(packed(s, at_street()).plan.vertices == 30);
    CHECK(packed(Street{}, at_street()).plan.bytes == 0);
}

template <class Change>
bool refused(Change change) {
    Street s = street(2);
    change(s);
    PackPlan plan;
    try {
        plan_pack(s.view(), at_street(), plan);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void refuses_lies() {
    CHECK(!refused([](Street&) {}));
    CHECK(refused([](Street& s) { s.triangles[5] = 10; }));
    CHECK(refused([](Street& s) { s.triangles[5] = -1; }));
    CHECK(refused([](Street& s) { s.triangle_face[20] = 7; }));
    CHECK(refused([](Street& s) { s.face_label[3] = label_count; }));
    CHECK(refused([](Street& s) { s.origin[1] = std::nan(""); }));
    PackOptions options;
    options.group_of_label[2] = pack_groups;
    PackPlan plan;
    bool thrown = false;
    try {
        plan_pack(street(1).view(), options, plan);
    } catch (const std::invalid_argument&) {
        thrown = true;
    }
    CHECK(thrown);
}

// x' = 5 - v, y' = 5 + u + 0.5 u v, z' = h (1 + u): a quarter turn, and a little warp.
PackFrame turned_frame() {
    PackFrame frame;
    frame.centre = {155000.0, 463000.0, 2.0};
    frame.scale = 10.0;
    frame.degree = 2;
    frame.coefficients.assign(36, 0.0);
    const auto at = [&](int row, int column) -> double& {
        return frame.coefficients[static_cast<std::size_t>(6 * row + column)];
    };
    at(0, 0) = at(0, 1) = 5.0;  // rows: 1, v, v2, u, uv, u2
    at(0, 5) = at(3, 5) = 1.0;
    at(1, 0) = -1.0;
    at(3, 1) = 1.0;
    at(4, 1) = 0.5;
    return frame;
}

void frames_place_and_turn() {
    const PackFrame frame = turned_frame();
    const auto at = frame.place(155005.0, 463002.0, 6.0);
    CHECK_NEAR(at[0], 5.0 - 0.2, 1e-12);
    CHECK_NEAR(at[1], 5.0 + 0.5 + 0.05, 1e-12);
    CHECK_NEAR(at[2], 4.0 * 1.5, 1e-12);
    PackOptions options = at_street();
    options.frame = &frame;
    const Packed plain = packed(street(1), at_street()), p = packed(street(1), options);
    CHECK(p.plan.vertices == plain.plan.vertices);
    for (std::int64_t v = 0; v < p.plan.vertices; ++v) {
        const auto value = [&](const Packed& q, std::int64_t k) {
            return q.real(q.plan.position_offset, 3 * v + k);
        };
        const auto want =
            frame.place(155000.0 + value(plain, 0), 463000.0 + value(plain, 1), value(plain, 2));
        for (std::int64_t k = 0; k < 3; ++k) CHECK_NEAR(value(p, k), want[static_cast<std::size_t>(k)], 1e-6);
    }
    // The wall that looks along +x looks along +y now, or nearly.
    bool found = false;
    for (std::int64_t v = 0; v < p.plan.vertices; ++v) {
        found = found || (plain.real(plain.plan.normal_offset, 3 * v) == 1.0f &&
                          p.real(p.plan.normal_offset, 3 * v + 1) > 0.8f);
    }
    CHECK(found);
}

void frames_that_lie_are_refused() {
    for (const int degree : {-1, 1, 3, max_frame_degree + 1}) {
        PackFrame frame = turned_frame();
        frame.degree = degree;
        PackOptions options = at_street();
        options.frame = &frame;
        PackPlan plan;
        bool thrown = false;
        try {
            plan_pack(street(1).view(), options, plan);
        } catch (const std::invalid_argument&) {
            thrown = true;
        }
        CHECK(thrown);
    }
}

void steps_round_once() {
    PackOptions options = at_street();
    const Packed plain = packed(street(3), options);
    options.step = 1.0 / 256;
    const Packed p = packed(street(3), options);
    for (std::int64_t i = 0; i < 3 * p.plan.vertices; ++i) {
        const double value = p.real(p.plan.position_offset, i);
        CHECK(value * 256 == std::floor(value * 256));
        CHECK_NEAR(value, plain.real(plain.plan.position_offset, i), 1.0 / 512 + 1e-6);
    }
    const CompressedPack small = compress_pack(p.plan, p.bytes.data(), 3, -8);
    CHECK(small.position.count == static_cast<std::size_t>(p.plan.vertices) && small.position.stride == 12);
    CHECK(small.normal.offset == (small.position.bytes + 3) / 4 * 4 && small.feature.stride == 4);
    CHECK(small.index[0].count == 36 && small.index[2].count == 0 && !small.wide_features);
    CHECK(small.bytes.size() % 4 == 0 && small.bytes.size() < p.plan.bytes / 2);
    CHECK(compress_pack(p.plan, p.bytes.data(), 70000, -8).wide_features);
    CHECK(compress_pack(packed(Street{}, at_street()).plan, nullptr, 0, -8).bytes.empty());
}

void cancels() {
    const std::atomic<bool> cancel{true};
    PackOptions options = at_street();
    options.cancel = &cancel;
    PackPlan plan;
    CHECK(!plan_pack(street(2).view(), options, plan));
}

}  // namespace

int main() {
    layout();
    geometry();
    threads_agree();
    wide_indices();
    groups_merge();
    empty_and_failed();
    refuses_lies();
    frames_place_and_turn();
    frames_that_lie_are_refused();
    steps_round_once();
    cancels();
    return TEST_RESULT();
}
