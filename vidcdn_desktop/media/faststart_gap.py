"""The other way to bring the index to the front: into an empty gap that stands there, so that nothing else moves.

    old:  ftyp | free ........ | media … | moov        new:  ftyp | moov | free .. | media … (| free)

Moving everything by the length of the index is the rule, because it leaves each other box as it is, byte for byte. The
gap is used where that would need wider tables (offsets that pass 4 GiB) or cannot be done (a place that does not fit
into its field): here no offset changes at all, so the index itself stays as it is too.
"""

from __future__ import annotations

from dataclasses import dataclass

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.media import tables
from vidcdn_desktop.media.boxes import TopLevel
from vidcdn_desktop.media.faststart_index import LeaveAloneError, MovieIndex, OffsetTable
from vidcdn_desktop.media.faststart_items import item_edits
from vidcdn_desktop.media.faststart_reach import aux_bytes, check_chunks
from vidcdn_desktop.media.faststart_segments import side_edits
from vidcdn_desktop.media.info import BoxHeader

_NOT_KEPT = "The index points into places that are not media, so the file is left as it is."
_HEADER = 8
_MAX_FREE = (1 << 32) - 1


@dataclass(frozen=True)
class Swap:
    """The index goes into a gap, and padding takes its old place if anything stands behind it."""

    moov: BoxHeader
    """Where the index stood."""
    gap: BoxHeader
    """The empty box it goes into."""
    pieces: tuple[tuple[int, int, bytes], ...]
    """(Offset, length, new bytes) of what is replaced in the original, in order."""
    boxes: tuple[BoxHeader, ...]
    """The top-level boxes afterwards."""


def find_gap(source: ByteSource, top: TopLevel, moov: BoxHeader) -> BoxHeader | None:
    """The first empty free box between ftyp and the media that the index fits into; None without one."""
    types = [box.type for box in top.boxes]
    after = types.index("ftyp") if "ftyp" in types else -1
    for box in top.boxes[after + 1 :]:
        if box.type in ("moov", "mdat") and box.size > box.header_size:
            return None
        fits = box.size == moov.size or box.size >= moov.size + _HEADER
        if box.type in ("free", "skip") and box.header_size == _HEADER and fits and box.end <= moov.offset:
            body = source.read_at(box.offset + _HEADER, min(moov.size, box.size - _HEADER))
            if body.count(0) == len(body):
                return box
    return None


def swap(source: ByteSource, top: TopLevel, moov: BoxHeader, gap: BoxHeader, index: MovieIndex) -> Swap:
    """Work out the view in which the index stands in the gap.

    Raises: LeaveAloneError: something points into the gap or into the index. CorruptMedia: a table is damaged.
    """
    _check(source, top, _Still(gap, moov, source.size), index)
    stated = index.raw
    if not any(stated[:4]):
        stated = len(stated).to_bytes(4, "big") + stated[4:]
    rest = gap.size - moov.size
    pieces = [(gap.offset, moov.size + min(rest, _HEADER), stated + (_free_header(rest) if rest else b""))]
    is_last = moov.end == source.size
    if is_last:
        pieces.append((moov.offset, moov.size, b""))
    else:
        if moov.size > _MAX_FREE:
            raise LeaveAloneError(_NOT_KEPT)
        pieces.append((moov.offset, moov.size, _free_header(moov.size) + bytes(moov.size - _HEADER)))
    boxes: list[BoxHeader] = []
    for box in top.boxes:
        if box == gap:
            boxes.append(BoxHeader("moov", gap.offset, moov.size, moov.header_size))
            if rest:
                boxes.append(BoxHeader("free", gap.offset + moov.size, rest, _HEADER))
        elif box != moov:
            boxes.append(box)
        elif not is_last:
            boxes.append(BoxHeader("free", moov.offset, moov.size, _HEADER))
    return Swap(moov, gap, tuple(pieces), tuple(boxes))


def _free_header(size: int) -> bytes:
    return size.to_bytes(4, "big") + b"free"


@dataclass(frozen=True)
class _Still:
    """A move that moves nothing, but takes the gap and the old index away."""

    gap: BoxHeader
    moov: BoxHeader
    file_size: int

    def of_run(self, offset: int, length: int) -> int:
        """Always 0. Raises: LeaveAloneError: the bytes will not be there."""
        end = offset + max(1, length)
        if offset + length > self.file_size or any(offset < b.end and end > b.offset for b in (self.gap, self.moov)):
            raise LeaveAloneError(_NOT_KEPT)
        return 0


def points_into(table: OffsetTable, data: memoryview, places: tuple[BoxHeader, ...], length: int = 0) -> bool:
    """Whether an offset of a table, or one of the `length` bytes there, lies in one of these boxes."""
    for (first, count), (low, high) in zip(tables.blocks(table.count), table.bounds, strict=True):
        near = [box for box in places if low < box.end and high + max(0, length - 1) >= box.offset]
        if near:
            values = tables.numbers(table.block(data, first, count), table.width)
            if any(o < b.end and o + max(0, length - 1) >= b.offset for b in near for o in values):
                return True
    return False


def _check(source: ByteSource, top: TopLevel, still: _Still, index: MovieIndex) -> None:
    places = (still.gap, still.moov)
    for track in index.tracks:
        if track.external:
            if track.handler in ("vide", "soun") and any(table.count for table in track.chunk_tables):
                raise LeaveAloneError("The picture or the sound lies in another file, so this one is left as it is.")
            continue
        used = [table for table in track.aux_tables if table.count]
        if any(points_into(table, index.data, places) for table in track.chunk_tables) or any(
            points_into(table, index.data, places, aux_bytes(index.data, track, table)) for table in used
        ):
            raise LeaveAloneError(_NOT_KEPT)
        check_chunks(index.data, track, (still.gap.offset, still.moov.offset, still.file_size))
    for meta in index.metas:
        item_edits(index.data, meta, still.of_run)
    side_edits(source, top.boxes, still.of_run)
