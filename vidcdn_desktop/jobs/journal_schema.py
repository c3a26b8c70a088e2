"""The journal's tables, their versions, and how the file is opened."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.journal_errors import NotOurs, is_damage, journal_error
from vidcdn_desktop.jobs.ownership import alone

_log = logging.getLogger(__name__)

VERSION = 2
"""Of the tables as this program writes them; kept in the file's `user_version`."""

_OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

_BUSY_MS = 10_000
"""How long a write waits for another copy's; each is a few milliseconds long."""

JOB_COLUMNS = (
    *("id", "kind", "state", "title", "source"),
    *("source_size", "source_mtime_ns", "source_device", "source_file_id"),
    *("connection_id", "connection_name", "endpoint", "bucket", "key", "size"),
    *("options", "plan", "steps", "result", "error"),
    *("created", "updated", "ended", "position", "priority", "owner"),
)
UPLOAD_COLUMNS = (
    *("id", "job_id", "bucket", "key", "endpoint", "profile_id", "upload_id", "part_size", "size"),
    *("mark", "layout", "only_if_absent", "algorithm", "completing", "begun"),
)
PART_COLUMNS = ("upload", "number", "size", "etag", "checksum")
ITEM_COLUMNS = (
    *("job_id", "number", "bucket", "key", "target_bucket", "target", "size", "etag", "version_id"),
    *("action", "stage", "inverse", "state", "error", "note"),
)

_COLUMNS = {"jobs": JOB_COLUMNS, "uploads": UPLOAD_COLUMNS, "parts": PART_COLUMNS, "items": ITEM_COLUMNS}

_TABLES_1 = (
    # Times of change, devices and file ids may need more than the 63 bits of an INTEGER, so they are TEXT.
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        title TEXT NOT NULL,
        source TEXT NOT NULL,
        source_size INTEGER,
        source_mtime_ns TEXT,
        source_device TEXT,
        source_file_id TEXT,
        connection_id TEXT NOT NULL,
        connection_name TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        size INTEGER,
        options TEXT,
        plan TEXT,
        steps TEXT,
        result TEXT,
        error TEXT,
        created TEXT NOT NULL,
        updated TEXT NOT NULL,
        ended TEXT,
        position INTEGER NOT NULL,
        priority INTEGER NOT NULL,
        owner TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "CREATE INDEX jobs_by_age ON jobs (created)",
    # AUTOINCREMENT: an id is never used again, so a part that is told late cannot land with another upload.
    """
    CREATE TABLE uploads (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        profile_id TEXT NOT NULL,
        upload_id TEXT NOT NULL,
        part_size INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mark TEXT NOT NULL,
        layout TEXT NOT NULL,
        only_if_absent INTEGER NOT NULL CHECK (only_if_absent IN (0, 1)),
        algorithm TEXT NOT NULL,
        completing INTEGER NOT NULL CHECK (completing IN (0, 1)),
        begun TEXT NOT NULL,
        UNIQUE (job_id, key)
    ) STRICT
    """,
    """
    CREATE TABLE parts (
        upload INTEGER NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        checksum TEXT NOT NULL,
        PRIMARY KEY (upload, number)
    ) STRICT, WITHOUT ROWID
    """,
)

_TABLES_2 = (
    # One row for each object of an operation; `inverse` is how it is taken back, written before anything is changed.
    """
    CREATE TABLE items (
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        target_bucket TEXT,
        target TEXT,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        version_id TEXT NOT NULL,
        action TEXT,
        stage TEXT NOT NULL,
        inverse TEXT,
        state TEXT,
        error TEXT,
        note TEXT NOT NULL,
        PRIMARY KEY (job_id, number)
    ) STRICT, WITHOUT ROWID
    """,
)

Migration = Callable[[sqlite3.Connection], None]


def _from_0(connection: sqlite3.Connection) -> None:
    """An empty file: make the tables."""
    for statement in _TABLES_1:
        connection.execute(statement)


