"""A long look at a bucket off the GUI thread, told of ten times a second, and stopped at any moment.

worker: work(board, token) ── tells, adds ──> Board ── 10 Hz ──> `told`, `found`     GUI thread
                           └─ result, error ──────────────────> `done`, `failed`
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.jobs.health_model import Progress

_PULL_MS = 100


class Board:
    """What the worker tells. It may do so for every object: nothing is sent, it is only kept until somebody looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._things: list[object] = []

    def tell(self, progress: Progress) -> None:
        """How far it is; what was told before is forgotten."""
        with self._lock:
            self._progress = progress

    def add(self, thing: object) -> None:
        """Something was found."""
        with self._lock:
            self._things.append(thing)

    def take(self) -> tuple[Progress | None, list[object]]:
        """How far it is, and what was found since the last call."""
        with self._lock:
            things, self._things = self._things, []
            return self._progress, things


class LongLook(QObject):
    """One look. GUI thread; after `stop` nothing is told any more."""

    told = Signal(object)
    """Progress."""
    found = Signal(object)
    """list: what was found since."""
    done = Signal(object)
    """What the work gave, after the last `found`."""
    failed = Signal(object)
    """VidcdnError, after the last `found`."""

    def __init__(self, work: Callable[[Board, CancelToken], object], parent: QObject) -> None:
        super().__init__(parent)
        self._work = work
        self._board = Board()
        self._token = CancelToken()
        self._is_over = False
        self._pull = QTimer(self)
        self._pull.setInterval(_PULL_MS)
        self._pull.timeout.connect(self._on_pull)

    def start(self) -> None:
        """Begin."""
        work, board, token = self._work, self._board, self._token
        self._pull.start()
        run_in_background(self, lambda: work(board, token), self._on_done, self._on_failed, token=token)

    def stop(self) -> None:
        """Give it up; what was found before is told first. Twice is harmless."""
        if not self._is_over:
            self._end()

    def _end(self) -> None:
        self._on_pull()
        self._is_over = True
        self._pull.stop()
        self._token.cancel()
        self.deleteLater()

    @Slot()
    def _on_pull(self) -> None:
        progress, things = self._board.take()
        if things:
            self.found.emit(things)
        if progress is not None:
            self.told.emit(progress)

    @Slot(object)
    def _on_done(self, result: object) -> None:
        if not self._is_over:
            self._end()
            self.done.emit(result)

    @Slot(object)
    def _on_failed(self, error: object) -> None:
        if not self._is_over:
            self._end()
            self.failed.emit(error)
