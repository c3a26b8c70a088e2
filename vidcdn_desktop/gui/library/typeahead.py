"""Type-ahead in the Library: the next name that begins with what is typed, also among a million."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QItemSelectionModel, QObject, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import MASK, SHIFT, RowStore

_PAUSE_MS = 1000
"""Who waits longer begins a new word."""


@dataclass(frozen=True)
class _Found:
    token: CancelToken
    """Of the search: one that was given up may still answer."""
    row_id: int


class TypeAhead(QObject):
    """Collects the letters and looks for the row; a view hands over what is typed."""

    def __init__(self, model: ListingModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._typed = ""
        self._since = QElapsedTimer()
        self._token = CancelToken()

    def type(self, text: str, current: int) -> None:
        """More letters were typed while row `current` is the current one; the same letter again goes on to the next."""
        fresh = not self._since.isValid() or self._since.elapsed() > _PAUSE_MS
        self._since.restart()
        again = not fresh and set(self._typed) == {text}
        self._typed = text if fresh else self._typed + text
        wanted = text if again else self._typed
        start = current + 1 if (fresh or again) and current >= 0 else max(0, current)
        self._token.cancel()
        token = self._token = CancelToken()
        ids, store = self._model.shown_ids(), self._model.store
        run_in_background(self, lambda: _find(store, ids, start, wanted.casefold(), token), self._on_found, token=token)

    @Slot(object)
    def _on_found(self, found: _Found | None) -> None:
        if found is None or found.token is not self._token:
            return
        place = self._model.place_of(found.row_id)
        if place is None:
            return
        flags = QItemSelectionModel.SelectionFlag
        self._model.selection.setCurrentIndex(self._model.index(place, 0), flags.ClearAndSelect | flags.Rows)


def _find(store: RowStore, ids: array[int], start: int, wanted: str, token: CancelToken) -> _Found | None:
    """From `start` to the end, then from the beginning."""
    for part in (range(start, len(ids)), range(min(start, len(ids)))):
        for number in part:
            if not number & 0xFFF:
                token.raise_if_cancelled()
            row_id = ids[number]
            name = store.blocks[row_id >> SHIFT].name(row_id & MASK)
            if name[: len(wanted)].casefold().startswith(wanted):
                return _Found(token, row_id)
    return None
