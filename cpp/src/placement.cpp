#include "geovision/placement.hpp"

#include <algorithm>
#include <cmath>

#include "geovision/geom.hpp"

namespace geovision {
namespace {

constexpr double window = 1.2;       // metres each side of the outline in which a border is looked for
constexpr double step = 0.05;        // metres between places that are tried
constexpr int places = 49;           // 2 * window / step + 1
constexpr double fine = 0.01;        // metres; offsets of points are rounded to this
constexpr int fine_per_step = 5;     // step / fine
constexpr int fine_window = 120;     // window / fine
constexpr double odd = 0.03;         // share of points that are on the wrong side of any border
constexpr double reach = 1.5;        // metres each side from which the two levels are read
constexpr double off_border = 0.3;   // metres that the levels keep from the outline
constexpr double off_corner = 0.3;   // metres that stretches keep from a corner that turns outwards
constexpr double off_reflex = 1.0;   // and from one that turns inwards, where the other wing's eave begins
constexpr double near_border = 0.7;  // metres within which both sides must be seen
constexpr double roof_band = 1.0;    // metres under the plane of the roof that still are roof
constexpr double seen_under = 0.7;   // ground under an eave, which slant beams reach, to ground beside it
constexpr double least_edge = 1.0;   // metres of a wall that is looked at
constexpr double shortest_stretch = 2.0, longest_stretch = 8.0;  // metres
constexpr int least_in_level = 3;
constexpr int least_near = 2;
constexpr double points_per_stretch = 16;  // per metre across
constexpr double cauchy = 2.5;             // standard deviations where weights begin to fall
constexpr int rounds = 8;
constexpr double scale_prior = 0.5;  // walls or stretches worth of belief in the usual scales

double dot(const double* a, const double* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]; }

double median(std::vector<double>& v) {
    const auto middle = v.begin() + std::ptrdiff_t(v.size() / 2);
    std::nth_element(v.begin(), middle, v.end());
    return *middle;
}

// Inverse of a symmetric positive matrix by Gauss and Jordan; no pivots are needed.
template <int n>
void invert(double* m) {
    for (int k = 0; k < n; ++k) {
        const double p = 1 / m[(n + 1) * k];
        m[(n + 1) * k] = 1;
        for (int j = 0; j < n; ++j) m[n * k + j] *= p;
        for (int i = 0; i < n; ++i) {
            if (i == k) continue;
            const double f = m[n * i + k];
            m[n * i + k] = 0;
            for (int j = 0; j < n; ++j) m[n * i + j] -= f * m[n * k + j];
        }
    }
}

}  // namespace

void Placer::smear_table(double smear) {
    if (smear == smear_) return;
    smear_ = smear;
    log_in_.resize(4 * fine_window + 1), log_out_.resize(4 * fine_window + 1);
    for (int k = 0; k <= 4 * fine_window; ++k) {
        const double u = (k - 2 * fine_window) * fine / smear;  // border less point
        const double p = odd + (1 - 2 * odd) * 0.5 * std::erfc(-u * std::sqrt(0.5));
        log_in_[std::size_t(k)] = std::log(p), log_out_[std::size_t(k)] = std::log(1 - (1 - seen_under) * p);
    }
}

bool Placer::inside(const PlacementEvidence& e, std::int64_t point) {
    signed char& known = inside_[std::size_t(point)];
    if (known < 0) {
        const double x = e.points[3 * point], y = e.points[3 * point + 1];
        bool in = false;
        for (std::int64_t r = 0; r < e.rings; ++r)
            for (std::int64_t i = e.ring_offsets[r], j = e.ring_offsets[r + 1] - 1; i < e.ring_offsets[r + 1];
                 j = i++) {
                const double *a = e.xy + 2 * i, *b = e.xy + 2 * j;
                if ((a[1] > y) != (b[1] > y) && a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]) > x)
                    in = !in;
            }
        known = in;
    }
    return known == 1;
}

