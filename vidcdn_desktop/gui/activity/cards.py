"""The column of jobs: cards for those one can see, and a few more while one scrolls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.gui.activity.card import JobCard
from vidcdn_desktop.gui.activity.entry import Entry
from vidcdn_desktop.gui.widgets import Button, ScrollColumn
from vidcdn_desktop.textsafe import plural

_AT_ONCE = 20
"""Cards made at first: more than a page full."""
_MORE = 10
"""Cards made with every step further down; each takes about 3 ms."""
_GAP = 8
_NEAR_END = 400
"""How near to the end, in pixels, more are made."""


class EntryCards(ScrollColumn):
    """Shows entries in the order given; a card is made when it is nearly in sight."""

    wish = Signal(object)
    """(str verb, str job id)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, spacing=_GAP)
        self._batches: list[QWidget] = []
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
            card.hide()
            card.deleteLater()
            holder = card.parentWidget()
            layout = holder.layout() if holder is not None else None
            if layout is not None:
                layout.removeWidget(card)
        for place, entry in enumerate(shown):
            card = self._card_for(entry)
            column = self._batch(place // _AT_ONCE)
            item = column.itemAt(place % _AT_ONCE)
            if item is None or item.widget() is not card:
                column.insertWidget(place % _AT_ONCE, card)
                card.show()
        for number, batch in enumerate(self._batches):
            batch.setVisible(number * _AT_ONCE < len(shown))
        left = len(self._entries) - len(shown)
        self._more.setVisible(left > 0)
        self._more.set_text(f"Show {plural(min(left, _MORE), 'more job', 'more jobs')}")

    def _batch(self, number: int) -> QVBoxLayout:
        """The column of one page full. In pages, so that more cards below cost no new layout of those above."""
        while len(self._batches) <= number:
            batch = QWidget()
            column = QVBoxLayout(batch)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(_GAP)
            self.column.insertWidget(len(self._batches), batch)
            self._batches.append(batch)
        layout = self._batches[number].layout()
        assert isinstance(layout, QVBoxLayout)
        return layout

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
        self._room += _MORE
        self._fill()
        if last is not None and not self._more.isVisible():
            last.fold.setFocus()  # the button that had the focus is gone

    @Slot(int)
    def _on_scrolled(self, value: int) -> None:
        bar = self.verticalScrollBar()
        if value > bar.maximum() - _NEAR_END and self._room < len(self._entries):
            self._room += _MORE
            self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A high window may show more than was made."""
        super().resizeEvent(event)
        self._on_scrolled(self.verticalScrollBar().value())
