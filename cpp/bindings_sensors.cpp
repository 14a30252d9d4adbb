// Binds the sensors: measured height rasters and laser scans of scenes.
#include <pybind11/stl.h>

#include <array>
#include <string>
#include <vector>

#include "bindings_scene.hpp"
#include "bindings_settings.hpp"
#include "geovision/dsm_sensor.hpp"
#include "geovision/lidar.hpp"

namespace geovision::bindings {
namespace {

DsmOptions dsm_options(const py::dict& settings) {
    DsmOptions o;
    Settings take(settings, "simulate_dsm");
    take.take("noise_m", o.noise);
    take.take("relief_m", o.relief);
    take.take("relief_length_m", o.relief_length);
    take.take("bias_m", o.bias);
    take.take("ragged_m", o.ragged);
    take.take("ragged_length_m", o.ragged_length);
    take.take("fatten_m", o.fatten);
    take.take("smooth_m", o.smooth);
    take.take("hole_share", o.hole_share);
    take.take("hole_length_m", o.hole_length);
    take.take("shadow_hole_m", o.shadow_hole);
    take.take("shadow_hole_step_m", o.shadow_hole_step);
    take.take("outlier_share", o.outlier_share);
    take.take("outlier_m", o.outlier);
    take.done();
    return o;
}

py::array_t<float> dsm(const Array<float>& height, double left, double top, double cell,
                       const py::dict& settings, std::uint32_t seed, int threads) {
    if (height.ndim() != 2) throw py::value_error("height must have two dimensions");
    const RasterWindow window =
        take_window(left, top, cell, static_cast<int>(height.shape(1)), static_cast<int>(height.shape(0)));
    DsmOptions options = dsm_options(settings);
    options.seed = seed;
    options.threads = threads;
    py::array_t<float> out({height.shape(0), height.shape(1)});
    run_interruptible([&, in = height.data(), to = out.mutable_data()](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        simulate_dsm(in, window, options, to);
    });
    return out;
}

LidarOptions lidar_options(const py::dict& settings) {
    LidarOptions o;
    int pattern = 0;
    Settings take(settings, "simulate_lidar");
    take.take("density", o.density);
    take.take("pattern", pattern);
    take.take("azimuth_deg", o.azimuth_deg);
    take.take("altitude_m", o.altitude);
    take.take("datum_m", o.datum);
    take.take("half_angle_deg", o.half_angle_deg);
    take.take("overlap", o.overlap);
    take.take("line_ratio", o.line_ratio);
    take.take("jitter", o.jitter);
    take.take("range_noise_m", o.range_noise);
    take.take("strip_shift_m", o.strip_shift);
    take.take("strip_lift_m", o.strip_lift);
    take.take("strip_wave_m", o.strip_wave);
    take.take("plan_noise_m", o.plan_noise);
    take.take("dropout", o.dropout);
    take.take("sparse_share", o.sparse_share);
    take.take("sparse_length_m", o.sparse_length);
    take.take("divergence_mrad", o.divergence_mrad);
    take.take("separation_m", o.separation);
    take.take("most_returns", o.most_returns);
    take.take("outlier_share", o.outlier_share);
    take.take("outlier_reach_m", o.outlier_reach);
    take.take("outlier_class", o.outlier_class);
    take.take("ground_class", o.ground_class);
    take.take("tree_class", o.tree_class);
    take.take("roof_class", o.roof_class);
    take.take("wall_class", o.wall_class);
    take.take("car_class", o.car_class);
    take.take("water_class", o.water_class);
    take.take("water_dropout", o.water_dropout);
    take.done();
    if (pattern < 0 || pattern > 2) throw py::value_error("pattern must be 0, 1 or 2");
    o.pattern = static_cast<ScanPattern>(pattern);
    return o;
}

template <class T, class Get>
py::array_t<T> column(const std::vector<LidarPoint>& points, Get get) {
    py::array_t<T> out(static_cast<py::ssize_t>(points.size()));
    T* data = out.mutable_data();
    for (const LidarPoint& point : points) *data++ = get(point);
    return out;
}

py::dict columns(const std::vector<LidarPoint>& points) {
    py::dict out;
    py::array_t<double> xyz({static_cast<py::ssize_t>(points.size()), py::ssize_t{3}});
    double* data = xyz.mutable_data();
    for (const LidarPoint& p : points) {
        *data++ = p.x;
        *data++ = p.y;
        *data++ = p.z;
    }
    out["xyz"] = std::move(xyz);
    out["classification"] =
        column<std::uint8_t>(points, [](const LidarPoint& p) { return p.classification; });
    out["intensity"] = column<std::uint16_t>(points, [](const LidarPoint& p) { return p.intensity; });
    out["return_number"] = column<std::uint8_t>(points, [](const LidarPoint& p) { return p.return_number; });
    out["number_of_returns"] =
        column<std::uint8_t>(points, [](const LidarPoint& p) { return p.number_of_returns; });
    out["scan_angle_deg"] = column<float>(points, [](const LidarPoint& p) { return p.scan_angle; });
    out["gps_time"] = column<double>(points, [](const LidarPoint& p) { return p.time; });
    out["strip"] = column<std::uint16_t>(points, [](const LidarPoint& p) { return p.strip; });
    out["building"] = column<std::int32_t>(points, [](const LidarPoint& p) { return p.building; });
    out["surface"] = column<std::int32_t>(points, [](const LidarPoint& p) { return p.surface; });
    out["label"] = column<std::uint8_t>(points, [](const LidarPoint& p) { return p.label; });
    return out;
}

py::dict lidar(const py::dict& scene, const std::array<double, 4>& bounds, const py::dict& settings,
               std::uint32_t see, std::uint32_t seed, int threads) {
    const SceneArrays taken = take_scene(scene);
    LidarOptions options = lidar_options(settings);
    options.bounds = bounds;
    options.seen = see;
    options.seed = seed;
    options.threads = threads;
    std::vector<LidarPoint> points;
    run_interruptible([&](const std::atomic<bool>& cancel) {
        options.cancel = &cancel;
        simulate_lidar(taken.scene, options, points);
    });
    return columns(points);
}

}  // namespace

void bind_sensors(py::module_& m) {
    m.def("simulate_dsm", &dsm, py::arg("height"), py::arg("left"), py::arg("top"), py::arg("cell"),
          py::arg("settings"), py::arg("seed") = 0, py::arg("threads") = 0,
          "A height raster with the faults of a sensor; settings are the fields of DsmSensor.");
    m.def("simulate_lidar", &lidar, py::arg("scene"), py::arg("bounds"), py::arg("settings"), py::arg("see"),
          py::arg("seed") = 0, py::arg("threads") = 0,
          "Points of an airborne scanner as columns by name; settings are the fields of LidarSensor.");
}

}  // namespace geovision::bindings
