#include "geovision/outline_groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace geovision {
namespace {

float scaled(float p) { return p * 65535.0f + 0.5f; }

std::uint16_t to_fixed(float p) {
    if (!(p > 0)) return 0;
    return p >= 1 ? 65535 : static_cast<std::uint16_t>(scaled(p));
}

std::uint8_t to_byte(float p) {
    if (!(p > 0)) return 0;
    return p >= 1 ? 255 : static_cast<std::uint8_t>(p * 255.0f + 0.5f);
}

std::int8_t to_signed(float v) {
    if (!(v > -1)) return std::isnan(v) ? 0 : -127;
    return v >= 1 ? 127 : static_cast<std::int8_t>(std::lround(v * 127.0f));
}

// Eight flags of 0 or 1 to the eight low bits.
std::uint64_t packed(const std::uint8_t* flags) {
    std::uint64_t word;
    std::memcpy(&word, flags, 8);
    return (word * 0x0102040810204080ULL) >> 56;
}

void append_frame(const OutlinePlane& plane, std::int64_t first, std::int64_t last, int part, std::size_t at,
                  std::vector<std::int8_t>& out) {
    for (std::int64_t x = first; x < last; ++x) {
        std::int8_t value = 0;
        if (plane.bytes != nullptr) value = static_cast<std::int8_t>(std::max(-127, plane.bytes[x] - 128));
        if (plane.floats != nullptr) value = to_signed(plane.floats[x]);
        out[2 * (at + static_cast<std::size_t>(x - first)) + static_cast<std::size_t>(part)] = value;
    }
}

template <class T>
void move_append(std::vector<T>& from, std::vector<T>& to) {
    to.insert(to.end(), from.begin(), from.end());
    from.clear();
}

}  // namespace

OutlineGroups::OutlineGroups(const OutlineOptions& options) : options_(options) {
    // Outlines keep half a cell within the margin. Heights are looked up as far from a wall as it may move.
    const double wanted = std::max(options.tolerance, options.has_height ? options.reach : 0);
    margin_ = static_cast<int>(std::clamp(std::ceil(wanted / options.cell + 1), 3.0, 16.0));
    limit_ = static_cast<std::uint16_t>(std::clamp(std::ceil(options.threshold * 65535), 1.0, 65535.0));
    const auto words = static_cast<std::size_t>((options.columns + 63) / 64);
    ring_.assign(static_cast<std::size_t>(2 * margin_ + 1), std::vector<std::uint64_t>(words));
    filled_.assign(ring_.size(), 0);
    active_.resize(words);
    flags_.resize(words * 64);
}

void OutlineGroups::add(const OutlineStrip& strip, std::int64_t begin, std::int64_t end,
                        std::vector<OutlineGroup>& closed) {
    for (std::int64_t r = begin; r < end; ++r) {
        push(strip.bands[band_building].row(r * options_.columns));
        for (; taken_ + margin_ < seen_; ++taken_) take(row(strip, taken_), taken_, closed);
    }
}

void OutlineGroups::leave(const OutlineStrip& strip) {
    std::vector<Kept> kept;
    for (std::int64_t y = taken_; y < seen_; ++y) {
        const OutlineRow values = row(strip, y);
        kept.emplace_back();
        for (std::size_t b = 0; b < outline_bands; ++b) {
            const auto n = static_cast<std::size_t>(options_.columns);
            if (values[b].bytes != nullptr) kept.back().bytes[b].assign(values[b].bytes, values[b].bytes + n);
            if (values[b].floats != nullptr)
                kept.back().floats[b].assign(values[b].floats, values[b].floats + n);
        }
    }
    kept_ = std::move(kept);
    strip_first_ = seen_;
}

void OutlineGroups::finish(std::vector<OutlineGroup>& closed) {
    const OutlineStrip none;
    const std::int64_t rows = seen_;
    for (int k = 0; k < margin_; ++k) push({});
    for (; taken_ < rows; ++taken_) take(row(none, taken_), taken_, closed);
    seen_ = rows;
    std::fill(filled_.begin(), filled_.end(), 0);
    take({}, rows, closed);
}

