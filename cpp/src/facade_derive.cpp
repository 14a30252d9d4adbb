// What each node of a rule does to its scope.
#include "facade_derive.hpp"

namespace geovision {
namespace {

constexpr int deepest = 400;  // nodes within each other
constexpr std::int64_t steps_a_building = 1000000;
constexpr std::int32_t elements_a_wall = 20000;

// Depths of elements whose rule says none. By ElementKind.
constexpr std::int32_t depths[element_kind_count] = {120,  100, 80, 150, 60,  20,  30, 1200,
                                                     1200, 250, 30, 80,  900, 840, 60, 80};

}  // namespace

double FacadeDeriver::size_mm(std::int32_t code, const FacadeScope& scope, const double* frame) {
    const double v = machine_.value(code, scope, frame);
    if (v >= 0) return std::min(v * 1000, double(facade_longest));
    ++machine_.bad_numbers;
    return 0;
}

void FacadeDeriver::node(std::int32_t n, FacadeScope scope, double* frame, int depth) {
    if (n < 0 || scope.s0 >= scope.s1 || scope.z0 >= scope.z1) return;
    if (depth > deepest) return surface_.drop(FacadeDrop::too_deep);
    if (++steps_ > steps_a_building) return surface_.drop(FacadeDrop::too_many);
    const FacadeRules& rules = *machine_.rules;
    const std::int32_t* row = rules.node + std::int64_t(facade_node_width) * n;
    const std::int32_t* a = row + 1;
    const std::uint64_t salt = rules.salt[n];
    switch (static_cast<FacadeNode>(row[0])) {
        case FacadeNode::sequence:
            for (std::int32_t i = 0; i < a[1]; ++i)
                node(rules.item[std::int64_t(facade_item_width) * (a[0] + i) + 2], scope, frame, depth + 1);
            break;
        case FacadeNode::split:
            split(a, salt, scope, frame, depth);
            break;
        case FacadeNode::floors:
            floors(a, salt, scope, frame, depth);
            break;
        case FacadeNode::inset:
            inset(a, scope, frame, depth);
            break;
        case FacadeNode::offset: {
            const std::int32_t ds = grid_round(machine_.value(a[1], scope, frame) * 1000),
                               dz = grid_round(machine_.value(a[2], scope, frame) * 1000);
            scope.s0 += ds, scope.s1 += ds, scope.z0 += dz, scope.z1 += dz;
            // Nothing can come of a place far off every wall, and offsets must not add up.
            if (std::max({std::abs(scope.s0), std::abs(scope.s1), std::abs(scope.z0), std::abs(scope.z1)}) >
                2 * facade_longest)
                return surface_.drop(FacadeDrop::outside);
            node(a[0], scope, frame, depth + 1);
            break;
        }
        case FacadeNode::place:
            place(a, scope, frame, depth);
            break;
        case FacadeNode::strip:
            strip(a, scope, frame, depth);
            break;
        case FacadeNode::extrude:
            scope.out = grid_round(size_mm(a[1], scope, frame));
            node(a[0], scope, frame, depth + 1);
            break;
        case FacadeNode::guard:
            node(machine_.value(a[0], scope, frame) != 0 ? a[1] : a[2], scope, frame, depth + 1);
            break;
        case FacadeNode::choose:
            choose(a, salt, scope, frame, depth);
            break;
        case FacadeNode::call:
            call(a, salt, scope, frame, depth);
            break;
        case FacadeNode::let:
            frame[a[0]] = machine_.value(a[1], scope, frame);
            break;
        case FacadeNode::emit:
            emit(a, scope, frame, depth);
            break;
    }
}

std::int32_t FacadeDeriver::snapped(std::int32_t at, std::int32_t tolerance) const {
    std::int32_t best = at, nearest = tolerance + 1;
    for (std::int32_t i = 0; i < line_count_; ++i) {
        for (const std::int32_t z : {lines_[i].z0, lines_[i].z1}) {
            if (std::abs(z - at) < nearest) nearest = std::abs(z - at), best = z;
        }
    }
    return best;
}

void FacadeDeriver::split(const std::int32_t* a, std::uint64_t salt, const FacadeScope& scope, double* frame,
                          int depth) {
    const bool z = a[2] == 1;
    const std::int32_t begin = z ? scope.z0 : scope.s0, end = z ? scope.z1 : scope.s1;
    const std::int32_t tolerance = a[5] >= 0 && z ? grid_round(size_mm(a[5], scope, frame)) : -1;
    std::uint64_t number = 0;
    std::int32_t last = begin;
    sizes(a, end - begin, scope, frame,
          [&](const std::int32_t* item, std::int32_t from, std::int32_t to, std::int32_t turn,
              std::int32_t turns) {
              FacadeScope child = scope;
              child.key = facade_derive(scope.key, salt, number++);
              std::int32_t low = begin + from, high = begin + to;
              if (tolerance >= 0) {
                  // Outer ends stay; lines that were moved past each other leave nothing between.
                  low = last;
                  if (high < end) high = std::clamp(snapped(high, tolerance), low, end);
                  last = high;
              }
              (z ? child.z0 : child.s0) = low;
              (z ? child.z1 : child.s1) = high;
              if (turn >= 0) {
                  (z ? child.row : child.bay) = turn;
                  (z ? child.rows : child.bays) = turns;
              }
              node(item[2], child, frame, depth + 1);
          });
}

void FacadeDeriver::floors(const std::int32_t* a, std::uint64_t salt, const FacadeScope& scope, double* frame,
                           int depth) {
    std::int32_t level = 0;
    for (std::int32_t i = 0; i < line_count_; ++i) {
        const FacadeLine& line = lines_[i];
        if (!line.floor) continue;
        FacadeScope child = scope;
        child.level = level++;
        child.levels = floor_count_;
        child.key = facade_derive(scope.key, salt, static_cast<std::uint64_t>(child.level));
        child.z0 = std::max(scope.z0, line.z0);
        child.z1 = std::min(scope.z1, line.z1);
        // A floor that is cut off by more than a quarter is none.
        if (4 * std::int64_t(child.z1 - child.z0) >= 3 * std::int64_t(line.z1 - line.z0))
            node(a[0], child, frame, depth + 1);
    }
}

void FacadeDeriver::inset(const std::int32_t* a, FacadeScope scope, double* frame, int depth) {
    const FacadeScope whole = scope;
    scope.s0 += grid_round(size_mm(a[1], whole, frame));
    scope.s1 -= grid_round(size_mm(a[2], whole, frame));
    scope.z0 += grid_round(size_mm(a[3], whole, frame));
    scope.z1 -= grid_round(size_mm(a[4], whole, frame));
    if (scope.s0 >= scope.s1 || scope.z0 >= scope.z1) return surface_.drop(FacadeDrop::too_large);
    node(a[0], scope, frame, depth + 1);
}

void FacadeDeriver::place(const std::int32_t* a, FacadeScope scope, double* frame, int depth) {
    const std::int32_t width = grid_round(size_mm(a[1], scope, frame)),
                       height = grid_round(size_mm(a[2], scope, frame));
    const std::int32_t wide = scope.s1 - scope.s0, tall = scope.z1 - scope.z0;
    const double across = a[3] >= 0 ? machine_.value(a[3], scope, frame) : 0.5;
    const std::int32_t up = a[4] >= 0 ? grid_round(size_mm(a[4], scope, frame)) : (tall - height) / 2;
    if (width > wide || height > tall || up + height > tall) return surface_.drop(FacadeDrop::too_large);
    const double share = across > 0 ? (across < 1 ? across : 1.0) : 0.0;
    scope.s0 += grid_round((wide - width) * share);
    scope.s1 = scope.s0 + width;
    scope.z0 += up;
    scope.z1 = scope.z0 + height;
    node(a[0], scope, frame, depth + 1);
}

void FacadeDeriver::strip(const std::int32_t* a, FacadeScope scope, double* frame, int depth) {
    const std::int32_t size = grid_round(size_mm(a[1], scope, frame)),
                       over = a[2] >= 0 ? grid_round(size_mm(a[2], scope, frame)) : 0;
    if (a[3] < 2) {
        scope.s0 -= over, scope.s1 += over;
        if (a[3] == 0)
            scope.z1 = scope.z0, scope.z0 -= size;
        else
            scope.z0 = scope.z1, scope.z1 += size;
    } else {
        scope.z0 -= over, scope.z1 += over;
        if (a[3] == 2)
            scope.s1 = scope.s0, scope.s0 -= size;
        else
            scope.s0 = scope.s1, scope.s1 += size;
    }
    node(a[0], scope, frame, depth + 1);
}

void FacadeDeriver::choose(const std::int32_t* a, std::uint64_t salt, const FacadeScope& scope, double* frame,
                           int depth) {
    const std::int32_t* items = machine_.rules->item + std::int64_t(facade_item_width) * a[0];
    double weight[facade_pieces];
    double total = 0;
    for (std::int32_t i = 0; i < a[1]; ++i) {
        const double v = machine_.value(items[facade_item_width * i + 1], scope, frame);
        weight[i] = v > 0 ? v : 0.0;
        total += weight[i];
    }
    if (!(total > 0)) return;
    const std::uint64_t key = facade_derive(a[2] != 0 ? machine_.key : scope.key, salt, 0);
    const double level = facade_uniform(key) * total;
    double sum = 0;
    std::int32_t chosen = 0;
    for (std::int32_t i = 0; i < a[1]; ++i) {
        if (weight[i] > 0) chosen = i;
        sum += weight[i];
        if (level < sum) break;
    }
    node(items[facade_item_width * chosen + 2], scope, frame, depth + 1);
}

void FacadeDeriver::call(const std::int32_t* a, std::uint64_t salt, FacadeScope scope, double* frame,
                         int depth) {
    const FacadeRules& rules = *machine_.rules;
    const std::int32_t* rule = rules.rule + 3 * std::int64_t(a[0]);
    double own[facade_frame];
    for (std::int32_t i = 0; i < a[2]; ++i)
        own[i] = machine_.value(rules.item[std::int64_t(facade_item_width) * (a[1] + i) + 1], scope, frame);
    std::fill(own + a[2], own + rule[2], 0.0);
    scope.key = facade_derive(scope.key, salt, 0);
    node(rule[0], scope, own, depth + 1);
}

void FacadeDeriver::emit(const std::int32_t* a, FacadeScope scope, double* frame, int depth) {
    if (machine_.edited() && machine_.removed(scope)) return;
    if (surface_.size() >= elements_a_wall) return surface_.drop(FacadeDrop::too_many);
    const auto kind = static_cast<ElementKind>(a[1]);
    const bool opening = is_opening(kind);
    FacadeElement e{kind, {scope.s0, scope.s1, scope.z0, scope.z1}, depths[a[1]], a[5], -1, -1, scope.parent,
                    true};
    if (kind == ElementKind::railing && scope.parent >= 0) e.depth = surface_[scope.parent].depth;
    if (a[2] >= 0)
        e.depth = grid_round(size_mm(a[2], scope, frame));
    else if (scope.out >= 0 && !opening)
        e.depth = scope.out;
    e.depth = opening ? std::clamp(e.depth, 20, 600) : std::clamp(e.depth, 10, 3000);
    if (a[3] >= 0)
        e.material = static_cast<std::int32_t>(std::clamp(machine_.value(a[3], scope, frame), -1.0, 255.0));
    if (a[4] >= 0)
        e.colour =
            static_cast<std::int32_t>(std::clamp(machine_.value(a[4], scope, frame), -1.0, 16777216.0));
    const std::int32_t number = surface_.add(*piece_, e);
    if (number < 0 || a[0] < 0) return;
    const FacadeBox& box = surface_[number].box;
    scope.s0 = box.s0, scope.s1 = box.s1, scope.z0 = box.z0, scope.z1 = box.z1;
    scope.parent = number;
    node(a[0], scope, frame, depth + 1);
}

}  // namespace geovision
