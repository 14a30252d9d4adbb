#include "geovision/scene_features.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr int kBands = 8, kHeight = 4, kImagePlane = 8, kHeightPlane = 10;
constexpr int kPlaneOf[kBands] = {8, 8, 8, 9, 10, 11, 12, 13};
constexpr int kEdges = 15;
constexpr std::int64_t kBlockRows = 32;

// Brightness or height of some rows with a frame of zeros, and where there is none.
struct Map {
    std::vector<float> value;
    std::vector<std::uint8_t> missing;
    std::int64_t width = 0;

    void reset(std::int64_t rows, std::int64_t columns) {
        width = columns + 2;
        value.assign(static_cast<std::size_t>((rows + 2) * width), 0.0f);
        missing.assign(value.size(), 0);
    }
};

class Worker {
public:
    Worker(const float* x, std::int64_t rows, std::int64_t columns, const FeatureRules& rules, float* out)
        : x_(x), rows_(rows), columns_(columns), rules_(rules), out_(out) {}

    void operator()(std::int64_t block) {
        first_ = block * kBlockRows;
        last_ = std::min(first_ + kBlockRows, rows_);
        for (Map* map : {&grey_, &height_}) map->reset(last_ - first_, columns_);
        for (std::int64_t row = std::max<std::int64_t>(first_ - 1, 0); row < std::min(last_ + 1, rows_);
             ++row)
            look(row);
        for (std::int64_t row = first_; row < last_; ++row) {
            normalise(row);
            edges(grey_, rules_.grey_half, row, kEdges);
            edges(height_, rules_.slope_half, row, kEdges + 4);
        }
    }

private:
    float* plane(int feature, std::int64_t row) const { return out_ + (feature * rows_ + row) * columns_; }
    const float* raw(std::int64_t row) const { return x_ + row * columns_ * kRawChannels; }

    // A band, or 0 where its validity says that there is none, whatever is stored there.
    static float valid(const float* pixel, int band) {
        return pixel[kPlaneOf[band]] > 0.5f ? pixel[band] : 0.0f;
    }

    float byte(const float* pixel, int band) const {
        const float scale = 1 / (255 * rules_.byte_spread), offset = -rules_.byte_mean / rules_.byte_spread;
        return (valid(pixel, band) * scale + offset) * pixel[kPlaneOf[band]];
    }

    void look(std::int64_t row) {
        const float* pixel = raw(row);
        const std::int64_t begin = (row - first_ + 1) * grey_.width + 1;
        for (std::int64_t i = begin; i < begin + columns_; ++i, pixel += kRawChannels) {
            const auto at = static_cast<std::size_t>(i);
            grey_.value[at] = (byte(pixel, 0) + byte(pixel, 1) + byte(pixel, 2)) / 3;
            grey_.missing[at] = pixel[kImagePlane] > 0.5f ? 0 : 1;
            height_.value[at] = std::clamp(valid(pixel, kHeight), -100.0f, 1000.0f);
            height_.missing[at] = pixel[kHeightPlane] > 0.5f ? 0 : 1;
        }
    }

    void normalise(std::int64_t row) const {
        float* to[kSceneFeatures];
        for (int f = 0; f < kSceneFeatures; ++f) to[f] = plane(f, row);
        const float* pixel = raw(row);
        for (std::int64_t c = 0; c < columns_; ++c, pixel += kRawChannels) {
            for (int band = 0; band < kHeight; ++band) to[band][c] = byte(pixel, band);
            const float metres = valid(pixel, kHeight);
            to[4][c] = std::clamp(metres / rules_.coarse_m, -1.0f, 8.0f);
            to[5][c] = std::clamp(metres / rules_.fine_m, -1.0f, 1.0f);
            for (int hint = kHeight + 1; hint < kBands; ++hint) to[hint + 1][c] = valid(pixel, hint);
            for (int mark = kBands; mark < kRawChannels; ++mark) to[mark + 1][c] = pixel[mark];
            to[kSceneFeatures - 1][c] = metres;
        }
    }

    void edges(const Map& map, float half, std::int64_t row, int feature) const {
        float* to[4];
        for (int f = 0; f < 4; ++f) to[f] = plane(feature + f, row);
        const std::int64_t w = map.width, begin = (row - first_ + 1) * w;
        const float* v = map.value.data() + begin;
        const std::uint8_t* m = map.missing.data() + begin;
        for (std::int64_t c = 0; c < columns_; ++c, ++v, ++m) {
            // Around the pixel v[1]: a w less is the row above, to the north.
            const int missing = m[-w] + m[1 - w] + m[2 - w] + m[0] + m[1] + m[2] + m[w] + m[1 + w] + m[2 + w];
            const float sure = missing == 0 ? 0.125f : 0.0f;
            const float nw = v[-w], n = v[1 - w], ne = v[2 - w], sw = v[w], s = v[1 + w], se = v[2 + w];
            const float east = (ne - nw + 2 * (v[2] - v[0]) + se - sw) * sure;
            const float north = (nw + 2 * n + ne - sw - 2 * s - se) * sure;
            const float power = east * east + north * north;
            const float squeezed = 1 / std::sqrt(power + half * half);
            const float across = east * east - north * north, both = 2 * east * north;
            const float scale = std::sqrt(power + 1e-12f) * squeezed / (power * power + 1e-12f);
            to[0][c] = east * squeezed;
            to[1][c] = north * squeezed;
            to[2][c] = (across * across - both * both) * scale;
            to[3][c] = 2 * across * both * scale;
        }
    }

    const float* x_;
    std::int64_t rows_, columns_, first_ = 0, last_ = 0;
    FeatureRules rules_;
    float* out_;
    Map grey_, height_;
};

}  // namespace

bool scene_features(const float* x, std::int64_t rows, std::int64_t columns, const FeatureRules& rules,
                    int threads, const std::atomic<bool>* cancel, float* out) {
    const std::int64_t blocks = (rows + kBlockRows - 1) / kBlockRows;
    return parallel_blocks(blocks, threads, cancel, [&] { return Worker(x, rows, columns, rules, out); });
}

}  // namespace geovision
