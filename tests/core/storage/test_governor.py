"""The number of parts at the same time, on links that are simulated in numbers."""

from __future__ import annotations

from collections.abc import Callable

from vidcdn_desktop.storage.governor import FEW, MOST, Governor


def drive(
    governor: Governor, rate: Callable[[int, float], float], seconds: float, *, limit: int | None = None, at: float = 0
) -> float:
    """Let the governor watch a link that carries `rate(connections, time)` bytes/s; gives the bytes sent."""
    now, sent = at, 1.0
    while now < at + seconds:
        step = governor.interval_s
        now += step
        sent += rate(governor.target, now) * step
        governor.observe(now, int(sent), limit)
    return sent


def test_a_fast_link_stays_with_few_connections() -> None:
    governor = Governor(MOST, 1000)
    drive(governor, lambda _n, _t: 1.5e9, 20)
    assert governor.target in (FEW, FEW + 2)


def test_a_link_that_limits_each_connection_gets_all_of_them_within_a_tenth_of_a_second() -> None:
    governor = Governor(MOST, 1000)
    # The first megabytes vanish in the buffers of the sockets.
    drive(governor, lambda n, t: 2e9 if t < 0.03 else 4e6 * n, 0.1)
    assert governor.target == MOST
    drive(governor, lambda n, _t: 4e6 * n, 60, at=0.1)
    assert governor.target == MOST


def test_a_slow_line_goes_back_to_few() -> None:
    governor = Governor(MOST, 1000)
    drive(governor, lambda _n, _t: 2.5e6, 40)
    assert governor.target <= FEW + 2


def test_a_line_that_needs_eight_settles_at_eight() -> None:
    governor = Governor(MOST, 1000)
    drive(governor, lambda n, _t: min(n, 8) * 4e6, 30)
    assert governor.target in (8, 10)


def test_never_more_than_there_are_parts_or_the_user_allows() -> None:
    assert Governor(16, 3).target == 3
    governor = Governor(2, 1000)
    drive(governor, lambda n, _t: 1e6 * n, 10)
    assert governor.target == 2


def test_a_limit_of_the_user_keeps_connections_few_and_lifting_it_opens_again() -> None:
    governor = Governor(MOST, 1000)
    drive(governor, lambda _n, _t: 1e5, 5, limit=100_000)
    assert governor.target == 1
    drive(governor, lambda n, _t: 4e6 * n, 1, at=5)
    assert governor.target == MOST


def test_it_tries_more_when_the_link_gets_longer() -> None:
    governor = Governor(MOST, 1000)
    drive(governor, lambda _n, _t: 1e9, 5)
    drive(governor, lambda n, _t: 5e6 * n, 60, at=5)
    assert governor.target > FEW + 2
