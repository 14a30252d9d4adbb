"""`Solids`: the closed, labelled solids of a batch of buildings, as arrays; `Solid`: one building of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from geovision.errors import GeometryError
from geovision.model.labels import STATUS_TEXT, Label, Status, StatusFlag, status_error

if TYPE_CHECKING:
    import trimesh

__all__ = ["Failure", "Solid", "Solids"]

# Of every array: what its rows are, and for offsets what they cut. Offsets come before what they cut.
_LEVELS: dict[str, tuple[str, str | None]] = {
    "origin": ("buildings", None),
    "status": ("buildings", None),
    "flags": ("buildings", None),
    "vertex_offsets": ("buildings", "vertices"),
    "vertices": ("vertices", None),
    "triangle_offsets": ("buildings", "triangles"),
    "triangles": ("triangles", None),
    "triangle_face": ("triangles", None),
    "face_offsets": ("buildings", "faces"),
    "face_label": ("faces", None),
    "face_part": ("faces", None),
    "face_surface": ("faces", None),
    "face_provenance": ("faces", None),
    "face_solid": ("faces", None),
    "face_ring_offsets": ("faces", "rings"),
    "ring_offsets": ("rings", "ring_vertices"),
    "ring_vertices": ("ring_vertices", None),
}
# Columns of dressed solids only.
_DRESS = {
    "face_element": ("faces", None),
    "face_material": ("faces", None),
    "face_colour": ("faces", None),
}


@dataclass(frozen=True)
class Failure:
    """A building that has no solid, and why."""

    id: str
    index: int
    status: Status

    @property
    def message(self) -> str:
        """What is wrong and what to do about it, as one text."""
        text = STATUS_TEXT[self.status]
        return f"{text.problem}. {text.remedy}."

    def error(self) -> GeometryError:
        """The same as an exception."""
        return status_error(self.id, self.status)


class Solids:
    """The solids of many buildings in flat arrays with offsets; the layout of the kernel's struct Solids.

    Vertices are whole grid steps (1 mm) from each building's own origin, so they are exact.

    Attributes:
        ids: one id per building, in the order of the programs.
        status: a `Status` per building; anything but OK means that it has no faces.
        flags: `StatusFlag` bits per building: the rules that shaped its solid.
        face_element: of solids with facades, the row of `Elements` within its building that a face
            belongs to, -1 for none; None otherwise.
        face_material: of solids with facades, a `Material` per face; None otherwise.
        face_colour: of solids with facades, sRGB per face; None otherwise.
    """

    def __init__(self, arrays: Mapping[str, Any], ids: Sequence[str] | None = None) -> None:
        self._arrays = dict(arrays)
        self._ids = ids
        self.grid: float = float(arrays["grid"])
        self.origin: NDArray[np.float64] = arrays["origin"]
        self.vertex_offsets: NDArray[np.int64] = arrays["vertex_offsets"]
        self.vertices: NDArray[np.int32] = arrays["vertices"]
        self.triangle_offsets: NDArray[np.int64] = arrays["triangle_offsets"]
        self.triangles: NDArray[np.int32] = arrays["triangles"]
        self.triangle_face: NDArray[np.int32] = arrays["triangle_face"]
        self.face_offsets: NDArray[np.int64] = arrays["face_offsets"]
        self.face_label: NDArray[np.uint8] = arrays["face_label"]
        self.status: NDArray[np.uint8] = arrays["status"]
        self.flags: NDArray[np.uint32] = arrays["flags"]
        self.face_element: NDArray[np.int32] | None = arrays.get("face_element")
        self.face_material: NDArray[np.uint8] | None = arrays.get("face_material")
        self.face_colour: NDArray[np.uint8] | None = arrays.get("face_colour")

    @cached_property
    def ids(self) -> Sequence[str]:
        """One id per building."""
        return self._ids if self._ids is not None else [str(i) for i in range(len(self))]

    def arrays(self) -> dict[str, Any]:
        """The arrays by the kernel's field names."""
        return self._arrays

    def __len__(self) -> int:
        return len(self.status)

    def __repr__(self) -> str:
        return (
            f"Solids({len(self)} buildings, {len(self.triangles)} triangles, {len(self.failures)} failures)"
        )

    @overload
    def __getitem__(self, index: int) -> Solid: ...
    @overload
    def __getitem__(self, index: slice) -> list[Solid]: ...
    def __getitem__(self, index: int | slice) -> Solid | list[Solid]:
        if isinstance(index, slice):
            return [Solid(self, i) for i in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(f"building {index} of a batch of {len(self)}")
        return Solid(self, row)

    def __iter__(self) -> Iterator[Solid]:
        return (Solid(self, i) for i in range(len(self)))

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> Solids:
        """The given buildings, by number, in the given order.

        >>> from geovision.mesh import mesh
        >>> from geovision.model import Flat, Part, Program
        >>> square = [(0, 0), (8, 0), (8, 8), (0, 8)]
        >>> block = Part(shell=square, eave_height=5.0, roof=Flat())
        >>> two = mesh([Program(id=name, parts=[block]) for name in "ab"])
        >>> two.take([1, 1, 0]).ids
        ['b', 'b', 'a']
        """
        index = np.asarray(rows, np.int64)
        picked = {"buildings": index}
        arrays: dict[str, Any] = {}
        for name, (level, cuts) in {**_LEVELS, **_DRESS}.items():
            if name in _DRESS and name not in self._arrays:
                continue
            column, items = self._arrays[name], picked[level]
            if cuts is None:
                arrays[name] = column[items]
                continue
            # Without polygons there are no rings, and one offset.
            starts, ends = (column[items], column[items + 1]) if len(column) > 1 else (items[:0], items[:0])
            offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(ends - starts)])
            # Rows of all pieces, one after another: piece start plus the place within the piece.
            picked[cuts] = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], ends - starts)
            arrays[name] = offsets
        arrays["grid"] = self.grid
        ids = self.ids
        return Solids(arrays, [ids[row] for row in index.tolist()])

    @cached_property
    def failures(self) -> list[Failure]:
        """Buildings without a solid, with the reason."""
        rows = np.flatnonzero(self.status != Status.OK)
        return [Failure(self.ids[i], i, Status(int(self.status[i]))) for i in rows.tolist()]


