#include "geovision/render.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "geovision/parallel.hpp"

namespace geovision {
namespace {

using Vec = std::array<double, 3>;

double dot(const Vec& a, const Vec& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vec cross(const Vec& a, const Vec& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Vec scaled_sum(const Vec& a, double s, const Vec& b) {
    return {a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]};
}

// right, up, and towards the viewer (or the sun): an orthonormal frame.
struct Frame {
    Vec right, up, towards;

    Vec turn(const Vec& p) const { return {dot(right, p), dot(up, p), dot(towards, p)}; }
    Vec back(const Vec& p) const {
        return scaled_sum(scaled_sum({right[0] * p[0], right[1] * p[0], right[2] * p[0]}, p[1], up), p[2],
                          towards);
    }
};

Frame frame_of(double azimuth, double elevation) {
    constexpr double radians = 3.14159265358979323846 / 180.0;
    const double a = azimuth * radians, e = elevation * radians;
    Frame frame;
    frame.towards = {std::sin(a) * std::cos(e), std::cos(a) * std::cos(e), std::sin(e)};
    frame.right = {-std::cos(a), std::sin(a), 0.0};
    frame.up = cross(frame.towards, frame.right);
    return frame;
}

// One orthographic drawing of the mesh: from the viewer, or from the sun.
struct View {
    Frame frame;
    RasterWindow window;
    std::vector<float> z;
    std::vector<std::int32_t> id;

    std::size_t at(int row, int column) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(window.width) +
               static_cast<std::size_t>(column);
    }
    double x(int column) const { return window.left + (column + 0.5) * window.cell; }
    double y(int row) const { return window.top - (row + 0.5) * window.cell; }
};

struct Box {
    double x_min, x_max, y_min, y_max;
};

std::vector<double> turned(const RasterMesh& mesh, const Frame& frame, Box& box) {
    std::vector<double> xyz(static_cast<std::size_t>(3 * mesh.vertices));
    constexpr double inf = std::numeric_limits<double>::infinity();
    box = {inf, -inf, inf, -inf};
    for (std::int64_t i = 0; i < mesh.vertices; ++i) {
        const double* p = mesh.xyz + 3 * i;
        const Vec q = frame.turn({p[0], p[1], p[2]});
        std::copy(q.begin(), q.end(), xyz.begin() + 3 * i);
        box = {std::min(box.x_min, q[0]), std::max(box.x_max, q[0]), std::min(box.y_min, q[1]),
               std::max(box.y_max, q[1])};
    }
    return xyz;
}

// A window of the given size whose middle is the box's, with the box inside the margins.
RasterWindow fit_window(const Box& box, int width, int height, double margin) {
    const double share = 1.0 - 2.0 * std::clamp(margin, 0.0, 0.45);
    const double wide = (box.x_max - box.x_min) / (share * width),
                 high = (box.y_max - box.y_min) / (share * height);
    RasterWindow window;
    window.cell = std::max({wide, high, 1e-3});
    window.width = width;
    window.height = height;
    window.left = 0.5 * (box.x_min + box.x_max) - 0.5 * window.cell * width;
    window.top = 0.5 * (box.y_min + box.y_max) + 0.5 * window.cell * height;
    return window;
}

bool draw_view(const RasterMesh& mesh, const std::vector<double>& xyz, const RenderOptions& options,
               View& view) {
    RasterMesh seen = mesh;
    seen.xyz = xyz.data();
    const std::size_t cells =
        static_cast<std::size_t>(view.window.width) * static_cast<std::size_t>(view.window.height);
    view.z.resize(cells);
    view.id.resize(cells);
    return rasterize_top(seen, view.window, view.z.data(), view.id.data(), options.threads, options.cancel);
}

// The sun's drawing. Its cells are what shadow borders are made of, so they are as fine as the picture's, and
// finer where a cell of the picture would swallow a whole house's shadow.
bool draw_sun(const RasterMesh& mesh, const RenderOptions& options, double cell, View& sun) {
    constexpr int largest = 4096;
    Box box{};
    const std::vector<double> xyz = turned(mesh, sun.frame, box);
    const double wide = box.x_max - box.x_min, high = box.y_max - box.y_min;
    const double fine = std::max(std::min(cell, 0.25), std::max(wide, high) / (largest - 4));
    sun.window = {box.x_min - 2 * fine, box.y_max + 2 * fine, fine, static_cast<int>(wide / fine) + 5,
                  static_cast<int>(high / fine) + 5};
    return draw_view(mesh, xyz, options, sun);
}

std::vector<std::array<float, 3>> triangle_normals(const RasterMesh& mesh) {
    std::vector<std::array<float, 3>> normals(static_cast<std::size_t>(mesh.triangles));
    for (std::int64_t t = 0; t < mesh.triangles; ++t) {
        Vec p[3];
        for (int k = 0; k < 3; ++k) {
            const double* v = mesh.xyz + 3 * static_cast<std::int64_t>(mesh.triangle[3 * t + k]);
            p[k] = {v[0], v[1], v[2]};
        }
        const Vec n = cross(scaled_sum(p[1], -1.0, p[0]), scaled_sum(p[2], -1.0, p[0]));
        const double length = std::sqrt(dot(n, n));
        auto& out = normals[static_cast<std::size_t>(t)];
        for (std::size_t k = 0; k < 3; ++k)
            out[k] = length > 0 ? static_cast<float>(n[k] / length) : (k == 2 ? 1.0f : 0.0f);
    }
    return normals;
}

double to_linear(std::uint8_t value) {
    const double share = value / 255.0;
    return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
}

std::uint8_t to_srgb(double linear) {
    const double share = std::clamp(linear, 0.0, 1.0);
    const double value = share <= 0.0031308 ? 12.92 * share : 1.055 * std::pow(share, 1.0 / 2.4) - 0.055;
    return static_cast<std::uint8_t>(std::lround(255.0 * value));
}

Vec linear_colour(const std::uint8_t* rgb) {
    return {to_linear(rgb[0]), to_linear(rgb[1]), to_linear(rgb[2])};
}

class Shader {
public:
    Shader(const RasterMesh& mesh, const std::uint8_t* colour, const RenderOptions& options, const View& view,
           const View& sun)
        : colour_(colour), options_(options), view_(view), sun_(sun), normals_(triangle_normals(mesh)) {
        for (int value = 0; value < 256; ++value)
            linear_[static_cast<std::size_t>(value)] = to_linear(static_cast<std::uint8_t>(value));
        const auto& plane = options.ground_plane;
        ground_up_ = {-plane[0], -plane[1], 1.0};
        const double length = std::sqrt(dot(ground_up_, ground_up_));
        ground_normal_ = {ground_up_[0] / length, ground_up_[1] / length, ground_up_[2] / length};
        ground_colour_ = linear_colour(options.ground_colour.data());
        background_ = linear_colour(options.background.data());
        // Lines get lighter as buildings get smaller than them, and are gone where a sample is a metre.
        edge_strength_ = options.edges ? 0.55 * std::clamp(1.0 - view.window.cell, 0.0, 1.0) : 0.0;
    }

