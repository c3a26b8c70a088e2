"""What a glance at a video tells, as a value that can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from vidcdn_desktop.media.info import Layout


class IndexPlace(Enum):
    """Where the index of a video stands, which decides how soon it starts."""

    FRONT = "front"
    """Before the media: it starts at once."""
    END = "end"
    """Behind the media: a player fetches the end of the file first."""
    FRAGMENTED = "fragmented"
    """Movie fragments: it streams as it is."""
    NONE = "none"
    """Another kind of file, which has no such index."""
    UNKNOWN = "unknown"
    """It cannot be told; the reason says why."""


@dataclass(frozen=True)
class VideoFacts:
    """What a glance at one file tells. What is not known is None or empty, never a guess."""

    layout: Layout
    """The verdict of the box reader."""
    place: IndexPlace
    reason: str
    """The verdict in one sentence."""
    proved: bool
    """The verdict was worked out over the whole index; else it is what the boxes look like from outside."""
    is_film: bool
    """It holds film or sound, as far as can be seen."""
    container: str = ""
    """In words: "MP4", "Matroska"…"""
    index_bytes: int | None = None
    """Length of the index, header included; None if there is none."""
    duration_s: float | None = None
    video_codec: str = ""
    """ffprobe's name: "h264", "hevc"…; empty if there is no picture or its codec is not known."""
    video_profile: str = ""
    width: int | None = None
    """Pixels as shown: rotation and pixel aspect applied."""
    height: int | None = None
    fps: float | None = None
    """Average frames per second."""
    hdr: str = ""
    audio_codec: str = ""
    audio_channels: int | None = None
    protected: bool = False
    """A film or sound track is encrypted."""
    note: str = ""
    """Advice where browsers will not play it; else empty."""
    unknown: str = ""
    """Why duration and codecs are not known, in a sentence; empty where they are."""

    @property
    def starts_slowly(self) -> bool:
        """Whether players must fetch the end of the file before they can start."""
        return self.place is IndexPlace.END

    def to_json(self) -> dict[str, Any]:
        """All fields, as JSON takes them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "layout": self.layout.value, "place": self.place.value}


def facts_from_json(row: Mapping[str, Any]) -> VideoFacts:
    """The facts that `VideoFacts.to_json` wrote.

    Raises: ValueError: this is nothing that it writes.
    """
    if set(row) != {field.name for field in fields(VideoFacts)}:
        raise ValueError("other fields")
    for name, value in row.items():
        if not isinstance(value, _KINDS[name]) or (isinstance(value, bool) and bool not in _KINDS[name]):
            raise ValueError(name)
    return VideoFacts(**{**row, "layout": Layout(row["layout"]), "place": IndexPlace(row["place"])})


_MAYBE_COUNT: tuple[type, ...] = (int, type(None))
_MAYBE_NUMBER: tuple[type, ...] = (int, float, type(None))
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys((field.name for field in fields(VideoFacts)), (str,)),
    **dict.fromkeys(("proved", "is_film", "protected"), (bool,)),
    **dict.fromkeys(("index_bytes", "width", "height", "audio_channels"), _MAYBE_COUNT),
    **dict.fromkeys(("duration_s", "fps"), _MAYBE_NUMBER),
}
