"""An object in the bucket as a `ByteSource`: only what is asked for comes over the network, and it comes once.

Memory is what `keep` allows plus the largest single read. Every request carries `If-Match`, so bytes of two different
objects are never mixed.

Source: Amazon S3 API Reference, GetObject.
"""

from __future__ import annotations

import threading
from bisect import insort
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.storage.port import RangeStream, StoredObject
from vidcdn_desktop.storage.weather import Weather

HEAD = 64 << 10
"""Bytes of the first look at an object: enough for the boxes in front, and in a film that is made well its index."""

TAIL = 384 << 10
"""So near the end everything up to it is fetched at once: the index of half an hour of film, and what stands behind."""

KEEP = 16 << 20
"""Bytes that are remembered."""


@dataclass
class Traffic:
    """What went over the network for one object. Bytes of bodies; a request the SDK sent again counts once."""

    bytes_down: int = 0
    bytes_up: int = 0
    bytes_copied: int = 0
    """Inside the store."""
    requests: int = 0


class RangeReader(Protocol):
    """The little of a `Storage` that reading takes."""

    def open_range(
        self, stored: StoredObject, offset: int, length: int, *, token: CancelToken, version_id: str = ""
    ) -> AbstractContextManager[RangeStream]:
        """See `Storage.open_range`."""
        ...


class RemoteSource:
    """A `ByteSource` over an object, by ranges. Any thread may read; one at a time is served.

    Args:
        storage: Where the object is.
        stored: The very object: size, ETag, and its version where the bucket keeps versions.
        token: Cancels a read within milliseconds.
        head: Its first bytes, where they are here already.
        traffic: Where bytes and requests are counted.
        ahead: A short read fetches so many bytes.
        tail: So near the end everything up to it is fetched.
        before: So many bytes in front of each read come along where they are not here yet, for who compares the end of
            the media later.
        keep: Bytes that are remembered; the oldest go first, but never the last read.
        weather: What to do when a request fails for a reason that passes.
    """

    def __init__(
        self,
        storage: RangeReader,
        stored: StoredObject,
        token: CancelToken,
        *,
        head: bytes = b"",
        traffic: Traffic | None = None,
        ahead: int = HEAD,
        tail: int = TAIL,
        before: int = 0,
        keep: int = KEEP,
        weather: Weather | None = None,
    ) -> None:
        self._storage = storage
        self._stored = stored
        self._token = token
        self.traffic = traffic if traffic is not None else Traffic()
        """What was read so far."""
        self._ahead, self._tail, self._before, self._keep = ahead, tail, before, keep
        self._weather = weather or Weather()
        self._lock = threading.Lock()
        self._blocks: list[tuple[int, bytes]] = [(0, head)] if head else []
        """(Offset, bytes), in order, never overlapping."""
        self._ages: list[int] = [0] if head else []
        """Offsets of the blocks, oldest first."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._stored.size

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`.

        Raises: Conflict: the object is another one by now. ObjectNotFound. Cancelled. What `Storage` raises.
        """
        end = min(offset + max(0, length), self.size)
        if end <= offset:
            return b""
        with self._lock:
            pieces: list[bytes] = []
            position = offset
            while position < end:
                block = self._block_at(position)
                if block is None:
                    block = self._fetch(position, end)
                start, data = block
                piece = data[position - start : end - start] if (start, end) != (position, start + len(data)) else data
                pieces.append(piece)
                position += len(piece)
            self._forget(offset, end)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def ignore_cancel(self) -> None:
        """From here on a cancel does not reach reads: what was begun is looked at to its end."""
        self._token = CancelToken()

    def missing(self, offset: int, length: int) -> int:
        """How many bytes of a range are not here yet."""
        end = min(offset + length, self.size)
        with self._lock:
            here = sum(max(0, min(end, at + len(data)) - max(offset, at)) for at, data in self._blocks)
        return max(0, end - offset - here)

    def _block_at(self, position: int) -> tuple[int, bytes] | None:
        return next((b for b in self._blocks if b[0] <= position < b[0] + len(b[1])), None)

    def _fetch(self, position: int, end: int) -> tuple[int, bytes]:
        stop = max(end, position + self._ahead)
        if self.size - position <= self._tail:
            stop = self.size
        known = max((at + len(data) for at, data in self._blocks if at <= position), default=0)
        start = max(known, position - self._before)
        following = min((at for at, _ in self._blocks if at > position), default=self.size)
        length = min(stop, following, self.size) - start
        data = self._weather.run(lambda: self._get(start, length), self._token)
        block = (start, data)
        insort(self._blocks, block)
        self._ages.append(start)
        return block

    def _get(self, offset: int, length: int) -> bytes:
        self.traffic.requests += 1
        pieces: list[bytes] = []
        left = length
        with self._storage.open_range(
            self._stored, offset, length, token=self._token, version_id=self._stored.version_id
        ) as stream:
            while left:
                piece = stream.read(min(left, 1 << 20))
                if not piece:
                    raise Offline(
                        "The connection broke while the video was being read.",
                        "The video in the bucket is as it was.",
                        "Check the network and try again.",
                        subject=str(self._stored.ref),
                        retryable=True,
                    )
                self.traffic.bytes_down += len(piece)
                left -= len(piece)
                pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _forget(self, start: int, end: int) -> None:
        """Drop the oldest blocks beyond what may be kept, but none of the read that has just been served."""
        held = sum(len(data) for _, data in self._blocks)
        sizes = {at: len(data) for at, data in self._blocks}
        for at in list(self._ages):
            if held <= self._keep:
                return
            if at < end and at + sizes[at] > start:
                continue
            held -= sizes[at]
            self._ages.remove(at)
            self._blocks = [block for block in self._blocks if block[0] != at]
