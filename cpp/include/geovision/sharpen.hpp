// What a smeared height raster says of the surfaces under it, where it is known along which lines they may
// break: deconvolution with a prior for planes.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace geovision {

struct SharpenOptions {
    double spread = 1;         // standard deviation of the smear, in fine cells
    double noise = 0.1;        // metres; standard deviation of a cell
    double bend_nats = 0.1;    // price of a second difference, per metre
    double least_bend = 0.03;  // metres; second differences below it are as good as none
    int rounds = 5;            // of reweighting
    int steps = 40;            // of conjugate gradients in a round
};

// One patch: `rows` x `columns` cells, NaN where nothing was measured, and the labels of fine cells, of which
// `fine` x `fine` lie in a cell: [rows * fine][columns * fine].
struct SharpenPatch {
    const double* heights = nullptr;
    const std::int32_t* labels = nullptr;
    std::int64_t rows = 0, columns = 0;
    int fine = 1;
};

// Fills out[rows * fine][columns * fine] with the heights whose smeared values come nearest to the cells
// while second differences inside a label, taken by their absolute value, sum to little: planes and ridges
// are free of a price or nearly so, and across labels nothing is assumed. A minimum of
//
//     sum over cells (smeared height - cell)^2 / (2 noise^2)  +  bend_nats * sum of |second differences|
//
// is approached by iteratively reweighted least squares, each solved by conjugate gradients; work is bounded
// by counts. Fine cells that no measured cell reaches follow their label's neighbours. False when cancelled.
// Preconditions: rows, columns, fine >= 1; spread, noise, least_bend > 0.
bool sharpen(const SharpenPatch& patch, const SharpenOptions& options, const std::atomic<bool>* cancel,
             double* out);

}  // namespace geovision
