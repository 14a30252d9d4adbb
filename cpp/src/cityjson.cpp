#include "geovision/cityjson.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "geovision/parallel.hpp"

namespace geovision {

namespace {

constexpr std::int64_t block_size = 256;

void number(std::string& out, std::int64_t value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out.append(text, end);
}

enum class Semantic { roof, wall, ground, ceiling, window, door, floor };
constexpr const char* semantic_name[] = {"RoofSurface",         "WallSurface", "GroundSurface",
                                         "OuterCeilingSurface", "Window",      "Door",
                                         "OuterFloorSurface"};
constexpr const char* provenance_name[] = {"observed", "inferred", "given"};

// What CityJSON has no type for is told in an attribute.
const char* label_name(Label label) {
    switch (label) {
        case Label::step_wall:
            return "step_wall";
        case Label::dormer_roof:
        case Label::dormer_wall:
            return "dormer";
        case Label::chimney:
            return "chimney";
        case Label::parapet:
            return "parapet";
        case Label::installation:
            return "installation";
        case Label::frame:
            return "frame";
        default:
            return nullptr;
    }
}

struct SurfaceKey {
    Semantic type;
    Label label;
    std::int32_t part, surface;
    std::uint8_t provenance;
    bool operator==(const SurfaceKey& o) const {
        return std::tie(type, label, part, surface, provenance) ==
               std::tie(o.type, o.label, o.part, o.surface, o.provenance);
    }
};

// The lines of one block of buildings, with scratch that is kept from one to the next.
class Writer {
public:
    Writer(const CityJsonSolids& solids, const std::vector<std::string>& ids,
           const std::vector<std::string>& attributes, const CityJsonOptions& options)
        : s_(solids), ids_(ids), attributes_(attributes), o_(options) {}

    void building(std::int64_t b, std::string& out) {
        const std::string& id = ids_[std::size_t(b)];
        const std::int64_t first = s_.face_offsets[b], last = s_.face_offsets[b + 1];
        std::int32_t solids = 0;
        for (std::int64_t f = first; f < last; ++f) solids = std::max(solids, s_.face_solid[f] + 1);
        out += "{\"type\":\"CityJSONFeature\",\"id\":";
        out += id;
        out += ",\"CityObjects\":{";
        out += id;
        out += ":{\"type\":\"Building\",\"attributes\":";
        out += attributes_[std::size_t(b)];
        find_roles(b, solids);
        // A building of one body is that body; what stands out of its walls hangs on it in any case.
        const bool whole = bodies_ == 1;
        if (whole) geometry(b, body_, out);
        const bool children = whole ? solids > 1 : solids > 0;
        if (children) out += ",\"children\":[";
        bool first_child = true;
        for (std::int32_t k = 0; k < solids; ++k) {
            if (whole && k == body_) continue;
            if (!first_child) out += ',';
            child(id, k, out);
            first_child = false;
        }
        out += children ? "]}" : "}";
        for (std::int32_t k = 0; k < solids; ++k) {
            if (whole && k == body_) continue;
            out += ',';
            child(id, k, out);
            out += installation_[std::size_t(k)] != 0 ? ":{\"type\":\"BuildingInstallation\",\"parents\":["
                                                      : ":{\"type\":\"BuildingPart\",\"parents\":[";
            out += id;
            out += ']';
            geometry(b, k, out);
            out += '}';
        }
        out += "},\"vertices\":[";
        vertices(b, out);
        out += "]}\n";
    }

private:
    // Which solids only stand out of walls, how many others there are, and the first of these.
    void find_roles(std::int64_t b, std::int32_t solids) {
        installation_.assign(std::size_t(solids), 0);
        for (std::int64_t f = s_.face_offsets[b]; f < s_.face_offsets[b + 1]; ++f)
            if (Label(s_.face_label[f]) == Label::installation)
                installation_[std::size_t(s_.face_solid[f])] = 1;
        bodies_ = std::int32_t(std::count(installation_.begin(), installation_.end(), 0));
        body_ =
            std::int32_t(std::find(installation_.begin(), installation_.end(), 0) - installation_.begin());
    }

    static void child(const std::string& id, std::int32_t k, std::string& out) {
        out.append(id, 0, id.size() - 1);  // without its closing quote
        out += '#';
        number(out, k);
        out += '"';
    }

    void vertices(std::int64_t b, std::string& out) const {
        std::int64_t shift[3];
        for (int i = 0; i < 3; ++i)
            shift[i] = std::llround((s_.origin[3 * b + i] - o_.translate[std::size_t(i)]) / s_.grid);
        for (std::int64_t v = s_.vertex_offsets[b]; v < s_.vertex_offsets[b + 1]; ++v) {
            out += v == s_.vertex_offsets[b] ? "[" : ",[";
            for (int i = 0; i < 3; ++i) {
                if (i > 0) out += ',';
                number(out, s_.vertices[3 * v + i] + shift[i]);
            }
            out += ']';
        }
    }

