#include "texture.hpp"

#include <algorithm>
#include <cmath>

#include "geovision/noise.hpp"
#include "geovision/scene.hpp"
#include "pattern.hpp"

namespace geovision {
namespace {

Colour blend(const Colour& a, const Colour& b, float wished) {
    const float share = std::clamp(wished, 0.0f, 1.0f);
    return {mix(a[0], b[0], share), mix(a[1], b[1], share), mix(a[2], b[2], share), mix(a[3], b[3], share)};
}

}  // namespace

Texturer::Texturer(double sample_m, double strength, std::uint32_t seed)
    : sample_(sample_m), strength_(static_cast<float>(strength)), seed_(seed) {}

float Texturer::visible(double period) const {
    return std::clamp(static_cast<float>(period / sample_) - 1.5f, 0.0f, 1.0f);
}

Colour Texturer::scaled(const Colour& base, float factor) const {
    const float f = std::max(0.05f, 1.0f + strength_ * (factor - 1.0f));
    return {base[0] * f, base[1] * f, base[2] * f, base[3] * f};
}

// About -1 to 1: patches of `size` metres with finer ones in them.
float Texturer::octaves(const TexturePlace& p, double size, float fine, std::uint32_t key) const {
    float sum = value_noise(p.x / size, p.y / size, seed_ ^ key) - 0.5f;
    sum += 0.55f * (value_noise(p.x * 2.7 / size, p.y * 2.7 / size, seed_ ^ (key * 3u)) - 0.5f);
    const float seen = fine * visible(size / 7.3);
    if (seen > 0.0f)
        sum += seen * (value_noise(p.x * 7.3 / size, p.y * 7.3 / size, seed_ ^ (key * 5u)) - 0.5f);
    return 1.6f * sum;
}

Colour Texturer::grainy(const Colour& base, const TexturePlace& p, double size, float amount) const {
    return scaled(base, 1.0f + amount * octaves(p, size, 0.8f, 0x1f83d9abu));
}

// Rows along the eave, each tile with a shade of its own; stains run down the slope, moss sits where it is
// damp.
Colour Texturer::tiles(const Colour& base, const TexturePlace& p, double row_m, double column_m,
                       float moss) const {
    const double row = p.up / row_m;
    const double column = p.along / column_m + 0.5 * static_cast<double>(whole(row) & 1);
    float f = 1.0f + 0.15f * octaves(p, 2.6, 0.7f, p.key);
    f += 0.18f * (value_noise(p.along / 0.8, p.up / 5.0, p.key) - 0.5f);
    f += 0.16f * (unit(cell_key(row, column, p.key)) - 0.5f) * std::max(0.35f, visible(column_m));
    // The lower rim of a row throws a line of shade on the next.
    const float line = fraction(row);
    f -= 0.28f * visible(row_m) * (line < 0.22f ? 1.0f - line / 0.22f : 0.0f);
    const Colour plain = scaled(base, f);
    const float damp = value_noise(p.x / 1.7, p.y / 1.7, p.key * 7u) +
                       0.35f * (value_noise(p.x / 0.35, p.y / 0.35, p.key) - 0.5f);
    const Colour green{0.055f, 0.06f, 0.035f, 0.14f};
    return blend(plain, green, strength_ * moss * ramp(damp, 0.62f, 0.85f));
}

Colour Texturer::metal(const Colour& base, const TexturePlace& p) const {
    // With a seam between sheets; each has weathered in its own way.
    constexpr double width = laid::metal_sheet;
    const double sheet = p.along / width;
    float f = 1.0f + 0.06f * octaves(p, 3.5, 0.5f, p.key);
    f += 0.09f * (unit(cell_key(sheet, 0.0, p.key)) - 0.5f);
    const float seam = fraction(sheet);
    f += visible(width) * (seam < 0.12f ? -0.25f : seam < 0.24f ? 0.15f : 0.0f);
    const float rust = ramp(value_noise(p.along / 0.7, p.up / 3.0, p.key * 3u), 0.74f, 0.95f);
    return blend(scaled(base, f), {0.16f, 0.075f, 0.04f, 0.2f}, 0.5f * strength_ * rust);
}

Colour Texturer::membrane(const Colour& base, const TexturePlace& p) const {
    constexpr double width = laid::membrane_strip;
    const double strip = p.along / width;
    float f = 1.0f + 0.10f * octaves(p, 5.0, 0.5f, p.key);
    f += 0.06f * (unit(cell_key(strip, p.up / 7.0, p.key)) - 0.5f);
    if (fraction(strip) < 0.09f) f -= 0.16f * visible(width);
    // Where water stood there is a darker pool with a pale rim.
    const float pool = value_noise(p.x / 4.0, p.y / 4.0, p.key * 11u);
    f += 0.12f * (ramp(pool, 0.60f, 0.64f) - ramp(pool, 0.64f, 0.70f)) - 0.10f * ramp(pool, 0.66f, 0.76f);
    return scaled(base, f);
}

Colour Texturer::solar(const Colour& base, const TexturePlace& p) const {
    const double column = p.along / 1.0, row = p.up / 1.65;
    const float frame = std::min(std::min(fraction(column), 1.0f - fraction(column)),
                                 1.65f * std::min(fraction(row), 1.0f - fraction(row)));
    const Colour dark = scaled(base, 1.0f + 0.08f * (unit(cell_key(column, row, p.key)) - 0.5f));
    return blend(dark, {0.30f, 0.31f, 0.33f, 0.30f},
                 frame < 0.03f ? std::min(1.0f, 0.6f * strength_) * visible(1.0) : 0.0f);
}

Colour Texturer::grass(const Colour& base, const TexturePlace& p) const {
    const float wide = octaves(p, 11.0, 0.0f, 0x3f4f2d1bu), near = octaves(p, 1.6, 0.9f, 0x7a1c33d5u);
    const float blades = visible(0.12) * (value_noise(p.x / 0.13, p.y / 0.13, seed_) - 0.5f);
    const Colour lush = scaled(base, 1.0f + 0.15f * wide + 0.20f * near + 0.30f * blades);
    // Drier where the wide pattern is high: yellower, and darker in the near infrared.
    const Colour dry{base[0] * 1.55f + 0.02f, base[1] * 1.15f + 0.01f, base[2] * 1.05f, base[3] * 0.75f};
    return blend(lush, scaled(dry, 1.0f + 0.12f * near), strength_ * 0.7f * ramp(wide, 0.10f, 0.85f));
}

Colour Texturer::asphalt(const Colour& base, const TexturePlace& p) const {
    float f = 1.0f + 0.11f * octaves(p, 6.0, 0.4f, 0x2c1b3c6du) + 0.10f * octaves(p, 31.0, 0.0f, 0x6a09e667u);
    f += 0.09f * visible(0.1) * (value_noise(p.x / 0.11, p.y / 0.11, seed_ ^ 0x11u) - 0.5f) * 2.0f;
    // Patches where it was opened and closed again, and cracks along the ridges of a noise.
    const double lane = p.y / 7.1;
    const std::uint32_t patch =
        cell_key(p.x / 5.3 + 0.4 * static_cast<double>(whole(lane) & 1), lane, seed_ ^ 0x5bd1e995u);
    if ((patch & 15u) == 0) f -= 0.16f;
    const float crack = std::fabs(value_noise(p.x / 2.3, p.y / 2.3, seed_ ^ 0x2545f491u) - 0.5f);
    if (crack < 0.008f) f -= 0.20f * visible(0.15);
    return scaled(base, f);
}

Colour Texturer::paving(const Colour& base, const TexturePlace& p) const {
    constexpr double slab = laid::slab;
    float f = 1.0f + 0.09f * octaves(p, 3.0, 0.6f, 0x68e31da4u);
    f += 0.12f * (unit(cell_key(p.x / slab, p.y / slab, seed_)) - 0.5f) * std::max(0.4f, visible(slab));
    const float joint = std::min(fraction(p.x / slab), fraction(p.y / slab));
    if (joint < 0.06f) f -= 0.22f * visible(slab * 0.5);
    return scaled(base, f);
}

Colour Texturer::leaves(const Colour& base, const TexturePlace& p, float depth) const {
    const float clump = value_noise(p.x / 0.55, p.y / 0.55, seed_ ^ p.key) - 0.5f;
    const float leaf = visible(0.16) * (value_noise(p.x / 0.17, p.y / 0.17, seed_ ^ (p.key * 3u)) - 0.5f);
    const float broad = octaves(p, 2.2, 0.0f, p.key);
    const Colour lit = scaled(base, 1.0f + depth * (0.9f * clump + 0.7f * leaf) + 0.12f * broad);
    // Gaps let one look down into the shade.
    return blend(lit, {base[0] * 0.35f, base[1] * 0.38f, base[2] * 0.45f, base[3] * 0.4f},
                 strength_ * depth * ramp(-clump - leaf, 0.22f, 0.5f));
}

Colour Texturer::look(std::uint8_t material, const Colour& base, const TexturePlace& p, float& gloss) const {
    gloss = 0.0f;
    switch (static_cast<Material>(material)) {
        case Material::plain:
            return base;
        case Material::tiles:
            return tiles(base, p, laid::tile_row, laid::tile_column, 0.55f);
        case Material::slate:
            gloss = 0.03f;
            return tiles(base, p, laid::slate_row, laid::slate_column, 0.3f);
        case Material::metal:
            gloss = 0.22f;
            return metal(base, p);
        case Material::gravel: {
            const Colour stones = grainy(base, p, 3.2, 0.14f);
            return scaled(stones, 1.0f + 0.22f * visible(0.15) *
                                             (value_noise(p.x / 0.12, p.y / 0.12, seed_) - 0.5f) * 2.0f);
        }
        case Material::membrane:
            return membrane(base, p);
        case Material::solar:
            gloss = 0.25f;
            return solar(base, p);
        case Material::glass:
            gloss = 0.35f;
            return base;
        case Material::plaster:
        case Material::concrete:
            return grainy(base, p, 2.4, 0.08f);
        case Material::brick:
            return grainy(base, p, 1.1, 0.12f);
        case Material::thatch:
            return scaled(
                grainy(base, p, 1.8, 0.14f),
                1.0f + 0.3f * visible(0.2) * (value_noise(p.along / 0.12, p.up / 1.2, p.key) - 0.5f));
        case Material::grass:
            return grass(base, p);
        case Material::soil:
            return grainy(base, p, 2.2, 0.20f);
        case Material::asphalt:
            return asphalt(base, p);
        case Material::paving:
            return paving(base, p);
        case Material::water:
            gloss = 0.06f;
            return scaled(base,
                          1.0f + 0.10f * octaves(p, 9.0, 0.0f, 0x41c64e6du) +
                              0.10f * visible(0.3) * (value_noise(p.x / 0.5, p.y / 0.25, seed_) - 0.5f));
        case Material::paint: {
            const float worn = ramp(octaves(p, 0.8, 0.9f, 0x9e3779b1u), 0.15f, 0.6f);
            return blend(base, {0.11f, 0.11f, 0.115f, 0.11f}, 0.7f * strength_ * worn);
        }
        case Material::sand:
            return grainy(base, p, 2.8, 0.10f);
        case Material::shrub:
            return leaves(grainy(base, p, 3.0, 0.15f), p, 0.6f);
        case Material::foliage:
            return leaves(base, p, 0.55f);
        case Material::needles:
            return leaves(base, p, 0.45f);
        case Material::car_paint:
            gloss = 0.12f;
            return base;
        case Material::wood:
            return scaled(grainy(base, p, 1.5, 0.10f),
                          1.0f + 0.15f * visible(laid::board) *
                                     (unit(cell_key(p.along / laid::board, 0.0, p.key)) - 0.5f));
    }
    return base;
}

}  // namespace geovision
