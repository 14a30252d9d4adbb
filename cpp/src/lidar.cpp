#include "geovision/lidar.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "geovision/noise.hpp"
#include "geovision/parallel.hpp"
#include "geovision/types.hpp"
#include "lidar_flight.hpp"
#include "noise_quantiles.hpp"
#include "ray_grid.hpp"

namespace geovision {
namespace {

constexpr int lines_a_block = 32;
constexpr double metres_a_second = 60.0;  // of the aircraft
constexpr double crown_step = 0.35;       // metres between looks for leaves
constexpr float weakest = 0.04f;          // share of a pulse that a receiver still notices
constexpr double degrees = 57.29577951308232;
constexpr double margin = 60.0;   // metres; slanting beams on their way to the border see what stands outside
constexpr double largest = 25e6;  // square metres: what is looked up by place takes 70 bytes for each

// Draws of one pulse: a fresh number each time it is asked.
class Draws {
public:
    explicit Draws(std::uint32_t key) : key_(key) {}
    float uniform() { return unit(next()); }
    float gauss() { return normal(next()); }

private:
    std::uint32_t next() { return hash32(key_ += 0x9e3779b9u); }
    std::uint32_t key_;
};

// Something that sent light back.
struct Echo {
    double t;
    float energy;
    std::int32_t id;  // as in RayHit, or crown_base - crown
};
constexpr std::int32_t crown_base = -16;

struct StripError {
    double x, y, z;
};

class Scanner {
public:
    Scanner(const SceneMesh& scene, const LidarOptions& options, const RayGrid& grid, const Flight& flight)
        : scene_(scene), options_(options), grid_(grid), flight_(flight) {
        sparse_above_ = noise_quantile(static_cast<float>(1.0 - options.sparse_share));
    }

    void line(std::int64_t strip, std::int64_t number, std::vector<LidarPoint>& out) {
        const Flight::Span pulses = flight_.pulses(strip, number);
        const StripError error = error_of(strip);
        for (std::int64_t p = pulses.first; p <= pulses.last; ++p) {
            // A strip that is flown back meets its lines, and its pulses, the other way round.
            const std::int64_t index = flight_.back(strip) ? pulses.last - (p - pulses.first) : p;
            const PulseKey key{strip, number, index};
            if (flight_.near(key)) fire(strip, flight_.pulse(key), error, out);
        }
    }

private:
    StripError error_of(std::int64_t strip) const {
        Draws draws(hash32(options_.seed ^ 0x3c6ef372u, lattice(strip)));
        const double x = options_.strip_shift * draws.gauss(), y = options_.strip_shift * draws.gauss();
        return {x, y, options_.strip_lift * draws.gauss()};
    }

    void fire(std::int64_t strip, const Pulse& pulse, const StripError& error, std::vector<LidarPoint>& out) {
        crowns_.clear();
        bool crowded = false;
        const RayHit hit = grid_.cast(pulse.ray, &crowns_, crowded);
        const double far =
            hit.id == RayGrid::nothing ? (grid_.lowest() - pulse.ray.from[2]) / pulse.ray.step[2] : hit.t;
        const double x = pulse.ray.from[0] + far * pulse.ray.step[0] + scene_.origin[0],
                     y = pulse.ray.from[1] + far * pulse.ray.step[1] + scene_.origin[1];
        const auto& b = options_.bounds;
        if (!(x >= b[0] && y >= b[1] && x < b[2] && y < b[3])) return;
        Draws draws(pulse.key ^ 0xa54ff53au);
        if (draws.uniform() < options_.dropout) return;
        if (options_.sparse_share > 0.0 &&
            value_noise(x / options_.sparse_length, y / options_.sparse_length, options_.seed) >=
                sparse_above_ &&
            draws.uniform() < 0.8f) {
            return;
        }
        echoes_.clear();
        const float left = leaves(pulse.ray, far, pulse.key);
        surfaces(pulse, hit, crowded, left, draws);
        emit(strip, pulse, error, draws, out);
    }

    // What crowns send back before the hard surface; returns the share of the pulse that gets through.
    float leaves(const Ray& ray, double far, std::uint32_t key) {
        for (const std::int32_t crown : crowns_) crown_echoes(ray, crown, far, key);
        std::sort(echoes_.begin(), echoes_.end(), [](const Echo& a, const Echo& b) { return a.t < b.t; });
        float left = 1.0f;
        for (Echo& echo : echoes_) {
            const float caught = left * echo.energy;
            left -= caught;
            echo.energy = caught;
        }
        return left;
    }

