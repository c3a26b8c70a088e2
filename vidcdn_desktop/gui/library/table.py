"""The list of the Library: one row an object, as high as its rows, the most room for the names."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.widgets import TextDelegate

_ROW_HEIGHT = 30
_WIDE = {1: 110, 2: 100, 3: 160, 4: 130}
_NARROW = {1: 88, 2: 82, 3: 150, 4: 108}
"""Widths of the columns beside the name, which takes the rest."""
_NARROW_BELOW = 800
_MOST_FITTED = 100
"""Rows up to which the table is made as high as they are; above it always fills the page."""


class ObjectTable(QTableView):
    """Shows a `ListingModel`."""

    def __init__(self, model: ListingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(TextDelegate(self))
        self.setAccessibleName("Objects")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSortingEnabled(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def fit(self) -> None:
        """As high as its rows, so that an almost empty folder is no large empty box."""
        rows = min(self.model().rowCount(), _MOST_FITTED) * _ROW_HEIGHT
        self.setMaximumHeight(self.horizontalHeader().sizeHint().height() + rows + 2 * self.frameWidth() + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow table leaves the room to the names."""
        super().resizeEvent(event)
        for column, width in (_NARROW if self.width() < _NARROW_BELOW else _WIDE).items():
            self.setColumnWidth(column, width)
