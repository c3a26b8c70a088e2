"""The real window, offscreen, from a process of its own: the sample clip goes live and a picture is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_the_window_publishes_the_sample_and_ends_cleanly(tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    command = [sys.executable, "-m", "vidcdn_desktop", "demo", "--json", "--picture", str(picture)]
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=env)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["fast_start"] == "moved"
    assert result["verified"]["ok"] is True
    assert result["disk_bytes_written"] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "Traceback" not in done.stderr
