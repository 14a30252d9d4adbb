#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "geovision/evidence.hpp"
#include "geovision/parallel.hpp"

namespace geovision {
namespace {

// Thresholds are from AHN3 (Delft), where classes told trees from roofs: with them 85 of 100 tree points and
// 1 of 100 roof points are called vegetation.
constexpr double wanted_neighbours = 45.0;
constexpr double least_radius = 0.6, most_radius = 4.0;  // metres
constexpr std::size_t least_neighbours = 6, most_neighbours = 32;
constexpr double leafy_share = 0.7;        // on one plane, at most
constexpr double leafy_echoes = 0.5;       // of several, at least
constexpr double leafy_share_blind = 0.3;  // where nothing is known of echoes
constexpr double roof_share = 0.5;
constexpr float ground_above = 0.4F;  // metres
constexpr float roof_above = 1.5F;    // metres
constexpr float eaves = 1.0F;         // metres outside the outline

struct Neighbour {
    double x, y, z;
    std::int64_t index;
};

// The measurements of one building in square cells, as wide as the balls that are looked into.
class Neighbours {
public:
    Neighbours(const double* xyz, std::int64_t count) : xyz_(xyz) {
        double east = xyz[0], north = xyz[1];
        west_ = east;
        south_ = north;
        for (std::int64_t i = 1; i < count; ++i) {
            const double* p = xyz + 3 * i;
            west_ = std::min(west_, p[0]);
            south_ = std::min(south_, p[1]);
            east = std::max(east, p[0]);
            north = std::max(north, p[1]);
        }
        const double area = std::max((east - west_) * (north - south_), 1.0);
        const double density = static_cast<double>(count) / area;
        radius_ = std::clamp(std::sqrt(wanted_neighbours / 3.14159 / density), least_radius, most_radius);
        columns_ = column(east) + 1;
        rows_ = row(north) + 1;
        first_.assign(static_cast<std::size_t>(columns_ * rows_ + 1), 0);
        for (std::int64_t i = 0; i < count; ++i) ++first_[cell_of(i) + 1];
        for (std::size_t c = 1; c < first_.size(); ++c) first_[c] += first_[c - 1];
        order_.resize(static_cast<std::size_t>(count));
        std::vector<std::int64_t> next(first_.begin(), first_.end() - 1);
        for (std::int64_t i = 0; i < count; ++i) order_[static_cast<std::size_t>(next[cell_of(i)]++)] = i;
    }

    // Measurements within a ball round measurement i, itself included, relative to it.
    void around(std::int64_t i, std::vector<Neighbour>& out) const {
        out.clear();
        const double* p = xyz_ + 3 * i;
        const std::int64_t c0 = column(p[0]), r0 = row(p[1]);
        for (std::int64_t r = std::max<std::int64_t>(r0 - 1, 0); r <= std::min(r0 + 1, rows_ - 1); ++r) {
            const auto from = static_cast<std::size_t>(r * columns_ + std::max<std::int64_t>(c0 - 1, 0));
            const auto to = static_cast<std::size_t>(r * columns_ + std::min(c0 + 1, columns_ - 1) + 1);
            for (auto k = first_[from]; k < first_[to]; ++k) {
                const std::int64_t j = order_[static_cast<std::size_t>(k)];
                const double* q = xyz_ + 3 * j;
                const Neighbour n{q[0] - p[0], q[1] - p[1], q[2] - p[2], j};
                if (n.x * n.x + n.y * n.y + n.z * n.z <= radius_ * radius_) out.push_back(n);
            }
        }
        thin(out);
    }

private:
    // Every k-th: where points are dense their number adds nothing.
    static void thin(std::vector<Neighbour>& list) {
        if (list.size() <= most_neighbours) return;
        const std::size_t step = (list.size() + most_neighbours - 1) / most_neighbours;
        std::size_t kept = 0;
        for (std::size_t k = 0; k < list.size(); k += step) list[kept++] = list[k];
        list.resize(kept);
    }

    std::int64_t column(double x) const { return static_cast<std::int64_t>((x - west_) / radius_); }
    std::int64_t row(double y) const { return static_cast<std::int64_t>((y - south_) / radius_); }
    std::size_t cell_of(std::int64_t i) const {
        const double* p = xyz_ + 3 * i;
        return static_cast<std::size_t>(column(p[0]) + row(p[1]) * columns_);
    }

    const double* xyz_;
    double west_, south_, radius_;
    std::int64_t columns_, rows_;
    std::vector<std::int64_t> first_, order_;
};

// Unit normal of the plane of least weighted squares: the eigenvector of the smallest eigenvalue of a
// symmetric matrix (xx, xy, xz, yy, yz, zz), the value by its closed form and the vector by a cross product
// (Kopp 2008). False for a matrix without one smallest direction.
bool smallest_direction(const std::array<double, 6>& m, std::array<double, 3>& normal) {
    const double xx = m[0], xy = m[1], xz = m[2], yy = m[3], yz = m[4], zz = m[5];
    const double mean = (xx + yy + zz) / 3.0;
    const double a = xx - mean, b = yy - mean, c = zz - mean;
    const double p = std::sqrt((a * a + b * b + c * c + 2.0 * (xy * xy + xz * xz + yz * yz)) / 6.0);
    if (!(p > 1e-12)) return false;
    const double half_det =
        (a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)) / (2.0 * p * p * p);
    const double angle = std::acos(std::clamp(half_det, -1.0, 1.0)) / 3.0;
    const double least = mean + 2.0 * p * std::cos(angle + 2.0943951023931953);
    const std::array<std::array<double, 3>, 3> rows{
        {{xx - least, xy, xz}, {xy, yy - least, yz}, {xz, yz, zz - least}}};
    double best = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
        const auto &u = rows[i], &v = rows[(i + 1) % 3];
        const std::array<double, 3> w{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                                      u[0] * v[1] - u[1] * v[0]};
        const double length2 = w[0] * w[0] + w[1] * w[1] + w[2] * w[2];
        if (length2 > best) {
            best = length2;
            normal = w;
        }
    }
    if (!(best > 0.0)) return false;
    for (double& v : normal) v /= std::sqrt(best);
    return true;
}

