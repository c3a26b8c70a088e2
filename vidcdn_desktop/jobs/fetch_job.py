"""All below some prefixes downloaded as one job; see `batch` for its life, `fetch_plan` for the names.

Every file comes down by `storage.download`: resumable, proved, never over another file. What an earlier run has brought
is known by its bytes, so that the same download can be run again and goes on.
"""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    BucketNotFound,
    CredentialsExpired,
    CredentialsMissing,
    CredentialsRejected,
    DiskFull,
    FolderUnusable,
    Offline,
    VidcdnError,
)
from vidcdn_desktop.jobs.batch import BatchJob
from vidcdn_desktop.jobs.batch_report import FileOutcome, first_snapshot
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.fetch_plan import FetchPlan, FileToFetch, plan_fetch, title_of
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.keeping import FETCH
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.checksums import checksum_of, md5_of
from vidcdn_desktop.storage.crowd import Sending, send_all
from vidcdn_desktop.storage.download import download, forget_download
from vidcdn_desktop.storage.download_file import no_room, told
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import display, format_size

_OF_ALL = (Offline, BucketNotFound, CredentialsRejected, CredentialsExpired, CredentialsMissing, DiskFull)
"""What one file fails with and all others would, too."""

_MD5_ETAG = re.compile(r"[0-9a-f]{32}")


class FetchJob(BatchJob):
    """One download of many objects.

    Args:
        wishes: Objects, and prefixes for all below them; of one bucket.
        folder: An existing folder.
        means: Journal, bandwidth and patience.
        on_change: Called with the job after every change, in the thread that made it.
        on_outcome: Called with what became of each file, in the thread that saw to it.
        job_id: Of a job of an earlier run; without it a new one is made up.
    """

    _WAY = "downloaded"
    _MEANING = "What has arrived before is in the folder."

    def __init__(
        self,
        wishes: Sequence[ObjectRef],
        folder: Path,
        means: Means,
        *,
        on_change: Callable[[Any], None] | None = None,
        on_outcome: Callable[[FileOutcome], None] = lambda _outcome: None,
        job_id: str = "",
    ) -> None:
        self.wishes = tuple(wishes)
        self.folder = folder
        self.plan: FetchPlan | None = None
        """What comes down; None until it was listed."""
        self._on_outcome = on_outcome
        self._making = threading.Lock()
        bucket = wishes[0].bucket if wishes else ""
        key = wishes[0].key if len(wishes) == 1 else ""
        snapshot = first_snapshot(FETCH, title_of(wishes), bucket, key, job_id=job_id, folder=str(folder.absolute()))
        super().__init__(snapshot, means, on_change)

    def _options(self) -> dict[str, Any]:
        return {"keys": [wish.key for wish in self.wishes]}

    def _note(self, outcome: FileOutcome) -> None:
        super()._note(outcome)
        self._on_outcome(outcome)

    # Running
    def _move_all(self, connection: Connection, token: CancelToken, weather: Weather) -> None:
        plan = self.plan
        if plan is None:
            plan = self.plan = plan_fetch(connection, self.wishes, token=token, weather=weather)
            self._count(plan)
            for key, reason in plan.left_alone:
                self._note(FileOutcome(key, "left alone", note=reason))
        self._meter.set_total(plan.total_bytes)
        for folder in plan.folders:
            self._make(folder)
        rest = [file for file in plan.files if not self._is_done(file.ref.key)]
        self._check_room(rest)
        sendings = [Sending(file.size, partial(self._fetch, file, connection, token, weather)) for file in rest]
        send_all(sendings, token=token, sent_bytes=lambda: self._meter.sent_bytes, limiter=self.means.limiter)

    def _check_room(self, files: Sequence[FileToFetch]) -> None:
        """Before the first byte: a disk that is full after an hour helps nobody.

        Raises: DiskFull.
        """
        needed = sum(f.size for f in files if not self.folder.joinpath(*f.folder, f.name).exists())
        with told(self.folder):
            free = disk_usage(self.folder).free
        if free < needed:
            raise no_room(self.folder, f"{format_size(free)} free, {format_size(needed)} needed")

    def _count(self, plan: FetchPlan) -> None:
        with self._lock:
            numbers = self._snapshot.counts.to_json() | {"files": len(plan.files) + len(plan.left_alone)}
            counts = type(self._snapshot.counts)(**numbers)
            self._change_quietly(counts=counts, whole_bytes=plan.total_bytes)
        self._tell()

    def _fetch(self, file: FileToFetch, connection: Connection, token: CancelToken, weather: Weather) -> None:
        try:
            outcome = self._fetched(file, connection, token, weather)
        except VidcdnError as exc:
            outcome = FileOutcome(file.ref.key, "failed", file.size, error=exc)
        self._note(outcome)
        if isinstance(outcome.error, _OF_ALL):
            raise outcome.error

    def _fetched(self, file: FileToFetch, connection: Connection, token: CancelToken, weather: Weather) -> FileOutcome:
        folder = self._make(file.folder)
        target = folder / file.name
        there = _regular(target)
        if there is not None:
            stored = weather.run(lambda: connection.storage.head(file.ref), token)
            if _has(target, stored, token):
                self._meter.add_present(file.size)
                return FileOutcome(file.ref.key, "already", stored.size, str(target))
        result = download(
            connection.storage,
            file.ref,
            folder,
            token=token,
            name=file.name,
            meter=_Share(self._meter),
            parallel=connection.parallel_parts,
            limiter=self.means.limiter,
            weather=weather,
        )
        renamed = result.path.name != file.name
        note = f"Saved as {display(result.path.name, 80)}: the name was taken." if renamed else ""
        return FileOutcome(file.ref.key, "done", result.size, str(result.path), note)

    def _make(self, names: tuple[str, ...]) -> Path:
        """The folder for some names, made where it is not there yet.

        Raises: FolderUnusable: a link or a file stands in its place. DiskFull.
        """
        folder = self.folder
        with self._making:
            for name in names:
                folder = folder / name
                with told(folder):
                    folder.mkdir(exist_ok=True)
                    status = folder.lstat()
                if not stat.S_ISDIR(status.st_mode):  # a link would lead out of the chosen folder
                    raise FolderUnusable(
                        "A link stands where a folder should be made.",
                        "What lies below it was not downloaded.",
                        "Move it away, or choose another folder.",
                        subject=str(folder),
                    )
        return folder

    def _forget(self, connection: Connection) -> None:
        # After another start it is not known which files it was about.
        plan = self.plan or plan_fetch(connection, self.wishes, token=CancelToken())
        for file in plan.files:
            folder = self.folder.joinpath(*file.folder)
            if not self._is_done(file.ref.key) and (folder / f".{file.name}.part").exists():
                forget_download(file.ref, folder, name=file.name)


