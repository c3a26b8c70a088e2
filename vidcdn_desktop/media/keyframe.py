"""One keyframe of an MP4 or MOV, as a film of its own that has only this picture.

Of the sample tables, which are megabytes in a long film, only the few entries are read that lead to the picture:
which sample, in which chunk, how large, and where. What comes out is some kilobytes of index and the sample's bytes.

Source: ISO/IEC 14496-12, sections 8.2 to 8.7; QuickTime File Format, "Sample table atoms".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from vidcdn_desktop.bytesource import ByteSource, BytesSource, RangesSource, SourceRange
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.boxes import corrupt, top_level_boxes
from vidcdn_desktop.media.condensed import PartlyHere, condensed_index
from vidcdn_desktop.media.info import BoxHeader, Layout, LayoutReport, VideoStream
from vidcdn_desktop.media.movie import MovieFacts, read_movie

_WHOLE_INDEX = 192 << 10
"""An index up to this size is read at once: one request more or less weighs more than its tables."""
_MOST_TOP_BOXES = 64
_LARGEST_KEPT = 64 << 10
_LARGEST_TABLE = 256 << 10
"""Of one that must be read whole (`stsc`), or of one chunk's sizes."""
_KEPT = ("tkhd", "mdhd", "hdlr", "stsd")
_TABLES = ("stss", "stsc", "stsz", "stco", "co64")
_DESCENDED = ("mdia", "minf", "stbl")


class NothingToSeeError(Exception):
    """The index is sound, and says that there is no picture to be shown: only sound, encrypted, or in another file."""


@dataclass
class _Track:
    """Where the parts of one `trak` stand."""

    kept: dict[str, bytes] = field(default_factory=dict)
    """Whole boxes."""
    tables: dict[str, BoxHeader] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sample:
    offset: int
    size: int
    description: int


