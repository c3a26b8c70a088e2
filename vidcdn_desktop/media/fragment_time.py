"""How long a film in fragments is, from its segment index, without reading the fragments.

Source: ISO/IEC 14496-12, section 8.16.3 (segment index box).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.media.info import BoxHeader

_LARGEST = 256 << 10
"""Bytes of a segment index that is read; 12 a segment."""
_ENTRY = 12


def indexed_duration(source: ByteSource, boxes: Sequence[BoxHeader]) -> float | None:
    """Seconds in the only segment index of a file; None if there is none, or it does not name all that follows.

    Args:
        source: The file.
        boxes: Its top-level boxes, as far as they are known.

    Raises: what the source raises.
    """
    found = [box for box in boxes if box.type == "sidx"]
    if len(found) != 1 or found[0].size > _LARGEST:
        return None
    sidx = found[0]
    body = source.read_at(sidx.offset + sidx.header_size, sidx.size - sidx.header_size)
    try:
        timescale, first, entries = _read(body)
    except struct.error:
        return None
    if not timescale or any(size >> 31 for size, _ in entries):  # an index of indexes
        return None
    end = sidx.end + first + sum(size for size, _ in entries)
    tail = source.size - end
    if not entries or tail < 0 or tail > _LARGEST:  # behind the last segment stands a list of fragments at most
        return None
    return sum(duration for _, duration in entries) / timescale or None


def _read(body: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """Timescale, offset of the first segment from the index's end, and (length, duration) of each segment.

    Raises: struct.error: it is cut off.
    """
    (version,) = struct.unpack_from(">B", body)
    (timescale,) = struct.unpack_from(">I", body, 8)
    _, first = struct.unpack_from(">QQ" if version else ">II", body, 12)
    place = 28 if version else 20
    (count,) = struct.unpack_from(">H", body, place + 2)
    start = place + 4
    return timescale, first, [struct.unpack_from(">II", body, start + _ENTRY * number) for number in range(count)]