    Vec shade(int row, int column) const {
        const std::size_t i = view_.at(row, column);
        const double x = view_.x(column), y = view_.y(row);
        std::int32_t id = view_.id[i];
        double depth = view_.z[i];
        const double ground = ground_depth(x, y);
        if (options_.ground && (id < 0 || ground > depth + 0.02)) {
            id = -1;
            depth = ground;
        } else if (id < 0) {
            return background_;
        }
        const Vec point = view_.frame.back({x, y, depth});
        const Vec normal = id < 0 ? ground_normal_ : normal_of(id);
        Vec light =
            sky_and_sun(point, normal, options_.occlusion ? openness(row, column, point, normal) : 1.0);
        const double line = 1.0 - edge_strength_ * crease(row, column, i);
        Vec base = ground_colour_;
        if (id >= 0) {
            const std::uint8_t* rgb = colour_ + 3 * static_cast<std::int64_t>(id);
            base = {linear_[rgb[0]], linear_[rgb[1]], linear_[rgb[2]]};
        }
        return {base[0] * light[0] * line, base[1] * light[1] * line, base[2] * light[2] * line};
    }

private:
    Vec normal_of(std::int32_t id) const {
        const auto& n = normals_[static_cast<std::size_t>(id)];
        return {n[0], n[1], n[2]};
    }

