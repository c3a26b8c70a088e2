"""The Library page: what is in the bucket, one folder at a time or searched through, as a list or a gallery."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QHideEvent, QKeySequence, QMouseEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.head import LibraryHead
from vidcdn_desktop.gui.library.insight import CacheHeaderInsight, FactInsight, Insight, Seen
from vidcdn_desktop.gui.library.lister import Lister
from vidcdn_desktop.gui.library.places import Address, History, NotAnAddress, Place, above, read_address
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.posters import PosterInsight
from vidcdn_desktop.gui.library.selection import SelectionBar, menu_for
from vidcdn_desktop.gui.library.tally import Tally
from vidcdn_desktop.gui.library.verbs import Verbs
from vidcdn_desktop.gui.library.views import Views, harmless
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import Block, Row
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import Button, ErrorPanel, PageFooter, Toast, page_body
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.repair_batch import Wish
from vidcdn_desktop.storage.port import ObjectRef

_NOTHING = "Nothing here yet"
_BEGIN = "Publish a video, and it appears here."


class LibraryPage(QWidget):
    """Lists the bucket of the session's connection.

    Args:
        session: Where the connection comes from.
        facts: What is known of videos, on disk; without it none is looked at.
        posters: The pictures on disk; None: in the cache folder.
        settings_file: Where columns and view are remembered; None: nowhere.
    """

    connections_requested = Signal()
    play_requested = Signal(object)
    """PlayWish."""
    invalidate_requested = Signal(object)
    """list[str]: invalidation paths."""
    download_requested = Signal(object)
    """list[ObjectRef]."""
    fast_start_requested = Signal(object)
    """list[Wish]: videos, and folders for all below them."""

    def __init__(
        self,
        session: Session,
        *,
        facts: FactCache | None = None,
        posters: PosterCache | None = None,
        settings_file: Path | None = None,
    ) -> None:
        super().__init__()
        self._session = session
        self._history = History()
        self._complete = False
        self._problem: VidcdnError | None = None
        self._wanted_key = ""
        self._settings_file = settings_file
        self._memory = ColumnMemory.load(settings_file) if settings_file else ColumnMemory()
        self.model = ListingModel(self)
        self.lister = Lister(self)
        self.posters = PosterInsight(self.model, self, posters)
        self.cache_headers = CacheHeaderInsight(self.model, self)
        self._facts = FactInsight(self.model, facts, self) if facts is not None else None
        self.verbs = Verbs(session, self.model, self)
        self._build()
        self._join()
        self._add_actions()
        self._on_view(self._memory.view)
        self._show_state()

    # Building
    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.head = LibraryHead(self._memory.view)
        self.search = self.head.search
        outer.addWidget(self.head)
        body, column = page_body()
        self.bar = SelectionBar()
        self._buttons = self.bar.buttons
        column.addWidget(self.bar)
        self.cut_short = ErrorPanel(action="Try again")
        column.addWidget(self.cut_short)
        self.stack = Views(self.model, self._memory, self.posters.memory)
        self.table, self.gallery = self.stack.table, self.stack.gallery
        self.empty, self.error, self.skeleton = self.stack.empty, self.stack.error, self.stack.skeleton
        self.clear_filter = self.stack.clear_filter
        column.addWidget(self.stack, 1)
        outer.addWidget(body, 1)
        self.footer = PageFooter()
        self.search_all = Button("Search the whole bucket", small=True, icon_name="search")
        self.stop_button = Button("Stop", small=True, icon_name="stop")
        self.footer.add_end(self.search_all)
        self.footer.add_end(self.stop_button)
        outer.addWidget(self.footer)
        self.toast = Toast(self)
        self.tally = Tally(self.model, self.lister, self)

    def _join(self) -> None:
        head, stack, lister = self.head, self.stack, self.lister
        self._session.connection_changed.connect(self._on_connection)
        head.back.connect(self.go_back)
        head.forward.connect(self.go_forward)
        head.up.connect(self.go_up)
        head.refresh.connect(self.refresh)
        head.address.chosen.connect(self.open_prefix)
        head.address.typed.connect(self.open_address)
        head.view.changed.connect(self._on_view_chosen)
        self.search.textChanged.connect(self._on_filter)
        self.search.returnPressed.connect(self.search_bucket)
        lister.arrived.connect(self._on_arrived)
        lister.ended.connect(self._on_ended)
        self.model.arranged.connect(self._on_arranged)
        self.model.selection_lost.connect(self._on_selection_lost)
        self.tally.changed.connect(self.bar.show_selected)
        self.bar.verb_chosen.connect(self._do)
        for button in (self.search_all, stack.search_all):
            button.clicked.connect(self.search_bucket)
        self.clear_filter.clicked.connect(self.search.clear)
        self.stop_button.clicked.connect(self.stop_listing)
        for panel in (self.error, self.cut_short):
            panel.action_requested.connect(self._on_try_again)
        stack.opened.connect(self._on_opened)
        stack.play_wanted.connect(self._on_play)
        stack.up_wanted.connect(self.go_up)
        stack.menu_wanted.connect(self._on_menu)
        stack.seen_changed.connect(self._on_seen)
        self.table.sorted_by.connect(self._on_sorted)
        self.table.columns_changed.connect(self._on_columns)
        for insight in self._insights():
            insight.found.connect(self._on_found)
        self.verbs.play.connect(self.play_requested)
        self.verbs.invalidate.connect(self.invalidate_requested)
        self.verbs.download.connect(self.download_requested)
        self.verbs.fast_start.connect(self.fast_start_requested)
        self.verbs.copied.connect(self._on_copied)
        self.verbs.failed.connect(self._on_verb_failed)

    def _add_actions(self) -> None:
        for text, keys, slot in (
            ("Refresh the list", "F5", self.refresh),
            ("Back", "Alt+Left", self.go_back),
            ("Forward", "Alt+Right", self.go_forward),
            ("Up one folder", "Alt+Up", self.go_up),
            ("Go to an address…", "Ctrl+L", self.head.address.edit),
            ("Search this folder", "Ctrl+F", self._on_find),
            ("Search the whole bucket", "", self.search_bucket),
            ("Select all", "Ctrl+A", self.select_all),
            ("Show as gallery", "", self._on_gallery),
            ("Show as list", "", self._on_list),
            ("Choose columns…", "", self._on_choose_columns),
            ("Make fast start…", "Ctrl+Shift+F", "faststart"),
            ("Make fast start in this folder…", "", self._on_fast_start_here),
            ("Copy the link", "Ctrl+Shift+C", "copy"),
            ("Download…", "Ctrl+S", "download"),
            ("Refresh the CDN for the selection", "Ctrl+Shift+R", "invalidate"),
        ):
            action = QAction(text, self)
            action.setShortcut(QKeySequence(keys))
            # Wherever the focus is in the window: the actions of a page that is not shown are silent anyway.
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            if isinstance(slot, str):
                action.setData(slot)
                slot = self._on_action
            action.triggered.connect(slot)
            self.addAction(action)

    def _insights(self) -> list[Insight]:
        return [i for i in (self._facts, self.cache_headers, self.posters) if i is not None]

    # Listing
    @Slot(object)
    def set_connection(self, facts: ConnectionFacts) -> None:
        """Tell a connection that cannot be opened."""
        if facts.status == "problem" and facts.problem is not None and self._session.connection is None:
            self._problem = harmless(facts.problem)
            self._show_state()

    @Slot()
    def _on_try_again(self) -> None:
        if self._session.connection is None:
            self._session.use(self._session.facts.profile.id)
        else:
            self.refresh()

    @Slot(object)
    def _on_connection(self, connection: Connection | None) -> None:
        self.posters.memory.clear()
        home = f"{connection.profile.prefix}/" if connection and connection.profile.prefix else ""
        self._history.forget(Place(home))
        self._list()

    @Slot()
    def refresh(self) -> None:
        """List once more from the start."""
        self._list()

    @Slot(object)
    def open_prefix(self, prefix: str) -> None:
        """Show what lies below a prefix."""
        self._go(Place(prefix))

    @Slot()
    def search_bucket(self) -> None:
        """Look for what is typed in all keys of the bucket, or of the part of it the connection is about."""
        connection, needle = self._session.connection, self.search.text().strip()
        if connection is not None and needle:
            home = f"{connection.profile.prefix}/" if connection.profile.prefix else ""
            self._go(Place(home, needle), keep_filter=True)

    def _go(self, place: Place, *, keep_filter: bool = False) -> None:
        self._history.go(place)
        if not keep_filter and self.search.text():
            self.search.clear()
        self._list()

    def _list(self) -> None:
        """List the place where the history stands."""
        self._wanted_key = ""
        self._complete, self._problem = False, None
        place = self._history.place
        for insight in self._insights():
            insight.stop()
        self.posters.memory.clear()
        self.tally.forget()
        self.model.start(place.prefix)
        connection = self._session.connection
        self.head.address.show_place(connection.profile.bucket if connection else "", place)
        self.head.show_way(self._history)
        self.lister.stop()
        if connection is not None and connection.profile.bucket:
            self.lister.start(connection.storage, connection.profile.bucket, place)
        self._show_state()

    @Slot(object)
    def _on_arrived(self, blocks: list[Block]) -> None:
        self.model.append(blocks)
        self._show_state()
        self._choose_wanted()
        self._on_seen()

    @Slot(object)
    def _on_ended(self, error: VidcdnError | None) -> None:
        self._complete = error is None
        self._problem = harmless(error) if error is not None else None
        self.model.flush()
        self._show_state()
        self._choose_wanted()

    @Slot()
    def stop_listing(self) -> None:
        """Leave it at what is listed so far."""
        self.lister.stop()
        self.model.flush()
        self._show_state()

    def show_key(self, key: str) -> None:
        """Show an object in its folder and choose it, once the listing has reached it; or a folder."""
        self.search.clear()
        if not key or key.endswith("/"):
            self.open_prefix(key)
            return
        self.open_prefix(above(key))
        self._wanted_key = key

    @Slot(str)
    def open_address(self, text: str) -> None:
        """Go to what was typed: an S3 address, a CDN link, or a folder."""
        connection = self._session.connection
        if connection is None:
            return
        bucket = connection.profile.bucket
        try:
            address: Address = read_address(text, bucket, self._session.facts.distributions)
        except NotAnAddress as exc:
            self.toast.show_message(str(exc))
            return
        if address.bucket not in ("", bucket):
            self.toast.show_message("That is another bucket; connect to it to see it")
            return
        self.show_key(address.key)
        self.stack.active.setFocus(Qt.FocusReason.OtherFocusReason)

    def _choose_wanted(self) -> None:
        if not self._wanted_key:
            return
        row_id = self.model.store.find(self._wanted_key)
        place = self.model.place_of(row_id) if row_id is not None else None
        if place is not None:
            self._wanted_key = ""
            self.model.select_ranges([(place, place)])
            self.stack.active.show_row(place)
            self.stack.active.setFocus(Qt.FocusReason.OtherFocusReason)
        elif self._complete and row_id is None:
            self._wanted_key = ""
            self.toast.show_message("This object is not in the bucket any more")

    # What is shown
    def _show_state(self) -> None:
        store, shown, place = self.model.store, self.model.rowCount(), self._history.place
        connection = self._session.connection
        bucket = connection.profile.bucket if connection else ""
        waiting = not self._complete and self.lister.is_running
        self.cut_short.set_error(self._problem if len(store) else None)
        if shown:
            self.stack.show_rows()
        elif self._problem is not None and not len(store):
            self.stack.show_error(self._problem, bucket, place.prefix)
        elif len(store) and not self.model.is_arranging:
            text = "No name in this folder has these letters."
            self.stack.show_empty("Nothing matches", text, filtered=True, searchable=not place.needle)
        elif place.needle and not waiting:
            self.stack.show_empty("Nothing found", "No key in the bucket has these letters.", filtered=True)
        elif self._complete or (connection is not None and not waiting):
            self.stack.show_empty(_NOTHING, _BEGIN)
        else:
            self.stack.show_loading()
        self.bar.setVisible(self.stack.shows_rows)
        self.search_all.setVisible(bool(self.search.text().strip()) and not place.needle)
        self.stop_button.setVisible(waiting)
        self.footer.set_status("" if self._problem and not len(store) else self.tally.words(place, self._complete))

    @Slot()
    def _on_arranged(self) -> None:
        self._show_state()
        self._choose_wanted()
        self._on_seen()

    @Slot()
    def _on_selection_lost(self) -> None:
        self.toast.show_message("Nothing is selected any more: the selection was in too many places")

    @Slot()
    def _on_seen(self) -> None:
        """Other rows are on screen: find out about them, and give up those that are gone."""
        if not self.isVisible() or not self.stack.shows_rows:
            return
        in_gallery = self.stack.active is self.gallery
        seen = [Seen(self.model.row_id(n), self.model.row(n)) for n in self.stack.active.visible_rows()]
        connection = self._session.connection
        if self._facts is not None:
            self._facts.want(connection, seen)
        if in_gallery:
            self.posters.set_size(self.gallery.picture_size(), self.devicePixelRatioF())
            self.posters.want(connection, seen)
        elif not self.table.isColumnHidden(Column.CACHE):
            self.cache_headers.want(connection, seen)

    @Slot(object)
    def _on_found(self, _row_id: int) -> None:
        self.stack.active.viewport().update()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at what is on screen."""
        super().showEvent(event)
        self._on_seen()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is on screen."""
        super().hideEvent(event)
        for insight in self._insights():
            insight.stop()

    # What the user does
    @Slot()
    def go_up(self) -> None:
        """Open the folder above; from a search, the folder it began in."""
        place = self._history.place
        if place.needle:
            self._go(Place(place.prefix))
        elif place.prefix:
            self._go(Place(above(place.prefix)))

    @Slot()
    def go_back(self) -> None:
        """Where the user was before."""
        if self._history.can_back:
            self._step(-1)

    @Slot()
    def go_forward(self) -> None:
        """Where the user came back from."""
        if self._history.can_forward:
            self._step(1)

    def _step(self, by: int) -> None:
        place = self._history.step(by)
        self.search.setText(place.needle)
        self._list()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The buttons at the side of a mouse go back and forward."""
        if event.button() is Qt.MouseButton.BackButton:
            self.go_back()
        elif event.button() is Qt.MouseButton.ForwardButton:
            self.go_forward()
        else:
            super().mousePressEvent(event)

    @Slot(str)
    def _on_filter(self, text: str) -> None:
        self.tally.forget()
        self.model.set_filter(text)
        self._show_state()

    @Slot()
    def _on_find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    @Slot(object)
    def _on_sorted(self, told: tuple[int, Qt.SortOrder]) -> None:
        self.model.sort(*told)

    @Slot()
    def select_all(self) -> None:
        """Everything that matches; while the listing goes on, also what is still to come."""
        self.tally.select_all()

    @Slot(object)
    def _on_view_chosen(self, view: str) -> None:
        self._on_view(view)
        self._on_columns()

    def _on_view(self, view: str) -> None:
        self._memory.view = view
        self.head.view.set_value(view)
        self.stack.choose(view)
        self.model.hide_posters(view == "gallery")
        self._on_seen()

    @Slot()
    def _on_gallery(self) -> None:
        self._on_view_chosen("gallery")

    @Slot()
    def _on_list(self) -> None:
        self._on_view_chosen("list")

    @Slot()
    def _on_choose_columns(self) -> None:
        self._on_list()
        header = self.table.horizontalHeader()
        self.table.column_menu().popup(header.mapToGlobal(header.rect().bottomLeft()))

    @Slot()
    def _on_columns(self) -> None:
        if self._settings_file is not None:
            self._memory.save(self._settings_file)
        self._on_seen()

    @Slot(object)
    def _on_opened(self, number: int) -> None:
        row = self.model.row(number)
        if row.is_folder:
            self.open_prefix(row.key)
        elif row.kind == "Video":
            self.verbs.find_link("play", row)

    def _selected(self) -> list[Row]:
        return [self.model.store.row(row_id) for row_id in self.model.ids(self.model.ranges())]

    @Slot()
    def _on_play(self) -> None:
        self._do("play")

    @Slot()
    def _on_action(self) -> None:
        """An action of the page or of its menu; its data is the verb."""
        action = self.sender()
        if isinstance(action, QAction):
            self._do(str(action.data()))

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        """What the bar offers, where the pointer or the focus is."""
        if self.model.selection.hasSelection():
            self.tally.count()
            menu_for(self.bar, self._on_action, self).popup(place)

    @Slot()
    def _on_fast_start_here(self) -> None:
        connection = self._session.connection
        if connection is not None:
            self.fast_start_requested.emit([Wish(ObjectRef(connection.profile.bucket, self._history.place.prefix))])

    @Slot(object)
    def _do(self, verb: str) -> None:
        self.tally.count()
        if self._buttons[verb].isEnabled():
            self.verbs.do(verb)

    @Slot()
    def _on_copied(self) -> None:
        self.toast.show_message("Link copied")

    @Slot(object)
    def _on_verb_failed(self, error: VidcdnError) -> None:
        self.toast.show_message(harmless(error).sentence())
