"""The column of jobs: cards for those one can see, and a few more while one scrolls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.activity.card import JobCard
from vidcdn_desktop.gui.activity.entry import Entry
from vidcdn_desktop.gui.widgets import Button, ScrollColumn
from vidcdn_desktop.textsafe import plural

_AT_ONCE = 20
"""Cards made at a time: a page full, and one more."""
_NEAR_END = 400
"""How near to the end, in pixels, more are made."""


class EntryCards(ScrollColumn):
    """Shows entries in the order given; a card is made when it is nearly in sight."""

    wish = Signal(object)
    """(str verb, str job id)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, spacing=8)
        self.cards: dict[str, JobCard] = {}
        """The cards there are, by job id."""
        self._entries: list[Entry] = []
        self._room = _AT_ONCE
        self._more = Button("Show more")
        self._more.clicked.connect(self._on_more)
        self._more.hide()
        self.column.addWidget(self._more)
        self.column.addStretch(1)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    def set_entries(self, entries: Sequence[Entry], *, from_top: bool = False) -> None:
        """Show these. `from_top`: another choice, so begin at the first again."""
        self._entries = list(entries)
        if from_top:
            self._room = _AT_ONCE
            self.verticalScrollBar().setValue(0)
        self._fill()

    def update_entry(self, entry: Entry) -> None:
        """Bring one card up to date, if there is one."""
        card = self.cards.get(entry.id)
        if card is not None:
            card.show_entry(entry)

    def _fill(self) -> None:
        shown = self._entries[: self._room]
        wanted = {entry.id for entry in shown}
        for job_id in [job_id for job_id in self.cards if job_id not in wanted]:
            card = self.cards.pop(job_id)
            self.column.removeWidget(card)
            card.hide()
            card.deleteLater()
        for place, entry in enumerate(shown):
            card = self._card_for(entry)
            item = self.column.itemAt(place)
            if item is None or item.widget() is not card:
                self.column.removeWidget(card)
                self.column.insertWidget(place, card)
                card.show()
        left = len(self._entries) - len(shown)
        self._more.setVisible(left > 0)
        self._more.set_text(f"Show {plural(min(left, _AT_ONCE), 'more job', 'more jobs')}")

    def _card_for(self, entry: Entry) -> JobCard:
        card = self.cards.get(entry.id)
        if card is None:
            card = self.cards[entry.id] = JobCard(entry)
            card.wish.connect(self.wish)
        else:
            card.show_entry(entry)
        return card

    @Slot()
    def _on_more(self) -> None:
        last = list(self.cards.values())[-1] if self.cards else None
        self._room += _AT_ONCE
        self._fill()
        if last is not None and not self._more.isVisible():
            last.fold.setFocus()  # the button that had the focus is gone

    @Slot(int)
    def _on_scrolled(self, value: int) -> None:
        bar = self.verticalScrollBar()
        if value > bar.maximum() - _NEAR_END and self._room < len(self._entries):
            self._room += _AT_ONCE
            self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A high window may show more than was made."""
        super().resizeEvent(event)
        self._on_scrolled(self.verticalScrollBar().value())
