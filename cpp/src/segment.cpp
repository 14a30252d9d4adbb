#include "geovision/segment.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace geovision {

namespace {

constexpr int usual_neighbours = 10, most_neighbours = 32;
constexpr float no_plane = 1e3f;
constexpr std::int32_t taken = std::numeric_limits<std::int32_t>::max();  // a visit after all others
constexpr double radian = 3.14159265358979323846 / 180;

// The least squared distances seen, in order, with where they were seen in the low bits of the same number:
// so a new one takes its place without a branch. Those that agree to eight digits are in the order of places.
// With the usual number of neighbours known to the compiler all of them stay in registers.
template <int room>
class Nearest {
public:
    explicit Nearest(int count) : count_(count) {
        keys_[0] = -1;  // before the first stands what nothing is less than
        for (int m = 1; m <= count; ++m) keys_[m] = std::numeric_limits<double>::infinity();
    }

    double farthest() const { return keys_[count_]; }

    void add(double distance2, std::int32_t place) {
        std::uint64_t bits;
        std::memcpy(&bits, &distance2, sizeof bits);
        bits = (bits & ~places) | std::uint64_t(place);
        double key;
        std::memcpy(&key, &bits, sizeof key);
        if constexpr (room == usual_neighbours)
            move_all<room>(key);
        else
            for (int m = count_; m >= 1; --m) move(m, key);
    }

    // The places from the nearest on; how many there are.
    int sorted(std::int32_t (&out)[room]) const {
        int found = 0;
        for (int m = 1; m <= count_; ++m) {
            std::uint64_t bits;
            std::memcpy(&bits, keys_ + m, sizeof bits);
            out[m - 1] = std::int32_t(bits & places);
            found += keys_[m] < std::numeric_limits<double>::infinity();
        }
        return found;
    }

private:
    void move(int m, double key) { keys_[m] = std::max(keys_[m - 1], std::min(keys_[m], key)); }

    // Written out and not as a loop, which would be made one of pairs in memory that wait for one another.
    template <int m>
    void move_all(double key) {
        move(m, key);
        if constexpr (m > 1) move_all<m - 1>(key);
    }

    static constexpr std::uint64_t places = (std::uint64_t{1} << 25) - 1;

    int count_;
    double keys_[room + 1];
};

}  // namespace

void Segmenter::run(const double* points, std::int64_t count, double area, const SegmentOptions& options,
                    Segmentation& result) {
    p_ = points, o_ = options, out_ = &result;
    o_.neighbours = std::clamp(o_.neighbours, 3, most_neighbours);
    const auto n = std::size_t(count);
    result.region.assign(n, Segmentation::none);
    result.planes.clear();
    result.spacing = std::clamp(std::sqrt(area / double(std::max<std::int64_t>(1, count))), 0.05, 4.0);
    result.scatter = o_.noise;
    least_ = std::size_t(std::max(double(o_.min_points), o_.least_area / (result.spacing * result.spacing)));
    if (count < 3) return;
    subset_.resize(n);
    for (std::size_t i = 0; i < n; ++i) subset_[i] = std::int32_t(i);
    near_.resize(n * std::size_t(o_.neighbours));
    normal_.assign(n, {0, 0, 1, no_plane});
    visited_.assign(n, 0);
    visit_ = 0;
    for (int pass = 0; pass < 3; ++pass) {
        if (subset_.size() < least_) break;
        index();
        find_normals();
        if (pass == 0) measure_scatter();
        grow(std::cos((o_.normal_deg + 15 * pass) * radian));
        const auto taken = [&](std::int32_t i) {
            return result.region[std::size_t(i)] != Segmentation::none;
        };
        subset_.erase(std::remove_if(subset_.begin(), subset_.end(), taken), subset_.end());
    }
}

