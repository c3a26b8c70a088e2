"""The argument lists with which ffmpeg converts a film; and what the ffmpeg at hand is able to do.

Source: ffmpeg documentation, "Main options" and "Advanced options"; ffmpeg-formats, "mov, mp4"; ffmpeg-codecs,
"libx264"; ffmpeg-filters, "zscale", "tonemap", "bwdif".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ToolMissing
from vidcdn_desktop.media.convert_model import Conversion, StreamPlan
from vidcdn_desktop.media.ffmpeg import installation_advice, reading_arguments, run_tool
from vidcdn_desktop.media.info import AudioStream, MediaInfo, VideoStream

_LOOK_TIMEOUT_S = 20.0
_LOOK_BYTES = 4 << 20

_H264_ENCODERS: Mapping[str, tuple[str, ...]] = {
    "libx264": ("-preset", "fast", "-crf", "20", "-profile:v", "high"),
    # Builds without x264 have one of these; a constant quality they do not know, so the rate follows the picture.
    "libopenh264": (),
    "h264_videotoolbox": (),
    "h264_mf": (),
}
"""In the order of our choice, each with what it takes for a picture no one tells from the original."""

_BITS_PER_PIXEL = 0.15
_LEAST_RATE = 400_000

_TONE_MAP = (
    # Linear light, into the smaller gamut, bright parts rolled off instead of clipped, back to a display's curve.
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)

_KNOWN_TAGS = frozenset(
    (
        *("title", "artist", "author", "album", "album_artist", "composer", "comment", "copyright", "date", "year"),
        *("genre", "description", "synopsis", "show", "episode_id", "network", "lyrics", "track", "disc", "grouping"),
        *("keywords", "encoder", "encoded_by", "creation_time", "language"),
        *("major_brand", "minor_version", "compatible_brands", "duration"),
    )
)
"""What the muxer writes under names every player knows (libavformat, movenc.c), or what is of the container itself."""

_MOST_CHANNELS = 8


@dataclass(frozen=True)
class Abilities:
    """What this ffmpeg was built with."""

    h264: str
    """Name of the encoder to use."""
    tone_maps: bool
    deinterlaces: bool


def look_for_abilities(ffmpeg: Path, *, token: CancelToken) -> Abilities:
    """Ask ffmpeg for its encoders and filters.

    Raises: ToolMissing: it does not start, or has no H.264 encoder. ToolFailed. Cancelled.
    """
    encoders = _names(ffmpeg, "-encoders", token)
    filters = _names(ffmpeg, "-filters", token)
    encoder = next((name for name in _H264_ENCODERS if name in encoders), "")
    if not encoder:
        raise ToolMissing(
            "This ffmpeg was built without an encoder for H.264.",
            "Nothing was published.",
            installation_advice(),
            subject="ffmpeg",
        )
    return Abilities(encoder, {"zscale", "tonemap"} <= filters, "bwdif" in filters)


def _names(ffmpeg: Path, what: str, token: CancelToken) -> frozenset[str]:
    argv = [str(ffmpeg), "-v", "error", "-hide_banner", "-nostdin", what]
    text = run_tool(argv, token=token, timeout_s=_LOOK_TIMEOUT_S, max_output_bytes=_LOOK_BYTES)
    lines = (line.split() for line in text.decode("utf-8", "replace").splitlines())
    return frozenset(words[1] for words in lines if len(words) > 1)


def film_arguments(
    ffmpeg: Path,
    info: MediaInfo,
    source: Path,
    target: Path,
    conversion: Conversion,
    abilities: Abilities | None,
    *,
    index_first: bool = False,
) -> list[str]:
    """The command that writes the MP4. `abilities` may be None where nothing is encoded as a picture.

    Without `index_first` the index stands at the end; it is moved while uploading, without a second copy of the film.
    """
    argv = [
        *(str(ffmpeg), "-v", "error", "-hide_banner", "-nostdin", "-nostats", "-progress", "pipe:1"),
        *("-stats_period", "0.5"),
        *reading_arguments(source, before_input=("-fflags", "+genpts")),
    ]
    for stream in conversion.streams:
        argv += ["-map", f"0:{stream.index}"]
    video = conversion.video
    if video is not None and info.main_video is not None:
        argv += _picture(video, info, info.main_video, conversion, abilities)
    sounds = {stream.index: stream for stream in info.audio}
    for number, plan in enumerate(conversion.audio):
        argv += _sound(plan, number, sounds.get(plan.index))
    # Either the names every player knows, or all of them: the muxer does not write both.
    flags = "+use_metadata_tags" * _has_rare_tags(info) + "+faststart" * index_first
    return [
        *argv,
        # FLAC in MP4 was called experimental until ffmpeg 7; browsers have played it for years.
        *("-strict", "experimental", "-map_metadata", "0", "-map_chapters", "0", "-max_muxing_queue_size", "4096"),
        *(*(["-movflags", flags] if flags else []), "-f", "mp4", "-y", f"file:{target}"),
    ]


def _picture(
    plan: StreamPlan, info: MediaInfo, film: VideoStream, conversion: Conversion, abilities: Abilities | None
) -> list[str]:
    if plan.copied:
        # Safari plays HEVC only under this tag (Apple, HLS Authoring Specification, 1.10).
        tag = ["-tag:v:0", "hvc1"] if plan.codec == "hevc" else []
        return ["-c:v:0", "copy", *tag]
    assert abilities is not None
    encoder = abilities.h264
    arguments = ["-c:v:0", encoder, *_H264_ENCODERS[encoder], "-pix_fmt", "yuv420p"]
    if not _H264_ENCODERS[encoder]:
        pixels = film.display_width * film.display_height * (film.fps or 30.0)
        arguments += ["-b:v:0", str(max(_LEAST_RATE, round(pixels * _BITS_PER_PIXEL)))]
    filters = _filters(info, film, conversion, abilities)
    if conversion.tone_map and abilities.tone_maps:
        arguments += ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"]
    # A key frame every two seconds or so makes seeking in a browser quick.
    every = max(1, round((film.fps or 25.0) * 2))
    return [*arguments, "-g", str(min(every, 600)), *(["-vf", ",".join(filters)] if filters else [])]


def _filters(info: MediaInfo, film: VideoStream, conversion: Conversion, abilities: Abilities) -> list[str]:
    filters = []
    if _is_interlaced(info, film) and abilities.deinterlaces:
        filters.append("bwdif=mode=send_frame")
    if film.coded_width % 2 or film.coded_height % 2:
        filters.append("scale=w=max(2\\,trunc(iw/2)*2):h=max(2\\,trunc(ih/2)*2)")  # 4:2:0 knows no odd sizes
    if conversion.tone_map and abilities.tone_maps:
        filters += [_TONE_MAP, "format=yuv420p"]
    return filters


def _is_interlaced(info: MediaInfo, film: VideoStream) -> bool:
    streams = info.ffprobe.get("streams") if info.ffprobe else None
    for stream in streams if isinstance(streams, list) else []:
        if isinstance(stream, Mapping) and stream.get("index") == film.index:
            return stream.get("field_order") in ("tt", "bb", "tb", "bt")
    return False


def _sound(plan: StreamPlan, number: int, stream: AudioStream | None) -> list[str]:
    if plan.copied:
        return [f"-c:a:{number}", "copy"]
    channels = (stream.channels if stream else None) or 2
    arguments = [f"-c:a:{number}", "aac", f"-b:a:{number}", f"{_kilobits(channels)}k"]
    if channels > _MOST_CHANNELS:
        arguments += [f"-ac:a:{number}", "2"]
    return arguments


def _kilobits(channels: int) -> int:
    if channels <= 1:
        return 128
    return 192 if channels == 2 else 384


def _has_rare_tags(info: MediaInfo) -> bool:
    return any(name.lower() not in _KNOWN_TAGS for name in info.tags)


def subtitle_arguments(ffmpeg: Path, source: Path, wanted: Mapping[int, Path]) -> list[str]:
    """The command that writes subtitle streams (by stream number) as WebVTT files."""
    argv = [str(ffmpeg), "-v", "error", "-hide_banner", "-nostdin", "-nostats", "-progress", "pipe:1"]
    argv += reading_arguments(source)
    for index, target in wanted.items():
        argv += ["-map", f"0:{index}", "-c:s", "webvtt", "-f", "webvtt", "-y", f"file:{target}"]
    return argv


def first_frame_arguments(ffmpeg: Path, path: Path) -> list[str]:
    """The command that decodes the first frame (or the first sound) of a file and throws it away."""
    return [
        *(str(ffmpeg), "-v", "error", "-hide_banner", "-nostdin", "-xerror"),
        *reading_arguments(path),
        *("-map", "0:V:0?", "-map", "0:a:0?", "-frames:v", "1", "-frames:a", "1", "-f", "null", "-"),
    ]
