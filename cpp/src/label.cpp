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
            queue_.push_back(arc.to);
        }
    }
    return level_[1] >= 0;
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
    seen_.assign(std::size_t(labels_), 0);
    for (std::int32_t i = 0; i < nodes_; ++i) {
        sum += cost(i, label[std::size_t(i)]);
        seen_[std::size_t(label[std::size_t(i)])] = 1;
    }
    for (std::int32_t l = 0; l < labels_; ++l) sum += seen_[std::size_t(l)] ? (*price_)[std::size_t(l)] : 0;
    for (const LabelEdge& e : *edges_)
        sum += label[std::size_t(e.a)] != label[std::size_t(e.b)] ? e.weight : 0;
    return sum;
}

bool Labeller::expand(std::int32_t alpha) {
    // A node that pays more for alpha than all its edges could save never takes it.
    node_id_.assign(std::size_t(nodes_), -1);
    unary_.clear();
    std::int32_t count = 0;
    for (std::int32_t i = 0; i < nodes_; ++i) {
        if (label_[std::size_t(i)] == alpha) continue;
        const double extra = cost(i, alpha) - cost(i, label_[std::size_t(i)]);
        if (extra >= around_[std::size_t(i)]) continue;
        node_id_[std::size_t(i)] = count++;
        unary_.push_back(extra);
    }
    if (count == 0) return false;
    cut_.start(count + 2);
    for (const LabelEdge& e : *edges_) {
        const std::int32_t a = node_id_[std::size_t(e.a)], b = node_id_[std::size_t(e.b)];
        const std::int32_t la = label_[std::size_t(e.a)], lb = label_[std::size_t(e.b)];
        if (a < 0 && b < 0) continue;
        if (a < 0 || b < 0) {
            // The other end stays: an edge to a fixed label.
            const std::int32_t mine = a < 0 ? lb : la, fixed = a < 0 ? la : lb;
            unary_[std::size_t(a < 0 ? b : a)] += e.weight * ((fixed != alpha) - (fixed != mine));
            continue;
        }
        const double apart = la != lb ? e.weight : 0;  // neither moves; one moves: weight; both: 0
        unary_[std::size_t(a)] += e.weight - apart;
        unary_[std::size_t(b)] -= e.weight;
        const double both = 2 * e.weight - apart;
        cut_.edge(a + 2, b + 2, both, 0);
    }
    for (std::int32_t i = 0; i < count; ++i) {
        const double u = unary_[std::size_t(i)];
        if (u > 0) cut_.edge(0, i + 2, u, 0);
        if (u < 0) cut_.edge(i + 2, 1, -u, 0);
    }
    cut_.solve();
    trial_ = label_;
    bool moved = false;
    for (std::int32_t i = 0; i < nodes_; ++i) {
        const std::int32_t id = node_id_[std::size_t(i)];
        if (id < 0 || !cut_.cut_off(id + 2)) continue;
        trial_[std::size_t(i)] = alpha;
        moved = true;
    }
    if (!moved || energy(trial_) >= energy(label_) - 1e-6) return false;
    label_.swap(trial_);
    return true;
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
}

// Gives a label's nodes to what lies next to them, one by one from the border inwards.
bool Labeller::drop(std::int32_t victim) {
    if (labels_ < 2 || std::find(label_.begin(), label_.end(), victim) == label_.end()) return false;
    const double before = energy(label_);
    trial_ = label_;
    for (int round = 0; round < 3; ++round) {
        for (std::int32_t i = 0; i < nodes_; ++i) {
            if (label_[std::size_t(i)] != victim) continue;
            pull_.assign(std::size_t(labels_), 0);
            for (std::int32_t k = edge_begin_[std::size_t(i)]; k < edge_begin_[std::size_t(i) + 1]; ++k) {
                const LabelEdge& e = (*edges_)[std::size_t(edge_list_[std::size_t(k)])];
                const std::int32_t other = e.a == i ? e.b : e.a;
                pull_[std::size_t(trial_[std::size_t(other)])] += e.weight;
            }
            std::int32_t best = -1;
            for (std::int32_t l = 0; l < labels_; ++l) {
                if (l == victim) continue;
                if (best < 0 || cost(i, l) - pull_[std::size_t(l)] < cost(i, best) - pull_[std::size_t(best)])
                    best = l;
            }
            trial_[std::size_t(i)] = best;
        }
    }
    if (energy(trial_) >= before - 1e-6) return false;
    label_.swap(trial_);
    return true;
}

}  // namespace geovision
