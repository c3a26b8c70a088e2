"""Joins the search line, the filter panel, the chips and the list: all of them show one query, kept as typed text.

panel, chips ──> text of the line ──> `jobs.query_text.read` ──> filter of the list, panel, chips, what was refused
Enter ─────────> `search_wanted` ───> the lister runs the same text over the whole bucket

What cannot be read stays in the line; the list is filtered by the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from vidcdn_desktop.gui.library.filter_panel import FilterPanel
from vidcdn_desktop.gui.library.head import LibraryHead
from vidcdn_desktop.gui.library.looking import Looking
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.library.query_bar import QueryBar
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.query import Query
from vidcdn_desktop.jobs.query_text import read
from vidcdn_desktop.jobs.scan import Scanner
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.storage.port import ObjectSummary
from vidcdn_desktop.textsafe import plural


class Searching(QObject):
    """GUI thread.

    Args:
        model: The rows.
        head: Has the line and the button.
        facts: What is known of videos; without it none is looked at.
        page: Where it belongs.
    """

    search_wanted = Signal()
    """The whole bucket, for what stands in the line."""
    failed = Signal(object)
    """VidcdnError: the look at the films of the list was ended by it."""

    def __init__(self, model: ListingModel, head: LibraryHead, facts: FactCache | None, page: QWidget) -> None:
        super().__init__(page)
        self._model = model
        self._head = head
        self._facts = facts
        self._connection: Connection | None = None
        self._place = Place()
        self._reading = read("")
        self._known_before = 0
        self.panel = FilterPanel(head)
        self.bar = QueryBar()
        self.looking = Looking(model, self)
        head.filter_button.clicked.connect(self.open_panel)
        self.panel.changed.connect(self._on_query)
        self.panel.search_wanted.connect(self.search_wanted)
        self.bar.changed.connect(self._on_query)
        self.bar.look_wanted.connect(self._on_look)
        self.bar.stop_wanted.connect(self.looking.stop)
        self.looking.changed.connect(self._show_looks)
        self.looking.failed.connect(self.failed)
        model.arranged.connect(self._show_looks)

    # What the page tells
    def begin(self, connection: Connection | None, place: Place) -> None:
        """Another listing begins; call it before the model's."""
        self.looking.stop()
        self._connection = connection
        self._model.recall = self._recall_of(connection)
        self.apply(place)

    def apply(self, place: Place) -> None:
        """The line holds another text, or another place is shown."""
        text = self._head.search.text().strip()
        self._place, self._reading = place, read(text)
        query = self._reading.query
        # What a search has found needs not be filtered by the same query again.
        wanted = Query() if place.needle and place.needle == text else query
        if wanted != self._model.query:
            self.looking.stop()
        self._model.set_query(wanted)
        self.panel.show_query(query)
        self.bar.show_reading(self._reading)
        self._show_looks()

    def may_search(self) -> bool:
        """Whether what stands in the line can be searched for; if not, it says why."""
        self.bar.show_reading(self._reading, is_wanted=True)
        return not self._reading.refused and not self._reading.query.is_empty

    def is_new(self, place: Place) -> bool:
        """Whether the line asks for something that is not what the place has searched for."""
        text = self._head.search.text().strip()
        return bool(text) and text != place.needle

    def why_empty(self) -> str:
        """In a sentence, why the filter leaves nothing of what is listed."""
        films, left = self._model.films, self._model.not_looked_at
        if left and left == films:
            return "None of these videos was looked at yet."
        if left:
            return "None of the videos that were looked at is like this."
        return "Nothing that was found is like this." if self._place.needle else "Nothing in this folder is like this."

    def scanner(self) -> Scanner | None:
        """Looks at videos of the connection; None where there is nowhere to remember them."""
        connection = self._connection
        if connection is None or self._facts is None:
            return None
        return Scanner(
            connection.storage, connection.clients.endpoint, self._facts, renew=connection.reload_credentials
        )

    def _recall_of(self, connection: Connection | None) -> _Recall | None:
        scanner = self.scanner()
        return _Recall(scanner, connection.profile.bucket) if scanner is not None and connection is not None else None

    # What the user does
    @Slot()
    def open_panel(self) -> None:
        """Show the panel below its button."""
        self.panel.open_below(self._head.filter_button)

    @Slot(object)
    def _on_query(self, query: Query) -> None:
        """Panel or chips ask for something else: it is written into the line, and a search begins anew."""
        self._head.search.setText(self._reading.text_with(query))
        self._head.search.setCursorPosition(0)  # a line that is too long shows its beginning
        if self._place.needle and not self._reading.refused and not query.is_empty:
            self.search_wanted.emit()

    @Slot()
    def _on_look(self) -> None:
        scanner = self.scanner()
        if scanner is not None and self._connection is not None:
            self._known_before = self._model.films - self._model.not_looked_at
            self.looking.start(scanner, self._connection.profile.bucket)

    @Slot()
    def _show_looks(self) -> None:
        model, looking = self._model, self.looking
        films, left = model.films, model.not_looked_at
        if not model.query.starts or not films:
            self.bar.show_looks("", 0, is_looking=False)
            return
        looked = films - left
        if looking.is_running:
            looked = min(films, max(looked, self._known_before + looking.done))
        text = f"{model.rowCount():,} found, {looked:,} of {plural(films, 'video')} looked at"
        offered = left if self._facts is not None else 0
        self.bar.show_looks(text, offered, is_looking=looking.is_running, is_first=left == films)


class _Recall:
    """What was found out of objects of one bucket before. Any thread."""

    def __init__(self, scanner: Scanner, bucket: str) -> None:
        self._scanner = scanner
        self._bucket = bucket

    def __call__(self, items: Sequence[ObjectSummary]) -> Mapping[str, VideoFacts]:
        return self._scanner.known(self._bucket, items)
