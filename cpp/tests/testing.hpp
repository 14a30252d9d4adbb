// A test framework small enough to read: CHECK counts, main returns TEST_RESULT().
#pragma once

#include <cmath>
#include <cstdio>

namespace testing {

inline int failures = 0;
inline int checks = 0;

inline bool check(bool passed, const char* text, const char* file, int line) {
    ++checks;
    if (!passed) {
        ++failures;
        std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
    }
    return passed;
}

inline bool check_near(double a, double b, double tolerance, const char* text, const char* file, int line) {
    ++checks;
    // Written so that NaN fails.
    const bool passed = std::fabs(a - b) <= tolerance;
    if (!passed) {
        ++failures;
        std::fprintf(stderr, "%s:%d: failed: %s: %.17g and %.17g differ by %.3g, allowed %.3g\n", file, line,
                     text, a, b, std::fabs(a - b), tolerance);
    }
    return passed;
}

// A test that checked nothing has failed.
inline int result() {
    std::printf("%d checks, %d failed\n", checks, failures);
    return failures == 0 && checks > 0 ? 0 : 1;
}

}  // namespace testing

#define CHECK(condition) ::testing::check(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance) \
    ::testing::check_near((a), (b), (tolerance), #a " == " #b, __FILE__, __LINE__)
// Stops the current void function: for conditions without which the rest would crash.
#define REQUIRE(condition)       \
    do {                         \
        if (!CHECK(condition)) { \
            return;              \
        }                        \
    } while (false)
#define TEST_RESULT() ::testing::result()
