// Roofs that are one profile drawn along an axis: skillion, gabled, gambrel, saltbox, butterfly, sawtooth,
// round. Their height depends on the distance from the first eave alone, so they fit any polygon.
#include <algorithm>
#include <cmath>

#include "geovision/roofs.hpp"

namespace geovision::roof {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double on_line = 0.5;           // a corner this close (steps) to a crease counts as beyond it
constexpr double steepest = 5.671281820;  // tan 80 degrees: steeper strips of a curve become wall

Vec downhill_of(const RoofSpec& spec, const Shape& shape) {
    if (!spec.has(slot_azimuth)) return across_long_side(shape);
    const double a = spec.slots[slot_azimuth] * pi / 180;
    return {std::sin(a), std::cos(a)};
}

void strip(Profile& p, double to, double low, double high, bool meets) {
    p.low[p.strips] = low;
    p.high[p.strips] = high;
    p.meets[p.strips] = meets;  // continuous with the strip before
    p.breaks[++p.strips] = to;
}

void round_profile(Profile& p, double width, double eave, double crown, double grid) {
    // An ellipse: half the width by the rise, in equal steps of its parameter.
    const double rise = crown - eave, half = width / 2, radius = std::max(half, rise) * grid;
    const double step = 2 * std::acos(1 - std::min(0.02 / radius, 0.5));
    int n = std::clamp(int(std::ceil(pi / step)), 6, 32);
    n += n % 2;
    double v[34], z[34];
    for (int i = 0; i <= n; ++i) {
        v[i] = half * (1 - std::cos(pi * i / n));
        z[i] = eave + rise * std::sin(pi * i / n);
    }
    int first = 0;
    while (first + 1 < n / 2 && (z[first + 1] - z[first]) > steepest * (v[first + 1] - v[first])) ++first;
    if (first > 0) {  // let the first gentle strip run out to the wall
        const double slope = (z[first + 1] - z[first]) / (v[first + 1] - v[first]);
        z[first] -= slope * v[first];
        v[first] = 0;
        z[n - first] = z[first];
        v[n - first] = width;
    }
    for (int i = first; i < n - first; ++i) strip(p, v[i + 1], z[i], z[i + 1], true);
    p.one_surface = true;
}

// A barrel's rim is too steep to be continued: beyond it the roof is level, as far as `reach`.
void level_ends(Profile& p, double reach) {
    const double low = p.low[0], high = p.high[p.strips - 1];
    for (int k = p.strips; k > 0; --k) {
        p.low[k] = p.low[k - 1], p.high[k] = p.high[k - 1], p.meets[k] = true;
        p.breaks[k + 1] = p.breaks[k];
    }
    p.breaks[1] = p.breaks[0];
    p.breaks[0] -= reach;
    p.low[0] = p.high[0] = low;
    ++p.strips;
    strip(p, p.breaks[p.strips] + reach, high, high, true);
}

Status make_profile(const RoofSpec& s, RoofKind kind, double width, double grid, Profile& p) {
    const double eave = s.eave, ridge = s.slots[slot_ridge];
    if (!s.has(slot_ridge)) return Status::bad_parameter;
    const double offset = s.has(slot_offset) ? s.slots[slot_offset] : 0.5;
    if (!(offset > 0 && offset < 1)) return Status::bad_parameter;
    if (kind != RoofKind::butterfly && ridge < eave) return Status::bad_parameter;
    switch (kind) {
        case RoofKind::skillion:
            strip(p, width, eave, ridge, true);
            break;
        case RoofKind::saltbox:
        case RoofKind::gabled:
        case RoofKind::cross_gabled: {
            const double rear =
                kind == RoofKind::saltbox && s.has(slot_rear_eave) ? s.slots[slot_rear_eave] : eave;
            if (rear > ridge) return Status::bad_parameter;
            strip(p, width * offset, eave, ridge, true);
            strip(p, width, ridge, rear, true);
            break;
        }
        case RoofKind::butterfly:
            if (ridge > eave) return Status::bad_parameter;
            strip(p, width * offset, eave, ridge, true);
            strip(p, width, ridge, eave, true);
            break;
        case RoofKind::gambrel: {
            const double inset = s.slots[slot_inset], at = s.slots[slot_break];
            if (!(inset > 0 && inset < width / 2 && at >= eave && at <= ridge)) return Status::bad_parameter;
            strip(p, inset, eave, at, true);
            strip(p, width / 2, at, ridge, true);
            strip(p, width - inset, ridge, at, true);
            strip(p, width, at, eave, true);
            break;
        }
        case RoofKind::sawtooth: {
            const double teeth = s.slots[slot_count];
            if (!(teeth >= 1 && teeth <= 32)) return Status::bad_parameter;
            for (int i = 0; i < int(teeth); ++i) strip(p, width * (i + 1) / int(teeth), eave, ridge, false);
            break;
        }
        case RoofKind::round:
            round_profile(p, width, eave, ridge, grid);
            break;
        default:
            return Status::unknown_kind;
    }
    return Status::ok;
}

}  // namespace

