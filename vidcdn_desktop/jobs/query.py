"""What is looked for in a bucket, as a value: words of the name, kind, size, age, storage class, and how a film starts.

    typed ── `query_text.read` ──> Query ──> `Matcher`            what a listing tells: no request
                                        └──> `jobs.find`          how a film starts: a few kilobytes of each

The Library's list, the search through the bucket and the subcommand `find` all ask the same value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from datetime import time as time_of_day
from enum import Enum

from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.storage.content_types import KINDS, kind_of
from vidcdn_desktop.storage.listing_model import ListedPage

VIDEO, IMAGE = "Video", "Thumbnail"
"""As `kind_of` says it."""
KINDS_SOUGHT = tuple(kind for kind in KINDS if kind != "Folder")
"""Kinds of objects. A folder is none, it is only what keys begin with."""

STANDARD = "STANDARD"
_ANY_SIZE = 2**63 - 1
_ANY_TIME = 2**62


class Start(Enum):
    """How soon a film starts."""

    SLOWLY = "slowly"
    """Its index stands at the end."""
    AT_ONCE = "at-once"
    """Its index comes first."""
    FRAGMENTED = "fragmented"
    OTHER = "other"
    """Another container, without such an index; or no film inside."""
    UNKNOWN = "unknown"
    """Not looked at, or it could not be told."""


_STARTS: Mapping[IndexPlace, Start] = {
    IndexPlace.END: Start.SLOWLY,
    IndexPlace.FRONT: Start.AT_ONCE,
    IndexPlace.FRAGMENTED: Start.FRAGMENTED,
    IndexPlace.NONE: Start.OTHER,
    IndexPlace.UNKNOWN: Start.UNKNOWN,
}


def start_of(facts: VideoFacts | None) -> Start:
    """How soon a film starts by what a look told; None: nothing is known."""
    if facts is None:
        return Start.UNKNOWN
    if not facts.is_film and facts.place is not IndexPlace.END:
        return Start.OTHER
    return _STARTS[facts.place]


@dataclass(frozen=True)
class Query:
    """What is looked for; each part narrows, an empty one asks nothing."""

    words: tuple[str, ...] = ()
    """All of them in the name, in any case and order."""
    kinds: frozenset[str] = frozenset()
    """One of them, as `kind_of` says it."""
    least: int | None = None
    """Bytes, this size included."""
    most: int | None = None
    """Bytes, this size included."""
    younger_s: int | None = None
    """Modified less than so many seconds ago."""
    older_s: int | None = None
    """Modified more than so many seconds ago."""
    since: date | None = None
    """Modified on this day or later, by the clock of this computer."""
    before: date | None = None
    """Modified before this day."""
    classes: frozenset[str] = frozenset()
    """One of these storage classes, as the store spells them."""
    starts: frozenset[Start] = frozenset()
    """One of these, and therefore a video."""

    @property
    def is_empty(self) -> bool:
        """Whether everything is asked for."""
        return self == _EVERYTHING

    @property
    def asks_of_objects(self) -> bool:
        """Whether it asks what only objects have, so that no folder can match."""
        return replace(self, words=()) != _EVERYTHING

    @property
    def asks_times(self) -> bool:
        """Whether it asks when something was modified."""
        return any(part is not None for part in (self.younger_s, self.older_s, self.since, self.before))

    @property
    def of_listing(self) -> Query:
        """What of it a listing can answer. Only a video starts slowly or at once."""
        return replace(self, starts=frozenset(), kinds=frozenset({VIDEO})) if self.starts else self

    def sizes(self) -> tuple[int, int]:
        """Smallest and largest size, both included."""
        return (self.least or 0), _ANY_SIZE if self.most is None else self.most

    def times(self, now: float) -> tuple[int, int]:
        """Earliest and latest time in seconds since 1970 UTC, both included."""
        earliest, latest = 1, _ANY_TIME  # a store that does not say when gives 0
        if self.younger_s is not None:
            earliest = max(earliest, math.floor(now - self.younger_s) + 1)
        if self.since is not None:
            earliest = max(earliest, _midnight(self.since))
        if self.older_s is not None:
            latest = min(latest, math.ceil(now - self.older_s) - 1)
        if self.before is not None:
            latest = min(latest, _midnight(self.before) - 1)
        return earliest, latest


_EVERYTHING = Query()


def _midnight(day: date) -> int:
    return math.floor(datetime.combine(day, time_of_day.min).astimezone().timestamp())


class Matcher:
    """Answers what a listing can tell, for objects one by one; how films start is for others to find out.

    Args:
        query: What is looked for.
        now: Seconds since 1970, for ages.
        prefix: What is listed; words are looked for in what comes after it.
    """

    def __init__(self, query: Query, now: float, prefix: str = "") -> None:
        asked = query.of_listing
        self._words = [word.casefold() for word in asked.words]
        self._kinds = asked.kinds
        self._classes = asked.classes
        self._sizes = asked.sizes()
        self._times = asked.times(now) if asked.asks_times else (0, _ANY_TIME)
        self._prefix = prefix

    def matches(self, key: str, size: int, modified: int, storage_class: str) -> bool:
        """Whether an object is looked for.

        Args:
            key: Its whole key.
            size: Bytes.
            modified: Seconds since 1970 UTC; 0: the store does not say.
            storage_class: Empty: the store does not say, which means Standard.
        """
        if not (self._sizes[0] <= size <= self._sizes[1] and self._times[0] <= modified <= self._times[1]):
            return False
        if self._classes and (storage_class or STANDARD) not in self._classes:
            return False
        if self._kinds and object_kind(key) not in self._kinds:
            return False
        name = key[len(self._prefix) :].casefold() if self._words else ""
        return all(word in name for word in self._words)

    def places(self, page: ListedPage) -> list[int]:
        """Where in a page the objects stand that are looked for."""
        columns = zip(page.keys, page.sizes, page.times, page.classes, strict=True)
        return [place for place, row in enumerate(columns) if self.matches(*row)]


def object_kind(key: str) -> str:
    """The kind of an object; the marker of a folder is an object of another kind."""
    return "Other" if key.endswith("/") else kind_of(key)
