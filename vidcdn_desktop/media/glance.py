"""What a video is and how soon it starts, from its head and, where needed, a piece of its end.

    head (64 kB) ──boxes──> index in it ──────────────> the whole verdict, from one read
                     │
                     ├────> index behind the media ───> read it if it is small, else only its descriptions
                     ├────> large index in front ─────> only its descriptions
                     └────> fragments, other kinds ───> told from the head

Verdicts are the layout engine's own wherever it can see the whole index; `VideoFacts.proved` says so. Whatever a file
claims, at most `MOST_BYTES` are fetched in at most `MOST_READS` reads.
"""

from __future__ import annotations

from dataclasses import replace

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.boxes import TopLevel, scan_top_level, top_level_boxes
from vidcdn_desktop.media.codecs import BROWSER_VIDEO, SOME_BROWSERS_VIDEO
from vidcdn_desktop.media.condensed import PartlyHere, TooMuchToReadError, condensed_index
from vidcdn_desktop.media.containers import Kind, Sniffed, is_still_brand, mp4_container_words, sniff
from vidcdn_desktop.media.fragment_time import indexed_duration, last_fragment, tells_its_time
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.media.info import BoxHeader, Layout, LayoutReport
from vidcdn_desktop.media.layout import read_layout, read_structure
from vidcdn_desktop.media.movie import MovieFacts, read_movie
from vidcdn_desktop.media.thrift import Thrifty
from vidcdn_desktop.media.verdict import browser_note

HEAD = 64_000
"""Bytes of the first read."""

TAIL = 384 << 10
"""An index up to this size is read whole where it stands behind the media; that of half an hour of film."""

AHEAD = 4 << 10
"""What a short read behind the head fetches: the descriptions of one track are about 1 kB."""

MOST_BYTES = HEAD + TAIL + 30 * AHEAD
MOST_READS = 16

_MOST_BOXES = 4096
_HEADER = 16

_CAN_BE_MOVED = (
    "The index (moov) stands behind the media, so players fetch the end first. It can be moved to the front."
)
_LOOKS_SLOW = (
    "The index (moov) stands behind the media, so players fetch the end first. It is large; whether it can be moved"
    " is worked out by the repair."
)
_NOT_FOUND = "The index (moov) was not found in what is read of a video for a scan."


def glance(source: PartlyHere) -> VideoFacts:
    """Say what a file is, where its index stands, how long it is and how it is encoded.

    Args:
        source: The file; what it fetches beyond what is asked for should be about `AHEAD`.

    Raises: what the source raises. No content of a file is an error.
    """
    if source.size == 0:
        return VideoFacts(Layout.CORRUPT, IndexPlace.UNKNOWN, "The file is empty.", proved=True, is_film=False)
    thrifty = Thrifty(source, MOST_BYTES, MOST_READS, AHEAD)
    thrifty.read_at(0, HEAD)
    try:
        top, whole = _walk(thrifty)
        report, proved = _layout(thrifty, top, whole=whole)
    except TooMuchToReadError:
        return VideoFacts(Layout.UNSUPPORTED, IndexPlace.UNKNOWN, _NOT_FOUND, proved=False, is_film=True)
    if report.layout is Layout.NOT_MP4:
        return _other(sniff(thrifty), report)
    movie, unknown = _movie(thrifty, report, whole=whole)
    return _facts(report, movie, unknown, proved=proved)


def _walk(source: Thrifty) -> tuple[TopLevel, bool]:
    """The top-level boxes as far as they are needed, and whether those are all there are."""
    boxes: list[BoxHeader] = []
    types: set[str] = set()
    try:
        for box in top_level_boxes(source):
            boxes.append(box)
            types.add(box.type)
            if len(boxes) >= _MOST_BOXES:
                return _top(boxes), False
            if box.end >= source.size or not source.missing(box.end, _HEADER):
                continue
            if "moof" in types:
                return _top(boxes), False  # a film in fragments has thousands, each a request away
            if "moov" not in types and source.size - box.end <= TAIL:
                source.read_at(box.end, source.size - box.end)
    except CorruptMedia:
        pass  # told by the scan of the same boxes, which does not stop there
    except TooMuchToReadError:
        return _top(boxes), False
    return scan_top_level(source), True


def _top(boxes: list[BoxHeader]) -> TopLevel:
    return TopLevel(tuple(boxes), False, None, "", 0, len(boxes))


def _layout(source: Thrifty, top: TopLevel, *, whole: bool) -> tuple[LayoutReport, bool]:
    """The verdict, and whether it was worked out over the whole index."""
    moov = next((box for box in top.boxes if box.type == "moov"), None)
    if whole and (moov is None or _is_cheap(source, top, moov)):
        try:
            return read_layout(source), True
        except TooMuchToReadError:
            pass
    report = read_structure(source, top)
    # Where the walk ended early, only what was seen counts.
    if not whole and moov is None and report.layout is Layout.CORRUPT:
        report = replace(report, layout=Layout.UNSUPPORTED, reason=_NOT_FOUND)
    return report, False


def _is_cheap(source: Thrifty, top: TopLevel, moov: BoxHeader) -> bool:
    if not source.missing(moov.offset, moov.size):
        return True
    behind = moov.offset >= HEAD or any(box.type == "mdat" and box.offset < moov.offset for box in top.boxes)
    return behind and moov.size <= TAIL


