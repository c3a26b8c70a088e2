"""The downloads of the window: beside the publishes, on the same queue and the same threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidcdn_desktop.gui.joblist import JobList
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.kept_download import KeptDownload, LeftDownload, download_from
from vidcdn_desktop.storage.port import ObjectRef


class Downloads(JobList):
    """The list of downloads as the window sees it; its snapshots are `DownloadSnapshot`."""

    _WORDS = ("download", "fetched")

    def add(self, refs: Sequence[ObjectRef], folder: Path, connection: Connection | None = None) -> None:
        """Download objects into a folder: through a connection to their bucket, without one through the open one."""
        connection = connection or self._connection()
        if connection is None or self._closing:
            return
        for ref in refs:
            job = KeptDownload(ref, folder, self._means, on_change=self._tell)
            job.bind(connection)
            self._put_in(job)
            self._enqueue(job)

    def restore(self, found: Sequence[LeftDownload]) -> list[str]:
        """Show what an earlier run of the program was at, as paused downloads; gives their ids."""
        fresh = [left for left in found if left.record.id not in self._jobs and not self._closing]
        for left in fresh:
            self._put_in(download_from(left, self._means, self._tell))
        return [left.record.id for left in fresh]

    def set_limit(self, bytes_per_s: int | None, job_id: str) -> None:
        """Hold the bandwidth of one down; None for as fast as it goes. At once, also while it runs."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.limiter.set_rate(bytes_per_s)

    def limit_of(self, job_id: str) -> int | None:
        """The limit set for one."""
        job = self._jobs.get(job_id)
        limit: int | None = job.limiter.own_rate if job is not None else None
        return limit
