"""Versions that are not served any more, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from vidcdn_desktop.gui.models.celltext import modified
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import TextDelegate
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.textsafe import display, format_size

Index = QModelIndex | QPersistentModelIndex

_COLUMNS = ("Name", "What it is", "Since", "Size")
_WIDTHS = {"What it is": 132, "Since": 132, "Size": 84}
_ROW_HEIGHT = 28


@dataclass(frozen=True)
class VersionLine:
    """One row."""

    name: str
    """Empty where all rows are of one object."""
    words: str
    """What it is: older, deleted, the newest."""
    since: datetime | None
    size: int | None
    """None: a mark without bytes."""
    source: Source | None
    """What an operation is told that brings it back; None: there is nothing to bring back."""
    is_deleted: bool = False


class VersionModel(QAbstractTableModel):
    """Rows are only added.

    Args:
        names: Whether they are of several objects.
    """

    def __init__(self, *, names: bool) -> None:
        super().__init__()
        self.columns = _COLUMNS if names else _COLUMNS[1:]
        self._lines: list[VersionLine] = []

    def set_lines(self, lines: Sequence[VersionLine]) -> None:
        """Show these."""
        self.beginResetModel()
        self._lines = list(lines)
        self.endResetModel()

    def add(self, lines: Sequence[VersionLine]) -> None:
        """Show these, too."""
        if lines:
            self.beginInsertRows(QModelIndex(), len(self._lines), len(self._lines) + len(lines) - 1)
            self._lines += lines
            self.endInsertRows()

    def line(self, row: int) -> VersionLine:
        """One of them."""
        return self._lines[row]

    def rowCount(self, parent: Index | None = None) -> int:
        """Versions."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index | None = None) -> int:
        """Name, what it is, since when, size."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """Column names."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section]
        return _alignment(self.columns[section]) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | QColor | None:
        """Text of a cell."""
        if not index.isValid() or index.row() >= len(self._lines):
            return None
        line, column = self._lines[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(line, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(self.columns[column])
        if role == Qt.ItemDataRole.ForegroundRole and line.source is None:
            return color("muted")
        return None

    def _text(self, line: VersionLine, column: int) -> str:
        match self.columns[column]:
            case "Name":
                return display(line.name)
            case "What it is":
                return line.words
            case "Since":
                return modified(line.since)
        return format_size(line.size) if line.size is not None else ""


class VersionTable(QTableView):
    """Shows a `VersionModel`: of one object one row can be chosen, of several many."""

    def __init__(self, model: VersionModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(TextDelegate(self))
        self.setAccessibleName("Versions")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        one, many = QAbstractItemView.SelectionMode.SingleSelection, QAbstractItemView.SelectionMode.ExtendedSelection
        self.setSelectionMode(many if model.columns is _COLUMNS else one)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        for column, name in enumerate(model.columns):
            mode = QHeaderView.ResizeMode.Fixed if column else QHeaderView.ResizeMode.Stretch
            header.setSectionResizeMode(column, mode)
            if column:
                self.setColumnWidth(column, _WIDTHS[name])

    def choose(self, row: int) -> None:
        """Select one row. Qt's own `selectRow` selects nothing in a mirrored table that fills its width."""
        self.setCurrentIndex(self.model().index(row, 0))

    def chosen(self) -> list[VersionLine]:
        """The rows that are selected, in order."""
        model = self.model()
        assert isinstance(model, VersionModel)
        parts = self.selectionModel().selection()
        rows = {row for n in range(parts.count()) for row in range(parts.at(n).top(), parts.at(n).bottom() + 1)}
        return [model.line(row) for row in sorted(rows)]

    def fit(self, rows: int) -> None:
        """As high as so many rows."""
        head = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(head + rows * _ROW_HEIGHT + 2 * self.frameWidth())


def _alignment(column: str) -> int:
    side = Qt.AlignmentFlag.AlignRight if column == "Size" else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
