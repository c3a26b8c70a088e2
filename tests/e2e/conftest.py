"""End-to-end tests share one practice cloud."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from patience import with_patience
from vidcdn_desktop.practice.cloud import PracticeCloud


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """CPython 3.11 leaves a connection to the collector that is cut before its handshake is over."""
    for item in items:
        if "-https" in item.name:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"))


@pytest.fixture(autouse=True)
def _collected(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is left to the collector goes in the test that left it."""
    yield
    if "-https" in request.node.name:
        gc.collect()


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """pytest-qt's, with patience."""
    return with_patience(qtbot)


@pytest.fixture(scope="session")
def practice_cloud() -> Iterator[PracticeCloud]:
    """A running practice cloud whose invalidations take 0.3 s; tests use keys of their own in its bucket."""
    with PracticeCloud.start(invalidation_delay_s=0.3) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def moto() -> Iterator[servers.Endpoint]:
    """One moto server for all tests of transfers."""
    with servers.moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Endpoint]:
    """One Swift for all tests of transfers; skipped where it is not installed."""
    if not os.environ.get("VIDCDN_SWIFT_BIN"):
        pytest.skip("VIDCDN_SWIFT_BIN is not set")
    with servers.swift(tmp_path_factory.mktemp("swift")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for loopback and its key."""
    return servers.self_signed(tmp_path_factory.mktemp("tls"))