class Solid:
    """One building: one or more closed surfaces. A view; it keeps its batch alive."""

    def __init__(self, batch: Solids, index: int) -> None:
        self._batch = batch
        self.index = index
        self.id = batch.ids[index]
        self.status = Status(int(batch.status[index]))
        self.flags = StatusFlag(int(batch.flags[index]))
        self._vertices = slice(*batch.vertex_offsets[index : index + 2].tolist())
        self._triangles = slice(*batch.triangle_offsets[index : index + 2].tolist())
        self._faces = slice(*batch.face_offsets[index : index + 2].tolist())

    def __repr__(self) -> str:
        return f"Solid({self.id!r}, {len(self.triangles)} triangles, {self.status.name})"

    @property
    def origin(self) -> NDArray[np.float64]:
        """Whole metres; the float64 place of the local frame."""
        origin: NDArray[np.float64] = self._batch.origin[self.index]
        return origin

    @property
    def grid_vertices(self) -> NDArray[np.int32]:
        """Vertices in grid steps from the origin, exact."""
        return self._batch.vertices[self._vertices]

    @property
    def local_vertices(self) -> NDArray[np.float64]:
        """Vertices in metres from the origin."""
        return self.grid_vertices.astype(np.float64) * self._batch.grid

    @property
    def vertices(self) -> NDArray[np.float64]:
        """Vertices in world coordinates, float64 metres."""
        world: NDArray[np.float64] = self.origin + self.local_vertices
        return world

    @property
    def triangles(self) -> NDArray[np.int32]:
        """Vertex triples, counter-clockwise from outside."""
        return self._batch.triangles[self._triangles]

    @property
    def triangle_faces(self) -> NDArray[np.int32]:
        """The polygon face that each triangle is a piece of."""
        return self._batch.triangle_face[self._triangles]

    @property
    def face_labels(self) -> NDArray[np.uint8]:
        """A `Label` per polygon face."""
        return self._batch.face_label[self._faces]

    @property
    def face_surfaces(self) -> NDArray[np.int32]:
        """The surface that each polygon face belongs to: facets of a curved roof share one."""
        column: NDArray[np.int32] = self._batch.arrays()["face_surface"]
        return column[self._faces]

    @property
    def face_provenance(self) -> NDArray[np.uint8]:
        """A `Provenance` per polygon face: whether it was observed, inferred or given."""
        column: NDArray[np.uint8] = self._batch.arrays()["face_provenance"]
        return column[self._faces]

    @property
    def triangle_labels(self) -> NDArray[np.uint8]:
        """A `Label` per triangle."""
        return self.face_labels[self.triangle_faces]

    @property
    def rings(self) -> list[list[NDArray[np.int32]]]:
        """Per polygon face its rings of vertex numbers, the outer one first, counter-clockwise from outside.

        Empty lists where the batch was made with ``polygons=False``.
        """
        a = self._batch.arrays()
        faces: NDArray[np.int64] = a["face_ring_offsets"]
        if len(faces) <= self._faces.stop:
            return [[] for _ in range(self._faces.stop - self._faces.start)]
        spans, vertices = a["ring_offsets"], a["ring_vertices"]
        return [
            [vertices[spans[r] : spans[r + 1]] for r in range(faces[f], faces[f + 1])]
            for f in range(self._faces.start, self._faces.stop)
        ]

    @property
    def volume(self) -> float:
        """Enclosed volume in cubic metres, from an exact integer sum."""
        # Python integers: the sum of many 96-bit products would overflow int64 and round in float64.
        corners = self.grid_vertices[self.triangles].astype(object)
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        normal = [b[:, i] * c[:, j] - b[:, j] * c[:, i] for i, j in ((1, 2), (2, 0), (0, 1))]
        six = sum((a[:, k] * normal[k]).sum() for k in range(3)) if len(corners) else 0
        return float(six) / 6 * self._batch.grid**3

    def area(self, *labels: Label) -> float:
        """Surface in square metres, of all faces or of those with the given labels."""
        corners = self.local_vertices[self.triangles]
        areas = (
            np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        )
        chosen = np.isin(self.triangle_labels, [int(label) for label in labels]) if labels else slice(None)
        return float(areas[chosen].sum())

    def to_trimesh(self) -> trimesh.Trimesh:
        """The solid as a `trimesh.Trimesh` in local metres, untouched; its metadata holds the origin."""
        import trimesh

        return trimesh.Trimesh(
            self.local_vertices,
            self.triangles,
            process=False,
            metadata={"id": self.id, "origin": self.origin.tolist()},
            face_attributes={"label": self.triangle_labels},
        )
