"""List by many threads: ranges of keys that are cut in two while they are read, each key told exactly once.

    first page ──> read on upwards ───────────────────────> one thread, if the store answers at once
                   │ slow answers: more threads than pages in work
                   └── cut a range (see `listing_split`): the lower part is read on, another thread takes the upper

A range ends where the next one begins, at every moment: what an answer holds above the end of its range is left out,
and the thread that has the next range tells it. So a wrong guess costs a request, never a key.

How many threads: as many as wait while one page is parsed; parsing holds the interpreter, so one parses at a time and
a window beside it stays quick. A store that asks for a pause halves them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import lt
from typing import Protocol

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.listing_model import ListedPage
from vidcdn_desktop.storage.listing_split import Alphabets, KeyRange, cut, left_in, share_above
from vidcdn_desktop.storage.listing_xml import unreadable
from vidcdn_desktop.storage.weather import Weather

_WAITING_PAGES = 64
"""Pages that may wait for the one who wants them: some megabytes."""
_WORTH_WAITING = 3.0
"""An answer takes so many times the parsing of a page: less, and more threads only get into each other's way."""
_AT_FIRST = 4
"""Threads beside two for each answer so far: a listing of two pages is not worth sixteen guesses."""
_WORTH_CUTTING = 1200
"""Objects left in a range: one page is on its way anyway."""
_SURELY_SLOW_S = 0.025
"""A first answer is counted with all the SDK does before it; from here on it is the store that is slow."""
_SAMPLE = 40
"""Every so many keys of a page one is looked at."""
_LITTLE = 50
"""Objects in the first answer of a cut range: fewer, and the guess was poor."""
_DEEPEST = 6
"""Levels of folders with a single folder in them."""
_LOOK_S = 0.2
"""How often a waiting reader lets the system in, where a lock cannot be interrupted."""


class _Pages(Protocol):
    """What a `Lister` does."""

    def ask(self, bucket: str, prefix: str, delimiter: str = "", token: str = "", start_after: str = "") -> bytes: ...

    def read(self, body: bytes, token: str = "") -> ListedPage: ...


