"""A frame of a video in a real bucket: by ranges of the very object that was meant, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import servers
from films import make_clip
from repairs import KEY, World, world_on
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Conflict, ObjectNotFound
from vidcdn_desktop.jobs.frames import frame_of
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.remote_source import Traffic

TOOLS = find_tools()


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Endpoint]:
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def world(server: servers.Endpoint) -> Iterator[World]:
    with world_on(server) as found:
        yield found


def test_ranges_of_the_object_that_was_listed_and_nothing_else(world: World, tmp_path: Path) -> None:
    data = make_clip(tmp_path / "f.mp4", size="640x360", seconds=8, options=("-b:v", "3M")).read_bytes()
    stored = StoredObject(world.ref, len(data), world.put(data))
    traffic = Traffic()
    with world.connection() as connection:
        before = len(world.proxy.exchanges)
        poster = frame_of(connection, stored, TOOLS, CancelToken(), traffic=traffic)
    asked = [exchange.request for exchange in world.proxy.exchanges[before:]]
    assert poster is not None
    assert (poster.width, poster.height) == (640, 360)
    assert {request.method for request in asked} == {"GET"}
    assert all("range" in request.headers and "if-match" in request.headers for request in asked)
    assert len(asked) == traffic.requests
    assert traffic.bytes_down < len(data) / 2


def test_another_object_under_the_name_is_not_looked_at(world: World, clip_end: Path) -> None:
    data = clip_end.read_bytes()
    stored = StoredObject(world.ref, len(data), world.put(data))
    world.put(b"something else, as long as it takes" * 100)
    with world.connection() as connection:
        with pytest.raises(Conflict):
            frame_of(connection, stored, TOOLS, CancelToken())
        gone = StoredObject(ObjectRef(world.bucket, f"{KEY}.gone"), 10, "etag")
        with pytest.raises(ObjectNotFound):
            frame_of(connection, gone, TOOLS, CancelToken())


def test_what_is_in_an_archive_is_not_asked_for(world: World) -> None:
    stored = replace(StoredObject(world.ref, 5_000_000, "etag"), storage_class="DEEP_ARCHIVE")
    with world.connection() as connection:
        before = len(world.proxy.exchanges)
        assert frame_of(connection, stored, TOOLS, CancelToken()) is None
        assert len(world.proxy.exchanges) == before
