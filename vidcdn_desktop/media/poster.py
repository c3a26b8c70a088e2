"""Poster frames: the still image of a film, taken by ffmpeg through a pipe, without a file on disk.

Source: ffmpeg documentation, codec options ("max_pixels").
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ToolFailed, ToolMissing
from vidcdn_desktop.media.ffmpeg import Tools, reading_arguments, run_tool
from vidcdn_desktop.media.info import MediaInfo, VideoStream
from vidcdn_desktop.media.picture import (
    MAX_POSTER_WIDTH,
    Poster,
    encode_poster,
    image_poster,
    neutral_poster,
    poster_size,
)

__all__ = ["MAX_POSTER_WIDTH", "Poster", "film_poster", "image_poster", "neutral_poster"]

_log = logging.getLogger(__name__)

_FRAME_TIMEOUT_S = 20.0
_MAX_FRAME_BYTES = 48 << 20
"""A picture of 1280 by 3200 in RGB is 12 MB; one whose size was not known beforehand may be larger."""

_LOOKS_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Where to look for the first frame that is not black, in seconds. Fades and logos are over by then."""

_DARK_MEAN = 24.0
"""A frame whose mean brightness (0 to 255) is below this is black, or still fading in …"""

_BRIGHT_LEVEL = 64
_BRIGHT_SHARE = 0.04
"""… unless this share of its pixels is clearly lit: a title on black is a picture."""

_SHORT_OF_END_S = 0.05
_HD_HEIGHT = 720
"""From here on films without a colour description are BT.709; below, BT.601 (what browsers assume too)."""


_MOST_PIXELS = 80_000_000
"""Of a frame of a film that nobody has looked into yet; more would be memory for the asking."""


@dataclass(frozen=True)
class Frame:
    """One picture of a film."""

    picture: Image.Image
    at_s: float
    brightness: float
    """Mean level, 0 to 255."""
    black: bool
    """Too dark to show anything, as in a fade."""


def film_poster(
    path: Path,
    info: MediaInfo,
    *,
    at_s: float | None = None,
    token: CancelToken,
    tools: Tools,
    max_width: int = MAX_POSTER_WIDTH,
) -> Poster:
    """Take a frame of a film as its poster, upright and in square pixels. Blocks; not on the GUI thread.

    Without `at_s` it is the first frame that is not black, looked for in the first minute; if all are black, the
    brightest of them. HDR is brought down to what a JPEG can show. A film no frame can be decoded from, or a computer
    without ffmpeg, gives a neutral poster.

    Args:
        path: The film.
        info: What inspection found about it.
        at_s: Time of the wanted frame in seconds; clamped to the film's length.
        token: Cancelling it ends ffmpeg at once.
        tools: Where ffmpeg is.
        max_width: Limit in pixels; smaller films are not enlarged.

    Raises:
        SourceGone, SourceUnreadable: the file went away.
        Cancelled: the user cancelled.
    """
    token.raise_if_cancelled()
    stream = info.main_video or next(iter(info.video), None)
    if stream is not None and tools.ffmpeg is not None:
        with FileSource(path):
            pass  # ffmpeg would only say that it failed; this says that the file is gone
        frame = _Grabber(path, stream, token, str(tools.ffmpeg), max_width).find(
            _places(info, at_s), first_only=at_s is not None
        )
        if frame is not None:
            return encode_poster(frame.picture, at_s=frame.at_s, neutral=False)
    width, height = (stream.display_width, stream.display_height) if stream else (0, 0)
    return neutral_poster(width, height, max_width=max_width)


def first_frame(
    film: bytes, stream: VideoStream, *, token: CancelToken, ffmpeg: Path, max_width: int = MAX_POSTER_WIDTH
) -> Frame | None:
    """Decode the first frame of a film, or of the beginning of one, that is in memory; None if that cannot be done.

    Nothing is written to a disk, and ffmpeg reaches for nothing: it is given the bytes through a pipe. Blocks.

    Args:
        film: Its bytes; they may stop anywhere.
        stream: What is known of its pictures; sizes may be 0.
        token: Cancelling it ends ffmpeg at once.
        ffmpeg: Where ffmpeg is.
        max_width: Limit in pixels.

    Raises: ToolMissing, Cancelled. ToolFailed: it took too long, which may be the computer's fault.
    """
    return _Grabber(film, stream, token, str(ffmpeg), max_width).find([0.0], first_only=True)


def _places(info: MediaInfo, at_s: float | None) -> list[float]:
    """Times to try, in order."""
    end = max(0.0, info.duration_s - _SHORT_OF_END_S) if info.duration_s else None
    if at_s is None:
        return [place for place in _LOOKS_S if place == 0 or end is None or place < end]
    wanted = max(0.0, at_s if end is None else min(at_s, end))
    # Sound is often longer than the picture; then the last frame lies somewhat before the end.
    return list(dict.fromkeys([wanted, max(0.0, wanted - 0.5), max(0.0, wanted - 3.0), 0.0]))