    void crown_echoes(const Ray& ray, std::int32_t index, double far, std::uint32_t key) {
        const Crown& crown = grid_.crown(index);
        // Of its own, for the order in which crowns are found says nothing.
        Draws draws(hash32(key, crown.key()));
        const double density = scene_.trees.density[grid_.tree_of(index)];
        // The part of the ray inside the cylinder that the crown keeps within.
        const double begin_z = (crown.highest() - ray.from[2]) / ray.step[2],
                     end_z = std::min(far, (crown.lowest() - ray.from[2]) / ray.step[2]);
        const double px = ray.from[0] - crown.x(), py = ray.from[1] - crown.y();
        const double flat = ray.step[0] * ray.step[0] + ray.step[1] * ray.step[1],
                     towards = px * ray.step[0] + py * ray.step[1],
                     beyond = px * px + py * py - crown.reach() * crown.reach();
        const double root = towards * towards - flat * beyond;
        if (root <= 0.0 && beyond > 0.0) return;
        double begin = begin_z, end = end_z;
        if (flat > 1e-12) {
            begin = std::max(begin, (-towards - std::sqrt(std::max(0.0, root))) / flat);
            end = std::min(end, (-towards + std::sqrt(std::max(0.0, root))) / flat);
        }
        const auto chance = static_cast<float>(1.0 - std::exp(-density * crown_step));
        // The skin is looked up anew where the ray has moved on by more than leaves are wide.
        const double pace = std::sqrt(flat) * crown_step;
        double moved = 1.0, bottom = 0.0, top = 0.0;
        bool within = false;
        for (double t = begin + crown_step * static_cast<double>(draws.uniform()); t < end; t += crown_step) {
            moved += pace;
            if (moved > 0.15) {
                within =
                    crown.span(ray.from[0] + t * ray.step[0], ray.from[1] + t * ray.step[1], bottom, top);
                moved = 0.0;
            }
            const double z = ray.from[2] + t * ray.step[2];
            if (!within || z > top || z < bottom || draws.uniform() >= chance) continue;
            echoes_.push_back({t, 0.3f + 0.6f * draws.uniform(), crown_base - index});
        }
    }

    // The beam is a bundle of five rays, of which the middle one has been cast.
    void surfaces(const Pulse& pulse, const RayHit& middle, bool crowded, float left, Draws& draws) {
        if (left < weakest) return;
        const double radius = 0.0005 * options_.divergence_mrad;
        // A spot that lies wholly on one triangle, or on open ground, has one distance.
        if (!crowded || radius == 0.0 || middle.inside > 2.0 * radius * middle.t) {
            add(pulse.ray, middle, left);
            return;
        }
        add(pulse.ray, middle, 0.4f * left);
        // Turned at random, so that edges are not met in one direction only.
        const double turn = 1.5707963267948966 * static_cast<double>(draws.uniform());
        const double c = std::cos(turn), s = std::sin(turn);
        const auto& d = pulse.ray.step;
        // Two directions square to the beam.
        const double level = std::sqrt(d[0] * d[0] + d[2] * d[2]);
        const std::array<double, 3> right{-d[2] / level, 0.0, d[0] / level};
        const std::array<double, 3> up{d[1] * right[2], d[2] * right[0] - d[0] * right[2], -d[1] * right[0]};
        const double offsets[4][2] = {{c, s}, {-s, c}, {-c, -s}, {s, -c}};
        for (const auto& offset : offsets) {
            Ray ray = pulse.ray;
            double square = 0.0;
            for (std::size_t k = 0; k < 3; ++k) {
                ray.step[k] += 0.75 * radius * (offset[0] * right[k] + offset[1] * up[k]);
                square += ray.step[k] * ray.step[k];
            }
            for (double& component : ray.step) component /= std::sqrt(square);
            bool unused = false;
            add(ray, grid_.cast(ray, nullptr, unused), 0.15f * left);
        }
    }

    void add(const Ray& ray, const RayHit& hit, float share) {
        if (hit.id == RayGrid::nothing) return;
        echoes_.push_back({hit.t, share * sent_back(ray, hit), hit.id});
    }

    // Share of the light that a hard surface sends back: its material, and how squarely it is met.
    float sent_back(const Ray& ray, const RayHit& hit) const {
        if (hit.id == RayGrid::ground) {
            const std::int32_t polygon = cover_under(ray, hit.t);
            const std::uint8_t material =
                polygon < 0 ? scene_.terrain.material : scene_.cover.material[polygon];
            return reflectance(material).laser * static_cast<float>(-ray.step[2]);
        }
        const auto& n = grid_.normal(hit.id);
        const double facing =
            std::fabs(static_cast<double>(n[0]) * ray.step[0] + static_cast<double>(n[1]) * ray.step[1] +
                      static_cast<double>(n[2]) * ray.step[2]);
        return reflectance(scene_.material[hit.id]).laser * static_cast<float>(std::max(0.05, facing));
    }

