"""Where in the bucket the Library stands, and the way back up."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import ElidedLabel, LinkButton, PlainLabel
from vidcdn_desktop.textsafe import display

_LONGEST = 40


class Crumbs(QWidget):
    """Bucket and prefixes; all but the last can be opened."""

    chosen = Signal(object)
    """str: the prefix to open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)

    def show_place(self, bucket: str, prefix: str) -> None:
        """Show the way to a prefix, which ends with a slash or is empty."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        parts = [(bucket or "…", "")]
        walked = ""
        for name in prefix.split("/")[:-1]:
            walked += f"{name}/"
            parts.append((display(name, _LONGEST) or "…", walked))
        pointer = "‹" if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else "›"
        for name, target in parts[:-1]:
            button = LinkButton(name, small=True)
            button.setProperty("prefix", target)
            button.clicked.connect(self._on_clicked)
            self._row.addWidget(button)
            self._row.addWidget(PlainLabel(pointer, role="small"))
        here = ElidedLabel(parts[-1][0], role="small")
        here.setContentsMargins(3, 0, 3, 0)  # as much as the links have around them
        self._row.addWidget(here)

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(str(self.sender().property("prefix")))
