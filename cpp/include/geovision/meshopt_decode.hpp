// Decodes EXT_meshopt_compression (appendices A and B of its specification, version 0 of its attribute
// stream and version 1 of its triangle stream), for checking what files hold.
#pragma once

#include <cstdint>
#include <vector>

namespace geovision {

// `count` elements of `stride` bytes, a multiple of 4 up to 256. Input is not trusted: throws
// std::invalid_argument where the data are not of that form or too short. Filters are the caller's.
std::vector<std::uint8_t> decode_attributes(const std::uint8_t* data, std::int64_t size, std::int64_t count,
                                            std::int64_t stride);

// `count` indices, a multiple of 3, each of `stride` (2 or 4) bytes. As above.
std::vector<std::uint8_t> decode_triangles(const std::uint8_t* data, std::int64_t size, std::int64_t count,
                                           std::int64_t stride);

}  // namespace geovision
