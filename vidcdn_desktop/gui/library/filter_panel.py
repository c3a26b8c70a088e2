"""The panel below the Filter button: a field for each thing that can be asked. It knows queries, not where they go."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.library.filter_words import GROUPS, Group, without_filters
from vidcdn_desktop.gui.widgets import Button, ComboBox, PlainLabel
from vidcdn_desktop.jobs.query import Query

_FIELD_WIDTH = 210
_HINT = "Other limits can be typed: size:>250MB age:<10d after:2026-01-31 class:glacier,deep-archive"


class FilterPanel(QFrame):
    """Opens below a button; a click elsewhere or Esc closes it. GUI thread."""

    changed = Signal(object)
    """Query: what is asked now."""
    search_wanted = Signal()
    """The whole bucket, for what is asked."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("FilterPanel")
        self.setAccessibleName("Filter")
        self.setWindowTitle("Filter")
        self._query = Query()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(8)
        self.fields: dict[str, ComboBox] = {}
        for row, group in enumerate(GROUPS):
            field = ComboBox(group.title)
            field.setFixedWidth(_FIELD_WIDTH)
            field.activated.connect(self._on_chosen)
            label = PlainLabel(group.title, role="muted")
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            self.fields[group.title] = field
        column.addLayout(grid)
        self._hint = PlainLabel(_HINT, role="small", wrap=True)
        column.addWidget(self._hint)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.clear = Button("Clear", small=True)
        self.clear.clicked.connect(self._on_clear)
        self.search_all = Button("Search the whole bucket", small=True, icon_name="search")
        self.search_all.clicked.connect(self._on_search)
        buttons.addWidget(self.clear)
        buttons.addStretch(1)
        buttons.addWidget(self.search_all)
        column.addLayout(buttons)
        self.show_query(self._query)

    def show_query(self, query: Query) -> None:
        """Show what is asked, also what was typed and is not among the choices."""
        self._query = query
        for group in GROUPS:
            self._fill(self.fields[group.title], group, group.text(query))
        self.clear.setEnabled(query != without_filters(query))
        self.search_all.setEnabled(not query.is_empty)

    def _fill(self, field: ComboBox, group: Group, typed: str) -> None:
        choices = ["", *group.offered]
        if typed not in choices:
            choices.append(typed)
        if [field.itemData(n) for n in range(field.count())] != choices:
            field.clear()
            for choice in choices:
                field.addItem(group.words(choice) if choice else group.nothing, choice)
        field.setCurrentIndex(choices.index(typed))

    def open_below(self, button: QWidget) -> None:
        """Show it, as far as the screen has room, and take the focus."""
        self.ensurePolished()
        self.adjustSize()
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        corner = button.rect().bottomLeft() if mirrored else button.rect().bottomRight()
        place = button.mapToGlobal(corner) + QPoint(0 if mirrored else 1 - self.width(), 4)
        screen = QGuiApplication.screenAt(button.mapToGlobal(button.rect().center()))
        if screen is not None:
            room = screen.availableGeometry()
            place.setX(max(room.left(), min(place.x(), room.right() - self.width())))
            place.setY(max(room.top(), min(place.y(), room.bottom() - self.height())))
        self.move(place)
        self.show()
        self.fields[GROUPS[0].title].setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot()
    def _on_chosen(self) -> None:
        query = self._query
        for group in GROUPS:
            query = group.chosen(query, str(self.fields[group.title].currentData() or ""))
        self._tell(query)

    @Slot()
    def _on_clear(self) -> None:
        self._tell(without_filters(self._query))

    def _tell(self, query: Query) -> None:
        if query != self._query:
            self.show_query(query)
            self.changed.emit(query)

    @Slot()
    def _on_search(self) -> None:
        self.close()
        self.search_wanted.emit()
