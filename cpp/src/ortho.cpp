#include "geovision/ortho.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "geovision/noise.hpp"
#include "geovision/parallel.hpp"
#include "height_field.hpp"
#include "picture.hpp"
#include "texture.hpp"
#include "top_view.hpp"

namespace geovision {
namespace {

constexpr int rows_a_band = 8;  // of the picture
constexpr double radians = 3.14159265358979323846 / 180.0;

float to_linear(float srgb) {
    return srgb <= 0.04045f ? srgb / 12.92f : std::pow((srgb + 0.055f) / 1.055f, 2.4f);
}

// A material's own colour in linear light, with the near infrared that goes with it.
class Palette {
public:
    Palette() {
        for (int v = 0; v < 256; ++v)
            linear_[static_cast<std::size_t>(v)] = to_linear(static_cast<float>(v) / 255.0f);
    }
    Colour colour(std::uint8_t material, const std::uint8_t* rgb) const {
        const Reflectance& r = reflectance(material);
        const float red = linear_[rgb[0]], green = linear_[rgb[1]], blue = linear_[rgb[2]];
        const float bright = 0.35f * red + 0.45f * green + 0.2f * blue;
        return {red, green, blue, std::min(0.9f, r.nir_floor + r.nir_factor * bright)};
    }

private:
    std::array<float, 256> linear_{};
};

// How a triangle lies: which way its roof falls, for rows of tiles.
struct Lie {
    float fall_x, fall_y;  // downhill in plan, unit
    float stretch;         // metres of slope per metre of plan
};

Lie lie_of(const std::array<float, 3>& n) {
    const float flat = std::sqrt(n[0] * n[0] + n[1] * n[1]);
    // On level roofs rows follow a direction that looks surveyed.
    if (flat < 0.02f || std::fabs(n[2]) < 0.02f) return {0.2588f, 0.9659f, 1.0f};
    const float sign = n[2] < 0.0f ? -1.0f : 1.0f;
    return {sign * n[0] / flat, sign * n[1] / flat, 1.0f / std::fabs(n[2])};
}

class Shader {
public:
    Shader(const SceneMesh& scene, const OrthoOptions& options, const HeightField& field, double sample_m)
        : scene_(scene),
          options_(options),
          field_(field),
          texturer_(sample_m, options.texture, options.seed),
          normals_(triangle_normals(scene.mesh)) {
        const double a = options.sun_azimuth_deg * radians, e = options.sun_elevation_deg * radians;
        sun_ = {static_cast<float>(std::sin(a) * std::cos(e)), static_cast<float>(std::cos(a) * std::cos(e)),
                static_cast<float>(std::sin(e))};
        lies_.reserve(normals_.size());
        for (const auto& n : normals_) lies_.push_back(lie_of(n));
        tree_keys_.reserve(static_cast<std::size_t>(scene.trees.count));
        for (std::int64_t t = 0; t < scene.trees.count; ++t)
            tree_keys_.push_back(Crown(scene.trees, t, scene.origin.data()).key());
        // A level surface in the open gets 1 in each channel, so that it shows its own colour.
        const auto direct = static_cast<float>(options.sun), diffuse = static_cast<float>(options.sky);
        const float total = direct * sun_[2] + diffuse;
        if (!(total > 0.0f)) throw std::invalid_argument("ortho: neither sun nor sky gives any light");
        const auto blue = static_cast<float>(options.sky_blue);
        const Colour tint{1.0f - 0.30f * blue, 1.0f - 0.06f * blue, 1.0f + 0.42f * blue, 1.0f - 0.55f * blue};
        for (std::size_t c = 0; c < 4; ++c) {
            sky_light_[c] = diffuse * tint[c] / total;
            sun_light_[c] = (1.0f - sky_light_[c]) / sun_[2];
            if (direct == 0.0f) sky_light_[c] = 1.0f;
            if (direct == 0.0f) sun_light_[c] = 0.0f;
        }
    }

    void begin_cell() { sky_id_ = -1; }

