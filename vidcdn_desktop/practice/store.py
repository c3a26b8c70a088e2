"""Keeps films out of memory: moto's object store, with parts joined and objects written block by block.

moto joins the parts of an upload in memory several times over (1.4 GB for a film of 256 MiB, measured). Here the
largest thing in memory is one part, as it came over the wire.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from awscrt import checksums
from moto.s3 import models as moto_s3
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML

_BLOCK_BYTES = 1024 * 1024
_MIN_PART_BYTES = 5 * 1024 * 1024
"""S3's own limit for all parts but the last."""
_FULL_OBJECT: dict[str, tuple[Callable[[bytes, int], int], int]] = {
    "CRC64NVME": (checksums.crc64nvme, 8),
    "CRC32C": (checksums.crc32c, 4),
    "CRC32": (zlib.crc32, 4),
}
"""Checksums of a whole object that can be carried on from block to block, with their length in bytes."""


class JoinedParts:
    """The bytes of several parts in a row, in a file. Stands where moto expects the bytes of an object."""

    def __init__(self, parts: list[Any], checksum_algorithm: str) -> None:
        """Copy the parts; moto closes them before it asks for the bytes."""
        self.size: int = sum(part.contentsize for part in parts)
        self.file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  (the object it becomes closes it)
        self.file.rollover()
        carry_on, length = _FULL_OBJECT.get(checksum_algorithm, (_no_checksum, 0))
        value = 0
        for part in parts:
            with part.lock:
                part._value_buffer.seek(0)
                while block := part._value_buffer.read(_BLOCK_BYTES):
                    value = carry_on(block, value)
                    self.file.write(block)
        self.checksum = base64.b64encode(value.to_bytes(length, "big")).decode()

    def __len__(self) -> int:
        return self.size


def _no_checksum(_block: bytes, value: int = 0) -> int:
    return value


def install(key_class: Any = moto_s3.FakeKey, upload_class: Any = moto_s3.FakeMultipart) -> None:
    """Put our way of joining and storing into moto. Call once, before the first request."""
    upload_class.complete = _complete
    key_class.value = key_class.value.setter(_set_value)


def _set_value(key: Any, value: bytes | JoinedParts) -> None:
    key.contentsize = len(value)
    if isinstance(value, JoinedParts):
        key._value_buffer.close()
        key._value_buffer = value.file
        return
    spool = key._value_buffer
    spool.seek(0)
    spool.truncate()
    if key.contentsize > key._max_buffer_size:
        spool.rollover()  # straight to the file: the spool would hold all of it in memory first
    spool.write(value)


def _complete(upload: Any, listed: Iterable[tuple[int, str]]) -> tuple[JoinedParts, str, tuple[str, str, int] | None]:
    parts: list[Any] = []
    for number, etag in listed:
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        if parts and parts[-1].contentsize < _MIN_PART_BYTES:
            raise EntityTooSmall
        parts.append(part)
    if not parts:
        raise MalformedXML
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    builder = moto_s3.MultipartChecksumBuilder(
        upload.metadata.get("x-amz-checksum-algorithm"), upload.metadata.get("x-amz-checksum-type")
    )
    joined = JoinedParts(parts, builder.checksum_algorithm)
    if builder.checksum_type == "FULL_OBJECT" and joined.checksum:
        return joined, etag, ("FULL_OBJECT", joined.checksum, 1)
    for part in parts:
        builder.addPart(part.value)
    return joined, etag, builder.build()
