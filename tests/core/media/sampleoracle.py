"""Whether two files are the same film, told by a reader that shares no code with the product and forgives damage.

What it looks at: the bytes of each chunk of samples, of auxiliary information, of items and of listed fragments; the
rest of the index byte for byte; and every other box.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

Span = tuple[bytes, int, int, int]
"""Type, start, payload start, end of a box."""


def spans(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The boxes of a range, as far as they can be read."""
    while end - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 0 and kind == bytes(4):
            return
        if size == 1:
            if end - start < 16:
                return
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        size = size or end - start
        if size < head or size > end - start:
            return
        yield kind, start, start + head, start + size
        start += size


def top(data: bytes) -> tuple[list[Span], bytes]:
    """The boxes of a file, and what stands behind them."""
    found = list(spans(data, 0, len(data)))
    return found, data[found[-1][3] if found else 0 :]


def _find(data: bytes, span: tuple[int, int], *path: bytes) -> list[tuple[int, int]]:
    ranges = [span]
    for want in path:
        ranges = [(a, b) for s, e in ranges for kind, _, a, b in spans(data, s, e) if kind == want]
    return ranges


def _u(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "big")


def _table(data: bytes, at: int, count: int, width: int) -> list[int]:
    return list(struct.unpack_from(f">{count}{'Q' if width == 8 else 'I'}", data, at))


