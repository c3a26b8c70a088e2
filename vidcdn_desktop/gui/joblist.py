"""Jobs of one kind that run beside the publishes: on the same queue and the same threads, each with its row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.bridge_calls import not_open
from vidcdn_desktop.gui.bridge_threads import Calls
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.queue import JobQueue, Queueable
from vidcdn_desktop.jobs.states import BUSY, ENDED, RUNNING

_PULL_MS = 100


class SideJob(Queueable, Protocol):
    """What such a list holds: `KeptDownload`, `KeptRepair`."""

    connection: Connection | None

    def snapshot(self) -> Any:
        """Where it is, for the window."""
        ...

    def bind(self, connection: Connection) -> None:
        """Say through which connection it goes."""
        ...

    def refuse(self, error: VidcdnError) -> None:
        """Say why it cannot go on now."""
        ...

    def give_up(self) -> None:
        """Cancel one that does not run, and leave nothing behind. Blocks; never raises."""
        ...

    def try_now(self) -> None:
        """Do not wait any longer."""
        ...

    def set_priority(self, priority: int) -> None:
        """Say how soon it should run."""
        ...


@dataclass
class Opening:
    """A job of an earlier run whose bucket is not the one the connection publishes to, while that is opened."""

    job: SideJob
    then: Callable[[SideJob], None]
    connection: Connection | None = None
    error: VidcdnError | None = None

    def done(self, connection: Connection, bucket: str) -> Opening:
        """Open it. Blocks; never raises for a refusal: that belongs to the job."""
        try:
            self.connection = connection.at(bucket)
        except VidcdnError as exc:
            self.error = exc
        return self


def bucket_of(snapshot: Any) -> str:
    """The bucket a job is about."""
    ref = getattr(snapshot, "ref", None)
    return str(ref.bucket if ref is not None else snapshot.bucket)


class JobList(QObject):
    """The list as the window sees it. Every method is called on the GUI thread and returns at once."""

    added = Signal(object)
    """Snapshot."""
    changed = Signal(object)
    """Snapshot; also ten times a second while it runs."""
    removed = Signal(str)
    """Job id."""

    _core_changed = Signal(object)

    _WORDS = ("job", "done")
    """What one is called, and what of it is kept when it cannot go on."""

    def __init__(
        self,
        jobs: JobQueue,
        calls: Calls,
        means: Means,
        connection: Callable[[], Connection | None],
        parent: QObject,
    ) -> None:
        """Put the parts together.

        Args:
            jobs: Runs them.
            calls: What may block and is short.
            means: Journal, bandwidth and patience.
            connection: The connection that is open now.
            parent: Owner.
        """
        super().__init__(parent)
        self._queue = jobs
        self._calls = calls
        self._means = means
        self._connection = connection
        self._jobs: dict[str, Any] = {}
        """`SideJob` by id."""
        self._closing = False
        self._core_changed.connect(self._on_core_changed, Qt.ConnectionType.QueuedConnection)
        self._pull = QTimer(self)
        self._pull.setInterval(_PULL_MS)
        self._pull.timeout.connect(self._on_pull)

    # What the window reads
    def snapshots(self) -> list[Any]:
        """All of them, oldest first."""
        return [job.snapshot() for job in self._jobs.values()]

    def snapshot(self, job_id: str) -> Any:
        """One, or None."""
        job = self._jobs.get(job_id)
        return job.snapshot() if job else None

    def needs_connection(self, job_id: str) -> str:
        """Id of the connection that must be opened before one can go on; empty if none must be."""
        job, connection = self._jobs.get(job_id), self._connection()
        if job is None or job.connection is not None:
            return ""
        wanted: str = job.snapshot().connection_id
        return wanted if connection is None or wanted not in ("", connection.profile.id) else ""

    # What the user does
    def pause(self, job_id: str) -> None:
        """Stop one, to go on later; harmless if it is not under way."""
        job = self._jobs.get(job_id)
        if job is not None:
            self._queue.withdraw(job)
            job.pause()
            self._calls.put(job.keep)

    def pause_all(self) -> None:
        """Pause every one that is under way or waits."""
        for job in list(self._jobs.values()):
            if job.state in BUSY:
                self.pause(job.id)

    def resume(self, job_id: str) -> None:
        """Go on with one that is paused, has failed or was cancelled."""
        job = self._jobs.get(job_id)
        if job is None or self._closing or job.state in BUSY or job.state is JobState.PUBLISHED:
            return
        if self._is_bound(job, self._enqueue):
            self._enqueue(job)

    retry = resume

    def resume_all(self) -> None:
        """Go on with every one that is paused."""
        for job in list(self._jobs.values()):
            if job.state is JobState.PAUSED:
                self.resume(job.id)

    def cancel(self, job_id: str) -> None:
        """Stop one, and leave nothing behind; harmless if there is nothing to stop."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        if job.state in (JobState.PAUSED, JobState.FAILED):
            self._give_up(job)
            return
        self._queue.withdraw(job)
        job.cancel()
        self._calls.put(job.keep)

    def cancel_all(self) -> None:
        """Stop every one that is under way."""
        for job in list(self._jobs.values()):
            if job.state in BUSY:
                self.cancel(job.id)

    def remove(self, job_id: str) -> None:
        """Take one that has ended off the list; what it did stays."""
        job = self._jobs.get(job_id)
        if job is not None and job.state in ENDED:
            del self._jobs[job_id]
            self.removed.emit(job_id)

    def try_now(self, job_id: str) -> None:
        """Do not wait any longer for the next try."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.try_now()

    def try_all_now(self) -> None:
        """Do not wait any longer, with none of them."""
        for job in self._jobs.values():
            job.try_now()

    def set_priority(self, job_id: str, priority: int) -> None:
        """Say how soon a waiting one runs: 1 first, 0 as usual, -1 last."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.set_priority(priority)
            self._calls.put(job.keep)

    def shut_down(self, *, pause: bool) -> None:
        """Cancel (or pause) everything; the bridge ends the threads. The queue is closed already."""
        self._closing = True
        for job in self._jobs.values():
            if pause and job.state in BUSY:
                job.pause()
            else:
                job.cancel()

    def stopped(self) -> None:
        """Every thread has ended."""
        self._pull.stop()

    # Inside
    def _put_in(self, job: SideJob) -> None:
        """Take a job into the list."""
        self._jobs[job.id] = job
        self.added.emit(job.snapshot())

    def _enqueue(self, job: SideJob) -> None:
        self._queue.put(job)
        self._calls.put(job.keep)

    def _give_up(self, job: SideJob) -> None:
        self._calls.put(job.give_up)

    def _is_bound(self, job: SideJob, then: Callable[[SideJob], None]) -> bool:
        """Whether a job has its connection. Where its bucket must be opened first, `then` is done once it has."""
        connection = self._connection()
        if self.needs_connection(job.id):
            job.refuse(not_open(*self._WORDS, connection))
            return False
        if job.connection is None and connection is not None:
            bucket = bucket_of(job.snapshot())
            known = connection.known_at(bucket)
            if known is None:
                opening = Opening(job, then)
                run_in_background(self, lambda: opening.done(connection, bucket), self._on_bucket_open)
                return False
            job.bind(known)
        return job.connection is not None

    @Slot(object)
    def _on_bucket_open(self, opening: Opening) -> None:
        job = opening.job
        if self._closing or job.id not in self._jobs:
            return
        if opening.error is not None:
            job.refuse(opening.error)
        elif opening.connection is not None and job.connection is None:
            job.bind(opening.connection)
            opening.then(job)

    def _tell(self, job: object) -> None:
        """Called by the core in any thread; hands over to the GUI thread."""
        self._core_changed.emit(job)

    @Slot(object)
    def _on_core_changed(self, job: SideJob) -> None:
        if job.id not in self._jobs:
            return
        self.changed.emit(job.snapshot())
        if job.state in RUNNING and not self._pull.isActive():
            self._pull.start()

    @Slot()
    def _on_pull(self) -> None:
        running = [job for job in self._jobs.values() if job.state in RUNNING]
        if not running:
            self._pull.stop()
        for job in running:
            self.changed.emit(job.snapshot())
