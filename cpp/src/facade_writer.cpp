#include "facade_writer.hpp"

#include <algorithm>

namespace geovision {

void FacadeWriter::begin(const BuildingView& b) {
    building_ = &b;
    first_vertex_ = out_.vertices.size(), first_triangle_ = out_.triangle_face.size();
    first_face_ = out_.face_label.size(), first_ring_ = out_.ring_offsets.size();
    first_ring_vertex_ = out_.ring_vertices.size();
    // Triangles by face.
    triangle_begin_.assign(std::size_t(b.face_count) + 1, 0);
    for (std::int32_t t = 0; t < b.triangle_count; ++t)
        ++triangle_begin_[std::size_t(b.triangle_face[t]) + 1];
    for (std::size_t f = 1; f < triangle_begin_.size(); ++f) triangle_begin_[f] += triangle_begin_[f - 1];
    triangles_of_.resize(std::size_t(b.triangle_count));
    for (std::int32_t t = 0; t < b.triangle_count; ++t)
        triangles_of_[std::size_t(triangle_begin_[std::size_t(b.triangle_face[t])]++)] = t;
    for (std::size_t f = triangle_begin_.size() - 1; f > 0; --f) triangle_begin_[f] = triangle_begin_[f - 1];
    triangle_begin_[0] = 0;
    roll_back();
}

void FacadeWriter::roll_back() {
    const BuildingView& b = *building_;
    out_.vertices.resize(first_vertex_);
    out_.triangles.resize(3 * first_triangle_), out_.triangle_face.resize(first_triangle_);
    for (auto* column : {&out_.face_label, &out_.face_provenance, &out_.face_material})
        column->resize(first_face_);
    for (auto* column : {&out_.face_part, &out_.face_surface, &out_.face_solid, &out_.face_element})
        column->resize(first_face_);
    out_.face_colour.resize(3 * first_face_);
    out_.face_ring_offsets.resize(first_face_ + 1);
    out_.ring_offsets.resize(first_ring_), out_.ring_vertices.resize(first_ring_vertex_);
    number_.assign(std::size_t(b.vertex_count), -1);
    vertices_ = faces_ = surfaces_ = solids_ = 0;
    for (std::int32_t f = 0; f < b.face_count; ++f) {
        const auto i = std::size_t(b.first_face + f);
        surfaces_ = std::max(surfaces_, b.solids->face_surface[i] + 1);
        solids_ = std::max(solids_, b.solids->face_solid[i] + 1);
    }
}

void FacadeWriter::end() {
    out_.vertex_offsets.push_back(std::int64_t(out_.vertices.size()) / 3);
    out_.triangle_offsets.push_back(std::int64_t(out_.triangle_face.size()));
    out_.face_offsets.push_back(std::int64_t(out_.face_label.size()));
}

std::int32_t FacadeWriter::vertex(Point plan, std::int32_t z) {
    for (const std::int32_t v : {plan.x, plan.y, z}) out_.vertices.push_back(v);
    return vertices_++;
}

std::int32_t FacadeWriter::old_vertex(std::int32_t v) {
    std::int32_t& number = number_[std::size_t(v)];
    if (number < 0) number = vertex(building_->plan(v), building_->z(v));
    return number;
}

void FacadeWriter::begin_face(const FaceStyle& s) {
    out_.face_label.push_back(std::uint8_t(s.label));
    out_.face_part.push_back(s.part);
    out_.face_surface.push_back(s.surface);
    out_.face_provenance.push_back(s.provenance);
    out_.face_solid.push_back(s.solid);
    out_.face_element.push_back(s.element);
    out_.face_material.push_back(s.material);
    out_.face_colour.insert(out_.face_colour.end(), s.colour, s.colour + 3);
    ++faces_;
}

void FacadeWriter::triangle(std::int32_t a, std::int32_t b, std::int32_t c) {
    for (const std::int32_t v : {a, b, c}) out_.triangles.push_back(v);
    out_.triangle_face.push_back(faces_ - 1);
}

void FacadeWriter::quad(std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d,
                        const FaceStyle& style) {
    begin_face(style);
    for (const std::int32_t v : {a, b, c, d}) out_.ring_vertices.push_back(v);
    end_ring(), end_face();
    triangle(a, b, c), triangle(a, c, d);
}

bool FacadeWriter::polygon(const std::vector<std::int32_t>& ring, const std::vector<std::int32_t>& begin,
                           const Drawing& d, const FaceStyle& style) {
    points_.clear(), places_.clear(), cut_.clear();
    for (const std::int32_t v : ring) {
        places_.push_back(std::int32_t(points_.size()));
        points_.push_back({d.u_sign * at(v)[d.u], at(v)[d.v]});
    }
    const auto rings = std::int32_t(begin.size()) - 1;
    bool drawn = rings > 1 && sweep_.run(points_, places_.data(), begin.data(), rings, cut_);
    drawn = drawn || ears_.run(points_, places_.data(), begin.data(), rings, cut_);
    if (!drawn) return false;
    flips_.run(points_, cut_);
    begin_face(style);
    for (std::int32_t r = 0; r < rings; ++r) {
        out_.ring_vertices.insert(out_.ring_vertices.end(), ring.begin() + begin[std::size_t(r)],
                                  ring.begin() + begin[std::size_t(r) + 1]);
        end_ring();
    }
    end_face();
    for (std::size_t t = 0; t < cut_.size(); t += 3)
        triangle(ring[std::size_t(cut_[t])], ring[std::size_t(cut_[t + 1])], ring[std::size_t(cut_[t + 2])]);
    return true;
}

void FacadeWriter::copy(std::int32_t face, const FaceStyle& style) {
    const BuildingView& b = *building_;
    const Solids& s = *b.solids;
    begin_face(style);
    for (std::int64_t r = b.ring_begin(face); r < b.ring_begin(face + 1); ++r) {
        for (std::int64_t i = s.ring_offsets[std::size_t(r)]; i < s.ring_offsets[std::size_t(r) + 1]; ++i)
            out_.ring_vertices.push_back(old_vertex(s.ring_vertices[std::size_t(i)]));
        end_ring();
    }
    end_face();
    for (std::int32_t k = triangle_begin_[std::size_t(face)]; k < triangle_begin_[std::size_t(face) + 1];
         ++k) {
        const std::int32_t* t = b.triangles + 3 * std::int64_t(triangles_of_[std::size_t(k)]);
        triangle(old_vertex(t[0]), old_vertex(t[1]), old_vertex(t[2]));
    }
}

bool FacadeWriter::prism(const std::vector<Point>& plan, std::int32_t z0, std::int32_t z1, FaceStyle style) {
    bottom_.clear(), top_.clear();
    for (const Point p : plan) bottom_.push_back(vertex(p, z0));
    for (const Point p : plan) top_.push_back(vertex(p, z1));
    const std::size_t n = plan.size();
    style.surface = new_surface();
    if (n == 4) {
        quad(top_[0], top_[1], top_[2], top_[3], style);
        style.surface = new_surface();
        quad(bottom_[3], bottom_[2], bottom_[1], bottom_[0], style);
    } else {
        loop_begin_ = {0, std::int32_t(n)};
        if (!polygon(top_, loop_begin_, Drawing::up(), style)) return false;
        loop_.assign(bottom_.rbegin(), bottom_.rend());
        style.surface = new_surface();
        if (!polygon(loop_, loop_begin_, Drawing::down(), style)) return false;
    }
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t k = i + 1 < n ? i + 1 : 0;
        style.surface = new_surface();
        quad(bottom_[i], bottom_[k], top_[k], top_[i], style);
    }
    return true;
}

}  // namespace geovision
