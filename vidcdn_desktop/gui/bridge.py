"""Between the jobs of the core and the widgets: one QObject on the GUI thread, and the QThreads the jobs run on.

    GUI thread            "look" QThreads                     "publish" QThreads
    JobBridge  ─ put ──>  inspect, first thumbnail, frames
               ─ put ─────────────────────────────────────>   fast start, upload, thumbnail, invalidate, verify
               <─ queued signal "this job changed" ────────   (from whichever thread changed it)

State changes are pushed through one queued signal; bytes are pulled by a 10 Hz timer that runs only while jobs do.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.batches import Batches
from vidcdn_desktop.gui.bridge_calls import (
    Bind,
    GiveUp,
    Look,
    LookAgain,
    MakePoster,
    is_its_own,
    may_go_through,
)
from vidcdn_desktop.gui.bridge_threads import Calls, JobThread, LookThread
from vidcdn_desktop.gui.downloads import Downloads
from vidcdn_desktop.gui.joblist import JobList
from vidcdn_desktop.gui.models.counts import Counts, count
from vidcdn_desktop.gui.operations import Operations
from vidcdn_desktop.gui.repairs import Repairs
from vidcdn_desktop.jobs.again import job_from
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.intake import expand
from vidcdn_desktop.jobs.job import Job
from vidcdn_desktop.jobs.journal import JobRecord, Journal, OpenUpload
from vidcdn_desktop.jobs.means import ENDLESS, Means
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishOptions
from vidcdn_desktop.jobs.publish import PublishJob
from vidcdn_desktop.jobs.queue import JobQueue
from vidcdn_desktop.jobs.states import BUSY, ENDED, RUNNING
from vidcdn_desktop.media.ffmpeg import Tools
from vidcdn_desktop.media.poster import film_poster

PARALLEL_JOBS = 2
"""Two films at once keep the line full while one of them is between its steps."""

_LOOKERS = 2
_PULL_MS = 100
_FRAME_WIDTH = 640


@dataclass(frozen=True)
class FrameReady:
    """A frame of a film, for scrubbing."""

    job_id: str
    at_s: float
    jpeg: bytes
    """Empty if no frame could be decoded there."""


class JobBridge(QObject):
    """The list of jobs as the window sees it. Every method is called on the GUI thread and returns at once."""

    job_added = Signal(object)
    """JobSnapshot."""
    job_changed = Signal(object)
    """JobSnapshot; also ten times a second while it runs."""
    job_removed = Signal(str)
    """Job id."""
    jobs_reordered = Signal()
    counts_changed = Signal(object)
    """Counts."""
    frame_ready = Signal(object)
    """FrameReady."""
    all_stopped = Signal()
    """After `shut_down`: every thread has ended."""

    restored = Signal(int)
    """How many jobs an earlier run of the program had left, now in the list as paused."""

    _core_changed = Signal(object)
    _expanded = Signal(object)
    _frame = Signal(object)

    def __init__(self, tools: Tools, parent: QObject | None = None, *, means: Means | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._means = means or Means(tools, patience=ENDLESS)
        self._jobs: dict[str, PublishJob] = {}
        self._connection: Connection | None = None
        self._queue = JobQueue()
        self._calls: Calls = queue.SimpleQueue()
        self._frame_token = CancelToken()
        self._counts = Counts()
        self._closing = False
        self._core_changed.connect(self._on_core_changed, Qt.ConnectionType.QueuedConnection)
        self._expanded.connect(self._on_expanded, Qt.ConnectionType.QueuedConnection)
        self._frame.connect(self._on_frame, Qt.ConnectionType.QueuedConnection)
        self._pull = QTimer(self)
        self._pull.setInterval(_PULL_MS)
        self._pull.timeout.connect(self._on_pull)
        self.downloads = Downloads(self._queue, self._calls, self._means, self._current_connection, self)
        """What comes down, beside what goes up."""
        self.repairs = Repairs(self._queue, self._calls, self._means, self._current_connection, self)
        """What is made to start at once inside the bucket."""
        self.operations = Operations(self._queue, self._calls, self._means, self._current_connection, self)
        """What is done to many objects inside the bucket."""
        self.batches = Batches(self._queue, self._calls, self._means, self._current_connection, self)
        """Many files as one job, up or down."""
        self._beside: tuple[JobList, ...] = (self.downloads, self.repairs, self.operations, self.batches)
        for jobs in self._beside:
            for signal in (jobs.added, jobs.changed, jobs.removed):
                signal.connect(self._on_beside)
        self._threads: list[QThread] = [JobThread(self._queue, self) for _ in range(PARALLEL_JOBS)]
        self._threads += [LookThread(self._calls, self) for _ in range(_LOOKERS)]
        for thread in self._threads:
            thread.finished.connect(self._on_thread_finished)
            thread.start()

    # What the window reads
    def snapshots(self) -> list[JobSnapshot]:
        """All jobs in the order of the list."""
        return [job.snapshot() for job in self._jobs.values()]

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """One job."""
        job = self._jobs.get(job_id)
        return job.snapshot() if job else None

    def needs_connection(self, job_id: str) -> str:
        """Id of the connection that must be opened before a job can go on or be discarded; empty if none must be."""
        job = self._jobs.get(job_id)
        if job is None or is_its_own(job, self._connection):
            return ""
        return job.snapshot().connection_id

    def counts(self) -> Counts:
        """What the footer says."""
        return self._counts

    # What the user does
    def set_connection(self, connection: Connection | None) -> None:
        """Where publishes go from now on. Jobs that run keep the one they have."""
        self._connection = connection
        if connection is None:
            return
        for job in self._jobs.values():
            if job.state not in BUSY and job.state is not JobState.PUBLISHED and may_go_through(job, connection):
                self._calls.put(Bind(job, connection))

    def add_paths(self, paths: list[Path], options: PublishOptions) -> None:
        """Add files, and the videos inside folders."""
        if self._closing:
            return
        self._calls.put(lambda: self._expanded.emit((expand(paths), options)))

    def publish(self, job_ids: list[str]) -> None:
        """Queue jobs that are ready, failed or cancelled."""
        for job_id in job_ids:
            job = self._jobs.get(job_id)
            if job is None or self._closing or job.connection is None:
                continue
            startable = (JobState.READY, JobState.PAUSED, JobState.FAILED, JobState.CANCELLED)
            if job.state in startable and job.info is not None and job.snapshot().plan is not None:
                self._enqueue(job)

    def publish_all(self) -> None:
        """Queue every job that is ready."""
        self.publish([job.id for job in self._jobs.values() if job.state is JobState.READY])

    def retry(self, job_id: str) -> None:
        """Look at the file again, then publish it."""
        job = self._jobs.get(job_id)
        if job is None or self._closing or job.state not in ENDED:
            return
        wanted = self._queue if job.state is not JobState.REFUSED else None
        self._calls.put(LookAgain(job, wanted, self._current_connection))

    def pause(self, job_id: str) -> None:
        """Stop a job and keep what it has sent; harmless if it is not under way."""
        job = self._jobs.get(job_id)
        if job is not None:
            self._queue.withdraw(job)
            job.pause()
            self._calls.put(job.keep)

    def pause_all(self) -> None:
        """Pause every job that is under way or waits, downloads and repairs too."""
        for jobs in self._beside:
            jobs.pause_all()
        for job in list(self._jobs.values()):
            if job.state in BUSY:
                self.pause(job.id)

    def resume(self, job_id: str) -> None:
        """Go on with a paused job, or one that failed and has kept what it sent."""
        job = self._jobs.get(job_id)
        if job is None or self._closing or job.state not in (JobState.PAUSED, JobState.FAILED):
            return
        if job.info is not None and job.connection is not None and job.state is JobState.PAUSED:
            self._enqueue(job)
        else:  # from an earlier run of the program: its file may be another one by now
            self._calls.put(LookAgain(job, self._queue, self._current_connection))

    def resume_all(self) -> None:
        """Go on with every paused job, downloads and repairs too."""
        for jobs in self._beside:
            jobs.resume_all()
        for job in list(self._jobs.values()):
            if job.state is JobState.PAUSED:
                self.resume(job.id)

    def try_now(self, job_id: str) -> None:
        """Do not wait any longer for the next try; harmless if nothing waits."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.try_now()

    def try_all_now(self) -> None:
        """Do not wait any longer, with no job at all."""
        for jobs in self._beside:
            jobs.try_all_now()
        for job in self._jobs.values():
            job.try_now()

    def set_priority(self, job_id: str, priority: int) -> None:
        """Say how soon a waiting job runs: 1 first, 0 as usual, -1 last."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.set_priority(priority)
            self._calls.put(job.keep)

    def set_limit(self, bytes_per_s: int | None, job_id: str = "") -> None:
        """Hold the bandwidth down, of all jobs or of one; None for as fast as it goes. At once, also while sending."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.limiter.set_rate(bytes_per_s)
        elif not job_id:
            self._means.limiter.set_rate(bytes_per_s)

    @property
    def journal(self) -> Journal | None:
        """Where jobs are written down; None: they end with the process."""
        return self._means.journal

    def limit_of(self, job_id: str = "") -> int | None:
        """The limit set for one job, or for all."""
        job = self._jobs.get(job_id)
        return job.limiter.own_rate if job is not None else self._means.limiter.own_rate

    def restore(self, found: Sequence[tuple[JobRecord, OpenUpload | None]]) -> None:
        """Show what an earlier run of the program was at, as paused jobs."""
        count = 0
        for record, kept in found:
            if record.id in self._jobs or self._closing:
                continue
            job = job_from(record, self._means, self._tell)
            job.note_kept_bytes(kept.done_bytes if kept else 0)
            self._jobs[job.id] = job
            self.job_added.emit(job.snapshot())
            count += 1
        self._recount()
        if count:
            self.restored.emit(count)

    def cancel(self, job_id: str) -> None:
        """Stop a job, and remove what a paused or failed one has kept; harmless if there is nothing to stop."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        if job.state in (JobState.PAUSED, JobState.FAILED):
            self._calls.put(GiveUp(job, self._current_connection))
            return
        self._queue.withdraw(job)
        job.cancel()
        self._calls.put(job.keep)

    def cancel_all(self) -> None:
        """Stop every job that is under way, downloads and repairs too."""
        for jobs in self._beside:
            jobs.cancel_all()
        for job in list(self._jobs.values()):
            if job.state in BUSY:
                self.cancel(job.id)

    def remove(self, job_id: str) -> None:
        """Take a job that is not under way off the list; a video that is in the bucket stays there.

        What an unfinished one has sent is removed. If that cannot be, because another connection is open, it stays.
        """
        job = self._jobs.get(job_id)
        if job is None or job.state in BUSY:
            return
        job.cancel()
        if job.state is JobState.PAUSED or job.snapshot().kept_bytes:
            give_up = GiveUp(job, self._current_connection)
            self._calls.put(give_up)
            if not give_up.is_possible:
                return
        del self._jobs[job_id]
        self.job_removed.emit(job_id)
        self._recount()

    def move(self, job_id: str, offset: int) -> None:
        """Move a job up (negative) or down in the list."""
        order = list(self._jobs)
        if job_id not in order:
            return
        old = order.index(job_id)
        new = max(0, min(len(order) - 1, old + offset))
        order.insert(new, order.pop(old))
        self._jobs = {name: self._jobs[name] for name in order}
        self._queue.set_order(order)
        self.jobs_reordered.emit()

    def set_options(self, job_id: str, options: PublishOptions) -> None:
        """Change what the user chose for one video."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        old = job.snapshot().options
        changed = job.set_options(options)
        picture = (old.thumbnail_image, old.thumbnail_at_s) != (options.thumbnail_image, options.thumbnail_at_s)
        if changed and picture:
            self._calls.put(MakePoster(job))

    def ask_frame(self, job_id: str, at_s: float) -> None:
        """Ask for the frame at a time; the answer comes by `frame_ready`. A newer question drops the older one."""
        job = self._jobs.get(job_id)
        info = job.info if job else None
        if job is None or info is None:
            return
        self._frame_token.cancel()
        token = self._frame_token = CancelToken()

        def decode() -> None:
            if token.is_cancelled:
                return
            try:
                poster = film_poster(info.path, info, at_s=at_s, token=token, tools=self._tools, max_width=_FRAME_WIDTH)
                jpeg = b"" if poster.neutral else poster.jpeg
            except VidcdnError:
                jpeg = b""
            self._frame.emit(FrameReady(job_id, at_s, jpeg))

        self._calls.put(decode)

    def shut_down(self, *, pause: bool = False) -> None:
        """Cancel (or pause) everything and let the threads end; `all_stopped` tells when. Twice is harmless."""
        if self._closing:
            return
        self._closing = True
        self._frame_token.cancel()
        left = self._queue.close()
        for jobs in self._beside:
            jobs.shut_down(pause=pause)
        for job in (*left, *self._jobs.values()):
            if pause and job.state in BUSY:
                job.pause()
            else:
                job.cancel()
        for job in left:
            self._calls.put(job.keep)
        for _ in range(_LOOKERS):
            self._calls.put(None)

    def is_stopped(self) -> bool:
        """Whether every thread has ended."""
        return all(thread.isFinished() for thread in self._threads)

    # Inside
    def _current_connection(self) -> Connection | None:
        return self._connection

    def _enqueue(self, job: PublishJob) -> None:
        self._queue.put(job)
        self._calls.put(job.keep)

    def _tell(self, job: Job) -> None:
        """Called by the core in any thread; hands over to the GUI thread."""
        self._core_changed.emit(job)

    @Slot(object)
    def _on_expanded(self, found: tuple[list[Path], PublishOptions]) -> None:
        if self._closing:
            return
        paths, options = found
        for path in paths:
            job = PublishJob(path, replace(options), tools=self._tools, on_change=self._tell, means=self._means)
            self._jobs[job.id] = job
            self.job_added.emit(job.snapshot())
            self._calls.put(Look(job, self._current_connection))
        self._recount()

    @Slot(object)
    def _on_core_changed(self, job: PublishJob) -> None:
        if job.id not in self._jobs:
            return
        snapshot = job.snapshot()
        self.job_changed.emit(snapshot)
        self._recount()
        running = any(j.state in RUNNING for j in self._jobs.values())
        if running and not self._pull.isActive():
            self._pull.start()

    @Slot()
    def _on_pull(self) -> None:
        running = [j for j in self._jobs.values() if j.state in RUNNING]
        if not running:
            self._pull.stop()
        for job in running:
            self.job_changed.emit(job.snapshot())
        self._recount()

    @Slot()
    def _on_beside(self) -> None:
        self._recount()

    @Slot(object)
    def _on_frame(self, frame: FrameReady) -> None:
        self.frame_ready.emit(frame)

    @Slot()
    def _on_thread_finished(self) -> None:
        if self._closing and self.is_stopped():
            self._pull.stop()
            for jobs in self._beside:
                jobs.stopped()
            self.all_stopped.emit()

    def _recount(self) -> None:
        counts = count(self.snapshots(), [snapshot for jobs in self._beside for snapshot in jobs.snapshots()])
        if counts != self._counts:
            self._counts = counts
            self.counts_changed.emit(counts)
