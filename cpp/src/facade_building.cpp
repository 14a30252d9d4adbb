// From a building's walls to scopes, and from scopes to rows.
#include <utility>

#include "facade_derive.hpp"
#include "geovision/scene.hpp"

namespace geovision {
namespace {

constexpr std::int64_t roof_numbers = std::int64_t(1) << 40;  // keys of roof faces begin here
constexpr std::int32_t own_eave =
    1000;  // from here on a wall that is higher than its part's eave has its own
constexpr std::int32_t cap_reach = 60, cap_thickness = 80;

struct Look {
    Material material;
    std::int32_t colour;
};

// Where a rule says nothing. By ElementKind.
constexpr Look looks[element_kind_count] = {
    {Material::wood, 0xf2f0ea},     {Material::wood, 0x5a4032},     {Material::metal, 0xd2d2cc},
    {Material::metal, 0x3c3e42},    {Material::concrete, 0xbab6ac}, {Material::concrete, 0xbab6ac},
    {Material::wood, 0xf2f0ea},     {Material::concrete, 0xc6c3bc}, {Material::metal, 0x4c4e52},
    {Material::plaster, 0xe2ded2},  {Material::plaster, 0xd8d2c4},  {Material::plaster, 0xdcd6c8},
    {Material::concrete, 0xb4b2ac}, {Material::concrete, 0xaaa69e}, {Material::glass, 0x4a5058},
    {Material::concrete, 0xa29c94},
};

}  // namespace

void FacadeDeriver::building(std::int64_t b, std::uint32_t* dropped, FacadeOutput& out) {
    machine_.begin(batch_, b);
    steps_ = 0;
    written_ = 0;
    find_main(b);
    derive_rows(*batch_.walls, b, 0, dropped, out);
    if (batch_.roofs != nullptr) derive_rows(*batch_.roofs, b, roof_numbers, dropped, out);
    out.count.push_back(written_);
    dropped[std::size_t(FacadeDrop::bad_number)] += static_cast<std::uint32_t>(machine_.bad_numbers);
}

void FacadeDeriver::derive_rows(const Walls& walls, std::int64_t b, std::int64_t number,
                                std::uint32_t* dropped, FacadeOutput& out) {
    walls_ = &walls;
    const std::int64_t first = walls.building_offsets[std::size_t(b)],
                       last = walls.building_offsets[std::size_t(b) + 1];
    for (std::int64_t w = first; w < last; ++w, number += 64) {
        wall_.begin(walls, w, batch_.ground[b]);
        surface_.begin(wall_, walls.height[std::size_t(w)], dropped);
        // Edits name walls by their numbers; roof faces have others.
        const auto place = static_cast<std::int32_t>(w - first);
        machine_.wall_number = number < roof_numbers ? place : -3 - place;
        if (walls.label[std::size_t(w)] == std::uint8_t(Label::chimney)) {
            cap_chimney(walls, w);
        } else {
            std::int64_t salt = number;
            find_eave(w);
            for (std::size_t i = 0; i < wall_.pieces().size(); ++i) {
                const FacadePiece& piece = wall_.pieces()[i];
                const bool main = walls_ == batch_.walls && w == main_ && i == main_piece_;
                for (const bool gable : {false, true}) {
                    if (gable ? !piece.has_gable() : !piece.has_band()) continue;
                    set_wall(w, piece, gable, main);
                    derive(piece, gable, salt + gable);
                }
                salt += 2;
            }
        }
        surface_.finish();
        write(w, out);
    }
}

// A part's eave is its lowest: under a slope to one side, or where its roof is planes, walls go on above it.
// A wall of several parts is as high as most of it is.
void FacadeDeriver::find_eave(std::int64_t row) {
    const auto w = std::size_t(row);
    eave_ = walls_->level[w];
    const auto label = static_cast<Label>(walls_->label[w]);
    if (label != Label::wall && label != Label::step_wall) return;
    const std::int32_t top = wall_.usual_top();
    if (top > eave_ + own_eave) eave_ = top;
}

// A slab over all of a chimney's top, whatever the style.
void FacadeDeriver::cap_chimney(const Walls& walls, std::int64_t row) {
    const FacadeBox box{0, walls.length[std::size_t(row)], 0, cap_thickness};
    surface_.elements().push_back({ElementKind::chimney_cap, box, cap_reach, -1, -1, -1, -1, true});
}

// The wall that a building is entered by: the facade_longest to the street that stands on the ground and is
// free.
void FacadeDeriver::find_main(std::int64_t b) {
    const Walls& walls = *batch_.walls;
    std::int64_t best = -1;
    main_ = -1;
    for (std::int64_t w = walls.building_offsets[std::size_t(b)];
         w < walls.building_offsets[std::size_t(b) + 1]; ++w) {
        if (walls.label[std::size_t(w)] != std::uint8_t(Label::wall)) continue;
        wall_.begin(walls, w, batch_.ground[b]);
        if (wall_.base() > 1000 || wall_.pieces().empty()) continue;
        double open = 0, widest = 0;
        std::size_t its_piece = 0;
        for (std::size_t i = 0; i < wall_.pieces().size(); ++i) {
            const FacadePiece& piece = wall_.pieces()[i];
            const double free = (1.0 - wall_.blocked_share(piece)) * (piece.band.s1 - piece.band.s0);
            open += free;
            if (free > widest) widest = free, its_piece = i;
        }
        const std::int64_t front = walls.side[std::size_t(w)] == std::uint8_t(Side::front);
        const std::int64_t score = front * facade_longest + static_cast<std::int64_t>(open);
        if (open >= 1000 && score > best) best = score, main_ = w, main_piece_ = its_piece;
    }
}

void FacadeDeriver::set_wall(std::int64_t wall, const FacadePiece& piece, bool gable, bool main) {
    const Walls& walls = *walls_;
    const auto w = std::size_t(wall);
    const auto set = [&](FacadeAttribute a, double v) { machine_.wall[int(a)] = v; };
    const Side side = static_cast<Side>(walls.side[w]);
    const Label label = static_cast<Label>(walls.label[w]);
    const bool dormer = label == Label::dormer_wall, front = side == Side::front;
    const double blocked = wall_.blocked_share(piece), eave = eave_ * 0.001;
    machine_.part = walls.part[w];
    machine_.side = walls.side[w];
    machine_.z_ground = wall_.z_ground();
    set(FacadeAttribute::width, (piece.band.s1 - piece.band.s0) * 0.001);
    set(FacadeAttribute::tall, (piece.top - piece.band.z0) * 0.001);
    set(FacadeAttribute::eave, eave);
    set(FacadeAttribute::base, wall_.base() * 0.001);
    const std::int32_t street = walls.street[w];
    set(FacadeAttribute::street_distance, street < 0 ? -1.0 : street * 0.001);
    set(FacadeAttribute::street, street < 0 ? front : street <= 25000);
    set(FacadeAttribute::blocked, blocked);
    set(FacadeAttribute::party, blocked >= 0.5);
    set(FacadeAttribute::front, front);
    set(FacadeAttribute::back, side == Side::back);
    set(FacadeAttribute::left, side == Side::left);
    set(FacadeAttribute::right, side == Side::right);
    set(FacadeAttribute::side, side == Side::left || side == Side::right);
    set(FacadeAttribute::court, side == Side::court);
    set(FacadeAttribute::main, main);
    set(FacadeAttribute::gable, gable && !dormer && !wall_.roof());
    set(FacadeAttribute::dormer, dormer);
    set(FacadeAttribute::step, label == Label::step_wall);
    set(FacadeAttribute::roof, wall_.roof());
    const std::int32_t* ground = walls.ground.data() + 2 * w;
    set(FacadeAttribute::slope, std::abs(double(ground[1]) - ground[0]) * 0.001);
    // What is tagged is believed where it gives floors of 2.2 to 6.5 m.
    const double tagged = machine_.wall[int(FacadeAttribute::tagged_levels)];
    const double each = tagged >= 1 ? eave / tagged : 0.0;
    const double storeys = each >= 2.2 && each <= 6.5 ? tagged : std::floor(eave / 2.9 + 0.5);
    set(FacadeAttribute::storeys, storeys < 1 ? 1.0 : storeys);
    find_lines();
}

void FacadeDeriver::find_lines() {
    line_count_ = floor_count_ = 0;
    const FacadeRules& rules = *machine_.rules;
    const double eave = machine_.wall[int(FacadeAttribute::eave)] * 1000;
    if (rules.floors < 0 || !(eave > 0)) return;
    FacadeScope scope;
    scope.key = machine_.key;
    const std::int32_t ground = wall_.z_ground();
    sizes(rules.node + facade_node_width * rules.floors + 1, std::floor(eave + 0.5), scope, nullptr,
          [&](const std::int32_t* item, std::int32_t from, std::int32_t to, std::int32_t, std::int32_t) {
              if (line_count_ == facade_floors || to <= from) return;
              lines_[line_count_++] = {ground + from, ground + to, item[2] >= 0};
              floor_count_ += item[2] >= 0;
          });
}

void FacadeDeriver::derive(const FacadePiece& piece, bool gable, std::int64_t number) {
    FacadeScope scope;
    scope.s0 = piece.band.s0, scope.s1 = piece.band.s1;
    // Floors begin at the building's ground, whatever the foundation does below it.
    scope.z0 = gable ? piece.band.z1 : std::max(piece.band.z0, std::min(wall_.z_ground(), piece.band.z1));
    scope.z1 = gable ? piece.top : piece.band.z1;
    if (wall_.roof()) scope.z0 = gable ? piece.band.z1 : piece.band.z0;
    if (gable && !wall_.roof()) scope.level = floor_count_, scope.levels = floor_count_ + 1;
    scope.key = facade_derive(machine_.key, 0, static_cast<std::uint64_t>(number));
    piece_ = &piece;
    const FacadeRules& rules = *machine_.rules;
    double frame[facade_frame];
    std::fill_n(frame, facade_frame, 0.0);
    const std::int32_t start = wall_.roof() ? rules.roof : rules.start;
    if (start >= 0) node(rules.rule[3 * start], scope, frame, 0);
}

void FacadeDeriver::write(std::int64_t wall, FacadeOutput& out) {
    const bool on_wall = walls_ == batch_.walls;
    const std::int32_t host =
        on_wall ? static_cast<std::int32_t>(wall) : -1 - walls_->face[std::size_t(wall)];
    const std::int32_t left = on_wall ? 0 : walls_->corner[3 * std::size_t(wall)];
    const std::vector<FacadeElement>& elements = surface_.elements();
    row_.assign(elements.size(), -1);
    const std::int32_t shift = first_design_[std::size_t(machine_.rules - batch_.rules)];
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const FacadeElement& e = elements[i];
        if (!e.kept) continue;
        row_[i] = written_++;
        const Look& look = looks[std::size_t(e.kind)];
        out.wall.push_back(host);
        out.kind.push_back(std::uint8_t(e.kind));
        out.s0.push_back(e.box.s0 + left);
        out.s1.push_back(e.box.s1 + left);
        out.z0.push_back(e.box.z0);
        out.z1.push_back(e.box.z1);
        out.depth.push_back(e.depth);
        out.design.push_back(e.design < 0 ? -1 : e.design + shift);
        const bool known = e.material >= 0 && e.material < material_count;
        out.material.push_back(known ? std::uint8_t(e.material) : std::uint8_t(look.material));
        const std::int32_t colour = e.colour >= 0 && e.colour <= 0xffffff ? e.colour : look.colour;
        for (const int bits : {16, 8, 0}) out.colour.push_back(std::uint8_t((colour >> bits) & 255));
        out.parent.push_back(e.parent < 0 ? -1 : row_[std::size_t(e.parent)]);
    }
}

void FacadeDeriver::paint(std::int64_t b, Elements& out) {
    constexpr double defaults[4] = {double(Material::plaster), 0xd8d0c0, double(Material::tiles), 0x94584a};
    FacadeScope scope;
    scope.key = machine_.key;
    double v[4];
    for (int i = 0; i < 4; ++i) {
        const std::int32_t code = machine_.rules->paint[i];
        v[i] = code < 0 ? defaults[i] : machine_.value(code, scope, nullptr);
        const double most = i % 2 == 0 ? material_count - 1 : 0xffffff;
        if (!(v[i] >= 0 && v[i] <= most)) v[i] = defaults[i];
    }
    const auto row = std::size_t(b);
    out.wall_material[row] = static_cast<std::uint8_t>(v[0]);
    out.roof_material[row] = static_cast<std::uint8_t>(v[2]);
    for (int c = 0; c < 3; ++c) {
        out.wall_colour[3 * row + std::size_t(c)] = std::uint8_t((std::int32_t(v[1]) >> (16 - 8 * c)) & 255);
        out.roof_colour[3 * row + std::size_t(c)] = std::uint8_t((std::int32_t(v[3]) >> (16 - 8 * c)) & 255);
    }
}

}  // namespace geovision
