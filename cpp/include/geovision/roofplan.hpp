// A roof as an arrangement of planes over a footprint: what the points of one building say when no named
// roof explains them.
//
// Planes come from the segmentation, lines from where neighbouring planes meet or step, cells from the
// lines; cells take the plane that explains their points at the least description length (misfit in nats,
// a price per plane and per metre of border). Planes are then fitted again, lines moved to where the
// points say that one plane ends and the other begins, points that are still unexplained propose planes of
// their own, and cells are labelled anew.
//
// Promises: the faces cover the footprint, do not overlap, lie above the ground by at least
// `PlanOptions::least_height`, and no more than `overreach` above or below the points of their plane. Results
// depend on the evidence of this building alone. Work is bounded by counts.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "geovision/arrangement.hpp"
#include "geovision/label.hpp"
#include "geovision/partition.hpp"
#include "geovision/roof_plane.hpp"
#include "geovision/segment.hpp"

namespace geovision {

// One building in its local frame, metres, heights above its ground. Pointers stay the caller's.
struct PlanEvidence {
    const double* points =
        nullptr;  // [count, 3] taken for roof or unknown; those outside the rings are ignored
    const float* sigma = nullptr;  // [count] metres, may be null
    double share = 1;              // what a point counts of one that errs by itself
    std::int64_t count = 0;
    const double* xy = nullptr;                  // ring vertices
    const std::int64_t* ring_offsets = nullptr;  // [rings + 1], absolute in `xy`; the shell first
    std::int64_t rings = 0;
};

struct PlanOptions {
    SegmentOptions segment;
    double plane_nats = 12;     // price of a plane
    double border_nats = 2;     // price of a metre of border
    double outlier_nats = 8;    // what a point costs at most
    double noise = 0.08;        // metres; least standard deviation of a point about its face
    double full_density = 10;   // points per square metre; denser ones count less, as they err together
    double least_height = 0.3;  // metres of every face above the ground
    double overreach = 1;       // metres that a face may rise above or sink below the points of its plane
    int rounds = 2;
    std::int64_t most_points =
        60000;  // of a footprint; of more, every second is looked at, or every third ...
};

enum class PlanStatus : std::uint8_t {
    ok = 0,
    few_points = 1,   // too few for a plane: one flat face at their middle height
    no_points = 2,    // no face
    bad_outline = 3,  // the rings enclose nothing
};

struct RoofFace {
    std::int32_t plane = 0;
    std::vector<std::vector<Vec>> rings;  // open, the outer one first
};

struct RoofPlan {
    PlanStatus status = PlanStatus::no_points;
    std::vector<RoofPlane> planes;
    std::vector<RoofFace> faces;
    double spacing = 0, scatter = 0;
    std::vector<std::uint8_t> inside;  // per point given: whether it lies inside the footprint
    double price = 0;                  // of planes and borders, a part of `nats`
    double nats = 0;                   // description length, plane and border prices included
    double explained = 0;              // share of points within reach of the face above or below them
    std::int64_t used = 0;             // points inside the footprint that were looked at
};

class RoofPlanner {
public:
    void run(const PlanEvidence& evidence, const PlanOptions& options, RoofPlan& result);

private:
    struct Link {
        std::int32_t low, high;  // labels of the two pixels, the lower number first
        float x, y;              // between them
        float side_x, side_y;    // from the pixel of `low` to that of `high`
    };
    struct Support {
        std::int32_t count = 0;
        double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    };

    // roofplan_raster.cpp
    bool draw_footprint();
    void gather_points(std::vector<std::uint8_t>& chosen);
    void label_pixels();
    void spread_labels();
    void find_links(std::int32_t from_label);
    bool inside(double x, double y) const;
    double inside_length(const CutLine& line, double t0, double t1) const;

