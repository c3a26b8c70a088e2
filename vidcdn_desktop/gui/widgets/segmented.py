"""A few choices side by side, one of them in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.widgets.buttons import plain_button_text
from vidcdn_desktop.gui.widgets.style import plain_tooltip


class SegmentedControl(QFrame):
    """Exactly one of the choices is on. Arrow keys move between them, as in any group of radio buttons."""

    changed = Signal(object)
    """The value chosen by the user; not sent by `set_value`."""

    def __init__(
        self,
        choices: Sequence[tuple[Any, str] | tuple[Any, str, str]],
        name: str,
        parent: QWidget | None = None,
    ) -> None:
        """Choices are (value, text) or (value, text, icon name); `name` is the accessible name of the group."""
        super().__init__(parent)
        self.setObjectName("Segments")
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._values: list[Any] = []
        self._texts: list[str] = []
        self._is_compact = False
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        for number, choice in enumerate(choices):
            text = choice[1]
            button = QPushButton(plain_button_text(text), self)
            button.setCheckable(True)
            button.setAutoExclusive(True)  # read as one of several choices, not as a check box
            button.setAutoDefault(False)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(f"{name}: {text}")
            if len(choice) == 3:
                button.setIcon(icon(choice[2], "text"))
            self._group.addButton(button, number)
            self._values.append(choice[0])
            self._texts.append(text)
            layout.addWidget(button)
        if self._values:
            self._group.button(0).setChecked(True)
        self._announced = 0
        self._quiet = False
        self._group.buttonToggled.connect(self._on_toggled)

    @Slot(QAbstractButton, bool)
    def _on_toggled(self, button: QAbstractButton, checked: bool) -> None:
        number = self._group.id(button)
        if not checked or number == self._announced:
            return
        self._announced = number
        if not self._quiet:
            self.changed.emit(self._values[number])

    def value(self) -> Any:
        """The choice in force."""
        return self._values[self._group.checkedId()]

    def set_value(self, value: Any) -> None:
        """Choose without a signal; a value that is not offered is ignored."""
        if value in self._values:
            self._quiet = True
            try:
                self._group.button(self._values.index(value)).setChecked(True)
            finally:
                self._quiet = False

    def set_compact(self, compact: bool) -> None:
        """Icons only, for choices that have one; their names are in the tool tips then."""
        if compact == self._is_compact:
            return
        self._is_compact = compact
        for number, text in enumerate(self._texts):
            button = self._group.button(number)
            if not button.icon().isNull():
                button.setText("" if compact else plain_button_text(text))
                button.setToolTip(plain_tooltip(text) if compact else "")

    def set_choice_enabled(self, value: Any, enabled: bool) -> None:
        """Allow or forbid one choice."""
        self._group.button(self._values.index(value)).setEnabled(enabled)
