"""An object read by ranges: right bytes, each once, and never those of another object."""

from __future__ import annotations

import os
import random

import pytest

import servers
from vidcdn_desktop import errors as e
from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.remote_source import HEAD, TAIL, RemoteSource
from vidcdn_desktop.storage.s3 import S3Storage

SIZE = 3_000_000


@pytest.fixture
def data(storage: S3Storage, ref: ObjectRef) -> bytes:
    content = os.urandom(SIZE)
    storage.put(ref, BytesSource(content), ObjectHeaders("video/mp4"), token=CancelToken())
    return content


def test_any_read_gives_the_right_bytes(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken(), keep=300_000)
    dice = random.Random(5)
    for _ in range(60):
        at, length = dice.randrange(SIZE + 10), dice.choice((0, 1, 16, 5_000, 200_000))
        assert source.read_at(at, length) == data[at : at + length]
    assert source.size == SIZE


def test_each_byte_comes_once(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken(), head=data[:HEAD])
    assert source.read_at(0, HEAD) == data[:HEAD]
    assert source.traffic.requests == 0
    assert source.read_at(0, 1_000_000) == data[:1_000_000]
    assert (source.traffic.requests, source.traffic.bytes_down) == (1, 1_000_000 - HEAD)
    assert source.missing(900_000, 200_000) == 100_000
    assert source.read_at(0, SIZE) == data
    assert source.traffic.bytes_down == SIZE - HEAD
    assert source.missing(0, SIZE) == 0


def test_near_the_end_one_request_takes_it_all(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken())
    for at in range(SIZE - TAIL, SIZE, 10_000):
        assert source.read_at(at, 16) == data[at : at + 16]
    assert (source.traffic.requests, source.traffic.bytes_down) == (1, TAIL)


def test_what_stands_before_a_read_comes_along(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken(), head=data[:HEAD], before=5_000)
    assert source.read_at(SIZE - 1_000, 16) == data[SIZE - 1_000 : SIZE - 984]
    assert source.read_at(SIZE - 6_000, 6_000) == data[-6_000:]
    assert (source.traffic.requests, source.traffic.bytes_down) == (1, 6_000)
    assert source.read_at(0, SIZE) == data
    assert source.traffic.bytes_down == SIZE - HEAD


def test_what_is_here_already_does_not_come_again(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken(), ahead=0, tail=1_000, before=5_000)
    assert source.read_at(SIZE - 4_000, 3_500) == data[SIZE - 4_000 : SIZE - 500]
    assert source.read_at(SIZE - 600, 600) == data[-600:]
    assert (source.traffic.requests, source.traffic.bytes_down) == (2, 9_000)


def test_memory_is_bounded(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken(), keep=200_000)
    for at in range(0, SIZE - TAIL, 100_000):
        source.read_at(at, 16)
    assert SIZE - source.missing(0, SIZE) <= 200_000 + HEAD


def test_bytes_of_two_objects_are_never_mixed(
    endpoint: servers.Endpoint, storage: S3Storage, ref: ObjectRef, data: bytes
) -> None:
    source = RemoteSource(storage, storage.head(ref), CancelToken())
    assert source.read_at(0, 10) == data[:10]
    endpoint.client().put_object(Bucket=ref.bucket, Key=ref.key, Body=data[::-1])
    with pytest.raises(e.Conflict):
        source.read_at(1_000_000, 10)


def test_a_cancel_ends_reading(storage: S3Storage, ref: ObjectRef, data: bytes) -> None:
    token = CancelToken()
    source = RemoteSource(storage, storage.head(ref), token)
    token.cancel()
    with pytest.raises(Cancelled):
        source.read_at(1_000_000, 10)
    source.ignore_cancel()
    assert source.read_at(1_000_000, 10) == data[1_000_000:1_000_010]
