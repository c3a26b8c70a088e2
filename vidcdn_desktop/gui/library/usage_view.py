"""How much lies where below a folder: a map of its folders, and tables by kind and storage class with their cost."""

from __future__ import annotations

import time

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.courtesy import give_way
from vidcdn_desktop.gui.library import usage_words
from vidcdn_desktop.gui.library.long_look import Board
from vidcdn_desktop.gui.library.overview import Overview, Work
from vidcdn_desktop.gui.library.usage_table import TallyTable
from vidcdn_desktop.gui.library.usage_words import UsageSeen, seen_of
from vidcdn_desktop.gui.widgets import GUTTER, PlainLabel, ScrollColumn
from vidcdn_desktop.gui.widgets.treemap import Treemap
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_model import Progress
from vidcdn_desktop.jobs.usage import UsageCounter, prices_for
from vidcdn_desktop.storage.weather import Weather
from vidcdn_desktop.textsafe import format_size, plural

_EVERY_S = 0.4
"""How often the map is drawn anew while it grows."""
_WORTH = 10
"""A sum over all folders is made when counting has taken this many times as long as the last one took."""
_SIDE_WIDTH = 344


class UsageView(Overview):
    """The map and the tables of one folder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("usage", parent)
        self._content = QWidget()
        row = QHBoxLayout(self._content)
        row.setContentsMargins(GUTTER, 0, 0, 0)
        row.setSpacing(2)
        self.map = Treemap("Folders by size")
        self.map.opened.connect(self._on_opened)
        row.addWidget(self.map, 1)
        side = ScrollColumn(spacing=6)
        side.setFixedWidth(_SIDE_WIDTH)
        self.kinds = TallyTable("By kind of file", ("Kind", "Objects", "Size"))
        self.classes = TallyTable("By storage class", ("Class", "Objects", "Size", "Month"))
        self.cost = PlainLabel(role="small", wrap=True, selectable=True)
        for title, table in (("By kind", self.kinds), ("By storage class", self.classes)):
            side.column.addWidget(PlainLabel(title, role="section"))
            side.column.addWidget(table)
            side.column.addSpacing(6)
        side.column.addWidget(self.cost)
        side.column.addStretch(1)
        row.addWidget(side)
        self.stack.addWidget(self._content)
        self._seen: UsageSeen | None = None
        """What is shown."""
        self._at_rest()

    # The look
    def work(self, connection: Connection, prefix: str) -> Work:
        """Add up a listing of everything below the folder."""
        return lambda board, token: _counted(connection, prefix, board, token)

    def clear(self) -> None:
        """Nothing is known."""
        self._seen = None

    @property
    def has_content(self) -> bool:
        """Whether the map shows something."""
        return self._seen is not None

    def add(self, thing: object) -> None:
        """What was counted so far."""
        if isinstance(thing, UsageSeen) and thing.usage.objects:
            self._show_seen(thing)

    def show_result(self, result: object) -> str:
        """All of it."""
        assert isinstance(result, UsageSeen)
        if not result.usage.objects:
            self._seen = None
            self.show_empty("Nothing here yet", "Publish a video, and it is counted here.", "usage")
            return ""
        self._show_seen(result)
        return result.total

    def _show_seen(self, seen: UsageSeen) -> None:
        self._seen = seen
        self.map.set_areas(seen.areas)
        self.kinds.set_rows(seen.kinds)
        self.classes.setColumnHidden(3, seen.usage.cost is None)
        self.classes.set_rows(seen.classes)
        self.cost.set_text(seen.cost)
        self.show_page(self._content)

    # What the user does
    @Slot(object)
    def _on_opened(self, id_: str) -> None:
        if id_ == usage_words.HERE:
            self.shown.emit(self.prefix)
        else:
            self.opened.emit(id_)


def _counted(connection: Connection, prefix: str, board: Board, token: CancelToken) -> UsageSeen:
    counter = UsageCounter(prefix, 1, prices_for(connection))
    weather = Weather(renew=connection.reload_credentials)
    bucket = connection.profile.bucket
    next_at = 0.0
    for page in connection.storage.list_pages(bucket, prefix, token=token, weather=weather):
        give_way()
        counter.add(page)
        words = f"{plural(counter.objects, 'object')}, {format_size(counter.size_bytes)} so far…"
        board.tell(Progress(words))
        now = time.monotonic()
        if now >= next_at and page.upto is not None:
            board.add(seen_of(counter.usage()))
            next_at = now + max(_EVERY_S, _WORTH * (time.monotonic() - now))
    return seen_of(counter.usage())
