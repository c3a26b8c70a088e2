"""Findings of one kind, one row each; a click or Enter shows the object in the list."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QWidget

from vidcdn_desktop.gui.library import health_words
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable
from vidcdn_desktop.jobs.health_model import Finding
from vidcdn_desktop.textsafe import display, format_size

_COLUMNS = ("Name", "What", "Size")
_WIDTHS = {2: 84}
_FEW = 3
"""Rows that are shown before the user wants all."""
_HIGH = 10
"""Rows that are in sight then; the others are scrolled to."""


class FindingModel(RowsModel[Finding]):
    """The first findings, or all of them: nothing is made for a row that is not on screen."""

    def __init__(self, findings: Sequence[Finding], prefix: str) -> None:
        super().__init__(_COLUMNS, figures=(2,))
        self._findings = findings
        self._skip = prefix.rfind("/") + 1
        self.set_all(False)

    def set_all(self, everything: bool) -> None:
        """All rows, or the first few."""
        self.set_rows(self._findings if everything else self._findings[:_FEW])

    def text(self, row: Finding, column: int) -> str:
        """Name, what, size."""
        if column == 0:
            return display(row.ref.key[self._skip :])
        return health_words.about(row) if column == 1 else format_size(row.size)

    def tint(self, _row: Finding, column: int) -> str:
        """The name is a link."""
        return ("accent", "muted", "")[column]

    def tip(self, row: Finding, _column: int) -> str:
        """The whole key, and what is wrong."""
        return f"{display(row.ref.key)}: {health_words.about(row)}"


class FindingTable(RowsTable):
    """Shows a `FindingModel`, as high as its rows."""

    chosen = Signal(object)
    """Finding."""

    def __init__(self, model: FindingModel, name: str, parent: QWidget | None = None) -> None:
        super().__init__(model, name, _WIDTHS, parent)
        self._findings = model
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.horizontalHeader().hide()
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(self._on_clicked)
        self._fit()

    def set_all(self, everything: bool) -> None:
        """All rows, or the first few."""
        self._findings.set_all(everything)
        self._fit()

    def _fit(self) -> None:
        rows = min(self._findings.rowCount(), _HIGH)
        scrolls = self._findings.rowCount() > rows
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if scrolls else policy.ScrollBarAlwaysOff)
        self.fit_to(rows)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Enter has something to act on from the start."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self._findings.index(0, 0))

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.chosen.emit(self._findings.rows[index.row()])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter does what a click does."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self._on_clicked(index)
            return
        super().keyPressEvent(event)
