#include "geovision/fit_decompose.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "geovision/wide.hpp"

namespace geovision::fit {

namespace {

constexpr double straight_mitre = 0.97;  // cosine between a mitre and what halves its corners

struct Cut {
    std::size_t from = 0;  // vertex of the ring that it starts at
    std::size_t edge = 0;  // edge of the ring that it ends on
    Vec to{0, 0};
    double score = 0;  // metres for each reflex corner that it resolves
};

double cross(Vec a, Vec b) { return a.x * b.y - a.y * b.x; }
Vec minus(Vec a, Vec b) { return {a.x - b.x, a.y - b.y}; }
double length_of(Vec a) { return norm(a.x, a.y); }
double to_mm(double v) { return std::round(v * 1000) / 1000; }

double off_line(Vec p, Vec a, Vec b) {
    const Vec d = minus(b, a);
    const double l = length_of(d);
    return l > 0 ? std::abs(cross(d, minus(p, a))) / l : length_of(minus(p, a));
}

// Douglas and Peucker between two vertices of the ring, both kept.
void keep_between(const Ring& ring, std::size_t a, std::size_t b, double tolerance, std::vector<char>& kept) {
    const std::size_t n = ring.size();
    double most = tolerance;
    std::size_t at = a;
    for (std::size_t i = (a + 1) % n; i != b; i = (i + 1) % n) {
        const double off = off_line(ring[i], ring[a], ring[b]);
        if (off > most) most = off, at = i;
    }
    if (at == a) return;
    kept[at] = 1;
    keep_between(ring, a, at, tolerance, kept);
    keep_between(ring, at, b, tolerance, kept);
}

// Where a ray from vertex `from` first leaves the ring.
bool hit(const Ring& ring, std::size_t from, Vec direction, Cut& cut) {
    const std::size_t n = ring.size();
    const Vec o = ring[from];
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < n; ++i) {
        if (i == from || (i + 1) % n == from) continue;
        const Vec a = ring[i], b = ring[(i + 1) % n], e = minus(b, a);
        const double det = cross(direction, e);
        if (std::abs(det) < 1e-9) continue;
        const double t = cross(minus(a, o), e) / det, s = cross(minus(a, o), direction) / det;
        if (t > 0.05 && s >= -1e-9 && s <= 1 + 1e-9 && t < nearest) {
            nearest = t;
            cut.edge = i;
            cut.to = {to_mm(o.x + t * direction.x), to_mm(o.y + t * direction.y)};
        }
    }
    return std::isfinite(nearest);
}

class Cutter {
public:
    explicit Cutter(const DecomposeOptions& options) : o_(options) {}

    std::vector<Pieces> ways;

    void run(const Ring& ring) { grow({ring}, 0); }

private:
    // Cuts the first piece from `first` on that has a reflex corner, in its best ways.
    void grow(const Pieces& pieces, int cuts) {
        if (int(ways.size()) >= o_.most_ways) return;
        for (std::size_t k = 0; k < pieces.size(); ++k) {
            std::vector<Cut> found;
            cuts_of(pieces[k], found);
            if (found.empty()) continue;
            if (int(pieces.size()) >= o_.most_pieces) break;
            const std::size_t branches = cuts < 1 ? 3 : cuts < 2 ? 2 : 1;
            for (std::size_t c = 0; c < std::min(branches, found.size()); ++c) {
                // A second way must not be much worse than the first.
                if (c > 0 && found[c].score > 2.5 * found[0].score) break;
                Pieces next = pieces;
                Ring left, right;
                split(pieces[k], found[c], left, right);
                next[k] = left;
                next.insert(next.begin() + std::ptrdiff_t(k) + 1, right);
                grow(next, cuts + 1);
            }
            return;
        }
        if (pieces.size() > 1 && int(ways.size()) < o_.most_ways) ways.push_back(pieces);
    }

