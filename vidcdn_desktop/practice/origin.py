"""What an edge fetches from: the buckets, read straight from moto's store, block by block."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import weakref
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol
from xml.sax.saxutils import escape

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3 import models as moto_s3

ACCOUNT_ID: str = DEFAULT_ACCOUNT_ID
BLOCK_BYTES = 256 * 1024
_INLINE_BYTES = 1024 * 1024
_HOST = re.compile(r"(?P<bucket>.+)\.s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?:\.cn)?")
_PASSED = ("content-type", "content-encoding", "content-disposition", "content-language", "cache-control", "expires")


class Body(Protocol):
    """The bytes of one version of an object. Any thread may read."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        ...


class BytesBody:
    """A small body, in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Body`."""
        return self._data[offset : offset + length]


class FileBody:
    """A large body in an open file, closed with the last reference."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.size = size
        weakref.finalize(self, file.close)

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Body`."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), length, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(length)


@dataclass(frozen=True)
class OriginAnswer:
    """What the origin says to a GET of the whole object."""

    status: int
    headers: dict[str, str]
    """Names in lower case; no length, no range."""
    body: Body
    etag: str = ""


def bucket_of(domain_name: str) -> str | None:
    """The bucket behind an S3 REST origin; None for any other host."""
    found = _HOST.fullmatch(domain_name.lower())
    return found["bucket"] if found else None


def error_xml(code: str, message: str) -> bytes:
    """An error document in the form S3 and CloudFront use."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error>"
    ).encode()


def _refusal(status: int, code: str, message: str) -> OriginAnswer:
    return OriginAnswer(status, {"content-type": "application/xml"}, BytesBody(error_xml(code, message)))


def fetch(bucket: str, key: str) -> OriginAnswer:
    """The current version of an object, or what S3 says to a reader without list permission.

    The answer keeps its bytes when the object is replaced or deleted later.
    """
    backend = moto_s3.s3_backends[ACCOUNT_ID]["aws"]
    if bucket not in backend.buckets:
        return _refusal(404, "NoSuchBucket", "The specified bucket does not exist")
    found = backend.get_object(bucket, key)
    if found is None:
        return _refusal(403, "AccessDenied", "Access Denied")
    try:
        body = _snapshot(found)
    except ValueError:  # deleted between the look-up and the read: its file is closed
        return _refusal(403, "AccessDenied", "Access Denied")
    return OriginAnswer(200, _headers(found), body, str(found.etag))


def current_etag(bucket: str, key: str) -> str | None:
    """The ETag of the current version; None if there is none."""
    backend = moto_s3.s3_backends[ACCOUNT_ID]["aws"]
    found = backend.get_object(bucket, key) if bucket in backend.buckets else None
    return None if found is None else str(found.etag)


def _headers(key: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in key.metadata.items():
        low = name.lower()
        if low in _PASSED or low.startswith("x-amz-meta-"):
            headers[low] = str(value)
    headers.setdefault("content-type", "binary/octet-stream")
    for name, value in key.response_dict.items():
        low = name.lower()
        if low not in ("content-length", "x-amz-sdk-checksum-algorithm"):
            headers[low] = str(value)
    return headers


def _snapshot(key: Any) -> Body:
    size = int(key.size)
    with key.lock:
        spool = key._value_buffer
        if size <= _INLINE_BYTES:
            spool.seek(0)
            return BytesBody(spool.read())
        if hasattr(os, "pread"):
            # A second descriptor of moto's own unlinked file: no copy, and it outlives the object.
            number = spool.fileno()
            spool.flush()
            return FileBody(os.fdopen(os.dup(number), "rb", buffering=0), size)
        copy = tempfile.TemporaryFile()  # noqa: SIM115  (FileBody closes it)
        spool.seek(0)
        while block := spool.read(BLOCK_BYTES):
            copy.write(block)
        copy.flush()
        return FileBody(copy, size)
