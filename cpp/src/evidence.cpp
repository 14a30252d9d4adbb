#include "geovision/evidence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include "geovision/morton.hpp"
#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr double widest = 16000.0;  // metres: 24 bits of millimetres
constexpr std::int64_t most_cells = std::int64_t{1} << 22;

struct Box {
    double west = std::numeric_limits<double>::infinity(), south = west, east = -west, north = -west;
    void add(double x, double y) {
        west = std::min(west, x);
        south = std::min(south, y);
        east = std::max(east, x);
        north = std::max(north, y);
    }
    void widen(double by) {
        west -= by;
        south -= by;
        east += by;
        north += by;
    }
    bool holds(double x, double y) const { return x >= west && x <= east && y >= south && y <= north; }
};

// Points by square cells over the area of the outlines: for a building, only those in its cells are tried.
class PointGrid {
public:
    PointGrid(const Measurements& points, const Box& area) : west_(area.west), south_(area.south) {
        const double width = std::max(area.east - area.west, 1.0);
        const double height = std::max(area.north - area.south, 1.0);
        cell_ = std::max(2.0, std::sqrt(width * height / static_cast<double>(most_cells)));
        columns_ = static_cast<std::int64_t>(width / cell_) + 1;
        rows_ = static_cast<std::int64_t>(height / cell_) + 1;
        first_.assign(static_cast<std::size_t>(columns_ * rows_ + 1), 0);
        std::vector<std::int32_t> cell_of(static_cast<std::size_t>(points.count), -1);
        for (std::int64_t i = 0; i < points.count; ++i) {
            const double* p = points.xyz + 3 * i;
            if (!area.holds(p[0], p[1]) || !std::isfinite(p[2])) continue;
            const std::int64_t cell = column(p[0]) + row(p[1]) * columns_;
            cell_of[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(cell);
            ++first_[static_cast<std::size_t>(cell) + 1];
        }
        for (std::size_t c = 1; c < first_.size(); ++c) first_[c] += first_[c - 1];
        order_.resize(static_cast<std::size_t>(first_.back()));
        std::vector<std::int64_t> next(first_.begin(), first_.end() - 1);
        for (std::int64_t i = 0; i < points.count; ++i) {
            const std::int32_t cell = cell_of[static_cast<std::size_t>(i)];
            if (cell >= 0) {
                order_[static_cast<std::size_t>(next[static_cast<std::size_t>(cell)]++)] = i;
            }
        }
    }

    template <class Visit>
    void each_in(const Box& box, Visit visit) const {
        const std::int64_t left = column(box.west), right = column(box.east);
        for (std::int64_t r = row(box.south); r <= row(box.north); ++r) {
            const auto from = static_cast<std::size_t>(r * columns_ + left);
            const auto to = static_cast<std::size_t>(r * columns_ + right + 1);
            for (auto k = first_[from]; k < first_[to]; ++k) visit(order_[static_cast<std::size_t>(k)]);
        }
    }

private:
    std::int64_t column(double x) const {
        return std::clamp(static_cast<std::int64_t>((x - west_) / cell_), std::int64_t{0}, columns_ - 1);
    }
    std::int64_t row(double y) const {
        return std::clamp(static_cast<std::int64_t>((y - south_) / cell_), std::int64_t{0}, rows_ - 1);
    }

    double west_, south_, cell_ = 1.0;
    std::int64_t columns_ = 1, rows_ = 1;
    std::vector<std::int64_t> first_, order_;
};

// The lower end first, whichever way the ring runs: two neighbours then agree on a point on the line that
// they share.
struct Edge {
    double ax, ay, bx, by;
};

Edge edge_between(double ax, double ay, double bx, double by) {
    const bool up = ay != by ? ay < by : ax < bx;
    return up ? Edge{ax, ay, bx, by} : Edge{bx, by, ax, ay};
}

// One outline in its own frame, its edges listed by horizontal strips so that a point meets only few.
class Outline {
public:
    Outline(const Outlines& all, std::int64_t building, double margin)
        : margin2_(margin * margin), reach_(margin + 1e-6) {
        const auto vertex = [&](std::int64_t v) { return all.xy + 2 * v; };
        const std::int64_t first_ring = all.ring_offsets[building],
                           last_ring = all.ring_offsets[building + 1];
        const std::int64_t from = all.vertex_offsets[first_ring], to = all.vertex_offsets[last_ring];
        for (std::int64_t v = from; v < to; ++v) box.add(vertex(v)[0], vertex(v)[1]);
        origin_x = std::floor(box.west);
        origin_y = std::floor(box.south);
        for (std::int64_t ring = first_ring; ring < last_ring; ++ring) {
            const std::int64_t begin = all.vertex_offsets[ring], end = all.vertex_offsets[ring + 1];
            for (std::int64_t v = begin; v < end; ++v) {
                const double *a = vertex(v), *b = vertex(v + 1 < end ? v + 1 : begin);
                edges_.push_back(
                    edge_between(a[0] - origin_x, a[1] - origin_y, b[0] - origin_x, b[1] - origin_y));
            }
        }
        box.widen(margin);
        sort_into_strips(margin);
    }

