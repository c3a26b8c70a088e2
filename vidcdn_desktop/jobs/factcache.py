"""What is known of videos in buckets, kept between runs: facts by place, ETag and size, so that none is read twice.

A cache: it may be deleted at any time, and nothing here ever fails. A damaged file is replaced by an empty one; where
none can be written, facts live in memory until the program ends. One row per key, so an object that was replaced takes
no room for its old state; beyond `rows` the ones not used for longest go.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vidcdn_desktop import paths
from vidcdn_desktop.media.glance_model import VideoFacts, facts_from_json

_log = logging.getLogger(__name__)

VERSION = 1
"""Of the table and of the facts in it. It grows when either changes, also when a better reader should look again."""

ROWS = 100_000
"""Videos that are remembered: about 60 MB on disk."""

_SLACK = 64
"""Evicted at once beyond need, in parts of `ROWS` (1/64): making room for one at a time would be dear."""

_BUSY_MS = 2000
_DAY_S = 86_400
_MANY = 400
"""Keys asked for in one statement. SQLite takes 999 values at least."""

_CHECKSUM_LENGTH = 16
"""Hex digits."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS facts (
        store TEXT NOT NULL,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        etag TEXT NOT NULL,
        size INTEGER NOT NULL,
        used INTEGER NOT NULL,
        facts TEXT NOT NULL,
        PRIMARY KEY (store, bucket, key)
    ) WITHOUT ROWID
"""

_T = TypeVar("_T")


@dataclass(frozen=True)
class ObjectState:
    """One state of one object, as a listing tells it."""

    key: str
    etag: str
    """Without quotes; an object without one is never remembered."""
    size: int
    """Bytes."""


class FactCache:
    """Facts on disk. Any thread may call any method, and so may other running copies; close it when done.

    Args:
        path: Another file than the one in the cache folder.
        rows: How many videos are remembered.
        now: Seconds since the epoch.
    """

    def __init__(self, path: Path | None = None, *, rows: int = ROWS, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._rows = rows
        self._now = now
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._count = 0
        self._closed = False

    def recall(self, store: str, bucket: str, states: Iterable[ObjectState]) -> dict[str, VideoFacts]:
        """The facts of those objects that are known in just this state, by key. Reads the disk, never the network.

        Args:
            store: Address of the store, so that equal names in two stores are two buckets.
            bucket: Its name.
            states: Of any number of objects.
        """
        wanted = {state.key: state for state in states if state.etag}
        keys = list(wanted)
        rows: list[tuple[str, str, int, int, str]] = []
        for start in range(0, len(keys), _MANY):
            some = keys[start : start + _MANY]
            rows += self._try(lambda db, some=some: _select(db, store, bucket, some)) or []  # type: ignore[misc]
        found: dict[str, VideoFacts] = {}
        for key, etag, size, _, text in rows:
            if (etag, size) == (wanted[key].etag, wanted[key].size):
                facts = _decoded(text, _mark(store, bucket, wanted[key]))
                if facts is not None:
                    found[key] = facts
        today = self._today()
        stale = [key for key, _, _, used, _ in rows if key in found and used != today]
        if stale:
            self._try(lambda db: _touch(db, store, bucket, stale, today))
        return found

    def keep(self, store: str, bucket: str, state: ObjectState, facts: VideoFacts) -> None:
        """Remember the facts of an object in this state, instead of any other state. Outlives a killed process."""
        if not state.etag:
            return
        text = _encoded(facts, _mark(store, bucket, state))
        row = (store, bucket, _storable(state.key), state.etag, state.size, self._today(), text)
        self._try(lambda db: self._insert(db, row))

    def close(self) -> None:
        """Close the file; twice is harmless. Nothing is remembered after it."""
        with self._lock:
            self._closed = True
            self._drop()

    def __enter__(self) -> FactCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _today(self) -> int:
        return int(self._now() // _DAY_S)

    def _insert(self, db: sqlite3.Connection, row: tuple[str | int, ...]) -> None:
        db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        self._count += 1  # one too many where a row was replaced: then it is only counted sooner
        if self._count > self._rows:
            self._count = _count(db)
            if self._count > self._rows:
                self._evict(db)

    def _evict(self, db: sqlite3.Connection) -> None:
        surplus = self._count - self._rows + self._rows // _SLACK
        db.execute(
            "DELETE FROM facts WHERE (store, bucket, key) IN"
            " (SELECT store, bucket, key FROM facts ORDER BY used LIMIT ?)",
            (surplus,),
        )
        self._count = _count(db)

    def _try(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Do something with the file; once more with a new one if it turns out to be damaged."""
        with self._lock:
            if self._closed:
                return None
            for again in (False, True):
                try:
                    if self._connection is None:
                        self._connection = self._opened()
                    return work(self._connection)
                except sqlite3.OperationalError as exc:
                    # Another copy is writing, the disk is full or read-only: known facts are a luxury.
                    _log.info("what is known of videos was not read or written: %s", exc)
                    return None
                except (sqlite3.Error, UnicodeError, OverflowError) as exc:
                    _log.warning("what is known of videos is damaged and is forgotten: %s", exc)
                    self._drop()
                    if not again:
                        self._discard()
            return None

    def _opened(self) -> sqlite3.Connection:
        try:
            path = self._file()
            db = _open(str(path))
        except (OSError, sqlite3.OperationalError) as exc:
            _log.info("what is known of videos stays in memory: %s", exc)
            db = _open(":memory:")
        self._count = _count(db)
        return db

    def _file(self) -> Path:
        return self._path or paths.cache_dir() / "facts.sqlite"

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _discard(self) -> None:
        """Remove the damaged file, with its log, which would be played into the new one."""
        try:
            path = self._file()
            for suffix in ("-wal", "-shm", ""):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        except OSError as exc:
            _log.info("the damaged file stays: %s", exc)
            self._path = Path(":memory:")


