"""A conversion as data: what happens to each stream of a film that is not MP4, and what that will take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ConversionKind(Enum):
    """How much work a conversion is."""

    REMUX = "remux"
    """Every stream is copied as it is into an MP4."""
    ENCODE = "encode"
    """Something has to be encoded anew: the picture, the sound, or both."""


@dataclass(frozen=True)
class StreamPlan:
    """What happens to one stream of film or sound."""

    index: int
    """ffprobe's stream number in the original."""
    kind: str
    """video or audio"""
    codec: str
    """What it is in the original."""
    result: str
    """What it is in the MP4: the same name where it is copied."""
    copied: bool
    reason: str = ""
    """Why it is encoded, a clause; empty where it is copied."""


@dataclass(frozen=True)
class SubtitlePlan:
    """One subtitle stream that becomes a WebVTT file beside the video."""

    index: int
    codec: str
    language: str
    """A language tag in lower case; empty if unknown."""


@dataclass(frozen=True)
class Conversion:
    """Everything a conversion will do, known before it begins."""

    kind: ConversionKind
    streams: tuple[StreamPlan, ...]
    """In the order they have in the MP4: the film first."""
    subtitles: tuple[SubtitlePlan, ...] = ()
    notes: tuple[str, ...] = ()
    """What is left out or changed, in sentences."""
    seconds: float = 0.0
    """How long it may take on this computer."""
    size_bytes: int = 0
    """How large the MP4 may become."""
    tone_map: bool = False
    """The picture is HDR and is brought down to what every screen shows."""

    @property
    def video(self) -> StreamPlan | None:
        """What happens to the picture; None for a sound file."""
        return next((stream for stream in self.streams if stream.kind == "video"), None)

    @property
    def audio(self) -> tuple[StreamPlan, ...]:
        """What happens to the sound."""
        return tuple(stream for stream in self.streams if stream.kind == "audio")

    @property
    def encodes_picture(self) -> bool:
        """Whether the picture itself is encoded, which is what takes long."""
        return self.video is not None and not self.video.copied

    @property
    def extension(self) -> str:
        """The ending of the result: mp4, or m4a where there is no picture."""
        return "mp4" if self.video is not None else "m4a"


@dataclass(frozen=True)
class ConversionProgress:
    """How far a running conversion is."""

    fraction: float | None
    """0..1; None while the length of the film is unknown."""
    left_s: float | None = None
    """Seconds left at the present speed; None while unknown."""


@dataclass(frozen=True)
class SubtitleResult:
    """A subtitle file beside a published video."""

    language: str
    key: str
    url: str
    """Empty where no CDN serves it."""
    size: int


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion was; part of the result of a publish."""

    kind: ConversionKind
    streams: tuple[StreamPlan, ...]
    seconds: float
    """How long it took; 0 where a finished one of an earlier run was used."""
    size: int
    """Bytes of the MP4."""
    source_size: int
    subtitles: tuple[SubtitleResult, ...] = ()
    reused: bool = False
    """An earlier run had finished it."""
    notes: tuple[str, ...] = ()
