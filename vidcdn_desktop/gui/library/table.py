"""The list of the Library: one row an object, as high as its rows, the most room for the names."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QAction, QColor, QFocusEvent, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from vidcdn_desktop.courtesy import painting
from vidcdn_desktop.gui.fonts import ui_font
from vidcdn_desktop.gui.library.columns import ColumnMemory, widths_for
from vidcdn_desktop.gui.library.typeahead import TypeAhead
from vidcdn_desktop.gui.models import celltext
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.direction import embedded

_ROW_HEIGHT = 30
_MOST_FITTED = 100
"""Rows up to which the table is made as high as they are; above it always fills the page."""
_MOST_FITTED_TEXTS = 4_000
_PAD = 10
_TINTS = ("selection", "border", "accent", "text", "muted", "success", "warning")


class RowDelegate(QStyledItemDelegate):
    """Paints a cell itself: Qt would ask the model seven times for each. What was fitted once is kept for a while."""

    def __init__(self, model: ListingModel, view: QTableView) -> None:
        super().__init__(view)
        self._model = model
        self._view = view
        self._font = ui_font()
        self._metrics = QFontMetrics(self._font)
        self._colors: dict[str, QColor] = {}
        self._mirrored = False
        self._current = -1
        self._fitted: dict[tuple[str, int], str] = {}
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute
        self._flags = (int(left) | int(Qt.TextFlag.TextSingleLine), int(right) | int(Qt.TextFlag.TextSingleLine))

    def begin(self) -> None:
        """Look up once a repaint what is the same for all its cells."""
        self._colors = {name: color(name) for name in _TINTS}
        self._mirrored = self._view.layoutDirection() is Qt.LayoutDirection.RightToLeft
        self._current = self._view.currentIndex().row() if self._view.hasFocus() else -1
        if len(self._fitted) > _MOST_FITTED_TEXTS:
            self._fitted.clear()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Ground, line, text; the row the keyboard is on has an outline."""
        number, column = index.row(), index.column()
        if number >= self._model.rowCount():
            return
        rect: QRect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._colors["selection"])
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, self._colors["border"])
        text, tint = self._words(number, column)
        if text:
            box = rect.adjusted(_PAD, 0, -_PAD, -1)
            painter.setFont(self._font)
            painter.setPen(self._colors[tint])
            at_right = (column == Column.SIZE) is not self._mirrored
            painter.drawText(box, self._flags[at_right], self._fit(text, box, column))
        if number == self._current:
            painter.fillRect(rect.left(), rect.top(), rect.width(), 1, self._colors["accent"])
            painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, self._colors["accent"])

    def _fit(self, text: str, box: QRect, column: int) -> str:
        key = (text, box.width())
        shown = self._fitted.get(key)
        if shown is None:
            mode = Qt.TextElideMode.ElideMiddle if column == Column.NAME else Qt.TextElideMode.ElideRight
            shown = self._fitted[key] = self._metrics.elidedText(text, mode, box.width())
        return embedded(shown, Qt.LayoutDirection.RightToLeft) if self._mirrored else shown

    def _words(self, number: int, column: int) -> tuple[str, str]:
        if column == Column.STREAMING:
            looked, facts = self._model.facts_of(number)
            return celltext.streaming(facts) if looked else ("", "muted")
        text = self._model.text(number, column)
        return text, "text" if column == Column.NAME or text != "none" else "muted"


