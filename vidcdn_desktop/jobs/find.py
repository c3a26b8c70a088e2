"""Looks for objects in a bucket while it is listed; how films start is found out on the way, a few at a time.

    listing, on a thread of its own ── what matches ──> ahead ──> `jobs.scan` ── what starts as asked ──> found
                                                                   known facts first, then a few kilobytes of each

The listing runs ahead of the looks, so that it can be told how many there are to do; it waits where it is far ahead.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.query import Matcher, Query, Start, start_of
from vidcdn_desktop.jobs.repair_marks import base_of
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.storage.listing_model import ListedPage
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.textsafe import plural

_AHEAD = 50_000
"""Films that wait for a look at most: some 10 MB."""
_TELL_S = 0.25
"""Least pause between two times something is told of the same page."""


@dataclass(frozen=True)
class Progress:
    """How far a search is."""

    listed: int = 0
    """Objects of the listing so far."""
    found: int = 0
    videos: int = 0
    """Of them those that match everything a listing can tell; only where it is asked how films start."""
    looked: int = 0
    """Of those the ones of which it was found out, or could not be."""
    failed: int = 0
    """Of those the ones that could not be looked at; they count as unknown."""
    is_all_listed: bool = False

    def words(self) -> str:
        """For people: “12 found, 340 of 1,020 videos looked at”."""
        if not self.videos:
            so_far = "" if self.is_all_listed else " so far"
            return f"{self.found:,} found in {plural(self.listed, 'object')}{so_far}"
        parts = [f"{self.found:,} found", f"{self.looked:,} of {plural(self.videos, 'video')} looked at"]
        if self.failed:
            parts.append(f"{self.failed:,} of them could not be read")
        if not self.is_all_listed:
            parts.append(f"{plural(self.listed, 'object')} listed so far")
        return ", ".join(parts)


@dataclass(frozen=True)
class Found:
    """A part of what was found, by key within itself; no two parts overlap."""

    page: ListedPage
    """Only what was looked for; may be empty."""
    progress: Progress
    facts: tuple[VideoFacts | None, ...] = ()
    """Of each object, where it was asked how films start; None: it could not be looked at."""


def find(
    list_pages: Callable[[CancelToken], Iterable[ListedPage]],
    query: Query,
    *,
    token: CancelToken,
    bucket: str = "",
    prefix: str = "",
    scanner: Scanner | None = None,
    now: float | None = None,
) -> Iterator[Found]:
    """Yield what is looked for while it is found. Blocks; leaving the loop early ends the listing and the looks.

    Args:
        list_pages: Begins the listing, which ends with the token it is given; called once, on any thread.
        query: What is looked for.
        token: Cancels.
        bucket: Where the objects are.
        prefix: What is listed; words are looked for in what comes after it.
        scanner: Looks at films where it is asked how they start; without one of none is known.
        now: Seconds since 1970, for ages.

    Raises: Cancelled; what the listing and `Scanner.look` raise.
    """
    matcher = Matcher(query, time.time() if now is None else now, prefix)
    if query.starts and scanner is not None:
        yield from _with_looks(list_pages, matcher, query.starts, _Looks(scanner, bucket), token)
        return
    is_unknown_enough = not query.starts or Start.UNKNOWN in query.starts
    listed = found = 0
    for page in list_pages(token):
        places = matcher.places(page) if is_unknown_enough else []
        listed += len(page)
        found += len(places)
        yield Found(page.only(places), Progress(listed, found))
    yield Found(ListedPage.empty(), Progress(listed, found, is_all_listed=True))


@dataclass(frozen=True)
class _Looks:
    scanner: Scanner
    bucket: str


def _with_looks(
    list_pages: Callable[[CancelToken], Iterable[ListedPage]],
    matcher: Matcher,
    wanted: frozenset[Start],
    looks: _Looks,
    token: CancelToken,
) -> Iterator[Found]:
    own, untie = token.child()
    ahead = _Ahead(own)
    lister = threading.Thread(target=ahead.run, args=(list_pages, matcher), name="find")
    lister.start()
    counts = _Counts(ahead)
    try:
        while pages := ahead.take():
            yield from _looked_at(pages, wanted, looks, counts, own)
        yield Found(ListedPage.empty(), counts.progress())
    finally:
        own.cancel()
        lister.join()
        untie()


class _Ahead:
    """What the listing has found for the looks. One thread runs it, another takes."""

    def __init__(self, token: CancelToken) -> None:
        self._token = token
        self._changed = threading.Condition()
        self._pages: list[ListedPage] = []
        self._waiting = 0
        self._error: BaseException | None = None
        self.listed = 0
        self.videos = 0
        self.is_done = False
        self._untie = token.on_cancel(self._wake)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def run(self, list_pages: Callable[[CancelToken], Iterable[ListedPage]], matcher: Matcher) -> None:
        """List to the end; what goes wrong is raised by `take`."""
        error: BaseException | None = None
        try:
            for page in list_pages(self._token):
                self._add(page, [n for n in matcher.places(page) if base_of(page.keys[n]) is None])
        except BaseException as exc:  # noqa: BLE001 - told on the other thread, a cancel included
            error = exc
        with self._changed:
            self._error, self.is_done = error, True
            self._changed.notify_all()
        self._untie()

    def _add(self, page: ListedPage, places: list[int]) -> None:
        candidates = page.only(places) if places else None
        with self._changed:
            self.listed += len(page)
            self.videos += len(places)
            if candidates is not None:
                self._pages.append(candidates)
                self._waiting += len(places)
            self._changed.notify_all()
            while self._waiting > _AHEAD and not self._token.is_cancelled:
                self._changed.wait()
        self._token.raise_if_cancelled()

    def take(self) -> list[ListedPage]:
        """All that is there, as soon as there is something; empty at the end. Blocks.

        Raises: Cancelled; what the listing raised, once all it gave before was taken.
        """
        with self._changed:
            while not self._pages and not self.is_done and not self._token.is_cancelled:
                self._changed.wait()
            self._token.raise_if_cancelled()
            taken, self._pages, self._waiting = self._pages, [], 0
            self._changed.notify_all()
            if not taken and self._error is not None:
                raise self._error
            return taken


@dataclass
class _Counts:
    ahead: _Ahead
    found: int = 0
    looked: int = 0
    failed: int = 0

    def progress(self) -> Progress:
        ahead = self.ahead
        return Progress(ahead.listed, self.found, ahead.videos, self.looked, self.failed, ahead.is_done)


@dataclass
class _Part:
    """What was found of one page and not told yet."""

    places: array[int] = field(default_factory=lambda: array("I"))
    facts: list[VideoFacts | None] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def told(self, page: ListedPage, counts: _Counts) -> Found:
        return Found(page.only(self.places), counts.progress(), tuple(self.facts))


def _looked_at(
    pages: list[ListedPage], wanted: frozenset[Start], looks: _Looks, counts: _Counts, token: CancelToken
) -> Iterator[Found]:
    items: Iterator[ObjectSummary] = (item for page in pages for item in page.rows())
    answers = looks.scanner.look(looks.bucket, items, token=token)
    for page in pages:
        part = _Part()
        for place in range(len(page)):
            looked = next(answers)
            counts.looked += 1
            counts.failed += looked.error is not None
            if start_of(looked.facts) in wanted:
                counts.found += 1
                part.places.append(place)
                part.facts.append(looked.facts)
            if time.monotonic() - part.begun >= _TELL_S:
                yield part.told(page, counts)
                part = _Part()
        yield part.told(page, counts)
