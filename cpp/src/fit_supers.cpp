#include "geovision/fit_supers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "geovision/segment.hpp"
#include "geovision/wide.hpp"

namespace geovision::fit {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double least_over = 0.2;   // metres square to the roof that a point must lie above it
constexpr double most_over = 6;      // and at most: what is higher is a tree or a mast
constexpr double steep_roof = 0.15;  // rise per metre from which dormers make sense
constexpr double buried = 0.1;       // metres that a dormer runs on under the roof
constexpr double margin = 0.7;       // metres round a shape whose points it is judged by
constexpr double least_side = 0.4, least_height = 0.3;
constexpr double least_dormer = 1.2;  // metres wide; what is narrower is a chimney
constexpr double chimney_area = 1.6;  // square metres; larger ones are boxes
constexpr int least_members = 5;

double quantile(std::vector<double>& values, double share) {
    const auto at = values.begin() + std::ptrdiff_t(share * double(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

bool is_dormer(SuperKind kind) {
    return kind == SuperKind::dormer_flat || kind == SuperKind::dormer_shed ||
           kind == SuperKind::dormer_gable;
}

double to_ring(const Ring& ring, double x, double y) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % ring.size()];
        const double dx = b.x - a.x, dy = b.y - a.y, l2 = dx * dx + dy * dy;
        const double t = l2 > 0 ? std::clamp(((x - a.x) * dx + (y - a.y) * dy) / l2, 0.0, 1.0) : 0;
        const double ex = x - a.x - t * dx, ey = y - a.y - t * dy;
        least = std::min(least, ex * ex + ey * ey);
    }
    return std::sqrt(least);
}

}  // namespace

int SuperSearch::free_count(SuperKind kind) {
    switch (kind) {
        case SuperKind::parapet:
            return 2;
        case SuperKind::dormer_flat:
            return 4;  // it ends where its roof meets the slope
        default:
            return 5;
    }
}

double SuperSearch::nats(double distance2) const {
    return std::min(0.5 * distance2 / (sigma_ * sigma_), o_.outlier_nats);
}

// A wall along the edge of a part: the points near the edge say how thick and how high.
void SuperSearch::parapet(const std::vector<Ring>& rings, std::int32_t part, std::vector<RoofedPoint>& points,
                          std::vector<Superstructure>& out) {
    constexpr double widest = 0.8, lowest = 0.15, highest = 2.5;
    std::vector<std::pair<double, std::size_t>> near;  // distance from the edge, point
    std::vector<double> heights;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Vec p : rings[0]) low = std::min({low, p.x, p.y}), high = std::max({high, p.x, p.y});
    for (std::size_t i = 0; i < points.size(); ++i) {
        double distance = widest;
        for (const Ring& ring : rings) distance = std::min(distance, to_ring(ring, points[i].x, points[i].y));
        if (distance >= widest) continue;
        near.push_back({distance, i});
        const double over = points[i].z - points[i].roof();
        if (distance < 0.3 && over > lowest && over < highest) heights.push_back(over);
    }
    if (int(heights.size()) < 2 * least_members) return;
    std::stable_sort(near.begin(), near.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    const double over = quantile(heights, 0.5);
    double sum = 0, most = 0, thickness = 0;
    for (std::size_t k = 0; k + 1 < near.size(); ++k) {
        const RoofedPoint& p = points[near[k].second];
        const double above = p.z - p.roof();
        sum += nats(above * above) - nats((above - over) * (above - over));
        if (sum > most) most = sum, thickness = 0.5 * (near[k].first + near[k + 1].first);
    }
    const double price = free_count(SuperKind::parapet) * o_.parameter_nats + o_.kind_nats;
    if (weight_ * most <= price || thickness < 0.1) return;
    Superstructure wall{};
    wall.kind = SuperKind::parapet, wall.part = part;
    wall.saved = weight_ * most, wall.price = price;
    std::fill(wall.slot, wall.slot + super_slots, std::numeric_limits<double>::quiet_NaN());
    const double top = points[near[0].second].roof() + over;
    wall.slot[super_width] = thickness, wall.slot[super_top] = top;
    for (const auto& [distance, i] : near)
        if (distance < thickness) points[i].a = points[i].b = 0, points[i].c = top;
    out.push_back(wall);
}

