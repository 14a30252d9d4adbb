#include "geovision/facades.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

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
    std::vector<std::unique_ptr<Solids>> made(static_cast<std::size_t>(blocks));
    std::vector<SolidsPiece> pieces(static_cast<std::size_t>(blocks));
    const bool done = parallel_blocks(blocks, options.threads, &cancel, [&] {
        return [&, dresser = std::make_shared<Dresser>(solids, walls, elements, options, opened.outcome)](
                   std::int64_t block) {
            const std::int64_t last = std::min(buildings, (block + 1) * block_size);
            dresser->out = Solids();
            for (std::int64_t b = block * block_size; b < last; ++b) dresser->building(b);
            auto& piece = made[std::size_t(block)];
            piece = std::make_unique<Solids>(std::move(dresser->out));
            pieces[std::size_t(block)] = {piece.get(), {}, size_of(*piece)};
        };
    });
    if (!done) pieces.clear();
    opened.solids = join(pieces, solids.grid, options.threads);
    return opened;
}

}  // namespace geovision
