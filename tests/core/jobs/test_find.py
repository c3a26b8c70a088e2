"""A search through a bucket: what matches comes while it is listed, and films are looked at no more than needed."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import servers
from repairs import World, world_on
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.find import Found, find
from vidcdn_desktop.jobs.query import Start, start_of
from vidcdn_desktop.jobs.query_text import read
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts
from vidcdn_desktop.storage.weather import Patience


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def world(moto: servers.Endpoint) -> Iterator[World]:
    with world_on(moto) as found:
        yield found


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FactCache]:
    with FactCache(tmp_path / "facts") as opened:
        yield opened


def search(connection: Connection, cache: FactCache | None, text: str, token: CancelToken | None = None) -> list[Found]:
    bucket = connection.profile.bucket
    scanner = Scanner(connection.storage, "store", cache, patience=Patience(limit_s=0.0)) if cache else None

    def pages(own: CancelToken) -> Iterable[ListedPage]:
        return connection.storage.list_pages(bucket, token=own)

    return list(find(pages, read(text).query, token=token or CancelToken(), bucket=bucket, scanner=scanner))


def keys(found: list[Found]) -> list[str]:
    return [key for part in found for key in part.page.keys]


def gets(world: World) -> int:
    return sum(exchange.request.operation == "GetObject" for exchange in world.proxy.exchanges)


def test_what_a_listing_tells_needs_no_look(world: World, cache: FactCache) -> None:
    for key, size in {"a/lake.mp4": 2000, "a/lake.jpg": 2000, "b/Lake.mov": 10, "b/other.mp4": 5000}.items():
        world.put(bytes(size), key)
    with world.connection() as connection:
        assert keys(search(connection, cache, "lake kind:video")) == ["a/lake.mp4", "b/Lake.mov"]
        found = search(connection, cache, "size:>1kB kind:video age:<1d class:standard")
        assert keys(found) == ["a/lake.mp4", "b/other.mp4"]
    assert found[-1].progress.words() == "2 found in 4 objects"
    assert gets(world) == 0


def test_only_films_that_match_the_rest_are_looked_at_and_once(
    world: World, cache: FactCache, clip_end: Path, clip_fast: Path
) -> None:
    for key in ("a/end.mp4", "b/end.mp4"):
        world.put(clip_end.read_bytes(), key)
    world.put(clip_fast.read_bytes(), "a/fast.mp4")
    world.put(clip_end.read_bytes(), "a/small-name.jpg")
    world.put(b"no film at all", "a/tiny.mp4")
    with world.connection() as connection:
        found = search(connection, cache, "a/ size:>1kB starts:slowly")
        assert keys(found) == ["a/end.mp4"]
        (facts,) = [facts for part in found for facts in part.facts]
        assert start_of(facts) is Start.SLOWLY
        last = found[-1].progress
        assert (last.listed, last.videos, last.looked, last.failed) == (5, 2, 2, 0)
        assert last.words() == "1 found, 2 of 2 videos looked at"
        asked = gets(world)
        assert keys(search(connection, cache, "size:>1kB starts:slowly,at-once")) == [
            "a/end.mp4", "a/fast.mp4", "b/end.mp4",
        ]  # fmt: skip
        assert gets(world) > asked, "b/end.mp4 is new"
        asked = gets(world)
        assert keys(search(connection, cache, "size:>1kB starts:at-once")) == ["a/fast.mp4"]
        assert gets(world) == asked, "all is known by now"
        assert keys(search(connection, None, "end starts:unknown")) == ["a/end.mp4", "b/end.mp4"]
        assert keys(search(connection, None, "starts:slowly")) == []


def test_a_film_that_cannot_be_looked_at_is_counted_and_stops_nothing(
    world: World, cache: FactCache, clip_end: Path
) -> None:
    world.put(clip_end.read_bytes(), "a.mp4", StorageClass="DEEP_ARCHIVE")
    world.put(clip_end.read_bytes(), "b.mp4")
    with world.connection() as connection:
        found = search(connection, cache, "starts:slowly,unknown")
    assert keys(found) == ["a.mp4", "b.mp4"]
    assert found[-1].progress.failed == 1


def test_many_films_over_many_pages_are_told_by_key_within_each_part(world: World, cache: FactCache) -> None:
    with world.connection() as connection:

        def pages(_own: CancelToken) -> Iterator[ListedPage]:
            for first in (200, 0, 100):  # as they come, in any order
                names = [f"{n:03d}.mp4" for n in range(first, first + 100)]
                numbers = array("q", [7] * 100)
                yield ListedPage(names, numbers, numbers, PackedTexts(["e"] * 100), ["STANDARD"] * 100, [])

        bucket = connection.profile.bucket
        scanner = Scanner(connection.storage, "store", cache, patience=Patience(limit_s=0.0))
        found = list(
            find(pages, read("starts:unknown").query, token=CancelToken(), bucket=bucket, scanner=scanner)
        )  # none of them is there
    assert [key for part in found for key in part.page.keys] == [
        f"{n:03d}.mp4" for first in (200, 0, 100) for n in range(first, first + 100)
    ]
    assert len({part.page.keys[0] for part in found if len(part.page)}) >= 3, "no part reaches over two pages"
    assert all(len({int(key[0]) for key in part.page.keys}) <= 1 for part in found)
    assert found[-1].progress.failed == 300


def test_a_fault_of_the_listing_comes_after_what_was_found_and_a_cancel_ends_all(
    world: World, cache: FactCache, clip_end: Path
) -> None:
    world.put(clip_end.read_bytes(), "a.mp4")
    token = CancelToken()
    with world.connection() as connection:
        bucket = connection.profile.bucket
        scanner = Scanner(connection.storage, "store", cache)
        real = list(connection.storage.list_pages(bucket, token=token))

        def cut(_own: CancelToken) -> Iterator[ListedPage]:
            yield from real
            raise Offline("There is no connection.")

        asked = read("starts:slowly").query
        told = find(cut, asked, token=token, bucket=bucket, scanner=scanner)
        assert next(told).page.keys == ["a.mp4"]
        with pytest.raises(Offline):
            list(told)

        def endless(own: CancelToken) -> Iterator[ListedPage]:
            yield from real
            own.wait(60)
            own.raise_if_cancelled()

        told = find(endless, asked, token=token, bucket=bucket, scanner=scanner)
        assert next(told).page.keys == ["a.mp4"]
        token.cancel()
        with pytest.raises(Cancelled):
            list(told)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("find")]
