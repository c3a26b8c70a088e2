"""The journal: every job and every upload that was begun, on disk, so that nothing is lost with the process.

One SQLite file per user. Each running copy of the program has one writer thread; jobs are claimed, so that two copies
never send the same one. The bucket is right, the journal is a hint: on start it says where to look. Never a secret.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from vidcdn_desktop import paths
from vidcdn_desktop.errors import UploadBusy, VidcdnError
from vidcdn_desktop.jobs.journal_errors import journal_error, unknown_job
from vidcdn_desktop.jobs.journal_items import JournalItemLog, jobs_with_inverse
from vidcdn_desktop.jobs.journal_record import (
    ENDED_STATES,
    JobRecord,
    OpenUpload,
    from_column,
    from_time,
    job_record,
    job_row,
    to_column,
    to_time,
)
from vidcdn_desktop.jobs.journal_schema import JOB_COLUMNS, open_database
from vidcdn_desktop.jobs.journal_uploads import JournalPartLog
from vidcdn_desktop.jobs.journal_writer import JournalWriter, Work, WriterClosed
from vidcdn_desktop.jobs.operations.log import ItemLog
from vidcdn_desktop.jobs.ownership import Ownership
from vidcdn_desktop.storage.port import ObjectRef, PartLog

__all__ = ["JobRecord", "Journal", "OpenUpload"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_GOES_ON = "What is being sent goes on; if the program is stopped, parts of it may be sent again."

_ENDED = ", ".join(f"'{word}'" for word in ENDED_STATES)
_SELECT = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs"  # noqa: S608 - our own names

_SAVED = tuple(name for name in JOB_COLUMNS if name != "owner")
_UPSERT = (
    f"INSERT INTO jobs ({', '.join(_SAVED)}) VALUES ({', '.join(f':{name}' for name in _SAVED)})"  # noqa: S608
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _SAVED if name != 'id')}"
)


class Journal:
    """The record of jobs and uploads. Any thread may call any method; all of them may wait for the disk.

    Args:
        path: Another file than `state.sqlite3` in the data folder.
        ownership: Who we are among the running copies; None makes one beside the file and closes it with the journal.

    Raises on creation: SettingsInvalid: the file is a newer version's, or cannot be read or written. DiskFull.
    """

    def __init__(self, path: Path | None = None, *, ownership: Ownership | None = None) -> None:
        self.path = path or _default_path()
        """Where it is kept."""
        opened = open_database(self.path)
        self.problem: VidcdnError | None = opened.problem
        """What the user should know: a damaged file was set aside, or lately something could not be written."""
        try:
            self.ownership = ownership or Ownership(self.path.parent / "running")
            """Who we are among the running copies."""
        except VidcdnError:
            opened.connection.close()
            raise
        self._closes_ownership = ownership is None
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        """State of each job as this copy saved it last: only a change of it is worth waiting for the disk."""
        self._new: dict[str, set[str]] = {}
        """Jobs that this copy wrote down first, with the keys they have sent to since: what has no past is not read."""
        self._in_trouble = False
        self._writer = JournalWriter(opened.connection, self._heard)

    # Jobs
    def save_job(self, record: JobRecord) -> bool:
        """Write a job down, new or known. `owner`, `owned_elsewhere` and `updated` of the record are ignored.

        A new job or state outlives the process when this returns, anything else does a moment later. A transfer never
        fails because this did: False says that it could not be written, and `problem` says why. Nor is a row written
        that another running copy has claimed: what it says is truer.
        """
        row = {**job_row(record), "updated": to_time(datetime.now(UTC))}

        is_new = False

        def save(connection: sqlite3.Connection) -> bool:
            nonlocal is_new
            owner = _owner_of(connection, record.id)
            is_new = owner is None
            if self._is_elsewhere(owner or ""):
                return False
            connection.execute(_UPSERT, row)
            return True

        def upsert(connection: sqlite3.Connection) -> None:
            save(connection)

        with self._lock:
            known = self._states.get(record.id) == record.state
        if known:
            self._writer.later(upsert)
            return True
        if not self._try(save):
            return False
        with self._lock:
            self._states[record.id] = record.state
            if is_new:
                self._new.setdefault(record.id, set())
        return True

    def jobs(self, limit: int = 1000) -> list[JobRecord]:
        """The newest jobs, newest first.

        Raises: SettingsInvalid.
        """
        return self._select("ORDER BY created DESC, rowid DESC LIMIT ?", (limit,))

    def job(self, job_id: str) -> JobRecord | None:
        """One job, or None.

        Raises: SettingsInvalid.
        """
        found = self._select("WHERE id = ?", (to_column(job_id),))
        return found[0] if found else None

    def unfinished(self) -> list[JobRecord]:
        """Jobs that have not ended, in the order they run: priority, position, age.

        Raises: SettingsInvalid.
        """
        return self._select(f"WHERE state NOT IN ({_ENDED}) ORDER BY priority DESC, position, created, rowid")

    def remove_job(self, job_id: str) -> None:
        """Forget a job and its uploads. What is in the bucket stays there; an unknown job is no error.

        Raises: UploadBusy: another running copy has claimed it. DiskFull, SettingsInvalid.
        """

        def remove(connection: sqlite3.Connection) -> None:
            owner = _owner_of(connection, job_id)
            if owner and self._is_elsewhere(owner):
                raise _busy(job_id)
            connection.execute("DELETE FROM jobs WHERE id = ?", (to_column(job_id),))

        self._write(remove, "Nothing was removed.")
        with self._lock:
            self._states.pop(job_id, None)
            self._new.pop(job_id, None)

    def prune(self, keep: int = 500) -> int:
        """Forget the oldest ended jobs beyond `keep`; gives how many. One with an upload that has not ended stays."""

        def drop(connection: sqlite3.Connection) -> int:
            gone = connection.execute(
                f"DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state IN ({_ENDED})"  # noqa: S608
                " ORDER BY created DESC, rowid DESC LIMIT -1 OFFSET ?)"
                " AND NOT EXISTS (SELECT 1 FROM uploads WHERE job_id = jobs.id)",
                (max(0, keep),),
            )
            return gone.rowcount

        return self._try(drop) or 0

    # Claims
    def claim(self, job_id: str) -> None:
        """Make a job ours before working on it; again is harmless. A dead copy's claim counts for nothing.

        Raises: UploadBusy: another running copy has claimed it. SettingsInvalid: no such job. DiskFull.
        """

        def take(connection: sqlite3.Connection) -> None:
            owner = _owner_of(connection, job_id)
            if owner is None:
                raise unknown_job(job_id)
            if self._is_elsewhere(owner):
                raise _busy(job_id)
            connection.execute("UPDATE jobs SET owner = ? WHERE id = ?", (self.ownership.token, to_column(job_id)))

        self._write(take)

    def release(self, job_id: str) -> None:
        """Give a job up that we have claimed; otherwise nothing happens. Never fails."""

        def give_up(connection: sqlite3.Connection) -> bool:
            ours = (to_column(job_id), self.ownership.token)
            connection.execute("UPDATE jobs SET owner = '' WHERE id = ? AND owner = ?", ours)
            return True

        self._try(give_up)

    # Uploads
    def part_log(self, job_id: str, *, key: str, profile_id: str, endpoint: str) -> PartLog:
        """The memory of this job's upload to `key`, for `storage.upload`. The job must be saved and claimed.

        Args:
            job_id: Of the job the upload belongs to.
            key: Of the object; a job has one upload per key.
            profile_id: Id of the connection it goes through.
            endpoint: Address of the store; empty for AWS.
        """
        with self._lock:
            keys = self._new.get(job_id)
            is_first = keys is not None and key not in keys
            if keys is not None:
                keys.add(key)
        return JournalPartLog(self._writer, str(self.path), job_id, key, profile_id, endpoint, is_first=is_first)

    def item_log(self, job_id: str) -> ItemLog:
        """The memory of an operation: how far each of its objects is. The job must be saved and claimed."""
        return JournalItemLog(self._writer, str(self.path), job_id)

    def undoable_jobs(self) -> set[str]:
        """Ids of operations of which something can be taken back.

        Raises: SettingsInvalid.
        """
        return self._read(jobs_with_inverse)

    def unfinished_uploads(self) -> list[OpenUpload]:
        """Every upload that was begun and has not ended, oldest first.

        Raises: SettingsInvalid.
        """

        def look(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(
                "SELECT job_id, state, source, uploads.bucket, uploads.key, uploads.endpoint, profile_id, upload_id,"
                " uploads.size, part_size, completing, begun, owner,"
                " (SELECT coalesce(sum(parts.size), 0) FROM parts WHERE parts.upload = uploads.id)"
                " FROM uploads JOIN jobs ON jobs.id = job_id ORDER BY begun, uploads.id"
            ).fetchall()

        rows = self._read(look)
        elsewhere = self._owners_elsewhere(row[12] for row in rows)
        return [
            OpenUpload(
                job_id=from_column(row[0]),
                state=row[1],
                source=from_column(row[2]),
                ref=ObjectRef(from_column(row[3]), from_column(row[4])),
                endpoint=from_column(row[5]),
                profile_id=from_column(row[6]),
                upload_id=from_column(row[7]),
                size=row[8],
                part_size=row[9],
                done_bytes=row[13],
                completing=bool(row[10]),
                begun=from_time(row[11]) or datetime.fromtimestamp(0, UTC),
                owned_elsewhere=row[12] in elsewhere,
            )
            for row in rows
        ]

    def close(self) -> None:
        """Write what is queued and give up every claim of ours; twice is harmless."""
        self._writer.close()
        if self._closes_ownership:
            self.ownership.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Inside
    def _select(self, rest: str, values: Sequence[Any] = ()) -> list[JobRecord]:
        rows = self._read(lambda connection: connection.execute(f"{_SELECT} {rest}", values).fetchall())
        elsewhere = self._owners_elsewhere(row[-1] for row in rows)
        return [job_record(JOB_COLUMNS, row, owned_elsewhere=row[-1] in elsewhere) for row in rows]

    def _owners_elsewhere(self, owners: Iterable[str]) -> set[str]:
        return {owner for owner in set(owners) if self._is_elsewhere(owner)}

    def _is_elsewhere(self, owner: str) -> bool:
        return bool(owner) and owner != self.ownership.token and self.ownership.is_alive(owner)

    def _read(self, work: Work[_T]) -> _T:
        return self._told(lambda: self._writer.read(work), "Your videos are not affected.")

    def _write(self, work: Work[_T], meaning: str = "Nothing was published.") -> _T:
        # Not flushed: an upload's row is, and takes along what was written before it; whatever else a loss of power
        # undoes is asked of the bucket again.
        return self._told(lambda: self._writer.write(work, flush=False), meaning)

    def _told(self, call: Callable[[], _T], meaning: str) -> _T:
        try:
            return call()
        except sqlite3.Error as exc:
            raise journal_error(exc, str(self.path), meaning) from exc
        except WriterClosed as exc:
            raise journal_error(sqlite3.ProgrammingError("closed"), str(self.path), meaning) from exc

    def _try(self, work: Work[_T]) -> _T | None:
        """Write where a failure must not stop anything: it is told in `problem`."""
        try:
            result = self._write(work, _GOES_ON)
        except VidcdnError as exc:
            self._remember(exc)
            return None
        self._in_trouble = False
        return result

    def _heard(self, trouble: sqlite3.Error | None) -> None:
        """What became of queued lines; called in the writer's thread."""
        if trouble is None:
            self._in_trouble = False
        else:
            self._remember(journal_error(trouble, str(self.path), _GOES_ON))

    def _remember(self, problem: VidcdnError) -> None:
        self.problem = problem
        if not self._in_trouble:  # once, not once for each part
            self._in_trouble = True
            _log.warning("the journal could not be written: %s (%s)", problem.what, problem.code)


def _owner_of(connection: sqlite3.Connection, job_id: str) -> str | None:
    found = connection.execute("SELECT owner FROM jobs WHERE id = ?", (to_column(job_id),)).fetchone()
    return found[0] if found else None


def _busy(job_id: str) -> VidcdnError:
    return UploadBusy(
        "Another running copy of the program is working on this transfer.",
        "It goes on there.",
        "Watch it in the other window, or close that one first.",
        subject=job_id,
    )


def _default_path() -> Path:
    try:
        return paths.data_dir() / "state.sqlite3"
    except OSError as exc:
        raise journal_error(exc, "state.sqlite3") from exc
