// Random and special polygons for the skeleton's tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace shapes {

constexpr double pi = 3.14159265358979323846;
constexpr double gable = std::numeric_limits<double>::infinity();

// splitmix64: the same numbers on every platform.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t bits() {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
    double between(double a, double b) { return a + (b - a) * unit(); }
    int below(int n) { return static_cast<int>(bits() % static_cast<std::uint64_t>(n)); }

private:
    std::uint64_t state_;
};

struct Shape {
    std::vector<double> xy;
    std::vector<std::int64_t> offsets{0};
    std::vector<double> slope;

    int size() const { return static_cast<int>(xy.size() / 2); }
    std::int64_t rings() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
    void add(double x, double y) {
        xy.push_back(x);
        xy.push_back(y);
    }
    void close() { offsets.push_back(size()); }
    std::pair<int, int> around(int i) const {  // the vertices before and after i in its ring
        std::size_t r = 0;
        while (offsets[r + 1] <= i) ++r;
        const int first = static_cast<int>(offsets[r]), last = static_cast<int>(offsets[r + 1]) - 1;
        return {i == first ? last : i - 1, i == last ? first : i + 1};
    }
    int next(int i) const { return around(i).second; }
    double turn(int i) const {
        const auto [h, j] = around(i);
        return (xy[2 * i] - xy[2 * h]) * (xy[2 * j + 1] - xy[2 * i + 1]) -
               (xy[2 * i + 1] - xy[2 * h + 1]) * (xy[2 * j] - xy[2 * i]);
    }
    double area() const {
        double sum = 0;
        for (int i = 0; i < size(); ++i) {
            const int j = next(i);
            sum += xy[2 * i] * xy[2 * j + 1] - xy[2 * i + 1] * xy[2 * j];
        }
        return 0.5 * sum;
    }
};

inline Shape polygon(const std::vector<double>& xy) {
    Shape s;
    s.xy = xy;
    s.close();
    s.slope.assign(s.xy.size() / 2, 1.0);
    return s;
}

inline void place(Shape& s, double angle, double dx, double dy) {
    const double c = std::cos(angle), n = std::sin(angle);
    for (std::size_t k = 0; k < s.xy.size(); k += 2) {
        const double x = s.xy[k], y = s.xy[k + 1];
        s.xy[k] = c * x - n * y + dx;
        s.xy[k + 1] = n * x + c * y + dy;
    }
}

// Around the origin with random radii; with a hole it is a ring of varying width.
inline Shape star(Random& r, int n, bool hole) {
    std::vector<double> angle(n), radius(n);
    for (int i = 0; i < n; ++i) angle[i] = 2 * pi * (i + r.between(0.02, 0.98)) / n;
    const double size = std::pow(10.0, r.between(0.5, 2.2)), rough = r.between(0.2, 0.95);
    for (int i = 0; i < n; ++i) radius[i] = size * r.between(1 - rough, 1);
    Shape s;
    for (int i = 0; i < n; ++i) s.add(radius[i] * std::cos(angle[i]), radius[i] * std::sin(angle[i]));
    s.close();
    if (hole) {
        const double f = r.between(0.2, 0.8);
        for (int i = n - 1; i >= 0; --i)
            s.add(f * radius[i] * std::cos(angle[i]), f * radius[i] * std::sin(angle[i]));
        s.close();
    }
    return s;
}

// Symmetric: alternating radii, everything happens at once.
inline Shape gear(Random& r, int teeth, double ratio) {
    Shape s;
    const double turn = r.below(2) ? r.between(0, pi) : 0.0;
    for (int i = 0; i < 2 * teeth; ++i) {
        const double a = turn + pi * i / teeth, q = i % 2 ? 10.0 * ratio : 10.0;
        s.add(q * std::cos(a), q * std::sin(a));
    }
    s.close();
    return s;
}

