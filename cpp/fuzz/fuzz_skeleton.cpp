// Any bytes as rings, slopes and a cut height: no crash, no endless loop, no index out of range. What
// is not a simple polygon may fail, but whatever is called sound must point at nodes and faces there are.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "geovision/skeleton.hpp"

namespace {

class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    bool empty() const { return at_ >= size_; }
    int byte() { return empty() ? 0 : data_[at_++]; }
    int word() { return byte() * 256 + byte(); }

private:
    const std::uint8_t* data_;
    std::size_t size_, at_ = 0;
};

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    const int mode = bytes.byte(), rings = 1 + bytes.byte() % 3;
    const double step = mode & 1 ? 0.001 : 1.0;  // a fine grid, or a coarse one full of ties
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> xy, slope;
    std::vector<std::int64_t> offsets{0};
    for (int r = 0; r < rings; ++r) {
        const int n = 3 + bytes.byte() % 24;
        for (int i = 0; i < n; ++i) {
            for (int k = 0; k < 2; ++k) xy.push_back(step * (mode & 1 ? bytes.word() : bytes.byte() % 16));
            const int pitch = mode & 2 ? bytes.byte() : 128;
            slope.push_back(pitch >= 240 ? infinity : std::tan((pitch + 5) * 0.006));
        }
        offsets.push_back(static_cast<std::int64_t>(slope.size()));
    }
    const double max_h = mode & 4 ? 0.01 + bytes.byte() * 0.1 : infinity;
    static geovision::SkeletonWorkspace workspace;
    geovision::Skeleton out;
    const auto status =
        geovision::straight_skeleton(xy.data(), offsets.data(), rings, slope.data(), max_h, workspace, out);
    if (status != geovision::SkeletonStatus::ok && status != geovision::SkeletonStatus::perturbed) return 0;
    const auto nodes = static_cast<std::int32_t>(out.nodes.size()),
               edges = static_cast<std::int32_t>(slope.size());
    for (const auto& a : out.arcs) {
        require(a.a >= 0 && a.a < nodes && a.b >= 0 && a.b < nodes && a.a != a.b && a.left != a.right);
        require(a.left >= 0 && a.left < edges && a.right >= -1 && a.right < edges);
    }
    for (const auto& p : out.pieces) {
        require(p.a >= 0 && p.a < nodes && p.b >= 0 && p.b < nodes);
        require(p.edge >= 0 && p.edge < edges && p.face >= -1 && p.face < edges);
    }
    for (const auto& node : out.nodes)
        require(std::isfinite(node.x) && std::isfinite(node.y) && std::isfinite(node.h));
    std::vector<std::uint8_t> gable;
    geovision::gable_candidates(xy.data(), offsets.data(), rings, out, gable);
    return 0;
}
