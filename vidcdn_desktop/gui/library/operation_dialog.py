"""The question before an operation: what it takes, what can be undone, what viewers see; then the user decides."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLineEdit, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import operation_words
from vidcdn_desktop.gui.library.handover_panel import HandoverPanel
from vidcdn_desktop.gui.library.operation_table import ItemModel, ItemTable
from vidcdn_desktop.gui.library.operation_words import PlanView
from vidcdn_desktop.gui.library.plan_dialog import CountingDialog
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.operations import Consent
from vidcdn_desktop.gui.widgets import (
    CheckBox,
    DangerButton,
    FactsGrid,
    PlainLabel,
    PrimaryButton,
    announce,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.plan import OperationPlan, Wish, plan_operation
from vidcdn_desktop.textsafe import display

Planner = Callable[[CancelToken, Callable[[int], None]], OperationPlan]
"""Works a plan out, on a thread of its own; is told the token and whom to tell how many objects were found."""


def planner_of(connection: Connection, wish: Wish) -> Planner:
    """How the plan of a wish is made."""
    return lambda token, found: plan_operation(connection, wish, token=token, on_found=found)


_WIDTH = 640


class OperationForm(QWidget):
    """What an operation needs to be told before it can be planned."""

    edited = Signal()
    """What was planned is not what is wanted any more."""

    def planner(self) -> Planner | None:
        """How the plan is made of what is filled in; None: something is missing."""
        raise NotImplementedError

    def problem(self) -> str:
        """What is missing, in a sentence; empty: nothing, or nobody has touched it yet."""
        return ""

    def first(self) -> QWidget:
        """What gets the focus."""
        raise NotImplementedError


class OperationDialog(CountingDialog):
    """Looks first, off the GUI thread; shows the plan; tells when the user agrees. Esc changes nothing.

    Args:
        connection: Through which it goes.
        title: What is done, as in "Delete".
        about: To what, in few words.
        how: How the plan is made, or the form that says so.
        parent: The window.
        is_dangerous: The button is that of something that takes things away.
    """

    agreed = Signal(object)
    """Consent."""
    handed_over = Signal(object)
    """KeptHandover: the store does it, so that nothing is begun here."""

    def __init__(
        self,
        connection: Connection,
        title: str,
        about: str,
        how: Planner | OperationForm,
        parent: QWidget | None = None,
        *,
        is_dangerous: bool = False,
    ) -> None:
        super().__init__(title, _WIDTH, parent)
        self._connection = connection
        self.form = how if isinstance(how, OperationForm) else None
        self._planner: Planner | None = None if isinstance(how, OperationForm) else how
        self._found = 0
        self._blocked = False
        """The plan cannot be begun as it stands."""
        self._number = 0
        """Of the look whose answer is waited for."""
        self.plan: OperationPlan | None = None
        """What was found out; None until then."""
        self._build(about, is_dangerous)
        self._show_form()

    def _build(self, about: str, is_dangerous: bool) -> None:
        column = self._build_head(display(about))
        if self.form is not None:
            column.addWidget(self.form)
            self.form.edited.connect(self._on_edited)
        self.hint = PlainLabel(role="danger", wrap=True)
        self.hint.hide()
        column.addWidget(self.hint)
        self._build_looking(column, "", "Looking at the bucket")
        self._at_rest()
        column.addWidget(self._build_plan())
        self.go_button = DangerButton("Delete") if is_dangerous else PrimaryButton("Continue")
        self.go_button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button)

    def _build_plan(self) -> QWidget:
        column = self._build_plan_view()
        self.subline = PlainLabel(role="danger", wrap=True, selectable=True)
        self.model = ItemModel()
        self.table = ItemTable(self.model)
        self.facts = FactsGrid()
        self.invalidate = CheckBox("", checked=True)
        self.confirm_words = PlainLabel(wrap=True, role="strong")
        self.confirm = QLineEdit()
        self.confirm.setMaximumWidth(160)
        self.confirm.setAccessibleName("Number of objects that will be gone for good")
        self.confirm.textChanged.connect(self._on_confirm)
        for widget in (self.subline, self.table):
            column.addWidget(widget)
        column.addSpacing(6)
        column.addWidget(self.facts)
        self.handover = HandoverPanel(self._connection)
        self.handover.changed.connect(self._on_grown)
        self.handover.handed_over.connect(self._on_handed_over)
        column.addWidget(self.handover)
        column.addWidget(self.invalidate)
        column.addSpacing(2)
        column.addWidget(self.confirm_words)
        column.addWidget(self.confirm)
        return self._plan_view

    def _show_form(self) -> None:
        self.go_button.setEnabled(self.form is not None)
        self.go_button.setDefault(self.form is not None)
        if self.form is not None:
            self.form.first().setFocus(Qt.FocusReason.OtherFocusReason)
        self._fit()

    # Looking
    @Slot()
    def start(self) -> None:
        """Look up what it takes; the answer is shown when it is there."""
        planner = self.form.planner() if self.form is not None else self._planner
        problem = self.form.problem() if self.form is not None else ""
        self.hint.set_text(problem)
        self.hint.setVisible(bool(problem))
        self.error.set_error(None)
        if planner is None:
            self._fit()
            announce(self, problem)
            return
        self._token.cancel()
        self._token = token = CancelToken()
        self._number += 1
        number, self._found, self.plan = self._number, 0, None
        self._plan_view.hide()
        self.go_button.setEnabled(False)
        self.go_button.show()
        self._show_looking()
        run_in_background(
            self,
            lambda: (number, operation_words.view_of(planner(token, self._count))),
            self._on_planned,
            self._on_failed,
            token=token,
        )

    def _count(self, found: int) -> None:
        """Called on the planning thread; one number, read by the timer."""
        self._found = found

    @Slot()
    def _on_pull(self) -> None:
        self.progress_words.set_text(operation_words.looking(self._found))

    @Slot()
    def _on_edited(self) -> None:
        """Another wish than the one that was looked at: look again first."""
        self._token.cancel()
        self._number += 1
        self._at_rest()
        self.plan = None
        self.hint.hide()
        self.error.set_error(None)
        self._plan_view.hide()
        self.go_button.show()
        self.go_button.set_text("Continue")
        self.go_button.setEnabled(True)
        self.go_button.setDefault(True)
        self._fit()

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        self._at_rest()
        error = harmless(problem)
        # Where there is a form, its values are what one changes.
        self.error.set_error(error, "" if self.form is not None and not error.retryable else "Try again")
        self.go_button.setVisible(self.form is not None)
        self.go_button.setEnabled(self.form is not None)
        self.close_button.set_text("Close" if self.form is None else "Cancel")
        self._fit()
        (self.form.first() if self.form is not None else self.error.button).setFocus()
        announce(self, error.sentence())

    # What was found
    @Slot(object)
    def _on_planned(self, told: tuple[int, PlanView]) -> None:
        number, view = told
        if number != self._number:
            return
        self._at_rest()
        self.plan, self._blocked = view.plan, view.is_blocked
        self._show_plan(view)
        useful = not view.is_blocked or self.form is not None
        self.go_button.set_text(view.go)
        self.go_button.setVisible(useful)
        self.close_button.set_text("Cancel" if useful else "Close")
        self._allow()
        self._plan_view.show()
        self._fit()
        self._focus()
        parts = (self.headline, self.subline, self.confirm_words)
        announce(self, ". ".join(part.text() for part in parts if part.text() and not part.isHidden()))

    def _show_plan(self, view: PlanView) -> None:
        self.headline.set_text(view.headline)
        self.subline.set_text(view.subline)
        self.subline.setVisible(bool(view.subline))
        self.model.set_view(view)
        self.table.fit(self._row_count(3, 6))
        self.table.setVisible(bool(view.rows))
        self.facts.set_rows(view.facts)
        self.handover.show_plan(view.plan if view.plan.handover and not view.is_blocked else None)
        self.invalidate.setText(view.invalidate.replace("&", "&&"))
        self.invalidate.setAccessibleName(view.invalidate)
        self.invalidate.setVisible(bool(view.invalidate))
        self.confirm.clear()
        self.confirm_words.set_text(view.confirm)
        self.confirm_words.setVisible(bool(view.confirm))
        self.confirm.setVisible(bool(view.confirm))

    def _focus(self) -> None:
        if self.confirm.isVisibleTo(self):
            self.confirm.setFocus(Qt.FocusReason.OtherFocusReason)
        elif self.go_button.isEnabled():
            self.go_button.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            (self.form.first() if self.form is not None else self.close_button).setFocus()

    @Slot(str)
    def _on_confirm(self, _text: str) -> None:
        self._allow()

    def _typed(self) -> int | None:
        """The number that was typed, with or without separators."""
        text = "".join(letter for letter in self.confirm.text() if letter not in " ,.'\u00a0\u202f")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None

    def _allow(self) -> None:
        plan = self.plan
        if plan is None:
            return
        may = not self._blocked and plan.confirm in (None, self._typed())
        self.go_button.setEnabled(may)
        self.go_button.setDefault(may)

    @Slot()
    def _on_grown(self) -> None:
        inner = self._plan_view.layout()
        if inner is not None:
            inner.activate()
        self._fit()

    # What the user does
    @Slot()
    def _on_go(self) -> None:
        plan = self.plan
        if plan is None:
            self.start()
            return
        invalidate = self.invalidate.isVisibleTo(self) and self.invalidate.isChecked()
        consent = Consent(plan, self._connection, self._typed(), invalidate)
        self.accept()
        self.agreed.emit(consent)

    @Slot(object)
    def _on_handed_over(self, kept: object) -> None:
        self.reject()
        self.handed_over.emit(kept)

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        self.handover.stop()
        self._number += 1
        super()._on_finished(result)
