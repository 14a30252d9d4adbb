// A batch of buildings on several threads, joined in their order.
#include "geovision/facade.hpp"

#include <utility>

#include "facade_derive.hpp"
#include "geovision/parallel.hpp"
#include "geovision/scene.hpp"

namespace geovision {
namespace {

template <class T>
void append(Column<T>& to, const Column<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void join(const std::vector<FacadeOutput>& blocks, const FacadeBatch& batch, Elements& e) {
    std::size_t total = 0;
    for (const FacadeOutput& o : blocks) total += o.kind.size();
    e.kind.reserve(total), e.wall.reserve(total), e.colour.reserve(3 * total);
    e.building_offsets.assign(1, 0);
    for (const FacadeOutput& o : blocks) {
        append(e.wall, o.wall), append(e.kind, o.kind), append(e.s0, o.s0), append(e.s1, o.s1);
        append(e.z0, o.z0), append(e.z1, o.z1), append(e.depth, o.depth), append(e.design, o.design);
        append(e.material, o.material), append(e.colour, o.colour), append(e.parent, o.parent);
        for (const std::int64_t n : o.count) {
            const auto b = e.building_offsets.size() - 1;
            e.provenance.insert(e.provenance.end(), std::size_t(n), batch.provenance[b]);
            e.building_offsets.push_back(e.building_offsets.back() + n);
        }
    }
}

std::vector<std::int32_t> add_designs(const FacadeBatch& batch, Elements& e) {
    std::vector<std::int32_t> first;
    for (std::int64_t g = 0; g < batch.grammars; ++g) {
        const FacadeRules& rules = batch.rules[g];
        first.push_back(static_cast<std::int32_t>(e.frame.size()));
        for (std::int64_t d = 0; d < rules.designs; ++d) {
            const std::int32_t* row = rules.design + 6 * d;
            e.panes_across.push_back(row[0]);
            e.panes_up.push_back(row[1]);
            e.frame.push_back(row[2]);
            e.mullion.push_back(row[3]);
            e.panel.push_back(row[4] * 0.001);
            e.glass.push_back(row[5] == 0);
            e.arched.push_back(0);
        }
    }
    return first;
}

}  // namespace

bool evaluate_facades(const FacadeBatch& batch, int threads, const std::atomic<bool>* cancel,
                      FacadeResult& out) {
    constexpr std::int64_t block_size = 64;
    const auto buildings = static_cast<std::int64_t>(batch.walls->building_offsets.size()) - 1;
    const std::int64_t blocks = (buildings + block_size - 1) / block_size;
    Elements& e = out.elements;
    const std::vector<std::int32_t> first_design = add_designs(batch, e);
    const auto n = std::size_t(buildings);
    e.wall_material.assign(n, std::uint8_t(Material::plain));
    e.roof_material.assign(n, std::uint8_t(Material::plain));
    e.wall_colour.assign(3 * n, 255);
    e.roof_colour.assign(3 * n, 255);
    e.wall_provenance.assign(n, std::uint8_t(Provenance::inferred));
    e.roof_provenance.assign(n, std::uint8_t(Provenance::inferred));
    out.dropped.assign(n * facade_drop_count, 0);
    std::vector<FacadeOutput> outputs{std::size_t(blocks)};
    const bool done = parallel_blocks(blocks, threads, cancel, [&] {
        return [&, deriver = FacadeDeriver(batch, first_design)](std::int64_t block) mutable {
            FacadeOutput& own = outputs[std::size_t(block)];
            for (std::int64_t b = block * block_size; b < std::min(buildings, (block + 1) * block_size);
                 ++b) {
                if (batch.style[b] < 0) {
                    own.count.push_back(0);
                    continue;
                }
                deriver.building(b, out.dropped.data() + b * facade_drop_count, own);
                deriver.paint(b, e);
            }
        };
    });
    if (!done) return false;
    join(outputs, batch, e);
    return true;
}

}  // namespace geovision
