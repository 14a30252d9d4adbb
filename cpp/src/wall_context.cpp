#include "wall_context.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "geovision/parallel.hpp"
#include "wall_trace.hpp"

namespace geovision {
namespace {

constexpr double behind_m = 0.2;  // metres: how far a neighbour may reach into a wall and still block it
constexpr double storey_m = 2.5;  // metres: what is blocked lower than this still has room above
constexpr double bin_m = 32.0;    // metres
constexpr std::int64_t least_span = 10;  // grid steps; less of a wall is not blocked at all
constexpr double ahead =
    0.70710678118654752;             // cosine of 45 degrees: fronts and backs are less turned than this
constexpr double on_ground_m = 0.5;  // metres above the building's lowest point

// A piece of a neighbour or a street in world grid steps.
struct Line {
    double x0, y0, x1, y1, top;
    std::int64_t owner;  // building of the batch, -1 for others
};

// Lines by square bins.
class Bins {
public:
    explicit Bins(double cell) : cell_(cell) {}

    void add(const Line& line) {
        const auto i = std::int32_t(lines_.size());
        lines_.push_back(line);
        each_bin(std::min(line.x0, line.x1), std::min(line.y0, line.y1), std::max(line.x0, line.x1),
                 std::max(line.y0, line.y1),
                 [&](std::int64_t x, std::int64_t y) { entries_.push_back({x, y, i}); });
    }
    void finish() { std::sort(entries_.begin(), entries_.end()); }

    // Lines that may lie in a box; each of them once.
    void near(double x0, double y0, double x1, double y1, std::vector<std::int32_t>& found) const {
        found.clear();
        if (entries_.empty()) return;
        each_bin(x0, y0, x1, y1, [&](std::int64_t x, std::int64_t y) {
            const Entry first{x, y, std::numeric_limits<std::int32_t>::min()};
            for (auto it = std::lower_bound(entries_.begin(), entries_.end(), first);
                 it != entries_.end() && it->x == x && it->y == y; ++it)
                found.push_back(it->line);
        });
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
    }
    const Line& operator[](std::int32_t i) const { return lines_[std::size_t(i)]; }

private:
    struct Entry {
        std::int64_t x, y;
        std::int32_t line;
        bool operator<(const Entry& o) const {
            return x != o.x ? x < o.x : y != o.y ? y < o.y : line < o.line;
        }
    };
    template <class Visit>
    void each_bin(double x0, double y0, double x1, double y1, Visit visit) const {
        const auto bin = [&](double v) { return std::int64_t(std::floor(v / cell_)); };
        for (std::int64_t x = bin(x0); x <= bin(x1); ++x)
            for (std::int64_t y = bin(y0); y <= bin(y1); ++y) visit(x, y);
    }
    double cell_;
    std::vector<Line> lines_;
    std::vector<Entry> entries_;
};

// Long lines in pieces, so that they are not in all the bins of their boxes.
void add_pieces(Bins& bins, Line line, double longest) {
    const double length = norm(line.x1 - line.x0, line.y1 - line.y0);
    if (!(length > 0) || !std::isfinite(length)) return;
    const auto pieces = std::int64_t(std::ceil(std::min(length / longest, 1e6)));
    const Line whole = line;
    for (std::int64_t k = 0; k < pieces; ++k) {
        const double a = double(k) / double(pieces), b = double(k + 1) / double(pieces);
        line.x0 = whole.x0 + (whole.x1 - whole.x0) * a, line.y0 = whole.y0 + (whole.y1 - whole.y0) * a;
        line.x1 = whole.x0 + (whole.x1 - whole.x0) * b, line.y1 = whole.y0 + (whole.y1 - whole.y0) * b;
        bins.add(line);
    }
}

class Context {
public:
    Context(const Solids& solids, const Surroundings& around, const WallOptions& options, Walls& walls)
        : solids_(solids),
          walls_(walls),
          options_(options),
          steps_(1 / solids.grid),
          neighbours_(bin_m * steps_),
          streets_(bin_m * steps_) {
        for (std::size_t w = 0; w < walls.face.size(); ++w) add_wall(w);
        for (std::int64_t n = 0; n < around.neighbours; ++n)
            add_outline(around.neighbour_xy, around.neighbour_offsets[n], around.neighbour_offsets[n + 1],
                        around.neighbour_top[n]);
        for (std::int64_t n = 0; n < around.streets; ++n)
            add_street(around.street_xy, around.street_offsets[n], around.street_offsets[n + 1]);
        neighbours_.finish(), streets_.finish();
    }

