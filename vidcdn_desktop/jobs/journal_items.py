"""The journal as an `ItemLog`: how far each object of an operation is, and how it is taken back."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from vidcdn_desktop.jobs.journal_errors import journal_error, unknown_job
from vidcdn_desktop.jobs.journal_record import from_column, to_column
from vidcdn_desktop.jobs.journal_schema import ITEM_COLUMNS
from vidcdn_desktop.jobs.journal_writer import JournalWriter, WriterClosed
from vidcdn_desktop.jobs.operations.model import Item, Stage, action_from, error_from
from vidcdn_desktop.storage.port import ObjectRef

_log = logging.getLogger(__name__)

_MEANING = "Nothing was changed in the bucket."
_INSERT = (
    f"INSERT INTO items ({', '.join(ITEM_COLUMNS)})"  # noqa: S608 - our own names
    f" VALUES ({', '.join(f':{name}' for name in ITEM_COLUMNS)})"
)
_CHANGING = ("stage", "inverse", "state", "error", "note", "etag", "version_id")
_UPDATE = (
    f"UPDATE items SET {', '.join(f'{name} = :{name}' for name in _CHANGING)}"  # noqa: S608 - our own names
    " WHERE job_id = :job_id AND number = :number"
)


class JournalItemLog:
    """Implements `ItemLog` for one job. The job must be saved, and claimed by whoever writes.

    Args:
        writer: The journal's.
        name: Of its file, for errors.
        job_id: Of the operation.
    """

    def __init__(self, writer: JournalWriter, name: str, job_id: str) -> None:
        self._writer = writer
        self._name = name
        self._job_id = job_id

    def load(self) -> list[Item]:
        """See `ItemLog.load`. A row that makes no sense is left out: nothing is done by it."""

        def look(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(
                f"SELECT {', '.join(ITEM_COLUMNS)} FROM items WHERE job_id = ? ORDER BY number",  # noqa: S608
                (to_column(self._job_id),),
            ).fetchall()

        found = []
        for values in self._must(lambda: self._writer.read(look)):
            try:
                found.append(_item(dict(zip(ITEM_COLUMNS, values, strict=True))))
            except (ValueError, TypeError, KeyError) as exc:
                _log.warning("an item of %s is left out: %r", self._job_id, exc)
        return found

    def begin(self, items: Sequence[Item]) -> None:
        """See `ItemLog.begin`."""
        rows = [self._row(item) for item in items]

        def insert(connection: sqlite3.Connection) -> None:
            job = (to_column(self._job_id),)
            if connection.execute("SELECT 1 FROM jobs WHERE id = ?", job).fetchone() is None:
                raise unknown_job(self._job_id)
            connection.execute("DELETE FROM items WHERE job_id = ?", job)
            connection.executemany(_INSERT, rows)

        self._must(lambda: self._writer.write(insert))

    def before(self, items: Iterable[Item]) -> None:
        """See `ItemLog.before`."""
        rows = [self._row(item) for item in items]

        def update(connection: sqlite3.Connection) -> None:
            changed = connection.executemany(_UPDATE, rows)
            if changed.rowcount != len(rows):
                raise unknown_job(self._job_id)

        self._must(lambda: self._writer.write(update))

    def after(self, items: Iterable[Item]) -> None:
        """See `ItemLog.after`."""
        rows = [self._row(item) for item in items]

        def update(connection: sqlite3.Connection) -> None:
            connection.executemany(_UPDATE, rows)

        try:
            self._writer.write(update, flush=False)
        except (sqlite3.Error, WriterClosed) as exc:
            _log.warning("the journal does not know what was done: %r", exc)

    def _row(self, item: Item) -> dict[str, Any]:
        return {
            "job_id": to_column(self._job_id),
            "number": item.number,
            "bucket": to_column(item.ref.bucket),
            "key": to_column(item.ref.key),
            "target_bucket": to_column(item.target.bucket) if item.target else None,
            "target": to_column(item.target.key) if item.target else None,
            "size": item.size,
            "etag": to_column(item.etag),
            "version_id": to_column(item.version_id),
            "action": _to_json(item.action.to_json() if item.action else None),
            "stage": item.stage.value,
            "inverse": _to_json(item.inverse),
            "state": _to_json(item.state or None),
            "error": _to_json(item.error.to_json() if item.error else None),
            "note": to_column(item.note),
        }

    def _must(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except sqlite3.Error as exc:
            raise journal_error(exc, self._name, _MEANING) from exc
        except WriterClosed as exc:
            raise journal_error(sqlite3.ProgrammingError("closed"), self._name, _MEANING) from exc


def _to_json(value: Any) -> str | None:
    # Escaped to ASCII: so every key goes through. Keys are kept as they are, even one that looks like a signed address.
    return None if value is None else json.dumps(value, separators=(",", ":"))


def _item(row: dict[str, Any]) -> Item:
    action, inverse, state, error = (json.loads(row[n]) if row[n] else None for n in _JSON)
    target = None
    if row["target"] is not None:
        target = ObjectRef(from_column(row["target_bucket"] or ""), from_column(row["target"]))
    return Item(
        row["number"],
        ObjectRef(from_column(row["bucket"]), from_column(row["key"])),
        row["size"],
        from_column(row["etag"]),
        from_column(row["version_id"]),
        target,
        action_from(action) if action else None,
        Stage(row["stage"]),
        inverse,
        state or {},
        error_from(error),
        from_column(row["note"]),
    )


_JSON = ("action", "inverse", "state", "error")


def jobs_with_inverse(connection: sqlite3.Connection) -> set[str]:
    """Ids of jobs with an item that can be taken back and was not yet."""
    stages = (Stage.UNDONE.value, Stage.LEFT.value, Stage.PLANNED.value)
    rows = connection.execute(
        "SELECT DISTINCT job_id FROM items WHERE inverse IS NOT NULL AND stage NOT IN (?, ?, ?)", stages
    ).fetchall()
    return {from_column(row[0]) for row in rows}
