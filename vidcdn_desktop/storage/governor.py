"""How many parts, or small files, go up at the same time: as many as help, and no more.

    OPENING: few ──(the link keeps them waiting)──> LESSENING: many, then half, and half again while nothing is lost
       │                                                │
       └──(the link takes all we can give)──> STEADY <──┘    now and then two more, kept if they help

A fast link is filled by a few connections, and every further thread only costs the window its turn. On a long link,
or one that limits each connection, connections decide, and they must come at once: a film of some parts has no time to
try one after the other.

Memory: each connection holds at most two blocks of 1 MiB (one being read, one being sent), so `MOST` parts at the same
time hold at most 32 MiB, whatever the size of a part or of the film.
"""

from __future__ import annotations

from enum import Enum, auto

FEW = 4
MOST = 16
"""Unless the user sets another number."""

_FAST_BYTES_PER_S = 150e6
"""A link of this speed is not held up by the number of connections."""
_BUFFERS_FULL_S = 0.03
"""Sockets take some megabytes at once, whatever the link; after this time their buffers are full."""
_OPENING_WINDOW_S = 0.02
_OPENING_S = 0.3
_WINDOW_S = 2.0
"""Long enough for several parts on a fast link and for an even rate on a slow one."""
_SETTLE_S = 2.0
"""After a change of the number, until what is measured is about the new one."""
_HELPS = 1.15
"""More connections must bring this much more to be kept."""
_REST_S = 30.0
_LIMITED_BYTES_PER_S = 1e6
"""With a limit set by the user: one connection for so many bytes a second, so that parts get finished."""


class _Phase(Enum):
    OPENING = auto()
    LESSENING = auto()
    STEADY = auto()
    TRYING_MORE = auto()


class Governor:
    """Decides the number of parts at the same time from what got through. One thread.

    Args:
        most: Upper bound, the user's setting.
        parts: How many parts there are to send.
        few: How many are enough for a fast link.
    """

    def __init__(self, most: int, parts: int, few: int = FEW) -> None:
        self._most = max(1, min(most, parts))
        self._few = min(few, self._most)
        self.target = self._few
        """Parts that should be under way now."""
        self.history: list[tuple[float, int]] = []
        """(monotonic seconds, target) at each change, for the benchmark and the report."""
        self._phase = _Phase.OPENING
        self._limited = False
        self._began: float | None = None
        self._window_at = 0.0
        self._window_bytes = 0
        self._wait_until = 0.0
        self._back_to = 0
        self._rate_there = 0.0
        """What the number to go back to brought; 0 while it is not known."""

    @property
    def interval_s(self) -> float:
        """When to call `observe` next: often at first, when most is decided."""
        return _OPENING_WINDOW_S if self._phase is _Phase.OPENING else 0.2

    def observe(self, now: float, sent_bytes: int, limit_bytes_per_s: int | None = None) -> int:
        """Say how many bytes were sent so far; gives the new target.

        Args:
            now: Monotonic seconds.
            sent_bytes: Body bytes since the start.
            limit_bytes_per_s: The user's limit that holds now; None for none.
        """
        if limit_bytes_per_s is not None:
            self._limited = True
            self._set(max(1, min(self._few, int(limit_bytes_per_s / _LIMITED_BYTES_PER_S))), now)
            return self.target
        if self._limited or self._began is None:
            if not sent_bytes:
                return self.target
            self._limited, self._phase, self._began = False, _Phase.OPENING, now
            self._set(self._few, now)
            self._measure_from(now, sent_bytes)
            return self.target
        elapsed = now - self._window_at
        if self._phase is _Phase.OPENING:
            if now - self._began >= _BUFFERS_FULL_S and elapsed >= _OPENING_WINDOW_S / 2:
                self._open(now, (sent_bytes - self._window_bytes) / elapsed)
                self._measure_from(now, sent_bytes)
        elif now < self._wait_until:
            self._measure_from(now, sent_bytes)
        elif elapsed >= _WINDOW_S:
            self._judge(now, (sent_bytes - self._window_bytes) / elapsed)
            self._measure_from(now, sent_bytes)
        return self.target

    def _measure_from(self, now: float, sent_bytes: int) -> None:
        self._window_at, self._window_bytes = now, sent_bytes

    def _open(self, now: float, rate: float) -> None:
        assert self._began is not None
        if rate < _FAST_BYTES_PER_S:
            self._phase, self._back_to, self._rate_there = _Phase.LESSENING, self._most, 0.0
            self._set(self._most, now)
            self._wait_until = now + 2 * _SETTLE_S
        elif now - self._began >= _OPENING_S:
            self._rest(now, _SETTLE_S)

    def _judge(self, now: float, rate: float) -> None:
        if self._phase is _Phase.LESSENING:
            if rate * _HELPS < self._rate_there:  # the larger number did help
                self._set(self._back_to, now)
                self._rest(now)
            elif self.target <= self._few:
                self._rest(now)
            else:
                self._trial(now, rate, max(self._few, self.target // 2))
        elif self._phase is _Phase.TRYING_MORE and rate < self._rate_there * _HELPS:
            self._set(self._back_to, now)
            self._rest(now)
        elif self.target < self._most:
            self._phase = _Phase.TRYING_MORE
            self._trial(now, rate, min(self._most, self.target + 2))
        else:
            self._rest(now)

    def _trial(self, now: float, rate: float, target: int) -> None:
        self._back_to, self._rate_there = self.target, rate
        self._set(target, now)
        self._wait_until = now + _SETTLE_S

    def _rest(self, now: float, seconds: float = _REST_S) -> None:
        self._phase, self._wait_until = _Phase.STEADY, now + seconds

    def _set(self, target: int, now: float) -> None:
        if target != self.target:
            self.target = target
            self.history.append((now, target))
