"""Converting a film that is not MP4: ffmpeg writes an MP4 beside nothing of the user's, and the result is checked.

The original is only read. The MP4 and the subtitle files get fixed names in a folder the caller gives; what could not
be copied without loss is encoded in a second try.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia, DiskFull, SourceChanged, ToolFailed
from vidcdn_desktop.media.convert_args import (
    Abilities,
    film_arguments,
    look_for_abilities,
    subtitle_arguments,
)
from vidcdn_desktop.media.convert_check import check_converted
from vidcdn_desktop.media.convert_model import Conversion, ConversionKind, ConversionProgress, SubtitlePlan
from vidcdn_desktop.media.convert_plan import encode_all
from vidcdn_desktop.media.ffmpeg import Tools, follow_tool
from vidcdn_desktop.media.info import MediaInfo

_log = logging.getLogger(__name__)

FILM_NAME = "film.mp4"
_SILENT_S = 120.0
"""Ffmpeg reports twice a second; a film that gives nothing for so long hangs it."""

_NO_ROOM = "No space left on device"
"""The system's own words for ENOSPC, as ffmpeg passes them on with LC_MESSAGES unset."""

_LINE_LIMIT = 4096
_VTT_LEAST_BYTES = 10
"""A file with less holds its first line only: no subtitle was in the stream."""


@dataclass(frozen=True)
class SubtitleFile:
    """One subtitle stream as a WebVTT file on the disk."""

    path: Path
    language: str
    """Empty if unknown."""


@dataclass(frozen=True)
class Converted:
    """A finished conversion: files in the caller's folder, checked."""

    info: MediaInfo
    """The MP4 as inspection sees it; `info.path` is where it lies."""
    conversion: Conversion
    """What was done, which is more encoding than planned where copying did not work."""
    subtitles: tuple[SubtitleFile, ...]
    seconds: float
    bytes_written: int
    """To the disk: every try counts."""


def convert(
    info: MediaInfo,
    conversion: Conversion,
    folder: Path,
    *,
    token: CancelToken,
    tools: Tools,
    on_progress: Callable[[ConversionProgress], None],
    index_first: bool = False,
) -> Converted:
    """Convert a film into `folder`, which is the caller's and private, and check the result. Blocks for long.

    Args:
        info: What inspection found about the original.
        conversion: What to do, from `plan_conversion`.
        folder: An existing empty folder; the caller removes it, whatever comes of this.
        token: Cancelling it ends ffmpeg at once.
        tools: Where ffmpeg and ffprobe are.
        on_progress: Told about twice a second, in this thread.
        index_first: Let ffmpeg write the index to the front, for a file that is not uploaded by us.

    Raises:
        ToolMissing: no ffmpeg, or one without an encoder for H.264.
        ToolFailed: ffmpeg gave up or hung.
        CorruptMedia: the result is not the film it should be; usually the original is damaged.
        DiskFull, SourceChanged, SourceGone, SourceUnreadable, Cancelled.
    """
    return _Run(info, folder, token, tools, on_progress, index_first=index_first).convert(conversion)


def sidecar_endings(subtitles: Sequence[SubtitleFile]) -> list[str]:
    """What follows the stem of the video in the names of its subtitle files: ".ger.vtt", ".ger-2.vtt", ".vtt"."""
    endings: list[str] = []
    for file in subtitles:
        base = f".{file.language}" if file.language else ""
        ending, number = f"{base}.vtt", 2
        while ending in endings:
            ending, number = f"{base}-{number}.vtt", number + 1
        endings.append(ending)
    return endings


