"""Small MP4 files made box by box, and a reader of sample places that shares no code with the product."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def box(kind: bytes, *parts: bytes, wide: bool = False, to_end: bool = False) -> bytes:
    """A box; `wide` writes a 64-bit size, `to_end` a size of 0."""
    body = b"".join(parts)
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body
    return struct.pack(">I4s", 0 if to_end else len(body) + 8, kind) + body


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def stco(offsets: Sequence[int]) -> bytes:
    return full(b"stco", struct.pack(f">I{len(offsets)}I", len(offsets), *offsets))


def co64(offsets: Sequence[int]) -> bytes:
    return full(b"co64", struct.pack(f">I{len(offsets)}Q", len(offsets), *offsets))


SELF = full(b"url ", flags=1)
ELSEWHERE = full(b"url ", b"http://example.org/other.mov\0")
UNFLAGGED = full(b"url ", b"\0")


def trak(
    offsets: bytes,
    count: int,
    size: int = 16,
    *,
    sizes: Sequence[int] | None = None,
    references: Sequence[bytes] = (SELF,),
    described_by: Sequence[int] = (1,),
    more: Sequence[bytes] = (),
    handler: bytes = b"vide",
    per_chunk: int = 1,
) -> bytes:
    """A track with one sample of `size` bytes (or those in `sizes`) per chunk."""
    samples = count * per_chunk
    entries = [box(b"avc1", bytes(6), struct.pack(">H", n), bytes(70)) for n in described_by]
    stsz = struct.pack(">II", 0, len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes) if sizes else None
    stbl = box(
        b"stbl",
        full(b"stsd", struct.pack(">I", len(entries)), *entries),
        full(b"stts", struct.pack(">III", 1, samples, 512)),
        full(b"stsc", struct.pack(">IIII", 1, 1, per_chunk, 1)),
        full(b"stsz", stsz or struct.pack(">II", size, samples)),
        offsets,
        *more,
    )
    dref = full(b"dref", struct.pack(">I", len(references)), *references)
    minf = box(b"minf", full(b"vmhd", bytes(8), flags=1), box(b"dinf", dref), stbl)
    hdlr = full(b"hdlr", bytes(4), handler, bytes(12), b"x\0")
    return box(b"trak", full(b"tkhd", bytes(80)), box(b"mdia", full(b"mdhd", bytes(20)), hdlr, minf))


MVHD = full(b"mvhd", bytes(96))
FTYP = box(b"ftyp", b"isom", bytes(4), b"isomiso2")


def moov(*traks: bytes, more: Sequence[bytes] = (), wide: bool = False, to_end: bool = False) -> bytes:
    return box(b"moov", MVHD, *traks, *more, wide=wide, to_end=to_end)


def children(data: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """(type, payload start, end) of each box; independent of the product's reader."""
    found = []
    while end - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif size == 0:
            if kind == bytes(4):
                break
            size = end - start
        assert head <= size <= end - start, (kind, start, size)
        found.append((kind, start + head, start + size))
        start += size
    return found


def descend(data: bytes, span: tuple[int, int], *path: bytes) -> list[tuple[int, int]]:
    spans = [span]
    for want in path:
        spans = [(a, b) for s, e in spans for kind, a, b in children(data, s, e) if kind == want]
    return spans


def chunk_offsets(index: bytes) -> list[list[int]]:
    """The chunk offsets of each track in a moov box."""
    [(_, start, end)] = children(index, 0, len(index))
    tracks = []
    for track in descend(index, (start, end), b"trak"):
        found: list[int] = []
        for table in descend(index, track, b"mdia", b"minf", b"stbl"):
            for kind, a, _ in children(index, *table):
                if kind in (b"stco", b"co64"):
                    count = struct.unpack_from(">I", index, a + 4)[0]
                    found += struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", index, a + 8)
        tracks.append(found)
    return tracks


def aux_offsets(index: bytes) -> list[list[int]]:
    """The saio offsets of each track in a moov box."""
    [(_, start, end)] = children(index, 0, len(index))
    tracks = []
    for track in descend(index, (start, end), b"trak"):
        found: list[int] = []
        for a, _ in descend(index, track, b"mdia", b"minf", b"stbl", b"saio"):
            at = a + (12 if index[a + 3] & 1 else 4)
            count = struct.unpack_from(">I", index, at)[0]
            found += struct.unpack_from(f">{count}{'Q' if index[a] else 'I'}", index, at + 4)
        tracks.append(found)
    return tracks
