"""Passwords and signatures in URIs are shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geovision.cli.console import emit_json, note
from geovision.cli.main import call
from geovision.errors import GeovisionError, InputError, ProgramError, redacted
from geovision.pipeline.run_facts import write_json
from geovision.sources import open_points, open_scene, read_footprints

SECRET = "hunter2"
URIS = [
    f"https://ann:{SECRET}@127.0.0.1:9/a.tif",
    f"https://127.0.0.1:9/a.tif?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
    f"s3://{SECRET}:{SECRET}@bucket/a.tif",
    f"https://ann:p@ss{SECRET}@127.0.0.1:9/a.tif?sig={SECRET}#top",
    f"/vsicurl/https://127.0.0.1:9/a.tif?token={SECRET}",
    f"ftp://ann:{SECRET}@example.org/a.tif",
]


@pytest.mark.parametrize("uri", URIS)
def test_errors_do_not_show_them(uri: str) -> None:
    for error in (
        GeovisionError(f"raster {uri}", f"cannot open '{uri}'", f"Try {uri}"),
        ProgramError("a", "attributes", uri, uri, problem=uri),
    ):
        assert SECRET not in str(error)
        assert SECRET not in error.remedy
        assert "a.tif" in str(error)
    for suffix, read in (
        (".tif", lambda p: open_scene(dsm=p, allow_network=True)),
        (".laz", lambda p: open_points(p, allow_network=True)),
        (".gpkg", lambda p: read_footprints(p, allow_network=True)),
    ):
        if uri.startswith("s3"):
            continue  # would look for the bucket
        with pytest.raises(InputError) as caught:
            read(uri.replace(".tif", suffix))
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("uri", URIS)
def test_what_is_printed_and_written_does_not_show_them(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note(f"reading {uri}")
    emit_json({"first": uri, "notes": [f"{uri} states no CRS"]})
    write_json(tmp_path / "index.json", {"notes": [uri]})
    told = capsys.readouterr()
    assert SECRET not in told.out + told.err + (tmp_path / "index.json").read_text()
    assert json.loads(told.out)["first"].endswith(("a.tif", "***", "#top"))
    assert call(["scene", "info", "--dsm", uri]) == 1
    assert SECRET not in capsys.readouterr().err


def test_other_texts_stay() -> None:
    for text in ("a@b.c", "what? no", "https://example.org/a.tif, b@c", "x?y=1", "s3://bucket/key.tif"):
        assert redacted(text) == text
