"""Reading a range of an object as a stream, and being sure that it is the range and the object that was asked for.

Source: Amazon S3 API Reference, GetObject; RFC 9110, sections 13.1.1 (If-Match) and 14.4 (Content-Range).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from urllib3.exceptions import HTTPError

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Conflict, KeyTaken, Offline, ServiceTrouble, VidcdnError
from vidcdn_desktop.storage.calls import translating
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.replies import Reply, etag_of, head_to_object

_MEANING = "Nothing was downloaded."
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class S3RangeStream:
    """A `RangeStream` over the body of a GetObject reply."""

    def __init__(self, raw: Any, ref: ObjectRef) -> None:
        self._raw = raw
        self._ref = ref

    def read(self, size: int) -> bytes:
        """See `RangeStream.read`."""
        try:
            data: bytes = self._raw.read(size) or b""
        except (HTTPError, OSError) as exc:
            raise Offline(
                "The connection broke while the video was being received.",
                _MEANING,
                "Check the network and try again.",
                subject=str(self._ref),
                retryable=True,
                code=type(exc).__name__,
            ) from exc
        return data


@contextmanager
def open_range(
    client: Any,
    stored: StoredObject,
    offset: int,
    length: int,
    token: CancelToken,
    version_id: str,
    owner: Mapping[str, str],
) -> Iterator[S3RangeStream]:
    """Ask for `length` bytes of `stored` at `offset`; see `Storage.open_range`."""
    ref = stored.ref
    condition = {"IfMatch": f'"{stored.etag}"'} if stored.etag else {}
    version = {"VersionId": version_id} if version_id else {}
    with cuttable(token):
        try:
            with translating("GetObject", ref.bucket, ref.key):
                reply = client.get_object(
                    Bucket=ref.bucket,
                    Key=ref.key,
                    Range=f"bytes={offset}-{offset + length - 1}",
                    **condition,
                    **version,
                    **owner,
                )
        except KeyTaken as exc:  # how a failed condition reads when something is written
            raise _replaced(ref) from exc
        except VidcdnError as exc:
            raise _clearer(exc, stored) from exc
        # Leaving gives the connection back to the pool if the last byte was read, and closes it otherwise.
        with reply["Body"] as raw:
            _check(reply, stored, offset, length)
            yield S3RangeStream(raw, ref)


def head_version(client: Any, ref: ObjectRef, version_id: str, owner: Mapping[str, str]) -> StoredObject:
    """HeadObject of one version; see `Storage.head`."""
    with translating("GetObjectVersion", ref.bucket, ref.key):
        reply = client.head_object(
            Bucket=ref.bucket, Key=ref.key, VersionId=version_id, ChecksumMode="ENABLED", **owner
        )
    return head_to_object(ref, reply)


def _check(reply: Reply, stored: StoredObject, offset: int, length: int) -> None:
    """Hold the reply against what was asked for: stores exist that ignore a condition or a range."""
    etag = etag_of(reply)
    if etag and stored.etag and etag != stored.etag:
        raise _replaced(stored.ref)
    text = str(reply.get("ContentRange") or "")
    if not text and reply["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.PARTIAL_CONTENT:
        if offset == 0 and reply.get("ContentLength") == stored.size:
            return  # the whole object from its first byte
        raise _no_ranges(stored.ref)
    found = _CONTENT_RANGE.fullmatch(text)
    if found is not None and found[3] not in ("*", str(stored.size)):
        raise _replaced(stored.ref)
    if found is None or (int(found[1]), int(found[2])) != (offset, offset + length - 1):
        # A reply that was cut in its head, a late one to an earlier request, or a store that counts wrongly.
        raise ServiceTrouble(
            "The store answered with another part of the video than was asked for.",
            _MEANING,
            "Try again.",
            subject=str(stored.ref),
            retryable=True,
        )


def _clearer(exc: VidcdnError, stored: StoredObject) -> VidcdnError:
    if exc.code == "InvalidRange":  # a store that ignores the condition, and a shorter object
        return _replaced(stored.ref)
    if exc.code == "InvalidObjectState":
        return ServiceTrouble(
            f"The video is in an archive ({stored.storage_class}) and cannot be read from there.",
            _MEANING,
            "Restore it from the archive first.",
            subject=str(stored.ref),
            code=exc.code,
            request_id=exc.request_id,
        )
    return exc


def _replaced(ref: ObjectRef) -> Conflict:
    return Conflict(
        "The video in the bucket was replaced while it was being downloaded.",
        _MEANING,
        "Start the download again to get the new one.",
        subject=str(ref),
    )


def _no_ranges(ref: ObjectRef) -> ServiceTrouble:
    return ServiceTrouble(
        "The store does not give parts of an object.", _MEANING, "Download it with another tool.", subject=str(ref)
    )
