#include "geovision/instances.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "geovision/parallel.hpp"
#include "instance_frames.hpp"
#include "instance_slabs.hpp"

namespace geovision {
namespace {

constexpr std::int64_t block_size = 64;  // buildings; fixed, so that nothing depends on the threads
constexpr double step_rise = 0.17, rail_thick = 0.04, frame_thick = 0.03, lap = 0.005;
constexpr std::int32_t size_step = 400;  // grid steps

using Turn = std::array<std::int16_t, 4>;

Turn turn_of(const PartFrame& frame) {
    const std::array<double, 4> q = quaternion_of(frame);
    Turn turn{};
    for (std::size_t k = 0; k < 4; ++k) turn[k] = static_cast<std::int16_t>(std::nearbyint(32767.0 * q[k]));
    return turn;
}

struct Piece {
    std::uint64_t key;
    std::uint32_t feature;
    std::uint32_t colour;
    std::int32_t width, height;  // grid steps; of the group's mesh
    std::array<float, 3> at;
    std::array<float, 3> scale;
    Turn rotation;
};

struct Block {
    std::vector<Piece> pieces;
    Vec3 min{}, max{};
    std::int64_t dropped = 0;
};

struct Rectangle {
    std::int32_t s0, s1, z0, z1;
};

bool overlap(const Rectangle& a, const Rectangle& b) {
    return a.s0 < b.s1 && b.s0 < a.s1 && a.z0 < b.z1 && b.z0 < a.z1;
}

// Whether the segment passes through the inside of the rectangle.
bool cuts(const std::int32_t* p, const std::int32_t* q, const Rectangle& r) {
    double enter = 0.0, leave = 1.0;
    const double from[2] = {double(p[0]), double(p[1])}, by[2] = {double(q[0]) - p[0], double(q[1]) - p[1]};
    const double low[2] = {double(r.s0), double(r.z0)}, high[2] = {double(r.s1), double(r.z1)};
    for (int k = 0; k < 2; ++k) {
        if (by[k] == 0.0) {
            if (from[k] <= low[k] || from[k] >= high[k]) return false;
            continue;
        }
        const double a = (low[k] - from[k]) / by[k], b = (high[k] - from[k]) / by[k];
        enter = std::max(enter, std::min(a, b));
        leave = std::min(leave, std::max(a, b));
    }
    return enter < leave;
}

// Wholly on the wall, and clear of neighbours.
bool fits(const Walls& walls, std::size_t w, const Rectangle& r) {
    if (r.s0 >= r.s1 || r.z0 >= r.z1) return false;
    for (auto i = static_cast<std::size_t>(walls.blocked_offsets[w]);
         i < static_cast<std::size_t>(walls.blocked_offsets[w + 1]); ++i) {
        const std::int32_t* b = walls.blocked.data() + 3 * i;
        if (r.s0 < b[1] && b[0] < r.s1 && r.z0 < b[2]) return false;
    }
    const double s = 0.5 * (double(r.s0) + r.s1), z = 0.5 * (double(r.z0) + r.z1);
    bool inside = false;
    for (auto ring = static_cast<std::size_t>(walls.ring_offsets[w]);
         ring < static_cast<std::size_t>(walls.ring_offsets[w + 1]); ++ring) {
        const auto first = static_cast<std::size_t>(walls.vertex_offsets[ring]),
                   last = static_cast<std::size_t>(walls.vertex_offsets[ring + 1]);
        for (std::size_t i = first; i < last; ++i) {
            const std::int32_t* p = walls.sz.data() + 2 * i;
            const std::int32_t* q = walls.sz.data() + 2 * (i + 1 < last ? i + 1 : first);
            if (cuts(p, q, r)) return false;
            if ((p[1] > z) != (q[1] > z) &&
                s < p[0] + (z - p[1]) * (double(q[0]) - p[0]) / (double(q[1]) - p[1]))
                inside = !inside;
        }
    }
    return inside;
}

PartShape shape_of(ElementKind kind) {
    switch (kind) {
        case ElementKind::window:
            return PartShape::window;
        case ElementKind::door:
            return PartShape::door;
        case ElementKind::garage_door:
            return PartShape::garage_door;
        case ElementKind::shopfront:
            return PartShape::shopfront;
        case ElementKind::railing:
            return PartShape::railing;
        case ElementKind::roof_window:
            return PartShape::roof_window;
        default:
            return PartShape::box;
    }
}

class Placer {
public:
    Placer(const InstanceSolids& solids, const Walls& walls, const Elements& elements,
           const InstanceOptions& options)
        : walls_(walls),
          elements_(elements),
          frames_(solids, options),
          slabs_(walls, elements),
          far_out_(walls),
          grid_(solids.grid) {}