    struct Seen {
        std::vector<std::array<std::int32_t, 3>> blocked;
        double open;  // share of the reach that is free of neighbours
    };

    WallFrame frame(std::size_t w) const {
        return {walls_.corner[3 * w],    walls_.corner[3 * w + 1],    walls_.corner[3 * w + 2],
                walls_.direction[2 * w], walls_.direction[2 * w + 1], walls_.length[w]};
    }

    // What stands before a wall.
    Seen look(std::size_t w, std::vector<std::int32_t>& found) const {
        const WallFrame f = frame(w);
        const Vec base = origin(w);
        const double reach = options_.reach * steps_, near = options_.near * steps_,
                     behind = behind_m * steps_;
        box(f, base, std::max(reach, near), neighbours_, found);
        Seen seen{{}, 1};
        for (const std::int32_t i : found) {
            const Line& line = neighbours_[i];
            if (line.owner == walls_.building[w]) continue;
            const auto top = to_grid(line.top - base_z(w) - f.z);
            if (top <= 0) continue;
            double s0, s1, n;
            if (clip(f, base, line, -behind, near, s0, s1, n)) {
                const std::int32_t from = to_grid(std::max(0.0, s0)),
                                   to = to_grid(std::min(double(f.length), s1));
                if (to - from >= least_span) seen.blocked.push_back({from, to, top});
            }
            if (clip(f, base, line, 0, reach, s0, s1, n) && s1 > 0 && s0 < f.length)
                seen.open = std::min(seen.open, n / reach);
        }
        merge(seen.blocked);
        return seen;
    }

    // Metres to the nearest street in front of the middle of a wall; -1 where there is none.
    double street(std::size_t w, std::vector<std::int32_t>& found) const {
        const WallFrame f = frame(w);
        const Vec base = origin(w);
        const double reach = options_.street_reach * steps_;
        const Vec middle = f.at(f.length / 2.0, 0);
        const double mx = middle.x + base.x, my = middle.y + base.y;
        streets_.near(mx - reach, my - reach, mx + reach, my + reach, found);
        double best = reach;
        for (const std::int32_t i : found) {
            const Line& line = streets_[i];
            Vec p{f.along(line.x0 - base.x, line.y0 - base.y) - f.length / 2.0,
                  f.out(line.x0 - base.x, line.y0 - base.y)},
                q{f.along(line.x1 - base.x, line.y1 - base.y) - f.length / 2.0,
                  f.out(line.x1 - base.x, line.y1 - base.y)};
            if (p.y <= 0 && q.y <= 0) continue;
            const auto cut = [](Vec& from, const Vec& to) {  // to the half plane in front
                if (from.y < 0) from = {from.x + (to.x - from.x) * from.y / (from.y - to.y), 0};
            };
            cut(p, q), cut(q, p);
            const double dx = q.x - p.x, dy = q.y - p.y, l2 = dx * dx + dy * dy;
            const double t = l2 > 0 ? std::clamp(-(p.x * dx + p.y * dy) / l2, 0.0, 1.0) : 0;
            best = std::min(best, norm(p.x + dx * t, p.y + dy * t));
        }
        return best < reach ? best / steps_ : -1;
    }

    double steps() const { return steps_; }

private:
    Vec origin(std::size_t w) const {
        const auto b = std::size_t(walls_.building[w]);
        return {solids_.origin[3 * b] * steps_, solids_.origin[3 * b + 1] * steps_};
    }
    double base_z(std::size_t w) const {
        return solids_.origin[3 * std::size_t(walls_.building[w]) + 2] * steps_;
    }

    void add_wall(std::size_t w) {
        if (Label(walls_.label[w]) != Label::wall) return;
        const WallFrame f = frame(w);
        const Vec base = origin(w), end = f.at(f.length, 0);
        // On the grid, so that a wall is the same to those who are given it as a neighbour.
        add_pieces(neighbours_,
                   {base.x + f.x, base.y + f.y, base.x + std::nearbyint(end.x),
                    base.y + std::nearbyint(end.y), base_z(w) + f.z + walls_.height[w], walls_.building[w]},
                   bin_m * steps_);
    }

    // On the grid, as the walls of the batch are.
    void add_outline(const double* xy, std::int64_t begin, std::int64_t end, double top) {
        const auto at = [&](double v) { return std::nearbyint(v * steps_); };
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t k = i + 1 < end ? i + 1 : begin;
            if (k == begin && end - begin == 2) break;
            add_pieces(neighbours_,
                       {at(xy[2 * i]), at(xy[2 * i + 1]), at(xy[2 * k]), at(xy[2 * k + 1]), at(top), -1},
                       bin_m * steps_);
        }
    }

