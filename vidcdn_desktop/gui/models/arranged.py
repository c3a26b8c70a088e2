"""The rows of the Library arranged: an index into a `RowStore`, made on another thread where there are many.

    blocks ──> by key, at once ────────────────> index     the store's order, with or without a filter
           └─> late ──> arranged again ────────> index     any other order, no oftener than it costs
    filter, sort ──> `arrange` on a thread ────> index     a few thousand rows: at once

No proxy: its sort takes minutes for a million rows. The selection is the model's own, shared by table and gallery.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QObject,
    Qt,
    QTimer,
    Signal,
    Slot,
)

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.models.arrange import Column, Piece, Wish, arrange
from vidcdn_desktop.gui.models.matching import BlockMatcher
from vidcdn_desktop.gui.models.rows import Block, RowStore
from vidcdn_desktop.gui.models.verdicts import Recall, Verdicts
from vidcdn_desktop.gui.streamed import run_streamed
from vidcdn_desktop.jobs.query import IMAGE, Query
from vidcdn_desktop.jobs.query_text import read

_AT_ONCE = 4_000
"""So many rows are arranged while one waits: it takes less than a frame."""
_REST_MS = 400
"""Least pause between two sorts while rows arrive."""


class ArrangedRows(QAbstractTableModel):
    """Which rows are shown, in which order: filtered by what the user typed, sorted by a header; folders in front.

    What stands in the cells is the business of `listing.ListingModel`.
    """

    arranged = Signal()
    """A filter or an order is in force that was not before."""
    selection_lost = Signal()
    """A selection was in too many places to be carried over to another order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = RowStore()
        """Everything listed so far."""
        self._index = array("I")
        self._counts: dict[int, int] = {}
        self._query = Query()
        self.recall: Recall | None = None
        """What was found out of films before; takes effect with the next listing."""
        self._verdicts = Verdicts("", None)
        self.films = 0
        """Where it is asked how films start: those that match everything else."""
        self.not_looked_at = 0
        """Of them those that nobody has looked at."""
        self._column, self._descending = Column.NAME, False
        self._no_posters = False
        self._late: list[int] = []
        self._job: CancelToken | None = None
        self._began = 0.0
        self._whole: array[int] | None = None
        self._sorted_as: tuple[object, ...] = ()
        self._wished_as: tuple[object, ...] = ()
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._on_again)
        self.selection = QItemSelectionModel(self, self)
        """What is selected, in whole rows."""

    # What is listed
    @property
    def query(self) -> Query:
        """The filter in force."""
        return self._query

    @property
    def verdicts(self) -> Verdicts:
        """How the films of this listing start, as far as it is known."""
        return self._verdicts

    def matcher(self, query: Query) -> BlockMatcher:
        """For another thread: what of the rows a query leaves."""
        return BlockMatcher(query, time.time(), no_posters=self._leaves_posters, verdicts=self._verdicts)

    @property
    def _leaves_posters(self) -> bool:
        """Whether pictures beside videos are left out; whoever asks for pictures wants them all."""
        return self._no_posters and IMAGE not in self._query.kinds

    @property
    def is_arranging(self) -> bool:
        """Whether a filter or an order is still being worked out, or rows wait for their place."""
        return self._job is not None or bool(self._late)

    def start(self, prefix: str = "") -> None:
        """Begin a new listing. Filter and order stay."""
        self._stop_job()
        self.beginResetModel()
        self.store = RowStore(prefix)
        self._verdicts = Verdicts(prefix, self.recall)
        self.films = self.not_looked_at = 0
        self._index, self._whole, self._sorted_as = array("I"), None, ()
        self._counts, self._late = {}, []
        self.endResetModel()

    def append(self, blocks: Sequence[Block]) -> None:
        """Take in what the lister brought."""
        numbers = [self.store.add(block) for block in blocks if len(block)]
        if not numbers:
            return
        if self._job is not None or not self._takes_at_once:
            self._late += numbers
            self._soon()
        else:
            self._insert(numbers)

    def flush(self) -> None:
        """Nothing more comes: give the rows that wait their place now."""
        if self._late and self._job is None:
            self._again.stop()
            self._on_again()

    def set_filter(self, text: str) -> None:
        """Show only rows that match what somebody typed, as far as it can be read."""
        self.set_query(read(text).query)

    def set_query(self, query: Query) -> None:
        """Show only rows that match."""
        if query != self._query:
            self._query = query
            self._arrange()

    def hide_posters(self, hidden: bool) -> None:
        """Leave out the pictures that stand beside a video, as the gallery does: there they are on its tile."""
        if hidden is not self._no_posters:
            self._no_posters = hidden
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; below zero, and by ascending names, stands for the store's own order."""
        self._column = Column(max(0, column))
        self._descending = column >= 0 and order is Qt.SortOrder.DescendingOrder
        self._arrange()

    # Arranging
    @property
    def _by_key(self) -> bool:
        return self._column is Column.NAME and not self._descending

    @property
    def _takes_at_once(self) -> bool:
        """Whether a block may go where it belongs at once: not where the disk must be asked about its rows."""
        return self._by_key and not self._query.starts

    def _insert(self, numbers: list[int]) -> None:
        """Put blocks where their keys belong."""
        matcher = self.matcher(self._query)
        for number in sorted(numbers, key=lambda n: len(self.store.before(n))):
            ids = matcher.ids(self.store.blocks[number], number)
            counts = self._counts
            counts[number] = len(ids)
            if not ids:
                continue
            place = sum(counts.get(other, 0) for other in self.store.before(number))
            self.beginInsertRows(QModelIndex(), place, place + len(ids) - 1)
            self._index[place:place] = ids
            self.endInsertRows()

    def look_again(self) -> None:
        """Facts came that the filter asks for: arrange anew, no oftener than it costs."""
        if self._query.starts:
            self._is_stale = True
            self._soon()

    def _soon(self) -> None:
        if not self._again.isActive() and self._job is None:
            took_ms = round(1000 * self._took)
            self._again.start(max(_REST_MS, 3 * took_ms))

    _took = 0.0
    _gathered: array[int] | None = None
    """What the job under way has found, where it is shown in one go."""
    _gathered_counts: dict[int, int]
    _is_stale = False
    """Facts came since the filter was applied."""

    def _stop_job(self) -> None:
        self._again.stop()
        if self._job is not None:
            self._job.cancel()
            self._job = None

    @Slot()
    def _on_again(self) -> None:
        """The same filter and order over more rows or more facts: whoever has scrolled down must not notice."""
        self._arrange(gather=bool(self._index))

    def _arrange(self, *, gather: bool = False) -> None:
        """Work out anew what is shown.

        Args:
            gather: Put nothing on screen before all is known; else the first rows come at once.
        """
        self._stop_job()
        self._late, self._is_stale = [], False
        self._began = time.monotonic()
        ranges = self.ranges()
        wish = Wish(
            tuple(self.store.blocks),
            self.store.order(),
            self._query,
            self._leaves_posters,
            self._column,
            self._descending,
            self._ranks(),
            self._whole if self._sorted_as == self._order_now() else None,
            self._index if ranges else None,
            ranges,
            self._verdicts,
        )
        self._wished_as = self._order_now()
        self._gathered, self._gathered_counts = (array("I") if gather else None), {}
        token = self._job = CancelToken()
        if len(self.store) <= _AT_ONCE and not self._query.starts:
            for piece in arrange(wish, token):
                self._on_piece((token, piece))
            return
        run_streamed(
            self,
            lambda: ((token, piece) for piece in arrange(wish, token)),
            self._on_piece,
            token=token,
        )

    def _order_now(self) -> tuple[object, ...]:
        """What a sorted list depends on; of columns that are found out later it never stays the same."""
        fickle = object() if self._column in (Column.STREAMING, Column.CACHE) else None
        return self._column, self._descending, len(self.store.blocks), id(self.store), fickle

    def _ranks(self) -> dict[int, int]:
        """By id of row, where the list is sorted by what is no part of the listing."""
        return {}

    @Slot(object)
    def _on_piece(self, told: tuple[CancelToken, Piece]) -> None:
        token, piece = told
        if token is not self._job:
            return
        if self._gathered is not None:
            self._gathered += piece.ids
            self._gathered_counts.update(piece.counts)
            if piece.last:
                self._show_gathered(piece, self._gathered)
            return
        if piece.first:
            self.beginResetModel()
            self._index = piece.ids
            self._counts = dict(piece.counts)
            self.endResetModel()
        else:
            self._counts.update(piece.counts)
            if piece.ids:
                place = len(self._index)
                self.beginInsertRows(QModelIndex(), place, place + len(piece.ids) - 1)
                self._index += piece.ids
                self.endInsertRows()
        if piece.last:
            self._end_job(piece)
        if piece.first or piece.last:
            self.arranged.emit()

    def _show_gathered(self, piece: Piece, ids: array[int]) -> None:
        """Nothing on screen moves where rows have only come in behind the others."""
        count = len(self._index)
        self._job, self._counts = None, self._gathered_counts
        stays = ids[:count] == self._index
        if not stays:
            self.beginResetModel()
            self._index = ids
            self.endResetModel()
        elif len(ids) > count:
            self.beginInsertRows(QModelIndex(), count, len(ids) - 1)
            self._index = ids
            self.endInsertRows()
        self._end_job(piece, select=not stays)
        self.arranged.emit()

    def _end_job(self, piece: Piece, *, select: bool = True) -> None:
        self._job = None
        self._took = time.monotonic() - self._began
        self._whole, self._sorted_as = piece.whole, self._wished_as
        self.films, self.not_looked_at = piece.films, piece.not_looked_at
        if select:
            self.select_ranges(piece.selected)
            if piece.lost:
                self.selection_lost.emit()
        late, self._late = self._late, []
        if self._is_stale:
            self._soon()
        if late and self._takes_at_once:
            self._insert(late)
        elif late:
            self._late = late
            self._soon()

    # Selection
    def ranges(self) -> list[tuple[int, int]]:
        """First and last row of each selected range, in order. Never asks Qt for rows one by one."""
        selection = self.selection.selection()
        found = {(selection.at(n).top(), selection.at(n).bottom()) for n in range(selection.count())}
        return sorted(found)

    def select_ranges(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Select these rows and nothing else."""
        chosen = QItemSelection()
        last_column = self.columnCount() - 1
        for first, last in ranges:
            chosen.append(QItemSelectionRange(self.index(first, 0), self.index(last, last_column)))
        flags = QItemSelectionModel.SelectionFlag
        if ranges:
            current = self.index(ranges[0][0], 0)
            self.selection.setCurrentIndex(current, flags.NoUpdate)
        if ranges or self.selection.hasSelection():
            self.selection.select(chosen, flags.ClearAndSelect)

    def ids(self, ranges: Sequence[tuple[int, int]]) -> array[int]:
        """The ids of these rows."""
        found = array("I")
        for first, last in ranges:
            found += self._index[first : last + 1]
        return found