    void building(std::int64_t b, Block& out) {
        out_ = &out;
        building_ = b;
        known_ = std::numeric_limits<std::int64_t>::max();
        slabs_.begin(b);
        far_out_.begin();
        const auto first = static_cast<std::size_t>(elements_.building_offsets[static_cast<std::size_t>(b)]),
                   last =
                       static_cast<std::size_t>(elements_.building_offsets[static_cast<std::size_t>(b) + 1]);
        left_out_.assign(last - first, 0);
        for (std::size_t e = first; e < last; ++e) {
            if (element(e, first)) continue;
            left_out_[e - first] = 1;
            ++out.dropped;
        }
    }

private:
    // False where it is left out.
    bool element(std::size_t e, std::size_t first) {
        const std::int64_t wall = elements_.wall[e];
        if (wall >= static_cast<std::int64_t>(walls_.face.size()) ||
            (wall >= 0 && walls_.building[static_cast<std::size_t>(wall)] != building_))
            throw std::invalid_argument("an element lies on a wall that is not its building's");
        if (elements_.design[e] >= static_cast<std::int64_t>(elements_.panes_across.size()))
            throw std::invalid_argument("an element has a design that is not there");
        if (wall != known_) {
            frame_ = wall >= 0 ? frames_.of_wall(walls_, wall) : frames_.of_face(building_, -1 - wall);
            turn_ = turn_of(frame_);
            taken_.clear();
            known_ = wall;
        }
        const auto kind = static_cast<ElementKind>(elements_.kind[e]);
        const Rectangle r{elements_.s0[e], elements_.s1[e], elements_.z0[e], elements_.z1[e]};
        if (is_opening(kind) && wall >= 0) {
            bool free = fits(walls_, static_cast<std::size_t>(wall), r);
            for (const Rectangle& other : taken_) free = free && !overlap(r, other);
            if (!free) return false;
            taken_.push_back(r);
        }
        const std::int32_t parent = elements_.parent[e];
        if (parent >= 0 && first + static_cast<std::size_t>(parent) < e &&
            left_out_[static_cast<std::size_t>(parent)] != 0)
            return false;
        if ((kind == ElementKind::balcony || kind == ElementKind::canopy) && wall >= 0 &&
            !far_out_.place(wall, r.s0, r.s1, r.z0, r.z1, elements_.depth[e]))
            return false;
        const double s0 = grid_ * r.s0, s1 = grid_ * r.s1, z0 = grid_ * r.z0, z1 = grid_ * r.z1;
        const double depth = grid_ * elements_.depth[e];
        if (kind == ElementKind::steps) {
            const int n = std::max(1, static_cast<int>(std::nearbyint((z1 - z0) / step_rise)));
            for (int i = 0; i < n; ++i) {
                box(e, s0, s1, z0, z0 + (z1 - z0) * (i + 1) / n, depth * (n - i) / n);
            }
        } else if (kind == ElementKind::railing) {
            railing(e, s0, s1, z0, z1, depth);
        } else if (kind == ElementKind::chimney_cap) {
            box(e, frame_.left - depth, frame_.width + depth, frame_.low - depth, frame_.height + depth,
                z1 - z0);
        } else if (kind == ElementKind::frame) {
            border(e, s0, s1, z0, z1, depth);
        } else if (shape_of(kind) == PartShape::box) {
            box(e, s0 - slabs_.beyond(e, false) * depth, s1 + slabs_.beyond(e, true) * depth, z0, z1, depth);
        } else {
            const double thick =
                kind == ElementKind::roof_window ? std::max(depth, frame_thick) / frame_thick : 1.0;
            piece(e, shape_of(kind), frame_, turn_, s0, 0.0, z0, s1 - s0, thick, z1 - z0);
        }
        return true;
    }

