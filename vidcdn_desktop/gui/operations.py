"""The operations of the window: beside the publishes, on the same queue and the same threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.bridge_threads import Calls
from vidcdn_desktop.gui.joblist import JobList, SideJob
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.journal_record import without_signed_queries
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState, report_json
from vidcdn_desktop.jobs.operations.job import OperationJob
from vidcdn_desktop.jobs.operations.launch import operation_from, operation_job, plan_undo
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.queue import JobQueue
from vidcdn_desktop.jobs.states import ENDED


@dataclass(frozen=True)
class Consent:
    """A plan the user has agreed to."""

    plan: OperationPlan
    connection: Connection
    confirmed: int | None = None
    """The number that was typed, where objects would be gone for good."""
    invalidate: bool = False
    """The CDN is to forget the old copies afterwards."""


class Operations(JobList):
    """The list of operations as the window sees it; its snapshots are `OperationSnapshot`."""

    begun = Signal(object)
    """(Consent, str id): the job of what was agreed to is in the list."""
    failed = Signal(object)
    """VidcdnError: something could not be begun or read, so no job can tell it."""
    reported = Signal(str)
    """What became of every object of one, as JSON."""

    _WORDS = ("operation", "done")

    def __init__(
        self,
        jobs: JobQueue,
        calls: Calls,
        means: Means,
        connection: Callable[[], Connection | None],
        parent: QObject,
    ) -> None:
        """See `JobList`."""
        super().__init__(jobs, calls, means, connection, parent)
        self._to_invalidate: set[str] = set()
        """Ids of jobs after which the CDN is to forget the old copies."""
        self._taken_back: set[str] = set()
        self._told: dict[str, JobState] = {}
        """Which state of each the window was told last."""

    def _tell(self, job: object) -> None:
        """Called by the core in any thread, for every object: of one that just goes on the timer tells enough."""
        assert isinstance(job, OperationJob)
        state, before = job.state, self._told.get(job.id)
        if state is JobState.RUNNING and before is state:
            return
        self._told[job.id] = state
        super()._tell(job)

    # Beginning
    def add(self, consent: Consent) -> None:
        """Begin what the user has agreed to; `added` tells when it is in the list."""
        if not self._closing:
            # A plan may have a hundred thousand objects, and the job counts them.
            run_in_background(self, lambda: (self._made(consent), consent), self._on_made, self._on_failed)

    def _made(self, consent: Consent) -> OperationJob:
        connection = consent.connection.at(consent.plan.bucket)  # an undo may be about another than the open one
        return operation_job(consent.plan, self._means, connection, confirmed=consent.confirmed, on_change=self._tell)

    @Slot(object)
    def _on_made(self, made: tuple[OperationJob, Consent]) -> None:
        job, consent = made
        if self._closing:
            return
        if consent.invalidate:
            self._to_invalidate.add(job.id)
        self._put_in(job)
        self._enqueue(job)
        self.begun.emit((consent, job.id))

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self.failed.emit(error)

    def undo_plan(self, job_id: str, connection: Connection) -> OperationPlan:
        """What taking one back would do. Blocks; for a thread of its own.

        Raises: see `plan_undo`; SettingsInvalid also where nothing is written down.
        """
        if self._means.journal is None:
            raise SettingsInvalid(
                "Nothing is written down in this session, so nothing can be taken back.",
                "Nothing was changed.",
                "Look at the objects, and change them by hand.",
            )
        return plan_undo(connection, self._means.journal, job_id)

    # What an earlier run has left
    def again(self, record: JobRecord) -> OperationJob | None:
        """The job of a row, or None if it is in the list already. Reads the disk; any thread.

        Raises: SettingsInvalid: the row makes no sense.
        """
        return None if record.id in self._jobs else operation_from(record, self._means, self._tell)

    def restore(self, found: Sequence[OperationJob]) -> None:
        """Show what an earlier run of the program was at, as paused operations."""
        for job in found:
            if job.id not in self._jobs and not self._closing:
                self._put_in(job)

    def take_up(self, record: JobRecord) -> None:
        """Make one of an earlier run live again; `added` tells when it is."""
        run_in_background(self, lambda: self.again(record), self._on_taken_up, self._on_failed)

    @Slot(object)
    def _on_taken_up(self, job: OperationJob | None) -> None:
        if job is not None:
            self.restore([job])

    # What became of it
    def is_taken_back(self, job_id: str) -> bool:
        """Whether all of it was undone in this session."""
        return job_id in self._taken_back

    def write_report(self, subject: OperationSnapshot | JobRecord) -> None:
        """Put together what became of every object; `reported` brings it."""
        job, journal = self._jobs.get(subject.id), self._means.journal

        def read() -> str:
            facts = report_json(subject)
            items = job.items if job is not None else journal.item_log(subject.id).load() if journal else ()
            facts["objects"] = [item.to_json() for item in items]
            return json.dumps(without_signed_queries(facts), indent=2, ensure_ascii=False)

        run_in_background(self, read, self._on_read, self._on_failed)

    @Slot(object)
    def _on_read(self, text: str) -> None:
        self.reported.emit(text)

    @Slot(object)
    def _on_core_changed(self, job: SideJob) -> None:
        assert isinstance(job, OperationJob)
        snapshot = job.snapshot()
        if snapshot.state is JobState.PUBLISHED and snapshot.undoes:
            self._taken_back.add(snapshot.undoes)
        super()._on_core_changed(job)
        if job.id in self._to_invalidate and snapshot.state in ENDED:
            self._to_invalidate.discard(job.id)
            token = CancelToken()
            run_in_background(self, lambda: job.invalidate(token), self._on_invalidated, self._on_failed, token=token)

    @Slot(object)
    def _on_invalidated(self, _made: object) -> None:
        """The job itself tells that nothing of it is stale any more."""

    def _give_up(self, job: SideJob) -> None:
        """What a killed run has left is in the bucket, so its connection is needed."""
        if self._is_bound(job, super()._give_up):
            super()._give_up(job)
