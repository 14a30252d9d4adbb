// Derives the elements of one building after another from facade rules. Internal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "facade_machine.hpp"
#include "facade_surface.hpp"
#include "facade_wall.hpp"
#include "geovision/facade.hpp"

namespace geovision {

constexpr std::int32_t facade_floors = 256;        // of a wall
constexpr std::int32_t facade_longest = 10000000;  // grid steps: 10 km
constexpr std::int32_t facade_repeats = 2000;

struct FacadeLine {
    std::int32_t z0, z1;
    bool floor;
};

// Rounds half up, as the boundaries of pieces do everywhere.
inline std::int32_t grid_round(double mm) {
    const double whole = std::floor(mm + 0.5);
    return static_cast<std::int32_t>(std::clamp(whole, -double(facade_longest), double(facade_longest)));
}

// Elements of some buildings, walls by their row.
struct FacadeOutput {
    Column<std::int32_t> wall, s0, s1, z0, z1, depth, design, parent;
    Column<std::uint8_t> kind, material, colour;
    Column<std::int64_t> count;  // per building of the block
};

class FacadeDeriver {
public:
    explicit FacadeDeriver(const FacadeBatch& batch, const std::vector<std::int32_t>& first_design)
        : batch_(batch), first_design_(first_design) {}

    void building(std::int64_t b, std::uint32_t* dropped, FacadeOutput& out);
    void paint(std::int64_t b, Elements& out);

private:
    void derive_rows(const Walls& walls, std::int64_t b, std::int64_t number, std::uint32_t* dropped,
                     FacadeOutput& out);
    void cap_chimney(const Walls& walls, std::int64_t row);
    void set_wall(std::int64_t wall, const FacadePiece& piece, bool gable, bool main);
    void find_main(std::int64_t b);
    void find_eave(std::int64_t row);
    void find_lines();
    void derive(const FacadePiece& piece, bool gable, std::int64_t number);
    void node(std::int32_t n, FacadeScope scope, double* frame, int depth);
    void split(const std::int32_t* a, std::uint64_t salt, const FacadeScope& scope, double* frame, int depth);
    void floors(const std::int32_t* a, std::uint64_t salt, const FacadeScope& scope, double* frame,
                int depth);
    void choose(const std::int32_t* a, std::uint64_t salt, const FacadeScope& scope, double* frame,
                int depth);
    void call(const std::int32_t* a, std::uint64_t salt, FacadeScope scope, double* frame, int depth);
    void emit(const std::int32_t* a, FacadeScope scope, double* frame, int depth);
    void place(const std::int32_t* a, FacadeScope scope, double* frame, int depth);
    void strip(const std::int32_t* a, FacadeScope scope, double* frame, int depth);
    void inset(const std::int32_t* a, FacadeScope scope, double* frame, int depth);
    // Pieces of a split along `total` grid steps: calls piece(item, from, to, repetition or -1, repetitions).
    template <class Piece>
    void sizes(const std::int32_t* a, double total, const FacadeScope& scope, const double* frame,
               Piece piece);
    double size_mm(std::int32_t code, const FacadeScope& scope, const double* frame);
    std::int32_t snapped(std::int32_t at, std::int32_t tolerance) const;
    void write(std::int64_t wall, FacadeOutput& out);

    const FacadeBatch& batch_;
    const std::vector<std::int32_t>& first_design_;
    FacadeMachine machine_;
    FacadeWall wall_;
    FacadeSurface surface_;
    const Walls* walls_ = nullptr;  // walls or roof faces
    const FacadePiece* piece_ = nullptr;
    FacadeLine lines_[facade_floors];
    std::int32_t line_count_ = 0, floor_count_ = 0;
    std::int64_t steps_ = 0, main_ = -1;
    std::size_t main_piece_ = 0;
    std::int32_t eave_ = 0;  // of the wall, above the building's ground
    std::int32_t written_ = 0;
    std::vector<std::int32_t> row_;
};

template <class Piece>
void FacadeDeriver::sizes(const std::int32_t* a, double total, const FacadeScope& scope, const double* frame,
                          Piece piece) {
    const std::int32_t* items = machine_.rules->item + std::int64_t(facade_item_width) * a[0];
    double size[facade_pieces];
    // Sums of what is once, and of the repeated group: fixed sizes and floating ones.
    double fixed = 0, floating = 0, group_fixed = 0, group_floating = 0;
    for (std::int32_t i = 0; i < a[1]; ++i) {
        const std::int32_t mode = items[facade_item_width * i] & 3;
        double v = size_mm(items[facade_item_width * i + 1], scope, frame);
        if (mode == 1) v = v * 0.001 * total;
        size[i] = v;
        const bool repeated = a[3] >= 0 && i >= a[3] && i < a[3] + a[4];
        (mode == 2 ? (repeated ? group_floating : floating) : (repeated ? group_fixed : fixed)) += v;
    }
    std::int32_t times = 0;
    if (a[3] >= 0) {
        const double unit = group_fixed + group_floating, room = total - fixed - floating;
        if (unit >= 1 && room > 0) {
            const double n =
                group_floating > 0 ? std::floor(room / unit + 0.5) : std::floor(room / unit + 1e-9);
            if (n > facade_repeats) surface_.drop(FacadeDrop::too_many);
            times = static_cast<std::int32_t>(std::min(n, double(facade_repeats)));
        } else if (unit < 1) {
            ++machine_.bad_numbers;
        }
    }
    const double left = total - fixed - times * group_fixed, spread = floating + times * group_floating;
    const double factor = spread > 0 && left > 0 ? left / spread : 0.0;
    double end = 0;
    std::int32_t from = 0;
    const auto lay = [&](std::int32_t i, std::int32_t turn) {
        end += (items[facade_item_width * i] & 3) == 2 ? size[i] * factor : size[i];
        const std::int32_t to = grid_round(end);
        if (to > grid_round(total)) {
            if (items[facade_item_width * i + 2] >= 0) surface_.drop(FacadeDrop::too_large);
            return;
        }
        piece(items + facade_item_width * i, from, to, turn, times);
        from = to;
    };
    const std::int32_t before = a[3] >= 0 ? a[3] : a[1], after = a[3] >= 0 ? a[3] + a[4] : a[1];
    for (std::int32_t i = 0; i < before; ++i) lay(i, -1);
    for (std::int32_t t = 0; t < times; ++t) {
        for (std::int32_t i = before; i < after; ++i) lay(i, t);
    }
    for (std::int32_t i = after; i < a[1]; ++i) lay(i, -1);
}

}  // namespace geovision
