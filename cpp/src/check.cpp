// The exact checker; see check.hpp for what it promises.
#include "geovision/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <thread>

#include "check_building.hpp"
#include "check_sweep.hpp"

namespace geovision {
namespace {

using namespace checking;

class Building : private BuildingSlice {
public:
    using BuildingSlice::BuildingSlice;

    Finding check() {
        if (!slice()) return found_;
        check_presence();
        if (triangles_ == 0 || !check_indices()) return found_;
        check_triangles();
        check_edges();
        if ((found_.faults & (fault::open_edge | fault::repeated_edge)) == 0) check_fans();
        check_places();
        check_volume();
        if (all_.face_ring_offsets != nullptr) found_ = check_faces(*this);
        if (options_.self_intersection) check_crossings();
        return found_;
    }

private:
    void check_presence() {
        const bool accepted = all_.status == nullptr || all_.status[index_] == 0;
        const bool has_any = vertices_ > 0 || triangles_ > 0 || faces_ > 0;
        if (accepted != has_any || (has_any && triangles_ == 0)) found_.add(fault::solid_without_ok, -1);
    }

    bool check_indices() {
        bool sound = true;
        for (std::int32_t t = 0; t < triangles_; ++t) {
            const bool corners = in(tri_[3 * t], vertices_) && in(tri_[3 * t + 1], vertices_) &&
                                 in(tri_[3 * t + 2], vertices_);
            if (corners && in(tri_face_[t], faces_)) continue;
            found_.add(fault::bad_index, t);
            sound = false;
        }
        return sound;
    }

    void check_triangles() {
        const auto shortest = std::llround(options_.min_edge / all_.grid);
        const Wide limit = Wide{shortest} * shortest;
        for (std::int32_t t = 0; t < triangles_; ++t) {
            const Normal n = normal(t);
            if (n.x == 0 && n.y == 0 && n.z == 0) found_.add(fault::degenerate_triangle, t);
            for (std::int32_t half = 3 * t; half < 3 * t + 3; ++half) {
                if (length2(origin(half), target(half)) < limit) found_.add(fault::short_edge, t);
            }
        }
    }

    Wide length2(std::int32_t v, std::int32_t w) const {
        const GridPoint a = point(v), b = point(w);
        const std::int64_t x = std::int64_t{b.x} - a.x, y = std::int64_t{b.y} - a.y,
                           z = std::int64_t{b.z} - a.z;
        return Wide{x} * x + Wide{y} * y + Wide{z} * z;
    }

    void bucket_half_edges() {
        const std::int32_t count = 3 * triangles_;
        s_.start.assign(static_cast<std::size_t>(vertices_) + 1, 0);
        for (std::int32_t h = 0; h < count; ++h) ++s_.start[static_cast<std::size_t>(origin(h)) + 1];
        std::partial_sum(s_.start.begin(), s_.start.end(), s_.start.begin());
        s_.out.resize(static_cast<std::size_t>(count));
        s_.order.assign(s_.start.begin(), s_.start.end() - 1);
        for (std::int32_t h = 0; h < count; ++h) {
            s_.out[static_cast<std::size_t>(s_.order[static_cast<std::size_t>(origin(h))]++)] = h;
        }
    }

    void check_edges() {
        bucket_half_edges();
        s_.twin.assign(static_cast<std::size_t>(3 * triangles_), -1);
        for (std::int32_t h = 0; h < 3 * triangles_; ++h) {
            const auto to = static_cast<std::size_t>(target(h)), from = static_cast<std::size_t>(origin(h));
            for (std::int32_t i = s_.start[to]; i < s_.start[to + 1]; ++i) {
                const std::int32_t other = s_.out[static_cast<std::size_t>(i)];
                if (target(other) == origin(h)) s_.twin[static_cast<std::size_t>(h)] = other;
            }
            if (s_.twin[static_cast<std::size_t>(h)] < 0) found_.add(fault::open_edge, h / 3);
            for (std::int32_t i = s_.start[from]; i < s_.start[from + 1]; ++i) {
                const std::int32_t other = s_.out[static_cast<std::size_t>(i)];
                if (other != h && target(other) == target(h))
                    found_.add(fault::repeated_edge, std::max(h, other) / 3);
            }
        }
    }

    void check_fans() {
        for (std::int32_t v = 0; v < vertices_; ++v) {
            const std::int32_t begin = s_.start[static_cast<std::size_t>(v)];
            const std::int32_t around = s_.start[static_cast<std::size_t>(v) + 1] - begin;
            if (around == 0) {
                found_.add(fault::unused_vertex, v);
                continue;
            }
            const std::int32_t first = s_.out[static_cast<std::size_t>(begin)];
            std::int32_t half = first, steps = 0;
            do {
                half = s_.twin[static_cast<std::size_t>(previous(half))];
                ++steps;
            } while (half != first && steps <= around);
            if (steps != around) found_.add(fault::pinched_vertex, v);
        }
    }