    // Cuts that resolve a reflex corner, best first: along one of its walls, straight to another reflex
    // corner, or, last, along the mitre where two wings meet.
    void cuts_of(const Ring& ring, std::vector<Cut>& found) const {
        const std::vector<std::size_t> corner = main_corners(ring, o_.jitter);
        const std::size_t m = corner.size();
        if (m < 5 || m > 40) return;
        std::vector<char> reflex(m);
        for (std::size_t i = 0; i < m; ++i) {
            const Vec a = minus(ring[corner[i]], ring[corner[(i + m - 1) % m]]);
            const Vec b = minus(ring[corner[(i + 1) % m]], ring[corner[i]]);
            reflex[i] = cross(a, b) < -0.25 * length_of(a) * length_of(b);
        }
        for (std::size_t i = 0; i < m; ++i) {
            if (!reflex[i]) continue;
            along_walls(ring, corner, reflex, i, found);
            for (std::size_t j = i + 2; j < m; ++j)
                if (reflex[j] && (j + 1) % m != i) between(ring, corner, i, j, found);
            for (std::size_t j = 0; j < m; ++j)
                if (!reflex[j] && j != i) mitre(ring, corner, i, j, found);
        }
        std::stable_sort(found.begin(), found.end(),
                         [](const Cut& a, const Cut& b) { return a.score < b.score; });
        // The same cut from its other end is no other way.
        for (std::size_t i = 0; i + 1 < found.size(); ++i)
            for (std::size_t j = found.size() - 1; j > i; --j)
                if (same_cut(ring, found[i], found[j])) found.erase(found.begin() + std::ptrdiff_t(j));
    }

    static bool same_cut(const Ring& ring, const Cut& a, const Cut& b) {
        const auto same = [](Vec p, Vec q) { return length_of(minus(p, q)) < 1e-6; };
        const Vec from_a = ring[a.from], from_b = ring[b.from];
        return (same(a.to, from_b) && same(b.to, from_a)) || (same(a.to, b.to) && same(from_a, from_b));
    }

    void along_walls(const Ring& ring, const std::vector<std::size_t>& corner,
                     const std::vector<char>& reflex, std::size_t i, std::vector<Cut>& found) const {
        const std::size_t m = corner.size();
        for (const std::size_t other : {(i + m - 1) % m, (i + 1) % m}) {
            const Vec d = minus(ring[corner[i]], ring[corner[other]]);
            const double l = length_of(d);
            if (l < o_.least_side) continue;
            Cut cut;
            cut.from = corner[i];
            if (!hit(ring, cut.from, {d.x / l, d.y / l}, cut)) continue;
            double resolved = 1;
            snap(ring, corner, reflex, cut, resolved);
            keep(ring, cut, resolved, found);
        }
    }

    // From one reflex corner to another, where that runs as some long wall does: what juts out is cut off,
    // however little it does so on one side.
    void between(const Ring& ring, const std::vector<std::size_t>& corner, std::size_t i, std::size_t j,
                 std::vector<Cut>& found) const {
        const Vec d = minus(ring[corner[j]], ring[corner[i]]);
        const double l = length_of(d);
        bool straight = false;
        for (std::size_t k = 0; k < corner.size() && !straight; ++k) {
            const Vec w = minus(ring[corner[(k + 1) % corner.size()]], ring[corner[k]]);
            straight = length_of(w) > std::max(l, 2.0) && std::abs(cross(w, d)) < 0.15 * length_of(w) * l;
        }
        if (!straight) return;
        Cut cut;
        cut.from = corner[i], cut.edge = corner[j], cut.to = ring[corner[j]];
        keep(ring, cut, 2, found);
    }

    // From a reflex corner to the outer corner of the same bend, where two wings of a building meet.
    void mitre(const Ring& ring, const std::vector<std::size_t>& corner, std::size_t i, std::size_t j,
               std::vector<Cut>& found) const {
        const std::size_t m = corner.size();
        const Vec d = minus(ring[corner[j]], ring[corner[i]]);
        const double l = length_of(d);
        for (const std::size_t k : {i, j}) {
            const Vec before = minus(ring[corner[k]], ring[corner[(k + m - 1) % m]]);
            const Vec behind = minus(ring[corner[k]], ring[corner[(k + 1) % m]]);
            const double a = length_of(before), b = length_of(behind);
            const Vec half{before.x / a + behind.x / b, before.y / a + behind.y / b};
            const double along = (half.x * d.x + half.y * d.y) / std::max(1e-9, length_of(half) * l);
            if (along < straight_mitre) return;
        }
        Cut cut;
        cut.from = corner[i], cut.edge = corner[j], cut.to = ring[corner[j]];
        keep(ring, cut, 1, found);
    }

