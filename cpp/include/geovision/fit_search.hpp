// From the points of one building to the parametric roof that explains them best.
//
// The footprint is cut into pieces in a few ways; on each piece the roof kinds compete; the best of each
// piece are fitted together, with what may be equal tied, and what stands on them is added. Everything is
// judged by one number in nats: misfit of the points, parameters, planes and pieces, and how common a kind
// is.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "geovision/fit_decompose.hpp"
#include "geovision/fit_lm.hpp"
#include "geovision/fit_skeleton.hpp"
#include "geovision/fit_supers.hpp"

namespace geovision::fit {

// A way to cut a building and kinds for its pieces, as somebody proposed who has seen its points.
struct Proposed {
    Pieces pieces;                    // one: the outline as it is
    std::vector<std::uint8_t> kinds;  // of the pieces
    double nats = 0;                  // minus the log of how likely these kinds are
};

// Coordinates in metres from an origin near the building, heights above its ground.
struct Building {
    std::vector<Ring> rings;               // shell counter-clockwise, holes clockwise
    std::vector<double> x, y, z, sigma;    // points that may be roof, in a scanner's order where there is one
    double share = 1;                      // what a point counts of one that errs by itself
    std::vector<std::uint8_t> given_kind;  // roof kinds to choose from; empty for all
    std::vector<Proposed> proposed;
    double rest_nats = 0;  // minus the log of how likely kinds are that were not proposed
};

struct SearchOptions {
    int subset = 128;             // points of a piece that the first round looks at
    int most_points = 600;        // and the last
    int least_points = 6;         // fewer carry no roof
    double outliers = 0.1;        // share of points that are no roof at all ...
    double range = 8;             // ... and lie anywhere in so many metres
    bool skeletons = true;        // try roofs from the straight skeleton
    bool superstructures = true;  // add what stands on the parts
    bool graduated = true;        // narrow the loss in steps, so that a bad start does not decide
    bool ties = true;             // let eaves and rises of several parts be one where the score allows
    double told = 1;              // how much a nat of proposals counts ...
    double most_told = 6;         // ... and how many of them count at most
    double sure = 0;              // where kinds that were not proposed cost as many, no others are tried
                                  // unless they are needed; 0: all are always tried
    double shift_sigma = 0.15;    // metres, each way, that points may lie off the footprint; 0: they do not
    DecomposeOptions decompose;
    SuperOptions supers;
};

struct FittedPart {
    std::vector<Ring> rings;
    Site site;
    double theta[most_theta] = {};
    Slots slots;
    std::int32_t points = 0;
};

// One entry of the covariance: a slot (roof_slots for the eave) of a part.
struct Field {
    std::int32_t part, slot;
};

struct Alternative {
    std::vector<std::uint8_t> kinds;  // of its parts
    double nats;
};

enum class SearchStatus : std::uint8_t {
    ok = 0,
    too_few_points = 1,  // the best is a flat roof at their median, or nothing where there are none
};

struct SearchResult {
    std::vector<FittedPart> parts;
    std::vector<Field> fields;
    std::vector<double> covariance;         // [fields, fields]
    std::vector<Alternative> alternatives;  // the chosen one first, then the best of other kinds
    std::vector<Superstructure> supers;     // on the parts; `nats` and `misfit` are without them
    double shift_seen[2] = {0, 0};          // metres east and north that the points lie off the footprint
    double shift[2] = {0, 0};               // by which roofs are moved: the same, or 0 where little shows it
    double shift_sigma[2] = {0, 0};         // of what is seen; 0 where the roof cannot tell
    double shift_price = 0;                 // nats of that, in `nats`
    double told_nats = 0;                   // what proposals say of its kinds, in `nats`
    double nats = 0, misfit = 0;
    double explained = 0;  // share of the points within 3 sigma
    double scatter = 1;    // of the residuals, in the points' sigmas
    double inflation = 1;
    std::int32_t points = 0, parameters = 0;
    SearchStatus status = SearchStatus::ok;
};

// Narrows the bounds of theta so that nothing dips under the ground; `low` is a low roof height.
void hold_above_ground(const Site& site, double low, double* lower, double* upper);

// Directions that slopes may face: outward normals of the longest walls, at most four.
std::vector<Vec> slope_directions(const Ring& ring, double jitter);

// Whether a roof of this kind shows where it stands on its footprint.
bool sees_shift(const Site& site);

// Two more globals: how far the points lie off the footprint, with a Gaussian prior. `held`: how many times
// narrower it is, as points that err together say less than they seem to.
void add_shift(Problem& problem, const double* start, double sigma, double held);

// Whether two slopes face away from each other.
inline bool opposite(Vec a, Vec b) { return a.x * b.x + a.y * b.y < -0.99999; }

// Holds scratch; one a thread. The same building gives the same result, whatever came before it.
class RoofSearch {
public:
    void run(const Building& building, const SearchOptions& options, SearchResult& result);

private:
    struct Candidate {
        Site site;
        double theta[most_theta] = {};
        double nats = 0;                 // in the end on all points of the piece
        bool edge = false;               // a shape parameter ended at its bound
        bool centred = false;            // a gable whose ridge is held in the middle
        double shift[2] = {0, 0};        // that its points lie off the footprint
        std::vector<std::int32_t> face;  // skeletons, on all points: as seen from there
    };
    struct Piece {
        std::vector<Ring> rings;
        ProblemPoints all, some;
        SkeletonSites skeleton;
        bool has_skeleton = false;
        bool porch = false;                    // a small part of a building
        std::vector<std::int32_t> face[2][2];  // [hipped, by wings][all, some]
        std::vector<Vec> downs;
        std::vector<Candidate> best;
        double low = 0, high = 0;
        std::int64_t count = 0;  // points before they were thinned out
        double first = 0;        // nats of the first round's best, on all points
        bool begun = false;      // whether the first round has been
        double explained = 0;    // share of the points on the best roof of the first round
    };
    struct Way {
        Pieces pieces;
        int free_cuts = 0;    // those that no wall shows the place of
        bool nested = false;  // the second piece stands within the first, away from its walls
    };
    struct Plan {
        std::vector<Piece*> pieces;
        double price = 0;  // nats of its cuts
    };
    using Pool = std::vector<std::unique_ptr<Piece>>;

