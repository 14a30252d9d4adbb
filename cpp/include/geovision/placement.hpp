// Where points lie relative to an outline: a small shift and rotation, and how far roofs reach beyond walls.
//
// Heights drop where a roof ends. Along every wall that no neighbour shares, the place of that drop, seen
// from both its sides, is one measurement of where the roof's border lies. A shift moves the borders of
// opposite walls the same way, an overhang moves them apart. Border of wall k along its outward normal n:
//
//     b_k = n.t + rotation * (arm of k about the centre) + overhang + what is odd about this wall
//
// with Gaussian priors on all four, and robust weights: a hedge taken for a roof is outvoted.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/evidence.hpp"

namespace geovision {

// One building. Pointers stay the caller's.
struct PlacementEvidence {
    std::int64_t rings = 0;
    const std::int64_t* ring_offsets = nullptr;  // [rings + 1] vertices of `xy`
    const double* xy = nullptr;                  // [n, 2] shell counter-clockwise, holes clockwise, open
    const std::int32_t* neighbour = nullptr;     // by vertex: -1 where the edge that begins there is free
    std::int64_t count = 0;
    const double* points = nullptr;      // [count, 3] in the frame of the outline
    const std::uint8_t* kind = nullptr;  // [count] PointKind
    double ground = 0;                   // height of the ground, for walls that have none beside them
    double cell = 0;                     // size of raster cells among the points, 0 where they are LiDAR
};

struct PlacementOptions {
    double shift_sigma = 0.3;       // metres, prior, each way
    double rotation_sigma = 0.005;  // radians, prior
    double overhang_sigma = 0.3;    // metres, prior
    double wall_sigma = 0.15;       // metres by which one wall's border may be odd, all along
    double stretch_sigma = 0.03;    // metres by which a stretch of a wall may be odd
    double smear = 0.12;            // metres over which a border blurs: size of the beam's spot
    double least_step = 2.0;        // metres of height between roof and ground that show a border
    double shift_nats = 3.0;        // a shift must explain this much more than the best story without one
    double odd_wall_nats = 5.0;     // price of a wall whose roof ends elsewhere
    double rotation_nats = 3.0;     // a rotation must explain this much more than none
};

// What is known of the placement of one building.
struct Placement {
    double shift[2] = {0, 0};     // metres by which points lie off the outline; zeros where nothing shows it
    double rotation = 0;          // radians, counter-clockwise, about the centre; likewise
    double overhang = 0;          // metres by which roofs reach beyond the outline; may come out below zero
    double covariance[16] = {0};  // of x, y, rotation, overhang; the priors' where nothing was seen
    double centre[2] = {0, 0};    // of the rotation
    double nats = 0;              // by which the shift explains more than the best story without one
    std::int32_t stretches = 0;   // of walls where a border was seen
};

// Holds scratch, so that many buildings need no allocations; the result depends on the evidence alone.
class Placer {
public:
    Placement run(const PlacementEvidence& evidence, const PlacementOptions& options);

private:
    struct Sample {
        double s;
        bool in;
    };
    struct Near {
        double along, s, z;
        PointKind kind;
    };
    struct Stretch {
        double a[4];  // border = a . (x, y, rotation, overhang)
        double border, information;
        std::int32_t wall;
        double weight;
    };

    void smear_table(double smear);
    bool inside(const PlacementEvidence& e, std::int64_t point);
    void collect(const PlacementEvidence& e, const double* a, const double* b);
    bool inner_plane(double from, double to, double* plane);
    bool read_stretch(const PlacementEvidence& e, const PlacementOptions& o, double from, double to,
                      Stretch& into);
    bool moments(const PlacementOptions& o, const double* table, double* at, double* information);
    void solve(const PlacementOptions& o, bool shift, bool rotation, double* theta, double* covariance);
    void walk(const PlacementEvidence& e, const PlacementOptions& o, std::int64_t ring, double length,
              const double* centre);
    void scales(const PlacementOptions& o, const double* theta, double* wall_sigma, double* wider) const;
    void decide(const PlacementOptions& o, Placement& out);
    double unmoved(const PlacementOptions& o);
    double misfit(const PlacementOptions& o, const double* theta) const;

    double smear_ = 0;
    std::vector<double> log_in_, log_out_;
    std::vector<signed char> inside_;
    std::vector<Near> near_, inner_;
    std::vector<Sample> samples_;
    std::vector<double> heights_;
    std::vector<Stretch> stretches_;
    std::int32_t walls_ = 0;
};

}  // namespace geovision
