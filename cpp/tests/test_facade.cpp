// Facade rules: arrays that were changed at random are refused or harmless, whatever the wall; threads decide
// nothing. What rules mean is compared with a plain reading of them in tests/procedural.
#include "geovision/facade.hpp"

#include <random>
#include <vector>

#include "testing.hpp"

using namespace geovision;

namespace {

// rule wall { split x { 0.3 : nothing, repeat ~v : A(0.9) } }  rule A(p) { if w > p : place p by 1.2 up 1 :
// window { below 6cm : sill } } floors { repeat ~2.8 : floor }
struct Grammar {
    std::vector<std::int32_t> node, item, code, rule, variable, paint, design;
    std::vector<std::uint64_t> salt, code_salt;
    std::vector<double> constant;

    std::int32_t value(std::vector<std::int32_t> steps) {
        const auto at = static_cast<std::int32_t>(code.size() / 2);
        code.insert(code.end(), steps.begin(), steps.end());
        code.insert(code.end(), {0, 0});
        return at;
    }
    std::int32_t number(double v) {
        constant.push_back(v);
        return value({1, static_cast<std::int32_t>(constant.size()) - 1});
    }
    std::int32_t add(FacadeNode op, std::vector<std::int32_t> arguments) {
        node.push_back(std::int32_t(op));
        arguments.resize(facade_node_width - 1, -1);
        node.insert(node.end(), arguments.begin(), arguments.end());
        salt.push_back(salt.size() * 977 + 5);
        return static_cast<std::int32_t>(salt.size()) - 1;
    }
    std::int32_t list(std::vector<std::int32_t> triples) {
        const auto at = static_cast<std::int32_t>(item.size() / 3);
        item.insert(item.end(), triples.begin(), triples.end());
        return at;
    }

    std::int32_t floors_ = -1;

    Grammar() {
        code_salt = {11, 12};
        variable = {number(2.4)};
        const std::int32_t sill = add(FacadeNode::emit, {-1, 4, number(0.06), -1, -1, -1});
        const std::int32_t below = add(FacadeNode::strip, {sill, number(0.06), number(0.05), 0});
        const std::int32_t window = add(FacadeNode::emit, {below, 0, -1, number(9), number(1234567), 0});
        const std::int32_t place =
            add(FacadeNode::place, {window, value({3, 0}), number(1.2), -1, number(0.9)});
        const std::int32_t guard = add(FacadeNode::guard, {value({3, 0, 4, 31, 10, 0}), place, -1});
        const std::int32_t pick = value({1, 0, 1, 1, 1, 0, 1, 2, 23, 2, 23, 0});
        const std::int32_t choose = add(FacadeNode::choose, {list({0, pick, guard, 0, number(1), -1}), 2, 0});
        const std::int32_t let = add(FacadeNode::let, {1, value({1, 0, 1, 2, 22, 1})});
        const std::int32_t body = add(FacadeNode::sequence, {list({0, -1, let, 0, -1, choose}), 2});
        const std::int32_t call = add(FacadeNode::call, {1, list({0, number(0.9), -1}), 1});
        const std::int32_t across =
            add(FacadeNode::split, {list({0, number(0.3), -1, 6, value({2, 0}), call}), 2, 0, 1, 1, -1});
        const std::int32_t rows = add(FacadeNode::floors, {across});
        const std::int32_t inset =
            add(FacadeNode::inset, {rows, number(0.1), number(0.1), number(0), number(0)});
        floors_ = add(FacadeNode::split, {list({6, number(2.8), rows}), 1, 1, 0, 1, -1});
        rule = {inset, 0, 2, body, 1, 2};
        paint = {-1, number(255), -1, -1};
        design = {2, 1, 60, 40, 300, 0};
    }

