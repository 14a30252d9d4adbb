// What materials look like close by: patterns in metres, hung on world coordinates.
#pragma once

#include <array>
#include <cstdint>

namespace geovision {

using Colour = std::array<float, 4>;  // linear red, green, blue, near infrared

// Where on a surface: world coordinates, and on roofs metres along the eave and up the slope.
struct TexturePlace {
    double x, y;
    double along, up;
    std::uint32_t key;  // of the building or the surface
};

class Texturer {
public:
    // Patterns finer than the distance between samples are left out: they would only alias.
    Texturer(double sample_m, double strength, std::uint32_t seed);

    // The material's colour at a place, from its own colour. `gloss` gets what part of the sky's and the
    // sun's light it mirrors.
    Colour look(std::uint8_t material, const Colour& base, const TexturePlace& place, float& gloss) const;

private:
    float octaves(const TexturePlace& p, double size, float fine, std::uint32_t key) const;
    // 1 where a pattern of that period can be seen, 0 where it cannot.
    float visible(double period) const;
    Colour tiles(const Colour& base, const TexturePlace& p, double row_m, double column_m, float moss) const;
    Colour metal(const Colour& base, const TexturePlace& p) const;
    Colour membrane(const Colour& base, const TexturePlace& p) const;
    Colour solar(const Colour& base, const TexturePlace& p) const;
    Colour grass(const Colour& base, const TexturePlace& p) const;
    Colour asphalt(const Colour& base, const TexturePlace& p) const;
    Colour paving(const Colour& base, const TexturePlace& p) const;
    Colour leaves(const Colour& base, const TexturePlace& p, float depth) const;
    Colour grainy(const Colour& base, const TexturePlace& p, double size, float amount) const;
    Colour scaled(const Colour& base, float factor) const;

    double sample_;
    float strength_;
    std::uint32_t seed_;
};

}  // namespace geovision
