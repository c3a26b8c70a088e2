"""Posters on disk, small: bounded, by store, key, ETag and size; whatever is wrong with it costs a picture, no more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from pathlib import Path

from vidcdn_desktop import paths

LIMIT_BYTES = 200_000_000
_LOW_WATER = 0.8
_EVERY = 64
"""Pictures written between two looks at how much there is."""


class PosterCache:
    """Any thread. Several running copies may share it.

    Args:
        folder: Another one than in the cache folder.
        limit_bytes: How much is kept, more or less: it is looked at now and then.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._written = _EVERY  # the first picture of a run looks at what others have left

    @staticmethod
    def name(store: str, bucket: str, key: str, etag: str) -> str:
        """What a picture of an object in just this state is called."""
        text = "\0".join((store, bucket, key, etag)).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=20).hexdigest()

    def get(self, name: str) -> bytes:
        """The picture file; empty if there is none."""
        try:
            path = self._path(name)
            data = path.read_bytes()
            os.utime(path)  # what is looked at stays longest
        except OSError:
            return b""
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep a picture file."""
        try:
            path = self._path(name)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except OSError:
            return
        with self._lock:
            self._written += 1
            due = self._written >= _EVERY
            if due:
                self._written = 0
        if due:
            self.shrink()

    def shrink(self) -> None:
        """Remove what was not looked at for longest, until there is room again."""
        found = []
        total = 0
        with contextlib.suppress(OSError):
            for path in self._root().glob("??/*"):
                with contextlib.suppress(OSError):
                    facts = path.stat()
                    found.append((facts.st_mtime, facts.st_size, path))
                    total += facts.st_size
        if total <= self._limit:
            return
        for _, size, path in sorted(found):
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
            if total <= self._limit * _LOW_WATER:
                return

    def _root(self) -> Path:
        return self._folder or paths.cache_dir() / "posters"

    def _path(self, name: str) -> Path:
        return self._root() / name[:2] / f"{name}.jpg"
