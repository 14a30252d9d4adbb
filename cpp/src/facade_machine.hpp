// Evaluates the expressions of facade rules: a machine with a stack of numbers and no jumps, so every
// expression ends. Internal.
#pragma once

#include <cmath>
#include <cstdint>

#include "geovision/facade.hpp"

namespace geovision {

constexpr std::uint64_t facade_golden = 0x9E3779B97F4A7C15ull;

// The splitmix64 finaliser; geovision/procedural/rng.py has the same.
inline std::uint64_t facade_mix(std::uint64_t v) {
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9ull;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBull;
    return v ^ (v >> 31);
}

inline std::uint64_t facade_derive(std::uint64_t key, std::uint64_t salt, std::uint64_t index) {
    return facade_mix((key + facade_golden) ^ facade_mix(salt + facade_golden * (index + 1)));
}

// In (0, 1), with 53 random bits.
inline double facade_uniform(std::uint64_t key) {
    return (static_cast<double>(facade_mix(key) >> 11) + 0.5) * 0x1p-53;
}

// A place in the derivation: a rectangle of the wall in grid steps, and how it came to be.
struct FacadeScope {
    std::int32_t s0 = 0, s1 = 0, z0 = 0, z1 = 0;
    std::uint64_t key = 0;
    std::int32_t level = -1, levels = 0, bay = -1, bays = 0, row = -1, rows = 0;
    std::int32_t out = -1;     // what stands out does so by this, -1 for its kind's default
    std::int32_t parent = -1;  // element of the wall
};

class FacadeMachine {
public:
    void begin(const FacadeBatch& batch, std::int64_t building);
    // Values of the attributes before `w`; the scope gives the others.
    double wall[facade_wall_attributes] = {};
    std::int32_t wall_number = -1, part = -1, side = -1, z_ground = 0;
    const FacadeRules* rules = nullptr;
    std::uint64_t key = 0;  // the building's
    std::int64_t bad_numbers = 0;

    // The value of code that begins at `at`; what is not finite becomes 0 and is counted.
    double value(std::int32_t at, const FacadeScope& scope, const double* frame);
    // True where an edit leaves everything out here.
    bool removed(const FacadeScope& scope) const;
    bool edited() const { return edits_ > 0; }

private:
    double run(std::int32_t at, const FacadeScope& scope, const double* frame);
    double variable(std::int32_t v, const FacadeScope& scope);
    double attribute(std::int32_t a, const FacadeScope& scope) const;
    bool matches(const std::int32_t* edit, const FacadeScope& scope) const;
    double pick(const double* options, std::int32_t count, std::uint64_t key) const;

    double values_[facade_variables], here_[facade_variables];
    std::uint8_t given_[facade_variables];
    std::int32_t place_[3] = {0, 0, -2};
    const std::int32_t* edit_ = nullptr;
    const double* edit_value_ = nullptr;
    std::int64_t edits_ = 0;
};
}  // namespace geovision
