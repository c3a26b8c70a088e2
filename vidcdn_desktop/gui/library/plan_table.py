"""The videos of a plan for fast start, one row each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from vidcdn_desktop.gui.library import plan_words
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import TextDelegate
from vidcdn_desktop.jobs.repair_batch import Outcome
from vidcdn_desktop.jobs.repair_report import RepairState
from vidcdn_desktop.textsafe import display, format_size

Index = QModelIndex | QPersistentModelIndex

_COLUMNS = ("Name", "What happens", "Size", "Sends")
_WIDTHS = {1: 168, 2: 84, 3: 84}
_ROW_HEIGHT = 28
_ORDER = {RepairState.WOULD: 0, None: 1, RepairState.LEFT: 2, RepairState.ALREADY: 3}
"""What will be done comes first, then what one should know."""


class PlanModel(QAbstractTableModel):
    """Outcomes of a plan, what will be done first."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Outcome] = []
        self._skip = 0

    def set_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Show these; names without the folder they share."""
        self.beginResetModel()
        self._rows = sorted(outcomes, key=lambda outcome: _ORDER[outcome.state])
        self._skip = _shared(outcomes)
        self.endResetModel()

    def outcome(self, row: int) -> Outcome:
        """One of them."""
        return self._rows[row]

    def rowCount(self, parent: Index | None = None) -> int:
        """Videos."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Name, what happens, size, what is sent."""
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
        """Text of a cell; sizes stand at the right, what is not done is muted."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        outcome, column = self._rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(outcome, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and outcome.state is not RepairState.WOULD:
            return color("danger" if outcome.error is not None and column == 1 else "muted")
        return None

    def _text(self, outcome: Outcome, column: int) -> str:
        report = outcome.report
        if column == 0:
            return display(outcome.ref.key[self._skip :])
        if column == 1:
            return plan_words.result(outcome)
        if report is None or (column == 2 and not report.size):
            return ""
        if column == 2:
            return format_size(report.size)
        return format_size(report.bytes_uploaded) if report.state is RepairState.WOULD else "–"


class PlanTable(QTableView):
    """Shows a `PlanModel`, as high as its first rows."""

    def __init__(self, model: PlanModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(TextDelegate(self))
        self.setAccessibleName("Videos")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, width)

    def fit(self, most: int) -> None:
        """As high as the rows, but no more than `most`."""
        rows = min(max(1, self.model().rowCount()), most)
        head = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(head + rows * _ROW_HEIGHT + 2 * self.frameWidth())


def _alignment(column: int) -> int:
    side = Qt.AlignmentFlag.AlignRight if column >= 2 else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


def _shared(outcomes: Sequence[Outcome]) -> int:
    """How much of the keys is the same folder."""
    keys = [outcome.ref.key for outcome in outcomes]
    if not keys:
        return 0
    first, last = min(keys), max(keys)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first.rfind("/", 0, same) + 1