    // Distance from a place in the frame of the outline: 0 inside, -1 beyond the margin.
    double distance(double x, double y) const {
        const auto& strip = strips_[static_cast<std::size_t>(strip_of(y))];
        bool inside = false;
        for (const Edge& e : strip) {
            if (e.ay <= y && y < e.by) inside ^= (e.bx - e.ax) * (y - e.ay) > (x - e.ax) * (e.by - e.ay);
        }
        if (inside) return 0.0;
        double nearest = std::numeric_limits<double>::infinity();
        for (const Edge& e : strip) {
            if (x < std::min(e.ax, e.bx) - reach_ || x > std::max(e.ax, e.bx) + reach_ || y < e.ay - reach_ ||
                y > e.by + reach_)
                continue;
            nearest = std::min(nearest, squared_distance(e, x, y));
        }
        return nearest <= margin2_ ? std::sqrt(nearest) : -1.0;
    }

    Box box;  // margin included, world coordinates
    double origin_x = 0.0, origin_y = 0.0;

private:
    static double squared_distance(const Edge& e, double x, double y) {
        const double dx = e.bx - e.ax, dy = e.by - e.ay;
        const double length2 = dx * dx + dy * dy;
        double t = length2 > 0.0 ? ((x - e.ax) * dx + (y - e.ay) * dy) / length2 : 0.0;
        t = std::clamp(t, 0.0, 1.0);
        const double px = e.ax + t * dx - x, py = e.ay + t * dy - y;
        return px * px + py * py;
    }

    void sort_into_strips(double margin) {
        bottom_ = box.south - origin_y;
        const double height = std::max(box.north - box.south, 1e-3);
        const auto count =
            static_cast<std::int64_t>(std::clamp(edges_.size() / 2, std::size_t{1}, std::size_t{512}));
        strip_height_ = height / static_cast<double>(count);
        strips_.resize(static_cast<std::size_t>(count));
        for (const Edge& e : edges_) {
            // One strip more on both sides: rounding must not lose an edge at a strip's border.
            const auto from = std::max<std::int64_t>(strip_of(e.ay - margin) - 1, 0);
            const auto to = std::min<std::int64_t>(strip_of(e.by + margin) + 1, count - 1);
            for (auto s = from; s <= to; ++s) strips_[static_cast<std::size_t>(s)].push_back(e);
        }
    }

    std::int64_t strip_of(double y) const {
        const auto last = static_cast<double>(strips_.size() - 1);
        return static_cast<std::int64_t>(std::clamp((y - bottom_) / strip_height_, 0.0, last));
    }

    double margin2_, reach_, bottom_ = 0.0, strip_height_ = 1.0;
    std::vector<Edge> edges_;
    std::vector<std::vector<Edge>> strips_;
};

struct Found {
    std::uint64_t place;
    std::int64_t index;
    float distance;
    PointKind kind;
    bool rival;
};

std::uint64_t place_of(double x, double y, double margin) {
    const double shift = std::ceil(margin);
    const auto millimetres = [&](double v) { return static_cast<std::uint64_t>((v + shift) * 1000.0 + 0.5); };
    return morton(millimetres(x), millimetres(y));
}

void check(const Outlines& outlines) {
    for (std::int64_t b = 0; b < outlines.count; ++b) {
        const std::int64_t from = outlines.ring_offsets[b], to = outlines.ring_offsets[b + 1];
        if (to <= from) throw std::invalid_argument("outline " + std::to_string(b) + " has no ring");
        Box box;
        for (std::int64_t v = outlines.vertex_offsets[from]; v < outlines.vertex_offsets[to]; ++v) {
            const double* p = outlines.xy + 2 * v;
            if (!std::isfinite(p[0]) || !std::isfinite(p[1])) {
                throw std::invalid_argument("outline " + std::to_string(b) + " is not finite");
            }
            box.add(p[0], p[1]);
        }
        if (!(box.east - box.west < widest && box.north - box.south < widest)) {
            throw std::invalid_argument("outline " + std::to_string(b) + " is empty or wider than 16 km");
        }
    }
}

Box area_of(const Outlines& outlines, double margin) {
    Box box;
    const std::int64_t rings = outlines.ring_offsets[outlines.count];
    for (std::int64_t v = 0; v < outlines.vertex_offsets[rings]; ++v) {
        box.add(outlines.xy[2 * v], outlines.xy[2 * v + 1]);
    }
    box.widen(margin);
    return box;
}

// What the point is for one building that has it in its outline or margin, another outline being nearer.
PointKind beside_rival(PointKind by_class, float nearest) {
    const bool theirs =
        by_class == PointKind::building || (by_class == PointKind::unknown && nearest == 0.0F);
    return theirs ? PointKind::neighbour : by_class;
}

void into_canonical_order(std::vector<Found>& found, const Measurements& points) {
    const auto rest = [&](const Found& f) {
        const double* p = points.xyz + 3 * f.index;
        const int source = points.source != nullptr ? points.source[f.index] : 0;
        return std::make_tuple(p[2], p[0], p[1], source, static_cast<int>(f.kind));
    };
    std::sort(found.begin(), found.end(), [&](const Found& a, const Found& b) {
        return a.place != b.place ? a.place < b.place : rest(a) < rest(b);
    });
    const auto same = [&](const Found& a, const Found& b) {
        return a.place == b.place && rest(a) == rest(b);
    };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
}

}  // namespace

