// A group as rasters, and which of its cells belong to which building.
#include "geovision/outline_patch.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace geovision {
namespace {

using Cells = std::vector<std::int32_t>;

std::int32_t root_of(Cells& parent, std::int32_t a) {
    while (parent[std::size_t(a)] != a) {
        parent[std::size_t(a)] = parent[std::size_t(parent[std::size_t(a)])];
        a = parent[std::size_t(a)];
    }
    return a;
}

void unite(Cells& parent, std::int32_t a, std::int32_t b) {
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a != b) parent[std::size_t(std::max(a, b))] = std::min(a, b);
}

// Cells [first, last) of a row, and the number of what they are part of.
struct Run {
    std::int32_t row, first, last, name;
    std::int32_t size() const { return last - first; }
};
using Runs = std::vector<Run>;

template <class Inside>
Runs find_runs(std::int32_t width, std::int32_t height, Inside inside) {
    Runs out;
    for (std::int32_t y = 0; y < height; ++y) {
        const std::size_t row = std::size_t(y) * std::size_t(width);
        for (std::int32_t x = 0; x < width;) {
            while (x < width && !inside(row + std::size_t(x))) ++x;
            if (x == width) break;
            const std::int32_t start = x;
            while (x < width && inside(row + std::size_t(x))) ++x;
            out.push_back({y, start, x, 0});
        }
    }
    return out;
}

// What `runs` (those with a number) leave uncovered.
Runs gaps(const Runs& runs, std::int32_t width, std::int32_t height) {
    Runs out;
    auto run = runs.begin();
    for (std::int32_t y = 0; y < height; ++y) {
        std::int32_t x = 0;
        for (; run != runs.end() && run->row == y; ++run) {
            if (run->name == 0) continue;
            if (run->first > x) out.push_back({y, x, run->first, 0});
            x = run->last;
        }
        if (x < width) out.push_back({y, x, width, 0});
    }
    return out;
}

// Gives connected runs one number, 1.. in the order of their first runs.
std::int32_t name_runs(Runs& runs, bool diagonal) {
    Cells parent(runs.size());
    const std::int32_t reach = diagonal ? 1 : 0;
    std::size_t above = 0, row_start = 0;
    for (std::size_t k = 0; k < runs.size(); ++k) {
        parent[k] = std::int32_t(k);
        const Run& run = runs[k];
        if (k > 0 && runs[k - 1].row != run.row) {
            above = runs[k - 1].row + 1 == run.row ? row_start : k;
            row_start = k;
        }
        while (above < row_start && runs[above].last + reach <= run.first) ++above;
        for (std::size_t o = above; o < row_start && runs[o].first < run.last + reach; ++o)
            unite(parent, std::int32_t(k), std::int32_t(o));
    }
    std::int32_t count = 0;
    for (std::size_t k = 0; k < runs.size(); ++k) {
        // A root is the first run of its cells.
        const auto root = std::size_t(root_of(parent, std::int32_t(k)));
        runs[k].name = root == k ? ++count : runs[root].name;
    }
    return count;
}

std::vector<std::int64_t> sizes_of(const Runs& runs, std::int32_t count) {
    std::vector<std::int64_t> out(std::size_t(count) + 1);
    for (const Run& run : runs) out[std::size_t(run.name)] += run.size();
    return out;
}

void paint(const Run& run, std::int32_t width, std::int32_t* label, std::int32_t value) {
    std::int32_t* row = label + std::size_t(run.row) * std::size_t(width);
    std::fill(row + run.first, row + run.last, value);
}

std::array<std::int32_t, 4> beside(const OutlinePatch& patch, std::int32_t cell) {
    return {cell + 1, cell + patch.width, cell - 1, cell - patch.width};
}

