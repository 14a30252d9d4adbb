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

enum class Semantic { roof, wall, ground, ceiling };
constexpr const char* semantic_name[] = {"RoofSurface", "WallSurface", "GroundSurface",
                                         "OuterCeilingSurface"};
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
        if (solids == 1) {
            geometry(b, 0, out);
            out += "}";
        } else if (solids > 1) {
            out += ",\"children\":[";
            for (std::int32_t k = 0; k < solids; ++k) {
                if (k > 0) out += ',';
                child(id, k, out);
            }
            out += "]}";
            for (std::int32_t k = 0; k < solids; ++k) {
                out += ',';
                child(id, k, out);
                out += ":{\"type\":\"BuildingPart\",\"parents\":[";
                out += id;
                out += ']';
                geometry(b, k, out);
                out += '}';
            }
        } else {
            out += "}";
        }
        out += "},\"vertices\":[";
        vertices(b, out);
        out += "]}\n";
    }

private:
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
            out += values_.empty() ? "[" : ",[";
            rings(f, out);
            out += ']';
            values_.push_back(index_of(key(b, f)));
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

    void rings(std::int64_t f, std::string& out) const {
        for (std::int64_t r = s_.face_ring_offsets[f]; r < s_.face_ring_offsets[f + 1]; ++r) {
            out += r == s_.face_ring_offsets[f] ? "[" : ",[";
            for (std::int64_t i = s_.ring_offsets[r]; i < s_.ring_offsets[r + 1]; ++i) {
                if (i > s_.ring_offsets[r]) out += ',';
                number(out, s_.ring_vertices[i]);
            }
            out += ']';
        }
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
            case Label::chimney:
            case Label::parapet:
                return faces_up(b, f) ? Semantic::roof : Semantic::wall;
            default:
                return Semantic::wall;
        }
    }

    // The plan area of a wall's ring is nothing but rounding; that of a top is not.
    bool faces_up(std::int64_t b, std::int64_t f) const {
        const std::int64_t r = s_.face_ring_offsets[f], base = s_.vertex_offsets[b];
        double area = 0, around = 0;
        for (std::int64_t i = s_.ring_offsets[r], n = s_.ring_offsets[r + 1]; i < n; ++i) {
            const std::int64_t j = i + 1 < n ? i + 1 : s_.ring_offsets[r];
            const std::int32_t* p = s_.vertices + 3 * (base + s_.ring_vertices[i]);
            const std::int32_t* q = s_.vertices + 3 * (base + s_.ring_vertices[j]);
            area += double(p[0]) * q[1] - double(p[1]) * q[0];
            around += std::abs(double(q[0]) - p[0]) + std::abs(double(q[1]) - p[1]);
        }
        return area > 4 * around;
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
    std::vector<SurfaceKey> keys_;
    std::vector<std::int64_t> values_;
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
