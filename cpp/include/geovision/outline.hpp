// From rasters of building probability to clean outlines, row by row.
//
// The raster is read once, from the top. Cells above the threshold, widened by a margin, fall into groups; a
// group is worked on when the first row that it does not reach has been read, and from its own cells alone.
// So the outlines, and their order, do not depend on how the raster is cut into strips, nor on the threads,
// and memory holds one strip and the groups that are still open.
//
// In a group: buildings are told apart (by the boundary raster where there is one), their common walls are
// traced once as arcs between junctions, every arc is explained by the cheapest sequence of straight lines
// that keep to a few directions, and neighbouring lines are intersected. What fails a guard (crossings,
// overlap with the raster, distance from it) falls back to simplified and then to traced outlines, which are
// always valid.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace geovision {

// How far an outline has been brought: as traced, without needless vertices, with straight and regular walls.
enum class OutlineLevel : std::uint8_t { regular = 0, simple = 1, raw = 2 };

struct OutlineOptions {
    std::int64_t columns = 0;
    double cell = 0.3;    // metres
    bool binary = false;  // the cells are 0 or not 0, and their edges are the outline
    bool has_boundary = false, has_frame = false, has_height = false;
    double threshold = 0.5;           // of probability, above 0
    double boundary_threshold = 0.5;  // above it a cell parts two buildings
    double min_area = 4;              // square metres of a building
    double min_hole = 2;              // square metres of a courtyard
    double tolerance = 0.5;           // metres that an outline may leave the raster to be simpler
    double min_iou = 0.75;            // of a regular outline with its cells
    double reach = 1;                 // metres that a wall may move to a step of the heights
    OutlineLevel level = OutlineLevel::regular;
    int threads = 0;  // 0 for all cores
};

// A band of a strip: bytes or floats [rows, columns], or neither where it is not given.
struct OutlinePlane {
    const std::uint8_t* bytes = nullptr;
    const float* floats = nullptr;
    OutlinePlane row(std::int64_t offset) const {
        return {bytes == nullptr ? nullptr : bytes + offset, floats == nullptr ? nullptr : floats + offset};
    }
};

enum OutlineBand : int {
    band_building = 0,   // bytes are p * 255 (or 0 and not 0), floats p; NaN is no building
    band_boundary = 1,   // the same
    band_frame_cos = 2,  // of four times the wall direction; bytes are 128 + 127 v
    band_frame_sin = 3,
    band_height = 4,  // floats, metres; NaN where unknown
};
constexpr int outline_bands = 5;
using OutlineRow = std::array<OutlinePlane, outline_bands>;

struct OutlineStrip {
    std::int64_t rows = 0;
    OutlineRow bands;
};

// Polygons in cells: x from the left edge of the raster, y down from its top. Exteriors run counter-clockwise
// seen on a map (north up), holes clockwise; rings are open. Neighbours have the same vertices on their
// common walls.
struct Outlines {
    std::vector<std::int64_t> polygon_offsets{0};  // [P+1] rings, exterior first
    std::vector<std::int64_t> ring_offsets{0};     // [R+1] vertices
    std::vector<double> xy;                        // [V, 2]
    std::vector<double> area;                      // [P] square metres
    std::vector<double> probability;               // [P] mean inside
    std::vector<double> contrast;                  // [P] mean fall of the probability across free walls
    std::vector<double> iou;                       // [P] with its own cells
    std::vector<double> height;                    // [P] median, NaN without heights
    std::vector<double> height_high;               // [P] 90th percentile
    std::vector<double> direction;                 // [P] main wall direction, radians in [0, pi/2) from east
    std::vector<std::uint8_t> level;               // [P] OutlineLevel, the least regular of its walls
    std::vector<std::uint8_t> touches;             // [P] 1 where it shares a wall
    void append(const Outlines& other);
};

class OutlineGroups;

class OutlineStream {
public:
    explicit OutlineStream(const OutlineOptions& options);
    ~OutlineStream();
    // Appends the polygons that are finished to `out`. Returns false when cancelled.
    bool add(const OutlineStrip& strip, const std::atomic<bool>* cancel, Outlines& out);
    bool finish(const std::atomic<bool>* cancel, Outlines& out);

private:
    OutlineOptions options_;
    std::unique_ptr<OutlineGroups> groups_;
};

}  // namespace geovision
