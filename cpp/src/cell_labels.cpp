// Which surface each layer has beside every edge and on every face of the map, before one of them is chosen.
#include <algorithm>

#include "geovision/cells.hpp"

namespace geovision {

namespace {

constexpr std::int32_t unknown = -2;

}  // namespace

// Pieces with the same ends become one edge, which keeps the change of label that remains in each layer.
void Cells::collect_edges() {
    const std::size_t n = noder_.edges.size();
    keys_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        const NodedEdge& e = noder_.edges[i];
        keys_[i] = (std::uint64_t(std::uint32_t(std::min(e.u, e.v))) << 42) |
                   (std::uint64_t(std::uint32_t(std::max(e.u, e.v))) << 21) | i;
    }
    order_.resize(n);
    if (n < (1u << 21)) {
        std::sort(keys_.begin(), keys_.end());
        for (std::size_t i = 0; i < n; ++i) order_[i] = std::int32_t(keys_[i] & ((1u << 21) - 1));
    }
    edges_.clear();
    map_edges_.clear();
    labels_.clear();
    for (std::size_t i = 0; i < n;) {
        const NodedEdge& e = noder_.edges[std::size_t(order_[i])];
        std::size_t j = i + 1;
        while (j < n && (keys_[j] >> 21) == (keys_[i] >> 21)) ++j;
        Edge edge{e.u, e.v, std::int32_t(i), std::int32_t(j), std::int32_t(labels_.size()), 0};
        add_labels(edge);
        if (edge.label_end > edge.label_begin) {
            edges_.push_back(edge);
            map_edges_.push_back({edge.u, edge.v});
        }
        i = j;
    }
}

void Cells::add_labels(Edge& e) {
    if (e.end - e.begin == 1) {  // the common case
        const NodedEdge& piece = noder_.edges[std::size_t(order_[std::size_t(e.begin)])];
        const Segment& s = noder_.segments[std::size_t(piece.segment)];
        if (s.layer < 0)
            labels_.push_back({-1, unknown, unknown});
        else if (s.left != s.right)
            labels_.push_back({s.layer, s.left, s.right});
        e.label_end = std::int32_t(labels_.size());
        return;
    }
    bool cut = false;
    const auto side = [&](std::int32_t k, EdgeLabel* l) {
        const NodedEdge& piece = noder_.edges[std::size_t(order_[std::size_t(k)])];
        const Segment& s = noder_.segments[std::size_t(piece.segment)];
        const bool forward = piece.u == e.u;
        *l = {s.layer, forward ? s.left : s.right, forward ? s.right : s.left};
    };
    for (std::int32_t k = e.begin; k < e.end; ++k) {
        EdgeLabel l{};
        side(k, &l);
        if (l.layer < 0) {
            cut = true;
            continue;
        }
        bool seen = false;
        for (std::int32_t m = e.begin; m < k && !seen; ++m) {
            EdgeLabel other{};
            side(m, &other);
            seen = other.layer == l.layer;
        }
        if (seen) continue;
        if (e.end - e.begin > 1) {  // what is left of the chain of changes across all pieces of this layer
            EdgeLabel rest{l.layer, unknown, unknown};
            for (std::int32_t a = k; a < e.end; ++a) {
                EdgeLabel p{};
                side(a, &p);
                if (p.layer != l.layer) continue;
                int balance_left = 0, balance_right = 0;
                for (std::int32_t b = k; b < e.end; ++b) {
                    EdgeLabel q{};
                    side(b, &q);
                    if (q.layer != l.layer) continue;
                    balance_left += (q.left == p.left) - (q.right == p.left);
                    balance_right += (q.right == p.right) - (q.left == p.right);
                }
                if (balance_left > 0 && (rest.left == unknown || (rest.left < 0 && p.left >= 0)))
                    rest.left = p.left;
                if (balance_right > 0 && (rest.right == unknown || (rest.right < 0 && p.right >= 0)))
                    rest.right = p.right;
            }
            if (rest.left == unknown || rest.right == unknown) continue;
            l = rest;
        }
        if (l.left != l.right) labels_.push_back(l);
    }
    e.label_end = std::int32_t(labels_.size());
    if (cut && e.label_end == e.label_begin) {
        labels_.push_back({-1, unknown, unknown});
        e.label_end = std::int32_t(labels_.size());
    }
}

void Cells::label_faces(std::size_t layers) {
    const std::size_t faces = std::size_t(map.faces());
    face_label_.assign(faces * layers, unknown);
    label_weight_.assign(faces * layers, 0);
    if (layers == 1) {  // every edge has exactly this layer's label unless pieces disagree
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const EdgeLabel& l = labels_[std::size_t(edges_[e].label_begin)];
            const Point u = noder_.points[std::size_t(edges_[e].u)],
                        v = noder_.points[std::size_t(edges_[e].v)];
            const double weight = l.layer < 0 ? 0 : 1 + double(dist2(u, v));
            for (int side = 0; side < 2; ++side) {
                const auto at = std::size_t(map.face_of(std::int32_t(2 * e) + side));
                if (weight <= label_weight_[at]) continue;
                label_weight_[at] = weight;
                face_label_[at] = side == 0 ? l.left : l.right;
            }
        }
        face_label_[0] = -1;
        if (std::find(face_label_.begin(), face_label_.end(), unknown) != face_label_.end())
            flood_labels(layers);
        return;
    }
    std::size_t known = 0;
    for (std::size_t e = 0; e < edges_.size(); ++e) {
        const Edge& edge = edges_[e];
        const double weight =
            1 + double(dist2(noder_.points[std::size_t(edge.u)], noder_.points[std::size_t(edge.v)]));
        for (std::int32_t k = edge.label_begin; k < edge.label_end; ++k) {
            const EdgeLabel& l = labels_[std::size_t(k)];
            if (l.layer < 0) continue;
            for (int side = 0; side < 2; ++side) {
                const std::size_t at =
                    std::size_t(map.face_of(std::int32_t(2 * e) + side)) * layers + std::size_t(l.layer);
                known += face_label_[at] == unknown;
                if (weight > label_weight_[at]) {
                    label_weight_[at] = weight;
                    face_label_[at] = side == 0 ? l.left : l.right;
                }
            }
        }
    }
    for (std::size_t l = 0; l < layers; ++l) {
        known += face_label_[l] == unknown;
        face_label_[l] = -1;
    }
    if (known < faces * layers) flood_labels(layers);
}

void Cells::flood_labels(std::size_t layers) {
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const std::size_t f = std::size_t(map.face_of(std::int32_t(2 * e))) * layers,
                              g = std::size_t(map.face_of(std::int32_t(2 * e + 1))) * layers;
            for (std::size_t l = 0; l < layers; ++l) {
                if ((face_label_[f + l] == unknown) == (face_label_[g + l] == unknown)) continue;
                bool differs = false;
                for (std::int32_t k = edges_[e].label_begin; k < edges_[e].label_end; ++k)
                    differs = differs || labels_[std::size_t(k)].layer == std::int16_t(l);
                if (differs) continue;
                (face_label_[f + l] == unknown ? face_label_[f + l] : face_label_[g + l]) =
                    face_label_[f + l] == unknown ? face_label_[g + l] : face_label_[f + l];
                changed = true;
            }
        }
    }
    for (std::int32_t& l : face_label_)
        if (l == unknown) l = -1;
}

}  // namespace geovision
