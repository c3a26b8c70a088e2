"""What the journal knows of jobs of earlier runs and of other running copies, read off the GUI thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.jobs.again import left_over
from vidcdn_desktop.jobs.batch import left_batches
from vidcdn_desktop.jobs.journal import JobRecord, Journal, OpenUpload
from vidcdn_desktop.jobs.keeping import FETCH, UPLOAD
from vidcdn_desktop.jobs.kept_download import LeftDownload, left_downloads
from vidcdn_desktop.jobs.kept_repair import left_repairs
from vidcdn_desktop.jobs.operations.job import OperationJob
from vidcdn_desktop.jobs.operations.rows import left_operations

_log = logging.getLogger(__name__)

MOST = 500
"""Jobs that are shown; `Journal.prune` keeps as many."""


@dataclass(frozen=True)
class Recalled:
    """One look into the journal."""

    records: Sequence[JobRecord]
    """The newest jobs, newest first."""
    uploads: Sequence[tuple[JobRecord, OpenUpload | None]]
    """Publishes whose process has ended before they did."""
    downloads: Sequence[LeftDownload]
    """Downloads likewise."""
    repairs: Sequence[JobRecord] = ()
    """Repairs likewise."""
    batches: Sequence[JobRecord] = ()
    """Uploads and downloads of many files likewise."""
    operations: Sequence[OperationJob] = ()
    """Operations likewise, with their objects: those that are in the list already are left out."""
    undoable: frozenset[str] = frozenset()
    """Ids of operations of which something can be taken back."""


class History(QObject):
    """Reads the journal when asked. GUI thread."""

    recalled = Signal(object)
    """Recalled."""
    failed = Signal(object)
    """VidcdnError."""

    def __init__(
        self,
        journal: Journal | None,
        parent: QObject | None = None,
        *,
        again: Callable[[JobRecord], OperationJob | None] = lambda _record: None,
    ) -> None:
        """`again` makes the operation of a row; it is called on the reading thread."""
        super().__init__(parent)
        self._journal = journal
        self._again_of = again
        self._reading = False
        self._again = False

    @property
    def problem(self) -> VidcdnError | None:
        """What the user should know of the journal: it was damaged, or lately could not be written."""
        return self._journal.problem if self._journal is not None else None

    def read(self, *, prune: bool = False) -> None:
        """Look into the journal; the answer comes by signal. A look under way is followed by one more."""
        journal = self._journal
        if journal is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True

        def look() -> Recalled:
            if prune:
                journal.prune(MOST)
            uploads, downloads = left_over(journal), left_downloads(journal)
            repairs, batches = left_repairs(journal), left_batches(journal, frozenset({UPLOAD, FETCH}))
            operations = [job for record in left_operations(journal) if (job := self._taken_up(record)) is not None]
            undoable = frozenset(journal.undoable_jobs())
            return Recalled(journal.jobs(MOST), uploads, downloads, repairs, batches, operations, undoable)

        run_in_background(self, look, self._on_done, self._on_failed)

    def _taken_up(self, record: JobRecord) -> OperationJob | None:
        try:
            return self._again_of(record)
        except VidcdnError as exc:
            _log.warning("an operation cannot be gone on with: %s", exc.what)
            return None

    def forget(self, job_ids: Sequence[str]) -> None:
        """Take jobs out of the journal; those another running copy is at stay."""
        journal = self._journal
        if journal is None or not job_ids:
            return

        def remove() -> None:
            for job_id in job_ids:
                try:
                    journal.remove_job(job_id)
                except VidcdnError as exc:
                    _log.info("a job stays in the journal: %s", exc.what)

        run_in_background(self, remove, self._on_forgotten, self._on_failed)

    @Slot(object)
    def _on_done(self, recalled: Recalled) -> None:
        self._reading = False
        self.recalled.emit(recalled)
        if self._again:
            self._again = False
            self.read()

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._reading = self._again = False
        _log.warning("the journal cannot be read: %s", error.sentence())
        self.failed.emit(error)

    @Slot(object)
    def _on_forgotten(self, _nothing: object) -> None:
        return
