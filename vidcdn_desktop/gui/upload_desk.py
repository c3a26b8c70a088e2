"""Joins the pages in what concerns uploads as they are: what is dropped, the question, the job, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from vidcdn_desktop.delivery.invalidation import invalidation_path
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.upload_dialog import Agreed, UploadDialog
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import Toast
from vidcdn_desktop.jobs.batch_report import BatchSnapshot
from vidcdn_desktop.jobs.keeping import UPLOAD
from vidcdn_desktop.jobs.model import JobState, PublishOptions
from vidcdn_desktop.jobs.states import ENDED
from vidcdn_desktop.textsafe import display, plural


class UploadDesk(AskingDesk):
    """Between the Library, session and bridge. GUI thread."""

    dialog: UploadDialog | None
    """The question, while it is asked."""

    def __init__(
        self,
        bridge: JobBridge,
        session: Session,
        window: MainWindow,
        library: LibraryPage,
        toasts: dict[str, Toast],
        parent: QObject,
    ) -> None:
        """Put the parts together; `toasts` by the name of the page they belong to."""
        super().__init__(parent)
        self._bridge = bridge
        self._session = session
        self._window = window
        self._library = library
        self._toasts = toasts
        self._published = 0
        """Videos that went to the Publish page from the question that is asked."""
        self._asked_prefix = ""
        self._running: set[str] = set()
        self._tellers: dict[str, Callable[[BatchSnapshot], None]] = {}
        """By job id: who tells that it went well."""
        library.upload_requested.connect(self._on_requested)
        library.files_wanted.connect(self._on_files_wanted)
        bridge.batches.changed.connect(self._on_changed)

    # The question
    @Slot(object)
    def _on_files_wanted(self, wish: tuple[str, bool]) -> None:
        """Choose files, or a folder, for a folder of the bucket."""
        self._asked_prefix, is_folder = wish
        chooser = QFileDialog(self._window, "Upload a folder" if is_folder else "Upload files", str(Path.home()))
        mode = QFileDialog.FileMode
        chooser.setFileMode(mode.Directory if is_folder else mode.ExistingFiles)
        chooser.filesSelected.connect(self._on_chosen)
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    @Slot(list)
    def _on_chosen(self, names: list[str]) -> None:
        self._on_requested(([Path(name) for name in names], self._asked_prefix))

    @Slot(object)
    def _on_requested(self, wish: tuple[list[Path], str]) -> None:
        paths, prefix = wish
        connection = self._library.connection
        if connection is None or not paths or self.dialog is not None:
            return
        self._published = 0
        dialog = UploadDialog(connection, paths, prefix, self._window)
        dialog.agreed.connect(self._on_agreed)
        dialog.publish_wanted.connect(self._on_publish_wanted)
        self._open(dialog)
        dialog.start()

    @Slot(int)
    def _on_asked(self, result: int) -> None:
        if self.dialog is None:
            return
        all_published = self._published and self.dialog.intake is not None and not self.dialog.intake.plan.files
        super()._on_asked(result)
        if all_published:
            self._window.show_page("publish")
        elif self._published:
            text = f"{plural(self._published, 'video')} added to Publish"
            self._library.toast.show_message(text, "Show in Publish", self._show_publish)

    @Slot(object)
    def _on_publish_wanted(self, wish: tuple[list[Path], str]) -> None:
        paths, prefix = wish
        self._published += len(paths)
        self._bridge.add_paths(paths, PublishOptions(prefix=prefix.rstrip("/")))

    @Slot(object)
    def _on_agreed(self, agreed: Agreed) -> None:
        job_id = self._bridge.batches.put(agreed.plan, agreed.connection, agreed.cache_control)
        if job_id:
            self._running.add(job_id)
            name = agreed.prefix.rstrip("/").rpartition("/")[2] or agreed.connection.profile.bucket
            where = display(name, 40)
            text = f"Uploading {plural(len(agreed.plan.files), 'file')} to {where}"
            self._library.toast.show_message(text, "Show in Activity", self.show_activity)

    # What came of it
    def tell_by(self, job_id: str, teller: Callable[[BatchSnapshot], None]) -> None:
        """Let somebody else tell it when this job has gone well."""
        self._running.add(job_id)
        self._tellers[job_id] = teller

    @Slot(object)
    def _on_changed(self, snapshot: BatchSnapshot) -> None:
        if snapshot.kind != UPLOAD:
            return
        if snapshot.state not in ENDED:
            if snapshot.state is not JobState.PAUSED:
                self._running.add(snapshot.id)
            return
        if snapshot.id not in self._running:
            return
        self._running.discard(snapshot.id)
        counts = snapshot.counts
        here = snapshot.connection_id == self._session.facts.profile.id
        if here and (counts.done or counts.already):
            self._library.refresh_below(snapshot.key)
        if snapshot.state is not JobState.CANCELLED:
            self._tell_end(snapshot, here=here)

    def _tell_end(self, snapshot: BatchSnapshot, *, here: bool) -> None:
        stale = (snapshot.result or {}).get("stale") or []
        counts = snapshot.counts
        teller = self._tellers.pop(snapshot.id, None) if snapshot.state is JobState.PUBLISHED else None
        if snapshot.state is JobState.FAILED:
            text = snapshot.error.what if snapshot.error is not None else "Not all files were uploaded"
            self.tell(text, "Show in Activity", self.show_activity)
        elif teller is not None:
            teller(snapshot)
        elif stale and here and snapshot.bucket == self._session.facts.profile.bucket:
            paths = [invalidation_path(key) for key in stale]
            text = f"{plural(counts.done, 'file')} uploaded; the CDN may serve old copies"
            self.tell(text, "Invalidate…", lambda: self._library.invalidate_requested.emit(paths))
        else:
            already = f", {counts.already:,} there already" if counts.already else ""
            self.tell(f"{plural(counts.done, 'file')} uploaded{already}", "Show in Activity", self.show_activity)

    def tell(self, text: str, action: str, on_action: Callable[[], None]) -> None:
        """Say something on the page that is shown."""
        toast = self._toasts.get(self._window.current_page, self._library.toast)
        toast.show_message(text, action, on_action)

    def show_activity(self) -> None:
        """Go there."""
        self._window.show_page("activity")

    def _show_publish(self) -> None:
        self._window.show_page("publish")
