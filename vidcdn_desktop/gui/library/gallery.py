"""The gallery of the Library: a table used as a grid, which stays quick where an icon list takes seconds.

Tiles are rows of the `ListingModel`, so the gallery has no selection of its own: it reads and writes the model's.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from vidcdn_desktop.courtesy import painting
from vidcdn_desktop.gui.library.posters import PictureMemory
from vidcdn_desktop.gui.library.tile import CAPTION, GAP, TileDelegate, tile_text
from vidcdn_desktop.gui.library.typeahead import TypeAhead
from vidcdn_desktop.gui.models.listing import ListingModel

Index = QModelIndex | QPersistentModelIndex

_NO_TEXT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
_WIDTH = 200
"""A tile's picture is at least about so wide."""


class GridModel(QAbstractTableModel):
    """The rows of a listing, several to a line. Holds nothing itself."""

    def __init__(self, rows: ListingModel) -> None:
        super().__init__(rows)
        self._rows = rows
        self._columns = 1
        self._lines = 0
        rows.modelReset.connect(self._on_changed)
        rows.rowsInserted.connect(self._on_changed)

    def set_columns(self, columns: int) -> None:
        """Another width of the view."""
        if columns != self._columns:
            self.beginResetModel()
            self._columns = columns
            self._lines = self._wanted()
            self.endResetModel()

    def _wanted(self) -> int:
        return -(-self._rows.rowCount() // self._columns)

    @Slot()
    def _on_changed(self) -> None:
        wanted = self._wanted()
        if wanted > self._lines:
            self.beginInsertRows(QModelIndex(), self._lines, wanted - 1)
            self._lines = wanted
            self.endInsertRows()
        elif wanted < self._lines:
            self.beginRemoveRows(QModelIndex(), wanted, self._lines - 1)
            self._lines = wanted
            self.endRemoveRows()

    def number(self, index: Index) -> int:
        """The row of the listing a tile stands for; -1: none."""
        number = index.row() * self._columns + index.column()
        return number if index.isValid() and number < self._rows.rowCount() else -1

    def tile(self, number: int) -> QModelIndex:
        """The tile of a row of the listing."""
        return self.index(number // self._columns, number % self._columns)

    @property
    def columns(self) -> int:
        """Tiles in a line."""
        return self._columns

    def rowCount(self, parent: Index | None = None) -> int:
        """Lines of tiles."""
        return 0 if parent is not None and parent.isValid() else self._lines

    def columnCount(self, parent: Index | None = None) -> int:
        """Tiles in a line."""
        return 0 if parent is not None and parent.isValid() else self._columns

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """For assistive tools; tiles are painted from the listing. Never raises."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        number = self.number(index)
        return tile_text(self._rows, number) if number >= 0 else None


class GalleryView(QTableView):
    """Pictures with names. Keys and mouse select as in any list."""

    opened = Signal(object)
    """int: the row of the listing that was double-clicked."""
    tiles_changed = Signal()
    """The size of the pictures has changed."""

    def __init__(self, model: ListingModel, pictures: PictureMemory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Gallery")
        self._rows = model
        self.grid = GridModel(model)
        self.setModel(self.grid)
        self.setItemDelegate(TileDelegate(model, self.grid, pictures, self))
        self.setAccessibleName("Objects")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(1)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._anchor = 0
        self._typed = TypeAhead(model, self)
        model.selection.selectionChanged.connect(self._on_selection)
        model.selection.currentChanged.connect(self._on_current)

    # Size
    def picture_size(self) -> QSize:
        """Width and height of a tile's picture."""
        width = max(80, self.horizontalHeader().defaultSectionSize() - GAP)
        return QSize(width, round(width * 9 / 16))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many tiles in a line as there is room for."""
        super().resizeEvent(event)
        room = self.viewport().width()
        columns = max(1, (room + GAP) // (_WIDTH + GAP))
        cell = room // columns
        before = self.picture_size()
        self.horizontalHeader().setDefaultSectionSize(cell)
        self.verticalHeader().setDefaultSectionSize(self.picture_size().height() + CAPTION + GAP)
        self.grid.set_columns(columns)
        self.verticalScrollBar().setSingleStep(40)
        if self.picture_size() != before:
            self.tiles_changed.emit()

    def visible_rows(self) -> range:
        """Rows of the listing on screen."""
        first = self.rowAt(0)
        if first < 0:
            return range(0)
        last = self.rowAt(self.viewport().height() - 1)
        lines = self.grid.rowCount() if last < 0 else last + 1
        columns = self.grid.columns
        return range(first * columns, min(lines * columns, self._rows.rowCount()))

    def show_row(self, number: int) -> None:
        """Scroll to the tile of a row."""
        self.scrollTo(self.grid.tile(number))

    def tile_rect(self, number: int) -> QRect:
        """Where the tile of a row is."""
        return self.visualRect(self.grid.tile(number))

    def fit(self) -> None:
        """A gallery fills the page."""

    # Selection, which is the model's
    @Slot()
    def _on_selection(self) -> None:
        self.viewport().update()

    @Slot(QModelIndex)
    def _on_current(self, current: QModelIndex) -> None:
        self.viewport().update()
        if self.isVisible() and current.isValid():
            self.show_row(current.row())

    def _current(self) -> int:
        index = self._rows.selection.currentIndex()
        return index.row() if index.isValid() else -1

    def _choose(self, number: int, modifiers: Qt.KeyboardModifier, *, by_key: bool = False) -> None:
        flags = QItemSelectionModel.SelectionFlag
        selection = self._rows.selection
        index = self._rows.index(number, 0)
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            anchor = min(self._anchor, self._rows.rowCount() - 1)
            self._rows.select_ranges([(min(anchor, number), max(anchor, number))])
            selection.setCurrentIndex(index, flags.NoUpdate)
            return
        self._anchor = number
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            selection.setCurrentIndex(index, flags.NoUpdate if by_key else flags.Toggle | flags.Rows)
            return
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose; beside the tiles: choose nothing. The right button leaves what is chosen."""
        number = self.grid.number(self.indexAt(event.position().toPoint()))
        if number < 0:
            if event.button() is Qt.MouseButton.LeftButton and not event.modifiers():
                self._rows.select_ranges([])
            return
        chosen = self._rows.selection.isSelected(self._rows.index(number, 0))
        if event.button() is Qt.MouseButton.LeftButton or not chosen:
            self._choose(number, event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Nothing is dragged here."""
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open."""
        number = self.grid.number(self.indexAt(event.position().toPoint()))
        if number >= 0:
            self.opened.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go from tile to tile; Shift selects on the way, Ctrl does not select."""
        target = self._target(event.key())
        if target is not None:
            if self._rows.rowCount():
                self._choose(target, event.modifiers(), by_key=True)
            event.accept()
        elif event.key() == Qt.Key.Key_Space and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if self._current() >= 0:
                self._choose(self._current(), Qt.KeyboardModifier.ControlModifier)
        elif (
            event.text() and event.text().isprintable() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self._typed.type(event.text(), self._current())
        else:
            event.ignore()

    def _target(self, key: int) -> int | None:
        count, columns, at = self._rows.rowCount(), self.grid.columns, self._current()
        lines = max(1, self.viewport().height() // max(1, self.verticalHeader().defaultSectionSize()))
        forward = -1 if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else 1
        steps = {
            Qt.Key.Key_Right: forward,
            Qt.Key.Key_Left: -forward,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_PageDown: lines * columns,
            Qt.Key.Key_PageUp: -lines * columns,
            Qt.Key.Key_Home: -count,
            Qt.Key.Key_End: count,
        }
        step = next((by for wanted, by in steps.items() if wanted.value == key), None)
        if step is None:
            return None
        if at < 0:
            return 0 if step > 0 or key == Qt.Key.Key_Home else max(0, count - 1)
        inside = 0 <= at + step < count
        return at + step if inside or abs(step) not in (1, columns) else at if abs(step) == 1 else self._edge(at, step)

    def _edge(self, at: int, step: int) -> int:
        """Down from the last line but one, where there is nothing straight below."""
        last = self._rows.rowCount() - 1
        return last if step > 0 and at // self.grid.columns < last // self.grid.columns else at

    def selectAll(self) -> None:
        """In one range."""
        self._rows.select_ranges([(0, self._rows.rowCount() - 1)] if self._rows.rowCount() else [])

    def keyboardSearch(self, _text: str) -> None:
        """Done by `keyPressEvent`, for tiles are not what Qt searches."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        if self._current() < 0 and self._rows.rowCount():
            flags = QItemSelectionModel.SelectionFlag
            self._rows.selection.setCurrentIndex(self._rows.index(0, 0), flags.NoUpdate)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The tiles."""
        with painting():
            super().paintEvent(event)