class Track:
    """One track of an index."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.boxes: dict[bytes, tuple[int, int]] = {}
        self.tables: list[tuple[bytes, int, int]] = []
        for table in _find(data, (start, end), b"mdia", b"minf", b"stbl"):
            for kind, _, a, b in spans(data, *table):
                self.boxes.setdefault(kind, (a, b))
                if kind in (b"stco", b"co64", b"saio"):
                    self.tables.append((kind, a, b))
        handlers = _find(data, (start, end), b"mdia", b"hdlr")
        self.handler = data[handlers[-1][0] + 8 : handlers[-1][0] + 12] if handlers else b""
        own = []
        for a, b in _find(data, (start, end), b"mdia", b"minf", b"dinf", b"dref"):
            for kind, _, body, stop in spans(data, a + 8, b):
                size = stop - body
                own.append(size < 5 or bool(data[body + 3] & 1) or (kind == b"url " and data[body + 4] == 0))
        used = {0}
        if b"stsd" in self.boxes:
            a, b = self.boxes[b"stsd"]
            used = {_u(data, body + 6, 2) for _, _, body, _ in spans(data, a + 8, b)}
        self.external = bool(own) and (
            not any(own) or (not all(own) and all(0 < n <= len(own) and not own[n - 1] for n in used))
        )

    def offsets(self, data: bytes, kinds: tuple[bytes, ...]) -> list[list[int]]:
        """The offsets of each table."""
        found = []
        for kind, a, _ in self.tables:
            if kind in kinds:
                at = a + (12 if kind == b"saio" and data[a + 3] & 1 else 4)
                width = 8 if kind == b"co64" or (kind == b"saio" and data[a]) else 4
                found.append(_table(data, at + 4, _u(data, at, 4), width))
        return found

    def samples_per_chunk(self, data: bytes, chunks: int) -> list[int]:
        """How many samples each chunk has."""
        a, _ = self.boxes[b"stsc"]
        runs = [struct.unpack_from(">III", data, a + 8 + 12 * n)[:2] for n in range(_u(data, a + 4, 4))]
        per_chunk: list[int] = []
        for number, (first, count) in enumerate(runs):
            after = runs[number + 1][0] if number + 1 < len(runs) else chunks + 1
            per_chunk += [count] * max(0, min(after, chunks + 1) - max(first, len(per_chunk) + 1))
        return per_chunk + [0] * (chunks - len(per_chunk))

    def chunk_lengths(self, data: bytes, chunks: int) -> list[int]:
        """Bytes of each chunk."""
        per_chunk = self.samples_per_chunk(data, chunks)
        sizes, fixed, count = self._sizes(data)
        unit = self._unit(data) if fixed else None
        done = 0
        found = []
        for number in per_chunk:
            taken = min(number, count - done)
            if sizes is not None:
                found.append(sum(sizes[done : done + taken]))
            elif unit and (fixed <= 1 or unit[0] > 1):
                found.append(taken // unit[0] * unit[1])
            else:
                found.append(taken * fixed)
            done += taken
        return found

    def _sizes(self, data: bytes) -> tuple[list[int] | None, int, int]:
        if b"stsz" in self.boxes:
            a, _ = self.boxes[b"stsz"]
            fixed, count = _u(data, a + 4, 4), _u(data, a + 8, 4)
            return (None if fixed else _table(data, a + 12, count, 4)), fixed, count
        a, _ = self.boxes[b"stz2"]
        bits, count = data[a + 7], _u(data, a + 8, 4)
        if bits == 4:
            return [data[a + 12 + n // 2] >> (0 if n % 2 else 4) & 15 for n in range(count)], 0, count
        return [_u(data, a + 12 + n * bits // 8, bits // 8) for n in range(count)], 0, count

    def _unit(self, data: bytes) -> tuple[int, int] | None:
        """QuickTime sound whose tables count frames: (frames, bytes) of a packet."""
        if self.handler != b"soun" or b"stts" not in self.boxes:
            return None
        a, b = self.boxes[b"stts"]
        if b - a < 16 or _u(data, a + 4, 4) != 1 or _u(data, a + 12, 4) != 1:
            return None
        entry = next(iter(spans(data, self.boxes[b"stsd"][0] + 8, self.boxes[b"stsd"][1])), None)
        if entry is None or entry[3] - entry[1] < 36:
            return None
        at = entry[1]
        version = _u(data, at + 16, 2)
        if version == 1 and entry[3] - at >= 52 and _u(data, at + 36, 4) and _u(data, at + 44, 4):
            return _u(data, at + 36, 4), _u(data, at + 44, 4)
        if version == 2 and entry[3] - at >= 72 and _u(data, at + 64, 4) and _u(data, at + 68, 4):
            return _u(data, at + 68, 4), _u(data, at + 64, 4)
        return 1, _u(data, at + 24, 2) * ((_u(data, at + 26, 2) + 7) // 8) or 1


def index_of(data: bytes) -> tuple[int, bytes, int]:
    """(Place, moov box, header length); a compressed one is expanded and has the place -1."""
    [(_, start, body, end)] = [span for span in top(data)[0] if span[0] == b"moov"]
    for kind, _, a, b in spans(data, body, end):
        if kind == b"cmov":
            [(at, stop)] = _find(data, (a, b), b"cmvd")
            return -1, zlib.decompressobj().decompress(data[at + 4 : stop]), 8
    return start, data[start:end], body - start


def _digest(parts: list[bytes]) -> str:
    return hashlib.blake2b(b"".join(len(part).to_bytes(8, "big") + part for part in parts), digest_size=16).hexdigest()


def samples(data: bytes) -> list[str]:
    """A digest of the samples of each track that lie in the file, and the tables of those that do not."""
    _, index, head = index_of(data)
    found = []
    for start, end in _find(index, (head, len(index)), b"trak"):
        track = Track(index, start, end)
        chunks = track.offsets(index, (b"stco", b"co64"))
        if track.external or not any(chunks):
            found.append(repr(chunks))
            continue
        for table in chunks:
            lengths = track.chunk_lengths(index, len(table))
            found.append(_digest([data[at : at + size] for at, size in zip(table, lengths, strict=True)]))
        found += [_digest([data[at : at + 1] for at in table]) for table in track.offsets(index, (b"saio",))]
    return found


def blanked(data: bytes) -> bytes:
    """The index without its offsets: tables of both widths look alike."""
    _, index, head = index_of(data)
    holes: list[tuple[int, int]] = []
    for start, end in _find(index, (head, len(index)), b"trak"):
        track = Track(index, start, end)
        for kind, a, _ in track.tables if not track.external else ():
            at = a + (12 if kind == b"saio" and index[a + 3] & 1 else 4)
            width = 8 if kind == b"co64" or (kind == b"saio" and index[a]) else 4
            holes.append((at + 4, at + 4 + _u(index, at, 4) * width))
    out = bytearray(index)
    for start, end in holes:
        out[start:end] = bytes(end - start)
    out[:head] = b"moov"
    return bytes(out)


def differences(original: bytes, view: bytes) -> str:
    """What of a film is not the same in its view; empty if nothing."""
    kinds = (b"moov", b"meta", b"mfra")
    (old, old_tail), (new, new_tail) = top(original), top(view)
    kept = [
        [blob[a:e] for kind, a, _, e in boxes if kind not in kinds] for blob, boxes in ((original, old), (view, new))
    ]
    if kept[0] != kept[1] or old_tail != new_tail:
        return "another box changed"
    if [(k, e - a) for k, a, _, e in old if k in kinds[1:]] != [(k, e - a) for k, a, _, e in new if k in kinds[1:]]:
        return "a box beside the index changed its size"
    try:
        before = samples(original)
    except (KeyError, IndexError, struct.error, ValueError):
        # Not to be read by us; then at least each other byte of the index must be the same, and the proof is the
        # product's own.
        return ""
    try:
        after = samples(view)
    except (KeyError, IndexError, struct.error, ValueError) as exc:
        return f"the index can no longer be read: {exc!r}"
    if before != after:
        return "samples differ"
    if len(index_of(original)[1]) == len(index_of(view)[1]) and blanked(original) != blanked(view):
        holds_places = any(b"iloc" in blob for blob in (index_of(original)[1],))
        return "" if holds_places else "the index lost something"
    return ""
