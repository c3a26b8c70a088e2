"""The Publish page: drop, look, publish, copy the link."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from vidcdn_desktop import paths
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.counts import Counts, is_unfinished
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.publish.card import VideoCard
from vidcdn_desktop.gui.publish.cards import CardColumn
from vidcdn_desktop.gui.publish.panel import DetailsPanel
from vidcdn_desktop.gui.publish.results import embed_code, link_message, play_wish
from vidcdn_desktop.gui.publish.transfers import TransferControls
from vidcdn_desktop.gui.widgets import (
    GUTTER,
    PAGE_MARGIN,
    ComboButton,
    Drawer,
    DropZone,
    ErrorPanel,
    NotePanel,
    PageFooter,
    PageHeader,
    PlainLabel,
    PrimaryButton,
    Toast,
    beside_bar,
    page_body,
)
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishOptions

_HINT = (
    "MP4 and MOV are made to start instantly, with no copy on disk. WebM plays as it is; other kinds need converting "
    "to MP4 first."
)
_FILTER = "Videos (*.mp4 *.mov *.m4v *.webm *.mkv *.avi *.3gp *.m4a *.f4v *.mj2);;All files (*)"
_NO_CDN = "No CDN distribution serves this bucket. Videos get a link straight to the bucket that expires after 7 days."
_NOT_CONNECTED = "Videos can be added and looked at, and are published once the connection works."


class PublishPage(QWidget):
    """The queue of videos. Everything that takes time is asked of the bridge."""

    connections_requested = Signal()
    play_requested = Signal(object)
    """PlayWish."""

    def __init__(self, bridge: JobBridge, *, default_prefix: str = "videos") -> None:
        super().__init__()
        self._bridge = bridge
        self._prefix = default_prefix
        self._selected = ""
        self._connected = False
        self._shown_counts: tuple[Counts, bool] | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self._build_header(outer)
        self.panel = DetailsPanel()
        self.drawer = Drawer(self._build_body(), self.panel)
        self._header.add_end(self.drawer.toggle_button)
        self.drawer.set_available(False)
        outer.addWidget(self.drawer, 1)
        self._build_footer(outer)
        self.toast = Toast(self)
        self._join()
        self._add_actions()
        self._show_emptiness()

    def _build_header(self, outer: QVBoxLayout) -> None:
        self._header = PageHeader("Publish")
        self._header.add_end(PlainLabel("to", role="small"))
        self.bucket = ComboButton("Destination", placeholder="Connecting…")
        self.domain = ComboButton("CDN domain", placeholder="no CDN")
        for picker, text in ((self.bucket, "Connections…"), (self.domain, "Choose another in Connections…")):
            change = QAction(text, self)
            change.triggered.connect(self.connections_requested)
            picker.add_action(change)
        self._header.add_end(self.bucket)
        self._header.add_end(self.domain)
        outer.addWidget(self._header)

    def _build_body(self) -> QWidget:
        body, column = page_body()
        column.setContentsMargins(PAGE_MARGIN - GUTTER, 0, PAGE_MARGIN - GUTTER, 0)
        column.setSpacing(0)
        self.problem = ErrorPanel()
        self.problem.action_requested.connect(self.connections_requested)
        self._problem_row = beside_bar(self.problem, 10)
        column.addWidget(self._problem_row)
        self._warning_row = beside_bar(NotePanel(_NO_CDN, "warning"), 10)
        column.addWidget(self._warning_row)
        for row in (self._problem_row, self._warning_row):
            row.hide()
        self._stack = QStackedWidget()
        column.addWidget(self._stack, 1)
        self.big_zone = DropZone(hint=_HINT, sample=True)
        empty = beside_bar(self.big_zone, 12)
        empty_column = empty.layout()
        assert isinstance(empty_column, QVBoxLayout)
        empty_column.setStretchFactor(self.big_zone, 3)
        empty_column.addStretch(1)
        self._stack.addWidget(empty)
        queue = QWidget()
        queue_column = QVBoxLayout(queue)
        queue_column.setContentsMargins(0, 0, 0, 0)
        queue_column.setSpacing(0)
        self.slim_zone = DropZone(slim=True)
        queue_column.addWidget(beside_bar(self.slim_zone, 10))
        self._column = CardColumn(self._bridge)
        self._column.made.connect(self._on_card_made)
        self._cards = self._column.cards
        queue_column.addWidget(self._column, 1)
        self._stack.addWidget(queue)
        return body

    def _build_footer(self, outer: QVBoxLayout) -> None:
        self.footer = PageFooter()
        self.transfers = TransferControls(self._bridge, self, self.footer)
        self.publish_button = PrimaryButton("Publish")
        self.publish_button.clicked.connect(self._on_publish)
        self.footer.add_end(self.publish_button)
        outer.addWidget(self.footer)

    def _join(self) -> None:
        for zone in (self.big_zone, self.slim_zone):
            zone.files_dropped.connect(self.add_files)
            zone.browse_requested.connect(self._on_browse)
        self.big_zone.sample_requested.connect(self._on_sample)
        bridge = self._bridge
        bridge.job_added.connect(self._column.add)
        bridge.job_changed.connect(self._on_changed)
        bridge.job_removed.connect(self._on_removed)
        bridge.jobs_reordered.connect(self._column.reorder)
        bridge.counts_changed.connect(self._on_counts)
        bridge.frame_ready.connect(self.panel.show_frame)
        self.panel.options_changed.connect(self._on_options)
        self.panel.frame_wanted.connect(self._on_frame_wanted)
        self._on_counts(bridge.counts())

    def _add_actions(self) -> None:
        for text, keys, slot in (
            ("Choose videos…", "Ctrl+O", self._on_browse),
            ("Publish all that is ready", "Ctrl+Return", self._on_publish),
            ("Copy the link", "Ctrl+Shift+C", self._on_copy_selected),
            ("Move the video up", "Alt+Up", self._on_up),
            ("Move the video down", "Alt+Down", self._on_down),
        ):
            action = QAction(text, self)
            action.setShortcut(QKeySequence(keys))
            # Wherever the focus is in the window: the actions of a page that is not shown are silent anyway.
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.triggered.connect(slot)
            self.addAction(action)
        for action in self.transfers.actions():
            action.triggered.connect(self._on_transfer_action)
            self.addAction(action)

    # The connection
    @Slot(object)
    def set_connection(self, facts: ConnectionFacts) -> None:
        """Show where videos go, and what is wrong with it."""
        profile = facts.profile
        self._connected = facts.status != "connecting" and bool(profile.bucket)
        place = " / ".join(part for part in (profile.bucket, profile.prefix) if part)
        # Before the connection is open its bucket is not known to be there, and the practice cloud has none yet.
        waiting = "Connecting…" if facts.status == "connecting" else "No bucket"
        self.bucket.set_items([(profile.id, place if profile.bucket else waiting)])
        self.bucket.set_current(profile.id)
        # Only the one that is used: another is chosen where it is kept, in the connection.
        used = [d for d in facts.distributions if d.host == facts.domain]
        self.domain.set_items([(d.id, d.host) for d in used])
        self.domain.setVisible(bool(used))
        if self._connected and profile.bucket:
            self._prefix = profile.prefix
        self._show_problem(facts.problem if facts.status == "problem" else None)
        self._warning_row.setVisible(facts.status == "ok" and not facts.distributions)
        self._on_counts(self._bridge.counts())

    def _show_problem(self, problem: VidcdnError | None) -> None:
        shown = copy(problem)
        if shown is not None:
            # The error tells the fate of one video; here none has been tried.
            shown.meaning = _NOT_CONNECTED
        self.problem.set_error(shown, "Open Connections")
        self._problem_row.setVisible(shown is not None)

    # Files in
    @Slot(object)
    def add_files(self, files: list[Path]) -> None:
        """Put files, and the videos inside folders, into the queue."""
        self._bridge.add_paths(files, PublishOptions(prefix=self._prefix))

    @Slot()
    def _on_browse(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Choose videos", "", _FILTER)
        if names:
            self.add_files([Path(name) for name in names])

    @Slot()
    def _on_sample(self) -> None:
        sample = paths.resource("sample", "sample.mp4")
        self._bridge.add_paths([sample], PublishOptions(title="Sample clip", prefix=self._prefix))

    # Jobs
    @Slot(object)
    def _on_card_made(self, card: VideoCard) -> None:
        card.clicked.connect(self._on_card)
        card.activated.connect(self._on_card_activated)
        card.wish.connect(self._on_wish)
        card.title_edited.connect(self._on_title)
        card.installEventFilter(self)
        self._show_emptiness()
        if not self._selected:
            self.select(card.snapshot.id)

    @Slot(object)
    def _on_changed(self, snapshot: JobSnapshot) -> None:
        card = self._cards.get(snapshot.id)
        if card is None:
            return
        before = card.snapshot.state
        card.show_snapshot(snapshot)
        running = snapshot.state is JobState.RUNNING and before is JobState.RUNNING
        if snapshot.id == self._selected and not running:
            self.panel.show_job(snapshot)

    @Slot(str)
    def _on_removed(self, job_id: str) -> None:
        successor = self._column.remove(job_id)
        if job_id == self._selected:
            self._selected = ""
            self.select(successor)
        self._show_emptiness()

    @Slot(object)
    def _on_counts(self, counts: Counts) -> None:
        # The bytes move ten times a second; nothing here shows them.
        shown = (replace(counts, fraction=None), self._connected)
        if shown == self._shown_counts:
            return
        self._shown_counts = shown
        self.footer.set_status(words.footer(counts))
        self.footer.setVisible(counts.total > 0)
        self.publish_button.set_text(words.button(counts.ready))
        self.publish_button.setEnabled(counts.ready > 0 and self._connected)
        why = "" if counts.ready else "Nothing is ready to be published"
        self.publish_button.setToolTip(why if self._connected else "No connection is open yet")

    def _show_emptiness(self) -> None:
        self._stack.setCurrentIndex(1 if self._cards else 0)
        self.drawer.set_available(bool(self._cards))

    # Choosing
    def select(self, job_id: str) -> None:
        """Show one job in the panel and mark its card."""
        card = self._column.card(job_id)
        if card is None:
            return
        old = self._cards.get(self._selected)
        if old is not None:
            old.set_selected(False)
        self._selected = job_id
        card.set_selected(True)
        self._column.ensureWidgetVisible(card)
        self.panel.show_job(self._bridge.snapshot(job_id))

    @Slot(object)
    def _on_card(self, _card: object) -> None:
        sender = self.sender()
        if isinstance(sender, VideoCard):
            self.select(sender.snapshot.id)

    @Slot(object)
    def _on_card_activated(self, _card: object) -> None:
        sender = self.sender()
        if not isinstance(sender, VideoCard):
            return
        self.select(sender.snapshot.id)
        if sender.snapshot.state is JobState.PUBLISHED:
            self._do("play", sender.snapshot.id)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys walk through the cards, Delete removes one."""
        if isinstance(watched, VideoCard) and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            key = event.key()
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if plain and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self._walk(watched, -1 if key == Qt.Key.Key_Up else 1)
                return True
            if plain and key == Qt.Key.Key_Delete:
                self._do("remove", watched.snapshot.id)
                return True
        return super().eventFilter(watched, event)

    def _walk(self, card: VideoCard, offset: int) -> None:
        neighbour = self._column.beside(card, offset)
        neighbour.setFocus(Qt.FocusReason.TabFocusReason)
        self.select(neighbour.snapshot.id)

    # Wishes
    @Slot()
    def _on_publish(self) -> None:
        if self.publish_button.isEnabled():
            self._bridge.publish_all()

    @Slot()
    def _on_transfer_action(self) -> None:
        action = self.sender()
        if isinstance(action, QAction) and self._selected:
            self._do(str(action.data()), self._selected)

    @Slot(object)
    def _on_wish(self, wish: tuple[str, str]) -> None:
        self._do(*wish)

    def _do(self, verb: str, job_id: str) -> None:
        snapshot = self._bridge.snapshot(job_id)
        if snapshot is None:
            return
        if self.transfers.do(verb, job_id):
            return
        if verb == "menu":
            self.select(job_id)
            self.transfers.open_menu(snapshot, self._cards[job_id].more)
        elif verb == "retry":
            self._bridge.retry(job_id)
        elif verb == "remove":
            if is_unfinished(snapshot):
                self.toast.show_message("Part of it is in the bucket: resume it, or discard it first")
            else:
                self._bridge.remove(job_id)
        elif verb == "as-is":
            self._bridge.set_options(job_id, replace(snapshot.options, as_is=True))
        elif snapshot.result is not None:
            self._use_result(verb, snapshot)

    def _use_result(self, verb: str, snapshot: JobSnapshot) -> None:
        result = snapshot.result
        if result is None:
            return
        if verb == "copy-link":
            QGuiApplication.clipboard().setText(result.url)
            self.toast.show_message(link_message(result))
        elif verb == "copy-embed":
            QGuiApplication.clipboard().setText(embed_code(result))
            self.toast.show_message("Embed code copied")
        elif verb == "play":
            self.play_requested.emit(play_wish(snapshot, result))

    @Slot()
    def _on_copy_selected(self) -> None:
        self._do("copy-link", self._selected)

    @Slot()
    def _on_up(self) -> None:
        self._bridge.move(self._selected, -1)

    @Slot()
    def _on_down(self) -> None:
        self._bridge.move(self._selected, 1)

    @Slot(object)
    def _on_title(self, edit: tuple[str, str]) -> None:
        job_id, title = edit
        snapshot = self._bridge.snapshot(job_id)
        if snapshot is not None:
            self._bridge.set_options(job_id, replace(snapshot.options, title=title))

    @Slot(object)
    def _on_options(self, change: tuple[str, PublishOptions]) -> None:
        self._bridge.set_options(*change)

    @Slot(object)
    def _on_frame_wanted(self, wish: tuple[str, float]) -> None:
        self._bridge.ask_frame(*wish)
