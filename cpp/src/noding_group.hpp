// One group of footprints that touch: see geovision/noding.hpp for what is done to it and why.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "geovision/arrangement.hpp"
#include "geovision/geom.hpp"
#include "geovision/noding.hpp"

namespace geovision {

struct FootprintPiece {
    std::int32_t footprint = -1;
    std::vector<std::vector<Point>> rings;  // open; the shell first, counter-clockwise
};

struct FootprintGroup {
    std::int64_t x0 = 0, y0 = 0;         // grid steps; rings count from here
    std::vector<FootprintPiece> pieces;  // by rank of the footprint; replaced by the result
    struct Gift {
        std::int32_t from, to;
        double area;
    };
    std::vector<Gift> given;
    std::int32_t rounds = 0;
};

// Edges by the square cells that they come within `reach` of.
class EdgeCells {
public:
    struct Edge {
        Point a, b;
    };
    void build(const std::vector<Edge>& edges, std::int32_t reach);
    // Calls visit(edge) for every edge in the cell of p.
    template <class Visit>
    void at(Point p, Visit visit) const {
        const auto found = first_.find(key(p.x / cell_, p.y / cell_));
        if (found == first_.end()) return;
        for (std::size_t i = found->second;
             i < entries_.size() && entries_[i].key == entries_[found->second].key; ++i)
            visit(entries_[i].edge);
    }
    // Calls visit(edge, edge) for every two edges that share a cell, perhaps more than once.
    template <class Visit>
    void pairs(Visit visit) const {
        for (std::size_t i = 0; i < entries_.size(); ++i)
            for (std::size_t j = i + 1; j < entries_.size() && entries_[j].key == entries_[i].key; ++j)
                visit(entries_[i].edge, entries_[j].edge);
    }

private:
    struct Entry {
        std::uint64_t key;
        std::int32_t edge;
    };
    // Coordinates are not negative but by `reach`, and cells of negative ones fall into cell 0.
    static std::uint64_t key(std::int32_t x, std::int32_t y) {
        return (std::uint64_t(std::uint32_t(x)) << 32) | std::uint32_t(y);
    }

    std::int32_t cell_ = 1;
    std::vector<Entry> entries_;
    std::unordered_map<std::uint64_t, std::size_t> first_;
};

class GroupNoder {
public:
    explicit GroupNoder(double snap) : snap_(snap), snap2_(snap * snap) {}
    NodingStatus run(FootprintGroup& group);

private:
    struct Edge {
        std::int32_t u, v, piece;
    };
    struct Cut {
        std::int32_t edge, vertex;
        double t;
    };
    struct Side {  // how often a piece's boundary runs along a map edge, with its direction less against it
        std::int32_t edge, piece, net;
    };

    void load(const FootprintGroup& group);
    std::int32_t vertex(Point p);
    void own(std::int32_t v, std::int32_t piece);
    bool foreign(std::int32_t v, std::int32_t piece) const {
        return lowest_[std::size_t(v)] != piece || highest_[std::size_t(v)] != piece;
    }
    void index_edges();
    bool near(std::int32_t v, const Edge& e) const;
    void merge_vertices();
    std::vector<std::int32_t> anchor_order(const std::vector<std::int32_t>& active);
    bool node();
    bool split_near();
    bool split_crossings();
    void note_crossing(std::int32_t i, std::int32_t j);
    void apply_cuts();
    void build_map();
    void cover_faces(FootprintGroup& group);
    void trace(FootprintGroup& group);
    void region_ids();
    void split_simple(std::vector<std::int32_t>& ring, std::int32_t region);
    bool same(const FootprintGroup& a, const FootprintGroup& b);

    double snap_, snap2_;
    std::vector<Point> points_;
    std::unordered_map<std::uint64_t, std::int32_t> known_;
    std::vector<std::int32_t> lowest_, highest_, count_;  // pieces that have a vertex
    std::vector<Edge> edges_, next_edges_;
    std::vector<EdgeCells::Edge> shapes_;
    EdgeCells cells_;
    std::vector<Cut> cuts_;
    PlanarMap map_;
    std::vector<MapEdge> map_edges_;
    std::vector<Side> sides_;               // by map edge
    std::vector<std::int32_t> side_begin_;  // [map edges + 1]
    std::vector<std::int32_t> holder_;      // piece that has a face, -1 for nobody
    std::vector<std::int32_t> region_;      // connected faces of one holder
    struct Ring {
        std::int32_t region;
        std::vector<std::int32_t> vertices;
    };
    std::vector<Ring> rings_;
    std::vector<std::int32_t> on_path_;  // where a vertex is on the way so far, -1 for nowhere
};

}  // namespace geovision
