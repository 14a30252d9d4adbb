#include "facade_machine.hpp"

#include <algorithm>
#include <utility>

namespace geovision {
namespace {

double shade(double colour, double factor) {
    if (!(colour >= 0 && colour <= 0xffffff)) return colour;
    const auto rgb = static_cast<std::int32_t>(colour);
    std::int32_t shaded = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        const double channel = std::floor(double((rgb >> shift) & 255) * factor + 0.5);
        shaded |= static_cast<std::int32_t>(channel > 0 ? (channel < 255 ? channel : 255.0) : 0.0) << shift;
    }
    return shaded;
}

}  // namespace

void FacadeMachine::begin(const FacadeBatch& batch, std::int64_t b) {
    rules = batch.rules + batch.style[b];
    key = batch.key[b];
    bad_numbers = 0;
    std::copy_n(batch.attributes + facade_building_attributes * b, facade_building_attributes, wall);
    edits_ = batch.edit_offsets[b + 1] - batch.edit_offsets[b];
    edit_ = batch.edit + 6 * batch.edit_offsets[b];
    edit_value_ = batch.edit_value + batch.edit_offsets[b];
    std::fill_n(given_, rules->variables, std::uint8_t{0});
    for (std::int64_t i = batch.with_offsets[b]; i < batch.with_offsets[b + 1]; ++i) {
        values_[batch.with_variable[i]] = batch.with_value[i];
        given_[batch.with_variable[i]] = 1;
    }
    const std::int64_t edits = std::exchange(edits_, 0);
    FacadeScope scope;
    scope.key = key;
    for (std::int64_t v = 0; v < rules->variables; ++v) {
        if (!given_[v]) values_[v] = value(rules->variable[v], scope, nullptr);
    }
    edits_ = edits;
    place_[2] = -2;
}

double FacadeMachine::value(std::int32_t at, const FacadeScope& scope, const double* frame) {
    const double v = run(at, scope, frame);
    if (std::isfinite(v)) return v;
    ++bad_numbers;
    return 0;
}

double FacadeMachine::run(std::int32_t at, const FacadeScope& scope, const double* frame) {
    double stack[facade_stack];
    double* top = stack - 1;  // the number on top
    for (const std::int32_t* step = rules->code + 2 * std::int64_t(at);; step += 2) {
        const std::int32_t a = step[1];
        switch (static_cast<FacadeCode>(step[0])) {
            case FacadeCode::end:
                return *top;
            case FacadeCode::constant:
                *++top = rules->constant[a];
                break;
            case FacadeCode::variable:
                *++top = edits_ > 0 ? variable(a, scope) : values_[a];
                break;
            case FacadeCode::local:
                *++top = frame[a];
                break;
            case FacadeCode::attribute:
                *++top = attribute(a, scope);
                break;
            case FacadeCode::add:
                --top, *top = top[0] + top[1];
                break;
            case FacadeCode::subtract:
                --top, *top = top[0] - top[1];
                break;
            case FacadeCode::multiply:
                --top, *top = top[0] * top[1];
                break;
            case FacadeCode::divide:
                --top, *top = top[1] == 0 ? 0.0 : top[0] / top[1];
                break;
            case FacadeCode::negate:
                *top = -*top;
                break;
            case FacadeCode::less:
                --top, *top = top[0] < top[1];
                break;
            case FacadeCode::less_equal:
                --top, *top = top[0] <= top[1];
                break;
            case FacadeCode::equal:
                --top, *top = top[0] == top[1];
                break;
            case FacadeCode::not_equal:
                --top, *top = top[0] != top[1];
                break;
            case FacadeCode::logical_and:
                --top, *top = top[0] != 0 && top[1] != 0;
                break;
            case FacadeCode::logical_or:
                --top, *top = top[0] != 0 || top[1] != 0;
                break;
            case FacadeCode::logical_not:
                *top = *top == 0;
                break;
            case FacadeCode::least:
                --top, *top = top[1] < top[0] ? top[1] : top[0];
                break;
            case FacadeCode::most:
                --top, *top = top[1] > top[0] ? top[1] : top[0];
                break;
            case FacadeCode::absolute:
                *top = std::fabs(*top);
                break;
            case FacadeCode::floor:
                *top = std::floor(*top);
                break;
            case FacadeCode::select:
                top -= 2, *top = top[0] != 0 ? top[1] : top[2];
                break;
            case FacadeCode::random: {
                const double u = facade_uniform(facade_derive(scope.key, rules->code_salt[a], 0));
                --top, *top = top[0] + (top[1] - top[0]) * u;
                break;
            }
            case FacadeCode::pick: {
                step += 2;
                top -= 2 * a - 1;
                *top = pick(top, a, facade_derive(scope.key, rules->code_salt[step[1]], 0));
                break;
            }
            case FacadeCode::shade:
                --top, *top = shade(top[0], top[1]);
                break;
        }
    }
}

