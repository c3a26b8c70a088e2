"""Is it live? Ask the CDN, as a viewer would, until the answer is the new video or time is up."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.check import check_url
from vidcdn_desktop.delivery.http import HttpClient
from vidcdn_desktop.delivery.invalidation import wait_for_invalidation
from vidcdn_desktop.delivery.model import DeliveryReport, Expected, Invalidation
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.network import AS_FOUND, NetworkSettings
from vidcdn_desktop.storage.port import StoredObject

_log = logging.getLogger(__name__)

_PATIENCE_S = 20.0
"""How long a fresh object may answer wrongly before we say so: an edge remembers an error for about 10 s."""

_PAUSE_S = 2.0
"""Between two questions to the edge."""

_SILENT_TRIES = 2
"""An edge that does not answer at all will not be waited for."""

_POLL_S = 5.0
_LOOPBACK_POLL_S = 0.25


def verify_expectation(stored: StoredObject, content_type: str, first_bytes: bytes) -> Expected:
    """What the edge should serve for an object we have just stored."""
    return Expected(size=stored.size, etag=stored.etag, content_type=content_type, first_bytes=first_bytes)


def check_delivery(
    url: str, expected: Expected | None, token: CancelToken, network: NetworkSettings = AS_FOUND
) -> DeliveryReport:
    """One delivery check.

    Args:
        url: The link.
        expected: What should be served; None if only what is served matters.
        token: Cancels.
        network: The user's proxy and authorities.

    Raises: Cancelled. SettingsInvalid: not a web address.
    """
    with HttpClient(network=network) as http:
        return check_url(url, expected=expected, token=token, http=http)


def refresh_and_check(
    connection: Connection,
    url: str,
    expected: Expected,
    invalidations: Sequence[Invalidation],
    token: CancelToken,
) -> DeliveryReport:
    """Wait for the invalidations, then check until the edge serves what is expected or patience ends.

    Raises: Cancelled.
    """
    for invalidation in invalidations:
        assert connection.cdn is not None
        interval = _LOOPBACK_POLL_S if connection.profile.is_practice else _POLL_S
        try:
            wait_for_invalidation(connection.cdn, invalidation, token=token, interval_s=interval)
        except VidcdnError as exc:
            # Whether it has finished may not be visible to this account; what the edge serves is.
            _log.info("the invalidation cannot be followed: %s", exc.what)
    deadline = time.monotonic() + _PATIENCE_S
    for number in itertools.count(1):
        report = check_delivery(url, expected, token, connection.network)
        unreachable = report.status is None and number >= _SILENT_TRIES
        if report.ok or unreachable or time.monotonic() > deadline:
            return report
        token.wait(_PAUSE_S)
        token.raise_if_cancelled()
    raise AssertionError("unreachable")
