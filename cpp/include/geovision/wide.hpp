// Functions that are compiled twice: for every machine, and for those with registers of four numbers, which
// take theirs when the library is loaded. Both round every operation alike and keep the order of sums, so
// results are the same to the bit; fused multiply-add stays off in both. It stands before definitions.
#pragma once

#include <cstdlib>  // says whether this is glibc, whose loader can choose

// Sanitizers are not ready when the loader chooses, and Clang wants to see it wherever the function is
// called.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(GEOVISION_SANITIZED)
#define GEOVISION_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define GEOVISION_WIDE
#endif
