"""Findings of one kind, one row each; a click or Enter shows the object in the list."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from vidcdn_desktop.gui.library import health_words
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import TextDelegate, plain_tooltip
from vidcdn_desktop.jobs.health_model import Finding
from vidcdn_desktop.textsafe import display, format_size

Index = QModelIndex | QPersistentModelIndex

_COLUMNS = ("Name", "What", "Size")
_SIZE_WIDTH = 84
_ROW_HEIGHT = 28
_FEW = 3
"""Rows that are shown before the user wants all."""
_HIGH = 10
"""Rows that are in sight then; the others are scrolled to."""


class FindingModel(QAbstractTableModel):
    """The first findings, or all of them: nothing is made for a row that is not on screen."""

    def __init__(self, findings: Sequence[Finding], prefix: str) -> None:
        super().__init__()
        self._findings = findings
        self._skip = prefix.rfind("/") + 1
        self._shown = min(_FEW, len(findings))

    def set_all(self, everything: bool) -> None:
        """All rows, or the first few."""
        self.beginResetModel()
        self._shown = len(self._findings) if everything else min(_FEW, len(self._findings))
        self.endResetModel()

    def finding(self, row: int) -> Finding:
        """One of them."""
        return self._findings[row]

    def rowCount(self, parent: Index | None = None) -> int:
        """Findings."""
        return 0 if parent is not None and parent.isValid() else self._shown

    def columnCount(self, parent: Index | None = None) -> int:
        """Name, what, size."""
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
        """Text of a cell; the name is a link."""
        if not index.isValid() or index.row() >= self._shown:
            return None
        finding, column = self._findings[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(finding, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column < 2:
            return color("muted" if column else "accent")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"{display(finding.ref.key)}: {health_words.about(finding)}")
        return None

    def _text(self, finding: Finding, column: int) -> str:
        if column == 0:
            return display(finding.ref.key[self._skip :])
        return health_words.about(finding) if column == 1 else format_size(finding.size)


class FindingTable(QTableView):
    """Shows a `FindingModel`, as high as its rows."""

    chosen = Signal(object)
    """Finding."""

    def __init__(self, model: FindingModel, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._findings = model
        self.setModel(model)
        self.setItemDelegate(TextDelegate(self))
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.hide()
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(2, _SIZE_WIDTH)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(self._on_clicked)
        self.fit()

    def set_all(self, everything: bool) -> None:
        """All rows, or the first few."""
        self._findings.set_all(everything)
        self.fit()

    def fit(self) -> None:
        """As high as the rows in sight."""
        rows = min(self._findings.rowCount(), _HIGH)
        scrolls = self._findings.rowCount() > rows
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if scrolls else policy.ScrollBarAlwaysOff)
        self.setFixedHeight(rows * _ROW_HEIGHT + 2 * self.frameWidth())

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Enter has something to act on from the start."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self._findings.index(0, 0))

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.chosen.emit(self._findings.finding(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter does what a click does."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self._on_clicked(index)
            return
        super().keyPressEvent(event)


def _alignment(column: int) -> int:
    side = Qt.AlignmentFlag.AlignRight if column == 2 else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
