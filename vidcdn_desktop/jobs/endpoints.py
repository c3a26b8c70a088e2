"""What is known of each store: found out once per connection, and remembered for thirty days."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vidcdn_desktop import paths
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.clients import ClientSet
from vidcdn_desktop.credentials.model import ConnectionProfile
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.ownership import alone
from vidcdn_desktop.settings import read_json_file, write_json_file
from vidcdn_desktop.storage.calls import is_aws
from vidcdn_desktop.storage.capabilities import AWS, PRACTICE, EndpointProfile, from_json, to_json
from vidcdn_desktop.storage.probing import clean_up_probe, probe_endpoint, probe_key

_log = logging.getLogger(__name__)

VALID_FOR = timedelta(days=30)
"""A store is updated now and then; what it could not do may have been added."""

_VERSION = 1
_MOST = 200
"""Stores that are remembered; the oldest go first."""

_WAIT_S = 0.05


class EndpointBook:
    """The remembered profiles, in `endpoints.json`. A hint: a file that is lost or damaged is made anew.

    Any thread may call any method.

    Args:
        path: Another file than the one in the data folder.
        now: The time, aware UTC.
    """

    def __init__(self, path: Path | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()

    def recall(self, endpoint: str, bucket: str) -> EndpointProfile | None:
        """What was found out about a bucket's store in the last thirty days; None if nothing."""
        with self._lock:
            rows = self._rows()
        for row in rows:
            if row.get("endpoint") == endpoint and row.get("bucket") == bucket:
                profile = from_json(row)
                return profile if self._is_fresh(profile) else None
        return None

    def keep(self, endpoint: str, bucket: str, profile: EndpointProfile) -> None:
        """Remember what was found out. What cannot be written is only remembered by the caller."""
        row = {"endpoint": endpoint, "bucket": bucket, **to_json(profile)}
        with self._lock:
            others = [r for r in self._rows() if (r.get("endpoint"), r.get("bucket")) != (endpoint, bucket)]
            self._write(endpoints=[*others, row][-_MOST:])

    def begin(self, endpoint: str, bucket: str, key: str) -> None:
        """Write down the key a probe is about to use, so that it can be cleaned up if the process is killed."""
        with self._lock:
            self._write(pending=[*self._pending(), {"endpoint": endpoint, "bucket": bucket, "key": key}])

    def end(self, key: str) -> None:
        """The probe has cleaned up."""
        with self._lock:
            pending = self._pending()
            left = [row for row in pending if row.get("key") != key]
            if len(left) != len(pending):
                self._write(pending=left)

    def left_over(self, endpoint: str, bucket: str) -> list[str]:
        """Keys of probes whose process was ended in the middle."""
        with self._lock:
            rows = self._pending()
        return [str(r.get("key")) for r in rows if (r.get("endpoint"), r.get("bucket")) == (endpoint, bucket)]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold off other running copies of the program: one asks a store at a time."""
        try:
            path = self._file().with_suffix(".lock")
        except OSError:
            yield
            return
        with alone(path):
            yield

    def _is_fresh(self, profile: EndpointProfile) -> bool:
        if profile.checked_at is None:
            return False
        # From the future: the clock was wrong, then or now.
        return timedelta(0) <= self._now() - profile.checked_at <= VALID_FOR

    def _file(self) -> Path:
        return self._path or paths.data_dir() / "endpoints.json"

    def _read(self) -> dict[str, Any]:
        try:
            return read_json_file(self._file()) or {}
        except (VidcdnError, OSError) as exc:
            _log.warning("what is known of the stores cannot be read: %s", exc)
            return {}

    def _write(self, **fields: list[Any]) -> None:
        data = {"version": _VERSION, "endpoints": self._rows(), "pending": self._pending()[-_MOST:], **fields}
        try:
            write_json_file(self._file(), data)
        except (VidcdnError, OSError) as exc:
            _log.warning("what the store can do was not saved: %s", exc)

    def _rows(self) -> list[Mapping[str, Any]]:
        return _objects(self._read().get("endpoints"))

    def _pending(self) -> list[Mapping[str, Any]]:
        return _objects(self._read().get("pending"))


def _objects(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


class Endpoint:
    """The store of one connection: what is known of it now, and finding out. Any thread may call any method.

    Args:
        profile: The connection.
        clients: Its clients.
        has_cdn: Whether there is a CloudFront control API behind it.
        book: Where it is remembered.
        learned: Called, by the thread that asked, with every profile that was found out or recalled.
    """

    def __init__(
        self,
        profile: ConnectionProfile,
        clients: ClientSet,
        *,
        has_cdn: bool,
        book: EndpointBook,
        learned: Callable[[EndpointProfile], None],
    ) -> None:
        self._profile = profile
        self._clients = clients
        self._has_cdn = has_cdn
        self._book = book
        self._learned = learned
        self._asking = threading.Lock()
        self._known: EndpointProfile | None = None

    @property
    def is_given(self) -> bool:
        """Whether the store is known beforehand and never asked: Amazon S3 and the practice cloud."""
        return self._profile.is_practice or is_aws(self._clients.s3)

    def known(self) -> EndpointProfile | None:
        """What is known without asking the store; None if nothing. Reads a small file the first time."""
        if self._known is None:
            found: EndpointProfile | None
            if self._profile.is_practice:
                found = PRACTICE
            elif self.is_given:
                found = AWS
            else:
                found = self._book.recall(self._clients.endpoint, self._profile.bucket)
            if found is not None:
                self._adopt(found)
        return self._known

    def find_out(self, token: CancelToken, *, refresh: bool = False) -> EndpointProfile:
        """What the store can do, asked at most once. Blocks the first time; two askers wait for one answer.

        Args:
            token: Cancels.
            refresh: Ask again, whatever is known.

        Raises: Cancelled, and what `probe_endpoint` raises.
        """
        known = self.known()
        if known is not None and (self.is_given or not refresh):
            return known
        while not self._asking.acquire(timeout=_WAIT_S):
            token.raise_if_cancelled()
        try:
            if self._known is not None and self._known is not known:  # found out by the one we waited for
                return self._known
            found = self._probe(token)
            if found.is_known:  # without permission to write nothing is: ask again next time
                self._book.keep(self._clients.endpoint, self._profile.bucket, found)
            return self._adopt(found)
        finally:
            self._asking.release()

    def _probe(self, token: CancelToken) -> EndpointProfile:
        # Not the client that tries once: a kept connection that was closed meanwhile must not leave something behind.
        client, owner = self._clients.s3, self._profile.expected_bucket_owner
        endpoint, bucket = self._clients.endpoint, self._profile.bucket
        with self._book.alone():
            for key in self._book.left_over(endpoint, bucket):
                clean_up_probe(client, bucket, key, expected_bucket_owner=owner)
                self._book.end(key)
            key = probe_key(self._profile.prefix)
            self._book.begin(endpoint, bucket, key)
            try:
                return probe_endpoint(client, bucket, self._profile.prefix, token, expected_bucket_owner=owner, key=key)
            finally:
                self._book.end(key)

    def _adopt(self, found: EndpointProfile) -> EndpointProfile:
        found = found.with_cloudfront(self._has_cdn)
        self._learned(found)
        self._known = found
        return found
