#include "instance_frames.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace geovision {
namespace {

double length(const Vec3& v) { return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

Vec3 scaled_to_one(Vec3 v) {
    const double by = length(v);
    for (double& c : v) c = by > 0.0 ? c / by : c;
    return v;
}

Vec3 cross(const Vec3& a, const Vec3& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

}  // namespace

std::array<double, 4> quaternion_of(const PartFrame& frame) {
    const Vec3 &x = frame.right, &z = frame.up;
    const Vec3 y{-frame.out[0], -frame.out[1], -frame.out[2]};
    // The largest of the four is found first, so that nothing is divided by a small number.
    const double trace = x[0] + y[1] + z[2];
    std::array<double, 4> q{};
    if (trace > 0.0) {
        q = {y[2] - z[1], z[0] - x[2], x[1] - y[0], trace + 1.0};
    } else if (x[0] >= y[1] && x[0] >= z[2]) {
        q = {1.0 + x[0] - y[1] - z[2], y[0] + x[1], z[0] + x[2], y[2] - z[1]};
    } else if (y[1] >= z[2]) {
        q = {y[0] + x[1], 1.0 + y[1] - x[0] - z[2], z[1] + y[2], z[0] - x[2]};
    } else {
        q = {z[0] + x[2], z[1] + y[2], 1.0 + z[2] - x[0] - y[1], x[1] - y[0]};
    }
    double squares = 0.0;
    for (const double c : q) squares += c * c;
    // One of the two signs, so that neighbours have the same bytes.
    const double by = std::sqrt(squares) * (q[3] < 0.0 || (q[3] == 0.0 && q[2] < 0.0) ? -1.0 : 1.0);
    for (double& c : q) c /= by;
    return q;
}

PartFrame FrameMaker::placed(std::int64_t building, const Vec3& at, const Vec3& right, const Vec3& out,
                             const Vec3& up) const {
    PartFrame frame;
    const double* origin = solids_.origin + 3 * building;
    if (options_.frame == nullptr) {
        for (std::size_t k = 0; k < 3; ++k) frame.at[k] = origin[k] - options_.tile_origin[k] + at[k];
        frame.right = right;
        frame.out = out;
        frame.up = up;
        return frame;
    }
    // The map is smooth: over a wall it is a turn, to less than a millimetre.
    const auto place = [&](const Vec3& step) {
        return options_.frame->place(origin[0] + at[0] + step[0], origin[1] + at[1] + step[1],
                                     origin[2] + at[2] + step[2]);
    };
    frame.at = place({0.0, 0.0, 0.0});
    const auto turned = [&](const Vec3& direction) {
        Vec3 end = place(direction);
        for (std::size_t k = 0; k < 3; ++k) end[k] -= frame.at[k];
        return end;
    };
    const Vec3 along = turned(right), above = turned(up), away = turned(out);
    frame.stretch = {length(along), length(away), length(above)};
    frame.right = scaled_to_one(along);
    frame.out = scaled_to_one(cross(frame.right, above));
    frame.up = cross(frame.out, frame.right);
    return frame;
}

PartFrame FrameMaker::of_wall(const Walls& walls, std::int64_t wall) const {
    const auto w = static_cast<std::size_t>(wall);
    const double dx = walls.direction[2 * w], dy = walls.direction[2 * w + 1];
    Vec3 at{};
    for (std::size_t k = 0; k < 3; ++k) at[k] = solids_.grid * walls.corner[3 * w + k];
    PartFrame frame = placed(walls.building[w], at, {dx, dy, 0.0}, {dy, -dx, 0.0}, {0.0, 0.0, 1.0});
    frame.width = solids_.grid * walls.length[w];
    frame.height = solids_.grid * walls.height[w];
    return frame;
}

PartFrame FrameMaker::of_face(std::int64_t building, std::int64_t face) const {
    const std::int64_t row = solids_.face_offsets[building] + face;
    if (face < 0 || row >= solids_.face_offsets[building + 1])
        throw std::invalid_argument("an element lies on a face that is not there");
    if (solids_.face_ring_offsets == nullptr ||
        solids_.face_ring_offsets[row] == solids_.face_ring_offsets[row + 1])
        throw std::invalid_argument("an element lies on a face without a ring");
    const std::int64_t ring = solids_.face_ring_offsets[row], first = solids_.ring_offsets[ring];
    const auto count = static_cast<std::size_t>(solids_.ring_offsets[ring + 1] - first);
    if (count < 3) throw std::invalid_argument("an element lies on a face without a ring");
    const std::int64_t base_vertex = solids_.vertex_offsets[building],
                       end_vertex = solids_.vertex_offsets[building + 1];
    const auto corner = [&](std::size_t i) {
        const std::int64_t v =
            base_vertex + solids_.ring_vertices[first + static_cast<std::int64_t>(i % count)];
        if (v < base_vertex || v >= end_vertex) throw std::invalid_argument("a ring points at nothing");
        const std::int32_t* p = solids_.vertices + 3 * v;
        return Vec3{solids_.grid * p[0], solids_.grid * p[1], solids_.grid * p[2]};
    };
    Vec3 normal{};
    std::size_t lowest = 0;
    const Vec3 base = corner(0);
    for (std::size_t i = 0; i < count; ++i) {
        Vec3 p = corner(i), q = corner(i + 1);
        if (p[2] < corner(lowest)[2]) lowest = i;
        for (std::size_t k = 0; k < 3; ++k) p[k] -= base[k], q[k] -= base[k];
        const Vec3 n = cross(p, q);
        for (std::size_t k = 0; k < 3; ++k) normal[k] += n[k];
    }
    normal = scaled_to_one(normal);
    const double flat = std::sqrt(normal[0] * normal[0] + normal[1] * normal[1]);
    Vec3 right{-normal[1] / std::max(flat, 1e-12), normal[0] / std::max(flat, 1e-12), 0.0};
    if (flat < 1e-3) {
        const Vec3 p = corner(0), q = corner(1);
        right = scaled_to_one({q[0] - p[0], q[1] - p[1], 0.0});
    }
    const Vec3 up = cross(normal, right), at = corner(lowest);
    PartFrame frame = placed(building, at, right, normal, up);
    // A face begins where its leftmost corner is only if that is the lowest; what covers it needs all of it.
    double left = 0.0, low = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
        const Vec3 p = corner(i);
        const Vec3 step{p[0] - at[0], p[1] - at[1], p[2] - at[2]};
        const double s = dot(step, right), z = dot(step, up);
        left = std::min(left, s);
        low = std::min(low, z);
        frame.width = std::max(frame.width, s);
        frame.height = std::max(frame.height, z);
    }
    frame.left = left;
    frame.low = low;
    return frame;
}

}  // namespace geovision
