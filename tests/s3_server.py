"""An S3 server for tests: moto, in a process of its own, on loopback; with the faults that real ones have.

Keys below `flaky/` get 503 SlowDown, then half of the body, then all, and so on; below `slow/` always 503.
Requests without the right signature's key id are refused as S3 does it (403).
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

__all__ = ["BUCKET", "KEY_ID", "SECRET", "put", "requests_for", "s3_environment", "serve_s3"]

BUCKET = "tiles"
KEY_ID = "AKIDTEST0000000000KEY"
SECRET = "very-secret-0123456789"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@contextlib.contextmanager
def serve_s3() -> Iterator[str]:
    """The endpoint of a server with an empty bucket, while the block runs."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
            urllib.request.urlopen(
                urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=20
            ).close()
            yield endpoint
        finally:
            process.kill()


def s3_environment(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """What a user would export; nothing of the machine's own settings shows through."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    patch.setenv("AWS_REGION", "us-east-1")


def put(endpoint: str, key: str, content: bytes) -> str:
    """Store an object; its URI."""
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"{endpoint}/{BUCKET}/{key}", content, headers, method="PUT")
    urllib.request.urlopen(request, timeout=20).close()
    return f"s3://{BUCKET}/{key}"


def requests_for(endpoint: str, key: str) -> int:
    """How often an object was asked for."""
    with urllib.request.urlopen(f"{endpoint}/asked", timeout=20) as answer:
        return int(json.load(answer).get(f"/{BUCKET}/{key}", 0))


App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Faults:
    """Stands before the server and spoils answers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._asked: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, method = str(environ["PATH_INFO"]), str(environ["REQUEST_METHOD"])
        if path == "/asked":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._asked).encode()]
        if method not in ("GET", "HEAD"):
            return self._app(environ, start)
        turn = self._asked[path]
        self._asked[path] += 1
        if KEY_ID not in environ.get("HTTP_AUTHORIZATION", ""):
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>InvalidAccessKeyId</Code></Error>"]
        if "/slow/" in path or ("/flaky/" in path and turn % 3 == 0):
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [SLOW_DOWN]
        body = self._app(environ, start)
        if "/flaky/" in path and turn % 3 == 1 and method == "GET":
            return _half(b"".join(body), environ["werkzeug.socket"])
        return body


def _half(whole: bytes, connection: socket.socket) -> Iterator[bytes]:
    yield whole[: len(whole) // 2]
    connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app = _Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
