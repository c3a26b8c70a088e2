"""Which rows are shown, in which order: filter and sort of a million rows beside a window that stays quick. No Qt here.

Python's sort keeps every other thread waiting until it is done, half a second for a million rows. So rows are first
dealt into buckets between sampled values, a few thousand to each, and the buckets are sorted one by one: no step takes
more than some milliseconds, and the window's thread gets its turn in between.

    order of keys ──> filter ─────────────────────────────────────> pieces, the first as soon as there is a screenful
    order of keys ──> deal into buckets, sort each ──> filter ────> one piece

Source: Frazer and McKellar, "Samplesort" (1970).
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import compress, repeat

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.courtesy import give_way
from vidcdn_desktop.gui.models.matching import BlockMatcher
from vidcdn_desktop.gui.models.rows import MASK, SHIFT, Block, class_name
from vidcdn_desktop.gui.models.verdicts import Verdicts
from vidcdn_desktop.jobs.query import Query
from vidcdn_desktop.storage.content_types import KINDS


class Column(IntEnum):
    """The columns of the list."""

    NAME = 0
    KIND = 1
    SIZE = 2
    MODIFIED = 3
    CLASS = 4
    STREAMING = 5
    CACHE = 6


_SCREENFUL = 60
_TRIED_AT_ONCE = 10_000
_EVERY_S = 0.1
_BUCKET = 4_000
_SLICE = 16_384
_MOST_RANGES = 2_000
"""A selection in more pieces than this is not carried over: Qt takes seconds for it."""


@dataclass(frozen=True)
class Wish:
    """What is to be shown of which rows."""

    blocks: Sequence[Block]
    """All of the store at this moment."""
    order: Sequence[int]
    """Their numbers by key."""
    query: Query = field(default_factory=Query)
    no_posters: bool = False
    """Without the pictures that stand beside a video."""
    column: Column = Column.NAME
    descending: bool = False
    values: dict[int, int] = field(default_factory=dict)
    """For columns that are not in the listing: rank by row id; the others come last."""
    presorted: array[int] | None = None
    """All rows in the order wished for, where that is known already; not where the order is the store's own."""
    old: array[int] | None = None
    """What is shown now, where a selection is to be carried over."""
    selected: Sequence[tuple[int, int]] = ()
    """First and last place of each selected range in `old`."""
    verdicts: Verdicts | None = None
    """What is known of how films start; needed where the query asks for it."""
    now: float = field(default_factory=time.time)
    """Seconds since 1970, for ages."""

    def matcher(self, *, no_posters: bool | None = None) -> BlockMatcher:
        """A new one; each is for one thread."""
        hidden = self.no_posters if no_posters is None else no_posters
        return BlockMatcher(self.query, self.now, no_posters=hidden, verdicts=self.verdicts)

    @property
    def by_key(self) -> bool:
        """Whether the order is the store's own."""
        return self.column is Column.NAME and not self.descending


@dataclass(frozen=True)
class Piece:
    """A part of what is to be shown, in order."""

    ids: array[int]
    counts: dict[int, int]
    """Rows shown by number of block; only where the order is the store's own."""
    first: bool
    last: bool
    selected: Sequence[tuple[int, int]] = ()
    """The selection that was carried over; on the last piece."""
    lost: bool = False
    """There was a selection, and it could not be carried over."""
    whole: array[int] | None = None
    """All rows in this order, filtered or not; None where the order is the store's own."""
    films: int = 0
    """Where it was asked how films start: those that match everything else; on the last piece."""
    not_looked_at: int = 0
    """Of them those that nobody has looked at; on the last piece."""


def arrange(wish: Wish, token: CancelToken) -> Iterator[Piece]:
    """The rows a wish is about, piece by piece. Any thread.

    Raises: Cancelled.
    """
    if wish.by_key:
        yield from _by_key(wish, token)
        return
    whole = wish.presorted if wish.presorted is not None else _whole(wish, token)
    matcher = wish.matcher()
    if wish.query.is_empty and not wish.no_posters:
        yield _last(wish, whole, whole, 0, token, matcher)
        return
    ids = _first_kept(whole, wish)
    sent = len(ids)
    if sent:
        yield Piece(ids, {}, True, False)
    ids = array("I")
    for some in _kept(whole, wish, matcher, token):
        ids += some
        if not sent and len(ids) >= _SCREENFUL:
            sent = len(ids)
            yield Piece(ids[:], {}, True, False)
    yield _last(wish, ids, whole, sent, token, matcher)


def _last(
    wish: Wish, ids: array[int], whole: array[int], sent: int, token: CancelToken, matcher: BlockMatcher
) -> Piece:
    """What is left to tell of `ids`, and where the selection stands in them."""
    selected, lost = carried(wish.old, wish.selected, ids, token)
    rest = ids[sent:] if sent else ids
    return Piece(rest, {}, not sent, True, selected, lost, whole, matcher.films, matcher.not_looked_at)


def _turn(token: CancelToken) -> None:
    """Between two steps of a millisecond or so."""
    token.raise_if_cancelled()
    give_way()


def _whole(wish: Wish, token: CancelToken) -> array[int]:
    """All rows, sorted; folders in front."""
    ids = array("I")
    for part in (True, False):
        numbers = [n for n in wish.order if wish.blocks[n].is_folders is part]
        column = Column.NAME if part and wish.column is not Column.NAME else wish.column
        descending = wish.descending and column is wish.column
        for piece in _sorted(wish, numbers, column, token):
            ids += piece
        if descending:
            begin = sum(len(wish.blocks[n]) for n in wish.order if wish.blocks[n].is_folders) if not part else 0
            tail = ids[begin:]
            tail.reverse()
            ids[begin:] = tail
    return ids


