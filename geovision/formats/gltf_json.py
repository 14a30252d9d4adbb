"""The JSON of a GLB: one mesh, a primitive per material, a feature id per building, one property table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from geovision._version import __version__
from geovision.formats.columns import AttributeColumn
from geovision.formats.materials import LABEL_COLOURS, linear_rgb, material_name
from geovision.model.labels import Label

if TYPE_CHECKING:
    from geovision.formats.gltf_parts import Parts
    from geovision.formats.gltf_skin import Skin

__all__ = ["Z_UP_TO_Y_UP", "gltf_json"]

# Column-major: x east, y up, z south from x east, y north, z up.
Z_UP_TO_Y_UP = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1]

_BYTE, _UINT16, _UINT32, _FLOAT = 5120, 5123, 5125, 5126
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_CLAMP = 33071
_VARIANTS = "KHR_materials_variants"
_MESHOPT, _QUANTIZED = "EXT_meshopt_compression", "KHR_mesh_quantization"
_ATTRIBUTES = ("position", "normal", "feature")


def gltf_json(
    layout: Mapping[str, Any],
    columns: Mapping[str, AttributeColumn],
    count: int,
    node: Mapping[str, Any],
    extras: Mapping[str, Any],
    *,
    photo: int = 0,
    skin: Skin | None = None,
    parts: Parts | None = None,
) -> str:
    """The text of the JSON chunk.

    Args:
        layout: what `_kernel.pack_glb` says of its buffer.
        columns: the property table, one row a building.
        count: buildings.
        node: placement of the mesh's node, z up.
        extras: of the asset and the scene.
        photo: bytes of the JPEG for the roofs that is the last of the buffers behind the geometry; 0 without.
        skin: materials by rule, whose pictures are the last of those buffers but for the photo.
        parts: facades as instances, whose buffers come before those of skin and photo.
    """
    gltf: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"geovision {__version__}", "extras": dict(extras)},
        "scene": 0,
        "scenes": [{"nodes": [0], "extras": dict(extras)}],
        "nodes": [{"name": "z-up to y-up", "matrix": Z_UP_TO_Y_UP}],
    }
    views: list[dict[str, Any]] = []
    used: set[str] = set()
    required: set[str] = set()
    decoded = layout["compressed"]["decoded_bytes"] if "compressed" in layout else 0
    if layout["groups"]:
        gltf["nodes"][0]["children"] = [1]
        gltf["nodes"].append({"name": "buildings", "mesh": 0, **node})
        if photo:
            used.add(_VARIANTS)
        used.add("EXT_mesh_features")
        views += _compressed_views(layout) if "compressed" in layout else _plain_views(layout)
        if "compressed" in layout:
            required |= {_MESHOPT, _QUANTIZED}
            used |= required
        gltf["accessors"] = list(_accessors(layout))
        primitives = _primitives(layout, count)
        gltf["meshes"] = [{"name": "buildings", "primitives": primitives}]
    if columns:
        used.add("EXT_structural_metadata")
        gltf["extensions"] = {
            "EXT_structural_metadata": _property_table(views, layout["columns"], columns, count)
        }
    if layout["groups"]:
        if skin is None:
            gltf["materials"] = [_material(group["group"]) for group in layout["groups"]]
        else:
            last = len(layout["columns"]) - bool(photo)
            offsets = layout["columns"][last - len(skin.buffers) : last]
            made = skin.add_to(gltf, views, offsets)
            gltf["materials"] = [made[group["group"]] for group in layout["groups"]]
            used |= skin.extensions
            required |= skin.extensions
        if parts is not None:
            behind = bool(photo) + (len(skin.buffers) if skin is not None else 0)
            first = len(layout["columns"]) - behind - len(parts.buffers)
            decoded = parts.add_to(gltf, views, layout["columns"][first:], count, decoded)
            used |= parts.extensions
            required |= parts.extensions - {"EXT_instance_features"}
        if photo:
            shown = [skin is None or group["group"] in skin.photo_groups for group in layout["groups"]]
            _add_photo(gltf, views, layout["columns"][-1], photo, shown)
    if views:
        gltf["bufferViews"] = views
        gltf["buffers"] = [{"byteLength": layout["bytes"]}, *_fallback(layout, decoded)]
    if used:
        gltf["extensionsUsed"] = sorted(used)
    if required:
        gltf["extensionsRequired"] = sorted(required)
    return json.dumps(gltf, separators=(",", ":"), allow_nan=False)


def _material(label: int) -> dict[str, Any]:
    colour = linear_rgb(LABEL_COLOURS[Label(label)])
    return {
        "name": material_name(label),
        "pbrMetallicRoughness": {
            "baseColorFactor": [*colour, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.9,
        },
        "doubleSided": False,
    }


def _add_photo(
    gltf: dict[str, Any], views: list[dict[str, Any]], offset: int, size: int, shown: list[bool]
) -> None:
    """The picture, materials that show it, and the choice between them and the plain ones.

    Args:
        gltf: the document.
        views: its buffer views.
        offset: where the picture lies.
        size: its bytes.
        shown: which primitives may show it.
    """
    images, samplers, textures = (gltf.setdefault(name, []) for name in ("images", "samplers", "textures"))
    images.append({"mimeType": "image/jpeg", "bufferView": len(views)})
    views.append({"buffer": 0, "byteOffset": offset, "byteLength": size})
    samplers.append({"wrapS": _CLAMP, "wrapT": _CLAMP, "magFilter": 9729, "minFilter": 9987})
    textures.append({"sampler": len(samplers) - 1, "source": len(images) - 1})
    gltf.setdefault("extensions", {})[_VARIANTS] = {"variants": [{"name": "photo"}, {"name": "plain"}]}
    for primitive, may in zip(gltf["meshes"][0]["primitives"], shown, strict=True):
        if not may or "TEXCOORD_0" not in primitive["attributes"]:
            continue
        plain = primitive["material"]
        primitive["material"] = len(gltf["materials"])
        gltf["materials"].append(
            {
                "name": f"{gltf['materials'][plain]['name']}_photo",
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": len(textures) - 1},
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.9,
                },
                "extras": {"provenance": "observed"},
            }
        )
        choice = [
            {"material": primitive["material"], "variants": [0]},
            {"material": plain, "variants": [1]},
        ]
        primitive["extensions"][_VARIANTS] = {"mappings": choice}


def _extras(layout: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Name, plain bytes an element and number of elements of what only some files have, in order."""
    if layout["uv_vertices"]:
        yield "uv", 8, layout["uv_vertices"]
        if "tangent_offset" in layout:
            yield "tangent", 16, layout["uv_vertices"]
    if "colour_offset" in layout:
        yield "colour", 8, layout["vertices"]


