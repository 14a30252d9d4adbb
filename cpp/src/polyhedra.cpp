// The driver of the checker of polyhedra: cuts the list into primitives and groups, on several threads.
#include "geovision/polyhedra.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "geovision/parallel.hpp"
#include "polyhedra_core.hpp"

namespace geovision {
namespace {

using namespace polyhedra;

constexpr std::int64_t widest = 1000000000;  // steps: what 32-bit differences and the triangulator bear
constexpr std::int64_t block_size = 32;      // groups

struct Sink {
    std::vector<double>&normals, &volume, &deviation;
};

class Worker {
public:
    Worker(const PolyhedraView& view, const PolyhedraOptions& options, Sink sink)
        : view_(view), options_(options), sink_(sink) {}

    // Primitives [first, last) are one group.
    void run(std::int64_t first, std::int64_t last, std::vector<PolyhedraFinding>& findings) {
        const Context context{view_, options_, findings};
        bodies_.clear();
        for (std::int64_t p = first; p < last; ++p) {
            Body body;
            body.primitive = p;
            check(context, body);
            sink_.volume[std::size_t(p)] = body.sound ? body.volume : 0.0;
            sink_.deviation[std::size_t(p)] = body.deviation;
            if (last - first > 1) bodies_.push_back(std::move(body));
        }
        if (last - first > 1) check_group(context, bodies_);
    }

private:
    void check(const Context& context, Body& body) {
        const PolyhedraView& v = view_;
        const std::int64_t first = v.shell_offsets[v.primitive_offsets[body.primitive]],
                           last = v.shell_offsets[v.primitive_offsets[body.primitive + 1]];
        if (first == last) {
            context.add(body, code::empty, -1, -1, 0.0);
            return;
        }
        if (!localise(context, body, first, last)) return;
        PolygonChecker polygons(context);
        for (std::int64_t s = v.primitive_offsets[body.primitive];
             s < v.primitive_offsets[body.primitive + 1]; ++s) {
            body.shell_begin.push_back(body.triangles.size() / 3);
            for (std::int64_t p = v.shell_offsets[s]; p < v.shell_offsets[s + 1]; ++p) {
                set_normal(body, p);
                polygons.check(body, p);
            }
        }
        body.shell_begin.push_back(body.triangles.size() / 3);
        if (body.sound && PrimitiveKind(v.kind[body.primitive]) != PrimitiveKind::multi_surface)
            check_shells(context, body);
    }

    // Gives every place of the primitive one number, counted from its lowest corner.
    bool localise(const Context& context, Body& body, std::int64_t first, std::int64_t last) {
        const PolyhedraView& v = view_;
        const std::int64_t from = v.ring_offsets[v.polygon_offsets[first]],
                           to = v.ring_offsets[v.polygon_offsets[last]];
        body.first_corner = from;
        std::int64_t low[3] = {INT64_MAX, INT64_MAX, INT64_MAX}, high[3] = {INT64_MIN, INT64_MIN, INT64_MIN};
        for (std::int64_t i = from; i < to; ++i) {
            const std::int64_t id = v.ring_vertices[i];
            if (id < 0 || id >= v.vertex_count) {
                context.add(body, code::bad_index, polygon_at(first, last, i), -1, static_cast<double>(id));
                return false;
            }
            for (int k = 0; k < 3; ++k) {
                low[k] = std::min(low[k], v.vertices[3 * id + k]);
                high[k] = std::max(high[k], v.vertices[3 * id + k]);
            }
        }
        for (int k = 0; k < 3 && from < to; ++k) {
            // Unsigned: the difference of two int64 may be more than one holds.
            const auto span = static_cast<std::uint64_t>(high[k]) - static_cast<std::uint64_t>(low[k]);
            if (span > static_cast<std::uint64_t>(widest)) {
                context.add(body, code::too_wide, -1, v.ring_vertices[from],
                            static_cast<double>(span) * v.grid);
                return false;
            }
        }
        weld(body, from, to, low);
        return true;
    }

    std::int64_t polygon_at(std::int64_t first, std::int64_t last, std::int64_t corner) const {
        while (first + 1 < last && view_.ring_offsets[view_.polygon_offsets[first + 1]] <= corner) ++first;
        return first;
    }

