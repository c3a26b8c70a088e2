"""What there is to say of many files moved as one job: of each file, in counts, and of the job at one instant."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.storage.weather import Waiting


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    key: str
    state: str
    """"done", "already" (it was there, with the same bytes), "left alone" or "failed"."""
    size: int = 0
    """Bytes."""
    path: str = ""
    """On this computer."""
    note: str = ""
    error: VidcdnError | None = None
    etag: str = ""
    """Of the object, where it was written."""

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        facts: dict[str, Any] = {"key": self.key, "state": self.state, "size": self.size, "path": self.path}
        if self.etag:
            facts["etag"] = self.etag
        if self.note:
            facts["note"] = self.note
        if self.error is not None:
            facts["error"] = self.error.to_json()
        return facts


@dataclass(frozen=True)
class BatchCounts:
    """Files by what became of them."""

    files: int = 0
    """In all, as far as is known."""
    done: int = 0
    already: int = 0
    left: int = 0
    failed: int = 0

    @property
    def over(self) -> int:
        """Files that were seen to."""
        return self.done + self.already + self.left + self.failed

    def to_json(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)


@dataclass(frozen=True)
class BatchSnapshot:
    """One job at one instant: all a front end needs to draw it."""

    id: str
    kind: str
    """`keeping.UPLOAD` or `keeping.FETCH`."""
    title: str
    bucket: str
    key: str
    """The prefix or key it is about."""
    folder: str = ""
    """On this computer, of what comes down."""
    state: JobState = JobState.QUEUED
    counts: BatchCounts = field(default_factory=BatchCounts)
    progress: ProgressSnapshot | None = None
    """While it runs."""
    waiting: Waiting | None = None
    """Why nothing moves at the moment, and when it is tried again; None in good weather."""
    kept_bytes: int = 0
    """Bytes a paused one need not move again; of a failed one, those of files that were left half done."""
    whole_bytes: int | None = None
    retries: int = 0
    priority: int = 0
    """Higher runs first."""
    connection_id: str = ""
    """Through which connection it goes; empty if nobody said."""
    error: VidcdnError | None = None
    result: Mapping[str, Any] | None = None
    """The counts and what became of the files, as JSON; None while it runs."""
    seconds: float | None = None
    """How long the last run took; None before it has ended."""
    created: datetime | None = None
    finished: datetime | None = None


def first_snapshot(kind: str, title: str, bucket: str, key: str, *, job_id: str = "", **more: Any) -> BatchSnapshot:
    """A job that waits; without an id it gets a new one."""
    return BatchSnapshot(job_id or uuid.uuid4().hex, kind, title, bucket, key, created=datetime.now(UTC), **more)
