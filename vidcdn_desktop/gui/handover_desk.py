"""Shows the jobs that were handed over to the store: when that is wanted, and after one was prepared.

When a connection is opened that has some under way, it says so: they go on while the program does not run.
"""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import handover_words
from vidcdn_desktop.gui.library.batch_jobs_dialog import BatchJobsDialog
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operation_desk import OperationDesk
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook
from vidcdn_desktop.jobs.operations.handover_job import can_hand_over, open_jobs

_log = logging.getLogger(__name__)


class HandoverDesk(AskingDesk):
    """Between the Library and the desk of operations. GUI thread."""

    dialog: BatchJobsDialog | None
    """The list, while it is open."""

    def __init__(
        self, session: Session, window: MainWindow, library: LibraryPage, operations: OperationDesk, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._window = window
        self._operations = operations
        self._token = CancelToken()
        self._looked_at = ""
        """Id of the connection whose jobs were looked at last."""
        library.batch_jobs_requested.connect(self.show_jobs)
        operations.handed_over.connect(self._on_handed_over)
        session.connection_changed.connect(self._on_connection)

    @Slot(object)
    def _on_connection(self, connection: Connection | None) -> None:
        if connection is None or connection.profile.id == self._looked_at or not can_hand_over(connection):
            return
        self._looked_at = connection.profile.id
        self._token.cancel()
        self._token = token = CancelToken()
        run_in_background(
            self,
            lambda: handover_words.reminder(open_jobs(connection, HandoverBook(), token)),
            self._on_open_jobs,
            self._on_not_known,
            token=token,
        )

    @Slot(object)
    def _on_open_jobs(self, words: str) -> None:
        if words and self.dialog is None:
            self._operations.tell(words, "Show", self.show_jobs)

    @Slot(object)
    def _on_not_known(self, error: VidcdnError) -> None:
        _log.info("the jobs of the store are not known: %s", error.what)

    @Slot()
    def show_jobs(self) -> None:
        """Open the list."""
        connection = self._library.connection
        if connection is None or self.dialog is not None:
            return
        dialog = BatchJobsDialog(connection, self._window)
        self._open(dialog)
        dialog.start()

    @Slot(object)
    def _on_handed_over(self, _kept: object) -> None:
        self.show_jobs()
