"""Scanning a bucket: right facts from few bytes, nothing asked twice, and one bad object stops none of the others."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from repairs import World, world_on
from vidcdn_desktop import errors as e
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.scan import Looked, Outcome, Scanner
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.media.glance import HEAD, TAIL
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.storage.weather import Patience

ONCE = Patience(limit_s=0.0)
"""Nothing is tried again."""


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Endpoint]:
    if not os.environ.get("VIDCDN_SWIFT_BIN"):
        pytest.skip("VIDCDN_SWIFT_BIN is not set")
    with servers.swift(tmp_path_factory.mktemp("swift")) as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", pytest.param("swift", marks=pytest.mark.swift)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each store in turn."""
    with world_on(request.getfixturevalue(request.param)) as found:
        yield found


@pytest.fixture
def plain(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FactCache]:
    with FactCache(tmp_path / "facts") as opened:
        yield opened


def listed(connection: Connection) -> list[ObjectSummary]:
    return list(connection.storage.list_page(connection.profile.bucket, delimiter="").objects)


def scanner(connection: Connection, cache: FactCache, **options: Any) -> Scanner:
    return Scanner(connection.storage, "store", cache, **{"patience": ONCE, **options})


def look(connection: Connection, cache: FactCache, **options: Any) -> dict[str, Looked]:
    token = options.pop("token", None) or CancelToken()
    found = scanner(connection, cache, **options).look(connection.profile.bucket, listed(connection), token=token)
    return {looked.item.key: looked for looked in found}


def gets(world: World) -> int:
    return sum(exchange.request.operation == "GetObject" for exchange in world.proxy.exchanges)


def facts_of(looked: Looked) -> VideoFacts:
    assert looked.facts is not None, looked.error
    return looked.facts


def test_facts_come_once_and_are_known_from_then_on(
    world: World, cache: FactCache, clip_end: Path, clip_fast: Path
) -> None:
    world.put(clip_end.read_bytes(), "films/Été.mp4")
    world.put(clip_fast.read_bytes(), "films/tall.mp4")
    with world.connection() as connection:
        found = look(connection, cache)
        end, fast = facts_of(found["films/Été.mp4"]), facts_of(found["films/tall.mp4"])
        assert (end.place, end.video_codec, end.audio_codec, end.width) == (IndexPlace.END, "h264", "aac", 320)
        assert (fast.place, fast.width, fast.height) == (IndexPlace.FRONT, 180, 320)
        assert end.duration_s == pytest.approx(1.0, abs=0.1)
        assert all(looked.outcome is Outcome.READ for looked in found.values())
        assert gets(world) == sum(looked.requests for looked in found.values())
        asked = len(world.proxy.exchanges)
        items = listed(connection)
        assert scanner(connection, cache).known(world.bucket, items) == {k: v.facts for k, v in found.items()}
        assert len(world.proxy.exchanges) == asked + 1, "only the listing of this test"
        again = look(connection, cache)
        assert {looked.outcome for looked in again.values()} == {Outcome.KNOWN}
        assert [looked.item.key for looked in again.values()] == [item.key for item in items], "in order"
        assert gets(world) == sum(looked.requests for looked in found.values())

        world.put(clip_fast.read_bytes(), "films/Été.mp4")
        changed = look(connection, cache)
        assert changed["films/Été.mp4"].outcome is Outcome.READ
        assert facts_of(changed["films/Été.mp4"]).place is IndexPlace.FRONT
        assert changed["films/tall.mp4"].outcome is Outcome.KNOWN
        refreshed = look(connection, cache, refresh=True)
        assert {looked.outcome for looked in refreshed.values()} == {Outcome.READ}


def test_what_one_object_refuses_stops_none_of_the_others(plain: World, cache: FactCache, clip_end: Path) -> None:
    data = clip_end.read_bytes()
    for key in ("a-denied.mp4", "b-gone.mp4", "c-replaced.mp4", "e-broken.mp4", "f-good.mp4"):
        plain.put(data, key)
    plain.put(data, "d-archived.mp4", StorageClass="DEEP_ARCHIVE")
    answers = {
        "a-denied": xml_answer("403 Forbidden", "AccessDenied"),
        "e-broken": xml_answer("500 Internal Server Error", "InternalError"),
    }

    def plan(request: Request) -> Act:
        name = next((name for name in answers if name in request.target), None)
        return Act(Fault.ANSWER, answer=answers[name]) if name else Act()

    with plain.connection() as connection:
        items = listed(connection)
        plain.client.delete_object(Bucket=plain.bucket, Key="b-gone.mp4")
        plain.put(data[::-1], "c-replaced.mp4")
        plain.proxy.plan = plan
        found = list(scanner(connection, cache).look(plain.bucket, items, token=CancelToken()))
    errors = {looked.item.key: looked.error for looked in found if looked.error is not None}
    kinds = {key[0]: error.kind for key, error in errors.items()}
    assert kinds == {
        "a": "AccessDenied", "b": "ObjectNotFound", "c": "Conflict", "d": "ServiceTrouble", "e": "ServiceTrouble",
    }  # fmt: skip
    assert all(error.meaning == "What kind of video it is is not known." for error in errors.values())
    assert all(key in error.subject for key, error in errors.items())
    assert "archive" in errors["d-archived.mp4"].what
    assert facts_of(found[-1]).place is IndexPlace.END
    with plain.connection() as connection:
        plain.proxy.plan = lambda _request: Act()
        again = look(connection, cache)
    assert again["a-denied.mp4"].outcome is Outcome.READ, "a failure is not remembered"
    assert again["f-good.mp4"].outcome is Outcome.KNOWN