    void geometry(std::int64_t b, std::int32_t solid, std::string& out) {
        keys_.clear();
        values_.clear();
        out += ",\"geometry\":[{\"type\":\"Solid\",\"lod\":\"";
        out += o_.lod;
        out += "\",\"boundaries\":[[";
        for (std::int64_t f = s_.face_offsets[b]; f < s_.face_offsets[b + 1]; ++f) {
            if (s_.face_solid[f] != solid) continue;
            find_loops(b, f);
            const std::int64_t value = index_of(key(b, f));
            for (const Loop& outer : loops_) {
                if (outer.hole) continue;
                out += values_.empty() ? "[" : ",[";
                ring(outer, out);
                for (const Loop& hole : loops_)
                    if (hole.hole && &loops_[hole.owner] == &outer) out += ',', ring(hole, out);
                out += ']';
                values_.push_back(value);
            }
        }
        out += "]],\"semantics\":{\"surfaces\":[";
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            if (i > 0) out += ',';
            surface(keys_[i], out);
        }
        out += "],\"values\":[[";
        for (std::size_t i = 0; i < values_.size(); ++i) {
            if (i > 0) out += ',';
            number(out, values_[i]);
        }
        out += "]]}}]";
    }

    // A closed walk that meets no vertex twice.
    struct Loop {
        std::vector<std::int32_t> vertices;
        double area = 0;  // along the face's normal
        bool hole = false;
        std::size_t owner = 0;
    };

    static void ring(const Loop& loop, std::string& out) {
        for (std::size_t i = 0; i < loop.vertices.size(); ++i) {
            out += i == 0 ? '[' : ',';
            number(out, loop.vertices[i]);
        }
        out += ']';
    }

    const std::int32_t* point(std::int64_t b, std::int32_t v) const {
        return s_.vertices + 3 * (s_.vertex_offsets[b] + v);
    }

    // The face's rings. One that touches itself is taken apart where it does: readers want simple rings.
    void find_loops(std::int64_t b, std::int64_t f) {
        loops_.clear();
        const std::int64_t first = s_.face_ring_offsets[f], last = s_.face_ring_offsets[f + 1];
        bool simple = true;
        for (std::int64_t r = first; r < last; ++r) {
            walk_.clear();
            const std::size_t before = loops_.size();
            for (std::int64_t i = s_.ring_offsets[r]; i < s_.ring_offsets[r + 1]; ++i) {
                const std::int32_t v = s_.ring_vertices[i];
                const auto met = std::find(walk_.begin(), walk_.end(), v);
                if (met != walk_.end()) {
                    loops_.push_back({{met, walk_.end()}});
                    walk_.erase(met, walk_.end());
                    simple = false;
                }
                walk_.push_back(v);
            }
            loops_.push_back({walk_});
            loops_.back().hole = r > first;
            if (loops_.size() > before + 1) simple = false;
        }
        if (!simple) sort_loops(b, f);
    }

    // Loops that run against the face's normal are holes, of the smallest loop that holds them.
    void sort_loops(std::int64_t b, std::int64_t f) {
        double normal[3] = {};
        const std::int64_t r = s_.face_ring_offsets[f];
        std::vector<std::int32_t> whole(s_.ring_vertices + s_.ring_offsets[r],
                                        s_.ring_vertices + s_.ring_offsets[r + 1]);
        for (int k = 0; k < 3; ++k) normal[k] = area(b, whole, k);
        int axis = 0;
        for (int k = 1; k < 3; ++k)
            if (std::abs(normal[k]) > std::abs(normal[axis])) axis = k;
        loops_.erase(
            std::remove_if(loops_.begin(), loops_.end(), [](const Loop& l) { return l.vertices.size() < 3; }),
            loops_.end());
        for (Loop& loop : loops_) {
            loop.area = area(b, loop.vertices, axis) * (normal[axis] < 0 ? -1 : 1);
            loop.hole = loop.area < 0;
        }
        for (Loop& hole : loops_) {
            if (!hole.hole) continue;
            double least = 0;
            bool any = false;
            for (std::size_t k = 0; k < loops_.size(); ++k) {
                const Loop& outer = loops_[k];
                if (outer.hole || outer.area < -hole.area || !holds(b, outer, hole, axis)) continue;
                if (!any || outer.area < least) least = outer.area, hole.owner = k, any = true;
            }
        }
    }

    // Twice the area of a loop seen along an axis.
    double area(std::int64_t b, const std::vector<std::int32_t>& loop, int axis) const {
        const int i = (axis + 1) % 3, j = (axis + 2) % 3;
        const std::int32_t* o = point(b, loop[0]);
        double sum = 0;
        for (std::size_t k = 1; k + 1 < loop.size(); ++k) {
            const std::int32_t *p = point(b, loop[k]), *q = point(b, loop[k + 1]);
            sum +=
                (double(p[i]) - o[i]) * (double(q[j]) - o[j]) - (double(p[j]) - o[j]) * (double(q[i]) - o[i]);
        }
        return sum;
    }

