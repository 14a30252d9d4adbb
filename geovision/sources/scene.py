"""`Scene`: co-registered sources in one projected metric CRS, read by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geovision.errors import InputError, UsageError
from geovision.model.evidence import Evidence, ImagePatch
from geovision.sources.crs import crs_name
from geovision.sources.evidence import evidence_from_arrays, reach_m
from geovision.sources.grid import Bounds, TileGrid, TileKey, overlaps, union, widened
from geovision.sources.gridding import CellFrame
from geovision.sources.height_grid import HeightGrid
from geovision.sources.limits import Limits
from geovision.sources.point_block import PointBlock
from geovision.sources.raster_info import Cut
from geovision.sources.rasters import RasterLayer
from geovision.sources.resample import PixelGrid
from geovision.sources.roles import RASTER_ROLES
from geovision.sources.scene_file import SceneSpec
from geovision.sources.scene_gridding import GRIDDED_CELL_M, gridded
from geovision.sources.scene_points import PointLayer
from geovision.sources.scene_smear import measured_smear, measured_waves
from geovision.sources.smear import Smear
from geovision.sources.waves import Waves

if TYPE_CHECKING:
    from geovision.sources.footprints import Footprints
    from geovision.sources.streets import Streets

__all__ = ["Scene", "SceneTile", "WholeScene", "Window"]

TILE_M = 500.0


@dataclass(frozen=True)
class WholeScene:
    """What is measured over all of a scene, so that it is the same for every part."""

    smear: Smear
    waves: Waves


class SceneTile(NamedTuple):
    """A tile of a scene and how many footprints it owns."""

    key: TileKey
    bounds: Bounds
    buildings: int


@dataclass(frozen=True)
class Window:
    """Pixels of one role on a north-up grid in the CRS of the scene."""

    data: NDArray[Any]
    """[bands, height, width]: heights are float32 metres with NaN; colours have the type of the files, with
    0 where nothing is there."""
    valid: NDArray[np.bool_] | None
    """[height, width]; None where every pixel has data."""
    bands: tuple[str, ...]
    grid: PixelGrid
    cut: Cut
    """Which pixels of `grid` these are."""

    @property
    def bounds(self) -> Bounds:
        """The area that the pixels cover."""
        return self.grid.bounds(self.cut)

    @property
    def cell_m(self) -> float:
        """Size of a pixel."""
        return self.grid.cell_m

    @property
    def transform(self) -> Affine:
        """From pixel corners (column, row) to coordinates."""
        return self.grid.transform @ Affine.translation(self.cut.column, self.cut.row)

    @property
    def coverage(self) -> float:
        """Share of the pixels that have data."""
        return 1.0 if self.valid is None else float(self.valid.mean())


@dataclass
class Scene:
    """Sources of one place behind one CRS. Made by `open_scene`; pickles as its description."""

    spec: SceneSpec
    crs: CRS
    """Projected, in metres."""
    layers: dict[str, RasterLayer]
    limits: Limits = field(default_factory=Limits)
    notes: tuple[str, ...] = ()
    """What was assumed, as sentences."""
    unused: tuple[str, ...] = ()
    """Sources that were left out, and why."""
    threads: int = 0
    points: PointLayer | None = None
    _footprints: Footprints | None = None
    _whole: WholeScene | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """What was given, in the order image, dsm, dtm, ndsm, points, footprints, streets."""
        found = [role for role in RASTER_ROLES if role in self.layers]
        more = {"points": self.points, "footprints": self._footprints, "streets": self.spec.streets}
        return (*found, *(role for role, value in more.items() if value is not None))

    @property
    def has_footprints(self) -> bool:
        """Whether footprints were given."""
        return self._footprints is not None

    @property
    def footprints(self) -> Footprints:
        """Footprints in the CRS of the scene; an error with the remedy where none were given."""
        if self._footprints is None:
            raise InputError(
                "scene",
                "has no footprints",
                "Give outlines with footprints=... (--footprints), or find them first (geovision detect)",
            )
        return self._footprints

    @cached_property
    def streets(self) -> Streets | None:
        """Streets in sight of the footprints, in the CRS of the scene; None where none were given."""
        from geovision.sources.streets import streets_of_scene

        return streets_of_scene(self)

    @cached_property
    def extents(self) -> dict[str, Bounds]:
        """Of each role that is not empty, in the CRS of the scene."""
        found = {role: layer.bounds for role, layer in self.layers.items()}
        if self.points is not None and self.points.bounds is not None:
            found["points"] = self.points.bounds
        if self._footprints is not None and len(self._footprints):
            found["footprints"] = Bounds(*self._footprints.bounds)
        return found

    @cached_property
    def bounds(self) -> Bounds:
        """Of everything that was given, in the CRS of the scene."""
        found = list(self.extents.values())
        if not found:
            raise InputError("scene", "holds nothing: its points and footprints are empty", "Give others")
        whole = found[0]
        for item in found[1:]:
            whole = union(whole, item)
        return whole

    @cached_property
    def places(self) -> NDArray[np.float64]:
        """[footprints, 2] the representative point of each: inside it, and the same in every run."""
        import shapely

        polygons = self.footprints.polygons()
        return np.asarray(shapely.get_coordinates(shapely.point_on_surface(polygons)))

    # Tiles

    def tiles(self, size_m: float = TILE_M) -> list[SceneTile]:
        """Tiles that own a footprint; without footprints those that touch a raster or points.

        From south to north, in a row from west to east. Corners are multiples of `size_m`.
        """
        grid = TileGrid(size_m)
        if self._footprints is not None:
            keys, counts = np.unique(grid.keys_of(self.places)[:, ::-1], axis=0, return_counts=True)
            found = [TileKey(column, row) for row, column in keys.tolist()]
            return [SceneTile(k, grid.bounds(k), n) for k, n in zip(found, counts.tolist(), strict=True)]
        boxes = [box for layer in self.layers.values() for box in layer.piece_bounds()]
        boxes += [self.extents["points"]] if "points" in self.extents else []
        self.limits.check("tiles", sum(map(grid.count, boxes)), "scene")
        touched = sorted({key for box in boxes for key in grid.covering(box)}, key=lambda key: key[::-1])
        return [SceneTile(key, grid.bounds(key), 0) for key in touched]

    def owned(self, tile: SceneTile | Bounds | None = None) -> NDArray[np.int64]:
        """Indices of the footprints whose representative point lies in a tile, ascending; all without one.

        A point on a border belongs to the tile east or north of it, so no footprint has two owners.
        """
        if tile is None:
            return np.arange(len(self.footprints))
        area = tile.bounds if isinstance(tile, SceneTile) else Bounds(*tile)
        x, y = self.places.T
        return np.flatnonzero((x >= area.west) & (x < area.east) & (y >= area.south) & (y < area.north))

    def read_bounds(self, tile: SceneTile | Bounds, margin_m: float = 0.0) -> Bounds:
        """The area to read for a tile: its owned footprints, however far they reach, and a margin."""
        indices = self.owned(tile)
        if not len(indices):
            return widened(tile.bounds if isinstance(tile, SceneTile) else Bounds(*tile), margin_m)
        boxes = self.footprints.boxes()[indices]
        return widened(
            Bounds(*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()), margin_m
        )

    # Rasters

    def layer(self, role: str) -> RasterLayer:
        """The rasters of a role; an error that lists what is there where it was not given."""
        if role not in RASTER_ROLES:
            raise UsageError(f"role {role!r}", "is no raster's", f"Use one of {', '.join(RASTER_ROLES)}")
        if role not in self.layers:
            have = ", ".join(self.roles)
            raise InputError(
                "scene", f"has no {role} (it has {have})", f"Give one with {role}=... (--{role})"
            )
        return self.layers[role]

    def can_read(self, role: str) -> bool:
        """Whether `window` can give the role: from files, from two others, or heights from points."""
        return self._has_rasters(role) or (self.points is not None and role in ("dsm", "dtm", "ndsm"))

    def _has_rasters(self, role: str) -> bool:
        return role in self.layers or all(part in self.layers for part in _MADE_FROM.get(role, ("",)))

    def cell_m(self, role: str) -> float:
        """Size of a role's own pixels in the metres of the scene."""
        if role in self.layers or not self.can_read(role):
            return self.layer(role).native_cell_m()
        if self._has_rasters(role):
            return min(self.layers[part].native_cell_m() for part in _MADE_FROM[role])
        return GRIDDED_CELL_M

    def grid(self, cell_m: float) -> PixelGrid:
        """The pixel grid for a cell size: one for every role and window, so that all windows align.

        It passes through the corner of the first raster that lies north-up in the scene's CRS (images
        first), so that this raster is read as it is; without one through the origin of the CRS.
        """
        for role in RASTER_ROLES:
            anchor = self.layers[role].anchor() if role in self.layers else None
            if anchor is not None:
                return PixelGrid(*anchor, cell_m)
        return PixelGrid(0.0, 0.0, cell_m)

    def window(
        self,
        role: str,
        bounds: Bounds | tuple[float, float, float, float],
        cell_m: float | None = None,
        *,
        resampling: str = "bilinear",
    ) -> Window:
        """Read one role over `bounds` (in the CRS of the scene), widened to whole pixels of `grid(cell_m)`.

        Where files lie on that grid their pixels come as they are; else they are resampled on the fly:
        "bilinear" (with a wider filter where the result is coarser, against aliasing) or "nearest".
        ndsm comes from dsm and dtm where it was not given, and dsm from ndsm and dtm; what no raster gives of
        these is gridded from the points.

        Args:
            role: image, dsm, dtm or ndsm.
            bounds: west, south, east, north.
            cell_m: size of the pixels; by default that of the role's files.
            resampling: bilinear or nearest.
        """
        grid = self.grid(self.cell_m(role) if cell_m is None else cell_m)
        return self.read_cut(role, grid, grid.cut(Bounds(*bounds)), resampling=resampling)

    def read_cut(self, role: str, grid: PixelGrid, cut: Cut, *, resampling: str = "bilinear") -> Window:
        """`window`, by pixels of a grid instead of by coordinates."""
        if resampling not in ("bilinear", "nearest"):
            raise UsageError(f"resampling {resampling!r}", "is not known", "Use bilinear or nearest")
        if role not in self.layers and self.can_read(role):
            if role == "ndsm" or self._has_rasters(role):
                return self._made(role, grid, cut, resampling)
            return self._gridded(role, grid, cut)
        layer = self.layer(role)
        self.limits.check("window_values", cut.width * cut.height * len(layer.bands), f"window of {role}")
        data, valid = layer.read(grid, cut, nearest=resampling == "nearest")
        return Window(data, valid, layer.bands, grid, cut)

    def _made(self, role: str, grid: PixelGrid, cut: Cut, resampling: str) -> Window:
        first, second = (self.read_cut(part, grid, cut, resampling=resampling) for part in _MADE_FROM[role])
        data = first.data - second.data if role == "ndsm" else first.data + second.data
        valid = np.isfinite(data[0])
        return Window(data, None if valid.all() else valid, (role,), grid, cut)

    def _gridded(self, role: str, grid: PixelGrid, cut: Cut) -> Window:
        assert self.points is not None
        self.limits.check("window_values", cut.width * cut.height, f"window of {role}")
        bounds = grid.bounds(cut)
        cells = CellFrame(bounds.west, bounds.north, grid.cell_m, cut.width, cut.height)
        data = gridded(role, cells, self.points.read, self.points.classes, self.threads)[None]
        valid = np.isfinite(data[0])
        return Window(data, None if valid.all() else valid, (role,), grid, cut)

    # Points and evidence

    def read_points(self, bounds: Bounds | tuple[float, float, float, float]) -> PointBlock:
        """Points of a window in the CRS of the scene; none where none were given."""
        return PointBlock.empty() if self.points is None else self.points.read(Bounds(*bounds))

    def evidence(
        self,
        tile: SceneTile | Bounds | None = None,
        *,
        margin_m: float = 2.0,
        images: bool = True,
        image_margin_m: float = 4.0,
    ) -> Iterator[Evidence]:
        """Evidence of every building that a tile owns, in the order of the footprints; of all without a tile.

        What comes out of a building does not depend on the tile it is read with.

        Args:
            tile: from `tiles`, or bounds. Without one the tiles of 500 m are read one after the other.
            margin_m: measurements up to this far outside an outline come along.
            images: cut a patch of the orthophoto for each, where there is one.
            image_margin_m: how far a patch reaches past the outline's box.
        """
        if tile is None:
            for one in self.tiles():
                yield from self.evidence(one, margin_m=margin_m, images=images, image_margin_m=image_margin_m)
            return
        indices = self.owned(tile)
        if not len(indices):
            return
        area = self.read_bounds(tile, margin_m=self.reach_m(margin_m))
        boxes = self.footprints.boxes()
        near = np.flatnonzero(
            (boxes[:, 0] < area.east)
            & (boxes[:, 2] > area.west)
            & (boxes[:, 1] < area.north)
            & (boxes[:, 3] > area.south)
        )
        found = evidence_from_arrays(
            self.footprints.take(near),
            self.read_points(area),
            dsm=self._heights("dsm", area),
            dtm=self._heights("dtm", area),
            smear=self.whole.smear,
            waves=self.whole.waves,
            margin_m=margin_m,
            owned=np.isin(near, indices),
            threads=self.threads,
        )
        cut = images and "image" in self.layers
        for item, index in zip(found, indices.tolist(), strict=True):
            box = widened(Bounds(*boxes[index].tolist()), image_margin_m)
            yield replace(item, image=self._patch(box, item.origin)) if cut else item

    @property
    def _above_ground(self) -> bool:
        """Only heights above the ground are there: the ground is then at zero everywhere."""
        return "ndsm" in self.layers and not self._has_rasters("dsm") and self.points is None

    def reach_m(self, margin_m: float = 2.0) -> float:
        """How far past the outlines evidence is read."""
        classes = () if self.points is None else self.points.classes
        role = "ndsm" if self._above_ground else "dsm"
        cell_m = self.cell_m(role) if self._has_rasters(role) else 0.0
        dtm = "dtm" in self.layers or self._above_ground
        return reach_m(classes, dtm=dtm, cell_m=cell_m, margin_m=margin_m)

    @cached_property
    def whole(self) -> WholeScene:
        """What the height raster does to walls, and what its cells err by together."""
        return self._whole or WholeScene(self._smear(), self._waves())

    def part(self, footprints: Footprints, whole: WholeScene | None = None) -> Scene:
        """The scene with some of its footprints, prepared as they are; what was measured over all stays.

        Evidence of a tile comes out the same where all footprints are there that reach into its
        `read_bounds` with a margin of `reach_m()`.
        """
        return replace(self, _footprints=footprints, _whole=whole or self.whole)

    def _smear(self) -> Smear:
        role = "ndsm" if self._above_ground else "dsm"
        if not self._has_rasters(role):
            return Smear()
        return measured_smear(self.footprints, lambda area: self._heights("dsm", area))

    def _waves(self) -> Waves:
        if self._above_ground or not self._has_rasters("dsm") or "dtm" not in self.layers:
            return Waves()
        return measured_waves(self.footprints, self._heights)

    def _heights(self, role: str, area: Bounds) -> HeightGrid | None:
        source = "ndsm" if self._above_ground else role
        if not self._has_rasters(source):
            return None
        window = self.window(source, area)
        values = window.data[0]
        if role == "dtm" and self._above_ground:
            values = np.where(np.isfinite(values), np.float32(0), values)
        return HeightGrid(values, window.bounds.west, window.bounds.north, window.cell_m)

    def _patch(self, box: Bounds, origin: NDArray[np.float64]) -> ImagePatch | None:
        window = self.window("image", box)
        if window.valid is not None and not window.valid.any():
            return None
        return ImagePatch(
            window.data,
            left=window.bounds.west - float(origin[0]),
            top=window.bounds.north - float(origin[1]),
            cell_m=window.cell_m,
            bands=window.bands,
        )

    # Reporting

    def report(self) -> dict[str, Any]:
        """What the scene is made of, what it covers and what was assumed, as plain values for JSON."""
        from geovision.sources.scene_report import report

        return report(self)

    def overview(self, size: int = 900) -> NDArray[np.uint8]:
        """[height, width, 3] a picture: image or hill shade, with the footprints on it."""
        from geovision.sources.scene_report import overview

        return overview(self, size)

    def covers(self, role: str, bounds: Bounds) -> bool:
        """Whether a raster of the role touches the area."""
        return any(overlaps(box, bounds) for box in self.layer(role).piece_bounds())

    def __reduce__(self) -> tuple[Any, ...]:
        from geovision.sources.opening import open_spec

        return open_spec, (self.spec, self.threads)

    def __repr__(self) -> str:
        return f"Scene({', '.join(self.roles)}; {crs_name(self.crs)}; {self.bounds})"


# Heights that can be had from two others: ndsm = dsm - dtm, dsm = ndsm + dtm.
_MADE_FROM: dict[str, Sequence[str]] = {"ndsm": ("dsm", "dtm"), "dsm": ("ndsm", "dtm")}
