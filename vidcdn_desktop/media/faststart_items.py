"""Items a meta box places in the file (still pictures, their metadata): following them when bytes move.

Source: ISO/IEC 14496-12, section 8.11.3 (item location).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vidcdn_desktop.media.boxes import child_boxes, corrupt
from vidcdn_desktop.media.faststart_index import DoesNotFitError, LeaveAloneError
from vidcdn_desktop.media.info import BoxHeader

_UNCLEAR = "The file places pictures in a way that cannot be moved with certainty, so it is left as it is."
_WIDTHS = (0, 4, 8)
_MAX_PLACES = 50_000
"""Items and their pieces in one box; photographs made of tiles have some hundreds."""

Mover = Callable[[int, int], int]
"""How far `length` bytes at an offset move; raises LeaveAloneError where they do not move as one."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class _Item:
    """One item that is placed in the file itself."""

    base_at: int
    base: int
    base_width: int
    extents: tuple[tuple[int, int, int], ...]
    """Where the offset stands in the buffer, the offset, the length in bytes."""
    offset_width: int


def item_edits(data: memoryview, meta: BoxHeader, move: Mover) -> list[Edit]:
    """The changes to a meta box in `data` that keep each of its items at the same bytes.

    Raises: CorruptMedia: the box is damaged. LeaveAloneError: an item is not addressed plainly.
        DoesNotFitError: a place would not fit into its field.
    """
    return [edit for item in _items(data, meta) for edit in _item_edits(item, move)]


def item_runs(data: memoryview, meta: BoxHeader) -> list[tuple[int, int]]:
    """(File offset, length) of each piece of an item a meta box places in the file, in order. Errors: `item_edits`."""
    return [(item.base + offset, length) for item in _items(data, meta) for _, offset, length in item.extents]


def _items(data: memoryview, meta: BoxHeader) -> Iterator[_Item]:
    start = meta.offset + meta.header_size
    if bytes(data[start + 4 : start + 8]) != b"hdlr":
        start += 4  # version and flags, absent in QuickTime
    found = [box for box in child_boxes(data, min(start, meta.end), meta.end) if box.type == "iloc"]
    if len(found) > 1:
        raise LeaveAloneError(_UNCLEAR)
    if found:
        yield from _items_of_iloc(data, found[0])


def _items_of_iloc(data: memoryview, box: BoxHeader) -> Iterator[_Item]:
    read = _Reader(data, box.offset + box.header_size, box.end)
    version = read.take(4) >> 24
    sizes = read.take(2)
    offset_width, length_width, base_width = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_width = sizes & 15 if version in (1, 2) else 0
    if version > 2 or any(width not in _WIDTHS for width in (offset_width, length_width, base_width, index_width)):
        raise LeaveAloneError(_UNCLEAR)
    id_width = 4 if version == 2 else 2
    places = 0
    for _ in range(read.take(id_width)):
        read.take(id_width)
        method = read.take(2) & 15 if version in (1, 2) else 0
        reference = read.take(2)
        base_at, base = read.at, read.take(base_width)
        count = read.take(2)
        places += 1 + count
        if places > _MAX_PLACES:
            raise LeaveAloneError(_UNCLEAR)
        extents: list[tuple[int, int, int]] = []
        for _ in range(count):
            read.take(index_width)
            at, offset = read.at, read.take(offset_width)
            extents.append((at, offset, read.take(length_width)))
        if method or not extents:  # 1 and 2 count from other places than the start of the file
            continue
        if reference or any(not length for _, _, length in extents):
            raise LeaveAloneError(_UNCLEAR)  # in another file; or a length of 0, which means the whole file
        yield _Item(base_at, base, base_width, tuple(extents), offset_width)


def _item_edits(item: _Item, move: Mover) -> list[Edit]:
    deltas = [move(item.base + offset, length) for _, offset, length in item.extents]
    if not any(deltas):
        return []
    if item.base_width and (item.base or not item.offset_width):
        if len(set(deltas)) > 1:
            raise DoesNotFitError(_UNCLEAR)
        return [number_edit(item.base_at, item.base_width, item.base + deltas[0])]
    if not item.offset_width:
        raise DoesNotFitError(_UNCLEAR)
    pairs = zip(item.extents, deltas, strict=True)
    return [number_edit(at, item.offset_width, offset + delta) for (at, offset, _), delta in pairs]


def number_edit(at: int, width: int, value: int) -> Edit:
    """Write a number of `width` bytes. Raises: DoesNotFitError: it needs more."""
    if not 0 <= value < 1 << (8 * width):
        raise DoesNotFitError(_UNCLEAR)
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
