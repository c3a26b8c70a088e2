"""Fixtures of the delivery tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from delivery_edge import Edge, serve

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.http import HttpClient


@pytest.fixture
def edge() -> Iterator[Edge]:
    yield from serve()


@pytest.fixture
def token() -> CancelToken:
    return CancelToken()


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with HttpClient(connect_timeout_s=5, read_timeout_s=5) as client:
        yield client