// What lies beside an edge, by its place along and across; what the outline has on the other side is left
// out.
void Placer::collect(const PlacementEvidence& e, const double* a, const double* b) {
    near_.clear();
    const double dx = b[0] - a[0], dy = b[1] - a[1], l = norm(dx, dy);
    for (std::int64_t i = 0; i < e.count; ++i) {
        const auto kind = PointKind(e.kind[i]);
        const bool wanted =
            kind == PointKind::building || kind == PointKind::neighbour || kind == PointKind::ground;
        if (!wanted) continue;
        const double x = e.points[3 * i] - a[0], y = e.points[3 * i + 1] - a[1];
        const double s = (x * dy - y * dx) / l;
        if (std::abs(s) > reach) continue;
        const double t = (x * dx + y * dy) / l;
        if (t < 0 || t > l || inside(e, i) != (s < 0)) continue;
        near_.push_back({t, s, e.points[3 * i + 2], kind});
    }
}

// The plane of the roof inside a stretch, as height at the outline, slope along and slope outwards; robust,
// as dormers and chimneys stand on it. False where too few points lie there.
bool Placer::inner_plane(double from, double to, double* plane) {
    heights_.clear();
    inner_.clear();
    for (const Near& p : near_)
        if (p.along >= from && p.along < to && p.kind == PointKind::building && p.s < -off_border)
            heights_.push_back(p.z), inner_.push_back({p.along - 0.5 * (from + to), p.s, p.z, p.kind});
    if (heights_.size() < least_in_level) return false;
    plane[0] = median(heights_), plane[1] = plane[2] = 0;
    const double middle = -0.5 * (reach + off_border);
    for (int k = 0; k < 4; ++k) {
        // A ridge over the points' width keeps slopes small where few points tell them.
        double m[9] = {0, 0, 0, 0, 1, 0, 0, 0, 1}, right[3] = {0, 0, 0};
        for (const Near& p : inner_) {
            const double row[3] = {1, p.along, p.s - middle};
            const double r = p.z - plane[0] - plane[1] * row[1] - plane[2] * row[2];
            const double w = 1 / (1 + r * r / (roof_band * roof_band));
            for (int i = 0; i < 3; ++i) {
                for (int j = 0; j < 3; ++j) m[3 * i + j] += w * row[i] * row[j];
                right[i] += w * row[i] * p.z;
            }
        }
        invert<3>(m);
        for (int i = 0; i < 3; ++i)
            plane[i] = m[3 * i] * right[0] + m[3 * i + 1] * right[1] + m[3 * i + 2] * right[2];
    }
    plane[0] -= plane[2] * middle;
    return true;
}

// The place of the border between two ends along the edge, and how much is known of it; false for nothing.
bool Placer::read_stretch(const PlacementEvidence& e, const PlacementOptions& o, double from, double to,
                          Stretch& into) {
    double roof[3], ground = e.ground;
    if (!inner_plane(from, to, roof)) return false;
    heights_.clear();
    for (const Near& p : near_)
        if (p.along >= from && p.along < to && p.kind == PointKind::ground && p.s > off_border)
            heights_.push_back(p.z);
    if (heights_.size() >= least_in_level) ground = median(heights_);
    if (roof[0] - ground < o.least_step) return false;
    samples_.clear();
    int inner = 0, strangers = 0;
    for (const Near& p : near_) {
        if (p.along < from || p.along >= to || std::abs(p.s) > window) continue;
        if (p.kind == PointKind::neighbour) {
            strangers += p.s > 0;
        } else if (p.kind == PointKind::ground ||
                   p.z > roof[0] + roof[1] * (p.along - 0.5 * (from + to)) + roof[2] * p.s - roof_band) {
            // Walls, and what leans on them, lie between the two and say nothing.
            samples_.push_back({p.s, p.kind != PointKind::ground});
            inner += p.kind != PointKind::ground && p.s < -off_border;
        }
    }
    if (strangers >= least_near) return false;  // whose eave it is cannot be told
    // Returns from a roof are a Poisson process that ends at its border: room without any costs, too. Ground
    // has no such term, as walls hide it.
    const double rate = inner / (window - off_border);
    double table[places];
    for (int k = 0; k < places; ++k) table[k] = -rate * k * step;
    for (const Sample& sample : samples_) {
        const int at = fine_window - int(std::lround(sample.s / fine));
        const double* log_p = (sample.in ? log_in_ : log_out_).data() + at;
        for (int k = 0; k < places; ++k) table[k] += log_p[k * fine_per_step];
    }
    if (!moments(o, table, &into.border, &into.information)) return false;
    int near_in = 0, near_out = 0;
    for (const Sample& sample : samples_)
        if (std::abs(sample.s - into.border) < near_border) (sample.in ? near_in : near_out)++;
    return near_in >= least_near && near_out >= least_near;
}

