"""Unfinished uploads, one row each: which of them are to be removed, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.library.usage_words import dollars
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable
from vidcdn_desktop.gui.widgets.rowstable import Cell, Index
from vidcdn_desktop.jobs.health_model import Finding
from vidcdn_desktop.jobs.health_uploads import Removal, age_words
from vidcdn_desktop.textsafe import display, format_size

OLD_S = 86_400
"""From this age on an upload is chosen without being asked: hardly anybody sends one for longer than a day."""

_COLUMNS = ("Name", "Begun", "Size", "A month", "State")
_WIDTHS = {1: 118, 2: 78, 3: 74}
_NAME, _BEGUN, _SIZE, _COST, _STATE = range(5)


@dataclass
class _Row:
    finding: Finding
    is_chosen: bool
    state: str
    kind: str = "muted"
    is_done: bool = False


class UploadModel(RowsModel[_Row]):
    """Uploads with a check box each; none for those that must be left alone."""

    chosen_changed = Signal()

    def __init__(self) -> None:
        super().__init__(_COLUMNS, figures=(_SIZE, _COST))
        self._is_locked = False

    def set_findings(self, findings: Sequence[Finding]) -> None:
        """Show these; those older than a day are chosen, those that this program is at never."""
        self.set_rows([_Row(f, not f.left_because and _age(f) >= OLD_S, f.left_because) for f in findings])
        self.chosen_changed.emit()

    def chosen(self) -> list[Finding]:
        """Those to be removed."""
        return [row.finding for row in self.rows if row.is_chosen]

    def lock(self, locked: bool) -> None:
        """What is chosen cannot be changed while it is removed."""
        self._is_locked = locked
        if self.rows:
            self.dataChanged.emit(self.index(0, _NAME), self.index(len(self.rows) - 1, _NAME))

    def settle(self, removal: Removal) -> None:
        """What became of one."""
        for number, row in enumerate(self.rows):
            if row.finding is removal.finding:
                row.is_chosen, row.is_done = False, True
                row.state, row.kind = _outcome(removal)
                self.dataChanged.emit(self.index(number, _NAME), self.index(number, _STATE))

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The name has the check box."""
        found = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.isValid() and index.column() == _NAME and self._can_choose(self.rows[index.row()]):
            found |= Qt.ItemFlag.ItemIsUserCheckable
        return found

    def _can_choose(self, row: _Row) -> bool:
        return not row.finding.left_because and not row.is_done and not self._is_locked

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Cell:
        """The check box, and what any table shows."""
        if role != Qt.ItemDataRole.CheckStateRole:
            return super().data(index, role)
        if not index.isValid() or index.row() >= len(self.rows) or index.column() != _NAME:
            return None
        row = self.rows[index.row()]
        # A row that cannot be chosen has no box at all: an empty one would look as if it could.
        if not row.is_chosen and not self._can_choose(row):
            return None
        return Qt.CheckState.Checked if row.is_chosen else Qt.CheckState.Unchecked

    def text(self, row: _Row, column: int) -> str:
        """Name, age, size, cost, state."""
        finding = row.finding
        if column == _NAME:
            return display(finding.ref.key)
        if column == _BEGUN:
            return f"{age_words(_age(finding))} ago"
        if column == _SIZE:
            return format_size(finding.size)
        if column == _COST:
            return dollars(finding.upload.usd_per_month) if finding.upload is not None else ""
        return display(row.state, 300)

    def tint(self, row: _Row, column: int) -> str:
        """What became of it."""
        return row.kind if column == _STATE else ""

    def tip(self, row: _Row, _column: int) -> str:
        """Name and state, whole."""
        return ": ".join(part for part in (display(row.finding.ref.key), row.state) if part)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """A click or Space on the box."""
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        row = self.rows[index.row()]
        if not self._can_choose(row):
            return False
        row.is_chosen = Qt.CheckState(value) is Qt.CheckState.Checked
        self.dataChanged.emit(index, index)
        self.chosen_changed.emit()
        return True


class UploadTable(RowsTable):
    """Shows an `UploadModel`, as high as its first rows."""

    def __init__(self, model: UploadModel, parent: QWidget | None = None) -> None:
        super().__init__(model, "Unfinished uploads", _WIDTHS, parent)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Space has a box to act on from the start."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self.model().index(0, _NAME))

    def fit(self, most: int) -> None:
        """As high as the rows, but no more than `most`; columns that say nothing are left out."""
        model = self.model()
        rows = range(model.rowCount())
        for column in (_COST, _STATE):
            self.setColumnHidden(column, not any(model.index(row, column).data() for row in rows))
        super().fit(most)


def _age(finding: Finding) -> float:
    return finding.upload.age_s if finding.upload is not None else 0.0


def _outcome(removal: Removal) -> tuple[str, str]:
    if removal.error is not None:
        return f"Not removed. {removal.error.what}", "danger"
    if removal.left_because:
        return f"Left alone. {removal.left_because}", "warning"
    return "Removed", "success"