def test_a_scan_that_is_cancelled_goes_on_where_it_was(world: World, cache: FactCache, clip_fast: Path) -> None:
    for number in range(30):
        world.put(clip_fast.read_bytes(), f"{number:02}.mp4")
    token = CancelToken()
    world.when("GetObject", Phase.ARRIVED, token.cancel, nth=12)
    with world.connection() as connection:
        with pytest.raises(Cancelled):
            look(connection, cache, token=token)
        world.proxy.watch = lambda _phase, _request: None
        kept = len(scanner(connection, cache).known(world.bucket, listed(connection)))
        assert 1 <= kept < 30
        before = gets(world)
        found = look(connection, cache)
        assert sum(looked.outcome is Outcome.KNOWN for looked in found.values()) == kept
        assert gets(world) - before == 30 - kept
    assert all(looked.facts is not None for looked in found.values())


def test_a_cancel_does_not_wait_for_answers(plain: World, cache: FactCache, clip_fast: Path) -> None:
    plain.put(clip_fast.read_bytes(), "a.mp4")
    token = CancelToken()
    plain.proxy.plan = lambda request: (
        Act(Fault.STALL_REPLY, seconds=3600) if request.operation == "GetObject" else Act()
    )
    plain.when("GetObject", Phase.ARRIVED, token.cancel)
    with plain.connection() as connection, pytest.raises(Cancelled):
        look(connection, cache, token=token)


def test_leaving_the_loop_ends_all_threads(plain: World, cache: FactCache, clip_fast: Path) -> None:
    for number in range(20):
        plain.put(clip_fast.read_bytes(), f"{number:02}.mp4")
    drawn = []

    def items(connection: Connection) -> Iterator[ObjectSummary]:
        for item in itertools.cycle(listed(connection)):
            drawn.append(item.key)
            yield item

    with plain.connection() as connection:
        found = scanner(connection, cache).look(plain.bucket, items(connection), token=CancelToken())
        assert next(found).item.key == "00.mp4"
        found.close()
    assert len(drawn) <= 100
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scan")]


class _Counting(RateLimiter):
    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def take(self, count: int, token: CancelToken) -> None:
        self.taken += count


def test_every_request_and_every_byte_passes_the_limits(plain: World, cache: FactCache, clip_end: Path) -> None:
    for number in range(3):
        plain.put(clip_end.read_bytes(), f"{number}.mp4")
    requests, bandwidth = _Counting(), _Counting()
    with plain.connection() as connection:
        found = look(connection, cache, parallel=1, requests_per_s=requests, bandwidth=bandwidth)
    assert requests.taken == gets(plain) == sum(looked.requests for looked in found.values())
    assert bandwidth.taken == sum(looked.bytes_read for looked in found.values())


def test_a_key_that_is_refused_ends_the_scan(plain: World, cache: FactCache, clip_fast: Path) -> None:
    for number in range(40):
        plain.put(clip_fast.read_bytes(), f"{number:02}.mp4")
    with plain.connection() as connection:
        items = listed(connection)
        answer = xml_answer("403 Forbidden", "InvalidAccessKeyId")
        plain.proxy.plan = lambda _request: Act(Fault.ANSWER, answer=answer)
        with pytest.raises(e.CredentialsRejected):
            list(scanner(connection, cache).look(plain.bucket, items, token=CancelToken()))
        assert gets(plain) < 40


def test_without_a_network_the_scan_ends(plain: World, cache: FactCache, clip_fast: Path) -> None:
    for number in range(60):
        plain.put(clip_fast.read_bytes(), f"{number:02}.mp4")
    with plain.connection() as connection:
        items = listed(connection)
        plain.proxy.down.set()
        told = []
        with pytest.raises(e.Offline):
            told += scanner(connection, cache).look(plain.bucket, items, token=CancelToken())
        assert len(told) < 20


def test_a_bad_minute_passes(plain: World, cache: FactCache, clip_end: Path) -> None:
    plain.put(clip_end.read_bytes(), "a.mp4")
    busy = xml_answer("503 Slow Down", "SlowDown")
    plain.proxy.plan = lambda request: (
        Act(Fault.ANSWER, answer=busy) if request.operation == "GetObject" and request.nth <= 2 else Act()
    )
    with plain.connection() as connection:
        (looked,) = look(connection, cache, patience=Patience(first_s=0.01)).values()
    assert facts_of(looked).place is IndexPlace.END


@pytest.mark.corpus
def test_every_real_film_is_told_from_a_few_bytes(
    world: World, cache: FactCache, media_dir: Path, manifest: list[dict[str, Any]]
) -> None:
    for entry in manifest:
        world.put((media_dir / entry["name"]).read_bytes(), entry["name"])
    with world.connection() as connection:
        found = look(connection, cache)
    wrong = []
    for entry in manifest:
        looked = found[entry["name"]]
        if facts_of(looked).layout.value not in (entry["expected"], *entry["also_ok"]):
            wrong.append(f"{entry['name']}: {facts_of(looked).layout.value}")
        # Behind the head no more than the end of the file, and that only where the index may stand there.
        at_end = facts_of(looked).place not in (IndexPlace.FRAGMENTED, IndexPlace.FRONT, IndexPlace.NONE)
        if looked.bytes_read > HEAD + (TAIL if at_end else 4096) or looked.requests > 2:
            wrong.append(f"{entry['name']}: {looked.bytes_read} bytes in {looked.requests} requests")
    assert wrong == []
    assert len(found) == 80