double FacadeMachine::pick(const double* options, std::int32_t count, std::uint64_t its_key) const {
    double total = 0;
    for (std::int32_t i = 0; i < count; ++i) total += options[2 * i] > 0 ? options[2 * i] : 0.0;
    const double level = facade_uniform(its_key) * total;
    double sum = 0;
    for (std::int32_t i = 0; i + 1 < count; ++i) {
        sum += options[2 * i] > 0 ? options[2 * i] : 0.0;
        if (level < sum) return options[2 * i + 1];
    }
    return options[2 * count - 1];
}

// Where something is edited, all variables are worked out anew for the place, so that a default follows those
// it is made of. Places of one floor and bay of a wall share their values.
double FacadeMachine::variable(std::int32_t v, const FacadeScope& scope) {
    if (scope.level != place_[0] || scope.bay != place_[1] || wall_number != place_[2]) {
        place_[0] = scope.level, place_[1] = scope.bay, place_[2] = wall_number;
        FacadeScope own = scope;
        own.key = key;
        for (std::int64_t i = 0; i < rules->variables; ++i) {
            here_[i] = given_[i] ? values_[i] : value(rules->variable[i], own, nullptr);
            for (std::int64_t e = 0; e < edits_; ++e) {
                if (edit_[6 * e + 5] == i && matches(edit_ + 6 * e, scope)) here_[i] = edit_value_[e];
            }
        }
    }
    return here_[v];
}

bool FacadeMachine::matches(const std::int32_t* e, const FacadeScope& scope) const {
    const auto fits = [](std::int32_t wanted, std::int32_t is) { return wanted == -1 || wanted == is; };
    return fits(e[0], wall_number) && fits(e[1], part) && fits(e[2], side) && fits(e[3], scope.level) &&
           fits(e[4], scope.bay);
}

bool FacadeMachine::removed(const FacadeScope& scope) const {
    for (std::int64_t i = 0; i < edits_; ++i) {
        if (edit_[6 * i + 5] == -1 && matches(edit_ + 6 * i, scope)) return true;
    }
    return false;
}

double FacadeMachine::attribute(std::int32_t a, const FacadeScope& scope) const {
    if (a < facade_wall_attributes) return wall[a];
    switch (static_cast<FacadeAttribute>(a)) {
        case FacadeAttribute::w:
            return (scope.s1 - scope.s0) * 0.001;
        case FacadeAttribute::h:
            return (scope.z1 - scope.z0) * 0.001;
        case FacadeAttribute::x:
            return scope.s0 * 0.001;
        case FacadeAttribute::z:
            return (scope.z0 - z_ground) * 0.001;
        case FacadeAttribute::level:
            return scope.level;
        case FacadeAttribute::level_count:
            return scope.levels;
        case FacadeAttribute::bay:
            return scope.bay;
        case FacadeAttribute::bay_count:
            return scope.bays;
        case FacadeAttribute::row:
            return scope.row;
        case FacadeAttribute::row_count:
            return scope.rows;
        case FacadeAttribute::ground_level:
            return scope.level == 0;
        case FacadeAttribute::top_level:
            return scope.level >= 0 && scope.level == scope.levels - 1;
        case FacadeAttribute::first_bay:
            return scope.bay == 0;
        case FacadeAttribute::last_bay:
            return scope.bay >= 0 && scope.bay == scope.bays - 1;
        default:
            return 0;
    }
}

}  // namespace geovision
