"""The column of cards: makes them, a few at a time for a large drop, and keeps them in the order of the queue."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.publish.card import VideoCard
from vidcdn_desktop.gui.widgets import ScrollColumn
from vidcdn_desktop.jobs.model import JobSnapshot

_AT_ONCE = 12
_TURN_S = 0.01
"""How many cards are made with the drop, and how long each turn of the event loop may make more of them."""


class CardColumn(ScrollColumn):
    """One card for each job of the bridge."""

    made = Signal(object)
    """VideoCard, when it has been put into the column; connect to it here."""

    def __init__(self, bridge: JobBridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: dict[str, VideoCard] = {}
        """Job id to card, in the order of the queue once `is_complete`."""
        self._bridge = bridge
        self._waiting: dict[str, None] = {}
        self._builder = QTimer(self)
        self._builder.setInterval(0)
        self._builder.timeout.connect(self._on_turn)
        self.column.addStretch(1)

    @property
    def is_complete(self) -> bool:
        """Whether every job has its card."""
        return not self._waiting

    @Slot(object)
    def add(self, snapshot: JobSnapshot) -> None:
        """Make a card now, or when its turn comes, so that the window stays live through a large drop."""
        if len(self.cards) < _AT_ONCE:
            self._make(snapshot)
        else:
            self._waiting[snapshot.id] = None
            self._builder.start()

    def card(self, job_id: str) -> VideoCard | None:
        """The card of a job; made now if it is still waiting for its turn."""
        if job_id in self._waiting:
            del self._waiting[job_id]
            snapshot = self._bridge.snapshot(job_id)
            if snapshot is not None:
                self._make(snapshot)
        return self.cards.get(job_id)

    def remove(self, job_id: str) -> str:
        """Take a card away; gives the job that stands in its place now, or empty text."""
        self._waiting.pop(job_id, None)
        place = list(self.cards).index(job_id) if job_id in self.cards else 0
        card = self.cards.pop(job_id, None)
        if card is not None:
            self.column.removeWidget(card)
            card.hide()  # it is deleted a moment later, and would stand below its successor until then
            card.deleteLater()
        left = list(self.cards)
        return left[min(place, len(left) - 1)] if left else ""

    @Slot()
    def reorder(self) -> None:
        """Put the cards into the order of the queue."""
        order = [snapshot.id for snapshot in self._bridge.snapshots() if snapshot.id in self.cards]
        for place, job_id in enumerate(order):
            card = self.cards[job_id] = self.cards.pop(job_id)
            if self.column.indexOf(card) != place:
                self.column.removeWidget(card)
                self.column.insertWidget(place, card)

    def beside(self, card: VideoCard, offset: int) -> VideoCard:
        """The card so many places below (or above), kept inside the column."""
        cards = list(self.cards.values())
        return cards[max(0, min(len(cards) - 1, cards.index(card) + offset))]

    def _make(self, snapshot: JobSnapshot) -> None:
        card = VideoCard(snapshot)
        self.cards[snapshot.id] = card
        self.column.insertWidget(self.column.count() - 1, card)
        self.made.emit(card)

    @Slot()
    def _on_turn(self) -> None:
        until = time.monotonic() + _TURN_S
        while self._waiting and time.monotonic() < until:
            self.card(next(iter(self._waiting)))
        if not self._waiting:
            self._builder.stop()
            self.reorder()  # one may have been asked for before its turn
