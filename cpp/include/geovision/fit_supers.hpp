// What stands on a fitted roof: dormers, chimneys, boxes and parapets, found in what the roof leaves over.
//
// Points that lie together above a part's roof propose a shape that follows the slope they stand on; its
// edges and heights are moved until misfit is least, and it stays where the misfit that it saves is more than
// its parameters cost. Misfit is counted as by the choice between programs of all kinds: half the squared
// distance in standard deviations, capped, walls of the shape included.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/fit_decompose.hpp"
#include "geovision/types.hpp"

namespace geovision::fit {

struct SuperOptions {
    double parameter_nats = 5;  // price of an edge or a height
    double kind_nats = 6;       // price of standing there at all
    double outlier_nats = 8;    // no point costs more
    double least_sigma = 0.08;  // metres
    double full_density = 10;   // points per square metre; denser ones count less
    double share = 1;           // what a point counts of one that errs by itself, at most
    int most = 8;               // shapes on one part
    int most_points = 160;      // that one shape is fitted to
};

// A point inside the footprint, and the roof that was fitted to its part: z = a x + b y + c there.
struct RoofedPoint {
    double x, y, z, a, b, c;
    double roof() const { return a * x + b * y + c; }
};

struct Superstructure {
    SuperKind kind;
    std::int32_t part;
    double slot[super_slots];
    double saved;  // nats of misfit
    double price;
};

class SuperSearch {
public:
    // Superstructures of one part, those that save most first; they are appended. `points` are changed: where
    // a shape stands, it is their roof. `down` is where the part's first slope faces, `sigma` what points
    // scatter about the roof.
    void run(const std::vector<Ring>& rings, Vec down, bool flat, std::int32_t part, double sigma,
             const SuperOptions& options, std::vector<RoofedPoint>& points, std::vector<Superstructure>& out);

private:
    // In the frame of a slope: u to the right of who looks at the front, v uphill from it.
    struct Local {
        double u, v, z, roof, square;  // `square`: of the cosine of the roof's slope
    };
    struct Shape {
        SuperKind kind = SuperKind::box;
        double left = 0, right = 0, front = 0, back = 0, eave = 0, top = 0;
    };
    struct Frame {
        Vec out{0, -1};
        double rise = 0, level = 0;  // of the slope below: height = level + rise v
        double ridge = 0;            // v that the points above the roof reach
    };

    void parapet(const std::vector<Ring>& rings, std::int32_t part, std::vector<RoofedPoint>& points,
                 std::vector<Superstructure>& out);
    void group(const std::vector<RoofedPoint>& points);
    bool place(std::vector<RoofedPoint>& points, const std::vector<std::int32_t>& members, Vec down,
               Superstructure& found);
    void start(SuperKind kind, const std::vector<RoofedPoint>& points,
               const std::vector<std::int32_t>& members, Shape& shape) const;
    void close(Shape& shape) const;
    bool sensible(const Shape& shape) const;
    double cost(const Shape& shape, double enough) const;
    double improve(Shape& shape) const;
    double nats(double distance2) const;
    static int free_count(SuperKind kind);
    static double slope(const Shape& shape);
    static double height(const Shape& shape, double u, double v);

    SuperOptions o_;
    double sigma_ = 0.08, weight_ = 1, spacing_ = 0.35;
    Frame frame_;
    std::vector<Local> local_;
    double without_ = 0;  // nats of the local points without a shape
    std::vector<std::vector<std::int32_t>> groups_;
};

}  // namespace geovision::fit