OutlineRow OutlineGroups::row(const OutlineStrip& strip, std::int64_t index) const {
    OutlineRow out;
    for (std::size_t b = 0; b < outline_bands; ++b) {
        if (index >= strip_first_) {
            out[b] = strip.bands[b].row((index - strip_first_) * options_.columns);
        } else {
            const Kept& kept = kept_[kept_.size() - static_cast<std::size_t>(strip_first_ - index)];
            if (!kept.bytes[b].empty()) out[b].bytes = kept.bytes[b].data();
            if (!kept.floats[b].empty()) out[b].floats = kept.floats[b].data();
        }
    }
    return out;
}

void OutlineGroups::push(const OutlinePlane& building) {
    const auto slot = static_cast<std::size_t>(seen_++ % (2 * margin_ + 1));
    std::vector<std::uint64_t>& bits = ring_[slot];
    const auto n = static_cast<std::size_t>(options_.columns);
    if (building.bytes != nullptr) {
        const auto least = static_cast<std::uint8_t>(options_.binary ? 1 : (limit_ + 256) / 257);
        for (std::size_t x = 0; x < n; ++x) flags_[x] = building.bytes[x] >= least;
    } else if (building.floats != nullptr) {
        const auto least = static_cast<float>(limit_);
        for (std::size_t x = 0; x < n; ++x) flags_[x] = scaled(building.floats[x]) >= least;
    } else {
        std::fill(flags_.begin(), flags_.end(), std::uint8_t{0});
    }
    std::uint64_t any = 0;
    for (std::size_t w = 0; w < bits.size(); ++w) {
        std::uint64_t word = 0;
        for (std::size_t k = 0; k < 8; ++k) word |= packed(&flags_[64 * w + 8 * k]) << (8 * k);
        bits[w] = word;
        any |= word;
    }
    filled_[slot] = any != 0;
    if (any != 0) widen(bits);
}

void OutlineGroups::widen(std::vector<std::uint64_t>& bits) const {
    for (int k = 0; k < margin_; ++k) {
        std::uint64_t left = 0;
        for (std::size_t w = 0; w < bits.size(); ++w) {
            const std::uint64_t word = bits[w];
            const std::uint64_t right = w + 1 < bits.size() ? bits[w + 1] << 63 : 0;
            bits[w] = word | (word << 1) | left | (word >> 1) | right;
            left = word >> 63;
        }
    }
    const auto spare = static_cast<unsigned>(bits.size() * 64 - static_cast<std::size_t>(options_.columns));
    if (spare != 0) bits.back() &= ~std::uint64_t{0} >> spare;
}

void OutlineGroups::find_spans(std::int64_t) {
    now_.clear();
    bool any = false;
    for (std::size_t slot = 0; slot < ring_.size(); ++slot) {
        if (filled_[slot] == 0) continue;
        const std::vector<std::uint64_t>& bits = ring_[slot];
        if (!any)
            active_ = bits;
        else
            for (std::size_t w = 0; w < bits.size(); ++w) active_[w] |= bits[w];
        any = true;
    }
    if (!any) return;
    std::int64_t start = -1;
    for (std::size_t w = 0; w < active_.size(); ++w) {
        std::uint64_t word = active_[w];
        const auto base = static_cast<std::int64_t>(64 * w);
        // Where a span is open the next border is a 0, otherwise a 1.
        int from = 0;
        while (from < 64) {
            const std::uint64_t rest = (start < 0 ? word : ~word) >> from;
            if (rest == 0) break;
            from += __builtin_ctzll(rest);
            if (start < 0) {
                start = base + from;
            } else {
                now_.push_back({start, base + from, -1});
                start = -1;
            }
        }
    }
    if (start >= 0) now_.push_back({start, options_.columns, -1});
}

