"""What is selected in the Library, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QWidget

from vidcdn_desktop.gui.models.listing import Row
from vidcdn_desktop.gui.widgets import Button, PlainLabel, PrimaryButton, set_property
from vidcdn_desktop.textsafe import format_size, plural

VERBS = {
    "faststart": "Make fast start…",
    "copy": "Copy link",
    "play": "Play from CDN",
    "download": "Download…",
    "invalidate": "Invalidate",
}
"""What can be done with a selection, in this order."""


class SelectionBar(QFrame):
    """Stands above the list as long as the list is shown.

    A bar that came with the first click would move the rows, and the second click of a double click would hit another.
    """

    verb_chosen = Signal(object)
    """str: one of `VERBS`."""

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
        self.show_rows([])

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Say what is selected, and allow what makes sense for it."""
        objects = [row for row in rows if not row.is_folder]
        self.selected.set_text(f"{len(rows):,} selected" if rows else "Nothing selected")
        self.selected.set_role("strong" if rows else "muted")
        self._size.set_text(format_size(sum(row.size or 0 for row in objects)) if objects else "")
        set_property(self, "empty", not rows)
        self.buttons["faststart"].setEnabled(bool(wished(rows)))
        single = len(objects) == 1 == len(rows)
        self.buttons["copy"].setEnabled(single)
        self.buttons["play"].setEnabled(single and objects[0].kind == "Video")
        self.buttons["download"].setEnabled(bool(rows) and len(objects) == len(rows))
        self.buttons["invalidate"].setEnabled(bool(rows))

    @Slot()
    def _on_clicked(self) -> None:
        self.verb_chosen.emit(str(self.sender().property("verb")))


def menu_for(bar: SelectionBar, on_action: Callable[[], None], parent: QWidget) -> QMenu:
    """The same verbs as a menu; each action's data is its verb. It goes when it is closed."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setAccessibleName("Actions for the selection")
    for verb, text in VERBS.items():
        action = menu.addAction(text)
        action.setData(verb)
        action.setEnabled(bar.buttons[verb].isEnabled())
        action.triggered.connect(on_action)
    return menu


def wished(rows: Sequence[Row]) -> list[Row]:
    """The videos, and the folders that may hold some."""
    return [row for row in rows if row.is_folder or row.kind == "Video"]


def counted(rows: Sequence[Row], shown: int) -> str:
    """For example: 2 folders · 14 objects · 3.4 GB, and 3 of 16 shown while a filter is set."""
    folders = sum(row.is_folder for row in rows)
    objects = len(rows) - folders
    parts = [plural(folders, "folder")] if folders else []
    if objects or not folders:
        parts += [plural(objects, "object"), format_size(sum(row.size or 0 for row in rows))]
    if shown < len(rows):
        parts.append(f"{shown:,} of {len(rows):,} shown")
    return " · ".join(parts)
