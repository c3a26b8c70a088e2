"""Work off the GUI thread: one `QThread` per piece of work, results and errors delivered to slots on the GUI thread.

    run_in_background(self, lambda: backend.list_buckets(), self._on_buckets, self._on_failed)

Receivers must be bound methods of QObjects (decorate them with `@Slot(object)`): anything else has no thread of its
own and would run in the worker's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import UnexpectedProblem, VidcdnError

_log = logging.getLogger(__name__)

_running: set[_Task] = set()
"""A thread without a reference is collected while it runs; each task leaves this set when its thread has ended."""


class _Task(QThread):
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, function: Callable[[], object], token: CancelToken | None) -> None:
        super().__init__()
        self._function: Callable[[], object] | None = function
        self.token = token

    def run(self) -> None:
        """The worker thread's body; nothing escapes from it."""
        function, self._function = self._function, None
        assert function is not None
        try:
            result = function()
        except Cancelled:
            self.cancelled.emit()
        except VidcdnError as error:
            self.failed.emit(error)
        except Exception as error:  # noqa: BLE001 - the edge between a worker and the window: told, never lost
            _log.error("unexpected problem in background work", exc_info=error)
            self.failed.emit(
                UnexpectedProblem(
                    "The program ran into something it did not expect.",
                    "Nothing else is affected.",
                    "Try again; the log has the details.",
                    code=type(error).__name__,
                )
            )
        else:
            self.done.emit(result)

    @Slot()
    def on_owner_gone(self) -> None:
        """Whoever asked is gone: stop working for it."""
        if self.token is not None:
            self.token.cancel()


class _Reaper(QObject):
    """Lets go of ended tasks. A task cannot do it in a slot of its own: the last reference would delete it there."""

    @Slot()
    def on_finished(self) -> None:
        for task in [task for task in _running if task.isFinished()]:
            task.wait()  # `finished` is emitted a moment before the thread is really gone
            _running.discard(task)


@cache
def _reaper() -> _Reaper:
    return _Reaper()


def _checked(receiver: Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(getattr(receiver, "__self__", None), QObject):
        raise TypeError("a background result goes to a bound method of a QObject")
    return receiver


def run_in_background(
    owner: QObject,
    function: Callable[[], object],
    on_done: Callable[[Any], None],
    on_error: Callable[[Any], None] | None = None,
    *,
    on_cancelled: Callable[[], None] | None = None,
    token: CancelToken | None = None,
) -> None:
    """Call `function` on a thread of its own. GUI thread.

    `on_done` gets its result, `on_error` a `VidcdnError` (anything unexpected is logged and told as
    `UnexpectedProblem`), `on_cancelled` nothing, when the function raised `Cancelled`. Each runs on its own object's
    thread; an object that is gone by then is not called. When `owner` is destroyed, or the program shuts down, the
    `token` is cancelled.

    Raises: TypeError: a receiver is not a bound method of a QObject.
    """
    task = _Task(function, token)
    queued = Qt.ConnectionType.QueuedConnection
    task.done.connect(_checked(on_done), queued)
    if on_error is not None:
        task.failed.connect(_checked(on_error), queued)
    if on_cancelled is not None:
        task.cancelled.connect(_checked(on_cancelled), queued)
    if token is not None:
        # To a slot of the task, which Qt disconnects when the task goes: the token itself may be collected earlier
        # than the owner, and a signal that reaches a collected object crashes the program.
        owner.destroyed.connect(task.on_owner_gone)
    task.finished.connect(_reaper().on_finished, queued)
    _running.add(task)
    task.start()


def busy() -> int:
    """How many pieces of work are still running."""
    return sum(1 for task in _running if not task.isFinished())


def wait_all(deadline_s: float) -> bool:
    """Cancel what can be cancelled and wait until all work has ended; False if some has not after `deadline_s`.

    For the last stage of the shutdown, when the windows are gone: it blocks. A thread still running when the program
    ends would abort it.
    """
    end = time.monotonic() + deadline_s
    for task in list(_running):
        if task.token is not None:
            task.token.cancel()
    for task in list(_running):
        if task.wait(max(0, round((end - time.monotonic()) * 1000))):
            _running.discard(task)
    return not _running
