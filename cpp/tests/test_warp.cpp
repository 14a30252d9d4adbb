// warp: planes stay planes, masks hold, windows and threads agree to the bit, hostile coordinates are no
// data.
#include "geovision/warp.hpp"

#include <limits>
#include <vector>

#include "testing.hpp"

using namespace geovision;

namespace {

constexpr std::int64_t STEP = 8;

template <class T>
struct Image {
    std::int64_t bands, height, width;
    std::vector<T> data;
    std::vector<std::uint8_t> valid;

    WarpSource<T> source(std::int64_t left = 0, std::int64_t top = 0) const {
        return {data.data(), valid.empty() ? nullptr : valid.data(), bands, height, width, left, top};
    }
};

Image<float> plane(std::int64_t height, std::int64_t width) {
    Image<float> image{1, height, width, {}, {}};
    for (std::int64_t row = 0; row < height; ++row) {
        for (std::int64_t column = 0; column < width; ++column) {
            image.data.push_back(static_cast<float>(column) * 2.0F + static_cast<float>(row) * 3.0F);
        }
    }
    return image;
}

// Nodes of x = x0 + a column + b row, y = y0 - b column + a row.
std::vector<double> turned(std::int64_t nodes, double x0, double y0, double a, double b) {
    std::vector<double> out;
    for (std::int64_t row = 0; row < nodes; ++row) {
        for (std::int64_t column = 0; column < nodes; ++column) {
            const double c = static_cast<double>(column * STEP), r = static_cast<double>(row * STEP);
            out.push_back(x0 + a * c + b * r);
            out.push_back(y0 - b * c + a * r);
        }
    }
    return out;
}

template <class T>
struct Result {
    std::vector<T> data;
    std::vector<std::uint8_t> valid;
    std::int64_t count;
};

template <class T>
Result<T> run(const WarpSource<T>& source, const std::vector<double>& nodes, std::int64_t per_side,
              std::int64_t first_column, std::int64_t first_row, std::int64_t height, std::int64_t width,
              Resampling method = Resampling::bilinear, double scale = 1, int threads = 1) {
    Result<T> result{std::vector<T>(static_cast<std::size_t>(source.bands * height * width)),
                     std::vector<std::uint8_t>(static_cast<std::size_t>(height * width)), 0};
    const WarpGrid grid{nodes.data(), per_side, per_side, STEP, first_column, first_row};
    result.count = warp<T>(source, grid, method, scale, scale, height, width, result.data.data(),
                           result.valid.data(), threads, nullptr);
    return result;
}

void planes_stay_planes() {
    const Image<float> image = plane(80, 90);
    const double a = 0.7, b = 0.2, x0 = 8, y0 = 14;
    for (const double scale : {1.0, 1.7, 3.0}) {
        const auto found =
            run(image.source(), turned(9, x0, y0, a, b), 9, 0, 0, 60, 60, Resampling::bilinear, scale);
        CHECK(found.count > 3000);
        for (std::int64_t row = 0; row < 60; ++row) {
            for (std::int64_t column = 0; column < 60; ++column) {
                const double c = static_cast<double>(column) + 0.5, r = static_cast<double>(row) + 0.5;
                const double x = x0 + a * c + b * r, y = y0 - b * c + a * r;
                // A filter that is cut off at the border is lopsided there.
                if (x < 4 || y < 4 || x > 86 || y > 76) continue;
                const auto index = static_cast<std::size_t>(row * 60 + column);
                CHECK_NEAR(found.data[index], (x - 0.5) * 2 + (y - 0.5) * 3, scale > 1 ? 1.1 : 1e-4);
            }
        }
    }
}

void a_constant_stays_itself_beside_holes() {
    Image<std::uint8_t> image{3, 40, 40, std::vector<std::uint8_t>(4800, 77),
                              std::vector<std::uint8_t>(1600, 1)};
    for (std::size_t i = 0; i < 1600; i += 7) {
        image.valid[i] = 0;
        image.data[i] = image.data[1600 + i] = image.data[3200 + i] = 255;
    }
    for (const double scale : {1.0, 2.5}) {
        const auto found =
            run(image.source(), turned(6, 2, 9, 0.6, 0.15), 6, 3, 1, 36, 36, Resampling::bilinear, scale);
        CHECK(found.count > 800);
        CHECK(found.count < 36 * 36);
        for (std::size_t band = 0; band < 3; ++band) {
            for (std::size_t i = 0; i < 36 * 36; ++i) {
                CHECK(found.data[band * 36 * 36 + i] == (found.valid[i] != 0 ? 77 : 0));
            }
        }
    }
}

void a_window_and_a_thread_change_nothing() {
    const Image<float> image = plane(80, 90);
    const auto nodes = turned(9, -3.3, 11.1, 0.77, 0.31);
    const auto whole = run(image.source(), nodes, 9, 0, 0, 64, 64);
    const auto threaded = run(image.source(), nodes, 9, 0, 0, 64, 64, Resampling::bilinear, 1, 4);
    CHECK(whole.data == threaded.data);
    CHECK(whole.valid == threaded.valid);
    // A window whose first pixel is (5, 7) of the first cell.
    const auto part = run(image.source(), nodes, 9, 5, 7, 40, 30);
    for (std::size_t row = 0; row < 40; ++row) {
        for (std::size_t column = 0; column < 30; ++column) {
            CHECK(part.data[row * 30 + column] == whole.data[(row + 7) * 64 + column + 5]);
        }
    }
}

void a_cut_gives_what_the_whole_gives() {
    const Image<float> image = plane(80, 90);
    Image<float> cut{1, 50, 60, {}, {}};
    for (std::int64_t row = 0; row < 50; ++row) {
        for (std::int64_t column = 0; column < 60; ++column) {
            cut.data.push_back(image.data[static_cast<std::size_t>((row + 20) * 90 + column + 15)]);
        }
    }
    const auto nodes = turned(6, 22, 30, 0.8, 0.1);
    const auto whole = run(image.source(), nodes, 6, 0, 0, 32, 32);
    const auto part = run(cut.source(15, 20), nodes, 6, 0, 0, 32, 32);
    CHECK(part.count == 32 * 32);
    CHECK(whole.data == part.data);
}

void nearest_takes_the_pixel_below() {
    const Image<float> image = plane(20, 20);
    const auto found = run(image.source(), turned(3, 0.25, 0.75, 1, 0), 3, 0, 0, 16, 16, Resampling::nearest);
    CHECK(found.count == 256);
    // Centres at 0.75 and 1.25 of the pixels.
    CHECK_NEAR(found.data[0], 3.0, 0);
    CHECK_NEAR(found.data[17], 2.0 + 6.0, 0);
}

void hostile_places_have_no_data() {
    const Image<float> image = plane(20, 20);
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity(), 1e300, -1e300};
    for (const double value : bad) {
        std::vector<double> nodes(2 * 3 * 3, value);
        const auto found = run(image.source(), nodes, 3, 0, 0, 16, 16);
        CHECK(found.count == 0);
        nodes = turned(3, 1, 1, 1, 0);
        nodes[8] = value;
        CHECK(run(image.source(), nodes, 3, 0, 0, 16, 16).count < 256);
    }
}

void a_cancelled_run_says_so() {
    const Image<float> image = plane(20, 20);
    const auto nodes = turned(3, 1, 1, 1, 0);
    const std::atomic<bool> cancel{true};
    std::vector<float> out(256);
    std::vector<std::uint8_t> valid(256);
    const WarpGrid grid{nodes.data(), 3, 3, STEP, 0, 0};
    CHECK(warp<float>(image.source(), grid, Resampling::bilinear, 1, 1, 16, 16, out.data(), valid.data(), 2,
                      &cancel) == -1);
}

}  // namespace

int main() {
    planes_stay_planes();
    a_constant_stays_itself_beside_holes();
    a_window_and_a_thread_change_nothing();
    a_cut_gives_what_the_whole_gives();
    nearest_takes_the_pixel_below();
    hostile_places_have_no_data();
    a_cancelled_run_says_so();
    return TEST_RESULT();
}
