// Solids: orientation, cavities, and solids beside each other.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "check_sweep.hpp"
#include "polyhedra_core.hpp"

namespace geovision::polyhedra {
namespace {

// Metres inside a face at which another solid must not be found: noise of the file's grid is less.
constexpr double nudge = 0.005;

// Six times the volume, in steps.
Wide six_volumes(const Triangles& shell) {
    Wide sum = 0;
    GridPoint p[3];
    for (std::size_t t = shell.begin; t < shell.end; ++t) {
        shell.corners(t, p);
        // Points are counted from the body's corner, below 2^30: a term takes 93 bits.
        const auto minor = [&](std::int32_t GridPoint::* u, std::int32_t GridPoint::* v) {
            return Wide{p[1].*u} * (p[2].*v) - Wide{p[1].*v} * (p[2].*u);
        };
        sum += p[0].x * minor(&GridPoint::y, &GridPoint::z) + p[0].y * minor(&GridPoint::z, &GridPoint::x) +
               p[0].z * minor(&GridPoint::x, &GridPoint::y);
    }
    return sum;
}

// How often a closed shell winds round a place, from the solid angles of its triangles: 1 inside of an
// outer shell, 0 outside. In doubles; places on the shell give something between. An angle is the argument of
// a complex number, and their sum that of the product with the turns it has made: one atan2 for all.
double winding(const Triangles& shell, const double (&place)[3]) {
    struct Ray {
        double x, y, z, length;
    };
    std::vector<Ray> rays;
    rays.reserve(shell.body.points.size());
    for (const GridPoint& p : shell.body.points) {
        const double x = p.x - place[0], y = p.y - place[1], z = p.z - place[2];
        rays.push_back({x, y, z, std::sqrt(x * x + y * y + z * z)});
    }
    const auto dot = [](const Ray& a, const Ray& b) { return a.x * b.x + a.y * b.y + a.z * b.z; };
    double real = 1.0, imaginary = 0.0;
    int turns = 0;
    for (std::size_t t = shell.begin; t < shell.end; ++t) {
        const std::int32_t* corner = shell.at(t);
        const Ray &a = rays[std::size_t(corner[0])], &b = rays[std::size_t(corner[1])],
                  &c = rays[std::size_t(corner[2])];
        double det =
            a.x * (b.y * c.z - b.z * c.y) + a.y * (b.z * c.x - b.x * c.z) + a.z * (b.x * c.y - b.y * c.x);
        double rest = a.length * b.length * c.length + dot(a, b) * c.length + dot(b, c) * a.length +
                      dot(c, a) * b.length;
        const double size = std::fabs(det) + std::fabs(rest);
        if (!(size > 0.0)) continue;
        det /= size, rest /= size;
        const double next = real * det + imaginary * rest;
        if (imaginary >= 0.0 && det >= 0.0 && next < 0.0) ++turns;
        if (imaginary < 0.0 && det < 0.0 && next >= 0.0) --turns;
        real = real * rest - imaginary * det;
        imaginary = next;
        const double shrink = std::fabs(real) + std::fabs(imaginary);
        real /= shrink, imaginary /= shrink;
    }
    constexpr double half_turn = 3.14159265358979323846;
    return (std::atan2(imaginary, real) + 2.0 * half_turn * turns) / (2.0 * half_turn);
}

// The same from what lies above the place; nothing where an edge or a face passes within a step of that line
// or of the place, so that roundings could decide.
std::optional<int> faces_above(const Triangles& shell, const double (&place)[3]) {
    int sum = 0;
    GridPoint p[3];
    for (std::size_t t = shell.begin; t < shell.end; ++t) {
        shell.corners(t, p);
        const auto [west, east] = std::minmax({p[0].x, p[1].x, p[2].x});
        if (place[0] < west - 1.0 || place[0] > east + 1.0) continue;
        const auto [south, north] = std::minmax({p[0].y, p[1].y, p[2].y});
        if (place[1] < south - 1.0 || place[1] > north + 1.0) continue;
        if (double(std::max({p[0].z, p[1].z, p[2].z})) < place[2] - 1.0) continue;
        // An upright face is a line in plan, and an edge of it a point.
        double side[3], area = 0.0;
        bool near = false;
        for (std::size_t k = 0; k < 3; ++k) {
            const GridPoint &a = p[(k + 1) % 3], &b = p[(k + 2) % 3];
            const double dx = double(b.x) - a.x, dy = double(b.y) - a.y;
            side[k] = dx * (place[1] - a.y) - dy * (place[0] - a.x);
            const double reach = std::fabs(dx) + std::fabs(dy);
            near = near || (reach > 0.0 && std::fabs(side[k]) <= reach);
            area += side[k];
        }
        if (near) return std::nullopt;
        const bool left = area > 0.0;
        if ((side[0] > 0.0) != left || (side[1] > 0.0) != left || (side[2] > 0.0) != left) continue;
        const double z = (side[0] * p[0].z + side[1] * p[1].z + side[2] * p[2].z) / area;
        if (std::fabs(z - place[2]) <= 1.0) return std::nullopt;
        if (z > place[2]) sum += left ? 1 : -1;
    }
    return sum;
}

bool lies_in(const Triangles& shell, const double (&place)[3]) {
    const std::optional<int> sum = faces_above(shell, place);
    return sum ? *sum != 0 : std::fabs(winding(shell, place)) > 0.5;
}

// A place beside the middle of a triangle, `depth` steps to its inside (negative: outside).
bool beside(const Triangles& shell, std::size_t t, double depth, double (&place)[3]) {
    GridPoint p[3];
    shell.corners(t, p);
    const double u[3] = {double(p[1].x) - p[0].x, double(p[1].y) - p[0].y, double(p[1].z) - p[0].z};
    const double v[3] = {double(p[2].x) - p[0].x, double(p[2].y) - p[0].y, double(p[2].z) - p[0].z};
    const double n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
    const double length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    if (!(length > 0.0)) return false;
    place[0] = (double(p[0].x) + p[1].x + p[2].x) / 3.0 - depth * n[0] / length;
    place[1] = (double(p[0].y) + p[1].y + p[2].y) / 3.0 - depth * n[1] / length;
    place[2] = (double(p[0].z) + p[1].z + p[2].z) / 3.0 - depth * n[2] / length;
    return true;
}

struct Span {
    double low[3], high[3];

