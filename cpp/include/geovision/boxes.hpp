// Which of a few edges lie near each other: their boxes in columns, so that one is held against all the
// others a few at a time and without branches. For outlines, where most edges are near none but their own
// neighbours; quadratic, so for thousands of edges a sweep does better.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"

namespace geovision {

class Boxes {
public:
    void clear(std::size_t count) {
        const std::size_t room = (count + step - 1) / step * step;
        for (auto* column : {&x0_, &y0_}) column->assign(room, nowhere);
        for (auto* column : {&x1_, &y1_}) column->assign(room, -nowhere);
    }
    void set(std::size_t i, Point a, Point b, std::int32_t margin = 0) {
        x0_[i] = std::min(a.x, b.x) - margin, x1_[i] = std::max(a.x, b.x) + margin;
        y0_[i] = std::min(a.y, b.y) - margin, y1_[i] = std::max(a.y, b.y) + margin;
    }
    // How many boxes have a point in common with box i; itself is one of them.
    std::int32_t near(std::size_t i) const {
        const std::int32_t a0 = x0_[i], a1 = x1_[i], b0 = y0_[i], b1 = y1_[i];
        const std::int32_t *x0 = x0_.data(), *x1 = x1_.data(), *y0 = y0_.data(), *y1 = y1_.data();
        const std::size_t n = x0_.size() / step * step;  // tells the compiler that nothing is left over
        std::int32_t count = 0;
        for (std::size_t k = 0; k < n; ++k)
            count += (x0[k] <= a1) & (x1[k] >= a0) & (y0[k] <= b1) & (y1[k] >= b0);
        return count;
    }

private:
    static constexpr std::size_t step = 8;
    static constexpr std::int32_t nowhere = std::int32_t{1} << 30;
    std::vector<std::int32_t> x0_, x1_, y0_, y1_;
};

}  // namespace geovision
