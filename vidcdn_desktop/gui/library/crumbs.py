"""Where in the bucket the Library stands, the way back up, and the line in which an address is typed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QStackedLayout, QWidget

from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.widgets import ElidedLabel, IconButton, LinkButton, PlainLabel
from vidcdn_desktop.textsafe import display

_LONGEST = 40
_LEAST = 80
"""Pixels of the line for an address at least."""
_AROUND = 22
"""Pixels a part takes beside its text: the link's own frame, and the pointer to the next."""
_SWITCH = 26
"""Pixels the button behind the bucket takes."""


class Crumbs(QWidget):
    """Bucket and prefixes; all but the last can be opened. What there is no room for is behind one "…"."""

    chosen = Signal(object)
    """str: the prefix to open."""
    switch_wanted = Signal()
    """Another bucket is to be chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self._parts: list[tuple[str, str]] = []
        self._shown: list[tuple[str, str]] = []
        self._room = 400

    def show_place(self, bucket: str, prefix: str, needle: str = "") -> None:
        """Show the way to a prefix, which ends with a slash or is empty; or what is searched for below it."""
        parts = [(display(bucket, _LONGEST) or "…", "")]
        walked = ""
        for name in prefix.split("/")[:-1]:
            walked += f"{name}/"
            parts.append((display(name, _LONGEST) or "…", walked))
        if needle:
            parts.append((f"search for “{display(needle, _LONGEST)}”", ""))
        self._parts = parts
        self._fit()

    def set_room(self, pixels: int) -> None:
        """How wide all may be."""
        if pixels != self._room:
            self._room = pixels
            self._fit()

    def _fit(self) -> None:
        parts = self._parts
        dropped = 0
        while len(parts) - dropped > 1 and self._width(self._without(dropped)) > self._room:
            dropped += 1
        shown = self._without(dropped)
        if shown != self._shown:
            self._shown = shown
            self._build(shown)

    def _without(self, count: int) -> list[tuple[str, str]]:
        """The parts, those after the bucket dropped first and the bucket last."""
        if not count:
            return self._parts
        left = self._parts[count + 1 :]
        first = self._parts[:1] if left else []
        middle = self._parts[count] if left else self._parts[-2]
        return [*first, ("…", middle[1]), *(left or self._parts[-1:])]

    def _width(self, parts: list[tuple[str, str]]) -> int:
        words = sum(self.fontMetrics().horizontalAdvance(name) + _AROUND for name, _ in parts)
        return words + (_SWITCH if self._has_bucket(parts) else 0)

    def _has_bucket(self, parts: list[tuple[str, str]]) -> bool:
        return bool(parts) and parts[0] == self._parts[0] and parts[0][0] != "…"

    def _build(self, parts: list[tuple[str, str]]) -> None:
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        pointer = "‹" if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else "›"
        for number, (name, target) in enumerate(parts[:-1]):
            button = LinkButton(name, small=True)
            button.setProperty("prefix", target)
            if name == "…":
                button.setAccessibleName("A folder above")
            button.clicked.connect(self._on_clicked)
            self._row.addWidget(button)
            if number == 0 and self._has_bucket(parts):
                self._row.addWidget(self._switch())
            self._row.addWidget(PlainLabel(pointer, role="small"))
        if len(parts) == 1 and self._has_bucket(parts):
            here: QWidget = LinkButton(parts[0][0], small=True)
            here.setAccessibleName(f"{parts[0][0]}: switch bucket")
            here.clicked.connect(self.switch_wanted)  # type: ignore[attr-defined]
            self._row.addWidget(here)
            self._row.addWidget(self._switch())
        else:
            here = ElidedLabel(parts[-1][0], role="small")
            here.setContentsMargins(3, 0, 3, 0)  # as much as the links have around them
            self._row.addWidget(here)
        self._row.addStretch(1)

    def _switch(self) -> IconButton:
        button = IconButton("chevron-down", "Switch bucket", flat=True)
        button.setIconSize(QSize(12, 12))
        button.setFixedWidth(_SWITCH - 4)
        button.clicked.connect(self.switch_wanted)
        return button

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(str(self.sender().property("prefix")))


class AddressBar(QWidget):
    """The crumbs; and in their place, when wanted, a line for an address."""

    chosen = Signal(object)
    """str: the prefix to open."""
    typed = Signal(str)
    """An address, as it was typed."""
    switch_wanted = Signal()
    """Another bucket is to be chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.crumbs = Crumbs()
        self.crumbs.chosen.connect(self.chosen)
        self.crumbs.switch_wanted.connect(self.switch_wanted)
        self.line = QLineEdit()
        self.line.setAccessibleName("Address in the bucket")
        self.line.setPlaceholderText("s3://bucket/folder/ or a CDN link")
        self.line.returnPressed.connect(self._on_return)
        self.line.installEventFilter(self)
        self._stack.addWidget(self.crumbs)
        self._stack.addWidget(self.line)
        self._address = ""

    def set_room(self, pixels: int) -> None:
        """How wide it may be."""
        self.crumbs.set_room(pixels)
        self.line.setFixedWidth(max(_LEAST, min(420, pixels)))

    def minimumSizeHint(self) -> QSize:
        """Little: what is shown now follows the width of the window, and must not keep it from becoming narrower."""
        return QSize(_LEAST, super().minimumSizeHint().height())

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
