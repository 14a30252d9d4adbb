// How well the planes of a roof arrangement are known.
//
// Each plane is taken for what an M-estimator (Tukey's biweight) finds from the points over its faces: the
// covariance is the mean square of psi over the square of its mean slope, times the inverse of the normal
// matrix, widened for residuals that err together. Faces of one plane share its errors, faces of different
// planes share none; where cells end, and which points lie on which side, is not part of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace geovision {

// The faces of one arrangement and the points over it, in one frame. Pointers stay the caller's.
struct PlaneEvidence {
    std::int64_t faces = 0;
    const std::int64_t* ring_offsets = nullptr;    // [faces + 1] rings, absolute
    const std::int64_t* vertex_offsets = nullptr;  // [rings + 1] vertices, absolute
    const double* xy = nullptr;                    // [vertices, 2]
    const double* plane = nullptr;   // [faces, 3] slope in x, slope in y, height at the first vertex
    const double* points = nullptr;  // [count, 3]
    std::int64_t count = 0;
    double sigma = 0.08;  // metres; standard deviation about the plane that points are judged by
};

class PlaneCovariance {
public:
    // Writes whether each face is known (5 points and more that are not on a line; the 128 over most points
    // where there are more, as the matrix grows with the square), and the covariance of (slope x, slope y,
    // height) of the known ones, [3k, 3k].
    void run(const PlaneEvidence& evidence, std::vector<std::uint8_t>& known,
             std::vector<double>& covariance);

private:
    void group_faces(const PlaneEvidence& evidence);
    void sort_by_row(const PlaneEvidence& evidence);
    std::size_t row_of(double y) const { return std::size_t(std::max(0.0, y - bottom_) / row_height_); }
    std::size_t rows() const { return row_begin_.size() - 1; }
    void assign(const PlaneEvidence& evidence);
    bool measure(const PlaneEvidence& evidence, std::int32_t group);
    void keep_largest(std::vector<std::int64_t>& rows) const;

    struct Plane {
        double x = 0, y = 0;  // middle of its points, where height and slopes err independently
        double height = 0;    // variances
        double aa = 0, ab = 0, bb = 0;
        bool known = false;
    };
    std::vector<std::int32_t> group_, face_of_;
    double bottom_ = 0, row_height_ = 1;
    std::vector<std::int32_t> row_begin_, row_item_;  // points by rows in y
    std::vector<Plane> planes_;
    std::vector<double> x_, y_, psi_;
};

}  // namespace geovision
