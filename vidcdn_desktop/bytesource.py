"""Bytes at an offset, without a cursor: a file, memory, and views made of ranges of others.

A fast-start view of a film is a `RangesSource`: a new head in memory followed by ranges of the original file. It
looks like the plain file, so any thread may read any part of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from vidcdn_desktop.errors import SourceChanged, SourceGone, SourceUnreadable, VidcdnError

_SLICE = 64 << 10


class ByteSource(Protocol):
    """Random-access bytes. Any thread may read at any time."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes at `offset`, fewer only where the source ends.

        Raises: SourceGone, SourceChanged, SourceUnreadable.
        """
        ...


@runtime_checkable
class MarkedSource(Protocol):
    """A source that can say after a restart whether it would give the same bytes as before."""

    def layout_mark(self) -> str:
        """What these bytes are made of, as a text that is equal for equal bytes; empty if that cannot be told.

        Made from facts that cost nothing (size and time of a file, bytes in memory, ranges), not by reading the film.
        """
        ...


def layout_mark(source: ByteSource) -> str:
    """The mark of a source; empty if it has none."""
    return source.layout_mark() if isinstance(source, MarkedSource) else ""


def layout_digest(source: ByteSource) -> str:
    """A digest of the planned bytes: an upload goes on after a restart only if it is the same. Empty: unknown."""
    mark = layout_mark(source)
    return hashlib.blake2b(mark.encode(), digest_size=16).hexdigest() if mark else ""


@dataclass(frozen=True)
class SourceIdentity:
    """What tells one state of a file from another."""

    size: int
    """Length in bytes."""
    mtime_ns: int
    """Modification time in nanoseconds since the epoch."""
    device: int
    """st_dev; 0 where the system has none."""
    file_id: int
    """st_ino; 0 where the system has none."""

    @classmethod
    def of(cls, status: os.stat_result) -> SourceIdentity:
        """The identity in a stat result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)


def source_error(exc: OSError, path: Path) -> VidcdnError:
    """Tell an OSError about the source file in words."""
    code = errno.errorcode.get(exc.errno or 0, "")
    if isinstance(exc, FileNotFoundError) or exc.errno in (errno.ENODEV, errno.ENXIO, errno.ESTALE):
        return SourceGone(
            "The file is no longer there.",
            "Nothing was published.",
            "Put it back or connect its disk again, then try once more.",
            subject=str(path),
            code=code,
        )
    if isinstance(exc, PermissionError):
        return SourceUnreadable(
            "This file may not be read by you.",
            "Nothing was published.",
            "Change the file's permissions, or copy it to a folder of yours.",
            subject=str(path),
            code=code,
        )
    if isinstance(exc, IsADirectoryError):
        return SourceUnreadable(
            "This is a folder, not a video.",
            "Nothing was published.",
            "Choose the videos inside it.",
            subject=str(path),
            code=code,
        )
    return SourceUnreadable(
        "The disk gave an error while this file was read.",
        "Nothing was published.",
        "Check the disk or the card, copy the file and try again.",
        subject=str(path),
        code=code,
    )