    // Whether the middle of an edge of `inner` lies in `outer`; they share no edge.
    bool holds(std::int64_t b, const Loop& outer, const Loop& inner, int axis) const {
        const int i = (axis + 1) % 3, j = (axis + 2) % 3;
        const std::int32_t *p = point(b, inner.vertices[0]), *q = point(b, inner.vertices[1]);
        const double x = (double(p[i]) + q[i]) / 2, y = (double(p[j]) + q[j]) / 2;
        bool in = false;
        for (std::size_t k = 0, last = outer.vertices.size() - 1; k < outer.vertices.size(); last = k++) {
            const std::int32_t *u = point(b, outer.vertices[k]), *w = point(b, outer.vertices[last]);
            if ((u[j] > y) != (w[j] > y) &&
                u[i] + (y - u[j]) * (double(w[i]) - u[i]) / (double(w[j]) - u[j]) > x)
                in = !in;
        }
        return in;
    }

    static void surface(const SurfaceKey& k, std::string& out) {
        out += "{\"type\":\"";
        out += semantic_name[int(k.type)];
        out += '"';
        if (const char* name = label_name(k.label)) {
            out += ",\"structure\":\"";
            out += name;
            out += '"';
        }
        if (k.part >= 0) {
            out += ",\"part\":";
            number(out, k.part);
        }
        out += ",\"provenance\":\"";
        out += provenance_name[std::min<int>(k.provenance, 2)];
        out += "\"}";
    }

    SurfaceKey key(std::int64_t b, std::int64_t f) const {
        const auto label = Label(s_.face_label[f]);
        const Semantic type = semantic(label, b, f);
        return {type, label, s_.face_part[f], type == Semantic::roof ? s_.face_surface[f] : -1,
                s_.face_provenance[f]};
    }

    Semantic semantic(Label label, std::int64_t b, std::int64_t f) const {
        switch (label) {
            case Label::roof:
            case Label::dormer_roof:
                return Semantic::roof;
            case Label::ground:
                return Semantic::ground;
            case Label::underside:
                return Semantic::ceiling;
            case Label::window:
                return Semantic::window;
            case Label::door:
                return Semantic::door;
            case Label::chimney:
            case Label::parapet:
            case Label::installation:
                return leaning(b, f, Semantic::roof);
            case Label::frame:
                return leaning(b, f, Semantic::floor);
            default:
                return Semantic::wall;
        }
    }

    // What is less steep than 70 degrees is no wall: `above` where it looks up, else a ceiling.
    Semantic leaning(std::int64_t b, std::int64_t f, Semantic above) const {
        const std::int64_t r = s_.face_ring_offsets[f], base = s_.vertex_offsets[b];
        double normal[3] = {};
        for (std::int64_t i = s_.ring_offsets[r], n = s_.ring_offsets[r + 1]; i < n; ++i) {
            const std::int64_t j = i + 1 < n ? i + 1 : s_.ring_offsets[r];
            const std::int32_t* p = s_.vertices + 3 * (base + s_.ring_vertices[i]);
            const std::int32_t* q = s_.vertices + 3 * (base + s_.ring_vertices[j]);
            for (int k = 0; k < 3; ++k) {
                const int u = (k + 1) % 3, v = (k + 2) % 3;
                normal[k] += double(p[u]) * q[v] - double(p[v]) * q[u];
            }
        }
        if (std::abs(normal[2]) <= 0.36 * std::hypot(normal[0], normal[1])) return Semantic::wall;
        return normal[2] > 0 ? above : Semantic::ceiling;
    }

    std::int64_t index_of(const SurfaceKey& k) {
        const auto at = std::find(keys_.begin(), keys_.end(), k);
        if (at == keys_.end()) {
            keys_.push_back(k);
            return std::int64_t(keys_.size()) - 1;
        }
        return at - keys_.begin();
    }

    const CityJsonSolids& s_;
    const std::vector<std::string>& ids_;
    const std::vector<std::string>& attributes_;
    const CityJsonOptions& o_;
    std::vector<std::uint8_t> installation_;  // per solid
    std::int32_t bodies_ = 0, body_ = 0;
    std::vector<SurfaceKey> keys_;
    std::vector<std::int64_t> values_;
    std::vector<Loop> loops_;
    std::vector<std::int32_t> walk_;
};

}  // namespace

bool write_city_features(const CityJsonSolids& solids, const std::vector<std::string>& ids,
                         const std::vector<std::string>& attributes, const CityJsonOptions& options,
                         std::string& out) {
    const std::int64_t blocks = (solids.buildings + block_size - 1) / block_size;
    std::vector<std::string> pieces(static_cast<std::size_t>(blocks));
    const bool done = parallel_blocks(blocks, options.threads, options.cancel, [&] {
        return [&, writer = Writer(solids, ids, attributes, options)](std::int64_t block) mutable {
            const std::int64_t last = std::min(solids.buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b)
                writer.building(b, pieces[std::size_t(block)]);
        };
    });
    if (!done) return false;
    std::size_t size = out.size();
    for (const std::string& piece : pieces) size += piece.size();
    out.reserve(size);
    for (const std::string& piece : pieces) out += piece;
    return true;
}

}  // namespace geovision
