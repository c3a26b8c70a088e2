"""The history of invalidations: a list of rows, and the model that shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from vidcdn_desktop.delivery.model import Invalidation
from vidcdn_desktop.gui.widgets import plain_tooltip
from vidcdn_desktop.textsafe import display, format_elapsed

Index = QModelIndex | QPersistentModelIndex

COLUMNS = ("Started", "Paths", "Status", "Fresh copy seen", "ID")
STARTED, PATHS, STATUS, FRESH, ID = range(len(COLUMNS))

_MOST_IN_TIP = 20


@dataclass(frozen=True)
class HistoryRow:
    """One invalidation and what is known of its effect."""

    invalidation: Invalidation
    completed_s: float | None = None
    """How long it took, where we watched it."""
    fresh: str = ""
    """"waiting", or what the check through the CDN said; empty if nobody asked for it."""


class HistoryModel(QAbstractTableModel):
    """Newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[HistoryRow] = []

    @property
    def rows(self) -> list[HistoryRow]:
        """What is shown."""
        return self._rows

    def set_rows(self, rows: list[HistoryRow]) -> None:
        """Show another list; what is known of a row already is kept."""
        known = {row.invalidation.id: row for row in self._rows}
        merged = [_merge(known.get(row.invalidation.id), row) for row in rows]
        have = {row.invalidation.id for row in merged}
        mine = [row for row in self._rows if row.invalidation.id not in have]
        self.beginResetModel()
        self._rows = sorted([*mine, *merged], key=lambda row: row.invalidation.created, reverse=True)
        self.endResetModel()

    def clear(self) -> None:
        """Another distribution: begin anew."""
        self.beginResetModel()
        self._rows = []
        self.endResetModel()

    def put(self, row: HistoryRow) -> None:
        """Add or change one row."""
        for place, old in enumerate(self._rows):
            if old.invalidation.id == row.invalidation.id:
                self._rows[place] = _merge(old, row)
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))
                return
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._rows.insert(0, row)
        self.endInsertRows()

    def tick(self) -> None:
        """Seconds have passed: repaint what is still in progress."""
        for place, row in enumerate(self._rows):
            if not row.invalidation.is_complete:
                self.dataChanged.emit(self.index(place, 2), self.index(place, 2))

    def in_progress(self) -> bool:
        """Whether anything is still under way."""
        return any(not row.invalidation.is_complete for row in self._rows)

    # Qt asks
    def rowCount(self, parent: Index | None = None) -> int:
        """Invalidations known."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Started, paths, status, fresh copy, id."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """Column names."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Text of a cell; all paths are in the tool tip."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return cell_text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(_tip(row, index.column()))
        return None


def _tip(row: HistoryRow, column: int) -> str:
    paths = row.invalidation.paths
    if column == PATHS:
        more = f" and {len(paths) - _MOST_IN_TIP} more" if len(paths) > _MOST_IN_TIP else ""
        return ", ".join(display(path) for path in paths[:_MOST_IN_TIP]) + more
    return cell_text(row, column) if column in (FRESH, ID) else ""


def _merge(old: HistoryRow | None, new: HistoryRow) -> HistoryRow:
    if old is None:
        return new
    return replace(
        new,
        completed_s=new.completed_s if new.completed_s is not None else old.completed_s,
        fresh=new.fresh or old.fresh,
    )


def cell_text(row: HistoryRow, column: int) -> str:
    """The text of one cell."""
    item = row.invalidation
    if column == 0:
        local = item.created.astimezone()
        today = local.date() == datetime.now(UTC).astimezone().date()
        return f"{local:%H:%M:%S}" if today else f"{local:%d %b %H:%M}"
    if column == 1:
        more = f", +{len(item.paths) - 1}" if len(item.paths) > 1 else ""
        return display(item.paths[0], 80) + more if item.paths else ""
    if column == 2:
        if item.is_complete:
            return f"✓ Completed · {format_elapsed(row.completed_s)}" if row.completed_s is not None else "✓ Completed"
        passed = max(0.0, (datetime.now(UTC) - item.created).total_seconds())
        return f"In progress · {format_elapsed(passed)}"
    if column == 3:
        return row.fresh
    return item.id
