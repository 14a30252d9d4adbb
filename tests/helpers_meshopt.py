"""Decodes EXT_meshopt_compression as its specification (appendices A and B) words it, slowly."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray


def decode_attributes(data: bytes, count: int, stride: int) -> NDArray[np.uint8]:
    """Mode 0; (count, stride) bytes."""
    assert data[0] == 0xA0
    result = np.empty((count, stride), np.uint8)
    last = np.frombuffer(data[-stride:], np.uint8)
    at, most = 1, min(8192 // stride & ~15, 256)
    for first in range(0, count, most):
        size = min(most, count - first)
        groups = -(-size // 16)
        for k in range(stride):
            header = data[at : at + -(-groups // 4)]
            at += len(header)
            deltas: list[int] = []
            for group in range(groups):
                at = _group(data, at, header[group // 4] >> 2 * (group % 4) & 3, deltas)
            coded = np.array(deltas[:size], np.uint8)
            steps = (coded >> 1) ^ (0 - (coded & 1)).astype(np.uint8)
            result[first : first + size, k] = last[k] + np.cumsum(steps, dtype=np.uint8)
        last = result[first + size - 1]
    assert at + max(32, stride) == len(data)
    assert not any(data[at:-stride])
    return result


def _group(data: bytes, at: int, mode: int, deltas: list[int]) -> int:
    if mode == 0:
        deltas += [0] * 16
        return at
    if mode == 3:
        deltas += data[at : at + 16]
        return at + 16
    bits = 2 * mode
    block = data[at : at + 2 * bits]
    at += 2 * bits
    for byte in block:
        for shift in range(8 - bits, -1, -bits):
            value = byte >> shift & (1 << bits) - 1
            if value == (1 << bits) - 1:
                value = data[at]
                at += 1
            deltas.append(value)
    return at


def decode_triangles(data: bytes, count: int) -> NDArray[np.uint32]:
    """Mode 1; `count` indices."""
    return _Triangles(data, count // 3).run()


class _Triangles:
    def __init__(self, data: bytes, triangles: int) -> None:
        assert data[0] == 0xE1
        self.codes = data[1 : 1 + triangles]
        self.data = iter(data[1 + triangles : -16])
        self.table = data[-16:]
        assert self.table[-2:] == b"\0\0"
        assert all(b >> 4 < 15 and b & 15 < 15 for b in self.table)
        self.next = self.last = 0
        self.edges: deque[tuple[int, int]] = deque(maxlen=16)
        self.vertices: deque[int] = deque(maxlen=16)

    def run(self) -> NDArray[np.uint32]:
        triangles = [self.triangle(code >> 4, code & 15) for code in self.codes]
        assert next(self.data, None) is None, "data is left over"
        return np.array(triangles, np.uint32).reshape(-1)

    def index(self) -> int:
        value = shift = 0
        while True:
            byte = next(self.data)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        self.last += ~(value >> 1) if value & 1 else value >> 1
        return self.last

    def fresh(self) -> int:
        self.next += 1
        return self.next - 1

    def triangle(self, x: int, y: int) -> tuple[int, int, int]:
        if x < 15:
            return self.behind_edge(x, y)
        first_is_new, explicit = y < 15, y >= 14
        z, w = divmod(next(self.data) if explicit else self.table[y], 16)
        if explicit and z == w == 0:
            self.next = 0
        a = self.fresh() if first_is_new else self.index()
        b = self.corner(z)
        c = self.corner(w)
        for edge in ((b, a), (c, b), (a, c)):
            self.edges.appendleft(edge)
        self.vertices.appendleft(a)
        for corner, nibble in ((b, z), (c, w)):
            if nibble in (0, 15):
                self.vertices.appendleft(corner)
        return a, b, c

    def corner(self, nibble: int) -> int:
        if nibble == 0:
            return self.fresh()
        return self.index() if nibble == 15 else self.vertices[nibble - 1]

    def behind_edge(self, x: int, y: int) -> tuple[int, int, int]:
        a, b = self.edges[x]
        if y == 0:
            c = self.fresh()
        elif y < 13:
            c = self.vertices[y]
        elif y < 15:
            self.last += 1 if y == 14 else -1
            c = self.last
        else:
            c = self.index()
        self.edges.appendleft((c, b))
        self.edges.appendleft((a, c))
        if not 0 < y < 13:
            self.vertices.appendleft(c)
        return a, b, c


def exponential(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Filter 3: float32 from an 8-bit exponent and a 24-bit mantissa."""
    signed = words.astype(np.uint32).view(np.int32)
    mantissa = (signed << 8) >> 8
    result: NDArray[np.float32] = np.ldexp(mantissa.astype(np.float64), signed >> 24).astype(np.float32)
    return result
