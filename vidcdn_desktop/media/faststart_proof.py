"""The last check before a view is given away: each offset in its index names the same byte of the original as before.

Works by arithmetic over the finished view, reading its index anew, and shares no map with the code that made it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate

from vidcdn_desktop.bytesource import ByteSource, RangesSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media import tables
from vidcdn_desktop.media.boxes import scan_top_level
from vidcdn_desktop.media.faststart_gap import points_into
from vidcdn_desktop.media.faststart_index import LeaveAloneError, MovieIndex, OffsetTable, read_index
from vidcdn_desktop.media.faststart_items import item_runs
from vidcdn_desktop.media.faststart_segments import fragment_places
from vidcdn_desktop.media.info import BoxHeader
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

    def count_true(self, olds: array[int], news: array[int]) -> int:
        """How many of the new positions come from their old places in the original."""
        found = 0
        for start, piece in zip(self._starts, self._ranges, strict=False):
            if piece.source is self._original:
                end, back = start + piece.length, piece.offset - start
                found += sum(start <= now < end and now + back == was for was, now in zip(olds, news, strict=True))
        return found

    def is_run(self, old: tuple[int, int], new: tuple[int, int]) -> bool:
        """Whether (offset, length) in the view is that very run of the original."""
        (was, length), (now, same) = old, new
        first, start = self.find(now)
        last, end = self.find(now + max(0, length - 1))
        return length == same and first == last and start == was and end == was + max(0, length - 1)


def prove(decision: Decision, original: ByteSource, view: RangesSource) -> None:
    """Show that the view is the film.

    Raises: LeaveAloneError: it could not be shown.
    """
    if decision.swap is not None:
        _prove_swap(decision, original, view)
        return
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
    _prove_places(decision, new_index, original, places)


def _prove_places(decision: Decision, new_index: MovieIndex, original: ByteSource, places: _Map) -> None:
    """The same for what other boxes place in the file: items of meta boxes, entries of mfra boxes."""
    assert decision.index is not None
    pairs: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] = []
    try:
        for old, new in zip(decision.index.metas, new_index.metas, strict=True):
            pairs.append((item_runs(decision.index.data, old), item_runs(new_index.data, new)))
        for box, data in decision.changed:
            alone = BoxHeader(box.type, 0, box.size, box.header_size)
            read = item_runs if box.type == "meta" else fragment_places
            was = memoryview(original.read_at(box.offset, box.size))
            pairs.append((read(was, alone), read(memoryview(data), alone)))
    except (CorruptMedia, ValueError) as exc:
        raise LeaveAloneError(_FAILED) from exc
    for olds, news in pairs:
        if len(olds) != len(news) or not all(places.is_run(o, n) for o, n in zip(olds, news, strict=True)):
            raise LeaveAloneError(_FAILED)


def _prove_swap(decision: Decision, original: ByteSource, view: RangesSource) -> None:
    """Show that nothing moved but the index, that the index is the same, and that nothing points at what is new."""
    assert decision.swap is not None
    assert decision.index is not None
    moov = next((box for box in decision.swap.boxes if box.type == "moov"), None)
    if moov is None or scan_top_level(view).boxes != decision.swap.boxes:
        raise LeaveAloneError(_FAILED)
    data = view.read_at(moov.offset, moov.size)
    if data[4:] != decision.index.raw[4:]:
        raise LeaveAloneError(_FAILED)
    position = kept = 0
    for piece in view.ranges:
        if piece.source is original:
            if piece.offset != position:
                raise LeaveAloneError(_FAILED)
            kept += piece.length
        position += piece.length
    lost = decision.swap.moov.size + moov.size + (8 if decision.swap.gap.size > moov.size else 0)
    try:
        index = read_index(data, moov.header_size)
    except CorruptMedia as exc:
        raise LeaveAloneError(_FAILED) from exc
    places = (decision.swap.gap, decision.swap.moov)
    if kept != original.size - lost or any(points_into(t, index.data, places) for t in index.own_tables()):
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
        olds, news = tables.numbers(old_block, after.width), tables.numbers(new_block, after.width)
        if places.count_true(olds, news) == count:
            continue
        if not all(_same_byte(decision, was, now, places, view) for was, now in zip(olds, news, strict=True)):
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
