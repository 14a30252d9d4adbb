// The first layers of the scene network, which have nothing to learn, as one pass over its raw input: every
// channel brought to about -2..2, and of the image's brightness and of the heights the gradient and its
// direction. The same as `NormaliseInput` and `EdgeInput` of geovision/vision/nets/layers.py.
#pragma once

#include <atomic>
#include <cstdint>

namespace geovision {

// Raw channels: red, green, blue, near infrared, height, three hints, then the validity of image, near
// infrared, height and each hint.
constexpr int kRawChannels = 14;
// Normalised bands (4), height twice, hints (3), validities (6), edges of image and heights (4 each), and the
// height in metres as it is.
constexpr int kSceneFeatures = 24;

struct FeatureRules {
    float byte_mean, byte_spread;  // of bytes, as shares of 255
    float coarse_m, fine_m;        // heights, twice
    float grey_half, slope_half;   // gradients a pixel that come out at 0.7
};

// x: [rows][columns][kRawChannels]; out: [kSceneFeatures][rows][columns]. Returns false when cancelled.
bool scene_features(const float* x, std::int64_t rows, std::int64_t columns, const FeatureRules& rules,
                    int threads, const std::atomic<bool>* cancel, float* out);

}  // namespace geovision
