"""Which rows of a block a query leaves, column by column: about a tenth of a microsecond a row. No Qt here.

The same answer as `jobs.query.Matcher` gives for objects one by one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from vidcdn_desktop.gui.models.rows import SHIFT, Block, class_name
from vidcdn_desktop.gui.models.verdicts import Verdicts
from vidcdn_desktop.jobs.query import STANDARD, Query
from vidcdn_desktop.storage.content_types import KINDS


class BlockMatcher:
    """One filter. For one thread; it may read the disk where it is asked how films start.

    Args:
        query: What is looked for.
        now: Seconds since 1970, for ages.
        no_posters: Leave out the pictures that stand beside a video.
        verdicts: What is known of films; needed where the query asks for it.
    """

    def __init__(self, query: Query, now: float, *, no_posters: bool = False, verdicts: Verdicts | None = None) -> None:
        asked = query.of_listing
        self._no_posters = no_posters
        self._words = [_Word(word) for word in asked.words if word]
        self._no_folders = asked.asks_of_objects
        self._kinds = frozenset(KINDS.index(kind) for kind in asked.kinds)
        self._classes = asked.classes
        self._sizes = asked.sizes() if (asked.least, asked.most) != (None, None) else None
        self._times = asked.times(now) if asked.asks_times else None
        self._starts = query.starts
        self._verdicts = verdicts
        self.films = 0
        """Films that matched everything else, where it was asked how they start."""
        self.not_looked_at = 0
        """Of them those that nobody has looked at."""

    def ids(self, block: Block, number: int) -> array[int]:
        """Ids of what matches, in order."""
        base = number << SHIFT
        places = self.places(block, number)
        if isinstance(places, range):
            return array("I", range(base, base + len(places)))
        return array("I", [base + place for place in places])

    def places(self, block: Block, number: int) -> Sequence[int]:
        """Where in the block it stands."""
        if block.is_folders:
            return [] if self._no_folders else self._named(block)
        places = self._narrowed(block, self._named(block))
        if places and self._no_posters:
            posters = block.posters()
            places = [place for place in places if place not in posters] if posters else places
        if places and self._starts and self._verdicts is not None:
            self.films += len(places)
            self.not_looked_at += len(self._verdicts.not_looked_at(block, number, places))
            places = self._verdicts.starting(block, number, places, self._starts)
        return places

    def matches(self, block: Block, place: int) -> bool:
        """Whether one row does, as far as a listing and one row can tell."""
        if block.is_folders:
            return not self._no_folders and all(word.is_in(block, place) for word in self._words)
        if self._kinds and block.kinds[place] not in self._kinds:
            return False
        if self._classes and (class_name(block.classes[place]) or STANDARD) not in self._classes:
            return False
        if self._sizes is not None and not self._sizes[0] <= block.sizes[place] <= self._sizes[1]:
            return False
        if self._times is not None and not self._times[0] <= block.times[place] <= self._times[1]:
            return False
        return all(word.is_in(block, place) for word in self._words)

    def _named(self, block: Block) -> Sequence[int]:
        """Whose name holds all words."""
        if not self._words:
            return range(len(block))
        first, *others = self._words
        found = first.places(block)
        return [place for place in found if all(word.is_in(block, place) for word in others)] if others else found

    def _narrowed(self, block: Block, places: Sequence[int]) -> Sequence[int]:
        """What is left by everything but the name."""
        if self._kinds and places:
            places = _chosen(block.kinds, self._kinds, places)
        if self._classes and places:
            good = frozenset(c for c in set(block.classes) if (class_name(c) or STANDARD) in self._classes)
            places = _chosen(block.classes, good, places)
        for column, limits in ((block.sizes, self._sizes), (block.times, self._times)):
            if limits is not None and places:
                low, high = limits
                places = [place for place in places if low <= column[place] <= high]
        return places


def _chosen(column: bytes, good: frozenset[int], places: Sequence[int]) -> Sequence[int]:
    there = set(column)
    if there <= good:
        return places
    if good.isdisjoint(there):
        return []
    return [place for place in places if column[place] in good]


class _Word:
    """Letters that a name holds, whatever their case."""

    def __init__(self, word: str) -> None:
        self._text = word.casefold()
        self._ascii = self._text.encode("ascii") if self._text.isascii() else None

    def is_in(self, block: Block, place: int) -> bool:
        """Whether one name holds it."""
        if self._ascii is not None:
            name = block.name_bytes(place)
            if name.isascii():
                return self._ascii in name.lower()
        return self._text in block.name(place).casefold()

    def places(self, block: Block) -> list[int]:
        """Where names hold it."""
        if self._ascii is None or not (block.names.isascii() or _folds_as_bytes(block.names)):
            return [place for place in range(len(block)) if self._text in block.name(place).casefold()]
        return self._by_bytes(block, self._ascii)

    @staticmethod
    def _by_bytes(block: Block, needle: bytes) -> list[int]:
        # UTF-8 has no ASCII letters inside other characters, so bytes may be compared.
        names, ends = block.names.lower(), block.ends
        found = []
        at = names.find(needle)
        while at >= 0:
            place = bisect_right(ends, at)
            end = ends[place]
            if at + len(needle) <= end:
                found.append(place)
                at = names.find(needle, end)
            else:  # it reaches into the next name
                at = names.find(needle, at + 1)
        return found


def _folds_as_bytes(names: bytes) -> bool:
    """Whether none of the letters beyond ASCII becomes one within it: case may be left aside byte by byte."""
    return not any(letter in names for letter in _folding_to_ascii())


@lru_cache(maxsize=1)
def _folding_to_ascii() -> tuple[bytes, ...]:
    """The letters beyond ASCII that hold one when case is left aside: ß is ss, the Kelvin sign is k."""
    folding = (chr(code) for code in range(128, 0x10000) if not 0xD800 <= code < 0xE000)
    return tuple(letter.encode() for letter in folding if any(part.isascii() for part in letter.casefold()))
