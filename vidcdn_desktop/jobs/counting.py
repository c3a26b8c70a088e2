"""Counting what a job reads from the disk and writes to it."""

from __future__ import annotations

import threading

from vidcdn_desktop.bytesource import ByteSource, layout_mark


class CountingSource:
    """A source that counts the bytes read through it. Any thread may read."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._bytes_read = 0

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._source.size

    @property
    def bytes_read(self) -> int:
        """Bytes given out so far."""
        return self._bytes_read

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`."""
        data = self._source.read_at(offset, length)
        with self._lock:
            self._bytes_read += len(data)
        return data

    def layout_mark(self) -> str:
        """See `MarkedSource.layout_mark`."""
        return layout_mark(self._source)


class LocalWrites:
    """Bytes of video written to the local disk for one job.

    Every step that would make a copy on disk must add what it writes; fast start and upload have nothing to add,
    and `tests/benchmarks` holds this figure against the operating system's own count.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total_bytes = 0

    def add(self, size_bytes: int) -> None:
        """Count bytes written."""
        with self._lock:
            self.total_bytes += size_bytes
