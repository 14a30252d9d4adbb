#include "geovision/outline_lines.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace geovision {
namespace {

constexpr double pi = 3.14159265358979323846;

double distance_to_chord(Vec p, Vec a, Vec b) {
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double length2 = dx * dx + dy * dy;
    double t = 0;
    if (length2 > 0) t = std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0);
    return norm(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

// Douglas and Peucker (1973); a point is as significant as the least significant split that led to it.
class Splitter {
public:
    Splitter(const Vec* points, std::int32_t n, double least)
        : points_(points), least_(least), weight_(std::size_t(n), 0) {}

    void split(std::int32_t first, std::int32_t last) {
        stack_.push_back({first, last, std::numeric_limits<double>::infinity()});
        while (!stack_.empty()) {
            const Range r = stack_.back();
            stack_.pop_back();
            double most = least_;
            std::int32_t where = -1;
            for (std::int32_t k = r.first + 1; k < r.last; ++k) {
                const double d = distance_to_chord(points_[k], points_[r.first], points_[r.last]);
                if (d > most) most = d, where = k;
            }
            if (where < 0) continue;
            const double weight = std::min(most, r.weight);
            weight_[std::size_t(where)] = weight;
            stack_.push_back({r.first, where, weight});
            stack_.push_back({where, r.last, weight});
        }
    }
    void keep(std::int32_t k) { weight_[std::size_t(k)] = std::numeric_limits<double>::infinity(); }
    std::vector<std::int32_t> above(double limit) const {
        std::vector<std::int32_t> out;
        for (std::size_t k = 0; k < weight_.size(); ++k)
            if (weight_[k] > limit) out.push_back(std::int32_t(k));
        return out;
    }

private:
    struct Range {
        std::int32_t first, last;
        double weight;
    };
    const Vec* points_;
    double least_;
    std::vector<double> weight_;
    std::vector<Range> stack_;
};

// A building's point farthest from its middle is nearly always a corner of it.
void turn_to_corner(OutlineMap& map, const OutlineArc& arc) {
    double x = 0, y = 0;
    for (std::size_t k = arc.begin; k < arc.end; ++k) x += map.samples[k].x, y += map.samples[k].y;
    x /= double(arc.size());
    y /= double(arc.size());
    std::size_t far = arc.begin;
    double most = -1;
    for (std::size_t k = arc.begin; k < arc.end; ++k) {
        const double d = norm(map.samples[k].x - x, map.samples[k].y - y);
        if (d > most + 1e-9) most = d, far = k;
    }
    const auto at = [&](std::size_t k) { return map.samples.begin() + std::ptrdiff_t(k); };
    std::rotate(at(arc.begin), at(far), at(arc.end));
}

std::int32_t farthest(const Vec* points, std::int32_t n) {
    std::int32_t best = n / 2;
    double most = -1;
    for (std::int32_t k = 1; k + 1 < n; ++k) {
        const double d = norm(points[k].x - points[0].x, points[k].y - points[0].y);
        if (d > most) most = d, best = k;
    }
    return best;
}

}  // namespace

void OutlineMoments::add(Vec p) {
    n += 1, x += p.x, y += p.y;
    xx += p.x * p.x, xy += p.x * p.y, yy += p.y * p.y;
}

OutlineMoments OutlineMoments::operator+(const OutlineMoments& o) const {
    return {n + o.n, x + o.x, y + o.y, xx + o.xx, xy + o.xy, yy + o.yy};
}

OutlineMoments OutlineMoments::operator-(const OutlineMoments& o) const {
    return {n - o.n, x - o.x, y - o.y, xx - o.xx, xy - o.xy, yy - o.yy};
}

double OutlineMoments::misfit(Vec u) const {
    const double cxx = xx - x * x / n, cxy = xy - x * y / n, cyy = yy - y * y / n;
    return std::max(0.0, cxx * u.y * u.y - 2 * cxy * u.x * u.y + cyy * u.x * u.x);
}

double OutlineMoments::misfit() const {
    const double cxx = xx - x * x / n, cxy = xy - x * y / n, cyy = yy - y * y / n;
    const double d = cxx - cyy;
    return std::max(0.0, 0.5 * (cxx + cyy - std::sqrt(d * d + 4 * cxy * cxy)));
}

Vec OutlineMoments::axis() const {
    const double cxx = xx - x * x / n, cxy = xy - x * y / n, cyy = yy - y * y / n;
    const double angle = 0.5 * std::atan2(2 * cxy, cxx - cyy);
    return {std::cos(angle), std::sin(angle)};
}

OutlineMoments OutlinePaths::stretch(std::size_t path, std::int32_t first, std::int32_t last) const {
    // Sums have one more entry a path than points.
    const std::size_t base = paths[path].begin + path;
    return sums[base + std::size_t(last) + 1] - sums[base + std::size_t(first)];
}

OutlinePaths make_paths(OutlineMap& map, double tolerance) {
    OutlinePaths out;
    for (const OutlineArc& arc : map.arcs) {
        OutlinePath path;
        path.begin = out.points.size();
        const auto node = [&](std::int32_t k) {
            const Point p = map.nodes[std::size_t(k)];
            out.points.push_back({double(p.x), double(p.y)});
        };
        if (arc.closed())
            turn_to_corner(map, arc);
        else
            node(arc.from);
        for (std::size_t k = arc.begin; k < arc.end; ++k)
            out.points.push_back({map.samples[k].x, map.samples[k].y});
        if (arc.closed())
            out.points.push_back(Vec(out.points[path.begin]));
        else
            node(arc.to);
        path.end = out.points.size();
        const Vec* points = out.points.data() + path.begin;
        const auto n = std::int32_t(path.end - path.begin);
        Splitter splitter(points, n, 0.5 * tolerance);
        splitter.keep(0);
        splitter.keep(n - 1);
        // A closed path needs a second fixed point.
        const std::int32_t middle = arc.closed() ? farthest(points, n) : 0;
        if (middle > 0) splitter.keep(middle);
        if (middle > 0) splitter.split(0, middle);
        splitter.split(middle, n - 1);
        path.fine = splitter.above(0);
        path.coarse = splitter.above(tolerance);
        OutlineMoments sum;
        for (std::int32_t k = 0; k < n; ++k) {
            out.sums.push_back(sum);
            sum.add(points[k]);
        }
        out.sums.push_back(sum);
        out.paths.push_back(std::move(path));
    }
    return out;
}

namespace {

// The points next to a corner are rounded off by whatever made the raster.
OutlineMoments inner(const OutlinePaths& paths, std::size_t path, std::int32_t first, std::int32_t last) {
    const std::int32_t trim = std::min(2, (last - first) / 4);
    return paths.stretch(path, first + trim, last - trim);
}

// Shortest path over (break point, kind of the line that ends there).
class LineSearch {
public:
    LineSearch(const OutlinePaths& paths, std::size_t path, const OutlineDirections& directions, double price)
        : paths_(paths), path_(path), breaks_(paths.paths[path].fine) {
        for (std::size_t d = 0; d < directions.size() && kinds_ < most_kinds - 4; ++d) {
            // Diagonals of the first direction only.
            for (int quarter = 0; quarter < (d == 0 ? 4 : 2); ++quarter) {
                const double turn = quarter < 2 ? quarter * pi / 2 : pi / 4 + (quarter - 2) * pi / 2;
                const double angle = directions[d].angle + turn;
                along_[kinds_] = {std::cos(angle), std::sin(angle)};
                price_[kinds_++] = price * (quarter < 2 ? 1 : 1.5);
            }
        }
        free_ = kinds_;
        price_[kinds_++] = 2.25 * price;
    }

