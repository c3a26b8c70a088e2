"""In which browsers a video plays, from a table with a date and sources (`resources/compatibility.json`).

It speaks of the file that will be in the bucket: of the MP4 for a film that is converted first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any

from vidcdn_desktop import paths
from vidcdn_desktop.media.convert_plan import EIGHT_BIT_420, HEVC_420
from vidcdn_desktop.media.info import Layout, MediaInfo, VideoStream


class Support(Enum):
    """Whether a browser plays something."""

    YES = "yes"
    SOME = "some"
    """Only newer versions, or only where the device can decode it."""
    NO = "no"


_ORDER = (Support.NO, Support.SOME, Support.YES)

_CONTAINERS = {
    "MP4": "mp4",
    "M4A": "mp4",
    "F4V": "mp4",
    "QuickTime / MOV": "mov",
    "3GP": "3gp",
    "WebM": "webm",
    "Ogg": "ogg",
    "MP3": "mp3",
    "AAC": "aac",
    "FLAC": "flac",
    "WAV": "wav",
}
"""`MediaInfo.container` and the table's name for it; what is not here no browser is sure to play."""


@dataclass(frozen=True)
class Compatibility:
    """The table as shipped."""

    date: str
    """When the facts were gathered, ISO 8601."""
    browsers: Mapping[str, str]
    """Identifier and name, in the order they are shown."""
    containers: Mapping[str, Mapping[str, Support]]
    video: Mapping[str, Mapping[str, Support]]
    audio: Mapping[str, Mapping[str, Support]]


@cache
def table() -> Compatibility:
    """Read the table, once. Raises: FileNotFoundError, ValueError, KeyError: the installation is damaged."""
    data = json.loads(paths.resource("compatibility.json").read_text("utf-8"))
    browsers = {str(name): str(words) for name, words in data["browsers"].items()}
    return Compatibility(
        date=str(data["date"]),
        browsers=MappingProxyType(browsers),
        containers=_rows(data["containers"], browsers),
        video=_rows(data["video"], browsers),
        audio=_rows(data["audio"], browsers),
    )


def _rows(rows: Mapping[str, Any], browsers: Mapping[str, str]) -> Mapping[str, Mapping[str, Support]]:
    return {name: {browser: Support(row[browser]) for browser in browsers} for name, row in rows.items()}


def plays_in(info: MediaInfo, *, converted: bool = True) -> Mapping[str, Support] | None:
    """How each browser does with what will be published; None where nobody knows what is in the file.

    Args:
        info: What inspection found.
        converted: False: the file is published as it is although it should be converted.
    """
    film = info.main_video
    if film is None and not info.audio:
        return None
    facts = table()
    conversion = info.conversion if converted else None
    if conversion is not None:
        container = "mp4"
        pictures = [_picture_key(film, conversion.video.result)] if conversion.video and film else []
        sounds = [stream.result for stream in conversion.audio[:1]]
    else:
        container = _CONTAINERS.get(info.container, "")
        pictures = [_picture_key(film, film.codec, info)] if film else []
        sounds = [stream.codec for stream in info.audio[:1]]  # browsers play the first
    rows = [facts.containers.get(container)]
    rows += [facts.video.get(key) for key in pictures]
    rows += [facts.audio.get(key) for key in sounds]
    return {browser: _weakest(rows, browser) for browser in facts.browsers}


def _weakest(rows: list[Mapping[str, Support] | None], browser: str) -> Support:
    return min((row[browser] if row else Support.NO for row in rows), key=_ORDER.index)


def _picture_key(film: VideoStream, codec: str, info: MediaInfo | None = None) -> str:
    """The table's name for a picture; `codec` is what it is in the bucket. A copied HEVC gets the right tag."""
    deep = codec == film.codec and film.pixel_format not in (HEVC_420 if codec == "hevc" else EIGHT_BIT_420)
    if deep and codec in ("h264", "hevc"):
        return f"{codec}-deep"
    if codec == "hevc" and info is not None and _tag(film, info) == "hev1":
        return "hevc-hev1"
    return codec


def _tag(film: VideoStream, info: MediaInfo) -> str:
    if info.layout.layout is Layout.NOT_MP4:
        return ""
    streams = info.ffprobe.get("streams") if info.ffprobe else None
    for stream in streams if isinstance(streams, list) else []:
        if isinstance(stream, Mapping) and stream.get("index") == film.index:
            return str(stream.get("codec_tag_string", ""))
    return ""


def plays_in_words(support: Mapping[str, Support]) -> str:
    """For example "Chrome, Firefox, Safari, iOS, Android", or "Safari, iOS; in some: Chrome"."""
    names = table().browsers
    sure = [names[browser] for browser, level in support.items() if level is Support.YES]
    some = [names[browser] for browser, level in support.items() if level is Support.SOME]
    parts = [", ".join(sure)] if sure else []
    if some:
        parts.append(f"in some: {', '.join(some)}")
    return "; ".join(parts) or "no browser"


def plays_everywhere(support: Mapping[str, Support]) -> bool:
    """Whether every browser of the table plays it for sure."""
    return all(level is Support.YES for level in support.values())
