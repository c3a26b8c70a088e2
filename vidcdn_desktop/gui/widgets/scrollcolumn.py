"""A column that scrolls, with its bar in the page's margin."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

GUTTER = 12
"""Room at both sides of the content, in pixels: the bar takes its own from the side it stands at."""


def beside_bar(widget: QWidget, below: int = 0) -> QWidget:
    """A holder that gives a widget above or instead of a `ScrollColumn` the same edges; `below` it in pixels."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(GUTTER, 0, GUTTER, below)
    column.setSpacing(0)
    column.addWidget(widget)
    return holder


class ScrollColumn(QScrollArea):
    """Scrolls what is in `column`. Give it `GUTTER` more room at both sides than the content is to have.

    The content is as wide with the bar as without it, so nothing on the page moves when the bar comes or goes, and the
    edges of the content line up with what stands above it.
    """

    def __init__(self, parent: QWidget | None = None, *, spacing: int = 10, end: int = 12) -> None:
        """`spacing` between the items, `end` below the last one."""
        super().__init__(parent)
        self._end = end
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = QWidget()
        holder.setObjectName("ScrollBody")
        self.column = QVBoxLayout(holder)
        self.column.setSpacing(spacing)
        self.setWidget(holder)
        self.verticalScrollBar().rangeChanged.connect(self._on_range)
        self._fit()

    @Slot()
    def _on_range(self) -> None:
        self._fit()

    def _fit(self) -> None:
        bar = self.verticalScrollBar()
        beside = max(0, GUTTER - bar.sizeHint().width()) if bar.maximum() > bar.minimum() else GUTTER
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        left, right = (beside, GUTTER) if mirrored else (GUTTER, beside)
        self.column.setContentsMargins(left, 0, right, self._end)

    def changeEvent(self, event: QEvent) -> None:
        """The bar changes sides with the direction, and its width with the look."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.LayoutDirectionChange, QEvent.Type.StyleChange):
            self._fit()
