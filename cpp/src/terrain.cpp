#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "geovision/ground.hpp"
#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr double farthest = 1e9;
constexpr int enough_cells = 6;

// The mean of the ground points of one square metre. Sums are whole tenths of a millimetre: exact.
struct Cell {
    std::int64_t column, row;
    std::int64_t x = 0, y = 0, z = 0, count = 0;  // x and y from the cell's corner
};

struct Sample {
    double x, y, z;
};

std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t> place(const Cell& c) {
    return {c.row, c.column, c.x, c.y, c.z};
}
bool before(const Cell& a, const Cell& b) { return place(a) < place(b); }
bool same(const Cell& a, const Cell& b) { return place(a) == place(b); }

std::int64_t tenths(double metres) { return static_cast<std::int64_t>(std::llround(metres * 1e4)); }

// Cells in the order of rows, and where each row begins.
class CellRows {
public:
    CellRows(const double* points, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            const double* p = points + 3 * i;
            const bool sound =
                std::abs(p[0]) < farthest && std::abs(p[1]) < farthest && std::abs(p[2]) < farthest;
            if (!sound) continue;
            const double column = std::floor(p[0]), row = std::floor(p[1]);
            cells_.push_back({static_cast<std::int64_t>(column), static_cast<std::int64_t>(row),
                              tenths(p[0] - column), tenths(p[1] - row), tenths(p[2]), 1});
        }
        std::sort(cells_.begin(), cells_.end(), before);
        merge();
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            if (i == 0 || cells_[i].row != cells_[i - 1].row) {
                row_.push_back(cells_[i].row);
                first_.push_back(i);
            }
        }
        first_.push_back(cells_.size());
    }

    // The cells of one row from a column to another, both included.
    template <class Visit>
    void each(std::int64_t row, std::int64_t from, std::int64_t to, Visit visit) const {
        const auto found = std::lower_bound(row_.begin(), row_.end(), row);
        if (found == row_.end() || *found != row) return;
        const auto r = static_cast<std::size_t>(found - row_.begin());
        const auto begin = cells_.begin() + static_cast<std::ptrdiff_t>(first_[r]);
        const auto end = cells_.begin() + static_cast<std::ptrdiff_t>(first_[r + 1]);
        auto at =
            std::lower_bound(begin, end, from, [](const Cell& c, std::int64_t v) { return c.column < v; });
        for (; at != end && at->column <= to; ++at) visit(*at);
    }

private:
    // A point that comes twice, as from two files that overlap, counts once.
    void merge() {
        cells_.erase(std::unique(cells_.begin(), cells_.end(), same), cells_.end());
        std::size_t kept = 0;
        for (const Cell& cell : cells_) {
            if (kept > 0 && cells_[kept - 1].row == cell.row && cells_[kept - 1].column == cell.column) {
                Cell& into = cells_[kept - 1];
                into.x += cell.x;
                into.y += cell.y;
                into.z += cell.z;
                into.count += cell.count;
            } else {
                cells_[kept++] = cell;
            }
        }
        cells_.resize(kept);
    }

    std::vector<Cell> cells_;
    std::vector<std::int64_t> row_;
    std::vector<std::size_t> first_;
};

class Terrain {
public:
    Terrain(const CellRows& cells, double reach) : cells_(cells), reach_(reach) {}

    double at(double x, double y) {
        if (!(std::abs(x) < farthest && std::abs(y) < farthest)) return unknown;
        samples_.clear();
        const auto column = static_cast<std::int64_t>(std::floor(x)),
                   row = static_cast<std::int64_t>(std::floor(y));
        const auto rings = static_cast<std::int64_t>(reach_) + 1;
        // Square rings of cells outward; one ring more than enough, since a ring's corners are far away.
        std::int64_t last = rings;
        for (std::int64_t ring = 0; ring <= last; ++ring) {
            add_ring(x, y, column, row, ring);
            if (last == rings && samples_.size() >= enough_cells) last = std::min(rings, ring + 1 + ring / 2);
        }
        return samples_.empty() ? unknown : fit();
    }

    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

private:
    void add_ring(double x, double y, std::int64_t column, std::int64_t row, std::int64_t ring) {
        const auto add = [&](const Cell& cell) {
            const double n = 1e4 * static_cast<double>(cell.count);
            const Sample s{static_cast<double>(cell.column) - x + static_cast<double>(cell.x) / n,
                           static_cast<double>(cell.row) - y + static_cast<double>(cell.y) / n,
                           static_cast<double>(cell.z) / n};
            if (s.x * s.x + s.y * s.y <= reach_ * reach_) samples_.push_back(s);
        };
        cells_.each(row - ring, column - ring, column + ring, add);
        for (std::int64_t r = row - ring + 1; r < row + ring; ++r) {
            cells_.each(r, column - ring, column - ring, add);
            cells_.each(r, column + ring, column + ring, add);
        }
        if (ring > 0) cells_.each(row + ring, column - ring, column + ring, add);
    }

    // Height at the origin of a weighted plane with damped slopes.
    double fit() const {
        double low = samples_[0].z, high = low;
        double w = 0, wx = 0, wy = 0, wz = 0;
        for (const Sample& s : samples_) {
            low = std::min(low, s.z);
            high = std::max(high, s.z);
            const double weight = weight_of(s);
            w += weight;
            wx += weight * s.x;
            wy += weight * s.y;
            wz += weight * s.z;
        }
        const double mx = wx / w, my = wy / w, mz = wz / w;
        double xx = 0, xy = 0, yy = 0, xz = 0, yz = 0;
        for (const Sample& s : samples_) {
            const double weight = weight_of(s), dx = s.x - mx, dy = s.y - my, dz = s.z - mz;
            xx += weight * dx * dx;
            xy += weight * dx * dy;
            yy += weight * dy * dy;
            xz += weight * dx * dz;
            yz += weight * dy * dz;
        }
        // Cells that all lie on one line or in one place make no slope across it.
        const double damping = 0.1 * w;
        xx += damping;
        yy += damping;
        const double determinant = xx * yy - xy * xy;
        const double slope_x = (xz * yy - yz * xy) / determinant, slope_y = (yz * xx - xz * xy) / determinant;
        return std::clamp(mz - slope_x * mx - slope_y * my, low, high);
    }

    static double weight_of(const Sample& s) { return 1.0 / (0.5 + s.x * s.x + s.y * s.y); }

    const CellRows& cells_;
    double reach_;
    std::vector<Sample> samples_;
};

}  // namespace

std::vector<double> terrain_at(const double* ground, std::int64_t ground_count, const double* query,
                               std::int64_t query_count, const TerrainOptions& options) {
    if (!(options.reach > 0.0 && options.reach <= 200.0)) {
        throw std::invalid_argument("reach must be above 0 and at most 200 m");
    }
    std::vector<double> z(static_cast<std::size_t>(query_count), Terrain::unknown);
    const CellRows cells(ground, ground_count);
    constexpr std::int64_t block = 256;
    parallel_blocks((query_count + block - 1) / block, options.threads, options.cancel, [&] {
        return [&, terrain = Terrain(cells, options.reach)](std::int64_t b) mutable {
            for (auto i = b * block; i < std::min(query_count, (b + 1) * block); ++i) {
                z[static_cast<std::size_t>(i)] = terrain.at(query[2 * i], query[2 * i + 1]);
            }
        };
    });
    return z;
}

}  // namespace geovision
