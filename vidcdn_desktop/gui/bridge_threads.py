"""The QThreads of the bridge: those that run jobs, and those that look at files."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable

from PySide6.QtCore import QObject, QThread

from vidcdn_desktop.cancel import Cancelled
from vidcdn_desktop.jobs.queue import JobQueue

_log = logging.getLogger(__name__)

Calls = queue.SimpleQueue[Callable[[], None] | None]
"""Short blocking calls for the look threads; None ends one of them."""


class JobThread(QThread):
    """Runs jobs of the queue until it is closed."""

    def __init__(self, jobs: JobQueue, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs

    def run(self) -> None:
        """The thread's body."""
        self._jobs.work()


class LookThread(QThread):
    """Runs short blocking calls (inspection, frames), one after the other, until it gets None."""

    def __init__(self, calls: Calls, parent: QObject) -> None:
        super().__init__(parent)
        self._calls = calls

    def run(self) -> None:
        """The thread's body."""
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Cancelled:
                continue
            except Exception:  # noqa: BLE001 - the thread must live on for the next file
                _log.exception("unexpected problem while looking at a file")
