"""The facts of a video in words, the same in the window and on the command line."""

from __future__ import annotations

from vidcdn_desktop.media.compat import plays_in, plays_in_words
from vidcdn_desktop.media.info import AudioStream, MediaInfo, VideoStream
from vidcdn_desktop.textsafe import display, format_duration, format_size

_CODEC_NAMES = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "vvc": "VVC",
    "prores": "ProRes",
    "mpeg4": "MPEG-4",
    "mpeg2video": "MPEG-2",
    "mjpeg": "Motion JPEG",
    "jpeg2000": "JPEG 2000",
    "cfhd": "CineForm",
    "aac": "AAC",
    "mp3": "MP3",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "flac": "FLAC",
    "alac": "ALAC",
    "amr_nb": "AMR",
}


def codec_name(codec: str) -> str:
    """A codec as people write it: "H.264"."""
    if not codec:
        return "unknown codec"
    return _CODEC_NAMES.get(codec, codec.upper() if len(codec) <= 5 else codec)


def format_fps(fps: float) -> str:
    """For example 59.94 fps, 30 fps."""
    return f"{fps:.2f}".rstrip("0").rstrip(".") + " fps"


def format_bit_rate(bits_per_s: int) -> str:
    """For example 42.1 Mb/s, 96 kb/s."""
    if bits_per_s >= 950_000:
        return f"{bits_per_s / 1e6:.1f} Mb/s"
    return f"{bits_per_s / 1e3:.0f} kb/s"


def picture_size(stream: VideoStream) -> str:
    """For example 3840×2160, with portrait where it is one."""
    size = f"{stream.display_width}×{stream.display_height}"
    return f"{size} portrait" if stream.display_height > stream.display_width else size


def video_words(stream: VideoStream) -> str:
    """For example HEVC Main 10, 10-bit, BT.2020 PQ, HDR10."""
    words = [" ".join(part for part in (codec_name(stream.codec), stream.profile) if part)]
    if stream.bit_depth and stream.bit_depth > 8:
        words.append(f"{stream.bit_depth}-bit")
    if stream.color:
        words.append(stream.color)
    if stream.hdr and stream.hdr not in stream.color:
        words.append(stream.hdr)
    return display(", ".join(words))


def audio_words(stream: AudioStream) -> str:
    """For example AAC LC, stereo, 48 kHz."""
    words = [" ".join(part for part in (codec_name(stream.codec), stream.profile) if part)]
    if stream.layout or stream.channels:
        words.append(stream.layout or f"{stream.channels} channels")
    if stream.sample_rate:
        words.append(f"{stream.sample_rate / 1000:g} kHz")
    if stream.language and stream.language != "und":
        words.append(stream.language)
    return display(", ".join(words))


def facts_line(info: MediaInfo) -> str:
    """One line for the card: "3840×2160 · HEVC 10-bit HDR · 59.94 fps · 42.1 Mb/s · 3.9 GB"."""
    parts: list[str] = []
    stream = info.main_video
    if stream is not None:
        if stream.display_width and stream.display_height:
            parts.append(picture_size(stream))
        codec = codec_name(stream.codec)
        if stream.bit_depth and stream.bit_depth > 8:
            codec += f" {stream.bit_depth}-bit"
        if stream.hdr:
            codec += " HDR"
        parts.append(codec)
        if stream.fps:
            parts.append(format_fps(stream.fps))
    elif info.audio:
        parts.append(audio_words(info.audio[0]))
    if info.bit_rate:
        parts.append(format_bit_rate(info.bit_rate))
    parts.append(format_size(info.identity.size))
    return " · ".join(parts)


def index_words(info: MediaInfo) -> str:
    """For example 0.8 MB, at the end; empty if there is no index."""
    layout = info.layout
    if layout.moov_size is None or layout.moov_offset is None:
        return ""
    media = next((box.offset for box in layout.boxes if box.type == "mdat" and box.size > box.header_size), None)
    where = "at the end" if media is not None and layout.moov_offset > media else "in front"
    return f"{format_size(layout.moov_size)}, {where}"


def fact_rows(info: MediaInfo) -> list[tuple[str, str]]:
    """Label and value of every fact worth a row in the right panel, in order."""
    rows: list[tuple[str, str]] = []
    if info.container:
        rows.append(("Container", info.container))
    rows += [("Video" if not s.attached_picture else "Cover picture", video_words(s)) for s in info.video]
    rows += [("Audio", audio_words(stream)) for stream in info.audio]
    stream = info.main_video
    if stream is not None and stream.display_width:
        rows.append(("Picture", picture_size(stream)))
    if info.duration_s is not None:
        rows.append(("Duration", format_duration(info.duration_s)))
    support = plays_in(info)
    if support is not None:
        rows.append(("Plays in", plays_in_words(support)))
    index = index_words(info)
    if index:
        rows.append(("Index (moov)", index))
    if stream is not None:
        rows.append(("Rotation", f"{stream.rotation}°"))
    rows += [
        ("Also inside", display(f"{other.kind} ({other.codec})" if other.codec else other.kind)) for other in info.other
    ]
    rows += [(display(name, 24), display(value, 120)) for name, value in info.tags.items()]
    return rows


def stream_lines(info: MediaInfo) -> list[str]:
    """The rows as lines for a terminal."""
    return [f"{label}: {value}" for label, value in fact_rows(info)]
