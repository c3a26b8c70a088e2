"""The last check before a view is given away: each offset in its index names the same byte of the original as before.

Works by arithmetic over the finished view, reading its index anew, and shares no map with the code that made it.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from vidcdn_desktop.bytesource import ByteSource, RangesSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media import tables
from vidcdn_desktop.media.boxes import scan_top_level
from vidcdn_desktop.media.faststart_index import LeaveAloneError, MovieIndex, OffsetTable, read_index
from vidcdn_desktop.media.layout import Decision

_FAILED = "The moved index could not be proved right, so the file is left as it is."


class _Map:
    """Where positions of a view come from."""

    def __init__(self, view: RangesSource, original: ByteSource) -> None:
        self._ranges = view.ranges
        self._starts = list(accumulate((piece.length for piece in view.ranges), initial=0))
        self._original = original

    def find(self, position: int) -> tuple[int, int | None]:
        """(Number of the range, offset in the original or None if it comes from memory) of a position in the view."""
        if position >= self._starts[-1]:  # the very end, where an empty chunk may lie
            return len(self._ranges), self._original.size + position - self._starts[-1]
        number = bisect_right(self._starts, position) - 1
        piece = self._ranges[number]
        if piece.source is not self._original:
            return number, None
        return number, piece.offset + position - self._starts[number]


def prove(decision: Decision, original: ByteSource, view: RangesSource) -> None:
    """Show that the view is the film.

    Raises: LeaveAloneError: it could not be shown.
    """
    assert decision.patched is not None
    assert decision.index is not None
    move = decision.patched.move
    if view.size != original.size - move.old_size + move.new_size:
        raise LeaveAloneError(_FAILED)
    new_top = scan_top_level(view)
    moov = next((box for box in new_top.boxes if box.type == "moov"), None)
    kept = [(box.type, box.size) for box in decision.report.boxes if box.type != "moov"]
    if moov is None or moov.offset != move.insert_at or moov.size != move.new_size:
        raise LeaveAloneError(_FAILED)
    if [(box.type, box.size) for box in new_top.boxes if box.type != "moov"] != kept:
        raise LeaveAloneError(_FAILED)
    try:
        new_index = read_index(decision.patched.data, moov.header_size, with_bounds=False)
    except CorruptMedia as exc:
        raise LeaveAloneError(_FAILED) from exc
    if _foreign(new_index) != _foreign(decision.index):
        raise LeaveAloneError(_FAILED)
    old_tables, new_tables = decision.index.own_tables(), new_index.own_tables()
    if len(old_tables) != len(new_tables):
        raise LeaveAloneError(_FAILED)
    places = _Map(view, original)
    for old, new in zip(old_tables, new_tables, strict=True):
        if not _same_table(decision, (old, decision.index.data), (new, new_index.data), places, view):
            raise LeaveAloneError(_FAILED)


def _foreign(index: MovieIndex) -> list[bytes]:
    """The tables that point into other files, which must not change."""
    return [
        bytes(index.data[table.box.offset : table.box.end])
        for track in index.tracks
        if track.external
        for table in (*track.chunk_tables, *track.aux_tables)
    ]


def _same_table(
    decision: Decision,
    old: tuple[OffsetTable, memoryview],
    new: tuple[OffsetTable, memoryview],
    places: _Map,
    view: RangesSource,
) -> bool:
    (before, old_data), (after, new_data) = old, new
    if before.count != after.count:
        return False
    for number, (first, count) in enumerate(tables.blocks(before.count)):
        old_block: memoryview | bytes = before.block(old_data, first, count)
        new_block = after.block(new_data, first, count)
        if after.width != before.width:
            old_block = tables.widened(old_block)
        old_low, old_high = before.bounds[number]
        delta = int.from_bytes(new_block[: after.width], "big") - int.from_bytes(old_block[: after.width], "big")
        (low_range, low), (high_range, high) = places.find(old_low + delta), places.find(old_high + delta)
        # If all entries moved as far, and the lowest and the highest came from one range of the original to their old
        # places there, then so did all between.
        if low_range == high_range and low == old_low and high == old_high:
            if not tables.differ_by(old_block, new_block, after.width, delta):
                return False
            continue
        pairs = zip(tables.numbers(old_block, after.width), tables.numbers(new_block, after.width), strict=True)
        if not all(_same_byte(decision, was, now, places, view) for was, now in pairs):
            return False
    return True


def _same_byte(decision: Decision, was: int, now: int, places: _Map, view: RangesSource) -> bool:
    assert decision.patched is not None
    assert decision.index is not None
    _, found = places.find(now)
    if found is not None:
        return found == was
    # Inside the index: the byte there, and what follows it up to the next possible change, must be the same.
    inside = was - decision.patched.move.moov_at
    return 0 <= inside < len(decision.index.data) and view.read_at(now, 1) == decision.index.data[inside : inside + 1]
