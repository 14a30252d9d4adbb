#include "geovision/label.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace geovision {

namespace {
constexpr double tiny = 1e-9;
constexpr int most_sweeps = 4;
}  // namespace

void MinCut::start(std::int32_t nodes) {
    first_.assign(std::size_t(nodes), -1);
    arcs_.clear();
}

void MinCut::edge(std::int32_t from, std::int32_t to, double capacity, double back) {
    arcs_.push_back({to, first_[std::size_t(from)], capacity});
    first_[std::size_t(from)] = std::int32_t(arcs_.size()) - 1;
    arcs_.push_back({from, first_[std::size_t(to)], back});
    first_[std::size_t(to)] = std::int32_t(arcs_.size()) - 1;
}

bool MinCut::levels() {
    level_.assign(first_.size(), -1);
    level_[0] = 0;
    queue_.assign(1, 0);
    for (std::size_t at = 0; at < queue_.size(); ++at) {
        const std::int32_t u = queue_[at];
        for (std::int32_t e = first_[std::size_t(u)]; e >= 0; e = arcs_[std::size_t(e)].next) {
            const Arc& arc = arcs_[std::size_t(e)];
            if (arc.left <= tiny || level_[std::size_t(arc.to)] >= 0) continue;
            level_[std::size_t(arc.to)] = level_[std::size_t(u)] + 1;
            // What lies farther than the sink is on no shortest path.
            if (arc.to == 1) return true;
            queue_.push_back(arc.to);
        }
    }
    return false;
}

// Depth is bounded by the number of levels; graphs here have a few hundred nodes.
double MinCut::push(std::int32_t node, double flow) {
    if (node == 1) return flow;
    double sent = 0;
    for (std::int32_t& e = current_[std::size_t(node)]; e >= 0; e = arcs_[std::size_t(e)].next) {
        const std::int32_t to = arcs_[std::size_t(e)].to;
        const double left = arcs_[std::size_t(e)].left;
        if (left <= tiny || level_[std::size_t(to)] != level_[std::size_t(node)] + 1) continue;
        const double got = push(to, std::min(flow - sent, left));
        arcs_[std::size_t(e)].left -= got;
        arcs_[std::size_t(e ^ 1)].left += got;
        sent += got;
        if (flow - sent <= tiny) return sent;
    }
    return sent;
}

void MinCut::solve() {
    while (levels()) {
        current_ = first_;
        push(0, std::numeric_limits<double>::infinity());
    }
}

double Labeller::run(std::int32_t nodes, std::int32_t labels, const std::vector<double>& data,
                     const std::vector<LabelEdge>& edges, const std::vector<double>& price,
                     std::vector<std::int32_t>& label) {
    nodes_ = nodes, labels_ = labels, data_ = &data, edges_ = &edges, price_ = &price;
    label_ = label;
    list_edges();
    list_cheapest();
    list_limits();
    used_.assign(std::size_t(labels), 0), active_ = used_, pull_.assign(std::size_t(labels), 0);
    for (const std::int32_t l : label_) ++used_[std::size_t(l)];
    // A move that found nothing is tried again only after something else has changed.
    std::int32_t change = 1;
    expanded_.assign(std::size_t(labels), 0), dropped_.assign(std::size_t(labels), 0);
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
        const std::int32_t before = change;
        for (std::int32_t l = 0; l < labels; ++l) {
            if (expanded_[std::size_t(l)] == change) continue;
            change += expand(l);
            expanded_[std::size_t(l)] = change;
        }
        for (std::int32_t l = labels; l-- > 0;) {
            if (dropped_[std::size_t(l)] == change) continue;
            change += drop(l);
            dropped_[std::size_t(l)] = change;
        }
        if (change == before) break;
    }
    label = label_;
    return energy(label_);
}

double Labeller::energy(const std::vector<std::int32_t>& label) const {
    double sum = 0;
    for (std::int32_t i = 0; i < nodes_; ++i) sum += cost(i, label[std::size_t(i)]);
    for (std::int32_t l = 0; l < labels_; ++l)
        sum += used_[std::size_t(l)] > 0 ? (*price_)[std::size_t(l)] : 0;
    for (const LabelEdge& e : *edges_)
        sum += label[std::size_t(e.a)] != label[std::size_t(e.b)] ? e.weight : 0;
    return sum;
}

