"""Versions that are not served any more, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.models.celltext import modified
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.textsafe import display, format_size

_COLUMNS = ("Name", "What it is", "Since", "Size")
_WIDTHS = {"What it is": 132, "Since": 132, "Size": 84}


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


class VersionModel(RowsModel[VersionLine]):
    """Rows are only added.

    Args:
        names: Whether they are of several objects.
    """

    def __init__(self, *, names: bool) -> None:
        columns = _COLUMNS if names else _COLUMNS[1:]
        super().__init__(columns, figures=(columns.index("Size"),))
        self.has_names = names

    def add(self, lines: Sequence[VersionLine]) -> None:
        """Show these, too."""
        if lines:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(lines) - 1)
            self.rows = [*self.rows, *lines]
            self.endInsertRows()

    def line(self, row: int) -> VersionLine:
        """One of them."""
        return self.rows[row]

    def text(self, row: VersionLine, column: int) -> str:
        """Name, what it is, since when, size."""
        match self.columns[column]:
            case "Name":
                return display(row.name)
            case "What it is":
                return row.words
            case "Since":
                return modified(row.since)
        return format_size(row.size) if row.size is not None else ""

    def tint(self, row: VersionLine, _column: int) -> str:
        """What cannot be brought back is muted."""
        return "muted" if row.source is None else ""


class VersionTable(RowsTable):
    """Shows a `VersionModel`: of one object one row can be chosen, of several many."""

    def __init__(self, model: VersionModel, parent: QWidget | None = None) -> None:
        widths = {number: _WIDTHS[name] for number, name in enumerate(model.columns) if number}
        super().__init__(model, "Versions", widths, parent)
        self._versions = model
        if model.has_names:
            self.setSelectionMode(self.SelectionMode.ExtendedSelection)

    def choose(self, row: int) -> None:
        """Select one row. Qt's own `selectRow` selects nothing in a mirrored table that fills its width."""
        self.setCurrentIndex(self.model().index(row, 0))

    def chosen(self) -> list[VersionLine]:
        """The rows that are selected, in order."""
        parts = self.selectionModel().selection()
        rows = {row for n in range(parts.count()) for row in range(parts.at(n).top(), parts.at(n).bottom() + 1)}
        return [self._versions.line(row) for row in sorted(rows)]
