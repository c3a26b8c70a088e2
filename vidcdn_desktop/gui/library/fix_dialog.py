"""The question before all findings of a folder are mended: each step with what it takes and what cannot be undone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import fix_words
from vidcdn_desktop.gui.library.plan_dialog import PlanDialog
from vidcdn_desktop.gui.widgets import (
    CheckBox,
    PlainLabel,
    PrimaryButton,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_fix import FixPlan, plan_fix
from vidcdn_desktop.jobs.health_model import Concern, HealthReport
from vidcdn_desktop.textsafe import display

_WIDTH = 640


@dataclass(frozen=True)
class FixConsent:
    """What the user has agreed to."""

    plan: FixPlan
    connection: Connection
    steps: frozenset[str]
    """Names of those steps of the plan that are wanted."""
    confirmed: int | None = None
    """The number that was typed, where objects would be gone for good."""
    invalidate: bool = False
    """The CDN is to forget the old copies afterwards."""


class FixDialog(PlanDialog):
    """Looks first, off the GUI thread; shows the plan; tells when the user agrees. Esc changes nothing.

    Args:
        connection: Through which it goes.
        report: What was found.
        concerns: Which of it is to be mended.
        parent: The window.
    """

    agreed = Signal(object)
    """FixConsent."""

    def __init__(
        self, connection: Connection, report: HealthReport, concerns: Collection[Concern], parent: QWidget | None = None
    ) -> None:
        super().__init__("Fix all", _WIDTH, parent)
        self._connection = connection
        self._report = report
        self._concerns = frozenset(concerns)
        self.plan: FixPlan | None = None
        """What was found out; None until then."""
        self.steps: dict[str, CheckBox] = {}
        """A box for each step, by its name."""
        self._build()

    def _build(self) -> None:
        column = self._build_head(display(self._report.prefix or self._report.bucket))
        words = "Working out what it takes"
        self._build_looking(column, f"{words}. Nothing is changed yet.", words)
        self.headline = PlainLabel(role="heading", wrap=True)
        self.headline.hide()
        self._rows = QVBoxLayout()
        self._rows.setSpacing(2)
        self.notes = PlainLabel(role="small", wrap=True, selectable=True)
        self.invalidate = CheckBox("", checked=True)
        self.confirm_words = PlainLabel(role="strong", wrap=True)
        self.confirm = QLineEdit()
        self.confirm.setMaximumWidth(160)
        self.confirm.setAccessibleName("Number of thumbnails that will be gone for good")
        self.confirm.textChanged.connect(self._on_changed)
        column.addWidget(self.headline)
        column.addLayout(self._rows)
        late: tuple[QWidget, ...] = (self.notes, self.invalidate, self.confirm_words, self.confirm)
        for widget in late:
            widget.hide()
            column.addWidget(widget)
        self.go_button = PrimaryButton("Do it")
        self.go_button.setEnabled(False)
        self.go_button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button)

    # Looking
    @Slot()
    def start(self) -> None:
        """Work out what it takes; the answer is shown when it is there."""
        connection, report, concerns, token = self._connection, self._report, self._concerns, self._token
        self.go_button.show()
        self._show_looking()
        run_in_background(
            self,
            lambda: plan_fix(connection, report, concerns, token=token),
            self._on_planned,
            self._on_failed,
            token=token,
        )

    # What was found
    @Slot(object)
    def _on_planned(self, plan: FixPlan) -> None:
        self.plan = plan
        self._at_rest()
        self.headline.set_text(fix_words.headline(plan))
        self.headline.show()
        for step in plan.steps:
            box = self.steps[step.name] = CheckBox(fix_words.title(step), checked=True)
            box.toggled.connect(self._on_changed)
            details = PlainLabel(fix_words.details(step), role="small", wrap=True, selectable=True)
            details.setContentsMargins(24, 0, 0, 4)
            box.setAccessibleDescription(details.text())
            for widget in (box, details):
                self._rows.addWidget(widget)
                widget.show()  # a layout would do so only later, and the dialog would be too low
        notes = fix_words.notes(plan)
        self.notes.set_text(notes)
        self.notes.setVisible(bool(notes))
        if plan.served_by:
            text = fix_words.invalidate(plan)
            self.invalidate.setText(text.replace("&", "&&"))
            self.invalidate.setAccessibleName(text)
            self.invalidate.show()
        self.go_button.setVisible(bool(plan.steps))
        self.close_button.set_text("Cancel" if plan.steps else "Close")
        self._on_changed()
        first = self.confirm if self.confirm.isVisibleTo(self) else self.go_button
        (first if plan.steps else self.close_button).setFocus(Qt.FocusReason.OtherFocusReason)
        announce(self, f"{self.headline.text()}. {self.confirm_words.text()}")

    def _wanted(self) -> frozenset[str]:
        return frozenset(name for name, box in self.steps.items() if box.isChecked())

    def _number(self) -> int | None:
        """What must be typed for the steps that are wanted."""
        return self.plan.confirm if self.plan is not None and "thumbnails" in self._wanted() else None

    def _typed(self) -> int | None:
        text = self.confirm.text().strip().replace(",", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None

    @Slot()
    def _on_changed(self) -> None:
        wanted, number = self._wanted(), self._number()
        self.confirm_words.set_text(fix_words.confirm(number) if number is not None else "")
        for widget in (self.confirm_words, self.confirm):
            widget.setVisible(number is not None)
        may = bool(wanted) and number in (None, self._typed())
        self.go_button.set_text(fix_words.go(len(wanted)))
        self.go_button.setEnabled(may)
        self.go_button.setDefault(may)
        self._fit()

    # What the user does
    @Slot()
    def _on_go(self) -> None:
        plan = self.plan
        if plan is None:
            return
        invalidate = self.invalidate.isVisibleTo(self) and self.invalidate.isChecked()
        confirmed = self._typed() if self._number() is not None else None
        consent = FixConsent(plan, self._connection, self._wanted(), confirmed, invalidate)
        self.accept()
        self.agreed.emit(consent)