def _movie(source: Thrifty, report: LayoutReport, *, whole: bool) -> tuple[MovieFacts | None, str]:
    """What the index tells, or why it tells nothing."""
    if report.moov_offset is None or report.moov_size is None:
        return None, "Without an index there is no telling how long it is or how it is encoded."
    moov = next(box for box in report.boxes if box.type == "moov")
    fragments = [box for box in report.boxes if box.type == "moof"]
    # Fragments are added up only where all of them are here: a part of them would give a wrong duration.
    counted = whole and not any(source.missing(box.offset, box.size) for box in fragments)
    boxes = report.boxes if counted else ()
    try:
        if source.missing(moov.offset, moov.size):
            small = _Beside(condensed_index(source, moov), source)
            movie = read_movie(small, replace(report, moov_offset=0, moov_size=small.moov_size, boxes=()))
        else:
            movie = read_movie(source, replace(report, boxes=boxes))
        if movie.duration_s is None and fragments:
            movie = _timed(source, report, movie, fragments[0])
    except CorruptMedia as exc:
        return None, exc.what
    except TooMuchToReadError:
        return None, "Its index is laid out so that a scan would have to read too much of it."
    return movie, ""


def _timed(source: Thrifty, report: LayoutReport, movie: MovieFacts, first: BoxHeader) -> MovieFacts:
    """The facts with a duration: from the list in front, else from the first fragment to the last listed at the end."""
    try:
        duration = indexed_duration(source, report.boxes)
        if duration is not None:
            return replace(movie, duration_s=duration)
        last = last_fragment(source)
        if last is None or not (tells_its_time(source, first) and tells_its_time(source, last)):
            return movie
        both = (first,) if first == last else (first, last)
        return read_movie(source, replace(report, boxes=both))
    except (CorruptMedia, TooMuchToReadError):
        return movie


class _Beside:
    """A condensed index, with the length of the film it belongs to."""

    def __init__(self, moov: bytes, film: Thrifty) -> None:
        self._moov = BytesSource(moov)
        self.moov_size = len(moov)
        self.size = film.size

    def read_at(self, offset: int, length: int) -> bytes:
        return self._moov.read_at(offset, length)


def _facts(report: LayoutReport, movie: MovieFacts | None, unknown: str, *, proved: bool) -> VideoFacts:
    facts = VideoFacts(
        report.layout,
        _place(report),
        _reason(report, proved=proved),
        proved=proved,
        is_film=_is_film(report, movie),
        container=mp4_container_words(report.brand),
        index_bytes=report.moov_size,
        unknown=unknown,
    )
    if movie is None:
        return facts
    film = next((stream for stream in movie.video if not stream.attached_picture), None)
    sound = movie.audio[0] if movie.audio else None
    facts = replace(
        facts,
        duration_s=movie.duration_s,
        protected=movie.protected,
        audio_codec=sound.codec if sound else "",
        audio_channels=sound.channels if sound else None,
        note=browser_note(film, movie.audio) if facts.is_film else "",
    )
    if movie.duration_s is None and facts.place is IndexPlace.FRAGMENTED:
        facts = replace(facts, unknown="Its index does not say how long it is, and its fragments were not all read.")
    if film is None:
        return facts
    return replace(
        facts,
        video_codec=film.codec,
        video_profile=film.profile,
        width=film.display_width or None,
        height=film.display_height or None,
        fps=film.fps,
        hdr=film.hdr,
    )


def _place(report: LayoutReport) -> IndexPlace:
    known = {
        Layout.ALREADY: IndexPlace.FRONT,
        Layout.NEEDS: IndexPlace.END,
        Layout.FRAGMENTED: IndexPlace.FRAGMENTED,
    }.get(report.layout)
    if known is not None or report.layout is not Layout.UNSUPPORTED or report.moov_offset is None:
        return known or IndexPlace.UNKNOWN
    before = [box for box in report.boxes if box.type in ("mdat", "imda") and box.size > box.header_size]
    is_behind = any(box.offset < report.moov_offset for box in before)
    return IndexPlace.END if is_behind else IndexPlace.UNKNOWN


def _reason(report: LayoutReport, *, proved: bool) -> str:
    if report.layout is Layout.NEEDS:
        return _CAN_BE_MOVED if proved else _LOOKS_SLOW
    return report.reason


def _is_film(report: LayoutReport, movie: MovieFacts | None) -> bool:
    if is_still_brand(report.brand):  # raw photos have picture tracks of a single frame
        return movie is not None and any(s.codec in BROWSER_VIDEO | SOME_BROWSERS_VIDEO for s in movie.video)
    if movie is not None:
        return bool(movie.video or movie.audio)
    return True


def _other(sniffed: Sniffed, report: LayoutReport) -> VideoFacts:
    """A file that is no MP4 and no MOV."""
    is_film = sniffed.kind in (Kind.FILM, Kind.SOUND)
    reason = f"{sniffed.name} files have no index (moov) to be moved." if is_film else report.reason
    unknown = "Duration and codecs are read from MP4 and MOV files only." if is_film else ""
    return VideoFacts(
        Layout.NOT_MP4,
        IndexPlace.NONE,
        reason,
        proved=True,
        is_film=is_film,
        container=sniffed.name,
        unknown=unknown,
    )
