"""The table of invalidations: as high as its rows, the state as a badge, paths and ids in the fixed-width font."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt, Slot
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from vidcdn_desktop.gui.delivery.history import FRESH, ID, PATHS, STARTED, STATUS, HistoryModel
from vidcdn_desktop.gui.fonts import ui_font
from vidcdn_desktop.gui.theme import color, mono_font

_ROW_HEIGHT = 31
_PADDING = 10
_MOST_ROWS = 10
"""Shown at once; older ones are scrolled to."""

_WIDE = {STARTED: 110, STATUS: 170, FRESH: 200, ID: 150}
_NARROW = {STARTED: 92, STATUS: 150, FRESH: 140, ID: 84}
_NARROW_BELOW = 800


def badge_kind(text: str) -> str:
    """Which colours a status has."""
    return "success" if text.startswith("✓") else "accent"


def fresh_tint(text: str) -> str:
    """Which colour the words about the fresh copy have."""
    if text.startswith("✓"):
        return "success"
    return "warning" if text.startswith("not") else "muted"


class _Painter(QStyledItemDelegate):
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        ground = QStyleOptionViewItem(option)
        self.initStyleOption(ground, index)
        text, ground.text = ground.text, ""
        QApplication.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, ground, painter, ground.widget)
        room = QRect(option.rect).adjusted(_PADDING, 0, -_PADDING, 0)
        painter.save()
        # What is written here keeps its own order; where it stands is worked out from the option.
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        if index.column() == STATUS and text:
            self._paint_badge(painter, room, option.direction, text)
        else:
            mono = index.column() in (PATHS, ID)
            painter.setFont(mono_font() if mono else ui_font(13))
            tint = fresh_tint(text) if index.column() == FRESH else "text"
            painter.setPen(color(tint))
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
            ahead = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, int(QStyle.visualAlignment(option.direction, ahead)), shown)
        painter.restore()

    @staticmethod
    def _paint_badge(painter: QPainter, room: QRect, direction: Qt.LayoutDirection, text: str) -> None:
        font = ui_font(11)
        metrics = QFontMetrics(font)
        width = min(room.width(), metrics.horizontalAdvance(text) + 14)
        left = room.right() + 1 - width if direction is Qt.LayoutDirection.RightToLeft else room.left()
        box = QRectF(left, room.center().y() - 8, width, 18)
        kind = badge_kind(text)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(f"{kind}_soft"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(color(kind))
        painter.setFont(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width) - 12)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


class HistoryTable(QTableView):
    """Shows a `HistoryModel`; the page above scrolls."""

    def __init__(self, model: HistoryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setAccessibleName("History of invalidations")
        self.setItemDelegate(_Painter(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(PATHS, QHeaderView.ResizeMode.Stretch)
        model.rowsInserted.connect(self._on_rows)
        model.modelReset.connect(self._on_rows)
        self._on_rows()

    @Slot()
    def _on_rows(self) -> None:
        rows = min(max(1, self.model().rowCount()), _MOST_ROWS)
        head = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(head + rows * _ROW_HEIGHT + 2 * self.frameWidth())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the most room to the paths."""
        super().resizeEvent(event)
        for column, width in (_NARROW if self.width() < _NARROW_BELOW else _WIDE).items():
            self.setColumnWidth(column, width)
