"""Files and folders put into the bucket as one job; see `batch` for its life and `put_files` for what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ServiceTrouble
from vidcdn_desktop.jobs.batch import BatchJob
from vidcdn_desktop.jobs.batch_report import FileOutcome, first_snapshot
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import UPLOAD
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.put_files import PutFiles, PutResult, PutState, give_up, job_id_of, left_over
from vidcdn_desktop.jobs.put_plan import PutPlan
from vidcdn_desktop.jobs.put_saved import file_from_json, file_to_json
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import plural

_STATES = {PutState.PUT: "done", PutState.ALREADY: "already", PutState.EXISTS: "failed", PutState.FAILED: "failed"}


class PutJob(BatchJob):
    """One upload of many files, or one file that takes the place of an object."""

    _WAY = "uploaded"
    _MEANING = "What was sent before is in the bucket."

    def __init__(
        self,
        plan: PutPlan,
        means: Means,
        *,
        cache_control: str = "",
        on_change: Callable[[Any], None] | None = None,
        job_id: str = "",
    ) -> None:
        """Make it of a plan.

        Args:
            plan: With the names as they will be: see `put_taken`.
            means: Journal, bandwidth and patience.
            cache_control: Header for objects that bring none of their own.
            on_change: Called with the job after every change, in the thread that made it.
            job_id: Of a job of an earlier run; without it a new one is made up.
        """
        self.plan = plan
        self.cache_control = cache_control
        title, key = names_of(plan)
        bucket = plan.files[0].ref.bucket if plan.files else ""
        snapshot = first_snapshot(UPLOAD, title, bucket, key, job_id=job_id, whole_bytes=plan.total_bytes)
        counts = replace(snapshot.counts, files=len(plan.files))
        super().__init__(replace(snapshot, counts=counts), means, on_change)

    def _move_all(self, connection: Connection, token: CancelToken, weather: Weather) -> None:
        rest = tuple(file for file in self.plan.files if not self._is_done(file.ref.key))
        work = PutFiles(
            connection,
            PutPlan(rest, ()),
            token=token,
            cache_control=self.cache_control,
            journal=self.means.journal,
            limiter=self.means.limiter,
            on_done=self._on_done,
            weather=weather,
            mark=self.id,
            look_first=self.look_first,
            meter=self._meter,
        )
        self.look_first = True  # a request that was cut off may have arrived
        work.run()

    def _on_done(self, result: PutResult) -> None:
        file = result.file
        etag = result.stored.etag if result.stored is not None and result.error is None else ""
        state = _STATES[result.state]
        self._note(FileOutcome(file.ref.key, state, file.size, str(file.path), error=result.error, etag=etag))

    def _stale(self, _connection: Connection) -> list[str]:
        replaced = [f.ref.key for f in self.plan.files if f.replaces and self._is_done(f.ref.key)]
        return replaced if replaced and _connection.domains_of(replaced) else []

    def _half_done(self, connection: Connection) -> int:
        journal = self.means.journal
        if journal is None:
            return 0
        ours = {job_id_of(connection.clients.endpoint, file) for file in self.plan.files}
        left = [upload for record, upload in left_over(journal) if record.id in ours and upload is not None]
        return sum(max(1, upload.done_bytes) for upload in left)

    def _forget(self, connection: Connection) -> None:
        journal = self.means.journal
        if journal is None:
            return
        ours = {job_id_of(connection.clients.endpoint, file) for file in self.plan.files}
        for record, _upload in left_over(journal):
            if record.id in ours and not give_up(connection, journal, record):
                raise ServiceTrouble(
                    "What was sent of an unfinished file could not be removed.",
                    "It may still cost something in the bucket; no object was changed.",
                    "Cancel it once more later.",
                    subject=str(ObjectRef(record.bucket, record.key)),
                    retryable=True,
                )

    def _options(self) -> dict[str, Any]:
        return {"files": [file_to_json(file) for file in self.plan.files], "cache_control": self.cache_control}


def names_of(plan: PutPlan) -> tuple[str, str]:
    """How an upload is called, and the key or prefix it is about."""
    if len(plan.files) == 1:
        key = plan.files[0].ref.key
        name = key.rpartition("/")[2]
        return f"new content of {name}" if plan.files[0].replaces else name, key
    # The keys are sorted, so that what the first and the last share all of them do.
    first, last = (plan.files[0].ref.key, plan.files[-1].ref.key) if plan.files else ("", "")
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return plural(len(plan.files), "file"), first[: first.rfind("/", 0, shared) + 1]


def plan_in(record: JobRecord) -> PutPlan:
    """The files in a row; what makes no sense is left out."""
    saved = (record.options or {}).get("files")
    files = [file_from_json(entry, record.bucket) for entry in saved] if isinstance(saved, list) else []
    return PutPlan(tuple(file for file in files if file is not None), ())


def put_from(record: JobRecord, means: Means, on_change: Callable[[Any], None] | None = None) -> PutJob:
    """A paused upload for a row of the journal. It is bound to a connection before it runs."""
    cache_control = (record.options or {}).get("cache_control")
    job = PutJob(
        plan_in(record),
        means,
        cache_control=cache_control if isinstance(cache_control, str) else "",
        on_change=on_change,
        job_id=record.id,
    )
    job.restore(record)
    return job
