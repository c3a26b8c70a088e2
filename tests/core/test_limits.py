"""The bandwidth limit: exact on average, shared, changeable, cancellable."""

from __future__ import annotations

import threading

import pytest

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.limits import RateLimiter


class Clock:
    """Time that passes only when somebody waits on the limiter's condition."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Waiting(threading.Condition):
    """A condition whose wait moves the clock instead of the thread."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.now += max(timeout or 0.0, 1e-6)
        return False


def limiter(rate: int | None, clock: Clock, parent: RateLimiter | None = None) -> RateLimiter:
    made = RateLimiter(rate, parent, clock)
    made._condition = Waiting(clock)
    return made


@pytest.mark.parametrize("rate", [100_000, 1_000_000, 20_000_000])
def test_the_average_is_the_limit_within_five_per_cent_over_ten_seconds(rate: int) -> None:
    clock, token = Clock(), CancelToken()
    limit = limiter(rate, clock)
    began, sent = clock.now, 0
    while clock.now - began < 10:
        block = limit.block(1 << 20)
        limit.take(block, token)
        sent += block
    assert sent / (clock.now - began) == pytest.approx(rate, rel=0.05)


def test_a_limited_block_is_a_twentieth_of_a_second() -> None:
    assert RateLimiter(1_000_000).block(1 << 20) == 50_000
    assert RateLimiter(None).block(1 << 20) == 1 << 20
    assert RateLimiter(10_000).block(1 << 20) == 4096


def test_idle_time_is_not_made_up_for_by_a_burst() -> None:
    clock, token = Clock(), CancelToken()
    limit = limiter(100_000, clock)
    clock.now += 3600
    began, sent = clock.now, 0
    while clock.now - began < 1:
        limit.take(5_000, token)
        sent += 5_000
    assert sent <= 100_000 * 1.11


def test_the_limit_of_all_holds_for_two_transfers_together() -> None:
    clock, token = Clock(), CancelToken()
    everything = limiter(200_000, clock)
    one, other = limiter(None, clock, everything), limiter(None, clock, everything)
    began, sent = clock.now, 0
    while clock.now - began < 10:
        for each in (one, other):
            each.take(10_000, token)
            sent += 10_000
    assert sent / (clock.now - began) == pytest.approx(200_000, rel=0.05)
    assert one.bytes_per_s == 200_000


def test_a_change_holds_from_the_next_block_on() -> None:
    clock, token = Clock(), CancelToken()
    limit = limiter(100_000, clock)
    limit.take(50_000, token)
    limit.set_rate(10_000_000)
    began, sent = clock.now, 0
    while clock.now - began < 1:
        limit.take(100_000, token)
        sent += 100_000
    assert sent == pytest.approx(10_000_000, rel=0.1)
    limit.set_rate(None)
    before = clock.now
    limit.take(1 << 30, token)
    assert clock.now == before


def test_a_waiting_thread_ends_with_a_cancel() -> None:
    limit, token = RateLimiter(1_000), CancelToken()
    limit.take(100_000, token)
    ended = threading.Event()

    def wait() -> None:
        try:
            limit.take(1, token)
        except Cancelled:
            ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    token.cancel()
    assert ended.wait(20)
    thread.join()