// Seeds grow over `mask`, cells of low boundary first, so that neighbours meet where the boundary is highest.
void grow(OutlinePatch& patch, const std::vector<std::uint8_t>& mask) {
    constexpr std::size_t levels = 32;
    std::array<Cells, levels> queue;
    const auto level = [&](std::int32_t cell) {
        return std::size_t(patch.boundary[std::size_t(cell)] / (256 / levels));
    };
    const auto spread = [&](std::int32_t cell) {
        for (const std::int32_t next : beside(patch, cell)) {
            if (mask[std::size_t(next)] == 0 || patch.label[std::size_t(next)] != 0) continue;
            patch.label[std::size_t(next)] = patch.label[std::size_t(cell)];
            queue[level(next)].push_back(next);
        }
    };
    const auto cells = std::int32_t(patch.label.size());
    for (std::int32_t cell = 0; cell < cells; ++cell)
        if (patch.label[std::size_t(cell)] != 0 && mask[std::size_t(cell)] != 0) queue[0].push_back(cell);
    std::array<std::size_t, levels> done{};
    for (std::size_t l = 0; l < levels;) {
        if (done[l] == queue[l].size()) {
            ++l;
            continue;
        }
        spread(queue[l][done[l]++]);
        // A lower level may have been reached through a higher one.
        for (std::size_t k = 0; k < l; ++k)
            if (done[k] != queue[k].size()) {
                l = k;
                break;
            }
    }
}

std::vector<double> areas(const OutlinePatch& patch, double cell_area) {
    std::vector<double> out(std::size_t(patch.buildings) + 1);
    for (const std::int32_t label : patch.label) out[std::size_t(label)] += cell_area;
    out[0] = std::numeric_limits<double>::infinity();
    return out;
}

void renumber(OutlinePatch& patch, const std::vector<char>& keep) {
    Cells to(std::size_t(patch.buildings) + 1, 0);
    std::int32_t next = 0;
    for (std::size_t k = 1; k < to.size(); ++k)
        if (keep[k] != 0) to[k] = ++next;
    for (std::int32_t& label : patch.label) label = to[std::size_t(label)];
    patch.buildings = next;
}

void seed(OutlinePatch& patch, const std::vector<std::uint8_t>& mask, const OutlineOptions& options) {
    const auto part = std::uint8_t(std::clamp(options.boundary_threshold * 255, 0.0, 255.0));
    std::vector<std::uint8_t> core(mask.size());
    for (std::size_t i = 0; i < mask.size(); ++i)
        core[i] = std::uint8_t(mask[i] != 0 && patch.boundary[i] <= part);
    patch.buildings = label_cells(core.data(), patch.width, patch.height, false, patch.label.data());
    const std::vector<double> area = areas(patch, options.cell * options.cell);
    std::vector<char> keep(area.size());
    // Half a building may be boundary where it is narrow.
    for (std::size_t k = 1; k < area.size(); ++k) keep[k] = area[k] >= options.min_area / 4;
    renumber(patch, keep);
    grow(patch, mask);
    for (std::size_t i = 0; i < mask.size(); ++i) core[i] = std::uint8_t(mask[i] != 0 && patch.label[i] == 0);
    Cells rest(mask.size());
    const std::int32_t more = label_cells(core.data(), patch.width, patch.height, false, rest.data());
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (rest[i] != 0) patch.label[i] = patch.buildings + rest[i];
    patch.buildings += more;
}

// Small buildings go to the neighbour with the longest common wall; without one they are dropped.
bool settle_small(OutlinePatch& patch, const OutlineOptions& options) {
    const std::vector<double> area = areas(patch, options.cell * options.cell);
    if (std::none_of(area.begin(), area.end(), [&](double a) { return a < options.min_area; })) return false;
    std::vector<std::pair<std::int32_t, std::int32_t>> contacts;
    const auto cells = std::int32_t(patch.label.size());
    for (std::int32_t cell = patch.width; cell < cells - patch.width; ++cell) {
        const std::int32_t own = patch.label[std::size_t(cell)];
        if (own == 0 || !(area[std::size_t(own)] < options.min_area)) continue;
        for (const std::int32_t next : beside(patch, cell)) {
            const std::int32_t other = patch.label[std::size_t(next)];
            if (other != own && other != 0) contacts.push_back({own, other});
        }
    }
    std::sort(contacts.begin(), contacts.end());
    Cells to(area.size(), 0), length(area.size(), 0);
    for (std::size_t i = 0, j = 0; i < contacts.size(); i = j) {
        while (j < contacts.size() && contacts[j] == contacts[i]) ++j;
        const auto [own, other] = contacts[i];
        const auto count = std::int32_t(j - i);
        if (count <= length[std::size_t(own)]) continue;
        length[std::size_t(own)] = count;
        to[std::size_t(own)] = other;
    }
    Cells parent(area.size());
    for (std::size_t k = 0; k < parent.size(); ++k) parent[k] = std::int32_t(k);
    std::vector<char> keep(area.size(), 1);
    for (std::size_t k = 1; k < area.size(); ++k) {
        if (!(area[k] < options.min_area)) continue;
        if (to[k] != 0)
            unite(parent, std::int32_t(k), to[k]);
        else
            keep[k] = 0;
    }
    for (std::int32_t& label : patch.label)
        if (label != 0) label = root_of(parent, label);
    for (std::size_t k = 1; k < keep.size(); ++k)
        if (parent[k] != std::int32_t(k)) keep[k] = 0;
    renumber(patch, keep);
    return true;
}