    std::int32_t cover_under(const Ray& ray, double t) const {
        return grid_.cover_at(ray.from[0] + t * ray.step[0], ray.from[1] + t * ray.step[1]);
    }

    // Echoes nearer to each other than the receiver can tell become one, which lies on what sent most of it.
    void merge() {
        std::sort(echoes_.begin(), echoes_.end(), [](const Echo& a, const Echo& b) { return a.t < b.t; });
        std::size_t kept = 0;
        for (std::size_t first = 0; first < echoes_.size();) {
            std::size_t last = first + 1;
            while (last < echoes_.size() && echoes_[last].t - echoes_[first].t < options_.separation) ++last;
            std::size_t strongest = first;
            float energy = 0.0f;
            for (std::size_t i = first; i < last; ++i) {
                energy += echoes_[i].energy;
                if (echoes_[i].energy > echoes_[strongest].energy) strongest = i;
            }
            double range = 0.0, weight = 0.0;
            for (std::size_t i = first; i < last; ++i) {
                if (!same_surface(echoes_[i].id, echoes_[strongest].id)) continue;
                range += static_cast<double>(echoes_[i].energy) * echoes_[i].t;
                weight += static_cast<double>(echoes_[i].energy);
            }
            const Echo merged{weight > 0.0 ? range / weight : echoes_[strongest].t, energy,
                              echoes_[strongest].id};
            first = last;
            if (energy >= weakest * 0.1f) echoes_[kept++] = merged;
        }
        echoes_.resize(std::min(kept, static_cast<std::size_t>(options_.most_returns)));
    }

    bool same_surface(std::int32_t a, std::int32_t b) const {
        if (a == b) return true;
        return a >= 0 && b >= 0 && scene_.surface[a] >= 0 && scene_.surface[a] == scene_.surface[b];
    }

    void emit(std::int64_t strip, const Pulse& pulse, const StripError& error, Draws& draws,
              std::vector<LidarPoint>& out) {
        merge();
        const std::size_t begin = out.size();
        for (const Echo& echo : echoes_) {
            LidarPoint point{};
            if (!describe(pulse, echo, draws, point)) continue;
            place(pulse, echo.t, error, draws, point);
            point.strip = static_cast<std::uint16_t>(strip & 0xffff);
            const double flown = flight_.back(strip) ? -pulse.along : pulse.along;
            point.time =
                7200.0 * point.strip + (flown - 432000.0 * std::floor(flown / 432000.0)) / metres_a_second;
            point.scan_angle = static_cast<float>(degrees * pulse.angle);
            out.push_back(point);
        }
        const auto count = static_cast<std::uint8_t>(out.size() - begin);
        for (std::size_t i = begin; i < out.size(); ++i) {
            out[i].return_number = static_cast<std::uint8_t>(i - begin + 1);
            out[i].number_of_returns = count;
        }
    }

    // What the echo came from. False where it never comes back.
    bool describe(const Pulse& pulse, const Echo& echo, Draws& draws, LidarPoint& point) const {
        point.building = point.surface = -1;
        float energy = echo.energy;
        if (echo.id <= crown_base) {
            const bool needles = scene_.trees.conifer[grid_.tree_of(crown_base - echo.id)];
            energy *=
                reflectance(static_cast<std::uint8_t>(needles ? Material::needles : Material::foliage)).laser;
            point.label = static_cast<std::uint8_t>(SceneLabel::tree);
            point.classification = options_.tree_class;
        } else if (echo.id == RayGrid::ground) {
            const std::int32_t polygon = cover_under(pulse.ray, echo.t);
            const bool water =
                polygon >= 0 && scene_.cover.material[polygon] == static_cast<std::uint8_t>(Material::water);
            if (water && draws.uniform() < options_.water_dropout) return false;
            point.label = static_cast<std::uint8_t>(SceneLabel::terrain);
            point.classification = water ? options_.water_class : options_.ground_class;
        } else {
            point.label = scene_.label[echo.id];
            point.building = scene_.building[echo.id];
            point.classification = class_of(point.label, point.building);
            point.surface = scene_.surface[echo.id];
        }
        const float grain = 1.0f + 0.08f * draws.gauss();
        point.intensity = static_cast<std::uint16_t>(std::clamp(energy * grain * 65535.0f, 1.0f, 65535.0f));
        return true;
    }

    std::uint8_t class_of(std::uint8_t label, std::int32_t building) const {
        // What belongs to a building without being a face of it, as solar modules do, lies on its roof.
        if (seen_as(label) != see::building) return building >= 0 ? options_.roof_class : options_.car_class;
        switch (static_cast<Label>(label)) {
            case Label::wall:
            case Label::step_wall:
            case Label::dormer_wall:
            case Label::underside:
            case Label::window:
            case Label::door:
            case Label::installation:
            case Label::frame:
                return options_.wall_class;
            default:
                return options_.roof_class;
        }
    }

