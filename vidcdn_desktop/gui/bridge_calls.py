"""What the bridge has done on its "look" threads: short blocking calls about one job each."""

from __future__ import annotations

from collections.abc import Callable

from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.job import unexpected
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.publish import PublishJob
from vidcdn_desktop.jobs.queue import JobQueue


class Look:
    """Inspect a new file and plan it."""

    def __init__(self, job: PublishJob, connection: Callable[[], Connection | None]) -> None:
        self._job, self._connection = job, connection

    def __call__(self) -> None:
        """Do it. Blocks; one of the look threads."""
        first = self._connection()
        if first is not None:
            self._job.bind(first)  # before it is ready: else a click on Publish at that moment would do nothing
        self._job.look()
        connection = self._connection()  # asked again: it may have changed meanwhile
        if connection is not None and connection is not first:
            self._job.bind(connection)


class LookAgain:
    """Inspect once more and, where asked, queue."""

    def __init__(self, job: PublishJob, jobs: JobQueue | None, connection: Callable[[], Connection | None]) -> None:
        self._job, self._jobs, self._connection = job, jobs, connection

    def __call__(self) -> None:
        """Do it. Blocks; one of the look threads."""
        if not bind_to_its_own(self._job, self._connection()):
            return
        self._job.look()
        if self._jobs is not None and self._job.state is JobState.READY and self._job.snapshot().plan is not None:
            self._jobs.put(self._job)
            self._job.keep()


class GiveUp:
    """Remove from the bucket what a job has sent, and the job from the journal's unfinished ones."""

    def __init__(self, job: PublishJob, connection: Callable[[], Connection | None]) -> None:
        self._job, self._connection = job, connection

    @property
    def is_possible(self) -> bool:
        """Whether its connection is there."""
        return is_its_own(self._job, self._connection())

    def __call__(self) -> None:
        """Do it. Blocks; one of the look threads."""
        if bind_to_its_own(self._job, self._connection()):
            self._job.give_up()


def is_its_own(job: PublishJob, connection: Connection | None) -> bool:
    """Whether a job has its connection, or the open one is it."""
    if job.connection is not None:
        return True
    return connection is not None and job.snapshot().connection_id in ("", connection.profile.id)


def bind_to_its_own(job: PublishJob, connection: Connection | None) -> bool:
    """Give a job of an earlier run its connection; False, and told on its card, if another one is open."""
    if is_its_own(job, connection):
        if job.connection is None and connection is not None:
            try:
                # What it has sent lies in its own bucket, whichever the connection publishes to by now.
                job.bind(connection.at(job.kept_bucket))
            except VidcdnError as exc:
                job.refuse(exc)
                return False
        return True
    job.refuse(not_open("upload", "sent", connection))
    return False


def not_open(what: str, moved: str, connection: Connection | None) -> SettingsInvalid:
    """Why a transfer cannot go on: none, or another connection is open."""
    why = f"This {what} belongs to another connection." if connection else "Its connection is not open yet."
    return SettingsInvalid(why, f"What was {moved} is kept.", "Open its connection first, then go on.")


def may_go_through(job: PublishJob, connection: Connection) -> bool:
    """Whether a job may be planned for a connection: one that has sent something stays with its own."""
    snapshot = job.snapshot()
    begun = snapshot.state is JobState.PAUSED or snapshot.kept_bytes > 0
    bucket = snapshot.plan.ref.bucket if snapshot.plan is not None else job.kept_bucket
    same = snapshot.connection_id in ("", connection.profile.id) and bucket in ("", connection.profile.bucket)
    return not begun or same


class Bind:
    """Plan a job anew for another connection."""

    def __init__(self, job: PublishJob, connection: Connection) -> None:
        self._job, self._connection = job, connection

    def __call__(self) -> None:
        """Do it. Blocks; one of the look threads."""
        self._job.bind(self._connection)


class MakePoster:
    """Make the thumbnail the user has chosen."""

    def __init__(self, job: PublishJob) -> None:
        self._job = job

    def __call__(self) -> None:
        """Do it. Blocks; one of the look threads."""
        try:
            self._job.make_poster()
        except VidcdnError as exc:
            self._job.refuse_thumbnail(exc)
        except Exception as exc:  # noqa: BLE001 - told on the card instead of lost in a thread
            self._job.refuse_thumbnail(unexpected(exc, str(self._job.path)))
