"""Joins the pages in what concerns operations: the question, the job, what came of it, and taking it back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.activity.operation_words import title
from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.asking_desk import AskingDesk
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog
from vidcdn_desktop.gui.library.operation_questions import Asked, ask_about, sentence
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operations import Consent
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import Toast
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Kind
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.states import ENDED


class OperationDesk(AskingDesk):
    """Between the Library, the Activity page, session and bridge. GUI thread."""

    dialog: OperationDialog | None
    """The question, while it is asked."""
    handed_over = Signal(object)
    """KeptHandover: the store does what was asked for here."""

    def __init__(
        self,
        bridge: JobBridge,
        session: Session,
        window: MainWindow,
        pages: tuple[LibraryPage, ActivityPage],
        toasts: dict[str, Toast],
        parent: QObject,
    ) -> None:
        """Put the parts together; `toasts` by the name of the page they belong to."""
        super().__init__(parent)
        self._bridge = bridge
        self._session = session
        self._window = window
        self._library, self._activity = pages
        self._toasts = toasts
        self._running: set[str] = set()
        self._library.operation_requested.connect(self._on_requested)
        self._activity.undo_requested.connect(self._on_undo_requested)
        bridge.operations.added.connect(self._on_changed)
        bridge.operations.changed.connect(self._on_changed)
        bridge.operations.failed.connect(self._on_failed)

    # The question
    def ask(self, asked: Asked) -> None:
        """Put the question about an operation that was chosen elsewhere."""
        self._on_requested(asked)

    @Slot(object)
    def _on_requested(self, asked: Asked) -> None:
        connection = self._library.connection
        if connection is not None and asked.sources and self.dialog is None:
            self._ask(ask_about(connection, asked, self._window))

    def ask_planned(
        self, title: str, about: str, planner: Callable[[Connection, CancelToken, Callable[[int], None]], OperationPlan]
    ) -> None:
        """Ask about an operation that somebody else plans."""
        connection = self._library.connection
        if connection is None or self.dialog is not None:
            return
        here = connection

        def plan(token: CancelToken, found: Callable[[int], None]) -> OperationPlan:
            return planner(here, token, found)

        self._ask(OperationDialog(here, title, about, plan, self._window))

    def _ask(self, dialog: OperationDialog) -> None:
        dialog.agreed.connect(self._on_agreed)
        dialog.handed_over.connect(self.handed_over)
        self._open(dialog)
        if dialog.form is None:
            dialog.start()

    @Slot(object)
    def _on_agreed(self, consent: Consent) -> None:
        self._bridge.operations.add(consent)

    # What came of it
    @Slot(object)
    def _on_changed(self, snapshot: OperationSnapshot) -> None:
        if snapshot.state not in ENDED:
            if snapshot.state is not JobState.PAUSED:
                self._running.add(snapshot.id)
            return
        if snapshot.id not in self._running:
            return
        self._running.discard(snapshot.id)
        if snapshot.connection_id == self._session.facts.profile.id:
            self._library.refresh()
        self._tell_end(snapshot)

    def _tell_end(self, snapshot: OperationSnapshot) -> None:
        if snapshot.state is JobState.FAILED:
            text = snapshot.error.what if snapshot.error is not None else "Not all was done"
            self.tell(text, "Show in Activity", self._show_activity)
        elif snapshot.state is JobState.PUBLISHED and snapshot.can_undo:
            job_id = snapshot.id
            self.tell(sentence(snapshot), "Undo", lambda: self.undo(job_id))
        else:
            self.tell(sentence(snapshot), "Show in Activity", self._show_activity)

    def tell(self, text: str, action: str, on_action: Callable[[], None]) -> None:
        """Say something on the page that is shown."""
        toast = self._toasts.get(self._window.current_page, self._library.toast)
        toast.show_message(text, action, on_action)

    def _show_activity(self) -> None:
        self._window.show_page("activity")

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        toast = self._toasts.get(self._window.current_page, self._library.toast)
        toast.show_message(error.sentence())

    # Taking it back
    @Slot(object)
    def _on_undo_requested(self, wish: tuple[str, str, str]) -> None:
        """From the Activity page, maybe long after: what it takes is shown first."""
        job_id, wanted, about = wish
        connection = self._session.connection
        if connection is None or connection.profile.id != wanted:
            self._activity.connection_wanted.emit((wanted, "undo", job_id))
            return
        if self.dialog is None:
            operations, here = self._bridge.operations, connection

            def plan(_token: CancelToken, _found: Callable[[int], None]) -> OperationPlan:
                return operations.undo_plan(job_id, here)

            self._ask(OperationDialog(here, "Undo", about, plan, self._window))

    def undo(self, job_id: str) -> None:
        """Take one back at once, as the message right after it offers."""
        connection = self._session.connection
        snapshot: OperationSnapshot | None = self._bridge.operations.snapshot(job_id)
        if snapshot is None:
            return
        if connection is None or connection.profile.id != snapshot.connection_id:
            about = title(snapshot.kind.value, snapshot.title)
            self._on_undo_requested((job_id, snapshot.connection_id, about))
            return
        operations, token = self._bridge.operations, CancelToken()

        def plan() -> tuple[OperationPlan, Connection]:
            return operations.undo_plan(job_id, connection), connection

        run_in_background(self, plan, self._on_undo_planned, self._on_failed, token=token)

    @Slot(object)
    def _on_undo_planned(self, told: tuple[OperationPlan, Connection]) -> None:
        plan, connection = told
        if plan.action.kind is Kind.UNDO:
            self._bridge.operations.add(Consent(plan, connection, invalidate=bool(plan.served_by)))