class ParallelListing:
    """One listing. `pages` may be called once, by one thread; it ends all others before it returns."""

    def __init__(
        self,
        lister: _Pages,
        bucket: str,
        prefix: str,
        delimiter: str,
        start_after: str,
        token: CancelToken,
        weather: Weather,
        most: int,
    ) -> None:
        self._lister, self._bucket, self._prefix, self._delimiter = lister, bucket, prefix, delimiter
        self._start_after, self._token, self._weather, self._most = start_after, token, weather, most
        self._changed = threading.Condition()
        self._parsing = threading.Lock()
        self._stop = CancelToken()
        self._threads: list[threading.Thread] = []
        self._working = 0
        self._ready: deque[ListedPage] = deque()
        self._failure: BaseException | None = None
        self._active: set[KeyRange] = set()
        self._crossed: dict[str, KeyRange] = {}
        """Ranges that were read to a cut, by the cut."""
        self._alphabets = Alphabets()
        self._landmarks: Sequence[str] = ()
        self._may_cut = True
        self._is_unsorted = False
        self._target = 1
        self._pages = 0
        self._poor = 0
        self._fetch_s = self._parse_s = 0.0
        self._retries = weather.retries

    def pages(self) -> Iterator[ListedPage]:
        """The pages as they come, the first of all first; see `Storage.list_pages`."""
        self._token.raise_if_cancelled()
        self._stop, untie = self._token.child()
        forget = self._stop.on_cancel(self._wake)
        with self._changed:
            whole = KeyRange(self._start_after, None)
            self._active.add(whole)
            self._start(self._work, whole)
        try:
            while True:
                with self._changed:
                    while not self._ready and self._working and not self._token.is_cancelled:
                        self._changed.wait(_LOOK_S)
                    self._token.raise_if_cancelled()
                    if not self._ready:
                        break
                    page = self._ready.popleft()
                    self._changed.notify_all()
                yield page
        finally:
            forget()
            untie()
            self._stop.cancel()
            self._wake()
            for thread in self._threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        """Begin a thread; the lock is held."""
        thread = threading.Thread(target=self._guarded, args=(work, *arguments), name="listing", daemon=True)
        self._working += 1
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except Cancelled:
            pass
        except BaseException as exc:  # noqa: BLE001 - it belongs to whoever reads the pages
            with self._changed:
                self._failure = self._failure or exc
            self._stop.cancel()
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    # One thread
    def _work(self, span: KeyRange | None) -> None:
        while span is not None:
            while not self._take(span, *self._ask(span)):
                pass
            with self._changed:
                span = self._cut_off() if self._working <= self._target else None

    def _ask(self, span: KeyRange) -> tuple[ListedPage, float]:
        """The next page of a range, and how long it was waited for."""

        def once() -> tuple[ListedPage, float]:
            begun = time.perf_counter()
            with cuttable(self._stop):
                body = self._lister.ask(
                    self._bucket, self._prefix, self._delimiter, span.token, "" if span.token else span.pos
                )
            waited = time.perf_counter() - begun
            with self._parsing:
                begun = time.perf_counter()
                page = self._lister.read(body, span.token)
                self._parse_s = self._smooth(self._parse_s, time.perf_counter() - begun)
            return page, waited

        return self._weather.run(once, self._stop)

    def _take(self, span: KeyRange, page: ListedPage, waited_s: float) -> bool:
        """Deliver what is new in a page of a range; True: the range is at its end."""
        with self._changed:
            while len(self._ready) >= _WAITING_PAGES and not self._stop.is_cancelled:
                self._changed.wait(_LOOK_S)
            self._stop.raise_if_cancelled()
            if self._is_unsorted or not _is_sorted(page):
                self._give_up_cutting()
                return self._deliver(span, page, waited_s)
            if _begins_below(page, span.pos) and not span.rejoined:
                return self._rejoin(span)
            return self._deliver(span, page.above(span.pos), waited_s)

    def _deliver(self, span: KeyRange, page: ListedPage, waited_s: float) -> bool:
        finished = not page.next_token or (span.end is not None and page.last >= span.end)
        is_first = not span.told and not span.token
        span.asked, span.token = span.token, page.next_token
        told = page.up_to(span.end)
        upto = span.end if finished else (told.last or span.pos)
        if len(told) or told.prefixes or finished:
            self._ready.append(told.between(span.pos, upto))
        self._pages += 1
        self._poor += is_first and self._pages > 1 and len(told) + len(told.prefixes) < _LITTLE
        span.told += len(told) + len(told.prefixes)
        span.first = span.first or _first(told)
        if finished:
            self._active.discard(span)
            if span.end is not None:
                self._crossed[span.end] = span
        else:
            span.pos = upto or span.pos
        self._alphabets.learn(islice(told.keys or told.prefixes, 0, None, _SAMPLE), len(self._prefix))
        self._alphabets.learn((told.last,), len(self._prefix))
        self._adapt(waited_s)
        if not finished:
            self._grow()
        self._changed.notify_all()
        return finished

    # How many
    @staticmethod
    def _smooth(before: float, now: float) -> float:
        return now if not before else 0.7 * before + 0.3 * now

    def _adapt(self, waited_s: float) -> None:
        """As many threads as can wait while one page is parsed."""
        if self._weather.retries > self._retries:
            self._retries = self._weather.retries
            self._most = max(1, self._most // 2)
        if self._pages == 1 and waited_s < _SURELY_SLOW_S:
            return
        self._fetch_s = self._smooth(self._fetch_s, waited_s)
        waits = self._fetch_s / max(self._parse_s, 1e-4)
        wanted = 1 if waits < _WORTH_WAITING else 1 + round(waits)
        self._target = min(self._most, wanted, _AT_FIRST + 2 * self._pages)

    def _grow(self) -> None:
        """Begin more threads, if there is something for them to do."""
        if self._target > 1 and self._may_cut and not self._landmarks and not self._delimiter and self._pages <= 2:
            self._landmarks = ("",)
            self._start(self._find_landmarks)
        while self._working < self._target:
            span = self._cut_off()
            if span is None:
                return
            self._start(self._work, span)

    def _cut_off(self) -> KeyRange | None:
        """The upper part of the range that has most left; None: there is nothing worth it."""
        if not self._may_cut or self._poor > 4 * self._most + self._pages:
            return None
        blindly = self._poor <= 2 * self._most + self._pages // 4
        candidates = [(left_in(span, self._prefix, self._alphabets), span) for span in self._active]
        for left, span in sorted(candidates, key=lambda pair: -pair[0]):
            if left < _WORTH_CUTTING:
                return None
            if not span.told and not blindly:
                continue
            at = cut(span, self._prefix, self._delimiter, self._landmarks, self._alphabets)
            if at is None:
                continue
            left = min(left, 1000.0 * (self._pages + 1))
            above = left * share_above(span, at, self._prefix, self._alphabets)
            upper = KeyRange(at, span.end, guess=above)
            if not span.told:
                span.guess = left - above
            span.end = at
            self._active.add(upper)
            return upper
        return None

    def _find_landmarks(self) -> None:
        """Ask for the folders of the first level that has more than one."""
        prefix, found = self._prefix, ListedPage.empty()
        for _ in range(_DEEPEST):

            def once(level: str = prefix) -> ListedPage:
                with cuttable(self._stop):
                    body = self._lister.ask(self._bucket, level, "/")
                with self._parsing:
                    return self._lister.read(body)

            try:
                found = self._weather.run(once, self._stop)
            except VidcdnError:  # they only help; what is wrong is told by those who list
                return
            if found.keys or len(found.prefixes) != 1:
                break
            prefix = found.prefixes[0]
        with self._changed:
            if found.prefixes and _is_sorted(found):
                self._landmarks = found.prefixes
            self._grow()

    # Stores that do not sort, or take no start-after
    def _give_up_cutting(self) -> None:
        if len(self._active) > 1 or self._crossed:
            raise unreadable()
        self._may_cut, self._is_unsorted = False, True

    def _rejoin(self, span: KeyRange) -> bool:
        """The store took no start-after: give the range back to the one below; True: this thread is done with it."""
        self._may_cut = False
        span.rejoined = True
        below = next((other for other in self._active if other.end == span.pos), None)
        if below is not None:
            below.end = span.end
            self._active.discard(span)
            return True
        # The one below has been read to the cut: its last page is asked for again, by what brought it.
        crossed = self._crossed.get(span.pos)
        span.token = crossed.asked if crossed is not None else ""
        return False


def _first(page: ListedPage) -> str:
    names = [names[0] for names in (page.keys, page.prefixes) if names]
    return min(names) if names else ""


def _begins_below(page: ListedPage, pos: str) -> bool:
    first = _first(page)
    # A folder that `pos` lies in is told again by those who begin inside it.
    return bool(first) and first <= pos and not (pos != first and pos.startswith(first))


def _is_sorted(page: ListedPage) -> bool:
    return all(all(map(lt, names, islice(names, 1, None))) for names in (page.keys, page.prefixes))
