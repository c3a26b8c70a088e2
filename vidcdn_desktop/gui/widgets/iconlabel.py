"""A still icon that follows the theme."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from vidcdn_desktop.gui.icons import paint_icon


class IconLabel(QWidget):
    """Shows one icon in the colour of a token. Decorative: words beside it must say the same."""

    def __init__(self, name: str, tint: str = "muted", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._token = tint
        self._size = size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set(self, name: str, tint: str) -> None:
        """Show another icon."""
        if (name, tint) != (self._name, self._token):
            self._name, self._token = name, tint
            self.update()

    def sizeHint(self) -> QSize:
        """The icon's size."""
        return QSize(self._size, self._size)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it in the middle."""
        box = QRect(0, 0, self._size, self._size)
        box.moveCenter(self.rect().center())
        painter = QPainter(self)
        paint_icon(painter, self._name, self._token, box)
        painter.end()
