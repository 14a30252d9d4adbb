// Dresses one building after another: decides what has room, then writes the faces. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "facade_room.hpp"
#include "facade_writer.hpp"
#include "geovision/facades.hpp"
#include "wall_trace.hpp"

namespace geovision {

struct Rect {
    std::int32_t s0, s1, z0, z1;
    std::int32_t width() const { return s1 - s0; }
    std::int32_t height() const { return z1 - z0; }
};

class Dresser {
public:
    Dresser(const Solids& solids, const Walls& walls, const Elements& elements, const FacadeOptions& options,
            Column<std::uint8_t>& outcome)
        : solids_(solids), walls_(walls), e_(elements), options_(options), outcome_(outcome), writer_(out) {
        for (auto* offsets : {&out.vertex_offsets, &out.triangle_offsets, &out.face_offsets,
                              &out.face_ring_offsets, &out.ring_offsets})
            offsets->assign(1, 0);
    }

    void building(std::int64_t b);

    Solids out;  // whole buildings, in the order of the calls

private:
    struct Design {
        std::int32_t across, up, frame, mullion;
        double panel;
        bool glass;
    };
    struct Cell {
        Rect rect;
        Label label;
        bool glass;
    };
    struct Opening {
        std::int64_t element;
        std::int64_t wall;
        Rect rect;
        std::int32_t back;              // how far the back of the recess lies behind the wall
        std::int32_t notch, notch_end;  // the edge at the wall's foot that it cuts, -1 for none
        std::int32_t ground;            // the face below that edge
        std::int32_t rim[4], rear[4];   // lower left, lower right, upper right, upper left; set when written
    };
    struct Thing {
        std::int64_t element;
        std::int64_t wall;          // -1 on roofs
        std::vector<Prism> prisms;  // what it fills; the first one is drawn where there is one alone
    };
    struct GroundEdge {
        std::int32_t from, to, face;
        bool operator<(const GroundEdge& o) const { return from != o.from ? from < o.from : to < o.to; }
    };

    // facade_dresser.cpp
    void sort_elements(const BuildingView& view);
    bool usable(std::int64_t element) const;
    bool shown(ElementKind kind) const;
    bool hosted(std::int64_t element) const;
    bool is_blocked(std::int64_t wall, const Rect& r) const;
    WallFrame frame(std::int64_t wall) const;
    Design design(std::int64_t element) const;
    void set(std::int64_t element, Outcome outcome) {
        outcome_[std::size_t(element)] = std::uint8_t(outcome);
    }
    Outcome outcome(std::int64_t element) const { return Outcome(outcome_[std::size_t(element)]); }
    ElementKind kind(std::int64_t element) const { return ElementKind(e_.kind[std::size_t(element)]); }
    Rect rect(std::int64_t element) const;
    FaceStyle style(std::int64_t element, Label label, std::int32_t part, std::int32_t solid) const;
    FaceStyle base_style(std::int32_t face) const;
    bool write(const BuildingView& view);
    bool drop(const Opening& opening);
    bool drop(const Thing& thing);

    // facade_openings.cpp
    void place_openings(const BuildingView& view, std::int64_t wall, const std::int64_t* elements,
                        std::int64_t count);
    Outcome place_opening(const BuildingView& view, Opening& opening, const WallFrame& f);
    bool is_doubled(std::int64_t wall) const;
    bool is_clean(std::int64_t wall, std::int32_t first_triangle);
    bool find_notch(const BuildingView& view, const WallFrame& f, Opening& opening);
    bool inside(std::int64_t wall, double s0, double s1, double z0, double z1) const;
    std::int32_t back_of(std::int64_t element, const Rect& r);
    bool cells(std::int64_t element, const Rect& r);
    bool write_wall(const BuildingView& view, std::int64_t wall);
    bool write_ground(const BuildingView& view, std::int32_t face);
    bool write_recess(const BuildingView& view, const Opening& opening);
    void reveals(const std::int32_t* rim, const std::int32_t* rear, bool floor, const FaceStyle& style);

    // facade_things.cpp
    void place_things(std::int64_t wall, const std::int64_t* elements, std::int64_t count);
    Outcome place_thing(std::int64_t wall, std::int64_t element);
    Outcome shape(const WallFrame& f, std::int64_t element, const Rect& r, Thing& thing) const;
    double mitre(std::int64_t wall, const Rect& r, bool right) const;
    bool write_thing(const BuildingView& view, const Thing& thing);
    bool write_border(const WallFrame& f, const Thing& thing, FaceStyle style);
    bool write_steps(const WallFrame& f, const Thing& thing, FaceStyle style);
    bool write_railing(const WallFrame& f, const Thing& thing, FaceStyle style);

    // facade_roof.cpp
    struct RoofFrame {
        double origin[3], s[3], t[3], n[3];
    };
    bool roof_frame(const BuildingView& view, std::int32_t face, RoofFrame& f) const;
    void place_on_face(const BuildingView& view, std::int64_t element);
    Outcome place_roof_window(const BuildingView& view, std::int64_t element, std::int32_t face);
    Outcome place_cap(const BuildingView& view, std::int64_t element, std::int32_t face);
    bool cap_outline(const BuildingView& view, std::int32_t face, std::int32_t reach,
                     std::vector<Point>& plan) const;
    bool write_on_face(const BuildingView& view, const Thing& thing);
    bool write_roof_window(const BuildingView& view, const Thing& thing, std::int32_t face);

    const Solids& solids_;
    const Walls& walls_;
    const Elements& e_;
    const FacadeOptions& options_;
    Column<std::uint8_t>& outcome_;
    FacadeWriter writer_;
    WallTracer tracer_;
    Room room_;
    Placed pockets_, things_placed_;
    std::int64_t b_ = 0, first_element_ = 0, last_element_ = 0, failed_wall_ = -1, failed_thing_ = -1;
    std::vector<std::int64_t> sorted_, deferred_;
    std::vector<Opening> openings_;  // by wall
    std::vector<Thing> things_;
    std::vector<GroundEdge> ground_edges_;
    bool ground_known_ = false;
    std::vector<Box3> boxes_;
    std::vector<Cell> cells_;
    std::vector<std::int32_t> ring_, begin_, loop_, loop_begin_;
    std::vector<Point> plan_;
    std::vector<std::int64_t> wall_of_face_;
    std::vector<std::uint8_t> notched_;
};

// What stands out begins this far off its wall, so that no rounding makes it enter the wall.
constexpr std::int32_t off_wall = 3;
// No edge that is asked for may be shorter; a rounded and loosened one then still has 1 cm.
constexpr std::int32_t least_size = 15;
constexpr std::int32_t longest_length = 10'000'000;

}  // namespace geovision
