"""Jobs counted by what they mean to the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.delivery.model import Severity
from vidcdn_desktop.jobs.batch_report import BatchSnapshot
from vidcdn_desktop.jobs.download import DownloadSnapshot
from vidcdn_desktop.jobs.model import JobSnapshot, JobState
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.repair_job import RepairSnapshot
from vidcdn_desktop.jobs.states import BUSY, RUNNING

BesideSnapshot = DownloadSnapshot | RepairSnapshot | OperationSnapshot | BatchSnapshot
"""A job that runs beside the publishes."""


@dataclass(frozen=True)
class Counts:
    """What the footer and the rail badge say."""

    total: int = 0
    looking: int = 0
    ready: int = 0
    waiting: int = 0
    running: int = 0
    paused: int = 0
    live: int = 0
    """Published and seen through the CDN, or published where there is no CDN."""
    attention: int = 0
    """Refused, failed, or published but not served rightly."""
    downloads: int = 0
    """Downloads, uploads as they are, repairs and operations that run or wait."""
    paused_downloads: int = 0
    """The same, paused."""
    fraction: float | None = None
    """Of all bytes of the running jobs and downloads, 0..1."""

    @property
    def busy(self) -> int:
        """Jobs that closing the window would stop."""
        return self.waiting + self.running + self.downloads

    @property
    def resumable(self) -> int:
        """Jobs and downloads that go on with "Resume all"."""
        return self.paused + self.paused_downloads


def is_live(snapshot: JobSnapshot) -> bool:
    """Published, and served rightly as far as that was asked."""
    result = snapshot.result
    if snapshot.state is not JobState.PUBLISHED or result is None:
        return False
    return result.verified is None or result.verified.ok


def is_unfinished(snapshot: JobSnapshot | BesideSnapshot) -> bool:
    """Stopped on its way, with something to go on from: it is resumed or discarded, not removed."""
    return snapshot.state is JobState.PAUSED or (snapshot.state is JobState.FAILED and snapshot.kept_bytes > 0)


def delivery_problem(snapshot: JobSnapshot) -> str:
    """What the edge does wrong with a published video, in one sentence; empty if nothing."""
    result = snapshot.result
    if result is None or result.verified is None or result.verified.ok:
        return ""
    problems = [f.text for f in result.verified.findings if f.severity is Severity.PROBLEM]
    return problems[0] if problems else "The CDN serves something else."


def count(snapshots: Sequence[JobSnapshot], downloads: Sequence[BesideSnapshot] = ()) -> Counts:
    """Count publishes, and what runs beside them, by what they mean to the user."""
    states = [s.state for s in snapshots]
    running = [s for s in snapshots if s.state in RUNNING]
    done = total = 0
    for progress in [*(s.progress for s in running), *(s.progress for s in downloads)]:
        if progress is not None and progress.total_bytes:
            done += progress.done_bytes
            total += progress.total_bytes
    live = sum(is_live(s) for s in snapshots)
    published = states.count(JobState.PUBLISHED)
    return Counts(
        total=len(snapshots),
        looking=states.count(JobState.INSPECTING),
        ready=states.count(JobState.READY),
        waiting=states.count(JobState.QUEUED),
        running=len(running),
        paused=states.count(JobState.PAUSED),
        live=live,
        attention=states.count(JobState.FAILED) + states.count(JobState.REFUSED) + published - live,
        downloads=sum(s.state in BUSY for s in downloads),
        paused_downloads=sum(s.state is JobState.PAUSED for s in downloads),
        fraction=done / total if total else None,
    )
