"""The watchdog: silence ends a try, whatever the socket thinks; movement and the user's wish do not look like it."""

from __future__ import annotations

import threading

import pytest

import servers
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.storage import watch as watching
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage
from vidcdn_desktop.storage.upload import upload
from vidcdn_desktop.storage.watch import Watch
from vidcdn_desktop.storage.weather import Patience, Weather

MIB = 1 << 20


def test_a_silent_try_is_told_as_offline_and_can_be_repeated() -> None:
    watch, parent = Watch(stall_s=0.0), CancelToken()
    with pytest.raises(e.Offline) as caught, watch.attempt(parent, 100, None) as attempt:  # noqa: PT012 - the try is the test
        attempt.moved_at -= 1
        watch.look()
        attempt.token.raise_if_cancelled()
    assert caught.value.retryable
    assert caught.value.code == "Stalled"
    assert not parent.is_cancelled


def test_a_moving_try_is_left_alone() -> None:
    watch = Watch(stall_s=10.0)
    with watch.attempt(CancelToken(), 100, None) as attempt:
        attempt.moved_at -= 9
        attempt.add(10)
        watch.look()
        assert not attempt.token.is_cancelled


def test_a_cancel_of_the_user_is_not_taken_for_silence() -> None:
    watch, parent = Watch(stall_s=0.0), CancelToken()
    with pytest.raises(Cancelled), watch.attempt(parent, 100, None) as attempt:  # noqa: PT012 - the try is the test
        parent.cancel()
        attempt.token.raise_if_cancelled()


def test_after_a_sleep_the_connections_get_a_moment_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now, wall = [1000.0], [5000.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(watching.time, "time", lambda: wall[0])
    watch = Watch()
    with pytest.raises(e.Offline), watch.attempt(CancelToken(), 100, None) as attempt:  # noqa: PT012 - the try is the test
        now[0] += 1
        wall[0] += 3601  # the lid was closed for an hour; the monotonic clock stood still
        watch.look()
        assert not attempt.stalled
        now[0] += 4
        wall[0] += 4
        watch.look()
        attempt.token.raise_if_cancelled()


def test_a_half_open_connection_is_cut_and_the_part_sent_again(
    moto: servers.Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy takes one part's head and then reads nothing more, for good; the socket alone would wait a minute."""
    monkeypatch.setattr(watching, "STALL_S", 0.5)
    monkeypatch.setattr(watching, "REPLY_S", 0.5)
    moto.client().create_bucket(Bucket="half-open")
    ref, stall, stalled = ObjectRef("half-open", "a.mp4"), threading.Event(), threading.Event()
    with servers.FaultyProxy(moto.url) as proxy:

        def decide(_method: str, target: str) -> servers.Verdict:
            if "partNumber=2" in target and not stalled.is_set():
                stalled.set()
                return servers.Verdict(stall=stall)
            return servers.Verdict()

        proxy.decide = decide
        storage = S3Storage(moto.client(), transfer_client=moto.client(attempts=0, url=proxy.url))
        data = bytes(range(256)) * (20 * MIB // 256)
        weather = Weather(Patience(limit_s=None, first_s=0.01))
        upload(
            storage, BytesSource(data), ref, ObjectHeaders("video/mp4"),
            token=CancelToken(), only_if_absent=True, weather=weather,
        )  # fmt: skip
        stall.set()
    assert stalled.is_set()
    assert weather.retries >= 1
    assert storage.read_range(ref, 0, len(data) + 1) == data
