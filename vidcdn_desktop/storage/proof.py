"""How it is known that what is in the bucket is what was sent, and in what words the badge says so.

Best first: the store's own checksum of the whole object, equal to ours (no extra pass over the film: the checksums of
the parts are combined). Where a store keeps none: the size, the ETag of each part where it is the part's MD5, and some
ranges of the object read back and compared with the source.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.port import PartResult, Storage, StoredObject
from vidcdn_desktop.storage.replies import damaged

_log = logging.getLogger(__name__)

_READ_BACK = 64 << 10
_READ_TRIES = 3

BY_ANSWER = "the store's answer only"
"""The weakest: it said that it has the object, and no more could be asked."""


def proved(
    storage: Storage,
    stored: StoredObject,
    source: ByteSource,
    parts: Sequence[PartResult],
    algorithm: str = "",
    checksum: str = "",
) -> StoredObject:
    """The stored object with the words for what proves it.

    Args:
        storage: Where it is.
        stored: As the store's answer told.
        source: What was sent.
        parts: In parts, how each arrived.
        algorithm: Of `checksum`.
        checksum: Full-object checksum of what was sent; empty if it is not known.

    Raises: ChecksumMismatch: what was read back is not what was sent.
    """
    if not stored.checksum and checksum:
        stored = _looked_at_again(storage, stored, algorithm, checksum)
    if stored.checksum:
        return replace(stored, proved_by=f"{stored.checksum_algorithm} of the whole object")
    words = []
    kinds = {part.proof for part in parts}
    if parts and "" not in kinds:
        words.append(f"{' and '.join(sorted(kinds))} of each part")
    if _reads_back(storage, stored, source):
        words[:0] = ["size"]
        words.append("samples read back")
    return replace(stored, proved_by=", ".join(words) if words else BY_ANSWER)


def _looked_at_again(storage: Storage, stored: StoredObject, algorithm: str, checksum: str) -> StoredObject:
    """The answer told no checksum; the object may, unless it was replaced since."""
    try:
        found = storage.head(stored.ref)
    except VidcdnError as exc:
        _log.info("not looked at again: %s", exc.what)
        return stored
    if found.etag != stored.etag or found.checksum_algorithm != algorithm:
        return stored
    if found.checksum != checksum:
        raise damaged(stored.ref)
    return replace(stored, checksum=found.checksum, checksum_algorithm=algorithm)


def check_same(
    found: StoredObject, source: ByteSource, algorithm: str, checksum: str, token: CancelToken
) -> StoredObject:
    """Hold an object that was found to be ours against what was sent; gives it back.

    Args:
        found: What the bucket reports.
        source: What was sent; read once, only where the checksum is not known.
        algorithm: Of `checksum`.
        checksum: The full-object checksum of what was sent; empty if it is not known.
        token: Cancels the reading.

    Raises: ChecksumMismatch: the bucket holds something else. Cancelled.
    """
    if found.checksum:
        if not checksum or algorithm != found.checksum_algorithm:
            checksum = checksum_of(found.checksum_algorithm, source, 0, source.size, token=token)
        if checksum != found.checksum:
            raise damaged(found.ref)
    return found


def _reads_back(storage: Storage, stored: StoredObject, source: ByteSource) -> bool:
    """Compare the beginning, the middle and the end with the source; False if they cannot be read."""
    length = min(_READ_BACK, source.size)
    for offset in sorted({0, max(0, source.size // 2 - length // 2), source.size - length}):
        sent = source.read_at(offset, length)
        found = _read_whole(storage, stored, offset, length)
        if found is None:
            return False
        if found != sent and _read_whole(storage, stored, offset, length) not in (sent, None):
            raise damaged(stored.ref)  # twice the same way: no accident of the reading
    return True


def _read_whole(storage: Storage, stored: StoredObject, offset: int, length: int) -> bytes | None:
    """Exactly these bytes of the object; None if they cannot be had. An answer that breaks off proves nothing."""
    for _ in range(_READ_TRIES):
        try:
            found = storage.read_range(stored.ref, offset, length)
        except VidcdnError as exc:
            _log.info("not read back: %s", exc.what)
            if not exc.retryable:
                return None
        else:
            if len(found) == length:
                return found
    return None