class ObjectTable(QTableView):
    """Shows a `ListingModel`; its selection is the model's."""

    sorted_by = Signal(object)
    """(column, Qt.SortOrder): the user clicked a header."""
    columns_changed = Signal()
    """The user showed, hid or widened columns."""

    def __init__(self, model: ListingModel, memory: ColumnMemory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._memory = memory
        self.setModel(model)
        own = self.selectionModel()
        self.setSelectionModel(model.selection)
        own.deleteLater()
        self._delegate = RowDelegate(model, self)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName("Objects")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSortingEnabled(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._typed = TypeAhead(model, self)
        model.rowsInserted.connect(self._on_inserted)
        self._dress_headers()

    def _dress_headers(self) -> None:
        for header in (self.horizontalHeader(), self.verticalHeader()):
            # Else each repaint asks for every row of the selection whether all of it is selected: seconds.
            none = QItemSelectionModel(self._model, header)
            header.setSelectionModel(none)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setMinimumSectionSize(56)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        header.sectionClicked.connect(self._on_header)
        header.sectionResized.connect(self._on_resized)
        self._laying_out = False
        self._lay_out()

    # Columns
    def _lay_out(self) -> None:
        self._laying_out = True
        for column, width in widths_for(self.width(), self._memory).items():
            self.setColumnHidden(column, width == 0)
            if width and column != Column.NAME:
                self.setColumnWidth(column, width)
        self._laying_out = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow table leaves the room to the names."""
        super().resizeEvent(event)
        self._lay_out()

    @Slot(int, int, int)
    def _on_resized(self, column: int, _old: int, new: int) -> None:
        if not self._laying_out and column != Column.NAME and new:
            self._memory.widths[column] = new
            self.columns_changed.emit()

    @Slot(QPoint)
    def _on_header_menu(self, place: QPoint) -> None:
        self.column_menu().popup(self.horizontalHeader().mapToGlobal(place))

    def column_menu(self) -> QMenu:
        """Which columns are shown; it goes when it is closed."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName("Columns")
        for column, title in celltext.TITLES.items():
            if column is Column.NAME:
                continue
            action = QAction(title, menu)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(column))
            action.setData(int(column))
            action.triggered.connect(self._on_column)
            menu.addAction(action)
        return menu

    @Slot(bool)
    def _on_column(self, shown: bool) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._memory.shown[int(action.data())] = shown
            self._lay_out()
            self.columns_changed.emit()

    @Slot(int)
    def _on_header(self, column: int) -> None:
        header = self.horizontalHeader()
        descending = header.isSortIndicatorShown() and header.sortIndicatorSection() == column
        descending = descending and header.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicatorShown(True)
        header.setSortIndicator(column, order)
        self.sorted_by.emit((column, order))

    # Rows
    def fit(self) -> None:
        """As high as its rows, so that an almost empty folder is no large empty box."""
        # While more is worked out the height stays: each change lays the page out anew.
        count = _MOST_FITTED if self._model.is_arranging else self._model.rowCount()
        rows = min(count, _MOST_FITTED) * _ROW_HEIGHT
        self.setMaximumHeight(self.horizontalHeader().sizeHint().height() + rows + 2 * self.frameWidth() + 1)

    def visible_rows(self) -> range:
        """Rows on screen."""
        first = self.rowAt(0)
        if first < 0:
            return range(0)
        last = self.rowAt(self.viewport().height() - 1)
        return range(first, (last if last >= 0 else self._model.rowCount() - 1) + 1)

    def show_row(self, number: int) -> None:
        """Scroll to a row."""
        self.scrollTo(self._model.index(number, 0))

    @Slot(QModelIndex, int, int)
    def _on_inserted(self, _parent: QModelIndex, first: int, last: int) -> None:
        """What comes in above what one looks at moves nothing on screen."""
        bar = self.verticalScrollBar()
        if bar.value() > first:
            bar.setMaximum(bar.maximum() + last - first + 1)
            bar.setValue(bar.value() + last - first + 1)

    def selectAll(self) -> None:
        """In one range: a million rows in a moment."""
        self._model.select_ranges([(0, self._model.rowCount() - 1)] if self._model.rowCount() else [])

    def keyboardSearch(self, text: str) -> None:
        """Go to the next name that begins with what is typed; looked for off the GUI thread."""
        self._typed.type(text, self.currentIndex().row())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows."""
        self._delegate.begin()
        with painting():
            super().paintEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """And no more."""
        super().focusOutEvent(event)
        self.viewport().update()
