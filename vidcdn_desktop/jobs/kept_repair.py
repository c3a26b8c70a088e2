"""A repair that outlives its process: written down in the journal, claimed while it runs, made again after a start.

The row says which objects are meant and what became of those that are done with. What a killed run was doing to the
object at hand stands in its mark (`jobs.repair_marks`), and is cleaned up by whoever sees to that object next.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.keeping import OPEN_STATES, PRACTICE_ID, REPAIR, belongs_to, claimed
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.repair_batch import Outcome, Wish, outcomes_from
from vidcdn_desktop.jobs.repair_job import RepairJob, RepairSnapshot
from vidcdn_desktop.jobs.repair_report import RepairState
from vidcdn_desktop.storage.port import ObjectRef

_SAVE_EVERY_S = 2.0
"""Between two saves of a running job. What a kill loses is found out again: a repaired film starts at once already."""


class KeptRepair(RepairJob):
    """A repair with a row in the journal (if there is one), for a queue. Any thread may call any method."""

    def __init__(
        self,
        wishes: Sequence[Wish],
        means: Means,
        *,
        sizes: Mapping[str, int] | None = None,
        resend: bool = False,
        invalidate: bool = True,
        on_change: Callable[[RepairJob], None] | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
        job_id: str = "",
    ) -> None:
        self.means = means
        self._restored: JobRecord | None = None
        self._saved_at = 0.0
        self._keeping = threading.Lock()
        super().__init__(
            wishes,
            sizes=sizes,
            resend=resend,
            invalidate=invalidate,
            patience=means.patience,
            on_change=on_change,
            on_outcome=on_outcome,
            job_id=job_id,
        )

    def restore(self, record: JobRecord) -> None:
        """Take over from the journal what an earlier process knew. Called once, before anybody else has the job."""
        self._restored = record
        result = record.result if isinstance(record.result, Mapping) else {}
        for outcome in outcomes_from(result, record.bucket):
            self._outcomes[outcome.ref.key] = outcome
        self._snapshot = replace(
            self._snapshot,
            state=JobState.PAUSED,
            title=record.title or self._snapshot.title,
            created=record.created,
            priority=record.priority,
            connection_id=record.connection_id,
            whole_bytes=record.size,
            result=result,
        )

    bind = RepairJob.use

    def run(self) -> None:
        """Repair, with the row claimed. Blocks; never raises."""
        self._run_claimed(claimed(self.means.journal, self.id, self.keep), super().run)
        self.keep()

    def give_up(self) -> None:
        """Clean up behind a paused or failed repair. Blocks; never raises: what goes wrong is its error."""
        with contextlib.suppress(VidcdnError):
            super().give_up()
        self.keep()

    def _note(self, outcome: Outcome) -> None:
        super()._note(outcome)
        changed = outcome.error is not None or outcome.state is RepairState.REPAIRED
        if changed and time.monotonic() - self._saved_at >= _SAVE_EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Write it down as it is now."""
        journal = self.means.journal
        if journal is None:
            return
        with self._keeping:  # what is written last is the newest
            self._saved_at = time.monotonic()
            snapshot, old = self.snapshot(), self._restored
            if old is not None and self.connection is None:  # the row knows the connection's name
                journal.save_job(replace(old, state=snapshot.state.value, priority=snapshot.priority))
            else:
                journal.save_job(self._record(snapshot))

    def _record(self, snapshot: RepairSnapshot) -> JobRecord:
        """The row that describes it at this instant. No secret is in it."""
        connection = self.connection
        return JobRecord(
            id=snapshot.id,
            kind=REPAIR,
            state=snapshot.state.value,
            title=snapshot.title,
            connection_id=snapshot.connection_id,
            connection_name=connection.profile.name if connection else "",
            endpoint=connection.clients.endpoint if connection else "",
            bucket=snapshot.bucket,
            key=snapshot.place,
            size=snapshot.whole_bytes,
            options=self._options(),
            result=snapshot.result or (self.result() if self._outcomes else None),
            error=snapshot.error.to_json() if snapshot.error else None,
            ended=snapshot.finished,
            priority=snapshot.priority,
            created=snapshot.created or datetime.now(UTC),
        )

    def _options(self) -> dict[str, Any]:
        objects = [[wish.ref.key, wish.etag, self._sizes.get(wish.ref.key, 0)] for wish in self.wishes]
        return {"objects": objects, "resend": self.resend, "invalidate": self.invalidate}


def wishes_in(record: JobRecord) -> tuple[tuple[Wish, ...], dict[str, int]]:
    """The objects in a row, and their sizes by key; what makes no sense is left out."""
    wishes, sizes = [], {}
    objects = (record.options or {}).get("objects")
    for entry in objects if isinstance(objects, list) else ():
        match entry:
            case [str(key), str(etag), int(size)]:
                wishes.append(Wish(ObjectRef(record.bucket, key), etag))
                if size > 0:
                    sizes[key] = size
    return tuple(wishes), sizes


def repair_from(record: JobRecord, means: Means, on_change: Callable[[RepairJob], None] | None = None) -> KeptRepair:
    """A paused repair for a row of the journal. It is bound to a connection before it runs."""
    wishes, sizes = wishes_in(record)
    options = record.options or {}
    job = KeptRepair(
        wishes,
        means,
        sizes=sizes,
        resend=options.get("resend") is True,
        invalidate=options.get("invalidate") is not False,
        on_change=on_change,
        job_id=record.id,
    )
    job.restore(record)
    return job


def left_repairs(journal: Journal) -> list[JobRecord]:
    """Repairs that were under way when their process ended, oldest first. Waits for the disk.

    Those another running copy of the program is at are not among them. Those of a practice cloud that is gone are
    forgotten.
    """
    found = []
    for record in journal.unfinished():
        if record.kind != REPAIR or record.owned_elsewhere or record.state not in OPEN_STATES:
            continue
        if record.connection_id == PRACTICE_ID:
            journal.remove_job(record.id)
        elif wishes_in(record)[0]:
            found.append(record)
    return sorted(found, key=lambda record: record.created)


def unfinished_repair(journal: Journal, wishes: Sequence[Wish], connection: Connection) -> JobRecord | None:
    """The newest repair of exactly these objects through this connection that has not ended; None if there is none."""
    wanted = {wish.ref.key for wish in wishes}
    for record in journal.jobs():
        if record.kind == REPAIR and record.state in OPEN_STATES and not record.owned_elsewhere:
            same = {wish.ref.key for wish in wishes_in(record)[0]} == wanted
            if same and belongs_to(record, connection):
                return record
    return None
