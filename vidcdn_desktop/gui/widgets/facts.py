"""Rows of label and value, and rows of findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from vidcdn_desktop.gui.widgets.buttons import LinkButton
from vidcdn_desktop.gui.widgets.iconlabel import IconLabel
from vidcdn_desktop.gui.widgets.labels import ElidedLabel, PlainLabel
from vidcdn_desktop.gui.widgets.style import plain_tooltip, set_property

_LONG_WORD = 24
"""A value with a longer word than this cannot be wrapped by a label and is elided instead."""

_FINDINGS = {
    "ok": ("check", "success", "Good"),
    "note": ("info", "muted", "Note"),
    "warning": ("warning", "warning", "Warning"),
    "failed": ("close", "danger", "Problem"),
    "unknown": ("unknown", "muted", "Not known"),
}


@dataclass(frozen=True)
class Fact:
    """One row. `kind`: "" | mono | success | warning | danger."""

    label: str
    value: str
    kind: str = ""


class FactsGrid(QWidget):
    """Label and value rows; the values can be selected and copied."""

    def __init__(self, parent: QWidget | None = None, *, label_width: int = 104) -> None:
        super().__init__(parent)
        self._shown: tuple[Fact, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, label_width)
        self._grid.setColumnStretch(1, 1)

    def set_rows(self, rows: Sequence[Fact]) -> None:
        """Show these; nothing happens if they are the same."""
        rows = tuple(rows)
        if rows == self._shown:
            return
        # Labels that stay keep what is selected in them, and cost a tenth of new ones.
        kept = 0
        for number, (old, row) in enumerate(zip(self._shown, rows, strict=False)):
            if old.label != row.label or not self._updated(number, old, row):
                break
            kept += 1
        self._drop(kept)
        for number, row in enumerate(rows[kept:], kept):
            label = PlainLabel(row.label, role="fact-label")
            value = self._value(row)
            value.setAccessibleName(f"{row.label}: {row.value}")
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(label, number, 0, top)
            self._grid.addWidget(value, number, 1, top)
        self._shown = rows

    def _updated(self, number: int, old: Fact, row: Fact) -> bool:
        """Whether the value of a row shows the new one now; False where that takes another kind of label."""
        item = self._grid.itemAtPosition(number, 1)
        value = item.widget() if item is not None else None
        if not isinstance(value, ElidedLabel if _is_long(row.value) else PlainLabel):
            return False
        if old.value != row.value:
            value.set_text(row.value)
        value.setAccessibleName(f"{row.label}: {row.value}")
        set_property(value, "kind", row.kind)
        return True

    def _drop(self, kept: int) -> None:
        """Take away all rows but the first."""
        for number in range(kept, len(self._shown)):
            for column in (0, 1):
                item = self._grid.itemAtPosition(number, column)
                old = item.widget() if item is not None else None
                if old is not None:
                    self._grid.removeWidget(old)
                    old.hide()
                    old.deleteLater()

    @staticmethod
    def _value(row: Fact) -> QLabel:
        value: QLabel
        if _is_long(row.value):
            value = ElidedLabel(row.value, role="fact", copyable=True)
        else:
            value = PlainLabel(row.value, role="fact", wrap=True, selectable=True)
        value.setProperty("kind", row.kind)
        return value

    def rows(self) -> tuple[Fact, ...]:
        """What is shown."""
        return self._shown


def _is_long(text: str) -> bool:
    return any(len(word) > _LONG_WORD for word in text.split())


class FindingRow(QWidget):
    """One finding of a check: icon, sentence, and a link button where something can be done about it.

    States: ok, note, warning, failed, unknown.
    """

    action_requested = Signal(object)
    """The row itself."""

    def __init__(
        self, state: str, text: str, parent: QWidget | None = None, *, action: str = "", advice: str = ""
    ) -> None:
        super().__init__(parent)
        name, token, word = _FINDINGS[state]
        self.setAccessibleName(f"{word}: {text}")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 3, 0, 3)
        layout.setSpacing(8)
        layout.addWidget(IconLabel(name, token, 15), 0, Qt.AlignmentFlag.AlignTop)
        label = PlainLabel(text, wrap=True, selectable=True)
        if advice:
            label.setToolTip(plain_tooltip(advice))
            self.setAccessibleDescription(advice)
        # In a row beside a longer finding the words stay level with their icon.
        layout.addWidget(label, 1, Qt.AlignmentFlag.AlignTop)
        if action:
            self.button = LinkButton(action)
            self.button.setAccessibleName(f"{action}: {text}")
            self.button.clicked.connect(self._on_clicked)
            layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)

    def _on_clicked(self) -> None:
        self.action_requested.emit(self)
