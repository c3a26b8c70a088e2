"""What the box structure of a file says: starts at once, can be moved, in fragments, damaged, or something else.

A verdict of NEEDS is given only after the whole move has been worked out; where anything is doubtful the file is left
alone and the reason says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.boxes import TopLevel, scan_top_level, type_name
from vidcdn_desktop.media.faststart_gap import Swap, find_gap, swap
from vidcdn_desktop.media.faststart_index import (
    DoesNotFitError,
    LeaveAloneError,
    MovieIndex,
    TornError,
    expanded,
    read_index,
)
from vidcdn_desktop.media.faststart_moves import Move, PatchedIndex, patch_index
from vidcdn_desktop.media.faststart_reach import check_chunks
from vidcdn_desktop.media.faststart_segments import side_edits
from vidcdn_desktop.media.info import BoxHeader, Layout, LayoutReport

MAX_INDEX = 512 << 20
"""Bytes of moov we read into memory."""

_FIRST = frozenset({"ftyp", "styp", "jP  ", "moov", "mdat", "moof", "wide", "pnot", "sidx"})
"""A file that starts with one of these is of this family even if the box is cut off."""

_KNOWN = _FIRST | {
    *("free", "skip", "uuid", "mfra", "ssix", "pdin", "meta", "emsg", "prft", "PICT", "junk", "meco", "imda", "udta"),
    "mvex",
}
"""Boxes that stand at the top of files of this family."""

_ALREADY = "The index (moov) stands before the media: the film starts at once."
_TOO_MANY = "The file has too many parts, so it is left as it is."
_STILL_BRANDS = frozenset({"heic", "heix", "heim", "heis", "mif1", "mif2", "avif", "jp2 ", "jpx ", "crx "})


@dataclass(frozen=True)
class Decision:
    """A verdict, and for NEEDS the move behind it."""

    report: LayoutReport
    patched: PatchedIndex | None = None
    """The new moov; None unless the verdict is NEEDS and everything moves to make room for it."""
    index: MovieIndex | None = None
    """The old moov, expanded if it was compressed; None unless the verdict is NEEDS."""
    changed: tuple[tuple[BoxHeader, bytes], ...] = ()
    """Other top-level boxes that change, with their new bytes (of the same length)."""
    swap: Swap | None = None
    """Instead of `patched`: the index goes into a gap and nothing else moves."""


def read_layout(source: ByteSource) -> LayoutReport:
    """Say what the box structure of a file allows, with the reason in one sentence.

    Reads 16 bytes per top-level box and the moov box, never the media. Any input gives a report in bounded time.

    Raises: SourceGone, SourceChanged, SourceUnreadable: from the source.
    """
    return decide(source).report


def decide(source: ByteSource) -> Decision:
    """`read_layout`, with the move worked out. Same errors."""
    top = scan_top_level(source)
    report = _undecided(source, top)
    early = _without_index(source, top, report)
    if early is not None:
        return Decision(replace(report, layout=early[0], reason=early[1]))
    return _with_index(source, top, next(box for box in top.boxes if box.type == "moov"), report)


def read_structure(source: ByteSource, top: TopLevel) -> LayoutReport:
    """Say what the top-level boxes alone allow, where the index is too large to be read for an answer.

    NEEDS is how the file looks, not a proof that the index can be moved; damage inside the index is not seen.

    Args:
        source: Where the boxes are; at most four bytes of ftyp are read.
        top: Its boxes.

    Raises: SourceGone, SourceChanged, SourceUnreadable: from the source.
    """
    report = _undecided(source, top)
    early = _without_index(source, top, report)
    if early is None and _media_before(top, "moov"):
        early = Layout.NEEDS, "The index (moov) stands after the media."
    layout, reason = early or (Layout.ALREADY, _ALREADY)
    return replace(report, layout=layout, reason=reason)


def _undecided(source: ByteSource, top: TopLevel) -> LayoutReport:
    """What the boxes say, without a conclusion."""
    moov = next((box for box in top.boxes if box.type == "moov"), None)
    return LayoutReport(
        Layout.UNSUPPORTED,
        "",
        top.boxes,
        moov.offset if moov else None,
        moov.size if moov else None,
        top.problem,
        _brand(source, top),
    )


def _brand(source: ByteSource, top: TopLevel) -> str:
    ftyp = next((box for box in top.boxes if box.type == "ftyp"), None)
    if ftyp is None or ftyp.size < ftyp.header_size + 4:
        return ""
    return type_name(source.read_at(ftyp.offset + ftyp.header_size, 4))


def _without_index(source: ByteSource, top: TopLevel, report: LayoutReport) -> tuple[Layout, str] | None:
    """The verdicts that need no look into moov; None if it must be read."""
    types = [box.type for box in top.boxes]
    family = _is_family(top)
    if not source.size:
        return Layout.CORRUPT, "The file is empty."
    if not family:
        return Layout.NOT_MP4, "This is not an MP4 or MOV file."
    stopped = top.stopped_at
    if stopped is not None and (stopped.type in _KNOWN or "moov" not in types):
        if stopped.type in ("mdat", "moov", "moof") and stopped.size >= stopped.header_size:
            return Layout.CORRUPT, "The file is cut off: its end is missing."
        return Layout.CORRUPT, "The file is damaged or cut off."
    if top.is_shortened and "moov" not in types:
        return Layout.UNSUPPORTED, _TOO_MANY
    if types.count("moov") > 1:
        return Layout.UNSUPPORTED, "The file has two indexes (moov), so it is left as it is."
    if "moov" not in types:
        return _no_moov(types, report.brand)
    if report.brand == "crx ":
        return Layout.UNSUPPORTED, "This is a raw photograph, not a film."
    if "moof" in types:
        if types.index("moov") < types.index("moof") and not _media_before(top, "moov"):
            return Layout.FRAGMENTED, "The film is stored in fragments: it streams as it is."
        return Layout.UNSUPPORTED, "The index (moov) stands behind movie fragments, so the file is left as it is."
    if top.is_shortened or (top.problem and stopped is None):
        return Layout.UNSUPPORTED, _TOO_MANY
    return None


def _is_family(top: TopLevel) -> bool:
    if top.boxes:
        types = {box.type for box in top.boxes}
        return top.boxes[0].type in _KNOWN or bool(types & {"moov", "mdat", "moof", "ftyp"})
    return top.stopped_at is not None and top.stopped_at.type in _FIRST


def _no_moov(types: list[str], brand: str) -> tuple[Layout, str]:
    if "moof" in types:
        return Layout.FRAGMENTED, "This is one segment of a stream: it plays only together with the others."
    if brand in _STILL_BRANDS or ("meta" in types and brand not in ("isom", "mp41", "mp42", "qt  ")):
        return Layout.UNSUPPORTED, "This is a still picture, not a film."
    return Layout.CORRUPT, "The file is cut off: the index is missing."


def _media_before(top: TopLevel, kind: str) -> bool:
    """Whether media stands before the first box of this type."""
    for box in top.boxes:
        if box.type == kind:
            return False
        if box.type in ("mdat", "imda") and box.size > box.header_size:
            return True
    return False


def _with_index(source: ByteSource, top: TopLevel, moov: BoxHeader, report: LayoutReport) -> Decision:
    """The verdicts that depend on what moov says."""
    slow = _media_before(top, "moov")

    def say(layout: Layout, reason: str, damage: str = "") -> Decision:
        return Decision(replace(report, layout=layout, reason=reason, damage=damage or report.damage))

    already = say(Layout.ALREADY, _ALREADY)
    if moov.size > MAX_INDEX:
        if slow:
            return say(Layout.UNSUPPORTED, "The index (moov) is too large to be moved, so the file is left as it is.")
        return already
    data = source.read_at(moov.offset, moov.size)
    insert_at = _insert_at(top)
    try:
        plain = expanded(data, moov.header_size)
        index = read_index(plain or data, 8 if plain else moov.header_size)
    except CorruptMedia as exc:
        return say(Layout.CORRUPT, "The index (moov) of the file is damaged.", exc.code)
    except LeaveAloneError as exc:
        return say(Layout.UNSUPPORTED, str(exc)) if slow else already
    unfit = _unfit(top, index, moov, source.size)
    if unfit is not None:
        return say(*unfit)
    if not slow and not any(_points_between(index, insert_at, moov.offset)):
        return already
    moved = replace(
        report,
        layout=Layout.NEEDS,
        reason="The index (moov) stands after the media and will be moved while uploading.",
    )
    try:
        return _worked_out(source, top, moov, (index, plain is None), moved)
    except CorruptMedia as exc:
        return say(Layout.CORRUPT, "The index (moov) of the file is damaged.", exc.code) if slow else already
    except LeaveAloneError as exc:
        return say(Layout.UNSUPPORTED, str(exc)) if slow else already


def _worked_out(
    source: ByteSource, top: TopLevel, moov: BoxHeader, found: tuple[MovieIndex, bool], report: LayoutReport
) -> Decision:
    """The move itself. `found` is the index, and whether it stands in the file as it is (not compressed).

    Raises: LeaveAloneError, CorruptMedia.
    """
    index, in_place = found
    insert_at = _insert_at(top)
    types = {box.type for box in top.boxes}
    if insert_at > moov.offset:
        raise LeaveAloneError("The file type (ftyp) stands behind the media, so the file is left as it is.")
    if "imda" in types:
        raise LeaveAloneError("The media is addressed in a way that cannot be moved with certainty.")
    refusal: DoesNotFitError | None = None
    try:
        move = Move(insert_at, moov.offset, moov.size, len(index.raw), source.size)
        patched = patch_index(index, move, in_place=in_place)
        changed = side_edits(source, top.boxes, patched.move.of_run)
    except DoesNotFitError as exc:
        refusal = exc
    if (refusal is not None or patched.widened) and in_place and (gap := find_gap(source, top, moov)):
        try:
            swapped = swap(source, top, moov, gap, index)
            return Decision(replace(report, boxes_after=swapped.boxes), index=index, swap=swapped)
        except LeaveAloneError:
            pass  # then as without the gap
    if refusal is not None:
        raise refusal
    after = _boxes_after(top.boxes, moov, patched.move)
    return Decision(replace(report, boxes_after=after), patched, index, changed)


def _boxes_after(boxes: tuple[BoxHeader, ...], moov: BoxHeader, move: Move) -> tuple[BoxHeader, ...]:
    """The top-level boxes once everything has moved."""
    found = [BoxHeader("moov", move.insert_at, move.new_size, moov.header_size)]
    for box in boxes:
        if box != moov:
            there = box.offset + move.delta(move.piece(box.offset))
            found.append(BoxHeader(box.type, there, box.size, box.header_size))
    return tuple(sorted(found, key=lambda box: box.offset))


def _unfit(top: TopLevel, index: MovieIndex, moov: BoxHeader, size: int) -> tuple[Layout, str] | None:
    """Why a file with a sound index is nothing to move or to publish; None if it is."""
    own = index.own_tables()
    if not index.tracks:
        if top.problem:
            return Layout.CORRUPT, "The file is damaged or cut off."
        if index.references:
            return Layout.UNSUPPORTED, "The file only names other files and holds no film of its own."
        if _media_before(top, "moov"):
            return Layout.UNSUPPORTED, "The index lists no pictures and no sound, so the file is left as it is."
        return None
    if index.has_fragments_box and not any(table.count for table in own):
        if any(box.type == "mdat" and box.size > box.header_size for box in top.boxes):
            return Layout.UNSUPPORTED, "The index announces movie fragments but the file has none."
        return Layout.FRAGMENTED, "This is the start of a stream in fragments; its media lies in other files."
    sound_end = top.boxes[-1].end
    highest = max((table.highest for table in own), default=-1)
    if top.problem and highest >= sound_end:
        return Layout.CORRUPT, "The file is damaged or cut off: a part of the media is missing."
    if not _media_before(top, "moov") and _is_cut(top, index, moov, size):
        return Layout.CORRUPT, "The file is cut off: a part of the media is missing."
    return None


def _is_cut(top: TopLevel, index: MovieIndex, moov: BoxHeader, size: int) -> bool:
    """Whether picture or sound that the index names would stand behind the end of the file."""
    films = [track for track in index.tracks if track.handler in ("vide", "soun") and not track.external]
    found = [table for track in films for table in track.chunk_tables if table.count]
    if any(table.highest > size or table.lowest >= size for table in found):
        return True
    if not top.open_end or top.boxes[-1].offset < moov.offset:
        return False
    try:  # a box without a size does not tell that it is cut, but the length of its samples does
        for track in films:
            check_chunks(index.data, track, (size,))
    except TornError:
        return True
    except (CorruptMedia, LeaveAloneError):
        return False
    return False


def _points_between(index: MovieIndex, start: int, end: int) -> list[bool]:
    """Whether media stands between two places, table by table; place 0 is what unused entries hold."""
    return [low < end and high >= max(1, start) for t in index.own_tables() for low, high in t.bounds]


def _insert_at(top: TopLevel) -> int:
    """Where the index goes: behind what must come first (signature, ftyp, download information)."""
    position = 0
    for box in top.boxes:
        if box.type in ("ftyp", "jP  ", "pdin"):
            position = box.end
        elif box.type not in ("free", "skip", "wide", "uuid"):
            break
    if any(box.type == "ftyp" and box.offset >= position for box in top.boxes):
        return top.boxes[-1].end  # ftyp behind the media: no place is right
    return position
