"""qtfaststart, the tool most Python programs move an index with: installed beside the program's own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSION = "qtfaststart==1.8"
"""What the description of the collection of real files speaks of."""
_FOLDER = Path(__file__).resolve().parents[2] / ".dev" / "peers-faststart"


def install() -> None:
    """Install it where it is not there yet; nothing else is touched."""
    if (_FOLDER / "qtfaststart").is_dir():
        return
    print("Installing qtfaststart into .dev/peers-faststart.", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(_FOLDER), VERSION], check=True)


def command(source: Path, target: Path) -> list[str]:
    """What makes `target` out of `source`."""
    return [sys.executable, "-m", "qtfaststart", str(source), str(target)]


def environment() -> dict[str, str]:
    """The environment to run it in."""
    return {**os.environ, "PYTHONPATH": str(_FOLDER)}
