"""Cancellation that takes effect at once: one token per job, checked at every read, with callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack


class Cancelled(BaseException):
    """The user cancelled.

    Derives from BaseException because botocore takes an Exception raised by a request body for a network fault,
    sleeps, and sends the part again.
    """


class Paused(Cancelled):
    """The user paused: stop as for a cancel, but keep what is needed to go on."""


class CancelToken:
    """Tells every part of one job to stop. Any thread may call any method.

    `cancel()` and `pause()` return at once and twice is harmless; a cancel after a pause makes it a cancel for
    whoever looks later. Callbacks run once, in the stopping thread; a callback added after the stop runs immediately.
    Callbacks must only record, kill a process or cancel a future.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0
        self._paused = False

    def cancel(self) -> None:
        """Ask for the end."""
        self._stop(paused=False)

    def pause(self) -> None:
        """Ask for the end, with the intention to go on later."""
        self._stop(paused=True)

    def _stop(self, *, paused: bool) -> None:
        with self._lock:
            self._paused = paused and (self._paused or not self._event.is_set())
            if self._event.is_set():
                return
            self._event.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        with ExitStack() as stack:  # one that raises does not keep the others from being told
            for callback in reversed(callbacks):
                stack.callback(callback)

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` or `pause` was called."""
        return self._event.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether it was a pause that stopped the job."""
        return self._paused

    def stopped(self) -> Cancelled:
        """What to raise once `is_cancelled` is true: `Paused` or `Cancelled`."""
        return Paused() if self._paused else Cancelled()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` (or `Paused`) if the user has stopped the job."""
        if self._event.is_set():
            raise self.stopped()

    def wait(self, timeout_s: float) -> bool:
        """Wait until cancelled or `timeout_s` seconds have passed; True if cancelled."""
        return self._event.wait(timeout_s)

    def child(self) -> tuple[CancelToken, Callable[[], None]]:
        """A token that stops with this one, and can be stopped alone; and what unties the two again."""
        child = CancelToken()

        def follow() -> None:
            child._stop(paused=self._paused)

        return child, self.on_cancel(follow)

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on cancel; returns a function that takes the registration back."""
        with self._lock:
            if not self._event.is_set():
                number = self._next
                self._next += 1
                self._callbacks[number] = callback

                def remove() -> None:
                    with self._lock:
                        self._callbacks.pop(number, None)

                return remove
        callback()
        return lambda: None