    // Light that a sample of the view sends up; false where there is nothing.
    bool shade(const TopView& view, const BandCells& cells, int row, std::int64_t column, Colour& out) {
        const auto i = static_cast<std::size_t>(
            static_cast<std::int64_t>(row - cells.row_begin) * view.window().width + column);
        const std::int32_t id = cells.id[i];
        if (id < 0) return false;
        const double x = view.x(column), y = view.y(row);
        const float z = cells.z[i];
        TexturePlace place{x + scene_.origin[0], y + scene_.origin[1], 0.0, 0.0, 0};
        place.along = place.x;
        place.up = place.y;
        std::array<float, 3> normal{0.0f, 0.0f, 1.0f};
        std::uint8_t material = 0;
        Colour base{};
        if (id < view.terrain_id()) {
            const auto t = static_cast<std::size_t>(id);
            normal = normals_[t];
            if (normal[2] < 0.0f) normal = {-normal[0], -normal[1], -normal[2]};
            const Lie& lie = lies_[t];
            place.up =
                -(place.x * static_cast<double>(lie.fall_x) + place.y * static_cast<double>(lie.fall_y)) *
                static_cast<double>(lie.stretch);
            place.along =
                place.x * static_cast<double>(lie.fall_y) - place.y * static_cast<double>(lie.fall_x);
            // By colour: buildings have no number that tiles agree on, and places tell them apart already.
            const std::uint8_t* rgb = scene_.colour + 3 * static_cast<std::int64_t>(id);
            place.key =
                hash32(options_.seed, rgb[0] | std::uint32_t{rgb[1]} << 8 | std::uint32_t{rgb[2]} << 16);
            material = scene_.material[id];
            base = palette_.colour(material, scene_.colour + 3 * static_cast<std::int64_t>(id));
        } else if (id == view.terrain_id()) {
            const std::int32_t polygon = cells.cover[i];
            material = polygon < 0 ? scene_.terrain.material : scene_.cover.material[polygon];
            base = palette_.colour(
                material, polygon < 0 ? scene_.terrain.colour.data()
                                      : scene_.cover.colour + 3 * static_cast<std::int64_t>(polygon));
            float east = 0.0f, north = 0.0f;
            scene_.terrain.gradients(x, 1.0, y, 1, &east, &north);
            normal = facing(east, north);
        } else {
            const std::int64_t tree = id - view.terrain_id() - 1;
            material =
                static_cast<std::uint8_t>(scene_.trees.conifer[tree] ? Material::needles : Material::foliage);
            base = palette_.colour(material, scene_.trees.colour + 3 * tree);
            place.key = hash32(options_.seed, tree_keys_[static_cast<std::size_t>(tree)]);
            // Leaves scatter light: a crown's skin is less sharply lit than its lumps are steep.
            const auto slope = field_.gradient(x, y);
            normal =
                facing(0.5f * std::clamp(slope[0], -3.0f, 3.0f), 0.5f * std::clamp(slope[1], -3.0f, 3.0f));
        }
        float gloss = 0.0f;
        const Colour own = texturer_.look(material, base, place, gloss);
        light(x, y, z, id, normal, own, gloss, out);
        return true;
    }

private:
    static std::array<float, 3> facing(float east, float north) {
        const float up = 1.0f / std::sqrt(1.0f + east * east + north * north);
        return {-east * up, -north * up, up};
    }

    void light(double x, double y, float z, std::int32_t id, const std::array<float, 3>& n, const Colour& own,
               float gloss, Colour& out) {
        const float facing_sun = n[0] * sun_[0] + n[1] * sun_[1] + n[2] * sun_[2];
        const float lit = facing_sun > 0.0f && options_.sun > 0.0 ? field_.sunlit(x, y, z) : 0.0f;
        // The samples of one cell that see one thing see nearly the same sky.
        if (id != sky_id_) {
            sky_ = field_.openness(x, y, z);
            sky_id_ = id;
        }
        const float sky = sky_ * (0.5f + 0.5f * n[2]);
        // Walls and ground send some light back into corners and onto slopes.
        const float bounce = 0.10f * (1.0f - sky) * (0.4f + 0.6f * lit);
        const float mirrored = gloss * (0.5f * sky + glint(n) * lit);
        for (std::size_t c = 0; c < 4; ++c) {
            const float arriving =
                sun_light_[c] * std::max(0.0f, facing_sun) * lit + sky_light_[c] * sky + bounce;
            // The sky that glass and water mirror has little near infrared.
            out[c] = own[c] * arriving + mirrored * (0.4f * sky_light_[c] + (c == 3 ? 0.25f : 0.6f));
        }
    }

