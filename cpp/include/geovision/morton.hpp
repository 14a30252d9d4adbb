// Morton's curve: numbers of cells whose order keeps neighbours together, and squares of cells whole.
#pragma once

#include <cstdint>

namespace geovision {

// Bits of a 24-bit number, spread to every second place.
inline std::uint64_t spread_bits(std::uint64_t v) {
    v &= 0xFFFFFF;
    v = (v | v << 16) & 0x0000FFFF0000FFFF;
    v = (v | v << 8) & 0x00FF00FF00FF00FF;
    v = (v | v << 4) & 0x0F0F0F0F0F0F0F0F;
    v = (v | v << 2) & 0x3333333333333333;
    return (v | v << 1) & 0x5555555555555555;
}

// Place of a cell on the curve; its numbers have 24 bits.
inline std::uint64_t morton(std::uint64_t x, std::uint64_t y) { return spread_bits(x) | spread_bits(y) << 1; }

}  // namespace geovision
