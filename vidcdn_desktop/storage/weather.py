"""What to do when a request fails for a reason that passes: wait, try again, and tell.

    request ──fails──> wait (full jitter, doubling) ──> again ──works──> forget the bad weather
                        │
                        ├── the user asks for it (`try_now`): at once
                        ├── the network is back (somebody answers at the store's address): at once
                        ├── the user stops: at once, by Cancelled or Paused
                        └── patience is over: the error goes to the caller

Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ChecksumMismatch, CredentialsExpired, Offline, VidcdnError

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_FIRST_S = 0.5
_LONGEST_S = 300.0
_LOOK_S = 2.0
"""How often it is looked whether the network is back."""
_LOOK_TIMEOUT_S = 3.0
_EARLIEST_WAKE_S = 1.0
_CHECKSUM_TRIES = 3
"""Bytes that arrive wrong this often are no accident of the network."""


@dataclass(frozen=True)
class Waiting:
    """A transfer that goes on by itself, and when."""

    error: VidcdnError
    """Why it waits."""
    next_try_s: float
    """Seconds until the next try, counted from `since`."""
    since: float
    """`time.monotonic()` when the waiting began."""
    tries: int
    """How often it was tried in this bad weather."""

    @property
    def offline(self) -> bool:
        """Whether it waits for the network, not for the service."""
        return isinstance(self.error, Offline)

    def left_s(self) -> float:
        """Seconds until the next try, from now; never negative."""
        return max(0.0, self.since + self.next_try_s - time.monotonic())


@dataclass(frozen=True)
class Patience:
    """How long a transfer puts up with bad weather."""

    limit_s: float | None = 8.0
    """Seconds without any success before it gives up; None: never."""
    first_s: float = _FIRST_S
    """Longest first wait; doubles with every try, up to `longest_s`."""
    longest_s: float = _LONGEST_S
    """Longest wait of all."""


def reachable(host: str, port: int) -> Callable[[], bool]:
    """A look whether anybody listens at an address. Blocks up to some seconds; sends nothing."""

    def look() -> bool:
        try:
            socket.create_connection((host, port), _LOOK_TIMEOUT_S).close()
        except OSError:
            return False
        return True

    return look


class Weather:
    """The weather of one transfer, shared by the threads that send it. Any thread may call any method.

    Args:
        patience: How long to go on.
        on_change: Told with a `Waiting` when nothing gets through any more, and with None when something does.
        is_back: A look whether the network is back; None: only waiting helps.
        renew: Called when the sign-in has expired; True if there is a fresh one now.
    """

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        on_change: Callable[[Waiting | None], None] | None = None,
        is_back: Callable[[], bool] | None = None,
        renew: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._patience = patience or Patience()
        self._on_change = on_change
        self._is_back = is_back
        self._renew = renew
        self._clock = clock
        self._jitter = jitter
        self._condition = threading.Condition()
        self._failures = 0
        self._bad_since: float | None = None
        self._waiting: Waiting | None = None
        self._epoch = 0
        """Counts the wake-ups: whoever waits compares it."""
        self._looking = False
        self._wakes = 0
        self._may_wake_at = 0.0
        self._renewed_at = float("-inf")
        self.retries = 0
        """How often a request was sent again, for the report."""

    @property
    def waiting(self) -> Waiting | None:
        """What it waits for now; None in good weather."""
        return self._waiting

    def run(self, call: Callable[[], _T], token: CancelToken, *, damaged_again: bool = True) -> _T:
        """Call until it works. Blocks.

        `damaged_again`: whether bytes that arrived wrong are sent again, a few times.

        Raises: Cancelled, Paused; what `call` raises if that does not pass, or when patience is over.
        """
        wrong = 0
        while True:
            try:
                result = call()
            except VidcdnError as exc:
                token.raise_if_cancelled()
                wrong += isinstance(exc, ChecksumMismatch)
                if isinstance(exc, CredentialsExpired):
                    if not self._is_renewed():
                        raise
                elif not exc.retryable or (wrong and not damaged_again) or wrong >= _CHECKSUM_TRIES:
                    raise
                self.retries += 1
                self._wait(exc, token)
            else:
                self.got_through()
                return result

    def got_through(self) -> None:
        """Something arrived: the weather is good."""
        if self._bad_since is None:
            return
        with self._condition:
            was = self._waiting
            self._bad_since, self._waiting, self._failures, self._wakes = None, None, 0, 0
            self._epoch += 1
            self._condition.notify_all()
        if was is not None and self._on_change is not None:
            self._on_change(None)

    def moving(self) -> None:
        """Bytes leave again. Nothing has arrived yet, so patience and delays stay as they are."""
        if self._waiting is None:
            return
        with self._condition:
            was, self._waiting = self._waiting, None
        if was is not None and self._on_change is not None:
            self._on_change(None)

    def try_now(self) -> None:
        """The user does not want to wait: everybody who waits tries at once. Nothing happens in good weather."""
        with self._condition:
            if self._waiting is None:
                return
            # As long as the try lasts there is nothing to count down to.
            self._waiting = replace(self._waiting, next_try_s=0.0)
            self._epoch += 1
            self._condition.notify_all()

    def _is_renewed(self) -> bool:
        """Whether there is a fresh sign-in. One thread asks; the others profit for some seconds."""
        if self._renew is None:
            return False
        with self._condition:
            if self._clock() - self._renewed_at < _LOOK_S:
                return True
        if not self._renew():
            return False
        with self._condition:
            self._renewed_at = self._clock()
        return True

    def _wait(self, error: VidcdnError, token: CancelToken) -> None:
        patience = self._patience
        with self._condition:
            now = self._clock()
            if self._bad_since is None:
                self._bad_since = now
            if patience.limit_s is not None and now - self._bad_since >= patience.limit_s:
                raise error
            self._failures += 1
            longest = min(patience.longest_s, patience.first_s * 2 ** min(self._failures - 1, 20))
            delay = self._jitter(0.0, longest)
            if patience.limit_s is not None:
                delay = min(delay, max(0.0, self._bad_since + patience.limit_s - now))
            epoch = self._epoch
            waiting = self._announce(error, delay, now)
        _log.info("%s; again in %.1f s", error.what, delay)
        if waiting is not None and self._on_change is not None:
            self._on_change(waiting)
        self._sleep(now + delay, epoch, isinstance(error, Offline), token)

    def _announce(self, error: VidcdnError, delay: float, now: float) -> Waiting | None:
        """Remember the try that comes next of all; gives it if it is news."""
        mine = Waiting(error, delay, now, self._failures)
        known = self._waiting
        if known is not None and known.since + known.next_try_s > now:
            mine = replace(mine, next_try_s=max(0.0, min(now + delay, known.since + known.next_try_s) - now))
        self._waiting = mine
        return mine

    def _sleep(self, until: float, epoch: int, offline: bool, token: CancelToken) -> None:
        def wake() -> None:
            with self._condition:
                self._condition.notify_all()

        remove = token.on_cancel(wake)
        next_look = self._clock() + _LOOK_S
        try:
            while True:
                token.raise_if_cancelled()
                with self._condition:
                    left = until - self._clock()
                    if left <= 0 or self._epoch != epoch:
                        return
                    looks = offline and self._is_back is not None and not self._looking
                    if not looks or self._clock() < next_look:
                        self._condition.wait(min(left, max(0.01, next_look - self._clock()) if looks else _LOOK_S))
                        continue
                    self._looking = True
                self._look()
                next_look = self._clock() + _LOOK_S
        finally:
            remove()

    def _look(self) -> None:
        """Look whether the network is back; if so, everybody tries at once."""
        assert self._is_back is not None
        try:
            back = self._is_back()
        finally:
            with self._condition:
                self._looking = False
        with self._condition:
            now = self._clock()
            if not back or now < self._may_wake_at:
                return
            # Somebody may listen and still answer nothing; then looking must not replace waiting.
            self._wakes += 1
            self._may_wake_at = now + min(_LONGEST_S, _EARLIEST_WAKE_S * 2**self._wakes)
            self._epoch += 1
            self._condition.notify_all()
