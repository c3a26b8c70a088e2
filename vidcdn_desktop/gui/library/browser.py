"""Going about in the bucket: the place that is listed, the way there and back, and what the list shows meanwhile."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Slot

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.frame import LibraryFrame, State
from vidcdn_desktop.gui.library.kept import Kept
from vidcdn_desktop.gui.library.places import Address, History, NotAnAddress, Place, above, read_address
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.rows import Block
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache


class Browser(LibraryFrame):
    """The part of the Library page that lists; what is done with the rows is the page's."""

    def __init__(
        self, session: Session, facts: FactCache | None, posters: PosterCache | None, settings_file: Path | None
    ) -> None:
        super().__init__(facts, posters, ColumnMemory.load(settings_file) if settings_file else ColumnMemory())
        self._session = session
        self._history = History()
        self._complete = False
        self._problem: VidcdnError | None = None
        self._kept = Kept(self.model, self.stack)
        self._join_listing()

    def _join_listing(self) -> None:
        head, lister = self.head, self.lister
        self._session.connection_changed.connect(self._on_connection)
        head.back.connect(self.go_back)
        head.forward.connect(self.go_forward)
        head.up.connect(self.go_up)
        head.refresh.connect(self.refresh)
        head.address.chosen.connect(self.open_prefix)
        head.address.typed.connect(self.open_address)
        self.search.returnPressed.connect(self.search_bucket)
        self.searching.search_wanted.connect(self.search_bucket)
        self.searching.failed.connect(self._on_look_failed)
        lister.arrived.connect(self._on_arrived)
        lister.ended.connect(self._on_ended)
        self.model.arranged.connect(self._on_arranged)
        for button in (self.search_all, self.stack.search_all):
            button.clicked.connect(self.search_bucket)
        self.stop_button.clicked.connect(self.stop_listing)
        for panel in (self.error, self.cut_short):
            panel.action_requested.connect(self._on_try_again)
        self.stack.up_wanted.connect(self.go_up)
        self.stack.seen_changed.connect(self._on_seen)

    @property
    def place(self) -> Place:
        """Where the user is."""
        return self._history.place

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

    def show_rows(self) -> None:
        """List or gallery, in place of what else may be shown."""
        raise NotImplementedError

    @Slot(object)
    def _on_connection(self, connection: Connection | None) -> None:
        self.show_rows()
        home = f"{connection.profile.prefix}/" if connection and connection.profile.prefix else ""
        self._history.forget(Place(home))
        self._list()

    @Slot()
    def refresh(self) -> None:
        """List once more from the start; what is chosen stays so."""
        self._kept.remember()
        self.overviews.set_stale()
        self._relist()

    def refresh_below(self, key: str) -> None:
        """Something came in below a key: list once more if that may be seen here."""
        place = self._history.place
        if place.needle or key.startswith(place.prefix) or place.prefix.startswith(key):
            self.refresh()

    @Slot(object)
    def open_prefix(self, prefix: str) -> None:
        """Show what lies below a prefix."""
        self._go(Place(prefix))

    @Slot()
    def search_bucket(self) -> None:
        """Look for what is typed in all keys of the bucket."""
        needle = self.search.text().strip()
        if self._session.connection is not None and self.searching.may_search():
            self.show_rows()
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
        connection = self._session.connection
        self.searching.begin(connection, place)
        self.model.start(place.prefix)
        self.head.address.show_place(connection.profile.bucket if connection else "", place)
        self.head.show_way(self._history)
        self.lister.stop()
        if connection is not None and connection.profile.bucket:
            self.lister.start(connection.storage, connection.profile.bucket, place, self.searching.scanner())
        self.overviews.show_place(connection, place.prefix)
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

    @Slot(object)
    def _on_look_failed(self, error: VidcdnError) -> None:
        self.toast.show_message(harmless(error).sentence())

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
    def _on_seen(self) -> None:
        """Other rows are on screen: find out about them, and give up those that are gone."""
        if self.isVisible() and self.stack.shows_rows and not self.overviews.chosen:
            self.on_screen.look(self._session.connection, self.stack)

    # The way
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