    // The point in the world, with what is wrong with it.
    void place(const Pulse& pulse, double t, const StripError& error, Draws& draws, LidarPoint& point) const {
        double range = t + options_.range_noise * static_cast<double>(draws.gauss());
        if (draws.uniform() < options_.outlier_share) {
            // At least 2 m away, up or down.
            const double far =
                2.0 + std::max(0.0, options_.outlier_reach - 2.0) * static_cast<double>(draws.uniform());
            range += (draws.uniform() < 0.5f ? -far : far) / pulse.ray.step[2];
            point.label = static_cast<std::uint8_t>(SceneLabel::nothing);
            point.classification = options_.outlier_class;
            point.building = point.surface = -1;
        }
        const double wave =
            options_.strip_wave == 0.0
                ? 0.0
                : options_.strip_wave * 3.4 *
                      (static_cast<double>(value_noise(pulse.along / 200.0, options_.seed ^ point.strip)) -
                       0.5);
        const double px = options_.plan_noise == 0.0
                              ? 0.0
                              : options_.plan_noise * static_cast<double>(draws.gauss()),
                     py = options_.plan_noise == 0.0
                              ? 0.0
                              : options_.plan_noise * static_cast<double>(draws.gauss());
        point.x = pulse.ray.from[0] + range * pulse.ray.step[0] + scene_.origin[0] + error.x + px;
        point.y = pulse.ray.from[1] + range * pulse.ray.step[1] + scene_.origin[1] + error.y + py;
        point.z = pulse.ray.from[2] + range * pulse.ray.step[2] + scene_.origin[2] + error.z + wave;
    }

    const SceneMesh& scene_;
    const LidarOptions& options_;
    const RayGrid& grid_;
    const Flight& flight_;
    float sparse_above_;
    std::vector<std::int32_t> crowns_;
    std::vector<Echo> echoes_;
};

struct Block {
    std::int64_t strip, first, last;  // lines
};

std::vector<Block> blocks_of(const Flight& flight) {
    std::vector<Block> blocks;
    for (std::int64_t strip = flight.strips().first; strip <= flight.strips().last; ++strip) {
        const Flight::Span lines = flight.lines(strip);
        std::vector<Block> mine;
        for (std::int64_t first = lines.first; first <= lines.last; first += lines_a_block)
            mine.push_back({strip, first, std::min(lines.last, first + lines_a_block - 1)});
        if (flight.back(strip)) std::reverse(mine.begin(), mine.end());
        blocks.insert(blocks.end(), mine.begin(), mine.end());
    }
    return blocks;
}

}  // namespace

bool simulate_lidar(const SceneMesh& scene, const LidarOptions& options, std::vector<LidarPoint>& points) {
    const auto& b = options.bounds;
    for (const double v : b) {
        if (!std::isfinite(v)) throw std::invalid_argument("lidar: the bounds must be finite");
    }
    if (!(b[2] > b[0] && b[3] > b[1])) throw std::invalid_argument("lidar: the bounds hold no area");
    if (!((b[2] - b[0] + 2 * margin) * (b[3] - b[1] + 2 * margin) <= largest))
        throw std::invalid_argument("lidar: more than 25 square kilometres; ask for the pieces one by one");
    const RayGrid grid(scene, options.seen, b[0] - scene.origin[0] - margin, b[1] - scene.origin[1] - margin,
                       b[2] - scene.origin[0] + margin, b[3] - scene.origin[1] + margin);
    const Flight flight(options, scene.origin, grid.lowest(), grid.highest());
    if (!(flight.expected_pulses() < 4294967296.0))
        throw std::invalid_argument(
            "lidar: more than 2^32 pulses; ask for a smaller area or a lower density");
    const std::vector<Block> blocks = blocks_of(flight);
    std::vector<std::vector<LidarPoint>> found(blocks.size());
    const bool done =
        parallel_blocks(static_cast<std::int64_t>(blocks.size()), options.threads, options.cancel, [&] {
            return [&, scanner = Scanner(scene, options, grid, flight)](std::int64_t number) mutable {
                const Block& block = blocks[static_cast<std::size_t>(number)];
                auto& out = found[static_cast<std::size_t>(number)];
                for (std::int64_t k = block.first; k <= block.last; ++k) {
                    const std::int64_t line = flight.back(block.strip) ? block.last - (k - block.first) : k;
                    scanner.line(block.strip, line, out);
                }
            };
        });
    if (!done) return false;
    std::size_t total = 0;
    for (const auto& part : found) total += part.size();
    points.reserve(points.size() + total);
    for (auto& part : found) {
        points.insert(points.end(), part.begin(), part.end());
        std::vector<LidarPoint>().swap(part);
    }
    return true;
}

}  // namespace geovision
