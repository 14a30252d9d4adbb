#include "finish_looks.hpp"

#include <algorithm>
#include <cmath>

#include "pattern.hpp"

namespace geovision {
namespace {

using Tint = std::array<float, 3>;

Tint toned(float tone, float hue) { return {tone * (1.0f + hue), tone, tone * (1.0f - hue)}; }

Tint blend(const Tint& a, const Tint& b, float share) {
    return {mix(a[0], b[0], share), mix(a[1], b[1], share), mix(a[2], b[2], share)};
}

// One of the things that a pattern is laid of: who it is, and how far it is to its sides.
struct Piece {
    std::uint32_t bits;
    float left, right, down, up;  // metres
    float edge() const { return std::min(std::min(left, right), std::min(down, up)); }
};

// Cell of a lattice of columns by rows, each second row shifted by `shift` cells.
Piece piece_at(const Torus& torus, double x, double y, int columns, int rows, double shift,
               std::uint32_t key) {
    const double wide = torus.metres() / columns, high = torus.metres() / rows;
    const std::int64_t row = whole(y / high);
    const double along = x / wide - ((row & 1) != 0 ? shift : 0.0);
    const std::int64_t column = whole(along);
    const float u = static_cast<float>(along - static_cast<double>(column)),
                v = static_cast<float>(y / high - static_cast<double>(row));
    const auto w = static_cast<float>(wide), h = static_cast<float>(high);
    return {torus.bits(Torus::wrap(column, columns), Torus::wrap(row, rows), key), u * w, (1.0f - u) * w,
            v * h, (1.0f - v) * h};
}

// A stretcher is two headers long; in Flemish bond they alternate in each course, a header over the
// middle of a stretcher.
constexpr double stretcher = 0.22, course = 0.075;

Piece flemish(const Torus& torus, double x, double y, int rows) {
    Piece pair = piece_at(torus, x, y, torus.cells(1.5 * stretcher), rows, 0.5, 0x51ed270bu);
    const float at = pair.left, length = pair.left + pair.right, split = length * (2.0f / 3.0f);
    if (at < split) {
        pair.right = split - at;
    } else {
        pair.left = at - split;
        pair.bits = hash32(pair.bits + 1u);
    }
    return pair;
}

Piece english(const Torus& torus, double x, double y, int rows) {
    const int long_ones = torus.cells(stretcher);
    const bool headers = (whole(y / (torus.metres() / rows)) & 1) != 0;
    return piece_at(torus, x, y, headers ? 2 * long_ones : long_ones, rows, 0.5, 0x2f6b1d3fu);
}

FinishSample brick(Finish bond, const Torus& torus, double x, double y) {
    const int rows = torus.cells(course, 2);
    // Arrises are chipped and courses not quite straight.
    const double wx = x + 0.004 * static_cast<double>(torus.noise(x, y, 0.03, 0.03, 0x9e3779b1u));
    const double wy = y + 0.004 * static_cast<double>(torus.noise(x, y, 0.05, 0.03, 0x85ebca6bu));
    const Piece p = bond == Finish::brick_flemish ? flemish(torus, wx, wy, rows)
                    : bond == Finish::brick_english
                        ? english(torus, wx, wy, rows)
                        : piece_at(torus, wx, wy, torus.cells(stretcher), rows, 0.5, 0x1b873593u);
    const float grain = torus.octaves(x, y, 0.05, 0x3c6ef372u), fine = torus.noise(x, y, 0.006, 0.006, 0x71u);
    float tone = 1.0f + 0.30f * (unit(p.bits) - 0.5f) + 0.10f * grain + 0.12f * fine;
    // Some bricks lay next to the fire.
    if ((hash32(p.bits ^ 0x77u) & 31u) == 0) tone *= 0.78f;
    const Tint face = toned(tone, 0.10f * (unit(hash32(p.bits ^ 0x11u)) - 0.5f));
    const float lime = 1.0f + 0.12f * fine + 0.10f * torus.noise(x, y, 0.3, 0.3, 0x33u);
    const Tint mortar{1.22f * lime, 1.48f * lime, 1.60f * lime};
    const float in = smooth(ramp(p.edge(), 0.0035f, 0.0075f));
    const float stands = 0.0015f * (unit(hash32(p.bits ^ 0x29u)) - 0.5f);
    FinishSample s;
    s.colour = blend(mortar, face, in);
    s.relief = mix(-0.006f + 0.001f * fine, stands + 0.0006f * grain + 0.0007f * fine, in);
    s.roughness = mix(0.95f, 0.86f + 0.06f * grain, in);
    s.occlusion = mix(0.72f, 1.0f, in);
    return s;
}

FinishSample plaster(const Torus& torus, double x, double y) {
    const float trowel = torus.octaves(x, y, 0.16, 0x3c6ef372u), fine = torus.octaves(x, y, 0.012, 0x71u);
    FinishSample s;
    s.colour = toned(1.0f + 0.018f * trowel + 0.035f * fine + 0.02f * torus.octaves(x, y, 0.7, 0x1fu),
                     0.006f * trowel);
    s.relief = 0.0009f * trowel + 0.0009f * fine;
    s.roughness = 0.92f;
    s.occlusion = 1.0f + 0.10f * std::min(0.0f, fine);
    return s;
}

// A row of tiles lies on the one below it: highest at its lower rim.
float overlap(float down, float height, float thick) {
    return thick * (1.0f - down / height) * ramp(down, 0.0f, 0.006f);
}

// The next row's rim shades the top of this one.
float under_rim(const Piece& p) { return ramp(p.up, 0.0f, 0.022f); }

FinishSample pantiles(const Torus& torus, double x, double y) {
    const Piece p =
        piece_at(torus, x, y, torus.cells(laid::tile_column), torus.cells(laid::tile_row), 0.0, 0x7f4a7c15u);
    const float wide = p.left + p.right, high = p.down + p.up, u = p.left / wide;
    // A trough for two thirds, then a roll over the neighbour's edge.
    const float roll =
        u < 0.58f ? 0.12f * smooth(std::fabs(2.0f * u / 0.58f - 1.0f))
                  : smooth(1.0f - std::fabs((u - 0.79f) / 0.21f)) + 0.12f * (1.0f - ramp(u, 0.58f, 0.7f));
    const float grain = torus.octaves(x, y, 0.09, 0x3c6ef372u), fine = torus.noise(x, y, 0.007, 0.007, 0x71u);
    const float shade = under_rim(p), gap = ramp(std::min(p.left, p.right), 0.0f, 0.004f);
    FinishSample s;
    s.colour = toned((1.0f + 0.26f * (unit(p.bits) - 0.5f) + 0.09f * grain + 0.07f * fine) *
                         mix(0.55f, 1.0f, shade) * mix(0.75f, 1.0f, gap),
                     0.08f * (unit(hash32(p.bits ^ 0x11u)) - 0.5f));
    s.relief = overlap(p.down, high, 0.018f) + 0.032f * roll + 0.0006f * grain + 0.0004f * fine;
    s.roughness = 0.80f + 0.08f * grain;
    s.occlusion = mix(0.6f, 1.0f, shade) * mix(0.8f, 1.0f, ramp(roll, 0.0f, 0.25f));
    return s;
}

FinishSample plain_tiles(const Torus& torus, double x, double y) {
    const Piece p = piece_at(torus, x, y, torus.cells(0.165), torus.cells(0.1, 2), 0.5, 0x7f4a7c15u);
    const float grain = torus.octaves(x, y, 0.06, 0x3c6ef372u), fine = torus.noise(x, y, 0.006, 0.006, 0x71u);
    const float shade = ramp(p.up, 0.0f, 0.014f),
                gap = smooth(ramp(std::min(p.left, p.right), 0.001f, 0.004f));
    const float tilt = (unit(hash32(p.bits ^ 0x31u)) - 0.5f) * (p.left - p.right) * 0.02f;
    FinishSample s;
    s.colour = toned((1.0f + 0.34f * (unit(p.bits) - 0.5f) + 0.10f * grain + 0.09f * fine) *
                         mix(0.6f, 1.0f, shade) * mix(0.5f, 1.0f, gap),
                     0.12f * (unit(hash32(p.bits ^ 0x11u)) - 0.5f));
    s.relief = overlap(p.down, p.down + p.up, 0.013f) + tilt + 0.0006f * grain - 0.008f * (1.0f - gap);
    s.roughness = 0.85f + 0.06f * grain;
    s.occlusion = mix(0.65f, 1.0f, shade) * mix(0.6f, 1.0f, gap);
    return s;
}

FinishSample slate(const Torus& torus, double x, double y) {
    const double ragged = 0.006 * static_cast<double>(torus.noise(x, y, 0.05, 0.4, 0x85ebca6bu));
    const Piece p = piece_at(torus, x, y + ragged, torus.cells(laid::slate_column),
                             torus.cells(laid::slate_row, 2), 0.5, 0x7f4a7c15u);
    // Split along its bed: terraces a millimetre high.
    const float bed = torus.octaves(x, y, 0.13, 0x3c6ef372u) + 0.3f * unit(hash32(p.bits ^ 0x41u));
    const float step = std::floor(bed * 4.0f) * 0.25f, fine = torus.noise(x, y, 0.02, 0.006, 0x71u);
    const float shade = ramp(p.up, 0.0f, 0.012f),
                gap = smooth(ramp(std::min(p.left, p.right), 0.001f, 0.003f));
    FinishSample s;
    s.colour = toned((1.0f + 0.36f * (unit(p.bits) - 0.5f) + 0.06f * step + 0.09f * fine) *
                         mix(0.6f, 1.0f, shade) * mix(0.55f, 1.0f, gap),
                     0.10f * (unit(hash32(p.bits ^ 0x11u)) - 0.5f));
    s.relief =
        overlap(p.down, p.down + p.up, 0.008f) + 0.0016f * step + 0.0004f * fine - 0.004f * (1.0f - gap);
    s.roughness = 0.62f + 0.12f * fine - 0.08f * step;
    s.occlusion = mix(0.7f, 1.0f, shade) * mix(0.65f, 1.0f, gap);
    return s;
}

FinishSample thatch(const Torus& torus, double x, double y) {
    const double lean = 0.03 * static_cast<double>(torus.noise(x, y, 0.3, 0.25, 0x85ebca6bu));
    const float stalk = torus.noise(x + lean, y, 0.009, 0.22, 0x3c6ef372u);
    const float thin = torus.noise(x + lean, y, 0.005, 0.12, 0x1234567u);
    const float clump = torus.octaves(x + lean, y, 0.22, 0x71u);
    const float ends = torus.noise(x, y, 0.012, 0.012, 0x99u);
    FinishSample s;
    s.colour = toned(1.0f + 0.55f * stalk + 0.40f * thin + 0.10f * clump + 0.20f * ends, 0.08f * stalk);
    s.relief = 0.008f * stalk + 0.004f * thin + 0.010f * clump + 0.003f * ends;
    s.roughness = 0.97f;
    s.occlusion = std::clamp(0.92f + 0.5f * std::min(0.0f, stalk + thin), 0.5f, 1.0f);
    return s;
}

FinishSample metal_seam(const Torus& torus, double x, double y) {
    const int sheets = torus.cells(laid::metal_sheet);
    const double shift = 0.5 * torus.metres() / sheets;  // so that no seam lies on the border
    const Piece p = piece_at(torus, x + shift, y, sheets, 1, 0.0, 0x7f4a7c15u);
    const float seam = 1.0f - smooth(ramp(std::min(p.left, p.right), 0.004f, 0.011f));
    const float dent = torus.noise(x, y, 0.35, 0.6, 0x3c6ef372u);
    const float runs = torus.noise(x, y, 0.03, 0.9, 0x71u), fine = torus.noise(x, y, 0.01, 0.01, 0x99u);
    FinishSample s;
    s.colour =
        toned((1.0f + 0.07f * (unit(p.bits) - 0.5f) + 0.05f * runs + 0.02f * fine) * mix(1.0f, 1.06f, seam) *
                  mix(1.0f, 0.9f, ramp(std::min(p.left, p.right), 0.011f, 0.02f) < 0.5f && seam < 0.5f),
              0.01f * runs);
    s.relief = 0.022f * seam + 0.0022f * dent;
    s.roughness = 0.42f + 0.10f * runs + 0.05f * fine;
    // Coated or weathered sheet: half of what it sends back keeps the light's colour.
    s.metallic = 0.4f;
    s.occlusion = mix(1.0f, 0.85f, ramp(0.018f - std::min(p.left, p.right), 0.0f, 0.008f) * (1.0f - seam));
    return s;
}

// Pores that air left in the mould: at most one a cell of 4 cm.
float pores(const Torus& torus, double x, double y) {
    const int n = torus.cells(0.04);
    const double step = torus.metres() / n;
    float deepest = 0.0f;
    for (int dj = -1; dj <= 1; ++dj) {
        for (int di = -1; di <= 1; ++di) {
            const std::int64_t i = whole(x / step) + di, j = whole(y / step) + dj;
            const std::uint32_t bits = torus.bits(Torus::wrap(i, n), Torus::wrap(j, n), 0x632be5abu);
            if ((bits & 3u) != 0) continue;
            const double px = (static_cast<double>(i) + static_cast<double>(unit(hash32(bits)))) * step,
                         py =
                             (static_cast<double>(j) + static_cast<double>(unit(hash32(bits ^ 0x5u)))) * step;
            const float radius = 0.0015f + 0.004f * unit(hash32(bits ^ 0x9u)) * unit(hash32(bits ^ 0x13u));
            const auto away = static_cast<float>(std::sqrt((x - px) * (x - px) + (y - py) * (y - py)));
            deepest = std::max(deepest, 1.0f - smooth(ramp(away, 0.5f * radius, radius)));
        }
    }
    return deepest;
}

FinishSample concrete(const Torus& torus, double x, double y) {
    const float cloud = torus.octaves(x, y, 0.45, 0x3c6ef372u), fine = torus.octaves(x, y, 0.015, 0x71u);
    const float pore = pores(torus, x, y);
    FinishSample s;
    s.colour = toned((1.0f + 0.07f * cloud + 0.05f * fine) * mix(1.0f, 0.62f, pore), 0.01f * cloud);
    s.relief = 0.0004f * cloud + 0.0004f * fine - 0.003f * pore;
    s.roughness = 0.86f + 0.05f * fine;
    s.occlusion = mix(1.0f, 0.6f, pore);
    return s;
}

FinishSample concrete_boards(const Torus& torus, double x, double y) {
    FinishSample s = concrete(torus, x, y);
    const Piece p = piece_at(torus, x, y, 1, torus.cells(laid::board), 0.0, 0x7f4a7c15u);
    const auto turn = static_cast<double>(unit(hash32(p.bits ^ 0x17u))) * torus.metres();
    const float grain = torus.noise(x + turn, y, 0.5, 0.006, 0x2545f491u) +
                        0.6f * torus.noise(x + turn, y, 0.25, 0.0035, 0x27d4eb2fu);
    const float joint = 1.0f - smooth(ramp(std::min(p.down, p.up), 0.001f, 0.004f));
    const float tone = (1.0f + 0.13f * (unit(p.bits) - 0.5f) + 0.10f * grain) * mix(1.0f, 0.78f, joint);
    for (float& c : s.colour) c *= tone;
    s.relief += 0.0022f * (unit(hash32(p.bits ^ 0x23u)) - 0.5f) + 0.0012f * grain + 0.0022f * joint;
    return s;
}

FinishSample concrete_panels(const Torus& torus, double x, double y) {
    FinishSample s = concrete(torus, x, y);
    const int n = torus.cells(1.0);
    const double shift = 0.5 * torus.metres() / n;
    const Piece p = piece_at(torus, x + shift, y + shift, n, n, 0.0, 0x7f4a7c15u);
    const float joint = 1.0f - smooth(ramp(p.edge(), 0.005f, 0.009f));
    const auto side = static_cast<float>(torus.metres() / n);
    // Holes of the ties that held the mould.
    const float hx = std::min(p.left, p.right) - 0.25f * side, hy = std::min(p.down, p.up) - 0.25f * side;
    const float hole = 1.0f - smooth(ramp(std::sqrt(hx * hx + hy * hy), 0.010f, 0.014f));
    const float deep = std::max(joint, hole),
                tone = (1.0f + 0.10f * (unit(p.bits) - 0.5f)) * mix(1.0f, 0.5f, deep);
    for (float& c : s.colour) c *= tone;
    s.relief -= 0.012f * deep;
    s.occlusion *= mix(1.0f, 0.5f, deep);
    return s;
}

FinishSample wood(const Torus& torus, double x, double y) {
    const int rows = torus.cells(laid::board);
    const Piece row = piece_at(torus, x, y, 1, rows, 0.0, 0x7f4a7c15u);
    // Two lengths go round in each row; where they meet is the row's own affair.
    const auto start = static_cast<double>(unit(row.bits)) * torus.metres();
    const double along = x + start - (x + start >= torus.metres() ? torus.metres() : 0.0);
    const double split = (0.35 + 0.3 * static_cast<double>(unit(hash32(row.bits ^ 0x3u)))) * torus.metres();
    const bool second = along >= split;
    const std::uint32_t bits = hash32(row.bits, second ? 2u : 1u);
    const auto butt =
        static_cast<float>(std::min(std::min(along, torus.metres() - along), std::fabs(along - split)));
    const auto turn = static_cast<double>(unit(hash32(bits ^ 0x17u))) * torus.metres();
    const float wave = torus.noise(x + turn, y, 0.35, 0.05, 0x1fu);
    const double bent = y + 0.02 * static_cast<double>(wave);
    const float grain = torus.noise(x + turn, bent, 0.6, 0.007, 0x2545f491u) +
                        0.6f * torus.noise(x + turn, bent, 0.3, 0.0035, 0x27d4eb2fu);
    const float gap = smooth(ramp(butt, 0.0008f, 0.003f)), shade = ramp(row.up, 0.0f, 0.009f);
    FinishSample s;
    s.colour = toned((1.0f + 0.22f * (unit(bits) - 0.5f) + 0.20f * grain + 0.06f * wave) *
                         mix(0.55f, 1.0f, shade) * mix(0.5f, 1.0f, gap),
                     0.05f * grain + 0.05f * (unit(hash32(bits ^ 0x11u)) - 0.5f));
    s.relief = overlap(row.down, row.down + row.up, 0.011f) + 0.0005f * grain - 0.004f * (1.0f - gap);
    s.roughness = 0.78f + 0.10f * grain;
    s.occlusion = mix(0.65f, 1.0f, shade) * mix(0.6f, 1.0f, gap);
    return s;
}

FinishSample glass(const Torus& torus, double x, double y) {
    const float wave = torus.octaves(x, y, 0.8, 0x3c6ef372u), dust = torus.octaves(x, y, 0.25, 0x71u);
    FinishSample s;
    s.colour = toned(1.0f + 0.05f * wave + 0.02f * dust, 0.0f);
    s.relief = 0.0012f * wave;
    s.roughness = 0.07f + 0.04f * std::max(0.0f, dust);
    return s;
}

FinishSample paving(const Torus& torus, double x, double y) {
    const int n = torus.cells(laid::slab);
    const double shift = 0.5 * torus.metres() / n;
    const Piece p = piece_at(torus, x + shift, y + shift, n, n, 0.0, 0x7f4a7c15u);
    const float cloud = torus.octaves(x, y, 0.25, 0x3c6ef372u), fine = torus.noise(x, y, 0.005, 0.005, 0x71u);
    const float in = smooth(ramp(p.edge(), 0.0025f, 0.007f));
    FinishSample s;
    s.colour =
        toned((1.0f + 0.14f * (unit(p.bits) - 0.5f) + 0.06f * cloud + 0.16f * fine) * mix(0.5f, 1.0f, in),
              0.03f * (unit(hash32(p.bits ^ 0x11u)) - 0.5f));
    s.relief = mix(-0.006f, 0.002f * (unit(hash32(p.bits ^ 0x29u)) - 0.5f), in) + 0.0006f * fine;
    s.roughness = 0.88f;
    s.occlusion = mix(0.6f, 1.0f, in);
    return s;
}

FinishSample gravel(const Torus& torus, double x, double y) {
    const int n = torus.cells(0.028);
    const double step = torus.metres() / n;
    double nearest = 9.0, second = 9.0;
    std::uint32_t stone = 0;
    for (int dj = -1; dj <= 1; ++dj) {
        for (int di = -1; di <= 1; ++di) {
            const std::int64_t i = whole(x / step) + di, j = whole(y / step) + dj;
            const std::uint32_t bits = torus.bits(Torus::wrap(i, n), Torus::wrap(j, n), 0x632be5abu);
            const double dx = static_cast<double>(i) + static_cast<double>(unit(hash32(bits))) - x / step,
                         dy = static_cast<double>(j) + static_cast<double>(unit(hash32(bits ^ 0x5u))) -
                              y / step;
            const double away = std::sqrt(dx * dx + dy * dy);
            if (away < nearest) {
                second = nearest;
                nearest = away;
                stone = bits;
            } else if (away < second) {
                second = away;
            }
        }
    }
    const float in = smooth(ramp(static_cast<float>(second - nearest), 0.02f, 0.35f));
    const float fine = torus.noise(x, y, 0.006, 0.006, 0x71u);
    FinishSample s;
    s.colour =
        toned((1.0f + 0.5f * (unit(hash32(stone ^ 0x7u)) - 0.5f) + 0.12f * fine) * mix(0.45f, 1.0f, in),
              0.10f * (unit(hash32(stone ^ 0x11u)) - 0.5f));
    s.relief = 0.011f * in + 0.006f * unit(hash32(stone ^ 0x19u)) * in;
    s.roughness = 0.92f;
    s.occlusion = mix(0.45f, 1.0f, in);
    return s;
}

FinishSample membrane(const Torus& torus, double x, double y) {
    const int strips = torus.cells(laid::membrane_strip);
    const double shift = 0.5 * torus.metres() / strips;
    const Piece p = piece_at(torus, x + shift, y, strips, 1, 0.0, 0x7f4a7c15u);
    const float wave = torus.octaves(x, y, 0.5, 0x3c6ef372u), fine = torus.noise(x, y, 0.0045, 0.0045, 0x71u);
    const float lap = ramp(p.left, 0.0f, 0.003f) * (1.0f - ramp(p.left, 0.08f, 0.12f));
    FinishSample s;
    s.colour = toned((1.0f + 0.06f * (unit(p.bits) - 0.5f) + 0.07f * wave + 0.26f * fine) *
                         (p.left < 0.006f ? 0.72f : 1.0f - 0.05f * lap),
                     0.01f * wave);
    s.relief = 0.004f * lap + 0.0015f * wave + 0.0005f * fine;
    s.roughness = 0.9f;
    return s;
}

}  // namespace

FinishSample look_at_finish(Finish finish, const Torus& torus, double x, double y) {
    switch (finish) {
        case Finish::brick_stretcher:
        case Finish::brick_english:
        case Finish::brick_flemish:
            return brick(finish, torus, x, y);
        case Finish::plaster:
            return plaster(torus, x, y);
        case Finish::pantiles:
            return pantiles(torus, x, y);
        case Finish::plain_tiles:
            return plain_tiles(torus, x, y);
        case Finish::slate:
            return slate(torus, x, y);
        case Finish::thatch:
            return thatch(torus, x, y);
        case Finish::metal_seam:
            return metal_seam(torus, x, y);
        case Finish::concrete:
            return concrete(torus, x, y);
        case Finish::concrete_boards:
            return concrete_boards(torus, x, y);
        case Finish::concrete_panels:
            return concrete_panels(torus, x, y);
        case Finish::wood:
            return wood(torus, x, y);
        case Finish::glass:
            return glass(torus, x, y);
        case Finish::paving:
            return paving(torus, x, y);
        case Finish::gravel:
            return gravel(torus, x, y);
        case Finish::membrane:
            return membrane(torus, x, y);
    }
    return {};
}

}  // namespace geovision
