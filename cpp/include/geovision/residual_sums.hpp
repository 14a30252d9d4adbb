// How far residuals of a fit are from independent of one another.
#pragma once

#include <vector>

namespace geovision {

// How much the sums of neighbouring residuals vary beyond what independent ones would: over squares of 1 to 4
// metres, and over stretches of the points' own order, which is a scanner's. 1 or more; a covariance is to be
// widened by it. Zeros in `psi` are left out.
double residual_inflation(const std::vector<double>& x, const std::vector<double>& y,
                          const std::vector<double>& psi);

}  // namespace geovision