    // How nearly the sun is mirrored straight up.
    float glint(const std::array<float, 3>& n) const {
        const float facing_sun = n[0] * sun_[0] + n[1] * sun_[1] + n[2] * sun_[2];
        const float up = std::max(0.0f, 2.0f * facing_sun * n[2] - sun_[2]);
        const float fourth = up * up * up * up;
        return 2.0f * fourth * fourth * fourth;
    }

    const SceneMesh& scene_;
    const OrthoOptions& options_;
    const HeightField& field_;
    Texturer texturer_;
    Palette palette_;
    std::vector<std::array<float, 3>> normals_;
    std::vector<Lie> lies_;
    std::vector<std::uint32_t> tree_keys_;
    std::array<float, 3> sun_{};
    Colour sun_light_{}, sky_light_{};
    std::int32_t sky_id_ = -1;
    float sky_ = 1.0f;
};

void check(const OrthoOptions& o) {
    const auto within = [](double v, double low, double high) { return v >= low && v <= high; };
    const bool fine = within(o.sun_elevation_deg, 5.0, 90.0) && std::isfinite(o.sun_azimuth_deg) &&
                      within(o.sun, 0.0, 100.0) && within(o.sky, 0.0, 100.0) &&
                      within(o.sky_blue, 0.0, 1.0) && within(o.haze, 0.0, 1.0) && o.supersample >= 1 &&
                      o.supersample <= 4 && within(o.blur_cells, 0.0, 4.0) && within(o.sharpen, 0.0, 1.0) &&
                      within(o.noise, 0.0, 1.0) && within(o.exposure, 0.0, 100.0) &&
                      within(o.gamma, 0.1, 10.0) && within(o.contrast, 0.0, 4.0) &&
                      within(o.saturation, 0.0, 4.0) && within(o.texture, 0.0, 4.0) &&
                      (o.jpeg_quality == 0 || (o.jpeg_quality >= 10 && o.jpeg_quality <= 95));
    if (!fine) throw std::invalid_argument("ortho: an option is out of range");
}

// Samples of the view averaged over each cell.
void average(const TopView& view, const BandCells& cells, int factor, Shader& shader, Picture& picture) {
    const float weight = 1.0f / static_cast<float>(factor * factor);
    for (int row = cells.row_begin / factor; row < cells.row_end / factor; ++row) {
        for (int column = 0; column < picture.width; ++column) {
            Colour sum{};
            bool any = false;
            shader.begin_cell();
            for (int k = 0; k < factor * factor; ++k) {
                Colour sample{};
                if (!shader.shade(view, cells, row * factor + k / factor,
                                  static_cast<std::int64_t>(column) * factor + k % factor, sample))
                    continue;
                any = true;
                for (std::size_t c = 0; c < 4; ++c) sum[c] += weight * sample[c];
            }
            picture.put(row, column, sum, any);
        }
    }
}

}  // namespace

bool draw_ortho(const SceneMesh& scene, const RasterWindow& window, const OrthoOptions& options,
                std::uint8_t* rgbn) {
    check(options);
    check_raster(scene.mesh, window);
    const int rim = blur_radius(options);
    RasterWindow wide = window;
    wide.left -= rim * window.cell;
    wide.top += rim * window.cell;
    wide.width += 2 * rim;
    wide.height += 2 * rim;
    HeightField field(scene, wide, options.seen, options.sun_azimuth_deg * radians,
                      options.sun_elevation_deg * radians);
    if (!field.draw(options.threads, options.cancel)) return false;

    RasterWindow fine = wide;
    fine.cell /= options.supersample;
    fine.width *= options.supersample;
    fine.height *= options.supersample;
    const TopView view(scene, fine, options.seen, rows_a_band * options.supersample);
    const Shader shader(scene, options, field, fine.cell);
    Picture picture(wide.width, wide.height);
    const bool drawn = parallel_blocks(view.bands(), options.threads, options.cancel, [&] {
        return [&, mine = shader, cells = BandCells{}](std::int64_t band) mutable {
            view.draw(static_cast<int>(band), cells);
            average(view, cells, options.supersample, mine, picture);
        };
    });
    if (!drawn) return false;
    const RasterWindow world{window.left + scene.origin[0], window.top + scene.origin[1], window.cell,
                             window.width, window.height};
    return develop(picture, rim, world, options, rgbn);
}

}  // namespace geovision