    // A vertex belongs to one solid, and no solid has two vertices at one place: otherwise whoever merges
    // vertices by position (every viewer) makes an edge of four faces out of it.
    void check_places() {
        s_.vertex_solid.assign(static_cast<std::size_t>(vertices_), -1);
        for (std::int32_t h = 0; h < 3 * triangles_; ++h) {
            auto& mine = s_.vertex_solid[static_cast<std::size_t>(origin(h))];
            if (mine >= 0 && mine != solid(h / 3)) found_.add(fault::mixed_solid, origin(h));
            mine = solid(h / 3);
        }
        s_.order.resize(static_cast<std::size_t>(vertices_));
        std::iota(s_.order.begin(), s_.order.end(), 0);
        const auto less = [this](std::int32_t v, std::int32_t w) {
            const GridPoint a = point(v), b = point(w);
            if (a.x != b.x) return a.x < b.x;
            if (a.y != b.y) return a.y < b.y;
            if (a.z != b.z) return a.z < b.z;
            const auto sa = s_.vertex_solid[static_cast<std::size_t>(v)],
                       sb = s_.vertex_solid[static_cast<std::size_t>(w)];
            return sa != sb ? sa < sb : v < w;
        };
        std::sort(s_.order.begin(), s_.order.end(), less);
        for (std::size_t i = 1; i < s_.order.size(); ++i) {
            const std::int32_t v = s_.order[i - 1], w = s_.order[i];
            if (length2(v, w) == 0 &&
                s_.vertex_solid[static_cast<std::size_t>(v)] == s_.vertex_solid[static_cast<std::size_t>(w)])
                found_.add(fault::coincident_vertices, w);
        }
    }

    // Sums six times the volume against the solid's own first corner, so that 33-bit differences suffice:
    // 102 bits a term, 2^25 terms before 128 run out.
    void check_volume() {
        s_.order.resize(static_cast<std::size_t>(triangles_));
        std::iota(s_.order.begin(), s_.order.end(), 0);
        std::stable_sort(s_.order.begin(), s_.order.end(),
                         [this](std::int32_t a, std::int32_t b) { return solid(a) < solid(b); });
        Wide total = 0;
        for (std::size_t i = 0; i < s_.order.size();) {
            const std::int32_t id = solid(s_.order[i]);
            const GridPoint o = point(tri_[3 * s_.order[i]]);
            Wide sum = 0;
            for (; i < s_.order.size() && solid(s_.order[i]) == id; ++i) {
                const GridPoint a = point(tri_[3 * s_.order[i]]);
                const Normal n = normal(s_.order[i]);
                sum += n.x * (std::int64_t{a.x} - o.x) + n.y * (std::int64_t{a.y} - o.y) +
                       n.z * (std::int64_t{a.z} - o.z);
            }
            if (id < 0) found_.add(fault::bad_index, id);
            if (sum <= 0) found_.add(fault::not_positive, id);
            total += sum;
        }
        found_.volume = static_cast<double>(total) / 6.0 * all_.grid * all_.grid * all_.grid;
    }

    // Two solids of a building may touch (that is why they are two); they may not enter each other.
    void check_crossings() {
        for_near_triangles(xyz_, tri_, triangles_, [this](std::int32_t s, std::int32_t t) {
            const GridPoint a[3] = {point(tri_[3 * s]), point(tri_[3 * s + 1]), point(tri_[3 * s + 2])};
            const GridPoint b[3] = {point(tri_[3 * t]), point(tri_[3 * t + 1]), point(tri_[3 * t + 2])};
            if (solid(s) == solid(t)) {
                if (triangles_cross(a, b)) found_.add(fault::self_intersection, t);
            } else if (triangles_pierce(a, b)) {
                found_.add(fault::solids_cross, t);
            }
        });
    }
};

bool stopped(const CheckOptions& options) {
    return options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed);
}

}  // namespace

SolidsView view_of(const Solids& s) {
    SolidsView v;
    v.grid = s.grid;
    v.buildings = static_cast<std::int64_t>(s.status.size());
    v.vertex_count = static_cast<std::int64_t>(s.vertices.size() / 3);
    v.triangle_count = static_cast<std::int64_t>(s.triangles.size() / 3);
    v.face_count = static_cast<std::int64_t>(s.face_solid.size());
    v.ring_count = s.ring_offsets.empty() ? 0 : static_cast<std::int64_t>(s.ring_offsets.size()) - 1;
    v.ring_vertex_count = static_cast<std::int64_t>(s.ring_vertices.size());
    v.vertex_offsets = s.vertex_offsets.data();
    v.vertices = s.vertices.data();
    v.triangle_offsets = s.triangle_offsets.data();
    v.triangles = s.triangles.data();
    v.triangle_face = s.triangle_face.data();
    v.face_offsets = s.face_offsets.data();
    v.face_solid = s.face_solid.data();
    const bool has_rings = s.face_ring_offsets.size() == s.face_solid.size() + 1 && v.ring_count > 0;
    v.face_ring_offsets = has_rings ? s.face_ring_offsets.data() : nullptr;
    v.ring_offsets = s.ring_offsets.data();
    v.ring_vertices = s.ring_vertices.data();
    v.status = s.status.data();
    return v;
}

CheckResult check_solids(const SolidsView& solids, const CheckOptions& options) {
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(solids.buildings, 0));
    CheckResult result;
    result.faults.resize(count);
    result.element.assign(count, -1);
    result.volume.resize(count);
    result.deviation.resize(count);
    std::atomic<std::size_t> cursor{0};
    constexpr std::size_t batch = 64;
    const auto work = [&] {
        Scratch scratch;
        for (std::size_t begin = cursor.fetch_add(batch); begin < count && !stopped(options);
             begin = cursor.fetch_add(batch)) {
            for (std::size_t b = begin; b < std::min(begin + batch, count); ++b) {
                const Finding f = Building(solids, options, static_cast<std::int64_t>(b), scratch).check();
                result.faults[b] = f.faults;
                result.element[b] = f.element;
                result.volume[b] = f.volume;
                result.deviation[b] = f.deviation;
            }
        }
    };
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const int wanted = options.threads > 0 ? options.threads : cores;
    std::vector<std::thread> helpers;
    for (int i = 1; i < wanted && static_cast<std::size_t>(i) * batch < count; ++i)
        helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
    result.cancelled = stopped(options);
    return result;
}

}  // namespace geovision