    // A border round what its parent leaves free; without one it is whole.
    void border(std::size_t e, double s0, double s1, double z0, double z1, double depth) {
        const std::int32_t parent = elements_.parent[e];
        const auto first = elements_.building_offsets[static_cast<std::size_t>(building_)];
        if (parent < 0 ||
            first + parent >= elements_.building_offsets[static_cast<std::size_t>(building_) + 1]) {
            box(e, s0, s1, z0, z1, depth);
            return;
        }
        const auto p = static_cast<std::size_t>(first + parent);
        const double a = std::clamp(grid_ * elements_.s0[p], s0, s1),
                     b = std::clamp(grid_ * elements_.s1[p], s0, s1);
        const double c = std::clamp(grid_ * elements_.z0[p], z0, z1),
                     d = std::clamp(grid_ * elements_.z1[p], z0, z1);
        // It reaches a little behind the frame of what it goes round, so that no light shows between them.
        const double behind = std::fabs(depth - frame_thick) < 0.004 ? depth + 0.006 : depth;
        box(e, s0, std::min(a + lap, b), z0, z1, behind);
        box(e, std::max(b - lap, a), s1, z0, z1, behind);
        box(e, a, b, z0, std::min(c + lap, d), behind);
        box(e, a, b, std::max(d - lap, c), z1, behind);
    }

    void railing(std::size_t e, double s0, double s1, double z0, double z1, double depth) {
        piece(e, PartShape::railing, frame_, turn_, s0, std::max(0.0, depth - rail_thick), z0, s1 - s0, 1.0,
              z1 - z0);
        const double side = depth - rail_thick;
        if (side <= 0.0) return;
        // The right end looks to the right, the left end to the left.
        PartFrame end = frame_;
        end.stretch = {frame_.stretch[1], frame_.stretch[0], frame_.stretch[2]};
        end.right = {-frame_.out[0], -frame_.out[1], -frame_.out[2]};
        end.out = frame_.right;
        end.at = frame_.place(s1 - rail_thick, side, 0.0);
        piece(e, PartShape::railing, end, turn_of(end), 0.0, 0.0, z0, side, 1.0, z1 - z0);
        end.right = frame_.out;
        end.out = {-frame_.right[0], -frame_.right[1], -frame_.right[2]};
        end.at = frame_.place(s0 + rail_thick, 0.0, 0.0);
        piece(e, PartShape::railing, end, turn_of(end), 0.0, 0.0, z0, side, 1.0, z1 - z0);
    }

    void box(std::size_t e, double s0, double s1, double z0, double z1, double depth) {
        if (s1 - s0 < 1e-6 || z1 - z0 < 1e-6 || depth < 1e-6) return;
        piece(e, PartShape::box, frame_, turn_, s0, 0.0, z0, s1 - s0, depth, z1 - z0);
    }