// Takes the nodes of `moved_` to their labels in `trial_`, where that lowers the energy.
bool Labeller::take_moves() {
    double gain = 0;
    for (const std::int32_t i : moved_) {
        const std::int32_t from = label_[std::size_t(i)], to = trial_[std::size_t(i)];
        gain += cost(i, from) - cost(i, to);
        if (--used_[std::size_t(from)] == 0) gain += (*price_)[std::size_t(from)];
        if (used_[std::size_t(to)]++ == 0) gain -= (*price_)[std::size_t(to)];
        for (std::int32_t k = edge_begin_[std::size_t(i)]; k < edge_begin_[std::size_t(i) + 1]; ++k) {
            const LabelEdge& e = (*edges_)[std::size_t(edge_list_[std::size_t(k)])];
            const auto other = std::size_t(e.a == i ? e.b : e.a);
            const double change = e.weight * ((label_[other] != from) - (trial_[other] != to));
            // An edge both of whose ends move is met twice.
            gain += trial_[other] != label_[other] ? change / 2 : change;
        }
    }
    const bool better = gain > 1e-6;
    for (const std::int32_t i : moved_) {
        std::int32_t &now = label_[std::size_t(i)], &then = trial_[std::size_t(i)];
        if (better)
            now = then, limit_[std::size_t(i)] = cost(i, now) + around_[std::size_t(i)];
        else
            ++used_[std::size_t(now)], --used_[std::size_t(then)], then = now;
    }
    return better;
}

bool Labeller::expand(std::int32_t alpha) {
    // A node that pays more for alpha than all its edges could save never takes it.
    active_nodes_.clear(), unary_.clear();
    const double* own = by_label_.data() + std::size_t(alpha) * std::size_t(nodes_);
    for (std::int32_t i = 0; i < nodes_; ++i) {
        if (own[i] >= limit_[std::size_t(i)] || label_[std::size_t(i)] == alpha) continue;
        node_id_[std::size_t(i)] = std::int32_t(active_nodes_.size());
        active_nodes_.push_back(i);
        unary_.push_back(own[i] - cost(i, label_[std::size_t(i)]));
    }
    const bool moved = !active_nodes_.empty() && cut_moves(alpha);
    for (const std::int32_t i : active_nodes_) node_id_[std::size_t(i)] = -1;
    return moved && take_moves();
}

// Lists in `moved_` the active nodes that a minimum cut gives to alpha.
bool Labeller::cut_moves(std::int32_t alpha) {
    const auto count = std::int32_t(active_nodes_.size());
    pairs_.clear();
    for (std::int32_t a = 0; a < count; ++a) {
        const std::int32_t i = active_nodes_[std::size_t(a)], la = label_[std::size_t(i)];
        for (std::int32_t k = edge_begin_[std::size_t(i)]; k < edge_begin_[std::size_t(i) + 1]; ++k) {
            const LabelEdge& e = (*edges_)[std::size_t(edge_list_[std::size_t(k)])];
            const std::int32_t other = e.a == i ? e.b : e.a, lb = label_[std::size_t(other)];
            const std::int32_t b = node_id_[std::size_t(other)];
            if (b < 0) {
                // The other end stays: an edge to a fixed label.
                unary_[std::size_t(a)] += e.weight * ((lb != alpha) - (lb != la));
            } else if (a < b) {
                const double apart = la != lb ? e.weight : 0;  // neither moves; one: weight; both: 0
                unary_[std::size_t(a)] += e.weight - apart;
                unary_[std::size_t(b)] -= e.weight;
                pairs_.push_back({a, b, 2 * e.weight - apart});
            }
        }
    }
    // What the move could save at most, with labels that would be given up.
    double most = used_[std::size_t(alpha)] > 0 ? 0 : -(*price_)[std::size_t(alpha)];
    for (const double u : unary_)
        if (u < 0) most -= u;
    for (const std::int32_t i : active_nodes_) {
        const auto l = std::size_t(label_[std::size_t(i)]);
        if (++active_[l] == used_[l]) most += (*price_)[l];
    }
    for (const std::int32_t i : active_nodes_) active_[std::size_t(label_[std::size_t(i)])] = 0;
    if (most <= 1e-6) return false;
    settle(count);
    cut_rest(count);
    moved_.clear();
    for (std::int32_t i = 0; i < count; ++i) {
        if (state_[std::size_t(i)] != moves) continue;
        moved_.push_back(active_nodes_[std::size_t(i)]);
        trial_[std::size_t(moved_.back())] = alpha;
    }
    return !moved_.empty();
}

