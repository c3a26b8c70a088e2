"""Waiting for good weather: jitter, patience, the network's return, expired sign-ins, and being stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import CancelToken, Paused
from vidcdn_desktop.storage.weather import Patience, Waiting, Weather

OFFLINE = e.Offline("There is no connection.", retryable=True)
ENDLESS = Patience(limit_s=None, first_s=0.01, longest_s=0.02)


class Call:
    """Fails as told, then works."""

    def __init__(self, *failures: e.VidcdnError) -> None:
        self.failures = list(failures)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def test_it_tries_until_it_works_and_tells_both_ends() -> None:
    told: list[Waiting | None] = []
    weather = Weather(ENDLESS, on_change=told.append)
    call = Call(*[OFFLINE] * 5)
    assert weather.run(call, CancelToken()) == "done"
    assert call.count == 6
    assert weather.retries == 5
    assert weather.waiting is None
    assert told[-1] is None
    assert all(isinstance(w, Waiting) and w.offline for w in told[:-1])


def test_waits_are_random_up_to_a_bound_that_doubles() -> None:
    bounds: list[float] = []

    def jitter(low: float, high: float) -> float:
        assert low == 0.0
        bounds.append(high)
        return 0.0

    weather = Weather(Patience(limit_s=None, first_s=0.5, longest_s=3.0), jitter=jitter)
    weather.run(Call(*[OFFLINE] * 5), CancelToken())
    assert bounds == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_patience_ends_and_the_error_is_the_last_one() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.4
        return now[0]

    weather = Weather(Patience(limit_s=3.0, first_s=0.001), clock=clock, jitter=lambda _a, _b: 0.0)
    call = Call(*[OFFLINE] * 100)
    with pytest.raises(e.Offline):
        weather.run(call, CancelToken())
    assert 2 <= call.count < 100


@pytest.mark.parametrize(
    "error",
    [e.AccessDenied("No."), e.KeyTaken("Taken."), e.Offline("The certificate could not be verified.")],
    ids=lambda error: error.kind,
)
def test_what_does_not_pass_is_told_at_once(error: e.VidcdnError) -> None:
    call = Call(error)
    with pytest.raises(type(error)):
        Weather(ENDLESS).run(call, CancelToken())
    assert call.count == 1


def test_bytes_that_arrive_wrong_three_times_are_no_accident() -> None:
    damaged = e.ChecksumMismatch("Damaged.", retryable=True)
    assert Weather(ENDLESS).run(Call(damaged, damaged), CancelToken()) == "done"
    with pytest.raises(e.ChecksumMismatch):
        Weather(ENDLESS).run(Call(*[damaged] * 3), CancelToken())
    with pytest.raises(e.ChecksumMismatch):
        Weather(ENDLESS).run(Call(damaged), CancelToken(), damaged_again=False)


def test_a_fresh_sign_in_is_used_and_without_one_it_is_told() -> None:
    expired = e.CredentialsExpired("Expired.")
    renewals: list[int] = []

    def renew() -> bool:
        renewals.append(1)
        return True

    assert Weather(ENDLESS, renew=renew).run(Call(expired, expired), CancelToken()) == "done"
    assert renewals
    for without in (None, lambda: False):
        with pytest.raises(e.CredentialsExpired):
            Weather(ENDLESS, renew=without).run(Call(expired), CancelToken())


def _waiting_thread(weather: Weather, token: CancelToken, outcome: list[object]) -> threading.Thread:
    def run() -> None:
        try:
            outcome.append(weather.run(Call(OFFLINE), token))
        except Paused as stopped:
            outcome.append(stopped)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _on_first_wait(event: threading.Event) -> Callable[[Waiting | None], None]:
    return lambda waiting: event.set() if waiting is not None else None


def test_a_pause_ends_the_waiting_at_once() -> None:
    waits, outcome, token = threading.Event(), [], CancelToken()
    weather = Weather(
        Patience(limit_s=None, first_s=3600), on_change=_on_first_wait(waits), jitter=lambda _low, high: high
    )
    thread = _waiting_thread(weather, token, outcome)
    assert waits.wait(20)
    token.pause()
    thread.join(5)
    assert [type(o) for o in outcome] == [Paused]


def test_the_return_of_the_network_ends_the_waiting() -> None:
    waits, outcome, looked = threading.Event(), [], threading.Event()

    def is_back() -> bool:
        looked.set()
        return True

    weather = Weather(
        Patience(limit_s=None, first_s=3600),
        on_change=_on_first_wait(waits),
        is_back=is_back,
        jitter=lambda _low, high: high,
    )
    thread = _waiting_thread(weather, CancelToken(), outcome)
    assert looked.wait(10)
    thread.join(10)
    assert outcome == ["done"]


def test_bytes_that_leave_end_the_announcement_but_not_the_patience() -> None:
    told: list[Waiting | None] = []
    now = [0.0]
    weather = Weather(
        Patience(limit_s=5.0), on_change=told.append, clock=lambda: now[0], jitter=lambda _low, _high: 0.0
    )

    def call() -> str:
        now[0] += 2.0
        weather.moving()
        raise OFFLINE

    with pytest.raises(e.Offline):
        weather.run(call, CancelToken())
    assert None in told
