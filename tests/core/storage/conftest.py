"""Servers and buckets for the storage tests."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import servers
from faults import FaultProxy
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.s3 import S3Storage

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    """One moto server for all storage tests."""
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Endpoint]:
    """One Swift for all storage tests; skipped where it is not installed."""
    if not os.environ.get("VIDCDN_SWIFT_BIN"):
        pytest.skip("VIDCDN_SWIFT_BIN is not set")
    with servers.swift(tmp_path_factory.mktemp("swift")) as endpoint:
        yield endpoint


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """CPython 3.11 leaves a connection to the collector that is cut before its handshake is over."""
    for item in items:
        if "_https" in item.name:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"))


@pytest.fixture(autouse=True)
def _collected(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is left to the collector goes in the test that left it."""
    yield
    if "_https" in request.node.name:
        gc.collect()


def _over_tls(endpoint: servers.Endpoint, tls: tuple[Path, Path]) -> Iterator[servers.Endpoint]:
    """The same server behind https."""
    with FaultProxy(endpoint.url, tls=tls) as front:
        yield replace(endpoint, url=front.url, authority=str(tls[0]), name=f"{endpoint.name}-https")


@pytest.fixture(scope="session")
def moto_https(moto: servers.Endpoint, tls: tuple[Path, Path]) -> Iterator[servers.Endpoint]:
    """The moto server over https."""
    yield from _over_tls(moto, tls)


@pytest.fixture(scope="session")
def swift_https(swift: servers.Endpoint, tls: tuple[Path, Path]) -> Iterator[servers.Endpoint]:
    """The Swift server over https."""
    yield from _over_tls(swift, tls)


@pytest.fixture(params=["moto", pytest.param("swift", marks=pytest.mark.swift)])
def endpoint(request: pytest.FixtureRequest) -> servers.Endpoint:
    """Each real server in turn."""
    found: servers.Endpoint = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bucket(endpoint: servers.Endpoint) -> str:
    """A fresh bucket; after the test no upload may be left unfinished in it."""
    name = f"films-{next(_numbers)}"
    endpoint.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def storage(endpoint: servers.Endpoint) -> S3Storage:
    """The store under test."""
    return S3Storage(endpoint.client(), transfer_client=endpoint.client(attempts=0))  # as the program does


@pytest.fixture
def ref(bucket: str) -> ObjectRef:
    """A key in the fresh bucket."""
    return ObjectRef(bucket, "videos/landscape/été film-0123abcd.mp4")


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for loopback and its key."""
    return servers.self_signed(tmp_path_factory.mktemp("tls"))
