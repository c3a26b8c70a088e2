"""The rows of the Library as Qt sees them: what `ArrangedRows` shows, in cells, and what is known of rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from vidcdn_desktop.gui.models import celltext
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.arranged import ArrangedRows
from vidcdn_desktop.gui.models.rows import SHIFT, Row
from vidcdn_desktop.gui.widgets.style import plain_tooltip
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.textsafe import display

Index = QModelIndex | QPersistentModelIndex

_MOST_FACTS = 20_000
_MOST_ROWS = 512
_MOST_TEXTS = 4_000


class ListingModel(ArrangedRows):
    """A table of what is listed. GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._facts: dict[int, VideoFacts | None] = {}
        self._cache_headers: dict[int, str] = {}
        self._rows: dict[int, Row] = {}
        self._texts: dict[tuple[int, int], str] = {}

    def start(self, prefix: str = "") -> None:
        """Begin a new listing. Filter and order stay."""
        self._facts, self._cache_headers, self._rows, self._texts = {}, {}, {}, {}
        super().start(prefix)

    def _ranks(self) -> dict[int, int]:
        if self._column is Column.STREAMING:
            return {row_id: celltext.rank(facts) for row_id, facts in self._facts.items()}
        if self._column is not Column.CACHE:
            return {}
        texts = sorted(set(self._cache_headers.values()))
        return {row_id: texts.index(text) for row_id, text in self._cache_headers.items()}

    # Rows
    def row(self, number: int) -> Row:
        """A row as shown."""
        row_id = self._index[number]
        row = self._rows.get(row_id)
        if row is None:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            row = self._rows[row_id] = self.store.row(row_id)
        return row

    def row_id(self, number: int) -> int:
        """The id of a row as shown; see `RowStore`."""
        return self._index[number]

    def shown_ids(self) -> array[int]:
        """The ids of everything shown, in order: a copy."""
        return self._index[:]

    def place_of(self, row_id: int) -> int | None:
        """Where a row stands; None if it is not shown."""
        try:
            return self._index.index(row_id)
        except ValueError:
            return None

    def rows(self) -> Iterator[Row]:
        """Everything shown, one by one; for a few."""
        return (self.store.row(row_id) for row_id in self._index[:])

    # What else is known
    def facts_of(self, number: int) -> tuple[bool, VideoFacts | None]:
        """Whether a row was looked at, and what was found."""
        row_id = self._index[number]
        return row_id in self._facts, self._facts.get(row_id)

    def has_facts(self, row_id: int) -> bool:
        """Whether a row was looked at."""
        return row_id in self._facts

    def has_cache_header(self, row_id: int) -> bool:
        """Whether a row's Cache-Control was asked for."""
        return row_id in self._cache_headers

    def set_facts(self, row_id: int, facts: VideoFacts | None) -> None:
        """Remember what a look told; None: it could not be told. The oldest go when there are many."""
        if len(self._facts) >= _MOST_FACTS:
            for old in list(self._facts)[: _MOST_FACTS // 10]:
                del self._facts[old]
        self._facts[row_id] = facts
        self._verdicts.learn(row_id, len(self.store.blocks[row_id >> SHIFT]), facts)

    def set_cache_header(self, row_id: int, text: str) -> None:
        """Remember what Cache-Control says."""
        if len(self._cache_headers) >= _MOST_FACTS:
            self._cache_headers.clear()
        self._cache_headers[row_id] = text

    def cache_header(self, number: int) -> str | None:
        """What Cache-Control says; None if it was not asked."""
        return self._cache_headers.get(self._index[number])

    def tell_changed(self, first: int, last: int) -> None:
        """What is known of these rows has changed."""
        last = min(last, len(self._index) - 1)
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, self.columnCount() - 1))

    def text(self, number: int, column: int) -> str:
        """What a cell says, safe to show."""
        if column == Column.STREAMING:
            looked, facts = self.facts_of(number)
            return celltext.streaming(facts)[0] if looked else ""
        if column == Column.CACHE:
            header = self.cache_header(number)
            return "" if header is None else display(header, 80) or "none"
        key = (self._index[number], column)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            text = self._texts[key] = celltext.cell(self.row(number), column)
        return text

    # Qt asks
    def rowCount(self, parent: Index | None = None) -> int:
        """Rows shown."""
        return 0 if parent is not None and parent.isValid() else len(self._index)

    def columnCount(self, parent: Index | None = None) -> int:
        """All columns; views hide some."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """Column names."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return celltext.TITLES[Column(section)]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == Column.SIZE else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | None:
        """Text of a cell; sizes stand at the right. Never raises: Qt would print it for every cell and role."""
        if role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.TextAlignmentRole,
        ):
            return None
        number, column = index.row(), index.column()
        if not 0 <= number < len(self._index) or not 0 <= column < len(Column):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column == Column.SIZE else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tool_tip(number, column)
        return self.text(number, column)

    def _tool_tip(self, number: int, column: int) -> str | None:
        if column == Column.NAME:
            return plain_tooltip(display(self.row(number).key, 400))
        if column == Column.STREAMING:
            text = celltext.about(self.facts_of(number)[1])
            return plain_tooltip(text) if text else None
        return None
