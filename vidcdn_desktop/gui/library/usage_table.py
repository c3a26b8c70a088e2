"""Bytes, objects and cost, one row for each kind or class."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QWidget

from vidcdn_desktop.gui.library.usage_words import Row
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable

_WIDTHS = {1: 68, 2: 76, 3: 76}


class TallyModel(RowsModel[Row]):
    """A few rows; figures stand at the right."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns, figures=range(1, len(columns)))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these."""
        if rows != self.rows:
            super().set_rows(rows)

    def text(self, row: Row, column: int) -> str:
        """Name and figures."""
        return row[column]

    def tip(self, row: Row, column: int) -> str:
        """The name, whole."""
        return "" if column else row[0]


class TallyTable(RowsTable):
    """As high as its rows."""

    def __init__(self, name: str, columns: Sequence[str], parent: QWidget | None = None) -> None:
        tally = TallyModel(columns)
        super().__init__(tally, name, _WIDTHS, parent)
        self.tally = tally
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these."""
        self.tally.set_rows(rows)
        self.fit_to(max(1, len(rows)))
