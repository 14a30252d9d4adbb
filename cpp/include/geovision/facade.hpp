// Facade rules on walls: compiled grammars in, elements out.
//
// geovision/procedural/grammar compiles rule files to the arrays of FacadeRules; docs/facades.md is the
// manual of the language. What comes out keeps the promises of elements.hpp whatever a rule asks for:
// openings lie wholly in their wall with 50 mm to spare, apart from each other and from neighbours, windows
// above the terrain, doors on it. What cannot be so is left out and counted. Everything random is a function
// of the building's key and of the path in the derivation, so nothing depends on threads, batches or order.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/elements.hpp"
#include "geovision/walls.hpp"

namespace geovision {

// What a node does; the arguments stand behind it. b: node of the body, e: row of code, -1 for none.
// geovision/procedural/grammar/vocabulary.py holds the same tables.
enum class FacadeNode : std::int32_t {
    sequence = 0,  // first item, count
    split = 1,     // first item, count, axis (0 x, 1 z), first repeated or -1, how many, e snap
    floors = 2,    // b
    inset = 3,     // b, e left, e right, e bottom, e top
    offset = 4,    // b, e along, e up
    place = 5,     // b, e width, e height, e share across, e up
    strip = 6,     // b, e size, e over, side (0 below, 1 above, 2 left, 3 right)
    extrude = 7,   // b, e out
    guard = 8,     // e condition, b then, b else
    choose = 9,    // first item, count, 1 for once per building
    call = 10,     // rule, first item, count
    let = 11,      // slot, e
    emit = 12,     // b, kind, e depth, e material, e colour, design
};
constexpr int facade_node_count = 13;
constexpr int facade_node_width = 8;
constexpr int facade_item_width = 3;

enum class FacadeCode : std::int32_t {
    end = 0,
    constant = 1,
    variable = 2,
    local = 3,
    attribute = 4,
    add = 5,
    subtract = 6,
    multiply = 7,
    divide = 8,  // by 0: 0
    negate = 9,
    less = 10,
    less_equal = 11,
    equal = 12,
    not_equal = 13,
    logical_and = 14,
    logical_or = 15,
    logical_not = 16,
    least = 17,
    most = 18,
    absolute = 19,
    floor = 20,
    select = 21,
    random = 22,
    pick = 23,  // count; a second step names the salt
    shade = 24,
};
constexpr int facade_code_count = 25;

enum class FacadeAttribute : std::int32_t {
    height = 0,
    ridge = 1,
    tagged_levels = 2,
    roof_levels = 3,
    year = 4,
    use = 5,
    area = 6,
    attached = 7,
    shop = 8,
    wall_material = 9,
    width = 10,
    tall = 11,
    eave = 12,
    base = 13,
    street_distance = 14,
    street = 15,
    blocked = 16,
    party = 17,
    front = 18,
    back = 19,
    left = 20,
    right = 21,
    side = 22,
    court = 23,
    main = 24,
    gable = 25,
    dormer = 26,
    step = 27,
    roof = 28,
    slope = 29,
    storeys = 30,
    w = 31,
    h = 32,
    x = 33,
    z = 34,
    level = 35,
    level_count = 36,
    bay = 37,
    bay_count = 38,
    row = 39,
    row_count = 40,
    ground_level = 41,
    top_level = 42,
    first_bay = 43,
    last_bay = 44,
};
constexpr int facade_attribute_count = 45;
constexpr int facade_building_attributes = 10;  // those before `width`
constexpr int facade_wall_attributes = 31;      // those before `w`

constexpr int facade_stack = 64;   // numbers that an expression may hold at once
constexpr int facade_pieces = 32;  // of a split, a choice, a block, a call
constexpr int facade_frame = 32;   // parameters and variables of a rule
constexpr int facade_variables = 256;

// Why something that a rule asked for is not there.
enum class FacadeDrop : std::uint8_t {
    outside = 0,        // not wholly in the wall, or closer than 50 mm to its border
    overlap = 1,        // meets another element
    blocked = 2,        // a neighbour stands there
    below_ground = 3,   // under the terrain
    too_small = 4,      // an opening under 0.2 m, a thing under 20 mm
    not_reachable = 5,  // a door that is not at the ground of an outer wall
    too_large = 6,      // a piece of a split or a placed rectangle that does not fit
    bad_number = 7,     // a size below 0, or no finite number
    too_deep = 8,       // rules call each other without end
    too_many = 9,       // the budget of steps or of elements is spent
};
constexpr int facade_drop_count = 10;

// One compiled grammar. Pointers stay the caller's.
struct FacadeRules {
    std::int64_t nodes = 0, items = 0, steps = 0, consts = 0, code_salts = 0, rules = 0, variables = 0,
                 designs = 0;
    const std::int32_t* node = nullptr;        // [nodes, facade_node_width]
    const std::uint64_t* salt = nullptr;       // [nodes]
    const std::int32_t* item = nullptr;        // [items, facade_item_width] mode, e, b; mode: 0 metres, 1
                                               // share, 2 floating, + 4 repeated
    const std::int32_t* code = nullptr;        // [steps, 2]
    const double* constant = nullptr;          // [consts]
    const std::uint64_t* code_salt = nullptr;  // [code_salts]
    const std::int32_t* rule = nullptr;        // [rules, 3] b, parameters, size of the frame
    const std::int32_t* variable = nullptr;    // [variables] e of the default
    const std::int32_t* paint = nullptr;   // [4] e of wall material and colour, of roof material and colour
    const std::int32_t* design = nullptr;  // [designs, 6] panes across and up, frame, mullion (mm),
                                           // panel (thousandths), solid
    std::int32_t floors = -1, start = 0;   // node of the floors, rule of every wall
    std::int32_t roof = -1;                // rule of every roof face, -1 for none
};

// What is wrong with the arrays, or null. Rules that pass cannot read outside of them.
const char* check_facade_rules(const FacadeRules& rules);

// Roof faces of 10 to 70 degrees and the tops of chimneys as rows like walls, z up the face: `label` roof or
// chimney, `corner` {s of the left end of the face from the origin of its frame in elements.hpp, 0, 0},
// `side` none. Solids must have polygons.
Walls find_roof_faces(const Solids& solids);

struct FacadeBatch {
    const Walls* walls = nullptr;
    const Walls* roofs = nullptr;  // of find_roof_faces; may be null. What is on them names faces
    const FacadeRules* rules = nullptr;
    std::int64_t grammars = 0;
    const std::int32_t* style = nullptr;       // [B] grammar, -1 for plain walls
    const std::uint64_t* key = nullptr;        // [B]
    const double* attributes = nullptr;        // [B, facade_building_attributes]
    const std::int32_t* ground = nullptr;      // [B] ground of the building above its origin, grid steps
    const std::uint8_t* provenance = nullptr;  // [B] of its elements
    // Variables that a building gives other values, for all of it or where an edit says.
    const std::int64_t* with_offsets = nullptr;   // [B+1]
    const std::int32_t* with_variable = nullptr;  // [..]
    const double* with_value = nullptr;           // [..]
    const std::int64_t* edit_offsets = nullptr;   // [B+1]
    const std::int32_t* edit = nullptr;  // [.., 6] wall, part, side, level, bay (-1: any), variable (-1:
                                         // leave everything out)
    const double* edit_value = nullptr;  // [..]
};

struct FacadeResult {
    Elements elements;              // designs of all grammars, one after the other
    Column<std::uint32_t> dropped;  // [B, facade_drop_count]
};

// Rules must have passed check_facade_rules. threads: 0 for all cores. False when cancelled.
bool evaluate_facades(const FacadeBatch& batch, int threads, const std::atomic<bool>* cancel,
                      FacadeResult& out);

}  // namespace geovision
