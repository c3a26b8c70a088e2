"""The checksum of a repaired object, worked out from the old one's, without reading what both have in common.

The CRC of bytes one after the other is the sum (exclusive or) of the CRC of each run, multiplied by x to the power of
the bits that follow it. So from the CRC of the old object and of its few changed bytes follows the CRC of all that was
kept, and from that the CRC of the new object. A store that reports this very value has the right bytes.

Source: Mark Adler, zlib, crc32.c (`crc32_combine`, the representation of polynomials); Amazon S3 User Guide, "Checking
object integrity" (full-object checksums).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.storage.checksums import fed, written
from vidcdn_desktop.storage.repair_parts import KeptRange

_BLOCK = 1 << 20

WORTH_READING = 256 << 10
"""A kept range up to this length is read where it stands in the way of the arithmetic."""


@dataclass(frozen=True)
class _Field:
    """Polynomials over GF(2) modulo the one of a CRC; the highest bit is the coefficient of x to the power of 0."""

    width: int
    modulus: int

    @property
    def one(self) -> int:
        return 1 << (self.width - 1)

    def times(self, a: int, b: int) -> int:
        product = 0
        for bit in range(self.width - 1, -1, -1):
            if a >> bit & 1:
                product ^= b
            b = (b >> 1) ^ (self.modulus if b & 1 else 0)
        return product

    def power_of_x(self, exponent: int) -> int:
        """X to a power, which may be negative: x has an inverse, since the modulus has a constant term."""
        base = self.one >> 1 if exponent >= 0 else ((self.one ^ self.modulus) << 1) | 1
        found, left = self.one, abs(exponent)
        while left:
            if left & 1:
                found = self.times(found, base)
            base = self.times(base, base)
            left >>= 1
        return found

    def moved(self, value: int, by: int) -> int:
        """The CRC of a run after `by` more bytes follow it (fewer, if negative)."""
        return self.times(value, self.power_of_x(8 * by)) if by and value else value


_FIELDS = {"CRC64NVME": _Field(64, 0x9A6C9329AC4BC9B5), "CRC32": _Field(32, 0xEDB88320)}
"""Source: NVM Express NVM Command Set Specification (64b CRC, bits in reverse order); ISO/IEC 3309."""


def derived(algorithm: str, checksum: str, old: ByteSource, new: ByteSource, kept: Sequence[KeptRange]) -> str:
    """The checksum of `new`, base64; empty where it cannot be told.

    Args:
        algorithm: "CRC64NVME" or "CRC32".
        checksum: Full-object checksum of `old`, base64.
        old: The old object; read outside the kept ranges.
        new: The new object; read outside the kept ranges.
        kept: What both have in common and is not to be read. Short ones may be read all the same.

    Raises: what the sources raise.
    """
    field = _FIELDS.get(algorithm)
    if field is None:
        return ""
    try:
        raw = base64.b64decode(checksum, validate=True)
    except binascii.Error:
        return ""
    if len(raw) * 8 != field.width:
        return ""
    kept = _of_one_move(kept, old.size, new.size)
    if not kept:
        return ""
    total = int.from_bytes(raw, "big")
    for start, end in _between([(k.old_at, k.old_at + k.length) for k in kept], old.size):
        total ^= field.moved(_crc(algorithm, old, start, end), old.size - end)
    total = field.moved(total, -_move(kept[0], old.size, new.size))
    for start, end in _between([(k.new_at, k.new_at + k.length) for k in kept], new.size):
        total ^= field.moved(_crc(algorithm, new, start, end), new.size - end)
    return written(algorithm, total)


def _move(kept: KeptRange, old_size: int, new_size: int) -> int:
    """How many bytes fewer follow the range in the new object."""
    return (old_size - kept.old_at) - (new_size - kept.new_at)


def _of_one_move(kept: Sequence[KeptRange], old_size: int, new_size: int) -> tuple[KeptRange, ...]:
    """The ranges that moved like the longest one; nothing if one of the others is too long to be read."""
    if not kept:
        return ()
    move = _move(max(kept, key=lambda k: k.length), old_size, new_size)
    others = [k for k in kept if _move(k, old_size, new_size) != move]
    if sum(k.length for k in others) > WORTH_READING:
        return ()
    return tuple(k for k in kept if k not in others)


def _between(ranges: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    position = 0
    for start, end in sorted(ranges):
        if start > position:
            yield position, start
        position = end
    if size > position:
        yield position, size


def _crc(algorithm: str, source: ByteSource, start: int, end: int) -> int:
    value = 0
    while start < end:
        block = source.read_at(start, min(_BLOCK, end - start))
        if not block:
            break
        value = fed(algorithm, block, value)
        start += len(block)
    return value
