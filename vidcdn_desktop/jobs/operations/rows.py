"""Operations and the journal: the row of one, those that were interrupted, and those that can be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.keeping import OPEN_STATES, OPERATION, PRACTICE_ID
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Action, Kind, Stage, action_from
from vidcdn_desktop.jobs.operations.report import OperationSnapshot


def record_of(snapshot: OperationSnapshot, action: Action, mark: str, connection: Connection | None) -> JobRecord:
    """The row that describes an operation at this instant. No secret is in it."""
    return JobRecord(
        id=snapshot.id,
        kind=OPERATION,
        state=snapshot.state.value,
        title=snapshot.title,
        connection_id=snapshot.connection_id,
        connection_name=connection.profile.name if connection else "",
        endpoint=connection.clients.endpoint if connection else "",
        bucket=snapshot.bucket,
        key=snapshot.place,
        size=snapshot.whole_bytes,
        options={
            "action": action.to_json(),
            "promise": snapshot.undo_words,
            "undoes": snapshot.undoes,
            "mark": mark,
        },
        result=snapshot.result,
        error=snapshot.error.to_json() if snapshot.error else None,
        ended=snapshot.finished,
        priority=snapshot.priority,
        created=snapshot.created or datetime.now(UTC),
    )


def action_in(record: JobRecord) -> Action | None:
    """What the operation of a row does; None for other jobs, and where it makes no sense."""
    saved = (record.options or {}).get("action")
    if record.kind != OPERATION or not isinstance(saved, dict):
        return None
    try:
        return action_from(saved)
    except (ValueError, TypeError):
        return None


def undoes_in(record: JobRecord) -> str:
    """Id of the job that an undo takes back; empty for anything else."""
    return _text_in(record, "undoes")


def mark_in(record: JobRecord) -> str:
    """What tells the wish an operation was planned for; empty where that is not known."""
    return _text_in(record, "mark")


def _text_in(record: JobRecord, name: str) -> str:
    value = (record.options or {}).get(name)
    return value if isinstance(value, str) else ""


def unfinished_operation(journal: Journal, mark: str, connection: Connection) -> JobRecord | None:
    """The newest operation of the same wish through this connection that stands in the middle; None if there is none.

    One that has failed counts only where objects of it are half done: what a move has copied would else be in its way.

    Raises: SettingsInvalid: the journal cannot be read.
    """
    for record in journal.jobs():
        if record.kind != OPERATION or mark_in(record) != mark or not belongs_to_store(record, connection):
            continue
        items = journal.item_log(record.id).load()
        if record.state in OPEN_STATES and items:
            return record
        halves = (Stage.BEGUN, Stage.COPIED, Stage.DELETING)
        failed = record.state == JobState.FAILED.value
        if failed and any(item.stage in halves for item in items):
            return record
        return None
    return None


def belongs_to_store(record: JobRecord, connection: Connection) -> bool:
    """Whether an operation goes on, or is taken back, through this connection: same account entry, same store."""
    return (record.connection_id, record.endpoint) == (connection.profile.id, connection.clients.endpoint)


def give_up_row(journal: Journal, job_id: str) -> None:
    """Note that an operation that stands in the middle is not to be gone on with: it is being taken back."""
    record = journal.job(job_id)
    if record is not None and record.state in OPEN_STATES and not record.owned_elsewhere:
        journal.save_job(replace(record, state=JobState.CANCELLED.value, ended=datetime.now(UTC)))


def left_operations(journal: Journal) -> list[JobRecord]:
    """Operations that were under way when their process ended, oldest first. Waits for the disk.

    Those another running copy of the program is at are not among them. Those of a practice cloud that is gone are
    forgotten.

    Raises: SettingsInvalid: the journal cannot be read.
    """
    found = []
    for record in journal.unfinished():
        if record.kind != OPERATION or record.owned_elsewhere or record.state not in OPEN_STATES:
            continue
        if record.connection_id == PRACTICE_ID or not journal.item_log(record.id).load():
            journal.remove_job(record.id)  # of one without items nothing was begun
        elif action_in(record) is not None:
            found.append(record)
    return sorted(found, key=lambda record: record.created)


def undoable(journal: Journal, limit: int = 1000) -> list[JobRecord]:
    """Operations of which something can be taken back, newest first. Waits for the disk.

    Raises: SettingsInvalid: the journal cannot be read.
    """
    with_inverse = journal.undoable_jobs()
    found = []
    for record in journal.jobs(limit):
        action = action_in(record)
        if action is None or action.kind is Kind.UNDO or record.owned_elsewhere:
            continue
        if record.id in with_inverse:
            found.append(record)
    return found