// Points above the roof that are near one another in plan and in height.
void SuperSearch::group(const std::vector<RoofedPoint>& points) {
    groups_.clear();
    std::vector<std::int32_t> above;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const RoofedPoint& p = points[i];
        const double over = p.z - p.roof();
        if (over < most_over && over > least_over * std::sqrt(1 + p.a * p.a + p.b * p.b))
            above.push_back(std::int32_t(i));
    }
    if (int(above.size()) < least_members) return;
    const double reach = std::clamp(2.5 * spacing_, 0.5, 1.5);
    // Cells as wide as the reach; neighbours are in the nine round a point's own.
    std::vector<std::pair<std::int64_t, std::int32_t>> cells;
    const auto key = [&](double x, double y) {
        return std::int64_t(std::floor(x / reach)) * (std::int64_t{1} << 32) +
               std::int64_t(std::floor(y / reach));
    };
    for (const std::int32_t i : above)
        cells.push_back({key(points[std::size_t(i)].x, points[std::size_t(i)].y), i});
    std::sort(cells.begin(), cells.end());
    std::vector<char> seen(points.size(), 0);
    std::vector<std::int32_t> open;
    for (const std::int32_t seed : above) {
        if (seen[std::size_t(seed)]) continue;
        seen[std::size_t(seed)] = 1;
        open.assign(1, seed);
        for (std::size_t k = 0; k < open.size(); ++k) {
            const RoofedPoint& p = points[std::size_t(open[k])];
            for (int dx = -1; dx <= 1; ++dx)
                for (int dy = -1; dy <= 1; ++dy) {
                    const std::int64_t at = key(p.x + dx * reach, p.y + dy * reach);
                    for (auto c =
                             std::lower_bound(cells.begin(), cells.end(), std::pair(at, std::int32_t(0)));
                         c != cells.end() && c->first == at; ++c) {
                        const auto j = std::size_t(c->second);
                        if (seen[j]) continue;
                        const double d2 = (points[j].x - p.x) * (points[j].x - p.x) +
                                          (points[j].y - p.y) * (points[j].y - p.y);
                        if (d2 > reach * reach || std::abs(points[j].z - p.z) > 0.25 + 0.7 * std::sqrt(d2))
                            continue;
                        seen[j] = 1;
                        open.push_back(c->second);
                    }
                }
        }
        if (int(open.size()) < least_members) continue;
        std::sort(open.begin(), open.end());
        groups_.push_back(open);
    }
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    if (int(groups_.size()) > 2 * o_.most) groups_.resize(std::size_t(2 * o_.most));
}

// A first shape from the extent of the points above the roof.
void SuperSearch::start(SuperKind kind, const std::vector<RoofedPoint>& points,
                        const std::vector<std::int32_t>& members, Shape& shape) const {
    std::vector<double> u, v, z;
    const Vec right{-frame_.out.y, frame_.out.x};
    for (const std::int32_t i : members) {
        const RoofedPoint& p = points[std::size_t(i)];
        u.push_back(p.x * right.x + p.y * right.y);
        v.push_back(-p.x * frame_.out.x - p.y * frame_.out.y);
        z.push_back(p.z);
    }
    const double rim = 0.3 * spacing_;
    shape = Shape();
    shape.kind = kind;
    shape.left = quantile(u, 0.04) - rim, shape.right = quantile(u, 0.96) + rim;
    shape.front = quantile(v, 0.04) - rim, shape.back = quantile(v, 0.96) + rim;
    const double middle = quantile(z, 0.5);
    shape.eave = shape.top = middle;
    if (kind == SuperKind::dormer_gable) {
        shape.eave = quantile(z, 0.15), shape.top = std::max(quantile(z, 0.92), shape.eave + 0.2);
    } else if (kind == SuperKind::dormer_shed) {
        const double climb = 0.3 * frame_.rise * (shape.back - shape.front);
        shape.eave = middle - climb / 2, shape.top = middle + climb / 2;
    }
    close(shape);
}

// Where a dormer ends: a little behind the line in which its highest edge runs into the slope. Chimneys and
// boxes end where their points do.
void SuperSearch::close(Shape& shape) const {
    if (!is_dormer(shape.kind)) return;
    const double depth = std::max(shape.back - shape.front, 0.1);
    const double own = shape.kind == SuperKind::dormer_shed ? (shape.top - shape.eave) / depth : 0;
    const double high = shape.kind == SuperKind::dormer_gable ? shape.top : shape.eave;
    const double sill = frame_.level + frame_.rise * shape.front;
    const double slower = std::max(frame_.rise - own, 0.05);
    const double meets = std::max(0.1, (high - sill) / slower) + buried;
    // Past the ridge nothing meets it any more.
    const double back = std::max(shape.front + 0.2, std::min(shape.front + meets, frame_.ridge + spacing_));
    if (shape.kind == SuperKind::dormer_shed) shape.top = shape.eave + own * (back - shape.front);
    shape.back = back;
}

