"""What the Publish page does about transfers: the menu of a card, the controls in the footer, the actions by name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.limits import LimitButton, LimitChoice
from vidcdn_desktop.gui.models.counts import Counts
from vidcdn_desktop.gui.widgets import Button, PageFooter
from vidcdn_desktop.jobs.model import JobSnapshot, JobState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.textsafe import display

_PRIORITIES = ((1, "First"), (0, "As usual"), (-1, "Last"))

_NARROW = 800
"""Width of a footer, in pixels, below which it shows less."""

_ORDERED = (JobState.INSPECTING, JobState.READY, JobState.QUEUED, JobState.PAUSED, JobState.FAILED, JobState.CANCELLED)
"""States in which it matters when a job runs."""


class TransferControls(QObject):
    """Pause, resume, order and limits of publishes; the page hands it the wishes of its cards."""

    connection_wanted = Signal(object)
    """(str connection id, str verb, str job id): another connection must be opened for that."""
    limit_changed = Signal(object)
    """int bytes a second for all transfers, or None; it holds already."""

    def __init__(self, bridge: JobBridge, page: QWidget, footer: PageFooter) -> None:
        super().__init__(page)
        self._bridge = bridge
        self._page = page
        self._footer = footer
        footer.installEventFilter(self)
        self._menu_job = ""
        self._limit_of_job = LimitChoice("This video alone, within the limit of all.", self._limit_of_one, page)
        self._limit_of_job.chosen.connect(self._on_limit)
        self.pause_all = Button("Pause all")
        self.resume_all = Button("Resume all")
        self.limit = LimitButton(self._limit_of_all)
        self._counts = bridge.counts()
        for widget in (self.pause_all, self.resume_all, self.limit):
            footer.add_end(widget)
        self.pause_all.clicked.connect(bridge.pause_all)
        self.resume_all.clicked.connect(bridge.resume_all)
        self.limit.limit_chosen.connect(self.set_limit)
        bridge.counts_changed.connect(self._on_counts)
        self._on_counts(bridge.counts())

    def actions(self) -> list[QAction]:
        """What the command palette knows about the selected card; the data of each is the wish it stands for."""
        found = []
        for text, verb in (
            ("Pause the video", "pause"),
            ("Resume the video", "resume"),
            ("Try again now", "try-now"),
            ("Cancel the video", "cancel"),
            ("More about the video…", "menu"),
        ):
            action = QAction(text, self._page)
            action.setData(verb)
            found.append(action)
        return found

    def do(self, verb: str, job_id: str) -> bool:
        """Carry out a wish of a card; False if it is none about transfers."""
        bridge = self._bridge
        snapshot = bridge.snapshot(job_id)
        if snapshot is None:
            return False
        if verb in ("resume", "cancel", "retry") and self._is_elsewhere(verb, job_id):
            return True
        match verb:
            case "pause":
                bridge.pause(job_id)
            case "resume":
                bridge.resume(job_id)
            case "try-now":
                bridge.try_now(job_id)
            case "cancel":
                bridge.cancel(job_id)
            case _:
                return False
        return True

    def _is_elsewhere(self, verb: str, job_id: str) -> bool:
        wanted = self._bridge.needs_connection(job_id)
        if wanted:
            self.connection_wanted.emit((wanted, verb, job_id))
        return bool(wanted)

    # The limit of all
    def _limit_of_all(self) -> int | None:
        return self._bridge.limit_of()

    @Slot(object)
    def set_limit(self, bytes_per_s: int | None) -> None:
        """Limit all transfers together, at once."""
        self._bridge.set_limit(bytes_per_s)
        self.limit.show_limit()
        self.limit_changed.emit(bytes_per_s)

    @Slot(object)
    def _on_counts(self, counts: Counts) -> None:
        self._counts = counts
        self._show_buttons()

    def _show_buttons(self) -> None:
        counts = self._counts
        self.pause_all.setVisible(counts.busy > 0)
        # In a narrow window the count of jobs needs the room; the Activity page has both.
        narrow = self._footer.width() < _NARROW and counts.busy > 0
        self.resume_all.setVisible(counts.resumable > 0 and not narrow)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The footer's width decides what it has room for."""
        if watched is self._footer and event.type() is QEvent.Type.Resize:
            self._show_buttons()
        return super().eventFilter(watched, event)

    # The menu of one
    def menu_for(self, snapshot: JobSnapshot) -> QMenu:
        """Order and limit of one job, as a menu. Deletes itself when it closes."""
        menu = QMenu(self._page)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName(f"More about {display(snapshot.title)}")
        self._menu_job = snapshot.id
        if snapshot.state in _ORDERED:
            when = menu.addMenu("When it runs")
            group = QActionGroup(when)
            for priority, text in _PRIORITIES:
                action = when.addAction(text)
                action.setCheckable(True)
                action.setChecked(priority == snapshot.priority)
                action.setData(priority)
                action.triggered.connect(self._on_priority)
                group.addAction(action)
        for text, keys, offset in (("Move up", "Alt+Up", -1), ("Move down", "Alt+Down", 1)):
            action = menu.addAction(f"{text}\t{keys}")
            action.setData(offset)
            action.triggered.connect(self._on_move)
        if snapshot.state in _ORDERED or snapshot.state in RUNNING:
            self._limit_of_job.fill(menu.addMenu("Speed limit"))
        return menu

    def open_menu(self, snapshot: JobSnapshot, below: QWidget) -> None:
        """Show the menu of one job."""
        self.menu_for(snapshot).popup(below.mapToGlobal(QPoint(0, below.height() + 2)))

    def _limit_of_one(self) -> int | None:
        return self._bridge.limit_of(self._menu_job)

    @Slot()
    def _on_priority(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._bridge.set_priority(self._menu_job, int(action.data()))

    @Slot()
    def _on_move(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._bridge.move(self._menu_job, int(action.data()))

    @Slot(object)
    def _on_limit(self, bytes_per_s: int | None) -> None:
        self._bridge.set_limit(bytes_per_s, self._menu_job)
