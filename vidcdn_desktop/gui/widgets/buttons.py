"""Buttons. Their text may come from outside: an ampersand is shown, never taken for a shortcut mark."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QWidget

from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.widgets.direction import embedded
from vidcdn_desktop.gui.widgets.style import plain_tooltip, restyle


def plain_button_text(text: str) -> str:
    """Button or menu text in which every character is shown as it is."""
    return embedded(text.replace("&", "&&").replace("\n", " "), QGuiApplication.layoutDirection())


class Button(QPushButton):
    """An ordinary button. `small` for the rows inside cards. Takes the focus by keyboard, not by a click."""

    def __init__(self, text: str, parent: QWidget | None = None, *, small: bool = False, icon_name: str = "") -> None:
        super().__init__(plain_button_text(text), parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)
        self.setProperty("kind", self._kind())
        self.setProperty("compact", small)
        self.setAccessibleName(text)
        if icon_name:
            self.setIcon(icon(icon_name, self._icon_token()))
            self.setIconSize(QSize(14, 14) if small else QSize(16, 16))

    def _kind(self) -> str:
        return "plain"

    def _icon_token(self) -> str:
        return "text"

    def set_text(self, text: str) -> None:
        """Change what it says, accessible name included."""
        if text != self.accessibleName():
            self.setText(plain_button_text(text))
            self.setAccessibleName(text)


class PrimaryButton(Button):
    """The one button a view wants pressed."""

    def _kind(self) -> str:
        return "primary"

    def _icon_token(self) -> str:
        return "on_accent"


class DangerButton(Button):
    """A button whose effect cannot be taken back."""

    def _kind(self) -> str:
        return "danger"

    def _icon_token(self) -> str:
        return "danger"


class LinkButton(Button):
    """A button that looks like a link in running text."""

    def __init__(self, text: str, parent: QWidget | None = None, *, small: bool = False) -> None:
        super().__init__(text, parent, small=small)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def _kind(self) -> str:
        return "link"


class IconButton(QPushButton):
    """A small square button with an icon only; `name` is its accessible name and tool tip."""

    def __init__(self, icon_name: str, name: str, parent: QWidget | None = None, *, flat: bool = False) -> None:
        super().__init__(parent)
        self._icon_name = ""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)
        self.setProperty("kind", "icon")
        self.setFlat(flat)
        self.setIconSize(QSize(16, 16))
        self.set_icon(icon_name, name)

    def set_icon(self, icon_name: str, name: str, tint: str = "text") -> None:
        """Change icon and name together ("pause"/"Pause" to "play"/"Play")."""
        if icon_name != self._icon_name:
            self._icon_name = icon_name
            self.setIcon(icon(icon_name, tint))
        self.setAccessibleName(name)
        self.setToolTip(plain_tooltip(name))

    def set_flat(self, flat: bool) -> None:
        """Without a frame until the pointer is over it."""
        self.setFlat(flat)
        restyle(self)
