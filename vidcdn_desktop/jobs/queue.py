"""Which job runs next. Threads belong to the front end; they call `work` until the queue is closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from vidcdn_desktop.jobs.model import JobState

_log = logging.getLogger(__name__)


class Queueable(Protocol):
    """What a queue runs: a publish or a download."""

    id: str

    @property
    def state(self) -> JobState:
        """Where it is."""
        ...

    @property
    def priority(self) -> int:
        """Higher runs first."""
        ...

    def mark_queued(self) -> None:
        """It waits now."""
        ...

    def run(self) -> None:
        """Do it. Blocks; never raises; nothing happens if it does not wait any more."""
        ...

    def pause(self) -> None:
        """Stop, and keep what was done."""
        ...

    def cancel(self) -> None:
        """Stop, and keep nothing."""
        ...

    def keep(self) -> None:
        """Write it down. May wait for the disk."""
        ...


class JobQueue:
    """Higher priority first, then the order of the list, then first come first served. Any thread, any method."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[Queueable] = []
        self._order: dict[str, int] = {}
        self._closed = False

    def put(self, job: Queueable) -> None:
        """Queue a job that is READY, PAUSED, FAILED or CANCELLED."""
        job.mark_queued()
        with self._condition:
            self._waiting.append(job)
            self._condition.notify()

    def withdraw(self, job: Queueable) -> bool:
        """Take a job back that has not started; True if it was still waiting."""
        with self._condition:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
        return True

    def set_order(self, job_ids: Sequence[str]) -> None:
        """Say in which order waiting jobs of equal priority run; those not named come last."""
        with self._condition:
            self._order = {job_id: number for number, job_id in enumerate(job_ids)}

    def close(self) -> list[Queueable]:
        """Take no more jobs and let every worker end; gives those that never started."""
        with self._condition:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
            self._condition.notify_all()
        return left

    def work(self) -> None:
        """Run jobs, one after the other, until the queue is closed. One call per worker thread."""
        while True:
            with self._condition:
                while not self._waiting and not self._closed:
                    self._condition.wait()
                if not self._waiting:
                    return
                job = min(self._waiting, key=self._rank)
                self._waiting.remove(job)
            job.run()

    def _rank(self, job: Queueable) -> tuple[int, int]:
        return -job.priority, self._order.get(job.id, len(self._order))
