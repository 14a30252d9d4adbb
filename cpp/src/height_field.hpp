// What stands round a place, as a raster of heights: who is in whose shadow, and how much sky is seen.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/scene.hpp"

namespace geovision {

class HeightField {
public:
    // Heights of the scene from above on the window's cells, and beyond them as far as shadows and skylight
    // reach. Azimuth and elevation of the sun in radians.
    HeightField(const SceneMesh& scene, const RasterWindow& window, std::uint32_t seen, double azimuth,
                double elevation);

    // False when cancelled.
    bool draw(int threads, const std::atomic<bool>* cancel);

    // Share of the sun that a point on the surface sees, 0 to 1.
    float sunlit(double x, double y, float z) const;
    // Share of the sky that a level point sees, judged by the horizon in eight directions.
    float openness(double x, double y, float z) const;
    // Slopes of the surface about a point, over one cell each way.
    std::array<float, 2> gradient(double x, double y) const;

private:
    std::size_t index(int row, int column) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(window_.width) +
               static_cast<std::size_t>(column);
    }
    float at(int row, int column) const { return z_[index(row, column)]; }
    bool cast_shadows(int threads, const std::atomic<bool>* cancel);
    float shade_over(int row, int column) const;
    float clamped(int row, int column) const;
    void build_blocks();
    void set_looks();

    const SceneMesh& scene_;
    RasterWindow window_;
    std::uint32_t seen_;
    double sun_x_, sun_y_, rise_;  // towards the sun in plan; climb per metre of plan
    double highest_;
    struct {
        int row_begin, row_end, column_begin, column_end;
    } inner_{};  // the cells that anybody stands on
    std::vector<float> z_, shadow_;
    int block_columns_ = 0, block_rows_ = 0;
    static constexpr std::size_t looks = 4;
    std::array<std::array<std::int64_t, looks>, 8> look_{};  // cells to look at for the horizon, from a cell
    std::array<float, looks> per_metre_{};
    std::vector<float> block_top_;  // highest in a block of cells and in its eight neighbours
};

}  // namespace geovision
