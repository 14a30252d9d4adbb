"""Ways to break a file: functions of a random source and bytes, the same for the same seed."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[Random, bytes], bytes]

NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
LARGE = (*NUMBERS, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
FLOATS = (0.0, -0.0, 1e-300, -1.0, 1e6, 1e18, 1e300, -1e300, float("nan"), float("inf"), float("-inf"))


def generic(rng: Random, data: bytes) -> bytes:
    """One to four faults that know nothing of the format."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not out:
            break
        rng.choice(_GENERIC)(rng, out)
    return bytes(out)


def _place(rng: Random, out: bytearray) -> int:
    # The beginning and the end of a file hold what the rest is read by.
    where = rng.random()
    if where < 0.4:
        return rng.randrange(min(len(out), 512))
    return len(out) - 1 - rng.randrange(min(len(out), 512)) if where < 0.6 else rng.randrange(len(out))


def _flip(rng: Random, out: bytearray) -> None:
    out[_place(rng, out)] ^= 1 << rng.randrange(8)


def _byte(rng: Random, out: bytearray) -> None:
    out[_place(rng, out)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _whole(rng: Random, out: bytearray) -> None:
    size, kind = rng.choice(((2, "H"), (4, "I"), (8, "Q")))
    at = _place(rng, out) // rng.choice((1, 2, 4)) * rng.choice((1, 2, 4))
    value = rng.choice(LARGE) % (1 << 8 * size)
    if at + size <= len(out):
        out[at : at + size] = struct.pack(rng.choice("<<>") + kind, value)


def _real(rng: Random, out: bytearray) -> None:
    at = _place(rng, out)
    if at + 8 <= len(out):
        out[at : at + 8] = struct.pack(rng.choice("<>") + "d", rng.choice(FLOATS))


def _cut(rng: Random, out: bytearray) -> None:
    del out[rng.randrange(len(out)) :]


def _remove(rng: Random, out: bytearray) -> None:
    at = _place(rng, out)
    del out[at : at + rng.choice((1, 2, 4, 16, 100))]


def _repeat(rng: Random, out: bytearray) -> None:
    at = _place(rng, out)
    out[at:at] = out[at : at + rng.choice((1, 4, 32, 300))]


def _noise(rng: Random, out: bytearray) -> None:
    at = _place(rng, out)
    size = rng.choice((1, 4, 16, 64))
    out[at : at + size] = rng.randbytes(size)


def _zeros(rng: Random, out: bytearray) -> None:
    at = _place(rng, out)
    size = min(rng.choice((4, 16, 512)), len(out) - at)
    out[at : at + size] = bytes(size)


_GENERIC = (_flip, _flip, _byte, _whole, _whole, _real, _cut, _remove, _repeat, _noise, _zeros)


def fields(*known: tuple[int, str]) -> Mutation:
    """Numbers at known places of a header, given as offset and `struct` format."""

    def mutate(rng: Random, data: bytes) -> bytes:
        out = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 3))):
            at, kind = rng.choice(known)
            size = struct.calcsize(kind)
            if at + size > len(out):
                continue
            if kind[-1] in "df":
                out[at : at + size] = struct.pack(kind, rng.choice(FLOATS) if kind[-1] == "d" else 0.0)
                continue
            (old,) = struct.unpack_from(kind, out, at)
            new = rng.choice(
                (old + 1, old - 1, old * 2, old // 2, rng.choice(LARGE), rng.randrange(len(out) + 9))
            )
            out[at : at + size] = struct.pack(kind.upper(), new % (1 << 8 * size))
        return bytes(out)

    return mutate


def tiff(rng: Random, data: bytes) -> bytes:
    """Entries of the directories of a TIFF: tag, type, count, value or place; and their links."""
    out = bytearray(data)
    order = "<" if out[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", out, 4)
    seen: set[int] = set()
    entries, links = [], [4]
    while 8 <= at < len(out) - 6 and at not in seen:
        seen.add(at)
        (count,) = struct.unpack_from(order + "H", out, at)
        entries += [at + 2 + 12 * index for index in range(count) if at + 14 + 12 * index < len(out)]
        links.append(at + 2 + 12 * count)
        at = struct.unpack_from(order + "I", out, links[-1])[0] if links[-1] + 4 <= len(out) else 0
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not entries or rng.random() < 0.05:
            struct.pack_into(order + "I", out, links[0], rng.choice((*seen, *NUMBERS)))
            continue
        entry = rng.choice(entries)
        what = rng.randrange(5)
        if what == 0:
            struct.pack_into(
                order + "H", out, entry, rng.choice((256, 257, 258, 259, 262, 273, 277, 279, 284, 322))
            )
        elif what == 1:
            struct.pack_into(order + "H", out, entry + 2, rng.randrange(20))
        elif what == 2:
            struct.pack_into(order + "I", out, entry + 4, rng.choice(NUMBERS))
        elif what == 3:
            value = rng.choice((*NUMBERS, rng.randrange(len(out))))
            struct.pack_into(order + "I", out, entry + 8, value)
        else:
            kind, size = struct.unpack_from(order + "HI", out, entry + 2)
            (place,) = struct.unpack_from(order + "I", out, entry + 8)
            room = {3: 2, 4: 4, 12: 8}.get(kind, 1) * min(size, 4096)
            if room > 4 and place + 8 < len(out):
                at = place + rng.randrange(min(room, len(out) - place))
                out[at : at + 4] = struct.pack(order + "I", rng.choice(NUMBERS))[: len(out) - at]
    return bytes(out)


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**40, 1e308, -1e308, 1e-320, 0.5),
    *(
        float("nan"),
        float("inf"),
        "",
        "a",
        "NaN",
        "é\u0000\u2028",
        "../../etc/passwd",
        "/etc/passwd",
        "x" * 70_000,
    ),
    *([], {}, [[]], [None], {"": None}, [1, "a", None], [[[[[[[[1]]]]]]]], ["0"] * 300),
)


