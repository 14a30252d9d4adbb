// Outlines: exact where traced, without crossings at every level, the same for every way of cutting.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/outline.hpp"
#include "testing.hpp"

using namespace geovision;

namespace {

struct Scene {
    std::int64_t rows = 0, columns = 0;
    std::vector<float> building, boundary, frame, height;
};

Scene random_scene(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto draw = [&] { return static_cast<float>(random() >> 8) / 16777216.0f; };
    Scene s;
    s.rows = 1 + static_cast<std::int64_t>(random() % 40);
    s.columns = 1 + static_cast<std::int64_t>(random() % 150);
    const auto n = static_cast<std::size_t>(s.rows * s.columns);
    for (std::size_t k = 0; k < n; ++k) {
        s.building.push_back(draw());
        s.boundary.push_back(draw());
        s.height.push_back(9 * draw());
    }
    for (std::size_t k = 0; k < 2 * n; ++k) s.frame.push_back(2 * draw() - 1);
    // Runs of equal cells, so that there are walls and not only noise.
    for (std::size_t k = 1; k < n; ++k)
        if (random() % 4 != 0) s.building[k] = s.building[k - 1];
    s.building[n / 2] = std::nanf("");
    return s;
}

OutlineOptions all_bands(const Scene& s, OutlineLevel level) {
    OutlineOptions o;
    o.columns = s.columns;
    o.cell = 0.5;
    o.has_boundary = o.has_frame = o.has_height = true;
    o.min_area = 0.5;
    o.level = level;
    o.threads = 1;
    return o;
}

Outlines run(const Scene& s, const OutlineOptions& options, const std::vector<std::int64_t>& cuts) {
    OutlineStream stream(options);
    Outlines out;
    for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
        const std::int64_t at = cuts[k] * s.columns;
        const std::int64_t rows = cuts[k + 1] - cuts[k];
        // Both planes of the frame lie behind each other in a strip.
        std::vector<float> frame(s.frame.begin() + at, s.frame.begin() + at + rows * s.columns);
        const auto second = s.frame.begin() + s.rows * s.columns + at;
        frame.insert(frame.end(), second, second + rows * s.columns);
        OutlineStrip strip;
        strip.rows = rows;
        strip.bands[band_building].floats = s.building.data() + at;
        strip.bands[band_boundary].floats = s.boundary.data() + at;
        strip.bands[band_frame_cos].floats = frame.data();
        strip.bands[band_frame_sin].floats = frame.data() + rows * s.columns;
        strip.bands[band_height].floats = s.height.data() + at;
        CHECK(stream.add(strip, nullptr, out));
    }
    CHECK(stream.finish(nullptr, out));
    return out;
}

struct Segment {
    Point a, b;
};

std::vector<Segment> segments(const Outlines& o) {
    std::vector<Segment> out;
    const auto at = [&](std::int64_t k) {
        const auto i = static_cast<std::size_t>(2 * k);
        return round_point(o.xy[i] * 1024, o.xy[i + 1] * 1024);
    };
    for (std::size_t r = 0; r + 1 < o.ring_offsets.size(); ++r) {
        const std::int64_t first = o.ring_offsets[r], last = o.ring_offsets[r + 1];
        CHECK(last - first >= 3);
        for (std::int64_t k = first; k < last; ++k) out.push_back({at(k), at(k + 1 == last ? first : k + 1)});
    }
    return out;
}

void walls_never_cross() {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        const Scene s = random_scene(seed);
        for (const auto level : {OutlineLevel::regular, OutlineLevel::simple, OutlineLevel::raw}) {
            const Outlines o = run(s, all_bands(s, level), {0, s.rows});
            const std::vector<Segment> all = segments(o);
            int crossings = 0;
            for (std::size_t i = 0; i < all.size(); ++i)
                for (std::size_t j = i + 1; j < all.size(); ++j)
                    crossings += proper_crossing(all[i].a, all[i].b, all[j].a, all[j].b);
            CHECK(crossings == 0);
            for (const double area : o.area) CHECK(area > 0);
        }
    }
}

void strips_do_not_show() {
    for (std::uint32_t seed = 100; seed < 140; ++seed) {
        const Scene s = random_scene(seed);
        OutlineOptions options = all_bands(s, OutlineLevel::regular);
        const Outlines whole = run(s, options, {0, s.rows});
        std::vector<std::int64_t> cuts{0};
        std::mt19937 random(seed);
        while (cuts.back() < s.rows)
            cuts.push_back(std::min<std::int64_t>(s.rows, cuts.back() + 1 + random() % 9));
        options.threads = 2;
        const Outlines cut = run(s, options, cuts);
        CHECK(whole.xy == cut.xy);
        CHECK(whole.ring_offsets == cut.ring_offsets);
        CHECK(whole.polygon_offsets == cut.polygon_offsets);
        CHECK(whole.level == cut.level);
    }
}

void masks_are_traced_exactly() {
    const std::int64_t side = 70;
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(side * side));
    std::mt19937 random(7);
    double cells = 0;
    for (auto& cell : mask) cells += cell = random() % 3 != 0;
    OutlineOptions options;
    options.columns = side;
    options.cell = 1;
    options.binary = true;
    options.min_area = options.min_hole = 0;
    options.level = OutlineLevel::raw;
    OutlineStream stream(options);
    Outlines out;
    OutlineStrip strip;
    strip.rows = side;
    strip.bands[band_building].bytes = mask.data();
    CHECK(stream.add(strip, nullptr, out) && stream.finish(nullptr, out));
    double area = 0;
    for (const double part : out.area) area += part;
    CHECK(area == cells);
    for (const double x : out.xy) CHECK(x == std::floor(x));
}

void a_turned_block_has_four_corners() {
    const std::int64_t side = 120;
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(side * side));
    const double turn = 0.4, c = std::cos(turn), s = std::sin(turn);
    for (std::int64_t y = 0; y < side; ++y)
        for (std::int64_t x = 0; x < side; ++x) {
            const double dx = static_cast<double>(x) - 59.5, dy = static_cast<double>(y) - 59.5;
            mask[static_cast<std::size_t>(y * side + x)] =
                std::abs(c * dx + s * dy) < 40 && std::abs(c * dy - s * dx) < 25;
        }
    OutlineOptions options;
    options.columns = side;
    options.binary = true;
    OutlineStream stream(options);
    Outlines out;
    OutlineStrip strip;
    strip.rows = side;
    strip.bands[band_building].bytes = mask.data();
    CHECK(stream.add(strip, nullptr, out) && stream.finish(nullptr, out));
    CHECK(out.xy.size() == 8);
    CHECK_NEAR(out.area[0], 80 * 50 * 0.09, 3);
    // Image rows run down, so the turn has the other sign on a map.
    CHECK_NEAR(out.direction[0], std::acos(0.0) - turn, 0.01);
}

}  // namespace

int main() {
    walls_never_cross();
    strips_do_not_show();
    masks_are_traced_exactly();
    a_turned_block_has_four_corners();
    return TEST_RESULT();
}
