"""The user does not want to wait for the next try."""

from __future__ import annotations

import threading

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.storage.weather import Patience, Waiting, Weather


def test_whoever_waits_tries_at_once() -> None:
    waits = threading.Event()
    seen: list[Waiting | None] = []

    def heard(waiting: Waiting | None) -> None:
        seen.append(waiting)
        waits.set()

    # The first wait is ten minutes long: without the wish this test would not end.
    weather = Weather(Patience(None, first_s=600, longest_s=600), on_change=heard, jitter=lambda _low, high: high)
    tries: list[int] = []

    def call() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise Offline("No connection.", "", "", retryable=True)
        return "arrived"

    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(weather.run(call, CancelToken())))
    thread.start()
    assert waits.wait(10)
    weather.try_now()
    thread.join(10)
    assert answers == ["arrived"]
    assert len(tries) == 2
    assert weather.waiting is None
    assert seen[0] is not None
    assert seen[-1] is None


def test_in_good_weather_nothing_happens() -> None:
    weather = Weather()
    weather.try_now()
    assert weather.waiting is None
    assert weather.run(lambda: 1, CancelToken()) == 1
