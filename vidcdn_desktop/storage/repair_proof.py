"""How it is known that a repaired object is what it should be.

Best: the store's checksum of the whole new object is the one that follows from the old object's and the changed bytes.
Where a store keeps no such checksum: the size, and samples read back, at the seams above all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import ChecksumMismatch
from vidcdn_desktop.storage.copying import Copier, replaced
from vidcdn_desktop.storage.port import Storage, StoredObject
from vidcdn_desktop.storage.repair_crc import derived
from vidcdn_desktop.storage.repair_parts import RepairPart, kept_ranges

SAMPLE = 32 << 10
"""Bytes of each sample."""

_SEAMS = 2
"""Seams between parts that are looked at."""

BY_SAMPLES = "size, samples read back"


@dataclass(frozen=True)
class Expected:
    """The full-object checksum the new object must have; both empty where it is not known."""

    algorithm: str = ""
    checksum: str = ""

    def is_of(self, stored: StoredObject) -> bool | None:
        """Whether an object has it; None where that cannot be told."""
        if not self.checksum or not stored.checksum or stored.checksum_algorithm != self.algorithm:
            return None
        return stored.checksum == self.checksum


class Proof:
    """Checks of one new object. One thread.

    Args:
        storage: Where it is.
        copier: Asks about it; not cancelled.
        old: The original's bytes.
        new: The bytes it must have.
        parts: How it was made; empty: it was sent whole.
    """

    def __init__(
        self,
        storage: Storage,
        copier: Copier,
        old: ByteSource,
        new: ByteSource,
        parts: tuple[RepairPart, ...],
    ) -> None:
        self._storage = storage
        self._copier = copier
        self._old = old
        self._new = new
        self._parts = parts

    def expected(self, original: StoredObject) -> Expected:
        """The checksum that follows from the one the store reports of the original."""
        if not original.checksum or not original.checksum_is_whole:
            return Expected()
        value = derived(original.checksum_algorithm, original.checksum, self._old, self._new, kept_ranges(self._parts))
        return Expected(original.checksum_algorithm, value) if value else Expected()

    def checked(self, stored: StoredObject, expected: Expected) -> StoredObject:
        """The object with the words for what proves it.

        Raises: ChecksumMismatch: it is not what it should be. Conflict: it is not there any more.
        """
        if not expected.is_of(stored):
            stored = self._looked_at(stored)
        right = expected.is_of(stored)
        if right is None:
            right = self.is_right(stored)
            words = BY_SAMPLES
        else:
            words = f"{expected.algorithm} of the whole object"
            words += ", worked out from the old one's" if self._parts else ""
        if not right:
            raise damaged(stored)
        return replace(stored, proved_by=words)

    def same_as(self, stored: StoredObject, helper: StoredObject) -> bool:
        """Whether an object is the same as one that was checked, which is still there."""
        if stored.size != helper.size:
            return False
        if stored.checksum and stored.checksum_algorithm == helper.checksum_algorithm and helper.checksum:
            return stored.checksum == helper.checksum
        return self._is_like(stored, _Stored(helper, self._read))

    def is_right(self, stored: StoredObject) -> bool:
        """Whether an object has the size and the samples it must have."""
        return self._is_like(stored, self._new)

    def _is_like(self, stored: StoredObject, wanted: ByteSource) -> bool:
        """Compare the beginning, some seams and the end."""
        if stored.size != wanted.size:
            return False
        size = min(SAMPLE, wanted.size)
        seams = [part.offset - size // 2 for part in self._parts if part.offset][:_SEAMS]
        places = sorted({max(0, min(at, wanted.size - size)) for at in (0, *seams, wanted.size - size)})
        return all(self._read(stored, at, size) == wanted.read_at(at, size) for at in places)

    def _read(self, stored: StoredObject, offset: int, length: int) -> bytes:
        data = self._storage.read_range(stored.ref, offset, length)
        self._copier.traffic.requests += 1
        self._copier.traffic.bytes_down += len(data)
        return data

    def _looked_at(self, stored: StoredObject) -> StoredObject:
        """What the store says of it once it is written."""
        found = self._copier.head(stored.ref, stored.version_id)
        if found.etag != stored.etag:
            raise replaced(stored.ref)
        if found.size != self._new.size:
            raise damaged(stored)
        return found if found.checksum_is_whole else replace(found, checksum="", checksum_algorithm="")


@dataclass(frozen=True)
class _Stored:
    """An object as a source of samples."""

    stored: StoredObject
    read: Callable[[StoredObject, int, int], bytes]

    @property
    def size(self) -> int:
        return self.stored.size

    def read_at(self, offset: int, length: int) -> bytes:
        return self.read(self.stored, offset, length)


def damaged(stored: StoredObject) -> ChecksumMismatch:
    """The error for an object that is not what it should be."""
    return ChecksumMismatch(
        "What the store made of the video is not what it should be.",
        "Look at the video before you share it.",
        "Download it and publish it again; this store does not copy well.",
        subject=str(stored.ref),
    )
