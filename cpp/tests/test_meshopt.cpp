// meshopt: streams whose bytes follow from the specification by hand, and the refusal of what it lacks.
// That streams decode to what went in is tested from Python, with decoders that share no code with this.
#include "geovision/meshopt.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include "testing.hpp"

using namespace geovision;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes attributes(const Bytes& data, std::size_t stride) {
    Bytes out;
    encode_attributes(data.data(), data.size() / stride, stride, out);
    return out;
}

Bytes triangles(const std::vector<std::uint32_t>& indices) {
    Bytes out;
    encode_triangles(reinterpret_cast<const std::uint8_t*>(indices.data()), indices.size(), 4, out);
    return out;
}

template <class Call>
bool refused(Call call) {
    try {
        call();
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void the_example_of_the_specification() {
    // Deltas -1 -4 -3 26 -91 0 -6 6 -4 -4 5 -5 1 -1 0 0, in 4 bits with two whole bytes behind. The first
    // element is its own baseline here, so its delta is 0 and stands for -1.
    const int deltas[16] = {0, -4, -3, 26, -91, 0, -6, 6, -4, -4, 5, -5, 1, -1, 0, 0};
    Bytes data;
    int value = 100;
    for (const int delta : deltas) {
        value += delta;
        data.insert(data.end(), {static_cast<std::uint8_t>(value), 0, 0, 0});
    }
    const Bytes out = attributes(data, 4);
    const Bytes wanted = {0xa0, 0x02, 0x07, 0x5f, 0xf0, 0xbc, 0x77, 0xa9, 0x21, 0x00, 0x34, 0xb5, 0, 0, 0};
    CHECK(out.size() == wanted.size() + 32);
    CHECK(std::equal(wanted.begin(), wanted.end(), out.begin()));
    CHECK(out[out.size() - 4] == 100);
}

void fans_and_strips_take_a_byte_a_triangle() {
    const Bytes out = triangles({0, 1, 2, 0, 2, 3, 4, 5, 6});
    CHECK(out.size() == 1 + 3 + 16);
    CHECK(out[0] == 0xe1);
    CHECK(out[1] == 0xf0);  // three new vertices
    CHECK(out[2] == 0x00);  // behind the latest edge, a new vertex
    CHECK(out[3] == 0xf0);
}

void any_indices_can_be_encoded() {
    std::mt19937 random(4);
    for (const std::uint32_t top : {2u, 9u, 400u, 100000u, 4294967295u}) {
        std::vector<std::uint32_t> indices(3000);
        for (auto& i : indices) i = static_cast<std::uint32_t>(random()) % top;
        const Bytes out = triangles(indices);
        CHECK(out.size() >= 1 + 1000 + 16);
        CHECK(out.size() <= 1 + 1000 * 17 + 16);
    }
    CHECK(triangles({}).size() == 17);
}

void attributes_of_any_size_can_be_encoded() {
    std::mt19937 random(5);
    for (std::size_t stride = 4; stride <= 256; stride += 36) {
        for (const std::size_t count : {0u, 1u, 16u, 17u, 256u, 300u}) {
            Bytes data(count * stride);
            for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
            const Bytes out = attributes(data, stride);
            CHECK(out.size() >= 1 + std::max<std::size_t>(32, stride));
            CHECK(std::equal(data.begin(), data.begin() + std::ptrdiff_t(count ? stride : 0),
                             out.end() - std::ptrdiff_t(stride)));
        }
    }
}

void exponential_words_are_exact() {
    for (const float value : {0.0f, 0.5f, -0.00390625f, 1234.25f, -16384.0f}) {
        const std::uint32_t word = ExponentialFilter(-8)(value);
        const auto exponent = static_cast<std::int8_t>(word >> 24);
        const auto mantissa = static_cast<std::int32_t>(word << 8) >> 8;
        CHECK(exponent == -8);
        CHECK(std::ldexp(float(mantissa), exponent) == value);
    }
}

void what_the_format_lacks_is_refused() {
    Bytes out;
    const std::uint8_t data[520] = {};
    for (const std::size_t stride : {0u, 3u, 260u})
        CHECK(refused([&] { encode_attributes(data, 1, stride, out); }));
    CHECK(refused([&] { encode_triangles(data, 4, 4, out); }));
    CHECK(refused([&] { encode_triangles(data, 3, 3, out); }));
}

}  // namespace

int main() {
    the_example_of_the_specification();
    fans_and_strips_take_a_byte_a_triangle();
    any_indices_can_be_encoded();
    attributes_of_any_size_can_be_encoded();
    exponential_words_are_exact();
    what_the_format_lacks_is_refused();
    return TEST_RESULT();
}
