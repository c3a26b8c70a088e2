"""Which files go where when files and folders are put into the bucket as they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.content_types import content_type
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONGEST_KEY_BYTES = 1024
"""Amazon S3 User Guide, "Naming Amazon S3 objects"."""
LARGEST_OBJECT_BYTES = 5 << 40
"""The most that this program's parts can make up; Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""


@dataclass(frozen=True)
class FileToPut:
    """One file and its key."""

    path: Path
    ref: ObjectRef
    size: int
    """Bytes, when it was looked at."""
    content_type: str
    mtime_ns: int = 0
    """When it was written last, as it was looked at; 0: not known."""
    replaces: str = ""
    """ETag of the object that it takes the place of; empty: nothing is replaced unless all may be."""
    headers: ObjectHeaders | None = None
    """What the object is to carry instead of its content type and the header of all."""
    fast_start: bool = False
    """A video that starts slowly is sent with its index in front."""


@dataclass(frozen=True)
class LeftAlone:
    """What is not put, and why, in one sentence."""

    path: Path
    reason: str


@dataclass(frozen=True)
class PutPlan:
    """What will be put."""

    files: tuple[FileToPut, ...]
    """In the order of their keys."""
    left_alone: tuple[LeftAlone, ...]

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)


def plan_put(paths: Sequence[Path], bucket: str, prefix: str, token: CancelToken | None = None) -> PutPlan:
    """Look at files and folders. A folder goes with everything in it, under its own name; links are not followed.

    Reads no content: what cannot be put is in `left_alone`.

    Args:
        paths: What was named or dropped.
        bucket: Where to.
        prefix: Before every key; a slash is added where there is none.
        token: Ends it early.

    Raises: Cancelled.
    """
    prefix = prefix + "/" if prefix and not prefix.endswith("/") else prefix
    files: dict[str, FileToPut] = {}
    left: list[LeftAlone] = []
    for top in paths:
        for path, status in _below(top, left):
            if token is not None:
                token.raise_if_cancelled()
            # A name's bytes are its own; Windows's separator is the only thing that is translated.
            name = path.relative_to(top.parent).as_posix() if top.name else path.name
            key = prefix + name
            reason = _refusal(key, status, files)
            ref = ObjectRef(bucket, key)
            if reason:
                left.append(LeftAlone(path, reason))
            else:
                files[key] = FileToPut(path, ref, status.st_size, content_type(key), status.st_mtime_ns)
    return PutPlan(tuple(files[key] for key in sorted(files)), tuple(left))


def _below(top: Path, left: list[LeftAlone]) -> Iterator[tuple[Path, os.stat_result]]:
    """Every regular file of a tree, with its facts; everything else goes to `left`."""
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode) and path == top:
                status = path.stat()  # it was named itself
            if stat.S_ISDIR(status.st_mode):
                waiting += sorted(path.iterdir(), reverse=True)
                continue
        except OSError as exc:
            left.append(LeftAlone(path, f"It cannot be read: {exc.strerror or type(exc).__name__}."))
            continue
        if stat.S_ISREG(status.st_mode):
            yield path, status
        else:
            kind = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file"
            left.append(LeftAlone(path, f"It is {kind}."))


def _refusal(key: str, status: os.stat_result, files: dict[str, FileToPut]) -> str:
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return "Its name is not valid Unicode, so no key can carry it."
    if length > LONGEST_KEY_BYTES:
        return f"Its key would be longer than {LONGEST_KEY_BYTES} bytes."
    if key in files:
        return f"Another file goes to the same key: {files[key].path}."
    if status.st_size > LARGEST_OBJECT_BYTES:
        return "It is larger than an object may be."
    return ""