    void add_street(const double* xy, std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i + 1 < end; ++i)
            add_pieces(streets_,
                       {xy[2 * i] * steps_, xy[2 * i + 1] * steps_, xy[2 * i + 2] * steps_,
                        xy[2 * i + 3] * steps_, 0, -1},
                       bin_m * steps_);
    }

    static void box(const WallFrame& f, const Vec& base, double reach, const Bins& bins,
                    std::vector<std::int32_t>& found) {
        const Vec end = f.at(f.length, 0);
        bins.near(base.x + std::min(double(f.x), end.x) - reach,
                  base.y + std::min(double(f.y), end.y) - reach,
                  base.x + std::max(double(f.x), end.x) + reach,
                  base.y + std::max(double(f.y), end.y) + reach, found);
    }

    // The part of a line between two distances in front of a wall: from s0 to s1, its nearest distance.
    static bool clip(const WallFrame& f, const Vec& base, const Line& line, double from, double to,
                     double& s0, double& s1, double& nearest) {
        const double x0 = line.x0 - base.x, y0 = line.y0 - base.y, x1 = line.x1 - base.x,
                     y1 = line.y1 - base.y;
        const double sa = f.along(x0, y0), sb = f.along(x1, y1), na = f.out(x0, y0), nb = f.out(x1, y1);
        double t0 = 0, t1 = 1;
        const double rise = nb - na;
        if (std::abs(rise) < 1e-9) {
            if (na < from || na > to) return false;
        } else {
            const double a = (from - na) / rise, b = (to - na) / rise;
            t0 = std::max(t0, std::min(a, b)), t1 = std::min(t1, std::max(a, b));
            if (t0 > t1) return false;
        }
        const double u = sa + (sb - sa) * t0, v = sa + (sb - sa) * t1;
        s0 = std::min(u, v), s1 = std::max(u, v);
        nearest = std::min(na + rise * t0, na + rise * t1);
        return true;
    }

    // In one order, equal ones once, and those of one height that meet as one.
    static void merge(std::vector<std::array<std::int32_t, 3>>& spans) {
        const auto by_top = [](const auto& a, const auto& b) {
            return a[2] != b[2] ? a[2] < b[2] : a[0] != b[0] ? a[0] < b[0] : a[1] < b[1];
        };
        std::sort(spans.begin(), spans.end(), by_top);
        std::size_t kept = 0;
        for (const auto& span : spans) {
            if (kept > 0 && spans[kept - 1][2] == span[2] && spans[kept - 1][1] >= span[0])
                spans[kept - 1][1] = std::max(spans[kept - 1][1], span[1]);
            else
                spans[kept++] = span;
        }
        spans.resize(kept);
        std::sort(spans.begin(), spans.end());
    }

    const Solids& solids_;
    Walls& walls_;
    const WallOptions& options_;
    double steps_;
    Bins neighbours_, streets_;
};

// Length of a wall that no neighbour blocks up to a storey.
double free_length(const Context::Seen& seen, std::int32_t length, double steps) {
    std::int32_t covered = 0, reached = 0;
    for (const auto& span : seen.blocked) {
        if (span[2] < storey_m * steps) continue;
        covered += std::max(0, span[1] - std::max(reached, span[0]));
        reached = std::max(reached, span[1]);
    }
    return double(length - covered) / steps;
}

// Does a wall of the building that is mostly blocked stand across this one, and none along it? Rows are
// entered beside their party walls.
bool beside_party_walls(const Walls& walls, const std::vector<Context::Seen>& seen, std::size_t first,
                        std::size_t w, double steps) {
    bool across = false;
    for (std::size_t k = 0; k < seen.size(); ++k) {
        const double length = walls.length[first + k] / steps;
        if (Label(walls.label[first + k]) != Label::wall || length < 1 ||
            free_length(seen[k], walls.length[first + k], steps) > length / 2)
            continue;
        const double* d = &walls.direction[2 * (first + k)];
        const double* e = &walls.direction[2 * w];
        if (std::abs(d[0] * e[0] + d[1] * e[1]) > ahead) return false;
        across = true;
    }
    return across;
}

// Vertices of the borders of holes in the ground.
std::vector<std::uint8_t> court_vertices(const BuildingView& view) {
    std::vector<std::uint8_t> court(std::size_t(view.vertex_count), 0);
    const Solids& s = *view.solids;
    for (std::int32_t f = 0; f < view.face_count; ++f) {
        if (view.label(f) != Label::ground) continue;
        for (std::int64_t r = view.ring_begin(f) + 1; r < view.ring_begin(f + 1); ++r)
            for (std::int64_t i = s.ring_offsets[std::size_t(r)]; i < s.ring_offsets[std::size_t(r) + 1]; ++i)
                court[std::size_t(s.ring_vertices[std::size_t(i)])] = 1;
    }
    return court;
}