    FacadeRules view() const {
        FacadeRules r;
        r.nodes = std::int64_t(salt.size()), r.items = std::int64_t(item.size() / 3);
        r.steps = std::int64_t(code.size() / 2), r.consts = std::int64_t(constant.size());
        r.code_salts = std::int64_t(code_salt.size()), r.rules = std::int64_t(rule.size() / 3);
        r.variables = std::int64_t(variable.size()), r.designs = std::int64_t(design.size() / 6);
        r.node = node.data(), r.salt = salt.data(), r.item = item.data(), r.code = code.data();
        r.constant = constant.data(), r.code_salt = code_salt.data(), r.rule = rule.data();
        r.variable = variable.data(), r.paint = paint.data(), r.design = design.data();
        r.floors = floors_, r.start = 0;
        return r;
    }
};

// `count` buildings of one wall: rectangles and gables.
Walls some_walls(int count) {
    Walls w;
    for (Column<std::int64_t>* offsets :
         {&w.building_offsets, &w.member_offsets, &w.ring_offsets, &w.vertex_offsets, &w.blocked_offsets})
        offsets->push_back(0);
    for (int b = 0; b < count; ++b) {
        const std::int32_t length = 900 + 1700 * (b % 9), height = 2400 + 1100 * (b % 7);
        std::vector<std::int32_t> ring = {0, 0, length, 0, length, height};
        if (b % 3 == 0) ring.insert(ring.end(), {length / 2, height + 2000});
        ring.insert(ring.end(), {0, height});
        w.sz.insert(w.sz.end(), ring.begin(), ring.end());
        w.building_offsets.push_back(b + 1), w.member_offsets.push_back(b + 1),
            w.ring_offsets.push_back(b + 1);
        w.vertex_offsets.push_back(std::int64_t(w.sz.size() / 2));
        w.building.push_back(b), w.face.push_back(0), w.members.push_back(0), w.part.push_back(0);
        w.label.push_back(std::uint8_t(Label::wall));
        for (int k = 0; k < 3; ++k) w.corner.push_back(0);
        w.direction.push_back(1), w.direction.push_back(0);
        w.length.push_back(length), w.height.push_back(height + 2000);
        w.ground.push_back(0), w.ground.push_back(300 * (b % 4));
        w.side.push_back(std::uint8_t(b % 5)), w.street.push_back(-1), w.level.push_back(height);
        if (b % 5 == 1)
            for (const std::int32_t v : {0, length / 3, 9000}) w.blocked.push_back(v);
        w.blocked_offsets.push_back(std::int64_t(w.blocked.size() / 3));
    }
    return w;
}

struct Inputs {
    std::vector<std::int32_t> style, ground, nothing32;
    std::vector<std::uint64_t> key;
    std::vector<double> attributes;
    std::vector<std::uint8_t> provenance;
    std::vector<std::int64_t> offsets;

    explicit Inputs(int count)
        : style(std::size_t(count), 0),
          ground(std::size_t(count), 0),
          attributes(std::size_t(count) * 10, 2),
          provenance(std::size_t(count), 1),
          offsets(std::size_t(count) + 1, 0) {
        for (int b = 0; b < count; ++b) key.push_back(std::uint64_t(b) * 7919);
    }
    FacadeBatch batch(const Walls& walls, const FacadeRules& rules) const {
        FacadeBatch f;
        f.walls = &walls, f.rules = &rules, f.grammars = 1;
        f.style = style.data(), f.key = key.data(), f.attributes = attributes.data(),
        f.ground = ground.data();
        f.provenance = provenance.data(), f.with_offsets = offsets.data(), f.edit_offsets = offsets.data();
        return f;
    }
};

void threads_decide_nothing() {
    const Walls walls = some_walls(500);
    const Inputs inputs(500);
    const Grammar grammar;
    const FacadeRules rules = grammar.view();
    CHECK(check_facade_rules(rules) == nullptr);
    FacadeResult one, three;
    CHECK(evaluate_facades(inputs.batch(walls, rules), 1, nullptr, one));
    CHECK(evaluate_facades(inputs.batch(walls, rules), 3, nullptr, three));
    CHECK(one.elements.s0.size() > 200);
    CHECK(one.elements.s0 == three.elements.s0 && one.elements.z0 == three.elements.z0);
    CHECK(one.elements.parent == three.elements.parent && one.elements.colour == three.elements.colour);
    CHECK(one.elements.building_offsets == three.elements.building_offsets && one.dropped == three.dropped);
    const std::atomic<bool> stop{true};
    FacadeResult none;
    CHECK(!evaluate_facades(inputs.batch(walls, rules), 1, &stop, none));
}

void changed_arrays_are_refused_or_harmless() {
    const Walls walls = some_walls(6);
    const Inputs inputs(6);
    std::mt19937 random(1);
    int refused = 0, taken = 0;
    for (int turn = 0; turn < 6000; ++turn) {
        Grammar g;
        std::vector<std::int32_t>* tables[] = {&g.node, &g.item, &g.code, &g.rule, &g.variable, &g.paint};
        for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
            std::vector<std::int32_t>& table = *tables[random() % 6];
            const std::int32_t values[] = {-2, -1, 0, 1, 2, 3, 5, 7, 12, 24, 45, 64, INT32_MAX, INT32_MIN};
            table[random() % table.size()] = values[random() % 14];
        }
        if (random() % 4 == 0) g.constant[random() % g.constant.size()] = random() % 2 ? 1e300 : 1e-9;
        const FacadeRules rules = g.view();
        if (check_facade_rules(rules) != nullptr) {
            ++refused;
            continue;
        }
        FacadeResult result;
        CHECK(evaluate_facades(inputs.batch(walls, rules), 1, nullptr, result));
        CHECK(result.elements.wall.size() == result.elements.depth.size());
        ++taken;
    }
    CHECK(refused > 1000 && taken > 500);
}

}  // namespace

int main() {
    threads_decide_nothing();
    changed_arrays_are_refused_or_harmless();
    return TEST_RESULT();
}
