"""One download on its way: a small state holder around `storage.download` for any front end.

    QUEUED ──> RUNNING ──> PUBLISHED (the file is there)
       ^         ├──> PAUSING ──> PAUSED ──┐
       │         ├──> FAILED ──────────────┤
       │         └──> CANCELLING ──> CANCELLED
       └──────────── resume ───────────────┘

States and transitions are those of every job (`jobs.states`), so that lists and filters need not tell them apart.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vidcdn_desktop.cancel import Cancelled, Paused
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.holder import JobHolder
from vidcdn_desktop.jobs.job import unexpected
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import ProgressMeter, ProgressSnapshot
from vidcdn_desktop.storage.download import DownloadResult, download, forget_download
from vidcdn_desktop.storage.port import ObjectRef, Storage
from vidcdn_desktop.storage.weather import Patience, Waiting, Weather
from vidcdn_desktop.textsafe import safe_file_name

_MEANING = "What has arrived is kept, if anything has."


@dataclass(frozen=True)
class DownloadSnapshot:
    """One download at one instant: all a front end needs to draw it."""

    id: str
    ref: ObjectRef
    folder: Path
    title: str
    """The file name it will have, or a number more."""
    state: JobState = JobState.QUEUED
    progress: ProgressSnapshot | None = None
    """While it runs."""
    waiting: Waiting | None = None
    """Why nothing arrives at the moment, and when it is tried again; None in good weather."""
    kept_bytes: int = 0
    """Bytes a paused or failed download has in the folder; every one is checked before it goes on."""
    whole_bytes: int | None = None
    """Of the object; None until it was looked at."""
    retries: int = 0
    """Requests that were sent again in this run."""
    priority: int = 0
    """Higher runs first."""
    connection_id: str = ""
    """Through which connection it goes; empty if nobody said."""
    error: VidcdnError | None = None
    result: DownloadResult | None = None
    seconds: float | None = None
    """How long the last run took; None before it has ended."""
    created: datetime | None = None
    finished: datetime | None = None


class DownloadJob(JobHolder[DownloadSnapshot]):
    """The state of one download. Any thread may call any method that is not said to block.

    Args:
        ref: What.
        folder: Where to; see `storage.download.download`.
        storage: Where from; None: said with `use` before it is run.
        name: File name instead of the key's last segment.
        version_id: A certain version.
        parallel: Ranges at the same time.
        limiter: Bandwidth limit, may be changed while it runs.
        patience: How long to put up with bad weather.
        is_back, renew: See `storage.weather.Weather`.
        on_change: Called with the job after every change, in the thread that made it.
        job_id: Of a download of an earlier run; without it a new one is made up.
    """

    def __init__(
        self,
        ref: ObjectRef,
        folder: Path,
        storage: Storage | None,
        *,
        name: str = "",
        version_id: str = "",
        parallel: int = 8,
        limiter: RateLimiter | None = None,
        patience: Patience | None = None,
        is_back: Callable[[], bool] | None = None,
        renew: Callable[[], bool] | None = None,
        on_change: Callable[[DownloadJob], None] | None = None,
        job_id: str = "",
    ) -> None:
        self.id = job_id or uuid.uuid4().hex
        super().__init__(
            DownloadSnapshot(
                self.id, ref, folder, safe_file_name(name or ref.key, "download"), created=datetime.now(UTC)
            ),
            on_change,
        )
        self._storage = storage
        self._name = name
        self._version_id = version_id
        self._parallel = parallel
        self._limiter = limiter
        self._patience = patience
        self._is_back = is_back
        self._renew = renew
        self._meter = ProgressMeter()

    def snapshot(self) -> DownloadSnapshot:
        """The download at this instant."""
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

    def use(
        self,
        storage: Storage,
        *,
        parallel: int,
        is_back: Callable[[], bool] | None = None,
        renew: Callable[[], bool] | None = None,
    ) -> None:
        """Say where from, before it is run; the arguments are those of the constructor."""
        self._storage, self._parallel, self._is_back, self._renew = storage, parallel, is_back, renew

    def _begin_again(self) -> None:
        self._change_quietly(result=None)

    def run(self) -> None:
        """Download. Blocks; never raises. Does nothing if it was cancelled or paused while it waited."""
        with self._lock:
            if self.state is not JobState.QUEUED:
                return
            self._to(JobState.RUNNING)
            self._meter = ProgressMeter()
            self._weather = Weather(
                self._patience, on_change=lambda _waiting: self._tell(), is_back=self._is_back, renew=self._renew
            )
            token, meter, weather, was = self._token, self._meter, self._weather, self._snapshot
            storage = self._storage
        if storage is None:
            raise AssertionError("a download is run only after it was said where from")
        self._tell()
        began = time.monotonic()
        try:
            result = download(
                storage,
                was.ref,
                was.folder,
                token=token,
                name=self._name,
                meter=meter,
                parallel=self._parallel,
                limiter=self._limiter,
                version_id=self._version_id,
                weather=weather,
            )
        except Paused:
            self._end_paused(began)
        except Cancelled:
            self._end(JobState.CANCELLED, began)
        except VidcdnError as exc:
            self._end(JobState.FAILED, began, error=exc)
        except Exception as exc:  # noqa: BLE001 - the runner is where bugs end
            self._end(JobState.FAILED, began, error=unexpected(exc, str(was.ref), _MEANING))
        else:
            self._end(JobState.PUBLISHED, began, result=result)

    def _end_paused(self, began: float) -> None:
        """It was paused, and perhaps cancelled while it came to rest."""
        with self._lock:
            kept = self.state is not JobState.CANCELLING
            if kept:
                self._settle(JobState.PAUSED, began)
        if kept:
            self._tell()
            return
        try:
            self._forget()
        except VidcdnError as exc:
            self._end(JobState.FAILED, began, error=exc)
        else:
            self._end(JobState.CANCELLED, began)

    def give_up(self) -> None:
        """Remove what a paused or failed download has kept. Blocks.

        Raises: FolderUnusable, DownloadBusy: it stays, and so does the state.
        """
        with self._lock:
            if self.state not in (JobState.PAUSED, JobState.FAILED):
                return
            self._to(JobState.CANCELLING)
        self._tell()
        try:
            self._forget()
        except VidcdnError as exc:
            with self._lock:
                self._to(JobState.FAILED, error=exc)
            self._tell()
            raise
        with self._lock:
            self._to(JobState.CANCELLED, error=None, kept_bytes=0, finished=datetime.now(UTC))
        self._tell()

    def _forget(self) -> None:
        was = self._snapshot
        forget_download(was.ref, was.folder, name=self._name, version_id=self._version_id)

    def _end(self, state: JobState, began: float, **changes: Any) -> None:
        with self._lock:
            self._settle(state, began, **changes)
        self._tell()

    def _settle(self, state: JobState, began: float, **changes: Any) -> None:
        finished = None if state is JobState.PAUSED else datetime.now(UTC)
        retries = self._weather.retries if self._weather else 0
        progress = self._meter.snapshot()
        changes["kept_bytes"] = progress.done_bytes if state in (JobState.PAUSED, JobState.FAILED) else 0
        changes["whole_bytes"] = progress.total_bytes or self._snapshot.whole_bytes
        self._to(state, seconds=time.monotonic() - began, finished=finished, retries=retries, **changes)
