"""A table of a dialog or card: one row for each thing, its cells put into words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.direction import TextDelegate
from vidcdn_desktop.gui.widgets.style import plain_tooltip

Index = QModelIndex | QPersistentModelIndex
Cell = str | int | QColor | Qt.CheckState | None
RowT = TypeVar("RowT")

_ROW_HEIGHT = 28


class RowsModel(QAbstractTableModel, Generic[RowT]):
    """Rows of one sort. A subclass has the words, and colours and tool tips where there are any.

    Args:
        columns: Names of the columns.
        figures: Numbers of those whose text stands at the right.
    """

    def __init__(self, columns: Sequence[str], figures: Collection[int] = ()) -> None:
        super().__init__()
        self.columns = columns
        self.rows: Sequence[RowT] = ()
        """What is shown; to be changed by `set_rows`."""
        self._figures = figures

    def set_rows(self, rows: Sequence[RowT]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def text(self, row: RowT, column: int) -> str:
        """Text of a cell."""
        raise NotImplementedError

    def tint(self, _row: RowT, _column: int) -> str:
        """Colour of a cell's text; empty: that of any text."""
        return ""

    def tip(self, _row: RowT, _column: int) -> str:
        """Tool tip of a cell, plain text; empty: none."""
        return ""

    def rowCount(self, parent: Index | None = None) -> int:
        """Rows; none below another."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """Column names, each on the side of its text."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section]
        return self._alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Cell:
        """What a cell shows."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole:
            tint = self.tint(row, column)
            return color(tint) if tint else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self.tip(row, column)) or None
        return None

    def _alignment(self, column: int) -> int:
        side = Qt.AlignmentFlag.AlignRight if column in self._figures else Qt.AlignmentFlag.AlignLeft
        return int(side | Qt.AlignmentFlag.AlignVCenter)


class RowsTable(QTableView):
    """Shows a `RowsModel`: whole rows are chosen, one at a time, and Tab leaves the table.

    Args:
        model: What is shown.
        name: For assistive tools.
        widths: Of the columns that keep theirs, by number; the others share what is left.
        parent: The dialog or card.
    """

    def __init__(
        self, model: RowsModel[Any], name: str, widths: Mapping[int, int], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(TextDelegate(self))
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in range(len(model.columns)):
            if column in widths:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
                self.setColumnWidth(column, widths[column])

    def fit(self, most: int) -> None:
        """As high as the rows, but no more than `most`."""
        self.fit_to(min(max(1, self.model().rowCount()), most))

    def fit_to(self, rows: int) -> None:
        """As high as so many rows, whether there are as many or not."""
        header = self.horizontalHeader()
        head = 0 if header.isHidden() else header.sizeHint().height()
        self.setFixedHeight(head + rows * _ROW_HEIGHT + 2 * self.frameWidth())