class _Grabber:
    """Takes frames of one stream of one film."""

    def __init__(
        self, film: Path | bytes, stream: VideoStream, token: CancelToken, ffmpeg: str, max_width: int
    ) -> None:
        self._film = film
        self._stream = stream
        self._token = token
        self._ffmpeg = ffmpeg
        self._filters = _filters(stream, max_width)

    def find(self, places: Iterable[float], *, first_only: bool) -> Frame | None:
        """The first frame that is not black (or the very first, with `first_only`); else the brightest seen."""
        best: Frame | None = None
        failures = 0
        for place in places:
            frame = self._take(place)
            if frame is None:
                failures += 1
                if best is None and failures > 1 and not first_only:
                    return None  # nothing decodes; more looks would only cost time
                continue
            if first_only or not frame.black:
                return frame
            if best is None or frame.brightness > best.brightness:
                best = frame
        return best

    def _take(self, at_s: float) -> Frame | None:
        while self._filters:
            try:
                data = self._run(at_s, self._filters[0])
            except ToolMissing:
                if isinstance(self._film, bytes):
                    raise
                return None
            except ToolFailed as exc:
                if exc.retryable and isinstance(self._film, bytes):
                    raise  # it took too long, which says nothing about the film
                _log.info("no frame at %.2f s: %s", at_s, exc.code)
                if len(self._filters) == 1:
                    return None
                self._filters.pop(0)  # this ffmpeg was built without zscale, or the colours are mislabelled
                continue
            return _read_frame(data, at_s)
        return None

    def _run(self, at_s: float, filters: str) -> bytes:
        seek = ["-ss", f"{at_s:.3f}"] if at_s > 0 else []
        path, data = (None, self._film) if isinstance(self._film, bytes) else (self._film, None)
        stream = "0:v:0" if self._stream.attached_picture else "0:V:0"
        argv = [
            *(self._ffmpeg, "-v", "error", "-hide_banner", "-nostdin"),
            *reading_arguments(path, before_input=[*seek, "-max_pixels", str(_MOST_PIXELS)]),
            *("-map", stream, "-frames:v", "1", "-an", "-sn", "-dn", "-map_metadata", "-1"),
            *("-vf", filters, "-c:v", "ppm", "-f", "image2pipe", "pipe:1"),
        ]
        return run_tool(
            argv,
            token=self._token,
            timeout_s=_FRAME_TIMEOUT_S,
            max_output_bytes=_MAX_FRAME_BYTES,
            input_bytes=data,
        )


def _filters(stream: VideoStream, max_width: int) -> list[str]:
    """Filter chains to try in order; ffmpeg has turned the picture upright before them."""
    scale = _scale(stream, max_width)
    plain = f"{scale}{_matrix(stream)},setsar=1,format=rgb24"
    if not any(word in stream.color.split() for word in ("PQ", "HLG")):
        return [plain]
    # Linear light, into the smaller gamut, bright parts rolled off instead of clipped, back to a display's curve.
    tone_map = (
        "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
        "zscale=t=bt709:m=bt709:r=tv,format=yuv444p"
    )
    return [f"{scale},{tone_map},setsar=1,format=rgb24", plain]


def _scale(stream: VideoStream, max_width: int) -> str:
    if stream.display_width > 0 and stream.display_height > 0:
        width, height = poster_size(stream.display_width, stream.display_height, max_width)
        return f"scale={width}:{height}:flags=area+accurate_rnd"
    return f"scale=w='min({max_width},iw)':h=-1:flags=area+accurate_rnd"


def _matrix(stream: VideoStream) -> str:
    assume_hd = not stream.color and stream.coded_height >= _HD_HEIGHT
    return ":in_color_matrix=bt709" if assume_hd else ""


def _read_frame(data: bytes, at_s: float) -> Frame | None:
    if not data:
        return None  # behind the end
    try:
        with Image.open(io.BytesIO(data), formats=("PPM",)) as image:
            picture = image.convert("RGB")
    except (OSError, ValueError) as exc:
        _log.info("ffmpeg's frame cannot be read: %s", exc)
        return None
    mean, lit = _brightness(picture.convert("L").histogram())
    return Frame(picture, at_s, mean, black=mean < _DARK_MEAN and lit < _BRIGHT_SHARE)


def _brightness(histogram: Sequence[int]) -> tuple[float, float]:
    """Mean level and the share of clearly lit pixels of a gray histogram."""
    count = sum(histogram) or 1
    return sum(level * many for level, many in enumerate(histogram)) / count, sum(histogram[_BRIGHT_LEVEL:]) / count
