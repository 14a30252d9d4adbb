#include "geovision/sharpen.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {
namespace {

using Field = std::vector<double>;

constexpr double reach_spreads = 3.5;

// Along one axis: how much of every fine cell is in a cell.
class Smear {
public:
    Smear(std::int64_t cells, int fine, double spread) : cells_(cells), fine_(fine) {
        radius_ = static_cast<std::int64_t>(std::ceil(reach_spreads * spread));
        const std::int64_t width = 2 * radius_ + fine;
        weight_.resize(static_cast<std::size_t>(cells * width), 0.0);
        for (std::int64_t c = 0; c < cells; ++c) {
            double* row = weight_.data() + c * width;
            double total = 0;
            for (std::int64_t m = 0; m < width; ++m) {
                const std::int64_t at = first(c) + m;
                if (at < 0 || at >= cells * fine) continue;
                const double away = (static_cast<double>(at - c * fine) + 0.5 - 0.5 * fine) / spread;
                total += row[m] = std::exp(-0.5 * away * away);
            }
            for (std::int64_t m = 0; m < width; ++m) row[m] /= total;
        }
    }

    std::int64_t cells() const { return cells_; }
    std::int64_t fine_cells() const { return cells_ * fine_; }
    std::int64_t first(std::int64_t cell) const { return cell * fine_ - radius_; }

    // visit(cell, fine cell, weight) for all pairs that matter.
    template <class Visit>
    void pairs(Visit visit) const {
        const std::int64_t width = 2 * radius_ + fine_;
        for (std::int64_t c = 0; c < cells_; ++c) {
            const std::int64_t begin = std::max<std::int64_t>(0, -first(c)),
                               end = std::min(width, fine_cells() - first(c));
            const double* row = weight_.data() + c * width;
            for (std::int64_t m = begin; m < end; ++m) visit(c, first(c) + m, row[m]);
        }
    }

private:
    std::int64_t cells_;
    int fine_;
    std::int64_t radius_ = 0;
    Field weight_;
};

class Sharpener {
public:
    Sharpener(const SharpenPatch& patch, const SharpenOptions& options)
        : o_(options),
          labels_(patch.labels),
          down_(patch.rows, patch.fine, options.spread),
          across_(patch.columns, patch.fine, options.spread),
          rows_(down_.fine_cells()),
          columns_(across_.fine_cells()) {
        const auto cells = static_cast<std::size_t>(patch.rows * patch.columns);
        const auto fine = static_cast<std::size_t>(rows_ * columns_);
        measured_.resize(cells), weight_.resize(cells),
            half_.resize(static_cast<std::size_t>(rows_ * patch.columns));
        for (Field* field :
             {&height_, &bend_x_, &bend_y_, &twist_, &diagonal_, &rest_, &scaled_, &step_, &image_})
            field->assign(fine, 0.0);
        centre(patch);
        for (std::int64_t r = 0; r < rows_; ++r) {
            for (std::int64_t c = 0; c < columns_; ++c)
                height_[at(r, c)] =
                    measured_[static_cast<std::size_t>(r / patch.fine * patch.columns + c / patch.fine)];
        }
    }

    bool run(const std::atomic<bool>* cancel, double* out) {
        // From wide to narrow: at first every bend is alike, in the end the small ones are not tolerated.
        double least = 0.5;
        for (int round = 0; round < o_.rounds; ++round, least *= 0.4) {
            reweight(std::max(o_.least_bend, least));
            if (!solve(cancel)) return false;
        }
        for (std::size_t i = 0; i < height_.size(); ++i) out[i] = height_[i] + middle_;
        return true;
    }

private:
    std::size_t at(std::int64_t row, std::int64_t column) const {
        return static_cast<std::size_t>(row * columns_ + column);
    }

    // Heights about their mean, so that nothing is lost to their size; cells without one weigh nothing.
    void centre(const SharpenPatch& patch) {
        double sum = 0, count = 0;
        for (std::size_t i = 0; i < measured_.size(); ++i) {
            const bool known = std::isfinite(patch.heights[i]);
            weight_[i] = known ? 1 / (o_.noise * o_.noise) : 0.0;
            sum += known ? patch.heights[i] : 0.0, count += known ? 1 : 0;
        }
        middle_ = count > 0 ? sum / count : 0.0;
        for (std::size_t i = 0; i < measured_.size(); ++i)
            measured_[i] = weight_[i] > 0 ? patch.heights[i] - middle_ : 0.0;
    }

    // Every second difference that stays within one label: visit(weights, first, middle, last) for the
    // straight ones and twist(weights, four corners) for the mixed ones.
    template <class Straight, class Mixed>
    void stencils(Straight straight, Mixed mixed) {
        for (std::int64_t r = 0; r < rows_; ++r) {
            for (std::int64_t c = 0; c < columns_; ++c) {
                const std::size_t i = at(r, c);
                const std::int32_t label = labels_[i];
                const auto same = [&](std::int64_t down, std::int64_t right) {
                    return r + down < rows_ && c + right < columns_ &&
                           labels_[at(r + down, c + right)] == label;
                };
                const std::size_t below = i + static_cast<std::size_t>(columns_);
                if (same(0, 1) && same(0, 2)) straight(bend_x_[i], i, i + 1, i + 2);
                if (same(1, 0) && same(2, 0))
                    straight(bend_y_[i], i, below, below + static_cast<std::size_t>(columns_));
                if (same(0, 1) && same(1, 0) && same(1, 1)) mixed(twist_[i], i, i + 1, below, below + 1);
            }
        }
    }

