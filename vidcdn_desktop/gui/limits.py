"""Speed limits as the user chooses them: a menu of usual figures, and a question for any other."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets import Button, ComboButton, PlainLabel, PrimaryButton, plain_button_text, set_property
from vidcdn_desktop.textsafe import format_rate

PRESETS = (500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 25_000_000)
"""Bytes a second that are offered."""

LEAST = 10_000
"""Slower than this no part arrives before its connection is given up."""

_MOST = 10_000_000_000
_UNITS = {"": 1e6, "kb": 1e3, "mb": 1e6, "gb": 1e9}
_BITS = {"kb": 125.0, "mb": 125e3, "gb": 125e6}
_RATE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:([kmg]b)(it)?(/s|ps)?)?", re.IGNORECASE)

NO_LIMIT = "No limit"


def limit_text(bytes_per_s: int | None) -> str:
    """A limit in words: "none", "2.0 MB/s"."""
    return format_rate(bytes_per_s) if bytes_per_s else "none"


def read_rate(text: str) -> int | None:
    """Bytes a second from what was typed ("1.5", "800 kB/s", "20 Mbit/s"); None if it makes no sense.

    A bare number means MB/s; "Mbps" is megabits, as lines are sold.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        return None
    unit, in_bits = (found[2] or "").lower(), bool(found[3]) or (found[4] or "").lower() == "ps"
    value = float(found[1].replace(",", ".")) * (_BITS if in_bits else _UNITS)[unit]
    return round(value) if LEAST <= value <= _MOST else None


class RateDialog(QDialog):
    """Asks for a speed. Esc changes nothing."""

    rate_chosen = Signal(object)
    """int: bytes a second."""

    def __init__(self, about: str, current: int | None, parent: QWidget | None = None) -> None:
        """`about` says what is limited: "All transfers together", or a title."""
        super().__init__(parent)
        self.setWindowTitle("Speed limit")
        self.setModal(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(PlainLabel("Speed limit", role="dialog-title"))
        column.addWidget(PlainLabel(about, role="muted", wrap=True))
        self.line = QLineEdit(format_rate(current) if current else "")
        self.line.setPlaceholderText("For example 1.5 MB/s")
        self.line.setAccessibleName("Speed limit")
        self.line.textEdited.connect(self._on_edited)
        column.addWidget(self.line)
        self.message = PlainLabel(
            "This is not a speed. Type for example 1.5 MB/s, 800 kB/s or 20 Mbit/s; the least is 10 kB/s.",
            role="danger",
            wrap=True,
        )
        self.message.hide()
        column.addWidget(self.message)
        column.addSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.cancel_button = Button("Cancel")
        self.cancel_button.clicked.connect(self.reject)
        self.set_button = PrimaryButton("Set the limit")
        self.set_button.setDefault(True)
        self.set_button.clicked.connect(self._on_set)
        row.addWidget(self.cancel_button)
        row.addWidget(self.set_button)
        column.addLayout(row)
        self.setMinimumWidth(400)
        self.line.setFocus()
        self.line.selectAll()

    @Slot(str)
    def _on_edited(self, _text: str) -> None:
        self.message.hide()
        set_property(self.line, "invalid", False)

    @Slot()
    def _on_set(self) -> None:
        rate = read_rate(self.line.text())
        if rate is None:
            self.message.show()
            set_property(self.line, "invalid", True)
            self.line.setFocus()
            return
        self.accept()
        self.rate_chosen.emit(rate)


class LimitChoice(QObject):
    """Fills a menu with limits and tells which was chosen."""

    chosen = Signal(object)
    """int bytes a second, or None for no limit."""

    def __init__(self, about: str, current: Callable[[], int | None], parent: QWidget) -> None:
        """`about` is said by the question for another figure; `current` gives the limit in force."""
        super().__init__(parent)
        self._about = about
        self._current = current
        self._window = parent

    def fill(self, menu: QMenu) -> None:
        """Put the choices into a menu, the one in force ticked."""
        now = self._current()
        group = QActionGroup(menu)
        for rate in (None, *sorted({*PRESETS, *([now] if now else [])})):
            action = menu.addAction(plain_button_text(format_rate(rate) if rate else NO_LIMIT))
            action.setCheckable(True)
            action.setChecked(rate == now)
            action.setData(rate)
            action.triggered.connect(self._on_action)
            group.addAction(action)
        menu.addSeparator()
        menu.addAction("Another figure…").triggered.connect(self.ask)

    @Slot()
    def _on_action(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.chosen.emit(action.data())

    @Slot()
    def ask(self) -> None:
        """Ask for any figure."""
        dialog = RateDialog(self._about, self._current(), self._window.window())
        dialog.rate_chosen.connect(self.chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class LimitButton(ComboButton):
    """Shows the limit of all transfers together and offers others."""

    limit_chosen = Signal(object)
    """int bytes a second, or None for no limit."""

    def __init__(self, current: Callable[[], int | None], parent: QWidget | None = None) -> None:
        super().__init__("Speed limit of all transfers", parent)
        self._current_limit = current
        self.choice = LimitChoice("All transfers together.", current, self)
        self.choice.chosen.connect(self.limit_chosen)
        self.show_limit()

    def show_limit(self) -> None:
        """Say which limit is in force now."""
        now = self._current_limit()
        self.set_items([(now, f"Limit: {limit_text(now)}")])

    @Slot()
    def open_menu(self) -> None:
        """Show the choices."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.choice.fill(menu)
        menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))
