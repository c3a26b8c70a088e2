"""Named values to be edited: what nobody touches stays as it is, in every object."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from vidcdn_desktop.gui.widgets import IconButton, PlainLabel
from vidcdn_desktop.textsafe import display

_NAME_WIDTH = 168
_STATE_WIDTH = 96


class ValueRow(QWidget):
    """One name, its value, and what will become of it.

    Args:
        name: Of the value; empty: the user names it.
        label: How the name is shown.
        removable: Whether an object may do without it.
        hint: Of a new one: what belongs in the field of its name.
    """

    edited = Signal()

    def __init__(self, name: str = "", label: str = "", *, removable: bool = True, hint: str = "") -> None:
        super().__init__()
        self._name = name
        self._known: str | None = None
        """The value all objects have; None: not known, or not the same."""
        self._rest = "Left as it is"
        self._touched = False
        self._removed = False
        self._removable = removable
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setColumnStretch(1, 1)
        shown = display(label or name, 60)
        self.name_field: QLineEdit | None = None
        if name:
            field: QWidget = PlainLabel(shown)
        else:
            self.name_field = QLineEdit()
            self.name_field.setPlaceholderText(hint)
            self.name_field.setAccessibleName(hint)
            self.name_field.textChanged.connect(self._on_text)
            field = self.name_field
        field.setFixedWidth(_NAME_WIDTH)
        self.value = QLineEdit()
        self.value.setProperty("mono", True)
        self.value.setAccessibleName(shown or "Value")
        self.value.setPlaceholderText("Looking…" if name else "Value")
        self.value.textEdited.connect(self._on_text)
        self._state = PlainLabel(role="small")
        self._state.setFixedWidth(_STATE_WIDTH)
        self.button = IconButton("close", f"Remove {shown or 'this one'}", flat=True)
        self.button.clicked.connect(self._on_button)
        stays = self.button.sizePolicy()
        stays.setRetainSizeWhenHidden(True)
        self.button.setSizePolicy(stays)
        for column, widget in enumerate((field, self.value, self._state, self.button)):
            grid.addWidget(widget, 0, column, Qt.AlignmentFlag.AlignVCenter)
        self._shown = shown
        self._show()

    # What is known
    def set_known(self, known: str | None, words: str) -> None:
        """What the objects have now: one value, or words about why there is none to show."""
        self._known = known
        self.value.setPlaceholderText(words)
        if not self._touched:
            self.value.setText(known or "")
            self.value.setCursorPosition(0)
        self._show()

    # What is wanted
    @property
    def name(self) -> str:
        """Of the value; empty: not named yet."""
        return self._name or (self.name_field.text().strip() if self.name_field is not None else "")

    def change(self) -> tuple[bool, str | None]:
        """Whether the user wants a change, and the new value; None: it goes."""
        if self._removed:
            return True, None
        text = self.value.text()
        if not self._touched or text == self._known:
            return False, None
        if not text:
            return bool(self._name), None  # a new one without a value is none
        return True, text

    def problem(self) -> str:
        """What cannot be, in a sentence."""
        wants, value = self.change()
        if wants and value is None and not self._removable:
            return f"An object always has a {self._shown}."
        return f"The value of {display(self.name, 40)} is empty." if self._is_half() else ""

    def _is_half(self) -> bool:
        return self.name_field is not None and bool(self.name) and not self.value.text()

    # What the user does
    @Slot()
    def _on_text(self) -> None:
        self._touched, self._removed = True, False
        self._show()
        self.edited.emit()

    @Slot()
    def _on_button(self) -> None:
        """Remove it; or, if something is wanted of it, leave it as it is after all."""
        if self.name_field is not None:
            self.hide()
            self.name_field.clear()
            self.value.clear()
        elif self.change()[0]:
            self._touched = self._removed = False
            self.value.setText(self._known or "")
        else:
            self._removed = self._touched = True
            self.value.clear()
        self._show()
        self.edited.emit()

    def _show(self) -> None:
        wants, value = self.change()
        text = "Left as it is" if not wants else "Removed" if value is None else "Set"
        self._state.set_text(text if self._name or wants else "")
        self._state.set_role("strong" if wants else "small")
        self.value.setAccessibleDescription(text)
        back = wants and bool(self._name)
        words = f"Leave {self._shown} as it is" if back else f"Remove {self._shown or 'this one'}"
        self.button.set_icon("refresh" if back else "close", words)
        self.button.setVisible(back or self._removable or not self._name)