    void piece(std::size_t e, PartShape shape, const PartFrame& frame, const Turn& turn, double s,
               double away, double z, double width, double thick, double height) {
        const std::uint8_t* rgb = elements_.colour.data() + 3 * e;
        Piece p;
        p.width = static_cast<std::int32_t>(std::nearbyint(width / grid_));
        p.height = static_cast<std::int32_t>(std::nearbyint(height / grid_));
        p.feature = static_cast<std::uint32_t>(building_);
        p.colour = std::uint32_t{rgb[0]} | std::uint32_t{rgb[1]} << 8 | std::uint32_t{rgb[2]} << 16;
        const bool sized = shape != PartShape::box;
        const auto step = [](std::int32_t v) {
            return static_cast<std::uint64_t>(std::clamp(v / size_step, 0, 255));
        };
        p.key = static_cast<std::uint64_t>(shape) << 60 |
                static_cast<std::uint64_t>(sized ? elements_.design[e] + 1 : 0) << 36 |
                static_cast<std::uint64_t>(elements_.material[e] & 31u) << 26 |
                static_cast<std::uint64_t>((rgb[0] >> 5) << 6 | (rgb[1] >> 5) << 3 | rgb[2] >> 5) << 16 |
                (sized ? step(p.width) << 8 | step(p.height) : 0);
        const Vec3 at = frame.place(s, away, z);
        p.scale = {static_cast<float>(width * frame.stretch[0]), static_cast<float>(thick * frame.stretch[1]),
                   static_cast<float>(height * frame.stretch[2])};
        for (std::size_t k = 0; k < 3; ++k) p.at[k] = static_cast<float>(at[k]);
        p.rotation = turn;
        out_->pieces.push_back(p);
        const double reach = sized ? 0.06 * thick : thick;
        const double size[3] = {width * frame.stretch[0], reach * frame.stretch[1],
                                height * frame.stretch[2]};
        for (std::size_t k = 0; k < 3; ++k) {
            const double x = size[0] * frame.right[k], y = size[1] * frame.out[k], w = size[2] * frame.up[k];
            out_->min[k] =
                std::min(out_->min[k], at[k] + std::min(x, 0.0) + std::min(y, 0.0) + std::min(w, 0.0));
            out_->max[k] =
                std::max(out_->max[k], at[k] + std::max(x, 0.0) + std::max(y, 0.0) + std::max(w, 0.0));
        }
    }

