"""What the tests of glances share: files read by ranges without a server, and long films made of a few bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import moviebuilder as mb

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.media.glance import AHEAD
from vidcdn_desktop.storage.port import ObjectRef, RangeStream, StoredObject
from vidcdn_desktop.storage.remote_source import RemoteSource


class Sparse:
    """A file of any size that is zero but for some pieces."""

    def __init__(self, size: int, pieces: Mapping[int, bytes]) -> None:
        self.size = size
        self._pieces = pieces

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        data = bytearray(length)
        for at, piece in self._pieces.items():
            start, end = max(at, offset), min(at + len(piece), offset + length)
            if end > start:
                data[start - offset : end - offset] = piece[start - at : end - at]
        return bytes(data)


class Shelf:
    """A `RangeReader` over one source."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def open_range(
        self, stored: StoredObject, offset: int, length: int, *, token: CancelToken, version_id: str = ""
    ) -> AbstractContextManager[RangeStream]:
        return self._opened(offset, length)

    @contextmanager
    def _opened(self, offset: int, length: int) -> Iterator[RangeStream]:
        yield _Stream(self._source, offset, offset + length)


class _Stream:
    def __init__(self, source: ByteSource, at: int, end: int) -> None:
        self._source, self._at, self._end = source, at, end

    def read(self, size: int) -> bytes:
        data = self._source.read_at(self._at, min(size, self._end - self._at))
        self._at += len(data)
        return data


def remote(source: ByteSource) -> RemoteSource:
    """A source as a scan reads it."""
    stored = StoredObject(ObjectRef("bucket", "key"), source.size, "etag")
    return RemoteSource(Shelf(source), stored, CancelToken(), ahead=AHEAD, tail=0)


def mvhd(seconds: int, scale: int = 1000) -> bytes:
    """A movie header of so many seconds."""
    return mb.full(b"mvhd", bytes(8), struct.pack(">II", scale, seconds * scale), bytes(80))


def track(handler: bytes, coding: bytes, chunks: int, *, tables_first: bool = False, junk: int = 0) -> bytes:
    """A track of H.264 pictures 640×360 or AAC-like sound with a table of `chunks` chunks."""
    picture = struct.pack(">6xH16xHH50x", 1, 640, 360)
    sound = struct.pack(">6xH8xHHHHI", 1, 2, 16, 0, 0, 48000 << 16)
    entry = mb.box(coding, picture if handler == b"vide" else sound)
    stsd = mb.full(b"stsd", struct.pack(">I", 1), entry)
    stco = mb.full(b"stco", struct.pack(">I", chunks), struct.pack(">I", 40) * chunks)
    stts = mb.full(b"stts", struct.pack(">III", 1, chunks, 40))
    stsc = mb.full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1))
    stsz = mb.full(b"stsz", struct.pack(">II", 16, chunks))
    waste = [mb.box(b"free", bytes(AHEAD * 2))] * junk
    tables = [stts, stsc, stsz, stco]
    stbl = mb.box(b"stbl", *([*waste, *tables, stsd] if tables_first else [*waste, stsd, *tables]))
    dref = mb.full(b"dref", struct.pack(">I", 1), mb.SELF)
    minf = mb.box(b"minf", mb.full(b"vmhd", bytes(8), flags=1), mb.box(b"dinf", dref), stbl)
    hdlr = mb.full(b"hdlr", bytes(4), handler, bytes(12), b"x\0")
    mdhd = mb.full(b"mdhd", bytes(8), struct.pack(">II", 1000, chunks * 40), bytes(4))
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    size = struct.pack(">II", 640 << 16, 360 << 16) if handler == b"vide" else bytes(8)
    tkhd = mb.full(b"tkhd", bytes(8), struct.pack(">I", 1), bytes(24), matrix, size)
    return mb.box(b"trak", tkhd, mb.box(b"mdia", mdhd, hdlr, minf))


def index(chunks: int, *, seconds: int = 5400, **kind: int) -> bytes:
    """The index of a film with picture and sound, each with so many chunks."""
    return mb.box(
        b"moov",
        mvhd(seconds),
        track(b"vide", b"avc1", chunks, **kind),  # type: ignore[arg-type]
        track(b"soun", b"Opus", chunks, **kind),  # type: ignore[arg-type]
    )


def long_film(moov: bytes, media_bytes: int, *, index_first: bool) -> Sparse:
    """A film of any length whose media is zero."""
    mdat = struct.pack(">I4sQ", 1, b"mdat", media_bytes + 16)
    ftyp = mb.FTYP
    if index_first:
        head = ftyp + moov + mdat
        return Sparse(len(head) + media_bytes, {0: head})
    head = ftyp + mdat
    return Sparse(len(head) + media_bytes + len(moov), {0: head, len(head) + media_bytes: moov})
