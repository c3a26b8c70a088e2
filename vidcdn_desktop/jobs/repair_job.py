"""Repairs of one or many objects as one job: a small state holder for any front end.

    QUEUED ──> RUNNING ──> PUBLISHED (every object was seen to)
       ^         ├──> PAUSING ──> PAUSED ──┐
       │         ├──> FAILED ──────────────┤ (some could not be repaired)
       │         └──> CANCELLING ──> CANCELLED
       └──────────── resume ───────────────┘

States and transitions are those of every job (`jobs.states`). One object is repaired after the other. A pause or a
cancel undoes what was begun on the object at hand, which is as it was; those that are done stay done. Going on sees to
the rest.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.cancel import Cancelled, CancelToken, Paused
from vidcdn_desktop.errors import Conflict, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.holder import JobHolder
from vidcdn_desktop.jobs.job import unexpected
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.repair import Repairer
from vidcdn_desktop.jobs.repair_batch import Outcome, Target, Wish, find_targets, totals_of
from vidcdn_desktop.jobs.repair_report import RepairReport, RepairState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.progress import ProgressMeter, ProgressSnapshot
from vidcdn_desktop.storage.copying import UNCHANGED
from vidcdn_desktop.storage.weather import Patience, Waiting, Weather
from vidcdn_desktop.textsafe import plural


class SomeFailed(VidcdnError):
    """Some of the objects of one job could not be repaired."""

    title = "Not all were repaired"


@dataclass(frozen=True)
class RepairSnapshot:
    """One job at one instant: all a front end needs to draw it."""

    id: str
    bucket: str
    title: str
    """The key, the prefix or the number of videos."""
    place: str
    """The key or prefix; the common prefix of many."""
    wished: int
    """Objects and prefixes asked for."""
    state: JobState = JobState.QUEUED
    number: int = 0
    """Which object is at hand, from 1; 0 while none is."""
    count: int = 0
    """Objects to see to in all, as far as is known."""
    current: str = ""
    """Key of the object at hand."""
    sent_bytes: int = 0
    copied_bytes: int = 0
    """Of the object at hand; inside the store."""
    progress: ProgressSnapshot | None = None
    """While it runs: bytes of videos that are done with, the one at hand by its share."""
    waiting: Waiting | None = None
    """Why nothing goes on at the moment, and when it is tried again; None in good weather."""
    kept_bytes: int = 0
    """Always 0: what was begun on an object is undone, not kept."""
    whole_bytes: int | None = None
    """Of all objects; None where it is not known."""
    retries: int = 0
    priority: int = 0
    """Higher runs first."""
    connection_id: str = ""
    """Through which connection it goes; empty if nobody said."""
    error: VidcdnError | None = None
    result: Mapping[str, Any] | None = None
    """What became of each object, and the totals, as JSON; None while it runs."""
    seconds: float | None = None
    """How long the last run took; None before it has ended."""
    created: datetime | None = None
    finished: datetime | None = None


class RepairJob(JobHolder[RepairSnapshot]):
    """The state of one job. Any thread may call any method that is not said to block.

    A pause or a cancel undoes what was begun on the object at hand.

    Args:
        wishes: Objects and prefixes; of one bucket.
        sizes: Bytes of the objects, by key, where they are known.
        resend: See `Repairer`.
        invalidate: See `Repairer`.
        patience: How long to put up with bad weather.
        on_change: Called with the job after every change, in the thread that made it.
        on_outcome: Called with each outcome as it comes, in the running thread.
        job_id: Of a job of an earlier run; without it a new one is made up.
    """

    def __init__(
        self,
        wishes: Sequence[Wish],
        *,
        sizes: Mapping[str, int] | None = None,
        resend: bool = False,
        invalidate: bool = True,
        patience: Patience | None = None,
        on_change: Callable[[RepairJob], None] | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
        job_id: str = "",
    ) -> None:
        self.id = job_id or uuid.uuid4().hex
        self.wishes = tuple(wishes)
        known = dict(sizes or {})
        title, place = names_of(self.wishes)
        super().__init__(
            RepairSnapshot(
                self.id,
                self.wishes[0].ref.bucket if self.wishes else "",
                title,
                place,
                len(self.wishes),
                whole_bytes=sum(known.values()) or None,
                created=datetime.now(UTC),
            ),
            on_change,
        )
        self.resend, self.invalidate = resend, invalidate
        self.connection: Connection | None = None
        self._sizes = known
        self._patience = patience
        self._on_outcome = on_outcome
        self._meter = ProgressMeter()
        self._counted = 0
        self._repairer: Repairer | None = None
        self._outcomes: dict[str, Outcome] = {}
        """By key."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each object so far."""
        with self._lock:
            return tuple(self._outcomes.values())

    def snapshot(self) -> RepairSnapshot:
        """The job at this instant."""
        with self._lock:
            snapshot, weather, repairer = self._snapshot, self._weather, self._repairer
            if snapshot.state not in RUNNING:
                return snapshot
            traffic, to_move = repairer.written() if repairer is not None and snapshot.number else (None, 0)
            self._count_present(traffic.bytes_up + traffic.bytes_copied if traffic else 0, to_move)
        return replace(
            snapshot,
            sent_bytes=traffic.bytes_up if traffic else 0,
            copied_bytes=traffic.bytes_copied if traffic else 0,
            progress=self._meter.snapshot(),
            waiting=weather.waiting if weather else None,
            retries=weather.retries if weather else 0,
        )

    def _count_present(self, moved: int, to_move: int) -> None:
        """Bring the meter up to what has moved: done objects by their size, the one at hand by its share."""
        done = sum(self._sizes.get(key, 0) for key in self._outcomes)
        share = min(1.0, moved / to_move) if to_move else 0.0
        done += int(share * self._sizes.get(self._snapshot.current, 0))
        self._meter.add(done - self._counted)
        self._counted = done

    def use(self, connection: Connection) -> None:
        """Say through which connection it goes, before it is run."""
        with self._lock:
            self.connection = connection
            self._snapshot = replace(self._snapshot, connection_id=connection.profile.id)
        self._tell()

    def _begin_again(self) -> None:
        """What is done with stays so.

        An object that somebody replaced meanwhile is taken as it is now: to go on is to want that.
        """
        failed = {key: o.error for key, o in self._outcomes.items() if o.error is not None}
        for key in failed:
            del self._outcomes[key]
        theirs = {key for key, error in failed.items() if isinstance(error, Conflict)}
        self.wishes = tuple(replace(w, etag="") if w.ref.key in theirs else w for w in self.wishes)

    def run(self) -> None:
        """Repair all. Blocks; never raises. Does nothing if it was cancelled or paused while it waited."""
        with self._lock:
            if self.state is not JobState.QUEUED:
                return
            self._to(JobState.RUNNING, number=0, count=0, current="", result=None)
            self._meter, self._counted = ProgressMeter(self._snapshot.whole_bytes), 0
            token, connection = self._token, self.connection
            if connection is None:
                raise AssertionError("a repair is run only after it was said where")
            self._weather = Weather(
                self._patience,
                on_change=lambda _waiting: self._tell(),
                is_back=connection.reachable(),
                renew=connection.reload_credentials,
            )
        self._tell()
        began = time.monotonic()
        try:
            self._repair_all(connection, token)
        except Paused:
            self._end(JobState.PAUSED, began)
        except Cancelled:
            self._end(JobState.CANCELLED, began)
        except VidcdnError as exc:
            self._end(JobState.FAILED, began, error=exc)
        except Exception as exc:  # noqa: BLE001 - the runner is where bugs end
            self._end(JobState.FAILED, began, error=unexpected(exc, self._snapshot.place, UNCHANGED))
        else:
            error = self._failure()
            self._end(JobState.FAILED if error else JobState.PUBLISHED, began, error=error)

    def _repair_all(self, connection: Connection, token: CancelToken) -> None:
        weather = self._weather
        assert weather is not None
        targets = weather.run(lambda: list(find_targets(connection, self.wishes, token)), token)
        with Repairer(connection, resend=self.resend, invalidate=self.invalidate) as repairer:
            self._repairer = repairer
            for number, target in enumerate(targets, 1):
                if target.ref.key in self._outcomes:
                    continue
                token.raise_if_cancelled()
                self._change(number=number, count=len(targets), current=target.ref.key)
                self._note(self._one(repairer, target, token, weather))

    def _one(self, repairer: Repairer, target: Target, token: CancelToken, weather: Weather) -> Outcome:
        # What was found of earlier repairs is true for the first try only.
        found = [target.leftovers]

        def repair() -> RepairReport:
            leftovers = found.pop() if found else None
            return repairer.repair(target.ref, token=token, leftovers=leftovers, etag=target.etag)

        try:
            return Outcome(target.ref, weather.run(repair, token, damaged_again=False))
        except VidcdnError as exc:
            return Outcome(target.ref, error=exc)

    def _note(self, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes[outcome.ref.key] = outcome
            if outcome.report is not None:
                self._sizes[outcome.ref.key] = outcome.report.size
            # Else the next object would begin with the share of this one.
            self._snapshot = replace(self._snapshot, number=0, current="")
        if self._on_outcome is not None:
            self._on_outcome(outcome)

    def _failure(self) -> VidcdnError | None:
        errors = [outcome.error for outcome in self._outcomes.values() if outcome.error is not None]
        if not errors:
            return None
        if len(self._outcomes) == 1:
            return errors[0]
        first = errors[0]
        same = all(error.what == first.what for error in errors)
        return SomeFailed(
            f"{len(errors):,} of {plural(len(self._outcomes), 'video')} could not be repaired.",
            _as_they_were(errors),
            first.what if same else f"The first problem: {first.what}",
            subject=self._snapshot.place,
            code=first.code,
            request_id=first.request_id,
        )

    def result(self) -> dict[str, Any]:
        """What became of each object so far, and the totals, as JSON."""
        outcomes = self.outcomes
        return {"outcomes": [outcome.to_json() for outcome in outcomes], "totals": totals_of(outcomes).to_json()}

    def _stale(self) -> list[str]:
        """Keys that are repaired and served by a CDN that was not told."""
        found = [o.ref.key for o in self.outcomes if o.state is RepairState.REPAIRED]
        told = {o.ref.key for o in self.outcomes if o.report is not None and o.report.invalidated}
        keys = [key for key in found if key not in told]
        return keys if keys and self.connection is not None and self.connection.domains_of(keys) else []

    def give_up(self) -> None:
        """Cancel a paused or failed job, and clean up what a killed run of it has left in the bucket. Blocks.

        Raises: what the store raises: it stays as it is.
        """
        with self._lock:
            if self.state not in (JobState.PAUSED, JobState.FAILED):
                return
            self._to(JobState.CANCELLING)
        self._tell()
        try:
            self._clean_up()
        except VidcdnError as exc:
            with self._lock:
                self._to(JobState.FAILED, error=exc)
            self._tell()
            raise
        with self._lock:
            self._to(JobState.CANCELLED, error=None, finished=datetime.now(UTC))
        self._tell()

    def _clean_up(self) -> None:
        if self.connection is None:
            return
        token = CancelToken()
        with Repairer(self.connection) as repairer:
            for target in find_targets(self.connection, self.wishes, token):
                if target.ref.key not in self._outcomes:
                    repairer.clean_up(target.ref, token)

    # Changes
    def _end(self, state: JobState, began: float, **changes: Any) -> None:
        result = self.result() | {"stale": self._stale()}
        with self._lock:
            if state is JobState.PAUSED and self._snapshot.state is JobState.CANCELLING:
                state = JobState.CANCELLED  # it was cancelled while it came to rest
            self._repairer = None
            finished = None if state is JobState.PAUSED else datetime.now(UTC)
            retries = self._weather.retries if self._weather else 0
            changes |= {"number": 0, "current": "", "retries": retries, "result": result}
            self._to(state, seconds=time.monotonic() - began, finished=finished, **changes)
        self._tell()


def _as_they_were(errors: Sequence[VidcdnError]) -> str:
    if not all(error.meaning == UNCHANGED for error in errors):
        return ""
    return "It is in the bucket as it was." if len(errors) == 1 else "They are in the bucket as they were."


def names_of(wishes: Sequence[Wish]) -> tuple[str, str]:
    """How a job is called, and the place it is about: ("lecture-01.mp4", "lectures/lecture-01.mp4")."""
    if len(wishes) == 1:
        key = wishes[0].ref.key
        last = key.rstrip("/").rpartition("/")[2]
        if not wishes[0].is_prefix:
            return last, key
        return (f"All videos in {last}/" if last else "All videos in the bucket"), key
    if any(wish.is_prefix for wish in wishes):
        return f"{len(wishes):,} videos and folders", ""
    folders = {wish.ref.key.rpartition("/")[0] for wish in wishes}
    (folder,) = folders if len(folders) == 1 else ("",)
    where = f"{folder}/" if folder else ""
    return f"{plural(len(wishes), 'video')}{f' in {where}' if where else ''}", where
