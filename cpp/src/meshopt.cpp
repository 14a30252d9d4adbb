#include "geovision/meshopt.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace geovision {
namespace {

constexpr std::size_t group_size = 16;
constexpr std::size_t tail_size = 32;
constexpr std::size_t block_limit = 256;
using Group = const std::uint8_t*;

std::uint8_t zigzag(std::uint8_t v) {
    return static_cast<std::uint8_t>((v & 0x80) != 0 ? ~(v << 1) : v << 1);
}

// A group with deltas of `bits`, those that do not fit as whole bytes behind.
void put_sentinels(Group group, int bits, std::vector<std::uint8_t>& out) {
    const std::uint8_t sentinel = static_cast<std::uint8_t>((1 << bits) - 1);
    std::uint8_t bytes[8 + group_size];
    std::size_t size = 0, extra = group_size * static_cast<std::size_t>(bits) / 8;
    const std::size_t per_byte = static_cast<std::size_t>(8 / bits);
    for (std::size_t i = 0; i < group_size; i += per_byte) {
        unsigned packed = 0;
        for (std::size_t k = 0; k < per_byte; ++k) {
            const std::uint8_t delta = group[i + k];
            packed = packed << bits | std::min(delta, sentinel);
            if (delta >= sentinel) bytes[extra++] = delta;
        }
        bytes[size++] = static_cast<std::uint8_t>(packed);
    }
    out.insert(out.end(), bytes, bytes + extra);
}

// The shortest of the four encodings of a group: 0, 2, 4 or 8 bits, numbered 0 to 3.
unsigned shortest(Group group) {
    std::size_t some = 0, over2 = 0, over4 = 0;
    for (std::size_t i = 0; i < group_size; ++i) {
        some |= group[i];
        over2 += group[i] >= 3;
        over4 += group[i] >= 15;
    }
    if (some == 0) return 0;
    const std::size_t two = 4 + over2, four = 8 + over4;
    if (two <= four) return two < group_size ? 1 : 3;
    return four < group_size ? 2 : 3;
}

// One byte of every element of a block.
void put_bytes(Group deltas, std::size_t groups, std::vector<std::uint8_t>& out) {
    const std::size_t header = out.size();
    out.resize(header + (groups + 3) / 4, 0);
    for (std::size_t g = 0; g < groups; ++g) {
        const Group group = deltas + group_size * g;
        const unsigned mode = shortest(group);
        out[header + g / 4] = static_cast<std::uint8_t>(out[header + g / 4] | mode << (2 * (g % 4)));
        if (mode == 3) {
            out.insert(out.end(), group, group + group_size);
        } else if (mode > 0) {
            put_sentinels(group, mode == 1 ? 2 : 4, out);
        }
    }
}

// The state that the decoder of mode TRIANGLES has, kept in step with it.
class TriangleEncoder {
public:
    explicit TriangleEncoder(std::vector<std::uint8_t>& out) : out_(out) {}

    void put(std::array<std::uint32_t, 3> t) {
        // The first triangle of a flat-shaded face: three new vertices have no edge that is known.
        const bool fresh = t[0] == next_ && t[1] == next_ + 1 && t[2] == next_ + 2;
        if (!fresh && put_behind_known(t)) return;
        for (int turn = 0; turn < 2 && t[0] != next_; ++turn) std::rotate(t.begin(), t.begin() + 1, t.end());
        put_free(t[0], t[1], t[2]);
    }

    // Behind the codes stand the data, and the table of the commonest pairs of corners.
    void finish() {
        out_.insert(out_.end(), data_.begin(), data_.end());
        out_.insert(out_.end(), table.begin(), table.end());
    }

private:
    static constexpr unsigned none = 255;
    static constexpr unsigned explicit_index = 15;
    // Second and third corner of a triangle without a known edge, as nibbles: 0 is a new vertex, n the one
    // n - 1 places back. What fans and strips of roofs and walls leave most often; the last two must be 0.
    static constexpr std::array<std::uint8_t, 16> table{0x00, 0x76, 0x87, 0x56, 0x67, 0x78, 0xa9, 0x86,
                                                        0x65, 0x89, 0x68, 0x98, 0x01, 0x69, 0x00, 0x00};

    static std::uint64_t edge_key(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} << 32 | b; }

    // Puts a triangle behind the latest of the edges that it shares, if there is one. The 16th has no code.
    bool put_behind_known(const std::array<std::uint32_t, 3>& t) {
        const std::uint64_t keys[3] = {edge_key(t[0], t[1]), edge_key(t[1], t[2]), edge_key(t[2], t[0])};
        for (unsigned i = 0; i < 15; ++i) {
            const std::uint64_t edge = edges_[(edge_at_ - 1 - i) & 15];
            for (std::size_t k = 0; k < 3; ++k) {
                if (edge != keys[k]) continue;
                put_behind_edge(i, t[k], t[(k + 1) % 3], t[(k + 2) % 3]);
                return true;
            }
        }
        return false;
    }
    unsigned find_vertex(std::uint32_t v) const {
        for (unsigned i = 0; i < 14; ++i) {
            if (vertices_[(vertex_at_ - 1 - i) & 15] == v) return i;
        }
        return none;
    }
    void push_edge(std::uint32_t a, std::uint32_t b) { edges_[edge_at_++ & 15] = std::uint64_t{a} << 32 | b; }
    void push_vertex(std::uint32_t v) { vertices_[vertex_at_++ & 15] = v; }

