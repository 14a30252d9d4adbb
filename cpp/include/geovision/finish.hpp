// Finishes: what a square piece of wall or roof looks like close by, drawn so that it repeats without a seam.
//
// A finish is a material and the way in which it is laid: brick in Flemish bond, slates, boards. The piece is
// `metres` wide and high and holds whole bricks, tiles or boards: as many as come nearest to their true
// size.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace geovision {

// geovision/mesh/textures.py holds the same table.
enum class Finish : std::uint8_t {
    brick_stretcher = 0,
    brick_english = 1,
    brick_flemish = 2,
    plaster = 3,
    pantiles = 4,
    plain_tiles = 5,
    slate = 6,
    thatch = 7,
    metal_seam = 8,
    concrete = 9,
    concrete_boards = 10,
    concrete_panels = 11,
    wood = 12,
    glass = 13,
    paving = 14,
    gravel = 15,
    membrane = 16,
};
constexpr int finish_count = 17;

struct FinishOptions {
    Finish finish = Finish::plaster;
    double metres = 2.0;      // side of the piece
    std::int32_t size = 512;  // pixels of a side
    std::uint32_t seed = 0;
    int threads = 1;                            // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;  // polled once a band of rows; may be null
};

// Row by row from the top (the high end of a wall, the ridge's side of a roof), size * size places.
struct FinishMaps {
    std::vector<float> colour;     // three a place: linear factors on the material's own colour, mean near 1
    std::vector<float> relief;     // metres in front of the surface
    std::vector<float> roughness;  // 0 to 1, as glTF has it
    std::vector<float> metallic;
    std::vector<float> occlusion;  // 1 where all the sky is seen
};

constexpr std::int32_t max_finish_size = 8192;

// A pixel is the mean over its square of a pattern that does not depend on `size`: sampled at least every
// 2 mm, up to 16 times across a pixel. So half the size is the picture of the full one made smaller, and the
// left border goes on at the right, the top at the bottom.
// Throws std::invalid_argument for a size outside 1 .. max_finish_size or a side outside 5 cm .. 100 m.
// Returns false when cancelled.
bool draw_finish(const FinishOptions& options, FinishMaps& maps);

}  // namespace geovision
