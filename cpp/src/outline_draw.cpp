// Lines of neighbouring arcs agree at their junctions, and vertices are where lines meet.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "geovision/outline_shape.hpp"

namespace geovision {
namespace {

constexpr double least_turn = 0.14;  // sine of the angle below which two lines have no sound intersection

double cross(Vec a, Vec b) { return a.x * b.y - a.y * b.x; }

Point on_grid(Vec p) { return round_point(p.x * outline_grid, p.y * outline_grid); }

// Without repeated vertices and those on a straight line; edges shorter than a third of a cell are needless.
void tidy(std::vector<Point>& chain, bool closed, double least) {
    const auto near = [&](Point a, Point b) { return double(dist2(a, b)) < least * least || a == b; };
    std::vector<Point> out;
    for (const Point p : chain) {
        if (!out.empty() && near(out.back(), p)) continue;
        while (out.size() >= 2 && orient(out[out.size() - 2], out.back(), p) == 0) out.pop_back();
        out.push_back(p);
    }
    if (closed) {
        while (out.size() > 3 && near(out.front(), out.back())) out.pop_back();
        while (out.size() > 3 && orient(out[out.size() - 2], out.back(), out.front()) == 0) out.pop_back();
        while (out.size() > 3 && orient(out.back(), out.front(), out[1]) == 0) out.erase(out.begin());
    }
    chain.swap(out);
}

std::int32_t root_of(const std::vector<std::int32_t>& parent, std::int32_t a) {
    while (parent[std::size_t(a)] != a) a = parent[std::size_t(a)];
    return a;
}

}  // namespace

OutlineDrawing::OutlineDrawing(const OutlinePatch& patch, OutlineMap& map, const OutlineOptions& options,
                               double reach)
    : patch_(patch), options_(options), map_(map), reach_(reach) {
    if (options.level == OutlineLevel::raw) return;
    const double tolerance = std::max(options.tolerance / options.cell, 0.8);
    paths_ = make_paths(map, std::min(tolerance, reach));
    directions_ = find_directions(patch, map, paths_);
    if (options.level == OutlineLevel::regular) fit(2.5 * tolerance * tolerance);
}

double OutlineDrawing::direction(std::int32_t building) const {
    if (directions_.empty() || directions_[std::size_t(building)].empty()) return 0;
    return directions_[std::size_t(building)].front().angle;
}

void OutlineDrawing::fit(double price) {
    std::int32_t count = 0;
    for (std::size_t a = 0; a < map_.arcs.size(); ++a) {
        const OutlineArc& arc = map_.arcs[a];
        OutlineDirections both;
        for (const std::int32_t side : {arc.left, arc.right}) {
            for (const OutlineDirection& d : directions_[std::size_t(side)]) {
                const auto same = [&](const OutlineDirection& o) { return o.angle == d.angle; };
                if (side != 0 && std::none_of(both.begin(), both.end(), same)) both.push_back(d);
            }
        }
        lines_.push_back(fit_lines(paths_, a, arc.closed(), both, price));
        // A bay that is too deep to be left out is drawn although its few points would not pay for it.
        for (double less = price / 4; less > price / 20 && !keeps_near(a); less /= 4)
            lines_.back() = fit_lines(paths_, a, arc.closed(), both, less);
        if (options_.has_height && (arc.left == 0 || arc.right == 0))
            for (OutlineLine& line : lines_.back()) follow_heights(a, line);
        first_line_.push_back(count);
        count += std::int32_t(lines_.back().size());
    }
}

void OutlineDrawing::join(Solved& solved, std::int32_t a, std::int32_t b) const {
    if (a == b) return;
    if (b < a) std::swap(a, b);
    Line& to = solved.lines[std::size_t(a)];
    const Line& from = solved.lines[std::size_t(b)];
    if (from.fixed && (!to.fixed || from.sums.n > to.sums.n)) to.along = from.along;
    to.fixed = to.fixed || from.fixed;
    to.sums = to.sums + from.sums;
    to.mean = to.sums.mean();
    if (!to.fixed) to.along = to.sums.axis();
    solved.parent[std::size_t(b)] = a;
}

// How much worse two lines explain their points as one; infinite where they differ in direction.
double OutlineDrawing::gain_lost(const Solved& solved, std::int32_t a, std::int32_t b) const {
    constexpr double never = std::numeric_limits<double>::infinity();
    const Line &l = solved.lines[std::size_t(a)], &m = solved.lines[std::size_t(b)];
    const double turn = std::abs(cross(l.along, m.along));
    if (l.fixed && m.fixed ? turn > 0.01 : turn > 0.26) return never;
    const OutlineMoments sum = l.sums + m.sums;
    const Vec along = !l.fixed && !m.fixed ? sum.axis() : (l.fixed ? l : m).along;
    return sum.misfit(along) - l.sums.misfit(l.along) - m.sums.misfit(m.along);
}

void OutlineDrawing::join_ends(const std::vector<End>& ends, Solved& solved) const {
    std::vector<char> used(ends.size(), 0);
    while (true) {
        double best = std::numeric_limits<double>::infinity();
        std::size_t first = 0, second = 0;
        for (std::size_t i = 0; i < ends.size(); ++i) {
            for (std::size_t j = i + 1; j < ends.size(); ++j) {
                const std::int32_t a = root_of(solved.parent, ends[i].line);
                const std::int32_t b = root_of(solved.parent, ends[j].line);
                if (used[i] != 0 || used[j] != 0 || a == b) continue;
                const double lost = gain_lost(solved, a, b);
                const double price =
                    std::min(solved.lines[std::size_t(a)].price, solved.lines[std::size_t(b)].price);
                if (lost > price || lost >= best) continue;
                best = lost, first = i, second = j;
            }
        }
        if (first == second) return;
        used[first] = used[second] = 1;
        join(solved, root_of(solved.parent, ends[first].line), root_of(solved.parent, ends[second].line));
    }
}

OutlineDrawing::Solved OutlineDrawing::separate() const {
    Solved solved;
    for (const auto& some : lines_)
        for (const OutlineLine& l : some)
            solved.lines.push_back({l.sums.mean(), l.along, l.fixed, l.sums, l.price});
    solved.parent.resize(solved.lines.size());
    std::iota(solved.parent.begin(), solved.parent.end(), 0);
    return solved;
}

Vec OutlineDrawing::place_node(std::size_t node, const std::vector<End>& ends, const Solved& solved) const {
    const Vec raw{double(map_.nodes[node].x), double(map_.nodes[node].y)};
    // Least squares over the distinct lines, weakly held at the traced place.
    double xx = 1e-3, xy = 0, yy = 1e-3, x = 0, y = 0;
    std::vector<std::int32_t> distinct;
    for (const End& end : ends) distinct.push_back(solved.parent[std::size_t(end.line)]);
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const std::int32_t d : distinct) {
        const Line& l = solved.lines[std::size_t(d)];
        const Vec n{-l.along.y, l.along.x};
        const double c = n.x * (l.mean.x - raw.x) + n.y * (l.mean.y - raw.y);
        const double w = std::min(l.sums.n, 30.0);
        xx += w * n.x * n.x, xy += w * n.x * n.y, yy += w * n.y * n.y;
        x += w * n.x * c, y += w * n.y * c;
    }
    const double det = xx * yy - xy * xy;
    Vec move{(yy * x - xy * y) / det, (xx * y - xy * x) / det};
    const double length = norm(move.x, move.y);
    if (length > reach_) move = {move.x * reach_ / length, move.y * reach_ / length};
    return {raw.x + move.x, raw.y + move.y};
}

