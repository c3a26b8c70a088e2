"""What a HEAD told of objects, kept between runs, so that a look at a prefix asks only for what is new or changed.

A cache: it may be deleted at any time, and nothing here ever fails; what cannot be kept is asked for again. An ETag
alone does not name a state of an object's headers: an edit of headers keeps it, but changes the time of the object.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from vidcdn_desktop import paths
from vidcdn_desktop.storage.port import ObjectSummary

_log = logging.getLogger(__name__)

ROWS = 200_000
"""Objects that are remembered: about 60 MB on disk."""

_MANY = 400
"""Keys asked for in one statement. SQLite takes 999 values at least."""

_SETTLED_S = 120.0
"""Times in a listing are whole seconds, by another clock: a state this young may change without another time."""

_BUSY_S = 2.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS heads_1 (store TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,"
    " state TEXT NOT NULL, told TEXT NOT NULL, PRIMARY KEY (store, bucket, key))"
)

_T = TypeVar("_T")


@dataclass(frozen=True)
class HeadFacts:
    """What the headers of an object say."""

    content_type: str
    cache_control: str
    expires: bool
    """It has an Expires header, which says how long to keep a copy, too."""
    checksum: str
    """Of the whole object, with its algorithm before it; empty where the store keeps none."""


class HeadCache:
    """Headers on disk. Any thread may call any method, and so may other running copies; close it when done.

    Args:
        path: Another file than the one in the cache folder.
        rows: How many objects are remembered.
        now: Seconds since the epoch.
    """

    def __init__(self, path: Path | None = None, *, rows: int = ROWS, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._rows = rows
        self._now = now
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._is_closed = False

    def recall(self, store: str, bucket: str, items: Sequence[ObjectSummary]) -> dict[str, HeadFacts]:
        """What is known of those objects that are in the very state a listing tells, by key. Never the network."""
        wanted = {_storable(item.key): item for item in items}
        keys = list(wanted)
        found: dict[str, HeadFacts] = {}
        for start in range(0, len(keys), _MANY):
            some = keys[start : start + _MANY]
            for key, state, told in self._try(lambda db, some=some: _select(db, store, bucket, some)) or ():  # type: ignore[misc]
                item = wanted.get(key)
                facts = _decoded(told) if item is not None and state == _state(item) else None
                if item is not None and facts is not None:
                    found[item.key] = facts
        return found

    def keep(self, store: str, bucket: str, told: Iterable[tuple[ObjectSummary, HeadFacts]]) -> None:
        """Remember what was told of objects, instead of what was known; what has only just changed is not kept."""
        newest = self._now() - _SETTLED_S
        rows = [
            (store, bucket, _storable(item.key), _state(item), json.dumps(asdict(facts)))
            for item, facts in told
            if item.etag and 0 < item.last_modified.timestamp() < newest
        ]
        if rows:
            self._try(lambda db: _insert(db, rows, self._rows))

    def close(self) -> None:
        """Close the file; twice is harmless."""
        with self._lock:
            self._is_closed = True
            self._drop()

    def __enter__(self) -> HeadCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _try(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Do something with the file; with a new one if it turns out to be damaged."""
        with self._lock:
            for again in (True, False):
                if self._is_closed:
                    return None
                try:
                    if self._db is None:
                        self._db = self._opened()
                    return work(self._db)
                except (OSError, sqlite3.OperationalError) as exc:  # another copy is writing, or there is no room
                    _log.info("what is known of headers was not read or written: %s", exc)
                    return None
                except (sqlite3.Error, UnicodeError, OverflowError) as exc:
                    _log.warning("what is known of headers is damaged and is forgotten: %s", exc)
                    self._drop()
                    if again:
                        self._discard()
            return None

    def _file(self) -> Path:
        return self._path or paths.cache_dir() / "heads.sqlite"

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file(), isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        try:
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA journal_mode = WAL").fetchall()
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(_TABLE)
        except BaseException:
            db.close()
            raise
        return db

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _discard(self) -> None:
        path = self._file()
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(OSError):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _select(db: sqlite3.Connection, store: str, bucket: str, keys: list[str]) -> list[tuple[str, str, str]]:
    marks = ", ".join("?" * len(keys))
    return db.execute(
        f"SELECT key, state, told FROM heads_1 WHERE store = ? AND bucket = ? AND key IN ({marks})",  # noqa: S608 - only marks
        (store, bucket, *keys),
    ).fetchall()


def _insert(db: sqlite3.Connection, rows: Sequence[tuple[str, ...]], most: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany("INSERT OR REPLACE INTO heads_1 VALUES (?, ?, ?, ?, ?)", rows)
        # A replaced row gets a new rowid, so the lowest are those that were told longest ago.
        db.execute("DELETE FROM heads_1 WHERE rowid <= (SELECT max(rowid) FROM heads_1) - ?", (most,))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _state(item: ObjectSummary) -> str:
    return f"{item.etag} {item.size} {item.last_modified.timestamp():.0f}"


def _storable(key: str) -> str:
    """A key as SQLite takes it: lone surrogates become escapes."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _decoded(told: object) -> HeadFacts | None:
    """The facts in a row; None if it makes no sense: then they are asked for again, and replaced."""
    try:
        match json.loads(str(told)):
            case {"content_type": str(kind), "cache_control": str(cache), "expires": bool(expires), "checksum": str(c)}:
                return HeadFacts(kind, cache, expires, c)
    except (ValueError, RecursionError):
        pass
    return None
