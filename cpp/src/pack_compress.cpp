#include "geovision/pack_compress.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "geovision/meshopt.hpp"

namespace geovision {
namespace {

constexpr std::int64_t short_features = 65536;  // what a uint16 counts
constexpr int uv_exponent = -10;                // 2 mm of a picture of 2 m
constexpr int photo_exponent = -13;             // a quarter of a pixel of one with 2048

template <class T>
T load(const std::uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

void align_to_word(std::vector<std::uint8_t>& bytes) { bytes.resize((bytes.size() + 3) / 4 * 4, 0); }

// `count` floats as multiples of 2^exponent.
std::vector<std::uint32_t> stepped_words(const std::uint8_t* floats, std::size_t count, int exponent) {
    std::vector<std::uint32_t> words(count);
    const ExponentialFilter filter(exponent);
    for (std::size_t i = 0; i < count; ++i) words[i] = filter(load<float>(floats + 4 * i));
    return words;
}

// Four uint16 an element, as they are.
std::vector<std::uint32_t> colour_words(const std::uint8_t* colour, std::size_t count) {
    std::vector<std::uint32_t> words(2 * count);
    std::memcpy(words.data(), colour, 8 * count);
    return words;
}

// `width` floats from -1 to 1 an element, as bytes.
std::vector<std::uint32_t> signed_words(const std::uint8_t* floats, std::size_t count, std::size_t width) {
    std::vector<std::uint32_t> words(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t word = 0;
        for (std::size_t k = 0; k < width; ++k) {
            const float value = load<float>(floats + 4 * (width * i + k));
            const auto step = static_cast<std::int8_t>(std::nearbyint(127.0f * value));
            word |= std::uint32_t{static_cast<std::uint8_t>(step)} << (8 * k);
        }
        words[i] = word;
    }
    return words;
}

std::vector<std::uint32_t> feature_words(const std::uint8_t* feature, std::size_t count, bool wide) {
    std::vector<std::uint32_t> words(count);
    for (std::size_t i = 0; i < count; ++i) {
        words[i] = wide ? load<std::uint32_t>(feature + 4 * i)
                        : static_cast<std::uint32_t>(load<float>(feature + 4 * i));
    }
    return words;
}

// As normalised 16 bit: a fraction of a pixel in any picture.
std::vector<std::uint32_t> uv_words(const std::uint8_t* uv, std::size_t count) {
    const auto step = [](float value) {
        const float whole = std::nearbyint(65535.0f * std::min(std::max(value, 0.0f), 1.0f));
        return static_cast<std::uint32_t>(whole);
    };
    std::vector<std::uint32_t> words(count);
    for (std::size_t i = 0; i < count; ++i)
        words[i] = step(load<float>(uv + 8 * i)) | step(load<float>(uv + 8 * i + 4)) << 16;
    return words;
}

// Appends views one after another, and keeps account of where they lie.
class Packer {
public:
    explicit Packer(CompressedPack& pack) : pack_(pack) {}

    CompressedView attributes(const std::vector<std::uint32_t>& words, std::size_t count,
                              std::size_t stride) {
        return view(count, stride, [&] {
            encode_attributes(reinterpret_cast<const std::uint8_t*>(words.data()), count, stride,
                              pack_.bytes);
        });
    }

    CompressedView triangles(const std::uint8_t* indices, std::size_t count, int width) {
        return view(count, static_cast<std::size_t>(width),
                    [&] { encode_triangles(indices, count, width, pack_.bytes); });
    }

private:
    template <class Encode>
    CompressedView view(std::size_t count, std::size_t stride, Encode encode) {
        CompressedView result;
        result.offset = pack_.bytes.size();
        encode();
        result.bytes = pack_.bytes.size() - result.offset;
        align_to_word(pack_.bytes);
        result.decoded_offset = pack_.decoded_bytes;
        result.stride = stride;
        result.count = count;
        pack_.decoded_bytes += (count * stride + 3) / 4 * 4;
        return result;
    }

    CompressedPack& pack_;
};

}  // namespace

CompressedPack compress_pack(const PackPlan& plan, const std::uint8_t* filled, std::int64_t buildings,
                             int step_exponent, bool repeats, bool photo) {
    CompressedPack pack;
    const auto count = static_cast<std::size_t>(plan.vertices);
    if (count == 0) return pack;
    // Roofs and walls take about a fifth of their plain size.
    pack.bytes.reserve(plan.bytes / 4);
    Packer packer(pack);
    pack.position =
        packer.attributes(stepped_words(filled + plan.position_offset, 3 * count, step_exponent), count, 12);
    pack.normal = packer.attributes(signed_words(filled + plan.normal_offset, count, 3), count, 4);
    pack.wide_features = buildings > short_features;
    pack.feature =
        packer.attributes(feature_words(filled + plan.feature_offset, count, pack.wide_features), count, 4);
    const auto textured = static_cast<std::size_t>(plan.uv_vertices);
    pack.repeats = repeats;
    if (textured > 0 && repeats) {
        const std::size_t numbers = 2 * textured;
        const int exponent = photo ? photo_exponent : uv_exponent;
        pack.uv = packer.attributes(stepped_words(filled + plan.uv_offset, numbers, exponent), textured, 8);
        pack.tangent =
            packer.attributes(signed_words(filled + plan.tangent_offset, textured, 4), textured, 4);
    } else if (textured > 0) {
        pack.uv = packer.attributes(uv_words(filled + plan.uv_offset, textured), textured, 4);
    }
    if (plan.coloured)
        pack.colour = packer.attributes(colour_words(filled + plan.colour_offset, count), count, 8);
    for (std::size_t g = 0; g < pack_groups; ++g) {
        const PackGroup& group = plan.groups[g];
        if (group.triangles == 0) continue;
        pack.index[g] = packer.triangles(filled + group.index_offset,
                                         3 * static_cast<std::size_t>(group.triangles), group.index_bytes);
    }
    return pack;
}

}  // namespace geovision
