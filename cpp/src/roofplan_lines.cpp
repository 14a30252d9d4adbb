// Where planes end: lines in which neighbouring planes meet, lines at which they step, and the outline's own.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>

#include "geovision/roofplan.hpp"

namespace geovision {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double least_run = 0.5;          // metres
constexpr double least_facing = 0.35;      // cosine; links squarer than that to a line say nothing of it
constexpr double same_direction = 0.0523;  // 3 degrees

double turn(double a, double b) {
    const double d = std::abs(a - b);
    return std::min(d, pi - d);
}

// How much of a pixel's edge runs along a line with this normal.
double facing(const CutLine& line, float side_x, float side_y) {
    return std::abs(line.nx * double(side_x) + line.ny * double(side_y));
}

double half_turn(double a) { return a - pi * std::floor(a / pi); }

}  // namespace

// Directions of the outline, right angles with them; the heaviest first.
void RoofPlanner::find_directions() {
    struct Bin {
        double angle, length;
    };
    std::vector<Bin> bins;
    double total = 0;
    for (std::int64_t r = 0; r < e_.rings; ++r) {
        const std::int64_t begin = e_.ring_offsets[r], end = e_.ring_offsets[r + 1];
        for (std::int64_t i = begin; i < end; ++i) {
            const double *p = e_.xy + 2 * i, *q = e_.xy + 2 * (i + 1 < end ? i + 1 : begin);
            const double dx = q[0] - p[0], dy = q[1] - p[1], length = std::hypot(dx, dy);
            if (length < 0.3) continue;
            const double angle = std::fmod(half_turn(std::atan2(dy, dx)), pi / 2);
            total += length;
            bool found = false;
            for (Bin& b : bins) {
                double d = angle - b.angle;
                d -= pi / 2 * std::round(d / (pi / 2));
                if (std::abs(d) > 2 * same_direction) continue;
                b.angle += d * length / (b.length + length);
                b.length += length;
                found = true;
                break;
            }
            if (!found) bins.push_back({angle, length});
        }
    }
    std::stable_sort(bins.begin(), bins.end(),
                     [](const Bin& a, const Bin& b) { return a.length > b.length; });
    directions_.clear();
    for (const Bin& b : bins) {
        if (b.length < 0.15 * total || directions_.size() >= 6) break;
        directions_.push_back(half_turn(b.angle));
        directions_.push_back(half_turn(b.angle + pi / 2));
    }
}

void RoofPlanner::find_lines() {
    lines_.clear();
    for (std::size_t begin = 0, end; begin < links_.size(); begin = end) {
        for (end = begin; end < links_.size() && links_[end].low == links_[begin].low &&
                          links_[end].high == links_[begin].high;)
            ++end;
        lines_between(begin, end);
    }
}

void RoofPlanner::lines_between(std::size_t begin, std::size_t end) {
    pair_links_.assign(links_.begin() + std::ptrdiff_t(begin), links_.begin() + std::ptrdiff_t(end));
    const std::int32_t a = pair_links_[0].low, b = pair_links_[0].high;
    meeting_line(a, b);
    for (int k = 0; k < 8 && double(pair_links_.size()) * pixel_ >= least_run; ++k)
        if (!step_line(a, b)) break;
}

// The line in which two planes intersect; false when they are as good as parallel.
bool RoofPlanner::intersect(std::int32_t a, std::int32_t b, CutLine* line) const {
    const RoofPlane &p = planes_[std::size_t(a)], &q = planes_[std::size_t(b)];
    const double gx = p.a - q.a, gy = p.b - q.b, g = std::hypot(gx, gy);
    if (g < 0.05) return false;
    line->nx = gx / g, line->ny = gy / g, line->offset = (q.c - p.c) / g;
    line->meets = true, line->left = a, line->right = b;
    // What the segmentation may be off by: a few hand's breadths of height.
    line->weight = std::max(1.5 * pixel_, std::min(0.15 / g, 1.0));
    return true;
}

void RoofPlanner::meeting_line(std::int32_t a, std::int32_t b) {
    CutLine line;
    if (!intersect(a, b, &line)) return;
    const double tolerance = line.weight;
    add_runs(line, tolerance, 2, false);
}

