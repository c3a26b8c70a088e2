"""Going about in the bucket: the place that is listed, the way there and back, and what the list shows meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Slot

from vidcdn_desktop.errors import BucketNotFound, VidcdnError
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.frame import LibraryFrame, State
from vidcdn_desktop.gui.library.kept import Kept
from vidcdn_desktop.gui.library.places import Address, History, NotAnAddress, Place, above, read_address
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.shown import ShownBucket
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
        self.shown = ShownBucket(session, self)
        """The bucket that is listed."""
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
        head.address.switch_wanted.connect(self.buckets_wanted)
        self.elsewhere.back_wanted.connect(self.go_home)
        self.shown.opened.connect(self._on_bucket_opened)
        self.shown.refused.connect(self._on_bucket_refused)
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

    @property
    def connection(self) -> Connection | None:
        """What everything on this page goes through: about the bucket that is shown. None while it is not open."""
        return self.shown.connection

    @property
    def bucket(self) -> str:
        """The bucket that is shown; empty without a connection."""
        home = self._session.connection
        return self._history.place.bucket or (home.profile.bucket if home is not None else "")

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
        self._history.forget(Place(_home_of(connection)))
        self._list()

    @Slot()
    def go_home(self) -> None:
        """Show the bucket that videos are published to."""
        self._go(Place(_home_of(self._session.connection)))

    def open_bucket(self, bucket: str, region: str = "") -> None:
        """Show another bucket; where videos are published to stays as it is."""
        if region:
            self.shown.regions[bucket] = region
        if bucket == self.bucket:
            self.open_prefix("")
        elif self._own(bucket):
            self._go(Place("", bucket=self._own(bucket)))
        else:
            self.go_home()

    def _own(self, bucket: str) -> str:
        """How a place names a bucket: the connection's own is empty."""
        home = self._session.connection
        return "" if home is not None and bucket == home.profile.bucket else bucket

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
        self._go(Place(prefix, bucket=self._history.place.bucket))

    @Slot()
    def search_bucket(self) -> None:
        """Look for what is typed in all keys of the bucket."""
        needle = self.search.text().strip()
        if self.connection is not None and self.searching.may_search():
            self.show_rows()
            self._go(Place("", needle, self._history.place.bucket), keep_filter=True)

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
        self.lister.stop()
        self.shown.show(place.bucket)
        self.searching.begin(self.connection, place)
        self.model.start(place.prefix)
        self.head.address.show_place(self.bucket, place)
        self.head.show_way(self._history)
        home = self._session.connection
        can_move = home is not None and self._session.saved.is_movable(home.profile)
        self.elsewhere.show_bucket(place.bucket, home.profile.bucket if home else "", can_move=can_move)
        self._start()

    def _start(self) -> None:
        """Begin to list, where that is possible by now."""
        connection = self.connection
        if connection is not None and connection.profile.bucket:
            place = self._history.place
            self.lister.start(connection.storage, connection.profile.bucket, place, self.searching.scanner())
        self.overviews.show_place(connection, self._history.place.prefix)
        self._show_state()

    @Slot()
    def _on_bucket_opened(self) -> None:
        self.searching.begin(self.connection, self._history.place)
        self.model.start(self._history.place.prefix)
        self._start()

    @Slot(object)
    def _on_bucket_refused(self, error: VidcdnError) -> None:
        self._problem = self._told(error)
        self._show_state()

    def _told(self, error: VidcdnError) -> VidcdnError:
        told = harmless(error)
        if isinstance(error, BucketNotFound) and self._history.place.bucket:
            told.advice = "Check its name, or choose another bucket."
        return told

    @Slot(object)
    def _on_arrived(self, blocks: list[Block]) -> None:
        self.model.append(blocks)
        self._show_state()
        self._restore()
        self._on_seen()

    @Slot(object)
    def _on_ended(self, error: VidcdnError | None) -> None:
        self._complete = error is None
        self._problem = self._told(error) if error is not None else None
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

    def show_key(self, key: str, bucket: str = "") -> None:
        """Show an object in its folder and choose it, once the listing has reached it; or a folder.

        Args:
            key: The object, or a prefix.
            bucket: Where it is; empty: in the connection's own.
        """
        self.search.clear()
        is_folder = not key or key.endswith("/")
        self._go(Place(key if is_folder else above(key), bucket=self._own(bucket)))
        if not is_folder:
            self._kept.want(key)

    @Slot(str)
    def open_address(self, text: str) -> None:
        """Go to what was typed: an S3 address, a CDN link, or a folder."""
        home = self._session.connection
        if home is None:
            return
        try:
            address: Address = read_address(text, self.bucket, home.known_distributions)
        except NotAnAddress as exc:
            self.toast.show_message(str(exc))
            return
        self.show_key(address.key, address.bucket or self.bucket)
        self.stack.active.setFocus(Qt.FocusReason.OtherFocusReason)

    def _restore(self) -> None:
        if not self._kept.restore(self._complete):
            self.toast.show_message("This object is not in the bucket any more")

    # What is shown
    def _show_state(self) -> None:
        state = State(
            self._history.place,
            self._complete,
            waiting=not self._complete and (self.lister.is_running or self.shown.is_opening),
            is_open=self.connection is not None,
            bucket=self.bucket,
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
            self.on_screen.look(self.connection, self.stack)

    # The way
    @Slot()
    def go_up(self) -> None:
        """Open the folder above; from a search, the bucket."""
        place = self._history.place
        if place.needle:
            self._go(replace(place, needle=""))
        elif place.prefix:
            self._go(replace(place, prefix=above(place.prefix)))

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


def _home_of(connection: Connection | None) -> str:
    """Where new videos go."""
    return f"{connection.profile.prefix}/" if connection is not None and connection.profile.prefix else ""