class KeyframeFilm:
    """A film whose index is in reach, and its keyframes.

    Args:
        source: Where it is; should raise when too much is read.

    Raises: CorruptMedia: no MP4 or MOV with an index that has tables. NothingToSeeError. What the source raises.
    """

    def __init__(self, source: PartlyHere) -> None:
        self._source = source
        moov = self._find()
        if moov.size <= _WHOLE_INDEX:
            source.read_at(moov.offset, moov.size)
        facts = self._facts(moov)
        stream = next((found for found in facts.video if not found.attached_picture), None)
        if stream is None or facts.protected or facts.media_elsewhere:
            raise NothingToSeeError
        self.stream: VideoStream = stream
        """What its pictures are like."""
        self._mvhd = b""
        self._track = self._read_tracks(moov, stream.index)
        if "stsz" not in self._track.tables or not self._numbers("stsz", 8, 1)[0]:
            raise corrupt("The film has no samples in its index.", code="stsz is empty")

    def _find(self) -> BoxHeader:
        """The index. Stops at the first fragment: such a film has its samples elsewhere."""
        self._ftyp = b""
        for number, box in enumerate(top_level_boxes(self._source)):
            if box.type == "ftyp" and box.size <= 1024:
                self._ftyp = self._source.read_at(box.offset, box.size)
            elif box.type == "moov":
                return box
            if box.type == "moof" or number >= _MOST_TOP_BOXES:
                break
        raise corrupt("There is no index.", code="no moov")

    def _facts(self, moov: BoxHeader) -> MovieFacts:
        small = condensed_index(self._source, moov)
        brand = self._ftyp[8:12].decode("latin-1")
        report = LayoutReport(Layout.ALREADY, "", moov_offset=0, moov_size=len(small), brand=brand)
        return read_movie(BytesSource(small), report)

    def _read_tracks(self, moov: BoxHeader, wanted: int) -> _Track:
        number = -1
        found: _Track | None = None
        for box in _children(self._source, moov):
            if box.type == "mvhd":
                self._mvhd = self._whole(box)
            elif box.type == "trak":
                number += 1
                if number == wanted:
                    found = _Track()
                    self._read_track(box, found)
            if found is not None and self._mvhd:
                return found
        raise corrupt("The index of the file is damaged.", code="no picture track")

    def _read_track(self, box: BoxHeader, track: _Track) -> None:
        for child in _children(self._source, box):
            if child.type in _DESCENDED:
                self._read_track(child, track)
            elif child.type in _KEPT:
                track.kept[child.type] = self._whole(child)
            elif child.type in _TABLES:
                track.tables[child.type] = child

    def _whole(self, box: BoxHeader) -> bytes:
        if box.size > _LARGEST_KEPT:
            raise corrupt("The index of the file is damaged.", code=f"{box.type} of {box.size} bytes")
        return self._source.read_at(box.offset, box.size)

    # One picture
    def at(self, share: float) -> bytes:
        """A film of the keyframe that stands after this share of all of them, from 0 to 1.

        Raises: CorruptMedia: the tables lead nowhere. What the source raises.
        """
        try:
            sample = self._sample(min(max(share, 0.0), 1.0))
        except (struct.error, KeyError) as exc:
            raise corrupt("The index of the file is damaged.", code="a table is too short") from exc
        return self._film(sample, self._source.read_at(sample.offset, sample.size))

    def _sample(self, share: float) -> _Sample:
        each, count = self._numbers("stsz", 4, 2)
        if "stss" in self._track.tables and (keys := self._numbers("stss", 4, 1)[0]):
            number = self._numbers("stss", 8 + 4 * min(int(keys * share), keys - 1), 1)[0]
        else:  # each of them can be shown by itself
            number = 1 + min(int(count * share), count - 1)
        if not 1 <= number <= count:
            raise corrupt("The index of the file is damaged.", code=f"sample {number} of {count}")
        chunk, first, description = self._chunk_of(number)
        if each:
            before, size = (number - first) * each, each
        else:
            sizes = self._numbers("stsz", 12 + 4 * (first - 1), number - first + 1)
            before, size = sum(sizes[:-1]), sizes[-1]
        offset = self._chunk_offset(chunk) + before
        if not 0 < size <= self._source.size - offset:
            raise corrupt("The index of the file is damaged.", code=f"a sample of {size} bytes at {offset}")
        return _Sample(offset, size, description)

    def _numbers(self, table: str, skip: int, count: int, code: str = "I") -> tuple[int, ...]:
        """Some big-endian numbers of a table, counted from behind its header."""
        box = self._track.tables[table]
        length = count * struct.calcsize(f">{code}")
        start = box.offset + box.header_size + skip
        if length > _LARGEST_TABLE or start + length > box.end:
            raise corrupt("The index of the file is damaged.", code=f"{table} is too short or too long")
        return struct.unpack(f">{count}{code}", self._source.read_at(start, length))

    def _chunk_of(self, number: int) -> tuple[int, int, int]:
        """The chunk a sample is in, the first sample of that, and the description it goes by. All from 1."""
        runs = self._numbers("stsc", 4, 1)[0]
        flat = self._numbers("stsc", 8, 3 * runs)
        sample = 1
        for run in range(runs):
            first, each, description = flat[3 * run : 3 * run + 3]
            following = flat[3 * run + 3] if run + 1 < runs else None
            if not each or (following is not None and following <= first):
                break
            inside = (number - sample) // each
            if following is None or inside < following - first:
                return first + inside, sample + inside * each, description
            sample += (following - first) * each
        raise corrupt("The index of the file is damaged.", code=f"no chunk for sample {number}")

    def _chunk_offset(self, chunk: int) -> int:
        if chunk < 1:
            raise corrupt("The index of the file is damaged.", code=f"chunk {chunk}")
        if "co64" in self._track.tables:
            return self._numbers("co64", 8 + 8 * (chunk - 1), 1, "Q")[0]
        return self._numbers("stco", 8 + 4 * (chunk - 1), 1)[0]

    def _film(self, sample: _Sample, data: bytes) -> bytes:
        """A whole film of one sample: what described the track still does, the tables have one entry."""
        kept = self._track.kept
        for name in _KEPT:
            if name not in kept:
                raise corrupt("The index of the file is damaged.", code=f"no {name}")

        def moov(offset: int) -> bytes:
            tables = (
                kept["stsd"],
                _full("stts", struct.pack(">3I", 1, 1, 1)),
                _full("stsc", struct.pack(">4I", 1, 1, 1, sample.description)),
                _full("stsz", struct.pack(">2I", len(data), 1)),
                _full("co64", struct.pack(">IQ", 1, offset)),
            )
            here = _full("dref", struct.pack(">I", 1) + _box("url ", b"\0\0\0\1"))
            media = (_full("vmhd", bytes(8), flags=1), _box("dinf", here), _box("stbl", b"".join(tables)))
            mdia = _box("mdia", kept["mdhd"] + kept["hdlr"] + _box("minf", b"".join(media)))
            return _box("moov", self._mvhd + _box("trak", kept["tkhd"] + mdia))

        front = len(self._ftyp) + len(moov(0)) + 8
        return self._ftyp + moov(front) + _box("mdat", data)


def _children(source: ByteSource, box: BoxHeader) -> Iterator[BoxHeader]:
    """The boxes in a box; none of their contents is read."""
    start = box.offset + box.header_size
    inside = RangesSource([SourceRange(source, start, box.end - start)])
    try:
        for child in top_level_boxes(inside):
            yield BoxHeader(child.type, child.offset + start, child.size, child.header_size)
    except CorruptMedia:
        return  # what stands before the damage may be enough


def _box(kind: str, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind.encode("ascii") + body


def _full(kind: str, body: bytes, *, flags: int = 0) -> bytes:
    return _box(kind, flags.to_bytes(4, "big") + body)
