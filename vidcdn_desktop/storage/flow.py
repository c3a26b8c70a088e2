"""How one transfer runs its requests: what stops it, who watches it, and how it is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.watch import Attempt, Watch
from vidcdn_desktop.storage.weather import Weather

_T = TypeVar("_T")

_LOOK_S = 0.5
"""How often the waiting thread looks after its tries."""


class Flow:
    """One transfer's means. The thread that began it waits; others send.

    Args:
        token: The user's cancel or pause.
        meter: Counts body bytes, each once.
        limiter: Holds the bandwidth down.
        weather: What to do when a request fails for a reason that passes.
    """

    def __init__(
        self, token: CancelToken, meter: ProgressMeter | None, limiter: RateLimiter | None, weather: Weather
    ) -> None:
        self.token = token
        self.meter = meter
        self.limiter = limiter
        self.weather = weather
        self.stop, self._untie = token.child()
        """Stops our own threads: when the user stops, and when one part has failed."""
        self._watch = Watch(weather.moving)
        self._stopped: Future[None] = Future()
        self._forget = token.on_cancel(self._on_stop)

    def _on_stop(self) -> None:
        self._stopped.set_result(None)

    def close(self) -> None:
        """The transfer has ended: listen to the user no more."""
        self._forget()
        self._untie()

    def halt(self) -> None:
        """Stop our own threads, whatever the user does from now on."""
        self.stop.cancel()
        self._untie()

    def attempt(self, length: int) -> AbstractContextManager[Attempt]:
        """One try at one request; see `Watch.attempt`."""
        return self._watch.attempt(self.stop, length, self.meter)

    def patiently(self, call: Callable[[], _T], *, damaged_again: bool = True) -> _T:
        """Call until it works; see `Weather.run`."""
        return self.weather.run(call, self.stop, damaged_again=damaged_again)

    def result(self, future: Future[_T]) -> _T:
        """Wait for one call; leave at once when the user stops.

        Raises: Cancelled, Paused, and what the call raised.
        """
        while not future.done():
            self.wait_for([future], _LOOK_S)
        return future.result()

    def result_whatever(self, future: Future[_T]) -> _T:
        """Wait for one call that the user can no longer stop."""
        while not future.done():
            wait([future], timeout=_LOOK_S)
            self._watch.look()
        return future.result()

    def wait_for(self, futures: Sequence[Future[Any]], timeout_s: float) -> None:
        """Wait until one has ended, or for a while; leave at once on the first failure or when the user stops.

        Raises: Cancelled, Paused, and what a call raised.
        """
        awaited: set[Future[Any]] = {*futures, self._stopped}
        wait(awaited, timeout=timeout_s, return_when=FIRST_COMPLETED)
        if self._stopped.done():
            raise self.token.stopped()
        for future in futures:
            if future.done():
                future.result()
        self._watch.look()
