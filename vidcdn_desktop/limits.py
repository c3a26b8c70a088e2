"""Bandwidth limits that can be changed while bytes flow: one for everything, one for each transfer.

A limiter is a bucket of bytes that fills at the allowed rate. A block is handed to the socket as soon as the bucket
is not in debt and is then taken from it, so that the average holds whatever the size of the blocks; the bucket holds
no more than a moment's worth, so that an idle time is not made up for by a burst.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from vidcdn_desktop.cancel import CancelToken

_BLOCKS_PER_S = 20
"""A limited block is this part of a second: small enough to be even, large enough to be cheap."""

_MIN_BLOCK = 4 << 10
_BURST_S = 0.05
_LOOK_S = 0.1
"""How often a waiting thread looks whether it was cancelled."""


class RateLimiter:
    """Bytes a second, shared by any number of threads. Any thread may call any method.

    Args:
        bytes_per_s: The limit; None for none.
        parent: A limit that holds as well, for all its children together.
    """

    def __init__(
        self,
        bytes_per_s: int | None = None,
        parent: RateLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._parent = parent
        self._condition = threading.Condition()
        self._rate = bytes_per_s
        self._room = 0.0
        """Bytes that may leave now; negative while earlier ones are still being paid for."""
        self._filled_at = clock()

    @property
    def bytes_per_s(self) -> int | None:
        """The limit that holds here, its parent's included; None for none."""
        rates = [rate for rate in (self._rate, self._parent.bytes_per_s if self._parent else None) if rate]
        return min(rates) if rates else None

    @property
    def own_rate(self) -> int | None:
        """The limit set here, whatever the parent's."""
        return self._rate

    def set_rate(self, bytes_per_s: int | None) -> None:
        """Change the limit; holds from the next block on."""
        with self._condition:
            self._fill()
            if self._rate and bytes_per_s:
                # The debt is time already agreed on; at another rate it is another number of bytes.
                self._room *= min(1.0, bytes_per_s / self._rate)
            self._rate = bytes_per_s
            self._room = max(self._room, 0.0) if not bytes_per_s else self._room
            self._condition.notify_all()

    def block(self, wanted: int) -> int:
        """How large the next block should be, at most `wanted` bytes."""
        rate = self.bytes_per_s
        return wanted if rate is None else min(wanted, max(_MIN_BLOCK, rate // _BLOCKS_PER_S))

    def take(self, count: int, token: CancelToken) -> None:
        """Wait until `count` bytes may leave. Zero or less gives nothing back: time passes all the same.

        Raises: Cancelled.
        """
        if self._parent is not None:
            self._parent.take(count, token)
        if self._rate is None:
            return
        with self._condition:
            while self._rate is not None:
                self._fill()
                if self._room >= 0:
                    self._room -= count
                    return
                self._condition.wait(min(_LOOK_S, -self._room / self._rate))
                token.raise_if_cancelled()

    def _fill(self) -> None:
        now = self._clock()
        if self._rate is not None:
            self._room = min(self._room + (now - self._filled_at) * self._rate, self._rate * _BURST_S)
        self._filled_at = now
