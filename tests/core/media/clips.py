"""Small films made with the real ffmpeg, and the changes no ffmpeg of every version can make."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

FFMPEG = shutil.which("ffmpeg")
MATRICES = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def make_clip(
    path: Path,
    *options: str,
    source: str = "testsrc2=size=320x180:rate=25",
    seconds: float = 1.0,
    sound: bool = True,
) -> Path:
    """Make a film of `source` (a lavfi description); `options` stand before the output name."""
    if FFMPEG is None:
        pytest.skip("ffmpeg is not installed")
    inputs = ["-f", "lavfi", "-t", str(seconds), "-i", source]
    if sound:
        inputs += ["-f", "lavfi", "-t", str(seconds), "-i", "sine=frequency=440:sample_rate=48000"]
    argv = [FFMPEG, "-v", "error", "-nostdin", "-y", *inputs, "-threads", "1", *options, f"file:{path}"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path


def h264(*options: str) -> list[str]:
    """Options for a small H.264 film with AAC sound."""
    return ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", *options]


def turn(path: Path, degrees_clockwise: int) -> Path:
    """Write a rotation into the track header of the (first) film track."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: the matrix stands 40 bytes into the payload
    a, b, c, d = (value << 16 for value in MATRICES[degrees_clockwise])
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path
