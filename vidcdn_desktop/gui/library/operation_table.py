"""The objects of a planned operation, one row each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from vidcdn_desktop.gui.library import operation_words
from vidcdn_desktop.gui.library.operation_words import PlanView
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import TextDelegate
from vidcdn_desktop.jobs.operations.model import Item, Kind
from vidcdn_desktop.textsafe import display, format_size

Index = QModelIndex | QPersistentModelIndex

_COLUMNS = ("Name", "What happens", "Size")
_SIZE_WIDTH = 84
_ROW_HEIGHT = 28


class ItemModel(QAbstractTableModel):
    """Objects of a plan, those that cannot be done first."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Item] = ()
        self._kind = Kind.COPY
        self._skip = 0

    def set_view(self, view: PlanView) -> None:
        """Show the objects of a plan; names without the folder they share."""
        self.beginResetModel()
        self._rows = view.rows
        self._kind = view.plan.action.kind
        self._skip = view.shared
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Objects."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Name, what happens, size."""
        return 0 if parent is not None and parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """Column names."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | QColor | None:
        """Text of a cell; what cannot be done is told in the colour of danger, in words, too."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        item, column = self._rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(item, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and item.error is not None:
            return color("danger" if column == 1 else "muted")
        return None

    def _text(self, item: Item, column: int) -> str:
        if column == 0:
            return display(item.ref.key[self._skip :])
        if column == 1:
            return operation_words.result(item, self._kind)
        return format_size(item.size) if item.size or item.etag else ""


class ItemTable(QTableView):
    """Shows an `ItemModel` or an `UploadModel`, as high as its first rows."""

    def __init__(self, model: QAbstractTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(TextDelegate(self))
        self.setAccessibleName("Objects")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(2, _SIZE_WIDTH)

    def fit(self, most: int) -> None:
        """As high as the rows, but no more than `most`."""
        rows = min(max(1, self.model().rowCount()), most)
        head = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(head + rows * _ROW_HEIGHT + 2 * self.frameWidth())


def _alignment(column: int) -> int:
    side = Qt.AlignmentFlag.AlignRight if column == 2 else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