def odd(rng: Random) -> Any:
    """One of the odd values, a copy: it may be broken further."""
    return copy.deepcopy(rng.choice(ODD))


def _nodes(value: Any, found: list[tuple[Any, Any]]) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found.append((value, key))
        _nodes(inner, found)


def mangled(rng: Random, value: Any) -> Any:
    """JSON's values with some replaced, removed, repeated, exchanged, or under another key."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        found: list[tuple[Any, Any]] = []
        _nodes(value, found)
        if not found:
            return odd(rng)
        holder, key = rng.choice(found)
        what = rng.random()
        if what < 0.5:
            holder[key] = odd(rng)
        elif what < 0.65:
            del holder[key]
        elif what < 0.8:
            other, name = rng.choice(found)
            try:
                holder[key] = json.loads(json.dumps(other[name]))
            except (KeyError, IndexError):
                holder[key] = None
        elif isinstance(holder, dict):
            holder[rng.choice(("", "type", key + "x", "x" * 300))] = holder.pop(key)
        elif isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] = rng.choice((-holder[key], holder[key] * 1e9, holder[key] + 1, *FLOATS))
        else:
            holder.insert(key, holder[key])
    return value


def json_text(rng: Random, data: bytes) -> bytes:
    """A JSON text, or lines of them, with odd values; now and then a fault in the text."""
    if rng.random() < 0.15:
        return generic(rng, data)
    if rng.random() < 0.03:
        deep = rng.choice((900, 100_000))
        return b'{"type":' * deep if rng.random() < 0.5 else b"[" * deep + b"]" * deep
    lines = data.decode().splitlines() if b"\n{" in data else [data.decode()]
    at = rng.randrange(len(lines))
    try:
        lines[at] = json.dumps(mangled(rng, json.loads(lines[at])), ensure_ascii=rng.random() < 0.5)
    except ValueError:
        return generic(rng, data)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


VALUES = (
    *(
        "1",
        "-1",
        "0",
        "1e400",
        "nan",
        "inf",
        "true",
        '""',
        '"x"',
        "[]",
        "{}",
        "[[1,2],[3]]",
        '"../x"',
        "1979-05-27",
    ),
    *(
        "9223372036854775808",
        '["a", 1]',
        "{a = 1}",
        '"' + "y" * 9000 + '"',
        '"\\u0000"',
        "[" * 200 + "]" * 200,
    ),
)


def toml_text(rng: Random, data: bytes) -> bytes:
    """Values, keys and lines of a TOML text."""
    if rng.random() < 0.15:
        return generic(rng, data)
    lines = data.decode().splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines))
        what = rng.random()
        key, equals, _ = lines[at].partition("=")
        if what < 0.6 and equals:
            lines[at] = f"{key}= {rng.choice(VALUES)}"
        elif what < 0.7:
            lines.insert(at, rng.choice((f"{'a.' * rng.choice((3, 5000))}b = 1", "[a.b]", "[[a]]", "x = 1")))
        elif what < 0.8:
            del lines[at]
        elif what < 0.9:
            lines.insert(at, lines[rng.randrange(len(lines))])
        else:
            lines[at] = generic(rng, lines[at].encode()).decode("latin-1")
        lines = lines or [""]
    return "\n".join(lines).encode("utf-8", "replace")


def glb(rng: Random, data: bytes) -> bytes:
    """Lengths, document and binary chunk of a GLB, put together so that lengths fit again."""
    if rng.random() < 0.25:
        return generic(rng, data)
    (length,) = struct.unpack_from("<I", data, 12)
    text, rest = data[20 : 20 + length], data[20 + length :]
    if rng.random() < 0.75:
        text = json.dumps(mangled(rng, json.loads(text))).encode()
        text += b" " * (-len(text) % 4)
    elif len(rest) > 8:
        body = generic(rng, rest[8:])
        rest = struct.pack("<I", len(body)) + rest[4:8] + body
    total = 20 + len(text) + len(rest)
    return data[:8] + struct.pack("<II", total, len(text)) + data[16:20] + text + rest


def gzipped(rng: Random, data: bytes) -> bytes:
    """A bomb, a torn stream, or the same packed."""
    pack = zlib.compressobj(9, wbits=31)
    if rng.random() < 0.2:
        data = bytes(1 << 27)
    out = pack.compress(data) + pack.flush()
    return out if rng.random() < 0.5 else generic(rng, out)
