"""The one question when the window is closed while work is running."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import Button, DangerButton, PlainLabel, PrimaryButton


class CloseChoice(Enum):
    """What is to happen when the window is closed."""

    QUIT = "quit"
    """Nothing is running: end the program."""
    BACKGROUND = "background"
    """The window is hidden; the work goes on, and the program ends with it."""
    PAUSE = "pause"
    """Keep what was sent, then end the program; it goes on next time."""
    CANCEL = "cancel"
    """Cancel what runs, then end the program."""


_BACKGROUND = "They can go on without the window; the program ends when they are done."
_PAUSE = "Paused, they keep what was transferred and go on from there next time."
_PAUSE_PRACTICE = "The practice cloud ends with the program, so what is paused there begins anew next time."
_CANCEL = (
    "If you cancel them, nothing of them is published, and nothing is left behind in the bucket or the download folder."
)


class QuitDialog(QDialog):
    """Asks what becomes of the running transfers. Esc means stay."""

    chosen = Signal(object)
    """CloseChoice.BACKGROUND, PAUSE or CANCEL; staying says nothing."""

    def __init__(self, count: int, parent: QWidget | None = None, *, practice: bool = False) -> None:
        """`count` transfers run; `practice`: through the practice cloud, which ends with the program."""
        super().__init__(parent)
        self.setWindowTitle("Transfers are running")
        self.setModal(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 22, 24, 20)
        layout.setSpacing(8)
        title = "1 transfer is still running" if count == 1 else f"{count} transfers are still running"
        layout.addWidget(PlainLabel(title, role="dialog-title"))
        text = f"{_BACKGROUND} {_PAUSE_PRACTICE if practice else _PAUSE} {_CANCEL}"
        label = PlainLabel(text, role="muted", wrap=True)
        label.setMinimumWidth(470)
        layout.addWidget(label)
        layout.addSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.cancel_button = DangerButton("Cancel all and quit")
        self.stay_button = Button("Stay")
        self.pause_button = Button("Pause and quit")
        self.background_button = PrimaryButton("Keep going in the background")
        self.background_button.setDefault(True)
        row.addWidget(self.cancel_button)
        row.addStretch(1)
        row.addWidget(self.stay_button)
        row.addWidget(self.pause_button)
        row.addWidget(self.background_button)
        layout.addLayout(row)
        self.cancel_button.clicked.connect(self._on_cancel)
        self.stay_button.clicked.connect(self.reject)
        self.pause_button.clicked.connect(self._on_pause)
        self.background_button.clicked.connect(self._on_background)
        self.background_button.setFocus()

    @Slot()
    def _on_cancel(self) -> None:
        self.accept()
        self.chosen.emit(CloseChoice.CANCEL)

    @Slot()
    def _on_pause(self) -> None:
        self.accept()
        self.chosen.emit(CloseChoice.PAUSE)

    @Slot()
    def _on_background(self) -> None:
        self.accept()
        self.chosen.emit(CloseChoice.BACKGROUND)
