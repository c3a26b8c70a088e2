"""Shows what was deleted or replaced in a folder when that is wanted, and has brought back what is chosen."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.versions_dialog import VersionsDialog
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operation_desk import OperationDesk


class VersionsDesk(AskingDesk):
    """Between the Library and the desk of operations. GUI thread."""

    dialog: VersionsDialog | None
    """The list, while it is open."""

    def __init__(self, window: MainWindow, library: LibraryPage, operations: OperationDesk, parent: QObject) -> None:
        super().__init__(parent)
        self._library = library
        self._window = window
        self._operations = operations
        library.versions_requested.connect(self._on_requested)

    @Slot(object)
    def _on_requested(self, prefix: str) -> None:
        connection = self._library.connection
        if connection is None or self.dialog is not None:
            return
        dialog = VersionsDialog(connection, prefix, self._window)
        dialog.chosen.connect(self._on_chosen)
        self._open(dialog)
        dialog.start()

    @Slot(object)
    def _on_chosen(self, asked: Asked) -> None:
        self._operations.ask(asked)