// Mean of a place and its information from the table of log likelihoods; false where it says next to nothing.
bool Placer::moments(const PlacementOptions& o, const double* table, double* at, double* information) {
    // With a wide prior, whose share is then taken out again.
    const double prior2 = o.shift_sigma * o.shift_sigma + o.overhang_sigma * o.overhang_sigma;
    double most = -1e300, sum[2] = {0, 0}, first[2] = {0, 0}, second[2] = {0, 0};
    for (int k = 0; k < places; ++k) most = std::max(most, table[k]);
    for (int k = 0; k < places; ++k) {
        const double x = k * step - window, prior = std::exp(-0.5 * x * x / prior2);
        const double p[2] = {prior, prior * std::exp(table[k] - most)};
        for (int w = 0; w < 2; ++w) sum[w] += p[w], first[w] += p[w] * x, second[w] += p[w] * x * x;
    }
    const double mean = first[1] / sum[1], variance = second[1] / sum[1] - mean * mean + step * step / 12;
    const double wide = second[0] / sum[0];
    if (variance > 0.5 * wide) return false;
    *information = 1 / variance - 1 / wide;
    *at = mean / variance / *information;
    return true;
}

// Sum over stretches and walls of what is left of the borders, in nats, with the weights that they have.
double Placer::misfit(const PlacementOptions& o, const double* theta) const {
    double nats = 0, sum_w = 0, sum_wr = 0;
    for (std::size_t k = 0; k < stretches_.size(); ++k) {
        const Stretch& s = stretches_[k];
        const double r = s.border - dot(s.a, theta);
        const double w = s.weight / (1 / s.information + o.stretch_sigma * o.stretch_sigma);
        nats += 0.5 * w * r * r, sum_w += w, sum_wr += w * r;
        if (k + 1 == stretches_.size() || stretches_[k + 1].wall != s.wall) {
            nats -= 0.5 * sum_wr * sum_wr / (sum_w + 1 / (o.wall_sigma * o.wall_sigma));
            sum_w = sum_wr = 0;
        }
    }
    const double sigma[4] = {o.shift_sigma, o.shift_sigma, o.rotation_sigma, o.overhang_sigma};
    for (int i = 0; i < 4; ++i) nats += 0.5 * theta[i] * theta[i] / (sigma[i] * sigma[i]);
    return nats;
}

// Posterior mean and covariance; what is not asked for is held at zero.
void Placer::solve(const PlacementOptions& o, bool shift, bool rotation, double* theta, double* covariance) {
    const double held = 1e-9;
    const double sigma[4] = {shift ? o.shift_sigma : held, shift ? o.shift_sigma : held,
                             rotation ? o.rotation_sigma : held, o.overhang_sigma};
    double right[4] = {0, 0, 0, 0}, wall_a[4] = {0, 0, 0, 0}, wall_w = 0, wall_b = 0;
    for (int i = 0; i < 16; ++i) covariance[i] = i % 5 == 0 ? 1 / (sigma[i / 5] * sigma[i / 5]) : 0;
    for (std::size_t k = 0; k < stretches_.size(); ++k) {
        const Stretch& s = stretches_[k];
        const double w = s.weight / (1 / s.information + o.stretch_sigma * o.stretch_sigma);
        for (int i = 0; i < 4; ++i) {
            for (int j = 0; j < 4; ++j) covariance[4 * i + j] += w * s.a[i] * s.a[j];
            right[i] += w * s.a[i] * s.border, wall_a[i] += w * s.a[i];
        }
        wall_w += w, wall_b += w * s.border;
        if (k + 1 < stretches_.size() && stretches_[k + 1].wall == s.wall) continue;
        // What is odd about a whole wall is integrated out.
        const double total = wall_w + 1 / (o.wall_sigma * o.wall_sigma);
        for (int i = 0; i < 4; ++i) {
            for (int j = 0; j < 4; ++j) covariance[4 * i + j] -= wall_a[i] * wall_a[j] / total;
            right[i] -= wall_a[i] * wall_b / total;
        }
        for (double& v : wall_a) v = 0;
        wall_w = wall_b = 0;
    }
    invert<4>(covariance);
    for (int i = 0; i < 4; ++i) {
        theta[i] = 0;
        for (int j = 0; j < 4; ++j) theta[i] += covariance[4 * i + j] * right[j];
    }
}

