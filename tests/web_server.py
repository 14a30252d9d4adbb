"""A web server for tests: the files of a folder, whole or by ranges, and the faults that real servers have.

Its own process, as GDAL keeps the interpreter's lock while it waits. Below /gone/ every answer is 503, below
/short/ half of what is promised comes, below /whole/ ranges are ignored.
"""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["serve"]


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


class _Handler(http.server.BaseHTTPRequestHandler):
    folder = Path()

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        way = self.path.split("/")[1]
        file = self.folder / Path(self.path).name
        if way == "gone" or not file.is_file():
            self.send_error(503 if way == "gone" else 404)
            return
        content = file.read_bytes()
        first, last = 0, len(content) - 1
        span = self.headers.get("Range", "") if way != "whole" else ""
        if span:
            low, _, high = span.removeprefix("bytes=").partition("-")
            first, last = int(low), min(int(high or last), last)
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("Accept-Ranges", "bytes")
        if span:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        data = content[first : last + 1]
        if body:
            self.wfile.write(data[: len(data) // 2] if way == "short" and len(data) > 1 else data)

    def log_message(self, *_: Any) -> None:
        """Silence."""


if __name__ == "__main__":
    _Handler.folder = Path(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