// `runs` are those of all buildings. A hole is filled from its rim inwards.
void fill_holes(OutlinePatch& patch, const OutlineOptions& options, const Runs& runs) {
    Runs open = gaps(runs, patch.width, patch.height);
    const std::int32_t count = name_runs(open, true);
    if (count < 2) return;  // the first one is the outside
    const std::vector<std::int64_t> size = sizes_of(open, count);
    const double most = options.min_hole / (options.cell * options.cell);
    const auto small = [&](const Run& run) {
        return run.name > 1 && double(size[std::size_t(run.name)]) < most;
    };
    constexpr std::int32_t to_fill = -1;
    Cells rim;
    for (const Run& run : open)
        if (small(run)) paint(run, patch.width, patch.label.data(), to_fill);
    for (const Run& run : open) {
        if (!small(run)) continue;
        for (std::int32_t x = run.first; x < run.last; ++x)
            for (const std::int32_t next : beside(patch, std::int32_t(patch.at(x, run.row))))
                if (patch.label[std::size_t(next)] > 0) rim.push_back(next);
    }
    std::sort(rim.begin(), rim.end());
    rim.erase(std::unique(rim.begin(), rim.end()), rim.end());
    for (std::size_t k = 0; k < rim.size(); ++k) {
        const std::int32_t cell = rim[k];
        for (const std::int32_t next : beside(patch, cell)) {
            if (patch.label[std::size_t(next)] != to_fill) continue;
            patch.label[std::size_t(next)] = patch.label[std::size_t(cell)];
            rim.push_back(next);
        }
    }
}

// Does the building stay in one piece without this cell, as far as the cells around it say?
bool spare(const OutlinePatch& patch, std::int32_t cell) {
    const std::int32_t own = patch.label[std::size_t(cell)], w = patch.width;
    const std::array<std::int32_t, 8> around{1, 1 + w, w, w - 1, -1, -1 - w, -w, 1 - w};
    const auto is_own = [&](std::size_t k) { return patch.label[std::size_t(cell + around[k % 8])] == own; };
    int pieces = 0, beside = 0;
    for (std::size_t k = 0; k < 8; k += 2) {
        beside += is_own(k);
        pieces += is_own(k) && !(is_own(k + 1) && is_own(k + 2));
    }
    return beside > 0 && pieces <= 1;
}

// Walls that touch in a point are noise: a building that meets itself there is closed, two are parted.
void clear_corners(OutlinePatch& patch) {
    bool again = true;
    for (int round = 0; again && round < 4; ++round) {
        again = false;
        for (std::int32_t y = 1; y < patch.height; ++y) {
            std::int32_t* up = &patch.label[patch.at(0, y - 1)];
            std::int32_t* down = up + patch.width;
            for (std::int32_t x = 1; x < patch.width; ++x) {
                if (up[x - 1] == up[x] || down[x - 1] == down[x]) continue;
                const bool falls = up[x - 1] != 0 && down[x] != 0 && up[x] == 0 && down[x - 1] == 0;
                const bool rises = up[x] != 0 && down[x - 1] != 0 && up[x - 1] == 0 && down[x] == 0;
                if (!falls && !rises) continue;
                std::int32_t* high = falls ? up + x - 1 : up + x;
                std::int32_t* low = falls ? down + x : down + x - 1;
                const auto index = [&](const std::int32_t* p) {
                    return std::int32_t(p - patch.label.data());
                };
                if (*high == *low)
                    *(falls ? up + x : up + x - 1) = *high;
                else if (spare(patch, index(high)))
                    *high = 0;
                else if (spare(patch, index(low)))
                    *low = 0;
                else
                    continue;
                again = true;
            }
        }
    }
}

