"""What ffprobe says about a file, as typed values.

Source: ffprobe documentation, "Writers" (json); the field names are those of ffprobe.xsd.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ToolFailed
from vidcdn_desktop.media.codecs import codec_of_tag
from vidcdn_desktop.media.ffmpeg import Tools, reading_arguments, run_tool
from vidcdn_desktop.media.geometry import display_size, quarter_turn, sane_aspect
from vidcdn_desktop.media.info import AudioStream, OtherStream, VideoStream

_TIMEOUT_S = 30.0
_MAX_OUTPUT_BYTES = 8 << 20
_MAX_TAGS = 200
_MAX_TAG_CHARACTERS = 2000

SURE_SCORE = 50
"""Below this probe score ffprobe only guesses the container (AVPROBE_SCORE_EXTENSION in libavformat)."""

_PRIMARIES = {
    "bt709": "BT.709",
    "bt2020": "BT.2020",
    "smpte432": "Display P3",
    "smpte431": "DCI-P3",
    "smpte170m": "BT.601",
    "bt470bg": "BT.601",
}
_TRANSFERS = {
    "bt709": "BT.709",
    "smpte170m": "BT.601",
    "smpte2084": "PQ",
    "arib-std-b67": "HLG",
    "iec61966-2-1": "sRGB",
    "bt2020-10": "BT.2020",
    "bt2020-12": "BT.2020",
    "linear": "linear",
}
_DEPTH_IN_NAME = re.compile(r"(?:p|gray|gbrp|gbrap|x2rgb|x2bgr|nv20|y2|xv3|xv|bayer_\w+)(9|10|12|14|16)(?:le|be)?$")
_WIDE_RGB = re.compile(r"^(?:rgb|bgr)48|^(?:rgba|bgra)64|^ya16")


@dataclass(frozen=True)
class ProbeFacts:
    """One reading by ffprobe."""

    raw: Mapping[str, Any]
    """The JSON object as ffprobe wrote it."""
    format_name: str
    """The demuxer's names, comma-separated ("mov,mp4,m4a,3gp,3g2,mj2")."""
    probe_score: int
    """How sure ffprobe is of the container, 0 to 100."""
    duration_s: float | None
    bit_rate: int | None
    """Whole file, bits per second."""
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    other: tuple[OtherStream, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def probe_file(path: Path, *, token: CancelToken, tools: Tools) -> ProbeFacts:
    """Run ffprobe over `path` and read its answer. Blocks; not on the GUI thread.

    Raises:
        ToolMissing: there is no ffprobe, or it does not start.
        ToolFailed: it knows no such container, gave up, or took too long.
        Cancelled: the user cancelled.
    """
    facts = parse_ffprobe(_ask(path, ["-show_format", "-show_streams"], token, tools))
    if not any(stream.hdr == "PQ" for stream in facts.video):
        return facts
    # HDR10 is PQ with the mastering display or light levels told, which HEVC and AV1 carry in the first frame.
    try:
        first_frames = _ask(
            path,
            [
                "-select_streams",
                "v:0",
                "-read_intervals",
                "%+#1",
                "-show_frames",
                "-show_entries",
                "frame=side_data_list",
            ],
            token,
            tools,
        )
    except ToolFailed:
        return facts
    return _with_hdr10(facts, _list(first_frames.get("frames")))


def _ask(path: Path, what: Sequence[str], token: CancelToken, tools: Tools) -> dict[str, Any]:
    argv = [str(tools.require_ffprobe()), "-v", "error", "-hide_banner", *what, "-of", "json", *reading_arguments(path)]
    output = run_tool(argv, token=token, timeout_s=_TIMEOUT_S, max_output_bytes=_MAX_OUTPUT_BYTES)
    try:
        answer = json.loads(output.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as exc:
        raise ToolFailed(
            "The helper program ffprobe answered something that cannot be read.",
            "",
            "Try another version of FFmpeg.",
            subject="ffprobe",
        ) from exc
    return answer if isinstance(answer, dict) else {}


def parse_ffprobe(raw: Mapping[str, Any]) -> ProbeFacts:
    """Turn ffprobe's JSON (`-show_format -show_streams`) into typed values; what is not there is None or empty."""
    container = _mapping(raw.get("format"))
    video: list[VideoStream] = []
    audio: list[AudioStream] = []
    other: list[OtherStream] = []
    durations: list[float] = []
    for entry in _list(raw.get("streams")):
        stream = _mapping(entry)
        kind = _text(stream.get("codec_type"))
        if (seconds := _number(stream.get("duration"))) is not None:
            durations.append(seconds)
        if kind == "video":
            video.append(_video(stream))
        elif kind == "audio":
            audio.append(_audio(stream))
        else:
            other.append(OtherStream(_index(stream), kind, _codec(stream), _language(stream)))
    duration = _number(container.get("duration"))
    return ProbeFacts(
        raw=raw,
        format_name=_text(container.get("format_name")),
        probe_score=_whole(container.get("probe_score")) or 0,
        duration_s=duration if duration is not None else max(durations, default=None),
        bit_rate=_whole(container.get("bit_rate")),
        video=tuple(video),
        audio=tuple(audio),
        other=tuple(other),
        tags=_tags(container.get("tags")),
    )


def _video(stream: Mapping[str, Any]) -> VideoStream:
    width, height = _whole(stream.get("width")) or 0, _whole(stream.get("height")) or 0
    aspect = sane_aspect(*(_ratio(stream.get("sample_aspect_ratio"), ":") or (1, 1)))
    rotation = _rotation(stream)
    shown = display_size(width, height, aspect, rotation)
    rate = _ratio(stream.get("avg_frame_rate"), "/")
    disposition = _mapping(stream.get("disposition"))
    return VideoStream(
        index=_index(stream),
        codec=_codec(stream),
        profile=_profile(stream),
        coded_width=width,
        coded_height=height,
        display_width=shown[0],
        display_height=shown[1],
        rotation=rotation,
        pixel_aspect=aspect,
        fps=rate[0] / rate[1] if rate and rate[0] > 0 else None,
        bit_depth=_bit_depth(stream),
        pixel_format=_text(stream.get("pix_fmt")),
        hdr=_hdr(stream),
        color=_color(stream),
        bit_rate=_whole(stream.get("bit_rate")),
        attached_picture=bool(disposition.get("attached_pic")),
    )


def _audio(stream: Mapping[str, Any]) -> AudioStream:
    return AudioStream(
        index=_index(stream),
        codec=_codec(stream),
        profile=_profile(stream),
        channels=_whole(stream.get("channels")) or None,
        layout=_text(stream.get("channel_layout")),
        sample_rate=_whole(stream.get("sample_rate")) or None,
        bit_rate=_whole(stream.get("bit_rate")),
        language=_language(stream),
    )


def _codec(stream: Mapping[str, Any]) -> str:
    """The name ffprobe has; for codecs newer than this ffprobe the name our own table gives, else the tag itself."""
    name = _text(stream.get("codec_name"))
    if name and name != "unknown":
        return name
    tag = _text(stream.get("codec_tag_string"))
    return codec_of_tag(tag) or ("" if tag.startswith("[") else tag.strip())


def _profile(stream: Mapping[str, Any]) -> str:
    profile = _text(stream.get("profile"))
    return "" if profile == "unknown" or profile.lstrip("-").isdigit() else profile


def _rotation(stream: Mapping[str, Any]) -> int:
    for entry in _list(stream.get("side_data_list")):
        degrees = _number(_mapping(entry).get("rotation"))
        if degrees is not None:  # the angle to turn counter-clockwise
            return quarter_turn(-degrees)
    degrees = _number(_mapping(stream.get("tags")).get("rotate"))  # ffprobe 4 and older: clockwise
    return quarter_turn(degrees) if degrees is not None else 0


def _bit_depth(stream: Mapping[str, Any]) -> int | None:
    depth = _whole(stream.get("bits_per_raw_sample"))
    if depth:
        return depth
    name = _text(stream.get("pix_fmt"))
    if not name:
        return None
    if match := _DEPTH_IN_NAME.search(name):
        return int(match.group(1))
    if name.startswith(("p010", "p210", "p410")):
        return 10
    return 16 if _WIDE_RGB.search(name) or name.startswith(("p016", "p216", "p416")) else 8


def _hdr(stream: Mapping[str, Any]) -> str:
    kinds = _side_data_kinds(_list(stream.get("side_data_list")))
    if any("DOVI" in kind for kind in kinds):
        return "Dolby Vision"
    transfer = _text(stream.get("color_transfer"))
    if transfer == "smpte2084":
        return "HDR10" if _tells_hdr10(kinds) else "PQ"
    return "HLG" if transfer == "arib-std-b67" else ""


def _tells_hdr10(kinds: Iterable[str]) -> bool:
    return any(kind.startswith(("Mastering display", "Content light level")) for kind in kinds)


def _with_hdr10(facts: ProbeFacts, frames: Sequence[Any]) -> ProbeFacts:
    kinds = [kind for frame in frames for kind in _side_data_kinds(_list(_mapping(frame).get("side_data_list")))]
    if not _tells_hdr10(kinds):
        return facts
    video = tuple(replace(stream, hdr="HDR10") if stream.hdr == "PQ" else stream for stream in facts.video)
    return replace(facts, video=video)


def _side_data_kinds(entries: Sequence[Any]) -> list[str]:
    return [_text(_mapping(entry).get("side_data_type")) for entry in entries]


def _color(stream: Mapping[str, Any]) -> str:
    primaries = _PRIMARIES.get(_text(stream.get("color_primaries")), "")
    transfer = _TRANSFERS.get(_text(stream.get("color_transfer")), "")
    return primaries if primaries == transfer else f"{primaries} {transfer}".strip()


def _language(stream: Mapping[str, Any]) -> str:
    language = _text(_mapping(stream.get("tags")).get("language"))[:16]
    return "" if language == "und" else language


def _tags(value: Any) -> dict[str, str]:
    pairs = list(_mapping(value).items())[:_MAX_TAGS]
    return {str(name)[:100]: str(text)[:_MAX_TAG_CHARACTERS] for name, text in pairs}


def _index(stream: Mapping[str, Any]) -> int:
    return _whole(stream.get("index")) or 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e15 else None  # neither infinite nor "not a number"


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None


def _ratio(value: Any, separator: str) -> tuple[int, int] | None:
    """Two positive numbers from text like 30000/1001; None for 0/0 and anything else."""
    above, _, below = _text(value).partition(separator)
    if not (above.isdecimal() and below.isdecimal()):
        return None
    pair = int(above[:18]), int(below[:18])
    return pair if pair[0] > 0 and pair[1] > 0 else None