// Settles nodes whose move pays, or does not, whatever the others do: most of them, so that little is left to
// cut. `pairs_` cost their weight where b moves and a stays; a node that is settled leaves its pairs.
void Labeller::settle(std::int32_t count) {
    state_.assign(std::size_t(count), open);
    gain_.assign(std::size_t(count), 0), loss_.assign(std::size_t(count), 0);
    pair_begin_.assign(std::size_t(count) + 1, 0);
    for (const LabelEdge& e : pairs_) {
        gain_[std::size_t(e.a)] += e.weight, loss_[std::size_t(e.b)] += e.weight;
        ++pair_begin_[std::size_t(e.a) + 1], ++pair_begin_[std::size_t(e.b) + 1];
    }
    for (std::size_t i = 0; i < std::size_t(count); ++i) pair_begin_[i + 1] += pair_begin_[i];
    pair_list_.resize(2 * pairs_.size());
    queue_.assign(pair_begin_.begin(), pair_begin_.end() - 1);
    for (std::size_t k = 0; k < pairs_.size(); ++k)
        for (const std::int32_t end : {pairs_[k].a, pairs_[k].b})
            pair_list_[std::size_t(queue_[std::size_t(end)]++)] = std::int32_t(k);
    queue_.clear();
    for (std::int32_t i = 0; i < count; ++i) settle_node(i);
    for (std::size_t at = 0; at < queue_.size(); ++at) {
        const std::int32_t i = queue_[at];
        const bool stayed = state_[std::size_t(i)] == stays;
        for (std::int32_t k = pair_begin_[std::size_t(i)]; k < pair_begin_[std::size_t(i) + 1]; ++k) {
            const LabelEdge& e = pairs_[std::size_t(pair_list_[std::size_t(k)])];
            const std::int32_t other = e.a == i ? e.b : e.a;
            const auto o = std::size_t(other);
            if (state_[o] != open) continue;
            if (e.a == i) {
                loss_[o] -= e.weight;
                if (stayed) unary_[o] += e.weight;
            } else {
                gain_[o] -= e.weight;
                if (!stayed) unary_[o] -= e.weight;
            }
            settle_node(other);
        }
    }
}

void Labeller::settle_node(std::int32_t node) {
    const auto i = std::size_t(node);
    if (state_[i] != open) return;
    if (unary_[i] > gain_[i] + tiny)
        state_[i] = stays;
    else if (unary_[i] + loss_[i] < -tiny)
        state_[i] = moves;
    else
        return;
    queue_.push_back(node);
}

void Labeller::cut_rest(std::int32_t count) {
    std::int32_t nodes = 2;
    place_.assign(std::size_t(count), 0);
    for (std::int32_t i = 0; i < count; ++i)
        if (state_[std::size_t(i)] == open) place_[std::size_t(i)] = nodes++;
    if (nodes == 2) return;
    cut_.start(nodes);
    for (const LabelEdge& e : pairs_) {
        const std::int32_t a = place_[std::size_t(e.a)], b = place_[std::size_t(e.b)];
        if (a > 0 && b > 0) cut_.edge(a, b, e.weight, 0);
    }
    for (std::int32_t i = 0; i < count; ++i) {
        const double u = unary_[std::size_t(i)];
        if (place_[std::size_t(i)] == 0) continue;
        if (u > 0) cut_.edge(0, place_[std::size_t(i)], u, 0);
        if (u < 0) cut_.edge(place_[std::size_t(i)], 1, -u, 0);
    }
    cut_.solve();
    for (std::int32_t i = 0; i < count; ++i)
        if (place_[std::size_t(i)] > 0)
            state_[std::size_t(i)] = cut_.cut_off(place_[std::size_t(i)]) ? moves : stays;
}

