"""Files on web servers and in object stores: the same as local ones, through the faults of networks."""

from __future__ import annotations

import re
import statistics
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from geovision.cli.main import call
from geovision.errors import EnvironmentFault, GeovisionError, InputError
from geovision.sources import open_points, open_scene, read_footprints, retry
from geovision.sources.aws_files import aws_options
from geovision.sources.http_file import _Redirects
from geovision.sources.remote_files import check_uri, open_remote, version_of
from tests import s3_server
from tests.s3_server import KEY_ID, SECRET, put, s3_environment, serve_s3
from tests.web_server import requests_for, serve

VILLAGE = Path(__file__).resolve().parents[2] / "sample_data" / "village"
NAMES = ("dsm.tif", "footprints.gpkg", "points.laz", "ortho.tif")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE_S", 0.0)


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with serve(VILLAGE) as address:
        yield address


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serve_s3() as address:
        for folder in ("", "flaky/", "slow/"):
            for name in NAMES:
                put(address, folder + name, (VILLAGE / name).read_bytes())
        yield address


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    s3_environment(monkeypatch, endpoint)
    return f"s3://{s3_server.BUCKET}"


def same_as_local(base: str) -> None:
    """Every kind of input gives what the local file gives."""
    local = open_scene(dsm=VILLAGE / "dsm.tif", image=VILLAGE / "ortho.tif")
    remote = open_scene(dsm=f"{base}/dsm.tif", image=f"{base}/ortho.tif", allow_network=True)
    for role in ("dsm", "image"):
        np.testing.assert_array_equal(
            remote.window(role, local.bounds).data, local.window(role, local.bounds).data
        )
    points = open_points(f"{base}/points.laz", allow_network=True).read()
    np.testing.assert_array_equal(points.xyz, open_points(VILLAGE / "points.laz").read().xyz)
    found = read_footprints(f"{base}/footprints.gpkg", allow_network=True)
    assert found.ids == read_footprints(VILLAGE / "footprints.gpkg").ids


def fault_of(uri: str) -> str:
    """The error of a file of any kind."""
    with pytest.raises(InputError) as caught:
        read_all(uri)
    assert uri in str(caught.value)
    return str(caught.value)


def read_all(uri: str) -> None:
    if uri.endswith(".tif"):
        scene = open_scene(dsm=uri, allow_network=True)
        scene.window("dsm", scene.bounds)
    elif uri.endswith(".gpkg"):
        read_footprints(uri, allow_network=True)
    else:
        open_points(uri, allow_network=True).read()


# Web servers


@pytest.mark.parametrize("way", ["", "/flaky", "/whole", "/reset", "/moved"])
def test_from_a_web_server(web: str, way: str) -> None:
    same_as_local(web + way)


@pytest.mark.parametrize("name", NAMES[:3])
def test_what_does_not_pass_is_an_error_that_names_the_uri(web: str, name: str) -> None:
    assert re.search(r"503.*5 tries", fault_of(f"{web}/gone/{name}"))
    assert re.search(r"cut after [\d,]+ of [\d,]+ bytes; 5 tries", fault_of(f"{web}/short/{name}"))
    assert "401" in fault_of(f"{web}/private/{name}")
    assert "is not allowed" in fault_of(f"{web}/away/{name}")
    assert "does not say how long" in fault_of(f"{web}/vague/{name}")
    before = requests_for(web, f"no-{name}")
    assert "404" in fault_of(f"{web}/no-{name}")
    assert requests_for(web, f"no-{name}") == before + 1


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_file_that_changes_is_never_mixed(tmp_path: Path, name: str) -> None:
    content = (VILLAGE / name).read_bytes()
    (tmp_path / name).write_bytes(content)
    with serve(tmp_path) as address:
        assert "was changed" in fault_of(f"{address}/changing/{name}")


def test_names_need_not_be_ascii(tmp_path: Path) -> None:
    for name in ("höhe 1.tif", "100%25 ü.tif"):
        file = tmp_path / urllib.parse.unquote(name)
        file.write_bytes((VILLAGE / "dsm.tif").read_bytes())
        with serve(tmp_path) as address:
            read_all(f"{address}/{name}")


@pytest.mark.parametrize("uri", ["https://[::1/x.tif", "https://[::1/x.laz", "http://[/x.gpkg"])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    assert "is no URI" in fault_of(uri)


def test_points_that_change_between_two_windows(tmp_path: Path) -> None:
    file = tmp_path / "points.laz"
    file.write_bytes((VILLAGE / "points.laz").read_bytes())
    with serve(tmp_path) as address:
        points = open_points(f"{address}/points.laz", allow_network=True)
        file.write_bytes(file.read_bytes() + b"\0")
        with pytest.raises(InputError, match="was changed since it was first opened"):
            points.read()


