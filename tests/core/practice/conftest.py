"""One practice cloud for these tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import urllib3
from practice_world import World, client

from vidcdn_desktop.practice.cloud import PracticeCloud


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with PracticeCloud.start(invalidation_delay_s=0.3, error_ttl_s=0.0) as cloud:
        clients = [client(cloud, name) for name in ("s3", "cloudfront", "sts")]
        with urllib3.PoolManager() as http:
            yield World(cloud, *clients, http)
        for one in clients:
            one.close()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Ask again and again until it is so; fails after 10 s."""

    def wait(condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 10
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < ends, "it did not happen within 10 s"
            pause.wait(0.02)

    return wait