class _Share(ProgressMeter):
    """The meter of one file among many: its bytes count for all, its size is counted already."""

    def __init__(self, whole: ProgressMeter) -> None:
        super().__init__()
        self._whole = whole

    def set_total(self, total_bytes: int) -> None:
        """The whole knows it."""

    def add(self, delta_bytes: int) -> None:
        """See `ProgressMeter`."""
        self._whole.add(delta_bytes)


def _regular(path: Path) -> int | None:
    """Size of a regular file; None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _has(path: Path, stored: StoredObject, token: CancelToken) -> bool:
    """Whether a file is an object: by its checksum, its MD5, or (where the store keeps neither) by size and time.

    Raises: Cancelled.
    """
    try:
        with FileSource(path) as source:
            if source.size != stored.size:
                return False
            if stored.checksum and stored.checksum_is_whole:
                sum_here = checksum_of(stored.checksum_algorithm, source, 0, source.size, token=token)
                return sum_here == stored.checksum
            if _MD5_ETAG.fullmatch(stored.etag) and stored.encryption in ("", "AES256"):
                return md5_of(source, 0, source.size, token=token) == stored.etag
            written = datetime.fromtimestamp(source.identity.mtime_ns / 1e9, UTC)
            return stored.last_modified is not None and written >= stored.last_modified
    except VidcdnError:
        return False


def fetch_from(record: JobRecord, means: Means, on_change: Callable[[Any], None] | None = None) -> FetchJob:
    """A paused download for a row of the journal. It is bound to a connection before it runs."""
    saved = (record.options or {}).get("keys")
    keys = [key for key in saved if isinstance(key, str)] if isinstance(saved, list) else []
    wishes = [ObjectRef(record.bucket, key) for key in keys]
    job = FetchJob(wishes, Path(record.source), means, on_change=on_change, job_id=record.id)
    job.restore(record)
    return job