// Does a wall's face stand on the border of a hole?
bool in_court(const BuildingView& view, const std::vector<std::uint8_t>& court, std::int32_t face) {
    const Solids& s = *view.solids;
    const std::int64_t r = view.ring_begin(face);
    int met = 0;
    for (std::int64_t i = s.ring_offsets[std::size_t(r)]; i < s.ring_offsets[std::size_t(r) + 1]; ++i)
        met += court[std::size_t(s.ring_vertices[std::size_t(i)])];
    return met >= 2;
}

// Names the sides of one building's walls.
void name_sides(const Solids& solids, const Context& context, const std::vector<Context::Seen>& seen,
                std::int64_t b, Walls& walls) {
    const auto first = std::size_t(walls.building_offsets[std::size_t(b)]),
               last = std::size_t(walls.building_offsets[std::size_t(b) + 1]);
    if (first == last) return;
    const BuildingView view(solids, b);
    const std::vector<std::uint8_t> court = court_vertices(view);
    std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
    for (std::size_t w = first; w < last; ++w) lowest = std::min(lowest, walls.corner[3 * w + 2]);
    std::size_t front = last;
    double best = -1;
    bool street = false;
    for (std::size_t w = first; w < last; ++w) {
        if (in_court(view, court, walls.face[w])) {
            walls.side[w] = std::uint8_t(Side::court);
            continue;
        }
        if (Label(walls.label[w]) != Label::wall ||
            walls.corner[3 * w + 2] > lowest + on_ground_m * context.steps())
            continue;
        const bool sees = walls.street[w] >= 0;
        const Context::Seen& s = seen[w - first];
        const double worth = sees ? -double(walls.street[w])
                                  : free_length(s, walls.length[w], context.steps()) * (1 + s.open) *
                                        (beside_party_walls(walls, seen, first, w, context.steps()) ? 2 : 1);
        if (front == last || (sees && !street) || (sees == street && worth > best))
            front = w, best = worth, street = sees;
    }
    if (front == last) front = first;
    const double fx = walls.direction[2 * front + 1], fy = -walls.direction[2 * front];
    for (std::size_t w = first; w < last; ++w) {
        if (walls.side[w] == std::uint8_t(Side::court)) continue;
        const double nx = walls.direction[2 * w + 1], ny = -walls.direction[2 * w];
        const double facing = nx * fx + ny * fy, left = nx * fy - ny * fx;
        walls.side[w] = std::uint8_t(facing >= ahead    ? Side::front
                                     : facing <= -ahead ? Side::back
                                     : left > 0         ? Side::left
                                                        : Side::right);
    }
}

}  // namespace

void look_around(const Solids& solids, const Surroundings& around, const WallOptions& options, Walls& walls) {
    const Context context(solids, around, options, walls);
    const auto buildings = std::int64_t(solids.status.size());
    std::vector<std::vector<std::array<std::int32_t, 3>>> blocked(walls.face.size());
    constexpr std::int64_t block_size = 64;
    parallel_blocks((buildings + block_size - 1) / block_size, options.threads, nullptr, [&] {
        return [&, found = std::vector<std::int32_t>(),
                seen = std::vector<Context::Seen>()](std::int64_t block) mutable {
            const std::int64_t last = std::min(buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b) {
                seen.clear();
                for (auto w = std::size_t(walls.building_offsets[std::size_t(b)]);
                     w < std::size_t(walls.building_offsets[std::size_t(b) + 1]); ++w) {
                    seen.push_back(context.look(w, found));
                    if (Label(walls.label[w]) == Label::wall && around.streets > 0) {
                        const double distance = context.street(w, found);
                        walls.street[w] = distance < 0 ? -1 : to_grid(distance * context.steps());
                    }
                }
                name_sides(solids, context, seen, b, walls);
                for (std::size_t k = 0; k < seen.size(); ++k)
                    blocked[std::size_t(walls.building_offsets[std::size_t(b)]) + k] =
                        std::move(seen[k].blocked);
            }
        };
    });
    for (const auto& spans : blocked) {
        for (const auto& span : spans) walls.blocked.insert(walls.blocked.end(), span.begin(), span.end());
        walls.blocked_offsets.push_back(std::int64_t(walls.blocked.size()) / 3);
    }
}

}  // namespace geovision
