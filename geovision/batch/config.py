"""What a batch is: scene, tiles, how buildings are fitted, what is published, how the run goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["SCHEMA", "BatchConfig", "BuildConfig", "DetectConfig", "PublishConfig", "RunConfig"]

SCHEMA = "geovision.batch/1"
_TILE_FORMATS = ("cityjsonseq", "parquet", "glb", "obj", "ply", "stl")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class BuildConfig(_Table):
    """How buildings are fitted; all of it decides bytes."""

    kinds: tuple[str, ...] = ()
    """Roof kinds to choose from; all where none is named."""
    place: Literal["both", "footprints", "points"] = "both"
    """What keeps its place where points lie shifted against a footprint."""
    roofs: str = ""
    """Roof network whose proposals are tried too: a name or a path; none where it is empty."""
    lod: Literal["1.1", "1.2", "1.3", "2.2", "2.3"] = "2.2"
    """Level of detail of the solids."""
    formats: tuple[str, ...] = ()
    """Files of each tile beside its programs and fits, for those who want tiles and no merged folder."""

    @field_validator("formats")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in _TILE_FORMATS:
                raise ValueError(f"{name!r} is no format of a tile; use some of {', '.join(_TILE_FORMATS)}")
        return value


class DetectConfig(_Table):
    """How buildings are found where there are no footprints."""

    model: str = ""
    """Network, path, or relief; the default of `geovision detect` where it is empty."""
    threshold: float | None = Field(default=None, gt=0, le=1)
    """Probability from which a pixel is building; the model's own by default."""
    min_area_m2: float = Field(default=6.0, ge=0)
    """Smaller buildings are left out."""
    rows: bool = False
    """Part rows of houses whose roofs go on into each other, as `geovision detect --rows` does."""


class PublishConfig(_Table):
    """What `merge` writes; see `geovision build`."""

    formats: tuple[str, ...] = ("3dtiles", "cityjsonseq", "parquet", "viewer", "preview", "report")
    merged: bool = False
    """One mesh file for all buildings instead of one a tile (glb, obj, ply, stl)."""
    geoid: float | None = None
    """Height of the geoid above the ellipsoid, for 3D Tiles."""
    heights: str = ""
    """Vertical CRS of all heights, where the sources do not state it."""
    terrain: bool = True
    textures: bool | None = None
    """The orthophoto on roofs; by default where there are no facades."""
    facades: str = ""
    """Facades and materials in 3D Tiles, GLB and CityJSON: a style, its file NAME.facade, or auto; none where
    it is empty."""
    lod3: Literal["instanced", "full"] = "instanced"
    """Facades in 3D Tiles and GLB as small meshes before whole walls, or as openings cut into them."""
    title: str = "Buildings"


class RunConfig(_Table):
    """How a run goes; nothing here changes a byte of the result."""

    workers: int = Field(default=0, ge=0)
    """Worker processes; 0 takes one a core."""
    memory_mb: int = Field(default=0, ge=0)
    """Most memory of a worker, held by the system (RLIMIT_AS). With 0 its resident memory is watched instead:
    a worker ends where it takes more than its share of 80 % of the machine's."""
    cpu_s: int = Field(default=0, ge=0)
    """Most CPU seconds of a tile; 0 for no limit."""
    tile_s: float = Field(default=7200.0, gt=0)
    """Most seconds of a tile: after them the worker is ended, as if it had died."""
    silent_s: float = Field(default=300.0, gt=0)
    """A worker that has given no sign of life for so long is ended."""
    recycle: int = Field(default=2000, ge=1)
    """Tiles after which a worker is replaced."""
    recycle_mb: int = Field(default=4096, ge=1)
    """Resident memory after a tile from which a worker is replaced."""
    errors: int = Field(default=3, ge=1)
    """Errors after which a tile is quarantined."""
    crashes: int = Field(default=2, ge=1)
    """Deaths of its worker after which a tile is quarantined."""
    losses: int = Field(default=10, ge=1)
    """Losses of the whole run, with it at work, after which a tile is quarantined."""
    wait_s: float = Field(default=1.0, ge=0)
    """Before a tile that failed is tried again; doubled each time."""
    grace_s: float = Field(default=30.0, ge=0)
    """What tiles at work may still take when the run is asked to stop."""
    cache_mb: int = Field(default=256, ge=1)
    """GDAL's cache of a worker (GDAL_CACHEMAX)."""


class BatchConfig(_Table):
    """One batch."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )

    schema_: Literal["geovision.batch/1"] = Field("geovision.batch/1", alias="schema")
    scene: str | dict[str, Any]
    """A scene.toml, or its keys as a table."""
    tile_m: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 500.0
    """Side of a tile. Programs and solids do not depend on it."""
    fingerprint: Literal["content", "stat"] = "content"
    """By what a changed source file is known: its bytes, or its size and time."""
    build: BuildConfig = BuildConfig()
    detect: DetectConfig = DetectConfig()
    publish: PublishConfig = PublishConfig()
    run: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _named(self) -> BatchConfig:
        if not self.scene:
            raise ValueError("scene is empty: give a scene.toml, or its keys as a table")
        return self

    def placed(self, folder: Path) -> BatchConfig:
        """The same with the scene's and a style's file taken from the configuration's folder."""
        changed: dict[str, Any] = {}
        if isinstance(self.scene, str):
            changed["scene"] = str(folder / Path(self.scene).expanduser())
        if self.publish.facades.endswith(".facade"):
            style = str(folder / Path(self.publish.facades).expanduser())
            changed["publish"] = self.publish.model_copy(update={"facades": style})
        return self.model_copy(update=changed)
