"""The Activity page: every job of this session, newest first, with its steps and a report to copy."""

from __future__ import annotations

import json

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.counts import is_live
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.widgets import (
    Badge,
    Button,
    Card,
    ElidedLabel,
    EmptyState,
    PageHeader,
    PlainLabel,
    SegmentedControl,
    StepRow,
    ThinProgress,
    Toast,
    page_body,
)
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, report_json
from vidcdn_desktop.jobs.states import BUSY
from vidcdn_desktop.textsafe import display, format_elapsed, format_size

_STATE_WORDS: dict[JobState, tuple[str, str]] = {
    JobState.INSPECTING: ("Looking", "neutral"),
    JobState.READY: ("Ready", "neutral"),
    JobState.QUEUED: ("Waiting", "accent"),
    JobState.RUNNING: ("Running", "accent"),
    JobState.PAUSING: ("Pausing", "accent"),
    JobState.PAUSED: ("Paused", "neutral"),
    JobState.CANCELLING: ("Cancelling", "accent"),
    JobState.PUBLISHED: ("Finished", "success"),
    JobState.FAILED: ("Failed", "danger"),
    JobState.CANCELLED: ("Cancelled", "neutral"),
    JobState.REFUSED: ("Refused", "danger"),
}


def report(snapshot: JobSnapshot) -> str:
    """Everything about one job as JSON, without what would let a stranger in."""
    facts = report_json(snapshot)
    result = facts.get("result")
    if result and result.get("url_expires"):
        # The query of a presigned link is a key to the video.
        result["url"] = str(result["url"]).partition("?")[0]
    return json.dumps(facts, indent=2, ensure_ascii=False)


def _wanted(choice: str, snapshot: JobSnapshot) -> bool:
    if choice == "running":
        return snapshot.state in BUSY
    if choice == "finished":
        return snapshot.state is JobState.PUBLISHED
    if choice == "attention":
        bad = snapshot.state in (JobState.FAILED, JobState.REFUSED)
        return bad or (snapshot.state is JobState.PUBLISHED and not is_live(snapshot))
    return True


class JobCard(Card):
    """One job in the list."""

    wish = Signal(object)
    """(str verb, str job id); verbs: cancel, retry, report, show."""

    def __init__(self, snapshot: JobSnapshot) -> None:
        super().__init__(name=display(snapshot.title))
        self.snapshot = snapshot
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(5)
        top = QHBoxLayout()
        top.setSpacing(6)
        self.badge = Badge()
        self.title = ElidedLabel(role="strong")
        top.addWidget(self.badge)
        top.addWidget(self.title, 1)
        self._buttons: dict[str, Button] = {}
        for verb, text in (
            ("cancel", "Cancel"),
            ("retry", "Retry"),
            ("show", "Show in Publish"),
            ("report", "Copy report"),
        ):
            button = Button(text, small=True)
            button.setProperty("verb", verb)
            button.clicked.connect(self._on_button)
            self._buttons[verb] = button
            top.addWidget(button)
        column.addLayout(top)
        self.progress = ThinProgress()
        self.facts = PlainLabel(role="small", wrap=True, selectable=True)
        self.steps = StepRow()
        for widget in (self.progress, self.facts, self.steps):
            column.addWidget(widget)
        self.show_snapshot(snapshot)

    def show_snapshot(self, snapshot: JobSnapshot) -> None:
        """Bring the card up to date."""
        self.snapshot = snapshot
        running = snapshot.state in (JobState.RUNNING, JobState.CANCELLING)
        self.badge.set(*_STATE_WORDS[snapshot.state])
        if snapshot.state is JobState.PUBLISHED:
            self.badge.set(*(words.live_badge(snapshot) or _STATE_WORDS[snapshot.state]))
        self.title.set_text(display(snapshot.title))
        self.progress.setVisible(running)
        if running:
            self.progress.set_fraction(snapshot.progress.fraction if snapshot.progress else None)
        self.facts.set_text(_facts(snapshot))
        self.steps.set_steps(snapshot.steps)
        self._buttons["cancel"].setVisible(snapshot.state in BUSY)
        self._buttons["cancel"].setEnabled(snapshot.state is not JobState.CANCELLING)
        self._buttons["retry"].setVisible(snapshot.state in (JobState.FAILED, JobState.CANCELLED))

    @Slot()
    def _on_button(self) -> None:
        self.wish.emit((str(self.sender().property("verb")), self.snapshot.id))


