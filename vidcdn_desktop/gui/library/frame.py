"""What the Library page is made of, and which of its states is on screen; `page` gives it its behaviour."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.details_panel import DetailsPanel
from vidcdn_desktop.gui.library.elsewhere import ElsewhereBar
from vidcdn_desktop.gui.library.head import LibraryHead
from vidcdn_desktop.gui.library.leftovers import Leftovers
from vidcdn_desktop.gui.library.lister import Lister
from vidcdn_desktop.gui.library.onscreen import OnScreen
from vidcdn_desktop.gui.library.overviews import Overviews
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.searching import Searching
from vidcdn_desktop.gui.library.selection import SelectionBar
from vidcdn_desktop.gui.library.tally import Tally
from vidcdn_desktop.gui.library.views import Views
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.widgets import Button, Drawer, ErrorPanel, IconButton, PageFooter, Toast, page_body
from vidcdn_desktop.jobs.factcache import FactCache

_NOTHING = "Nothing here yet"
_COUNT_EVERY_S = 0.2
_BEGIN = "Publish a video, and it appears here. Files and folders dropped here are uploaded as they are."
_BEGIN_ELSEWHERE = "Files and folders dropped here are uploaded as they are."


@dataclass(frozen=True)
class State:
    """What decides which state is on screen, beside the rows themselves."""

    place: Place
    complete: bool
    """All is listed."""
    waiting: bool
    """More may come."""
    is_open: bool
    """There is a connection."""
    bucket: str
    problem: VidcdnError | None


class LibraryFrame(QWidget):
    """The page's widgets and models."""

    connections_requested = Signal()
    play_requested = Signal(object)
    """PlayWish."""
    invalidate_requested = Signal(object)
    """list[str]: invalidation paths."""
    download_requested = Signal(object)
    """list[ObjectRef]: objects, and folders for all below them."""
    fast_start_requested = Signal(object)
    """list[Wish]: videos, and folders for all below them."""

    operation_requested = Signal(object)
    """Asked: what is to be done, and to what."""
    upload_requested = Signal(object)
    """(list[Path], str prefix): files and folders for a folder of the bucket."""
    buckets_wanted = Signal()
    """Another bucket is to be chosen."""
    files_wanted = Signal(object)
    """(str prefix, bool a folder): files, or a folder, are to be chosen for it."""
    batch_jobs_requested = Signal()
    """The jobs that were handed over to the store are to be shown."""
    versions_requested = Signal(object)
    """str: the folder of which deleted and older versions are to be shown."""

    def __init__(self, facts: FactCache | None, posters: PosterCache | None, memory: ColumnMemory) -> None:
        super().__init__()
        self._memory = memory
        self._counted = 0.0
        self.model = ListingModel(self)
        self.lister = Lister(self)
        self.on_screen = OnScreen(self.model, facts, posters, self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.head = LibraryHead(memory.view)
        self.search = self.head.search
        self.searching = Searching(self.model, self.head, facts, self)
        outer.addWidget(self.head)
        self.details_panel = DetailsPanel()
        self.drawer = Drawer(self._build_body(), self.details_panel)
        self.drawer.set_available(False)
        self.head.add_end(self.drawer.toggle_button)
        outer.addWidget(self.drawer, 1)
        self.overviews = Overviews(facts)
        outer.addWidget(self.overviews, 1)
        self.footer = PageFooter()
        self.search_all = Button("Search the whole bucket", small=True, icon_name="search")
        self.stop_button = Button("Stop", small=True, icon_name="stop")
        self.upload_button = Button("Upload files…", small=True, icon_name="upload")
        self.versions_button = IconButton("clock", "Deleted and older versions…")
        self.leftovers = Leftovers()
        self.footer.add_end(self.leftovers)
        self.footer.add_end(self.search_all)
        self.footer.add_end(self.versions_button)
        self.footer.add_end(self.stop_button)
        self.footer.add_end(self.upload_button)
        outer.addWidget(self.footer)
        self.toast = Toast(self)
        self.tally = Tally(self.model, self.lister, self)

    def _build_body(self) -> QWidget:
        body, column = page_body()
        self.elsewhere = ElsewhereBar()
        column.addWidget(self.elsewhere)
        column.addWidget(self.searching.bar)
        self.bar = SelectionBar()
        self._buttons = self.bar.buttons
        column.addWidget(self.bar)
        self.cut_short = ErrorPanel(action="Try again")
        column.addWidget(self.cut_short)
        self.stack = Views(self.model, self._memory, self.on_screen.posters.memory)
        self.table, self.gallery = self.stack.table, self.stack.gallery
        self.empty, self.error, self.skeleton = self.stack.empty, self.stack.error, self.stack.skeleton
        self.clear_filter = self.stack.clear_filter
        column.addWidget(self.stack, 1)
        return body

    def show_state(self, state: State) -> None:
        """Rows, or whatever stands in their place; and what goes with it."""
        store, place = self.model.store, state.place
        self.cut_short.set_error(state.problem if len(store) else None)
        if self.model.rowCount():
            self.stack.show_rows()
        elif state.problem is not None and not len(store):
            self.stack.show_error(state.problem, state.bucket, place.prefix)
        elif len(store) and self.model.is_arranging and self.stack.currentWidget() is self.empty:
            pass  # it is not known yet whether there is still nothing
        elif len(store) and not self.model.is_arranging:
            text, searchable = self.searching.why_empty(), self.searching.is_new(place)
            self.stack.show_empty("Nothing matches", text, filtered=True, searchable=searchable)
        elif place.needle and not state.waiting:
            self.stack.show_empty("Nothing found", "No object in the bucket is like this.")
        elif state.complete or (state.is_open and not state.waiting):
            self.stack.show_empty(_NOTHING, _BEGIN_ELSEWHERE if place.bucket else _BEGIN)
        else:
            self.stack.show_loading()
        self.bar.setVisible(self.stack.shows_rows)
        rows = not self.overviews.chosen
        self.search_all.setVisible(rows and self.searching.is_new(place))
        self.leftovers.set_aside(not self.search_all.isHidden())
        self.stop_button.setVisible(rows and state.waiting)
        self.upload_button.setVisible(bool(state.bucket))
        self.versions_button.setVisible(state.is_open and bool(state.bucket) and not state.place.needle)
        self._show_count(state)

    def _show_count(self, state: State) -> None:
        """The words at the foot; while they run, not with every page: each time the page is laid out anew."""
        now = time.monotonic()
        if state.waiting and self.model.rowCount() and now - self._counted < _COUNT_EVERY_S:
            return
        self._counted = now if state.waiting else 0.0
        silent = bool(self.overviews.chosen) or (state.problem is not None and not len(self.model.store))
        self.footer.set_status("" if silent else self.tally.words(state.place, state.complete))
