#include "geovision/noise.hpp"

namespace geovision {
namespace {

NoiseTable make_table() {
    NoiseTable table{};
    for (std::uint32_t i = 0; i < 256 * 256; ++i) table.value[i] = static_cast<std::uint8_t>(hash32(i) >> 24);
    return table;
}

}  // namespace

const NoiseTable noise_table = make_table();

}  // namespace geovision
