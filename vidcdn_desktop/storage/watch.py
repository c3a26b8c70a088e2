"""The watchdog: no bytes for too long, and a try is ended, whatever the socket thinks of it.

A socket that is half open, or that slept with the laptop, may stay silent for minutes. Whoever waits for the transfer
looks at its tries a few times a second; one that has not moved is cut and told as `Offline`, and the weather decides
when to try again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.progress import Counter

_log = logging.getLogger(__name__)

STALL_S = 30.0
"""No byte was taken for so long: the connection is dead."""

REPLY_S = 120.0
"""Everything was handed over and no answer came. Longer: what fills the system's buffers must leave first, and on a
slow line that alone takes a minute."""

_AFTER_SLEEP_S = 3.0
"""After the computer slept its connections are most likely gone; so long they get to show that they are not."""

_JUMP_S = 20.0
"""A gap between two looks, or between the two clocks, that only a sleep explains."""


class Attempt:
    """One try at one request. It counts as a meter, and passes what it counts on."""

    def __init__(self, token: CancelToken, length: int, counter: Counter | None, on_move: Callable[[], None]) -> None:
        self.token = token
        """Ends this try alone."""
        self.moved_at = time.monotonic()
        self.stalled = False
        self._length = length
        self._counter = counter
        self._on_move = on_move
        self._sent = 0

    @property
    def patience_s(self) -> float:
        """How long it may be silent now."""
        return REPLY_S if self._sent >= self._length else STALL_S

    def add(self, delta_bytes: int) -> None:
        """Bytes were handed over (or taken back)."""
        self._sent += delta_bytes
        self.moved_at = time.monotonic()
        if self._counter is not None:
            self._counter.add(delta_bytes)
        if delta_bytes > 0:
            self._on_move()


class Watch:
    """The tries of one transfer. Any thread may begin one; `look` is called by the thread that waits for them.

    Args:
        on_move: Called, in the sending thread, whenever bytes were taken.
    """

    def __init__(self, on_move: Callable[[], None] = lambda: None, stall_s: float | None = None) -> None:
        self._on_move = on_move
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._attempts: set[Attempt] = set()
        self._looked = (time.monotonic(), time.time())

    @contextmanager
    def attempt(self, parent: CancelToken, length: int, counter: Counter | None) -> Iterator[Attempt]:
        """One try: its token stops with `parent`, and alone when it stalls.

        Raises: Offline: no byte moved for too long. Cancelled, Paused: `parent` was stopped.
        """
        token, untie = parent.child()
        attempt = Attempt(token, length, counter, self._on_move)
        with self._lock:
            self._attempts.add(attempt)
        try:
            yield attempt
        except Cancelled:
            if attempt.stalled and not parent.is_cancelled:
                raise Offline(
                    "The connection went silent.",
                    "Nothing was published.",
                    "Check the network and try again.",
                    retryable=True,
                    code="Stalled",
                ) from None
            raise
        finally:
            with self._lock:
                self._attempts.discard(attempt)
            untie()

    def look(self) -> None:
        """End the tries that have been silent for too long. Quick; never raises."""
        now, wall = time.monotonic(), time.time()
        before, wall_before = self._looked
        self._looked = (now, wall)
        gap, wall_gap = now - before, wall - wall_before
        with self._lock:
            attempts = list(self._attempts)
        if gap > _JUMP_S or wall_gap - gap > _JUMP_S:
            _log.info("the computer seems to have slept")
            for attempt in attempts:
                attempt.moved_at = now - attempt.patience_s + _AFTER_SLEEP_S
        for attempt in attempts:
            limit = self._stall_s if self._stall_s is not None else attempt.patience_s
            if now - attempt.moved_at > limit and not attempt.stalled:
                _log.info("no byte moved for %.0f s; the connection is given up", now - attempt.moved_at)
                attempt.stalled = True
                attempt.token.cancel()
