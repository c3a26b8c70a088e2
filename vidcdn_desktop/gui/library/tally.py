"""Counts: what is selected, also "all that match" while it is still being listed; and the words at the foot."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.lister import Lister
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.library.selection import Selected, count_selected, counted
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.textsafe import format_elapsed

_AT_ONCE = 5_000
"""Rows that are counted while one waits."""


class Tally(QObject):
    """GUI thread."""

    changed = Signal(object)
    """Selected."""

    def __init__(self, model: ListingModel, lister: Lister, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._lister = lister
        self._all = False
        self._choosing = False
        self._ranges: list[tuple[int, int]] | None = None
        self._store = model.store
        self._token = CancelToken()
        model.selection.selectionChanged.connect(self._on_selection)
        model.modelReset.connect(self._on_rows)
        model.rowsInserted.connect(self._on_rows)
        lister.ended.connect(self._on_ended)

    def select_all(self) -> None:
        """All rows shown; and, as long as the listing goes on, all that will be."""
        self._all = True
        self._select_shown()

    def forget(self) -> None:
        """What comes from now on is not selected any more."""
        self._all = False

    def _select_shown(self) -> None:
        count = self._model.rowCount()
        self._choosing = True
        self._model.select_ranges([(0, count - 1)] if count else [])
        self._choosing = False
        self._ranges = None
        self.count()

    @Slot()
    def _on_rows(self) -> None:
        if self._all and not self._model.is_arranging:
            self._select_shown()
        else:
            self._ranges = None
            self.count()

    @Slot()
    def _on_selection(self) -> None:
        if self._choosing:
            return
        if self._all and self._model.ranges() != [(0, self._model.rowCount() - 1)]:
            self._all = False  # the user chose something else
        self._ranges = None
        self.count()

    @Slot()
    def _on_ended(self) -> None:
        self._ranges = None
        self.count()

    def count(self) -> None:
        """Tell what is selected, unless that was told already."""
        ranges = self._model.ranges()
        if ranges == self._ranges and self._store is self._model.store:
            return
        self._ranges, self._store = ranges, self._model.store
        growing = self._all and self._lister.is_running
        self._token.cancel()
        total = sum(last - first + 1 for first, last in ranges)
        store = self._model.store
        if total <= _AT_ONCE:
            self.changed.emit(count_selected(store, self._model.ids(ranges), growing=growing))
            return
        # The number at once, its size when it is added up; until then nothing is done with it.
        self.changed.emit(Selected(total, is_growing=growing))
        token = self._token = CancelToken()
        ids = self._model.ids(ranges)
        run_in_background(
            self,
            lambda: (token, count_selected(store, ids, growing=growing, token=token)),
            self._on_counted,
            token=token,
        )

    @Slot(object)
    def _on_counted(self, told: tuple[CancelToken, Selected]) -> None:
        if told[0] is self._token:
            self.changed.emit(told[1])

    def words(self, place: Place, complete: bool) -> str:
        """What is listed, for the foot; while it grows, how far it is."""
        store, lister = self._model.store, self._lister
        filtered = not self._model.query.is_empty and not self._model.is_arranging
        text = counted(store, self._model.rowCount() if filtered else len(store))
        if place.needle:
            words = replace(lister.progress, found=len(store)).words()
            return f"{words}…" if lister.is_running else words + ("" if complete else ", stopped")
        if lister.is_running:
            return f"{text} so far…" if len(store) else ""
        if not complete:
            return f"{text}, stopped before the end" if len(store) else ""
        return f"{text} · listed in {format_elapsed(lister.elapsed_s)}" if lister.elapsed_s >= 1 else text
