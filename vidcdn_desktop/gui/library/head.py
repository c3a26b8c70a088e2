"""The head of the Library: the way back and up, the address, the search, and how the rows are shown."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.library.crumbs import AddressBar
from vidcdn_desktop.gui.library.places import History
from vidcdn_desktop.gui.widgets import (
    Button,
    IconButton,
    PageHeader,
    SearchEdit,
    SegmentedControl,
    plain_tooltip,
    set_property,
)
from vidcdn_desktop.gui.widgets.page import PAGE_MARGIN

_SPACING = 12
_VIEWS = [
    ("gallery", "Gallery", "library"),
    ("list", "List", "list"),
    ("health", "Health", "health"),
    ("usage", "Usage", "usage"),
]
_ROOMY = 1000
"""Below this width the choices of the view are icons only."""
_SEARCH_TIP = "Letters of names, and filters: kind:video size:>100MB age:<30d starts:slowly. Enter searches the bucket."
_NARROW = 830
"""Below this width the buttons for the way back and for a fresh list go: their keys and the crumbs are enough."""


class LibraryHead(QWidget):
    """Only the controls; the page connects them."""

    back = Signal()
    forward = Signal()
    up = Signal()
    refresh = Signal()

    def __init__(self, view: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.header = PageHeader("Library")
        self._more: list[QWidget] = []
        column.addWidget(self.header)
        self._way = QWidget()
        row = QHBoxLayout(self._way)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.back_button = IconButton("chevron-left", "Back", flat=True)
        self.forward_button = IconButton("chevron-right", "Forward", flat=True)
        self.up_button = IconButton("arrow-up", "Up one folder", flat=True)
        for button, signal in (
            (self.back_button, self.back),
            (self.forward_button, self.forward),
            (self.up_button, self.up),
        ):
            button.setIconSize(QSize(16, 16))
            button.clicked.connect(signal)
            row.addWidget(button)
        self.header.add_start(self._way)
        self.address = AddressBar()
        self.header.add_start(self.address)
        self.search = SearchEdit("Search this folder", "Search in what is listed")
        self.search.setToolTip(plain_tooltip(_SEARCH_TIP))
        set_property(self.search, "onsurface", True)
        self.search.setFixedWidth(190)
        self.header.add_end(self.search)
        self.filter_button = Button("Filter", icon_name="filter")
        self.header.add_end(self.filter_button)
        self.refresh_button = IconButton("refresh", "Refresh the list")
        self.refresh_button.clicked.connect(self.refresh)
        self.header.add_end(self.refresh_button)
        self.view = SegmentedControl(_VIEWS, "View")
        self.view.set_value(view)
        self.header.add_end(self.view)

    def add_end(self, button: QWidget) -> None:
        """Put one more button at the far end; it may come and go."""
        self._more.append(button)
        self.header.add_end(button)

    def show_way(self, history: History) -> None:
        """What of back, forward and up there is."""
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        self.back_button.set_icon("chevron-right" if mirrored else "chevron-left", "Back")
        self.forward_button.set_icon("chevron-left" if mirrored else "chevron-right", "Forward")
        self.back_button.setEnabled(history.can_back)
        self.forward_button.setEnabled(history.can_forward)
        self.up_button.setEnabled(bool(history.place.prefix or history.place.needle))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window keeps the room for the address."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Share the width among what is there."""
        wide = self.width() >= _NARROW
        self.view.set_compact(self.width() < _ROOMY)
        self.view.setMinimumWidth(self.view.sizeHint().width())
        self._way.setVisible(wide)
        self.refresh_button.setVisible(wide)
        self.search.setFixedWidth(190 if wide else 160)
        self.filter_button.setText("Filter" if wide else "")
        fixed: list[QWidget] = [self.header.title, self.search, self.filter_button, self.view]
        fixed += [button for button in self._more if not button.isHidden()]
        if wide:
            fixed += [self._way, self.refresh_button]
        taken = sum(widget.sizeHint().width() if widget is not self.search else widget.width() for widget in fixed)
        self.address.set_room(self.width() - taken - 2 * PAGE_MARGIN - _SPACING * (len(fixed) + 1))
