"""How far the media of a track reaches, so that no run of samples is torn where a file is taken apart.

The chunk offsets of a track tell where runs of samples start; their lengths follow from the sample tables. Only the
chunks close to a seam are worked out exactly: a bound on the longest chunk tells which are close.

Source: ISO/IEC 14496-12, sections 8.7.3 (sample sizes) and 8.7.4 (samples to chunks); QuickTime File Format, "Sound
sample descriptions" (sample tables that count sound frames).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice
from operator import lt, mul, sub

from vidcdn_desktop.media import tables
from vidcdn_desktop.media.boxes import child_boxes, corrupt
from vidcdn_desktop.media.faststart_index import LeaveAloneError, OffsetTable, TornError, TrackIndex, payload
from vidcdn_desktop.media.info import BoxHeader

_MAX_NEAR = 200_000
"""Chunks examined one by one; films have a handful near a seam."""

_SMALL_TABLE = 4096
_UNCLEAR = "The index does not tell clearly how long the pieces of media are, so it is left as it is."


def _spread(packed: bytes) -> bytes:
    """Each half of a byte as a byte of its own, the upper half first."""
    out = bytearray(2 * len(packed))
    out[0::2] = packed.translate(bytes(byte >> 4 for byte in range(256)))
    out[1::2] = packed.translate(bytes(byte & 15 for byte in range(256)))
    return bytes(out)


class SampleRuns:
    """The lengths of a track's chunks.

    Raises: CorruptMedia: a table does not fit into its box. LeaveAloneError: the lengths cannot be told.
    """

    def __init__(self, data: memoryview, track: TrackIndex) -> None:
        self._data = data
        self._read_sizes(track)
        self._read_runs(track)
        self._unit = _sound_unit(data, track) if self._sizes is None else None
        if self._unit is not None and self._fixed > 1 and self._unit[0] == 1:
            self._unit = None
        self.longest = self._bytes_of_uniform(self._most) if self._sizes is None else self._most * self._size_bound()
        """No chunk has more bytes than this."""

    def _read_sizes(self, track: TrackIndex) -> None:
        """Find the sample sizes: one for all, or a table of 32, 16 or 8 bit (4-bit ones are spread out)."""
        self._sizes: memoryview | None = None
        self._fixed = 0
        self._width = 4
        box = track.only("stsz") or track.only("stz2")
        if box is None:
            raise LeaveAloneError(_UNCLEAR)
        body = payload(self._data, box)
        if len(body) < 12:
            raise corrupt("The index of the file is damaged.", code=f"short {box.type}")
        self.count = int.from_bytes(body[8:12], "big")
        bits = 32
        if box.type == "stsz":
            self._fixed = int.from_bytes(body[4:8], "big")
            if self._fixed:
                return
        else:
            bits = body[7]
        if bits not in (4, 8, 16, 32) or len(body) - 12 < (self.count * bits + 7) // 8:
            raise corrupt("The index of the file is damaged.", code=f"short {box.type}")
        self._sizes = body[12 : 12 + (self.count * bits + 7) // 8]
        if bits == 4:
            self._sizes = memoryview(_spread(bytes(self._sizes)))
        self._width = max(1, bits // 8)

    def _read_runs(self, track: TrackIndex) -> None:
        box = track.only("stsc")
        body = payload(self._data, box) if box else memoryview(b"")
        if len(body) < 8:
            raise LeaveAloneError(_UNCLEAR)
        number = int.from_bytes(body[4:8], "big")
        if len(body) - 8 < 12 * number:
            raise corrupt("The index of the file is damaged.", code="short stsc")
        entries = tables.numbers(body[8 : 8 + 12 * number], 4)
        self._first_chunks = entries[0::3]
        self._per_chunk = entries[1::3]
        self._most = min(max(self._per_chunk, default=0), self.count)
        self._clear = bool(entries) and entries[0] == 1 and _is_rising(self._first_chunks)
        self._first_samples: array[int] | None = None

    def _size_bound(self) -> int:
        """No sample has more bytes than this."""
        sizes = self._sizes
        assert sizes is not None
        if self._width == 1 or not self.count:
            return max(sizes, default=0)
        if self._width == 2 or self.count <= _SMALL_TABLE:
            return max(tables.numbers(sizes, self._width))
        used = max(
            tables.bytes_used(sizes[4 * first : 4 * (first + number)], 4) for first, number in tables.blocks(self.count)
        )
        return (1 << (8 * used)) - 1

    def _bytes_of_uniform(self, samples: int) -> int:
        if self._unit:
            frames, size = self._unit
            return -(-samples // frames) * size
        return samples * self._fixed

    def longest_of(self, number: int, count: int) -> int:
        """No chunk of the `count` from `number` (0-based) on has more bytes than this."""
        if not self._clear or self._sizes is None or not count:
            return self.longest
        first, _ = self._samples_of(number)
        last, extra = self._samples_of(number + count - 1)
        part = self._sizes[first * self._width : (last + extra) * self._width]
        largest = max(part if self._width == 1 else tables.numbers(part, self._width), default=0)
        return min(self.longest, largest * self._most)

    def chunk_bytes(self, number: int) -> int:
        """Length of the chunk `number` (0-based) in bytes; the bound where the index is not clear."""
        if not self._clear:
            return self.longest
        first, samples = self._samples_of(number)
        if self._sizes is None:
            return self._bytes_of_uniform(samples)
        part = self._sizes[first * self._width : (first + samples) * self._width]
        return sum(part) if self._width == 1 else sum(tables.numbers(part, self._width))

    def _samples_of(self, number: int) -> tuple[int, int]:
        """(First sample, number of samples) of a chunk."""
        if self._first_samples is None:
            lengths = map(sub, islice(self._first_chunks, 1, None), self._first_chunks)
            steps = map(mul, lengths, self._per_chunk)
            try:
                self._first_samples = array("Q", accumulate(steps, initial=0))
            except OverflowError as exc:
                raise LeaveAloneError(_UNCLEAR) from exc
        run = bisect_right(self._first_chunks, number + 1) - 1
        per_chunk = self._per_chunk[run]
        first = min(self.count, self._first_samples[run] + (number + 1 - self._first_chunks[run]) * per_chunk)
        return first, min(per_chunk, self.count - first)


def check_chunks(data: memoryview, track: TrackIndex, seams: tuple[int, ...]) -> None:
    """Refuse a track with a chunk that starts before a seam and ends behind it.

    Raises: TornError: there is such a chunk. LeaveAloneError: it cannot be told. CorruptMedia: see `SampleRuns`.
    """
    tables_in_use = sum(1 for table in track.chunk_tables if table.count)
    if not tables_in_use:
        return
    if tables_in_use > 1:
        raise LeaveAloneError("The index describes a track twice, so it is left as it is.")
    runs = SampleRuns(data, track)
    examined = 0
    for table in track.chunk_tables:
        for (first, count), (low, high) in zip(tables.blocks(table.count), table.bounds, strict=True):
            near = [seam for seam in seams if low < seam < high + runs.longest]
            if not near:
                continue
            block = table.block(data, first, count)
            ascending = tables.is_ascending(block, table.width)
            offsets = tables.numbers(block, table.width)
            longest = runs.longest_of(first, count)
            for seam in near:
                close = _close(offsets, seam, longest, ascending=ascending)
                examined += len(close)
                if examined > _MAX_NEAR:
                    raise LeaveAloneError(_UNCLEAR)
                if any(offsets[n] + runs.chunk_bytes(first + n) > seam for n in close):
                    raise TornError("The index says that media lies where there is none, so it is left as it is.")


def _is_rising(values: array[int]) -> bool:
    """Whether each value is larger than the one before it."""
    return all(map(lt, values, islice(values, 1, None)))


def _close(offsets: array[int], seam: int, longest: int, *, ascending: bool) -> Sequence[int]:
    """The numbers of the chunks that start before a seam and would reach beyond it if they had `longest` bytes."""
    if ascending:  # as in nearly all films
        return range(bisect_right(offsets, seam - longest), bisect_left(offsets, seam))
    return [n for n, offset in enumerate(offsets) if offset < seam < offset + longest]


def aux_bytes(data: memoryview, track: TrackIndex, table: OffsetTable) -> int:
    """No run of auxiliary information (of encrypted samples) named by `table` has more bytes than this.

    Raises: LeaveAloneError: it cannot be told.
    """
    # With several kinds of auxiliary information the largest size table bounds them all.
    longest = 0
    for box in track.boxes.get("saiz", []):
        body = payload(data, box)
        at = 12 if len(body) > 3 and body[3] & 1 else 4
        if len(body) < at + 5:
            raise LeaveAloneError(_UNCLEAR)
        count = int.from_bytes(body[at + 1 : at + 5], "big")
        sizes = body[at + 5 : at + 5 + count]
        if not body[at] and len(sizes) < count:
            raise LeaveAloneError(_UNCLEAR)
        if table.count == 1:
            longest = max(longest, body[at] * count or sum(sizes))
        else:
            longest = max(longest, (body[at] or max(sizes, default=0)) * _most_per_chunk(data, track))
    if not track.boxes.get("saiz"):
        raise LeaveAloneError(_UNCLEAR)
    return longest


def _most_per_chunk(data: memoryview, track: TrackIndex) -> int:
    box = track.only("stsc")
    body = payload(data, box) if box else memoryview(b"")
    entries: array[int] = tables.numbers(body[8 : 8 + (len(body) - 8) // 12 * 12], 4) if len(body) >= 20 else array("I")
    return max(entries[1::3], default=1)


def _sound_unit(data: memoryview, track: TrackIndex) -> tuple[int, int] | None:
    """(Sound frames, bytes) of a packet where the sample tables of a sound track count frames; else None."""
    stts, stsd = track.only("stts"), track.only("stsd")
    if track.handler != "soun" or stts is None or stsd is None:
        return None
    body = payload(data, stts)
    if len(body) < 16 or int.from_bytes(body[4:8], "big") != 1 or int.from_bytes(body[12:16], "big") != 1:
        return None
    entry: BoxHeader | None = next(child_boxes(data, stsd.offset + stsd.header_size + 8, stsd.end), None)
    if entry is None or entry.size < 36:
        return None
    raw = bytes(data[entry.offset : min(entry.end, entry.offset + 72)])

    def field(at: int, width: int) -> int:
        return int.from_bytes(raw[at : at + width], "big")

    version = field(16, 2)
    if version == 1 and len(raw) >= 52 and field(36, 4) and field(44, 4):
        return field(36, 4), field(44, 4)
    if version == 2 and len(raw) >= 72 and field(64, 4) and field(68, 4):
        return field(68, 4), field(64, 4)
    return 1, field(24, 2) * ((field(26, 2) + 7) // 8) or 1
