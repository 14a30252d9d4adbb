"""Event files that TensorBoard reads, written without it: records of protocol buffers with checksums."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["EventFile", "crc32c"]


class EventFile:
    """A new event file in a folder. A resumed run opens another one, which replaces later steps of the first.

    Args:
        folder: where TensorBoard looks.
        step: steps that are done.
    """

    def __init__(self, folder: str | Path, step: int = 0) -> None:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        self.path = place / f"events.out.tfevents.{time.time_ns() // 1000:016d}.geovision"
        self._write(_text(3, "brain.Event:2"))
        if step:
            # "The session starts here": what older files say of later steps is void.
            self._write(_integer(2, step + 1) + _bytes(7, _integer(1, 1)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by tag."""
        summary = b"".join(
            _bytes(1, _text(1, tag) + struct.pack("<Bf", 2 << 3 | 5, value)) for tag, value in values.items()
        )
        self._write(_integer(2, step) + _bytes(5, summary))

    def picture(self, step: int, tag: str, png: bytes, height: int, width: int) -> None:
        """A picture."""
        image = _integer(1, height) + _integer(2, width) + _integer(3, 3) + _bytes(4, png)
        self._write(_integer(2, step) + _bytes(5, _bytes(1, _text(1, tag) + _bytes(4, image))))

    def _write(self, event: bytes) -> None:
        data = struct.pack("<Bd", 1 << 3 | 1, time.time()) + event
        size = struct.pack("<Q", len(data))
        with self.path.open("ab") as file:
            file.write(size + _masked(size) + data + _masked(data))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _table() -> list[int]:
    table = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
        table.append(rest)
    return table


_CRC = _table()


def crc32c(data: bytes) -> int:
    """The checksum of iSCSI (Castagnoli), which records use.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    rest = 0xFFFFFFFF
    for byte in data:
        rest = rest >> 8 ^ _CRC[(rest ^ byte) & 255]
    return rest ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
