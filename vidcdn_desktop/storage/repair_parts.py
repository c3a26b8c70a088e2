"""How a repaired object is put together: which parts are sent, and which are copied out of the old object.

Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits"; Amazon S3 API Reference, UploadPartCopy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vidcdn_desktop.storage.parts import MAX_PART_SIZE, MIB

SMALLEST_PART = 5 * MIB
"""No part but the last may be smaller."""

LARGEST_COPY = 1 << 30
"""Bytes copied in one request: large ones are few, but the store takes its time over each."""

_COMFORTABLE_PARTS = 9_000


@dataclass(frozen=True)
class Piece:
    """A run of the new object: bytes of the old one, or new ones."""

    offset: int
    """In the new object."""
    length: int
    copied_from: int | None
    """Offset in the old object; None for new bytes."""

    @property
    def end(self) -> int:
        """Offset just behind it in the new object."""
        return self.offset + self.length


@dataclass(frozen=True)
class RepairPart:
    """One part of the new object."""

    number: int
    """1-based."""
    offset: int
    """In the new object."""
    length: int
    copied_from: int | None
    """Offset in the old object; None: it is sent."""


@dataclass(frozen=True)
class KeptRange:
    """Bytes of the old object that are not looked at but stand in the new one."""

    old_at: int
    new_at: int
    length: int


def plan_parts(pieces: Sequence[Piece], *, equal: bool = False) -> tuple[RepairPart, ...]:
    """Choose the parts of the new object so that little is sent and the store's limits are kept.

    Each part but the last has 5 MiB at least, each copy 1 GiB at most (more only where there would be more than
    9,000) and lies within one run of the old object.

    Args:
        pieces: The new object, in order, without gaps.
        equal: All parts but the last of one length, as Cloudflare R2 wants them.
    """
    size = pieces[-1].end if pieces else 0
    cuts = _equal_cuts(pieces, size) if equal else _cuts(pieces, size)
    return tuple(
        RepairPart(number, start, end - start, _origin(pieces, start, end))
        for number, (start, end) in enumerate(cuts, start=1)
    )


def kept_ranges(parts: Sequence[RepairPart]) -> tuple[KeptRange, ...]:
    """What the parts copy, in order; neighbours joined."""
    found: list[KeptRange] = []
    for part in parts:
        if part.copied_from is None:
            continue
        last = found[-1] if found else None
        if last and (last.old_at + last.length, last.new_at + last.length) == (part.copied_from, part.offset):
            found[-1] = KeptRange(last.old_at, last.new_at, last.length + part.length)
        else:
            found.append(KeptRange(part.copied_from, part.offset, part.length))
    return tuple(found)


def split_copies(size: int) -> tuple[RepairPart, ...]:
    """An object copied whole, in parts."""
    return plan_parts([Piece(0, size, 0)])


def _largest(size: int) -> int:
    return min(MAX_PART_SIZE, max(LARGEST_COPY, -(-size // _COMFORTABLE_PARTS)))


def _cuts(pieces: Sequence[Piece], size: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = 0
    while at < size:
        piece = _piece_at(pieces, at)
        if _is_copyable(piece, at, size):
            left = piece.end - at
            count = -(-left // _largest(size))
            bounds = [at + left * n // count for n in range(count + 1)]
            found += pairwise(bounds)
            at = piece.end
            continue
        end = min(size, max(at + SMALLEST_PART, piece.end))
        while end < size and not _is_copyable(_piece_at(pieces, end), end, size):
            end = _piece_at(pieces, end).end
        found.append((at, end))
        at = end
    return found


def _is_copyable(piece: Piece, at: int, size: int) -> bool:
    return piece.copied_from is not None and (piece.end - at >= SMALLEST_PART or piece.end == size)


def _equal_cuts(pieces: Sequence[Piece], size: int) -> list[tuple[int, int]]:
    first = _cuts(pieces, size)[0][1]
    step = min(MAX_PART_SIZE, max(SMALLEST_PART, -(-first // MIB) * MIB, -(-size // _COMFORTABLE_PARTS)))
    return [(at, min(at + step, size)) for at in range(0, size, step)]


def _piece_at(pieces: Sequence[Piece], at: int) -> Piece:
    return next(piece for piece in pieces if piece.offset <= at < piece.end)


def _origin(pieces: Sequence[Piece], start: int, end: int) -> int | None:
    piece = _piece_at(pieces, start)
    if piece.copied_from is None or end > piece.end:
        return None
    return piece.copied_from + start - piece.offset
