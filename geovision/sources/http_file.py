"""A file on a web server, read by ranges."""

from __future__ import annotations

import http.client
import netrc
import os
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

from geovision.sources.range_file import RangeFile
from geovision.sources.retry import TRANSIENT_STATUS, Transient, persist, wait_asked

__all__ = ["HttpFile"]

_TIMEOUT_S = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class HttpFile(RangeFile):
    """Seekable bytes behind http:// or https://; every failure is an `OSError`.

    A server that knows no ranges sends the whole file at the first read, and that is kept. User and password
    of a server are taken from the user's netrc file.
    """

    def __init__(self, uri: str) -> None:
        # As browsers do: what is escaped already stays, so does what has a meaning.
        self._uri = urllib.parse.quote(uri, safe="%/:=&?~#+!$,;'@()*[]")
        self._login = _login(uri)
        self._whole: bytes | None = None
        self._ranges, size, tag = persist(self._probe)
        super().__init__(size, tag)

    def _probe(self) -> tuple[bool, int, str]:
        """Whether ranges are known, the size, and the tag."""
        with self._get(0, 0) as answer:
            size = _total(answer)
            ranges = size is not None
            if size is None:
                size = _length(answer)
            if size < 0:
                raise OSError("the server does not say how long the file is")
            return ranges, size, _tag(answer)

    def _fetch(self, first: int, count: int) -> bytes:
        if self._ranges:
            with self._get(first, first + count - 1) as answer:
                self._same(_total(answer) or 0, _tag(answer))
                return _body(answer, count)
        if self._whole is None:
            with self._get(0, self.size - 1) as answer:
                self._same(_length(answer), _tag(answer))
                whole = _body(answer, self.size)
            if len(whole) < self.size:
                raise Transient(f"the connection was cut after {len(whole):,} of {self.size:,} bytes")
            self._whole = whole
        return self._whole[first : first + count]

    def _get(self, first: int, last: int) -> Any:
        request = urllib.request.Request(
            self._uri, headers={"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        )
        if self._login:
            # Not sent on to where a redirect leads.
            request.add_unredirected_header("Authorization", self._login)
        try:
            return _OPENER.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in TRANSIENT_STATUS:
                raise Transient(str(error), wait_asked(error.headers.get("Retry-After"))) from error
            raise OSError(str(error)) from error
        except (http.client.HTTPException, OSError) as error:
            raise _fault(error) from error


class _Refused(OSError):
    """What is not done, however often it is asked for."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to web servers only, and never from a safe connection to an open one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in ("https", req.type):
            raise _Refused(f"the server leads on from {req.type} to {scheme}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """What speaks HTTP and nothing else; urllib's own would also read file: and ftp:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _Redirects,
    ):
        opener.add_handler(handler())
    return opener


_OPENER = _opener()
_CUT = (http.client.RemoteDisconnected, http.client.IncompleteRead)


def _fault(error: Exception) -> OSError:
    """The same fault as one that passes or one that stays."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(error, _Refused):
        return error
    if isinstance(cause, (str, ssl.SSLCertVerificationError)) or _no_such_host(cause):
        return OSError(str(cause))
    if isinstance(error, http.client.HTTPException) and not isinstance(error, _CUT):
        return OSError(f"the server does not speak HTTP ({error})")
    return Transient(str(cause) or type(cause).__name__)


def _no_such_host(cause: BaseException) -> bool:
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME


def _body(answer: Any, count: int) -> bytes:
    try:
        data: bytes = answer.read(count)
    except http.client.IncompleteRead as error:
        return error.partial
    except (http.client.HTTPException, OSError) as error:
        raise Transient(f"the connection was cut ({error})") from error
    return data


def _total(answer: Any) -> int | None:
    """Bytes of the whole file, where the answer is a range of it."""
    found = re.fullmatch(r"bytes \d+-\d+/(\d{1,18})", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found and answer.status == http.client.PARTIAL_CONTENT else None


def _length(answer: Any) -> int:
    """Bytes of the body; -1 where the server does not say it in a number."""
    stated = answer.headers.get("Content-Length", "")
    return int(stated) if re.fullmatch(r"\d{1,18}", stated, re.ASCII) else -1


def _tag(answer: Any) -> str:
    return str(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")


def _login(uri: str) -> str | None:
    """The Authorization header for the host, from $NETRC or ~/.netrc; never over an open line."""
    parts = urllib.parse.urlsplit(uri)
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    if not path.is_file() or not (parts.scheme == "https" or parts.hostname in _LOOPBACK):
        return None
    try:
        found = netrc.netrc(str(path)).authenticators(parts.hostname or "")
    except netrc.NetrcParseError as error:
        raise OSError(f"{path} is no netrc file ({error.msg}, line {error.lineno})") from error
    return None if found is None else "Basic " + b64encode(f"{found[0]}:{found[2]}".encode()).decode()
