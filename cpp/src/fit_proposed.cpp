// What somebody proposed for a building: ways to cut it, kinds for its pieces, and how likely they are.
#include <algorithm>

#include "geovision/fit_search.hpp"

namespace geovision::fit {

namespace {

// Scans do not tell a cone from a pyramid on a round plan.
std::vector<std::uint8_t> sorted_kinds(std::vector<std::uint8_t> kinds) {
    for (std::uint8_t& kind : kinds)
        if (kind == std::uint8_t(RoofKind::cone)) kind = std::uint8_t(RoofKind::pyramidal);
    std::sort(kinds.begin(), kinds.end());
    return kinds;
}

}  // namespace

double RoofSearch::told_nats(const std::vector<std::uint8_t>& kinds) const {
    if (building_->proposed.empty()) return 0;
    const std::vector<std::uint8_t> own = sorted_kinds(kinds);
    double nats = building_->rest_nats;
    for (const Proposed& proposed : building_->proposed)
        if (sorted_kinds(proposed.kinds) == own) nats = std::min(nats, proposed.nats);
    return o_.told * std::min(nats, o_.most_told);
}

// The kinds that are tried where proposals are all that is: those proposed, and those that they grow from.
void RoofSearch::hold_to_proposed() {
    held_.clear();
    const auto hold = [&](RoofKind kind) {
        if (std::find(held_.begin(), held_.end(), std::uint8_t(kind)) == held_.end())
            held_.push_back(std::uint8_t(kind));
    };
    for (const Proposed& proposed : building_->proposed)
        for (const std::uint8_t code : proposed.kinds) {
            const auto kind = RoofKind(code);
            hold(kind);
            switch (kind) {
                case RoofKind::half_hipped:
                case RoofKind::side_hipped:
                case RoofKind::saltbox:
                case RoofKind::gambrel:
                case RoofKind::round:
                case RoofKind::cross_gabled:
                    hold(RoofKind::gabled);
                    break;
                case RoofKind::butterfly:
                    hold(RoofKind::flat);
                    break;
                case RoofKind::mansard:
                    hold(RoofKind::hipped), hold(RoofKind::pyramidal);
                    break;
                case RoofKind::pyramidal:
                    hold(RoofKind::cone);
                    break;
                default:
                    break;
            }
        }
}

// Ways to cut that were proposed; without those that cannot be, and those already there.
void RoofSearch::add_proposed_ways(std::vector<Way>& ways) const {
    for (const Proposed& proposed : building_->proposed) {
        const auto sound = [](const Ring& r) {
            return r.size() > 2 && area_of(r) > 0.5 && is_simple(r, 0.01);
        };
        if (proposed.pieces.size() < 2 || building_->rings.size() > 1 ||
            !std::all_of(proposed.pieces.begin(), proposed.pieces.end(), sound))
            continue;
        const auto same = [&](const Way& way) {
            if (way.pieces.size() != proposed.pieces.size()) return false;
            return std::all_of(proposed.pieces.begin(), proposed.pieces.end(), [&](const Ring& a) {
                return std::any_of(way.pieces.begin(), way.pieces.end(),
                                   [&](const Ring& b) { return same_ring(a, b); });
            });
        };
        if (std::none_of(ways.begin(), ways.end(), same)) ways.push_back({proposed.pieces, 0});
    }
}

// Kinds of the pieces of a plan together: the best of each by itself, unless another set was proposed and
// costs less with what that says.
void RoofSearch::take_told(const Plan& plan, Alternative& total) const {
    const std::size_t count = plan.pieces.size();
    const double alone = total.nats;
    total.nats += told_nats(total.kinds);
    if (building_->proposed.empty() || count > 3) return;
    std::vector<std::size_t> at(count, 0), best(count, 0);
    std::vector<std::uint8_t> kinds = total.kinds;
    for (;;) {
        std::size_t k = 0;
        while (k < count && ++at[k] == plan.pieces[k]->best.size()) at[k++] = 0;
        if (k == count) break;
        double nats = alone;
        for (std::size_t i = 0; i < count; ++i) {
            const std::vector<Candidate>& own = plan.pieces[i]->best;
            nats += own[at[i]].nats - own[0].nats;
            kinds[i] = std::uint8_t(own[at[i]].site.kind);
        }
        nats += told_nats(kinds);
        if (nats < total.nats) total.nats = nats, total.kinds = kinds, best = at;
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<Candidate>& own = plan.pieces[i]->best;
        const auto first = own.begin(), chosen = first + std::ptrdiff_t(best[i]);
        std::rotate(first, chosen, chosen + 1);
    }
}

}  // namespace geovision::fit
