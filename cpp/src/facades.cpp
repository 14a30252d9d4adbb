#include "geovision/facades.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <thread>

#include "facade_dresser.hpp"
#include "geovision/parallel.hpp"
#include "solids_join.hpp"

namespace geovision {
namespace {

constexpr std::int64_t block_size = 64;  // buildings; fixed, so that nothing depends on the threads

void refuse(const char* what) { throw std::invalid_argument(what); }

// What could become a wild read is looked at once, here.
void check(const Solids& solids, const Walls& walls, const Elements& elements, const FacadeOptions& options) {
    const std::size_t buildings = solids.status.size();
    if (options.lod < 30 || options.lod > 32) refuse("lod must be 30, 31 or 32");
    if (solids.face_ring_offsets.size() != solids.face_label.size() + 1)
        refuse("solids have no polygons; mesh them with polygons=True");
    if (walls.building_offsets.size() != buildings + 1) refuse("walls are not of these solids");
    if (elements.building_offsets.size() != buildings + 1) refuse("elements are not of these solids");
    for (std::size_t b = 0; b < buildings; ++b) {
        const std::int64_t faces = solids.face_offsets[b + 1] - solids.face_offsets[b];
        for (std::int64_t w = walls.building_offsets[b]; w < walls.building_offsets[b + 1]; ++w) {
            const std::int64_t first = walls.member_offsets[std::size_t(w)],
                               last = walls.member_offsets[std::size_t(w) + 1];
            bool has_first = false;
            for (std::int64_t m = first; m < last; ++m) {
                const std::int32_t face = walls.members[std::size_t(m)];
                if (face < 0 || face >= faces) refuse("a wall has a face that its building lacks");
                has_first |= face == walls.face[std::size_t(w)];
            }
            if (!has_first) refuse("a wall's first face is not one of its faces");
        }
    }
}

}  // namespace

OpenedSolids open_walls(const Solids& solids, const Walls& walls, const Elements& elements,
                        const FacadeOptions& options, const std::atomic<bool>& cancel) {
    check(solids, walls, elements, options);
    const auto buildings = std::int64_t(solids.status.size());
    const std::int64_t blocks = (buildings + block_size - 1) / block_size;
    OpenedSolids opened;
    opened.outcome.assign(elements.kind.size(), std::uint8_t(Outcome::built));
    const std::int64_t cores =
        options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    const std::int64_t workers = std::clamp<std::int64_t>(blocks, 1, cores);
    std::vector<std::unique_ptr<Dresser>> pool(static_cast<std::size_t>(workers));
    std::vector<SolidsPiece> pieces(static_cast<std::size_t>(blocks));
    std::atomic<std::size_t> hired{0};
    const bool done = parallel_blocks(blocks, int(workers), &cancel, [&] {
        std::unique_ptr<Dresser>& dresser = pool[hired++];
        dresser = std::make_unique<Dresser>(solids, walls, elements, options, opened.outcome);
        return [&, self = dresser.get()](std::int64_t block) {
            SolidsPiece& piece = pieces[std::size_t(block)];
            piece = {&self->out, size_of(self->out), {}};
            const std::int64_t last = std::min(buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b) self->building(b);
            piece.end = size_of(self->out);
        };
    });
    if (!done) pieces.clear();
    if (done && hired == 1) {
        opened.solids = std::move(pool[0]->out);
        opened.solids.grid = solids.grid;
    } else {
        opened.solids = join(pieces, solids.grid, options.threads);
    }
    return opened;
}

}  // namespace geovision
