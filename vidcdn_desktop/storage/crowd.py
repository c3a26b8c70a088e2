"""Many files one after the other: small ones side by side, as many as help; large ones alone, in parts.

    small ── 4 at a time ──(the link keeps them waiting)──> up to 64, then fewer while nothing is lost
    large ── then, one at a time: each fills the link by itself (see `part_senders`)

Memory: a small file is held while it is sent, so at most `MEMORY_BYTES` / the largest small file are under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.storage import workers
from vidcdn_desktop.storage.governor import Governor
from vidcdn_desktop.storage.parts import SINGLE_PUT_LIMIT

FEW_FILES = 4
MOST_FILES = 64
MEMORY_BYTES = 128 << 20


@dataclass(frozen=True)
class Sending:
    """One file to send."""

    size: int
    """Bytes."""
    call: Callable[[], None]
    """Sends it and keeps what came of it, also a failure. Blocks."""


def most_at_a_time(sizes: Sequence[int]) -> int:
    """How many small files of these sizes (bytes) may be under way."""
    return max(1, min(MOST_FILES, MEMORY_BYTES // max(1, *sizes, 1)))


def send_all(
    sendings: Sequence[Sending],
    *,
    token: CancelToken,
    sent_bytes: Callable[[], int],
    limiter: RateLimiter | None = None,
) -> Governor | None:
    """Send every file; returns when all calls have. Blocks; any thread but the GUI's.

    Args:
        sendings: In the order they begin; small ones come before large ones.
        token: When cancelled or paused no further file is begun; the calls heed it themselves.
        sent_bytes: Body bytes of all files so far, each once: what the number of files is decided by.
        limiter: The limit the calls run under.

    Returns: What decided the number of small files, for its history; None if there were none.
    Raises: Cancelled, Paused, and whatever a call raises: then no further file is begun.
    """
    small = [sending for sending in sendings if sending.size <= SINGLE_PUT_LIMIT]
    governor = _Crowd(small, token).run(sent_bytes, limiter) if small else None
    for sending in sendings:
        if sending.size > SINGLE_PUT_LIMIT:
            token.raise_if_cancelled()
            sending.call()
    token.raise_if_cancelled()
    return governor


class _Crowd:
    """The threads that send small files."""

    def __init__(self, sendings: Sequence[Sending], token: CancelToken) -> None:
        self._waiting = iter(sendings)
        self._token = token
        self._lock = threading.Lock()
        self._under_way = 0
        self._left = len(sendings)
        self._governor = Governor(most_at_a_time([s.size for s in sendings]), len(sendings), FEW_FILES)

    def run(self, sent_bytes: Callable[[], int], limiter: RateLimiter | None) -> Governor:
        """Send them all; see `send_all`."""
        base, threads, names = sent_bytes(), list[Future[None]](), 0
        while True:
            with self._lock:
                more = min(self._governor.target - self._under_way, self._left)
                self._under_way += max(0, more)
            for _ in range(more):
                names += 1
                threads.append(workers.start(self._send_some, f"upload-file-{names}"))
            if not threads:
                return self._governor
            wait(threads, self._governor.interval_s, FIRST_EXCEPTION)
            self._collect(threads)
            limit = limiter.bytes_per_s if limiter is not None else None
            self._governor.observe(time.monotonic(), sent_bytes() - base, limit)

    def _send_some(self) -> None:
        try:
            while not self._token.is_cancelled:
                with self._lock:
                    sending = next(self._waiting, None) if self._under_way <= self._governor.target else None
                    if sending is None:
                        return
                    self._left -= 1
                sending.call()
        except BaseException:
            with self._lock:
                self._waiting, self._left = iter(()), 0
            raise
        finally:
            with self._lock:
                self._under_way -= 1

    def _collect(self, threads: list[Future[None]]) -> None:
        """Forget the threads that have ended.

        Raises: What one of them raised, when all others have ended.
        """
        if any(thread.done() and thread.exception() is not None for thread in threads):
            wait(threads)
            for thread in threads:
                thread.result()
        threads[:] = [thread for thread in threads if not thread.done()]
        if self._token.is_cancelled:
            with self._lock:
                self._left = 0
