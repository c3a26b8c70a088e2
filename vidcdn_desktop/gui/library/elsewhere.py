"""Says that another bucket is shown than the one videos are published to, and offers what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import Button, IconLabel, PlainLabel
from vidcdn_desktop.textsafe import display, isolate

_LONGEST = 40


class ElsewhereBar(QFrame):
    """Hidden as long as the connection's own bucket is shown."""

    back_wanted = Signal()
    publish_here_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("NotePanel")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(10)
        row.addWidget(IconLabel("info", "accent", 16), 0, Qt.AlignmentFlag.AlignVCenter)
        self.text = PlainLabel(wrap=True)
        row.addWidget(self.text, 1)
        self.publish_here = Button("Publish here too", small=True)
        self.publish_here.clicked.connect(self.publish_here_wanted)
        self.back = Button("", small=True)
        self.back.clicked.connect(self.back_wanted)
        row.addWidget(self.publish_here)
        row.addWidget(self.back)
        self.hide()

    def show_bucket(self, shown: str, home: str, *, can_move: bool) -> None:
        """Say where one is, and where videos go.

        Args:
            shown: The bucket that is shown; empty: the connection's own.
            home: The one videos are published to.
            can_move: Whether another one can be kept for this connection.
        """
        if shown:
            words = f"This is {isolate(shown, _LONGEST)}. Videos are published to {isolate(home, _LONGEST)}."
            self.text.set_text(words)
            self.setAccessibleName(words)
            self.back.set_text(f"Back to {display(home, 24)}")
            self.publish_here.setVisible(can_move)
        self.setVisible(bool(shown))
