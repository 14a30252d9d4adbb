// Labels on a small graph: data cost per node, a price per edge whose ends differ, a price per label used.
//
// Expansion moves (Boykov, Veksler and Zabih 2001) by minimum cuts, then labels that do not earn their price
// are dropped one by one. Deterministic; the number of sweeps is bounded.
#pragma once

#include <cstdint>
#include <vector>

namespace geovision {

struct LabelEdge {
    std::int32_t a, b;
    double weight;
};

// Minimum cut by augmenting level graphs (Dinic); nodes 0 and 1 are source and sink.
class MinCut {
public:
    void start(std::int32_t nodes);
    void edge(std::int32_t from, std::int32_t to, double capacity, double back);
    void solve();
    // After `solve`: on the sink's side.
    bool cut_off(std::int32_t node) const { return level_[std::size_t(node)] < 0; }

private:
    struct Arc {
        std::int32_t to, next;
        double left;
    };
    bool levels();
    double push(std::int32_t node, double flow);
    std::vector<std::int32_t> first_, level_, current_, queue_;
    std::vector<Arc> arcs_;
};

class Labeller {
public:
    // `data` is [nodes, labels] and finite. `label` holds the start and receives the result; `price` is
    // [labels]. Returns the energy.
    double run(std::int32_t nodes, std::int32_t labels, const std::vector<double>& data,
               const std::vector<LabelEdge>& edges, const std::vector<double>& price,
               std::vector<std::int32_t>& label);

private:
    double energy(const std::vector<std::int32_t>& label) const;
    bool expand(std::int32_t alpha);
    bool cut_moves(std::int32_t alpha);
    void settle(std::int32_t count);
    void settle_node(std::int32_t node);
    void cut_rest(std::int32_t count);
    bool drop(std::int32_t victim);
    bool take_moves();
    double cost(std::int32_t node, std::int32_t label) const {
        return (*data_)[std::size_t(node) * std::size_t(labels_) + std::size_t(label)];
    }
    void list_edges();
    void list_cheapest();
    void list_limits();

    std::int32_t nodes_ = 0, labels_ = 0;
    const std::vector<double>* data_ = nullptr;
    const std::vector<LabelEdge>* edges_ = nullptr;
    const std::vector<double>* price_ = nullptr;
    std::vector<std::int32_t> label_, trial_;  // the same between moves
    std::vector<std::int32_t> node_id_;        // place among the active nodes, or -1
    std::vector<std::int32_t> used_, active_;  // nodes per label; of the active ones, 0 between moves
    std::vector<std::int32_t> active_nodes_, moved_, near_, expanded_, dropped_;
    std::vector<std::int32_t> cheapest_;  // [nodes, 2]
    std::vector<double> around_, unary_;
    std::vector<double> pull_;  // of each label on a node, 0 between nodes
    std::vector<LabelEdge> pairs_;
    std::vector<double> by_label_, limit_;  // costs [labels, nodes]; above its limit no node takes a label
    enum State : std::uint8_t { open, stays, moves };
    std::vector<State> state_;         // of the active nodes
    std::vector<double> gain_, loss_;  // what others may add to a move's worth, and take from it
    std::vector<std::int32_t> pair_begin_, pair_list_, queue_, place_;
    std::vector<std::int32_t> edge_begin_, edge_list_;  // the edges of each node
    MinCut cut_;
};

}  // namespace geovision
