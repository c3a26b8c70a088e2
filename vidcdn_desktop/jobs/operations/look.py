"""Calls on single objects of a connection, for who only looks: the details of an object, its tags, its versions."""

from __future__ import annotations

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.storage.objects import ObjectCalls
from vidcdn_desktop.storage.remote_source import Traffic


def object_calls(connection: Connection, token: CancelToken, traffic: Traffic | None = None) -> ObjectCalls:
    """The calls of a connection; `token` cuts them within milliseconds. Any thread may use them."""
    clients = connection.clients
    return ObjectCalls(
        clients.s3,
        token,
        traffic or Traffic(),
        asking_client=clients.s3_transfer,
        expected_bucket_owner=connection.profile.expected_bucket_owner,
    )
