"""What the question about a very large operation offers instead: a job of the store's own, or files for an admin."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import handover_words
from vidcdn_desktop.gui.library.handover_dialog import HandoverDialog
from vidcdn_desktop.gui.widgets import Button, PlainLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover import Handover, hand_over
from vidcdn_desktop.jobs.operations.handover_job import Pace, can_hand_over, measure_pace
from vidcdn_desktop.jobs.operations.plan import OperationPlan


@dataclass(frozen=True)
class _Found:
    plan: OperationPlan
    handover: Handover
    pace: Pace
    why_not: str


class HandoverPanel(QWidget):
    """Shown below a plan that is a lot. GUI thread."""

    changed = Signal()
    """It may be higher than before."""
    handed_over = Signal(object)
    """KeptHandover: a job was prepared, so the operation is not to be begun here."""

    def __init__(self, connection: Connection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._connection = connection
        self._plan: OperationPlan | None = None
        self._token = CancelToken()
        self.handover: Handover | None = None
        """What could be handed over; None before that is known."""
        self.dialog: HandoverDialog | None = None
        """The next question, while it is asked."""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        self.words = PlainLabel(wrap=True)
        column.addWidget(self.words)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.prepare = Button("Prepare a Batch Operations job…", small=True)
        self.files = Button("Save the files for an admin…", small=True)
        self.prepare.clicked.connect(self._on_open)
        self.files.clicked.connect(self._on_open)
        row.addWidget(self.prepare)
        row.addWidget(self.files)
        row.addStretch(1)
        column.addLayout(row)
        self.hide()

    def show_plan(self, plan: OperationPlan | None) -> None:
        """Offer what there is for a plan; nothing for one that is no lot, or that cannot begin at all."""
        self._token.cancel()
        self._plan, self.handover = plan, None
        self.setVisible(plan is not None)
        if plan is None:
            return
        self._token = token = CancelToken()
        self.prepare.setEnabled(False)
        self.files.setEnabled(False)
        self.words.set_text("Measuring how long it would take from here…")
        connection = self._connection

        def look() -> _Found:
            handover = hand_over(plan)
            why_not = handover_words.why_not(handover, has_batch=can_hand_over(connection))
            return _Found(plan, handover, measure_pace(connection, plan, token), why_not)

        run_in_background(self, look, self._on_found, self._on_failed, token=token)

    @Slot(object)
    def _on_found(self, found: _Found) -> None:
        if found.plan is not self._plan:
            return
        self.handover = found.handover
        here = f"From here: {found.pace.words}, with this computer on all the while."
        self.words.set_text(f"{here} {found.why_not}".strip())
        self.prepare.setEnabled(not found.why_not)
        self.files.setEnabled(found.handover.is_possible or bool(found.handover.rule))
        self._grow()

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self.words.set_text(error.sentence())
        self._grow()

    def _grow(self) -> None:
        layout = self.layout()
        if layout is not None:
            layout.activate()  # else whoever fits itself around it asks for the height of before
        self.changed.emit()

    @Slot()
    def _on_open(self) -> None:
        if self.handover is None or self.dialog is not None:
            return
        self.dialog = HandoverDialog(self._connection, self.handover, self.window())
        self.dialog.created.connect(self.handed_over)
        self.dialog.finished.connect(self._on_closed)
        self.dialog.open()
        if self.sender() is self.files:
            self.dialog.choose_folder()

    @Slot(int)
    def _on_closed(self, _result: int) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def stop(self) -> None:
        """The question was answered."""
        self._token.cancel()
        self._plan = None
