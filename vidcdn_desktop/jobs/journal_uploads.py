"""The journal as a `PartLog`: the memory of one upload of one job."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.jobs.journal_errors import journal_error, unknown_job
from vidcdn_desktop.jobs.journal_record import from_column, from_time, to_column, to_time
from vidcdn_desktop.jobs.journal_writer import JournalWriter, WriterClosed
from vidcdn_desktop.storage.port import ObjectRef, PartResult, UploadIntent, UploadRecord

_log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class JournalPartLog:
    """Implements `PartLog` for one job and key. Any thread; looks after no claim, the caller has claimed the job.

    Before anything is sent, a journal that cannot be written refuses. Once an upload is under way it never fails
    because of the journal: the bucket knows what has arrived, and the mark settles whether it was completed.
    """

    def __init__(
        self,
        writer: JournalWriter,
        name: str,
        job_id: str,
        key: str,
        profile_id: str,
        endpoint: str,
        *,
        is_first: bool = False,
    ) -> None:
        """`name` is the journal's file, for errors; see `Journal.part_log` for the others.

        `is_first`: it is known that the job has sent nothing to this key before.
        """
        self._writer = writer
        self._name = name
        self._job_id = to_column(job_id)
        self._key = to_column(key)
        self._profile_id = to_column(profile_id)
        self._endpoint = to_column(endpoint)
        self._is_first = is_first
        self._row = 0
        """Id of the upload this log speaks of; 0 before `earlier` or `planned`. Parts told late find no other."""

    def earlier(self) -> UploadRecord | None:
        """See `PartLog.earlier`.

        Raises: SettingsInvalid: the journal cannot be read.
        """
        if self._is_first:
            return None

        def look(connection: sqlite3.Connection) -> tuple[int, UploadRecord] | None:
            found = connection.execute(
                "SELECT id, bucket, key, size, part_size, mark, layout, only_if_absent, upload_id, algorithm,"
                " completing, begun FROM uploads WHERE job_id = ? AND key = ?",
                (self._job_id, self._key),
            ).fetchone()
            if found is None:
                return None
            parts = connection.execute(
                "SELECT number, size, etag, checksum FROM parts WHERE upload = ? ORDER BY number", (found[0],)
            ).fetchall()
            return found[0], _upload_record(found[1:], parts)

        found = self._must(lambda: self._writer.read(look))
        self._row = found[0] if found else 0
        return found[1] if found else None

    def planned(self, intent: UploadIntent) -> None:
        """See `PartLog.planned`.

        Raises: DiskFull, SettingsInvalid: it was not written down, so nothing may be sent.
        """
        values = (
            self._job_id,
            to_column(intent.ref.bucket),
            self._key,
            self._endpoint,
            self._profile_id,
            intent.part_size,
            intent.size,
            to_column(intent.mark),
            to_column(intent.layout),
            int(intent.only_if_absent),
            to_time(datetime.now(UTC)),
        )

        def replace(connection: sqlite3.Connection) -> int:
            if connection.execute("SELECT 1 FROM jobs WHERE id = ?", (self._job_id,)).fetchone() is None:
                raise unknown_job(self._job_id)
            connection.execute("DELETE FROM uploads WHERE job_id = ? AND key = ?", (self._job_id, self._key))
            inserted = connection.execute(
                "INSERT INTO uploads (job_id, bucket, key, endpoint, profile_id, upload_id, part_size, size, mark,"
                " layout, only_if_absent, algorithm, completing, begun) VALUES (?,?,?,?,?,'',?,?,?,?,?,'',0,?)",
                values,
            )
            return int(inserted.lastrowid or 0)

        self._is_first = False
        # A single request leaves nothing unfinished behind: its row need only outlive the process.
        self._row = self._must(lambda: self._writer.write(replace, flush=intent.part_size > 0))

    def created(self, upload_id: str, algorithm: str) -> None:
        """See `PartLog.created`.

        Raises: DiskFull, SettingsInvalid: it was not written down, so no part may be sent.
        """
        row = self._row

        def note(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM parts WHERE upload = ?", (row,))
            changed = connection.execute(
                "UPDATE uploads SET upload_id = ?, algorithm = ?, completing = 0 WHERE id = ?",
                (to_column(upload_id), algorithm, row),
            )
            if not changed.rowcount:
                raise unknown_job(self._job_id)

        self._must(lambda: self._writer.write(note))

    def part_finished(self, part: PartResult) -> None:
        """See `PartLog.part_finished`. Takes microseconds and never fails."""
        row = self._row

        def note(connection: sqlite3.Connection) -> None:
            # From a SELECT: where the upload has ended meanwhile, nothing is inserted.
            connection.execute(
                "INSERT OR REPLACE INTO parts (upload, number, size, etag, checksum)"
                " SELECT id, ?, ?, ?, ? FROM uploads WHERE id = ?",
                (part.number, part.size, to_column(part.etag), to_column(part.checksum), row),
            )

        self._writer.later(note)

    def completing(self) -> None:
        """See `PartLog.completing`. Never fails."""
        row = self._row

        def note(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE uploads SET completing = 1 WHERE id = ?", (row,))

        self._try("that the upload is being completed", note, flush=True)

    def ended(self, *, completed: bool) -> None:
        """See `PartLog.ended`. Never fails; what could not be forgotten is settled with the bucket later."""
        row = self._row

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM uploads WHERE id = ?", (row,))

        self._try("that the upload was completed" if completed else "that the upload was given up", forget, flush=False)

    def _must(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except sqlite3.Error as exc:
            raise journal_error(exc, self._name) from exc
        except WriterClosed as exc:
            raise journal_error(sqlite3.ProgrammingError("closed"), self._name) from exc

    def _try(self, fact: str, work: Callable[[sqlite3.Connection], None], *, flush: bool) -> None:
        try:
            self._writer.write(work, flush=flush)
        except (sqlite3.Error, WriterClosed) as exc:
            _log.warning("the journal does not know %s: %r", fact, exc)


def _upload_record(row: tuple[Any, ...], parts: list[tuple[Any, ...]]) -> UploadRecord:
    bucket, key, size, part_size, mark, layout, only_if_absent, upload_id, algorithm, completing, begun = row
    return UploadRecord(
        intent=UploadIntent(
            ref=ObjectRef(from_column(bucket), from_column(key)),
            size=size,
            part_size=part_size,
            mark=from_column(mark),
            layout=from_column(layout),
            only_if_absent=bool(only_if_absent),
        ),
        upload_id=from_column(upload_id),
        algorithm=algorithm,
        parts=tuple(PartResult(number, n, from_column(etag), from_column(crc)) for number, n, etag, crc in parts),
        completing=bool(completing),
        begun=from_time(begun) or _EPOCH,
    )
