"""Calls on single objects of a connection, for who only looks: the details of an object, its tags, its versions."""

from __future__ import annotations

from typing import TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.storage.object_looks import ObjectLooks
from vidcdn_desktop.storage.objects import ObjectCalls
from vidcdn_desktop.storage.remote_source import Traffic

_Calls = TypeVar("_Calls", bound=ObjectCalls)


def object_calls(connection: Connection, token: CancelToken, traffic: Traffic | None = None) -> ObjectCalls:
    """The calls of a connection; `token` cuts them within milliseconds. Any thread may use them."""
    return _made(ObjectCalls, connection, token, traffic)


def object_looks(connection: Connection, token: CancelToken, traffic: Traffic | None = None) -> ObjectLooks:
    """The same, with what only tells something."""
    return _made(ObjectLooks, connection, token, traffic)


def _made(kind: type[_Calls], connection: Connection, token: CancelToken, traffic: Traffic | None) -> _Calls:
    clients = connection.clients
    return kind(
        clients.s3,
        token,
        traffic or Traffic(),
        asking_client=clients.s3_transfer,
        expected_bucket_owner=connection.profile.expected_bucket_owner,
    )
