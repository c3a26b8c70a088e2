"""Joins health to those who mend: each kind of finding goes to the desk, and the question, that is there for it.

unfinished uploads ──> `CleanupDialog`, which removes them itself
types, cache ────────> one operation, asked by `OperationDesk`
thumbnails ──────────> the same question as *Delete* in the list
slow starters ───────> `FastStartDesk`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.library.cleanup_dialog import CleanupDialog
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operation_desk import OperationDesk
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_fix import plan_fix
from vidcdn_desktop.jobs.health_model import Concern, Finding, HealthReport
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.repair_batch import Wish

_HEADERS = {Concern.TYPES: "Fix content types", Concern.CACHE: "Set cache headers"}


class HealthDesk(QObject):
    """Between the Library's view of health, its foot, and the other desks. GUI thread."""

    def __init__(
        self,
        session: Session,
        window: MainWindow,
        library: LibraryPage,
        operations: OperationDesk,
        journal: Journal | None,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._window = window
        self._library = library
        self._operations = operations
        self._journal = journal
        self.cleanup: CleanupDialog | None = None
        """The question about unfinished uploads, while it is asked."""
        self._health = library.overviews.health
        self._health.journal = journal
        self._health.fix_wanted.connect(self._on_fix)
        library.leftovers.clean_up.connect(self._on_clean_up)
        session.connection_changed.connect(self._on_looked_for)
        window.page_changed.connect(self._on_looked_for)

    # The foot
    @Slot(object)
    def _on_looked_for(self, _what: object) -> None:
        """Asked when the Library is on screen, so that who only publishes pays for no question."""
        connection = self._session.connection
        if self._window.current_page == "library" or connection is None:
            self._library.leftovers.ask(connection, self._journal)

    @Slot(object)
    def _on_clean_up(self, prefix: str) -> None:
        connection = self._session.connection
        if connection is None or self.cleanup is not None:
            return
        self.cleanup = CleanupDialog(connection, prefix, self._journal, self._window)
        self.cleanup.removed.connect(self._on_removed)
        self.cleanup.finished.connect(self._on_cleaned_up)
        self.cleanup.open()
        self.cleanup.start()

    @Slot()
    def _on_removed(self) -> None:
        self._library.leftovers.ask(self._session.connection, self._journal, again=True)

    @Slot(int)
    def _on_cleaned_up(self, _result: int) -> None:
        dialog, self.cleanup = self.cleanup, None
        if dialog is not None:
            if dialog.has_removed:
                self._library.overviews.set_stale()
            dialog.deleteLater()

    # Mending
    @Slot(object)
    def _on_fix(self, concerns: Sequence[Concern]) -> None:
        report = self._health.report
        if report is None or self._health.connection is not self._session.connection:
            return
        for concern in concerns:
            self._fix(concern, report)

    def _fix(self, concern: Concern, report: HealthReport) -> None:
        found = report.sections[concern].fixable
        if concern is Concern.UPLOADS:
            self._on_clean_up(report.prefix)
        elif concern is Concern.SLOW:
            self._library.fast_start_requested.emit([Wish(finding.ref, finding.etag) for finding in found])
        elif concern is Concern.THUMBNAILS:
            self._library.operation_requested.emit(Asked("delete", _sources(found)))
        elif concern in _HEADERS:
            self._operations.ask_planned(_HEADERS[concern], _place(report), _planner(report, concern))


def _sources(findings: Sequence[Finding]) -> tuple[Source, ...]:
    return tuple(Source(finding.ref, finding.etag, finding.size) for finding in findings)


def _place(report: HealthReport) -> str:
    return report.prefix or report.bucket


def _planner(
    report: HealthReport, concern: Concern
) -> Callable[[Connection, CancelToken, Callable[[int], None]], OperationPlan]:
    def plan(connection: Connection, token: CancelToken, found: Callable[[int], None]) -> OperationPlan:
        made = plan_fix(connection, report, (concern,), token=token).headers
        assert made is not None
        found(made.objects)
        return made

    return plan
