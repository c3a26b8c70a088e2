"""What the window says about handing an operation over to the store. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from vidcdn_desktop.gui.widgets import Fact
from vidcdn_desktop.jobs.operations.handover import Handover
from vidcdn_desktop.jobs.operations.handover_book import KeptHandover
from vidcdn_desktop.storage.control import BatchState, BatchStatus
from vidcdn_desktop.textsafe import display, plural

_STATES = {
    BatchState.PREPARING: "Being prepared",
    BatchState.WAITING: "Waits for you",
    BatchState.RUNNING: "Running",
    BatchState.COMPLETE: "Complete",
    BatchState.FAILED: "Failed",
    BatchState.CANCELLED: "Cancelled",
}


def why_not(handover: Handover, *, has_batch: bool) -> str:
    """Why no job can be prepared, in a sentence; empty: one can."""
    if not has_batch:
        return "This store has no S3 Batch Operations."
    if handover.is_possible:
        return ""
    return handover.cannot or "No object is left that a job could do."


def facts(handover: Handover) -> list[Fact]:
    """What there is to know before a job is prepared."""
    rows = [
        Fact("Does", handover.does),
        Fact("Objects", f"{len(handover.items):,}" if handover.items else ""),
        Fact("Differs", " ".join(handover.remarks)),
        Fact("Undo", "What the job has done, this program cannot take back.", "warning"),
        Fact("Cost", handover.cost),
        Fact("Lifecycle", handover.rule_does),
        Fact(
            "Then", "The job waits until you let it begin. It runs inside the store, also while this computer is off."
        ),
    ]
    return [row for row in rows if row.value]


def state(status: BatchStatus | None) -> str:
    """How far a job is, in a word or two."""
    if status is None:
        return "Not known yet"
    return _STATES.get(status.state, display(status.word, 40))


def counts(kept: KeptHandover, status: BatchStatus | None) -> str:
    """Done, of how many, and what failed."""
    if status is None:
        return plural(kept.objects, "object")
    words = f"{status.done:,} of {status.total or kept.objects:,}"
    return f"{words}, {status.failed:,} failed" if status.failed else words


def about(kept: KeptHandover, status: BatchStatus | None) -> str:
    """The lines below the list."""
    if not kept.job_id:
        return "It was asked for, and no answer came. Look for it in the console of S3, under Batch Operations."
    lines = []
    if status is not None and status.state is BatchState.WAITING:
        lines.append(f"Prepared for {plural(status.total, 'object')}. It begins when you let it.")
    if status is not None and status.state is BatchState.COMPLETE and status.failed:
        lines.append("What failed stands in the report.")
    lines += [display(reason, 300) for reason in (status.reasons if status is not None else ())]
    return " ".join([*lines, f"Job {display(kept.job_id, 60)}. Report: {display(kept.report, 200)}"])


def reminder(statuses: Sequence[BatchStatus]) -> str:
    """What a connection that was just opened has at the store; empty: nothing."""
    waiting = sum(status.state is BatchState.WAITING for status in statuses)
    if waiting:
        return f"{plural(waiting, 'job')} of the store {'waits' if waiting == 1 else 'wait'} until you let it begin"
    return f"{plural(len(statuses), 'job')} of the store under way" if statuses else ""
