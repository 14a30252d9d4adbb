// Roof faces as rows like walls, so that the same rules can put windows on them.
#include <algorithm>
#include <cmath>

#include "geovision/facade.hpp"
#include "wall_trace.hpp"

namespace geovision {
namespace {

constexpr double least_slope = 0.17, most_slope = 2.8;  // rise over run: 10 to 70 degrees
constexpr std::int32_t largest_chimney = 2000;

struct Frame {
    double origin[3], s[3], t[3];
    bool level;
};

double dot(const double* a, const double* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// As elements.hpp says: origin at the lowest corner, the first of several, s level, t up the face.
bool find_frame(const BuildingView& view, const std::int32_t* ring, std::int64_t count, Frame& f) {
    double n[3] = {0, 0, 0};
    const std::int32_t* o = view.vertex(ring[0]);
    const std::int32_t* lowest = o;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t *p = view.vertex(ring[i]), *q = view.vertex(ring[(i + 1) % count]);
        double u[3], v[3];
        for (int k = 0; k < 3; ++k) u[k] = double(p[k]) - o[k], v[k] = double(q[k]) - o[k];
        for (int k = 0; k < 3; ++k) n[k] += u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        if (p[2] < lowest[2]) lowest = p;
    }
    const double length = std::sqrt(dot(n, n));
    if (!(length > 0) || !(n[2] > 0)) return false;
    const double run = std::sqrt(n[0] * n[0] + n[1] * n[1]);
    f.level = run <= 1e-3 * length;
    if (!f.level && (run < least_slope * n[2] || run > most_slope * n[2])) return false;
    for (int k = 0; k < 3; ++k) n[k] /= length, f.origin[k] = lowest[k];
    if (f.level) {
        f.s[0] = 1, f.s[1] = 0;
    } else {
        f.s[0] = -n[1] * length / run, f.s[1] = n[0] * length / run;
    }
    f.s[2] = 0;
    for (int k = 0; k < 3; ++k)
        f.t[k] = n[(k + 1) % 3] * f.s[(k + 2) % 3] - n[(k + 2) % 3] * f.s[(k + 1) % 3];
    return true;
}

class Finder {
public:
    Finder(const Solids& solids, Walls& out) : solids_(solids), out_(out) {}

    void building(std::int64_t b) {
        const BuildingView view(solids_, b);
        for (std::int32_t face = 0; face < view.face_count; ++face) {
            const Label label = view.label(face);
            if (label == Label::roof || label == Label::chimney) add(view, b, face, label);
        }
        out_.building_offsets.push_back(static_cast<std::int64_t>(out_.face.size()));
    }

private:
    void add(const BuildingView& view, std::int64_t b, std::int32_t face, Label label) {
        Frame f;
        const std::int64_t first = view.ring_begin(face), last = view.ring_begin(face + 1);
        const std::int64_t begin = solids_.ring_offsets[std::size_t(first)],
                           count = solids_.ring_offsets[std::size_t(first) + 1] - begin;
        if (count < 3 || !find_frame(view, solids_.ring_vertices.data() + begin, count, f)) return;
        if (f.level != (label == Label::chimney)) return;
        const std::size_t start = out_.sz.size();
        std::int32_t low = INT32_MAX, high = INT32_MIN, top = 0;
        for (std::int64_t r = first; r < last; ++r) {
            for (std::int64_t i = solids_.ring_offsets[std::size_t(r)];
                 i < solids_.ring_offsets[std::size_t(r) + 1]; ++i) {
                const std::int32_t* v = view.vertex(solids_.ring_vertices[std::size_t(i)]);
                const double d[3] = {v[0] - f.origin[0], v[1] - f.origin[1], v[2] - f.origin[2]};
                const auto s = static_cast<std::int32_t>(std::lround(dot(d, f.s))),
                           t = static_cast<std::int32_t>(std::lround(dot(d, f.t)));
                low = std::min(low, s), high = std::max(high, s), top = std::max(top, t);
                out_.sz.push_back(s), out_.sz.push_back(t);
            }
            rings_.push_back(static_cast<std::int64_t>(out_.sz.size() / 2));
        }
        if (label == Label::chimney && std::max(high - low, top) > largest_chimney) {
            out_.sz.resize(start);
            rings_.clear();
            return;
        }
        for (std::size_t i = start; i < out_.sz.size(); i += 2) out_.sz[i] -= low;
        for (const std::int64_t r : rings_) out_.vertex_offsets.push_back(r);
        rings_.clear();
        out_.ring_offsets.push_back(static_cast<std::int64_t>(out_.vertex_offsets.size()) - 1);
        out_.building.push_back(static_cast<std::int32_t>(b));
        out_.face.push_back(face);
        out_.members.push_back(face);
        out_.member_offsets.push_back(static_cast<std::int64_t>(out_.members.size()));
        out_.part.push_back(solids_.face_part[std::size_t(view.first_face + face)]);
        out_.label.push_back(std::uint8_t(label));
        for (const std::int32_t c : {low, 0, 0}) out_.corner.push_back(c);
        out_.direction.push_back(f.s[0]), out_.direction.push_back(f.s[1]);
        out_.length.push_back(high - low);
        out_.height.push_back(top);
        out_.ground.push_back(INT32_MIN / 8), out_.ground.push_back(INT32_MIN / 8);
        out_.side.push_back(UINT8_MAX);
        out_.street.push_back(-1);
        out_.level.push_back(0);
        out_.blocked_offsets.push_back(0);
    }

    const Solids& solids_;
    Walls& out_;
    std::vector<std::int64_t> rings_;
};

}  // namespace

Walls find_roof_faces(const Solids& solids) {
    Walls out;
    for (Column<std::int64_t>* offsets : {&out.building_offsets, &out.member_offsets, &out.ring_offsets,
                                          &out.vertex_offsets, &out.blocked_offsets})
        offsets->push_back(0);
    Finder finder(solids, out);
    const auto buildings = static_cast<std::int64_t>(solids.vertex_offsets.size()) - 1;
    for (std::int64_t b = 0; b < buildings; ++b) finder.building(b);
    return out;
}

}  // namespace geovision
