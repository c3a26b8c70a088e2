"""The window's part of `courtesy`: it answers those who work in the background, so that they know it gets its turn."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QObject, Qt, Signal, Slot

from vidcdn_desktop import courtesy


class Presence(QObject):
    """Answers from the GUI thread's event loop, as long as it is started."""

    _asked = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._asked.connect(self._on_asked, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Be asked from now on."""
        courtesy.ask_by(self._ask)

    def stop(self) -> None:
        """Nobody waits for the window any more."""
        courtesy.ask_by(None)

    def _ask(self) -> None:
        """Any thread."""
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._asked.emit()

    @Slot()
    def _on_asked(self) -> None:
        courtesy.answered()
