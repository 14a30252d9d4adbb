#include "geovision/walls.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "geovision/parallel.hpp"
#include "wall_context.hpp"
#include "wall_trace.hpp"

namespace geovision {
namespace {

constexpr std::int64_t block_size = 64;

struct Piece {
    Walls walls;  // offsets that start at zero
    std::vector<std::int64_t> counts;
};

void trace_building(const Solids& solids, std::int64_t b, WallTracer& tracer, std::vector<std::int32_t>& ring,
                    std::vector<std::int32_t>& begin, Piece& piece) {
    Walls& w = piece.walls;
    const BuildingView view(solids, b);
    const std::size_t before = w.face.size();
    for (const TracedWall& wall : tracer.find(view)) {
        const WallFrame& f = wall.frame;
        tracer.outline(view, wall.members.data(), std::int32_t(wall.members.size()), f, ring, begin);
        w.building.push_back(std::int32_t(b));
        w.face.push_back(*std::min_element(wall.members.begin(), wall.members.end()));
        w.members.insert(w.members.end(), wall.members.begin(), wall.members.end());
        w.member_offsets.push_back(std::int64_t(w.members.size()));
        const auto face = std::size_t(view.first_face + w.face.back());
        w.part.push_back(solids.face_part[face]);
        w.label.push_back(solids.face_label[face]);
        for (const std::int32_t value : {f.x, f.y, f.z}) w.corner.push_back(value);
        w.direction.push_back(f.dx), w.direction.push_back(f.dy);
        w.length.push_back(f.length);
        w.height.push_back(wall.height);
        for (std::size_t r = 0; r + 1 < begin.size(); ++r) {
            for (std::int32_t i = begin[r]; i < begin[r + 1]; ++i) {
                const Point p = view.plan(ring[std::size_t(i)]);
                w.sz.push_back(to_grid(f.along(p.x, p.y)));
                w.sz.push_back(view.z(ring[std::size_t(i)]) - f.z);
            }
            w.vertex_offsets.push_back(std::int64_t(w.sz.size()) / 2);
        }
        w.ring_offsets.push_back(std::int64_t(w.vertex_offsets.size()) - 1);
    }
    piece.counts.push_back(std::int64_t(w.face.size() - before));
}

template <class T>
void append(Column<T>& to, const Column<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void append_offsets(Column<std::int64_t>& to, const Column<std::int64_t>& from) {
    const std::int64_t shift = to.back();
    for (std::size_t i = 1; i < from.size(); ++i) to.push_back(from[i] + shift);
}

void begin_offsets(Walls& w) {
    for (auto* offsets : {&w.member_offsets, &w.ring_offsets, &w.vertex_offsets}) offsets->assign(1, 0);
}

Walls join(const std::vector<Piece>& pieces) {
    Walls all;
    begin_offsets(all);
    all.building_offsets.assign(1, 0);
    for (const Piece& piece : pieces) {
        const Walls& w = piece.walls;
        for (const std::int64_t count : piece.counts)
            all.building_offsets.push_back(all.building_offsets.back() + count);
        append(all.building, w.building), append(all.face, w.face), append(all.members, w.members);
        append_offsets(all.member_offsets, w.member_offsets);
        append(all.part, w.part), append(all.label, w.label), append(all.corner, w.corner);
        append(all.direction, w.direction), append(all.length, w.length), append(all.height, w.height);
        append_offsets(all.ring_offsets, w.ring_offsets);
        append_offsets(all.vertex_offsets, w.vertex_offsets);
        append(all.sz, w.sz);
    }
    return all;
}

}  // namespace

Walls find_walls(const Solids& solids, const Surroundings& around, const WallOptions& options,
                 const std::atomic<bool>& cancel) {
    const auto buildings = std::int64_t(solids.status.size());
    if (solids.face_ring_offsets.size() != solids.face_label.size() + 1)
        throw std::invalid_argument("solids have no polygons; mesh them with polygons=True");
    const std::int64_t blocks = (buildings + block_size - 1) / block_size;
    std::vector<Piece> pieces(static_cast<std::size_t>(blocks));
    const bool done = parallel_blocks(blocks, options.threads, &cancel, [&] {
        return [&, tracer = WallTracer(), ring = std::vector<std::int32_t>(),
                begin = std::vector<std::int32_t>()](std::int64_t block) mutable {
            Piece& piece = pieces[std::size_t(block)];
            begin_offsets(piece.walls);
            const std::int64_t last = std::min(buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b)
                trace_building(solids, b, tracer, ring, begin, piece);
        };
    });
    Walls walls = join(done ? pieces : std::vector<Piece>());
    const std::size_t n = walls.face.size();
    walls.ground.assign(2 * n, 0), walls.level.assign(n, 0), walls.side.assign(n, 0);
    walls.street.assign(n, -1), walls.blocked_offsets.assign(1, 0);
    if (done) look_around(solids, around, options, walls);
    return walls;
}

}  // namespace geovision
