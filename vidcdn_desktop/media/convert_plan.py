"""What a film that is not MP4 needs to become one: as little as possible. Pure functions over what was found.

Source: ISO/IEC 14496-12 and -14, the MP4 registration authority ("Codecs") for what an MP4 may hold; MDN, "Web video
codec guide" and "Web audio codec guide", for what browsers play.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from vidcdn_desktop.media.codecs import codec_words
from vidcdn_desktop.media.convert_model import Conversion, ConversionKind, StreamPlan, SubtitlePlan
from vidcdn_desktop.media.info import AudioStream, MediaInfo, OtherStream, VideoStream

EIGHT_BIT_420 = frozenset({"yuv420p", "yuvj420p", "nv12", ""})
"""What every H.264 decoder in a browser takes; empty: nobody has looked."""

HEVC_420 = EIGHT_BIT_420 | {"yuv420p10le", "p010le"}
_OPEN_420 = HEVC_420 | {"yuv444p", "gbrp"}
"""VP9 and AV1: the browsers bring their own decoders, which take the deeper profiles too."""

_PICTURES = {"h264": EIGHT_BIT_420, "hevc": HEVC_420, "vp9": _OPEN_420 | {"yuv420p12le"}, "av1": _OPEN_420}
"""Picture codecs that may live in an MP4 and that browsers play, each with the pixel formats they take."""

_SOUNDS = frozenset({"aac", "mp3", "opus", "flac"})
_AAC_PROFILES = frozenset({"", "LC", "HE-AAC", "HE-AACv2"})
_LEAST_MP3_RATE = 16_000
"""Below it is MPEG-2.5, which MP4 does not know (ISO/IEC 14496-3)."""

_TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "subviewer"})
_PICTURE_SUBTITLES = {
    "hdmv_pgs_subtitle": "PGS",
    "dvd_subtitle": "DVD",
    "dvb_subtitle": "DVB",
    "xsub": "XSUB",
}

_ENCODE_PIXELS_PER_S = 8_000_000
"""What one core of an ordinary computer encodes with our preset; measured 7 to 18 million, with others at work."""

_COPY_BYTES_PER_S = 80_000_000
_SOUND_SPEED = 40.0
"""Encoding AAC takes a fortieth of the playing time."""

_BITS_PER_PIXEL = 0.12
"""Of H.264 at our quality: 1920×1080 at 30 frames per second comes to 7.5 Mb/s."""

_UNKNOWN_FPS = 30.0
_LANGUAGE = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")


def plan_conversion(info: MediaInfo) -> Conversion | None:
    """Say what converting a file to MP4 takes; None where it holds no film and no sound that could be read."""
    film = info.main_video
    if film is None and not info.audio:
        return None
    streams = [_picture(film, info)] if film is not None else []
    streams += [_sound(stream) for stream in info.audio]
    subtitles = tuple(
        SubtitlePlan(other.index, other.codec, language_tag(other.language))
        for other in info.other
        if other.kind == "subtitle" and other.codec in _TEXT_SUBTITLES
    )
    encodes = [stream for stream in streams if not stream.copied]
    kind = ConversionKind.ENCODE if encodes else ConversionKind.REMUX
    tone_map = film is not None and not streams[0].copied and film.hdr in ("HDR10", "HLG", "PQ", "Dolby Vision")
    return Conversion(
        kind=kind,
        streams=tuple(streams),
        subtitles=subtitles,
        notes=tuple(_notes(info, film, tone_map=tone_map)),
        seconds=_seconds(info, streams),
        size_bytes=_size(info, streams),
        tone_map=tone_map,
    )


def encode_all(info: MediaInfo, conversion: Conversion) -> Conversion:
    """The same conversion with everything encoded, for a film whose streams turned out not to bear copying."""
    streams = [
        StreamPlan(
            stream.index,
            stream.kind,
            stream.codec,
            "h264" if stream.kind == "video" else "aac",
            copied=False,
            reason=stream.reason or "it could not be copied without loss",
        )
        for stream in conversion.streams
    ]
    film = info.main_video
    return Conversion(
        kind=ConversionKind.ENCODE,
        streams=tuple(streams),
        subtitles=conversion.subtitles,
        notes=conversion.notes,
        seconds=_seconds(info, streams),
        size_bytes=_size(info, streams),
        tone_map=film is not None and bool(film.hdr),
    )


def language_tag(language: str) -> str:
    """A language as it may stand in a key and in a player's menu: lower case; empty for nonsense."""
    tag = language.strip().lower().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) and tag != "und" else ""


def _picture(film: VideoStream, info: MediaInfo) -> StreamPlan:
    reason = _why_encode_picture(film, info)
    result = film.codec if not reason else "h264"
    return StreamPlan(film.index, "video", film.codec, result, copied=not reason, reason=reason)


