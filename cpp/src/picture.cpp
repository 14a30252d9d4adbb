#include "picture.hpp"

#include <algorithm>
#include <cmath>

#include "geovision/noise.hpp"
#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr int rows_a_block = 16;

// One axis of the blur: a Gaussian, and with sharpening more of it minus a wider one.
std::vector<float> kernel(const OrthoOptions& options) {
    const int radius = blur_radius(options);
    std::vector<float> weights(2 * static_cast<std::size_t>(radius) + 1, 0.0f);
    if (radius == 0) return {1.0f};
    const auto gaussian = [&](double sigma, int k) {
        return sigma > 0.0 ? std::exp(-0.5 * k * k / (sigma * sigma)) : (k == 0 ? 1.0 : 0.0);
    };
    const double narrow = options.blur_cells, broad = std::sqrt(narrow * narrow + 1.0);
    double narrow_sum = 0.0, broad_sum = 0.0;
    for (int k = -radius; k <= radius; ++k) {
        narrow_sum += gaussian(narrow, k);
        broad_sum += gaussian(broad, k);
    }
    for (int k = -radius; k <= radius; ++k) {
        weights[static_cast<std::size_t>(k + radius)] =
            static_cast<float>((1.0 + options.sharpen) * gaussian(narrow, k) / narrow_sum -
                               options.sharpen * gaussian(broad, k) / broad_sum);
    }
    return weights;
}

// Along the rows, in place: a row depends on no other.
bool blur_rows(Picture& picture, const std::vector<float>& weights, const OrthoOptions& options) {
    const int radius = static_cast<int>(weights.size() / 2), width = picture.width;
    const std::int64_t blocks = (picture.height + rows_a_block - 1) / rows_a_block;
    return parallel_blocks(blocks, options.threads, options.cancel, [&] {
        return
            [&, line = std::vector<float>(4 * static_cast<std::size_t>(width))](std::int64_t block) mutable {
                const int begin = static_cast<int>(block) * rows_a_block;
                for (int row = begin; row < std::min(picture.height, begin + rows_a_block); ++row) {
                    float* light = picture.light.data() + 4 * picture.at(row, 0);
                    std::copy_n(light, line.size(), line.begin());
                    for (int column = radius; column < width - radius; ++column) {
                        float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
                        const float* from = line.data() + 4 * (column - radius);
                        for (const float w : weights) {
                            for (int c = 0; c < 4; ++c) sum[c] += w * from[c];
                            from += 4;
                        }
                        std::copy_n(sum, 4, light + 4 * column);
                    }
                }
            };
    });
}

// Linear light to the numbers of a picture: sRGB's curve, looked up.
class Tone {
public:
    explicit Tone(const OrthoOptions& o) : options_(o), table_(steps + 1) {
        for (int i = 0; i <= steps; ++i) {
            const double v = static_cast<double>(i) / steps;
            const double coded = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1.0 / 2.4) - 0.055;
            const double curved = o.gamma == 1.0 ? coded : std::pow(coded, o.gamma);
            table_[static_cast<std::size_t>(i)] = static_cast<float>(0.5 + o.contrast * (curved - 0.5));
        }
        const auto haze = static_cast<float>(o.haze);
        const float air[4] = {0.36f, 0.42f, 0.50f, 0.22f};
        for (std::size_t c = 0; c < 4; ++c) {
            gain_[c] = static_cast<float>(o.exposure * o.gains[c]) * (1.0f - haze);
            add_[c] = static_cast<float>(o.exposure) * haze * air[c];
        }
    }

    // 0 to 1, before noise.
    void code(const float* light, float* out) const {
        for (std::size_t c = 0; c < 4; ++c) {
            const float v = std::clamp(light[c] * gain_[c] + add_[c], 0.0f, 1.0f) * steps;
            const auto i = std::min(static_cast<std::size_t>(v), static_cast<std::size_t>(steps - 1));
            out[c] = mix(table_[i], table_[i + 1], v - static_cast<float>(i));
        }
        if (options_.saturation != 1.0) {
            const float grey = 0.3f * out[0] + 0.59f * out[1] + 0.11f * out[2];
            for (int c = 0; c < 3; ++c)
                out[c] = grey + static_cast<float>(options_.saturation) * (out[c] - grey);
        }
    }

private:
    static constexpr int steps = 16384;
    const OrthoOptions& options_;
    std::vector<float> table_;
    float gain_[4], add_[4];
};

}  // namespace

int blur_radius(const OrthoOptions& options) {
    const double widest =
        options.sharpen > 0.0 ? std::sqrt(options.blur_cells * options.blur_cells + 1.0) : options.blur_cells;
    return static_cast<int>(std::ceil(2.5 * widest));
}

bool develop(Picture& picture, int rim, const RasterWindow& window, const OrthoOptions& options,
             std::uint8_t* rgbn) {
    const std::vector<float> weights = kernel(options);
    if (rim > 0 && !blur_rows(picture, weights, options)) return false;
    const Tone tone(options);
    const std::int64_t first_column = std::llround(window.left / window.cell),
                       first_row = std::llround(window.top / window.cell);
    const auto noise = static_cast<float>(options.noise);
    const std::int64_t blocks = (window.height + rows_a_block - 1) / rows_a_block;
    const bool done = parallel_blocks(blocks, options.threads, options.cancel, [&] {
        return [&](std::int64_t block) {
            const int begin = static_cast<int>(block) * rows_a_block;
            for (int row = begin; row < std::min(window.height, begin + rows_a_block); ++row) {
                for (int column = 0; column < window.width; ++column) {
                    std::uint8_t* out = rgbn + 4 * (static_cast<std::int64_t>(row) * window.width + column);
                    if (!picture.seen[picture.at(row + rim, column + rim)]) {
                        std::fill_n(out, 4, std::uint8_t{0});
                        continue;
                    }
                    float light[4] = {0.0f, 0.0f, 0.0f, 0.0f}, coded[4];
                    for (int k = 0; k < 2 * rim + 1; ++k) {
                        const float* from = picture.light.data() + 4 * picture.at(row + k, column + rim);
                        const float w = weights[static_cast<std::size_t>(k)];
                        for (int c = 0; c < 4; ++c) light[c] += w * from[c];
                    }
                    tone.code(light, coded);
                    const std::uint32_t key = hash32(
                        options.seed ^ 0x7f4a7c15u, lattice(first_column + column), lattice(first_row - row));
                    for (std::uint32_t c = 0; c < 4; ++c) {
                        // Photons: bright cells are noisier, though the curve takes much of that back.
                        const float grain = noise == 0.0f ? 0.0f
                                                          : noise * (0.6f + 0.8f * std::max(0.0f, coded[c])) *
                                                                normal(hash32(key + c));
                        out[c] = static_cast<std::uint8_t>(
                            std::clamp((coded[c] + grain) * 255.0f + 0.5f, 0.0f, 255.0f));
                    }
                }
            }
        };
    });
    if (!done) return false;
    return options.jpeg_quality == 0 || lose_to_jpeg(rgbn, window.width, window.height, options);
}

}  // namespace geovision