    const Walls& walls_;
    const Elements& elements_;
    FrameMaker frames_;
    SlabCorners slabs_;
    FarOut far_out_;
    double grid_;
    Block* out_ = nullptr;
    std::int64_t building_ = 0, known_ = 0;
    PartFrame frame_;
    Turn turn_{};
    std::vector<Rectangle> taken_;        // openings of this wall so far
    std::vector<std::uint8_t> left_out_;  // elements of this building so far
};

// Of each key how many pieces there are, and what they are like in the mean.
struct Tally {
    std::uint64_t key = 0;
    std::int64_t count = 0;
    std::array<std::int64_t, 3> colour{};
    std::int64_t width = 0, height = 0;
};

std::vector<Tally> count_keys(const std::vector<Block>& blocks) {
    std::vector<std::uint64_t> keys;
    for (const Block& block : blocks) {
        std::uint64_t last = ~std::uint64_t{0};
        for (const Piece& p : block.pieces) {
            if (p.key != last) keys.push_back(p.key);
            last = p.key;
        }
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    }
    std::vector<Tally> tallies(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) tallies[i].key = keys[i];
    return tallies;
}

std::size_t find(const std::vector<Tally>& tallies, std::uint64_t key) {
    const auto at = std::lower_bound(tallies.begin(), tallies.end(), key,
                                     [](const Tally& t, std::uint64_t k) { return t.key < k; });
    return static_cast<std::size_t>(at - tallies.begin());
}

InstanceGroup group_of(const Tally& tally, double grid, std::int64_t first) {
    InstanceGroup g;
    g.shape = static_cast<PartShape>(tally.key >> 60);
    g.design = static_cast<std::int32_t>(tally.key >> 36 & 0xffffffu) - 1;
    g.material = static_cast<std::uint8_t>(tally.key >> 26 & 31u);
    for (std::size_t k = 0; k < 3; ++k)
        g.colour[k] = static_cast<std::uint8_t>((tally.colour[k] + tally.count / 2) / tally.count);
    if (g.shape != PartShape::box) {
        // To 10 cm, so that groups and tiles share their meshes.
        const auto mean = [&](std::int64_t sum) {
            const double steps = 10.0 * grid * static_cast<double>(sum) / static_cast<double>(tally.count);
            return std::max(0.1, std::nearbyint(steps) / 10.0);
        };
        g.width = mean(tally.width);
        g.height = mean(tally.height);
    }
    g.first = first;
    g.count = tally.count;
    return g;
}

void gather(const std::vector<Block>& blocks, double grid, InstanceSet& out) {
    std::vector<Tally> tallies = count_keys(blocks);
    std::vector<std::uint32_t> slot;  // of every piece in order
    for (const Block& block : blocks) {
        for (const Piece& p : block.pieces) {
            const std::size_t i =
                slot.empty() || tallies[slot.back()].key != p.key ? find(tallies, p.key) : slot.back();
            slot.push_back(static_cast<std::uint32_t>(i));
            Tally& t = tallies[i];
            ++t.count;
            for (std::size_t k = 0; k < 3; ++k) t.colour[k] += p.colour >> (8 * k) & 255u;
            t.width += p.width;
            t.height += p.height;
        }
    }
    std::vector<std::size_t> next;
    std::int64_t first = 0;
    for (const Tally& t : tallies) {
        out.groups.push_back(group_of(t, grid, first));
        next.push_back(static_cast<std::size_t>(first));
        first += t.count;
    }
    const std::size_t n = slot.size();
    out.translation.resize(3 * n);
    out.rotation.resize(4 * n);
    out.scale.resize(3 * n);
    out.feature.resize(n);
    std::size_t at = 0;
    for (const Block& block : blocks) {
        for (const Piece& p : block.pieces) {
            const std::size_t g = slot[at++], i = next[g]++;
            const InstanceGroup& group = out.groups[g];
            for (std::size_t k = 0; k < 3; ++k) {
                out.translation[3 * i + k] = p.at[k];
                out.scale[3 * i + k] = p.scale[k];
            }
            out.scale[3 * i] = p.scale[0] / static_cast<float>(group.width);
            out.scale[3 * i + 2] = p.scale[2] / static_cast<float>(group.height);
            for (std::size_t k = 0; k < 4; ++k) out.rotation[4 * i + k] = p.rotation[k];
            out.feature[i] = static_cast<float>(p.feature);
        }
    }
}

}  // namespace

bool place_instances(const InstanceSolids& solids, const Walls& walls, const Elements& elements,
                     const InstanceOptions& options, InstanceSet& out) {
    const auto buildings = static_cast<std::int64_t>(elements.building_offsets.size()) - 1;
    if (buildings != solids.buildings)
        throw std::invalid_argument("elements and solids are not of the same buildings");
    constexpr double inf = std::numeric_limits<double>::infinity();
    std::vector<Block> blocks(static_cast<std::size_t>((buildings + block_size - 1) / block_size));
    const bool done =
        parallel_blocks(static_cast<std::int64_t>(blocks.size()), options.threads, options.cancel, [&] {
            return [&, placer = Placer(solids, walls, elements, options)](std::int64_t block) mutable {
                Block& mine = blocks[static_cast<std::size_t>(block)];
                mine.min = {inf, inf, inf};
                mine.max = {-inf, -inf, -inf};
                const std::int64_t last = std::min(buildings, (block + 1) * block_size);
                for (std::int64_t b = block * block_size; b < last; ++b) placer.building(b, mine);
            };
        });
    if (!done) return false;
    out = InstanceSet{};
    Vec3 min{inf, inf, inf}, max{-inf, -inf, -inf};
    for (const Block& block : blocks) {
        out.dropped += block.dropped;
        for (std::size_t k = 0; k < 3; ++k) {
            min[k] = std::min(min[k], block.min[k]);
            max[k] = std::max(max[k], block.max[k]);
        }
    }
    for (std::size_t k = 0; k < 3; ++k) {
        out.min[k] = static_cast<float>(min[k]);
        out.max[k] = static_cast<float>(max[k]);
    }
    gather(blocks, solids.grid, out);
    return true;
}

}  // namespace geovision
