"""How an object is cut into parts.

Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits".
"""

from __future__ import annotations

from dataclasses import dataclass

from vidcdn_desktop.errors import UnsupportedMedia

MIB = 1 << 20

SINGLE_PUT_LIMIT = 8 * MIB
"""Objects up to this size go up in one request."""

MAX_PARTS = 10_000
MAX_PART_SIZE = 5 << 30
MAX_OBJECT_SIZE = MAX_PARTS * MAX_PART_SIZE

_SMALL_PART = 8 * MIB
_LARGE_PART = 16 * MIB
_LARGE_FROM = 256 * MIB
"""From here on large parts: half as many requests, a fifth faster and a fifth less CPU (measured on the byte sink), and
still a part for each of sixteen connections. Below, small ones, so that a slow link is filled by several."""
_COMFORTABLE_PARTS = 9_000
"""Doubling starts here, so that no upload comes near 10,000 parts."""


@dataclass(frozen=True)
class PartRange:
    """One part of an object."""

    number: int
    """1-based."""
    offset: int
    """Bytes from the start of the object."""
    length: int
    """Bytes."""


@dataclass(frozen=True)
class PartPlan:
    """Equal parts, the last one shorter."""

    size: int
    """Bytes of the object."""
    part_size: int
    """Bytes."""

    @property
    def count(self) -> int:
        """How many parts there are; at least one."""
        return max(1, -(-self.size // self.part_size))

    @property
    def ranges(self) -> tuple[PartRange, ...]:
        """The parts in order."""
        return tuple(
            PartRange(i + 1, i * self.part_size, min(self.part_size, self.size - i * self.part_size))
            for i in range(self.count)
        )


def plan_parts(size: int) -> PartPlan:
    """Choose the part size for an object of `size` bytes.

    Raises: UnsupportedMedia: larger than any object S3 stores.
    """
    if size > MAX_OBJECT_SIZE:
        raise UnsupportedMedia(
            "The file is larger than a bucket takes for one object (50 TB).",
            "Nothing was published.",
            "Cut the film into pieces.",
        )
    part_size = _SMALL_PART if size < _LARGE_FROM else _LARGE_PART
    while size / part_size > _COMFORTABLE_PARTS:
        part_size *= 2
    part_size = min(part_size, MAX_PART_SIZE)
    return PartPlan(size, part_size)
