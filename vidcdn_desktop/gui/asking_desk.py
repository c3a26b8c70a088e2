"""What the desks share that ask something: one dialog at a time, forgotten when it is closed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog


class AskingDesk(QObject):
    """Has at most one dialog open. GUI thread."""

    dialog: QDialog | None
    """While it is open."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.dialog = None

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.finished.connect(self._on_asked)
        dialog.open()

    @Slot(int)
    def _on_asked(self, _result: int) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None
