"""What a front end does with a job beside running it: pause, cancel, resume, order, and hear of changes.

The same for downloads, repairs and operations; a publish has more states (see `job`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.states import RUNNING, check_transition
from vidcdn_desktop.storage.weather import Weather


class HeldSnapshot(Protocol):
    """A frozen dataclass; also with `error`, `seconds`, `finished`, and `priority` where there is a queue."""

    @property
    def state(self) -> JobState:
        """Where it is."""
        ...


S = TypeVar("S", bound=HeldSnapshot)


class JobHolder(Generic[S]):
    """The state of one job. Any thread may call any method.

    Args:
        snapshot: To begin with.
        on_change: Called with the job after every change, in the thread that made it.
    """

    def __init__(self, snapshot: S, on_change: Callable[[Any], None] | None) -> None:
        self._snapshot = snapshot
        self._on_change = on_change
        self._lock = threading.RLock()
        self._token = CancelToken()
        self._weather: Weather | None = None

    @property
    def state(self) -> JobState:
        """Where it is."""
        return self._snapshot.state

    @property
    def priority(self) -> int:
        """Higher runs first."""
        snapshot: Any = self._snapshot
        return int(snapshot.priority)

    def set_priority(self, priority: int) -> None:
        """Say how soon it should run."""
        self._change(priority=priority)

    def refuse(self, error: VidcdnError) -> None:
        """Say why it cannot go on now; its state stays."""
        self._change(error=error)

    def try_now(self) -> None:
        """Try again at once what waits for the network or the service; harmless if nothing waits."""
        weather = self._weather
        if weather is not None and self.state in RUNNING:
            weather.try_now()

    def pause(self) -> None:
        """Stop, and go on later. Returns at once; twice is harmless; nothing happens where nothing runs."""
        with self._lock:
            if self.state is JobState.RUNNING:
                self._to(JobState.PAUSING)
            elif self.state is JobState.QUEUED:
                self._to(JobState.PAUSED)
            else:
                return
            self._token.pause()
        self._tell()

    def cancel(self) -> None:
        """Stop for good. Returns at once; twice is harmless."""
        with self._lock:
            if self.state in (JobState.RUNNING, JobState.PAUSING):
                self._to(JobState.CANCELLING)
            elif self.state is JobState.QUEUED:
                self._to(JobState.CANCELLED, finished=datetime.now(UTC))
            else:
                return
            self._token.cancel()
        self._tell()

    def resume(self) -> None:
        """Queue it again after a pause, a failure or a cancel; whoever runs the queue calls `run`.

        Raises: IllegalTransition: it is queued, running or done.
        """
        with self._lock:
            self._to(JobState.QUEUED, error=None, seconds=None, finished=None)
            self._token = CancelToken()
            self._begin_again()
        self._tell()

    def mark_queued(self) -> None:
        """It waits for its turn."""
        if self.state is not JobState.QUEUED:
            self.resume()

    # For those who hold more
    def _begin_again(self) -> None:
        """What else a resume puts back; called with the lock held."""

    def _run_claimed(self, claim: AbstractContextManager[None], run: Callable[[], None]) -> None:
        """Run it while it is held (see `keeping.claimed`); if another copy of the program has it, it has failed."""
        try:
            with claim:
                run()
        except VidcdnError as exc:
            with self._lock:
                if self.state is JobState.QUEUED:
                    self._to(JobState.RUNNING)
                    self._to(JobState.FAILED, error=exc, finished=datetime.now(UTC))
            self._tell()

    def _to(self, state: JobState, **changes: Any) -> None:
        check_transition(self.state, state)
        self._change_quietly(state=state, **changes)

    def _change_quietly(self, **changes: Any) -> None:
        snapshot: Any = self._snapshot
        self._snapshot = replace(snapshot, **changes)

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self._change_quietly(**changes)
        self._tell()

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change(self)
