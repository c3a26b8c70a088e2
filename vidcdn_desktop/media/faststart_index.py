"""What of a movie's index (moov) has to do with places in the file: the tables, and how to read them.

Everything else in the index is never interpreted, so it cannot be lost. Offsets are positions in the buffer that
holds the whole moov box, header included.

Source: ISO/IEC 14496-12, sections 8.1 to 8.8; QuickTime File Format, "Movie atoms" and "Compressed movie resources".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from vidcdn_desktop.media import tables
from vidcdn_desktop.media.boxes import child_boxes, corrupt
from vidcdn_desktop.media.info import BoxHeader

MAX_TRACKS = 4096
"""Tracks in one movie; hundreds occur."""

MAX_EXPANDED_INDEX = 64 << 20
"""Bytes a compressed index may grow to; they went out of use when films were short."""

_MODEST_INDEX = 8 << 20
_USUAL_GROWTH = 64
"""An index beyond the modest size that grows more than this is a bomb: real ones grow two to ten times."""

_GROWTH_OF_DEFLATE = 1100
"""No deflate stream grows more than about 1032 times."""

MAX_INDEX_BOXES = 200_000
"""Boxes read in one index; a track has about forty."""

MAX_OFFSET_TABLES = 10_000
"""Tables of offsets in one index."""

_MAX_TWINS = 64
"""Boxes of one type in one sample table; more than one is odd already."""

_ENTRY_WIDTH = {"stco": 4, "co64": 8}
_KEPT = frozenset({"stsd", "stts", "stsc", "stsz", "stz2", "saiz", "senc"})
"""What of a sample table is needed later, besides the tables of offsets."""

_TOO_MANY = "The index has too many parts to be checked, so it is left as it is."


class LeaveAloneError(Exception):
    """The file is sound but cannot be moved with certainty; the message is the sentence for the creator.

    Stays inside this package: it becomes a verdict, never an error.
    """


class DoesNotFitError(LeaveAloneError):
    """The file could be moved only if nothing in it changed its place."""


class TornError(LeaveAloneError):
    """A run of samples starts on one side of a seam (or of the end of the file) and ends on the other."""


@dataclass(frozen=True, slots=True)
class OffsetTable:
    """A table of file offsets."""

    kind: str
    """stco, co64 or saio."""
    box: BoxHeader
    """Its box, placed in the buffer."""
    entries_at: int
    """Where the first entry stands in the buffer."""
    count: int
    """Entries."""
    width: int
    """Bytes per entry: 4 or 8."""
    containers: tuple[BoxHeader, ...]
    """The boxes around it, outermost (moov) first."""
    bounds: tuple[tuple[int, int], ...]
    """Smallest and largest value of each block (`tables.blocks`)."""

    def block(self, data: memoryview, first: int, count: int) -> memoryview:
        """The bytes of `count` entries from the entry `first`."""
        start = self.entries_at + first * self.width
        return data[start : start + count * self.width]

    @property
    def highest(self) -> int:
        """The largest offset; -1 for an empty table."""
        return max((high for _, high in self.bounds), default=-1)

    @property
    def lowest(self) -> int:
        """The smallest offset; -1 for an empty table."""
        return min((low for low, _ in self.bounds), default=-1)


@dataclass
class TrackIndex:
    """One track, as far as it points into the file."""

    handler: str = ""
    """vide, soun, text…"""
    external: bool = False
    """The samples lie in another file."""
    mixed: bool = False
    """Some samples lie in this file and some in others, or it cannot be told."""
    chunk_tables: list[OffsetTable] = field(default_factory=list)
    """stco and co64."""
    aux_tables: list[OffsetTable] = field(default_factory=list)
    """saio."""
    boxes: dict[str, list[BoxHeader]] = field(default_factory=dict)
    """The boxes of the sample table by type."""

    def only(self, kind: str) -> BoxHeader | None:
        """The one box of this type in the sample table, None without one.

        Raises: LeaveAloneError: there are several.
        """
        found = self.boxes.get(kind, [])
        if len(found) > 1:
            raise LeaveAloneError("The index describes a track twice, so it is left as it is.")
        return found[0] if found else None


@dataclass
class MovieIndex:
    """The parts of a moov box that matter for moving it."""

    raw: bytes
    """The whole box."""
    with_bounds: bool = True
    """Whether `OffsetTable.bounds` are filled in."""
    tracks: list[TrackIndex] = field(default_factory=list)
    has_fragments_box: bool = False
    """An mvex box: fragments may follow."""
    references: bool = False
    """An rmra box: the movie only names other files."""
    metas: list[BoxHeader] = field(default_factory=list)
    """meta boxes that may place items in the file (they hold an iloc)."""
    boxes_read: int = 0
    """Boxes looked at so far."""
    tables_read: int = 0
    """Tables of offsets found so far."""

    def __post_init__(self) -> None:
        self.data = memoryview(self.raw)

    def own_tables(self) -> list[OffsetTable]:
        """The tables that point into this very file."""
        return [t for track in self.tracks if not track.external for t in (*track.chunk_tables, *track.aux_tables)]


def expanded(data: bytes, header_size: int) -> bytes | None:
    """The moov box inside a compressed one; None if `data` is not compressed.

    Raises: CorruptMedia: it cannot be expanded. LeaveAloneError: another compression, or too large.
    """
    whole = memoryview(data)
    cmov = next((box for box in child_boxes(whole, header_size, len(data)) if box.type == "cmov"), None)
    if cmov is None:
        return None
    found = child_boxes(whole, cmov.offset + cmov.header_size, cmov.end)
    parts = {box.type: box for box in found if box.type in ("dcom", "cmvd")}
    if "dcom" not in parts or "cmvd" not in parts:
        raise corrupt("The compressed index of the file is damaged.")
    method = bytes(payload(whole, parts["dcom"])[:4])
    stream = payload(whole, parts["cmvd"])
    if method != b"zlib":
        raise LeaveAloneError("The index is compressed in an unknown way, so it is left as it is.")
    if len(stream) < 4:
        raise corrupt("The compressed index of the file is damaged.")
    size = int.from_bytes(stream[:4], "big")
    if size > MAX_EXPANDED_INDEX or size > max(_MODEST_INDEX, _USUAL_GROWTH * len(stream)):
        raise LeaveAloneError("The compressed index is too large to be expanded.")
    if size < 8 or size > _GROWTH_OF_DEFLATE * len(stream):
        raise corrupt("The compressed index of the file is damaged.")
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(stream[4:], size + 1)
    except zlib.error as exc:
        raise corrupt("The compressed index of the file is damaged.") from exc
    inner = next(child_boxes(plain, 0, len(plain)), None) if len(plain) == size else None
    if not inflater.eof or inner is None or inner.type != "moov" or inner.end != size or inner.header_size != 8:
        raise corrupt("The compressed index of the file is damaged.")
    if any(box.type == "cmov" for box in child_boxes(plain, 8, size)):
        raise corrupt("The compressed index of the file is damaged.")
    return plain


def read_index(data: bytes, header_size: int, *, with_bounds: bool = True) -> MovieIndex:
    """Read a whole moov box. Without `with_bounds` the tables are found but not looked through.

    Raises: CorruptMedia: a box or a table does not fit into its container. LeaveAloneError: too many tracks, boxes or
        tables.
    """
    index = MovieIndex(data, with_bounds)
    moov = BoxHeader("moov", 0, len(data), header_size)
    for box in _children(index, moov):
        match box.type:
            case "trak":
                if len(index.tracks) >= MAX_TRACKS:
                    raise LeaveAloneError(f"The index lists more than {MAX_TRACKS} tracks, so it is left as it is.")
                index.tracks.append(_read_track(index, (moov, box)))
            case "mvex":
                index.has_fragments_box = True
            case "rmra":
                index.references = True
            case "meta" | "udta":
                _note_meta(index, box)
    return index


def payload(data: memoryview, box: BoxHeader) -> memoryview:
    """What is in a box."""
    return data[box.offset + box.header_size : box.end]


def _children(index: MovieIndex, parent: BoxHeader, skip: int = 0) -> Iterator[BoxHeader]:
    """The boxes in a box, from `skip` bytes into its payload on, counted so that no index costs unbounded time."""
    for box in child_boxes(index.data, parent.offset + parent.header_size + skip, parent.end):
        index.boxes_read += 1
        if index.boxes_read > MAX_INDEX_BOXES:
            raise LeaveAloneError(_TOO_MANY)
        yield box


def _note_meta(index: MovieIndex, box: BoxHeader) -> None:
    """Remember a meta box that places items in the file; those with tags only do not, and may be sloppy."""
    # Looking for the four letters spares walking user data, where cameras leave all sorts of things.
    if index.raw.find(b"iloc", box.offset + box.header_size, box.end) < 0:
        return
    if box.type == "meta":
        index.metas.append(box)
        return
    for child in _children(index, box):
        if child.type == "meta":
            _note_meta(index, child)


def _read_track(index: MovieIndex, path: tuple[BoxHeader, ...]) -> TrackIndex:
    track = TrackIndex()
    references: list[tuple[str, bool]] = []
    data = index.data
    for box in _children(index, path[-1]):
        if box.type in ("meta", "udta"):
            _note_meta(index, box)
        if box.type != "mdia":
            continue
        for part in _children(index, box):
            if part.type == "hdlr":
                track.handler = bytes(payload(data, part)[8:12]).decode("latin-1")
            elif part.type == "minf":
                for inner in _children(index, part):
                    if inner.type == "dinf":
                        references += _data_references(index, inner)
                    elif inner.type == "stbl":
                        _read_sample_table(index, track, (*path, box, part, inner))
            elif part.type == "meta":
                _note_meta(index, part)
    own = [is_own for _, is_own in references]
    if any(kind in ("imdt", "snim") for kind, _ in references):
        raise LeaveAloneError("The media is addressed in a way that cannot be moved with certainty.")
    if own and not any(own):
        track.external = True
    elif not all(own):
        used = _used_references(index, track)
        picked = {own[number - 1] if 0 < number <= len(own) else None for number in used}
        track.external = picked == {False}
        track.mixed = picked not in ({True}, {False})
    return track


def _data_references(index: MovieIndex, dinf: BoxHeader) -> list[tuple[str, bool]]:
    """Each data reference of a track: its type, and whether it means this very file."""
    found: list[tuple[str, bool]] = []
    for dref in _children(index, dinf):
        if dref.type != "dref":
            continue
        if dref.size < dref.header_size + 8:
            raise corrupt("The index of the file is damaged.", code="short dref")
        for entry in _children(index, dref, 8):
            body = bytes(payload(index.data, entry)[:5])
            # An empty location without the flag names no other file; readers take it for this one.
            own = len(body) < 4 or bool(body[3] & 1) or len(body) == 4 or (entry.type == "url " and body[4] == 0)
            found.append((entry.type, own))
    return found


def _used_references(index: MovieIndex, track: TrackIndex) -> set[int]:
    """The data reference numbers the sample descriptions of a track name."""
    stsd = track.only("stsd")
    if stsd is None or stsd.size < stsd.header_size + 8:
        return {0}
    return {int.from_bytes(payload(index.data, entry)[6:8], "big") for entry in _children(index, stsd, 8)}


def _read_sample_table(index: MovieIndex, track: TrackIndex, path: tuple[BoxHeader, ...]) -> None:
    for box in _children(index, path[-1]):
        if box.type in _KEPT:
            twins = track.boxes.setdefault(box.type, [])
            if len(twins) >= _MAX_TWINS:
                raise LeaveAloneError(_TOO_MANY)
            twins.append(box)
        if box.type in _ENTRY_WIDTH:
            track.chunk_tables.append(_table(index, box, 4, _ENTRY_WIDTH[box.type], path))
        elif box.type == "saio":
            if len(track.aux_tables) >= _MAX_TWINS:
                raise LeaveAloneError(_TOO_MANY)
            head = payload(index.data, box)[:4]
            if len(head) < 4 or head[0] > 1:
                raise LeaveAloneError("The media is encrypted in a way that cannot be moved with certainty.")
            has_type = bool(head[3] & 1)
            track.aux_tables.append(_table(index, box, 12 if has_type else 4, 8 if head[0] else 4, path))


def _table(
    index: MovieIndex, box: BoxHeader, count_at: int, width: int, containers: tuple[BoxHeader, ...]
) -> OffsetTable:
    data = index.data
    index.tables_read += 1
    if index.tables_read > MAX_OFFSET_TABLES:
        raise LeaveAloneError(_TOO_MANY)
    start = box.offset + box.header_size + count_at
    count = int.from_bytes(data[start : start + 4], "big")
    if start + 4 + count * width > box.end:
        raise corrupt("The index of the file is damaged.", code=f"{box.type} at {box.offset} is too short")
    found = []
    for first, number in tables.blocks(count if index.with_bounds else 0):
        at = start + 4 + first * width
        found.append(tables.bounds(data[at : at + number * width], width))
    return OffsetTable(box.type, box, start + 4, count, width, containers, tuple(found))
