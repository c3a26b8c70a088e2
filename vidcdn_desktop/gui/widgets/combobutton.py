"""A picker in a page header: shows the choice, opens a menu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from vidcdn_desktop.gui.icons import paint_icon
from vidcdn_desktop.gui.widgets.buttons import plain_button_text
from vidcdn_desktop.gui.widgets.style import plain_tooltip

_CHEVRON = 14
_MAX_WIDTH = 260


class ComboButton(QPushButton):
    """Items are (value, text); texts may come from outside. Extra menu entries are added with `add_action`."""

    chosen = Signal(object)
    """The value the user picked; not sent by `set_current`."""

    def __init__(self, name: str, parent: QWidget | None = None, *, placeholder: str = "") -> None:
        super().__init__(parent)
        self._name = name
        self._placeholder = placeholder
        self._items: list[tuple[Any, str]] = []
        self._current: Any = None
        self._extra: list[QAction] = []
        self._label = ""
        self.setProperty("kind", "picker")
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMaximumWidth(_MAX_WIDTH)
        self._menu = QMenu(self)
        self._menu.triggered.connect(self._on_triggered)
        self.clicked.connect(self.open_menu)
        self._show_current()

    def set_items(self, items: Sequence[tuple[Any, str]]) -> None:
        """Replace the choices; the current one is kept if it is still there, else the first is taken."""
        self._items = list(items)
        values = [value for value, _ in self._items]
        if self._current not in values:
            self._current = values[0] if values else None
        self._fill()
        self._show_current()

    def set_current(self, value: Any) -> None:
        """Choose without a signal."""
        self._current = value
        self._show_current()

    def current(self) -> Any:
        """The value chosen, or None."""
        return self._current

    def add_action(self, action: QAction) -> None:
        """Add an entry below the choices ("Manage connections…")."""
        self._extra.append(action)
        self._fill()

    def _fill(self) -> None:
        self._menu.clear()
        for value, text in self._items:
            action = self._menu.addAction(plain_button_text(text))
            action.setCheckable(True)
            action.setData(value)
        if self._items and self._extra:
            self._menu.addSeparator()
        for action in self._extra:
            self._menu.addAction(action)

    def _show_current(self) -> None:
        self._label = next((text for value, text in self._items if value == self._current), self._placeholder)
        self.setAccessibleName(f"{self._name}: {self._label}")
        self._elide()
        self.updateGeometry()

    def _elide(self) -> None:
        room = min(_MAX_WIDTH, self.maximumWidth()) - 46
        shown = self.fontMetrics().elidedText(self._label, Qt.TextElideMode.ElideMiddle, room)
        self.setText(plain_button_text(shown))
        self.setToolTip(plain_tooltip(f"{self._name}: {self._label}"))

    @Slot()
    def open_menu(self) -> None:
        """Show the choices below the button."""
        for action in self._menu.actions():
            if action.isCheckable() and action not in self._extra:
                action.setChecked(action.data() == self._current)
        self._menu.setMinimumWidth(self.width())
        self._menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    @Slot(QAction)
    def _on_triggered(self, action: QAction) -> None:
        if action in self._extra:
            return
        self._current = action.data()
        self._show_current()
        self.chosen.emit(self._current)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Down and Enter open the menu; Space does by itself."""
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_menu()
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Text and chevron."""
        hint = super().sizeHint()
        return QSize(min(hint.width(), _MAX_WIDTH), hint.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The button, then the chevron at its end."""
        super().paintEvent(event)
        left = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        x = 10 if left else self.width() - _CHEVRON - 10
        painter = QPainter(self)
        box = QRect(x, (self.height() - _CHEVRON) // 2 + 1, _CHEVRON, _CHEVRON)
        paint_icon(painter, "chevron-down", "muted" if self.isEnabled() else "disabled", box)
        painter.end()
