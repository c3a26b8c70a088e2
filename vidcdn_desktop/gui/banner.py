"""The calm line that says: this is the practice cloud."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import PAGE_MARGIN, Button, PlainLabel

_GAP = 12
"""To what follows on the page, in pixels."""


class PracticeBanner(QWidget):
    """Stands below the header of every page while the practice cloud is in use."""

    connect_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(PAGE_MARGIN, 0, PAGE_MARGIN, _GAP)
        frame = QFrame()
        frame.setObjectName("Banner")
        outer.addWidget(frame)
        layout = QHBoxLayout(frame)
        layout.setContentsMargins(13, 9, 13, 9)
        layout.setSpacing(12)
        layout.addWidget(PlainLabel("You are using the practice cloud.", role="strong"))
        layout.addWidget(PlainLabel("Everything works, nothing leaves this computer.", role="small", wrap=True), 1)
        self.button = Button("Connect an AWS account…", small=True)
        self.button.clicked.connect(self.connect_requested)
        layout.addWidget(self.button)
