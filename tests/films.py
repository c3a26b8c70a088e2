"""Real clips, made once per session with the real ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def make_clip(
    target: Path,
    *,
    seconds: float = 1.0,
    size: str = "320x180",
    sound: bool = True,
    options: tuple[str, ...] = (),
    picture: str = "testsrc2",
) -> Path:
    """Encode a small clip; the container follows from the name, the index stands at the end unless asked otherwise."""
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg, "the tests need ffmpeg"
    command = [ffmpeg, "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", f"{picture}=size={size}:rate=25"]
    if sound:
        command += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    command += ["-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    if sound:
        command += ["-c:a", "aac"]
    command += [*options, f"file:{target}"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return target


def top_boxes(data: bytes) -> list[str]:
    """Types of the top-level boxes, by a reader that shares nothing with the product."""
    names, position = [], 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        names.append(data[position + 4 : position + 8].decode("latin-1"))
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0:
            break
        position += size
    return names


def stream_hash(path: Path) -> str:
    """MD5 of every stream's packets: the same before and after a lossless move of the index."""
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    command = [ffmpeg, "-v", "error", "-nostdin", "-i", f"file:{path}", "-map", "0", "-c", "copy"]
    command += ["-f", "streamhash", "-hash", "md5", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