// Takes the pair's links near the line, in stretches without gaps, out of the list and adds the stretches.
void RoofPlanner::add_runs(CutLine line, double tolerance, std::size_t least, bool refine) {
    order_.clear(), runs_.clear();
    for (std::size_t i = 0; i < pair_links_.size(); ++i) {
        const double x = double(pair_links_[i].x), y = double(pair_links_[i].y);
        if (facing(line, pair_links_[i].side_x, pair_links_[i].side_y) < least_facing) continue;
        if (std::abs(line.across(x, y)) <= tolerance) order_.push_back({line.along(x, y), i});
    }
    std::sort(order_.begin(), order_.end());
    const double gap = std::max(0.8, 3 * pixel_);
    for (std::size_t i = 0, j; i < order_.size(); i = j) {
        for (j = i + 1; j < order_.size() && order_[j].first - order_[j - 1].first <= gap;) ++j;
        const double length = order_[j - 1].first - order_[i].first + pixel_;
        if (j - i < least || length < least_run) continue;
        runs_.push_back({order_[i].first - 0.5 * pixel_, order_[j - 1].first + 0.5 * pixel_});
        for (std::size_t k = i; k < j; ++k) pair_links_[order_[k].second].low = -1;
    }
    if (runs_.empty()) return;
    if (refine) refine_step(&line, runs_);
    for (const auto& run : runs_) {
        line.t0 = run[0], line.t1 = run[1];
        line.weight = line.t1 - line.t0;
        lines_.push_back(line);
    }
    pair_links_.erase(
        std::remove_if(pair_links_.begin(), pair_links_.end(), [](const Link& l) { return l.low < 0; }),
        pair_links_.end());
}

// The direction and offset that most of the pair's remaining links agree on.
bool RoofPlanner::step_line(std::int32_t a, std::int32_t b) {
    double candidates[16];
    int count = 0;
    const auto consider = [&](double angle) {
        for (int k = 0; k < count; ++k)
            if (turn(candidates[k], angle) < same_direction) return;
        if (count < 16) candidates[count++] = angle;
    };
    for (const double d : directions_) consider(d);
    const int outline = count;
    for (const std::int32_t l : {a, b}) {
        const RoofPlane& p = planes_[std::size_t(l)];
        if (p.a * p.a + p.b * p.b < 0.01) continue;
        const double down = std::atan2(p.b, p.a);
        consider(half_turn(down)), consider(half_turn(down + pi / 2));
    }
    double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    for (const Link& l : pair_links_) {
        const double x = double(l.x) - left_, y = double(l.y) - bottom_;
        sx += x, sy += y, sxx += x * x, sxy += x * y, syy += y * y;
    }
    const double n = double(pair_links_.size());
    sxx -= sx * sx / n, sxy -= sx * sy / n, syy -= sy * sy / n;
    consider(half_turn(0.5 * std::atan2(2 * sxy, sxx - syy)));
    CutLine best;
    double best_score = 0;
    const double bin = 0.5 * pixel_;
    for (int k = 0; k < count; ++k) {
        CutLine line;
        line.nx = -std::sin(candidates[k]), line.ny = std::cos(candidates[k]);
        double low = std::numeric_limits<double>::infinity(), high = -low;
        for (const Link& l : pair_links_) {
            const double u = line.across(double(l.x), double(l.y));
            low = std::min(low, u), high = std::max(high, u);
        }
        votes_.assign(std::size_t((high - low) / bin) + 4, 0);
        for (const Link& l : pair_links_)
            votes_[std::size_t((line.across(double(l.x), double(l.y)) - low) / bin)] +=
                facing(line, l.side_x, l.side_y);
        for (std::size_t h = 0; h + 3 < votes_.size(); ++h) {
            const double score = (votes_[h] + votes_[h + 1] + votes_[h + 2]) * (k < outline ? 1.0 : 0.85);
            if (score <= best_score) continue;
            best_score = score;
            best = line;
            best.offset = low + bin * (double(h) + 1.5);
        }
    }
    if (best_score * pixel_ < least_run) return false;
    // Which of the two lies on the side of the normal.
    double side = 0;
    for (const Link& l : pair_links_)
        if (std::abs(best.across(double(l.x), double(l.y))) <= pixel_)
            side += best.nx * double(l.side_x) + best.ny * double(l.side_y);
    best.left = side > 0 ? b : a, best.right = side > 0 ? a : b;
    const std::size_t before = pair_links_.size();
    add_runs(best, pixel_, 2, true);
    return pair_links_.size() < before;
}

