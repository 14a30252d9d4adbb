// Which points say something about which building, and what they are taken for.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace geovision {

// What a point is taken for; geovision/model/evidence.py holds the same table.
enum class PointKind : std::uint8_t {
    unknown = 0,
    building = 1,
    ground = 2,
    vegetation = 3,
    neighbour = 4,
    other = 5,
};

// Outlines of buildings: CSR of rings, shell first, open, any orientation. Pointers stay the caller's.
struct Outlines {
    std::int64_t count = 0;
    const std::int64_t* ring_offsets = nullptr;    // [count + 1]
    const std::int64_t* vertex_offsets = nullptr;  // [rings + 1]
    const double* xy = nullptr;                    // [vertices, 2]
    const std::uint8_t* wanted = nullptr;  // [count] 0: only there to claim its points. Null: all wanted
};

// Measurements round the buildings. Pointers stay the caller's.
struct Measurements {
    std::int64_t count = 0;
    const double* xyz = nullptr;           // [count, 3]
    const std::uint8_t* kind = nullptr;    // [count] PointKind by class, or unknown
    const std::uint8_t* source = nullptr;  // [count] PointSource: 0 LiDAR, 1 a raster's cell
};

struct GatherOptions {
    double margin = 2.0;  // metres round the outline
    int threads = 1;      // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

// CSR by building of what lies in its outline and margin.
struct Gathered {
    std::vector<std::int64_t> offsets;  // [count + 1]
    std::vector<std::int64_t> index;    // into the measurements
    std::vector<std::uint8_t> kind;     // PointKind for this building
    std::vector<float> distance;        // metres from the outline, 0 inside
    std::vector<std::uint8_t> rival;    // 1 where another outline is nearer
    std::vector<double> origin;         // [count, 2] whole metres at or below the south-west corner
    std::vector<std::uint8_t> claimed;  // [measurements] 1 for those inside any outline, wanted or not
    bool cancelled = false;
};

// Assigns measurements to buildings. What lies inside another outline and not in its own is a neighbour's,
// and so is a roof by class that another outline is nearer to. Order within a building is canonical: along a
// Morton curve over millimetres from its origin, then by height and source; of measurements that agree in all
// of x, y, z, kind and source one is kept. So neither the order of the input, nor the tile it came with, nor
// the threads can be seen in the result. Measurements that are not finite belong to nobody. Throws
// std::invalid_argument where offsets run backwards or an outline is not finite or is wider than 16 km.
Gathered gather(const Outlines& outlines, const Measurements& points, const GatherOptions& options);

// How a measurement came back to the sensor.
enum class Echo : std::uint8_t {
    unknown = 0,  // the file does not say, or it is a raster's cell
    only = 1,
    last = 2,    // the last of several
    earlier = 3  // something was hit behind it
};

// Gathered measurements with what is known of each. Pointers stay the caller's.
struct Surroundings {
    std::int64_t buildings = 0;
    const std::int64_t* offsets = nullptr;  // [buildings + 1]
    const double* xyz = nullptr;            // [n, 3] in the frame of the building, in canonical order
    const float* above = nullptr;           // [n] height above the terrain, NaN where it is not known
    const float* distance = nullptr;        // [n] from the outline, 0 inside
    const std::uint8_t* rival = nullptr;    // [n] 1 where another outline is nearer
    const std::uint8_t* echo = nullptr;     // [n] Echo
    const float* tolerance = nullptr;       // [n] metres off a plane that still count as on it
    bool buildings_by_class = false;        // what is a building is told by class: none is added
};

// Judges what has no class (PointKind::unknown in `kind` [n], changed in place) by the shape of what is round
// it. Near the terrain it is ground. Where its neighbours lie on no common plane and are mostly one of
// several echoes, it is vegetation. On a plane well above the ground, inside the outline or under its eaves,
// it is building. What is none of these stays unknown. Roofs and unknowns that another outline is nearer to
// are a neighbour's. Only measurements of the same building are looked at. Returns false when cancelled.
bool judge_kinds(const Surroundings& s, std::uint8_t* kind, int threads,
                 const std::atomic<bool>* cancel = nullptr);

// Metres over the ground from which a measurement may lie on a roof.
struct RoofHeights {
    double ground = 0.0;   // in the frame of the measurements
    double least = 0.8;    // of what is unknown or a building
    double classed = 0.2;  // of what is classed as a building and has nothing that high beside it
};

// Fills `may` [count] with 1 for measurements of one building, xyz [count, 3] finite and kind [count], that
// may lie on its roof. Beside means in the same or a neighbouring square of half a metre.
void find_roof_candidates(const double* xyz, const std::uint8_t* kind, std::int64_t count,
                          const RoofHeights& heights, std::uint8_t* may);

}  // namespace geovision
