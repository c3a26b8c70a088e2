"""The question before all findings of a folder are mended: each step with what it takes and what cannot be undone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import fix_words
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.widgets import (
    Button,
    CheckBox,
    ElidedLabel,
    ErrorPanel,
    PlainLabel,
    PrimaryButton,
    ThinProgress,
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


class FixDialog(QDialog):
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
        super().__init__(parent)
        self._connection = connection
        self._report = report
        self._concerns = frozenset(concerns)
        self._token = CancelToken()
        self.plan: FixPlan | None = None
        """What was found out; None until then."""
        self.steps: dict[str, CheckBox] = {}
        """A box for each step, by its name."""
        self.setWindowTitle("Fix all")
        self.setModal(True)
        self._build()
        self.finished.connect(self._on_finished)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(6)
        column.addWidget(PlainLabel("Fix all", role="dialog-title"))
        column.addWidget(ElidedLabel(display(self._report.prefix or self._report.bucket), role="muted"))
        column.addSpacing(8)
        self.words = PlainLabel("Working out what it takes. Nothing is changed yet.")
        self.progress = ThinProgress("Working out what it takes")
        self.progress.set_fraction(None)
        self.error = ErrorPanel()
        self.error.action_requested.connect(self.start)
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
        for part in (self.words, self.progress, self.error, self.headline):
            column.addWidget(part)
        column.addLayout(self._rows)
        late: tuple[QWidget, ...] = (self.notes, self.invalidate, self.confirm_words, self.confirm)
        for widget in late:
            widget.hide()
            column.addWidget(widget)
        column.addStretch(1)
        column.addSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.close_button = Button("Cancel")
        self.close_button.clicked.connect(self.reject)
        self.go_button = PrimaryButton("Do it")
        self.go_button.setEnabled(False)
        self.go_button.clicked.connect(self._on_go)
        row.addWidget(self.close_button)
        row.addWidget(self.go_button)
        column.addLayout(row)
        self.setFixedWidth(_WIDTH)

    # Looking
    @Slot()
    def start(self) -> None:
        """Work out what it takes; the answer is shown when it is there."""
        connection, report, concerns, token = self._connection, self._report, self._concerns, self._token
        self.error.set_error(None)
        self.words.show()
        self.progress.show()
        self.go_button.show()
        self._fit()
        run_in_background(
            self,
            lambda: plan_fix(connection, report, concerns, token=token),
            self._on_planned,
            self._on_failed,
            token=token,
        )

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        error = harmless(problem)
        self.words.hide()
        self.progress.hide()
        self.error.set_error(error, "Try again")
        self.go_button.hide()
        self.close_button.set_text("Close")
        self._fit()
        self.error.button.setFocus()
        announce(self, error.sentence())

    # What was found
    @Slot(object)
    def _on_planned(self, plan: FixPlan) -> None:
        self.plan = plan
        self.words.hide()
        self.progress.hide()
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

    def _fit(self) -> None:
        """As high as what is shown: Qt's own `adjustSize` stops at two thirds of the screen."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(_WIDTH, layout.totalHeightForWidth(_WIDTH))

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

    @Slot(int)
    def _on_finished(self, _result: int) -> None:
        self._token.cancel()