class FileSource:
    """A regular file, opened once. Close it, or use it as a context manager.

    Raises on opening: SourceGone, SourceUnreadable (no permission, folder, device, pipe).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        # O_NONBLOCK: opening a pipe without a writer must not hang; it has no effect on regular files.
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            self._fd = os.open(self.path, flags)
        except ValueError as exc:  # a NUL in the name
            raise SourceGone(
                "There is no file of this name.", "Nothing was published.", "Choose the file again.", subject=str(path)
            ) from exc
        except OSError as exc:
            raise source_error(exc, self.path) from exc
        try:
            status = os.fstat(self._fd)
            if stat.S_ISDIR(status.st_mode):
                raise source_error(IsADirectoryError(errno.EISDIR, "folder"), self.path)
            if not stat.S_ISREG(status.st_mode):
                raise SourceUnreadable(
                    "This is not a regular file.",
                    "Nothing was published.",
                    "Choose a video file.",
                    subject=str(path),
                )
        except BaseException:
            os.close(self._fd)
            raise
        self.identity = SourceIdentity.of(status)
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Length in bytes when the file was opened."""
        return self.identity.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes at `offset`, fewer only at the end. See `ByteSource.read_at`."""
        length = max(0, min(length, self.size - offset))
        if not length:
            return b""
        first = self._pread(offset, length)
        if len(first) == length:
            return first
        pieces = [first]
        got = len(first)
        while got < length:
            piece = self._pread(offset + got, length - got)
            if not piece:
                raise self._changed()
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)

    def _pread(self, offset: int, length: int) -> bytes:
        try:
            if hasattr(os, "pread"):
                return os.pread(self._fd, length, offset)
            with self._lock:  # Windows has no pread
                os.lseek(self._fd, offset, os.SEEK_SET)
                return os.read(self._fd, length)
        except OSError as exc:
            raise source_error(exc, self.path) from exc

    def layout_mark(self) -> str:
        """See `MarkedSource.layout_mark`. Device and inode are left out: a disk that was taken away gets new ones."""
        return f"file {self.identity.size} {self.identity.mtime_ns}"

    def check_unchanged(self) -> None:
        """Raise unless the path still names the very file that was opened, unchanged.

        Raises: SourceChanged: rewritten or replaced. SourceGone: deleted or moved away.
        """
        try:
            open_now = SourceIdentity.of(os.fstat(self._fd))
            path_now = SourceIdentity.of(os.stat(self.path))  # noqa: PTH116 - stat_result of a path that may vanish
        except OSError as exc:
            raise source_error(exc, self.path) from exc
        if open_now != self.identity or path_now != self.identity:
            raise self._changed()

    def _changed(self) -> SourceChanged:
        return SourceChanged(
            "The file changed while it was being sent.",
            "Nothing was published.",
            "Wait until the program that writes it has finished, then start again.",
            subject=str(self.path),
        )

    def close(self) -> None:
        """Close the file; twice is harmless. Reads after it are refused."""
        with self._lock:
            # Forgotten, not only closed: the number may name another file by now, and a late read would send that.
            descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`."""
        return self._data[offset : offset + max(0, length)]

    def view_at(self, offset: int, length: int) -> memoryview:
        """The same without a copy."""
        return memoryview(self._data)[offset : offset + max(0, length)]

    def layout_mark(self) -> str:
        """See `MarkedSource.layout_mark`."""
        return f"bytes {hashlib.blake2b(self._data, digest_size=16).hexdigest()}"


def block_at(source: ByteSource, offset: int, length: int) -> bytes | memoryview:
    """`read_at`, without a copy where the bytes are in memory. Raises what `read_at` raises."""
    return source.view_at(offset, length) if isinstance(source, BytesSource) else source.read_at(offset, length)


@dataclass(frozen=True)
class SourceRange:
    """`length` bytes of `source` from `offset`."""

    source: ByteSource
    offset: int
    length: int


class RangesSource:
    """Ranges of other sources, one after the other. Owns nothing; closing the parts is the caller's."""

    def __init__(self, ranges: Sequence[SourceRange]) -> None:
        self.ranges = tuple(r for r in ranges if r.length > 0)
        self._starts: list[int] = []
        position = 0
        for piece in self.ranges:
            self._starts.append(position)
            position += piece.length
        self._size = position

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`."""
        length = max(0, min(length, self._size - offset))
        if not length:
            return b""
        index = bisect_right(self._starts, offset) - 1
        inside = offset - self._starts[index]
        piece = self.ranges[index]
        if inside + length <= piece.length:  # the usual case, without a copy
            return piece.source.read_at(piece.offset + inside, length)
        pieces: list[bytes] = []
        while length:
            piece = self.ranges[index]
            # From a file in slices that stay in the processor's cache until they are joined; a second large buffer
            # costs several times as much. Other sources may pay for each question.
            most = _SLICE if isinstance(piece.source, FileSource) else length
            take = min(length, piece.length - inside, most)
            pieces.append(piece.source.read_at(piece.offset + inside, take))
            length -= take
            inside += take
            if inside == piece.length:
                index, inside = index + 1, 0
        return b"".join(pieces)

    def layout_mark(self) -> str:
        """See `MarkedSource.layout_mark`."""
        marks = {id(piece.source): layout_mark(piece.source) for piece in self.ranges}
        if not all(marks.values()):
            return ""
        return " ".join(f"[{piece.offset}+{piece.length} of {marks[id(piece.source)]}]" for piece in self.ranges)
