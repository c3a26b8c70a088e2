"""Labels. All of them show plain text only: keys, titles and error texts come from outside."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QMenu, QSizePolicy, QWidget

from vidcdn_desktop.gui.fonts import ui_font
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.direction import stand_at_start
from vidcdn_desktop.gui.widgets.style import plain_tooltip, set_property


class PlainLabel(QLabel):
    """Plain text in one of the text roles of the style sheet.

    Roles: "" (body), title, dialog-title, heading, hero, strong, section, muted, small, mono, success, warning, danger.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        role: str = "",
        wrap: bool = False,
        selectable: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setWordWrap(wrap)
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
            self.setMinimumWidth(1)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.setText(text)
        stand_at_start(self)

    def changeEvent(self, event: QEvent) -> None:
        """Change sides with the direction."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LayoutDirectionChange:
            stand_at_start(self)

    def set_role(self, role: str) -> None:
        """Change the text role."""
        set_property(self, "role", role)

    def set_text(self, text: str) -> None:
        """Change the text; nothing happens if it is the same."""
        if text != self.text():
            self.setText(text)


class Badge(QLabel):
    """A short fact on a tinted ground. Kinds: neutral, accent, success, warning, danger, practice.

    The words carry the meaning; the colour only helps.
    """

    def __init__(self, text: str = "", kind: str = "neutral", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "badge")
        self.setProperty("kind", kind)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def set(self, text: str, kind: str | None = None) -> None:
        """Change text and, if given, kind."""
        if text != self.text():
            self.setText(text)
        if kind is not None:
            set_property(self, "kind", kind)


class ElidedLabel(QLabel):
    """One line that loses its middle when there is no room; the whole text is in the tool tip and can be copied.

    Takes the keyboard focus only if `copyable`, for Ctrl+C.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        role: str = "",
        mono: bool = False,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
        copyable: bool = False,
    ) -> None:
        super().__init__(parent)
        self._full = ""
        self._mode = mode
        self._copyable = copyable
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "mono" if mono else role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if copyable:
            self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        stand_at_start(self)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show another text; line breaks become spaces."""
        line = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
        if line != self._full or not self.accessibleName():
            self._full = line
            self.setAccessibleName(line)
            self._elide()
            self.updateGeometry()

    def set_role(self, role: str) -> None:
        """Change the text role."""
        set_property(self, "role", role)

    def full_text(self) -> str:
        """The text that was set, not what there is room for."""
        return self._full

    def _margins_width(self) -> int:
        margins = self.contentsMargins()
        return margins.left() + margins.right() + 2 * self.margin()

    def _elide(self) -> None:
        room = max(0, self.width() - self._margins_width())
        shown = self.fontMetrics().elidedText(self._full, self._mode, room)
        if shown != self.text():
            self.setText(shown)
        self.setToolTip(plain_tooltip(self._full) if shown != self._full else "")

    def sizeHint(self) -> QSize:
        """Room for the whole text."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._full) + self._margins_width() + 2, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Room for a few characters."""
        metrics = self.fontMetrics()
        least = min(metrics.horizontalAdvance("mmm…mm"), metrics.horizontalAdvance(self._full) + 2)
        return QSize(least + self._margins_width(), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text to the new width."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the text to a new font."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LayoutDirectionChange:
            stand_at_start(self)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._elide()
            self.updateGeometry()

    def copy(self) -> None:
        """Put the whole text on the clipboard."""
        QGuiApplication.clipboard().setText(self._full)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+C copies."""
        if self._copyable and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy."""
        if not self._copyable:
            super().contextMenuEvent(event)
            return
        menu = QMenu(self)
        action = QAction("Copy", menu)
        action.triggered.connect(self.copy)
        menu.addAction(action)
        menu.exec(event.globalPos())
        menu.deleteLater()


class LiveLabel(QWidget):
    """One small line that changes ten times a second: it repaints itself and never asks for a new layout.

    A `QLabel` invalidates every layout up to the window with each new text, which costs more than the upload beside it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._tint = "muted"
        self._font = ui_font(12)
        self.setFixedHeight(QFontMetrics(self._font).height() + 2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_tint(self, token: str) -> None:
        """Colour of the words: "muted" as usual, "warning" for what is held up."""
        if token != self._tint:
            self._tint = token
            self.update()

    def text(self) -> str:
        """What is shown."""
        return self._text

    def set_text(self, text: str) -> None:
        """Change the text."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the line, its end cut off where there is no room."""
        painter = QPainter(self)
        painter.setFont(self._font)
        painter.setPen(color(self._tint))
        shown = QFontMetrics(self._font).elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # figures and units keep their order
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        side = Qt.AlignmentFlag.AlignRight if mirrored else Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | side), shown)
        painter.end()
