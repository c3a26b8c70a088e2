"""A raised box that can be chosen and focused."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from vidcdn_desktop.gui.theme import color

_RADIUS = 10


class Card(QFrame):
    """A rounded box for content. If `selectable`, a click, Space or Enter chooses it and it can hold the focus.

    The card does not mark itself chosen: whoever owns the cards answers `clicked` with `set_selected`.
    """

    clicked = Signal(object)
    """The card itself."""
    activated = Signal(object)
    """The card itself, on Enter or a double click."""

    def __init__(self, parent: QWidget | None = None, *, selectable: bool = False, name: str = "") -> None:
        super().__init__(parent)
        self._selectable = selectable
        self._selected = False
        self._by_key = True
        if selectable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if name:
            self.setAccessibleName(name)

    @property
    def is_selected(self) -> bool:
        """Whether it is drawn as chosen."""
        return self._selected

    def set_selected(self, selected: bool) -> None:
        """Draw it as chosen or not."""
        if selected != self._selected:
            self._selected = selected
            self.setAccessibleDescription("Selected" if selected else "")
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground, outline and focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = 2.0 if self._selected else 1.0
        painter.setBrush(color("raised"))
        painter.setPen(QPen(color("accent" if self._selected else "border"), width))
        inset = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
        if self.hasFocus() and self._by_key:
            # Its own mark inside the outline: a card with the focus need not be the chosen one.
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color("accent"), 1.5, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(5, 5, -5, -5), _RADIUS - 4, _RADIUS - 4)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on an empty part chooses the card."""
        if self._selectable and event.button() is Qt.MouseButton.LeftButton:
            event.accept()
            self.clicked.emit(self)
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click opens."""
        if self._selectable and event.button() is Qt.MouseButton.LeftButton:
            self.activated.emit(self)
            return
        super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space chooses, Enter chooses and opens."""
        if self._selectable and self.hasFocus():
            if event.key() == Qt.Key.Key_Space:
                self.clicked.emit(self)
                return
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.clicked.emit(self)
                self.activated.emit(self)
                return
        super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Repaint when the focus comes or goes; one that came with a click needs no mark."""
        if isinstance(event, QFocusEvent):
            self._by_key = event.reason() is not Qt.FocusReason.MouseFocusReason
            self.update()
        return super().event(event)
