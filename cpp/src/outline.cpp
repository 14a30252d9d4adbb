// Strips in, polygons out: groups are worked on in parallel and put together in their order.
#include "geovision/outline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "geovision/outline_shape.hpp"
#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr std::int64_t rows_at_once = 512;

// Raises the most regular ones of the arcs; false where nothing is left to raise.
bool raise(OutlineShape& shape, const std::vector<std::int32_t>& arcs) {
    auto lowest = OutlineLevel::raw;
    for (const std::int32_t a : arcs) lowest = std::min(lowest, shape.level[std::size_t(a)]);
    if (lowest == OutlineLevel::raw) return false;
    const auto higher = static_cast<OutlineLevel>(static_cast<int>(lowest) + 1);
    for (const std::int32_t a : arcs)
        if (shape.level[std::size_t(a)] == lowest) shape.level[std::size_t(a)] = higher;
    return true;
}

// All numbers of one group, by building.
class GroupOutlines {
public:
    GroupOutlines(const OutlineGroup& group, const OutlineOptions& options, std::int64_t rows,
                  std::uint16_t limit, double reach)
        : options_(options), reach_(reach), patch_(make_patch(group, options, rows, limit)) {}

    void run(Outlines& out) {
        part_buildings(patch_, options_);
        if (patch_.buildings == 0) return;
        map_ = trace_map(patch_, options_.binary);
        rings_ = chain_rings(map_, patch_.buildings);
        cells_.assign(std::size_t(patch_.buildings) + 1, 0);
        each_stretch([&](std::size_t first, std::size_t last) {
            cells_[std::size_t(patch_.label[first])] += std::int64_t(last - first);
        });
        const OutlineDrawing drawing(patch_, map_, options_, reach_);
        shape_.level.assign(map_.arcs.size(), options_.level);
        drawing.draw(shape_);
        const OutlineNesting nesting(map_);
        while (settle_conflicts() || settle_nesting(nesting) || settle_overlaps()) drawing.draw(shape_);
        write(drawing, out);
    }

private:
    bool settle_conflicts() {
        const std::vector<std::int32_t> pairs = find_conflicts(map_, shape_);
        bool raised = false;
        const std::vector<OutlineLevel> before = shape_.level;
        for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
            const auto a = std::size_t(pairs[k]), b = std::size_t(pairs[k + 1]);
            // An arc that another conflict has raised already may be enough.
            if (shape_.level[a] != before[a] || shape_.level[b] != before[b]) continue;
            raised = raise(shape_, {pairs[k], pairs[k + 1]}) || raised;
        }
        return raised;
    }

    // A part may have been left where it was while the walls round it moved over it.
    bool settle_nesting(const OutlineNesting& nesting) {
        bool raised = false, stuck = false;
        for (const std::vector<std::int32_t>& arcs : nesting.misplaced(shape_)) {
            const bool moved = raise(shape_, arcs);
            raised = raised || moved;
            stuck = stuck || !moved;
        }
        if (!stuck) return raised;
        std::vector<std::int32_t> all(shape_.level.size());
        std::iota(all.begin(), all.end(), 0);
        return raise(shape_, all) || raised;
    }

    bool settle_overlaps() {
        bool raised = false;
        iou_.assign(cells_.size(), 0);
        each_building([&](std::int32_t building, std::size_t first, std::size_t last) {
            const auto rings = points(first, last);
            iou_[std::size_t(building)] = cell_iou(patch_, building, cells_[std::size_t(building)], rings);
            int shells = 0;
            double area = 0;
            for (const auto& ring : rings) {
                const double part = 0.5 * double(doubled_area(ring)) / (outline_grid * outline_grid);
                shells += part > 0;
                area += part;
            }
            const double cells = double(cells_[std::size_t(building)]);
            const double kept = std::min(area / cells, cells / area);
            if (std::min(iou_[std::size_t(building)], kept) >= options_.min_iou && shells == 1) return;
            std::vector<std::int32_t> arcs;
            for (std::size_t r = first; r < last; ++r)
                for (const std::int32_t half : rings_[r].arcs) arcs.push_back(half / 2);
            raised = raise(shape_, arcs) || raised;
        });
        return raised;
    }

    std::vector<std::vector<Point>> points(std::size_t first, std::size_t last) const {
        std::vector<std::vector<Point>> out;
        for (std::size_t r = first; r < last; ++r) out.push_back(ring_points(map_, shape_, rings_[r]));
        return out;
    }

    template <class Visit>
    void each_building(Visit visit) const {
        for (std::size_t i = 0, j = 0; i < rings_.size(); i = j) {
            while (j < rings_.size() && rings_[j].building == rings_[i].building) ++j;
            visit(rings_[i].building, i, j);
        }
    }

    void write(const OutlineDrawing& drawing, Outlines& out) {
        measure_cells();
        each_building([&](std::int32_t building, std::size_t first, std::size_t last) {
            write_rings(points(first, last), out);
            const auto b = std::size_t(building);
            out.probability.push_back(inside_[b] / double(cells_[b]) / 65535);
            out.iou.push_back(iou_[b]);
            // From east, counter-clockwise, on a map.
            const double turned = std::fmod(std::acos(0.0) - drawing.direction(building), std::acos(0.0));
            out.direction.push_back(turned);
            write_walls(first, last, out);
            write_heights(heights_.empty() ? nullptr : &heights_[b], out);
        });
    }

    void write_rings(std::vector<std::vector<Point>> rings, Outlines& out) const {
        std::vector<std::int64_t> area;
        std::int64_t sum = 0;
        for (const auto& ring : rings) {
            area.push_back(doubled_area(ring));
            sum += area.back();
        }
        const auto shell = std::size_t(std::max_element(area.begin(), area.end()) - area.begin());
        std::swap(rings[0], rings[shell]);
        for (const auto& ring : rings) {
            for (const Point p : ring) {
                out.xy.push_back(double(patch_.x0) + p.x / outline_grid);
                out.xy.push_back(double(patch_.y0) + p.y / outline_grid);
            }
            out.ring_offsets.push_back(std::int64_t(out.xy.size() / 2));
        }
        out.polygon_offsets.push_back(std::int64_t(out.ring_offsets.size()) - 1);
        const double cell = options_.cell / outline_grid;
        out.area.push_back(0.5 * double(sum) * cell * cell);
    }

    // What a building's walls say: the least regular level, whether one is shared, and the fall across them.
    void write_walls(std::size_t first, std::size_t last, Outlines& out) const {
        auto level = OutlineLevel::regular;
        bool touches = false;
        double fall = 0, count = 0;
        for (std::size_t r = first; r < last; ++r) {
            for (const std::int32_t half : rings_[r].arcs) {
                const OutlineArc& arc = map_.arcs[std::size_t(half / 2)];
                level = std::max(level, shape_.level[std::size_t(half / 2)]);
                const bool shared = arc.left != 0 && arc.right != 0;
                touches = touches || shared;
                if (shared) continue;
                for (std::size_t k = arc.begin; k < arc.end; ++k) fall += fall_across(map_.samples[k]);
                count += double(arc.size());
            }
        }
        out.level.push_back(std::uint8_t(level));
        out.touches.push_back(std::uint8_t(touches));
        out.contrast.push_back(count > 0 ? std::max(0.0, fall / count) : 1);
    }

    // Between the cells one off the border on both sides.
    double fall_across(const OutlineSample& s) const {
        // A middle of a border has one whole coordinate, so it is half a cell off in just one.
        const bool upright = std::abs(s.y - s.corner.y) > std::abs(s.x - s.corner.x);
        const auto x = std::int32_t(std::floor(upright ? s.corner.x : s.x));
        const auto y = std::int32_t(std::floor(upright ? s.y : s.corner.y));
        const auto at = [&](std::int32_t dx, std::int32_t dy) {
            const std::int32_t u = std::clamp(x + dx, 0, patch_.width - 1);
            const std::int32_t v = std::clamp(y + dy, 0, patch_.height - 1);
            return double(patch_.building[patch_.at(u, v)]) / 65535;
        };
        return std::abs(upright ? at(1, 0) - at(-2, 0) : at(0, 1) - at(0, -2));
    }

    // Visits cells [first, last) of one building that follow each other.
    template <class Visit>
    void each_stretch(Visit visit) const {
        const std::vector<std::int32_t>& label = patch_.label;
        for (std::size_t i = 0, j = 0; i < label.size(); i = j) {
            while (j < label.size() && label[j] == label[i]) ++j;
            if (label[i] != 0) visit(i, j);
        }
    }

    void measure_cells() {
        inside_.assign(cells_.size(), 0);
        if (!patch_.heights.empty()) heights_.assign(cells_.size(), {});
        each_stretch([&](std::size_t first, std::size_t last) {
            const auto building = std::size_t(patch_.label[first]);
            std::int64_t sum = 0;
            for (std::size_t i = first; i < last; ++i) sum += patch_.building[i];
            inside_[building] += double(sum);
            if (patch_.heights.empty()) return;
            for (std::size_t i = first; i < last; ++i)
                if (std::isfinite(patch_.heights[i])) heights_[building].push_back(patch_.heights[i]);
        });
    }

    static void write_heights(std::vector<float>* values, Outlines& out) {
        const auto share = [&](double part) {
            if (values == nullptr || values->empty()) return std::numeric_limits<double>::quiet_NaN();
            const auto k = std::ptrdiff_t(part * double(values->size() - 1));
            std::nth_element(values->begin(), values->begin() + k, values->end());
            return double((*values)[std::size_t(k)]);
        };
        out.height.push_back(share(0.5));
        out.height_high.push_back(share(0.9));
    }

    const OutlineOptions& options_;
    double reach_;
    OutlinePatch patch_;
    OutlineMap map_;
    OutlineShape shape_;
    std::vector<OutlineRing> rings_;
    std::vector<std::int64_t> cells_;
    std::vector<double> iou_, inside_;
    std::vector<std::vector<float>> heights_;
};

