"""What a front end does with an operation beside running it: pause, cancel, resume, order, and hear of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.states import RUNNING, check_transition
from vidcdn_desktop.storage.weather import Weather


class OperationHolder:
    """The state of one operation; see `OperationJob`. Any thread may call any method.

    Args:
        snapshot: To begin with.
        on_change: Called with the job after every change, in the thread that made it.
    """

    def __init__(self, snapshot: OperationSnapshot, on_change: Callable[[Any], None] | None) -> None:
        self._snapshot = snapshot
        self._on_change = on_change
        self._lock = threading.RLock()
        self._token = CancelToken()
        self._weather: Weather | None = None
        self._told: set[int] = set()
        """Numbers of the objects that were told in this run."""

    @property
    def state(self) -> JobState:
        """Where it is."""
        return self._snapshot.state

    @property
    def priority(self) -> int:
        """Higher runs first."""
        return self._snapshot.priority

    def set_priority(self, priority: int) -> None:
        """Say how soon it should run."""
        self._change(priority=priority)

    def refuse(self, error: VidcdnError) -> None:
        """Say why a paused operation cannot go on now; it stays paused."""
        self._change(error=error)

    def try_now(self) -> None:
        """Try again at once what waits for the network or the service; harmless if nothing waits."""
        weather = self._weather
        if weather is not None and self.state in RUNNING:
            weather.try_now()

    def pause(self) -> None:
        """Stop, and go on later. Returns at once; twice is harmless."""
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
        """Stop for good. What is done stays done, and can be undone. Returns at once; twice is harmless."""
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
            self._told.clear()
        self._tell()

    def mark_queued(self) -> None:
        """It waits for its turn."""
        if self.state is not JobState.QUEUED:
            self.resume()

    # Inside
    def _to(self, state: JobState, **changes: Any) -> None:
        check_transition(self._snapshot.state, state)
        self._snapshot = replace(self._snapshot, state=state, **changes)

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self._snapshot = replace(self._snapshot, **changes)
        self._tell()

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change(self)
