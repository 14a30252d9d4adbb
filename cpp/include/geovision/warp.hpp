// Resampling of rasters along a coarse grid of coordinates: the inner loop of every read that has to cross
// from one grid or CRS to another.
#pragma once

#include <atomic>
#include <cstdint>

namespace geovision {

enum class Resampling : std::uint8_t {
    // The source pixel that holds the centre of the output pixel.
    nearest = 0,
    // A triangle filter as wide as two pixels of the source or of the output, whichever is larger: bilinear
    // where the output is finer, free of aliasing where it is coarser.
    bilinear = 1,
};

// Where output pixels lie in the source. Nodes stand at every `step`-th pixel corner of the output's endless
// grid; between them coordinates are interpolated bilinearly. The place of a pixel depends on its number in
// that grid and on the four nodes round it, never on the window, so any two windows agree to the bit.
struct WarpGrid {
    const double* nodes;  // [rows][columns][2]: x to the right and y down in pixels of the whole source
    std::int64_t rows, columns;
    std::int64_t step;          // output pixels between nodes
    std::int64_t first_column;  // of output pixel (0, 0), counted from node (0, 0); 0 <= it < step
    std::int64_t first_row;
};

// A cut of the source: `bands` planes of height x width pixels whose first pixel is (left, top) of the
// whole. valid: 1 where a pixel has data, null where all have.
template <class T>
struct WarpSource {
    const T* data;
    const std::uint8_t* valid;
    std::int64_t bands, height, width;
    std::int64_t left, top;
};

// Fills out[bands][height][width] and out_valid[height][width]. An output pixel is valid where the source
// pixel under its centre is in the cut and valid; invalid neighbours take no part in its value. Invalid
// pixels come out as 0. scale_x, scale_y: source pixels per output pixel. The cut must reach
// max(1, scale) pixels beyond the coordinates that are asked for wherever the source itself does, or values
// near its border differ. Returns the number of valid pixels, or -1 when cancelled.
// Precondition: the nodes reach round every pixel of the output. Not finite nodes give invalid pixels.
template <class T>
std::int64_t warp(const WarpSource<T>& source, const WarpGrid& grid, Resampling method, double scale_x,
                  double scale_y, std::int64_t height, std::int64_t width, T* out, std::uint8_t* out_valid,
                  int threads, const std::atomic<bool>* cancel);

}  // namespace geovision