    void put_index(std::uint32_t v) {
        const std::uint32_t delta = v - last_;
        std::uint32_t code = delta << 1 ^ (delta >> 31 != 0 ? ~std::uint32_t{0} : 0);
        for (; code > 127; code >>= 7) data_.push_back(static_cast<std::uint8_t>(code | 128));
        data_.push_back(static_cast<std::uint8_t>(code));
        last_ = v;
    }
    void put_code(unsigned high, unsigned low) { out_.push_back(static_cast<std::uint8_t>(high << 4 | low)); }

    void put_behind_edge(unsigned edge, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
        const unsigned known = find_vertex(c);
        const bool recent = c != next_ && known > 0 && known < 13;
        if (c == next_) {
            put_code(edge, 0);
            ++next_;
        } else if (recent) {
            put_code(edge, known);
        } else if (c + 1 == last_ || c == last_ + 1) {
            put_code(edge, c == last_ + 1 ? 14 : 13);
            last_ = c;
        } else {
            put_code(edge, explicit_index);
            put_index(c);
        }
        push_edge(c, b);
        push_edge(a, c);
        if (!recent) push_vertex(c);
    }

    // The nibble of a corner; moves `next` on where the corner is the next new vertex.
    unsigned corner(std::uint32_t v) {
        if (v == next_) return ++next_, 0;
        const unsigned known = find_vertex(v);
        return known < 14 ? known + 1 : explicit_index;
    }

    void put_free(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
        const bool first_new = a == next_;
        next_ += first_new;
        const std::uint32_t before = next_;
        unsigned z = corner(b), w = corner(c);
        if (!first_new && z == 0 && w == 0) {
            // These two nibbles would mean that new vertices are counted from 0 again.
            next_ = before;
            z = explicit_index;
            w = corner(c);
        }
        const auto pair = static_cast<std::uint8_t>(z << 4 | w);
        const auto* known = std::find(table.begin(), table.begin() + 14, pair);
        if (first_new && known != table.begin() + 14) {
            put_code(15, static_cast<unsigned>(known - table.begin()));
        } else {
            put_code(15, first_new ? 14 : 15);
            data_.push_back(pair);
            if (!first_new) put_index(a);
            if (z == explicit_index) put_index(b);
            if (w == explicit_index) put_index(c);
        }
        push_edge(b, a);
        push_edge(c, b);
        push_edge(a, c);
        push_vertex(a);
        if (z == 0 || z == explicit_index) push_vertex(b);
        if (w == 0 || w == explicit_index) push_vertex(c);
    }

    std::vector<std::uint8_t>& out_;
    std::vector<std::uint8_t> data_;
    // No edge joins a vertex with itself, and no mesh has so many vertices: both stand for "nothing yet".
    std::array<std::uint64_t, 16> edges_ = filled<std::uint64_t>();
    std::array<std::uint32_t, 16> vertices_ = filled<std::uint32_t>();
    unsigned edge_at_ = 0, vertex_at_ = 0;
    std::uint32_t next_ = 0, last_ = 0;

    template <class T>
    static std::array<T, 16> filled() {
        std::array<T, 16> fifo{};
        fifo.fill(static_cast<T>(~T{0}));
        return fifo;
    }
};

std::uint32_t index_at(const std::uint8_t* indices, std::size_t i, int width) {
    if (width == 4) {
        std::uint32_t value = 0;
        std::memcpy(&value, indices + 4 * i, 4);
        return value;
    }
    std::uint16_t value = 0;
    std::memcpy(&value, indices + 2 * i, 2);
    return value;
}

}  // namespace

void encode_attributes(const std::uint8_t* data, std::size_t count, std::size_t stride,
                       std::vector<std::uint8_t>& out) {
    if (stride == 0 || stride % 4 != 0 || stride > 256) {
        throw std::invalid_argument("elements of " + std::to_string(stride) +
                                    " bytes; a multiple of 4 up to 256 is needed");
    }
    out.push_back(0xa0);
    const std::size_t block = std::min(8192 / stride & ~std::size_t{15}, block_limit);
    std::array<std::uint8_t, block_limit> deltas;
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        const std::size_t groups = (size + group_size - 1) / group_size;
        for (std::size_t k = 0; k < stride; ++k) {
            const std::uint8_t* byte = data + first * stride + k;
            // The baseline in the tail is the first element itself.
            std::uint8_t before = first == 0 ? *byte : byte[-static_cast<std::ptrdiff_t>(stride)];
            for (std::size_t i = 0; i < size; ++i, byte += stride) {
                deltas[i] = zigzag(static_cast<std::uint8_t>(*byte - before));
                before = *byte;
            }
            std::fill(deltas.begin() + static_cast<std::ptrdiff_t>(size),
                      deltas.begin() + static_cast<std::ptrdiff_t>(groups * group_size), std::uint8_t{0});
            put_bytes(deltas.data(), groups, out);
        }
    }
    out.resize(out.size() + (stride < tail_size ? tail_size - stride : 0), 0);
    if (count > 0) {
        out.insert(out.end(), data, data + stride);
    } else {
        out.resize(out.size() + stride, 0);
    }
}

void encode_triangles(const std::uint8_t* indices, std::size_t count, int width,
                      std::vector<std::uint8_t>& out) {
    if (count % 3 != 0 || (width != 2 && width != 4))
        throw std::invalid_argument("triangles need three indices each, of 2 or 4 bytes");
    out.push_back(0xe1);
    TriangleEncoder encoder(out);
    for (std::size_t i = 0; i < count; i += 3) {
        encoder.put(
            {index_at(indices, i, width), index_at(indices, i + 1, width), index_at(indices, i + 2, width)});
    }
    encoder.finish();
}

}  // namespace geovision
