"""Servers, which only tests have, listen on this machine alone."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIND = re.compile(r"(?:HTTPServer|TCPServer|ThreadingHTTPServer|create_server|\.bind)\(\s*\(?\s*([^,)]+)")


def test_servers_listen_on_loopback() -> None:
    found = 0
    for folder in ("geovision", "tests", "scripts", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if path.name == Path(__file__).name:
                continue
            assert "0.0.0.0" not in text, path
            for place in BIND.findall(text):
                assert place.strip("\"'") in ("127.0.0.1", "localhost"), f"{path}: {place}"
                found += 1
    assert found
