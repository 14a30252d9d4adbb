"""A web server for tests: the files of a folder, whole or by ranges, and the faults that real servers have.

Its own process, as GDAL keeps the interpreter's lock while it waits. What the first folder of a path does:

    /gone/     every answer is 503
    /short/    half of what is promised comes
    /whole/    ranges are ignored
    /vague/    the same, with a length that is no number
    /flaky/    of every three requests the first gets 503, the second half of the body, the third all
    /reset/    the first request is cut off without an answer, the next gets it
    /changing/ the content is another (same length, other ETag) from the second request on
    /private/  401 without the user `ann` and the password `secret`
    /moved/    leads on to the same file at the root; /away/ to a file: address
    /count/    how many requests there were for the name so far, all folders together
"""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import sys
import urllib.parse
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["requests_for", "serve"]


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address under which the folder's files are served while the block runs."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def requests_for(server: str, name: str) -> int:
    """How often the server was asked for a file of that name."""
    with urllib.request.urlopen(f"{server}/count/{name}") as answer:
        return int(answer.read())


_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


class _Handler(http.server.BaseHTTPRequestHandler):
    folder = Path()
    asked: Counter[str] = Counter()

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = urllib.parse.unquote(self.path)
        way, name = path.split("/")[1], Path(path).name
        if way == "count":
            self._send(str(self.asked[name]).encode(), {})
            return
        turn = self.asked[name]
        self.asked[name] += 1
        file = self.folder / name
        if self._refused(way, turn, file):
            return
        content, tag = file.read_bytes(), "v1"
        if way == "changing" and turn >= 1:
            content, tag = bytes(255 - byte for byte in content), "v2"
        span = self.headers.get("Range", "") if way not in ("whole", "vague") else ""
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{tag}"', "Last-Modified": _DATE}
        if way == "vague":
            headers["Content-Length"] = "many"
        data = content
        if span:
            low, _, high = span.removeprefix("bytes=").partition("-")
            first, last = int(low), min(int(high or len(content)), len(content) - 1)
            data = content[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        half = way == "short" or (way == "flaky" and turn % 3 == 1)
        self._send(data, headers, len(data) // 2 if half and len(data) > 1 else None, body=body)

    def _refused(self, way: str, turn: int, file: Path) -> bool:
        login = "Basic " + b64encode(b"ann:secret").decode()
        if way == "reset" and turn == 0:
            self.close_connection = True
        elif way == "gone" or (way == "flaky" and turn % 3 == 0):
            self.send_error(503)
        elif way == "private" and self.headers.get("Authorization") != login:
            self.send_error(401)
        elif way in ("moved", "away"):
            self.send_response(302)
            self.send_header("Location", f"/{file.name}" if way == "moved" else file.as_uri())
            self.end_headers()
        elif not file.is_file():
            self.send_error(404)
        else:
            return False
        return True

    def _send(
        self, data: bytes, headers: dict[str, str], sent: int | None = None, *, body: bool = True
    ) -> None:
        self.send_response(206 if "Content-Range" in headers else 200)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data[:sent])

    def log_message(self, *_: Any) -> None:
        """Silence."""


if __name__ == "__main__":
    _Handler.folder = Path(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
