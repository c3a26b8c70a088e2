"""The question before fast start inside the bucket: what it takes, looked up first, and nothing done until told."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import plan_words
from vidcdn_desktop.gui.library.plan_dialog import CountingDialog
from vidcdn_desktop.gui.library.plan_table import PlanModel, PlanTable
from vidcdn_desktop.gui.widgets import (
    BoxStrip,
    CheckBox,
    FactsGrid,
    PlainLabel,
    PrimaryButton,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair_batch import Outcome, RepairPlan, Wish, plan_repairs
from vidcdn_desktop.jobs.repair_job import names_of
from vidcdn_desktop.jobs.repair_report import RepairState
from vidcdn_desktop.textsafe import display

_WIDTH = 640


class _Looked:
    """How many objects were looked at; written by the worker, read by the dialog."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = self._total = 0

    def add(self, _outcome: Outcome, total: int) -> None:
        with self._lock:
            self._count += 1
            self._total = total

    def numbers(self) -> tuple[int, int]:
        with self._lock:
            return self._count, self._total


class FastStartDialog(CountingDialog):
    """Looks first, off the GUI thread; shows what it takes; tells when the user wants it. Esc changes nothing."""

    wanted = Signal(object)
    """(RepairPlan, bool whether the CDN is to forget the old copies)."""

    def __init__(self, connection: Connection, wishes: Sequence[Wish], parent: QWidget | None = None) -> None:
        super().__init__("Make fast start", _WIDTH, parent)
        self._connection = connection
        self._wishes = tuple(wishes)
        self._looked = _Looked()
        self.plan: RepairPlan | None = None
        """What was found out; None until then."""
        self._build()

    def _build(self) -> None:
        title, place = names_of(self._wishes)
        column = self._build_head(display(place if len(self._wishes) == 1 and place else title))
        self._build_looking(column, plan_words.looking(0, 0), "Videos looked at")
        self._note = PlainLabel("Only the start and the index of each video are read.", role="small")
        column.addWidget(self._note)
        column.addWidget(self._build_plan())
        self.go_button = PrimaryButton("Make fast start")
        self.go_button.setEnabled(False)
        self.go_button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button)

    def _build_plan(self) -> QWidget:
        column = self._build_plan_view()
        self.subline = PlainLabel(role="muted", wrap=True, selectable=True)
        self.model = PlanModel()
        self.table = PlanTable(self.model)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.reason = PlainLabel(role="small", wrap=True, selectable=True)
        self.strip = BoxStrip(before="In the bucket now", after="After the repair")
        self.facts = FactsGrid()
        self.invalidate = CheckBox("", checked=True)
        column.addWidget(self.subline)
        column.addSpacing(4)
        for widget in (self.table, self.reason, self.strip):
            column.addWidget(widget)
        column.addSpacing(6)
        column.addWidget(self.facts)
        column.addWidget(self.invalidate)
        return self._plan_view

    # Looking
    @Slot()
    def start(self) -> None:
        """Look up what it takes; the answer is shown when it is there."""
        self._looked = looked = _Looked()
        connection, wishes, token = self._connection, self._wishes, self._token
        self._note.show()
        self.go_button.show()
        self._show_looking()
        self.close_button.setFocus()
        run_in_background(
            self,
            lambda: plan_repairs(connection, wishes, token=token, on_outcome=looked.add),
            self._on_planned,
            self._on_failed,
            token=token,
        )

    @Slot()
    def _on_pull(self) -> None:
        count, total = self._looked.numbers()
        self.progress_words.set_text(plan_words.looking(count, total))
        self.progress.set_fraction(count / total if total > 1 else None)

    def _at_rest(self) -> None:
        self._note.hide()
        super()._at_rest()

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._show_failure(error)

    # What was found
    @Slot(object)
    def _on_planned(self, plan: RepairPlan) -> None:
        if len(plan.outcomes) == 1 and (error := plan.outcomes[0].error) is not None:
            self._on_failed(error)
            return
        self._at_rest()
        self.plan = plan
        self.headline.set_text(plan_words.headline(plan))
        self.subline.set_text(plan_words.subline(plan))
        many, todo = len(plan.outcomes) > 1, plan.totals.to_repair > 0
        self.table.setVisible(many)
        self.model.set_outcomes(plan.outcomes)
        self.table.fit(self._row_count(3, 5))
        self.strip.hide()
        self.facts.set_rows(plan_words.facts(plan))
        self.facts.setVisible(todo)
        self.invalidate.setText(plan_words.invalidate(plan).replace("&", "&&"))
        self.invalidate.setAccessibleName(plan_words.invalidate(plan))
        self.invalidate.setVisible(todo and bool(plan.served_by))
        self._plan_view.show()
        if plan.outcomes:
            self.table.selectRow(0)
            self._show_outcome(self.model.rows[0])
        self.go_button.set_text(plan_words.go(plan))
        self.go_button.setVisible(todo)
        self.go_button.setEnabled(todo)
        self.go_button.setDefault(todo)
        self.close_button.set_text("Cancel" if todo else "Close")
        (self.go_button if todo else self.close_button).setFocus(Qt.FocusReason.OtherFocusReason)
        self._fit()
        announce(self, f"{self.headline.text()}. {self.subline.text()}")

    @Slot(QModelIndex, QModelIndex)
    def _on_row(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self._show_outcome(self.model.rows[index.row()])
            self._fit()

    def _show_outcome(self, outcome: Outcome) -> None:
        report = outcome.report
        # What will be done is the same for all and stands above; why something is not done is worth a line.
        tells = outcome.state is not RepairState.WOULD and self.model.rowCount() > 1
        self.reason.set_text(plan_words.reason(outcome) if tells else "")
        self.reason.setVisible(tells)
        boxes = report.boxes if report is not None else ()
        if report is not None and boxes:
            self.strip.set_boxes(boxes, report.boxes_after)
        self.strip.setVisible(bool(boxes))

    # What the user does
    @Slot()
    def _on_go(self) -> None:
        plan = self.plan
        if plan is None:
            return
        self.accept()
        # A box that is not shown is no choice: the repair itself finds out that nothing serves the key.
        self.wanted.emit((plan, self.invalidate.isChecked()))
