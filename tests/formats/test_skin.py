"""Materials by rule in GLB: pictures at true scale, upright, with the colour that was asked for."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geovision.errors import InputError, UsageError
from geovision.formats.glb import glb_bytes, write_glb
from geovision.formats.gltf_skin import TEXTURE_M, SkinSettings, make_skin, texture_files
from geovision.mesh import mesh
from geovision.mesh.looks import NO_FINISH, FaceLooks, face_looks
from geovision.mesh.materials import Material
from geovision.mesh.scene_parts import Paint
from geovision.mesh.solids import Solids
from geovision.mesh.textures import Finish, linear
from geovision.model.labels import Label
from geovision.model.table import ProgramTable
from geovision.pipeline.generate import generate
from tests.formats.test_khronos import validate
from tests.helpers_glb import Glb, parse_glb
from tests.node_judges import node_modules

SMALL = SkinSettings(size=16, pictures="png")


@pytest.fixture(scope="module")
def programs() -> ProgramTable:
    return generate(area=(600_000.0, 5_400_000.0, 220.0, 160.0), seed=11)


@pytest.fixture(scope="module")
def solids(programs: ProgramTable) -> Solids:
    return mesh(programs, lod="2.3")


@pytest.fixture(scope="module")
def looks(solids: Solids) -> FaceLooks:
    rng = np.random.default_rng(4)

    def paint(*materials: Material) -> Paint:
        chosen = rng.choice([int(material) for material in materials], len(solids))
        return Paint(chosen, rng.integers(60, 190, (len(solids), 3)))

    return face_looks(
        solids,
        roof=paint(Material.TILES, Material.SLATE, Material.METAL),
        flat=paint(Material.GRAVEL, Material.MEMBRANE),
        wall=paint(Material.BRICK, Material.PLASTER, Material.WOOD),
    )


@pytest.fixture(scope="module")
def skinned(solids: Solids, looks: FaceLooks) -> Glb:
    return parse_glb(glb_bytes(solids, looks=looks, skin=SMALL))


def corners_of(glb: Glb, primitive: dict[str, Any], name: str) -> NDArray[np.float64]:
    rows = glb.accessor(primitive["attributes"][name]).astype(np.float64)
    return np.asarray(rows[glb.accessor(primitive["indices"]).reshape(-1, 3)])


def textured(glb: Glb) -> list[dict[str, Any]]:
    return [one for one in glb.primitives if "TEXCOORD_0" in one["attributes"]]


def test_frames_and_leaves_are_not_made_of_boards(solids: Solids) -> None:
    faces = len(solids.face_label)
    boards = FaceLooks(np.full(faces, Finish.WOOD, np.uint8), np.full((faces, 3), 120, np.uint8))
    for label, smooth in ((Label.FRAME, True), (Label.DOOR, True), (Label.WALL, False)):
        skin = make_skin(np.full(faces, label, np.uint8), boards, SMALL)
        assert skin.groups == ((label, NO_FINISH if smooth else Finish.WOOD),)
        light = skin.arrays["face_colour"] / 65535
        assert np.allclose(light, linear(np.full(3, 120, np.uint8)), atol=1e-4) == smooth


def test_a_primitive_for_each_pair_of_label_and_finish(
    skinned: Glb, solids: Solids, looks: FaceLooks
) -> None:
    pairs = set(zip(solids.face_label.tolist(), looks.finish.tolist(), strict=True))
    assert len(skinned.primitives) == len(pairs)
    names = {material["name"] for material in skinned.json["materials"]}
    wanted = {
        Label(label).name.lower() + ("" if finish == NO_FINISH else f"_{Finish(finish).name.lower()}")
        for label, finish in pairs
    }
    assert names == wanted
    assert {"ground", "wall_brick_stretcher", "roof_pantiles"} <= names
    assert len(textured(skinned)) == sum(finish != NO_FINISH for _, finish in pairs)
    corners, _ = skinned.world_triangles()
    assert len(corners) == len(solids.triangles)


def test_pictures_have_true_scale_and_are_upright(skinned: Glb) -> None:
    """A picture lies on a face without being stretched, turned over or mirrored."""
    for primitive in textured(skinned):
        place, uv = (corners_of(skinned, primitive, name) for name in ("POSITION", "TEXCOORD_0"))
        normal = corners_of(skinned, primitive, "NORMAL")[:, 0]
        metres = uv * TEXTURE_M
        edges, flat = place - np.roll(place, 1, axis=1), metres - np.roll(metres, 1, axis=1)
        long = np.linalg.norm(edges, axis=-1)
        assert np.abs(np.linalg.norm(flat, axis=-1) - long).max() < 0.01 + 2e-3 * long.max()
        # u goes right and v down as seen from outside, so corners run the other way round in the picture.
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=-1)
        turn = flat[:, 0, 0] * flat[:, 1, 1] - flat[:, 0, 1] * flat[:, 1, 0]
        assert (turn[area > 0.02] < 0).all()
        # The solids' z is up: on anything that is not level, higher is further up in the picture.
        rise = edges[..., 2]
        steep = np.hypot(normal[:, 0], normal[:, 1])
        tilted = steep > 0.3
        share = -flat[tilted][..., 1] * steep[tilted][:, None]
        assert np.abs(share - rise[tilted]).max(initial=0) < 0.02 + 2e-3 * long.max()
        assert uv.min() >= 0
        tangent = corners_of(skinned, primitive, "TANGENT")[:, 0]
        assert (tangent[:, 3] == 1).all()
        right = np.einsum("tkc,tc->tk", edges, tangent[:, :3])
        assert np.abs(right - flat[..., 0]).max() < 0.02 + 2e-3 * long.max()
        assert np.abs(np.einsum("tc,tc->t", tangent[:, :3], normal)).max() < 1e-5


def test_courses_meet_round_corners(skinned: Glb) -> None:
    """On all walls of a building the same height is at the same place of the picture."""
    phase: dict[int, list[NDArray[np.float64]]] = {}
    for primitive in textured(skinned):
        if not skinned.json["materials"][primitive["material"]]["name"].startswith("wall_"):
            continue
        z = skinned.accessor(primitive["attributes"]["POSITION"])[:, 2].astype(np.float64)
        v = skinned.accessor(primitive["attributes"]["TEXCOORD_0"])[:, 1]
        rows = skinned.accessor(primitive["attributes"]["_FEATURE_ID_0"]).astype(int)
        for row in np.unique(rows):
            phase.setdefault(int(row), []).append((v + z / TEXTURE_M)[rows == row])
    for values in phase.values():
        turns = np.concatenate(values)
        assert np.abs(np.exp(2j * np.pi * (turns - turns[0])) - 1).max() < 0.02


def test_what_is_seen_from_afar_is_the_colour(skinned: Glb, solids: Solids, looks: FaceLooks) -> None:
    """Mean of the picture times the factor of the vertices."""
    means = {}
    for place, image in enumerate(skinned.json["images"]):
        with Image.open(io.BytesIO(skinned.view(image["bufferView"]))) as picture:
            means[place] = linear(np.asarray(picture)).mean(axis=(0, 1))
    building = np.repeat(np.arange(len(solids)), np.diff(solids.face_offsets))
    for primitive in textured(skinned):
        material = skinned.json["materials"][primitive["material"]]
        texture = material["pbrMetallicRoughness"]["baseColorTexture"]["index"]
        base = means[skinned.json["textures"][texture]["source"]]
        factor = skinned.accessor(primitive["attributes"]["COLOR_0"])
        rows = skinned.accessor(primitive["attributes"]["_FEATURE_ID_0"]).astype(int)
        extras = material["extras"]
        face = solids.face_label == Label[extras["label"].upper()]
        face &= looks.finish == Finish[extras["finish"].upper()]
        for row in np.unique(rows)[:20]:
            wanted = linear(looks.colour[face & (building == row)][0])
            assert np.abs(base * factor[rows == row][0] - wanted).max() < 0.012
        assert extras["provenance"] == "inferred"


def test_same_bytes_on_any_threads(solids: Solids, looks: FaceLooks) -> None:
    one, two = (glb_bytes(solids, looks=looks, skin=SMALL, threads=threads) for threads in (1, 2))
    assert one == two


def test_pictures_beside_the_file(solids: Solids, looks: FaceLooks, tmp_path: Path) -> None:
    settings = replace(SMALL, pictures="webp", uri="../materials/")
    glb = parse_glb(glb_bytes(solids, looks=looks, skin=settings))
    named = {image["uri"].removeprefix("../materials/") for image in glb.json["images"]}
    finishes = [finish for finish in Finish if (looks.finish == finish).any()]
    files = texture_files(finishes, settings)
    assert named == set(files)
    assert all(data[8:12] == b"WEBP" for data in files.values())
    assert "EXT_texture_webp" in glb.json["extensionsRequired"]


@pytest.mark.parametrize("pictures", ["png", "jpeg", "webp"])
def test_the_validator_agrees(solids: Solids, looks: FaceLooks, tmp_path: Path, pictures: Any) -> None:
    path = tmp_path / "a.glb"
    write_glb(path, solids, looks=looks, skin=replace(SMALL, pictures=pictures))
    (report,) = validate(node_modules(), path)
    assert report["numErrors"] == 0, report["messages"]
    # It does not know WebP, and says so.
    found = {message["code"] for message in report["messages"] if message["severity"] < 2}
    assert found <= ({"IMAGE_UNRECOGNIZED_FORMAT"} if pictures == "webp" else set())


def test_every_label_may_stand_in_every_finish(programs: ProgramTable) -> None:
    """More pairs than any town has: none is refused, and none loses its triangles."""
    town = mesh(programs, lod="2.3")
    faces = np.arange(len(town.face_label))
    finishes = np.array([*Finish, NO_FINISH], np.uint8)
    town.face_label[:] = faces % len(Label)
    many = FaceLooks(finishes[faces // len(Label) % len(finishes)], np.full((len(faces), 3), 99, np.uint8))
    glb = parse_glb(glb_bytes(town, looks=many, skin=SMALL))
    assert len(glb.primitives) == len(Label) * len(finishes) - 3  # joinery of boards is plain
    corners, _ = glb.world_triangles()
    assert len(corners) == len(town.triangles)


def test_looks_that_do_not_fit_are_refused(solids: Solids, looks: FaceLooks) -> None:
    short = FaceLooks(looks.finish[:-1], looks.colour[:-1])
    with pytest.raises(InputError, match="do not go with"):
        glb_bytes(solids, looks=short, skin=SMALL)
    with pytest.raises(UsageError, match="ktx2"):
        SkinSettings(pictures="ktx2")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="does not fit"):
        face_looks(
            solids, roof=Paint([1, 2, 3], (1, 2, 3)), flat=Paint(1, (1, 2, 3)), wall=Paint(1, (1, 2, 3))
        )
