"""The rows of a bucket listing. A plain Python list owns the data; the Qt model only translates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from vidcdn_desktop.storage.content_types import kind_of
from vidcdn_desktop.storage.port import ListingPage
from vidcdn_desktop.textsafe import display, format_size

Index = QModelIndex | QPersistentModelIndex

COLUMNS = ("Name", "Kind", "Size", "Modified", "Storage class")


@dataclass(frozen=True, slots=True)
class Row:
    """One folder or object."""

    key: str
    """Whole key, or the whole prefix of a folder."""
    name: str
    """Last segment, safe to show."""
    kind: str
    size: int | None = None
    modified: datetime | None = None
    storage_class: str = ""
    etag: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a prefix."""
        return self.size is None


def rows_of(page: ListingPage, prefix: str) -> list[Row]:
    """One page of a listing as rows; the marker object of the folder itself is left out."""
    rows = [Row(p, display(p.removeprefix(prefix)), "Folder") for p in page.prefixes]
    for item in page.objects:
        if item.key == prefix:
            continue
        name = display(item.key.removeprefix(prefix))
        rows.append(
            Row(item.key, name, kind_of(item.key), item.size, item.last_modified, item.storage_class, item.etag)
        )
    return rows


def _sort_key(column: int, row: Row) -> tuple[Any, ...]:
    values: tuple[Any, ...] = (
        row.name.casefold(),
        row.kind,
        row.size or 0,
        row.modified.timestamp() if row.modified else 0.0,
        row.storage_class,
    )
    return (values[column], row.name.casefold())


class ListingModel(QAbstractTableModel):
    """Rows as shown: filtered by what the user typed, sorted by a header; folders stay in front."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[Row] = []
        self._shown: list[Row] = []
        self._needle = ""
        self._order: tuple[int, bool] | None = None

    @property
    def all_rows(self) -> list[Row]:
        """Everything listed so far."""
        return self._all

    def row(self, number: int) -> Row:
        """A row as shown."""
        return self._shown[number]

    def clear(self) -> None:
        """Begin a new listing."""
        self.beginResetModel()
        self._all, self._shown = [], []
        self.endResetModel()

    def append(self, rows: list[Row]) -> None:
        """Add one page."""
        self._all.extend(rows)
        fresh = [row for row in rows if self._matches(row)]
        if not fresh:
            return
        if self._order is not None or any(row.is_folder for row in fresh):
            self._rebuild()
            return
        first = len(self._shown)
        self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
        self._shown.extend(fresh)
        self.endInsertRows()

    def set_filter(self, text: str) -> None:
        """Show only rows whose name holds this text."""
        self._needle = text.casefold().strip()
        self._rebuild()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the list itself; a proxy would take seconds."""
        self._order = (column, order is Qt.SortOrder.DescendingOrder) if column >= 0 else None
        self._rebuild()

    def _matches(self, row: Row) -> bool:
        return not self._needle or self._needle in row.name.casefold()

    def _rebuild(self) -> None:
        self.beginResetModel()
        shown = [row for row in self._all if self._matches(row)]
        if self._order is not None:
            column, descending = self._order
            shown.sort(key=lambda row: _sort_key(column, row), reverse=descending)
        shown.sort(key=lambda row: not row.is_folder)
        self._shown = shown
        self.endResetModel()

    # Qt asks
    def rowCount(self, parent: Index | None = None) -> int:
        """Rows shown."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index | None = None) -> int:
        """Name, kind, size, modified, storage class."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """Column names."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == 2 else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | None:
        """Text of a cell; sizes stand at the right."""
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return _text(self._shown[index.row()], index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 2:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


def _text(row: Row, column: int) -> str:
    if column == 0:
        return row.name
    if column == 1:
        return row.kind
    if row.is_folder:
        return ""
    if column == 2:
        return format_size(row.size or 0)
    if column == 3:
        return f"{row.modified.astimezone():%d %b %Y %H:%M}" if row.modified else ""
    return row.storage_class.replace("_", "-").capitalize() if row.storage_class else ""