def test_a_login_comes_from_the_netrc_file_and_stays_with_its_host(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login ann password secret\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    same_as_local(f"{web}/private")
    file.write_text("machine elsewhere login ann password secret\n")
    assert "401" in fault_of(f"{web}/private/dsm.tif")


def test_a_safe_connection_is_not_led_to_an_open_one() -> None:
    request = urllib.request.Request("https://example.org/a.laz")
    lead_on = _Redirects().redirect_request
    with pytest.raises(OSError, match="from https to http, which is not followed"):
        lead_on(request, None, 302, "", {}, "http://example.org/a.laz")
    assert lead_on(request, None, 302, "", {}, "https://other.example.org/a.laz") is not None


def test_a_refused_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert "5 tries" in fault_of("http://127.0.0.1:9/x.laz")
    assert len(pauses) == 4


# Object stores


@pytest.mark.parametrize("way", ["", "/flaky"])
def test_from_an_object_store(store: str, way: str) -> None:
    same_as_local(store + way)


CLOUDS = {
    "gs": {"GOOGLE_BASE_URL": "{}", "GOOGLE_SKIP_SIGNATURE": "true"},
    "az": {
        "AZURE_STORAGE_ENDPOINT": "{}",
        "AZURE_STORAGE_ACCOUNT_NAME": "ann",
        "AZURE_SKIP_SIGNATURE": "true",
    },
}


@pytest.mark.parametrize("scheme", CLOUDS)
def test_the_clients_of_google_and_azure(web: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a plain web server, whose first folder is the bucket: what they ask is what it answers."""
    for name, value in CLOUDS[scheme].items():
        monkeypatch.setenv(name, value.format(web))
    same_as_local(f"{scheme}://flaky")
    assert "there is no such object" in fault_of(f"{scheme}://flaky/none.laz")


@pytest.mark.parametrize("name", NAMES[:3])
def test_faults_of_an_object_store(
    store: str, endpoint: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.search(r"503.*5 tries", fault_of(f"{store}/slow/{name}"))
    before = s3_server.requests_for(endpoint, f"no-{name}")
    assert "404: there is no such object" in fault_of(f"{store}/no-{name}")
    assert s3_server.requests_for(endpoint, f"no-{name}") == before + 1
    assert "404" in fault_of(f"s3://no-such-bucket/{name}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    before = s3_server.requests_for(endpoint, name)
    assert "403: the credentials do not allow it" in fault_of(f"{store}/{name}")
    assert s3_server.requests_for(endpoint, name) == before + 1


def test_only_what_is_needed_is_fetched(endpoint: str, store: str) -> None:
    put(endpoint, "large.bin", bytes(64 << 20))
    with open_remote(f"{store}/large.bin") as file:
        file.seek(50 << 20)
        assert file.read(1000) == bytes(1000)
        assert version_of(file).startswith("67,108,864 bytes ")
    assert s3_server.requests_for(endpoint, "large.bin") == 2


# Secrets


def test_credentials_from_the_standard_files(
    endpoint: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    config, keys = tmp_path / "config", tmp_path / "credentials"
    config.write_text(f"[profile county]\nregion = eu-west-1\nendpoint_url = {endpoint}\n")
    keys.write_text(f"[county]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = a%b{SECRET}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    monkeypatch.setenv("AWS_PROFILE", "county")
    assert dict(aws_options())["secret_access_key"] == f"a%b{SECRET}"
    same_as_local(store)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(EnvironmentFault, match=r"AWS_PROFILE=nobody.*Check the name"):
        aws_options()
    config.write_text("[profile county]\nsso_session = work\n")
    keys.write_text("")
    monkeypatch.setenv("AWS_PROFILE", "county")
    with pytest.raises(EnvironmentFault, match=r"sso_session.*export-credentials"):
        aws_options()


@pytest.mark.parametrize(
    "uri",
    [
        "https://ann:topsecret@example.org/a.laz",
        "https://bucket.example.org/a.laz?X-Amz-Signature=topsecret&X-Amz-Expires=60",
        "https://example.org/a.laz?access_token=topsecret",
        "https://x.example.org/a.laz?sv=2024&sig=topsecret",
    ],
)
def test_a_uri_that_carries_a_secret_is_refused_without_saying_it(uri: str) -> None:
    with pytest.raises(InputError, match="carries a secret") as caught:
        check_uri(uri, f"points {uri}", allow_network=True)
    assert "topsecret" not in str(caught.value)
    assert "example.org/a.laz" in str(caught.value)


def test_no_secret_comes_out_of_a_command(
    store: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [f"{store}/points.laz", f"{store}/footprints.gpkg"]
    asked = ["--allow-network", "-o"]
    assert call(["fit", *inputs, *asked, str(tmp_path / "programs.parquet")]) == 0
    assert call(["fit", f"{store}/no.laz", inputs[1], *asked, str(tmp_path / "no.parquet")]) != 0
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIDOTHER{SECRET}")
    assert call(["fit", *inputs, *asked, str(tmp_path / "denied.parquet")]) != 0
    printed = "".join(capfd.readouterr())
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    for text in (printed.encode(), *(file.read_bytes() for file in files)):
        assert SECRET.encode() not in text
        assert KEY_ID.encode() not in text


# Pauses


def test_pauses_double_and_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE_S", 0.5)
    for tries, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (30, 30.0)):
        drawn = [retry.pause(tries) for _ in range(200)]
        assert longest / 2 <= min(drawn) < max(drawn) <= longest
        assert statistics.stdev(drawn) > longest / 20
    assert retry.pause(1, wait_s=7.0) == 7.0
    assert retry.pause(1, wait_s=1e9) == 30.0
    assert retry.wait_asked("3") == 3.0
    assert retry.wait_asked("Wed, 21 Oct 2026 07:28:00 GMT") == 0.0


def test_only_what_may_pass_is_tried_again() -> None:
    faults: list[OSError] = [retry.Transient("cut"), retry.Transient("slow down"), OSError("403")]

    def fetch() -> int:
        raise faults.pop(0)

    with pytest.raises(OSError, match=r"^403$"):
        retry.persist(fetch)
    assert not faults


def test_nothing_is_fetched_unasked(store: str, endpoint: str) -> None:
    before = s3_server.requests_for(endpoint, "dsm.tif")
    with pytest.raises(GeovisionError, match="network is off"):
        open_scene(dsm=f"{store}/dsm.tif")
    assert s3_server.requests_for(endpoint, "dsm.tif") == before