void Labeller::list_edges() {
    around_.assign(std::size_t(nodes_), 0);
    edge_begin_.assign(std::size_t(nodes_) + 1, 0);
    for (const LabelEdge& e : *edges_) {
        around_[std::size_t(e.a)] += e.weight;
        around_[std::size_t(e.b)] += e.weight;
        ++edge_begin_[std::size_t(e.a) + 1];
        ++edge_begin_[std::size_t(e.b) + 1];
    }
    for (std::size_t i = 0; i < std::size_t(nodes_); ++i) edge_begin_[i + 1] += edge_begin_[i];
    edge_list_.resize(2 * edges_->size());
    node_id_.assign(edge_begin_.begin(), edge_begin_.end() - 1);
    for (std::size_t k = 0; k < edges_->size(); ++k) {
        const LabelEdge& e = (*edges_)[k];
        edge_list_[std::size_t(node_id_[std::size_t(e.a)]++)] = std::int32_t(k);
        edge_list_[std::size_t(node_id_[std::size_t(e.b)]++)] = std::int32_t(k);
    }
    node_id_.assign(std::size_t(nodes_), -1);
    trial_ = label_;
}

// What a label must cost less than for a node to take it, and the costs label by label.
void Labeller::list_limits() {
    by_label_.resize(std::size_t(nodes_) * std::size_t(labels_));
    limit_.resize(std::size_t(nodes_));
    for (std::int32_t i = 0; i < nodes_; ++i) {
        for (std::int32_t l = 0; l < labels_; ++l)
            by_label_[std::size_t(l) * std::size_t(nodes_) + std::size_t(i)] = cost(i, l);
        limit_[std::size_t(i)] = cost(i, label_[std::size_t(i)]) + around_[std::size_t(i)];
    }
}

// The two labels of least data cost of every node; the first of equals.
void Labeller::list_cheapest() {
    cheapest_.assign(2 * std::size_t(nodes_), 0);
    for (std::int32_t i = 0; i < nodes_; ++i) {
        std::int32_t first = 0, second = -1;
        for (std::int32_t l = 1; l < labels_; ++l) {
            if (cost(i, l) < cost(i, first))
                second = first, first = l;
            else if (second < 0 || cost(i, l) < cost(i, second))
                second = l;
        }
        cheapest_[2 * std::size_t(i)] = first, cheapest_[2 * std::size_t(i) + 1] = second;
    }
}

// Gives a label's nodes to what lies next to them, one by one from the border inwards.
bool Labeller::drop(std::int32_t victim) {
    if (labels_ < 2 || used_[std::size_t(victim)] == 0) return false;
    moved_.clear();
    for (std::int32_t i = 0; i < nodes_; ++i)
        if (label_[std::size_t(i)] == victim) moved_.push_back(i);
    for (int round = 0; round < 3; ++round) {
        for (const std::int32_t i : moved_) {
            // The cheapest by itself, or one that a neighbour has.
            const std::int32_t* cheapest = cheapest_.data() + 2 * std::size_t(i);
            near_.clear();
            for (std::int32_t k = edge_begin_[std::size_t(i)]; k < edge_begin_[std::size_t(i) + 1]; ++k) {
                const LabelEdge& e = (*edges_)[std::size_t(edge_list_[std::size_t(k)])];
                const std::int32_t l = trial_[std::size_t(e.a == i ? e.b : e.a)];
                if (l == victim) continue;
                if (pull_[std::size_t(l)] == 0) near_.push_back(l);
                pull_[std::size_t(l)] += e.weight;
            }
            std::int32_t best = cheapest[cheapest[0] == victim];
            double least = cost(i, best) - pull_[std::size_t(best)];
            for (const std::int32_t l : near_) {
                const double c = cost(i, l) - pull_[std::size_t(l)];
                if (c < least || (c == least && l < best)) least = c, best = l;
            }
            for (const std::int32_t l : near_) pull_[std::size_t(l)] = 0;
            trial_[std::size_t(i)] = best;
        }
    }
    return take_moves();
}

}  // namespace geovision
