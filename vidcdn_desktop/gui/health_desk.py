"""Joins health to those who mend: each kind of finding goes to the desk, and the question, that is there for it.

unfinished uploads ──> `CleanupDialog`, which removes them itself
types, cache ────────> one operation, asked about by `OperationDesk`
thumbnails ──────────> the same question as *Delete* in the list
slow starters ───────> `FastStartDesk`
all of them ─────────> one question, `FixDialog`; then the same jobs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.library.cleanup_dialog import CleanupDialog
from vidcdn_desktop.gui.library.fix_dialog import FixConsent, FixDialog
from vidcdn_desktop.gui.library.operation_questions import Asked
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.main_window import MainWindow
from vidcdn_desktop.gui.operation_desk import OperationDesk
from vidcdn_desktop.gui.operations import Consent
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_fix import plan_fix
from vidcdn_desktop.jobs.health_model import FIXABLE, Concern, Finding, HealthReport
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.plan import OperationPlan
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.jobs.repair_batch import RepairPlan, Wish
from vidcdn_desktop.jobs.states import ENDED

_HEADERS = {Concern.TYPES: "Fix content types", Concern.CACHE: "Set cache headers"}


class HealthDesk(QObject):
    """Between the Library's view of health, its foot, and the other desks. GUI thread."""

    def __init__(
        self,
        bridge: JobBridge,
        window: MainWindow,
        library: LibraryPage,
        operations: OperationDesk,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window = window
        self._library = library
        self._operations = operations
        self._journal = bridge.journal
        self._planned: list[tuple[OperationPlan, RepairPlan, bool]] = []
        """Repairs that wait for the headers, until the job of those is known; and whether the CDN is to forget."""
        self._after: dict[str, tuple[RepairPlan, bool]] = {}
        """The same, by the id of that job."""
        self.question: FixDialog | None = None
        """The question about all, while it is asked."""
        self.cleanup: CleanupDialog | None = None
        """The question about unfinished uploads, while it is asked."""
        self._health = library.overviews.health
        self._health.journal = self._journal
        self._health.fix_wanted.connect(self._on_fix)
        self._health.fix_all_wanted.connect(self._on_fix_all)
        bridge.operations.begun.connect(self._on_begun)
        bridge.operations.changed.connect(self._on_changed)
        library.leftovers.clean_up.connect(self._on_clean_up)
        library.shown.changed.connect(self._on_looked_for)
        window.page_changed.connect(self._on_looked_for)

    # The foot
    @Slot(object)
    def _on_looked_for(self, _what: object) -> None:
        """Asked when the Library is on screen, so that who only publishes pays for no question."""
        connection = self._library.connection
        if self._window.current_page == "library" or connection is None:
            self._library.leftovers.ask(connection, self._journal)

    @Slot(object)
    def _on_clean_up(self, prefix: str) -> None:
        connection = self._library.connection
        dialog = self._open_cleanup(connection, prefix) if connection is not None else None
        if dialog is not None:
            dialog.start()

    def _open_cleanup(self, connection: Connection, prefix: str) -> CleanupDialog | None:
        if self.cleanup is not None:
            return None
        self.cleanup = CleanupDialog(connection, prefix, self._journal, self._window)
        self.cleanup.removed.connect(self._on_removed)
        self.cleanup.finished.connect(self._on_cleaned_up)
        self.cleanup.open()
        return self.cleanup

    @Slot()
    def _on_removed(self) -> None:
        self._library.leftovers.ask(self._library.connection, self._journal, again=True)

    @Slot(int)
    def _on_cleaned_up(self, _result: int) -> None:
        dialog, self.cleanup = self.cleanup, None
        if dialog is not None:
            if dialog.has_removed:
                self._library.overviews.set_stale()
            dialog.deleteLater()

    # Mending
    @Slot(object)
    def _on_fix(self, concern: Concern) -> None:
        report = self._report()
        if report is not None and concern in report.sections:
            self._fix(concern, report)

    def _report(self) -> HealthReport | None:
        """What the view shows, if it is about the bucket that is shown."""
        return self._health.report if self._health.connection is self._library.connection else None

    @Slot()
    def _on_fix_all(self) -> None:
        report, connection = self._report(), self._library.connection
        if report is None or connection is None or self.question is not None:
            return
        self.question = FixDialog(connection, report, FIXABLE, self._window)
        self.question.agreed.connect(self._on_agreed)
        self.question.finished.connect(self._on_asked)
        self.question.open()
        self.question.start()

    @Slot(int)
    def _on_asked(self, _result: int) -> None:
        if self.question is not None:
            self.question.deleteLater()
            self.question = None

    @Slot(object)
    def _on_agreed(self, consent: FixConsent) -> None:
        """All at once, but repairs after the headers: both write a video anew, and one would undo the other."""
        plan, wanted = consent.plan, consent.steps
        repairs = plan.repairs if "repairs" in wanted else None
        if plan.thumbnails is not None and "thumbnails" in wanted:
            self._begin(plan.thumbnails, consent)
        if plan.headers is not None and "headers" in wanted:
            if repairs is not None:
                self._planned.append((plan.headers, repairs, consent.invalidate))
            self._begin(plan.headers, consent)
        elif repairs is not None:
            self._bridge.repairs.add(repairs, invalidate=consent.invalidate)
        if {"headers", "thumbnails", "repairs"} & wanted:
            text = "What was found is being mended in the background"
            self._library.toast.show_message(text, "Show in Activity", self._show_activity)
        if "uploads" in wanted:
            self._remove(consent)

    def _begin(self, plan: OperationPlan, consent: FixConsent) -> None:
        confirmed = consent.confirmed if plan.confirm is not None else None
        invalidate = consent.invalidate and bool(plan.served_by)
        self._bridge.operations.add(Consent(plan, consent.connection, confirmed, invalidate))

    def _remove(self, consent: FixConsent) -> None:
        """In a dialog of its own, which tells what became of each."""
        dialog = self._open_cleanup(consent.connection, self._health.prefix)
        if dialog is not None:
            dialog.show_findings(list(consent.plan.uploads))
            dialog.remove(list(consent.plan.uploads))

    def _show_activity(self) -> None:
        self._window.show_page("activity")

    @Slot(object)
    def _on_begun(self, told: tuple[Consent, str]) -> None:
        consent, job_id = told
        for waiting in list(self._planned):
            if waiting[0] is consent.plan:
                self._planned.remove(waiting)
                self._after[job_id] = waiting[1:]

    @Slot(object)
    def _on_changed(self, snapshot: OperationSnapshot) -> None:
        """The headers are set: now the videos may be written anew. Who cancelled the one does not want the other."""
        if snapshot.state in ENDED and snapshot.id in self._after:
            repairs, invalidate = self._after.pop(snapshot.id)
            if snapshot.state is not JobState.CANCELLED:
                self._bridge.repairs.add(repairs, invalidate=invalidate)

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