    void keep(const Ring& ring, Cut& cut, double resolved, std::vector<Cut>& found) const {
        if (!clear(ring, cut)) return;
        Ring left, right;
        split(ring, cut, left, right);
        if (left.size() < 3 || right.size() < 3 || std::min(area_of(left), area_of(right)) < o_.least_area)
            return;
        cut.score = length_of(minus(cut.to, ring[cut.from])) / resolved;
        found.push_back(cut);
    }

    // Ends a cut at the first corner that it passes closely, else at the nearest to its end, where one is
    // near.
    void snap(const Ring& ring, const std::vector<std::size_t>& corner, const std::vector<char>& reflex,
              Cut& cut, double& resolved) const {
        const Vec a = ring[cut.from], d = minus(cut.to, a);
        const double length = length_of(d);
        double first = length, nearest = o_.snap;
        std::size_t passed = corner.size(), best = corner.size();
        for (std::size_t i = 0; i < corner.size(); ++i) {
            if (corner[i] == cut.from) continue;
            const Vec p = ring[corner[i]];
            const double along = (d.x * (p.x - a.x) + d.y * (p.y - a.y)) / length;
            if (along > 0.5 && along < first && off_line(p, a, cut.to) < o_.jitter) first = along, passed = i;
            const double away = length_of(minus(p, cut.to));
            if (away <= nearest) nearest = away, best = i;
        }
        if (passed < corner.size()) best = passed;
        if (best < corner.size()) {
            cut.to = ring[corner[best]];
            cut.edge = corner[best];
            if (reflex[best]) resolved = 2;
        }
        // Slivers between a cut's end and the next vertex help nobody.
        for (const std::size_t v : {cut.edge, (cut.edge + 1) % ring.size()})
            if (length_of(minus(ring[v], cut.to)) < 0.05) cut.to = ring[v];
    }

    // A cut keeps away from every vertex but its ends, and crosses no edge: its end may have been moved.
    static bool clear(const Ring& ring, const Cut& cut) {
        const Vec a = ring[cut.from], b = cut.to, d = minus(b, a);
        const double l2 = d.x * d.x + d.y * d.y;
        if (l2 < 0.25) return false;
        const std::size_t n = ring.size();
        for (std::size_t i = 0; i < n; ++i) {
            const Vec p = ring[i], q = ring[(i + 1) % n];
            if (i != cut.from && length_of(minus(p, b)) > 1e-9) {
                const double t = ((p.x - a.x) * d.x + (p.y - a.y) * d.y) / l2;
                if (t > 0 && t < 1 && off_line(p, a, b) < 0.03) return false;
            }
            const double pa = cross(d, minus(p, a)), qa = cross(d, minus(q, a));
            const Vec e = minus(q, p);
            const double ap = cross(e, minus(a, p)), bp = cross(e, minus(b, p));
            const double least = 1e-3 * length_of(e);
            if (pa * qa < 0 && ap * bp < 0 && std::abs(ap) > least && std::abs(bp) > least) return false;
        }
        // Its middle lies inside: an end that snapped to a corner may lead out of a notch.
        return contains(ring, a.x + d.x / 2, a.y + d.y / 2);
    }

    static void split(const Ring& ring, const Cut& cut, Ring& left, Ring& right) {
        const std::size_t n = ring.size();
        const auto same = [](Vec a, Vec b) { return a.x == b.x && a.y == b.y; };
        left.assign(1, ring[cut.from]), right.assign(1, cut.to);
        for (std::size_t i = (cut.from + 1) % n;; i = (i + 1) % n) {
            left.push_back(ring[i]);
            if (i == cut.edge) break;
        }
        if (!same(left.back(), cut.to)) left.push_back(cut.to);
        for (std::size_t i = (cut.edge + 1) % n;; i = (i + 1) % n) {
            if (!same(ring[i], right.back())) right.push_back(ring[i]);
            if (i == cut.from) break;
        }
    }

    DecomposeOptions o_;
};

constexpr std::size_t block = 64;  // points that are compared with a ring together

// For each point 1 where a ray to the east crosses the ring an odd number of times, else 0; as `contains`,
// point after point without a branch.
GEOVISION_WIDE void crossings(const Ring& ring, const double* x, const double* y, int n, std::int64_t* odd) {
    for (int i = 0; i < n; ++i) odd[i] = 0;
    for (std::size_t k = 0, j = ring.size() - 1; k < ring.size(); j = k++) {
        const Vec a = ring[k], b = ring[j];
        if (a.y == b.y) continue;
        const double dx = b.x - a.x, dy = b.y - a.y;
        for (int i = 0; i < n; ++i) {
            const bool across = (a.y > y[i]) != (b.y > y[i]);
            const bool beyond = a.x + (y[i] - a.y) * dx / dy > x[i];
            odd[i] ^= std::int64_t(across & beyond);
        }
    }
}

}  // namespace

