"""Joins the pages where an object gets new content: the file, the question, the job, the CDN, and taking it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.replace_dialog import Agreed, ReplaceDialog
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.upload_desk import UploadDesk
from vidcdn_desktop.jobs.batch_report import BatchSnapshot
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display


@dataclass(frozen=True)
class _Told:
    """A job whose old copies the CDN has been told to forget."""

    job_id: str


class ReplaceDesk(AskingDesk):
    """Between the Library, session and bridge. GUI thread."""

    dialog: ReplaceDialog | None
    """The question, while it is asked."""

    def __init__(
        self,
        bridge: JobBridge,
        window: MainWindow,
        library: LibraryPage,
        uploads: UploadDesk,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window = window
        self._library = library
        self._uploads = uploads
        self._row: Row | None = None
        """The object for which a file is chosen."""
        self._agreed: dict[str, Agreed] = {}
        """By job id, until the job has ended well."""
        library.verbs.replace.connect(self._on_wanted)

    # The question
    @Slot(object)
    def _on_wanted(self, row: Row) -> None:
        self._row = row
        chooser = QFileDialog(self._window, f"New content for {display(row.name, 60)}", str(Path.home()))
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.fileSelected.connect(self._on_chosen)
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    @Slot(str)
    def _on_chosen(self, name: str) -> None:
        row, connection = self._row, self._library.connection
        if row is None or connection is None or self.dialog is not None:
            return
        ref = ObjectRef(connection.profile.bucket, row.key)
        dialog = ReplaceDialog(connection, Path(name), ref, row.etag, self._window)
        dialog.agreed.connect(self._on_agreed)
        self._open(dialog)
        dialog.start()

    @Slot(object)
    def _on_agreed(self, agreed: Agreed) -> None:
        job_id = self._bridge.batches.put(agreed.found.plan, agreed.connection, "")
        if job_id:
            self._agreed[job_id] = agreed
            self._uploads.tell_by(job_id, self.tell_end)
            text = f"Replacing the content of {_name(agreed)}"
            self._library.toast.show_message(text, "Show in Activity", self._uploads.show_activity)

    # What came of it
    def tell_end(self, snapshot: BatchSnapshot) -> None:
        """It went well: tell the CDN where that was wished, and offer the way back where there is one."""
        agreed = self._agreed.pop(snapshot.id, None)
        if agreed is None:
            return
        if agreed.invalidate:
            connection, key, token = agreed.connection, agreed.found.file.ref.key, CancelToken()

            def tell() -> _Told:
                connection.invalidate_keys([key], caller_reference=snapshot.id, token=token)
                return _Told(snapshot.id)

            run_in_background(self, tell, self._on_told, self._on_failed, token=token)
        text = f"{_name(agreed)} has new content"
        if agreed.found.can_undo:
            self._uploads.tell(text, "Undo…", lambda: self._take_back(agreed, snapshot))
        else:
            self._uploads.tell(text, "Show in Activity", self._uploads.show_activity)

    def _take_back(self, agreed: Agreed, snapshot: BatchSnapshot) -> None:
        """Make the old version the newest; what it takes is shown first. Another object by then is left alone."""
        files = (snapshot.result or {}).get("files") or [{}]
        old = agreed.found.was.stored
        source = Source(old.ref, str(files[0].get("etag") or ""), old.size, old.version_id)
        if self._library.connection is agreed.connection:
            self._library.operation_requested.emit(Asked("version", (source,)))
        else:
            self._library.toast.show_message("Open the bucket of this job first")

    @Slot(object)
    def _on_told(self, told: _Told) -> None:
        self._bridge.batches.told(told.job_id)

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._uploads.tell(error.sentence(), "Show in Activity", self._uploads.show_activity)


def _name(agreed: Agreed) -> str:
    return display(agreed.found.file.ref.key.rpartition("/")[2], 60)
