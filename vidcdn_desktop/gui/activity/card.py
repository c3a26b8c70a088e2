"""One job on the Activity page. Built small: what is not shown is not made."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.activity import words
from vidcdn_desktop.gui.activity.entry import Entry
from vidcdn_desktop.gui.widgets import (
    Badge,
    Button,
    Card,
    ElidedLabel,
    FactsGrid,
    FlowLayout,
    IconButton,
    IconLabel,
    LiveLabel,
    PlainLabel,
    StepRow,
    ThinProgress,
    set_property,
)
from vidcdn_desktop.jobs.keeping import DOWNLOAD, FETCH, OPERATION, PUBLISH, REPAIR, UPLOAD
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.states import RUNNING
from vidcdn_desktop.textsafe import display

_KINDS = {
    PUBLISH: ("upload", "Publish"),
    DOWNLOAD: ("download", "Download"),
    REPAIR: ("faststart", "Fast start"),
    OPERATION: ("edit", "Operation"),
    UPLOAD: ("upload", "Upload"),
    FETCH: ("download", "Download"),
}
"""Icon and name of each kind of job."""

_OPERATIONS = {"delete": ("trash", "Delete"), "copy": ("copy", "Copy"), "undo": ("refresh", "Undo")}
"""The same for operations that have their own."""


class JobCard(Card):
    """Shows one entry."""

    wish = Signal(object)
    """(str verb, str job id); verbs are those of `words.VERBS` and `words.MORE_VERBS`."""

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent, name=display(entry.title))
        self.entry = entry
        self._shown: Entry | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 10, 14, 10)
        self._column.setSpacing(5)
        top = QHBoxLayout()
        top.setSpacing(8)
        icon, kind = _OPERATIONS.get(entry.verb, _KINDS[entry.kind])
        self._way = IconLabel(icon, "muted", 15)
        self._way.setAccessibleName(kind)
        self.badge = Badge()
        self.title = ElidedLabel(role="strong")
        self._time = PlainLabel(role="small")
        top.addWidget(self._way)
        top.addWidget(self.badge)
        top.addWidget(self.title, 1)
        top.addWidget(self._time)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(6)
        top.addLayout(self._actions)
        self.buttons: dict[str, Button] = {}
        self.fold = IconButton("chevron-down", "Show details", flat=True)
        self.fold.clicked.connect(self._on_fold)
        top.addWidget(self.fold)
        self._column.addLayout(top)
        self.facts = PlainLabel(role="small", wrap=True, selectable=True)
        self._column.addWidget(self.facts)
        self._progress: ThinProgress | None = None
        self._line: LiveLabel | None = None
        self._steps: StepRow | None = None
        self._details: _Details | None = None
        self.show_entry(entry)

    @property
    def is_open(self) -> bool:
        """Whether the details are shown."""
        return self._details is not None and not self._details.isHidden()

    def line_text(self) -> str:
        """The line that moves while it runs; empty at rest."""
        return self._line.text() if self._line is not None and not self._line.isHidden() else ""

    def show_entry(self, entry: Entry) -> None:
        """Bring the card up to date; cheap when only bytes have moved."""
        before, self.entry = self._shown, entry
        if before == entry:
            return
        self._show_progress(entry)
        if before is None or _changed(before, entry):
            self._show_rest(entry)
        self._shown = entry

    def _show_progress(self, entry: Entry) -> None:
        running, kept = entry.state in RUNNING and bool(entry.line), words.kept_fraction(entry)
        if (running or kept is not None) and self._progress is None:
            self._progress = ThinProgress()
            self._column.insertWidget(1, self._progress)
        if self._progress is not None:
            self._progress.setVisible(running or kept is not None)
            waits = entry.waiting is not None
            self._progress.set_tint("muted" if not running else "warning" if waits else "accent")
            moved = entry.progress.fraction if entry.progress else None
            fraction = kept if not running else entry.fraction if entry.is_operation else moved
            self._progress.set_fraction(fraction)
        if running and self._line is None:
            self._line = LiveLabel()
            self._steps = StepRow()
            self._column.insertWidget(2, self._line)
            self._column.insertWidget(3, self._steps)
        if self._line is not None and self._steps is not None:
            self._line.setVisible(running)
            self._line.set_text(entry.line)
            self._line.set_tint("warning" if entry.waiting is not None else "muted")
            self._steps.setVisible(running and bool(entry.steps))
            self._steps.set_steps(entry.steps)

    def _show_rest(self, entry: Entry) -> None:
        title = display(entry.title)
        self.badge.set(*words.badge(entry))
        self.title.set_text(title)
        self.setAccessibleName(title)
        self._time.set_text(words.when(entry.created, datetime.now(UTC)))
        text = "" if entry.state in RUNNING and entry.line else words.facts(entry)
        self.facts.set_text(text)
        self.facts.setVisible(bool(text))
        self.setAccessibleDescription(". ".join(part for part in (words.badge(entry)[0], text) if part))
        self._show_buttons(entry)
        self._name_fold()
        if self._details is not None:
            self._details.show_entry(entry)

    def _show_buttons(self, entry: Entry) -> None:
        shown = words.verbs(entry)
        for place, (verb, text) in enumerate((v, t) for v, t in words.VERBS.items() if v in shown or v in self.buttons):
            if verb in shown and verb not in self.buttons:
                button = self.buttons[verb] = _button(verb, text, self._on_button)
                self._actions.insertWidget(place, button)
        for verb, button in self.buttons.items():
            button.setVisible(verb in shown)
            button.setAccessibleName(f"{words.VERBS[verb]}: {display(entry.title)}")
        if "pause" in self.buttons:
            self.buttons["pause"].setEnabled(entry.state is not JobState.PAUSING)

    # Details
    @Slot()
    def _on_fold(self) -> None:
        if self._details is None:
            self._details = _Details(self._on_button)
            self._details.show_entry(self.entry)
            self._column.addWidget(self._details)
            self._details.show()
        else:
            self._details.setVisible(self._details.isHidden())
        self._name_fold()

    def _name_fold(self) -> None:
        text = "Hide details" if self.is_open else "Show details"
        self.fold.set_icon("chevron-up" if self.is_open else "chevron-down", text)
        self.fold.setAccessibleName(f"{text}: {display(self.entry.title)}")

    @Slot()
    def _on_button(self) -> None:
        self.wish.emit((str(self.sender().property("verb")), self.entry.id))


class _Details(QWidget):
    """The facts of one job, and what is done seldom."""

    def __init__(self, on_button: object) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 2)
        column.setSpacing(8)
        self.grid = FactsGrid()
        column.addWidget(self.grid)
        row = QWidget()
        flow = FlowLayout(row, gap=6, line_gap=6)
        self._buttons = {verb: _button(verb, text, on_button) for verb, text in words.MORE_VERBS.items()}
        for button in self._buttons.values():
            flow.addWidget(button)
        column.addWidget(row)

    def show_entry(self, entry: Entry) -> None:
        """Show the facts of an entry."""
        self.grid.set_rows(words.details(entry, datetime.now(UTC)))
        shown = words.more_verbs(entry)
        for verb, button in self._buttons.items():
            button.setVisible(verb in shown)
            button.setAccessibleName(f"{words.MORE_VERBS[verb]}: {display(entry.title)}")


def _button(verb: str, text: str, on_clicked: object) -> Button:
    button = Button(text, small=True)
    set_property(button, "verb", verb)
    button.clicked.connect(on_clicked)
    return button


def _changed(before: Entry, entry: Entry) -> bool:
    """Whether more than the bytes and the countdown have changed."""
    names = (
        *("state", "origin", "title", "error", "result", "steps", "unfinished", "kept_bytes", "key", "live", "place"),
        "can_undo",
    )
    if (before.waiting is None) != (entry.waiting is None):
        return True
    return any(getattr(before, name) != getattr(entry, name) for name in names)
