#include "geovision/finish.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "finish_looks.hpp"
#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr double sample_m = 0.002;
constexpr int most_samples = 16;  // across a pixel

void draw_row(const FinishOptions& options, const Torus& torus, int samples, std::int64_t row,
              FinishMaps& maps) {
    const double step = options.metres / (static_cast<double>(options.size) * samples);
    const float share = 1.0f / static_cast<float>(samples * samples);
    for (std::int32_t column = 0; column < options.size; ++column) {
        FinishSample sum{{0.0f, 0.0f, 0.0f}, 0.0f, 0.0f, 0.0f, 0.0f};
        for (int j = 0; j < samples; ++j) {
            // Rows go down, the pattern's y goes up.
            const double y = options.metres - (static_cast<double>(row * samples + j) + 0.5) * step;
            for (int i = 0; i < samples; ++i) {
                const double x = (static_cast<double>(column) * samples + i + 0.5) * step;
                const FinishSample s = look_at_finish(options.finish, torus, x, y);
                for (std::size_t k = 0; k < 3; ++k) sum.colour[k] += std::max(0.02f, s.colour[k]);
                sum.relief += s.relief;
                sum.roughness += std::clamp(s.roughness, 0.0f, 1.0f);
                sum.metallic += s.metallic;
                sum.occlusion += std::clamp(s.occlusion, 0.0f, 1.0f);
            }
        }
        const auto at = static_cast<std::size_t>(row * options.size + column);
        for (std::size_t k = 0; k < 3; ++k) maps.colour[3 * at + k] = sum.colour[k] * share;
        maps.relief[at] = sum.relief * share;
        maps.roughness[at] = sum.roughness * share;
        maps.metallic[at] = sum.metallic * share;
        maps.occlusion[at] = sum.occlusion * share;
    }
}

}  // namespace

bool draw_finish(const FinishOptions& options, FinishMaps& maps) {
    if (options.size < 1 || options.size > max_finish_size)
        throw std::invalid_argument("a texture has 1 to 8192 pixels a side");
    if (!(options.metres >= 0.05 && options.metres <= 100.0))
        throw std::invalid_argument("a texture covers 0.05 to 100 metres");
    const auto places = static_cast<std::size_t>(options.size) * static_cast<std::size_t>(options.size);
    maps.colour.resize(3 * places);
    maps.relief.resize(places);
    maps.roughness.resize(places);
    maps.metallic.resize(places);
    maps.occlusion.resize(places);
    const Torus torus(options.metres, options.seed);
    const auto wanted = static_cast<int>(std::ceil(options.metres / (options.size * sample_m) - 1e-9));
    const int samples = std::clamp(wanted, 1, most_samples);
    return parallel_blocks(options.size, options.threads, options.cancel, [&] {
        return [&](std::int64_t row) { draw_row(options, torus, samples, row, maps); };
    });
}

}  // namespace geovision
