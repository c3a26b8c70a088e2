"""*Check a link*: what the edge really serves for one address."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.model import DeliveryReport, Severity
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.widgets import Button, Card, ErrorPanel, FindingRow, PlainLabel
from vidcdn_desktop.jobs.verify import check_delivery
from vidcdn_desktop.network import AS_FOUND, NetworkSettings
from vidcdn_desktop.textsafe import display

_STATES = {Severity.OK: "ok", Severity.NOTE: "note", Severity.WARNING: "warning", Severity.PROBLEM: "failed"}


class LinkCheck(Card):
    """A field for an address and the findings below it."""

    def __init__(self, parent: QWidget | None = None, *, network: NetworkSettings = AS_FOUND) -> None:
        super().__init__(parent)
        self._network = network
        self.report: DeliveryReport | None = None
        self._token = CancelToken()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        row = QHBoxLayout()
        self.url = QLineEdit()
        self.url.setProperty("mono", True)
        self.url.setPlaceholderText("https://media.example.com/videos/landscape/teaser.mp4")
        self.url.setAccessibleName("Address to check")
        self.url.returnPressed.connect(self.check)
        row.addWidget(self.url, 1)
        self.button = Button("Check")
        self.button.clicked.connect(self.check)
        row.addWidget(self.button)
        column.addLayout(row)
        self.error = ErrorPanel()
        self.error.hide()
        column.addWidget(self.error)
        self.summary = PlainLabel(role="small", wrap=True)
        self.summary.hide()
        column.addWidget(self.summary)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)

    @Slot()
    def check(self) -> None:
        """Ask the edge, as a viewer would."""
        url = self.url.text().strip()
        if not url or not self.button.isEnabled():
            return
        self._token = CancelToken()
        token = self._token
        self.button.setEnabled(False)
        self.error.hide()
        self._clear()
        self.summary.set_text("Asking the edge…")
        self.summary.show()
        network = self._network
        run_in_background(
            self, lambda: check_delivery(url, None, token, network), self._on_report, self._on_error, token=token
        )

    @Slot(object)
    def _on_report(self, report: DeliveryReport) -> None:
        self.report = report
        self.button.setEnabled(True)
        edge = f" Seen at edge {display(report.pop)}." if report.pop else ""
        starts = f" Starts in {report.start_s:.2f} s." if report.start_s is not None and report.ok else ""
        verdict = "This link works." if report.ok else "This link does not work as it should."
        self.summary.set_text(f"{verdict}{starts}{edge}")
        half = (len(report.findings) + 1) // 2
        for number, finding in enumerate(report.findings):
            row = FindingRow(_STATES[finding.severity], display(finding.text))
            self._grid.addWidget(row, number % half, number // half)

    @Slot(object)
    def _on_error(self, error: VidcdnError) -> None:
        self.button.setEnabled(True)
        self.summary.hide()
        self.error.set_error(error)
        self.error.show()

    def _clear(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