    double ground_depth(double x, double y) const {
        const Frame& f = view_.frame;
        const double along = dot(ground_up_, f.towards);
        if (along < 1e-6) return -std::numeric_limits<double>::infinity();
        return (options_.ground_plane[2] - x * dot(ground_up_, f.right) - y * dot(ground_up_, f.up)) / along;
    }

    Vec sky_and_sun(const Vec& point, const Vec& normal, double open) const {
        const double facing = std::max(0.0, dot(normal, sun_.frame.towards));
        const double sun = facing > 0.0 ? 1.05 * facing * lit(point, normal) : 0.0;
        const double sky = (0.23 + 0.16 * normal[2]) * open;
        const double bounce = 0.09 * (1.0 - normal[2]) * open;
        return {sun * 1.00 + sky * 0.90 + bounce * 1.00, sun * 0.95 + sky * 1.00 + bounce * 0.95,
                sun * 0.86 + sky * 1.16 + bounce * 0.85};
    }

    // Share of the sun that reaches a point: four cells of the sun's drawing, weighed by nearness.
    double lit(const Vec& point, const Vec& normal) const {
        if (!options_.shadows) return 1.0;
        const double cell = sun_.window.cell;
        // Lifted off its own surface, else that surface's cells would shade it.
        const Vec p = sun_.frame.turn(scaled_sum(point, 1.5 * cell, normal));
        const double column = (p[0] - sun_.window.left) / cell - 0.5,
                     row = (sun_.window.top - p[1]) / cell - 0.5;
        const double column0 = std::floor(column), row0 = std::floor(row);
        double share = 0.0;
        for (int k = 0; k < 4; ++k) {
            const int dc = k & 1, dr = k >> 1;
            const double weight = std::fabs(1 - dc - (column - column0)) * std::fabs(1 - dr - (row - row0));
            share += weight *
                     (blocked(static_cast<int>(row0) + dr, static_cast<int>(column0) + dc, p[2] + 0.5 * cell)
                          ? 0.0
                          : 1.0);
        }
        return share;
    }

    bool blocked(int row, int column, double height) const {
        if (row < 0 || column < 0 || row >= sun_.window.height || column >= sun_.window.width) return false;
        return sun_.z[sun_.at(row, column)] > height;  // NaN, where nothing is, blocks nothing
    }

    // How much of the sky is seen, judged by what stands near in the picture.
    double openness(int row, int column, const Vec& point, const Vec& normal) const {
        constexpr double directions[8][2] = {{1, 0},  {0.7071, 0.7071},   {0, 1},  {-0.7071, 0.7071},
                                             {-1, 0}, {-0.7071, -0.7071}, {0, -1}, {0.7071, -0.7071}};
        constexpr double radii[3] = {0.6, 1.8, 4.0};  // metres
        double hidden = 0.0;
        for (const double radius : radii) {
            const double steps = std::max(1.0, radius / view_.window.cell);
            for (const auto& direction : directions) {
                const int r = row + static_cast<int>(std::lround(steps * direction[1]));
                const int c = column + static_cast<int>(std::lround(steps * direction[0]));
                if (r < 0 || c < 0 || r >= view_.window.height || c >= view_.window.width) continue;
                const std::size_t i = view_.at(r, c);
                if (view_.id[i] < 0) continue;
                const Vec to = scaled_sum(
                    view_.frame.back({view_.x(c), view_.y(r), static_cast<double>(view_.z[i])}), -1.0, point);
                const double distance = std::sqrt(dot(to, to));
                if (distance < 1e-6) continue;
                const double above = dot(normal, to) / distance;
                hidden += std::max(0.0, above - 0.08) / (1.0 + distance * distance / 16.0);
            }
        }
        return std::clamp(1.0 - 1.5 * hidden / 24.0, 0.25, 1.0);
    }

