#include <algorithm>
#include <cmath>
#include <vector>

#include "geovision/evidence.hpp"

namespace geovision {
namespace {

constexpr double squares_a_metre = 2.0;
constexpr std::int64_t column = std::int64_t{1} << 32;  // numbers of squares from one column to the next

std::int64_t square_of(const double* p) {
    return static_cast<std::int64_t>(std::floor(squares_a_metre * p[0])) * column +
           static_cast<std::int64_t>(std::floor(squares_a_metre * p[1]));
}

// Squares round those of low points, and whether a high point lies in them.
class Squares {
public:
    void add_around(std::int64_t square) {
        for (std::int64_t dx = -1; dx <= 1; ++dx)
            for (std::int64_t dy = -1; dy <= 1; ++dy) squares_.push_back(square + dx * column + dy);
    }

    void close() {
        std::sort(squares_.begin(), squares_.end());
        squares_.erase(std::unique(squares_.begin(), squares_.end()), squares_.end());
        held_.assign(squares_.size(), 0);
    }

    void hold(std::int64_t square) {
        if (square < squares_.front() || square > squares_.back()) return;
        const std::size_t at = place_of(square);
        if (squares_[at] == square) held_[at] = 1;
    }

    bool any_around(std::int64_t square) const {
        for (std::int64_t dx = -1; dx <= 1; ++dx) {
            // Squares of a column that follow one another have numbers that do.
            const std::size_t at = place_of(square + dx * column - 1);
            if (held_[at] || held_[at + 1] || held_[at + 2]) return true;
        }
        return false;
    }

private:
    std::size_t place_of(std::int64_t square) const {
        return static_cast<std::size_t>(std::lower_bound(squares_.begin(), squares_.end(), square) -
                                        squares_.begin());
    }

    std::vector<std::int64_t> squares_;
    std::vector<char> held_;
};

}  // namespace

void find_roof_candidates(const double* xyz, const std::uint8_t* kind, std::int64_t count,
                          const RoofHeights& heights, std::uint8_t* may) {
    std::vector<std::int64_t> low;
    Squares squares;
    for (std::int64_t i = 0; i < count; ++i) {
        const bool building = static_cast<PointKind>(kind[i]) == PointKind::building;
        const bool open = building || static_cast<PointKind>(kind[i]) == PointKind::unknown;
        const double height = xyz[3 * i + 2] - heights.ground;
        may[i] = open && height > heights.least;
        if (!building || may[i] || !(height > heights.classed)) continue;
        low.push_back(i);
        squares.add_around(square_of(xyz + 3 * i));
    }
    if (low.empty()) return;
    squares.close();
    for (std::int64_t i = 0; i < count; ++i)
        if (may[i]) squares.hold(square_of(xyz + 3 * i));
    for (const std::int64_t i : low) may[i] = !squares.any_around(square_of(xyz + 3 * i));
}

}  // namespace geovision