bool outline_groups(const std::vector<OutlineGroup>& closed, const OutlineOptions& options,
                    const OutlineGroups& groups, const std::atomic<bool>* cancel, Outlines& out) {
    // Outlines of two groups cannot meet while both keep within the margin.
    const double reach = groups.margin() - 0.5;
    std::vector<Outlines> parts(closed.size());
    const bool done = parallel_blocks(std::int64_t(closed.size()), options.threads, cancel, [&] {
        return [&](std::int64_t k) {
            GroupOutlines work(closed[std::size_t(k)], options, groups.rows(), groups.limit(), reach);
            work.run(parts[std::size_t(k)]);
        };
    });
    for (const Outlines& part : parts) out.append(part);
    return done;
}

template <class T>
void append_to(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void append_offsets(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
    const std::int64_t base = to.back();
    for (std::size_t k = 1; k < from.size(); ++k) to.push_back(base + from[k]);
}

}  // namespace

void Outlines::append(const Outlines& other) {
    append_offsets(polygon_offsets, other.polygon_offsets);
    append_offsets(ring_offsets, other.ring_offsets);
    append_to(xy, other.xy);
    append_to(area, other.area);
    append_to(probability, other.probability);
    append_to(contrast, other.contrast);
    append_to(iou, other.iou);
    append_to(height, other.height);
    append_to(height_high, other.height_high);
    append_to(direction, other.direction);
    append_to(level, other.level);
    append_to(touches, other.touches);
}

OutlineStream::OutlineStream(const OutlineOptions& options)
    : options_(options), groups_(std::make_unique<OutlineGroups>(options)) {}

OutlineStream::~OutlineStream() = default;

bool OutlineStream::add(const OutlineStrip& strip, const std::atomic<bool>* cancel, Outlines& out) {
    for (std::int64_t row = 0; row < strip.rows; row += rows_at_once) {
        std::vector<OutlineGroup> closed;
        groups_->add(strip, row, std::min(row + rows_at_once, strip.rows), closed);
        if (!outline_groups(closed, options_, *groups_, cancel, out)) return false;
    }
    groups_->leave(strip);
    return true;
}

bool OutlineStream::finish(const std::atomic<bool>* cancel, Outlines& out) {
    std::vector<OutlineGroup> closed;
    groups_->finish(closed);
    return outline_groups(closed, options_, *groups_, cancel, out);
}

}  // namespace geovision
