// Plane regions in the points of one building.
//
// Regions grow over nearest neighbours from the flattest places outwards; a point joins while it lies on
// the region's plane and its own normal agrees. What is left over is tried again by itself, so that small
// structures are not judged by normals that mix them with the roof round them. Near-vertical regions are
// walls: reported, never a roof.
//
// Results depend on the points and their order alone. Work is bounded by a constant times the points.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "geovision/roof_plane.hpp"

namespace geovision {

struct SegmentOptions {
    double noise = 0.03;          // metres; least scatter of points about a plane
    double reach = 3.0;           // a point joins a plane within this many times the scatter
    double normal_deg = 25;       // and when its normal is this close
    double wall_slope = 3.0;      // steeper than this is a wall
    int neighbours = 10;          // of a point, itself not counted
    std::int32_t min_points = 8;  // of a region
    double least_area = 0.8;      // square metres of a region, at the mean density
};

struct Segmentation {
    static constexpr std::int32_t none = -1, wall = -2;
    double spacing = 1;                // metres between points
    double scatter = 0.05;             // metres; what points scatter about their local plane
    std::vector<std::int32_t> region;  // per point: its plane, none or wall
    std::vector<RoofPlane> planes;     // per region
};

// What a point counts in sums of misfit where points lie `spacing` metres apart: all up to `full` points a
// square metre, beyond that less and less. Neighbours err together, and what denser ones show beyond is
// tiles, gutters and waves of the scanner, for which no plane should be spent.
inline double density_weight(double spacing, double full) {
    const double share = std::min(1.0, full * spacing * spacing);
    return share * std::sqrt(share);
}

class Segmenter {
public:
    // `points` are [count, 3] in metres near the origin; `area` is the plan area that they cover.
    void run(const double* points, std::int64_t count, double area, const SegmentOptions& options,
             Segmentation& result);

private:
    struct Normal {
        float x, y, z;
        float flatness;  // standard deviation across the local plane, metres; large where there is none
    };
    void index();
    void find_normals();
    template <int room>
    void find_normal(std::int32_t i);
    void grow(double cosine);
    void grow_from(std::int32_t seed, double cosine);
    void measure_scatter();

    const double* p_ = nullptr;
    SegmentOptions o_;
    Segmentation* out_ = nullptr;
    double tolerance_ = 0.1;
    std::size_t least_ = 8;             // points of a region
    std::vector<std::int32_t> subset_;  // points not yet in a region
    std::vector<std::int32_t> near_;    // [count, neighbours], -1 where there are fewer
    std::vector<Normal> normal_;
    std::vector<std::int32_t> cell_begin_, cell_item_, cursor_;
    std::vector<double> cell_xyz_;
    double x0_ = 0, y0_ = 0, cell_ = 1;
    std::int32_t columns_ = 1, rows_ = 1;
    std::vector<std::int32_t> member_, visited_;
    std::int32_t visit_ = 0;
    std::vector<std::pair<float, std::int32_t>> seeds_;
};

}  // namespace geovision