// Misfit of the best story without a shift: overhang alone, or that and one wall whose roof ends elsewhere,
// as where a map lacks an extension.
double Placer::unmoved(const PlacementOptions& o) {
    double theta[4], scratch[16];
    solve(o, false, false, theta, scratch);
    double least = misfit(o, theta);
    const std::vector<Stretch> all = stretches_;
    for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
        while (last < all.size() && all[last].wall == all[first].wall) stretches_[last++].weight = 0;
        solve(o, false, false, theta, scratch);
        least = std::min(least, misfit(o, theta) + o.odd_wall_nats);
        stretches_ = all;
    }
    return least;
}

// The stretches of one ring.
void Placer::walk(const PlacementEvidence& e, const PlacementOptions& o, std::int64_t ring, double length,
                  const double* centre) {
    const std::int64_t first = e.ring_offsets[ring], n = e.ring_offsets[ring + 1] - first;
    const auto at = [&](std::int64_t i) { return e.xy + 2 * (first + (i + n) % n); };
    const auto reflex = [&](std::int64_t i) {
        const double *p = at(i - 1), *q = at(i), *s = at(i + 1);
        const double ux = q[0] - p[0], uy = q[1] - p[1], vx = s[0] - q[0], vy = s[1] - q[1];
        return ux * vy - uy * vx < -0.1 * norm(ux, uy) * norm(vx, vy);
    };
    double last[2] = {0, 0};
    for (std::int64_t i = 0; i < n; ++i) {
        const double *a = at(i), *b = at(i + 1);
        const double l = norm(b[0] - a[0], b[1] - a[1]);
        if (e.neighbour[first + i] >= 0 || l < least_edge) continue;
        const double d[2] = {(b[0] - a[0]) / l, (b[1] - a[1]) / l};
        // An edge that goes on in the direction of the last is the same wall.
        if (d[0] * last[0] + d[1] * last[1] < 0.998) ++walls_;
        last[0] = d[0], last[1] = d[1];
        const double from = reflex(i) ? off_reflex : off_corner;
        const double to = l - (reflex(i + 1) ? off_reflex : off_corner);
        if (to - from < 0.5 * least_edge) continue;
        collect(e, a, b);
        const int pieces = std::max(1, int((to - from) / length));
        for (int k = 0; k < pieces; ++k) {
            const double begin = from + k * (to - from) / pieces, end = from + (k + 1) * (to - from) / pieces;
            Stretch s;
            if (!read_stretch(e, o, begin, end, s)) continue;
            const double middle = 0.5 * (begin + end), nx = d[1], ny = -d[0];
            const double x = a[0] + middle * d[0] - centre[0], y = a[1] + middle * d[1] - centre[1];
            s.a[0] = nx, s.a[1] = ny, s.a[2] = x * ny - y * nx, s.a[3] = 1;
            s.wall = walls_, s.weight = 1;
            stretches_.push_back(s);
        }
    }
}