def _plain_views(layout: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Positions, normals, feature ids of all primitives, places in pictures, colours, indices of each."""
    for name, item in zip(_ATTRIBUTES, (12, 12, 4), strict=True):
        yield {
            "buffer": 0,
            "byteOffset": layout[f"{name}_offset"],
            "byteLength": item * layout["vertices"],
            "byteStride": item,
            "target": _ARRAY_BUFFER,
        }
    for name, item, count in _extras(layout):
        yield {
            "buffer": 0,
            "byteOffset": layout[f"{name}_offset"],
            "byteLength": item * count,
            "byteStride": item,
            "target": _ARRAY_BUFFER,
        }
    for group in layout["groups"]:
        yield {
            "buffer": 0,
            "byteOffset": group["index_offset"],
            "byteLength": group["index_bytes"] * 3 * group["triangles"],
            "target": _ELEMENT_ARRAY_BUFFER,
        }


def _compressed_views(layout: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The same views, as they are once decoded, each with the place of its compressed bytes."""
    packed = layout["compressed"]
    for name in (*_ATTRIBUTES, *(name for name, _, _ in _extras(layout))):
        stepped = name == "position" or (name == "uv" and _repeats(packed))
        view = _compressed_view(packed[name], "ATTRIBUTES", "EXPONENTIAL" if stepped else "NONE")
        yield {**view, "byteStride": packed[name]["stride"], "target": _ARRAY_BUFFER}
    for index in packed["indices"]:
        yield {**_compressed_view(index, "TRIANGLES", "NONE"), "target": _ELEMENT_ARRAY_BUFFER}


def _repeats(packed: Mapping[str, Any]) -> bool:
    """Whether places in a picture are floats, because it repeats."""
    return bool(packed["uv"]["stride"] == 8)


def _compressed_view(view: Mapping[str, int], mode: str, how: str) -> dict[str, Any]:
    coded = {
        "buffer": 0,
        "byteOffset": view["offset"],
        "byteLength": view["bytes"],
        "byteStride": view["stride"],
        "count": view["count"],
        "mode": mode,
        "filter": how,
    }
    return {
        "buffer": 1,
        "byteOffset": view["decoded_offset"],
        "byteLength": view["count"] * view["stride"],
        "extensions": {_MESHOPT: coded},
    }


def _fallback(layout: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    """The buffer that compressed views are decoded to; it has no bytes of its own."""
    if layout["groups"] and "compressed" in layout:
        yield {"byteLength": size, "extensions": {_MESHOPT: {"fallback": True}}}


def _accessors(layout: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Four a primitive: positions, normals, feature ids, indices. Then places in pictures, and colours."""
    view_of = {name: 3 + place for place, (name, _, _) in enumerate(_extras(layout))}
    first_index = 3 + len(view_of)
    packed = layout.get("compressed")
    short_normal = packed is not None
    short_feature = packed is not None and not packed["wide_features"]
    for place, group in enumerate(layout["groups"]):
        first, count = group["first_vertex"], group["vertices"]
        yield {
            "bufferView": 0,
            "byteOffset": 12 * first,
            "componentType": _FLOAT,
            "count": count,
            "type": "VEC3",
            "min": group["min"],
            "max": group["max"],
        }
        yield {
            "bufferView": 1,
            "byteOffset": (4 if short_normal else 12) * first,
            "componentType": _BYTE if short_normal else _FLOAT,
            **({"normalized": True} if short_normal else {}),
            "count": count,
            "type": "VEC3",
        }
        yield {
            "bufferView": 2,
            "byteOffset": 4 * first,
            "componentType": _UINT16 if short_feature else _FLOAT,
            "count": count,
            "type": "SCALAR",
        }
        yield {
            "bufferView": first_index + place,
            "componentType": _UINT16 if group["index_bytes"] == 2 else _UINT32,
            "count": 3 * group["triangles"],
            "type": "SCALAR",
        }
    short_uv = packed is not None and "uv" in packed and not _repeats(packed)
    for group in layout["groups"]:
        if "first_uv" in group:
            yield {
                "bufferView": view_of["uv"],
                "byteOffset": (4 if short_uv else 8) * group["first_uv"],
                "componentType": _UINT16 if short_uv else _FLOAT,
                **({"normalized": True} if short_uv else {}),
                "count": group["vertices"],
                "type": "VEC2",
            }
    for group in layout["groups"] if "tangent" in view_of else []:
        if "first_uv" in group:
            yield {
                "bufferView": view_of["tangent"],
                "byteOffset": (4 if packed is not None else 16) * group["first_uv"],
                "componentType": _BYTE if packed is not None else _FLOAT,
                **({"normalized": True} if packed is not None else {}),
                "count": group["vertices"],
                "type": "VEC4",
            }
    for group in layout["groups"] if "colour" in view_of else []:
        yield {
            "bufferView": view_of["colour"],
            "byteOffset": 8 * group["first_vertex"],
            "componentType": _UINT16,
            "normalized": True,
            "count": group["vertices"],
            "type": "VEC3",
        }


def _primitives(layout: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    groups = layout["groups"]
    made = [_primitive(material, count) for material in range(len(groups))]
    textured = [item for item, group in zip(made, groups, strict=True) if "first_uv" in group]
    wanted = [(item, "TEXCOORD_0") for item in textured]
    wanted += [(item, "TANGENT") for item in textured if "tangent_offset" in layout]
    wanted += [(item, "COLOR_0") for item in made if "colour_offset" in layout]
    for place, (item, name) in enumerate(wanted, 4 * len(groups)):
        item["attributes"][name] = place
    return made


def _primitive(material: int, count: int) -> dict[str, Any]:
    base = 4 * material
    feature_ids = [{"featureCount": count, "attribute": 0, "propertyTable": 0, "label": "building"}]
    return {
        "attributes": {"POSITION": base, "NORMAL": base + 1, "_FEATURE_ID_0": base + 2},
        "indices": base + 3,
        "material": material,
        "extensions": {"EXT_mesh_features": {"featureIds": feature_ids}},
    }


def _property_table(
    views: list[dict[str, Any]], offsets: list[int], columns: Mapping[str, AttributeColumn], count: int
) -> dict[str, Any]:
    places = iter(offsets)
    properties: dict[str, dict[str, int]] = {}
    for key, column in columns.items():
        properties[key] = {}
        for buffer_key, buffer in column.buffers.items():
            properties[key][buffer_key] = len(views)
            views.append({"buffer": 0, "byteOffset": next(places), "byteLength": len(buffer)})
    schema = {key: column.schema for key, column in columns.items()}
    return {
        "schema": {"id": "geovision", "classes": {"building": {"name": "Building", "properties": schema}}},
        "propertyTables": [
            {"name": "buildings", "class": "building", "count": count, "properties": properties}
        ],
    }
