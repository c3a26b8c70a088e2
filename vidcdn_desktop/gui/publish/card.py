"""One video in the queue. Built once, updated in place from snapshots."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vidcdn_desktop.gui.models.counts import is_unfinished
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.widgets import (
    Badge,
    Button,
    Card,
    ElidedLabel,
    FlowLayout,
    IconButton,
    LiveLabel,
    PlainLabel,
    PosterView,
    StepRow,
    ThinProgress,
    announce,
    stand_at_start,
)
from vidcdn_desktop.jobs.model import JobSnapshot, JobState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.media.facts import facts_line
from vidcdn_desktop.media.info import Verdict
from vidcdn_desktop.textsafe import display, format_duration

_UNDER_WAY = {JobState.RUNNING: "Uploading", JobState.PAUSING: "Pausing", JobState.CANCELLING: "Cancelling"}
_MOST_BADGES = 3
_TITLE_INSET = 6
"""Frame, padding and inner margin of an inline input, in pixels."""


class VideoCard(Card):
    """Shows one job. All wishes go out as signals with the job's id."""

    wish = Signal(object)
    """(str verb, str job id); verbs: pause, resume, try-now, cancel, retry, remove, menu, as-is, copy-link, copy-embed,
    play."""
    title_edited = Signal(object)
    """(str job id, str title)."""

    def __init__(self, snapshot: JobSnapshot, parent: QWidget | None = None) -> None:
        super().__init__(parent, selectable=True, name=display(snapshot.title))
        self.snapshot = snapshot
        self._poster_bytes: bytes | None = None
        self._state: JobState | None = None
        self._waits = False
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 12, 12, 12)
        row.setSpacing(8)
        self.poster = PosterView(width=160)
        row.addWidget(self.poster, 0, Qt.AlignmentFlag.AlignTop)
        right = QVBoxLayout()
        right.setSpacing(5)
        row.addLayout(right, 1)
        right.addLayout(self._build_top())
        # The frame of the title's input is only seen while it is edited; its text is in line with the rest.
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addSpacing(_TITLE_INSET)
        column = QVBoxLayout()
        column.setSpacing(5)
        below.addLayout(column, 1)
        right.addLayout(below, 1)
        self.facts = ElidedLabel(role="small")
        column.addWidget(self.facts)
        self.progress = ThinProgress()
        self.line = LiveLabel()
        self.steps = StepRow()
        holder = QWidget()
        flow = FlowLayout(holder, gap=4, line_gap=4)
        self._badges = [Badge() for _ in range(_MOST_BADGES)]
        for badge in self._badges:
            flow.addWidget(badge)
        self._badge_row = holder
        self.address = ElidedLabel(mono=True, copyable=True)
        self.advice = PlainLabel(role="small", wrap=True, selectable=True)
        for widget in (self.progress, self.line, self.steps, holder, self.address, self.advice):
            column.addWidget(widget)
        column.addLayout(self._build_actions())
        column.addStretch(1)
        self.show_snapshot(snapshot)

    def _build_top(self) -> QHBoxLayout:
        top = QHBoxLayout()
        top.setSpacing(6)
        self.title = QLineEdit()
        self.title.setProperty("inline", True)
        self.title.editingFinished.connect(self._on_title)
        self.title.returnPressed.connect(self._on_title_entered)
        self.title.installEventFilter(self)
        stand_at_start(self.title)
        top.addWidget(self.title, 1)
        self.live = Badge()
        top.addWidget(self.live)
        self.try_now = Button("Try now", small=True)
        self.pause = Button("Pause", small=True)
        self.resume = Button("Resume", small=True)
        self.retry = Button("Retry", small=True)
        self.cancel = Button("Cancel", small=True)
        self.more = IconButton("more", "More about this transfer")
        self.remove = IconButton("close", "Remove from the list")
        for button, verb in (
            (self.try_now, "try-now"),
            (self.pause, "pause"),
            (self.resume, "resume"),
            (self.retry, "retry"),
            (self.cancel, "cancel"),
            (self.more, "menu"),
            (self.remove, "remove"),
        ):
            self._wire(button, verb)
            top.addWidget(button)
        return top

    def _build_actions(self) -> QHBoxLayout:
        actions = QHBoxLayout()
        actions.setSpacing(4)
        self.copy_link = Button("Copy link", small=True)
        self.copy_embed = Button("Copy embed", small=True)
        self.play = Button("Play from CDN", small=True)
        self.as_is = Button("Publish as it is", small=True)
        for button, verb in (
            (self.copy_link, "copy-link"),
            (self.copy_embed, "copy-embed"),
            (self.play, "play"),
            (self.as_is, "as-is"),
        ):
            self._wire(button, verb)
            actions.addWidget(button)
        actions.addStretch(1)
        return actions

    def _wire(self, button: Button | IconButton, verb: str) -> None:
        button.setProperty("verb", verb)
        button.clicked.connect(self._on_button)

    # Showing
    def show_snapshot(self, snapshot: JobSnapshot) -> None:
        """Bring the card up to date; cheap when little changed."""
        self.snapshot = snapshot
        waits = snapshot.state in RUNNING and snapshot.waiting is not None
        if snapshot.state in RUNNING and self._state is snapshot.state and waits == self._waits:
            self._show_progress(snapshot)
            return
        self._show_all(snapshot)
        self._announce_change(snapshot, waits)
        self._state, self._waits = snapshot.state, waits

    def _announce_change(self, snapshot: JobSnapshot, waits: bool) -> None:
        """Say aloud what has changed by itself or by the user, but not every step of a publish."""
        if self._state is None:
            return
        text = ""
        if waits and not self._waits and snapshot.waiting is not None:
            text = words.waiting_badge(snapshot.waiting)[0]
        elif self._waits and not waits and snapshot.state is JobState.RUNNING:
            text = "Sending again"
        elif self._state is not snapshot.state:
            text = words.announcement(snapshot)
        if text:
            announce(self, f"{display(snapshot.title)}: {text}")

    def _show_progress(self, snapshot: JobSnapshot) -> None:
        waits = snapshot.waiting is not None
        self.progress.set_tint("warning" if waits else "accent")
        self.line.set_tint("warning" if waits else "muted")
        self.progress.set_fraction(words.running_fraction(snapshot))
        self.line.set_text(words.progress_line(snapshot.progress, snapshot))
        self.steps.set_steps(snapshot.steps)

    def _show_all(self, snapshot: JobSnapshot) -> None:
        state, info, result = snapshot.state, snapshot.info, snapshot.result
        running, live = state in RUNNING, words.live_badge(snapshot)
        self._show_title(snapshot)
        self._show_picture(snapshot)
        facts = facts_line(info) if info else "Looking at the file…" if state is JobState.INSPECTING else ""
        self.facts.set_text(facts)
        self.facts.setVisible(bool(facts))
        kept = words.kept_fraction(snapshot)
        self.progress.setVisible(running or kept is not None)
        for widget in (self.line, self.steps):
            widget.setVisible(running)
        if running:
            self._show_progress(snapshot)
        elif kept is not None:
            self.progress.set_tint("muted")
            self.progress.set_fraction(kept)
        self._show_badges(snapshot)
        self.live.setVisible(live is not None)
        if live is not None:
            self.live.set(*live)
        address = result.url if result is not None else snapshot.plan.ref.key if snapshot.plan else ""
        self.address.set_text(address)
        self.address.setVisible(bool(address) and not running and state is not JobState.REFUSED)
        text = words.advice(snapshot)
        self.advice.set_text(text)
        self.advice.setVisible(bool(text))
        self._show_buttons(snapshot)
        self.setAccessibleDescription(self._description(snapshot))

    def _description(self, snapshot: JobSnapshot) -> str:
        """What can be seen of the state, for a screen reader that stands on the card."""
        live = words.live_badge(snapshot)
        shown = [text for text, _ in words.badges(snapshot)[:_MOST_BADGES]]
        if live is not None:
            shown.append(live[0])
        if snapshot.state in RUNNING:
            shown.append(_UNDER_WAY[snapshot.state])
        return ", ".join(["Selected"] * self.is_selected + shown)

    def set_selected(self, selected: bool) -> None:
        """Draw it as chosen or not, and say so."""
        super().set_selected(selected)
        self.setAccessibleDescription(self._description(self.snapshot))

    def _show_title(self, snapshot: JobSnapshot) -> None:
        title = display(snapshot.title)
        if title != self.title.text() and not self.title.hasFocus():
            with QSignalBlocker(self.title):
                self.title.setText(title)
            self.title.setCursorPosition(0)
        self.setAccessibleName(title)
        self.title.setAccessibleName(f"Title of {title}")
        read_only = snapshot.state not in (JobState.READY, JobState.FAILED, JobState.CANCELLED)
        if read_only != self.title.isReadOnly():
            self.title.setReadOnly(read_only)

    def _show_picture(self, snapshot: JobSnapshot) -> None:
        if snapshot.poster is not self._poster_bytes:
            self._poster_bytes = snapshot.poster
            self.poster.set_jpeg(snapshot.poster)
        known = snapshot.info is not None and snapshot.info.duration_s is not None
        self.poster.set_badge(format_duration(snapshot.info.duration_s) if known and snapshot.info else "–:––")

    def _show_badges(self, snapshot: JobSnapshot) -> None:
        shown = words.badges(snapshot)[:_MOST_BADGES]
        for badge, entry in zip(self._badges, [*shown, *[None] * _MOST_BADGES], strict=False):
            badge.setVisible(entry is not None)
            if entry is not None:
                badge.set(*entry)
        if snapshot.info is not None and shown:
            self._badges[0].setToolTip(display(snapshot.info.reason))
        self._badge_row.setVisible(bool(shown))

    def _show_buttons(self, snapshot: JobSnapshot) -> None:
        state, published = snapshot.state, snapshot.state is JobState.PUBLISHED
        under_way = state in (*RUNNING, JobState.QUEUED, JobState.INSPECTING)
        not_live = (
            snapshot.result is not None and snapshot.result.verified is not None and not snapshot.result.verified.ok
        )
        unfinished = is_unfinished(snapshot)
        self.try_now.setVisible(state is JobState.RUNNING and snapshot.waiting is not None)
        self.pause.setVisible(state in (JobState.RUNNING, JobState.PAUSING, JobState.QUEUED))
        self.pause.setEnabled(state is not JobState.PAUSING)
        self.resume.setVisible(unfinished)
        self.cancel.set_text("Discard" if unfinished and snapshot.kept_bytes else "Cancel")
        self.cancel.setVisible(unfinished or state in (*RUNNING, JobState.QUEUED))
        self.cancel.setEnabled(state is not JobState.CANCELLING)
        again = state in (JobState.FAILED, JobState.CANCELLED) and not unfinished
        self.retry.setVisible(again or (published and not_live))
        self.more.setVisible(state not in (JobState.INSPECTING, JobState.REFUSED, JobState.PUBLISHED))
        self.remove.setVisible((not under_way or state is JobState.INSPECTING) and not unfinished)
        for button in (self.copy_link, self.copy_embed, self.play):
            button.setVisible(published)
        info = snapshot.info
        offer = state is JobState.REFUSED and info is not None and info.verdict is Verdict.NEEDS_CONVERSION
        self.as_is.setVisible(offer)

    # Editing the title
    def rename(self) -> None:
        """Begin to edit the title, where it can be changed."""
        if not self.title.isReadOnly():
            self.title.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.title.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F2 renames, from anywhere on the card; the menu key opens the menu."""
        if event.key() == Qt.Key.Key_F2:
            self.rename()
            return
        if event.key() == Qt.Key.Key_Menu:
            self.wish.emit(("menu", self.snapshot.id))
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A click with the other button opens the menu too."""
        event.accept()
        self.wish.emit(("menu", self.snapshot.id))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc takes the editing of the title back."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if watched is self.title and escape and event.type() is QEvent.Type.KeyPress:
            self.title.setText(display(self.snapshot.title))
            self.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        return super().eventFilter(watched, event)

    @Slot()
    def _on_title_entered(self) -> None:
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def changeEvent(self, event: QEvent) -> None:
        """The title changes sides with the rest."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LayoutDirectionChange:
            stand_at_start(self.title)

    # Wishes
    @Slot()
    def _on_button(self) -> None:
        verb = self.sender().property("verb")
        self.wish.emit((str(verb), self.snapshot.id))

    @Slot()
    def _on_title(self) -> None:
        text = self.title.text().strip()
        if not self.title.isReadOnly() and text and text != display(self.snapshot.title):
            self.title_edited.emit((self.snapshot.id, text))