    // 1 where the surface bends or ends between this sample and the next.
    double crease(int row, int column, std::size_t i) const {
        if (edge_strength_ <= 0.0) return 0.0;
        const bool right = column + 1 < view_.window.width && breaks(i, i + 1);
        const bool down =
            row + 1 < view_.window.height && breaks(i, i + static_cast<std::size_t>(view_.window.width));
        return right || down ? 1.0 : 0.0;
    }

    bool breaks(std::size_t a, std::size_t b) const {
        const std::int32_t first = view_.id[a], second = view_.id[b];
        if (first == second) return false;
        if (first < 0 || second < 0) return true;
        const Vec n = normal_of(first);
        if (dot(n, normal_of(second)) < 0.9) return true;
        // The same direction but another plane: a step. Depth along a face changes with its slant.
        const double slant = std::max(0.2, dot(n, view_.frame.towards));
        return std::fabs(view_.z[a] - view_.z[b]) > 0.3 + 2.0 * view_.window.cell / slant;
    }

    const std::uint8_t* colour_;
    const RenderOptions& options_;
    const View& view_;
    const View& sun_;
    std::vector<std::array<float, 3>> normals_;
    std::array<double, 256> linear_{};
    Vec ground_up_{}, ground_normal_{}, ground_colour_{}, background_{};
    double edge_strength_ = 0.0;
};

bool shade_all(const Shader& shader, const RenderOptions& options, std::uint8_t* rgb) {
    const int factor = options.supersample;
    return parallel_blocks(options.height, options.threads, options.cancel, [&] {
        return [&](std::int64_t number) {
            const int row = static_cast<int>(number);
            std::uint8_t* out = rgb + 3 * number * options.width;
            for (int column = 0; column < options.width; ++column) {
                Vec sum{};
                for (int k = 0; k < factor * factor; ++k) {
                    sum = scaled_sum(sum, 1.0,
                                     shader.shade(row * factor + k / factor, column * factor + k % factor));
                }
                for (const double channel : sum) *out++ = to_srgb(channel / (factor * factor));
            }
        };
    });
}

void check(const RenderOptions& options) {
    constexpr int largest = 16384;
    if (options.width < 1 || options.height < 1 || options.width > largest || options.height > largest) {
        throw std::invalid_argument("render: width and height must be 1 to 16384 pixels");
    }
    if (options.supersample < 1 || options.supersample > 4) {
        throw std::invalid_argument("render: supersample must be 1 to 4");
    }
    const std::int64_t samples =
        static_cast<std::int64_t>(options.width) * options.height * options.supersample * options.supersample;
    if (samples > (std::int64_t{1} << 28)) {
        throw std::invalid_argument(
            "render: a picture may have at most 2^28 samples; lower size or supersample");
    }
}

}  // namespace

bool render(const RasterMesh& mesh, const std::uint8_t* colour, const RenderOptions& options,
            std::uint8_t* rgb) {
    check(options);
    if (mesh.vertices == 0 || mesh.triangles == 0) {
        const std::int64_t pixels = static_cast<std::int64_t>(options.width) * options.height;
        for (std::int64_t i = 0; i < pixels; ++i)
            std::copy(options.background.begin(), options.background.end(), rgb + 3 * i);
        return true;
    }
    View view, sun;
    view.frame = frame_of(options.azimuth, options.elevation);
    sun.frame = frame_of(options.sun_azimuth, std::clamp(options.sun_elevation, 1.0, 90.0));
    {
        Box box{};
        const std::vector<double> xyz = turned(mesh, view.frame, box);
        view.window = fit_window(box, options.width * options.supersample,
                                 options.height * options.supersample, options.margin);
        if (!draw_view(mesh, xyz, options, view)) return false;
    }
    if (options.shadows && !draw_sun(mesh, options, view.window.cell, sun)) return false;
    return shade_all(Shader(mesh, colour, options, view, sun), options, rgb);
}

}  // namespace geovision
