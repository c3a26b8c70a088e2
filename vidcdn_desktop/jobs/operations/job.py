"""An operation as a job: a small state holder for any front end, with a row in the journal and one for each object.

    QUEUED ──> RUNNING ──> PUBLISHED (every object was seen to)
       ^         ├──> PAUSING ──> PAUSED ──┐
       │         ├──> FAILED ──────────────┤ (some could not be done)
       │         └──> CANCELLING ──> CANCELLED
       └──────────── resume ───────────────┘

States and transitions are those of every job (`jobs.states`). What is done with stays done; going on sees to the rest.
A move that is cancelled before its first original was deleted takes its copies back.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.delivery.model import Invalidation
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.holder import JobHolder
from vidcdn_desktop.jobs.job import unexpected
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import claimed
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.log import ItemLog, MemoryLog
from vidcdn_desktop.jobs.operations.model import Action, Item, Kind, OnExists, Stage
from vidcdn_desktop.jobs.operations.plan import changed_by
from vidcdn_desktop.jobs.operations.promise import COPIES
from vidcdn_desktop.jobs.operations.report import OperationSnapshot, Tally, failure_of, told_of
from vidcdn_desktop.jobs.operations.rows import give_up_row, record_of
from vidcdn_desktop.jobs.operations.running import Runner
from vidcdn_desktop.jobs.operations.work import Board, Work
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.object_facts import AS_IT_WAS
from vidcdn_desktop.storage.repair import LARGEST_COPY_OBJECT
from vidcdn_desktop.storage.weather import Weather

_OPEN = (Stage.COPIED, Stage.DELETING)
MOST_STALE = 1000
"""Keys a row remembers of those a CDN may hold an old copy of."""


class OperationJob(JobHolder[OperationSnapshot]):
    """The state of one operation. Any thread may call any method that is not said to block.

    Args:
        action: What is done.
        title: What it is about, in few words.
        bucket: Whose objects.
        place: Key or prefix.
        means: The journal and the patience.
        items: The objects, of a new job; of one of an earlier run they are in the journal.
        promise: What was said about undoing it.
        undoes: Of an undo: id of the job that is taken back.
        mark: Of the plan; see `OperationPlan`.
        on_change: Called with the job after every change, in the thread that made it.
        on_item: Called with each object that is over or has failed, in a running thread.
        job_id: Of a job of an earlier run; without it a new one is made up.
        largest: Bytes of the largest object that is copied in one request.
    """

    def __init__(
        self,
        action: Action,
        title: str,
        bucket: str,
        place: str,
        means: Means,
        *,
        items: tuple[Item, ...] = (),
        promise: str = "",
        undoes: str = "",
        mark: str = "",
        on_change: Callable[[OperationJob], None] | None = None,
        on_item: Callable[[Item], None] | None = None,
        job_id: str = "",
        largest: int = LARGEST_COPY_OBJECT,
    ) -> None:
        super().__init__(
            OperationSnapshot(
                job_id or uuid.uuid4().hex,
                action.kind,
                bucket,
                title,
                place,
                counts=Tally(action, items).counts(),
                undo_words=promise,
                undoes=undoes,
                whole_bytes=sum(item.size for item in items) if items else None,
                created=datetime.now(UTC),
            ),
            on_change,
        )
        self.id = self._snapshot.id
        self._told: set[int] = set()
        """Numbers of the objects that were told in this run."""
        self.action = action
        self.means = means
        self.undoes, self.mark = undoes, mark
        self.connection: Connection | None = None
        self._largest = largest
        self._on_item = on_item
        self._writing = threading.Lock()
        self._meter = ProgressMeter()
        self._restored: JobRecord | None = None
        self._new_items: tuple[Item, ...] | None = None if job_id else items
        self._taken_back_items: dict[int, Item] | None = None
        """Of an undo: the items of the job that is taken back, by number; None before they were needed."""
        self._board = Board(self._log(), action, self._item_changed)

    def _log(self) -> ItemLog:
        journal = self.means.journal
        return journal.item_log(self.id) if journal is not None else MemoryLog()

    @property
    def items(self) -> tuple[Item, ...]:
        """The objects, as they are now."""
        return tuple(self._board.all()) or self._new_items or ()

    def snapshot(self) -> OperationSnapshot:
        """The job at this instant."""
        with self._lock:
            snapshot, weather = self._snapshot, self._weather
            if snapshot.state not in RUNNING:
                return snapshot
        return replace(
            self._counted(snapshot),
            progress=self._meter.snapshot(),
            waiting=weather.waiting if weather else None,
            retries=weather.retries if weather else 0,
        )

    def _counted(self, snapshot: OperationSnapshot) -> OperationSnapshot:
        found = self._board.counted(snapshot)
        return found if self.means.journal is not None else replace(found, can_undo=False)

    def bind(self, connection: Connection) -> None:
        """Say through which connection it goes, before it is run."""
        with self._lock:
            self.connection = connection
        self._change(connection_id=connection.profile.id)

    def _begin_again(self) -> None:
        self._told.clear()

    def run(self) -> None:
        """Do it, with the row claimed. Blocks; never raises. Does nothing if it was stopped while it waited."""
        self._run_claimed(claimed(self.means.journal, self.id, self.keep), self._run)
        self.keep()

    def _run(self) -> None:
        with self._lock:
            if self.state is not JobState.QUEUED:
                return
            self._to(JobState.RUNNING, result=None)
            token, connection = self._token, self.connection
            if connection is None:
                raise AssertionError("an operation is run only after it was said where")
            self._weather = weather = Weather(
                self.means.patience,
                on_change=lambda _waiting: self._tell(),
                is_back=connection.reachable(),
                renew=connection.reload_credentials,
            )
        self.keep()
        self._tell()
        began = time.monotonic()
        runner: Runner | None = None
        try:
            self._begin_items()
            if self.undoes and self.means.journal is not None:
                give_up_row(self.means.journal, self.undoes)
            work = Work(connection, self._board, self.action, token, largest=self._largest)
            runner = Runner(work, weather, token)
            runner.run()
        except Paused:
            self._end(JobState.PAUSED, began)
        except Cancelled:
            self._end(JobState.CANCELLED, began, error=self._taken_back(connection, weather))
        except VidcdnError as exc:
            self._end(JobState.FAILED, began, error=exc)
        except Exception as exc:  # noqa: BLE001 - the runner is where bugs end
            self._end(JobState.FAILED, began, error=unexpected(exc, self._snapshot.place, AS_IT_WAS))
        else:
            error = failure_of(self.action.kind, self.items, self._snapshot.place)
            self._end(JobState.FAILED if error else JobState.PUBLISHED, began, error=error)

    def _write_items(self) -> None:
        """Write new items down, or read those of an earlier run.

        Raises: DiskFull, SettingsInvalid.
        """
        with self._writing:
            if self._new_items is not None:
                self._board.begin(self._new_items)
                self._new_items = None
            elif not self._board.all():
                self._board.load()

    def _begin_items(self) -> None:
        self._write_items()
        copied = sum(item.size for item in self.items if (item.action or self.action).kind in COPIES)
        self._meter = ProgressMeter(copied or None)
        self._meter.add_present(sum(item.size for item in self.items if item.is_over or item.stage in _OPEN))

    def _taken_back(self, connection: Connection, weather: Weather) -> VidcdnError | None:
        """What went wrong with removing the copies of a cancelled move; None if they are gone, or meant to stay."""
        token = CancelToken()
        try:
            Runner(Work(connection, self._board, self.action, token, largest=self._largest), weather, token).take_back()
        except VidcdnError as exc:
            return exc
        kept = [item.error for item in self.items if item.error is not None and item.stage in (Stage.BEGUN, *_OPEN)]
        return kept[0] if kept and self.action.kind is Kind.MOVE and not self._has_moved() else None

    def _has_moved(self) -> bool:
        """Whether an original was deleted: then the copies stay, and so they should."""
        return any(item.stage in (Stage.DELETING, Stage.DONE) for item in self.items)

    def give_up(self) -> None:
        """Cancel a paused or failed job; the copies of a move that has deleted nothing are removed. Blocks.

        Never raises: what goes wrong is its error.
        """
        with self._lock:
            if self.state not in (JobState.PAUSED, JobState.FAILED):
                return
            self._to(JobState.CANCELLING)
        self._tell()
        error: VidcdnError | None = None
        connection = self.connection
        try:
            with claimed(self.means.journal, self.id, self.keep):
                if connection is not None and self._new_items is None:
                    self._begin_items()
                    error = self._taken_back(connection, Weather(self.means.patience))
        except VidcdnError as exc:
            error = exc
        with self._lock:
            self._to(JobState.FAILED if error else JobState.CANCELLED, error=error, finished=datetime.now(UTC))
        self._tell()
        self.keep()

    def result(self) -> dict[str, Any]:
        """What became of each object, and the counts, as JSON."""
        items = self.items
        return {"counts": Tally(self.action, items).counts().to_json(), "objects": [item.to_json() for item in items]}

    def changed_keys(self) -> tuple[str, ...]:
        """Keys of which a CDN may hold an old copy, after what was done so far."""
        items = [item for item in self.items if item.stage in (Stage.DONE, Stage.DELETING, Stage.COPIED)]
        replaced = {item.target for item in items if item.target is not None and item.state.get("replaces")}
        # Of a move that stands still between the two, the originals are served as before.
        gone = [item for item in items if item.stage is not Stage.COPIED]
        action = replace(self.action, on_exists=OnExists.REPLACE)
        return changed_by(action, gone, replaced, self._bucket_served())

    def _bucket_served(self) -> str:
        return self.connection.profile.bucket if self.connection else self._snapshot.bucket

    def invalidate(self, token: CancelToken) -> list[Invalidation]:
        """Remove old copies of what was changed from the CDN; a repeated call is the same request. Blocks.

        Raises: what `Connection.invalidate_keys` raises. Cancelled.
        """
        keys = self.changed_keys()
        if not keys or self.connection is None:
            return []
        made = self.connection.invalidate_keys(keys, caller_reference=f"operation-{self.id}", token=token)
        self._change(result={**(self._snapshot.result or {}), "stale": []})
        self.keep()
        return made

    def _stale(self) -> tuple[str, ...]:
        """The first of the changed keys that a CDN serves. Asks it only if nobody has yet."""
        keys, connection = self.changed_keys()[:MOST_STALE], self.connection
        with contextlib.suppress(VidcdnError):
            if keys and connection is not None and connection.cdn is not None and connection.domains_of(keys):
                return keys
        return ()

    # Inside
    def _item_changed(self, item: Item) -> None:
        moves = (item.action or self.action).kind is Kind.MOVE
        if (item.stage is Stage.COPIED and moves) or (item.is_over and not moves):
            self._meter.add(item.size)
        if item.is_over and item.state.get("undoes") is not None:
            self._mark_undone(item)
        if (item.is_over or item.error is not None) and self._on_item is not None and item.number not in self._told:
            self._told.add(item.number)
            self._on_item(item)
        self._tell()

    def _mark_undone(self, item: Item) -> None:
        """Note with the job that is taken back that this object of it is."""
        journal = self.means.journal
        if journal is None:
            return
        log = journal.item_log(self.undoes)
        with self._writing:
            if self._taken_back_items is None:
                self._taken_back_items = {original.number: original for original in log.load()}
            original = self._taken_back_items.get(item.state["undoes"])
        if original is not None:
            log.after([original.reached(Stage.UNDONE)])

    def restore(self, record: JobRecord) -> None:
        """Take over from the journal what an earlier process knew. Called once, before anybody else has the job."""
        self._restored = record
        self._board.load()
        self._snapshot = self._counted(
            replace(
                self._snapshot,
                state=JobState.PAUSED,
                created=record.created,
                priority=record.priority,
                connection_id=record.connection_id,
                whole_bytes=record.size,
            )
        )

    def keep(self) -> None:
        """Write it down as it is now."""
        journal = self.means.journal
        if journal is None:
            return
        snapshot, old = self._snapshot, self._restored
        if old is not None and self.connection is None:  # the row knows the connection's name
            journal.save_job(replace(old, state=snapshot.state.value, priority=snapshot.priority))
            return
        journal.save_job(record_of(snapshot, self.action, self.mark, self.connection))
        # Also of a job that only waits: whoever closes the program now finds it again with all its objects.
        with contextlib.suppress(VidcdnError):
            self._write_items()

    def _end(self, state: JobState, began: float, *, error: VidcdnError | None = None) -> None:
        stale = self._stale() if state is not JobState.PAUSED else ()
        with self._lock:
            self._weather = None
            if state is JobState.PAUSED and self._snapshot.state is JobState.CANCELLING:
                state = JobState.CANCELLED
            if state is JobState.CANCELLED and self._snapshot.state is JobState.PAUSING:
                state = JobState.PAUSED
            ended = None if state is JobState.PAUSED else datetime.now(UTC)
            self._to(state, error=error, finished=ended, seconds=round(time.monotonic() - began, 3))
            counted = self._counted(self._snapshot)
            result = {"counts": counted.counts.to_json(), "objects": told_of(self.items), "stale": list(stale)}
            self._snapshot = replace(counted, result=result, changed_keys=self.changed_keys())
        self._tell()
