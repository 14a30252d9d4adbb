// Packed buffers made small: positions, normals, feature ids and indices in the bitstream of
// EXT_meshopt_compression, quantised as KHR_mesh_quantization allows. Nothing is reordered between buildings,
// so feature ids stay aligned with their table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "geovision/pack.hpp"

namespace geovision {

// One buffer view: where its bytes lie, and where they would lie once decoded.
struct CompressedView {
    std::size_t offset = 0, bytes = 0;           // in CompressedPack::bytes
    std::size_t decoded_offset = 0, stride = 0;  // in a buffer of CompressedPack::decoded_bytes
    std::size_t count = 0;                       // elements; indices for an index view
};

struct CompressedPack {
    std::vector<std::uint8_t> bytes;  // every view begins at a multiple of 4
    std::size_t decoded_bytes = 0;
    CompressedView position;  // float32 x 3, filter EXPONENTIAL
    CompressedView normal;    // int8 x 3 normalised, and a byte of padding
    CompressedView feature;   // uint16 and two bytes of padding, or float32 where `wide_features`
    bool wide_features = false;
    // Of the groups with a texture: uint16 x 2 normalised, or float32 x 2 with filter EXPONENTIAL where it
    // repeats.
    CompressedView uv;
    bool repeats = false;
    CompressedView tangent;                         // int8 x 4 normalised, beside uv where it repeats
    CompressedView colour;                          // uint16 x 3 normalised, and two bytes of padding
    std::array<CompressedView, pack_groups> index;  // of the groups that have triangles
};

// Compresses what fill_pack wrote to `filled` with options.step = 2^step_exponent.
// Positions must be within 2^23 steps of the origin. `repeats`: texture coordinates are not within 0 and 1,
// and are kept to 2^-10 of a piece, or 2^-13 where some are those of a `photo`.
CompressedPack compress_pack(const PackPlan& plan, const std::uint8_t* filled, std::int64_t buildings,
                             int step_exponent, bool repeats = false, bool photo = false);

}  // namespace geovision
