"""Joins the right panel to the Library: what is selected is shown, found out about, played, and acted on.

On a wide window the panel stands beside the gallery all the time: tiles that moved with the first click would have the
second click of a double click hit another. Beside the list it comes with the first selected row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence

from vidcdn_desktop.delivery.session import PlaybackFacts
from vidcdn_desktop.delivery.urls import embed_html
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.details_loader import DetailsLoader, Subject
from vidcdn_desktop.gui.library.links import FoundLink, link_to
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.library.selection import Selected
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.models.rows import Row, RowStore
from vidcdn_desktop.gui.player import Players
from vidcdn_desktop.gui.player.window import edge_line
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.operations.targets import Source
from vidcdn_desktop.storage.keys import poster_key
from vidcdn_desktop.storage.object_facts import ObjectVersion
from vidcdn_desktop.storage.port import ObjectRef

if TYPE_CHECKING:
    from vidcdn_desktop.gui.library.page import LibraryPage


class Details(QObject):
    """GUI thread."""

    restore_wanted = Signal(object)
    """Source: this version of an object is to be served again, in place of the one with the ETag."""

    def __init__(self, page: LibraryPage, facts: FactCache | None) -> None:
        super().__init__(page)
        self._page = page
        self._panel, self._drawer = page.details_panel, page.drawer
        self._selected = Selected()
        self._place: Place | None = None
        """Where the object that is shown is listed."""
        self._asked: tuple[RowStore, Row] | None = None
        """What is found out about: rows that only come to the list change nothing."""
        self.players: Players | None = None
        """Who plays inside the panel; without them a window is asked for."""
        self.loader = DetailsLoader(facts, page.on_screen.picture_of, self)
        self._join()

    def _join(self) -> None:
        panel, loader, page = self._panel, self.loader, self._page
        page.tally.changed.connect(self._on_selected)
        page.shown.changed.connect(self._on_connection)
        page.head.view.changed.connect(self._on_arranged)
        page.overviews.changed.connect(self._on_arranged)
        panel.shown.connect(self._on_shown)
        panel.gone.connect(self._on_gone)
        panel.action_wanted.connect(self._on_action)
        panel.stage.play_wanted.connect(self._on_play)
        panel.versions.restore_wanted.connect(self._on_restore)
        panel.film.all_wanted.connect(loader.read_all_facts)
        panel.film.copied.connect(self._on_copied_facts)
        loader.details.connect(panel.set_details)
        loader.link.connect(panel.set_link)
        loader.film.connect(panel.set_film)
        loader.picture.connect(panel.stage.set_picture)
        loader.index.connect(panel.set_index)
        loader.failed.connect(panel.set_problem)
        action = QAction("Show or hide the details", page)
        action.setShortcut(QKeySequence("Ctrl+I"))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(self.toggle)
        page.addAction(action)

    # What is selected
    @Slot(object)
    def _on_selected(self, selected: Selected) -> None:
        self._selected = selected
        if not selected.count and self._page.lister.is_running and self._place == self._page.place:
            return  # the same folder is listed once more, and what was selected will be so again
        self._show()

    @Slot(object)
    def _on_connection(self, _connection: object) -> None:
        """What was shown lies in another bucket."""
        self._place, self._asked = None, None
        self._selected = Selected()
        self.loader.stop()
        self._panel.show_nothing()
        self._on_arranged()

    def _show(self) -> None:
        row = self._row()
        connection = self._page.connection
        if row is not None and self._asked == (self._page.model.store, row):
            return
        self.loader.stop()
        self._asked = None
        if row is not None and connection is not None:
            self._place = self._page.place
            bucket = connection.profile.bucket
            if row.is_folder:
                self._panel.show_folder(bucket, row)
            else:
                self._panel.show_object(bucket, row)
                if self._panel.isVisible():
                    self._asked = self._page.model.store, row
                    self.loader.want(Subject(connection, row, self._picture_of(row)))
        elif self._selected.count:
            self._panel.show_several(self._selected)
        else:
            self._place = None
            self._panel.show_nothing()
        self._on_arranged()

    def _row(self) -> Row | None:
        """The one row that is selected."""
        model = self._page.model
        if self._selected.count != 1 or self._selected.is_growing:
            return None
        ids = model.ids(model.ranges())
        return model.store.row(ids[0]) if len(ids) == 1 else None

    def _picture_of(self, row: Row) -> Row | None:
        if row.kind != "Video":
            return row if row.kind == "Thumbnail" else None
        place = self._page.model.store.find(poster_key(row.key))
        return self._page.model.store.row(place) if place is not None else None

    # Where the panel is
    @Slot()
    def _on_arranged(self) -> None:
        """Whether there is a panel; see above why it does not come and go beside the gallery."""
        stack = self._page.stack
        has_use = bool(self._selected.count) or self._place is not None or stack.active is stack.gallery
        rows = stack.shows_rows and not self._page.overviews.chosen
        self._drawer.set_available(self._page.details_wanted and rows and has_use)
        self._page.head.fit()

    @Slot()
    def toggle(self) -> None:
        """Show or hide the panel; on a narrow window open or close the drawer."""
        if self._drawer.is_folded:
            self._page.want_details(True)
            self._on_arranged()
            self._drawer.set_open(not self._drawer.is_panel_visible)
        else:
            self._page.want_details(not self._page.details_wanted)
            self._on_arranged()

    @Slot()
    def _on_shown(self) -> None:
        self._show()

    @Slot()
    def _on_gone(self) -> None:
        self.loader.stop()
        self._asked = None

    # What the user does with it
    @Slot(str)
    def _on_action(self, verb: str) -> None:
        row, link = self._panel.row, self._panel.link
        if row is None:
            return
        if verb == "copy":
            self._page.verbs.find_link("copy", row)
        elif verb == "invalidate":
            self._page.verbs.invalidate_rows([row])
        elif verb == "embed" and link is not None and link.url is not None:
            film = self._panel.film_facts
            facts = film.facts if film is not None else None
            width, height = (facts.width, facts.height) if facts is not None else (None, None)
            code = embed_html(link.url.url, link.poster_url, self._panel.name, width, height)
            QGuiApplication.clipboard().setText(code)
            self._page.toast.show_message("Embed code copied")

    @Slot()
    def _on_copied_facts(self) -> None:
        self._page.toast.show_message("Facts copied as JSON")

    @Slot(object)
    def _on_restore(self, version: ObjectVersion) -> None:
        row, connection = self._panel.row, self._page.connection
        if row is not None and connection is not None:
            ref = ObjectRef(connection.profile.bucket, row.key)
            self.restore_wanted.emit(Source(ref, row.etag, version.size, version.version_id))

    # Playing
    @Slot()
    def _on_play(self) -> None:
        row, connection = self._panel.row, self._page.connection
        if row is not None and connection is not None:
            self._panel.stage.play_button.setEnabled(False)
            run_in_background(
                self, lambda: FoundLink("play", row, link_to(connection, row.key)), self._on_link, self._on_link_failed
            )

    @Slot(object)
    def _on_link(self, link: FoundLink) -> None:
        self._panel.stage.play_button.setEnabled(True)
        if self._panel.row is None or link.row.key != self._panel.row.key or not self._panel.isVisible():
            return
        wish = PlayWish(self._panel.name, link.url, link.row.size, link.row.etag)
        if self.players is None:
            self._page.play_requested.emit(wish)
            return
        player = self.players.embed(wish)
        if player is not None:
            player.measured.connect(self._on_measured)
            player.window_wanted.connect(self._on_window_wanted)
            self._panel.stage.begin(player)

    @Slot(object)
    def _on_link_failed(self, error: VidcdnError) -> None:
        self._panel.stage.play_button.setEnabled(True)
        self._page.toast.show_message(error.sentence())

    @Slot(object)
    def _on_measured(self, facts: PlaybackFacts) -> None:
        player = self._panel.stage.player
        if player is not None and player is self.sender():
            self._panel.set_played(edge_line(facts, player.first_frame_s, short=True), facts)

    @Slot()
    def _on_window_wanted(self) -> None:
        player = self._panel.stage.player
        if player is not None:
            wish = player.wish
            self._panel.stage.end()
            self._page.play_requested.emit(wish)
