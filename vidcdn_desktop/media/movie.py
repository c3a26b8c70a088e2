"""Facts of an MP4 or MOV file from its own index, for when ffprobe is not there.

Source: ISO/IEC 14496-12, sections 8.2 to 8.6 and 8.8; QuickTime File Format, "Movie atoms".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.errors import CorruptMedia
from vidcdn_desktop.media.boxes import child_boxes, corrupt
from vidcdn_desktop.media.containers import mp4_container_words
from vidcdn_desktop.media.faststart_index import LeaveAloneError, expanded
from vidcdn_desktop.media.fragments import FragmentSum, fragment_runs
from vidcdn_desktop.media.geometry import display_size, quarter_turn, sane_aspect
from vidcdn_desktop.media.info import AudioStream, BoxHeader, LayoutReport, OtherStream, VideoStream
from vidcdn_desktop.media.sample_entries import SampleEntry, read_sample_entry

_MAX_INDEX_BYTES = 256 << 20
_MAX_FRAGMENT_INDEX_BYTES = 16 << 20
_MAX_FRAGMENTS = 20_000
_MAX_TRACKS = 1000
_MAX_BOXES = 200_000
_MAX_TAG_BYTES = 2000
_UNKNOWN_32 = 0xFFFFFFFF
_UNKNOWN_64 = 0xFFFFFFFFFFFFFFFF

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_OTHER_KINDS = {"subt": "subtitle", "sbtl": "subtitle", "text": "subtitle", "subp": "subtitle", "clcp": "subtitle"}
_TAG_NAMES = {
    "\\xa9nam": "title",
    "\\xa9ART": "artist",
    "\\xa9alb": "album",
    "\\xa9cmt": "comment",
    "\\xa9day": "date",
    "\\xa9too": "encoder",
    "\\xa9gen": "genre",
}

_Matrix = tuple[float, float, float, float]
"""The four numbers of a transformation matrix that turn and scale: a, b, c, d."""

_IDENTITY: _Matrix = (1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class MovieFacts:
    """What the index tells about a file."""

    container: str
    """In words: "MP4", "QuickTime / MOV"…"""
    duration_s: float | None
    bit_rate: int | None
    """Whole file, bits per second."""
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    other: tuple[OtherStream, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    media_elsewhere: bool = False
    """All film and sound lies in other files that this one only names."""
    protected: bool = False
    """A film or sound track is encrypted."""


@dataclass
class _Track:
    """One `trak` while it is read."""

    number: int = 0
    handler: str = ""
    language: str = ""
    timescale: int = 0
    duration: int = 0
    width: float = 0.0
    height: float = 0.0
    matrix: _Matrix = _IDENTITY
    samples: int = 0
    entry: SampleEntry | None = None
    external: bool = False
    fragments: FragmentSum | None = None

    @property
    def is_video(self) -> bool:
        return self.handler in ("vide", "pict")  # pict: the image sequences of phones

    @property
    def duration_s(self) -> float | None:
        return self.duration / self.timescale if self.timescale and self.duration else None

    @property
    def fps(self) -> float | None:
        samples, duration = self.samples, self.duration
        if self.fragments and self.fragments.duration:
            samples, duration = self.fragments.samples, self.fragments.duration
        return samples * self.timescale / duration if samples and duration else None


def read_movie(source: ByteSource, report: LayoutReport) -> MovieFacts:
    """Read duration, streams, sizes as shown and rates from the index `report` found in `source`.

    Reads the index once (at most 256 MiB) and, in a fragmented film, the fragments' own indexes.
    Sample tables are not walked, so the cost does not grow with the length of the film.

    Raises: CorruptMedia: no index, or it is damaged. SourceGone, SourceChanged, SourceUnreadable: from the source.
    """
    if report.moov_offset is None or report.moov_size is None:
        raise corrupt("The index of the file is missing.", code="no moov")
    if report.moov_size > _MAX_INDEX_BYTES:
        raise corrupt("The index of the file is too large to be true.", code=f"moov of {report.moov_size} bytes")
    data = source.read_at(report.moov_offset, report.moov_size)
    try:
        return _Reader(_plain(data), source, report).read()
    except (struct.error, IndexError, RecursionError) as exc:
        raise corrupt("The index of the file is damaged.", code="a box is too short") from exc


def _plain(data: bytes) -> bytes:
    """The index itself, also where QuickTime has compressed it."""
    moov = next(child_boxes(data, 0, len(data)), None)
    try:
        return (expanded(data, moov.header_size) if moov else None) or data
    except LeaveAloneError as exc:
        raise corrupt("The compressed index of the file cannot be read.", code=str(exc)) from exc


class _Reader:
    """Walks one index; the data stays in memory meanwhile."""

    def __init__(self, data: bytes, source: ByteSource, report: LayoutReport) -> None:
        self._data = data
        self._source = source
        self._report = report
        self._timescale = 0
        self._duration = 0
        self._matrix = _IDENTITY
        self._fragment_duration = 0
        self._default_durations: dict[int, int] = {}
        self._tracks: list[_Track] = []
        self._tags: dict[str, str] = {}
        self._boxes_read = 0

    def read(self) -> MovieFacts:
        moov = next(child_boxes(self._data, 0, len(self._data)), None)
        if moov is None:
            raise corrupt("The index of the file is damaged.", code="moov is too short")
        children = {"mvhd": self._read_mvhd, "mvex": self._read_mvex, "udta": self._read_tags, "meta": self._read_tags}
        traks: list[BoxHeader] = []
        for box in self._children(moov):
            if box.type == "trak":
                if len(traks) < _MAX_TRACKS:
                    traks.append(box)
            elif reader := children.get(box.type):
                reader(box)
        # The film's own matrix may stand behind the tracks; it is part of every track's.
        for box in traks:
            self._tracks.append(self._read_trak(box))
        return self._facts()

    def _facts(self) -> MovieFacts:
        self._read_fragments()
        duration = self._whole_duration()
        video: list[VideoStream] = []
        audio: list[AudioStream] = []
        other: list[OtherStream] = []
        for index, track in enumerate(self._tracks):
            if track.is_video and track.entry:
                video.append(self._video(index, track))
            elif track.handler == "soun" and track.entry:
                audio.append(_audio(index, track))
            else:
                codec = track.entry.codec if track.entry else ""
                other.append(OtherStream(index, _OTHER_KINDS.get(track.handler, "data"), codec, track.language))
        media = [track for track in self._tracks if track.is_video or track.handler == "soun"]
        return MovieFacts(
            container=mp4_container_words(self._report.brand),
            duration_s=duration,
            bit_rate=round(self._source.size * 8 / duration) if duration else None,
            video=tuple(video),
            audio=tuple(audio),
            other=tuple(other),
            tags=self._tags,
            media_elsewhere=bool(media) and all(track.external for track in media),
            protected=any(track.entry is not None and track.entry.protected for track in media),
        )

    def _video(self, index: int, track: _Track) -> VideoStream:
        entry = track.entry
        assert entry is not None
        aspect = _pixel_aspect(track, entry)
        rotation = _rotation(track.matrix)
        shown = display_size(entry.width, entry.height, aspect, rotation)
        return VideoStream(
            index=index,
            codec=entry.codec,
            profile=entry.profile,
            coded_width=entry.width,
            coded_height=entry.height,
            display_width=shown[0],
            display_height=shown[1],
            rotation=rotation,
            pixel_aspect=aspect,
            fps=track.fps,
            bit_depth=entry.bit_depth,
            hdr=entry.hdr,
            color=entry.color,
        )

    def _children(self, box: BoxHeader) -> Iterator[BoxHeader]:
        for child in child_boxes(self._data, box.offset + box.header_size, box.end):
            self._boxes_read += 1
            if self._boxes_read > _MAX_BOXES:
                raise corrupt("The index of the file has too many parts.", code=f"more than {_MAX_BOXES} boxes")
            yield child

    def _unpack(self, box: BoxHeader, layout: str, skip: int = 0) -> tuple[int, ...]:
        start = box.offset + box.header_size + skip
        if start + struct.calcsize(layout) > box.end:
            raise corrupt("The index of the file is damaged.", code=f"{box.type} is too short")
        return struct.unpack_from(layout, self._data, start)

    def _version(self, box: BoxHeader) -> int:
        return self._unpack(box, ">B")[0]

    def _read_mvhd(self, box: BoxHeader) -> None:
        long = self._version(box) == 1
        self._timescale, duration = self._unpack(box, ">IQ" if long else ">II", 20 if long else 12)
        self._duration = 0 if duration == (_UNKNOWN_64 if long else _UNKNOWN_32) else duration
        self._matrix = self._read_matrix(box, 48 if long else 36)

    def _read_matrix(self, box: BoxHeader, skip: int) -> _Matrix:
        a, b, _, c, d = self._unpack(box, ">5i", skip)
        return (a / 65536, b / 65536, c / 65536, d / 65536)

    def _read_mvex(self, box: BoxHeader) -> None:
        for child in self._children(box):
            if child.type == "mehd":
                self._fragment_duration = self._unpack(child, ">Q" if self._version(child) == 1 else ">I", 4)[0]
            elif child.type == "trex":
                number, _, duration = self._unpack(child, ">III", 4)
                self._default_durations[number] = duration

    def _read_trak(self, box: BoxHeader) -> _Track:
        track = _Track()
        for child in self._children(box):
            if child.type == "tkhd":
                long = self._version(child) == 1
                track.number = self._unpack(child, ">I", 20 if long else 12)[0]
                track.matrix = _product(self._read_matrix(child, 52 if long else 40), self._matrix)
                width, height = self._unpack(child, ">II", 88 if long else 76)
                track.width, track.height = width / 65536, height / 65536
            elif child.type == "mdia":
                self._read_mdia(child, track)
        return track

    def _read_mdia(self, box: BoxHeader, track: _Track) -> None:
        tables: list[BoxHeader] = []
        for child in self._children(box):
            if child.type == "mdhd":
                long = self._version(child) == 1
                track.timescale, duration = self._unpack(child, ">IQ" if long else ">II", 20 if long else 12)
                track.duration = 0 if duration == (_UNKNOWN_64 if long else _UNKNOWN_32) else duration
                track.language = _language(self._unpack(child, ">H", 32 if long else 20)[0])
            elif child.type == "hdlr":
                place = child.offset + child.header_size + 8
                track.handler = self._data[place : place + 4].decode("latin-1")
            elif child.type == "minf":
                tables.extend(self._children(child))
        for child in tables:  # behind the handler, which says how to read them
            if child.type == "dinf":
                track.external = self._is_external(child)
            elif child.type == "stbl":
                self._read_stbl(child, track)

    def _is_external(self, dinf: BoxHeader) -> bool:
        """Whether the first data reference names another file (its "self-contained" flag is not set)."""
        for dref in self._children(dinf):
            if dref.type == "dref":
                for entry in child_boxes(self._data, dref.offset + dref.header_size + 8, dref.end):
                    return not self._unpack(entry, ">I")[0] & 1
        return False

    def _read_stbl(self, box: BoxHeader, track: _Track) -> None:
        for child in self._children(box):
            if child.type == "stsd":
                track.entry = read_sample_entry(self._data, child.offset + child.header_size, child.end, track.handler)
            elif child.type in ("stsz", "stz2"):
                track.samples = self._unpack(child, ">I", 8)[0]

    def _read_tags(self, box: BoxHeader) -> None:
        """Take the few tags people know from an iTunes list; a damaged list costs the tags, not the film."""
        try:
            skip = 4 if box.type == "meta" and self._unpack(box, ">I")[0] == 0 else 0
            start = box.offset + box.header_size + skip
            for child in child_boxes(self._data, start, box.end):
                if child.type in ("meta", "ilst") and box.type in ("udta", "meta"):
                    self._read_tags(child)
                elif box.type == "ilst" and child.type in _TAG_NAMES:
                    self._read_tag(child)
        except CorruptMedia:
            return

    def _read_tag(self, box: BoxHeader) -> None:
        for value in self._children(box):
            if value.type == "data" and self._unpack(value, ">I")[0] == 1:  # UTF-8 text
                start = value.offset + value.header_size + 8
                text = self._data[start : min(value.end, start + _MAX_TAG_BYTES)].decode("utf-8", "replace")
                self._tags.setdefault(_TAG_NAMES[box.type], text)

    def _whole_duration(self) -> float | None:
        if self._timescale and self._duration:
            return self._duration / self._timescale
        if self._timescale and self._fragment_duration:
            return self._fragment_duration / self._timescale
        known = [track.duration_s for track in self._tracks if track.duration_s]
        for track in self._tracks:
            if (found := track.fragments) and found.start is not None and track.timescale:
                known.append((found.end - found.start) / track.timescale)
        return max(known, default=0.0) or None

    def _read_fragments(self) -> None:
        tracks = {track.number: track for track in self._tracks}
        fragments = [box for box in self._report.boxes if box.type == "moof"]
        for box in fragments[:_MAX_FRAGMENTS]:
            if box.size > _MAX_FRAGMENT_INDEX_BYTES:
                raise corrupt("The index of the file is damaged.", code=f"moof of {box.size} bytes")
            data = self._source.read_at(box.offset, box.size)
            for run in fragment_runs(data, self._default_durations):
                if track := tracks.get(run.track):
                    track.fragments = track.fragments or FragmentSum()
                    track.fragments.add(run.start, run.samples, run.duration)


def _audio(index: int, track: _Track) -> AudioStream:
    entry = track.entry
    assert entry is not None
    return AudioStream(
        index=index,
        codec=entry.codec,
        profile=entry.profile,
        channels=entry.channels,
        layout=_LAYOUTS.get(entry.channels or 0, ""),
        sample_rate=entry.sample_rate,
        language=track.language,
    )


def _pixel_aspect(track: _Track, entry: SampleEntry) -> tuple[int, int]:
    """The shape of a stored pixel: a stretching matrix first, then `pasp`, then the track's size, as players do."""
    a, b, c, d = track.matrix
    across, down = math.hypot(a, c), math.hypot(b, d)
    if across > 1e-4 and down > 1e-4 and abs(across / down - 1) > 0.01:
        return sane_aspect(round(across / down * 65536), 65536)
    if entry.pixel_aspect and all(entry.pixel_aspect):
        return sane_aspect(*entry.pixel_aspect)
    width, height = int(track.width), int(track.height)
    if width and height and entry.width and entry.height and (width, height) != (entry.width, entry.height):
        return sane_aspect(entry.height * width, entry.width * height)
    return (1, 1)


def _rotation(matrix: _Matrix) -> int:
    a, b, c, d = matrix
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return 0
    return quarter_turn(math.degrees(math.atan2(b / down, a / across)))


def _product(track: _Matrix, film: _Matrix) -> _Matrix:
    a, b, c, d = track
    e, f, g, h = film
    return (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)


def _language(packed: int) -> str:
    """ISO 639-2 letters in three times five bits; Macintosh codes (below 0x400) and "und" are empty."""
    if packed < 0x400 or packed == 0x7FFF:
        return ""
    letters = "".join(chr((packed >> shift & 31) + 0x60) for shift in (10, 5, 0))
    return "" if letters == "und" or not letters.isalpha() else letters
