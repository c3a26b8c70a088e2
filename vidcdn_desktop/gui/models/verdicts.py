"""How the films of a listing start, as far as it is known: one byte a row, for filters. No Qt here.

What was looked at in an earlier run is asked of the cache on disk, once for each row and never on the GUI thread; what
is looked at now is told by `learn`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from vidcdn_desktop.gui.models.rows import MASK, SHIFT, Block
from vidcdn_desktop.jobs.query import Start, start_of
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.storage.port import ObjectSummary

Recall = Callable[[Sequence[ObjectSummary]], Mapping[str, VideoFacts]]
"""What is known of objects from before, by key; reads the disk."""

_NOT_ASKED, _NOT_LOOKED_AT = 0, 1
_FIRST = 2
_CODES = {start: code for code, start in enumerate(Start, _FIRST)}


class Verdicts:
    """Of one listing. Any thread."""

    def __init__(self, prefix: str, recall: Recall | None) -> None:
        self._prefix = prefix
        self._recall = recall
        self._lock = threading.Lock()
        self._codes: dict[int, bytearray] = {}
        """By number of block."""

    def learn(self, row_id: int, length: int, facts: VideoFacts | None) -> None:
        """A row was looked at; None: it could not be told.

        Args:
            row_id: See `RowStore`.
            length: Rows of its block.
            facts: What was seen.
        """
        with self._lock:
            self._of(row_id >> SHIFT, length)[row_id & MASK] = _CODES[start_of(facts)]

    def _of(self, number: int, length: int) -> bytearray:
        return self._codes.setdefault(number, bytearray(length))

    def not_looked_at(self, block: Block, number: int, places: Sequence[int]) -> list[int]:
        """Those of some films of a block that nobody has looked at. Reads the disk."""
        codes = self._asked(block, number, places)
        return [place for place in places if codes[place] == _NOT_LOOKED_AT]

    def starting(self, block: Block, number: int, places: Sequence[int], wanted: frozenset[Start]) -> list[int]:
        """Those of some films of a block that start as wanted. Reads the disk."""
        codes = self._asked(block, number, places)
        good = {_CODES[start] for start in wanted}
        if Start.UNKNOWN in wanted:
            good.add(_NOT_LOOKED_AT)
        return [place for place in places if codes[place] in good]

    def _asked(self, block: Block, number: int, places: Sequence[int]) -> bytearray:
        with self._lock:
            codes = self._of(number, len(block))
            new = [place for place in places if codes[place] == _NOT_ASKED]
        if not new:
            return codes
        items = [self._summary(block, place) for place in new]
        known = self._recall(items) if self._recall is not None else {}
        with self._lock:
            for place, item in zip(new, items, strict=True):
                if codes[place] == _NOT_ASKED:  # else it was looked at meanwhile
                    facts = known.get(item.key)
                    codes[place] = _NOT_LOOKED_AT if facts is None else _CODES[start_of(facts)]
        return codes

    def _summary(self, block: Block, place: int) -> ObjectSummary:
        modified = datetime.fromtimestamp(block.times[place], UTC)
        return ObjectSummary(self._prefix + block.name(place), block.sizes[place], block.etags[place], modified, "")