// The outline of a connected set of squares on a grid, courtyards included; no corner touches another.
inline Shape squares(Random& r, int side, int count, bool keep_collinear) {
    const int w = side + 2;
    std::vector<char> cell(w * w, 0);
    const auto full = [&](int x, int y) { return cell[y * w + x] != 0; };
    cell[(1 + side / 2) * w + 1 + side / 2] = 1;
    for (int k = 1, tries = 0; k < count && tries < 40 * count; ++tries) {
        const int x = 1 + r.below(side), y = 1 + r.below(side);
        if (full(x, y) || !(full(x - 1, y) || full(x + 1, y) || full(x, y - 1) || full(x, y + 1))) continue;
        bool touch = false;
        for (int dx = -1; dx <= 1; dx += 2) {
            for (int dy = -1; dy <= 1; dy += 2) {
                touch |= full(x + dx, y + dy) && !full(x + dx, y) && !full(x, y + dy);
                touch |= !full(x + dx, y + dy) && full(x + dx, y) && full(x, y + dy) && false;
            }
        }
        if (touch) continue;
        // A cell that closes a ring may leave an empty cell touching another one at a corner only.
        cell[y * w + x] = 1;
        for (int cy = 0; cy + 1 < w && !touch; ++cy) {
            for (int cx = 0; cx + 1 < w && !touch; ++cx) {
                const bool a = full(cx, cy), b = full(cx + 1, cy), c = full(cx, cy + 1),
                           d = full(cx + 1, cy + 1);
                touch = (a && d && !b && !c) || (b && c && !a && !d);
            }
        }
        if (touch) {
            cell[y * w + x] = 0;
            continue;
        }
        ++k;
    }
    // Walk the outlines with the filled cells on the left.
    static const int sx[4] = {1, 0, -1, 0}, sy[4] = {0, 1, 0, -1};
    const auto left = [&](int x, int y, int d) {  // the cell to the left of the step d from corner x, y
        return full(x - (d == 1 || d == 2), y - (d == 2 || d == 3));
    };
    const auto right = [&](int x, int y, int d) {
        return full(x - (d == 2 || d == 3), y - (d == 0 || d == 3));
    };
    std::vector<char> done(w * w, 0);
    std::vector<std::vector<double>> rings;
    for (int y = 1; y < w; ++y) {
        for (int x = 1; x < w; ++x) {
            if (!full(x, y) || full(x, y - 1) || done[y * w + x]) continue;
            std::vector<double> ring;
            int cx = x, cy = y, d = 0;
            do {
                if (d == 0) done[cy * w + cx] = 1;
                const int from = d;
                cx += sx[d];
                cy += sy[d];
                for (const int q : {3, 0, 1}) {
                    const int e = (d + q) % 4;
                    if (left(cx, cy, e) && !right(cx, cy, e)) {
                        d = e;
                        break;
                    }
                }
                if (d != from || keep_collinear) {
                    ring.push_back(cx);
                    ring.push_back(cy);
                }
            } while (!(cx == x && cy == y && d == 0));
            rings.push_back(ring);
        }
    }
    std::sort(rings.begin(), rings.end(), [](const auto& a, const auto& b) {
        const auto area = [](const std::vector<double>& q) {
            double sum = 0;
            for (std::size_t k = 0; k < q.size(); k += 2) {
                const std::size_t m = (k + 2) % q.size();
                sum += q[k] * q[m + 1] - q[k + 1] * q[m];
            }
            return sum;
        };
        return area(a) > area(b);
    });
    Shape s;
    for (const auto& ring : rings) {
        s.xy.insert(s.xy.end(), ring.begin(), ring.end());
        s.close();
    }
    return s;
}

// A random closed path, uncrossed: long winding arms.
inline Shape winding(Random& r, int n) {
    std::vector<std::pair<double, double>> p(n);
    for (auto& q : p) q = {r.between(-30, 30), r.between(-30, 30)};
    const auto crosses = [&](int i, int j) {
        const auto o = [&](int a, int b, int c) {
            return (p[b].first - p[a].first) * (p[c].second - p[a].second) -
                   (p[b].second - p[a].second) * (p[c].first - p[a].first);
        };
        const int a = i, b = (i + 1) % n, c = j, d = (j + 1) % n;
        return (o(a, b, c) > 0) != (o(a, b, d) > 0) && (o(c, d, a) > 0) != (o(c, d, b) > 0);
    };
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < n && !again; ++i) {
            for (int j = i + 2; j < n && !again; ++j) {
                if (i == 0 && j == n - 1) continue;
                if (crosses(i, j)) {
                    std::reverse(p.begin() + i + 1, p.begin() + j + 1);
                    again = true;
                }
            }
        }
    }
    Shape s;
    for (const auto& q : p) s.add(q.first, q.second);
    s.close();
    if (s.area() < 0) {
        std::reverse(p.begin(), p.end());
        s.xy.clear();
        for (const auto& q : p) s.add(q.first, q.second);
    }
    return s;
}

// More vertices on the edges, up to `off` metres from them, and everything rounded to a millimetre grid.
inline Shape crumple(Random& r, const Shape& s, double off, bool round) {
    Shape out;
    for (std::int64_t ring = 0; ring < s.rings(); ++ring) {
        for (std::int64_t i = s.offsets[ring]; i < s.offsets[ring + 1]; ++i) {
            const int j = s.next(static_cast<int>(i));
            const double ax = s.xy[2 * i], ay = s.xy[2 * i + 1], bx = s.xy[2 * j], by = s.xy[2 * j + 1];
            out.add(ax, ay);
            if (r.below(3) != 0 || std::hypot(bx - ax, by - ay) < 0.5) continue;
            const double t = r.between(0.2, 0.8);
            out.add(ax + t * (bx - ax) + r.between(-off, off), ay + t * (by - ay) + r.between(-off, off));
        }
        out.close();
    }
    for (double& c : out.xy) {
        if (round) c = std::round(c * 1000) / 1000;
    }
    return out;
}

// style 0: all equal; 1: random 10..80 degrees; 2: of two pitches. gables: share of the edges that have
// two convex corners to be turned into gable ends (never all of them).
inline void pitch(Random& r, Shape& s, int style, double gables) {
    const int n = s.size();
    s.slope.resize(n);
    const double one = std::tan(r.between(10, 80) * pi / 180), two = std::tan(r.between(10, 80) * pi / 180);
    for (int i = 0; i < n; ++i) {
        s.slope[i] = style == 0   ? one
                     : style == 1 ? std::tan(r.between(10, 80) * pi / 180)
                     : r.below(2) ? one
                                  : two;
    }
    bool sloped = false;
    for (int i = 0; i < n; ++i) {
        const bool fits = gables > 0 && s.turn(i) > 1e-6 && s.turn(s.next(i)) > 1e-6;
        if (fits && r.unit() < gables && (sloped || i + 1 < n)) {
            s.slope[i] = gable;
        } else {
            sloped = true;
        }
    }
}

}  // namespace shapes
