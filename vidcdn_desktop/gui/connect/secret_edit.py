"""A field for a secret: bullets, no way back, gone after use."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QWidget

from vidcdn_desktop.credentials.model import Secret


class SecretEdit(QLineEdit):
    """Takes a secret by typing or pasting and never gives it to the clipboard, a drag, undo, or an input method."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setAccessibleName(name)
        self.setDragEnabled(False)
        self.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData
            | Qt.InputMethodHint.ImhHiddenText
            | Qt.InputMethodHint.ImhNoPredictiveText
            | Qt.InputMethodHint.ImhNoAutoUppercase
        )

    def secret(self) -> Secret:
        """What was entered, without the spaces and line ends that come along when pasting."""
        return Secret(self.text().strip())

    def forget(self) -> None:
        """Empty the field and its history."""
        self.setText("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """No undo and redo: they would bring a forgotten secret back."""
        if event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo):
            event.accept()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """No menu: it offers undo."""
        event.accept()
