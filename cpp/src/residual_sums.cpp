#include "geovision/residual_sums.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "geovision/morton.hpp"

namespace geovision {
namespace {

std::uint64_t metre(double v) { return std::uint64_t(std::int64_t(std::floor(v)) + (1 << 20)); }

}  // namespace

double residual_inflation(const std::vector<double>& x, const std::vector<double>& y,
                          const std::vector<double>& psi) {
    using Keyed = std::pair<std::uint64_t, std::int32_t>;
    std::vector<Keyed> places, order;
    for (std::size_t i = 0; i < psi.size(); ++i) {
        if (psi[i] == 0) continue;
        places.push_back({morton(metre(x[i]), metre(y[i])), std::int32_t(i)});
        order.push_back({i, std::int32_t(i)});
    }
    // Along a Morton curve squares of every size are runs.
    std::sort(places.begin(), places.end());
    double most = 1;
    const auto look = [&](const std::vector<Keyed>& sorted, const auto& group_of) {
        double above = 0, below = 0;
        int groups = 0;
        for (std::size_t i = 0; i < sorted.size();) {
            const std::size_t first = i;
            const std::uint64_t group = group_of(sorted[first].first);
            double total = 0, square = 0;
            for (; i < sorted.size() && group_of(sorted[i].first) == group; ++i) {
                const double value = psi[std::size_t(sorted[i].second)];
                total += value, square += value * value;
            }
            if (i - first < 2) continue;
            above += total * total, below += square, ++groups;
        }
        // Few groups say little; then the ratio is held back towards 1.
        if (groups >= 6 && below > 0)
            most = std::max(most, 1 + (above / below - 1) * groups / (groups + 4.0));
    };
    for (const int bits : {0, 2, 4}) look(places, [bits](std::uint64_t key) { return key >> bits; });
    for (const std::uint64_t stretch : {4u, 12u, 36u})
        look(order, [stretch](std::uint64_t key) { return key / stretch; });
    return most;
}

}  // namespace geovision
