"""What we know about a video file, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.media.convert_model import Conversion


class Layout(Enum):
    """What our own box reader concludes about an MP4/MOV file (the words `inspect --json` prints as `verdict`)."""

    ALREADY = "already"
    """The index (moov) stands before the media: starts at once as it is."""
    NEEDS = "needs"
    """The index stands after the media and can be moved without loss."""
    FRAGMENTED = "fragmented"
    """Movie fragments: streams as it is, nothing to move."""
    NOT_MP4 = "not-mp4"
    """Another kind of file."""
    CORRUPT = "corrupt"
    """Cut off or damaged: must not be published."""
    UNSUPPORTED = "unsupported"
    """A layout we cannot move with certainty: left alone, published as it is."""


class Verdict(Enum):
    """What will happen to the file, in the creator's words."""

    READY = "ready"
    WILL_MOVE = "will be moved"
    FRAGMENTED = "fragmented"
    AS_IS = "published as it is"
    NEEDS_CONVERSION = "needs conversion"
    CANNOT = "cannot"


class Orientation(Enum):
    """The folder a video belongs in, from the picture as displayed."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class BoxHeader:
    """One box: where it stands and how long it is."""

    type: str
    """Four characters as ASCII; other bytes as backslash-x-NN."""
    offset: int
    """Where the header starts, in bytes from the start of the file."""
    size: int
    """Whole length in bytes, header included; a stored 0 (to the end) is resolved."""
    header_size: int
    """8, or 16 where a 64-bit size follows."""

    @property
    def end(self) -> int:
        """Offset just behind the box."""
        return self.offset + self.size


@dataclass(frozen=True)
class LayoutReport:
    """What the box reader found."""

    layout: Layout
    """The conclusion."""
    reason: str
    """Why, in one sentence a creator understands."""
    boxes: tuple[BoxHeader, ...] = ()
    """Top-level boxes in file order, as far as they could be read."""
    moov_offset: int | None = None
    """Where the index stands; None if there is none."""
    moov_size: int | None = None
    """Length of the index in bytes, header included."""
    damage: str = ""
    """What is wrong with the structure, for the folded details; empty if nothing."""
    brand: str = ""
    """The major brand of ftyp; empty without one."""
    boxes_after: tuple[BoxHeader, ...] = ()
    """The top-level boxes once the index has moved; empty unless it will be."""


@dataclass(frozen=True)
class VideoStream:
    """One picture stream."""

    index: int
    codec: str
    """ffprobe's codec name: h264, hevc, vp9, av1, prores…; our own reader gives the same names for the common ones."""
    profile: str
    """Codec profile ("High", "Main 10"); empty if unknown."""
    coded_width: int
    coded_height: int
    """Pixels as stored."""
    display_width: int
    display_height: int
    """Pixels as shown: rotation and pixel aspect applied."""
    rotation: int
    """Clockwise degrees: 0, 90, 180, 270."""
    pixel_aspect: tuple[int, int] = (1, 1)
    """Sample aspect ratio as numerator, denominator; 1:1 if undefined."""
    fps: float | None = None
    """Average frames per second; None if unknown."""
    bit_depth: int | None = None
    """Bits per sample: 8, 10, 12."""
    pixel_format: str = ""
    hdr: str = ""
    """"HDR10", "HLG", "Dolby Vision", "PQ" or empty."""
    color: str = ""
    """Primaries and transfer in words ("BT.2020 PQ"); empty if unknown."""
    bit_rate: int | None = None
    """Bits per second."""
    attached_picture: bool = False
    """A cover image, not a film."""


@dataclass(frozen=True)
class AudioStream:
    """One sound stream."""

    index: int
    codec: str
    profile: str = ""
    channels: int | None = None
    layout: str = ""
    """"stereo", "5.1"…"""
    sample_rate: int | None = None
    """Hertz."""
    bit_rate: int | None = None
    language: str = ""


@dataclass(frozen=True)
class OtherStream:
    """Subtitles, data, time code."""

    index: int
    kind: str
    codec: str
    language: str = ""


@dataclass(frozen=True)
class MediaInfo:
    """Everything inspection found about one file."""

    path: Path
    identity: SourceIdentity
    """Which state of the file this is about."""
    layout: LayoutReport
    verdict: Verdict
    reason: str
    """One sentence for the card: what will happen or why not."""
    advice: str = ""
    """What to do, for files that cannot be published as they are; else empty."""
    container: str = ""
    """In words: "MP4", "QuickTime / MOV", "Matroska", "WebM"…"""
    duration_s: float | None = None
    bit_rate: int | None = None
    """Whole file, bits per second."""
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    other: tuple[OtherStream, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    ffprobe: Mapping[str, Any] | None = None
    """ffprobe's raw JSON; None where ffprobe is missing or gave up."""
    missing: tuple[str, ...] = ()
    """Facts that are not known because ffprobe is missing, in words."""
    missing_advice: str = ""
    """How to get ffprobe; empty if nothing is missing."""
    conversion: Conversion | None = None
    """How publishing makes an MP4 of it; None where it need not, or cannot."""

    @property
    def main_video(self) -> VideoStream | None:
        """The film itself: the first picture stream that is no cover image."""
        return next((stream for stream in self.video if not stream.attached_picture), None)

    @property
    def orientation(self) -> Orientation:
        """16:9-ish is landscape, 9:16-ish is portrait, else other (also 4:3 and square), from the displayed picture."""
        stream = self.main_video
        if stream is None or stream.display_width <= 0 or stream.display_height <= 0:
            return Orientation.OTHER
        ratio = stream.display_width / stream.display_height
        if 1.6 <= ratio <= 2.45:
            return Orientation.LANDSCAPE
        if 1 / 2.45 <= ratio <= 1 / 1.6:
            return Orientation.PORTRAIT
        return Orientation.OTHER