// Buckets the subset by plan position.
void Segmenter::index() {
    double x1 = -std::numeric_limits<double>::infinity(), y1 = x1;
    x0_ = y0_ = -x1;
    for (const std::int32_t i : subset_) {
        x0_ = std::min(x0_, p_[3 * i]), x1 = std::max(x1, p_[3 * i]);
        y0_ = std::min(y0_, p_[3 * i + 1]), y1 = std::max(y1, p_[3 * i + 1]);
    }
    cell_ = 2 * out_->spacing;
    // Not many more cells than points: a stray point far away costs no memory.
    while ((x1 - x0_ + cell_) * (y1 - y0_ + cell_) > (4 * double(subset_.size()) + 64) * cell_ * cell_)
        cell_ *= 1.5;
    columns_ = std::int32_t((x1 - x0_) / cell_) + 1, rows_ = std::int32_t((y1 - y0_) / cell_) + 1;
    const auto cells = std::size_t(columns_) * std::size_t(rows_);
    cell_begin_.assign(cells + 1, 0);
    const auto cell_of = [&](std::int32_t i) {
        return std::size_t((p_[3 * i + 1] - y0_) / cell_) * std::size_t(columns_) +
               std::size_t((p_[3 * i] - x0_) / cell_);
    };
    for (const std::int32_t i : subset_) ++cell_begin_[cell_of(i) + 1];
    for (std::size_t c = 0; c < cells; ++c) cell_begin_[c + 1] += cell_begin_[c];
    cursor_.assign(cell_begin_.begin(), cell_begin_.end() - 1);
    cell_item_.resize(subset_.size());
    for (const std::int32_t i : subset_) cell_item_[std::size_t(cursor_[cell_of(i)]++)] = i;
    // In the order of the cells, so that neighbours are read one after the other.
    cell_xyz_.resize(3 * subset_.size());
    for (std::size_t s = 0; s < subset_.size(); ++s) {
        const double* q = p_ + 3 * std::size_t(cell_item_[s]);
        std::copy(q, q + 3, cell_xyz_.begin() + std::ptrdiff_t(3 * s));
    }
}

void Segmenter::find_normals() {
    if (o_.neighbours == usual_neighbours)
        for (const std::int32_t i : subset_) find_normal<usual_neighbours>(i);
    else
        for (const std::int32_t i : subset_) find_normal<most_neighbours>(i);
}

// The nearest of those in the nine cells round a point, and the plane through them.
template <int room>
void Segmenter::find_normal(std::int32_t i) {
    const int k = room == usual_neighbours ? room : o_.neighbours;
    Nearest<room> nearest(k);
    const double px = p_[3 * i], py = p_[3 * i + 1], pz = p_[3 * i + 2];
    const auto cx = std::int32_t((px - x0_) / cell_), cy = std::int32_t((py - y0_) / cell_);
    // The point's own row first: most of the nearest are there, and the others are then soon told apart.
    for (const std::int32_t row : {cy, cy - 1, cy + 1}) {
        if (row < 0 || row >= rows_) continue;
        const std::size_t base = std::size_t(row) * std::size_t(columns_);
        const std::int32_t begin = cell_begin_[base + std::size_t(std::max(0, cx - 1))];
        const std::int32_t end = cell_begin_[base + std::size_t(std::min(columns_ - 1, cx + 1)) + 1];
        for (std::int32_t s = begin; s < end; ++s) {
            const double* q = cell_xyz_.data() + 3 * std::size_t(s);
            const double dx = q[0] - px, dy = q[1] - py, dz = q[2] - pz;
            const double d = dx * dx + dy * dy + dz * dz;
            if (d < nearest.farthest() && cell_item_[std::size_t(s)] != i) nearest.add(d, s);
        }
    }
    std::int32_t* list = near_.data() + std::size_t(i) * std::size_t(k);
    std::fill(list, list + k, -1);
    PlaneSums sums;
    sums.add(0, 0, 0);
    std::int32_t places[room];
    const int found = nearest.sorted(places);
    for (int m = 0; m < found; ++m) {
        const auto s = std::size_t(places[m]);
        const double* q = cell_xyz_.data() + 3 * s;
        list[m] = cell_item_[s];
        sums.add(q[0] - px, q[1] - py, q[2] - pz);
    }
    Normal& normal = normal_[std::size_t(i)];
    normal = {0, 0, 1, no_plane};
    if (found < 4) return;
    double v[3], deviation;
    sums.across(v, &deviation);
    normal = {float(v[0]), float(v[1]), float(v[2]), float(deviation)};
}

