"""Progress, and the place of what is still being fetched."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QWidget

from vidcdn_desktop.gui.theme import color

_STEPS = 1000
"""Bars count in thousandths: byte counts do not fit their C int."""

SKELETON_DELAY_MS = 200
"""A skeleton before this would only flicker."""


class ThinProgress(QProgressBar):
    """A thin bar, 0 to 1000; an unknown end is a soft full bar without movement."""

    def __init__(self, name: str = "Progress", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unknown = False
        self._tint = "accent"
        self.setRange(0, _STEPS)
        self.setTextVisible(False)
        self.setAccessibleName(name)
        self.setFixedHeight(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setValue(0)

    def set_fraction(self, fraction: float | None) -> None:
        """Show 0..1, or None for an unknown end."""
        unknown = fraction is None
        value = 0 if fraction is None else round(min(1.0, max(0.0, fraction)) * _STEPS)
        if unknown != self._unknown:
            self._unknown = unknown
            self.update()
        if value != self.value():
            # Qt's bar repaints at once with every value; ours waits for the next frame, together with its card.
            self.setUpdatesEnabled(False)
            self.setValue(value)
            self.setUpdatesEnabled(True)

    def set_tint(self, token: str) -> None:
        """Colour of the bar: "accent" while it moves, "muted" at rest, "warning" while it waits. Words say it too."""
        if token != self._tint:
            self._tint = token
            self.update()

    def sizeHint(self) -> QSize:
        """Thin and as wide as there is room."""
        return QSize(120, 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track and bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        track = QRectF(self.rect())
        radius = track.height() / 2
        painter.setBrush(color("selection" if self._unknown else "border"))
        painter.drawRoundedRect(track, radius, radius)
        if self.value() > 0:
            width = max(track.height(), track.width() * self.value() / _STEPS)
            left = track.right() - width if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else track.left()
            painter.setBrush(color(self._tint))
            painter.drawRoundedRect(QRectF(left, track.top(), width, track.height()), radius, radius)
        painter.end()


class Skeleton(QWidget):
    """Grey bars where content will be, shown only when it takes longer than 200 ms."""

    def __init__(self, rows: int = 4, row_height: int = 44, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._row_height = row_height
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SKELETON_DELAY_MS)
        self._timer.timeout.connect(self._on_late)
        self.setAccessibleName("Loading")
        self.setMinimumHeight(rows * row_height)
        self.hide()

    def start(self) -> None:
        """Loading begins."""
        if not self.isVisible():
            self._timer.start()

    def stop(self) -> None:
        """Loading has ended."""
        self._timer.stop()
        self.hide()

    @Slot()
    def _on_late(self) -> None:
        self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("border"))
        for row in range(self._rows):
            top = row * self._row_height + 8.0
            share = 0.62 if row % 2 else 0.78
            painter.drawRoundedRect(QRectF(0, top, self.width() * share, 11), 5, 5)
            painter.drawRoundedRect(QRectF(0, top + 18, self.width() * share * 0.55, 9), 4, 4)
        painter.end()