Placement Placer::run(const PlacementEvidence& e, const PlacementOptions& o) {
    smear_table(std::max(o.smear, 0.5 * e.cell));
    inside_.assign(std::size_t(e.count), -1);
    stretches_.clear();
    walls_ = 0;
    Placement out;
    double low[2] = {1e300, 1e300}, high[2] = {-1e300, -1e300}, area = 0;
    for (std::int64_t r = 0; r < e.rings; ++r)
        for (std::int64_t i = e.ring_offsets[r], j = e.ring_offsets[r + 1] - 1; i < e.ring_offsets[r + 1];
             j = i++) {
            const double *p = e.xy + 2 * i, *q = e.xy + 2 * j;
            area += 0.5 * (q[0] * p[1] - p[0] * q[1]);
            for (int k = 0; k < 2; ++k) low[k] = std::min(low[k], p[k]), high[k] = std::max(high[k], p[k]);
        }
    for (int k = 0; k < 2; ++k) out.centre[k] = 0.5 * (low[k] + high[k]);
    std::int64_t roofs = 0;
    for (std::int64_t i = 0; i < e.count; ++i) roofs += PointKind(e.kind[i]) == PointKind::building;
    const double density = double(roofs) / std::max(area, 1.0);
    const double length =
        std::clamp(points_per_stretch / std::max(density, 0.1), shortest_stretch, longest_stretch);
    for (std::int64_t r = 0; r < e.rings && roofs > 0; ++r) walk(e, o, r, length, out.centre);
    out.stretches = std::int32_t(stretches_.size());
    decide(o, out);
    return out;
}

// What is left of walls and stretches sets their scales, together with what is usual.
void Placer::scales(const PlacementOptions& o, const double* theta, double* wall_sigma, double* wider) const {
    const double stretch2 = o.stretch_sigma * o.stretch_sigma;
    double walls = scale_prior, between = scale_prior * o.wall_sigma * o.wall_sigma;
    double count = scale_prior, within = scale_prior;
    for (std::size_t first = 0, last = 0; first < stretches_.size(); first = last) {
        double sum_w = 0, sum_wr = 0, sum_wrr = 0;
        for (; last < stretches_.size() && stretches_[last].wall == stretches_[first].wall; ++last) {
            const Stretch& s = stretches_[last];
            const double r = s.border - dot(s.a, theta), w = s.weight / (1 / s.information + stretch2);
            sum_w += w, sum_wr += w * r, sum_wrr += w * r * r, count += s.weight;
        }
        between += sum_wr * sum_wr / (sum_w * sum_w), walls += 1, count -= 1;
        within += sum_wrr - sum_wr * sum_wr / sum_w;
    }
    *wall_sigma = std::sqrt(between / walls);
    *wider = std::max(1.0, within / std::max(count, scale_prior));
}

// What the stretches say together: robust weights, then whether a turn and a shift are worth their price.
void Placer::decide(const PlacementOptions& o, Placement& out) {
    double theta[4];
    const double odd2 = o.stretch_sigma * o.stretch_sigma + o.wall_sigma * o.wall_sigma;
    for (int k = 0; k < rounds; ++k) {
        solve(o, true, true, theta, out.covariance);
        for (Stretch& s : stretches_) {
            const double r = s.border - dot(s.a, theta);
            s.weight = 1 / (1 + r * r / (1 / s.information + odd2) / (cauchy * cauchy));
        }
    }
    solve(o, true, true, theta, out.covariance);
    // Walls that agree by chance make sigmas smaller, but no shift likelier: that is judged by what is usual.
    double wider = 1;
    PlacementOptions own = o;
    scales(o, theta, &own.wall_sigma, &wider);
    out.nats = unmoved(o) - misfit(o, theta);
    solve(own, true, true, theta, out.covariance);
    if (0.5 * theta[2] * theta[2] / (wider * out.covariance[10]) < o.rotation_nats) {
        // The sigma of a turn that is not applied stays that of what was seen.
        const double seen = out.covariance[10];
        solve(own, true, false, theta, out.covariance);
        for (int i = 0; i < 4; ++i) out.covariance[8 + i] = out.covariance[4 * i + 2] = 0;
        out.covariance[10] = seen;
        theta[2] = 0;
    }
    for (double& v : out.covariance) v *= stretches_.empty() ? 1 : wider;
    if (out.nats < o.shift_nats) theta[0] = theta[1] = theta[2] = 0;
    out.shift[0] = theta[0], out.shift[1] = theta[1], out.rotation = theta[2], out.overhang = theta[3];
}

}  // namespace geovision
