"""Looks at the films of the list that nobody has looked at, where a filter asks how they start. Only when asked to.

films not looked at ──(thread)──> `jobs.scan`, a few at a time ──> ten times a second ──> model, which filters anew

What was found out is also in the cache on disk, so nothing is lost where it is stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.courtesy import give_way
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import SHIFT
from vidcdn_desktop.gui.streamed import run_streamed
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.storage.port import ObjectSummary

_TELL_S = 0.1


@dataclass(frozen=True)
class _Told:
    token: CancelToken
    """Of the run: a later one does not listen to it."""
    films: Sequence[tuple[int, VideoFacts | None]]
    """Ids of rows, and what was seen."""
    is_last: bool = False
    error: VidcdnError | None = None


class Looking(QObject):
    """One run at a time. GUI thread."""

    changed = Signal()
    """It has begun, come further, or ended."""
    failed = Signal(object)
    """VidcdnError: no other film would fare better."""

    def __init__(self, model: ListingModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._token = CancelToken()
        self._is_running = False
        self.done = 0
        """Films looked at in this run."""

    @property
    def is_running(self) -> bool:
        """Whether more may come."""
        return self._is_running

    def start(self, scanner: Scanner, bucket: str) -> None:
        """Look at what the filter in force leaves open."""
        self.stop()
        token = self._token = CancelToken()
        self.done, self._is_running = 0, True
        store, verdicts = self._model.store, self._model.verdicts
        blocks, order = tuple(store.blocks), store.order()
        matcher = self._model.matcher(self._model.query.of_listing)
        ids: list[int] = []

        def items() -> Iterator[ObjectSummary]:
            for number in order:
                give_way()
                block = blocks[number]
                for place in verdicts.not_looked_at(block, number, matcher.places(block, number)):
                    ids.append(number << SHIFT | place)
                    yield store.row(ids[-1]).summary()

        def look() -> Iterator[_Told]:
            films: list[tuple[int, VideoFacts | None]] = []
            begun = time.monotonic()
            try:
                for number, looked in enumerate(scanner.look(bucket, items(), token=token)):
                    films.append((ids[number], looked.facts))
                    if time.monotonic() - begun >= _TELL_S:
                        yield _Told(token, films)
                        films, begun = [], time.monotonic()
            except VidcdnError as exc:
                yield _Told(token, films, is_last=True, error=exc)
                return
            yield _Told(token, films, is_last=True)

        run_streamed(self, look, self._on_told, token=token)
        self.changed.emit()

    def stop(self) -> None:
        """Leave it; what was found out stays. Twice is harmless."""
        self._token.cancel()
        if self._is_running:
            self._is_running = False
            self.changed.emit()

    @Slot(object)
    def _on_told(self, told: _Told) -> None:
        if told.token is not self._token or not self._is_running:
            return
        for row_id, facts in told.films:
            self._model.set_facts(row_id, facts)
        self.done += len(told.films)
        self._is_running = not told.is_last
        self._model.look_again()
        self.changed.emit()
        if told.error is not None:
            self.failed.emit(told.error)
