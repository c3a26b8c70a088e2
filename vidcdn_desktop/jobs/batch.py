"""Many files moved as one job, up or down: a state holder for any front end, with its row in the journal.

    QUEUED ──> RUNNING ──> PUBLISHED (every file was seen to)
       ^         ├──> PAUSING ──> PAUSED ──┐
       │         ├──> FAILED ──────────────┤ (some could not be moved)
       │         └──> CANCELLING ──> CANCELLED
       └──────────── resume ───────────────┘

States and transitions are those of every job (`jobs.states`). What is done stays done, whatever the ending. Going on
sees to the rest; after a restart every file is looked at again first, so that none is moved twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.batch_report import BatchCounts, BatchSnapshot, FileOutcome
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.holder import JobHolder
from vidcdn_desktop.jobs.job import unexpected
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.keeping import OPEN_STATES, PRACTICE_ID, claimed
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import plural

MOST_TOLD = 2_000
"""Files told one by one in a result, those that failed first; the counts are of all."""

_DONE = frozenset({"done", "already"})


class SomeNotMoved(VidcdnError):
    """Some files of one job could not be moved."""

    title = "Not all files went through"


class BatchJob(JobHolder[BatchSnapshot]):
    """One job over many files. Any thread may call any method that is not said to block.

    Args:
        snapshot: To begin with; see `first_snapshot`.
        means: Journal, bandwidth and patience.
        on_change: Called with the job after every change, in the thread that made it.
    """

    _WORD, _WAY = "file", "moved"
    _MEANING = "What was moved before stays where it is."

    def __init__(self, snapshot: BatchSnapshot, means: Means, on_change: Callable[[Any], None] | None = None) -> None:
        super().__init__(snapshot, on_change)
        self.id = snapshot.id
        self.means = means
        self.connection: Connection | None = None
        self.look_first = False
        """Whether an earlier run may have moved some of them."""
        self._meter = ProgressMeter()
        self._outcomes: dict[str, FileOutcome] = {}
        """By key."""
        self._restored: JobRecord | None = None

    # For those who move something
    def _move_all(self, connection: Connection, token: CancelToken, weather: Weather) -> None:
        """Move what is not done yet, and `_note` each. Blocks."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """What is written down, to make the job again."""
        raise NotImplementedError

    def _forget(self, connection: Connection) -> None:
        """Remove what a stopped run has left half done. Blocks.

        Raises: VidcdnError: some of it stays.
        """
        raise NotImplementedError

    def _half_done(self, _connection: Connection) -> int:
        """Bytes of files that a stopped run has left half done, so that they can be gone on with or discarded."""
        return 0

    def _stale(self, _connection: Connection) -> list[str]:
        """Keys of which the CDN may hold old copies."""
        return []

    # What a front end reads
    def snapshot(self) -> BatchSnapshot:
        """The job at this instant."""
        with self._lock:
            snapshot, weather = self._snapshot, self._weather
        if snapshot.state not in RUNNING:
            return snapshot
        return replace(
            snapshot,
            progress=self._meter.snapshot(),
            waiting=weather.waiting if weather else None,
            retries=weather.retries if weather else 0,
        )

    def outcomes(self) -> tuple[FileOutcome, ...]:
        """What became of each file so far."""
        with self._lock:
            return tuple(self._outcomes.values())

    def bind(self, connection: Connection) -> None:
        """Say through which connection it goes."""
        self.connection = connection
        self._change(connection_id=connection.profile.id)

    def _is_done(self, key: str) -> bool:
        outcome = self._outcomes.get(key)
        return outcome is not None and outcome.state in _DONE

    def _note(self, outcome: FileOutcome) -> None:
        with self._lock:
            before = self._outcomes.get(outcome.key)
            self._outcomes[outcome.key] = outcome
            numbers = self._snapshot.counts.to_json()
            for found, step in ((before, -1), (outcome, 1)):
                if found is not None:
                    numbers["left" if found.state == "left alone" else found.state] += step
            self._change_quietly(counts=BatchCounts(**numbers))

    def forget_stale(self) -> None:
        """The CDN holds no old copies any more."""
        with self._lock:
            result = self._snapshot.result
            if result is not None:
                self._change_quietly(result={**result, "stale": []})
        self._tell()

    # Running
    def _begin_again(self) -> None:
        """What is done stays so; the others are tried again."""
        self._outcomes = {key: o for key, o in self._outcomes.items() if o.state in _DONE}
        states = [outcome.state for outcome in self._outcomes.values()]
        counts = replace(
            self._snapshot.counts, done=states.count("done"), already=states.count("already"), left=0, failed=0
        )
        self._change_quietly(counts=counts, result=None)

    def run(self) -> None:
        """Move all, with the row claimed. Blocks; never raises. Does nothing if it does not wait any more."""
        self._run_claimed(claimed(self.means.journal, self.id, self.keep), self._run)
        self.keep()

    def _run(self) -> None:
        with self._lock:
            if self.state is not JobState.QUEUED:
                return
            connection, token = self.connection, self._token
            if connection is None:
                raise AssertionError("a job is run only after it was said through which connection")
            self._to(JobState.RUNNING)
            self._meter = ProgressMeter(self._snapshot.whole_bytes)
            self._meter.add_present(sum(o.size for o in self._outcomes.values() if o.state in _DONE))
            weather = self._weather = Weather(
                self.means.patience,
                on_change=lambda _waiting: self._tell(),
                is_back=connection.reachable(),
                renew=connection.reload_credentials,
            )
        self._tell()
        self.keep()
        began = time.monotonic()
        try:
            self._move_all(connection, token, weather)
        except Paused:
            self._end(JobState.PAUSED, began, connection)
        except Cancelled:
            self._end(JobState.CANCELLED, began, connection)
        except VidcdnError as exc:
            self._end(JobState.FAILED, began, connection, error=exc)
        except Exception as exc:  # noqa: BLE001 - the runner is where bugs end
            error = unexpected(exc, self._snapshot.title, self._MEANING)
            self._end(JobState.FAILED, began, connection, error=error)
        else:
            failure = self._failure()
            self._end(JobState.FAILED if failure else JobState.PUBLISHED, began, connection, error=failure)

    def _failure(self) -> VidcdnError | None:
        errors = [outcome.error for outcome in self._outcomes.values() if outcome.error is not None]
        if not errors:
            return None
        first = errors[0]
        if len(self._outcomes) == 1:
            return first
        same = all(error.what == first.what for error in errors)
        return SomeNotMoved(
            f"{len(errors):,} of {plural(self._snapshot.counts.files, self._WORD)} could not be {self._WAY}.",
            "The others are through.",
            f"{first.what} {first.advice}" if same else f"The first problem: {first.what}",
            subject=self._snapshot.title,
            code=first.code,
            request_id=first.request_id,
        )

    def result(self) -> dict[str, Any]:
        """The counts and what became of the files, failures first, as JSON."""
        order = {"failed": 0, "left alone": 1}
        told = sorted(self.outcomes(), key=lambda outcome: (order.get(outcome.state, 2), outcome.key))
        counts = self._snapshot.counts.to_json()
        return {"counts": counts, "files": [outcome.to_json() for outcome in told[:MOST_TOLD]]}

    def _end(self, state: JobState, began: float, connection: Connection, **changes: Any) -> None:
        result = self.result() | {"stale": self._stale(connection)}
        kept = self._half_done(connection) if state is JobState.FAILED else self._meter.snapshot().done_bytes
        with self._lock:
            cancelled_late = state is JobState.PAUSED and self._snapshot.state is JobState.CANCELLING
            if cancelled_late:
                self._change_quietly(result=result)
            else:
                self._settle(state, began, result, kept, **changes)
        if cancelled_late:
            self._forget_and_end(connection)
        self._tell()

    def _settle(self, state: JobState, began: float, result: Mapping[str, Any], kept: int, **changes: Any) -> None:
        changes |= {
            "result": result,
            "kept_bytes": kept if state in (JobState.PAUSED, JobState.FAILED) else 0,
            "retries": self._weather.retries if self._weather else 0,
            "finished": None if state is JobState.PAUSED else datetime.now(UTC),
        }
        self._to(state, seconds=time.monotonic() - began, **changes)

    def _forget_and_end(self, connection: Connection | None) -> None:
        try:
            if connection is not None:
                self._forget(connection)
        except VidcdnError as exc:
            with self._lock:
                self._to(JobState.FAILED, error=exc, finished=datetime.now(UTC))
        else:
            with self._lock:
                self._to(JobState.CANCELLED, error=None, kept_bytes=0, finished=datetime.now(UTC))

    def give_up(self) -> None:
        """Cancel one that does not run, and remove what it has left half done. Blocks; never raises."""
        with self._lock:
            if self.state not in (JobState.PAUSED, JobState.FAILED):
                return
            self._to(JobState.CANCELLING)
        self._tell()
        self._forget_and_end(self.connection)
        self._tell()
        self.keep()

    # The journal
    def keep(self) -> None:
        """Write it down as it is now."""
        journal, snapshot, old = self.means.journal, self.snapshot(), self._restored
        if journal is None:
            return
        if old is not None and self.connection is None:  # the row knows the connection's name
            journal.save_job(replace(old, state=snapshot.state.value, priority=snapshot.priority))
        else:
            journal.save_job(self._record(snapshot))

    def _record(self, snapshot: BatchSnapshot) -> JobRecord:
        """The row that describes it at this instant. No secret is in it."""
        connection = self.connection
        return JobRecord(
            id=snapshot.id,
            kind=snapshot.kind,
            state=snapshot.state.value,
            title=snapshot.title,
            source=snapshot.folder,
            connection_id=snapshot.connection_id,
            connection_name=connection.profile.name if connection else "",
            endpoint=connection.clients.endpoint if connection else "",
            bucket=snapshot.bucket,
            key=snapshot.key,
            size=snapshot.whole_bytes,
            options=self._options() if snapshot.state is not JobState.PUBLISHED else None,  # it is not made again
            result=snapshot.result,
            error=snapshot.error.to_json() if snapshot.error else None,
            ended=snapshot.finished,
            priority=snapshot.priority,
            created=snapshot.created or datetime.now(UTC),
        )

    def restore(self, record: JobRecord) -> None:
        """Take over from the journal what an earlier process knew. Called once, before anybody else has the job."""
        self._restored, self.look_first = record, True
        self._snapshot = replace(
            self._snapshot,
            state=JobState.PAUSED,
            title=record.title or self._snapshot.title,
            created=record.created,
            priority=record.priority,
            connection_id=record.connection_id,
            whole_bytes=record.size,
            result=record.result if isinstance(record.result, Mapping) else None,
        )


def left_batches(journal: Journal, kinds: frozenset[str]) -> list[JobRecord]:
    """Jobs of these kinds that were under way when their process ended, oldest first. Waits for the disk.

    Those another running copy of the program is at are not among them. Those of a practice cloud that is gone are
    forgotten.
    """
    found = []
    for record in journal.unfinished():
        if record.kind not in kinds or record.owned_elsewhere or record.state not in OPEN_STATES:
            continue
        if record.connection_id == PRACTICE_ID:
            journal.remove_job(record.id)
        else:
            found.append(record)
    return sorted(found, key=lambda record: record.created)