    void reweight(double least) {
        const Field& f = height_;
        const auto price = [&](double bend) { return o_.bend_nats / std::max(std::fabs(bend), least); };
        diagonal_.assign(diagonal_.size(), tiny);
        squares();
        stencils(
            [&](double& w, std::size_t a, std::size_t b, std::size_t c) {
                w = price(f[a] - 2 * f[b] + f[c]);
                diagonal_[a] += w, diagonal_[b] += 4 * w, diagonal_[c] += w;
            },
            [&](double& w, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
                // It stands for two of the four terms of a second derivative's square.
                w = 2 * price(f[a] - f[b] - f[c] + f[d]);
                for (const std::size_t k : {a, b, c, d}) diagonal_[k] += w;
            });
    }

    // The diagonal of the data term.
    void squares() {
        std::fill(half_.begin(), half_.end(), 0.0);
        const std::int64_t wide = across_.cells();
        down_.pairs([&](std::int64_t cell, std::int64_t fine, double w) {
            for (std::int64_t c = 0; c < wide; ++c)
                half_[static_cast<std::size_t>(fine * wide + c)] +=
                    w * w * weight_[static_cast<std::size_t>(cell * wide + c)];
        });
        for (std::int64_t r = 0; r < rows_; ++r) {
            across_.pairs([&](std::int64_t cell, std::int64_t fine, double w) {
                diagonal_[at(r, fine)] += w * w * half_[static_cast<std::size_t>(r * wide + cell)];
            });
        }
    }

    // out = smear^T weight (smear field - measured), or without the measured part.
    void data_term(const Field& field, bool measured, Field& out) {
        const std::int64_t wide = across_.cells();
        std::fill(half_.begin(), half_.end(), 0.0);
        for (std::int64_t r = 0; r < rows_; ++r) {
            const double* in = field.data() + r * columns_;
            double* to = half_.data() + r * wide;
            across_.pairs([&](std::int64_t cell, std::int64_t fine, double w) { to[cell] += w * in[fine]; });
        }
        cells_.assign(measured_.size(), 0.0);
        down_.pairs([&](std::int64_t cell, std::int64_t fine, double w) {
            double* to = cells_.data() + cell * wide;
            const double* in = half_.data() + fine * wide;
            for (std::int64_t c = 0; c < wide; ++c) to[c] += w * in[c];
        });
        for (std::size_t i = 0; i < cells_.size(); ++i)
            cells_[i] = weight_[i] * (cells_[i] - (measured ? measured_[i] : 0.0));
        std::fill(half_.begin(), half_.end(), 0.0);
        down_.pairs([&](std::int64_t cell, std::int64_t fine, double w) {
            const double* in = cells_.data() + cell * wide;
            double* to = half_.data() + fine * wide;
            for (std::int64_t c = 0; c < wide; ++c) to[c] += w * in[c];
        });
        for (std::int64_t r = 0; r < rows_; ++r) {
            const double* in = half_.data() + r * wide;
            double* to = out.data() + r * columns_;
            across_.pairs([&](std::int64_t cell, std::int64_t fine, double w) { to[fine] += w * in[cell]; });
        }
    }

    void normal_matrix(const Field& field, bool measured, Field& out) {
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = tiny * field[i];
        data_term(field, measured, out);
        stencils(
            [&](double w, std::size_t a, std::size_t b, std::size_t c) {
                const double v = w * (field[a] - 2 * field[b] + field[c]);
                out[a] += v, out[b] -= 2 * v, out[c] += v;
            },
            [&](double w, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
                const double v = w * (field[a] - field[b] - field[c] + field[d]);
                out[a] += v, out[b] -= v, out[c] -= v, out[d] += v;
            });
    }

    bool solve(const std::atomic<bool>* cancel) {
        normal_matrix(height_, true, rest_);
        double energy = 0;
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            rest_[i] = -rest_[i], step_[i] = scaled_[i] = rest_[i] / diagonal_[i];
            energy += rest_[i] * scaled_[i];
        }
        for (int k = 0; k < o_.steps && energy > 0; ++k) {
            if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) return false;
            normal_matrix(step_, false, image_);
            double curve = 0;
            for (std::size_t i = 0; i < step_.size(); ++i) curve += step_[i] * image_[i];
            if (!(curve > 0)) break;
            const double length = energy / curve, before = energy;
            energy = 0;
            for (std::size_t i = 0; i < step_.size(); ++i) {
                height_[i] += length * step_[i], rest_[i] -= length * image_[i];
                scaled_[i] = rest_[i] / diagonal_[i], energy += rest_[i] * scaled_[i];
            }
            for (std::size_t i = 0; i < step_.size(); ++i) step_[i] = scaled_[i] + energy / before * step_[i];
        }
        return true;
    }

    static constexpr double tiny = 1e-6;  // keeps cells in place that nothing holds
    const SharpenOptions o_;
    const std::int32_t* labels_;
    Smear down_, across_;
    std::int64_t rows_, columns_;
    double middle_ = 0;
    Field measured_, weight_, half_, cells_;
    Field height_, bend_x_, bend_y_, twist_, diagonal_, rest_, scaled_, step_, image_;
};

}  // namespace

bool sharpen(const SharpenPatch& patch, const SharpenOptions& options, const std::atomic<bool>* cancel,
             double* out) {
    return Sharpener(patch, options).run(cancel, out);
}

}  // namespace geovision
