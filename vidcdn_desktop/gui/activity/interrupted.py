"""The remark on the Activity page about what an earlier run of the program has left."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout

from vidcdn_desktop.gui.widgets import Button, IconLabel, PlainLabel, announce
from vidcdn_desktop.textsafe import plural


class Interrupted(QFrame):
    """What an earlier run of the program was at when it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("NotePanel")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(IconLabel("info", "accent", 16))
        self._text = PlainLabel(wrap=True)
        row.addWidget(self._text, 1)
        self.button = Button("Resume", small=True)
        self.button.setAccessibleName("Resume what was interrupted")
        row.addWidget(self.button)
        self.hide()

    def show_count(self, count: int) -> None:
        """Say how many there are; none hides it."""
        rest = "was not finished when the program ended. It goes on where it was."
        if count != 1:
            rest = "were not finished when the program ended. They go on where they were."
        text = f"{plural(count, 'job')} {rest}"
        if count and self.isHidden():
            announce(self, text)
        self._text.set_text(text)
        self.setAccessibleName(text)
        self.setVisible(count > 0)
