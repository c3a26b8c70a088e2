"""Where in the bucket the Library stands, the way back up, and the line in which an address is typed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QStackedLayout, QWidget

from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.widgets import ElidedLabel, LinkButton, PlainLabel
from vidcdn_desktop.textsafe import display

_LONGEST = 40
_DEEPEST = 3
"""Folders shown; above them stands one that leads to all of them."""


class Crumbs(QWidget):
    """Bucket and prefixes; all but the last can be opened."""

    chosen = Signal(object)
    """str: the prefix to open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)

    def show_place(self, bucket: str, prefix: str, needle: str = "") -> None:
        """Show the way to a prefix, which ends with a slash or is empty; or what is searched for below it."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        parts = [(display(bucket, _LONGEST) or "…", "")]
        walked = ""
        for name in prefix.split("/")[:-1]:
            walked += f"{name}/"
            parts.append((display(name, _LONGEST) or "…", walked))
        if len(parts) > _DEEPEST + 1:
            parts[1:-_DEEPEST] = [("…", parts[-_DEEPEST - 1][1])]
        if needle:
            parts.append((f"search for “{display(needle, _LONGEST)}”", ""))
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


class AddressBar(QWidget):
    """The crumbs; and in their place, when wanted, a line for an address."""

    chosen = Signal(object)
    """str: the prefix to open."""
    typed = Signal(str)
    """An address, as it was typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.crumbs = Crumbs()
        self.crumbs.chosen.connect(self.chosen)
        self.line = QLineEdit()
        self.line.setAccessibleName("Address in the bucket")
        self.line.setPlaceholderText("s3://bucket/folder/ or a CDN link")
        self.line.setMinimumWidth(160)
        self.line.returnPressed.connect(self._on_return)
        self.line.installEventFilter(self)
        self._stack.addWidget(self.crumbs)
        self._stack.addWidget(self.line)
        self._address = ""

    def show_place(self, bucket: str, place: Place) -> None:
        """Show where the Library stands."""
        self._address = f"s3://{bucket}/{place.prefix}" if bucket else ""
        self.crumbs.show_place(bucket, place.prefix, place.needle)
        self.close_line()

    @Slot()
    def edit(self) -> None:
        """Let an address be typed."""
        self.line.setText(display(self._address))
        self._stack.setCurrentWidget(self.line)
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def close_line(self) -> None:
        """Show the crumbs again."""
        self._stack.setCurrentWidget(self.crumbs)

    @Slot()
    def _on_return(self) -> None:
        # What is shown is made safe, so what was not changed must not be read back from it.
        text = self.line.text()
        self.typed.emit(self._address if text == display(self._address) else text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc, or going somewhere else, leaves the address as it was."""
        if watched is self.line:
            if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
                if event.key() == Qt.Key.Key_Escape:
                    self.close_line()
                    return True
            elif event.type() is QEvent.Type.FocusOut and self._stack.currentWidget() is self.line:
                self.close_line()
        return super().eventFilter(watched, event)