    void weld(Body& body, std::int64_t from, std::int64_t to, const std::int64_t (&low)[3]) {
        const auto count = static_cast<std::size_t>(to - from);
        places_.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            const std::int64_t id = view_.ring_vertices[from + std::int64_t(i)];
            const std::int64_t* p = view_.vertices + 3 * id;
            places_[i] = {{static_cast<std::int32_t>(p[0] - low[0]), static_cast<std::int32_t>(p[1] - low[1]),
                           static_cast<std::int32_t>(p[2] - low[2])},
                          id,
                          static_cast<std::int32_t>(i)};
        }
        std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
            if (a.p.x != b.p.x) return a.p.x < b.p.x;
            if (a.p.y != b.p.y) return a.p.y < b.p.y;
            if (a.p.z != b.p.z) return a.p.z < b.p.z;
            return a.corner < b.corner;
        });
        body.ring.resize(count);
        const double reach = options_.snap / view_.grid;
        for (const Place& place : places_) {
            std::int32_t found = -1;
            // Points of one place first; where the grid is finer than the tolerance, near ones too.
            for (auto k = static_cast<std::int32_t>(body.points.size()) - 1; k >= 0; --k) {
                const GridPoint& q = body.points[std::size_t(k)];
                const double dx = double(place.p.x) - q.x, dy = double(place.p.y) - q.y,
                             dz = double(place.p.z) - q.z;
                const double apart = dx * dx + dy * dy + dz * dz;
                if (apart == 0.0 || apart < reach * reach) {
                    found = k;
                    break;
                }
                if (reach <= 1.0 || dx >= reach) break;
            }
            if (found < 0) {
                found = static_cast<std::int32_t>(body.points.size());
                body.points.push_back(place.p);
                body.sources.push_back(place.id);
            }
            body.ring[std::size_t(place.corner)] = found;
        }
    }

    // Newell's area vector over all rings; holes run the other way and so count against it.
    void set_normal(const Body& body, std::int64_t polygon) {
        double sum[3] = {};
        const PolyhedraView& v = view_;
        for (std::int64_t r = v.polygon_offsets[polygon]; r < v.polygon_offsets[polygon + 1]; ++r) {
            const std::int64_t n = v.ring_offsets[r + 1] - v.ring_offsets[r];
            const std::int32_t* ring = body.ring.data() + (v.ring_offsets[r] - body.first_corner);
            if (n < 3) continue;
            const GridPoint& o = body.points[std::size_t(ring[0])];
            for (std::int64_t i = 1; i + 1 < n; ++i) {
                const GridPoint &p = body.points[std::size_t(ring[i])],
                                &q = body.points[std::size_t(ring[i + 1])];
                const double a[3] = {double(p.x) - o.x, double(p.y) - o.y, double(p.z) - o.z};
                const double b[3] = {double(q.x) - o.x, double(q.y) - o.y, double(q.z) - o.z};
                for (int k = 0; k < 3; ++k)
                    sum[k] += a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3];
            }
        }
        for (std::size_t k = 0; k < 3; ++k)
            sink_.normals[3 * std::size_t(polygon) + k] = sum[k] / 2.0 * v.grid * v.grid;
    }

    struct Place {
        GridPoint p;
        std::int64_t id;
        std::int32_t corner;
    };

    const PolyhedraView& view_;
    const PolyhedraOptions& options_;
    Sink sink_;
    std::vector<Body> bodies_;
    std::vector<Place> places_;
};

// Where each run of primitives with one group number begins, and the end of the last.
std::vector<std::int64_t> groups_of(const PolyhedraView& view) {
    std::vector<std::int64_t> begin;
    for (std::int64_t p = 0; p < view.primitives; ++p) {
        if (p == 0 || view.group[p] < 0 || view.group[p] != view.group[p - 1]) begin.push_back(p);
    }
    begin.push_back(view.primitives);
    return begin;
}

}  // namespace

PolyhedraResult check_polyhedra(const PolyhedraView& view, const PolyhedraOptions& options) {
    PolyhedraResult result;
    const std::int64_t polygons =
        view.primitives > 0 ? view.shell_offsets[view.primitive_offsets[view.primitives]] : 0;
    result.normals.assign(3 * static_cast<std::size_t>(polygons), 0.0);
    result.volume.assign(static_cast<std::size_t>(view.primitives), 0.0);
    result.deviation.assign(static_cast<std::size_t>(view.primitives), 0.0);
    const std::vector<std::int64_t> begin = groups_of(view);
    const auto groups = static_cast<std::int64_t>(begin.size()) - 1;
    const std::int64_t blocks = (groups + block_size - 1) / block_size;
    std::vector<std::vector<PolyhedraFinding>> found(static_cast<std::size_t>(blocks));
    const Sink sink{result.normals, result.volume, result.deviation};
    const bool done = parallel_blocks(blocks, options.threads, options.cancel, [&] {
        return [&, worker = Worker(view, options, sink)](std::int64_t block) mutable {
            for (std::int64_t g = block * block_size; g < std::min(groups, (block + 1) * block_size); ++g)
                worker.run(begin[std::size_t(g)], begin[std::size_t(g) + 1], found[std::size_t(block)]);
        };
    });
    result.cancelled = !done;
    for (const auto& block : found) result.findings.insert(result.findings.end(), block.begin(), block.end());
    return result;
}

}  // namespace geovision
