// Which share of a plane lies below a value of `value_noise`: for patches that cover a given share.
#pragma once

namespace geovision {

// The value that a share (0 to 1) of value_noise stays below; above every value at 1, and 0 at 0.
float noise_quantile(float share);

}  // namespace geovision
