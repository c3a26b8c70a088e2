"""Unfinished uploads: looked up, chosen, removed, and told one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library import cleanup_words
from vidcdn_desktop.gui.library.cleanup_table import UploadModel, UploadTable
from vidcdn_desktop.gui.library.long_look import Board, LongLook
from vidcdn_desktop.gui.library.plan_dialog import PlanDialog
from vidcdn_desktop.gui.widgets import DangerButton, PlainLabel, announce
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health import REQUESTS_PER_S
from vidcdn_desktop.jobs.health_model import Concern, Finding, Progress, Section
from vidcdn_desktop.jobs.health_uploads import Age, Removal, look_at_uploads, remove_uploads
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.textsafe import display

_WIDTH = 720


class CleanupDialog(PlanDialog):
    """Looks first, off the GUI thread; removes what is chosen. Esc changes nothing, or stops it where it is.

    Args:
        connection: Through which it goes.
        prefix: Below which uploads are looked for.
        journal: Tells which of them are this program's own.
        parent: The window.
    """

    removed = Signal()
    """Some are gone."""

    def __init__(
        self, connection: Connection, prefix: str, journal: Journal | None, parent: QWidget | None = None
    ) -> None:
        super().__init__("Unfinished uploads", _WIDTH, parent)
        self._connection = connection
        self._prefix = prefix
        self._journal = journal
        self._looking: LongLook | None = None
        self._removals: list[Removal] = []
        self._is_changed = False
        self._wanted = 0
        """How many are being removed."""
        self.section: Section | None = None
        """What was found; None until then."""
        self._build()

    def _build(self) -> None:
        bucket = self._connection.profile.bucket
        column = self._build_head(display(f"{bucket}/{self._prefix}" if self._prefix else bucket))
        self._build_looking(column, "", "Looking at unfinished uploads", wrap=True)
        self.headline = PlainLabel(role="heading", wrap=True)
        self.model = UploadModel()
        self.model.chosen_changed.connect(self._on_chosen)
        self.table = UploadTable(self.model)
        self.subline = PlainLabel(role="muted", wrap=True)
        for widget in (self.headline, self.table, self.subline):
            column.addWidget(widget)
        self.go_button = DangerButton("Remove")
        self.go_button.clicked.connect(self._on_go)
        self._build_foot(column, self.go_button)

    def _run(
        self,
        work: Callable[[Board, CancelToken], object],
        on_done: Callable[[Any], None],
        on_failed: Callable[[VidcdnError], None],
    ) -> None:
        looking = self._looking = LongLook(work, self)
        looking.told.connect(self._on_told)
        looking.found.connect(self._on_found)
        looking.done.connect(on_done)
        looking.failed.connect(on_failed)
        looking.start()

    @property
    def has_removed(self) -> bool:
        """Whether anything was done about any of them."""
        return self._is_changed

    # Looking
    @Slot()
    def start(self) -> None:
        """Look for them; they are shown when they are there."""
        connection, prefix, journal = self._connection, self._prefix, self._journal

        def look(_board: Board, token: CancelToken) -> Section:
            age = Age(datetime.now(UTC), timedelta(0))
            return look_at_uploads(connection, prefix, age, journal, RateLimiter(REQUESTS_PER_S), token)

        self.progress_words.set_text("Looking for unfinished uploads…")
        for widget in (self.headline, self.table, self.subline, self.go_button):
            widget.hide()
        self._show_looking()
        self._run(look, self._on_looked, self._on_failed)

    @Slot(object)
    def _on_looked(self, section: Section) -> None:
        self._looking = None
        if section.problem is not None and not section.findings:
            self._on_failed(section.problem)
            return
        self._at_rest()
        self.section = section
        self.headline.set_text(cleanup_words.headline(section))
        self.headline.show()
        self.model.set_findings(section.findings)
        self._show_table(bool(section.findings))
        self.close_button.set_text("Cancel" if section.findings else "Close")
        self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)
        announce(self, f"{self.headline.text()}. {self.subline.text()}")

    def _show_table(self, some: bool) -> None:
        self.subline.setVisible(some)
        self.table.setVisible(some)
        self.go_button.setVisible(some)
        self.table.fit(self._row_count(5, 9))
        self._fit()

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        self._looking = None
        super()._on_failed(problem)

    # Choosing
    @Slot()
    def _on_chosen(self) -> None:
        findings = self.model.chosen()
        self.subline.set_text(cleanup_words.chosen(findings))
        self.go_button.set_text(cleanup_words.go(len(findings)))
        self.go_button.setEnabled(bool(findings))

    # Removing
    def show_findings(self, findings: list[Finding]) -> None:
        """Show these instead of looking for some: the user has agreed to them elsewhere."""
        self.section = Section(Concern.UPLOADS)
        for finding in findings:
            self.section.add(finding)
        self._on_looked(self.section)

    @Slot()
    def _on_go(self) -> None:
        self.remove(self.model.chosen())

    def remove(self, findings: list[Finding]) -> None:
        """Remove these; each is looked at again first, and left alone if somebody is at it."""
        connection, journal = self._connection, self._journal

        def work(board: Board, token: CancelToken) -> None:
            for count, removal in enumerate(remove_uploads(connection, findings, journal, token), 1):
                board.add(removal)
                board.tell(Progress(cleanup_words.removing(count, len(findings)), count, len(findings)))

        self._removals, self._wanted = [], len(findings)
        self.model.lock(True)
        self.progress_words.set_text(cleanup_words.removing(0, len(findings)))
        self.progress.set_fraction(0.0)
        self.progress_words.show()
        self.progress.show()
        self.subline.hide()
        self.go_button.hide()
        self.close_button.set_text("Stop")
        self._fit()
        self._run(work, self._on_removed, self._on_remove_failed)

    @Slot(object)
    def _on_told(self, progress: Progress) -> None:
        self.progress_words.set_text(progress.words)
        self.progress.set_fraction(progress.done / progress.total if progress.total else None)

    @Slot(object)
    def _on_found(self, removals: list[Removal]) -> None:
        for removal in removals:
            self._removals.append(removal)
            self.model.settle(removal)

    @Slot(object)
    def _on_removed(self, _nothing: object) -> None:
        self._end(None)

    @Slot(object)
    def _on_remove_failed(self, error: VidcdnError) -> None:
        self._end(error)

    def _end(self, error: VidcdnError | None) -> None:
        """What became of them, one by one; those that are left can be tried again."""
        self._looking = None
        self._at_rest()
        self.model.lock(False)
        self.error.set_error(error, "")
        self.headline.set_text(cleanup_words.report(self._removals, self._wanted))
        self._show_table(True)
        self.subline.setVisible(bool(self.model.chosen()))
        self.go_button.setVisible(bool(self.model.chosen()))
        self._on_chosen()
        self.close_button.set_text("Close")
        self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)
        announce(self, self.headline.text())
        if self._removals:
            self._is_changed = True
            self.removed.emit()

    def reject(self) -> None:
        """Esc and the button: while they are removed, stop and tell what became of them; else leave."""
        if self._looking is not None and self._wanted and self.section is not None:
            self._looking.stop()
            self._end(None)
            return
        super().reject()

    @Slot(int)
    def _on_finished(self, _result: int) -> None:
        if self._looking is not None:
            self._looking.stop()
            self._looking = None
