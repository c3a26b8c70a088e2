"""Where a converted film lies until it is published: a private folder on a disk with room, removed afterwards.

Every conversion has a home below the cache folder. The film lies in it, or in a folder on another disk that the home
names, so that whatever a crash leaves is found and removed at the next start. A finished conversion is written down
beside its film; a job that was interrupted while it uploaded does not encode again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from vidcdn_desktop import paths
from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.errors import DiskFull, FolderUnusable
from vidcdn_desktop.jobs.model import report_json
from vidcdn_desktop.jobs.ownership import Ownership, alone
from vidcdn_desktop.media.convert import FILM_NAME, Converted, SubtitleFile
from vidcdn_desktop.media.convert_model import Conversion, ConversionKind, StreamPlan
from vidcdn_desktop.media.orphans import end_orphans
from vidcdn_desktop.textsafe import format_size

_log = logging.getLogger(__name__)

_OWNER = "owner"
_PLACE = "place"
_DONE = "done.json"
_LOCK = "rooms.lock"
_PREFIX = ".vidcdn-conversion-"
_KEPT_S = 7 * 24 * 3600.0
"""A finished conversion nobody came back for is removed after a week."""

_RESERVE_BYTES = 64 << 20
"""What we leave free on a disk."""

_MARGIN = 1.3
"""An estimate is an estimate."""


class Room:
    """The folder of one conversion, owned by this process while it is open."""

    def __init__(self, home: Path, folder: Path, owner: Ownership) -> None:
        self._home = home
        self.folder = folder
        """Where the film goes; empty at first, unless a finished conversion is in it."""
        self._owner = owner

    def remember(self, planned: Conversion, source: SourceIdentity, converted: Converted) -> None:
        """Write down that the conversion is finished, so that it can be used again."""
        film = (self.folder / FILM_NAME).stat()
        facts = {
            "source": report_json(source),
            "planned": report_json(planned.streams),
            "kind": converted.conversion.kind.value,
            "streams": report_json(converted.conversion.streams),
            "notes": list(converted.conversion.notes),
            "subtitles": [[file.path.name, file.language] for file in converted.subtitles],
            "film": [film.st_size, film.st_mtime_ns],
        }
        part = self._home / f"{_DONE}.part"
        part.write_text(json.dumps(facts), "utf-8")
        part.replace(self._home / _DONE)

    def recall(self, planned: Conversion, source: SourceIdentity) -> tuple[Conversion, tuple[SubtitleFile, ...]] | None:
        """What an earlier run has finished from the same file by the same plan; None if there is nothing to use."""
        try:
            facts = json.loads((self._home / _DONE).read_text("utf-8"))
            film = (self.folder / FILM_NAME).stat()
            same = (
                facts["source"] == report_json(source)
                and facts["planned"] == report_json(planned.streams)
                and facts["film"] == [film.st_size, film.st_mtime_ns]
            )
            if not same:
                return None
            done = Conversion(
                kind=ConversionKind(facts["kind"]),
                streams=tuple(_stream(entry) for entry in facts["streams"]),
                notes=tuple(str(note) for note in facts["notes"]),
            )
            files = tuple(SubtitleFile(self.folder / Path(name).name, str(tag)) for name, tag in facts["subtitles"])
            return (done, files) if all(file.path.is_file() for file in files) else None
        except (OSError, ValueError, TypeError, KeyError):  # none there, or not to be trusted
            return None

    def empty(self) -> None:
        """Remove what lies in it: it is of another film, or half of one."""
        (self._home / _DONE).unlink(missing_ok=True)
        for path in list(self.folder.iterdir()):
            if self.folder != self._home or path.name not in (_OWNER, _PLACE):
                path.unlink(missing_ok=True)

    def close(self, *, keep: bool) -> None:
        """Leave it: with `keep` a finished conversion stays for the next run; everything else is removed."""
        if not (keep and (self._home / _DONE).exists()):
            _remove(self._home)
        self._owner.close()


def open_room(job_id: str, source: Path, need_bytes: int, *, beside: Path | None = None) -> Room:
    """Make the folder for a job's conversion on a disk with room for it, or open the one it has.

    Looks at the cache folder's disk, the system's folder for temporary files, and the disk the film is on; with
    `beside` only into that folder.

    Raises: DiskFull: none of them has the room. FolderUnusable: `beside` may not be written to. SettingsInvalid: the
    cache folder cannot be written.
    """
    root = _root()
    owner = Ownership(root)
    try:
        with alone(root / _LOCK):
            home = root / job_id
            home.mkdir(mode=0o700, exist_ok=True)
            (home / _OWNER).write_text(owner.token, "ascii")
            return Room(home, _place(home) or _choose(home, source, need_bytes, beside), owner)
    except OSError as exc:
        owner.close()
        raise _full(need_bytes, str(root)) from exc
    except BaseException:
        _remove(root / job_id)
        owner.close()
        raise


def forget_room(job_id: str) -> None:
    """Remove what is kept for a job that was given up; harmless if there is nothing."""
    home = _root() / job_id
    if home.is_dir():
        _remove(home)


def sweep_rooms(is_wanted: Callable[[str], bool]) -> int:
    """Remove what runs that ended badly have left, and finished conversions nobody came back for.

    Args:
        is_wanted: Whether a job (by id) may still go on.

    Returns: How many folders were removed. Never raises for a disk that does not let itself be cleaned.
    """
    removed = 0
    with suppress(OSError):
        root = _root()
        if not any(path.is_dir() for path in root.iterdir()):
            return 0
        owner = Ownership(root)
        try:
            with alone(root / _LOCK):
                for home in [path for path in root.iterdir() if path.is_dir() and not path.is_symlink()]:
                    if owner.is_alive(_text(home / _OWNER)):
                        continue
                    end_orphans(_folder_named(home) or home)
                    if not (_is_fresh(home) and is_wanted(home.name)):
                        _remove(home)
                        removed += 1
        finally:
            owner.close()
    return removed


def _is_fresh(home: Path) -> bool:
    try:
        return time.time() - (home / _DONE).stat().st_mtime < _KEPT_S
    except OSError:
        return False


def _root() -> Path:
    root = paths.cache_dir() / "conversions"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def _choose(home: Path, source: Path, need_bytes: int, beside: Path | None) -> Path:
    need = round(need_bytes * _MARGIN) + _RESERVE_BYTES
    if beside is not None:
        return _beside(home, beside, need)
    if _free(home) >= need:
        return home
    for parent in _elsewhere(source):
        if _free(parent) >= need:
            with suppress(OSError):  # a disk that may not be written: try the next
                return _make_place(home, parent)
    raise _full(need, str(home.parent))


def _beside(home: Path, parent: Path, need: int) -> Path:
    if parent.is_dir() and _free(parent) < need:
        raise _full(need, str(parent))
    try:
        return _make_place(home, parent)
    except OSError as exc:
        raise FolderUnusable(
            "The new file cannot be written here.",
            "The original is untouched.",
            "Choose a folder you may write to.",
            subject=str(parent),
            code=exc.strerror or "",
        ) from exc


def _make_place(home: Path, parent: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent.absolute()))
    try:
        (home / _PLACE).write_text(str(folder), "utf-8", "surrogateescape")
    except OSError:
        folder.rmdir()
        raise
    return folder


def _elsewhere(source: Path) -> Iterator[Path]:
    yield Path(tempfile.gettempdir())
    yield source.parent


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _place(home: Path) -> Path | None:
    """Where the film of an earlier run lies; None if that is gone, or there was none."""
    if (home / _DONE).exists() and not (home / _PLACE).exists():
        return home
    folder = _folder_named(home)
    return folder if folder is not None and folder.is_dir() else None


def _folder_named(home: Path) -> Path | None:
    """The folder on another disk; only ever one that this program has made, and no link to something else."""
    text = _text(home / _PLACE)
    folder = Path(text)
    if not text or not folder.is_absolute() or not folder.name.startswith(_PREFIX) or folder.is_symlink():
        return None
    if hasattr(os, "getuid"):
        try:
            if folder.stat().st_uid != os.getuid():
                return None
        except OSError:
            return None
    return folder


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape").strip()
    except OSError:
        return ""


def _remove(home: Path) -> None:
    folder = _folder_named(home)
    for path in (folder, home):
        if path is None:
            continue
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            _log.warning("a folder of a conversion could not be removed: %s", exc)


def _stream(entry: dict[str, Any]) -> StreamPlan:
    return StreamPlan(**{field.name: entry[field.name] for field in fields(StreamPlan)})


def _full(need: int, where: str) -> DiskFull:
    return DiskFull(
        f"There is no room to convert this video: about {format_size(need)} are needed.",
        "Nothing was published; the original is untouched.",
        "Make room on the disk, then try again.",
        subject=where,
        code="ENOSPC",
    )