def _facts(snapshot: JobSnapshot) -> str:
    if snapshot.state in (JobState.RUNNING, JobState.CANCELLING):
        return words.progress_line(snapshot.progress, snapshot)
    if snapshot.error is not None:
        text = display(snapshot.error.sentence())
        if snapshot.error.request_id:
            text += f" (request {display(snapshot.error.request_id, 40)})"
        return text
    result = snapshot.result
    if result is None:
        return display(str(snapshot.path), 100)
    took = format_elapsed(sum(result.seconds.values()))
    sent = f"{format_size(result.bytes_sent)} sent in {took}"
    return f"{sent} · {display(result.key, 80)} · fast start: {result.fast_start}"


class ActivityPage(QWidget):
    """Every job of this session."""

    show_job = Signal(str)
    """Job id to show on the Publish page."""

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._cards: dict[str, JobCard] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        header = PageHeader("Activity")
        self.filter = SegmentedControl(
            [("all", "All"), ("running", "Running"), ("finished", "Finished"), ("attention", "Needs attention")],
            "Which jobs",
        )
        self.filter.changed.connect(self._on_filter)
        header.add_end(self.filter)
        outer.addWidget(header)
        body, column = page_body()
        outer.addWidget(body, 1)
        self.empty = EmptyState("activity", "Nothing has happened yet", "Every upload appears here with its steps.")
        column.addWidget(self.empty)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(1, 1, 1, 1)
        self._list.setSpacing(8)
        self._list.addStretch(1)
        self._scroll.setWidget(holder)
        column.addWidget(self._scroll, 1)
        self.toast = Toast(self)
        bridge.job_added.connect(self._on_added)
        bridge.job_changed.connect(self._on_changed)
        bridge.job_removed.connect(self._on_removed)
        self._show()

    @Slot(object)
    def set_connection(self, _facts: ConnectionFacts) -> None:
        """Jobs keep the connection they were started with, so nothing changes here."""

    @Slot(object)
    def _on_added(self, snapshot: JobSnapshot) -> None:
        card = JobCard(snapshot)
        card.wish.connect(self._on_wish)
        self._cards[snapshot.id] = card
        self._list.insertWidget(0, card)
        self._show()

    @Slot(object)
    def _on_changed(self, snapshot: JobSnapshot) -> None:
        card = self._cards.get(snapshot.id)
        if card is None:
            return
        changed = card.snapshot.state is not snapshot.state
        if not changed and not self.isVisible():
            return  # bytes of a page nobody sees; it is brought up to date when shown
        card.show_snapshot(snapshot)
        if changed:
            self._show()

    @Slot(str)
    def _on_removed(self, job_id: str) -> None:
        card = self._cards.pop(job_id, None)
        if card is not None:
            self._list.removeWidget(card)
            card.deleteLater()
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Bring every card up to date."""
        for snapshot in self._bridge.snapshots():
            card = self._cards.get(snapshot.id)
            if card is not None:
                card.show_snapshot(snapshot)
        super().showEvent(event)

    @Slot(object)
    def _on_filter(self, _choice: object) -> None:
        self._show()

    def _show(self) -> None:
        shown = 0
        for card in self._cards.values():
            visible = _wanted(str(self.filter.value()), card.snapshot)
            card.setVisible(visible)
            shown += visible
        if self._cards and not shown:
            self.empty.set("Nothing of this kind", "Choose All to see every job.")
        else:
            self.empty.set("Nothing has happened yet", "Every upload appears here with its steps.")
        self.empty.setVisible(not shown)
        self._scroll.setVisible(bool(shown))

    @Slot(object)
    def _on_wish(self, wish: tuple[str, str]) -> None:
        verb, job_id = wish
        snapshot = self._bridge.snapshot(job_id)
        if snapshot is None:
            return
        if verb == "cancel":
            self._bridge.cancel(job_id)
        elif verb == "retry":
            self._bridge.retry(job_id)
        elif verb == "show":
            self.show_job.emit(job_id)
        else:
            QGuiApplication.clipboard().setText(report(snapshot))
            self.toast.show_message("Report copied")
