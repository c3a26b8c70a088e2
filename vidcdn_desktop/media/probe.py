"""Looking into a file before anything is sent: its layout, its streams, and what will happen to it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from vidcdn_desktop.bytesource import ByteSource, FileSource, SourceIdentity, source_error
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia, SourceGone, ToolFailed, ToolMissing
from vidcdn_desktop.media.containers import Kind, Sniffed, mp4_container_words, sniff
from vidcdn_desktop.media.convert_plan import conversion_words, plan_conversion
from vidcdn_desktop.media.ffmpeg import Tools, installation_advice
from vidcdn_desktop.media.ffprobe import SURE_SCORE, ProbeFacts, probe_file
from vidcdn_desktop.media.info import Layout, LayoutReport, MediaInfo, Verdict
from vidcdn_desktop.media.layout import read_layout
from vidcdn_desktop.media.movie import MovieFacts, read_movie
from vidcdn_desktop.media.verdict import Findings, conclude

_log = logging.getLogger(__name__)

_MISSING_OF_MP4 = (
    "pixel format",
    "bit rate of each stream",
    "colour and HDR details stored in the picture itself",
    "cover image",
    "most tags",
)
_MISSING_OF_OTHERS = ("duration", "picture size and codec", "sound", "tags")

_FORMAT_WORDS = (
    # ffprobe's demuxer name, and the words for it
    ("avi", "AVI"),
    ("mpegts", "MPEG transport stream"),
    ("mpeg", "MPEG program stream"),
    ("flv", "Flash video (FLV)"),
    ("asf", "Windows Media"),
    ("mxf", "MXF"),
    ("ogg", "Ogg"),
    ("mp3", "MP3"),
    ("wav", "WAV"),
    ("flac", "FLAC"),
    ("aac", "AAC"),
    ("matroska", "Matroska"),
)


def inspect(path: Path, *, token: CancelToken, tools: Tools) -> MediaInfo:
    """Find out everything about one file. Reads the index, never the film; blocks, so not on the GUI thread.

    A link is followed once, to a regular file. What the file is decides the verdict; a file that cannot be published
    gives a `MediaInfo` with `Verdict.CANNOT` and a reason, not an error. Without ffprobe, MP4 and MOV files still
    tell most facts, from our own reader, and `missing` names the rest.

    Args:
        path: The file as the user named it; `MediaInfo.path` keeps it so.
        token: Cancelling it ends ffprobe at once.
        tools: Where ffprobe is.

    Raises:
        SourceGone: no such file, or a link to nothing.
        SourceUnreadable: a folder, a device, a pipe, or not permitted.
        SourceChanged: the file was rewritten meanwhile.
        Cancelled: the user cancelled.
    """
    token.raise_if_cancelled()
    real = _resolve(path)
    with FileSource(real) as source:
        layout = read_layout(source)
        token.raise_if_cancelled()
        foreign = layout.layout is Layout.NOT_MP4 or source.size == 0
        sniffed = sniff(source) if foreign else Sniffed(Kind.FILM, "")
        probe, probed = _probe(real, layout, sniffed, token, tools)
        movie = _read_index(source, layout) if _needs_index(layout, probe) else None
        source.check_unchanged()
        info = _assemble(path, source.size, source.identity, layout, sniffed, probe, movie, probed=probed)
    return _with_conversion(info, tools)


def inspect_source(source: ByteSource, name: str, *, token: CancelToken) -> MediaInfo:
    """The same for bytes that lie elsewhere, without ffprobe: what the file's own index tells. Blocks.

    Args:
        source: The bytes; only boxes and the index are read.
        name: What it is called, without folders.
        token: Cancels between two reads.

    Raises: Cancelled. What the source raises.
    """
    layout = read_layout(source)
    token.raise_if_cancelled()
    foreign = layout.layout is Layout.NOT_MP4 or source.size == 0
    sniffed = sniff(source) if foreign else Sniffed(Kind.FILM, "")
    movie = _read_index(source, layout) if _needs_index(layout, None) else None
    return _assemble(Path(name), source.size, SourceIdentity(source.size, 0, 0, 0), layout, sniffed, None, movie)


def _with_conversion(info: MediaInfo, tools: Tools) -> MediaInfo:
    """Say how the file becomes an MP4, where browsers do not play it as it is and ffmpeg is there to do it."""
    if info.verdict is not Verdict.NEEDS_CONVERSION:
        return info
    if tools.ffmpeg is None:
        return replace(info, advice=f"Converting it needs ffmpeg, which was not found. {installation_advice()}")
    conversion = plan_conversion(info)
    if conversion is None:
        return info
    return replace(info, conversion=conversion, advice=f"{conversion_words(conversion)}.")


def _resolve(path: Path) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except OSError as exc:
        raise source_error(exc, Path(path)) from exc
    except (ValueError, RuntimeError) as exc:  # a NUL in the name; links in a circle
        raise SourceGone(
            "There is no file of this name.", "Nothing was published.", "Choose the file again.", subject=str(path)
        ) from exc


def _probe(
    path: Path, layout: LayoutReport, sniffed: Sniffed, token: CancelToken, tools: Tools
) -> tuple[ProbeFacts | None, bool]:
    """What ffprobe says (None if nothing), and whether it was there to be asked."""
    try:
        tools.require_ffprobe()
        if sniffed.kind in (Kind.EMPTY, Kind.PICTURE, Kind.TEXT, Kind.OTHER):
            return None, True
        facts = probe_file(path, token=token, tools=tools)
    except ToolMissing:
        return None, False
    except ToolFailed as exc:
        _log.info("ffprobe gave up on a file: %s", exc.code)
        return None, True
    if layout.layout is Layout.NOT_MP4 and sniffed.kind is Kind.UNKNOWN and facts.probe_score < SURE_SCORE:
        return None, True  # a guess: noise looks like MP3 or MPEG often enough
    return facts, True


def _needs_index(layout: LayoutReport, probe: ProbeFacts | None) -> bool:
    """Whether our own reader is needed: ffprobe said nothing, or the layout is odd enough for a second look."""
    if layout.moov_offset is None or layout.layout is Layout.NOT_MP4:
        return False
    return probe is None or layout.layout is Layout.UNSUPPORTED


def _read_index(source: ByteSource, layout: LayoutReport) -> MovieFacts | None:
    try:
        return read_movie(source, layout)
    except CorruptMedia as exc:
        _log.info("the index gives no facts: %s", exc.code)
        return None


def _assemble(
    path: Path,
    size: int,
    identity: SourceIdentity,
    layout: LayoutReport,
    sniffed: Sniffed,
    probe: ProbeFacts | None,
    movie: MovieFacts | None,
    *,
    probed: bool = False,
) -> MediaInfo:
    facts: ProbeFacts | MovieFacts | None = probe or movie
    container = _container_words(layout, sniffed, probe)
    conclusion = conclude(
        Findings(
            layout=layout,
            sniffed=sniffed,
            container=container,
            video=facts.video if facts else (),
            audio=facts.audio if facts else (),
            readable=facts is not None,
            probed=probed,
            media_elsewhere=movie is not None and movie.media_elsewhere,
        )
    )
    missing, missing_advice = _missing(layout, sniffed, probed=probed)
    duration = facts.duration_s if facts else None
    bit_rate = facts.bit_rate if facts else None
    return MediaInfo(
        path=Path(path),
        identity=identity,
        layout=layout,
        verdict=conclusion.verdict,
        reason=conclusion.reason,
        advice=conclusion.advice,
        container=container,
        duration_s=duration,
        bit_rate=bit_rate or (round(size * 8 / duration) if duration else None),
        video=facts.video if facts else (),
        audio=facts.audio if facts else (),
        other=facts.other if facts else (),
        tags=facts.tags if facts else {},
        ffprobe=probe.raw if probe else None,
        missing=missing,
        missing_advice=missing_advice,
    )


def _missing(layout: LayoutReport, sniffed: Sniffed, *, probed: bool) -> tuple[tuple[str, ...], str]:
    if probed or sniffed.kind in (Kind.EMPTY, Kind.PICTURE, Kind.TEXT, Kind.OTHER):
        return (), ""
    unknown = _MISSING_OF_OTHERS if layout.layout is Layout.NOT_MP4 else _MISSING_OF_MP4
    return unknown, f"These facts come from ffprobe, which was not found. {installation_advice()}"


def _container_words(layout: LayoutReport, sniffed: Sniffed, probe: ProbeFacts | None) -> str:
    if layout.layout is not Layout.NOT_MP4 and sniffed.kind is not Kind.EMPTY:
        return mp4_container_words(layout.brand)
    if sniffed.name or probe is None:
        return sniffed.name
    names = probe.format_name.split(",")
    return next((words for name, words in _FORMAT_WORDS if name in names), probe.format_name)