// Without walls between them buildings are what hangs together.
Runs part_connected(OutlinePatch& patch, const OutlineOptions& options) {
    Runs runs = find_runs(patch.width, patch.height,
                          [&](std::size_t cell) { return patch.building[cell] >= patch.limit; });
    const std::int32_t count = name_runs(runs, false);
    const std::vector<std::int64_t> size = sizes_of(runs, count);
    const double least = options.min_area / (options.cell * options.cell);
    Cells to(size.size(), 0);
    for (std::size_t k = 1; k < size.size(); ++k)
        if (double(size[k]) >= least) to[k] = ++patch.buildings;
    for (Run& run : runs) {
        run.name = to[std::size_t(run.name)];
        paint(run, patch.width, patch.label.data(), run.name);
    }
    return runs;
}

void part_walls(OutlinePatch& patch, const OutlineOptions& options) {
    std::vector<std::uint8_t> mask(patch.building.size());
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = patch.building[i] >= patch.limit;
    seed(patch, mask, options);
    for (int round = 0; round < 8 && settle_small(patch, options); ++round) {
    }
    Runs runs =
        find_runs(patch.width, patch.height, [&](std::size_t cell) { return patch.label[cell] != 0; });
    for (Run& run : runs) run.name = 1;
    fill_holes(patch, options, runs);
}

}  // namespace

OutlinePatch make_patch(const OutlineGroup& group, const OutlineOptions& options, std::int64_t rows,
                        std::uint16_t limit) {
    OutlinePatch patch;
    std::int64_t left = std::numeric_limits<std::int64_t>::max(), top = left, right = -1, bottom = -1;
    for (const OutlineRun& run : group.runs) {
        left = std::min(left, run.first);
        right = std::max(right, run.last);
        top = std::min(top, run.row);
        bottom = std::max(bottom, run.row + 1);
    }
    patch.x0 = left - 1;
    patch.y0 = top - 1;
    patch.width = std::int32_t(right - left + 2);
    patch.height = std::int32_t(bottom - top + 2);
    patch.raster_left = std::int32_t(std::max<std::int64_t>(-patch.x0, 0));
    patch.raster_top = std::int32_t(std::max<std::int64_t>(-patch.y0, 0));
    patch.raster_right = std::int32_t(std::min<std::int64_t>(options.columns - patch.x0, patch.width));
    patch.raster_bottom = std::int32_t(std::min<std::int64_t>(rows - patch.y0, patch.height));
    patch.limit = limit;
    const std::size_t cells = std::size_t(patch.width) * std::size_t(patch.height);
    patch.building.resize(cells);
    patch.label.resize(cells);
    if (options.has_boundary) patch.boundary.resize(cells);
    if (options.has_frame) patch.frame.resize(2 * cells);
    if (options.has_height) patch.heights.resize(cells, std::numeric_limits<float>::quiet_NaN());
    for (const OutlineRun& run : group.runs) {
        const std::size_t to = patch.at(std::int32_t(run.first - patch.x0), std::int32_t(run.row - patch.y0));
        const auto n = std::size_t(run.last - run.first);
        std::copy_n(group.building.begin() + std::ptrdiff_t(run.at), n,
                    patch.building.begin() + std::ptrdiff_t(to));
        if (options.has_boundary)
            std::copy_n(group.boundary.begin() + std::ptrdiff_t(run.at), n,
                        patch.boundary.begin() + std::ptrdiff_t(to));
        if (options.has_frame)
            std::copy_n(group.frame.begin() + std::ptrdiff_t(2 * run.at), 2 * n,
                        patch.frame.begin() + std::ptrdiff_t(2 * to));
        if (options.has_height)
            std::copy_n(group.height.begin() + std::ptrdiff_t(run.at), n,
                        patch.heights.begin() + std::ptrdiff_t(to));
    }
    return patch;
}

std::int32_t label_cells(const std::uint8_t* mask, std::int32_t width, std::int32_t height, bool diagonal,
                         std::int32_t* label) {
    Runs runs = find_runs(width, height, [&](std::size_t cell) { return mask[cell] != 0; });
    const std::int32_t count = name_runs(runs, diagonal);
    std::fill_n(label, std::size_t(width) * std::size_t(height), 0);
    for (const Run& run : runs) paint(run, width, label, run.name);
    return count;
}

void part_buildings(OutlinePatch& patch, const OutlineOptions& options) {
    if (options.has_boundary)
        part_walls(patch, options);
    else
        fill_holes(patch, options, part_connected(patch, options));
    if (options.level != OutlineLevel::raw) clear_corners(patch);
}

}  // namespace geovision