// The plane that most of some neighbours agree on, by a few rounds of reweighting.
class Consensus {
public:
    // Share of the neighbours within a tolerance of the plane.
    double share(const std::vector<Neighbour>& list, double tolerance) {
        constexpr int rounds = 4;
        constexpr double good = 0.9, wide = 0.3;
        off_.assign(list.size(), 0.0);
        double share = 0.0;
        for (int round = 0; round < rounds && share < good; ++round) {
            std::array<double, 3> normal{};
            const Neighbour middle = fit(list, round == 1 ? std::max(wide, tolerance) : tolerance, normal);
            if (middle.index < 0) return share;
            std::size_t near = 0;
            for (std::size_t k = 0; k < list.size(); ++k) {
                off_[k] = (list[k].x - middle.x) * normal[0] + (list[k].y - middle.y) * normal[1] +
                          (list[k].z - middle.z) * normal[2];
                near += std::abs(off_[k]) < tolerance;
            }
            share = static_cast<double>(near) / static_cast<double>(list.size());
        }
        return share;
    }

private:
    // A point of the plane (with index -1 where there is none) and its normal, from the last distances.
    Neighbour fit(const std::vector<Neighbour>& list, double scale, std::array<double, 3>& normal) {
        weight_.resize(list.size());
        double w = 0, x = 0, y = 0, z = 0;
        for (std::size_t k = 0; k < list.size(); ++k) {
            const double q = off_[k] / scale;
            const double v = weight_[k] = 1.0 / (1.0 + q * q * q * q);
            w += v;
            x += v * list[k].x;
            y += v * list[k].y;
            z += v * list[k].z;
        }
        Neighbour middle{x / w, y / w, z / w, 0};
        std::array<double, 6> m{};
        for (std::size_t k = 0; k < list.size(); ++k) {
            const double v = weight_[k];
            const double dx = list[k].x - middle.x, dy = list[k].y - middle.y, dz = list[k].z - middle.z;
            m[0] += v * dx * dx;
            m[1] += v * dx * dy;
            m[2] += v * dx * dz;
            m[3] += v * dy * dy;
            m[4] += v * dy * dz;
            m[5] += v * dz * dz;
        }
        if (!smallest_direction(m, normal)) middle.index = -1;
        return middle;
    }

    std::vector<double> off_, weight_;
};

class Judge {
public:
    explicit Judge(const Surroundings& s) : s_(s) {}

    void building(std::int64_t b, std::uint8_t* kind) {
        const std::int64_t from = s_.offsets[b], to = s_.offsets[b + 1];
        const auto unknown = static_cast<std::uint8_t>(PointKind::unknown);
        if (std::find(kind + from, kind + to, unknown) == kind + to) return;
        const Neighbours neighbours(s_.xyz + 3 * from, to - from);
        for (std::int64_t i = from; i < to; ++i) {
            if (kind[i] != unknown) continue;
            if (s_.above[i] < ground_above) {
                kind[i] = static_cast<std::uint8_t>(PointKind::ground);
                continue;
            }
            neighbours.around(i - from, list_);
            PointKind found = list_.size() >= least_neighbours ? by_shape(i, from) : PointKind::unknown;
            if (s_.rival[i] != 0 && found != PointKind::vegetation) found = PointKind::neighbour;
            kind[i] = static_cast<std::uint8_t>(found);
        }
    }

private:
    PointKind by_shape(std::int64_t i, std::int64_t from) {
        const double share = consensus_.share(list_, s_.tolerance[i]);
        const double echoes = several(from);
        const bool blind = echoes < 0.0;
        const bool leafy = blind ? share < leafy_share_blind : share < leafy_share && echoes > leafy_echoes;
        if (leafy) return PointKind::vegetation;
        const bool high = !(s_.above[i] < roof_above);
        const bool roof = share >= roof_share && high && s_.distance[i] <= eaves;
        return roof && !s_.buildings_by_class ? PointKind::building : PointKind::unknown;
    }

    // Share of the neighbours that are one of several echoes; negative where the file does not say.
    double several(std::int64_t from) const {
        std::size_t known = 0, many = 0;
        for (const Neighbour& n : list_) {
            const auto echo = static_cast<Echo>(s_.echo[from + n.index]);
            known += echo != Echo::unknown;
            many += echo == Echo::last || echo == Echo::earlier;
        }
        return known == 0 ? -1.0 : static_cast<double>(many) / static_cast<double>(known);
    }

    const Surroundings& s_;
    std::vector<Neighbour> list_;
    Consensus consensus_;
};

}  // namespace

bool judge_kinds(const Surroundings& s, std::uint8_t* kind, int threads, const std::atomic<bool>* cancel) {
    return parallel_blocks(s.buildings, threads, cancel, [&] {
        return [judge = Judge(s), kind](std::int64_t b) mutable { judge.building(b, kind); };
    });
}

}  // namespace geovision
