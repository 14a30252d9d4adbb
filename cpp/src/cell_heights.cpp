// Corner heights of cells, and the repairs that keep their solids two-manifold.
#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/cells.hpp"

namespace geovision {

namespace {

constexpr int max_repairs = 8;

}  // namespace

Status Cells::heights() {
    for (int attempt = 0; attempt < max_repairs; ++attempt) {
        top.assign(std::size_t(map.halves()), 0);
        bottom.assign(std::size_t(map.halves()), 0);
        stepless_ = continuous_;
        for (std::int32_t v = 0; v + 1 < std::int32_t(map.out_begin.size()); ++v) {
            if (map.out_begin[std::size_t(v)] == map.out_begin[std::size_t(v) + 1] || plain_heights(v))
                continue;
            stepless_ = false;
            if (corner_heights(v)) flags |= flag::merged_heights;
        }
        if (stepless_) return Status::ok;
        int round = 0;
        while (untangle())
            if (++round > 64) return Status::not_manifold;
        drop_flat_cells();
        if (!drop_detached()) return Status::ok;
    }
    return Status::not_manifold;
}

// The common case: all tops at the vertex are one level well above one bottom.
bool Cells::plain_heights(std::int32_t vertex) {
    const std::int32_t begin = map.out_begin[std::size_t(vertex)],
                       end = map.out_begin[std::size_t(vertex) + 1];
    const Point p = noder_.points[std::size_t(vertex)];
    double lo = 1e300, hi = -1e300, b = 0;
    int solids = 0;
    for (std::int32_t i = begin; i < end; ++i) {
        const std::int32_t s = half_surface_[std::size_t(map.out[std::size_t(i)])];
        if (s < 0) continue;
        const double z = surface_z(s, p, true), own = surface_z(s, p, false);
        if (solids++ > 0 && own != b) return false;
        b = own;
        lo = std::min(lo, z), hi = std::max(hi, z);
    }
    if (solids == 0) return true;
    if (hi - lo >= min_edge_ || lo < b + 2 * min_edge_) return false;
    if (!continuous_ && hi - lo > 2) flags |= flag::merged_heights;
    const std::int32_t z = to_grid((lo + hi) / 2), z0 = to_grid(b);
    for (std::int32_t i = begin; i < end; ++i) {
        const auto h = std::size_t(map.out[std::size_t(i)]);
        if (half_surface_[h] < 0) continue;
        top[h] = z;
        bottom[h] = z0;
    }
    return true;
}

// True when heights were moved by more than rounding.
bool Cells::corner_heights(std::int32_t vertex) {
    const std::int32_t begin = map.out_begin[std::size_t(vertex)],
                       n = map.out_begin[std::size_t(vertex) + 1] - begin;
    const Point p = noder_.points[std::size_t(vertex)];
    const auto corner = [&](std::int32_t i) { return map.out[std::size_t(begin + i)]; };
    // Corners that meet across an edge share one height: groups are runs of the cyclic order.
    group_.resize(std::size_t(n));
    for (std::int32_t i = 0; i < n; ++i) group_[std::size_t(i)] = i;
    const auto root = [&](std::int32_t i) {
        while (group_[std::size_t(i)] != i) i = group_[std::size_t(i)];
        return i;
    };
    std::int32_t solids = 0;
    for (std::int32_t i = 0; i < n; ++i) {
        if (!solid(corner(i))) continue;
        ++solids;
        const std::int32_t before = (i + n - 1) % n;
        if (!meets_[std::size_t(corner(i) / 2)] || !solid(corner(before))) continue;
        const std::int32_t a = root(i), b = root(before);
        if (a != b) group_[std::size_t(std::max(a, b))] = std::min(a, b);
    }
    if (solids == 0) return false;
    items_.clear();
    slot_.assign(std::size_t(2 * n), -1);
    for (std::int32_t i = 0; i < n; ++i) {
        if (!solid(corner(i))) continue;
        const std::int32_t s = surface_of_half(corner(i)), g = root(i);
        double z = surface_z(s, p, true);
        const double b = surface_z(s, p, false);
        z = std::max(z, solids > 1 ? b + 2 * min_edge_ : b);  // no zero thickness where cells share a vertex
        if (slot_[std::size_t(g)] < 0) {
            slot_[std::size_t(g)] = std::int32_t(items_.size());
            items_.push_back({z, z, 0});
        }
        Item& item = items_[std::size_t(slot_[std::size_t(g)])];
        item.lo = std::min(item.lo, z), item.hi = std::max(item.hi, z);
        std::int32_t same = -1;  // bottoms of equal height are one item
        for (std::int32_t k = 0; k < i; ++k) {
            const std::int32_t m = slot_[std::size_t(n + k)];
            if (m >= 0 && items_[std::size_t(m)].lo == b) same = m;
        }
        if (same < 0) {
            same = std::int32_t(items_.size());
            items_.push_back({b, b, -1});
        }
        slot_[std::size_t(n + i)] = same;
    }
    // Levels closer than the minimum edge become one; a bottom stays where it is.
    const auto count = std::int32_t(items_.size());
    thread_local std::vector<std::int32_t> sorted;
    sorted.resize(std::size_t(count));
    for (std::int32_t i = 0; i < count; ++i) sorted[std::size_t(i)] = i;
    const auto middle = [&](std::int32_t i) {
        return (items_[std::size_t(i)].lo + items_[std::size_t(i)].hi) / 2;
    };
    std::sort(sorted.begin(), sorted.end(), [&](std::int32_t a, std::int32_t b) {
        return middle(a) != middle(b) ? middle(a) < middle(b) : a < b;
    });
    bool moved = false;
    for (std::int32_t i = 0; i < count;) {
        std::int32_t j = i + 1;
        while (j < count && middle(sorted[std::size_t(j)]) - middle(sorted[std::size_t(j - 1)]) < min_edge_)
            ++j;
        double z = (middle(sorted[std::size_t(i)]) + middle(sorted[std::size_t(j - 1)])) / 2;
        for (std::int32_t k = j; k-- > i;)
            if (items_[std::size_t(sorted[std::size_t(k)])].z == -1) z = middle(sorted[std::size_t(k)]);
        moved = moved || middle(sorted[std::size_t(j - 1)]) - middle(sorted[std::size_t(i)]) > 1;
        for (std::int32_t k = i; k < j; ++k) items_[std::size_t(sorted[std::size_t(k)])].z = to_grid((z));
        i = j;
    }
    for (std::int32_t i = 0; i < n; ++i) {
        if (!solid(corner(i))) continue;
        const auto h = std::size_t(corner(i));
        top[h] = items_[std::size_t(slot_[std::size_t(root(i))])].z;
        bottom[h] = items_[std::size_t(slot_[std::size_t(n + i)])].z;
        top[h] = std::max(top[h], bottom[h]);
    }
    return moved;
}

// Sets every level between two at a vertex to one height.
bool Cells::level(std::int32_t vertex, std::int32_t za, std::int32_t zb) {
    const std::int32_t lo = std::min(za, zb), hi = std::max(za, zb);
    std::int32_t z = lo + (hi - lo) / 2;
    for (std::int32_t i = map.out_begin[std::size_t(vertex)]; i < map.out_begin[std::size_t(vertex) + 1];
         ++i) {
        const auto h = std::size_t(map.out[std::size_t(i)]);
        if (solid(std::int32_t(h)) && bottom[h] >= lo && bottom[h] <= hi) z = bottom[h];
    }
    for (std::int32_t i = map.out_begin[std::size_t(vertex)]; i < map.out_begin[std::size_t(vertex) + 1];
         ++i) {
        const auto h = std::size_t(map.out[std::size_t(i)]);
        if (!solid(std::int32_t(h))) continue;
        if (top[h] >= lo && top[h] <= hi) top[h] = z;
        if (bottom[h] >= lo && bottom[h] <= hi) bottom[h] = z;
    }
    flags |= flag::merged_heights;
    return lo != hi;
}

// Cells must not change places in height along an edge; where rounding made them, one end is levelled.
bool Cells::untangle() {
    bool changed = false;
    for (std::int32_t e = 0; e < std::int32_t(edges_.size()); ++e) {
        const std::int32_t l = 2 * e, r = 2 * e + 1;
        if (!solid(l) || !solid(r)) continue;
        // Corners of both cells at both ends: u is the origin of l, v that of r.
        const auto lu = std::size_t(l), lv = std::size_t(map.next[std::size_t(l)]),
                   ru = std::size_t(map.next[std::size_t(r)]), rv = std::size_t(r);
        const std::int32_t pairs[4][4] = {{top[lu], top[ru], top[lv], top[rv]},
                                          {top[lu], bottom[ru], top[lv], bottom[rv]},
                                          {bottom[lu], top[ru], bottom[lv], top[rv]},
                                          {bottom[lu], bottom[ru], bottom[lv], bottom[rv]}};
        for (int k = 0; k < (raised_ ? 4 : 1); ++k) {
            const std::int64_t du = std::int64_t(pairs[k][0]) - pairs[k][1],
                               dv = std::int64_t(pairs[k][2]) - pairs[k][3];
            if (du * dv >= 0) continue;
            const bool at_u = std::abs(du) <= std::abs(dv);
            changed = level(at_u ? edges_[std::size_t(e)].u : edges_[std::size_t(e)].v,
                            at_u ? pairs[k][0] : pairs[k][2], at_u ? pairs[k][1] : pairs[k][3]) ||
                      changed;
            break;
        }
    }
    return changed;
}

void Cells::drop_flat_cells() {
    bool changed = false;
    for (std::int32_t f = 1; f < map.faces(); ++f) {
        if (cell[std::size_t(f)] < 0) continue;
        bool flat = true;
        for (std::int32_t k = map.face_loops_begin[std::size_t(f)];
             flat && k < map.face_loops_begin[std::size_t(f) + 1]; ++k) {
            const std::int32_t first = map.loop_first[std::size_t(map.face_loops[std::size_t(k)])];
            std::int32_t h = first;
            do {
                flat = flat && top[std::size_t(h)] <= bottom[std::size_t(h)];
                h = map.next[std::size_t(h)];
            } while (h != first);
        }
        if (!flat) continue;
        cell[std::size_t(f)] = -1;
        flags |= flag::cells_removed;
        changed = true;
    }
    if (changed) spread_cells();
}

// Neighbours whose height ranges only touch would share a bare edge: an overhang is dropped, a raised part
// is let down by the minimum feature.
bool Cells::drop_detached() {
    if (!raised_) return false;
    bool changed = false;
    for (std::int32_t e = 0; e < std::int32_t(edges_.size()); ++e) {
        for (int side = 0; side < 2; ++side) {
            const std::int32_t low = 2 * e + side, high = low ^ 1;
            if (!solid(low) || !solid(high)) continue;
            const auto lu = std::size_t(low), lv = std::size_t(map.next[std::size_t(low)]),
                       hu = std::size_t(map.next[std::size_t(high)]), hv = std::size_t(high);
            if (top[lu] != bottom[hu] || top[lv] != bottom[hv]) continue;
            std::int32_t& s = cell[std::size_t(map.face_of(high))];
            if (s < 0 || cell[std::size_t(map.face_of(low))] < 0) continue;  // dropped a moment ago
            if (surfaces[std::size_t(s)].rank < 0) {
                s = -1;
                flags |= flag::overhang_dropped;
            } else {
                surfaces[std::size_t(s)].bottom.c -= 2 * min_edge_;
                flags |= flag::merged_heights;
            }
            changed = true;
        }
    }
    if (changed) spread_cells();
    return changed;
}

bool Cells::flatten(std::int32_t vertex) {
    std::int32_t lo = std::numeric_limits<std::int32_t>::max(), hi = std::numeric_limits<std::int32_t>::min();
    for (std::int32_t i = map.out_begin[std::size_t(vertex)]; i < map.out_begin[std::size_t(vertex) + 1];
         ++i) {
        const std::int32_t h = map.out[std::size_t(i)];
        if (solid(h)) lo = std::min(lo, top[std::size_t(h)]), hi = std::max(hi, top[std::size_t(h)]);
    }
    if (lo >= hi || !level(vertex, lo, hi)) return false;
    for (int round = 0; round < 64 && untangle(); ++round) {
    }
    return true;
}

bool Cells::relieve(std::int32_t vertex) {
    bool changed = false;
    for (int pass = 0; pass < 2 && !changed; ++pass) {
        for (std::int32_t i = map.out_begin[std::size_t(vertex)]; i < map.out_begin[std::size_t(vertex) + 1];
             ++i) {
            std::int32_t& s = cell[std::size_t(map.face_of(map.out[std::size_t(i)]))];
            if (s < 0) continue;
            Surface& surface = surfaces[std::size_t(s)];
            if (pass == 0 && surface.rank < 0) {
                s = -1;
                flags |= flag::overhang_dropped;
                changed = true;
            } else if (pass == 1 &&
                       (surface.bottom.a != 0 || surface.bottom.b != 0 || surface.bottom.c != 0)) {
                surface.bottom = {0, 0, 0};
                flags |= flag::roof_simplified;
                changed = true;
            }
        }
    }
    if (changed) spread_cells();
    return changed;
}

std::int32_t Cells::find_touch() const {
    for (std::int32_t v = 0; v + 1 < std::int32_t(map.out_begin.size()); ++v) {
        const std::int32_t begin = map.out_begin[std::size_t(v)],
                           n = map.out_begin[std::size_t(v) + 1] - begin;
        if (n < 4) continue;
        if (continuous_) {  // without steps only the outline can touch itself
            int runs = 0;
            for (std::int32_t i = 0; i < n; ++i)
                runs += solid(map.out[std::size_t(begin + i)]) !=
                        solid(map.out[std::size_t(begin + (i + 1) % n)]);
            if (runs <= 2) continue;
        }
        // In the slab under each level the solid sectors must form one run round the vertex.
        for (std::int32_t k = 0; k < 2 * n; ++k) {
            const auto at = std::size_t(map.out[std::size_t(begin + k / 2)]);
            if (!solid(std::int32_t(at))) continue;
            const std::int32_t z = k % 2 == 0 ? top[at] : bottom[at];
            int changes = 0;
            bool last = false;
            for (std::int32_t i = 0; i <= n; ++i) {
                const auto h = std::size_t(map.out[std::size_t(begin + i % n)]);
                const bool inside = solid(std::int32_t(h)) && bottom[h] < z && top[h] >= z;
                changes += i > 0 && inside != last;
                last = inside;
            }
            if (changes > 2) return v;
        }
    }
    return -1;
}

}  // namespace geovision
