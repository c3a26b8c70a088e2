"""Progress that is pulled: workers add bytes, whoever shows them reads a snapshot at 10 Hz."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_WINDOW_S = 10.0
"""The rate is an average over this many seconds, long enough not to flicker."""

_SLOT_S = 0.25
"""Samples are merged into slots of this length, so the window holds at most 40."""


@dataclass(frozen=True)
class ProgressSnapshot:
    """How far a transfer is, at one instant."""

    done_bytes: int
    """Bytes sent, each counted once; a retry may take some back."""
    total_bytes: int | None
    """Bytes to send in all; None while unknown."""
    rate_bytes_per_s: float | None
    """Average over the last seconds; None before anything is known."""
    left_s: float | None
    """Seconds left at the present rate; None when unknown."""

    @property
    def fraction(self) -> float | None:
        """Done as 0..1; None while the total is unknown."""
        if not self.total_bytes:
            return None
        return min(1.0, max(0.0, self.done_bytes / self.total_bytes))


class Counter(Protocol):
    """Something bytes are counted with."""

    def add(self, delta_bytes: int) -> None:
        """Count bytes; negative when a retry takes some back."""
        ...


class ProgressMeter:
    """Counts the bytes of one transfer. Any thread may call any method."""

    def __init__(self, total_bytes: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._total = total_bytes
        self._done = 0
        self._present = 0
        self._samples: deque[tuple[float, int]] = deque()

    def set_total(self, total_bytes: int) -> None:
        """Say how many bytes there will be."""
        with self._lock:
            self._total = total_bytes

    def add_present(self, count: int) -> None:
        """Count bytes that were there already, sent by an earlier run: done, but no part of the rate."""
        with self._lock:
            self._present += count
            self._done += count
            self._samples = deque((at, done + count) for at, done in self._samples)

    @property
    def sent_bytes(self) -> int:
        """Bytes sent in this run."""
        with self._lock:
            return max(0, self._done - self._present)

    def add(self, delta_bytes: int) -> None:
        """Count bytes that were sent; negative when a retry rewinds."""
        now = self._clock()
        with self._lock:
            if not self._samples:
                self._samples.append((now, self._done))
            self._done += delta_bytes
            if now - self._samples[-1][0] >= _SLOT_S:
                self._samples.append((now, self._done))
                while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:
                    self._samples.popleft()

    def snapshot(self) -> ProgressSnapshot:
        """The state now."""
        now = self._clock()
        with self._lock:
            rate: float | None = None
            if self._samples:
                start, base = self._samples[0]
                if now - start >= _SLOT_S:
                    rate = max(0.0, (self._done - base) / (now - start))
            done = max(0, self._done)
            if self._total is not None:
                done = min(done, self._total)
            left = None
            if rate and self._total is not None:
                left = (self._total - done) / rate
            return ProgressSnapshot(done, self._total, rate, left)
