"""Which columns of the Library's list are shown, and how wide; remembered from run to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QSettings

from vidcdn_desktop.gui.models.arrange import Column

_WIDE = {
    Column.KIND: 96, Column.SIZE: 92, Column.MODIFIED: 126, Column.CLASS: 120, Column.STREAMING: 140, Column.CACHE: 180,
}  # fmt: skip
_NARROW = {
    Column.KIND: 84, Column.SIZE: 84, Column.MODIFIED: 110, Column.CLASS: 100, Column.STREAMING: 128, Column.CACHE: 130,
}  # fmt: skip
"""Widths of the columns beside the name, which takes the rest."""
_NARROW_BELOW = 800
_HIDDEN = frozenset({Column.CACHE})
"""Asks the store for each object on screen, so only who wants it has it."""
_HIDDEN_NARROW = _HIDDEN | {Column.KIND, Column.CLASS}
_LEAST_NAME = 150
_SANE = range(40, 1200)


@dataclass
class ColumnMemory:
    """What the user chose; the rest follows the room there is."""

    shown: dict[int, bool] = field(default_factory=dict)
    """By column."""
    widths: dict[int, int] = field(default_factory=dict)
    """Pixels by column."""
    view: str = "list"
    """"list" or "gallery"."""
    details: bool = True
    """The right panel is wanted."""

    def save(self, path: Path) -> None:
        """Write it down."""
        memory = QSettings(str(path), QSettings.Format.IniFormat)
        for column in Column:
            name = column.name.lower()
            memory.setValue(f"width/{name}", self.widths.get(column, 0))
            memory.setValue(f"shown/{name}", {True: "yes", False: "no"}.get(self.shown.get(column), ""))  # type: ignore[arg-type]
        memory.setValue("view", self.view)
        memory.setValue("details", "yes" if self.details else "no")
        memory.sync()

    @classmethod
    def load(cls, path: Path) -> ColumnMemory:
        """What was written down; nonsense in the file counts as nothing."""
        memory = QSettings(str(path), QSettings.Format.IniFormat)
        made = cls()
        for column in Column:
            name = column.name.lower()
            text = str(memory.value(f"width/{name}", ""))
            if text.isdecimal() and int(text) in _SANE:
                made.widths[column] = int(text)
            shown = memory.value(f"shown/{name}", "")
            if shown in ("yes", "no"):
                made.shown[column] = shown == "yes"
        made.view = "gallery" if memory.value("view") == "gallery" else "list"
        made.details = memory.value("details") != "no"
        return made


def widths_for(room: int, memory: ColumnMemory) -> dict[Column, int]:
    """The width of each column in a table that is so wide; 0: hidden. The name's is what is left."""
    narrow = room < _NARROW_BELOW
    usual, hidden = (_NARROW, _HIDDEN_NARROW) if narrow else (_WIDE, _HIDDEN)
    found = {
        column: memory.widths.get(column, width) if memory.shown.get(column, column not in hidden) else 0
        for column, width in usual.items()
    }
    for column in (Column.CACHE, Column.CLASS, Column.KIND, Column.MODIFIED, Column.STREAMING):
        if sum(found.values()) + _LEAST_NAME <= room:
            break
        found[column] = min(found[column], usual[column])  # too much was asked for: give back, then go
        if sum(found.values()) + _LEAST_NAME > room:
            found[column] = 0
    return {Column.NAME: max(0, room - sum(found.values())), **found}