    void add_ways(std::vector<Way>& ways) const;
    void add_breaks(std::vector<Way>& ways) const;
    void add_set_back(std::vector<Way>& ways) const;
    void make_piece(const Building& b, const std::vector<Ring>& rings, bool whole, Piece& piece);
    void rescore(Piece& piece);
    void price_first(Piece& piece);
    void search_piece(Piece& piece);
    static double first_nats(const Plan& plan);
    static double second_best(const std::vector<Plan>& plans);
    static void keep_best_plans(std::vector<Plan>& plans, double points);
    static bool strips(const Piece& piece, Vec down, double middle[3]);
    void first_round(Piece& piece);
    void second_round(Piece& piece, const Candidate& parent);
    void third_round(Piece& piece);
    void add(Piece& piece, RoofKind kind, Vec down, bool by_pitch, int hip_end, const double* start);
    void add_skeleton(Piece& piece, RoofKind kind);
    bool allowed(RoofKind kind) const;
    void fit(Piece& piece, Candidate& candidate, bool all);
    void see_faces(const Piece& piece, Candidate& candidate) const;
    double misfit(const Piece& piece, const Candidate& candidate, bool all);
    double structure(const Candidate& candidate, double count) const;
    double shift_nats(double east, double north) const;
    double kind_nats(const Piece& piece, const Candidate& candidate) const;
    double begin(Piece& piece);
    double least_nats(const Piece& piece) const;
    Piece& piece_of(Pool& pool, const std::vector<Ring>& rings);
    bool begin_plan(const Plan& plan, double most, double* scatter);
    void choose(SearchResult& result);
    Alternative order(const Plan& plan) const;
    void begin_plans(Pool& pool, std::vector<Plan>& plans, double* scatter);
    double told_nats(const std::vector<std::uint8_t>& kinds) const;
    void take_told(const Plan& plan, Alternative& total) const;
    void hold_to_proposed();
    void add_proposed_ways(std::vector<Way>& ways) const;
    void take_best_plan(const std::vector<Plan>& plans, SearchResult& result);
    static void list_alternatives(std::vector<Alternative>& all, SearchResult& result);
    void tell_shift(Problem& problem, const ProblemPoints& points, const LmOptions& options, LmResult& solved,
                    SearchResult& result);
    void join(const std::vector<Piece*>& pieces, Problem& free, ProblemPoints& points) const;
    void tell_parts(const std::vector<Piece*>& pieces, const Problem& problem, const ProblemPoints& points,
                    const LmResult& solved, SearchResult& result) const;
    void tell_misfit(const Problem& problem, const ProblemPoints& points, const LmResult& solved,
                     SearchResult& result);
    void finish(const std::vector<Piece*>& pieces, SearchResult& result);
    void add_supers(const std::vector<Piece*>& pieces, SearchResult& result);

    const Building* building_ = nullptr;
    SearchOptions o_;
    std::vector<std::uint8_t> held_;  // kinds that are tried while proposals are all that is; empty for all
    double scale_ = 1;                // of the points' sigmas
    double thin_ = 1;                 // points that say as much as one independent one
    Lm lm_;
    SuperSearch supers_;
    Problem problem_;
    LmResult lm_result_;
    std::vector<double> residual_;
    DualPlane planes_[most_planes];
    std::vector<std::uint8_t> in_;  // of the building's points, which lie in a piece
};

}  // namespace geovision::fit
