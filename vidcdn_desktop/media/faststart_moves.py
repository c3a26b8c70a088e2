"""Where each byte of the file goes when the index moves to the front, and the index patched accordingly.

The new file is the old one with the moov box taken out at one place and put in at another:

    old:  head | media … | moov | rest          new:  head | moov' | media … | rest

so there are four pieces, each moving as one. moov' may be larger than moov, because 32-bit offsets that pass 4 GiB
need 64 bits; that moves everything behind it again, so widening is repeated until nothing changes any more.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass

from vidcdn_desktop.media import tables
from vidcdn_desktop.media.faststart_index import DoesNotFitError, LeaveAloneError, MovieIndex, OffsetTable
from vidcdn_desktop.media.faststart_items import Edit, edited, item_edits
from vidcdn_desktop.media.faststart_reach import aux_bytes, check_chunks
from vidcdn_desktop.media.info import BoxHeader

_LIMIT_32 = 1 << 32
_MAX_ONE_BY_ONE = 1 << 20
"""Offsets of auxiliary information examined one by one; only those at a seam or inside the index are."""

_OUTSIDE = "The index points outside the file, so it is left as it is."
_TANGLED = "The index points into itself, so it is left as it is."


@dataclass(frozen=True)
class Move:
    """The moov box of `old_size` bytes at `moov_at` becomes one of `new_size` bytes at `insert_at`."""

    insert_at: int
    moov_at: int
    old_size: int
    new_size: int
    file_size: int

    def piece(self, offset: int) -> int:
        """Which piece of the old file an offset lies in: 0 head, 1 media before moov, 2 moov, 3 the rest."""
        if offset > self.file_size:
            raise LeaveAloneError(_OUTSIDE)
        if offset < self.insert_at:
            return 0
        if offset < self.moov_at:
            return 1
        return 2 if offset < self.moov_at + self.old_size else 3

    def delta(self, piece: int) -> int:
        """How far a piece moves; moov itself only where it has not changed its shape."""
        return (0, self.new_size, self.insert_at - self.moov_at, self.new_size - self.old_size)[piece]

    def of_run(self, offset: int, length: int) -> int:
        """How far `length` bytes move. Raises: LeaveAloneError: not as one, or they are not there."""
        piece = self.piece(offset)
        if piece == 2 or self.piece(offset + length - 1 if length else offset) != piece:
            raise LeaveAloneError(_TANGLED)
        return self.delta(piece)


@dataclass(frozen=True)
class PatchedIndex:
    """The new moov box."""

    data: bytes
    """The whole box."""
    move: Move
    """Where everything went."""
    widened: frozenset[int]
    """Numbers of the tables (in `MovieIndex.own_tables`) that became 64-bit."""


def patch_index(index: MovieIndex, move: Move, *, in_place: bool) -> PatchedIndex:
    """Patch all places in the file that the index names.

    `move.new_size` is taken as the size without widening. `in_place` is False if `index` is not the very bytes that
    stand at `move.moov_at` (it was compressed there), so that offsets into it mean nothing.

    Raises: LeaveAloneError: it cannot be done with certainty. CorruptMedia: a table is damaged.
    """
    _check(index, move)
    own = index.own_tables()
    widened = _widen_where_needed(own, move)
    growth = sum(4 * own[number].count for number in widened)
    move = Move(move.insert_at, move.moov_at, move.old_size, move.new_size + growth, move.file_size)
    inner = _InnerMap(own, widened, move) if in_place else None
    _check_aux(index, move, inner)
    edits: list[Edit] = []
    grown: dict[int, tuple[BoxHeader, int]] = {0: (BoxHeader("moov", 0, len(index.data), 8), 0)}
    for number, table in enumerate(own):
        wide = number in widened
        edits += _entries_edits(index.data, table, move, inner, wide=wide)
        if wide:
            edits += _widen_edits(index.data, table)
            for box in table.containers:
                grown[box.offset] = (box, grown.get(box.offset, (box, 0))[1] + 4 * table.count)
    del grown[0]
    edits += [e for box, more in grown.values() for e in _size_edit(index.data, box, box.size + more) if box.offset]
    edits += _moov_size_edit(index.data, len(index.data) + growth)
    for meta in index.metas:
        edits += item_edits(index.data, meta, move.of_run)
    return PatchedIndex(edited(index.data, edits), move, widened)


def _check(index: MovieIndex, move: Move) -> None:
    """Refuse what cannot be moved with certainty before any work is done."""
    for track in index.tracks:
        if not any(table.count for table in track.chunk_tables):
            if any(table.count for table in track.aux_tables):
                raise LeaveAloneError(_TANGLED)
            continue
        if track.mixed:
            raise DoesNotFitError("Only a part of the media lies in this file, so it is left as it is.")
        if track.external:
            if track.handler in ("vide", "soun"):
                raise LeaveAloneError("The picture or the sound lies in another file, so this one is left as it is.")
            continue
        if any(table.highest > move.file_size for table in track.chunk_tables):
            raise LeaveAloneError(_OUTSIDE)
        check_chunks(index.data, track, (move.insert_at, move.moov_at, move.file_size))


def _widen_where_needed(own: list[OffsetTable], move: Move) -> frozenset[int]:
    """The 32-bit tables that need 64 bits, each widening moving the media a little further."""
    widened: set[int] = set()
    size = move.new_size
    while True:
        now = Move(move.insert_at, move.moov_at, move.old_size, size, move.file_size)
        more = {
            number
            for number, table in enumerate(own)
            if table.width == 4 and number not in widened and table.count and _target(now, table.highest) >= _LIMIT_32
        }
        if not more:
            return frozenset(widened)
        widened |= more
        size += sum(4 * own[number].count for number in more)


def _target(move: Move, offset: int) -> int:
    return offset + max(0, move.delta(move.piece(offset)))


class _InnerMap:
    """Where bytes of moov itself go: with it, and further by what grows before them."""

    def __init__(self, own: list[OffsetTable], widened: frozenset[int], move: Move) -> None:
        self._base = move.moov_at
        self._shift = move.insert_at - move.moov_at
        ordered = sorted(enumerate(own), key=lambda pair: pair[1].box.offset)
        self._boxes = [t.box.offset for _, t in ordered]
        self._starts = [t.entries_at for _, t in ordered]
        self._ends = [t.entries_at + t.count * t.width for _, t in ordered]
        self._growth = [0]
        for number, t in ordered:
            self._growth.append(self._growth[-1] + (4 * t.count if number in widened else 0))

    def of_offset(self, offset: int) -> int:
        """The new place of the byte at a file offset inside moov."""
        inside = offset - self._base
        before = bisect_right(self._starts, inside)
        if before and inside < self._ends[before - 1]:
            raise LeaveAloneError(_TANGLED)
        return offset + self._shift + self._growth[before]

    def is_clear(self, offset: int, length: int) -> bool:
        """Whether no table that is patched lies in the `length` bytes at a file offset inside moov."""
        inside = offset - self._base
        before = bisect_right(self._boxes, inside)
        free = not before or inside >= self._ends[before - 1]
        return free and before == bisect_right(self._boxes, inside + max(0, length - 1))


def _check_aux(index: MovieIndex, move: Move, inner: _InnerMap | None) -> None:
    """Refuse auxiliary information that would be torn."""
    examined = 0
    for track in index.tracks:
        senc = [move.moov_at + box.offset + box.header_size + 8 for box in track.boxes.get("senc", [])]
        for table in () if track.external else track.aux_tables:
            if not table.count:
                continue
            length = aux_bytes(index.data, track, table)
            for (first, count), (low, high) in zip(tables.blocks(table.count), table.bounds, strict=True):
                piece = move.piece(low)
                if piece != 2 and piece == move.piece(high + max(0, length - 1)):
                    continue
                examined += count
                if examined > _MAX_ONE_BY_ONE:
                    raise LeaveAloneError(_TANGLED)
                for offset in tables.numbers(table.block(index.data, first, count), table.width):
                    if move.piece(offset) != 2:
                        move.of_run(offset, length)
                    elif inner is None or (
                        # Some writers name a wrong place; readers then use senc, and nothing is there to preserve.
                        (offset in senc or not senc) and not inner.is_clear(offset, length)
                    ):
                        raise LeaveAloneError(_TANGLED)


def _entries_edits(
    data: memoryview, table: OffsetTable, move: Move, inner: _InnerMap | None, *, wide: bool
) -> list[Edit]:
    width = 8 if wide else table.width
    edits: list[Edit] = []
    for (first, count), (low, high) in zip(tables.blocks(table.count), table.bounds, strict=True):
        old: memoryview | bytes = table.block(data, first, count)
        if wide:
            old = tables.widened(old)
        piece = move.piece(low)
        if piece == move.piece(high) and piece != 2:
            new = tables.shifted(old, width, move.delta(piece))
        else:
            new = tables.packed(_moved(tables.numbers(old, width), table, move, inner))
        edits.append(Edit(table.entries_at + first * table.width, count * table.width, new))
    return edits


def _moved(values: array[int], table: OffsetTable, move: Move, inner: _InnerMap | None) -> array[int]:
    """The new places of offsets that do not all lie in one piece."""
    start, moov, rest = move.insert_at, move.moov_at, move.moov_at + move.old_size
    media, behind = move.delta(1), move.delta(3)
    if not any(moov <= offset < rest for offset in values):
        return array(
            values.typecode,
            [o if o < start else o + media if o < moov else o + behind for o in values],
        )
    if table.kind != "saio" or inner is None or len(values) > _MAX_ONE_BY_ONE:
        raise LeaveAloneError(_TANGLED)
    return array(
        values.typecode,
        [inner.of_offset(o) if moov <= o < rest else o + move.delta(move.piece(o)) for o in values],
    )


def _widen_edits(data: memoryview, table: OffsetTable) -> list[Edit]:
    """The header of a table box that becomes 64-bit: stco turns into co64, saio into its version 1."""
    box = table.box
    edits = _size_edit(data, box, box.size + 4 * table.count)
    if table.kind == "stco":
        edits.append(Edit(box.offset + 4, 4, b"co64"))
    else:
        edits.append(Edit(box.offset + box.header_size, 1, b"\x01"))
    return edits


def _size_edit(data: memoryview, box: BoxHeader, size: int) -> list[Edit]:
    if box.header_size == 16:
        return [Edit(box.offset + 8, 8, size.to_bytes(8, "big"))]
    if not any(data[box.offset : box.offset + 4]):
        return []  # it runs to the end of its parent, whatever that is
    return [Edit(box.offset, 4, size.to_bytes(4, "big"))]


def _moov_size_edit(data: memoryview, size: int) -> list[Edit]:
    """The size of moov is always stated: it may have run to the end of the file, where it is no longer."""
    if int.from_bytes(data[:4], "big") == 1:
        return [Edit(8, 8, size.to_bytes(8, "big"))]
    return [Edit(0, 4, size.to_bytes(4, "big"))]
