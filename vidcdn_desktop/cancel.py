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


class CancelToken:
    """Tells every part of one job to stop. Any thread may call any method.

    `cancel()` returns at once and twice is harmless. Callbacks run once, in the cancelling thread; a callback added
    after the cancel runs immediately. Callbacks must only record, kill a process or cancel a future.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0

    def cancel(self) -> None:
        """Ask for the end."""
        with self._lock:
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
        """Whether `cancel` was called."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if the user has cancelled."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, timeout_s: float) -> bool:
        """Wait until cancelled or `timeout_s` seconds have passed; True if cancelled."""
        return self._event.wait(timeout_s)

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
