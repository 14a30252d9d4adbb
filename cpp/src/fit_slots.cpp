// Between the parameters of the fit and the slots of programs.
#include <algorithm>
#include <cmath>
#include <limits>

#include "fit_dual.hpp"
#include "geovision/fit_kinds.hpp"

namespace geovision::fit {

namespace {

constexpr double not_given = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Slots roof_slots_of(const Site& s, const double* theta) {
    Slots out{};
    for (double& slot : out.slot) slot = not_given;
    Dual values[roof_slots];
    bool used[roof_slots] = {};
    const auto set = [&](int slot, const Dual& value) { values[slot] = value, used[slot] = true; };
    const int n = theta_count(s);
    const Dual eave = variable(theta, 0), rise = n > 1 ? variable(theta, 1) : Dual();
    const double azimuth = std::fmod(std::atan2(s.down.x, s.down.y) * 180 / pi + 360, 360);
    switch (s.kind) {
        case RoofKind::flat:
        case RoofKind::pyramidal:
        case RoofKind::cone:
        case RoofKind::dome:
        case RoofKind::mansard:
            break;
        default:
            if (!s.skeleton && !(s.kind == RoofKind::hipped && s.by_pitch)) set(slot_azimuth, azimuth);
    }
    if (s.kind == RoofKind::butterfly)
        set(slot_ridge, eave - rise);
    else if (s.kind == RoofKind::hipped && s.by_pitch) {
        Dual pitch(std::atan(theta[1]) * 180 / pi);
        pitch.d[1] = 180 / pi / (1 + theta[1] * theta[1]);
        set(slot_pitch, pitch);
    } else if (s.kind != RoofKind::flat)
        set(slot_ridge, eave + rise);
    switch (s.kind) {
        case RoofKind::gabled:
        case RoofKind::butterfly:
            if (!s.skeleton) set(slot_offset, variable(theta, 2));
            break;
        case RoofKind::saltbox:
            set(slot_offset, variable(theta, 2));
            set(slot_rear_eave, eave - variable(theta, 3));
            break;
        case RoofKind::gambrel:
        case RoofKind::mansard:
            set(slot_break, eave + variable(theta, 2) * rise);
            set(slot_inset, variable(theta, 3) * Dual(s.kind == RoofKind::gambrel ? s.width / 2 : s.depth));
            break;
        case RoofKind::hipped:
            if (!s.by_pitch) set(slot_inset, variable(theta, 2) * Dual(s.length / 2));
            break;
        case RoofKind::half_hipped:
            set(slot_break, eave + variable(theta, 2) * rise);
            set(slot_inset, variable(theta, 3) * Dual(s.length / 2));
            break;
        case RoofKind::side_hipped:
            set(slot_inset, variable(theta, 2) * Dual(s.length));
            set(slot_count, double(s.hip_end));
            break;
        default:
            break;
    }
    out.eave = eave.v;
    for (int i = 0; i < roof_slots; ++i) {
        if (used[i]) out.slot[i] = values[i].v;
        std::copy(values[i].d, values[i].d + most_theta, out.jacobian[i]);
    }
    std::copy(eave.d, eave.d + most_theta, out.jacobian[roof_slots]);
    return out;
}

void theta_of_slots(const Site& s, double eave, const double* slot, double* theta) {
    theta[0] = eave, theta[2] = theta[3] = 0.5;
    theta[1] = slot[slot_ridge] - eave;
    const auto share = [](double part, double whole) { return whole > 1e-6 ? part / whole : 0.5; };
    switch (s.kind) {
        case RoofKind::gabled:
        case RoofKind::saltbox:
        case RoofKind::butterfly:
            if (slot[slot_offset] == slot[slot_offset]) theta[2] = slot[slot_offset];
            if (s.kind == RoofKind::butterfly) theta[1] = eave - slot[slot_ridge];
            theta[3] = s.kind == RoofKind::saltbox ? eave - slot[slot_rear_eave] : 0;
            break;
        case RoofKind::gambrel:
        case RoofKind::mansard:
            theta[2] = share(slot[slot_break] - eave, theta[1]);
            theta[3] = share(slot[slot_inset], s.kind == RoofKind::gambrel ? s.width / 2 : s.depth);
            break;
        case RoofKind::hipped:
            if (!s.by_pitch)
                theta[2] = share(slot[slot_inset], s.length / 2);
            else if (slot[slot_pitch] == slot[slot_pitch])
                theta[1] = std::tan(slot[slot_pitch] * pi / 180);
            else
                theta[1] /= s.depth;  // a ridge height and one pitch on all sides
            break;
        case RoofKind::half_hipped:
            theta[2] = share(slot[slot_break] - eave, theta[1]);
            theta[3] = share(slot[slot_inset], s.length / 2);
            break;
        case RoofKind::side_hipped:
            theta[2] = share(slot[slot_inset], s.length);
            break;
        default:
            break;
    }
}

}  // namespace geovision::fit