def _open(name: str) -> sqlite3.Connection:
    db = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000)
    db.text_factory = lambda data: data.decode("utf-8", "replace")  # a damaged text is no reason to stop
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        # A lost row is asked for again; a torn one is not written even so.
        db.execute("PRAGMA synchronous = NORMAL")
        if _version(db) != VERSION:
            db.execute("BEGIN IMMEDIATE")
            if _version(db) != VERSION:  # another copy may have been first
                db.execute("DROP TABLE IF EXISTS facts")
                db.execute(_TABLE)
                db.execute(f"PRAGMA user_version = {VERSION:d}")
            db.execute("COMMIT")
        db.execute(_TABLE)
        _check_columns(db)
    except BaseException:
        db.close()
        raise
    return db


def _check_columns(db: sqlite3.Connection) -> None:
    try:
        db.execute("SELECT store, bucket, key, etag, size, used, facts FROM facts LIMIT 0")
    except sqlite3.OperationalError as exc:
        raise sqlite3.DatabaseError("a table of another program") from exc


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM facts").fetchone()[0])


def _select(db: sqlite3.Connection, store: str, bucket: str, keys: list[str]) -> list[tuple[str, str, int, int, str]]:
    marks = ", ".join("?" * len(keys))
    stored = {_storable(key): key for key in keys}
    rows = db.execute(
        f"SELECT key, etag, size, used, facts FROM facts WHERE store = ? AND bucket = ? AND key IN ({marks})",  # noqa: S608 - only marks
        (store, bucket, *stored),
    ).fetchall()
    # A damaged file answers with rows that were not asked for.
    return [(stored[key], etag, size, used, text) for key, etag, size, used, text in rows if key in stored]


def _touch(db: sqlite3.Connection, store: str, bucket: str, keys: list[str], today: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany(
            "UPDATE facts SET used = ? WHERE store = ? AND bucket = ? AND key = ?",
            [(today, store, bucket, _storable(key)) for key in keys],
        )
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _storable(key: str) -> str:
    """A key as SQLite takes it: lone surrogates, which stand for bytes that are no UTF-8, become escapes."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _mark(store: str, bucket: str, state: ObjectState) -> str:
    return f"{store}\0{bucket}\0{_storable(state.key)}\0{state.etag}\0{state.size}\0"


def _encoded(facts: VideoFacts, mark: str) -> str:
    """The facts as text behind a checksum of it and of what it is about: SQLite keeps none, and disks err."""
    text = json.dumps(facts.to_json(), separators=(",", ":"))
    return f"{_checksum(mark + text)}{text}"


def _decoded(text: object, mark: str) -> VideoFacts | None:
    """The facts in a row; None if it is damaged: then they are asked for again, and replaced."""
    if not isinstance(text, str) or text[:_CHECKSUM_LENGTH] != _checksum(mark + text[_CHECKSUM_LENGTH:]):
        return None
    try:
        row: object = json.loads(text[_CHECKSUM_LENGTH:])
        return facts_from_json(row) if isinstance(row, Mapping) else None
    except (ValueError, RecursionError):
        return None


def _checksum(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=_CHECKSUM_LENGTH // 2).hexdigest()