def _why_encode_picture(film: VideoStream, info: MediaInfo) -> str:
    words = codec_words(film.codec) or "this kind of picture"
    formats = _PICTURES.get(film.codec)
    if formats is None:
        return f"browsers do not play {words} in an MP4"
    if film.pixel_format not in formats:
        return f"browsers do not play {words} with these colours ({film.pixel_format})"
    if info.container == "AVI" and _has_b_frames(film, info):
        return "AVI does not keep the order in which its frames are shown"
    return ""


def _has_b_frames(film: VideoStream, info: MediaInfo) -> bool:
    streams = info.ffprobe.get("streams") if info.ffprobe else None
    for stream in streams if isinstance(streams, list) else []:
        if isinstance(stream, Mapping) and stream.get("index") == film.index:
            return bool(_whole(stream.get("has_b_frames")))
    return False


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _sound(stream: AudioStream) -> StreamPlan:
    reason = _why_encode_sound(stream)
    result = stream.codec if not reason else "aac"
    return StreamPlan(stream.index, "audio", stream.codec, result, copied=not reason, reason=reason)


def _why_encode_sound(stream: AudioStream) -> str:
    words = codec_words(stream.codec) or "this kind of sound"
    if stream.codec not in _SOUNDS:
        return f"browsers do not play {words} in an MP4"
    if stream.codec == "aac" and stream.profile not in _AAC_PROFILES:
        return f"browsers do not play this profile of AAC ({stream.profile})"
    if stream.codec == "mp3" and stream.sample_rate is not None and stream.sample_rate < _LEAST_MP3_RATE:
        return "an MP4 cannot hold MP3 of such a low sample rate"
    return ""


def _notes(info: MediaInfo, film: VideoStream | None, *, tone_map: bool) -> Iterable[str]:
    if tone_map:
        yield "The picture is HDR; it is converted to standard colours, which every screen shows."
    elif film is not None and film.hdr == "Dolby Vision":
        yield "The picture is Dolby Vision; browsers show only its base layer."
    for stream in info.video:
        if stream.attached_picture:
            yield "The cover picture inside the file is left out; the thumbnail stands for it."
        elif film is not None and stream.index != film.index:
            yield f"A second picture stream ({codec_words(stream.codec)}) is left out; browsers play the first only."
    for other in info.other:
        if sentence := _left_out(other):
            yield sentence


def _left_out(other: OtherStream) -> str:
    language = f", {language_tag(other.language)}" if language_tag(other.language) else ""
    if other.kind == "subtitle":
        if other.codec in _TEXT_SUBTITLES:
            return ""
        name = _PICTURE_SUBTITLES.get(other.codec)
        if name:
            return f"Subtitles stored as pictures ({name}{language}) are left out: browsers cannot show them."
        return f"Subtitles of a kind that cannot be converted ({other.codec or 'unknown'}{language}) are left out."
    if other.kind == "attachment":
        return f"An attachment ({other.codec or 'a file'}) is left out: an MP4 cannot hold it."
    return f"A data stream ({other.codec or other.kind or 'unknown'}) is left out: an MP4 for browsers has none."


def _seconds(info: MediaInfo, streams: Iterable[StreamPlan]) -> float:
    seconds = info.identity.size / _COPY_BYTES_PER_S
    duration = info.duration_s or 0.0
    for stream in streams:
        if stream.copied:
            continue
        if stream.kind == "audio":
            seconds += duration / _SOUND_SPEED
        else:
            seconds += _pixels(info) / (_ENCODE_PIXELS_PER_S * (os.cpu_count() or 1))
    return round(seconds, 1)


def _pixels(info: MediaInfo) -> float:
    film = info.main_video
    if film is None:
        return 0.0
    return film.display_width * film.display_height * (film.fps or _UNKNOWN_FPS) * (info.duration_s or 0.0)


def _size(info: MediaInfo, streams: Iterable[StreamPlan]) -> int:
    """Bytes of the result: what is copied keeps its size, a picture that is encoded has one by its pixels."""
    size = info.identity.size
    encodes_picture = any(not stream.copied for stream in streams if stream.kind == "video")
    if encodes_picture:
        # A small original does not get much larger by being encoded at a fixed quality.
        size = min(round(_pixels(info) * _BITS_PER_PIXEL / 8), 2 * size) or size
    sound_s = info.duration_s or 0.0
    return size + sum(round(sound_s * 24_000) for stream in streams if stream.kind == "audio" and not stream.copied)


def estimate_words(conversion: Conversion) -> str:
    """How long it takes, as people say it: "less than a minute", "about 12 min"."""
    minutes = conversion.seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"about {round(minutes)} min"
    return f"about {minutes / 60:.1f} h"


def conversion_words(conversion: Conversion) -> str:
    """What will happen, one clause for a badge."""
    if conversion.kind is ConversionKind.REMUX:
        return "Will be converted to MP4 without re-encoding"
    what = "encoding" if conversion.encodes_picture else "its sound encoded"
    return f"Needs {what} ({estimate_words(conversion)})"
