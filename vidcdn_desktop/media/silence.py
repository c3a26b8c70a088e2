"""A watch over something that ought to make itself heard."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Silence:
    """Calls `on_silence`, in a thread of its own, once nothing was heard for `seconds`. Stop it in the end."""

    def __init__(self, seconds: float, on_silence: Callable[[], None]) -> None:
        self._seconds = seconds
        self._on_silence = on_silence
        self._lock = threading.Condition()
        self._heard = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name="silence", daemon=True)
        self._thread.start()

    def heard(self) -> None:
        """Something was heard."""
        with self._lock:
            self._heard = True
            self._lock.notify()

    def stop(self) -> None:
        """Listen no longer."""
        with self._lock:
            self._over = True
            self._lock.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._lock:
            while not self._over:
                self._heard = False
                if not self._lock.wait_for(lambda: self._heard or self._over, self._seconds):
                    self._on_silence()
                    return