// Moves a step across itself to where the points say that one plane ends and the other begins: the offset
// of least misfit, in the middle of the gap between the points.
void RoofPlanner::refine_step(CutLine* line, const std::vector<std::array<double, 2>>& runs) {
    const double reach = std::max(0.8, 2.5 * pixel_);
    const RoofPlane &left = planes_[std::size_t(line->left)], &right = planes_[std::size_t(line->right)];
    const double cl = left.cosine(), cr = right.cosine();
    double first = runs[0][0], last = runs[0][1];
    for (const auto& run : runs) first = std::min(first, run[0]), last = std::max(last, run[1]);
    const auto far_off = [&](const Support& box) {
        const double x = 0.5 * (box.x0 + box.x1), y = 0.5 * (box.y0 + box.y1);
        const double wide = 0.5 * (box.x1 - box.x0), high = 0.5 * (box.y1 - box.y0);
        const double nx = std::abs(line->nx), ny = std::abs(line->ny), t = line->along(x, y);
        return std::abs(line->across(x, y)) > reach + nx * wide + ny * high ||
               t + ny * wide + nx * high < first || t - ny * wide - nx * high > last;
    };
    split_.clear();
    double all = 0;
    for (const std::int32_t label : {line->left, line->right}) {
        const auto end = std::size_t(label_begin_[std::size_t(label) + 1]);
        for (auto k = std::size_t(label_begin_[std::size_t(label)]), next = k; k < end; ++k) {
            if (k == next) {
                next = (k / run_length + 1) * run_length;
                if (far_off(run_box_[k / run_length])) {
                    k = next - 1;
                    continue;
                }
            }
            const auto i = std::size_t(label_item_[k]);
            const double x = points_[3 * i], y = points_[3 * i + 1], z = points_[3 * i + 2];
            const double u = line->across(x, y);
            if (std::abs(u) > reach) continue;
            const double t = line->along(x, y);
            bool on = false;
            for (const auto& run : runs) on |= t >= run[0] && t <= run[1];
            if (!on) continue;
            const double a = capped_nats((z - left.at(x, y)) * cl, inverse_variance_[i], o_.outlier_nats);
            const double b = capped_nats((z - right.at(x, y)) * cr, inverse_variance_[i], o_.outlier_nats);
            split_.push_back({u, a, b});
            all += a;
        }
    }
    if (split_.size() < 2) return;
    std::sort(split_.begin(), split_.end());
    // Below the offset lies the right plane.
    double cost = all, best = std::numeric_limits<double>::infinity(), from = -reach, to = reach;
    for (std::size_t i = 0; i <= split_.size(); ++i) {
        const double low = i > 0 ? split_[i - 1][0] : -reach, high = i < split_.size() ? split_[i][0] : reach;
        if (cost < best - 1e-9)
            best = cost, from = low, to = high;
        else if (cost < best + 0.5 && low <= to + 1e-9)
            to = high;
        if (i < split_.size()) cost += split_[i][2] - split_[i][1];
    }
    const double moved = std::clamp(0.5 * (from + to), -reach, reach);
    line->offset += std::clamp(moved, -2 * pixel_, 2 * pixel_);
}

// One line for several that are as good as the same; the longest first.
void RoofPlanner::tidy_lines() {
    std::stable_sort(lines_.begin(), lines_.end(), [](const CutLine& a, const CutLine& b) {
        return a.weight * (a.meets ? 1.5 : 1) > b.weight * (b.meets ? 1.5 : 1);
    });
    tidy_.clear();
    const double same = std::max(0.12, 0.4 * spacing_);
    for (const CutLine& line : lines_) {
        bool known = false;
        for (CutLine& old : tidy_) {
            if (std::abs(line.nx * old.ny - line.ny * old.nx) > same_direction) continue;
            const Vec p = line.at(line.t0), q = line.at(line.t1);
            if (std::abs(old.across(p.x, p.y)) > same || std::abs(old.across(q.x, q.y)) > same) continue;
            const double tp = old.along(p.x, p.y), tq = old.along(q.x, q.y);
            if (std::min(tp, tq) > old.t1 + 0.5 || std::max(tp, tq) < old.t0 - 0.5) continue;
            old.t0 = std::min({old.t0, tp, tq}), old.t1 = std::max({old.t1, tp, tq});
            known = true;
            break;
        }
        if (!known) tidy_.push_back(line);
    }
    lines_.swap(tidy_);
}

