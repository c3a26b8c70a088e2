"""What stays when a folder is listed once more: the chosen rows, the place one looks at, and a row that was asked for.

The Library lists anew whenever something was published, moved or repaired. Whoever is at work in it must not notice.
"""

from __future__ import annotations

from collections.abc import Sequence

from vidcdn_desktop.gui.library.views import Views
from vidcdn_desktop.gui.models.listing import ListingModel

_MOST_CHOSEN = 1_000
_MOST_ROWS = 100_000
"""Rows are looked up by key one by one; beyond this only the row with the focus is found again."""


class Kept:
    """GUI thread.

    Args:
        model: The rows.
        stack: Where they are shown.
    """

    def __init__(self, model: ListingModel, stack: Views) -> None:
        self._model = model
        self._stack = stack
        self._wanted = ""
        self._chosen: list[str] = []
        self._scrolled = 0

    def forget(self) -> None:
        """Another place is listed."""
        self._wanted, self._chosen, self._scrolled = "", [], 0

    def want(self, key: str) -> None:
        """Choose this row as soon as it is there."""
        self.forget()
        self._wanted = key

    def remember(self) -> None:
        """The same place is listed again: call it before the rows go. What is still waited for stays so."""
        model, stack = self._model, self._stack
        ranges = model.ranges()
        count = sum(last - first + 1 for first, last in ranges)
        if not count and (self._wanted or self._chosen):
            return
        if count > _MOST_CHOSEN or model.rowCount() > _MOST_ROWS:
            current = model.selection.currentIndex()
            ranges = [(current.row(), current.row())] if count and current.isValid() else []
        self._chosen = [model.store.key(row_id) for row_id in model.ids(ranges)]
        self._scrolled = stack.active.verticalScrollBar().value()

    def restore(self, complete: bool) -> bool:
        """Choose what is there by now, once; False if a row that was asked for is not in the bucket any more.

        Args:
            complete: Whether all is listed.
        """
        if self._wanted:
            return self._find_wanted(complete)
        if complete and not self._model.is_arranging:
            chosen, scrolled = self._chosen, self._scrolled
            self.forget()
            view = self._stack.active
            untouched = not view.verticalScrollBar().value()
            if chosen and not self._model.selection.hasSelection():  # the user was quicker, and has chosen another
                self._model.select_ranges(self._ranges_of(chosen))
            if scrolled and untouched and self._model.rowCount():
                view.show_row(0)  # lays the rows out first: the bar knows no place that it cannot reach
                view.verticalScrollBar().setValue(scrolled)
        return True

    def _find_wanted(self, complete: bool) -> bool:
        row_id = self._model.store.find(self._wanted)
        place = self._model.place_of(row_id) if row_id is not None else None
        if place is not None:
            self.forget()
            self._model.select_ranges([(place, place)])
            self._stack.active.show_row(place)
            self._stack.active.setFocus()
        elif complete and row_id is None:
            self.forget()
            return False
        return True

    def _ranges_of(self, keys: Sequence[str]) -> list[tuple[int, int]]:
        """Where these keys stand now; those that are gone or not shown are left out."""
        ids = {row_id for row_id in map(self._model.store.find, keys) if row_id is not None}
        if not ids:
            return []
        ranges: list[tuple[int, int]] = []
        for place, row_id in enumerate(self._model.shown_ids()):
            if row_id not in ids:
                continue
            if ranges and ranges[-1][1] == place - 1:
                ranges[-1] = (ranges[-1][0], place)
            else:
                ranges.append((place, place))
        return ranges
