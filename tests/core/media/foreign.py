"""Small films in other containers than MP4, made with the real ffmpeg."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from clips import make_clip

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none")
VP9 = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-b:v", "200k")
AAC = ("-c:a", "aac")

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    # name of the file, options of the encoder
    "mkv-h264-aac": ("film.mkv", (*X264, *AAC)),
    "mkv-hevc-aac": ("film.mkv", (*X265, *AAC)),
    "mkv-vp9-opus": ("film.mkv", (*VP9, "-c:a", "libopus")),
    "mkv-h264-flac": ("film.mkv", (*X264, "-c:a", "flac")),
    "mkv-h264-ac3": ("film.mkv", (*X264, "-c:a", "ac3")),
    "mkv-h264-444": ("film.mkv", ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", *AAC)),
    "mkv-vp8-vorbis": ("film.mkv", ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis")),
    "avi-mpeg4-mp3": ("film.avi", ("-c:v", "mpeg4", "-c:a", "libmp3lame")),
    "avi-h264-bframes": ("film.avi", ("-c:v", "libx264", "-preset", "fast", "-bf", "2", "-pix_fmt", "yuv420p", *AAC)),
    "ts-h264-aac": ("film.ts", (*X264, *AAC)),
    "ts-mpeg2-mp2": ("film.ts", ("-c:v", "mpeg2video", "-c:a", "mp2")),
    "flv-h264-mp3": ("film.flv", (*X264, "-c:a", "libmp3lame", "-ar", "44100")),
    "flv-flv1-mp3": ("film.flv", ("-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100")),
    "wmv": ("film.wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
    "mxf": ("film.mxf", ("-c:v", "mpeg2video", "-c:a", "pcm_s16le")),
    "sound-only": ("sound.mka", ("-vn", "-c:a", "ac3")),
}


def make_foreign(kind: str, folder: Path, *, seconds: float = 1.0) -> Path:
    """Make a film of a kind; the test is skipped where this ffmpeg has not the encoder."""
    name, options = KINDS[kind]
    need_encoders(*options)
    return make_clip(folder / name, *options, seconds=seconds)


def need_encoders(*options: str) -> None:
    """Skip the test unless ffmpeg has all the encoders the options ask for."""
    import pytest

    known = _encoders()
    wanted = [word for flag, word in itertools.pairwise(options) if flag.startswith("-c:")]
    missing = [word for word in wanted if word not in known]
    if missing:
        pytest.skip(f"this ffmpeg has no encoder for {', '.join(missing)}")


def _encoders() -> str:
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    return subprocess.run([ffmpeg, "-v", "error", "-encoders"], capture_output=True, text=True, check=True).stdout


def probe(path: Path, *what: str) -> dict[str, Any]:
    """What ffprobe says, asked without the product."""
    ffprobe = shutil.which("ffprobe")
    assert ffprobe
    argv = [ffprobe, "-v", "error", "-show_streams", "-show_format", "-show_chapters", *what, "-of", "json"]
    answer: dict[str, Any] = json.loads(subprocess.run([*argv, f"file:{path}"], capture_output=True, check=True).stdout)
    return answer


def codecs(path: Path) -> list[str]:
    """Codecs of film and sound; the tracks of chapters and time codes are neither."""
    return [s["codec_name"] for s in probe(path)["streams"] if s["codec_type"] in ("video", "audio")]


def frame_hashes(path: Path, stream: str) -> list[str]:
    """MD5 of each decoded frame of a stream ("v:0"): the same wherever the same packets are kept."""
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    argv = [ffmpeg, "-v", "error", "-nostdin", "-i", f"file:{path}", "-map", f"0:{stream}"]
    argv += ["-f", "framemd5", "-"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.rsplit(",", 1)[1].strip() for line in lines if not line.startswith("#")]