void OutlineGroups::take(const OutlineRow& values, std::int64_t y, std::vector<OutlineGroup>& closed) {
    find_spans(y);
    std::size_t k = 0;
    for (Span& span : now_) {
        while (k < before_.size() && before_[k].last <= span.first) ++k;
        for (std::size_t o = k; o < before_.size() && before_[o].first < span.last; ++o)
            span.group = span.group < 0 ? root(before_[o].group) : join(span.group, root(before_[o].group));
        if (span.group < 0) span.group = open_group();
        store(values, y, span);
    }
    for (const Span& span : before_) {
        const std::int32_t g = root(span.group);
        OutlineGroup& group = pool_[static_cast<std::size_t>(g)];
        if (!group.open || group.last_row == y) continue;
        group.open = false;
        const double area = static_cast<double>(group.inside) * options_.cell * options_.cell;
        if (area >= options_.min_area) closed.push_back(std::move(group));
        group = OutlineGroup{};
        free_.push_back(g);
    }
    for (Span& span : now_) span.group = root(span.group);
    free_.insert(free_.end(), joined_.begin(), joined_.end());
    joined_.clear();
    before_.swap(now_);
}

void OutlineGroups::store(const OutlineRow& values, std::int64_t y, Span& span) {
    OutlineGroup& group = pool_[static_cast<std::size_t>(span.group)];
    const std::size_t at = group.building.size();
    const auto n = static_cast<std::size_t>(span.last - span.first);
    group.runs.push_back({y, span.first, span.last, at});
    group.last_row = y;
    group.building.resize(at + n);
    std::uint16_t* to = group.building.data() + at;
    const OutlinePlane building = values[band_building].row(span.first);
    if (building.bytes != nullptr && options_.binary)
        for (std::size_t i = 0; i < n; ++i) to[i] = building.bytes[i] != 0 ? 65535 : 0;
    else if (building.bytes != nullptr)
        for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<std::uint16_t>(257 * building.bytes[i]);
    else
        for (std::size_t i = 0; i < n; ++i) to[i] = to_fixed(building.floats[i]);
    for (std::size_t i = 0; i < n; ++i) group.inside += to[i] >= limit_;
    if (options_.has_boundary) {
        const OutlinePlane boundary = values[band_boundary].row(span.first);
        for (std::size_t i = 0; i < n; ++i)
            group.boundary.push_back(boundary.bytes != nullptr ? boundary.bytes[i]
                                                               : to_byte(boundary.floats[i]));
    }
    if (options_.has_frame) {
        group.frame.resize(2 * (at + n));
        append_frame(values[band_frame_cos], span.first, span.last, 0, at, group.frame);
        append_frame(values[band_frame_sin], span.first, span.last, 1, at, group.frame);
    }
    if (options_.has_height) {
        const float* heights = values[band_height].floats;
        group.height.insert(group.height.end(), heights + span.first, heights + span.last);
    }
}

std::int32_t OutlineGroups::open_group() {
    std::int32_t id;
    if (free_.empty()) {
        id = static_cast<std::int32_t>(pool_.size());
        pool_.emplace_back();
        parent_.push_back(id);
    } else {
        id = free_.back();
        free_.pop_back();
        parent_[static_cast<std::size_t>(id)] = id;
    }
    pool_[static_cast<std::size_t>(id)].open = true;
    return id;
}

std::int32_t OutlineGroups::join(std::int32_t a, std::int32_t b) {
    if (a == b) return a;
    // The smaller one moves, so that each cell moves a logarithmic number of times.
    if (pool_[static_cast<std::size_t>(a)].building.size() <
        pool_[static_cast<std::size_t>(b)].building.size())
        std::swap(a, b);
    OutlineGroup& to = pool_[static_cast<std::size_t>(a)];
    OutlineGroup& from = pool_[static_cast<std::size_t>(b)];
    for (OutlineRun run : from.runs) {
        run.at += to.building.size();
        to.runs.push_back(run);
    }
    move_append(from.building, to.building);
    move_append(from.boundary, to.boundary);
    move_append(from.frame, to.frame);
    move_append(from.height, to.height);
    to.inside += from.inside;
    to.last_row = std::max(to.last_row, from.last_row);
    from = OutlineGroup{};
    parent_[static_cast<std::size_t>(b)] = a;
    joined_.push_back(b);
    return a;
}

std::int32_t OutlineGroups::root(std::int32_t group) {
    while (parent_[static_cast<std::size_t>(group)] != group)
        group = parent_[static_cast<std::size_t>(group)];
    return group;
}

}  // namespace geovision
