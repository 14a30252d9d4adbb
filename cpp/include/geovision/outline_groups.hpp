// Groups of cells near buildings, collected row by row: the first stage of outline.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/outline.hpp"

namespace geovision {

// Cells [first, last) of a row; their values lie in the group's arrays from `at`.
struct OutlineRun {
    std::int64_t row = 0;
    std::int64_t first = 0, last = 0;
    std::size_t at = 0;
};

struct OutlineGroup {
    std::vector<OutlineRun> runs;
    std::vector<std::uint16_t> building;  // probability * 65535
    std::vector<std::uint8_t> boundary;   // probability * 255
    std::vector<std::int8_t> frame;       // two a cell, 127 v
    std::vector<float> height;
    std::int64_t inside = 0;  // cells above the threshold
    std::int64_t last_row = -1;
    bool open = false;
};

class OutlineGroups {
public:
    explicit OutlineGroups(const OutlineOptions& options);
    // Moves the groups that end before the rows seen so far to `closed`, by their last row, then column.
    void add(const OutlineStrip& strip, std::int64_t begin, std::int64_t end,
             std::vector<OutlineGroup>& closed);
    // To be called after the last row that `add` has taken from a strip: keeps what is still needed of it.
    void leave(const OutlineStrip& strip);
    void finish(std::vector<OutlineGroup>& closed);
    std::int64_t rows() const { return seen_; }
    int margin() const { return margin_; }
    // The least value of OutlineGroup::building that counts as building.
    std::uint16_t limit() const { return limit_; }

private:
    struct Span {
        std::int64_t first, last;
        std::int32_t group;
    };
    struct Kept {
        std::array<std::vector<std::uint8_t>, outline_bands> bytes;
        std::array<std::vector<float>, outline_bands> floats;
    };
    OutlineRow row(const OutlineStrip& strip, std::int64_t index) const;
    void push(const OutlinePlane& building);
    void widen(std::vector<std::uint64_t>& bits) const;
    void take(const OutlineRow& values, std::int64_t y, std::vector<OutlineGroup>& closed);
    void find_spans(std::int64_t y);
    void store(const OutlineRow& values, std::int64_t y, Span& span);
    std::int32_t open_group();
    std::int32_t join(std::int32_t a, std::int32_t b);
    std::int32_t root(std::int32_t group);

    OutlineOptions options_;
    int margin_;
    std::uint16_t limit_;
    std::int64_t seen_ = 0, taken_ = 0;
    std::int64_t strip_first_ = 0;                  // row of the raster where the strip at hand begins
    std::vector<Kept> kept_;                        // the rows just before it
    std::vector<std::vector<std::uint64_t>> ring_;  // widened rows, by row modulo their number
    std::vector<char> filled_;                      // rows of ring_ with a cell set
    std::vector<std::uint64_t> active_;
    std::vector<std::uint8_t> flags_;
    std::vector<Span> before_, now_;
    std::vector<OutlineGroup> pool_;
    std::vector<std::int32_t> parent_, free_, joined_;
};

}  // namespace geovision
