// A scene as sensors see it: a mesh of buildings and things, terrain, what is painted on it, and trees.
//
// Everything is in one local frame, metres, z up, near its origin; textures and noise hang on
// origin + local coordinates, so that they do not depend on where the frame was put. Pointers stay the
// caller's.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "geovision/raster.hpp"

namespace geovision {

// geovision/mesh/materials.py holds the same table.
enum class Material : std::uint8_t {
    plain = 0,
    tiles = 1,
    slate = 2,
    metal = 3,
    gravel = 4,
    membrane = 5,
    solar = 6,
    glass = 7,
    plaster = 8,
    brick = 9,
    concrete = 10,
    thatch = 11,
    grass = 16,
    soil = 17,
    asphalt = 18,
    paving = 19,
    water = 20,
    paint = 21,
    sand = 22,
    shrub = 23,
    foliage = 24,
    needles = 25,
    car_paint = 26,
    wood = 27,
};
constexpr int material_count = 28;

// Beyond the faces of buildings (types.hpp, Label), whose codes are below 16.
enum class SceneLabel : std::uint8_t { terrain = 16, tree = 17, car = 18, object = 19, nothing = 255 };

// What can be seen: bits of a mask.
namespace see {
constexpr std::uint32_t terrain = 1u << 0;
constexpr std::uint32_t building = 1u << 1;
constexpr std::uint32_t tree = 1u << 2;
constexpr std::uint32_t car = 1u << 3;
constexpr std::uint32_t object = 1u << 4;
}  // namespace see

// The bit of what a label belongs to.
std::uint32_t seen_as(std::uint8_t label);

// How a material answers light: near infrared as a factor on the colour's brightness plus a floor, and the
// share of a 1,064 nm laser pulse that comes back, before angle and texture.
struct Reflectance {
    float nir_factor, nir_floor, laser;
};
const Reflectance& reflectance(std::uint8_t material);

// Heights at nodes, bilinear between them, flat on beyond the border.
struct Terrain {
    double left = 0.0, top = 0.0, cell = 1.0;  // of the first node; north-western
    int rows = 0, columns = 0;                 // 0: no terrain
    const float* z = nullptr;                  // [rows, columns]
    std::uint8_t material = 0;
    std::array<std::uint8_t, 3> colour{};

    bool empty() const { return rows < 2 || columns < 2; }
    double at(double x, double y) const;
    // Slopes dz/dx and dz/dy at `count` places from x eastwards.
    void gradients(double x, double step, double y, int count, float* east, float* north) const;
};

// Polygons on the terrain, later ones over earlier ones, filled by the even-odd rule.
struct Cover {
    std::int64_t polygons = 0, rings = 0, vertices = 0;
    const std::int64_t* ring_offsets = nullptr;    // [polygons + 1]
    const std::int64_t* vertex_offsets = nullptr;  // [rings + 1]
    const double* xy = nullptr;                    // [vertices, 2]
    const std::uint8_t* material = nullptr;        // [polygons]
    const std::uint8_t* colour = nullptr;          // [polygons, 3]
    const double* lift = nullptr;                  // [polygons] metres above the terrain
};

struct Trees {
    std::int64_t count = 0;
    const double* xy = nullptr;            // [count, 2]
    const double* ground_z = nullptr;      // [count]
    const double* height = nullptr;        // [count] above ground_z
    const double* radius = nullptr;        // [count]
    const double* crown_base = nullptr;    // [count] above ground_z
    const bool* conifer = nullptr;         // [count]
    const std::uint8_t* colour = nullptr;  // [count, 3]
    const double* density = nullptr;       // [count] 1/m
};

// One tree's crown: a ragged ball or cone with lumps, as a top and a bottom height over plan positions.
class Crown {
public:
    Crown(const Trees& trees, std::int64_t index, const double* origin);

    // Heights of the crown's skin over a point. False where the crown does not reach.
    bool span(double x, double y, double& bottom, double& top) const;
    // Slopes of the crown's shape without its lumps: leaves have no plane.
    std::array<double, 2> gradient(double x, double y) const;
    double x() const { return x_; }
    double y() const { return y_; }
    // The crown lies within this of its middle, and below this height.
    double reach() const { return reach_; }
    double highest() const { return highest_; }
    double lowest() const { return lowest_; }
    // A number that the tree has wherever the frame's origin is.
    std::uint32_t key() const { return key_; }

private:
    double x_, y_, world_x_, world_y_, radius_, reach_, middle_, up_, down_, lumps_, highest_, lowest_;
    bool conifer_;
    std::uint32_t key_;
};

struct SceneMesh {
    RasterMesh mesh;
    const std::uint8_t* label = nullptr;      // per triangle
    const std::uint8_t* material = nullptr;   // per triangle
    const std::uint8_t* colour = nullptr;     // per triangle, 3
    const std::int32_t* building = nullptr;   // per triangle
    const std::int32_t* part = nullptr;       // per triangle
    const std::int32_t* surface = nullptr;    // per triangle
    const std::uint8_t* roof_kind = nullptr;  // per triangle
    std::array<double, 3> origin{};
    Terrain terrain;
    Cover cover;
    Trees trees;
};

// Unit normals of all triangles; zero for one without area.
std::vector<std::array<float, 3>> triangle_normals(const RasterMesh& mesh);

}  // namespace geovision
