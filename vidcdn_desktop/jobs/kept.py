"""A job that outlives its process: written down in the journal, claimed while it runs, given up with nothing left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, ObjectNotFound, ServiceTrouble, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.job import Job
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import claimed, record_of
from vidcdn_desktop.jobs.model import JobState, LinkStyle
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.port import PartLog, StoredObject
from vidcdn_desktop.storage.resume import JOB_KEY
from vidcdn_desktop.storage.weather import Weather

_T = TypeVar("_T")


class KeptJob(Job):
    """A job with a connection and a row in the journal (if there is one)."""

    connection: Connection | None = None
    kept_key: str = ""
    """Key of the upload an earlier process has begun; known from the journal before the file was looked at."""
    _restored: JobRecord | None = None

    @property
    def kept_bucket(self) -> str:
        """The bucket an earlier process has begun it in; empty if none has."""
        return self._restored.bucket if self._restored is not None else ""

    def bind(self, connection: Connection) -> None:
        """Say through which connection it goes. Any thread; the plan follows."""
        self.connection = connection
        self._update(connection_id=connection.profile.id)
        self.set_destination(connection.destination())

    def give_up(self) -> None:
        """Cancel a job that is paused or has failed: what it has sent is removed from the bucket. Blocks; never raises.

        Ends in CANCELLED, or in FAILED where the bucket cannot be reached.
        """
        with self._lock:
            if self.state not in (JobState.PAUSED, JobState.FAILED):
                return
            paused = self.state is JobState.PAUSED
            self._to(JobState.CANCELLING)
        self._tell()
        try:
            with self._claimed():
                gone = self._drop_kept() and not (paused and not self._take_back_own())
        except VidcdnError as exc:
            self._end(JobState.FAILED, error=exc)
        else:
            if gone:
                self._update(kept_bytes=0)
                self._end(JobState.CANCELLED, error=None)
            else:
                self._end(JobState.FAILED, error=_left_behind(str(self.path)))
        self.keep()

    def restore(self, record: JobRecord, salt: str) -> None:
        """Take over from the journal what an earlier process knew. Called once, before anybody else has the job."""
        self._salt = salt
        self._restored = record
        self.kept_key = record.key
        self._update(
            state=JobState.PAUSED,
            title=record.title or self._snapshot.title,
            created=record.created,
            priority=record.priority,
            connection_id=record.connection_id,
            whole_bytes=record.size,
        )

    def refuse(self, error: VidcdnError) -> None:
        """Say on the card why a paused job cannot go on now; it stays paused."""
        self._update(error=error)
        self._tell()

    def note_kept_bytes(self, count: int) -> None:
        """How many bytes of it are in the bucket, as far as the journal knows."""
        self._update(kept_bytes=count)

    # The journal
    def keep(self) -> None:
        """Write the job down as it is now."""
        journal = self.means.journal
        if journal is None or not self.kept_in_journal:
            return
        snapshot, old = self._snapshot, self._restored
        if old is not None and self.connection is None:  # the row knows more than we do before it is bound again
            journal.save_job(replace(old, state=snapshot.state.value, priority=snapshot.priority))
        else:
            journal.save_job(record_of(snapshot, self.connection, self._salt))

    @property
    def kept_in_journal(self) -> bool:
        """Whether the job is worth a row: not before Publish was pressed."""
        return self.state not in (JobState.INSPECTING, JobState.READY, JobState.REFUSED)

    def _claimed(self) -> AbstractContextManager[None]:
        """Hold the job; see `keeping.claimed`."""
        return claimed(self.means.journal, self.id, self.keep)

    def _part_log(self, key: str) -> PartLog | None:
        journal, connection = self.means.journal, self.connection
        if journal is None or connection is None:
            return None
        return journal.part_log(
            self.id, key=key, profile_id=connection.profile.id, endpoint=connection.clients.endpoint
        )

    def _drop_kept(self) -> bool:
        """Remove the unfinished upload of an earlier run; True if there is none any more."""
        plan, connection = self._snapshot.plan, self.connection
        log = self._part_log(plan.ref.key if plan else self.kept_key)
        record = log.earlier() if log is not None else None
        if log is None or record is None or connection is None:
            return True
        return undo.discard(connection.storage, record, log)

    def _take_back_own(self) -> bool:
        """Remove the video if an earlier run of this very job has put it there under a new name."""
        plan, connection = self._snapshot.plan, self.connection
        if plan is None or connection is None or plan.link is not LinkStyle.VERSIONED:
            return True
        try:
            found = connection.storage.head(plan.ref)
        except (ObjectNotFound, AccessDenied):
            return True
        if not self.wrote(found):
            return True
        return undo.take_back(connection.storage, found)

    def wrote(self, found: StoredObject) -> bool:
        """Whether a run of this very job wrote an object."""
        metadata = found.headers.metadata if found.headers else {}
        return metadata.get(JOB_KEY, "").startswith(f"{self.id}.")

    def _note_kept(self, log: PartLog | None) -> None:
        """Remember how much of an unfinished upload is in the bucket."""
        record = log.earlier() if log is not None else None
        self._update(kept_bytes=sum(part.size for part in record.parts) if record is not None else 0)

    def _weather_for(self, connection: Connection) -> Weather:
        return Weather(
            self.means.patience,
            on_change=self._tell,
            is_back=connection.reachable(),
            renew=connection.reload_credentials,
        )

    def _patiently(self, call: Callable[[], _T], token: CancelToken) -> _T:
        """Call, and try again as long as the weather is to blame."""
        assert self._weather is not None
        return self._weather.run(call, token)


def _left_behind(subject: str) -> ServiceTrouble:
    return ServiceTrouble(
        "The unfinished upload could not be removed from the bucket.",
        "Nothing was published; what was sent still takes room there.",
        "Cancel once more when the connection is back.",
        subject=subject,
        retryable=True,
    )