    // roofplan_lines.cpp
    void find_directions();
    void find_lines();
    void lines_between(std::size_t begin, std::size_t end);
    void meeting_line(std::int32_t a, std::int32_t b);
    bool step_line(std::int32_t a, std::int32_t b);
    void add_runs(CutLine line, double tolerance, std::size_t least, bool refine);
    void refine_step(CutLine* line, const std::vector<std::array<double, 2>>& runs);
    bool intersect(std::int32_t a, std::int32_t b, CutLine* line) const;
    void tidy_lines();
    void lines_again();
    void outline_lines();

    // roofplan.cpp
    void cut_cells();
    void gather_cell(const Partition::Cell& cell);
    double cell_misfit(const RoofPlane& plane);
    void label_cells();
    double plane_price(std::size_t l) const;
    void refit();
    void hand_down_labels();
    void refit_plane(std::size_t l);
    bool merge_planes();
    void drop_unused();
    void list_labels();
    void bound_runs();
    void measure_purity(std::size_t from_label);
    void propose_from_residuals();
    std::int32_t pixel_of(std::size_t point) const;
    void keep_best();
    void take_best();
    void measure(RoofPlan& result);

    // roofplan_faces.cpp
    void draw_faces(RoofPlan& result);
    std::int32_t label_at(double x, double y) const;
    static double depth_in(const Partition::Cell& cell, double x, double y, double enough);
    void measure_reach();
    void hold_faces(RoofPlan& result);

    PlanEvidence e_;
    PlanOptions o_;
    Segmenter segmenter_;
    Segmentation segmentation_;

    // Points inside the footprint.
    std::vector<double> points_;
    std::vector<double> inverse_variance_;
    std::vector<std::int32_t> point_label_;
    double stands_for_ = 1;  // points given for each that is looked at
    double spacing_ = 1, weight_ = 1, low_ = 0, high_ = 0, area_ = 0;

    std::vector<RoofPlane> planes_;
    std::vector<Support> support_;
    std::vector<double> purity_;  // per plane: its share of the points where it has some

    // The raster: -2 outside the footprint, -1 not labelled.
    double left_ = 0, bottom_ = 0, pixel_ = 0.25;
    std::int32_t columns_ = 0, rows_ = 0;
    std::vector<std::int32_t> raster_, site_pixel_, queue_, pixel_count_;
    std::vector<double> crossings_;

    std::vector<Link> links_, pair_links_;
    std::vector<double> directions_;  // radians in [0, pi)
    std::vector<CutLine> lines_, tidy_, kept_lines_;
    std::vector<std::pair<double, std::size_t>> order_;
    std::vector<std::array<double, 3>> split_;
    std::vector<std::array<double, 2>> runs_;
    std::vector<double> votes_;
    std::vector<std::int32_t> label_begin_, label_item_, cursor_, renamed_;
    static constexpr std::size_t run_length = 16;
    std::vector<Support> run_box_;  // of every so many of label_item_

    std::vector<double> rest_;              // points that nothing explains
    std::vector<std::int32_t> rest_point_;  // which they are
    std::vector<double> sites_;
    Partition partition_;
    std::vector<std::int32_t> cell_label_;
    std::array<std::vector<double>, 4> cell_points_;  // of one cell: x, y, z, 1 / variance
    std::vector<double> cell_nats_;
    std::vector<double> data_, price_;
    std::vector<LabelEdge> edges_, pairs_;
    std::vector<PlaneSums> sums_;
    std::vector<std::array<double, 2>> reach_;  // per plane: heights of its lowest and its highest point
    Labeller labeller_;
    double energy_ = 0, misfit_ = 0;  // of the cells as they are labelled, the misfit a part of the energy
    struct Labelled {
        std::vector<RoofPlane> planes;
        Partition partition;
        bool in_place = false;  // its partition is still the current one
        std::vector<std::int32_t> cell_label;
        double energy = 0, misfit = 0;
    } best_;

    Noder noder_;
    PlanarMap map_;
    std::vector<MapEdge> map_edges_;
};

}  // namespace geovision
