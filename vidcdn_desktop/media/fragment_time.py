"""How long a film in fragments is, from the lists of its fragments, without reading them all.

Source: ISO/IEC 14496-12, sections 8.16.3 (segment index box), 8.8.9 to 8.8.11 (movie fragment random access).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.boxes import child_boxes
from vidcdn_desktop.media.faststart_index import LeaveAloneError
from vidcdn_desktop.media.faststart_segments import fragment_places
from vidcdn_desktop.media.fragments import fragment_runs
from vidcdn_desktop.media.info import BoxHeader

_LARGEST = 256 << 10
"""Bytes of a segment index that is read; 12 a segment."""
_ENTRY = 12
_LAST_BYTES = 4096
"""Of a file, where its list of fragments ends; a short one is in them."""
_MFRO = 16
_LARGEST_FRAGMENT_INDEX = 64 << 10


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


def last_fragment(source: ByteSource) -> BoxHeader | None:
    """The last `moof` that the list at the end of the file names; None without a list, or if it does not hold.

    Raises: what the source raises.
    """
    end = source.read_at(source.size - _LAST_BYTES, _LAST_BYTES) if source.size > _LAST_BYTES else b""
    length = int.from_bytes(end[-4:], "big")
    if end[-_MFRO:-8] != _MFRO.to_bytes(4, "big") + b"mfro" or not _MFRO < length <= min(_LARGEST, source.size):
        return None
    data = source.read_at(source.size - length, length)
    try:
        mfra = next(child_boxes(data, 0, len(data)), None)
        places = fragment_places(memoryview(data), mfra) if mfra and mfra.type == "mfra" else []
    except (CorruptMedia, LeaveAloneError):
        return None
    offset = max((place for place, _ in places), default=source.size)
    header = source.read_at(offset, 8)
    size = int.from_bytes(header[:4], "big")
    if header[4:] != b"moof" or not 8 < size <= _LARGEST_FRAGMENT_INDEX:
        return None
    return BoxHeader("moof", offset, size, 8)


def tells_its_time(source: ByteSource, moof: BoxHeader) -> bool:
    """Whether every run of a fragment says when it starts, so that it need not follow all before it.

    Raises: what the source raises.
    """
    try:
        runs = list(fragment_runs(source.read_at(moof.offset, moof.size), {}))
    except (CorruptMedia, struct.error, IndexError):
        return False
    return bool(runs) and all(run.start is not None for run in runs)


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