bool SuperSearch::sensible(const Shape& s) const {
    const double width = s.right - s.left, depth = s.back - s.front;
    const double sill = frame_.level + frame_.rise * s.front;
    if (!is_dormer(s.kind)) return std::min(width, depth) >= least_side;
    if (width < least_dormer || depth < least_dormer / 2 || s.eave < sill + least_height) return false;
    if (s.kind == SuperKind::dormer_gable) return s.top > s.eave + 0.1 && s.top - s.eave < 0.75 * width;
    if (s.kind == SuperKind::dormer_shed)
        return s.top > s.eave + 0.03 && s.top - s.eave < 0.8 * frame_.rise * depth;
    return true;
}

double SuperSearch::slope(const Shape& s) {
    if (s.kind == SuperKind::dormer_gable) return 2 * (s.top - s.eave) / (s.right - s.left);
    return s.kind == SuperKind::dormer_shed ? (s.top - s.eave) / (s.back - s.front) : 0;
}

double SuperSearch::height(const Shape& s, double u, double v) {
    if (s.kind == SuperKind::dormer_gable) return s.top - slope(s) * std::abs(u - 0.5 * (s.left + s.right));
    if (s.kind == SuperKind::dormer_shed) return s.eave + slope(s) * (v - s.front);
    return is_dormer(s.kind) ? s.eave : s.top;
}

// Misfit of the local points with the shape; reckoned no further than to `enough`.
GEOVISION_WIDE double SuperSearch::cost(const Shape& s, double enough) const {
    const double square = 1 / (1 + slope(s) * slope(s));
    double sum = 0;
    for (const Local& p : local_) {
        const double du = std::min(p.u - s.left, s.right - p.u), dv = std::min(p.v - s.front, s.back - p.v);
        const double in = std::min(du, dv);
        const double z = height(s, p.u, p.v);
        const bool covers = in >= 0 && z > p.roof;
        double d2 = covers ? (p.z - z) * (p.z - z) * square
                           : std::min((p.z - p.roof) * (p.z - p.roof) * p.square, 1e3);
        // Its walls count as well: they are as far away as the nearest edge.
        if (p.z > p.roof && p.z < z) {
            const double out = in >= 0 ? in : std::hypot(std::min(du, 0.0), std::min(dv, 0.0));
            d2 = std::min(d2, out * out);
        }
        sum += nats(d2);
        if (sum >= enough) break;
    }
    return sum;
}

// Moves one edge or height at a time, in steps that get shorter.
double SuperSearch::improve(Shape& shape) const {
    double Shape::* const moved[] = {&Shape::left, &Shape::right, &Shape::front,
                                     &Shape::eave, &Shape::top,   &Shape::back};
    double best = cost(shape, std::numeric_limits<double>::infinity());
    for (double step = 0.3; step > 0.02; step *= 0.5) {
        bool better = true;
        for (int round = 0; round < 4 && better; ++round) {
            better = false;
            for (double Shape::* const field : moved) {
                const bool unused = (field == &Shape::back && is_dormer(shape.kind)) ||
                                    (field == &Shape::top && shape.kind == SuperKind::dormer_flat) ||
                                    (field == &Shape::eave && !is_dormer(shape.kind));
                if (unused) continue;
                for (const double sign : {1.0, -1.0}) {
                    Shape trial = shape;
                    trial.*field += sign * step;
                    close(trial);
                    if (!sensible(trial)) continue;
                    const double now = cost(trial, best);
                    if (now >= best - 1e-9) continue;
                    best = now, shape = trial, better = true;
                    break;
                }
            }
        }
    }
    return best;
}

