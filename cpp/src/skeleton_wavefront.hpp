// The shrinking wavefront behind straight_skeleton. Internal.
//
// Time is height: edge e's line at height h is n.p = c + w*h, with w = 1 /
// slope. The wavefront is a set of loops of vertices; a "piece" is the stretch
// of an edge from a vertex to the next one, and is named after the vertex it
// starts at.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "geovision/skeleton.hpp"

namespace geovision::skeleton {

constexpr double never = std::numeric_limits<double>::infinity();

struct Edge {
    double nx, ny, c,
        w;  // n points into the polygon; the edge runs along (ny, -nx)
};

// What a vertex does as soon as it is born.
enum class Haste : std::uint8_t {
    none,
    close,     // no angle is left between its edges: they meet at once, as far as the
               // shorter reaches
    take_out,  // collinear edges: the incoming one is gentler and takes the
               // outgoing one's place
    take_in,   // the reverse
};

struct Vertex {
    double px, py, t0, ux, uy;  // position p + u * (t - t0)
    double te;                  // when its own piece shrinks to nothing
    double ts;                  // when it runs into piece `target`; if target is -1 or has changed
                                // since: nothing is hit before ts (reflex vertices)
    double limit;               // how far ahead was searched
    std::int32_t prev, next, ein, eout, node;
    std::int32_t target;
    std::uint32_t target_version, version;
    std::uint32_t event;     // in which it was born
    std::int32_t reflex_at;  // place in the list of reflex vertices, -1 if convex
    std::int32_t place;      // among the living
    Haste haste;
};

class Wavefront {
public:
    // Positions within eps (and times within it) are the same event.
    bool run(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings, const double* slope,
             double max_h, double eps, Skeleton& out);
    const std::vector<Edge>& edges() const { return edges_; }
    const std::vector<std::int32_t>& next_vertex() const { return ring_next_; }

private:
    struct Point {
        double x, y;
    };
    struct Chain {  // a stretch of one loop that is at the event's point; no
                    // vertices if it is a piece
        std::int32_t in, out, before, after;
    };

    void load(const double* xy, const std::int64_t* ring_offsets, std::int64_t rings, const double* slope);
    void start();
    void process(std::int32_t s, bool alone);
    void event_at(Point p, std::int32_t seed, bool with_prev, bool with_next, std::int32_t hit, bool alone);
    void add_chain(std::int32_t seed, Point p, bool with_prev, bool with_next, std::int32_t node);
    void pair_up(std::int32_t node, Point p, bool split);
    void settle();
    void cut();
    void list_taken();

    Point at(const Vertex& v, double t) const { return {v.px + v.ux * (t - v.t0), v.py + v.uy * (t - v.t0)}; }
    bool here(std::int32_t s, Point p) const;
    std::int32_t node_at(Point p);
    void emit(std::int32_t a, std::int32_t b, std::int32_t left, std::int32_t right, Haste haste);
    std::int32_t birth(Point p, std::int32_t node, std::int32_t in, std::int32_t out);
    void aim(std::int32_t s);
    void kill(std::int32_t s, std::int32_t node);
    void time_piece(std::int32_t s);
    void search(std::int32_t s);
    bool meets(const Vertex& v, std::int32_t s, std::int32_t a, double gap, double dt) const;
    void retry(std::int32_t s);
    void set_key(std::int32_t s);

    std::vector<Edge> edges_;
    std::vector<std::int32_t> ring_next_;
    std::vector<Vertex> v_;
    struct Lines {  // of the living vertices' own pieces
        std::vector<double> nx, ny, c, w;
        void resize(std::size_t n) {
            nx.resize(n);
            ny.resize(n);
            c.resize(n);
            w.resize(n);
        }
        void set(std::size_t i, const Edge& e) {
            nx[i] = e.nx;
            ny[i] = e.ny;
            c[i] = e.c;
            w[i] = e.w;
        }
    };
    // Columns of the living vertices, at their places, which are the first ones;
    // so loops over them are short.
    Lines lines_;
    std::vector<double> key_;         // when the vertex acts next
    std::vector<std::int32_t> slot_;  // in v_
    std::vector<double> gap_, closing_, off_;
    std::vector<std::int32_t> found_;
    void grow_scratch(std::size_t n) {
        lines_.resize(n);
        key_.resize(n);
        slot_.resize(n);
        gap_.resize(n);
        closing_.resize(n);
        off_.resize(n);
        found_.resize(n);
    }
    void seat(std::int32_t s);
    void unseat(std::int32_t s);
    std::vector<std::int32_t> free_, reflex_, born_, changed_;
    std::vector<std::int32_t> taken_;  // by which edge each one was taken at height 0
    bool any_taken_ = false;
    std::vector<Chain> chains_;
    struct Ray {
        double angle;
        std::int32_t in, out;
    };
    std::vector<Ray> rays_;
    std::vector<std::uint8_t> used_;
    Skeleton* out_ = nullptr;
    double now_ = 0, max_h_ = 0, eps_ = 0;
    std::int32_t alive_ = 0;
    std::uint32_t event_ = 0;
};

}  // namespace geovision::skeleton
