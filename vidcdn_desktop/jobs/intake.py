"""From what was dropped to the files that become jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from vidcdn_desktop.storage.content_types import kind_of

MOST_FILES = 1000
"""A dropped folder gives at most this many videos; more is a mistake rather than a wish."""


def expand(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as the videos inside them, in name order. Blocks; never raises for a bad path.

    Hidden files and links that lead out of the dropped folder are left out, since nobody meant those. A file named
    directly is kept whatever it is: its card says what is wrong with it.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += list(_videos_below(path, MOST_FILES - len(found)))
        else:
            found.append(path)
    return found


def _videos_below(folder: Path, most: int) -> Iterator[Path]:
    root = folder.resolve()
    for directory, names, files in os.walk(root, followlinks=False):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(directory, name)
            if most <= 0:
                return
            if name.startswith(".") or kind_of(name) != "Video":
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            most -= 1
            yield path
