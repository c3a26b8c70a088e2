"""Items a meta box places in the file (still pictures, their metadata): following them when bytes move.

Source: ISO/IEC 14496-12, section 8.11.3 (item location).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vidcdn_desktop.media.boxes import child_boxes, corrupt
from vidcdn_desktop.media.faststart_index import LeaveAloneError
from vidcdn_desktop.media.info import BoxHeader

_UNCLEAR = "The file places pictures in a way that cannot be moved with certainty, so it is left as it is."
_WIDTHS = (0, 4, 8)

Mover = Callable[[int, int], int]
"""How far `length` bytes at an offset move; raises LeaveAloneError where they do not move as one."""


@dataclass(frozen=True)
class Edit:
    """Bytes to put in the place of others."""

    start: int
    """Where, counted in the buffer."""
    length: int
    """How many bytes give way."""
    data: bytes
    """What comes instead."""


@dataclass
class _Reader:
    data: memoryview
    at: int
    end: int

    def take(self, width: int) -> int:
        if self.at + width > self.end:
            raise corrupt("The list of pictures in the file is damaged.", code="short iloc")
        self.at += width
        return int.from_bytes(self.data[self.at - width : self.at], "big")


def item_edits(data: memoryview, meta: BoxHeader, move: Mover) -> list[Edit]:
    """The changes to a meta box in `data` that keep each of its items at the same bytes.

    Raises: CorruptMedia: the box is damaged. LeaveAloneError: an item would not fit, or is not addressed plainly.
    """
    start = meta.offset + meta.header_size
    if bytes(data[start + 4 : start + 8]) != b"hdlr":
        start += 4  # version and flags, absent in QuickTime
    found = [box for box in child_boxes(data, min(start, meta.end), meta.end) if box.type == "iloc"]
    if len(found) > 1:
        raise LeaveAloneError(_UNCLEAR)
    return _iloc_edits(data, found[0], move) if found else []


def _iloc_edits(data: memoryview, box: BoxHeader, move: Mover) -> list[Edit]:
    read = _Reader(data, box.offset + box.header_size, box.end)
    version = read.take(4) >> 24
    sizes = read.take(2)
    offset_width, length_width, base_width = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_width = sizes & 15 if version in (1, 2) else 0
    if version > 2 or any(width not in _WIDTHS for width in (offset_width, length_width, base_width, index_width)):
        raise LeaveAloneError(_UNCLEAR)
    id_width = 4 if version == 2 else 2
    edits: list[Edit] = []
    for _ in range(read.take(id_width)):
        read.take(id_width)
        method = read.take(2) & 15 if version in (1, 2) else 0
        reference = read.take(2)
        base_at, base = read.at, read.take(base_width)
        extents: list[tuple[int, int, int]] = []
        for _ in range(read.take(2)):
            read.take(index_width)
            at, offset = read.at, read.take(offset_width)
            extents.append((at, offset, read.take(length_width)))
        if method == 0:  # 1 and 2 count from other places than the start of the file
            if reference:
                raise LeaveAloneError(_UNCLEAR)
            edits += _item_edit((base_at, base, base_width), extents, offset_width, length_width, move)
    return edits


def _item_edit(
    base: tuple[int, int, int], extents: list[tuple[int, int, int]], offset_width: int, length_width: int, move: Mover
) -> list[Edit]:
    base_at, base_value, base_width = base
    if not extents:
        return []
    if not length_width or any(not length for _, _, length in extents):
        raise LeaveAloneError(_UNCLEAR)  # a length of 0 means the whole file
    deltas = [move(base_value + offset, length) for _, offset, length in extents]
    if not any(deltas):
        return []
    if base_width and (base_value or not offset_width):
        if len(set(deltas)) > 1:
            raise LeaveAloneError(_UNCLEAR)
        return [_number(base_at, base_width, base_value + deltas[0])]
    if not offset_width:
        raise LeaveAloneError(_UNCLEAR)
    return [_number(at, offset_width, offset + delta) for (at, offset, _), delta in zip(extents, deltas, strict=True)]


def _number(at: int, width: int, value: int) -> Edit:
    if not 0 <= value < 1 << (8 * width):
        raise LeaveAloneError(_UNCLEAR)
    return Edit(at, width, value.to_bytes(width, "big"))


def edited(data: memoryview, edits: list[Edit]) -> bytes:
    """`data` with all edits made; they must not overlap.

    Raises: LeaveAloneError: they do.
    """
    pieces: list[bytes | memoryview] = []
    position = 0
    for edit in sorted(edits, key=lambda e: e.start):
        if edit.start < position:
            raise LeaveAloneError("The index is built in a way that cannot be moved with certainty.")
        pieces += (data[position : edit.start], edit.data)
        position = edit.start + edit.length
    pieces.append(data[position:])
    return b"".join(pieces)