bool OutlineDrawing::keeps_near(std::size_t arc) const {
    for (const OutlineLine& line : lines_[arc]) {
        const Vec mean = line.sums.mean();
        for (std::int32_t i = line.first; i <= line.last; ++i) {
            const Vec p = paths_.point(arc, i);
            if (std::abs(cross(line.along, {p.x - mean.x, p.y - mean.y})) > 0.9 * reach_) return false;
        }
    }
    return true;
}

// No point of the path may lie further from the line that stands for it than a vertex may move.
bool OutlineDrawing::follows(std::size_t arc, const Solved& solved) const {
    for (std::size_t k = 0; k < lines_[arc].size(); ++k) {
        const OutlineLine& own = lines_[arc][k];
        const Line& l = solved.lines[std::size_t(solved.parent[std::size_t(first_line_[arc]) + k])];
        for (std::int32_t i = own.first; i <= own.last; ++i) {
            const Vec p = paths_.point(arc, i);
            if (std::abs(cross(l.along, {p.x - l.mean.x, p.y - l.mean.y})) > reach_) return false;
        }
    }
    return true;
}

void OutlineDrawing::chain_regular(std::size_t arc, const Solved& solved, std::vector<Point>& out) const {
    const std::vector<OutlineLine>& own = lines_[arc];
    const auto line = [&](std::size_t k) -> const Line& {
        return solved.lines[std::size_t(solved.parent[std::size_t(first_line_[arc]) + k])];
    };
    const auto foot = [](const Line& l, Vec p) {
        const double t = (p.x - l.mean.x) * l.along.x + (p.y - l.mean.y) * l.along.y;
        return Vec{l.mean.x + t * l.along.x, l.mean.y + t * l.along.y};
    };
    const auto meet = [&](const Line& a, const Line& b, Vec at) {
        if (&a == &b) return;
        const double turn = cross(a.along, b.along);
        if (std::abs(turn) > least_turn) {
            const double t = cross({b.mean.x - a.mean.x, b.mean.y - a.mean.y}, b.along) / turn;
            const Vec p{a.mean.x + t * a.along.x, a.mean.y + t * a.along.y};
            if (norm(p.x - at.x, p.y - at.y) <= reach_) return out.push_back(on_grid(p));
        }
        out.push_back(on_grid(foot(a, at)));
        out.push_back(on_grid(foot(b, at)));
    };
    const bool closed = map_.arcs[arc].closed();
    if (closed) meet(line(own.size() - 1), line(0), paths_.point(arc, 0));
    for (std::size_t k = 0; k + 1 < own.size(); ++k)
        meet(line(k), line(k + 1), paths_.point(arc, own[k].last));
    tidy(out, closed, outline_grid / 3);
}

