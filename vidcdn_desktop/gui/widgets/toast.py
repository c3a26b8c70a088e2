"""Passing messages: said aloud to assistive tools, and shown for a few seconds."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from vidcdn_desktop.gui.widgets.buttons import plain_button_text
from vidcdn_desktop.gui.widgets.labels import ElidedLabel
from vidcdn_desktop.gui.widgets.page import PageFooter

_SHOWN_MS = 5000
_MARGIN = 24
_ABOVE_FOOTER = 12


def announce(source: QObject, text: str, *, urgent: bool = False) -> None:
    """Have a screen reader say a sentence; nothing is shown. GUI thread."""
    event = QAccessibleAnnouncementEvent(source, text)
    if urgent:
        event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
    QAccessible.updateAccessibility(event)


class Toast(QFrame):
    """A message at the foot of its host for five seconds, with at most one action ("Undo").

    Make one per page or window. It never holds the only way to something, never takes the focus, and is announced.
    """

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self._host = host
        self.setObjectName("Toast")
        self._action: Callable[[], None] | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 9, 10, 9)
        layout.setSpacing(8)
        self._label = ElidedLabel()
        layout.addWidget(self._label)
        self._button = QPushButton()
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.setAutoDefault(False)
        self._button.clicked.connect(self._on_action)
        layout.addWidget(self._button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        host.installEventFilter(self)
        self.hide()

    def show_message(self, text: str, action: str = "", on_action: Callable[[], None] | None = None) -> None:
        """Show and announce a sentence; a message still shown is replaced."""
        self._label.set_text(text)
        self._action = on_action
        self._button.setVisible(bool(action))
        self._button.setText(plain_button_text(action))
        self._button.setAccessibleName(action)
        self._place()
        self.show()
        self.raise_()
        self._timer.start()
        announce(self, text)

    @Slot()
    def _on_action(self) -> None:
        self.hide()
        self._timer.stop()
        if self._action is not None:
            self._action()

    def _place(self) -> None:
        host = self._host
        self.ensurePolished()
        size = self.sizeHint()
        width = min(size.width(), host.width() - 2 * _MARGIN)
        # A page's footer keeps its status and its button in sight.
        footers = [footer.height() for footer in host.findChildren(PageFooter) if footer.isVisible()]
        foot = host.height() - max(footers, default=_MARGIN - _ABOVE_FOOTER) - _ABOVE_FOOTER
        self.setGeometry((host.width() - width) // 2, foot - size.height(), width, size.height())

    def hideEvent(self, event: QHideEvent) -> None:
        """Gone with its page: it is not shown again when the page is."""
        self._timer.stop()
        self.hide()
        super().hideEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the foot when the host changes its size."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)
