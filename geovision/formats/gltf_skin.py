"""Materials by rule in glTF: each finish is a small texture that repeats, and colours are vertex colours.

So a tile has a primitive for each pair of label and finish, whatever the number of its buildings, and a
picture is loaded once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.formats.materials import material_name
from geovision.formats.pictures import PictureKind, encode_picture
from geovision.mesh.looks import NO_FINISH, FaceLooks
from geovision.mesh.textures import Finish, draw_texture, linear
from geovision.model.labels import Label

__all__ = ["PHOTO", "TEXTURE_M", "Skin", "SkinSettings", "make_skin", "texture_files"]

TEXTURE_M = 2.0
"""What a side of every texture covers."""
_JOINERY = (Label.WINDOW, Label.DOOR, Label.FRAME)
PHOTO = 254
"""In place of a finish, of faces that show the photo."""
_MAPS = ("base", "normal", "orm")
_WEBP = "EXT_texture_webp"
_MIME = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg"}
_SUFFIX = {"webp": "webp", "png": "png", "jpeg": "jpg"}


@dataclass(frozen=True)
class SkinSettings:
    """How materials are written.

    Attributes:
        size: pixels of a texture's side, which covers 2 m.
        pictures: how they are compressed. WebP is the smallest; readers need EXT_texture_webp, as CesiumJS
            and three.js have it. PNG and JPEG are read by all.
        seed: which piece of each material.
        uri: of the folder where `texture_files` lie, relative to the GLB, ending with a slash; None puts the
            pictures into the GLB.
    """

    size: int = 512
    pictures: PictureKind = "webp"
    seed: int = 0
    uri: str | None = None

    def __post_init__(self) -> None:
        if self.pictures not in _MIME:
            raise UsageError(
                f"pictures = {self.pictures!r}", "is not known", f"Use one of {', '.join(_MIME)}"
            )


@dataclass(frozen=True)
class Skin:
    """What the kernel and the JSON need.

    Attributes:
        arrays: "face_group" and "face_colour" for `_kernel.pack_glb`.
        groups: label and finish of each group; `NO_FINISH` has no texture, `PHOTO` that of the orthophoto.
        buffers: pictures to put behind the geometry.
    """

    arrays: Mapping[str, NDArray[Any]]
    groups: tuple[tuple[int, int], ...]
    buffers: tuple[bytes, ...]
    settings: SkinSettings

    @property
    def metre_groups(self) -> tuple[int, ...]:
        """Groups that have texture coordinates in metres."""
        return tuple(place for place, (_, finish) in enumerate(self.groups) if finish < PHOTO)

    @property
    def photo_groups(self) -> tuple[int, ...]:
        """Groups that show the photo."""
        return tuple(place for place, (_, finish) in enumerate(self.groups) if finish == PHOTO)

    def finishes(self) -> list[Finish]:
        """All that are shown, in the order of their codes."""
        return sorted({Finish(finish) for _, finish in self.groups if finish < PHOTO})

    def add_to(
        self, gltf: dict[str, Any], views: list[dict[str, Any]], offsets: list[int]
    ) -> list[dict[str, Any]]:
        """Put pictures, textures and samplers into a document; gives the material of each group.

        Args:
            gltf: the document.
            views: its buffer views, which grow by the pictures.
            offsets: where `buffers` lie.
        """
        kind = self.settings.pictures
        gltf["samplers"] = [{"magFilter": 9729, "minFilter": 9987}]
        images: list[dict[str, Any]] = []
        places = iter(zip(offsets, self.buffers, strict=True))
        for finish in self.finishes():
            for name in _MAPS:
                picture = {"name": f"{finish.name.lower()}_{name}"}
                if self.settings.uri is not None:
                    images.append({**picture, "uri": self.settings.uri + _file_name(finish, name, kind)})
                    continue
                offset, data = next(places)
                images.append({**picture, "mimeType": _MIME[kind], "bufferView": len(views)})
                views.append({"buffer": 0, "byteOffset": offset, "byteLength": len(data)})
        gltf["images"] = images
        gltf["textures"] = [_texture(place, kind) for place in range(len(images))]
        first = {finish: 3 * place for place, finish in enumerate(self.finishes())}
        return [
            _material(label, None if finish >= PHOTO else Finish(finish), first)
            for label, finish in self.groups
        ]

    @property
    def extensions(self) -> set[str]:
        """Those that a reader must know."""
        return {_WEBP} if self.settings.pictures == "webp" and self.finishes() else set()


def make_skin(
    face_label: NDArray[np.uint8],
    looks: FaceLooks,
    settings: SkinSettings,
    photo: NDArray[np.bool_] | None = None,
) -> Skin:
    """Groups of faces and their factors.

    Args:
        face_label: of every face.
        looks: the same.
        settings: how they are written.
        photo: faces that show the orthophoto instead, as it is.

    >>> looks = FaceLooks(np.array([3, 3, 255], np.uint8), np.full((3, 3), 200, np.uint8))
    >>> skin = make_skin(np.array([1, 1, 3], np.uint8), looks, SkinSettings(size=16, uri="../"))
    >>> skin.groups, skin.arrays["face_group"].tolist(), skin.metre_groups
    (((1, 3), (3, 255)), [0, 0, 1], (0,))
    """
    if looks.finish.shape != face_label.shape or looks.colour.shape != (*face_label.shape, 3):
        raise InputError(
            f"looks of {len(looks.finish)} faces",
            f"do not go with {len(face_label)} faces",
            "Make them for these very solids",
        )
    # Boards lie on walls; frames and leaves are too narrow to be made of them.
    smooth = np.isin(face_label, _JOINERY) & (looks.finish == Finish.WOOD)
    finishes, colour = np.where(smooth, NO_FINISH, looks.finish), looks.colour
    if photo is not None:
        finishes = np.where(photo, PHOTO, finishes)
        colour = np.where(photo[:, None], np.uint8(255), colour)
    pairs, group = np.unique(face_label.astype(np.int64) << 8 | finishes, return_inverse=True)
    groups = tuple((int(pair) >> 8, int(pair) & 255) for pair in pairs)
    level = np.ones(256)
    buffers: list[bytes] = []
    for finish in sorted({finish for _, finish in groups if finish < PHOTO}):
        files, level[finish] = _drawn(Finish(finish), settings.size, settings.pictures, settings.seed)
        if settings.uri is None:
            buffers += files
    factor = np.minimum(linear(colour) / level[finishes][:, None], 1.0)
    arrays = {
        "face_group": group.reshape(-1).astype(np.uint8),
        "face_colour": np.rint(65535 * factor).astype(np.uint16),
    }
    return Skin(arrays, groups, tuple(buffers), settings)


def texture_files(finishes: list[Finish], settings: SkinSettings) -> dict[str, bytes]:
    """The pictures that GLBs with a `uri` name: file names and contents."""
    return {
        _file_name(finish, name, settings.pictures): data
        for finish in finishes
        for name, data in zip(
            _MAPS, _drawn(finish, settings.size, settings.pictures, settings.seed)[0], strict=True
        )
    }


@lru_cache(maxsize=128)
def _drawn(finish: Finish, size: int, kind: PictureKind, seed: int) -> tuple[tuple[bytes, ...], float]:
    """Three pictures, and the neutral level of the first."""
    texture = draw_texture(finish, size=size, metres=TEXTURE_M, seed=seed)
    pictures = (texture.base, texture.normal, texture.packed)
    return tuple(encode_picture(picture, kind) for picture in pictures), texture.level


def _file_name(finish: Finish, name: str, kind: PictureKind) -> str:
    return f"{finish.name.lower()}_{name}.{_SUFFIX[kind]}"


def _texture(image: int, kind: PictureKind) -> dict[str, Any]:
    if kind == "webp":
        return {"sampler": 0, "extensions": {_WEBP: {"source": image}}}
    return {"sampler": 0, "source": image}


def _material(label: int, finish: Finish | None, first: Mapping[Finish, int]) -> dict[str, Any]:
    """The colour of a building comes with its vertices."""
    if finish is None:
        return {
            "name": material_name(label),
            "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.9},
        }
    base = first[finish]
    return {
        "name": f"{material_name(label)}_{finish.name.lower()}",
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": base},
            "metallicRoughnessTexture": {"index": base + 2},
        },
        "normalTexture": {"index": base + 1},
        "occlusionTexture": {"index": base + 2},
        "extras": {"label": material_name(label), "finish": finish.name.lower(), "provenance": "inferred"},
    }