class _Run:
    def __init__(
        self,
        info: MediaInfo,
        folder: Path,
        token: CancelToken,
        tools: Tools,
        on_progress: Callable[[ConversionProgress], None],
        *,
        index_first: bool,
    ) -> None:
        self._info = info
        self._index_first = index_first
        self._source = info.path.resolve()
        self._folder = folder
        self._token = token
        self._tools = tools
        self._ffmpeg = tools.require_ffmpeg()
        self._on_progress = on_progress
        self._written = 0

    def convert(self, conversion: Conversion) -> Converted:
        started = time.monotonic()
        self._check_source()
        self._on_progress(ConversionProgress(0.0))
        try:
            film, done = self._film(conversion), conversion
        except (ToolFailed, CorruptMedia) as exc:
            if conversion.kind is ConversionKind.ENCODE and not any(s.copied for s in conversion.streams):
                raise
            _log.info("copying the streams did not work, so they are encoded: %s %s", exc.what, exc.code)
            done = encode_all(self._info, conversion)
            film = self._film(done)
        done, subtitles = self._subtitles(done)
        self._check_source()
        written = self._written + sum(file.path.stat().st_size for file in subtitles)
        return Converted(film, done, subtitles, time.monotonic() - started, written)

    def _film(self, conversion: Conversion) -> MediaInfo:
        target = self._folder / FILM_NAME
        abilities: Abilities | None = None
        if conversion.encodes_picture:
            abilities = look_for_abilities(self._ffmpeg, token=self._token)
        argv = film_arguments(
            self._ffmpeg, self._info, self._source, target, conversion, abilities, index_first=self._index_first
        )
        reader = _ProgressReader(self._info.duration_s, self._on_progress)
        try:
            follow_tool(argv, token=self._token, silent_s=_SILENT_S, on_output=reader.feed)
        except ToolFailed as exc:
            if _NO_ROOM in exc.code:
                raise no_room(self._folder) from exc
            raise
        finally:
            if target.exists():
                # Moving the index to the front writes the film once more.
                self._written += target.stat().st_size * (2 if self._index_first else 1)
        return check_converted(target, self._info, conversion, token=self._token, tools=self._tools)

    def _subtitles(self, conversion: Conversion) -> tuple[Conversion, tuple[SubtitleFile, ...]]:
        """Write the sidecars: all in one reading; one by one where that fails. What is lost is noted."""
        if not conversion.subtitles:
            return conversion, ()
        targets = {plan.index: self._folder / f"subtitles-{plan.index}.vtt" for plan in conversion.subtitles}
        if not self._write_subtitles(targets):
            for index, target in targets.items():
                if not self._write_subtitles({index: target}):
                    target.unlink(missing_ok=True)
        files, notes = [], list(conversion.notes)
        for plan in conversion.subtitles:
            target = targets[plan.index]
            if target.exists() and target.stat().st_size >= _VTT_LEAST_BYTES:
                files.append(SubtitleFile(target, plan.language))
            else:
                notes.append(_lost(plan))
        return replace(conversion, notes=tuple(notes)), tuple(files)

    def _write_subtitles(self, targets: dict[int, Path]) -> bool:
        argv = subtitle_arguments(self._ffmpeg, self._source, targets)
        try:
            follow_tool(argv, token=self._token, silent_s=_SILENT_S, on_output=lambda _: None)
        except ToolFailed as exc:
            if _NO_ROOM in exc.code:
                raise no_room(self._folder) from exc
            _log.info("subtitles could not be written: %s", exc.code)
            return False
        return True

    def _check_source(self) -> None:
        with FileSource(self._source) as source:
            if source.identity != self._info.identity:
                raise SourceChanged(
                    "The file was changed after it was looked at.",
                    "Nothing was published.",
                    "Retry looks at it again and publishes what is there now.",
                    subject=str(self._info.path),
                )


class _ProgressReader:
    """Reads the key=value blocks of `-progress` (ffmpeg documentation, "Main options")."""

    def __init__(self, duration_s: float | None, on_progress: Callable[[ConversionProgress], None]) -> None:
        self._duration_s = duration_s
        self._on_progress = on_progress
        self._rest = b""
        self._started = time.monotonic()

    def feed(self, piece: bytes) -> None:
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()[-_LINE_LIMIT:]
        for line in lines:
            name, _, value = line.strip().partition(b"=")
            if name == b"out_time_us" and value.lstrip(b"-").isdigit():
                self._tell(int(value) / 1e6)

    def _tell(self, done_s: float) -> None:
        if not self._duration_s:
            self._on_progress(ConversionProgress(None))
            return
        fraction = min(1.0, max(0.0, done_s / self._duration_s))
        elapsed = time.monotonic() - self._started
        left = elapsed / fraction * (1 - fraction) if fraction > 0.01 else None
        self._on_progress(ConversionProgress(fraction, left))


def no_room(folder: Path) -> DiskFull:
    """There is not enough room for the converted film."""
    return DiskFull(
        "The disk is full: there is no room for the converted video.",
        "Nothing was published; the original is untouched.",
        "Make room on the disk, then try again.",
        subject=str(folder),
        code="ENOSPC",
    )


def _lost(plan: SubtitlePlan) -> str:
    language = f" ({plan.language})" if plan.language else ""
    return f"Subtitles{language} were empty or could not be converted, and are left out."
