"""The jobs that were handed over to the store: how far they are, looked up while the list is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.activity.operation_words import title
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import handover_words
from vidcdn_desktop.gui.library.plan_dialog import FramedDialog
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.models.celltext import modified
from vidcdn_desktop.gui.widgets import Button, ErrorPanel, PlainLabel, PrimaryButton, RowsModel, RowsTable, announce
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.handover_book import HandoverBook, KeptHandover
from vidcdn_desktop.jobs.operations.handover_job import belongs, cancel_job, confirm_job, status_of
from vidcdn_desktop.storage.control import BatchState, BatchStatus
from vidcdn_desktop.textsafe import display

_COLUMNS = ("Job", "State", "Objects", "Since")
_WIDTHS = {1: 116, 2: 168, 3: 120}
_ROWS = 6
_WIDTH = 720
_POLL_MS = 5_000
"""A job takes minutes to days; the store charges for no look at it."""

_Looked = tuple[int, list[KeptHandover], dict[str, BatchStatus], VidcdnError | None]
"""Number of the look, jobs, how far they are by token, what went wrong."""


class _Model(RowsModel[KeptHandover]):
    def __init__(self) -> None:
        super().__init__(_COLUMNS)
        self.statuses: dict[str, BatchStatus] = {}

    @property
    def jobs(self) -> Sequence[KeptHandover]:
        """What is shown."""
        return self.rows

    def text(self, row: KeptHandover, column: int) -> str:
        """What, how far, how many, since when."""
        status = self.statuses.get(row.token)
        match column:
            case 0:
                return title(row.operation, display(row.title, 80))
            case 1:
                return handover_words.state(status)
            case 2:
                return handover_words.counts(row, status)
        return modified(row.when)

    def show_jobs(self, jobs: Sequence[KeptHandover], statuses: dict[str, BatchStatus]) -> None:
        """Show these; rows that stay keep the selection."""
        self.statuses = statuses
        if [kept.token for kept in jobs] != [kept.token for kept in self.rows]:
            self.set_rows(jobs)
            return
        self.rows = jobs
        if jobs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(jobs) - 1, len(_COLUMNS) - 1))


class BatchJobsDialog(FramedDialog):
    """Looks every few seconds, off the GUI thread. Closing it leaves the jobs alone.

    Args:
        connection: Whose jobs can be looked after.
        parent: The window.
    """

    def __init__(self, connection: Connection, parent: QWidget | None = None) -> None:
        super().__init__("Jobs of the store", _WIDTH, parent)
        self._connection = connection
        self._book = HandoverBook()
        self._looking = False
        self._run = 0
        self.is_known = False
        """Whether all that is shown was looked up once."""
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.look)
        self._build()

    def _build(self) -> None:
        column = self._build_head("S3 Batch Operations does these, also while this computer is off.")
        self.model = _Model()
        self.table = RowsTable(self.model, "Jobs", _WIDTHS)
        self.table.fit_to(_ROWS)
        self.table.selectionModel().selectionChanged.connect(self._show)
        self.words = PlainLabel(role="small", wrap=True, selectable=True)
        self.error = ErrorPanel()
        self.error.action_requested.connect(self.look)
        self.error.hide()
        for widget in (self.table, self.words, self.error):
            column.addWidget(widget)
        self.begin_button = PrimaryButton("Let it begin")
        self.cancel_button = Button("Cancel the job")
        self.forget_button = Button("Remove from the list")
        self.begin_button.clicked.connect(self._on_begin)
        self.cancel_button.clicked.connect(self._on_cancel)
        self.forget_button.clicked.connect(self._on_forget)
        self._build_foot(column, self.begin_button, left=(self.forget_button, self.cancel_button), close="Close")
        self._show()

    # Looking
    @Slot()
    def start(self) -> None:
        """Look now, and again and again."""
        self._timer.start()
        self.look()

    @Slot()
    def look(self) -> None:
        """Ask how far they are."""
        self._do(None)

    def _do(self, act: Callable[[], object] | None) -> None:
        """Do something, if anything, then ask how far all of them are."""
        if self._looking and act is None:
            return
        self._looking = True
        self._run += 1
        run = self._run
        connection, book, token = self._connection, self._book, self._token
        known = {kept.token: self.model.statuses.get(kept.token) for kept in self.model.jobs}

        def work() -> _Looked:
            problem: VidcdnError | None = None
            try:
                if act is not None:
                    act()
            except VidcdnError as exc:
                problem = exc
            statuses: dict[str, BatchStatus] = {}
            jobs = book.all()
            for kept in jobs:
                token.raise_if_cancelled()
                before = known.get(kept.token)
                if before is not None and before.state.is_over:
                    statuses[kept.token] = before
                elif kept.job_id and belongs(kept, connection):
                    try:
                        statuses[kept.token] = status_of(connection, kept, book)
                    except VidcdnError as exc:
                        problem = problem or exc
            return run, jobs, statuses, problem

        run_in_background(self, work, self._on_looked, self._on_failed, token=token)

    @Slot(object)
    def _on_looked(self, found: _Looked) -> None:
        run, jobs, statuses, problem = found
        if run != self._run:
            return  # what was done since is not in it
        self._looking, self.is_known = False, True
        self.model.show_jobs(jobs, statuses)
        if jobs and self._chosen() is None:
            self.table.setCurrentIndex(self.model.index(0, 0))
        self.error.set_error(harmless(problem) if problem is not None else None, "Try again")
        self._show()

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._looking = False
        self.error.set_error(harmless(error), "Try again")
        self._fit()

    # What the user does
    def _chosen(self) -> KeptHandover | None:
        index = self.table.currentIndex()
        return self.model.jobs[index.row()] if index.isValid() and index.row() < len(self.model.jobs) else None

    @Slot()
    def _show(self) -> None:
        kept = self._chosen()
        status = self.model.statuses.get(kept.token) if kept is not None else None
        mine = kept is not None and bool(kept.job_id) and belongs(kept, self._connection)
        is_waiting = status is not None and status.state is BatchState.WAITING
        self.begin_button.setEnabled(mine and is_waiting)
        self.begin_button.setDefault(mine and is_waiting)
        self.cancel_button.setEnabled(mine and status is not None and not status.state.is_over)
        self.forget_button.setEnabled(kept is not None)
        if kept is None:
            self.words.set_text("No job was handed over yet." if self.is_known else "")
        elif not belongs(kept, self._connection):
            whose = f"{display(kept.connection_name, 60)}, {display(kept.bucket, 60)} in {display(kept.region, 30)}"
            self.words.set_text(f"It belongs to another connection or region: {whose}.")
        else:
            self.words.set_text(handover_words.about(kept, status))
        self._fit()

    @Slot()
    def _on_begin(self) -> None:
        kept, connection = self._chosen(), self._connection
        if kept is not None:
            self._do(lambda: confirm_job(connection, kept))
            announce(self, "The job begins")

    @Slot()
    def _on_cancel(self) -> None:
        kept, connection = self._chosen(), self._connection
        if kept is not None:
            self._do(lambda: cancel_job(connection, kept))

    @Slot()
    def _on_forget(self) -> None:
        kept, book = self._chosen(), self._book
        if kept is not None:
            self._do(lambda: book.remove(kept.token))

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        self._timer.stop()
        super()._on_finished(result)