    std::vector<OutlineLine> run() {
        const std::size_t n = breaks_.size();
        states_.assign(n, {});
        for (Kind k = 0; k < kinds_; ++k) states_[0].kind[k].cost = 0;
        states_[0].start = true;
        for (std::size_t j = 1; j < n; ++j) reach(j);
        return trace_back();
    }

private:
    static constexpr std::size_t most_kinds = 12;
    using Kind = std::size_t;
    struct Step {
        double cost = std::numeric_limits<double>::infinity();
        std::size_t from = 0;
        Kind before = 0;
    };
    struct State {
        std::array<Step, most_kinds> kind;
        std::array<Kind, 2> best{0, 0};  // the cheapest two kinds
        bool start = false;
    };

    void reach(std::size_t j) {
        State& to = states_[j];
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t i = j; i-- > 0;) {
            const State& from = states_[i];
            const OutlineMoments m = inner(paths_, path_, breaks_[i], breaks_[j]);
            const double least = m.misfit();
            // Longer stretches fit no better, so nothing further back can win.
            if (least > best + price_[free_]) break;
            for (Kind k = 0; k < kinds_; ++k) {
                const Kind before =
                    from.start || from.best[0] != k || k == free_ ? from.best[0] : from.best[1];
                const double misfit = k == free_ ? least : m.misfit(along_[k]);
                const double cost = from.kind[before].cost + misfit + price_[k];
                if (cost < to.kind[k].cost) to.kind[k] = {cost, i, before};
                best = std::min(best, cost);
            }
        }
        for (Kind k = 1; k < kinds_; ++k)
            if (to.kind[k].cost < to.kind[to.best[0]].cost) to.best[0] = k;
        to.best[1] = to.best[0] == 0 ? 1 : 0;
        for (Kind k = 0; k < kinds_; ++k)
            if (k != to.best[0] && to.kind[k].cost < to.kind[to.best[1]].cost) to.best[1] = k;
    }

    std::vector<OutlineLine> trace_back() const {
        std::vector<OutlineLine> lines;
        std::size_t j = breaks_.size() - 1;
        Kind k = states_[j].best[0];
        while (j > 0) {
            const Step& step = states_[j].kind[k];
            OutlineLine line;
            line.first = breaks_[step.from];
            line.last = breaks_[j];
            line.sums = inner(paths_, path_, line.first, line.last);
            line.fixed = k != free_;
            line.along = line.fixed ? along_[k] : line.sums.axis();
            line.price = price_[k];
            lines.push_back(line);
            j = step.from;
            k = step.before;
        }
        std::reverse(lines.begin(), lines.end());
        return lines;
    }

    const OutlinePaths& paths_;
    std::size_t path_;
    const std::vector<std::int32_t>& breaks_;
    std::array<Vec, most_kinds> along_;
    std::array<double, most_kinds> price_{};
    Kind kinds_ = 0, free_ = 0;
    std::vector<State> states_;
};

}  // namespace

std::vector<OutlineLine> fit_lines(const OutlinePaths& paths, std::size_t path, bool closed,
                                   const OutlineDirections& directions, double price) {
    std::vector<OutlineLine> lines = LineSearch(paths, path, directions, price).run();
    // A ring needs three lines; a small one is given them at a lower price.
    for (int round = 0; closed && lines.size() < 4 && round < 3; ++round) {
        price /= 4;
        lines = LineSearch(paths, path, directions, price).run();
    }
    return lines;
}

}  // namespace geovision
