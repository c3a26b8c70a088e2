"""Joins the pages in what concerns transfers: the limit, other connections, downloads, what an earlier run has left."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QFileDialog

from vidcdn_desktop.gui.activity.history import Recalled
from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.session import PRACTICE, Session
from vidcdn_desktop.gui.switch_dialog import SwitchDialog
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.fetch_plan import is_prefix, title_of
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import display, plural


class TransferDesk(QObject):
    """Between window, pages, session and bridge. GUI thread."""

    connections_requested = Signal()
    limit_changed = Signal(object)
    """int bytes a second for all transfers, or None: worth keeping."""
    folder_changed = Signal(str)
    """Where downloads go now: worth keeping."""

    def __init__(
        self,
        bridge: JobBridge,
        session: Session,
        saved: SavedConnections,
        window: MainWindow,
        pages: tuple[PublishPage, LibraryPage, ActivityPage],
        *,
        download_folder: str,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._session = session
        self._saved = saved
        self._window = window
        self.publish, self.library, self.activity = pages
        self._folder = download_folder
        self._pending: dict[str, str] = {}
        """Job id to verb: what is done once its connection is open."""
        self._resume_once = False
        """Whether what is recalled next goes on by itself."""
        self._tell_once = False
        self._asked = ("", "", "")
        self._wanted_refs: list[ObjectRef] = []
        self._wanted_from: Connection | None = None
        """Through which they are downloaded."""
        self.dialog: SwitchDialog | None = None
        """The question about another connection, while it is asked."""
        self._join()

    def _join(self) -> None:
        for signal in (self.publish.transfers.connection_wanted, self.activity.connection_wanted):
            signal.connect(self._on_connection_wanted)
        self.publish.transfers.limit_changed.connect(self.limit_changed)
        self.activity.show_key.connect(self._on_show_key)
        self.activity.show_folder.connect(self._on_show_folder)
        self.activity.history.recalled.connect(self._on_recalled)
        self.library.download_requested.connect(self._on_download)
        self._session.connection_changed.connect(self._on_connection)
        self._window.add_palette_actions(self._actions())

    def _actions(self) -> list[QAction]:
        transfers = self.publish.transfers
        found = []
        for text, slot in (
            ("Pause all transfers", self._bridge.pause_all),
            ("Resume all transfers", self._bridge.resume_all),
            ("Try all transfers again now", self._bridge.try_all_now),
            ("Limit the speed of all transfers…", transfers.limit.choice.ask),
            ("Take the speed limit away", self._on_no_limit),
        ):
            action = QAction(text, self)
            action.triggered.connect(slot)
            found.append(action)
        return found

    # What an earlier run has left
    def recall(self, *, resume: bool) -> None:
        """Look up what an earlier run was at; `resume`: go on with it by itself, once its connection is open."""
        self._tell_once, self._resume_once = True, resume
        self.activity.history.read(prune=True)

    @Slot(object)
    def _on_recalled(self, recalled: Recalled) -> None:
        count = len(self.activity.entries_left_over())
        if self._tell_once and count and not self._resume_once:
            self._tell(f"{plural(count, 'job')} can go on where an earlier run stopped")
        self._tell_once = False
        if not self._resume_once:
            return
        self._resume_once = False
        found = [record.id for record, _ in recalled.uploads] + [left.record.id for left in recalled.downloads]
        found += [record.id for record in (*recalled.repairs, *recalled.batches)]
        # The page may have taken these up in an earlier look already.
        found += [entry.id for entry in self.activity.entries_left_over() if entry.is_operation]
        for job_id in found:
            self._pending.setdefault(job_id, "resume")
        self._on_connection(self._session.connection)

    @Slot(object)
    def _on_connection(self, connection: Connection | None) -> None:
        """Do what waited for this connection."""
        if connection is None:
            return
        for job_id, verb in list(self._pending.items()):
            bridge = self._bridge
            lists = (bridge, bridge.downloads, bridge.repairs, bridge.operations, bridge.batches)
            if not any(jobs.needs_connection(job_id) for jobs in lists):
                del self._pending[job_id]
                self.activity.do(verb, job_id)

    def _tell(self, text: str) -> None:
        """Say something on the page that is shown; the Activity page says it by itself."""
        toasts = {"publish": self.publish.toast, "library": self.library.toast}
        toast = toasts.get(self._window.current_page)
        if toast is not None:
            toast.show_message(text, "Show in Activity", self._show_activity)

    # Another connection
    @Slot(object)
    def _on_connection_wanted(self, wish: tuple[str, str, str]) -> None:
        wanted, verb, job_id = wish
        entry = self.activity.entry(job_id)
        self._ask(wanted, entry.title if entry else "", verb, job_id)

    def _ask(self, wanted: str, title: str, verb: str, job_id: str) -> None:
        if self.dialog is not None:
            return
        profile = PRACTICE if wanted == PRACTICE.id else self._saved.get(wanted)
        self.dialog = SwitchDialog(title, profile.name if profile else "", self._window)
        self._asked = (wanted, verb, job_id)
        self.dialog.switch_wanted.connect(self._on_switch)
        self.dialog.connections_wanted.connect(self.connections_requested)
        self.dialog.finished.connect(self._on_asked)
        self.dialog.open()

    @Slot()
    def _on_switch(self) -> None:
        wanted, verb, job_id = self._asked
        self._pending[job_id] = verb
        self._session.use(wanted)

    @Slot()
    def _on_asked(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    # The Library
    @Slot(object)
    def _on_show_key(self, place: tuple[str, str, str]) -> None:
        job_id, wanted, key = place
        if wanted not in ("", self._session.facts.profile.id):
            self._ask(wanted, key.rpartition("/")[2], "show-key", job_id)
            return
        self._window.show_page("library")
        entry = self.activity.entry(job_id)
        self.library.show_key(key, entry.bucket if entry is not None else "")

    @Slot(object)
    def _on_download(self, refs: list[ObjectRef]) -> None:
        self._wanted_refs, self._wanted_from = refs, self.library.connection
        start = self._folder if self._folder and Path(self._folder).is_dir() else str(Path.home())
        chooser = QFileDialog(self._window, f"Download {title_of(refs)} to", start)
        chooser.setFileMode(QFileDialog.FileMode.Directory)
        chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        chooser.fileSelected.connect(self.download_to)
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    @Slot(str)
    def download_to(self, folder: str) -> None:
        """Begin the downloads that were asked for last."""
        refs, self._wanted_refs = self._wanted_refs, []
        if not refs or not folder:
            return
        if folder != self._folder:
            self._folder = folder
            self.folder_changed.emit(folder)
        connection = self._wanted_from
        if not any(map(is_prefix, refs)):
            self._bridge.downloads.add(refs, Path(folder), connection)
        elif connection is not None:
            self._bridge.batches.fetch(refs, Path(folder), connection)
        text = f"Downloading {display(title_of(refs), 40)} to {display(Path(folder).name or folder, 40)}"
        self.library.toast.show_message(text, "Show in Activity", self._show_activity)

    def _show_activity(self) -> None:
        self._window.show_page("activity")

    @Slot(str)
    def _on_show_folder(self, folder: str) -> None:
        if Path(folder).is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(folder))
        else:
            self.activity.toast.show_message("This folder is not there any more")

    # The limit
    @Slot()
    def _on_no_limit(self) -> None:
        self.publish.transfers.set_limit(None)

    def show_limit(self, bytes_per_s: int | None) -> None:
        """The limit was set elsewhere, in the settings."""
        self._bridge.set_limit(bytes_per_s)
        self.publish.transfers.limit.show_limit()
