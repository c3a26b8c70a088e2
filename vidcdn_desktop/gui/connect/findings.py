"""What a test found, in two columns."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.widgets import ErrorPanel, FindingRow, PlainLabel, ThinProgress, announce
from vidcdn_desktop.jobs.connection_report import CheckState, ConnectionReport


class Findings(QWidget):
    """Empty, testing, a report, or an error."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self._title = PlainLabel(role="section")
        self._progress = ThinProgress("Testing")
        self._progress.set_fraction(None)
        self._holder = QWidget()
        self._grid = QGridLayout(self._holder)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        self._error = ErrorPanel()
        for part in (self._title, self._progress, self._holder, self._error):
            layout.addWidget(part)
        self.clear()

    def clear(self) -> None:
        """Nothing was tested yet, or what was tested has changed."""
        self._empty()
        self._title.set_text("")
        self._title.hide()
        self._progress.hide()
        self._error.set_error(None)

    def show_testing(self, text: str = "Testing…") -> None:
        """The answer is awaited."""
        self.clear()
        self._title.set_text(text)
        self._title.show()
        self._progress.show()
        announce(self, text)

    def show_report(self, report: ConnectionReport) -> None:
        """Show all findings; advice stands below its finding."""
        self.clear()
        self._title.set_text("What the test found")
        self._title.show()
        for number, check in enumerate(report.checks):
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(FindingRow(check.state.value, check.text, advice=check.advice))
            if check.advice and check.state is not CheckState.OK:
                advice = PlainLabel(check.advice, role="small", wrap=True)
                advice.setContentsMargins(23, 0, 0, 4)
                column.addWidget(advice)
            column.addStretch(1)
            self._grid.addWidget(cell, number // 2, number % 2)
        self._holder.setVisible(bool(report.checks))
        bad = sum(1 for check in report.checks if check.state is CheckState.FAILED)
        announce(self, f"Test finished, {bad} problems" if bad else "Test finished, no problems")

    def show_error(self, error: VidcdnError) -> None:
        """The test, or whatever was asked for, did not work."""
        self.clear()
        self._error.set_error(error, "")
        announce(self, error.sentence(), urgent=True)

    def _empty(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._holder.hide()