void OutlineDrawing::chain_simple(std::size_t arc, std::vector<Point>& out) const {
    const OutlinePath& path = paths_.paths[arc];
    const bool closed = map_.arcs[arc].closed();
    const auto& breaks = closed && path.coarse.size() < 5 ? path.fine : path.coarse;
    for (std::size_t k = closed ? 0 : 1; k + 1 < breaks.size(); ++k) {
        if (!options_.binary) {
            out.push_back(on_grid(paths_.point(arc, breaks[k])));
            continue;
        }
        // Corners of cells, since borders' middles would cut every corner of a mask off.
        const std::size_t sample = map_.arcs[arc].begin + std::size_t(breaks[k]) - (closed ? 0 : 1);
        const Point p = map_.samples[sample].corner;
        out.push_back({p.x * int(outline_grid), p.y * int(outline_grid)});
    }
    tidy(out, closed, 0);
}

void OutlineDrawing::chain_raw(std::size_t arc, std::vector<Point>& out) const {
    const OutlineArc& a = map_.arcs[arc];
    for (std::size_t k = a.begin; k < a.end; ++k) {
        const OutlineSample& s = map_.samples[k];
        if (!options_.binary)
            out.push_back(on_grid({s.x, s.y}));
        else if (a.closed() || k > a.begin)
            out.push_back({s.corner.x * int(outline_grid), s.corner.y * int(outline_grid)});
    }
    tidy(out, a.closed(), 0);
    if (a.closed() || !options_.binary || out.empty()) return;
    // The last and first vertex may lie straight before a junction.
    const auto node = [&](std::int32_t n) {
        const Point p = map_.nodes[std::size_t(n)];
        return Point{p.x * int(outline_grid), p.y * int(outline_grid)};
    };
    const auto next = [&](std::size_t k) { return k < out.size() ? out[k] : node(a.to); };
    while (!out.empty() && orient(node(a.from), out.front(), next(1)) == 0) out.erase(out.begin());
    while (!out.empty() &&
           orient(out.size() > 1 ? out[out.size() - 2] : node(a.from), out.back(), node(a.to)) == 0)
        out.pop_back();
}

void OutlineDrawing::draw(OutlineShape& shape) const {
    std::vector<std::vector<End>> ends(map_.nodes.size());
    std::vector<OutlineLevel> pinned(map_.nodes.size(), OutlineLevel::regular);
    Solved solved;
    if (!lines_.empty()) solved = separate();
    for (std::size_t a = 0; a < map_.arcs.size(); ++a) {
        const OutlineArc& arc = map_.arcs[a];
        if (arc.closed()) continue;
        for (const std::int32_t n : {arc.from, arc.to}) {
            pinned[std::size_t(n)] = std::max(pinned[std::size_t(n)], shape.level[a]);
            if (shape.level[a] != OutlineLevel::regular) continue;
            const std::size_t k = n == arc.from ? 0 : lines_[a].size() - 1;
            ends[std::size_t(n)].push_back({std::int32_t(a), first_line_[a] + std::int32_t(k)});
        }
    }
    for (std::size_t n = 0; n < ends.size(); ++n)
        if (pinned[n] != OutlineLevel::raw) join_ends(ends[n], solved);
    for (std::size_t a = 0; a < map_.arcs.size(); ++a) {
        if (shape.level[a] != OutlineLevel::regular || !map_.arcs[a].closed()) continue;
        const std::size_t first = std::size_t(first_line_[a]), last = first + lines_[a].size() - 1;
        if (first != last &&
            gain_lost(solved, std::int32_t(first), std::int32_t(last)) < solved.lines[first].price) {
            join(solved, std::int32_t(first), std::int32_t(last));
        }
    }
    for (std::int32_t& p : solved.parent) p = root_of(solved.parent, p);
    shape.nodes.clear();
    for (std::size_t n = 0; n < ends.size(); ++n) {
        const Point p = map_.nodes[n];
        if (pinned[n] == OutlineLevel::raw || ends[n].empty())
            shape.nodes.push_back({p.x * int(outline_grid), p.y * int(outline_grid)});
        else
            shape.nodes.push_back(on_grid(place_node(n, ends[n], solved)));
    }
    shape.chains.assign(map_.arcs.size(), {});
    for (std::size_t a = 0; a < map_.arcs.size(); ++a) {
        if (shape.level[a] == OutlineLevel::regular && !follows(a, solved))
            shape.level[a] = OutlineLevel::simple;
        if (shape.level[a] == OutlineLevel::regular)
            chain_regular(a, solved, shape.chains[a]);
        else if (shape.level[a] == OutlineLevel::simple)
            chain_simple(a, shape.chains[a]);
        else
            chain_raw(a, shape.chains[a]);
    }
}

}  // namespace geovision