Gathered gather(const Outlines& outlines, const Measurements& points, const GatherOptions& options) {
    if (!(options.margin >= 0.0 && options.margin <= 100.0)) {
        throw std::invalid_argument("margin must be 0 to 100 m");
    }
    check(outlines);
    Gathered out;
    const auto count = static_cast<std::size_t>(outlines.count);
    out.offsets.assign(count + 1, 0);
    out.origin.resize(2 * count);
    out.claimed.assign(static_cast<std::size_t>(points.count), 0);
    if (count == 0) return out;
    const PointGrid grid(points, area_of(outlines, options.margin));
    std::vector<std::vector<Found>> found(count);
    const auto each_building = [&](auto work) {
        return parallel_blocks(outlines.count, options.threads, options.cancel, [&] { return work; });
    };
    bool done = each_building([&](std::int64_t b) {
        const Outline outline(outlines, b, options.margin);
        auto& list = found[static_cast<std::size_t>(b)];
        out.origin[2 * static_cast<std::size_t>(b)] = outline.origin_x;
        out.origin[2 * static_cast<std::size_t>(b) + 1] = outline.origin_y;
        grid.each_in(outline.box, [&](std::int64_t i) {
            const double* p = points.xyz + 3 * i;
            if (!outline.box.holds(p[0], p[1])) return;
            const double x = p[0] - outline.origin_x, y = p[1] - outline.origin_y;
            const double distance = outline.distance(x, y);
            if (distance < 0.0) return;
            list.push_back(
                {place_of(x, y, options.margin), i, static_cast<float>(distance), PointKind::unknown, false});
        });
    });
    std::vector<float> nearest(static_cast<std::size_t>(points.count),
                               std::numeric_limits<float>::infinity());
    for (const auto& list : found) {
        for (const Found& f : list) {
            float& best = nearest[static_cast<std::size_t>(f.index)];
            best = std::min(best, f.distance);
        }
    }
    done = done && each_building([&](std::int64_t b) {
               auto& list = found[static_cast<std::size_t>(b)];
               if (outlines.wanted != nullptr && outlines.wanted[b] == 0) {
                   list.clear();
                   return;
               }
               for (Found& f : list) {
                   const auto by_class = points.kind != nullptr ? static_cast<PointKind>(points.kind[f.index])
                                                                : PointKind::unknown;
                   const float best = nearest[static_cast<std::size_t>(f.index)];
                   f.rival = f.distance > best;
                   f.kind = f.rival ? beside_rival(by_class, best) : by_class;
               }
               into_canonical_order(list, points);
           });
    out.cancelled = !done;
    for (std::size_t i = 0; i < nearest.size(); ++i) out.claimed[i] = nearest[i] == 0.0F;
    for (std::size_t b = 0; b < count; ++b) {
        out.offsets[b + 1] = out.offsets[b] + static_cast<std::int64_t>(found[b].size());
    }
    const auto total = static_cast<std::size_t>(out.offsets.back());
    out.index.reserve(total);
    out.kind.reserve(total);
    out.distance.reserve(total);
    out.rival.reserve(total);
    for (const auto& list : found) {
        for (const Found& f : list) {
            out.index.push_back(f.index);
            out.kind.push_back(static_cast<std::uint8_t>(f.kind));
            out.distance.push_back(f.distance);
            out.rival.push_back(f.rival);
        }
    }
    return out;
}

}  // namespace geovision
