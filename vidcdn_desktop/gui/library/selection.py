"""What is selected in the Library, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.courtesy import give_way
from vidcdn_desktop.gui.models.rows import MASK, SHIFT, VIDEO, Row, RowStore
from vidcdn_desktop.gui.widgets import Button, IconButton, PlainLabel, PrimaryButton, set_property
from vidcdn_desktop.jobs.sharing import MOST
from vidcdn_desktop.textsafe import format_size, plural

VERBS = {
    "faststart": "Make fast start…",
    "copy": "Copy link",
    "share": "Share…",
    "play": "Play from CDN",
    "download": "Download…",
    "invalidate": "Invalidate",
}
"""What can be done with a selection, in this order."""

MENU_ONLY = {"embed": "Copy embed code"}
"""The same, for which the bar has no room."""

OPERATIONS = {
    "rename": "Rename…",
    "move": "Move to a folder…",
    "copy-to": "Copy to a folder…",
    "replace": "Replace content…",
    "headers": "Edit headers and metadata…",
    "tags": "Edit tags…",
    "class": "Change storage class…",
    "restore": "Restore from archive…",
    "versions": "Restore an older version…",
    "delete": "Delete…",
}
"""What can be done to the objects themselves, in this order; each asks first, and is a job."""


_FIRST_TO_GO = ("play", "invalidate", "copy", "share")
"""What a narrow bar does without; Enter, keys and the menu do the same."""


KEYS = {
    "faststart": "Ctrl+Shift+F",
    "copy": "Ctrl+Shift+C",
    "share": "Ctrl+Shift+S",
    "embed": "Ctrl+Shift+E",
    "download": "Ctrl+S",
    "invalidate": "Ctrl+Shift+R",
    "rename": "F2",
    "headers": "Ctrl+E",
    "delete": "Delete",
}
"""Keys of the verbs; the actions of the page listen to them, the menu only tells them."""


@dataclass(frozen=True)
class Selected:
    """A selection, counted."""

    count: int = 0
    objects: int = 0
    folders: int = 0
    videos: int = 0
    bytes: int = 0
    is_growing: bool = False
    """Everything was selected while it is still being listed: what comes belongs to it."""


def count_selected(
    store: RowStore, ids: Sequence[int], *, growing: bool = False, token: CancelToken | None = None
) -> Selected:
    """Count rows. Any thread, as long as the store only grows; a million take half a second.

    Raises: Cancelled.
    """
    objects = folders = videos = total = 0
    for number, row_id in enumerate(ids):
        if token is not None and not number & 0x3FF:
            token.raise_if_cancelled()
            give_way()
        block = store.blocks[row_id >> SHIFT]
        if block.is_folders:
            folders += 1
            continue
        place = row_id & MASK
        objects += 1
        total += block.sizes[place]
        videos += block.kinds[place] == VIDEO
    return Selected(objects + folders, objects, folders, videos, total, growing)


class SelectionBar(QFrame):
    """Stands above the list as long as the list is shown.

    A bar that came with the first click would move the rows, and the second click of a double click would hit another.
    """

    verb_chosen = Signal(object)
    """str: one of `VERBS`."""
    more_wanted = Signal(QPoint)
    """Where the menu of all verbs is wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("SelectionBar")
        row = QHBoxLayout(self)
        row.setContentsMargins(13, 9, 13, 9)
        row.setSpacing(8)
        self.selected = PlainLabel()
        self._size = PlainLabel(role="small")
        row.addWidget(self.selected)
        row.addWidget(self._size)
        row.addStretch(1)
        self.buttons: dict[str, Button] = {}
        for verb, text in VERBS.items():
            button = PrimaryButton(text, small=True) if verb == "faststart" else Button(text, small=True)
            button.setProperty("verb", verb)
            button.clicked.connect(self._on_clicked)
            row.addWidget(button)
            self.buttons[verb] = button
        self.more = IconButton("more", "More actions for the selection")
        self.more.clicked.connect(self._on_more)
        row.addWidget(self.more)
        self._allowed: set[str] = set()
        self.show_selected(Selected())

    def show_selected(self, selected: Selected) -> None:
        """Say what is selected, and allow what makes sense for it."""
        count = selected.count
        words = f"{count:,} selected" if count else "Nothing selected"
        if selected.is_growing:
            words = f"{count:,} selected so far, and all that is still being listed"
        self.selected.set_text(words)
        self.selected.set_role("strong" if count else "muted")
        self._size.set_text(format_size(selected.bytes) if selected.objects else "")
        set_property(self, "empty", not count)
        ready = bool(count) and not selected.is_growing
        single = ready and selected.objects == 1 == count
        self.buttons["faststart"].setEnabled(ready and bool(selected.videos or selected.folders))
        self.buttons["copy"].setEnabled(single)
        self.buttons["share"].setEnabled(ready and not selected.folders and selected.objects <= MOST)
        self.buttons["play"].setEnabled(single and selected.videos == 1)
        self.buttons["download"].setEnabled(ready)
        self.buttons["invalidate"].setEnabled(ready)
        self.more.setEnabled(ready)
        self._make_room()
        self._allowed = {verb for verb, button in self.buttons.items() if button.isEnabled()}
        self._allowed |= set(OPERATIONS) if ready else set()
        if single:
            self._allowed.add("embed")
        if count != 1:
            self._allowed.discard("rename")
        if not single:
            self._allowed -= {"replace", "versions"}

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What there is no room for is in the menu only."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        layout = self.layout()
        for verb in _FIRST_TO_GO:
            self.buttons[verb].show()
        for verb in _FIRST_TO_GO:
            if layout is not None and layout.sizeHint().width() > self.width():
                self.buttons[verb].hide()

    def allows(self, verb: str) -> bool:
        """Whether a verb makes sense for what is selected."""
        return verb in self._allowed

    @Slot()
    def _on_more(self) -> None:
        self.more_wanted.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    @Slot()
    def _on_clicked(self) -> None:
        self.verb_chosen.emit(str(self.sender().property("verb")))


def menu_for(bar: SelectionBar, on_action: Callable[[], None], parent: QWidget) -> QMenu:
    """The same verbs as a menu; each action's data is its verb. It goes when it is closed."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setAccessibleName("Actions for the selection")
    for verb, text in (VERBS | MENU_ONLY | OPERATIONS).items():
        keys = QKeySequence(KEYS.get(verb, "")).toString(QKeySequence.SequenceFormat.NativeText)
        action = menu.addAction(f"{text}\t{keys}" if keys else text)
        action.setData(verb)
        action.setEnabled(bar.allows(verb))
        action.triggered.connect(on_action)
        if verb == list(MENU_ONLY)[-1]:
            menu.addSeparator()
    return menu


def wished(rows: Sequence[Row]) -> list[Row]:
    """The videos, and the folders that may hold some."""
    return [row for row in rows if row.is_folder or row.kind == "Video"]


def counted(store: RowStore, shown: int) -> str:
    """For example: 2 folders · 14 objects · 3.4 GB, and 3 of 16 shown while a filter is set."""
    folders, objects = store.folders, store.objects
    parts = [plural(folders, "folder")] if folders else []
    if objects or not folders:
        parts += [plural(objects, "object"), format_size(store.bytes)]
    if shown < len(store):
        parts.append(f"{shown:,} of {len(store):,} shown")
    return " · ".join(parts)