bool SuperSearch::place(std::vector<RoofedPoint>& points, const std::vector<std::int32_t>& members, Vec down,
                        Superstructure& found) {
    // The plane that most of them stand over; on a ridge it is one of the two.
    std::size_t most = 0;
    RoofedPoint below = points[std::size_t(members[0])];
    std::vector<std::pair<double, double>> slopes;
    for (const std::int32_t i : members)
        slopes.push_back({points[std::size_t(i)].a, points[std::size_t(i)].b});
    std::sort(slopes.begin(), slopes.end());
    std::pair<double, double> mode = slopes[0];
    for (std::size_t i = 0, first = 0; i < slopes.size(); ++i) {
        if (slopes[i] != slopes[first]) first = i;
        if (i - first + 1 > most) most = i - first + 1, mode = slopes[i];
    }
    for (const std::int32_t i : members) {
        const RoofedPoint& p = points[std::size_t(i)];
        if (p.a == mode.first && p.b == mode.second) {
            below = p;
            break;
        }
    }
    const double rise = norm(below.a, below.b);
    const bool sloped = rise > steep_roof;
    frame_ = Frame();
    frame_.out = sloped ? Vec{-below.a / rise, -below.b / rise} : down;
    const Vec out = frame_.out, right{-out.y, out.x};
    frame_.rise = sloped ? rise : 0;
    frame_.level = below.roof() + frame_.rise * (below.x * out.x + below.y * out.y);
    std::vector<double> v;
    for (const std::int32_t i : members)
        v.push_back(-points[std::size_t(i)].x * out.x - points[std::size_t(i)].y * out.y);
    frame_.ridge = quantile(v, 0.98);
    Shape shape;
    start(SuperKind::box, points, members, shape);
    local_.clear();
    std::vector<std::size_t> around;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const RoofedPoint& p = points[i];
        const double u = p.x * right.x + p.y * right.y, w = -p.x * out.x - p.y * out.y;
        if (u < shape.left - margin || u > shape.right + margin || w < shape.front - margin ||
            w > shape.back + margin)
            continue;
        around.push_back(i);
    }
    const std::size_t stride = std::max<std::size_t>(
        1, (around.size() + std::size_t(o_.most_points) - 1) / std::size_t(o_.most_points));
    without_ = 0;
    for (std::size_t k = 0; k < around.size(); k += stride) {
        const RoofedPoint& p = points[around[k]];
        Local l{};
        l.u = p.x * right.x + p.y * right.y, l.v = -p.x * out.x - p.y * out.y, l.z = p.z, l.roof = p.roof();
        l.square = 1 / (1 + p.a * p.a + p.b * p.b);
        without_ += nats((p.z - l.roof) * (p.z - l.roof) * l.square);
        local_.push_back(l);
    }
    const double factor = weight_ * double(stride);
    double best = 0;
    Shape chosen;
    std::vector<SuperKind> kinds{SuperKind::box};
    if (sloped)
        kinds = {SuperKind::dormer_flat, SuperKind::dormer_shed, SuperKind::dormer_gable, SuperKind::box};
    for (const SuperKind kind : kinds) {
        const double price = free_count(kind) * o_.parameter_nats + o_.kind_nats;
        start(kind, points, members, shape);
        if (!sensible(shape)) continue;
        const double gain = factor * (without_ - improve(shape)) - price;
        if (gain <= best) continue;
        best = gain, chosen = shape;
        found.saved = gain + price, found.price = price;
    }
    if (best <= 0) return false;
    for (const std::size_t i : around) {
        RoofedPoint& p = points[i];
        const double u = p.x * right.x + p.y * right.y, w = -p.x * out.x - p.y * out.y;
        const double z = height(chosen, u, w);
        if (std::min(std::min(u - chosen.left, chosen.right - u),
                     std::min(w - chosen.front, chosen.back - w)) >= 0 &&
            z > p.roof())
            p.a = p.b = 0, p.c = z;
    }
    found.kind = chosen.kind;
    const double width = chosen.right - chosen.left, depth = chosen.back - chosen.front;
    if (chosen.kind == SuperKind::box && width * depth < chimney_area) found.kind = SuperKind::chimney;
    const double u = 0.5 * (chosen.left + chosen.right);
    const double w = is_dormer(chosen.kind) ? chosen.front : 0.5 * (chosen.front + chosen.back);
    std::fill(found.slot, found.slot + super_slots, std::numeric_limits<double>::quiet_NaN());
    found.slot[super_x] = u * right.x - w * out.x, found.slot[super_y] = u * right.y - w * out.y;
    found.slot[super_azimuth] = std::fmod(std::atan2(out.x, out.y) * 180 / pi + 360, 360);
    found.slot[super_width] = width, found.slot[super_depth] = depth;
    if (is_dormer(chosen.kind)) found.slot[super_eave] = chosen.eave;
    if (chosen.kind != SuperKind::dormer_flat) found.slot[super_top] = chosen.top;
    return true;
}

void SuperSearch::run(const std::vector<Ring>& rings, Vec down, bool flat, std::int32_t part, double sigma,
                      const SuperOptions& options, std::vector<RoofedPoint>& points,
                      std::vector<Superstructure>& out) {
    o_ = options;
    if (int(points.size()) < 2 * least_members) return;
    double area = 0;
    for (const Ring& ring : rings) area += area_of(ring);
    spacing_ = std::sqrt(std::max(area, 1.0) / double(points.size()));
    sigma_ = std::max(sigma, o_.least_sigma);
    weight_ = std::min(o_.share, density_weight(spacing_, o_.full_density));
    if (flat) parapet(rings, part, points, out);
    group(points);
    const std::vector<std::vector<std::int32_t>> groups = groups_;
    int count = 0;
    for (const std::vector<std::int32_t>& members : groups) {
        const double most = weight_ * o_.outlier_nats * double(members.size());
        if (count >= o_.most || most <= 4 * o_.parameter_nats + o_.kind_nats) break;
        Superstructure found{};
        if (!place(points, members, down, found)) continue;
        found.part = part;
        ++count;
        out.push_back(found);
    }
}

}  // namespace geovision::fit
