"""Fixtures of the delivery tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

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


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is taken, so that nobody else listens on it, and refuses connections."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
