"""What the journal's tests share: a filled record, an intent, parts, and a process that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from vidcdn_desktop.bytesource import SourceIdentity
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.storage.port import ObjectRef, PartResult, UploadIntent

_ROOT = Path(__file__).resolve().parents[3]
_CHILD = Path(__file__).with_name("journal_child.py")

PART = 8 * 1024 * 1024


def record(job_id: str = "j1", state: str = "queued", **changes: object) -> JobRecord:
    return replace(JobRecord(job_id, "publish", state), **changes)  # type: ignore[arg-type]


def filled(job_id: str = "j1") -> JobRecord:
    """Every field says something, and says it in the most awkward way."""
    return JobRecord(
        id=job_id,
        kind="publish",
        state="running",
        title="Lake 🏞 at “dawn”\x00\x1a0041",
        source=os.fsdecode(b"/films/\xff\xfe caf\xe9/\xf0\x9f\x8e\xac.mp4"),
        identity=SourceIdentity(5 * 1024**4, 15_000_000_000_000_000_001, 2**64 - 1, 2**64 - 2),
        connection_id="c-1",
        connection_name="Студия 🎬",
        endpoint="https://s3.example.org:8443",
        bucket="studio",
        key="videos/läke at dawn\n.mp4",
        size=5 * 1024**4 + 17,
        options={"title": "🏞", "verify": True, "thumbnail_image": os.fsdecode(b"/p/\xff.png")},
        plan={"ref": {"bucket": "studio", "key": "k"}, "notes": ["a", "b"], "size": 12},
        steps={"upload": {"state": "done", "seconds": 1.25, "note": ""}},
        result={"url": "https://cdn.example.org/v/a.mp4", "width": None},
        error={"kind": "Offline", "what": "No connection.", "retryable": True},
        created=datetime(2026, 11, 25, 3, 0, 0, 123456, tzinfo=UTC),
        ended=datetime(2026, 11, 25, 4, 0, 0, tzinfo=UTC),
        position=-3,
        priority=7,
    )


def intent(key: str = "videos/a.mp4", *, mark: str = "m-1", part_size: int = PART) -> UploadIntent:
    return UploadIntent(ObjectRef("studio", key), 10 * PART, part_size, mark, "digest-1", only_if_absent=True)


def part(number: int, size: int = PART) -> PartResult:
    return PartResult(number, size, f"etag-{number}", f"crc-{number}")


class Child:
    """Another copy of the program that does one thing after the other and tells each when it is done."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.told: list[str] = []

    def next(self) -> str:
        """Wait for the next line; empty when it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line:
            self.told.append(line)
        return line

    def until(self, line: str) -> None:
        """Wait until it tells this."""
        while (found := self.next()) != line:
            assert found, f"it ended without telling {line!r}; told {self.told}"

    def kill(self) -> None:
        """End it as a crash would; what it told until then is in `told`."""
        self._process.kill()
        while self.next():
            pass
        self._process.wait()


@contextmanager
def child(path: Path, what: str) -> Iterator[Child]:
    """Run `what` of journal_child.py on the journal at `path` in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, str(_CHILD), what, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment
    ) as process:
        running = Child(process)
        try:
            yield running
        finally:
            process.kill()
