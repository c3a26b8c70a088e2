"""Uploads and downloads of many files in the window: beside the publishes, on the same queue and the same threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidcdn_desktop.gui.joblist import JobList, SideJob
from vidcdn_desktop.jobs.batch import BatchJob
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.fetch_job import FetchJob, fetch_from
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import FETCH
from vidcdn_desktop.jobs.put_job import PutJob, put_from
from vidcdn_desktop.jobs.put_plan import PutPlan
from vidcdn_desktop.storage.port import ObjectRef


class Batches(JobList):
    """The list of such jobs as the window sees it; its snapshots are `BatchSnapshot`."""

    _WORDS = ("job", "moved")

    def put(self, plan: PutPlan, connection: Connection, cache_control: str) -> str:
        """Upload what a plan says; gives the job's id, empty if there is nothing to do."""
        if not plan.files or self._closing:
            return ""
        return self._begin(PutJob(plan, self._means, cache_control=cache_control, on_change=self._tell), connection)

    def fetch(self, wishes: Sequence[ObjectRef], folder: Path, connection: Connection) -> str:
        """Download objects, and all below prefixes, into a folder; gives the job's id, empty if nothing is wished."""
        if not wishes or self._closing:
            return ""
        return self._begin(FetchJob(wishes, folder, self._means, on_change=self._tell), connection)

    def _begin(self, job: BatchJob, connection: Connection) -> str:
        job.bind(connection)
        self._put_in(job)
        self._enqueue(job)
        return job.id

    def told(self, job_id: str) -> None:
        """The CDN has been told to forget the old copies of one."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.forget_stale()
            self._calls.put(job.keep)

    def restore(self, found: Sequence[JobRecord]) -> list[str]:
        """Show what an earlier run of the program was at, as paused jobs; gives their ids."""
        fresh = [record for record in found if record.id not in self._jobs and not self._closing]
        for record in fresh:
            again = fetch_from if record.kind == FETCH else put_from
            self._put_in(again(record, self._means, self._tell))
        return [record.id for record in fresh]

    def _give_up(self, job: SideJob) -> None:
        """What a killed run has left is in the bucket, so its connection is needed."""
        if self._is_bound(job, super()._give_up):
            super()._give_up(job)
