#include "geovision/roofplan.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>

namespace geovision {

namespace {

constexpr std::size_t most_cells = 4000;
constexpr std::size_t most_lines = 600;
constexpr double impossible = 1e4;
constexpr double farthest = 4;      // metres; no plane is looked at that far from its points
constexpr double far_nats = 50;     // price per metre of taking it there all the same
constexpr double empty_nats = 0.3;  // price per square metre and metre of taking a plane away from its points

}  // namespace

void RoofPlanner::run(const PlanEvidence& evidence, const PlanOptions& options, RoofPlan& result) {
    e_ = evidence, o_ = options;
    result = RoofPlan{};
    if (!draw_footprint()) {
        result.status = PlanStatus::bad_outline;
        return;
    }
    gather_points(result.inside);
    const auto n = std::int64_t(inverse_variance_.size());
    result.used = n;
    if (n == 0) return;
    segmenter_.run(points_.data(), n, area_, o_.segment, segmentation_);
    spacing_ = segmentation_.spacing;
    const double noise = std::max(o_.noise, segmentation_.scatter);
    for (double& v : inverse_variance_) v = 1 / (std::max(v, noise) * std::max(v, noise));
    result.spacing = spacing_ / std::sqrt(stands_for_), result.scatter = segmentation_.scatter;
    weight_ = std::min(e_.share, density_weight(result.spacing, o_.full_density));
    planes_ = segmentation_.planes;
    point_label_ = segmentation_.region;
    result.status = planes_.empty() ? PlanStatus::few_points : PlanStatus::ok;
    if (planes_.empty()) {
        std::vector<double> z;
        for (std::int64_t i = 0; i < n; ++i) z.push_back(points_[std::size_t(3 * i + 2)]);
        std::nth_element(z.begin(), z.begin() + n / 2, z.end());
        planes_.push_back({0, 0, z[std::size_t(n / 2)]});
        point_label_.assign(std::size_t(n), 0);
    }
    find_directions();
    label_pixels();
    find_links(0);
    list_labels();
    purity_.clear();
    measure_purity(0);
    find_lines();
    outline_lines();
    tidy_lines();
    cut_cells();
    label_cells();
    best_.energy = std::numeric_limits<double>::infinity(), best_.in_place = false;
    keep_best();
    for (int round = 0; round < o_.rounds; ++round) {
        refit();
        lines_again();
        if (round == 0) propose_from_residuals();
        outline_lines();
        tidy_lines();
        cut_cells();
        label_cells();
        keep_best();
    }
    // A line that was placed anew may have gone astray.
    if (best_.energy < energy_) take_best();
    result.nats = energy_, result.price = energy_ - misfit_;
    draw_faces(result);
    hold_faces(result);
    measure(result);
}

std::int32_t RoofPlanner::pixel_of(std::size_t point) const {
    const auto c = std::int32_t((points_[3 * point] - left_) / pixel_);
    const auto row = std::int32_t((points_[3 * point + 1] - bottom_) / pixel_);
    return row * columns_ + c;
}

// A roof is most of what is seen where it is. Planes that chance lays through the leaves of a tree are not:
// they share their place with points above and below.
void RoofPlanner::measure_purity(std::size_t from_label) {
    purity_.resize(planes_.size(), 1);
    pixel_count_.assign(raster_.size(), 0);
    for (std::size_t i = 0; i < point_label_.size(); ++i)
        if (point_label_[i] != Segmentation::wall) ++pixel_count_[std::size_t(pixel_of(i))];
    cursor_.assign(raster_.size(), 0);
    for (std::size_t l = from_label; l < planes_.size(); ++l) {
        const auto each = [&](auto visit) {
            for (std::int32_t k = label_begin_[l]; k < label_begin_[l + 1]; ++k)
                visit(std::size_t(pixel_of(std::size_t(label_item_[std::size_t(k)]))));
        };
        double own = 0, all = 0;
        each([&](std::size_t pixel) { ++cursor_[pixel]; });
        each([&](std::size_t pixel) {
            if (cursor_[pixel] == 0) return;
            own += cursor_[pixel], all += pixel_count_[pixel];
            cursor_[pixel] = 0;
        });
        purity_[l] = all > 0 ? own / all : 1;
    }
}

void RoofPlanner::cut_cells() {
    // What was cut before may be the best so far: it stays, and the other one is written over.
    if (best_.in_place) std::swap(partition_, best_.partition), best_.in_place = false;
    const double x0 = left_, y0 = bottom_, x1 = left_ + columns_ * pixel_, y1 = bottom_ + rows_ * pixel_;
    partition_.start(x0 - 0.5, y0 - 0.5, x1 + 0.5, y1 + 0.5, sites_.data(), std::int32_t(sites_.size() / 2));
    if (lines_.size() > most_lines) lines_.resize(most_lines);
    const double margin = 0.3 + 1.5 * pixel_;
    for (const CutLine& line : lines_) partition_.cut(line, margin, 0.05, most_cells);
    partition_.connect();
}

// Planes without a cell are forgotten.
void RoofPlanner::drop_unused() {
    renamed_.assign(planes_.size(), -1);
    for (const std::int32_t l : cell_label_) renamed_[std::size_t(l)] = 0;
    std::int32_t next = 0;
    for (std::size_t l = 0; l < renamed_.size(); ++l) {
        if (renamed_[l] < 0) continue;
        planes_[std::size_t(next)] = planes_[l], purity_[std::size_t(next)] = purity_[l];
        renamed_[l] = next++;
    }
    planes_.resize(std::size_t(next)), purity_.resize(std::size_t(next));
    for (std::int32_t& l : cell_label_) l = renamed_[std::size_t(l)];
}

// Lists and bounds the points of each label.
void RoofPlanner::list_labels() {
    const std::size_t labels = planes_.size();
    label_begin_.assign(labels + 1, 0);
    for (const std::int32_t l : point_label_)
        if (l >= 0) ++label_begin_[std::size_t(l) + 1];
    for (std::size_t l = 0; l < labels; ++l) label_begin_[l + 1] += label_begin_[l];
    label_item_.resize(std::size_t(label_begin_.back()));
    cursor_.assign(label_begin_.begin(), label_begin_.end() - 1);
    support_.assign(labels, Support{});
    for (std::size_t i = 0; i < point_label_.size(); ++i) {
        const std::int32_t l = point_label_[i];
        if (l < 0) continue;
        label_item_[std::size_t(cursor_[std::size_t(l)]++)] = std::int32_t(i);
        Support& s = support_[std::size_t(l)];
        const double x = points_[3 * i], y = points_[3 * i + 1];
        if (s.count++ == 0) s.x0 = s.x1 = x, s.y0 = s.y1 = y;
        s.x0 = std::min(s.x0, x), s.x1 = std::max(s.x1, x);
        s.y0 = std::min(s.y0, y), s.y1 = std::max(s.y1, y);
    }
    bound_runs();
}

// Boxes round runs of listed points: scanners list neighbours one after the other, so boxes are small.
void RoofPlanner::bound_runs() {
    run_box_.clear();
    for (std::size_t k = 0; k < label_item_.size(); ++k) {
        const double *p = points_.data() + 3 * std::size_t(label_item_[k]), x = p[0], y = p[1];
        if (k % run_length == 0) run_box_.push_back({0, x, y, x, y});
        Support& s = run_box_.back();
        s.x0 = std::min(s.x0, x), s.x1 = std::max(s.x1, x);
        s.y0 = std::min(s.y0, y), s.y1 = std::max(s.y1, y);
    }
}

void RoofPlanner::keep_best() {
    if (!(energy_ < best_.energy)) return;
    best_.planes = planes_, best_.in_place = true, best_.cell_label = cell_label_;
    best_.energy = energy_, best_.misfit = misfit_;
}

void RoofPlanner::take_best() {
    planes_.swap(best_.planes), std::swap(partition_, best_.partition), cell_label_.swap(best_.cell_label);
    energy_ = best_.energy, misfit_ = best_.misfit;
}

double RoofPlanner::plane_price(std::size_t l) const {
    return o_.plane_nats / std::max(0.05, purity_[l] * purity_[l]);
}

// The points of a cell, coordinate by coordinate.
void RoofPlanner::gather_cell(const Partition::Cell& cell) {
    const std::size_t n = inverse_variance_.size();
    for (auto& column : cell_points_) column.clear();
    for (const std::int32_t site : cell.sites) {
        const auto i = std::size_t(site);
        if (i >= n) continue;
        for (std::size_t k = 0; k < 3; ++k) cell_points_[k].push_back(points_[3 * i + k]);
        cell_points_[3].push_back(inverse_variance_[i]);
    }
    cell_nats_.resize(cell_points_[0].size());
}

double RoofPlanner::cell_misfit(const RoofPlane& p) {
    const double cosine = p.cosine(), cap = o_.outlier_nats;
    const double *x = cell_points_[0].data(), *y = cell_points_[1].data(), *z = cell_points_[2].data(),
                 *v = cell_points_[3].data();
    double* nats = cell_nats_.data();
    const std::size_t n = cell_nats_.size();
    // First all, then their sum, so that no point waits for the sum before it.
    for (std::size_t i = 0; i < n; ++i) nats[i] = capped_nats((z[i] - p.at(x[i], y[i])) * cosine, v[i], cap);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += nats[i];
    return sum;
}

void RoofPlanner::label_cells() {
    const std::size_t cells = partition_.size(), labels = planes_.size();
    data_.assign(cells * labels, 0);
    cell_label_.assign(cells, 0);
    for (std::size_t c = 0; c < cells; ++c) {
        const Partition::Cell& cell = partition_.cell(c);
        double* cost = data_.data() + c * labels;
        double mx = 0, my = 0;
        for (const Partition::Corner& p : cell.ring) mx += p.x, my += p.y;
        mx /= double(cell.ring.size()), my /= double(cell.ring.size());
        gather_cell(cell);
        const std::size_t inside_points = cell_nats_.size(), pixels = cell.sites.size() - inside_points;
        const double area = double(pixels) * pixel_ * pixel_;
        for (std::size_t l = 0; l < labels; ++l) {
            const RoofPlane& p = planes_[l];
            const Support& s = support_[l];
            // Planes are not drawn out far beyond their points, nor above all or below all of them.
            const double dx = std::max({0.0, s.x0 - mx, mx - s.x1}),
                         dy = std::max({0.0, s.y0 - my, my - s.y1});
            const double away = std::max(0.0, std::sqrt(dx * dx + dy * dy) - 2 * pixel_);
            if (away > farthest) {
                cost[l] = weight_ * o_.outlier_nats * double(inside_points) + far_nats * away;
                continue;
            }
            cost[l] = weight_ * cell_misfit(p) + empty_nats * away * area;
            const double z = p.at(mx, my);
            if (pixels > 0 && (z > high_ + 1 || z < low_ - 1)) cost[l] += impossible;
        }
        cell_label_[c] = std::int32_t(std::min_element(cost, cost + labels) - cost);
    }
    edges_.clear();
    for (const Partition::Border& b : partition_.borders()) {
        const CutLine& line = partition_.lines()[std::size_t(b.line)];
        edges_.push_back({b.a, b.b, o_.border_nats * inside_length(line, b.t0, b.t1) + 1e-4});
    }
    price_.resize(labels);
    for (std::size_t l = 0; l < labels; ++l) price_[l] = plane_price(l);
    energy_ = labeller_.run(std::int32_t(cells), std::int32_t(labels), data_, edges_, price_, cell_label_);
    misfit_ = 0;
    for (std::size_t c = 0; c < cells; ++c) misfit_ += data_[c * labels + std::size_t(cell_label_[c])];
}

// Planes fitted to the points of their cells; those that one plane explains as well become one.
void RoofPlanner::refit() {
    drop_unused();
    hand_down_labels();
    for (std::size_t l = 0; l < planes_.size(); ++l) refit_plane(l);
    if (!merge_planes()) return;
    drop_unused();
    hand_down_labels();
    for (std::size_t l = 0; l < planes_.size(); ++l) refit_plane(l);
}

// The labels of cells to their points and pixels.
void RoofPlanner::hand_down_labels() {
    const std::size_t n = inverse_variance_.size();
    for (std::size_t c = 0; c < partition_.size(); ++c) {
        for (const std::int32_t s : partition_.cell(c).sites) {
            if (std::size_t(s) < n)
                point_label_[std::size_t(s)] = cell_label_[c];
            else
                raster_[std::size_t(site_pixel_[std::size_t(s) - n])] = cell_label_[c];
        }
    }
    list_labels();
}

// Iterated reweighting (Tukey's biweight).
void RoofPlanner::refit_plane(std::size_t l) {
    if (label_begin_[l] == label_begin_[l + 1]) return;
    const std::size_t first = std::size_t(label_item_[std::size_t(label_begin_[l])]);
    const double x = points_[3 * first], y = points_[3 * first + 1], z = points_[3 * first + 2];
    for (int pass = 0; pass < 3; ++pass) {
        RoofPlane& p = planes_[l];
        const double cosine = p.cosine();
        PlaneSums sums;
        int near = 0;
        for (std::int32_t k = label_begin_[l]; k < label_begin_[l + 1]; ++k) {
            const auto i = std::size_t(label_item_[std::size_t(k)]);
            const double d = (points_[3 * i + 2] - p.at(points_[3 * i], points_[3 * i + 1])) * cosine;
            const double u = d * d * inverse_variance_[i] / 12;
            if (u >= 1) continue;
            ++near;
            sums.add(points_[3 * i] - x, points_[3 * i + 1] - y, points_[3 * i + 2] - z, (1 - u) * (1 - u));
        }
        RoofPlane better;
        if (near < 5 || !sums.solve(&better)) return;
        better.c += z - better.a * x - better.b * y;
        p = better;
    }
}

// Neighbours whose points one plane explains nearly as well as two are given one label and that plane, the
// pair that gains most first. Labels alone cannot find this: neither of the two planes is the common one.
bool RoofPlanner::merge_planes() {
    const std::size_t labels = planes_.size();
    pairs_.clear();
    for (std::size_t k = 0; k < edges_.size(); ++k) {
        const std::int32_t a = cell_label_[std::size_t(edges_[k].a)],
                           b = cell_label_[std::size_t(edges_[k].b)];
        if (a != b) pairs_.push_back({std::min(a, b), std::max(a, b), edges_[k].weight});
    }
    std::sort(pairs_.begin(), pairs_.end(), [](const LabelEdge& u, const LabelEdge& v) {
        return std::tie(u.a, u.b, u.weight) < std::tie(v.a, v.b, v.weight);
    });
    const double x = left_, y = bottom_, z = low_;
    sums_.assign(labels, PlaneSums{});
    std::vector<double> nats(labels, 0);
    const auto misfit = [](const PlaneSums& sums, RoofPlane* plane) {
        if (!sums.solve(plane)) return std::numeric_limits<double>::infinity();
        return 0.5 * sums.deviation2(*plane) * plane->cosine() * plane->cosine();
    };
    for (std::size_t l = 0; l < labels; ++l) {
        const RoofPlane& p = planes_[l];
        const double cosine = p.cosine();
        for (std::int32_t k = label_begin_[l]; k < label_begin_[l + 1]; ++k) {
            const auto i = std::size_t(label_item_[std::size_t(k)]);
            const double* q = points_.data() + 3 * i;
            const double v = inverse_variance_[i];
            if (capped_nats((q[2] - p.at(q[0], q[1])) * cosine, v, o_.outlier_nats) < o_.outlier_nats)
                sums_[l].add(q[0] - x, q[1] - y, q[2] - z, weight_ * v);
        }
        RoofPlane own;
        nats[l] = misfit(sums_[l], &own);
    }
    bool any = false;
    while (true) {
        double most = 0;
        std::int32_t one = -1, other = -1;
        RoofPlane common, best;
        for (std::size_t i = 0, j; i < pairs_.size(); i = j) {
            const std::int32_t a = pairs_[i].a, b = pairs_[i].b;
            double border = 0;
            for (j = i; j < pairs_.size() && pairs_[j].a == a && pairs_[j].b == b; ++j)
                border += pairs_[j].weight;
            PlaneSums both = sums_[std::size_t(a)];
            both.add(sums_[std::size_t(b)]);
            const double cost = misfit(both, &common) - nats[std::size_t(a)] - nats[std::size_t(b)];
            const double saved = border + std::min(plane_price(std::size_t(a)), plane_price(std::size_t(b)));
            if (!(saved - cost > most)) continue;
            most = saved - cost, one = a, other = b, best = common;
        }
        if (one < 0) return any;
        any = true;
        const auto a = std::size_t(one), b = std::size_t(other);
        sums_[a].add(sums_[b]);
        nats[a] = misfit(sums_[a], &common);
        best.c += z - best.a * x - best.b * y;
        planes_[a] = best, purity_[a] = std::max(purity_[a], purity_[b]);
        for (std::int32_t& l : cell_label_)
            if (l == other) l = one;
        for (LabelEdge& pair : pairs_) {
            if (pair.a == other) pair.a = one;
            if (pair.b == other) pair.b = one;
            if (pair.a > pair.b) std::swap(pair.a, pair.b);
        }
        const auto inner = [](const LabelEdge& pair) { return pair.a == pair.b; };
        pairs_.erase(std::remove_if(pairs_.begin(), pairs_.end(), inner), pairs_.end());
        std::sort(pairs_.begin(), pairs_.end(), [](const LabelEdge& u, const LabelEdge& v) {
            return std::tie(u.a, u.b, u.weight) < std::tie(v.a, v.b, v.weight);
        });
    }
}

// Points that the roof does not explain are segmented by themselves; their planes join the others.
void RoofPlanner::propose_from_residuals() {
    rest_.clear(), rest_point_.clear();
    for (std::size_t i = 0; i < point_label_.size(); ++i) {
        const double* q = points_.data() + 3 * i;
        const RoofPlane& p = planes_[std::size_t(point_label_[i])];
        const double d = (q[2] - p.at(q[0], q[1])) * p.cosine();
        if (capped_nats(d, inverse_variance_[i], o_.outlier_nats) < 0.8 * o_.outlier_nats) continue;
        rest_.insert(rest_.end(), q, q + 3);
        rest_point_.push_back(std::int32_t(i));
    }
    const auto count = std::int64_t(rest_point_.size());
    segmenter_.run(rest_.data(), count, spacing_ * spacing_ * double(count), o_.segment, segmentation_);
    if (segmentation_.planes.empty()) return;
    const auto first = std::int32_t(planes_.size());
    planes_.insert(planes_.end(), segmentation_.planes.begin(), segmentation_.planes.end());
    for (std::size_t k = 0; k < rest_point_.size(); ++k) {
        const auto i = std::size_t(rest_point_[k]);
        if (segmentation_.region[k] < 0) continue;
        point_label_[i] = first + segmentation_.region[k];
        std::int32_t& pixel = raster_[std::size_t(pixel_of(i))];
        if (pixel >= 0) pixel = point_label_[i];
    }
    list_labels();
    measure_purity(std::size_t(first));
    find_links(first);
    kept_lines_.swap(lines_);
    find_lines();
    lines_.insert(lines_.end(), kept_lines_.begin(), kept_lines_.end());
}

void RoofPlanner::measure(RoofPlan& result) {
    std::int64_t good = 0;
    const std::size_t n = inverse_variance_.size();
    for (std::size_t c = 0; c < partition_.size(); ++c) {
        const RoofPlane& p = planes_[std::size_t(cell_label_[c])];
        for (const std::int32_t s : partition_.cell(c).sites) {
            const auto i = std::size_t(s);
            if (i >= n) continue;
            const double d = (points_[3 * i + 2] - p.at(points_[3 * i], points_[3 * i + 1])) * p.cosine();
            good += std::abs(d) <= 0.2;
        }
    }
    result.explained = n > 0 ? double(good) / double(n) : 0;
}

}  // namespace geovision