bool same_ring(const Ring& a, const Ring& b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](Vec p, Vec q) { return p.x == q.x && p.y == q.y; });
}

double area_of(const Ring& ring) {
    double sum = 0;
    for (std::size_t i = 1; i + 1 < ring.size(); ++i)
        sum += cross(minus(ring[i], ring[0]), minus(ring[i + 1], ring[0]));
    return sum / 2;
}

bool contains(const Ring& ring, double x, double y) {
    bool in = false;
    for (std::size_t i = 0, j = ring.size() - 1; i < ring.size(); j = i++) {
        const Vec a = ring[i], b = ring[j];
        if ((a.y > y) != (b.y > y) && a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y) > x) in = !in;
    }
    return in;
}

void inside_rings(const std::vector<Ring>& rings, const std::vector<double>& x, const std::vector<double>& y,
                  std::vector<std::uint8_t>& in) {
    Vec low = rings[0][0], high = low;
    for (const Vec p : rings[0]) {
        low = {std::min(low.x, p.x), std::min(low.y, p.y)};
        high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
    in.assign(x.size(), 0);
    std::int64_t odd[block], hole[block];
    for (std::size_t from = 0; from < x.size(); from += block) {
        const int n = int(std::min(block, x.size() - from));
        const double *px = x.data() + from, *py = y.data() + from;
        bool near = false;
        for (int i = 0; i < n; ++i)
            near |= px[i] >= low.x && px[i] <= high.x && py[i] >= low.y && py[i] <= high.y;
        if (!near) continue;
        crossings(rings[0], px, py, n, odd);
        for (std::size_t r = 1; r < rings.size(); ++r) {
            crossings(rings[r], px, py, n, hole);
            for (int i = 0; i < n; ++i) odd[i] &= ~hole[i];
        }
        for (int i = 0; i < n; ++i) in[from + std::size_t(i)] = std::uint8_t(odd[i]);
    }
}

bool is_simple(const Ring& ring, double clearance) {
    const std::size_t n = ring.size();
    const auto to_segment = [](Vec p, Vec a, Vec b) {
        const Vec d = minus(b, a);
        const double l2 = d.x * d.x + d.y * d.y;
        const double t = l2 > 0 ? std::clamp(((p.x - a.x) * d.x + (p.y - a.y) * d.y) / l2, 0.0, 1.0) : 0;
        return length_of(minus(p, {a.x + t * d.x, a.y + t * d.y}));
    };
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % n];
        for (std::size_t j = 0; j < n; ++j) {
            if (j != i && j != (i + 1) % n && to_segment(ring[j], a, b) < clearance) return false;
            const Vec c = ring[j], d = ring[(j + 1) % n];
            if (j <= i + 1 || (j + 1) % n == i) continue;
            const double s = cross(minus(b, a), minus(c, a)), t = cross(minus(b, a), minus(d, a));
            const double u = cross(minus(d, c), minus(a, c)), v = cross(minus(d, c), minus(b, c));
            if (s * t < 0 && u * v < 0) return false;
        }
    }
    return true;
}

std::vector<std::size_t> main_corners(const Ring& ring, double tolerance) {
    const std::size_t n = ring.size();
    // Two vertices that surely are corners: the far ends from one another, found from the first.
    const auto farthest = [&](std::size_t from) {
        std::size_t best = from;
        double most = -1;
        for (std::size_t i = 0; i < n; ++i) {
            const double d = length_of(minus(ring[i], ring[from]));
            if (d > most) most = d, best = i;
        }
        return best;
    };
    const std::size_t a = farthest(0), b = farthest(a);
    std::vector<char> kept(n, 0);
    kept[a] = kept[b] = 1;
    keep_between(ring, a, b, tolerance, kept);
    keep_between(ring, b, a, tolerance, kept);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < n; ++i)
        if (kept[i]) out.push_back(i);
    return out;
}

std::vector<Pieces> decompose(const Ring& ring, const DecomposeOptions& options) {
    Cutter cutter(options);
    if (ring.size() >= 5) cutter.run(ring);
    return cutter.ways;
}

}  // namespace geovision::fit
