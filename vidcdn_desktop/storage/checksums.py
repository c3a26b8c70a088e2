"""Full-object checksums made of the checksums of parts: CRC64NVME and CRC32.

Source: Amazon S3 User Guide, "Checking object integrity" (full-object checksum type).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from awscrt import checksums as crt

from vidcdn_desktop.bytesource import ByteSource, block_at
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.port import PartResult

_BLOCK = 1 << 20

ALGORITHMS = ("CRC64NVME", "CRC32", "")
"""What we can send, best first; the empty one means no checksum."""


@dataclass(frozen=True)
class _Crc:
    width: int
    """Bytes."""
    update: Callable[[bytes | memoryview, int], int]
    combine: Callable[[int, int, int], int]


# zlib's CRC32 is twice as fast as the one of awscrt; only awscrt knows CRC64NVME.
_CRCS = {
    "CRC64NVME": _Crc(8, crt.crc64nvme, crt.combine_crc64nvme),
    "CRC32": _Crc(4, zlib.crc32, crt.combine_crc32),
}


def _encode(value: int, width: int) -> str:
    return base64.b64encode(value.to_bytes(width, "big")).decode("ascii")


def _decode(text: str, width: int) -> int:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
    if len(raw) != width:
        raise ValueError("a checksum of another algorithm")
    return int.from_bytes(raw, "big")


def fed(algorithm: str, block: bytes, value: int = 0) -> int:
    """The running checksum `value` after one more block; see `written` for how it is told."""
    return _CRCS[algorithm].update(block, value)


def written(algorithm: str, value: int) -> str:
    """A running checksum as S3 writes it: base64 of the big-endian value."""
    return _encode(value, _CRCS[algorithm].width)


def checksum_of(
    algorithm: str, source: ByteSource, offset: int, length: int, *, token: CancelToken | None = None
) -> str:
    """The checksum of `length` bytes of `source` from `offset`, base64; empty for no algorithm.

    Reads 1 MiB at a time, so memory does not grow with `length`.

    Raises: SourceGone, SourceChanged, SourceUnreadable, Cancelled.
    """
    if not algorithm:
        return ""
    crc = _CRCS[algorithm]
    value = 0
    end = offset + length
    while offset < end:
        if token is not None:
            token.raise_if_cancelled()
        block = block_at(source, offset, min(_BLOCK, end - offset))
        if not block:
            break  # the sender meets the same end and tells it
        value = crc.update(block, value)
        offset += len(block)
    return _encode(value, crc.width)


def md5_of(source: ByteSource, offset: int, length: int, *, token: CancelToken) -> str:
    """The MD5 of `length` bytes of `source` from `offset`, as the hex digits many stores give as ETag.

    Raises: SourceGone, SourceChanged, SourceUnreadable, Cancelled.
    """
    digest = hashlib.md5(usedforsecurity=False)
    end = offset + length
    while offset < end:
        token.raise_if_cancelled()
        block = block_at(source, offset, min(_BLOCK, end - offset))
        if not block:
            break
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()


def combined(algorithm: str, parts: Sequence[PartResult]) -> str:
    """The checksum of the whole object from those of its parts, in order of part number; empty if one is missing."""
    if not algorithm or not parts:
        return ""
    crc = _CRCS[algorithm]
    total: int | None = None
    for part in sorted(parts, key=lambda p: p.number):
        try:
            value = _decode(part.checksum, crc.width)
        except ValueError:
            return ""
        total = value if total is None else crc.combine(total, value, part.size)
    return "" if total is None else _encode(total, crc.width)


def composite(algorithm: str, parts: Sequence[PartResult]) -> str:
    """The checksum of the parts' checksums, which some stores keep instead of a full-object one; without "-N"."""
    if not algorithm or not parts:
        return ""
    crc = _CRCS[algorithm]
    try:
        raw = b"".join(
            _decode(p.checksum, crc.width).to_bytes(crc.width, "big") for p in sorted(parts, key=lambda p: p.number)
        )
    except ValueError:
        return ""
    return _encode(crc.update(raw, 0), crc.width)
