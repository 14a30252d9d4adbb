// JPEG's loss without its files: colour space, halved chroma, blocks of cosines, quantisation and back (ITU
// T.81).
#include <algorithm>
#include <array>
#include <cmath>

#include "geovision/parallel.hpp"
#include "picture.hpp"

namespace geovision {
namespace {

using Block = std::array<float, 64>;

// The example tables of the standard's annex K, which encoders scale by quality.
constexpr std::array<int, 64> luminance = {
    16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
    69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
    81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99};
constexpr std::array<int, 64> chrominance = {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
                                             24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
                                             99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
                                             99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

Block scaled(const std::array<int, 64>& table, int quality) {
    const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    Block out{};
    for (std::size_t i = 0; i < 64; ++i)
        out[i] = static_cast<float>(std::clamp((table[i] * scale + 50) / 100, 1, 255));
    return out;
}

class Quantiser {
public:
    explicit Quantiser(int quality) : tables_{scaled(luminance, quality), scaled(chrominance, quality)} {
        for (int u = 0; u < 8; ++u) {
            for (int x = 0; x < 8; ++x) {
                const double scale = u == 0 ? std::sqrt(0.125) : 0.5;
                cosine_[static_cast<std::size_t>(8 * u + x)] =
                    static_cast<float>(scale * std::cos((2 * x + 1) * u * 3.14159265358979323846 / 16.0));
            }
        }
    }

    // A block of samples about 0, to its cosines, rounded, and back.
    void lose(Block& block, bool colour) const {
        const Block& table = tables_[colour ? 1 : 0];
        Block rows{}, turned{};
        product(cosine_, block, rows, false);
        product(rows, cosine_, turned, true);
        for (std::size_t i = 0; i < 64; ++i) turned[i] = std::nearbyint(turned[i] / table[i]) * table[i];
        Block transposed{};
        for (std::size_t u = 0; u < 8; ++u) {
            for (std::size_t x = 0; x < 8; ++x) transposed[8 * x + u] = cosine_[8 * u + x];
        }
        product(transposed, turned, rows, false);
        product(rows, transposed, block, true);
    }

private:
    // out = a b, or a b^T.
    static void product(const Block& a, const Block& b, Block& out, bool transpose) {
        for (std::size_t i = 0; i < 8; ++i) {
            for (std::size_t j = 0; j < 8; ++j) {
                float sum = 0.0f;
                for (std::size_t k = 0; k < 8; ++k)
                    sum += a[8 * i + k] * (transpose ? b[8 * j + k] : b[8 * k + j]);
                out[8 * i + j] = sum;
            }
        }
    }

    std::array<Block, 2> tables_;
    Block cosine_{};
};

// Sixteen cells square: four blocks of brightness and of near infrared, one of each chroma.
struct Unit {
    std::array<float, 256> bright, blue, red, infrared;
};

class Loser {
public:
    Loser(std::uint8_t* rgbn, int width, int height, int quality)
        : rgbn_(rgbn), width_(width), height_(height), quantiser_(quality) {}

    void lose(int top, int left) const {
        Unit u{};
        each([&](int k, int r, int c) {
            const std::uint8_t* p = pixel(std::min(top + r, height_ - 1), std::min(left + c, width_ - 1));
            const float red = p[0], green = p[1], blue = p[2];
            const auto i = static_cast<std::size_t>(k);
            u.bright[i] = 0.299f * red + 0.587f * green + 0.114f * blue - 128.0f;
            u.blue[i] = -0.168736f * red - 0.331264f * green + 0.5f * blue;
            u.red[i] = 0.5f * red - 0.418688f * green - 0.081312f * blue;
            u.infrared[i] = static_cast<float>(p[3]) - 128.0f;
        });
        quarters(u.bright);
        quarters(u.infrared);
        halved(u.blue);
        halved(u.red);
        each([&](int k, int r, int c) {
            if (top + r >= height_ || left + c >= width_) return;
            std::uint8_t* p = pixel(top + r, left + c);
            // Where nothing is stays nothing: 0 means no data.
            if ((p[0] | p[1] | p[2] | p[3]) == 0) return;
            const auto i = static_cast<std::size_t>(k);
            const float bright = u.bright[i] + 128.0f;
            p[0] = byte(bright + 1.402f * u.red[i]);
            p[1] = byte(bright - 0.344136f * u.blue[i] - 0.714136f * u.red[i]);
            p[2] = byte(bright + 1.772f * u.blue[i]);
            p[3] = byte(u.infrared[i] + 128.0f);
        });
    }

private:
    static std::uint8_t byte(float v) {
        return static_cast<std::uint8_t>(std::clamp(v + 0.5f, 0.0f, 255.0f));
    }
    std::uint8_t* pixel(int row, int column) const {
        return rgbn_ + 4 * (static_cast<std::int64_t>(row) * width_ + column);
    }
    template <class Visit>
    static void each(Visit visit) {
        for (int k = 0; k < 256; ++k) visit(k, k / 16, k % 16);
    }

    void quarters(std::array<float, 256>& plane) const {
        for (std::size_t q = 0; q < 4; ++q) {
            Block block{};
            const std::size_t first = (q / 2) * 128 + (q % 2) * 8;
            for (std::size_t i = 0; i < 64; ++i) block[i] = plane[first + (i / 8) * 16 + i % 8];
            quantiser_.lose(block, false);
            for (std::size_t i = 0; i < 64; ++i) plane[first + (i / 8) * 16 + i % 8] = block[i];
        }
    }

    void halved(std::array<float, 256>& plane) const {
        Block block{};
        for (std::size_t i = 0; i < 64; ++i) {
            const std::size_t first = (i / 8) * 32 + (i % 8) * 2;
            block[i] = 0.25f * (plane[first] + plane[first + 1] + plane[first + 16] + plane[first + 17]);
        }
        quantiser_.lose(block, true);
        each([&](int k, int r, int c) {
            plane[static_cast<std::size_t>(k)] = block[static_cast<std::size_t>((r / 2) * 8 + c / 2)];
        });
    }

    std::uint8_t* rgbn_;
    int width_, height_;
    Quantiser quantiser_;
};

}  // namespace

bool lose_to_jpeg(std::uint8_t* rgbn, int width, int height, const OrthoOptions& options) {
    const Loser loser(rgbn, width, height, options.jpeg_quality);
    return parallel_blocks((height + 15) / 16, options.threads, options.cancel, [&] {
        return [&](std::int64_t row) {
            for (int left = 0; left < width; left += 16) loser.lose(static_cast<int>(row) * 16, left);
        };
    });
}

}  // namespace geovision