    explicit Span(const Triangles& shell) : low{1e300, 1e300, 1e300}, high{-1e300, -1e300, -1e300} {
        for (std::size_t i = 3 * shell.begin; i < 3 * shell.end; ++i) {
            const GridPoint& p = shell.body.points[std::size_t(shell.body.triangles[i])];
            const double c[3] = {double(p.x), double(p.y), double(p.z)};
            for (int k = 0; k < 3; ++k) low[k] = std::min(low[k], c[k]), high[k] = std::max(high[k], c[k]);
        }
    }
    bool holds(const double (&c)[3], const double (&shift)[3]) const {
        for (int k = 0; k < 3; ++k)
            if (c[k] + shift[k] < low[k] || c[k] + shift[k] > high[k]) return false;
        return true;
    }
};

// Whether a place beside some face of `mine` lies in `other`, whose points are counted from `shift` away.
bool reaches_into(const Triangles& mine, const Triangles& other, double depth, const double (&shift)[3]) {
    const Span span(other);
    for (std::size_t t = mine.begin; t < mine.end; ++t) {
        double place[3];
        if (!beside(mine, t, depth, place) || !span.holds(place, shift)) continue;
        const double moved[3] = {place[0] + shift[0], place[1] + shift[1], place[2] + shift[2]};
        if (lies_in(other, moved)) return true;
    }
    return false;
}

using Box = TriangleBox;

Box moved_box(const GridPoint (&p)[3]) {
    Box box;
    const std::int32_t c[3][3] = {
        {p[0].x, p[1].x, p[2].x}, {p[0].y, p[1].y, p[2].y}, {p[0].z, p[1].z, p[2].z}};
    for (int k = 0; k < 3; ++k) {
        box.low[k] = std::min({c[k][0], c[k][1], c[k][2]});
        box.high[k] = std::max({c[k][0], c[k][1], c[k][2]});
    }
    return box;
}

Box box_of_all(const std::vector<Box>& boxes) {
    Box whole = boxes.front();
    for (const Box& box : boxes) {
        for (int k = 0; k < 3; ++k) {
            whole.low[k] = std::min(whole.low[k], box.low[k]);
            whole.high[k] = std::max(whole.high[k], box.high[k]);
        }
    }
    return whole;
}

bool pierced(const Triangles& mine, const Triangles& other, const std::int32_t (&shift)[3]) {
    std::vector<Box> boxes;
    GridPoint p[3], q[3];
    for (std::size_t t = other.begin; t < other.end; ++t) {
        other.corners(t, q);
        boxes.push_back(moved_box(q));
    }
    const Box whole = box_of_all(boxes);
    for (std::size_t s = mine.begin; s < mine.end; ++s) {
        mine.corners(s, p);
        for (GridPoint& c : p) c = {c.x + shift[0], c.y + shift[1], c.z + shift[2]};
        const Box box = moved_box(p);
        if (!box.meets(whole)) continue;
        for (std::size_t t = 0; t < boxes.size(); ++t) {
            if (!box.meets(boxes[t])) continue;
            other.corners(other.begin + t, q);
            if (triangles_pierce(p, q)) return true;
        }
    }
    return false;
}

using Places = std::vector<std::array<std::int64_t, 3>>;

Places places(const Context& c, const Triangles& shell) {
    Places out;
    for (std::size_t i = 3 * shell.begin; i < 3 * shell.end; ++i) {
        const std::int64_t* v =
            c.view.vertices + 3 * shell.body.sources[std::size_t(shell.body.triangles[i])];
        out.push_back({v[0], v[1], v[2]});
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// One of several in a group, with what is asked of it for each of the others.
struct Solid {
    Solid(const Context& context, const Body& of)
        : body(of), shell(shell_of(of, 0)), places(polyhedra::places(context, shell)), span(shell) {
        const std::int64_t* first = context.view.vertices + 3 * of.sources[0];
        corner = {first[0] - of.points[0].x, first[1] - of.points[0].y, first[2] - of.points[0].z};
    }

    // Whether their boxes are further apart than `least` steps, or so far that offsets have no room.
    bool apart(const Solid& other, double least) const {
        for (std::size_t k = 0; k < 3; ++k) {
            const auto offset = corner[k] - other.corner[k];
            if (std::abs(offset) >= 1000000000) return true;
            const auto shift = static_cast<double>(offset);
            if (span.low[k] + shift > other.span.high[k] + least) return true;
            if (span.high[k] + shift < other.span.low[k] - least) return true;
        }
        return false;
    }

    const Body& body;
    Triangles shell;
    Places places;
    Span span;
    std::array<std::int64_t, 3> corner;
};

}  // namespace

void check_solid(const Context& context, Body& body) {
    const double steps = nudge / context.view.grid;
    const double here[3] = {0.0, 0.0, 0.0};
    const std::int32_t still[3] = {0, 0, 0};
    const std::size_t shells = body.shell_begin.size() - 1;
    Wide total = 0;
    const auto say = [&](std::int32_t what, std::size_t s) {
        const std::size_t t = body.shell_begin[s];
        context.add(body, what, body.triangle_polygon[t], body.sources[std::size_t(body.triangles[3 * t])],
                    1.0);
    };
    for (std::size_t s = 0; s < shells; ++s) {
        const Wide volume = six_volumes(shell_of(body, s));
        total += volume;
        if (s == 0 ? volume <= 0 : volume >= 0) say(code::shell_orientation, s);
    }
    if (!body.sound) return;
    for (std::size_t s = 1; s < shells && body.sound; ++s) {
        const Triangles mine = shell_of(body, s);
        for (std::size_t q = 0; q < s && body.sound; ++q) {
            const Triangles other = shell_of(body, q);
            if (places(context, mine) == places(context, other)) {
                say(code::duplicated_shells, s);
            } else if (pierced(mine, other, still)) {
                say(code::shells_cross, s);
            } else if (q == 0) {
                // An inner shell faces its own inside: out of the cavity is into the solid.
                if (!reaches_into(mine, other, -steps, here)) say(code::inner_shell_outside, s);
            } else if (reaches_into(mine, other, -steps, here) || reaches_into(other, mine, -steps, here)) {
                say(code::shells_cross, s);
            }
        }
    }
    const double grid = context.view.grid;
    body.volume = static_cast<double>(total) / 6.0 * grid * grid * grid;
}

void check_group(const Context& context, const std::vector<Body>& bodies) {
    const double steps = nudge / context.view.grid;
    std::vector<Solid> solids;
    for (const Body& body : bodies)
        if (body.sound && !body.triangles.empty()) solids.emplace_back(context, body);
    for (std::size_t i = 1; i < solids.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const Solid &a = solids[i], &b = solids[j];
            // Most stand apart; those that do by more than the nudge have nothing to do with each other.
            if (a.apart(b, steps)) continue;
            std::int32_t shift[3];
            double there[3], back[3];
            for (std::size_t k = 0; k < 3; ++k) {
                const std::int64_t offset = a.corner[k] - b.corner[k];
                shift[k] = static_cast<std::int32_t>(offset);
                there[k] = static_cast<double>(offset);
                back[k] = -there[k];
            }
            const auto say = [&](std::int32_t what) {
                context.findings.push_back({a.body.primitive, what, a.body.triangle_polygon[0],
                                            a.body.sources[0], b.body.primitive, 1.0});
            };
            if (a.places == b.places) {
                say(code::duplicated_solids);
            } else if (pierced(a.shell, b.shell, shift) || reaches_into(a.shell, b.shell, steps, there) ||
                       reaches_into(b.shell, a.shell, steps, back)) {
                say(code::solids_overlap);
            }
        }
    }
}

}  // namespace geovision::polyhedra
