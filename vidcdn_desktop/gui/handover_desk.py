"""Shows the jobs that were handed over to the store: when that is wanted, and after one was prepared."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from vidcdn_desktop.gui.library.batch_jobs_dialog import BatchJobsDialog
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operation_desk import OperationDesk
from vidcdn_desktop.gui.session import Session


class HandoverDesk(QObject):
    """Between the Library and the desk of operations. GUI thread."""

    def __init__(
        self, session: Session, window: MainWindow, library: LibraryPage, operations: OperationDesk, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._window = window
        self.dialog: BatchJobsDialog | None = None
        """The list, while it is open."""
        library.batch_jobs_requested.connect(self.show_jobs)
        operations.handed_over.connect(self._on_handed_over)

    @Slot()
    def show_jobs(self) -> None:
        """Open the list."""
        connection = self._session.connection
        if connection is None or self.dialog is not None:
            return
        self.dialog = BatchJobsDialog(connection, self._window)
        self.dialog.finished.connect(self._on_closed)
        self.dialog.open()
        self.dialog.start()

    @Slot(object)
    def _on_handed_over(self, _kept: object) -> None:
        self.show_jobs()

    @Slot(int)
    def _on_closed(self, _result: int) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None