// Edges at the outline's inner corners: without them a convex cell could span the gap between two wings.
void RoofPlanner::outline_lines() {
    for (std::int64_t r = 0; r < e_.rings; ++r) {
        const std::int64_t begin = e_.ring_offsets[r], count = e_.ring_offsets[r + 1] - begin;
        double twice = 0;
        const auto vertex = [&](std::int64_t i) { return e_.xy + 2 * (begin + (i % count + count) % count); };
        for (std::int64_t i = 0; i < count; ++i)
            twice += (vertex(i)[0] - vertex(0)[0]) * (vertex(i + 1)[1] - vertex(0)[1]) -
                     (vertex(i + 1)[0] - vertex(0)[0]) * (vertex(i)[1] - vertex(0)[1]);
        const double way = (twice > 0) == (r == 0) ? 1 : -1;
        const auto reflex = [&](std::int64_t i) {
            const double *a = vertex(i - 1), *b = vertex(i), *c = vertex(i + 1);
            const double ux = b[0] - a[0], uy = b[1] - a[1], vx = c[0] - b[0], vy = c[1] - b[1];
            return way * (ux * vy - uy * vx) < -0.2 * std::hypot(ux, uy) * std::hypot(vx, vy);
        };
        for (std::int64_t i = 0; i < count; ++i) {
            const double *p = vertex(i), *q = vertex(i + 1);
            const double length = std::hypot(q[0] - p[0], q[1] - p[1]);
            if (length < least_run || !(reflex(i) || reflex(i + 1))) continue;
            CutLine line;
            line.nx = -(q[1] - p[1]) / length, line.ny = (q[0] - p[0]) / length;
            line.offset = line.nx * p[0] + line.ny * p[1];
            const double t = line.along(p[0], p[1]), u = line.along(q[0], q[1]);
            line.t0 = std::min(t, u), line.t1 = std::max(t, u);
            line.weight = 0.01 * length;
            lines_.push_back(line);
        }
    }
}

// The lines that separate labels now, placed anew with the planes as they are now.
void RoofPlanner::lines_again() {
    struct Stretch {
        std::int32_t line, left, right;
        double t0, t1;
    };
    std::vector<Stretch> stretches;
    for (const Partition::Border& b : partition_.borders()) {
        const std::int32_t l = cell_label_[std::size_t(b.a)], r = cell_label_[std::size_t(b.b)];
        if (l != r) stretches.push_back({b.line, l, r, b.t0, b.t1});
    }
    std::sort(stretches.begin(), stretches.end(), [](const Stretch& a, const Stretch& b) {
        return std::tie(a.line, a.left, a.right, a.t0) < std::tie(b.line, b.left, b.right, b.t0);
    });
    const std::vector<CutLine> old = partition_.lines();
    lines_.clear();
    for (std::size_t i = 0, j; i < stretches.size(); i = j) {
        const Stretch& s = stretches[i];
        CutLine line = old[std::size_t(s.line)];
        line.t0 = s.t0, line.t1 = s.t1, line.left = s.left, line.right = s.right;
        for (j = i + 1; j < stretches.size() && stretches[j].line == s.line && stretches[j].left == s.left &&
                        stretches[j].right == s.right && stretches[j].t0 <= line.t1 + 0.05;
             ++j)
            line.t1 = std::max(line.t1, stretches[j].t1);
        line.weight = line.t1 - line.t0;
        if (inside_length(line, line.t0, line.t1) < 0.1) continue;
        CutLine meet;
        const Vec p = line.at(line.t0), q = line.at(line.t1);
        if (intersect(s.left, s.right, &meet) && std::abs(meet.across(p.x, p.y)) < meet.weight &&
            std::abs(meet.across(q.x, q.y)) < meet.weight) {
            const double tp = meet.along(p.x, p.y), tq = meet.along(q.x, q.y);
            meet.t0 = std::min(tp, tq), meet.t1 = std::max(tp, tq), meet.weight = line.weight;
            lines_.push_back(meet);
            continue;
        }
        line.meets = false;
        runs_.assign(1, {line.t0, line.t1});
        refine_step(&line, runs_);
        lines_.push_back(line);
    }
}

}  // namespace geovision
