// Collects the elements of one wall, and leaves out or cuts what cannot be. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "facade_wall.hpp"

namespace geovision {

struct FacadeElement {
    ElementKind kind;
    FacadeBox box;
    std::int32_t depth, design, material, colour, parent;  // colour and material: -1 for the kind's own
    bool kept;
};

class FacadeSurface {
public:
    // `dropped` counts by FacadeDrop.
    void begin(const FacadeWall& wall, std::int32_t height, std::uint32_t* dropped);
    // Adds an element where it may be; returns its number or -1. An opening settles first: its box is then
    // where it came to be.
    std::int32_t add(const FacadePiece& piece, FacadeElement element);
    const FacadeElement& operator[](std::int32_t i) const { return elements_[std::size_t(i)]; }
    std::int32_t size() const { return static_cast<std::int32_t>(elements_.size()); }
    void drop(FacadeDrop why) { ++dropped_[std::size_t(why)]; }
    // Takes out things that stand in others and cuts bands around them. After it `elements` are final,
    // parents before what belongs to them, those that are not kept among them.
    void finish();
    std::vector<FacadeElement>& elements() { return elements_; }

private:
    bool belongs(std::int32_t thing, std::int32_t to) const;
    void cut_band(std::int32_t i);
    void take_out(const FacadeBox& hole);

    const FacadeWall* wall_ = nullptr;
    std::uint32_t* dropped_ = nullptr;
    std::vector<FacadeElement> elements_;
    std::vector<FacadeBox> rest_;
    FacadeBins openings_, things_;
};

}  // namespace geovision