def _by_key(wish: Wish, token: CancelToken) -> Iterator[Piece]:
    matcher = wish.matcher()
    whole = array("I")
    ids, counts = array("I"), {}
    first, begun = True, time.monotonic()
    for number in wish.order:
        _turn(token)
        found = matcher.ids(wish.blocks[number], number)
        counts[number] = len(found)
        ids += found
        if (first and len(ids) >= _SCREENFUL) or (ids and time.monotonic() - begun > _EVERY_S):
            yield Piece(ids, counts, first, False)
            if wish.old is not None:
                whole += ids
            ids, counts = array("I"), {}
            first, begun = False, time.monotonic()
    if wish.old is not None:
        whole += ids
    selected, lost = carried(wish.old, wish.selected, whole, token)
    yield Piece(ids, counts, first, True, selected, lost, None, matcher.films, matcher.not_looked_at)


def _first_kept(ids: array[int], wish: Wish) -> array[int]:
    """A screenful of what matches, or as much of it as is soon found: all of it takes long."""
    matcher = wish.matcher(no_posters=False)
    found = array("I")
    if wish.no_posters or wish.query.starts:
        return found  # which pictures are posters, and which films start as asked, is known by block only
    for row_id in ids[:_TRIED_AT_ONCE]:
        if matcher.matches(wish.blocks[row_id >> SHIFT], row_id & MASK):
            found.append(row_id)
            if len(found) == _SCREENFUL:
                break
    return found


def _kept(ids: array[int], wish: Wish, matcher: BlockMatcher, token: CancelToken) -> Iterator[array[int]]:
    """Only those that match, in the same order, slice by slice."""
    flags = bytearray(len(wish.blocks) << SHIFT)
    for number, block in enumerate(wish.blocks):
        _turn(token)
        for row_id in matcher.ids(block, number):
            flags[row_id] = 1
    for begin in range(0, len(ids), _SLICE):
        _turn(token)
        some = ids[begin : begin + _SLICE]
        yield array("I", compress(some, map(flags.__getitem__, some)))


def _sorted(wish: Wish, numbers: Sequence[int], column: Column, token: CancelToken) -> Iterator[array[int]]:
    """Ascending; rows with the same value in the order of their keys."""
    blocks = wish.blocks
    if column is Column.NAME:
        for number in numbers:
            yield array("I", range(number << SHIFT, (number << SHIFT) + len(blocks[number])))
        return
    if column in (Column.SIZE, Column.MODIFIED):
        yield from _sample_sorted(blocks, numbers, column, token)
        return
    groups: dict[object, list[int]] = {}
    ranks = _rank_of(column, wish.values)
    for number in numbers:
        _turn(token)
        base = number << SHIFT
        for row_id, rank in enumerate(ranks(blocks[number], base), base):
            groups.setdefault(rank, []).append(row_id)
    for rank in sorted(groups):  # type: ignore[type-var]
        yield array("I", groups[rank])


def _rank_of(column: Column, values: dict[int, int]) -> Callable[[Block, int], Iterable[object]]:
    if column is Column.KIND:
        return lambda block, _base: map(KINDS.__getitem__, block.kinds)
    if column is Column.CLASS:
        return lambda block, _base: map(class_name, block.classes)
    last = 1 << 30
    return lambda block, base: map(values.get, range(base, base + len(block)), repeat(last))


def _sample_sorted(
    blocks: Sequence[Block], numbers: Sequence[int], column: Column, token: CancelToken
) -> Iterator[array[int]]:
    def values_of(number: int) -> array[int]:
        return blocks[number].sizes if column is Column.SIZE else blocks[number].times

    total = sum(len(blocks[number]) for number in numbers)
    step = max(1, total // _BUCKET and _BUCKET // 16)
    sample = sorted(value for number in numbers for value in values_of(number)[::step])
    splitters = sorted(set(sample[8::16]))
    # Two plain arrays a bucket: a million tuples would be a feast for the garbage collector.
    values = [array("q") for _ in range(2 * len(splitters) + 1)]
    ids = [array("I") for _ in values]
    for number in numbers:
        _turn(token)
        for row_id, value in enumerate(values_of(number), number << SHIFT):
            place = bisect_left(splitters, value)
            # Between two splitters, or just one of them: those are all equal and need no sorting.
            place += bisect_right(splitters, value, place)
            values[place].append(value)
            ids[place].append(row_id)
    for place in range(len(ids)):
        _turn(token)
        bucket, own = ids[place], values[place]
        if not place % 2:
            bucket = array("I", [bucket[n] for n in sorted(range(len(bucket)), key=own.__getitem__)])
        yield bucket
        ids[place], values[place] = array("I"), array("q")


def carried(
    old: array[int] | None, ranges: Sequence[tuple[int, int]], new: array[int], token: CancelToken
) -> tuple[list[tuple[int, int]], bool]:
    """Where selected rows stand in a new order; True if they are in too many places to say."""
    if old is None or not ranges:
        return [], False
    flags = bytearray((max(max(old, default=0), max(new, default=0)) >> SHIFT) + 1 << SHIFT)
    for first, last in ranges:
        _turn(token)
        for row_id in old[first : last + 1]:
            flags[row_id] = 1
    found: list[tuple[int, int]] = []
    begin = -1
    for place, row_id in enumerate(new):
        if flags[row_id]:
            if begin < 0:
                begin = place
        elif begin >= 0:
            found.append((begin, place - 1))
            begin = -1
            if len(found) > _MOST_RANGES:
                return [], True
    if begin >= 0:
        found.append((begin, len(new) - 1))
    return found, False