void draw_profile(const RoofSpec& spec, const Shape& shape, Vec d, const Profile& profile, Label label,
                  Drawing& drawing, RoofScratch& scratch) {
    double lo = 0, hi = 0;
    extent(shape, d, &lo, &hi);
    hi += spec.shift.x * d.x + spec.shift.y * d.y;
    const std::int16_t layer = drawing.add_layer();
    const auto first = std::int32_t(drawing.surfaces.size());
    for (int k = 0; k < profile.strips; ++k) {
        const double slope = (profile.high[k] - profile.low[k]) / (profile.breaks[k + 1] - profile.breaks[k]);
        const Plane plane{-slope * d.x, -slope * d.y, profile.low[k] + slope * (hi - profile.breaks[k])};
        if (!profile.one_surface || k == 0) ++drawing.groups;
        drawing.add_surface(plane, spec.base, spec.part, drawing.groups - 1, label);
    }
    // A corner belongs to the last strip whose first break it has reached.
    const auto distance = [&](Vec p) { return hi - (p.x * d.x + p.y * d.y); };
    const auto strip_of = [&](double v) {
        int k = 0;
        while (k + 1 < profile.strips && v > profile.breaks[k + 1] - on_line) ++k;
        return k;
    };
    const Vec along{-d.y, d.x};
    std::vector<RoofScratch::Hit>& hits = scratch.hits;
    hits.clear();
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            const Vec a = shape.points[i], b = shape.points[shape.next(i, r)];
            const double va = distance(a), vb = distance(b);
            int k = strip_of(va);
            const int end = strip_of(vb);
            std::int32_t from = shape.point(i);
            while (k != end) {
                const int crossed = k < end ? k + 1 : k;
                const double t = std::clamp((profile.breaks[crossed] - va) / (vb - va), 0.0, 1.0);
                const Vec at{a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
                const std::int32_t to = drawing.point(at);
                drawing.lines.push_back({from, to, first + k, -1, layer, false, shape.point(i)});
                hits.push_back({crossed, at.x * along.x + at.y * along.y, to});
                from = to;
                k += k < end ? 1 : -1;
            }
            drawing.lines.push_back(
                {from, shape.point(shape.next(i, r)), first + k, -1, layer, false, shape.point(i)});
        }
    }
    // Creases: along each break, every second stretch between outline hits lies inside.
    std::sort(hits.begin(), hits.end(), [](const RoofScratch::Hit& p, const RoofScratch::Hit& q) {
        return p.crease != q.crease ? p.crease < q.crease : p.along < q.along;
    });
    for (std::size_t i = 0; i + 1 < hits.size();) {
        const int k = hits[i].crease;
        if (hits[i + 1].crease != k) {
            ++i;
            continue;
        }
        // Looking along, the first eave (and so strip k - 1) lies to the right.
        drawing.lines.push_back(
            {hits[i].point, hits[i + 1].point, first + k, first + k - 1, layer, profile.meets[k], -1});
        i += 2;
    }
}

Status draw_profile_kind(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& scratch,
                         Drawing& drawing) {
    const Vec downhill = downhill_of(spec, shape);
    const int turns = spec.kind == RoofKind::cross_gabled ? 2 : 1;
    for (int turn = 0; turn < turns; ++turn) {
        const Vec d = turn == 0 ? downhill : Vec{downhill.y, -downhill.x};
        double lo = 0, hi = 0;
        extent(shape, d, &lo, &hi);
        if (hi - lo < 1) return Status::zero_area;
        Profile profile;
        const Status status = make_profile(spec, spec.kind, hi - lo, grid, profile);
        if (status != Status::ok) return status;
        if (profile.one_surface && spec.shifted()) level_ends(profile, norm(spec.shift.x, spec.shift.y) + 1);
        draw_profile(spec, shape, d, profile, Label::roof, drawing, scratch);
    }
    return Status::ok;
}

}  // namespace geovision::roof
