"""A download that outlives its process: written down in the journal, claimed while it runs, made again after a start.

The row says what goes where; how far it is stands in the `.part` file beside the target, which is believed only after
every byte was checked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.download import DownloadJob, DownloadSnapshot
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.keeping import DOWNLOAD, OPEN_STATES, PRACTICE_ID, claimed
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.jobs.model import JobState, report_json
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.storage.download import forget_download
from vidcdn_desktop.storage.download_state import read_state
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import safe_file_name


@dataclass(frozen=True)
class LeftDownload:
    """A download that was under way when its process ended."""

    record: JobRecord
    kept_bytes: int
    """In the `.part` file, as far as is remembered there."""


class KeptDownload(DownloadJob):
    """A download with a row in the journal (if there is one), for a queue. Any thread may call any method."""

    def __init__(
        self,
        ref: ObjectRef,
        folder: Path,
        means: Means,
        *,
        name: str = "",
        on_change: Callable[[DownloadJob], None] | None = None,
        job_id: str = "",
    ) -> None:
        self.means = means
        self.limiter = RateLimiter(None, means.limiter)
        """The bandwidth of this download, within that of all."""
        self.connection: Connection | None = None
        self._restored: JobRecord | None = None
        super().__init__(
            ref,
            folder,
            None,
            name=name,
            limiter=self.limiter,
            patience=means.patience,
            on_change=on_change,
            job_id=job_id,
        )

    def bind(self, connection: Connection) -> None:
        """Say through which connection it goes."""
        self.connection = connection
        self.use(
            connection.storage,
            parallel=connection.parallel_parts,
            is_back=connection.reachable(),
            renew=connection.reload_credentials,
        )
        self._change(connection_id=connection.profile.id)

    def restore(self, left: LeftDownload) -> None:
        """Take over from the journal what an earlier process knew. Called once, before anybody else has the job."""
        record = self._restored = left.record
        self._snapshot = replace(
            self._snapshot,
            state=JobState.PAUSED,
            created=record.created,
            priority=record.priority,
            connection_id=record.connection_id,
            whole_bytes=record.size,
            kept_bytes=left.kept_bytes,
        )

    def run(self) -> None:
        """Download, with the row claimed. Blocks; never raises."""
        self._run_claimed(claimed(self.means.journal, self.id, self.keep), super().run)
        self.keep()

    def give_up(self) -> None:
        """Remove what a paused or failed download has kept. Blocks; never raises: what goes wrong is its error."""
        with contextlib.suppress(VidcdnError):
            super().give_up()
        self.keep()

    def keep(self) -> None:
        """Write it down as it is now."""
        journal, snapshot, old = self.means.journal, self.snapshot(), self._restored
        if journal is None:
            return
        if old is not None and self.connection is None:  # the row knows the connection's name
            journal.save_job(replace(old, state=snapshot.state.value, priority=snapshot.priority))
        else:
            journal.save_job(record_of(snapshot, self.connection))


def record_of(snapshot: DownloadSnapshot, connection: Connection | None) -> JobRecord:
    """The row that describes a download at this instant. No secret is in it."""
    return JobRecord(
        id=snapshot.id,
        kind=DOWNLOAD,
        state=snapshot.state.value,
        title=snapshot.title,
        connection_id=snapshot.connection_id,
        connection_name=connection.profile.name if connection else "",
        endpoint=connection.clients.endpoint if connection else "",
        bucket=snapshot.ref.bucket,
        key=snapshot.ref.key,
        size=snapshot.progress.total_bytes if snapshot.progress else snapshot.whole_bytes,
        options={"folder": str(snapshot.folder.absolute())},
        result=report_json(snapshot.result) if snapshot.result else None,
        error=snapshot.error.to_json() if snapshot.error else None,
        ended=snapshot.finished,
        priority=snapshot.priority,
        created=snapshot.created or datetime.now(UTC),
    )


def folder_of(record: JobRecord) -> Path | None:
    """Where the download in a row goes; None if the row does not say."""
    folder = (record.options or {}).get("folder")
    return Path(folder) if isinstance(folder, str) and folder else None


def download_from(
    left: LeftDownload, means: Means, on_change: Callable[[DownloadJob], None] | None = None
) -> KeptDownload:
    """A paused download for a row of the journal. It is bound to a connection before it runs."""
    record = left.record
    folder = folder_of(record) or Path.home()
    job = KeptDownload(ObjectRef(record.bucket, record.key), folder, means, on_change=on_change, job_id=record.id)
    job.restore(left)
    return job


def left_downloads(journal: Journal) -> list[LeftDownload]:
    """Downloads that were under way when their process ended, oldest first. Waits for the disk.

    Those another running copy of the program is at are not among them. Those of a practice cloud that is gone are
    forgotten, and what had arrived of them is removed.
    """
    found = []
    for record in journal.unfinished():
        folder = folder_of(record)
        if record.kind != DOWNLOAD or record.owned_elsewhere or folder is None or record.state not in OPEN_STATES:
            continue
        ref = ObjectRef(record.bucket, record.key)
        if record.connection_id == PRACTICE_ID:
            with contextlib.suppress(VidcdnError):
                forget_download(ref, folder)
            journal.remove_job(record.id)
            continue
        found.append(LeftDownload(record, _kept_bytes(ref, folder)))
    return sorted(found, key=lambda left: left.record.created)


def _kept_bytes(ref: ObjectRef, folder: Path) -> int:
    state = read_state(folder / f".{safe_file_name(ref.key, 'download')}.part.json")
    if state is None or not state.is_of(ref, ""):
        return 0
    return sum(arrived.length for arrived in state.arrived.values())
