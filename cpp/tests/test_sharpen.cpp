// sharpen: a smeared block gets its walls back where the labels say that they are, and a plane stays one.
#include "geovision/sharpen.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "testing.hpp"

using namespace geovision;

namespace {

constexpr std::int64_t SIDE = 40;

double share(double u) { return 0.5 * std::erfc(-u / std::sqrt(2.0)); }

// A block of 6 m over columns 15 to 24 of endless rows, smeared along x.
void block() {
    SharpenOptions options;
    options.spread = 2.0;
    std::vector<double> heights, truth;
    std::vector<std::int32_t> labels;
    for (std::int64_t k = 0; k < SIDE * SIDE; ++k) {
        const double x = static_cast<double>(k % SIDE) + 0.5;
        heights.push_back(100 + 6 * (share((x - 15) / 2) - share((x - 25) / 2)));
        labels.push_back(x > 15 && x < 25 ? 7 : 0);
        truth.push_back(x > 15 && x < 25 ? 106 : 100);
    }
    // A hole does not matter.
    heights[SIDE * 20 + 20] = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> out(heights.size());
    CHECK(sharpen({heights.data(), labels.data(), SIDE, SIDE, 1}, options, nullptr, out.data()));
    double worst = 0;
    for (std::int64_t row = 8; row < SIDE - 8; ++row) {
        for (std::int64_t column = 8; column < SIDE - 8; ++column) {
            const auto at = static_cast<std::size_t>(row * SIDE + column);
            worst = std::fmax(worst, std::fabs(out[at] - truth[at]));
        }
    }
    CHECK(worst < 0.1);
}

void nothing_measured() {
    const std::vector<double> heights(SIDE * SIDE, std::numeric_limits<double>::quiet_NaN());
    const std::vector<std::int32_t> labels(SIDE * SIDE, 0);
    std::vector<double> out(heights.size(), 1.0);
    CHECK(sharpen({heights.data(), labels.data(), SIDE, SIDE, 1}, SharpenOptions{}, nullptr, out.data()));
    for (const double z : out) CHECK(z == 0.0);
}

void cancelled() {
    const std::vector<double> heights(SIDE * SIDE, 1.0);
    const std::vector<std::int32_t> labels(SIDE * SIDE, 0);
    std::vector<double> with_step = heights;
    with_step[5] = 3.0;
    std::vector<double> out(heights.size());
    const std::atomic<bool> cancel{true};
    CHECK(!sharpen({with_step.data(), labels.data(), SIDE, SIDE, 1}, SharpenOptions{}, &cancel, out.data()));
}

}  // namespace

int main() {
    block();
    nothing_measured();
    cancelled();
    return testing::result();
}
