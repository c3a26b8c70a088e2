"""Whether a converted film is the film it should be, before anything of it is sent."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia, ToolFailed
from vidcdn_desktop.media.convert_args import first_frame_arguments
from vidcdn_desktop.media.convert_model import Conversion
from vidcdn_desktop.media.ffmpeg import Tools, run_tool
from vidcdn_desktop.media.info import MediaInfo, VideoStream
from vidcdn_desktop.media.probe import inspect
from vidcdn_desktop.textsafe import format_duration

_log = logging.getLogger(__name__)

_DECODE_TIMEOUT_S = 60.0
_LEAST_TOLERANCE_S = 1.0
_TOLERANCE = 0.02
"""Sound and picture rarely end together, and some containers only estimate their length."""

_SIZE_TOLERANCE = 2
"""Pixels: odd sizes become even."""


def check_converted(
    path: Path, original: MediaInfo, conversion: Conversion, *, token: CancelToken, tools: Tools
) -> MediaInfo:
    """Look at the result as at any film, hold it against the original and the plan, and decode its first frame.

    Raises: CorruptMedia: it is not what was planned. ToolMissing, Cancelled.
    """
    info = inspect(path, token=token, tools=tools)
    problem = _streams_differ(info, conversion) or _picture_differs(info, original, conversion)
    if problem:
        raise _wrong(original, problem)
    _check_duration(info, original)
    try:
        run_tool(
            first_frame_arguments(tools.require_ffmpeg(), path),
            token=token,
            timeout_s=_DECODE_TIMEOUT_S,
            max_output_bytes=1 << 16,
        )
    except ToolFailed as exc:
        raise _wrong(original, f"its first frame does not decode: {exc.code}") from exc
    # The verdict speaks about the file as it is sent; the facts people see are those of the original.
    return replace(info, tags=original.tags or info.tags)


def _streams_differ(info: MediaInfo, conversion: Conversion) -> str:
    planned = [stream.result for stream in conversion.streams]
    film = info.main_video
    found = ([film.codec] if film else []) + [stream.codec for stream in info.audio]
    return "" if planned == found else f"planned {planned}, got {found}"


def _picture_differs(info: MediaInfo, original: MediaInfo, conversion: Conversion) -> str:
    before, after = original.main_video, info.main_video
    if before is None or after is None or conversion.video is None:
        return ""
    if not before.display_width or not before.display_height:
        return ""
    wanted, got = _shown(before), _shown(after)
    if all(abs(a - b) <= _SIZE_TOLERANCE + _stretch(before) for a, b in zip(wanted, got, strict=True)):
        return ""
    return f"the picture was {wanted[0]}x{wanted[1]}, and became {got[0]}x{got[1]}"


def _shown(stream: VideoStream) -> tuple[int, int]:
    return stream.display_width, stream.display_height


def _stretch(stream: VideoStream) -> int:
    """How far rounding may go where one stored pixel is several wide."""
    across, down = stream.pixel_aspect
    return 0 if across == down else 2 * max(1, round(max(across / down, down / across)))


def _check_duration(info: MediaInfo, original: MediaInfo) -> None:
    wanted, got = original.duration_s, info.duration_s
    if wanted is None:
        return
    tolerance = max(_LEAST_TOLERANCE_S, wanted * _TOLERANCE)
    if got is not None and abs(got - wanted) <= tolerance:
        return
    if got is not None and got < wanted:
        raise CorruptMedia(
            f"Only {format_duration(got)} of {format_duration(wanted)} could be read from this file.",
            "Nothing was published.",
            "Copy the file again from where it came, or play it to the end to see whether it is whole.",
            subject=str(original.path),
            code=f"duration {got:.3f} s instead of {wanted:.3f} s",
        )
    raise _wrong(original, f"duration {got} s instead of {wanted} s")


def _wrong(original: MediaInfo, details: str) -> CorruptMedia:
    _log.info("a converted film is not what it should be: %s", details)
    return CorruptMedia(
        "The converted video is not the same as the original.",
        "Nothing was published; the original is untouched.",
        "Convert it with another program, then add the MP4.",
        subject=str(original.path),
        code=details[:300],
    )
