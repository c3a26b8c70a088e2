"""The index of a film without its tables: what tells duration, codecs and sizes, read by a few short ranges.

The index of a long film is megabytes of sample tables; who only wants to know what the film is needs none of them.
What is left is an index of its own, small, that `movie.read_movie` reads like any other.

Source: ISO/IEC 14496-12, sections 8.2 to 8.5.
"""

from __future__ import annotations

from typing import Protocol

from vidcdn_desktop.bytesource import ByteSource, RangesSource, SourceRange
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.boxes import MAX_DEPTH, corrupt, top_level_boxes
from vidcdn_desktop.media.info import BoxHeader

_DESCENDED = frozenset({"moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex"})
_KEPT = frozenset({"mvhd", "tkhd", "mdhd", "hdlr", "dref", "stsd", "mehd", "trex"})
_LARGEST = 64 << 10
"""Bytes of one box that is kept; real sample descriptions are some hundred bytes long."""
_MOST_BOXES = 2000
_MOST_TRACKS = 32
_SIZES_HEAD = 12
"""Of stsz: version, flags, the size of all samples, and their number, which gives the frame rate."""
_HEADER = 16


class TooMuchToReadError(Exception):
    """An answer would take more of a file than may be read. Stays among those who look at a file briefly."""


class PartlyHere(ByteSource, Protocol):
    """Bytes of which some are here and the others must be fetched."""

    def missing(self, offset: int, length: int) -> int:
        """How many bytes of a range are not here yet."""
        ...


def condensed_index(source: PartlyHere, moov: BoxHeader) -> bytes:
    """A `moov` box with the descriptions of at most 32 tracks and no tables.

    Once a track's description is found, the rest of the track is passed over unless it is here already.

    Args:
        source: Where the index stands.
        moov: Its place.

    Raises: CorruptMedia: compressed, damaged, or too many boxes. TooMuchToReadError: the source says so before
        anything was found. What else the source raises.
    """
    return _Condenser(source).container(moov, 0)


class _Condenser:
    def __init__(self, source: PartlyHere) -> None:
        self._source = source
        self._boxes = 0
        self._tracks = 0

    def container(self, box: BoxHeader, depth: int) -> bytes:
        """The box with what is kept of its children."""
        if depth > MAX_DEPTH:
            raise corrupt("The index of the file is damaged.", code="boxes nested too deeply")
        start = box.offset + box.header_size
        inside = RangesSource([SourceRange(self._source, start, box.end - start)])
        pieces: list[bytes] = []
        try:
            for child in top_level_boxes(inside):
                pieces.append(self._piece(_placed(child, start), depth))
                # Behind what this is all about come tables, the larger part of every index.
                if self._is_enough(box.type, child.type) and self._source.missing(start + child.end, _HEADER):
                    break
        except (CorruptMedia, TooMuchToReadError):
            if not pieces or box.type != "moov":
                raise  # nothing is known of this one; of the film, what stands before it is
        return _box(box.type, b"".join(pieces))

    def _is_enough(self, parent: str, child: str) -> bool:
        last = {"stbl": "stsd", "minf": "stbl", "mdia": "minf", "trak": "mdia"}.get(parent)
        return child == last or (parent == "moov" and self._tracks >= _MOST_TRACKS)

    def _piece(self, box: BoxHeader, depth: int) -> bytes:
        self._boxes += 1
        if self._boxes > _MOST_BOXES:
            raise corrupt("The index of the file has too many parts.", code=f"more than {_MOST_BOXES} boxes")
        if box.type == "cmov":
            raise corrupt("The index of the file is compressed.", code="cmov")
        if box.type == "trak":
            self._tracks += 1
        if box.type in _DESCENDED:
            return self.container(box, depth + 1)
        body = box.offset + box.header_size
        if box.type in _KEPT and box.size <= _LARGEST:
            return _box(box.type, self._source.read_at(body, box.end - body))
        if box.type == "stsz" and not self._source.missing(body, _SIZES_HEAD):
            return _box(box.type, self._source.read_at(body, min(_SIZES_HEAD, box.end - body)))
        return b""


def _placed(box: BoxHeader, base: int) -> BoxHeader:
    return BoxHeader(box.type, box.offset + base, box.size, box.header_size)


def _box(kind: str, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind.encode("ascii") + body