def _from_1(connection: sqlite3.Connection) -> None:
    """Operations on objects, each with its items."""
    for statement in _TABLES_2:
        connection.execute(statement)


MIGRATIONS: Mapping[int, Migration] = {0: _from_0, 1: _from_1}
"""From version n to n + 1. Each depends on nothing but the tables it is given; the caller commits."""


@dataclass(frozen=True)
class OpenedDatabase:
    """The journal's file, ready for use."""

    connection: sqlite3.Connection
    """Autocommit: whoever uses it begins and commits. Belongs to the caller, who closes it."""
    problem: VidcdnError | None
    """What the user should know of the opening: a damaged file was set aside."""


def open_database(path: Path) -> OpenedDatabase:
    """Open the journal at `path`; make it, bring it up to date or set a damaged one aside first.

    Only one process does this at a time. The file and its companions are the user's alone (0600).

    Raises: SettingsInvalid: the file is a newer version's, or cannot be read or written. DiskFull.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise SettingsInvalid(
            f"The SQLite of this Python ({sqlite3.sqlite_version}) is too old to keep a record of transfers.",
            "Videos can be published, but an upload that is interrupted starts again.",
            "Install a newer Python.",
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(path.with_name(path.name + ".opening")):
            try:
                return OpenedDatabase(_open(path), None)
            except (sqlite3.Error, NotOurs) as exc:
                if not is_damage(exc):
                    raise
                _log.warning("%s set aside: %s", path.name, exc)
            aside = _set_aside(path)
            return OpenedDatabase(_open(path), _damaged(path, aside))
    except (OSError, sqlite3.Error) as exc:
        raise journal_error(exc, str(path)) from exc


def migrate(
    connection: sqlite3.Connection, migrations: Mapping[int, Migration] = MIGRATIONS, version: int = VERSION
) -> None:
    """Bring the tables of an older version up to `version`, all steps or none.

    Raises: sqlite3.Error: a step failed, and the file is as it was.
    """
    if version_of(connection) >= version:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version_of(connection), version):
            migrations[step](connection)
        connection.execute(f"PRAGMA user_version = {version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables in this file; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    _make_private(path)
    # Made in one thread, used in another, never in two at a time.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """Make the file, for the user alone: SQLite gives its -wal and -shm the permissions of the file itself."""
    # Only a new file is opened. Closing one that SQLite has open in this process would drop SQLite's locks on it.
    # Source: SQLite, How To Corrupt, section 2.2.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
    path.chmod(0o600)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    found = version_of(connection)
    if found > VERSION:
        raise SettingsInvalid(
            "The record of transfers was written by a newer version of this program.",
            "Videos can be published, but an upload that is interrupted starts again.",
            "Use the newer version, or move the file away to begin a new record.",
            subject=str(path),
            code=f"version {found}",
        )
    for pragma in (
        "trusted_schema = OFF",
        "foreign_keys = ON",
        "journal_mode = WAL",
        "synchronous = FULL",  # a commit outlives a loss of power
        "fullfsync = ON",  # on macOS, where a plain fsync ends in the disk's own memory
        "checkpoint_fullfsync = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise NotOurs(str(answer))
    if found == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise NotOurs("tables of another program")
    if found < 0:
        raise NotOurs(f"version {found}")
    migrate(connection)
    try:
        for table, columns in _COLUMNS.items():
            connection.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 0")  # noqa: S608 - our own names
    except sqlite3.OperationalError as exc:
        raise NotOurs(str(exc)) from exc


def _set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, with its log: left behind, that would be played into the new file."""
    aside = path.with_name(path.name + ".broken")
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.replace(aside.with_name(aside.name + suffix))
    path.replace(aside)
    return aside


def _damaged(path: Path, aside: Path) -> VidcdnError:
    return SettingsInvalid(
        f"The record of transfers was damaged. It is kept as {aside.name}, and a new one was begun.",
        "Published videos are not affected; an upload that was under way starts again.",
        "Look for unfinished uploads in your bucket, since they cost money.",
        subject=str(path),
    )
