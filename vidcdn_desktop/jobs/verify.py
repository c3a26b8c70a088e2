"""Is it live? Ask the CDN, as a viewer would, until the answer is the new video or time is up."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.check import check_url
from vidcdn_desktop.delivery.invalidation import wait_for_invalidation
from vidcdn_desktop.delivery.model import DeliveryReport, Expected, Invalidation
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.media.layout import read_layout
from vidcdn_desktop.storage.port import StoredObject

_PATIENCE_S = 20.0
"""How long a fresh object may answer wrongly before we say so: an edge remembers an error for about 10 s."""

_PAUSE_S = 2.0
"""Between two questions to the edge."""


def verify_expectation(stored: StoredObject, content_type: str, first_bytes: bytes) -> Expected:
    """What the edge should serve for an object we have just stored."""
    return Expected(size=stored.size, etag=stored.etag, content_type=content_type, first_bytes=first_bytes)


def check_delivery(url: str, expected: Expected | None, token: CancelToken) -> DeliveryReport:
    """One delivery check with our own box reader.

    Raises: Cancelled. SettingsInvalid: not a web address.
    """
    return check_url(url, expected=expected, token=token, read_layout=read_layout)


def refresh_and_check(
    connection: Connection,
    url: str,
    expected: Expected,
    invalidations: Sequence[Invalidation],
    token: CancelToken,
) -> DeliveryReport:
    """Wait for the invalidations, then check until the edge serves what is expected or patience ends.

    Raises: Cancelled, and what `Cdn.get_invalidation` raises.
    """
    for invalidation in invalidations:
        assert connection.cdn is not None
        wait_for_invalidation(connection.cdn, invalidation, token=token)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        report = check_delivery(url, expected, token)
        if report.ok or time.monotonic() > deadline:
            return report
        token.wait(_PAUSE_S)
        token.raise_if_cancelled()
