// From parameters to a drawing: every part and superstructure of one building becomes a layer of labelled
// plan segments, every roof face a surface with a plane. Nothing is noded here; layers may overlap.
//
// All lengths are in grid steps from the building's origin, heights in grid steps above its ground.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/arrangement.hpp"
#include "geovision/skeleton.hpp"
#include "geovision/types.hpp"

namespace geovision {

struct Surface {
    Plane top;
    Plane bottom;  // flat base, or the underside of a bulge or an overhang
    std::int32_t part = 0;
    std::int32_t group = 0;  // facets of one curved surface share it
    std::int16_t rank = 0;   // a higher rank hides a lower one; within a rank the highest top shows
    Label label = Label::roof;
};

struct Layer {
    std::int16_t support = -1;  // counts only where this layer has a label, -1 for everywhere
};

// A segment between two points of a drawing; what its other members mean is told at Segment.
struct Line {
    std::int32_t a = 0, b = 0;
    std::int32_t left = -1, right = -1;
    std::int16_t layer = 0;
    bool meets = false;
    std::int32_t source = -1;
};

struct Drawing {
    std::vector<Vec> points;            // those of the parts' outlines first, in order
    std::vector<std::int32_t> anchors;  // points on an outline, which no other may displace
    std::vector<Line> lines;
    std::vector<Surface> surfaces;
    std::vector<Layer> layers;
    std::int32_t groups = 0;
    std::uint32_t flags = 0;
    bool apart = false;  // one outline, whose edges are two steps from all but their neighbours

    // Where a drawing stood, to take back what was drawn since.
    struct Mark {
        std::size_t lines, surfaces, layers;
    };
    Mark mark() const { return {lines.size(), surfaces.size(), layers.size()}; }
    void rewind(const Mark& m) {
        lines.resize(m.lines);
        surfaces.resize(m.surfaces);
        layers.resize(m.layers);
    }

    void clear();
    std::int32_t point(Vec p) {
        points.push_back(p);
        return std::int32_t(points.size()) - 1;
    }
    Line* add_lines(std::size_t count) {
        lines.resize(lines.size() + count);
        return lines.data() + (lines.size() - count);
    }
    std::int32_t add_surface(const Plane& top, double base, std::int32_t part, std::int32_t group,
                             Label label);
    std::int16_t add_layer(std::int16_t support = -1);
    void polygon(const Vec* p, std::size_t n, std::int32_t surface, std::int16_t layer);
};

// A part's polygon on the way into a drawing: shell counter-clockwise, holes clockwise.
struct Shape {
    std::vector<Vec> points;
    std::vector<std::int64_t> ring_begin;
    std::vector<double> pitch;      // per edge, degrees, NaN where the roof decides
    std::int32_t first_source = 0;  // id of the first edge, and of the first vertex, within the building
    double area = 0;

    std::size_t next(std::size_t i, std::size_t ring) const {
        return i + 1 < std::size_t(ring_begin[ring + 1]) ? i + 1 : std::size_t(ring_begin[ring]);
    }
    std::size_t rings() const { return ring_begin.size() - 1; }
    // The drawing's point at vertex i.
    std::int32_t point(std::size_t i) const { return first_source + std::int32_t(i); }
};

// Parameters of one part, heights and lengths in grid steps.
struct RoofSpec {
    RoofKind kind = RoofKind::flat;
    double eave = 0, base = 0;
    Vec shift{0, 0};  // the roof is that of the outline moved by this, continued or cut to the outline
    double slots[roof_slots] = {};
    std::int32_t part = 0;
    bool has(int slot) const { return slots[slot] == slots[slot]; }
    bool shifted() const { return shift.x != 0 || shift.y != 0; }
};

struct RoofScratch {
    bool bulges = true;  // false leaves out what reaches beyond the wall (a second try)
    SkeletonProof proof = SkeletonProof::now;
    bool unproven = false;  // a skeleton was drawn without its proof
    SkeletonWorkspace skeleton_ws;
    Skeleton skeleton;
    std::vector<double> metres, slope;
    std::vector<std::uint8_t> gable;
    std::vector<Vec> poly, clipped;
    struct Hit {  // where an outline crosses a crease
        int crease;
        double along;
        std::int32_t point;
    };
    std::vector<Hit> hits;
};

// Draws one part's roof. `faces` is used by planar roofs only.
struct PlanarFaces {
    std::int64_t count = 0;
    const std::int64_t* ring_offsets = nullptr;    // [count + 1], absolute
    const std::int64_t* vertex_offsets = nullptr;  // absolute
    const double* xy = nullptr;
    const double* plane = nullptr;  // [.., 3] of the first face
    double origin_x = 0, origin_y = 0, grid = 0.001;
};

Status draw_roof(const RoofSpec& spec, const Shape& shape, double grid, const PlanarFaces& faces,
                 RoofScratch& scratch, Drawing& drawing);

// One flat block per part (levels of detail 1.x); `surface` is shared by parts that are to be one block.
void draw_block(const Shape& shape, std::int32_t surface, Drawing& drawing);

// Middle height between eave and top, which a block takes.
double block_height(const RoofSpec& spec, const Shape& shape, const PlanarFaces& faces);

// `host` is the layer of the part it stands on; `slots` as SuperSlot, already in grid steps.
Status draw_superstructure(SuperKind kind, const double* slots, const RoofSpec& host_spec,
                           const Shape& host_shape, std::int16_t host, double grid, RoofScratch& scratch,
                           Drawing& drawing);

// Shared by the families (roofs_*.cpp).
namespace roof {

// z(v) over the distance v from the first eave, downhill direction `downhill`; breaks[0] = 0.
struct Profile {
    static constexpr int most = 34;
    int strips = 0;
    double breaks[most + 1] = {};
    double low[most] = {}, high[most] = {};  // heights at a strip's two breaks
    bool meets[most + 1] = {};
    bool one_surface = false;
};

Vec across_long_side(const Shape& shape);
// The outline level at the eave, which shows only where nothing of the layer returned lies; that counts
// inside the outline alone.
std::int16_t draw_under(const RoofSpec& spec, const Shape& shape, Drawing& drawing);
void extent(const Shape& shape, Vec direction, double* lo, double* hi);
void draw_profile(const RoofSpec& spec, const Shape& shape, Vec downhill, const Profile& profile, Label label,
                  Drawing& drawing, RoofScratch& scratch);
Status draw_profile_kind(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& scratch,
                         Drawing& drawing);
Status draw_quad_kind(const RoofSpec& spec, const Shape& shape, RoofScratch& scratch, Drawing& drawing);
Status draw_radial_kind(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& scratch,
                        Drawing& drawing);
Status draw_skeleton_kind(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& scratch,
                          Drawing& drawing);
Status draw_parapet(const RoofSpec& host, const Shape& shape, double thickness, double top, double grid,
                    std::int16_t support, RoofScratch& scratch, Drawing& drawing);
std::size_t true_corners(const Shape& shape, std::size_t* corner, std::size_t most);

}  // namespace roof

}  // namespace geovision