// Half of all points lie on something flat: their deviation from it is the noise to expect.
void Segmenter::measure_scatter() {
    seeds_.clear();
    for (const std::int32_t i : subset_) seeds_.push_back({normal_[std::size_t(i)].flatness, i});
    const auto middle = seeds_.begin() + std::ptrdiff_t(seeds_.size() / 2);
    std::nth_element(seeds_.begin(), middle, seeds_.end());
    // Ten neighbours and three parameters: the deviation is too small by a factor of about 1.2.
    out_->scatter = std::clamp(1.2 * double(middle->first), o_.noise, 0.15);
    tolerance_ = o_.reach * out_->scatter;
}

void Segmenter::grow(double cosine) {
    seeds_.clear();
    for (const std::int32_t i : subset_) seeds_.push_back({normal_[std::size_t(i)].flatness, i});
    std::sort(seeds_.begin(), seeds_.end());
    for (const auto& seed : seeds_) {
        if (double(seed.first) > tolerance_) break;
        if (out_->region[std::size_t(seed.second)] == Segmentation::none) grow_from(seed.second, cosine);
    }
}

void Segmenter::grow_from(std::int32_t seed, double cosine) {
    const Normal& first = normal_[std::size_t(seed)];
    double n[3] = {double(first.x), double(first.y), double(first.z)};
    double o[3] = {p_[3 * seed], p_[3 * seed + 1], p_[3 * seed + 2]};
    const double sx = o[0], sy = o[1], sz = o[2];
    double offset = 0;
    PlaneSums sums;
    member_.assign(1, seed);
    visited_[std::size_t(seed)] = ++visit_;
    sums.add(0, 0, 0);
    std::size_t refit = 6;
    for (std::size_t at = 0; at < member_.size(); ++at) {
        const std::int32_t* list = near_.data() + std::size_t(member_[at]) * std::size_t(o_.neighbours);
        for (int m = 0; m < o_.neighbours && list[m] >= 0; ++m) {
            const std::int32_t j = list[m];
            if (visited_[std::size_t(j)] >= visit_) continue;
            const double qx = p_[3 * j] - sx, qy = p_[3 * j + 1] - sy, qz = p_[3 * j + 2] - sz;
            const double distance = std::abs(n[0] * qx + n[1] * qy + n[2] * qz - offset);
            if (distance > tolerance_) continue;
            const Normal& v = normal_[std::size_t(j)];
            const double agree = std::abs(n[0] * double(v.x) + n[1] * double(v.y) + n[2] * double(v.z));
            // A point on an edge has a poor normal; it may join where it lies well on the plane.
            if (agree < cosine && !(double(v.flatness) > tolerance_ && distance < 0.5 * tolerance_)) continue;
            visited_[std::size_t(j)] = visit_;
            member_.push_back(j);
            sums.add(qx, qy, qz);
        }
        if (member_.size() >= refit) {
            double deviation;
            sums.across(n, &deviation);
            offset = (n[0] * sums.x + n[1] * sums.y + n[2] * sums.z) / sums.w;
            refit = refit + refit / 2;
        }
    }
    if (member_.size() < least_) return;
    double deviation;
    sums.across(n, &deviation);
    std::int32_t id = Segmentation::wall;
    RoofPlane plane;
    if (n[2] * n[2] * (1 + o_.wall_slope * o_.wall_slope) > 1) {
        if (!sums.solve(&plane)) return;
        plane.c += sz - plane.a * sx - plane.b * sy;
        id = std::int32_t(out_->planes.size());
        out_->planes.push_back(plane);
    }
    for (const std::int32_t i : member_) out_->region[std::size_t(i)] = id, visited_[std::size_t(i)] = taken;
}

}  // namespace geovision
