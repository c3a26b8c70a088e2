"""The Library page: what is in the bucket, one folder at a time or searched through, as a list or a gallery."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtGui import QAction, QHideEvent, QMouseEvent, QShowEvent

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.actions import add_actions
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.frame import LibraryFrame, State
from vidcdn_desktop.gui.library.kept import Kept
from vidcdn_desktop.gui.library.places import Address, History, NotAnAddress, Place, above, read_address
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.selection import menu_for
from vidcdn_desktop.gui.library.verbs import Verbs
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.rows import Block, Row
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.repair_batch import Wish
from vidcdn_desktop.storage.port import ObjectRef


class LibraryPage(LibraryFrame):
    """Lists the bucket of the session's connection.

    Args:
        session: Where the connection comes from.
        facts: What is known of videos, on disk; without it none is looked at.
        posters: The pictures on disk; None: in the cache folder.
        settings_file: Where columns and view are remembered; None: nowhere.
    """

    def __init__(
        self,
        session: Session,
        *,
        facts: FactCache | None = None,
        posters: PosterCache | None = None,
        settings_file: Path | None = None,
    ) -> None:
        super().__init__(facts, posters, ColumnMemory.load(settings_file) if settings_file else ColumnMemory())
        self._session = session
        self._history = History()
        self._complete = False
        self._problem: VidcdnError | None = None
        self._kept = Kept(self.model, self.stack)
        self._settings_file = settings_file
        self.verbs = Verbs(session, self.model, self)
        self._join()
        add_actions(self)
        self._on_view(self._memory.view)
        self._show_state()

    # Building
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
        self.bar.more_wanted.connect(self._on_menu)
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
        self.on_screen.found.connect(self._on_found)
        self.verbs.play.connect(self.play_requested)
        self.verbs.invalidate.connect(self.invalidate_requested)
        self.verbs.download.connect(self.download_requested)
        self.verbs.fast_start.connect(self.fast_start_requested)
        self.verbs.operation.connect(self.operation_requested)
        self.verbs.copied.connect(self._on_copied)
        self.verbs.failed.connect(self._on_verb_failed)

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
        home = f"{connection.profile.prefix}/" if connection and connection.profile.prefix else ""
        self._history.forget(Place(home))
        self._list()

    @Slot()
    def refresh(self) -> None:
        """List once more from the start; what is chosen stays so."""
        self._kept.remember()
        self._relist()

    @Slot(object)
    def open_prefix(self, prefix: str) -> None:
        """Show what lies below a prefix."""
        self._go(Place(prefix))

    @Slot()
    def search_bucket(self) -> None:
        """Look for what is typed in all keys of the bucket."""
        needle = self.search.text().strip()
        if self._session.connection is not None and needle:
            self._go(Place("", needle), keep_filter=True)

    def _go(self, place: Place, *, keep_filter: bool = False) -> None:
        self._history.go(place)
        if not keep_filter and self.search.text():
            self.search.clear()
        self._list()

    def _list(self) -> None:
        """List the place where the history stands."""
        self._kept.forget()
        self._relist()

    def _relist(self) -> None:
        self._complete, self._problem = False, None
        place = self._history.place
        self.on_screen.forget()
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
        self._restore()
        self._on_seen()

    @Slot(object)
    def _on_ended(self, error: VidcdnError | None) -> None:
        self._complete = error is None
        self._problem = harmless(error) if error is not None else None
        self.model.flush()
        self._show_state()
        self._restore()

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
        self._kept.want(key)

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

    def _restore(self) -> None:
        if not self._kept.restore(self._complete):
            self.toast.show_message("This object is not in the bucket any more")

    # What is shown
    def _show_state(self) -> None:
        connection = self._session.connection
        state = State(
            self._history.place,
            self._complete,
            waiting=not self._complete and self.lister.is_running,
            is_open=connection is not None,
            bucket=connection.profile.bucket if connection else "",
            problem=self._problem,
        )
        self.show_state(state)

    @Slot()
    def _on_arranged(self) -> None:
        self._show_state()
        self._restore()
        self._on_seen()

    @Slot()
    def _on_selection_lost(self) -> None:
        self.toast.show_message("Nothing is selected any more: the selection was in too many places")

    @Slot()
    def _on_seen(self) -> None:
        """Other rows are on screen: find out about them, and give up those that are gone."""
        if self.isVisible() and self.stack.shows_rows:
            self.on_screen.look(self._session.connection, self.stack)

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
        self.on_screen.stop()

    # What the user does
    @Slot()
    def go_up(self) -> None:
        """Open the folder above; from a search, the bucket."""
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
    def focus_search(self) -> None:
        """Go to the search line."""
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
    def show_gallery(self) -> None:
        """As a gallery from now on."""
        self._on_view_chosen("gallery")

    @Slot()
    def show_list(self) -> None:
        """As a list from now on."""
        self._on_view_chosen("list")

    @Slot()
    def choose_columns(self) -> None:
        """Offer the columns."""
        self.show_list()
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
    def do_action(self) -> None:
        """An action of the page or of its menu; its data is the verb."""
        action = self.sender()
        if isinstance(action, QAction):
            self._do(str(action.data()))

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        """What the bar offers, where the pointer or the focus is."""
        if self.model.selection.hasSelection():
            self.tally.count()
            menu_for(self.bar, self.do_action, self).popup(place)

    @Slot()
    def fast_start_here(self) -> None:
        """Look for videos that start slowly in all of this folder."""
        connection = self._session.connection
        if connection is not None:
            self.fast_start_requested.emit([Wish(ObjectRef(connection.profile.bucket, self._history.place.prefix))])

    @Slot(object)
    def _do(self, verb: str) -> None:
        self.tally.count()
        if self.bar.allows(verb):
            self.verbs.do(verb)

    @Slot()
    def _on_copied(self) -> None:
        self.toast.show_message("Link copied")

    @Slot(object)
    def _on_verb_failed(self, error: VidcdnError) -> None:
        self.toast.show_message(harmless(error).sentence())
