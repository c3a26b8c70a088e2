"""The parts every page has: header, footer, and the frame around them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from vidcdn_desktop.gui.widgets.labels import PlainLabel

PAGE_MARGIN = 22
"""Left and right of everything on a page, in pixels."""


class PageHeader(QWidget):
    """The title at the start, whatever the page needs at the end."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(61)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(PAGE_MARGIN, 4, PAGE_MARGIN, 0)
        layout.setSpacing(12)
        self.title = PlainLabel(title, role="title")
        layout.addWidget(self.title)
        self._start = QHBoxLayout()
        self._start.setSpacing(12)
        layout.addLayout(self._start)
        layout.addStretch(1)
        self._end = QHBoxLayout()
        self._end.setSpacing(12)
        layout.addLayout(self._end)

    def add_start(self, widget: QWidget, stretch: int = 0) -> None:
        """Put a widget right after the title."""
        self._start.addWidget(widget, stretch, Qt.AlignmentFlag.AlignVCenter)

    def add_end(self, widget: QWidget) -> None:
        """Put a widget at the far end."""
        self._end.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)


class PageFooter(QFrame):
    """A bar at the foot of a page: what is here at the start, what to do about it at the end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("PageFooter")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(48)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(PAGE_MARGIN, 8, PAGE_MARGIN, 8)
        self._layout.setSpacing(12)
        self.status = PlainLabel(role="small")
        self._layout.addWidget(self.status)
        self._layout.addStretch(1)

    def set_status(self, text: str) -> None:
        """Say what is here."""
        self.status.set_text(text)

    def add_end(self, widget: QWidget) -> None:
        """Put a widget at the far end."""
        self._layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)


def page_body(parent: QWidget | None = None) -> tuple[QWidget, QVBoxLayout]:
    """A content area with the page's margins; put it into a `Drawer` or straight into the page."""
    body = QWidget(parent)
    layout = QVBoxLayout(body)
    layout.setContentsMargins(PAGE_MARGIN, 0, PAGE_MARGIN, 12)
    layout.setSpacing(10)
    return body, layout
