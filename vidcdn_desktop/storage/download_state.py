"""What is remembered of an unfinished download, in a small file beside it. The data is right, this is a hint.

`.<name>.part.json` says which object `.<name>.part` is growing into, and for each range how many bytes have arrived and
their CRC64NVME. Nothing in it is trusted before the bytes on disk were read again and their checksum agreed, so it
never has to be on the disk before or after the data: a loss of power costs bytes, and never makes a wrong file.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidcdn_desktop.storage.parts import MIB
from vidcdn_desktop.storage.port import ObjectRef, StoredObject

_VERSION = 1
_LIMIT_BYTES = 4 << 20
"""`MAX_RANGES` entries take less than a tenth of it."""
MAX_RANGES = 4096
_SMALL_RANGE = 8 * MIB
_LARGE_RANGE = 16 * MIB
_LARGE_FROM = 256 * MIB
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_BLOCK = getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True)
class Arrived:
    """How much of one range is on the disk."""

    length: int
    """Bytes from the start of the range."""
    crc: int
    """Their CRC64NVME."""


@dataclass(frozen=True)
class PartState:
    """One unfinished download."""

    ref: ObjectRef
    version_id: str
    """The version that was asked for; empty for whichever is current."""
    etag: str
    size: int
    """Bytes of the object."""
    range_size: int
    """Bytes of each range but the last."""
    arrived: Mapping[int, Arrived] = field(default_factory=dict)
    """By number of the range, 1-based; ranges of which nothing has arrived are left out."""

    def is_of(self, ref: ObjectRef, version_id: str) -> bool:
        """Whether it is a download of this object, in whatever state the object is now."""
        return (self.ref, self.version_id) == (ref, version_id)

    def is_still(self, stored: StoredObject) -> bool:
        """Whether the object is the one the bytes came from."""
        return bool(self.etag) and (self.etag, self.size) == (stored.etag, stored.size)

    @property
    def is_whole(self) -> bool:
        """Whether everything has arrived, as far as is remembered."""
        return sum(range_.length for range_ in self.arrived.values()) == self.size


def range_size_for(size: int) -> int:
    """How large the ranges of an object are: 8 MiB below 256 MiB, else 16 MiB, and at most `MAX_RANGES` of them."""
    range_size = _SMALL_RANGE if size < _LARGE_FROM else _LARGE_RANGE
    while size > MAX_RANGES * range_size:
        range_size *= 2
    return range_size


def read_state(path: Path) -> PartState | None:
    """The state in a file; None where there is none, or none that makes sense. Follows no link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NO_BLOCK | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            raw = file.read(_LIMIT_BYTES + 1)
    except OSError:
        return None
    if len(raw) > _LIMIT_BYTES:
        return None
    try:
        return _from_json(json.loads(raw))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def write_state(path: Path, state: PartState, *, durable: bool) -> None:
    """Replace the state in one step. `durable`: come back when a loss of power cannot undo it.

    The caller holds the lock of the download, so that nobody else writes.

    Raises: OSError.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(_to_json(state), separators=(",", ":")).encode("ascii"))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _to_json(state: PartState) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "bucket": state.ref.bucket,
        "key": state.ref.key,
        "version_id": state.version_id,
        "etag": state.etag,
        "size": state.size,
        "range_size": state.range_size,
        "ranges": [[number, a.length, f"{a.crc:016x}"] for number, a in sorted(state.arrived.items())],
    }


def _from_json(data: Any) -> PartState:
    """Read what `_to_json` wrote.

    Raises: ValueError, TypeError, KeyError: it is something else.
    """
    if not isinstance(data, dict) or data["version"] != _VERSION:
        raise ValueError("not a state of ours")
    size, range_size = _whole_number(data["size"], 0), _whole_number(data["range_size"], 1)
    if size > MAX_RANGES * range_size:
        raise ValueError("too many ranges")
    arrived: dict[int, Arrived] = {}
    for number, length, crc in data["ranges"]:
        start = (_whole_number(number, 1) - 1) * range_size
        if start >= size or _whole_number(length, 1) > min(range_size, size - start) or len(crc) != 16:
            raise ValueError("a range beyond the object")
        arrived[number] = Arrived(length, int(crc, 16))
    texts = [data[name] for name in ("bucket", "key", "version_id", "etag")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("not text")
    bucket, key, version_id, etag = texts
    return PartState(ObjectRef(bucket, key), version_id, etag, size, range_size, arrived)


def _whole_number(value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError("not a sensible number")
    return value
