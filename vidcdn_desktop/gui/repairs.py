"""The repairs of the window: beside the publishes, on the same queue and the same threads."""

from __future__ import annotations

from collections.abc import Sequence

from vidcdn_desktop.gui.joblist import JobList, SideJob
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.kept_repair import KeptRepair, repair_from
from vidcdn_desktop.jobs.repair_batch import RepairPlan
from vidcdn_desktop.jobs.repair_report import RepairState


class Repairs(JobList):
    """The list of repairs as the window sees it; its snapshots are `RepairSnapshot`."""

    _WORDS = ("repair", "repaired")

    def add(self, plan: RepairPlan, *, invalidate: bool) -> str:
        """Repair what a plan says would be repaired, through the plan's connection; gives the job's id.

        `invalidate`: remove cached copies of each from the CDN. Empty if there is nothing to do.
        """
        wishes = plan.wishes()
        if not wishes or self._closing:
            return ""
        planned = (o.report for o in plan.outcomes if o.report is not None and o.state is RepairState.WOULD)
        sizes = {report.ref.key: report.size for report in planned}
        job = KeptRepair(wishes, self._means, sizes=sizes, invalidate=invalidate, on_change=self._tell)
        job.bind(plan.connection)
        self._put_in(job)
        self._enqueue(job)
        return job.id

    def restore(self, found: Sequence[JobRecord]) -> list[str]:
        """Show what an earlier run of the program was at, as paused repairs; gives their ids."""
        fresh = [record for record in found if record.id not in self._jobs and not self._closing]
        for record in fresh:
            self._put_in(repair_from(record, self._means, self._tell))
        return [record.id for record in fresh]

    def _give_up(self, job: SideJob) -> None:
        """What a killed run has left is in the bucket, so its connection is needed."""
        if self._is_bound(job, super()._give_up):
            super()._give_up(job)
