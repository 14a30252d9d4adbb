
#include "geovision/facade.hpp"

namespace geovision {
namespace {

// Stack effect of a step: how many numbers it takes; each leaves one.
int taken(FacadeCode code, std::int32_t argument) {
    switch (code) {
        case FacadeCode::constant:
        case FacadeCode::variable:
        case FacadeCode::local:
        case FacadeCode::attribute:
            return 0;
        case FacadeCode::negate:
        case FacadeCode::logical_not:
        case FacadeCode::absolute:
        case FacadeCode::floor:
            return 1;
        case FacadeCode::select:
            return 3;
        case FacadeCode::pick:
            return 2 * argument;
        default:
            return 2;
    }
}

class Checker {
public:
    explicit Checker(const FacadeRules& rules) : r_(rules) {}

    const char* run() {
        if (r_.rules < 1 || r_.start < 0 || r_.start >= r_.rules) return "there is no start rule";
        if (r_.roof < -1 || r_.roof >= r_.rules) return "there is no such rule of roofs";
        if (r_.variables > facade_variables) return "there are too many variables";
        for (std::int64_t v = 0; v < r_.variables; ++v) {
            // A default may use the variables before it, so that none needs itself.
            if (!code(r_.variable[v], 0, v, facade_building_attributes)) return "a variable's code is wrong";
        }
        for (int i = 0; i < 4; ++i) {
            if (r_.paint[i] != -1 && !code(r_.paint[i], 0, r_.variables, facade_building_attributes))
                return "the code of the paint is wrong";
        }
        for (std::int64_t i = 0; i < r_.rules; ++i) {
            const std::int32_t* rule = r_.rule + 3 * i;
            if (rule[1] < 0 || rule[2] < rule[1] || rule[2] > facade_frame) return "a rule's frame is wrong";
            // Every rule's nodes are checked with its own frame.
            if (!body(rule[0], rule[2], 0)) return "a rule's nodes are wrong";
        }
        if (r_.floors != -1 && !floors()) return "the floors are wrong";
        return nullptr;
    }

private:
    bool code(std::int32_t at, int frame, std::int64_t variables, int attributes) {
        int depth = 0;
        for (; at >= 0 && at < r_.steps; ++at) {
            const std::int32_t op = r_.code[2 * at], argument = r_.code[2 * at + 1];
            if (op < 0 || op >= facade_code_count) return false;
            const auto step = static_cast<FacadeCode>(op);
            if (step == FacadeCode::end) return depth == 1;
            if (step == FacadeCode::pick && (argument < 1 || argument > facade_stack)) return false;
            const int need = taken(step, argument);
            if (depth < need) return false;
            depth += 1 - need;
            if (depth > facade_stack) return false;
            if (step == FacadeCode::pick && (++at >= r_.steps || r_.code[2 * at] != op)) return false;
            if (!argument_fits(step, r_.code[2 * at + 1], frame, variables, attributes)) return false;
        }
        return false;
    }

    bool argument_fits(FacadeCode step, std::int32_t a, int frame, std::int64_t variables, int attributes) {
        switch (step) {
            case FacadeCode::constant:
                return a >= 0 && a < r_.consts;
            case FacadeCode::variable:
                return a >= 0 && a < variables;
            case FacadeCode::local:
                return a >= 0 && a < frame;
            case FacadeCode::attribute:
                return a >= 0 && a < attributes;
            case FacadeCode::random:
            case FacadeCode::pick:
                return a >= 0 && a < r_.code_salts;
            default:
                return true;
        }
    }

    bool value(std::int32_t at, int frame, bool optional = false) {
        return (optional && at == -1) || code(at, frame, r_.variables, attributes_);
    }

    bool list(std::int32_t first, std::int32_t count, bool values, bool bodies, int frame, int depth) {
        if (first < 0 || count < 0 || count > facade_pieces || std::int64_t(first) + count > r_.items)
            return false;
        for (std::int32_t i = first; i < first + count; ++i) {
            const std::int32_t* item = r_.item + facade_item_width * i;
            if (item[0] < 0 || (item[0] & 3) > 2 || item[0] > 6) return false;
            if (values && !value(item[1], frame)) return false;
            if (bodies && !body(item[2], frame, depth)) return false;
        }
        return true;
    }

    // Nodes stand in trees; a rule that names itself does so through a call.
    bool body(std::int32_t n, int frame, int depth) {
        if (n == -1) return true;
        if (n < 0 || n >= r_.nodes || depth > 256 || ++visited_ > 4 * r_.nodes) return false;
        const std::int32_t *node = r_.node + facade_node_width * n, *a = node + 1;
        if (node[0] < 0 || node[0] >= facade_node_count) return false;
        switch (static_cast<FacadeNode>(node[0])) {
            case FacadeNode::sequence:
                return list(a[0], a[1], false, true, frame, depth + 1);
            case FacadeNode::split:
                return (a[2] == 0 || a[2] == 1) && repeats(a) && value(a[5], frame, true) &&
                       list(a[0], a[1], true, true, frame, depth + 1);
            case FacadeNode::floors:
                return body(a[0], frame, depth + 1);
            case FacadeNode::inset:
                return value(a[1], frame) && value(a[2], frame) && value(a[3], frame) && value(a[4], frame) &&
                       body(a[0], frame, depth + 1);
            case FacadeNode::offset:
                return value(a[1], frame) && value(a[2], frame) && body(a[0], frame, depth + 1);
            case FacadeNode::place:
                return value(a[1], frame) && value(a[2], frame) && value(a[3], frame, true) &&
                       value(a[4], frame, true) && body(a[0], frame, depth + 1);
            case FacadeNode::strip:
                return value(a[1], frame) && value(a[2], frame, true) && a[3] >= 0 && a[3] < 4 &&
                       body(a[0], frame, depth + 1);
            case FacadeNode::extrude:
                return value(a[1], frame) && body(a[0], frame, depth + 1);
            case FacadeNode::guard:
                return value(a[0], frame) && body(a[1], frame, depth + 1) && body(a[2], frame, depth + 1);
            case FacadeNode::choose:
                return a[1] > 0 && list(a[0], a[1], true, true, frame, depth + 1);
            case FacadeNode::call:
                return a[0] >= 0 && a[0] < r_.rules && a[2] == r_.rule[3 * a[0] + 1] &&
                       list(a[1], a[2], true, false, frame, depth + 1);
            case FacadeNode::let:
                return a[0] >= 0 && a[0] < frame && value(a[1], frame);
            case FacadeNode::emit:
                return a[1] >= 0 && a[1] < element_kind_count && value(a[2], frame, true) &&
                       value(a[3], frame, true) && value(a[4], frame, true) && a[5] >= -1 &&
                       a[5] < r_.designs && body(a[0], frame, depth + 1);
        }
        return false;
    }

    static bool repeats(const std::int32_t* a) {
        return a[3] == -1 || (a[3] >= 0 && a[4] > 0 && std::int64_t(a[3]) + a[4] <= a[1]);
    }

    bool floors() {
        attributes_ = facade_wall_attributes;
        const bool fine = r_.floors >= 0 && r_.floors < r_.nodes &&
                          r_.node[facade_node_width * r_.floors] == std::int32_t(FacadeNode::split) &&
                          body(r_.floors, 0, 0);
        attributes_ = facade_attribute_count;
        return fine;
    }

    const FacadeRules& r_;
    std::int64_t visited_ = 0;
    int attributes_ = facade_attribute_count;
};

}  // namespace

const char* check_facade_rules(const FacadeRules& rules) { return Checker(rules).run(); }

}  // namespace geovision
