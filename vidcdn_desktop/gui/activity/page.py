"""The Activity page: every job of this session and of earlier ones, newest first, with what can be done about each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.activity import words
from vidcdn_desktop.gui.activity.cards import EntryCards
from vidcdn_desktop.gui.activity.entry import Entry, Origin, Snapshot, entry_of_any, entry_of_record, report
from vidcdn_desktop.gui.activity.history import History, Recalled
from vidcdn_desktop.gui.activity.interrupted import Interrupted
from vidcdn_desktop.gui.activity.repair_words import stale_keys
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.joblist import JobList
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.counts import Counts
from vidcdn_desktop.gui.widgets import (
    GUTTER,
    PAGE_MARGIN,
    Button,
    EmptyState,
    NotePanel,
    PageFooter,
    PageHeader,
    SegmentedControl,
    Toast,
    announce,
    beside_bar,
    page_body,
)
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.keeping import DOWNLOAD, REPAIR
from vidcdn_desktop.jobs.kept_download import LeftDownload
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.textsafe import display, plural

_NOTHING = (
    "Nothing has happened yet",
    "Every job appears here, with its steps and what proves it.",
)


class ActivityPage(QWidget):
    """Every job, live and from the journal."""

    show_job = Signal(str)
    """Job id to show on the Publish page."""
    show_key = Signal(object)
    """(str job id, str connection id, str key) to show in the Library."""
    show_folder = Signal(str)
    """A folder to open in the system's file manager."""
    invalidate_keys = Signal(object)
    """(str connection id, tuple[str, ...] keys, str bucket) the CDN should forget the copies of."""
    undo_requested = Signal(object)
    """(str job id, str connection id, str title) of an operation that is to be taken back."""
    connection_wanted = Signal(object)
    """(str connection id, str verb, str job id): another connection must be opened for that."""

    def __init__(self, bridge: JobBridge, journal: Journal | None = None) -> None:
        super().__init__()
        self._bridge = bridge
        self._opened = datetime.now(UTC)
        self._records: dict[str, JobRecord] = {}
        self._entries: dict[str, Entry] = {}
        self._gone: set[str] = set()
        """Removed from the list, though the journal may still have them."""
        self._undoable: frozenset[str] = frozenset()
        """Of operations of earlier runs."""
        self._wanted_after: dict[str, str] = {}
        """Job id to verb: what is done once an operation is live again."""
        self.history = History(journal, self, again=bridge.operations.again)
        self.history.recalled.connect(self._on_recalled)
        self.history.failed.connect(self._on_not_recalled)
        self._problem: VidcdnError | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        header = PageHeader("Activity")
        self.filter = SegmentedControl(words.FILTERS, "Which jobs")
        self.filter.changed.connect(self._on_filter)
        header.add_end(self.filter)
        outer.addWidget(header)
        outer.addWidget(self._build_body(), 1)
        self._build_footer(outer)
        self.toast = Toast(self)
        self._join()
        self._add_actions()
        self._show()

    def _build_body(self) -> QWidget:
        body, column = page_body()
        column.setContentsMargins(PAGE_MARGIN - GUTTER, 0, PAGE_MARGIN - GUTTER, 0)
        column.setSpacing(0)
        self.problem = NotePanel("", "warning")
        self._problem_row = beside_bar(self.problem, 10)
        self._problem_row.hide()
        column.addWidget(self._problem_row)
        self.interrupted = Interrupted()
        self._interrupted_row = beside_bar(self.interrupted, 10)
        column.addWidget(self._interrupted_row)
        self.show_all = Button("Show all jobs")
        self.show_all.clicked.connect(self._on_show_all)
        self.empty = EmptyState("activity", *_NOTHING, [self.show_all])
        column.addWidget(self.empty, 1)
        self.list = EntryCards()
        column.addWidget(self.list, 1)
        return body

    def _build_footer(self, outer: QVBoxLayout) -> None:
        self.footer = PageFooter()
        self.clear = Button("Clear finished")
        self.pause_all = Button("Pause all")
        self.resume_all = Button("Resume all")
        for button in (self.clear, self.pause_all, self.resume_all):
            self.footer.add_end(button)
        outer.addWidget(self.footer)

    def _join(self) -> None:
        bridge = self._bridge
        bridge.job_added.connect(self._on_changed)
        bridge.job_changed.connect(self._on_changed)
        bridge.job_removed.connect(self._on_removed)
        for jobs in (bridge.downloads, bridge.repairs, bridge.operations, bridge.batches):
            jobs.added.connect(self._on_changed)
            jobs.changed.connect(self._on_changed)
            jobs.removed.connect(self._on_removed)
        bridge.operations.added.connect(self._on_taken_up)
        bridge.operations.reported.connect(self._on_reported)
        bridge.counts_changed.connect(self._on_counts)
        self.list.wish.connect(self._on_wish)
        self.clear.clicked.connect(self.clear_finished)
        self.pause_all.clicked.connect(bridge.pause_all)
        self.resume_all.clicked.connect(bridge.resume_all)
        self.interrupted.button.clicked.connect(self.resume_left_over)
        self._on_counts(bridge.counts())

    def _add_actions(self) -> None:
        action = QAction("Clear finished jobs", self)
        action.triggered.connect(self.clear_finished)
        self.addAction(action)

    @Slot(object)
    def set_connection(self, _facts: ConnectionFacts) -> None:
        """Jobs keep the connection they were started with, so nothing changes here."""

    # What comes in
    @Slot(object)
    def _on_changed(self, snapshot: Snapshot) -> None:
        before = self._entries.get(snapshot.id)
        same = before is not None and before.origin is Origin.HERE and before.state is snapshot.state
        if same and not self.isVisible():
            return  # bytes of a page nobody sees; it is brought up to date when shown
        entry = self._entry_of(snapshot)
        self._gone.discard(entry.id)
        self._entries[entry.id] = entry
        self._announce(before, entry)
        if before is None or not same or (before.waiting is None) != (entry.waiting is None):
            self._show()
        else:
            self.list.update_entry(entry)

    def _entry_of(self, snapshot: Snapshot) -> Entry:
        entry = entry_of_any(snapshot)
        taken_back = entry.can_undo and self._bridge.operations.is_taken_back(entry.id)
        return replace(entry, can_undo=False) if taken_back else entry

    def _announce(self, before: Entry | None, entry: Entry) -> None:
        """Say aloud what has become of a job; publishes are told by their cards on the Publish page."""
        if before is None or not entry.is_beside:
            return
        waits = entry.waiting is not None and before.waiting is None
        if waits or (entry.state is not before.state and entry.state in words.SAID):
            announce(self, f"{display(entry.title)}: {words.badge(entry)[0]}. {words.facts(entry)}")

    @Slot(str)
    def _on_removed(self, job_id: str) -> None:
        self._entries.pop(job_id, None)
        self._show()
        if job_id not in self._gone:
            self.history.read()

    @Slot(object)
    def _on_recalled(self, recalled: Recalled) -> None:
        """Join what the journal knows with what is live. What nobody is at any more becomes ours."""
        self._bridge.restore([found for found in recalled.uploads if found[0].id not in self._gone])
        self._bridge.downloads.restore([found for found in recalled.downloads if found.record.id not in self._gone])
        self._bridge.repairs.restore([record for record in recalled.repairs if record.id not in self._gone])
        self._bridge.batches.restore([record for record in recalled.batches if record.id not in self._gone])
        self._bridge.operations.restore([job for job in recalled.operations if job.id not in self._gone])
        self._undoable = recalled.undoable
        self._records = {record.id: record for record in recalled.records if record.id not in self._gone}
        self._take_in()
        self._show_problem(self.history.problem)

    @Slot(object)
    def _on_not_recalled(self, error: VidcdnError) -> None:
        self._show_problem(error)

    def set_problem(self, problem: VidcdnError) -> None:
        """Say as long as the program runs why jobs are not written down."""
        self._problem = problem
        self._show_problem(None)

    def _show_problem(self, latest: VidcdnError | None) -> None:
        problem = latest or self._problem
        text = problem.sentence() if problem is not None else ""
        self.problem.text.set_text(text)
        self.problem.setAccessibleName(text)
        self._problem_row.setVisible(bool(text))

    def _take_in(self) -> None:
        entries: dict[str, Entry] = {}
        for record in self._records.values():
            entry = entry_of_record(record, can_undo=record.id in self._undoable)
            if entry is not None:
                entries[entry.id] = entry
        bridge = self._bridge
        beside = (jobs.snapshots() for jobs in (bridge.downloads, bridge.repairs, bridge.operations, bridge.batches))
        for live in map(self._entry_of, chain(bridge.snapshots(), *beside)):
            told = entries.get(live.id)
            if told is None or live.is_busy or told.origin is not Origin.ELSEWHERE:
                entries[live.id] = live
        self._entries = entries
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Bring everything up to date, also what other copies of the program and the command line have done."""
        super().showEvent(event)
        self._take_in()
        self.history.read()

    @Slot(object)
    def _on_counts(self, counts: Counts) -> None:
        self.pause_all.setVisible(counts.busy > 0)
        self.resume_all.setVisible(counts.resumable > 0)

    # Showing
    def entries(self) -> list[Entry]:
        """All that is shown under the filter, in order: what an earlier run has left, then newest first."""
        choice = str(self.filter.value())
        found = [entry for entry in self._entries.values() if words.wanted(choice, entry)]
        return sorted(found, key=lambda entry: (not self._is_left_over(entry), -entry.created.timestamp()))

    def entry(self, job_id: str) -> Entry | None:
        """One job, whatever the filter."""
        return self._entries.get(job_id)

    def entries_left_over(self) -> list[Entry]:
        """What an earlier run has not finished and nobody has gone on with yet."""
        return [e for e in self._entries.values() if e.unfinished and self._is_left_over(e)]

    def _is_left_over(self, entry: Entry) -> bool:
        return entry.origin is Origin.HERE and entry.created < self._opened

    def _show(self, *, from_top: bool = False) -> None:
        shown = self.entries()
        if self.isVisible():  # no card is made for a page nobody sees
            self.list.set_entries(shown, from_top=from_top)
        self.list.setVisible(bool(shown))
        self.empty.set(*(("Nothing of this kind", "No job stands under this choice.") if self._entries else _NOTHING))
        self.empty.setVisible(not shown)
        self.show_all.setVisible(bool(self._entries))
        left = len(self.entries_left_over())
        self.interrupted.show_count(left)
        self._interrupted_row.setVisible(left > 0)
        self.clear.setVisible(any(words.is_done_with(entry) for entry in self._entries.values()))
        total = plural(len(self._entries), "job")
        self.footer.set_status(total if len(shown) == len(self._entries) else f"{len(shown):,} of {total} shown")
        self.footer.setVisible(bool(self._entries))

    @Slot(object)
    def _on_filter(self, _choice: object) -> None:
        self._show(from_top=True)

    @Slot()
    def _on_show_all(self) -> None:
        self.filter.set_value("all")
        self._show(from_top=True)

    # Wishes
    @Slot(object)
    def _on_wish(self, wish: tuple[str, str]) -> None:
        self.do(*wish)

    def do(self, verb: str, job_id: str) -> None:
        """Carry out one of `words.VERBS` or `words.MORE_VERBS`."""
        entry = self._entries.get(job_id)
        if entry is None:
            return
        match verb:
            case "show-job":
                self.show_job.emit(job_id)
            case "show-key":
                self.show_key.emit((job_id, entry.connection_id, entry.key))
            case "show-folder":
                self.show_folder.emit(entry.place)
            case "invalidate":
                self.invalidate_keys.emit((entry.connection_id, stale_keys(entry), entry.bucket))
            case "copy-link":
                self._copy(entry.link, "Link copied")
            case "undo":
                self.undo_requested.emit((job_id, entry.connection_id, entry.title))
            case "report" if entry.is_operation:
                subject = entry.subject
                assert isinstance(subject, (OperationSnapshot, JobRecord))
                self._bridge.operations.write_report(subject)
            case "report" if entry.subject is not None:
                self._copy(report(entry.subject), "Report copied")
            case "remove":
                self._forget([entry])
            case "resume-left-over":
                self.resume_left_over()
            case _:
                self._transfer(verb, entry)

    @Slot(str)
    def _on_reported(self, text: str) -> None:
        self._copy(text, "Report copied")

    def _copy(self, text: str, message: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.toast.show_message(message)

    def _transfer(self, verb: str, entry: Entry) -> None:
        job_id = entry.id
        jobs = self._jobs_of(entry)
        if entry.origin is Origin.EARLIER and entry.is_operation:
            self._take_up_operation(entry, verb)
            return
        if entry.origin is Origin.EARLIER:
            self._take_up(entry)
            verb = "resume"
        if verb in ("resume", "retry", "discard", "cancel") and (wanted := jobs.needs_connection(job_id)):
            self.connection_wanted.emit((wanted, verb, job_id))
            return
        match verb:
            case "try-now":
                jobs.try_now(job_id)
            case "pause":
                jobs.pause(job_id)
            case "resume":
                jobs.resume(job_id)
            case "retry":
                jobs.retry(job_id)
            case "cancel" | "discard":
                jobs.cancel(job_id)

    @Slot()
    def resume_left_over(self) -> None:
        """Go on with everything an earlier run has left; asks for the connection of what cannot go through this one."""
        for entry in self.entries_left_over():
            jobs = self._jobs_of(entry)
            wanted = jobs.needs_connection(entry.id)
            if wanted:
                self.connection_wanted.emit((wanted, "resume-left-over", entry.id))
            else:
                jobs.resume(entry.id)

    def _jobs_of(self, entry: Entry) -> JobBridge | JobList:
        if entry.is_repair:
            return self._bridge.repairs
        if entry.is_operation:
            return self._bridge.operations
        if entry.is_batch:
            return self._bridge.batches
        return self._bridge.downloads if entry.is_download else self._bridge

    def _take_up(self, entry: Entry) -> None:
        """Make a job of an earlier run live again."""
        record = self._records.get(entry.id)
        if record is None:
            return
        if record.kind == DOWNLOAD:
            self._bridge.downloads.restore([LeftDownload(record, 0)])
        elif record.kind == REPAIR:
            self._bridge.repairs.restore([record])
        elif entry.is_batch:
            self._bridge.batches.restore([record])
        else:
            self._bridge.restore([(record, None)])

    def _take_up_operation(self, entry: Entry, verb: str) -> None:
        """Its objects are read from the disk first."""
        record = self._records.get(entry.id)
        if record is not None:
            self._wanted_after[entry.id] = verb
            self._bridge.operations.take_up(record)

    @Slot(object)
    def _on_taken_up(self, snapshot: OperationSnapshot) -> None:
        verb = self._wanted_after.pop(snapshot.id, "")
        if verb:
            self.do("resume" if verb == "retry" else verb, snapshot.id)

    @Slot()
    def clear_finished(self) -> None:
        """Take everything off the list that went well or was cancelled. Videos and files stay."""
        done = [entry for entry in self._entries.values() if words.is_done_with(entry)]
        self._forget([entry for entry in done if entry.origin is not Origin.ELSEWHERE])

    def _forget(self, entries: list[Entry]) -> None:
        ids = [entry.id for entry in entries]
        self._gone.update(ids)
        for entry in entries:
            self._records.pop(entry.id, None)
            if entry.origin is Origin.HERE:
                self._jobs_of(entry).remove(entry.id)
            self._entries.pop(entry.id, None)
        self.history.forget(ids)
        self._show()
        if ids:
            self.toast.show_message(f"{plural(len(ids), 'job')} removed from the list; videos and files stay")
