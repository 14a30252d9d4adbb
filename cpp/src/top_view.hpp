// A scene from straight above, band of rows by band of rows: what is highest at each cell's centre.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/scene.hpp"
#include "raster_core.hpp"

namespace geovision {

// Scratch of one thread: a band of cells.
struct BandCells {
    std::vector<float> z;                 // NaN where nothing is
    std::vector<std::int32_t> id;         // TopView's ids
    std::vector<std::int32_t> cover;      // polygon that lies on the terrain here, -1 for none
    std::vector<double> line, crossings;  // scratch of the drawing
    int row_begin = 0, row_end = 0;
};

class TopView {
public:
    // `seen` is a mask of see:: bits. The scene must outlive the view. Throws as rasterize_top does, and for
    // cover or trees that point at nothing.
    TopView(const SceneMesh& scene, const RasterWindow& window, std::uint32_t seen, int band_rows);

    int bands() const { return bands_; }
    const RasterWindow& window() const { return window_; }
    const SceneMesh& scene() const { return scene_; }

    // Ids: triangles are their index, terrain is this, then come the trees; nothing is -1.
    std::int32_t terrain_id() const { return static_cast<std::int32_t>(scene_.mesh.triangles); }
    std::int32_t tree_id(std::int64_t tree) const {
        return static_cast<std::int32_t>(scene_.mesh.triangles + 1 + tree);
    }

    void draw(int band, BandCells& cells) const;

    double x(std::int64_t column) const {
        return window_.left + (static_cast<double>(column) + 0.5) * window_.cell;
    }
    double y(int row) const { return window_.top - (row + 0.5) * window_.cell; }

private:
    void bin_triangles();
    void bin_trees();
    void bin_cover();
    void draw_cover(int band, BandCells& cells) const;
    void fill_polygon(std::int64_t polygon, BandCells& cells) const;
    void draw_terrain(BandCells& cells) const;
    void draw_triangles(int band, BandCells& cells) const;
    void draw_trees(int band, BandCells& cells) const;

    // Puts `item` into every band that the world rows [y_low, y_high] touch.
    void put(std::vector<std::vector<std::uint32_t>>& bands, double y_low, double y_high,
             std::uint32_t item) const;

    const SceneMesh& scene_;
    RasterWindow window_;
    std::uint32_t seen_;
    int band_rows_, bands_;
    std::vector<Drawn> drawn_;
    std::vector<Crown> crowns_;
    std::vector<std::int32_t> crown_tree_;
    std::vector<std::vector<std::uint32_t>> triangles_of_, crowns_of_, cover_of_;
};

}  // namespace geovision
