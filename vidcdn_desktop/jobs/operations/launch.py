"""How an operation comes to be a job: from its plan, from the journal after a restart, or to take another one back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vidcdn_desktop.errors import CannotUndo, ConfirmationNeeded, SettingsInvalid
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.operations.job import OperationJob
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, Stage, item_from_inverse
from vidcdn_desktop.jobs.operations.plan import OperationPlan, changed_by, finished_plan
from vidcdn_desktop.jobs.operations.promise import handover_of, promise_of
from vidcdn_desktop.jobs.operations.rows import action_in, belongs_to_store, mark_in, undoes_in
from vidcdn_desktop.textsafe import plural

Changed = Callable[[OperationJob], None]
ItemDone = Callable[[Item], None]


def operation_job(
    plan: OperationPlan,
    means: Means,
    connection: Connection,
    *,
    confirmed: int | None = None,
    on_change: Changed | None = None,
    on_item: ItemDone | None = None,
) -> OperationJob:
    """The job of a plan, queued and bound; whoever runs the queue calls `run`.

    Args:
        plan: What was shown to the user.
        means: The journal and the patience.
        connection: Through which it goes.
        confirmed: The number of objects the user has typed, where the plan asks for it (`plan.confirm`).
        on_change: See `OperationJob`.
        on_item: See `OperationJob`.

    Raises: ConfirmationNeeded: the plan asks for a number, and this is not it.
    """
    if plan.confirm is not None and confirmed != plan.confirm:
        raise ConfirmationNeeded(
            f"{plural(plan.confirm, 'object')} would be gone for good.",
            "Nothing was changed.",
            f"Confirm it with the number {plan.confirm}, if that is what you want.",
            subject=plan.place,
            code=str(plan.confirm),
        )
    job = OperationJob(
        plan.action,
        plan.title,
        plan.bucket,
        plan.place,
        means,
        items=plan.items,
        promise=plan.undo.words,
        undoes=plan.undoes,
        mark=plan.mark,
        on_change=on_change,
        on_item=on_item,
    )
    job.bind(connection)
    return job


def operation_from(
    record: JobRecord, means: Means, on_change: Changed | None = None, on_item: ItemDone | None = None
) -> OperationJob:
    """A paused operation for a row of the journal. It is bound to a connection before it runs. Waits for the disk.

    Raises: SettingsInvalid: the row makes no sense, or the journal cannot be read.
    """
    action = action_in(record)
    if action is None:
        raise SettingsInvalid(
            "The record of this operation makes no sense.",
            "Nothing was changed.",
            "Look at the objects, and do it again.",
            subject=record.title,
        )
    job = OperationJob(
        action,
        record.title,
        record.bucket,
        record.key,
        means,
        promise=str((record.options or {}).get("promise") or ""),
        undoes=undoes_in(record),
        mark=mark_in(record),
        on_change=on_change,
        on_item=on_item,
        job_id=record.id,
    )
    job.restore(record)
    return job


def plan_undo(connection: Connection, journal: Journal, job_id: str) -> OperationPlan:
    """What taking an operation back would do, as a plan like any other. Blocks; nothing is written.

    What was done last is taken back first. An object that somebody has changed since is left alone when it runs.

    Raises: CannotUndo: there is nothing that could be taken back. SettingsInvalid: the journal cannot be read.
    """
    record = journal.job(job_id)
    action = action_in(record) if record is not None else None
    if record is None or action is None or action.kind is Kind.UNDO:
        raise _nothing(job_id, "There is no such operation in the record.")
    if record.connection_id == connection.profile.id:
        connection = connection.at(record.bucket)
    if not belongs_to_store(record, connection):
        raise _nothing(record.title, f"It was done through another connection ({record.connection_name}).")
    if record.owned_elsewhere:
        raise _nothing(record.title, "The operation is still running in another window.")
    items: list[Item] = []
    for item in reversed(journal.item_log(job_id).load()):
        if item.inverse is None or item.stage in (Stage.UNDONE, Stage.LEFT, Stage.PLANNED):
            continue
        try:
            back = item_from_inverse(len(items) + 1, item.inverse)
        except (ValueError, TypeError):
            continue
        items.append(replace(back, state={"undoes": item.number}))
    if not items:
        words = str((record.options or {}).get("promise") or "")
        raise _nothing(record.title, f"Nothing of it can be taken back. {words}".strip())
    undo = Action(Kind.UNDO)
    return finished_plan(
        connection,
        OperationPlan(
            undo,
            record.bucket,
            record.title,
            record.key,
            tuple(items),
            promise_of(undo, items, None, 0),
            changed_keys=changed_by(undo, items, set(), connection.profile.bucket),
            handover=handover_of(undo, items),
            notes=("Objects that somebody has changed since are left alone.",),
            undoes=job_id,
            mark=undo_mark(job_id),
        ),
    )


def undo_mark(job_id: str) -> str:
    """The mark of the plan that takes a job back; see `OperationPlan.mark`."""
    return f"undo {job_id}"


def _nothing(subject: str, what: str) -> CannotUndo:
    return CannotUndo(what, "Nothing was changed.", "Look at the objects, and change them by hand.", subject=subject)
