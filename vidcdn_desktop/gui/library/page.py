"""The Library page: what is in the bucket, one folder at a time or searched through, as a list or a gallery."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtGui import QAction, QHideEvent, QMouseEvent, QShowEvent

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.library.actions import add_actions
from vidcdn_desktop.gui.library.browser import Browser
from vidcdn_desktop.gui.library.details import Details
from vidcdn_desktop.gui.library.drop import DropTarget
from vidcdn_desktop.gui.library.overviews import NAMES as OVERVIEWS
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.library.selection import menu_for
from vidcdn_desktop.gui.library.verbs import Verbs
from vidcdn_desktop.gui.library.views import harmless
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.repair_batch import Wish
from vidcdn_desktop.storage.port import ObjectRef


class LibraryPage(Browser):
    """Lists the bucket of the session's connection, and lets the user act on it.

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
        super().__init__(session, facts, posters, settings_file)
        self._settings_file = settings_file
        self.verbs = Verbs(lambda: self.connection, self.model, self)
        self.drop = DropTarget(self.stack, self.model, self._drop_place, self)
        self.details = Details(self, facts)
        self._join()
        add_actions(self)
        self._on_view(self._memory.view)
        self._show_state()

    # Building
    def _join(self) -> None:
        stack = self.stack
        self.head.view.changed.connect(self._on_view_chosen)
        self.search.textChanged.connect(self._on_filter)
        self.model.selection_lost.connect(self._on_selection_lost)
        self.tally.changed.connect(self.bar.show_selected)
        self.bar.verb_chosen.connect(self._do)
        self.bar.more_wanted.connect(self._on_menu)
        self.clear_filter.clicked.connect(self.search.clear)
        self.versions_button.clicked.connect(self.show_versions)
        stack.opened.connect(self._on_opened)
        stack.play_wanted.connect(self._on_play)
        stack.menu_wanted.connect(self._on_menu)
        self.table.sorted_by.connect(self._on_sorted)
        self.table.columns_changed.connect(self._on_columns)
        self.on_screen.found.connect(self._on_found)
        self.drop.dropped.connect(self.upload_requested)
        self.upload_button.clicked.connect(self.choose_files)
        self.head.refresh.connect(self.overviews.look_again)
        self.overviews.opened.connect(self.open_prefix)
        self.overviews.shown.connect(self._on_shown)
        self.verbs.play.connect(self.play_requested)
        self.verbs.invalidate.connect(self.invalidate_requested)
        self.verbs.download.connect(self.download_requested)
        self.verbs.fast_start.connect(self.fast_start_requested)
        self.verbs.operation.connect(self.operation_requested)
        self.verbs.copied.connect(self._on_copied)
        self.verbs.told.connect(self.toast.show_message)
        self.verbs.failed.connect(self._on_verb_failed)

    @Slot()
    def _on_selection_lost(self) -> None:
        self.toast.show_message("Nothing is selected any more: the selection was in too many places")

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
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The buttons at the side of a mouse go back and forward."""
        if event.button() is Qt.MouseButton.BackButton:
            self.go_back()
        elif event.button() is Qt.MouseButton.ForwardButton:
            self.go_forward()
        else:
            super().mousePressEvent(event)

    @Slot()
    def _on_filter(self) -> None:
        if self.search.text():
            self.show_rows()
        self.tally.forget()
        self.searching.apply(self._history.place)
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
        is_overview = view in OVERVIEWS
        self.drawer.setVisible(not is_overview)
        self.overviews.choose(view if is_overview else "")
        self.head.view.set_value(view)
        if is_overview:
            self.on_screen.stop()
        else:
            self._on_view(view)
            self._on_columns()
        self._show_state()

    @Slot()
    def show_rows(self) -> None:
        """List or gallery, whichever was shown last."""
        if self.overviews.chosen:
            self._on_view_chosen(self._memory.view)

    @Slot()
    def show_health(self) -> None:
        """What is not well below this folder."""
        self._on_view_chosen("health")

    @Slot()
    def show_usage(self) -> None:
        """How much lies where below this folder."""
        self._on_view_chosen("usage")

    @Slot(object)
    def _on_shown(self, key: str) -> None:
        """A finding, or a folder, is wanted in the list."""
        self.show_rows()
        self.show_key(key)
        self.stack.active.setFocus(Qt.FocusReason.OtherFocusReason)

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

    @property
    def details_wanted(self) -> bool:
        """Whether the user wants the right panel."""
        return self._memory.details

    def want_details(self, wanted: bool) -> None:
        """Show the right panel from now on, or do not."""
        self._memory.details = wanted
        self._on_columns()

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

    def _drop_place(self) -> str | None:
        """Where files go that are dropped beside any folder; None: nowhere now."""
        connection = self.connection
        return self._history.place.prefix if connection is not None and connection.profile.bucket else None

    @Slot()
    def choose_files(self) -> None:
        """Choose files to be uploaded into the folder that is shown."""
        self._choose_for_upload(folder=False)

    @Slot()
    def choose_folder(self) -> None:
        """Choose a folder to be uploaded into the one that is shown."""
        self._choose_for_upload(folder=True)

    def _choose_for_upload(self, *, folder: bool) -> None:
        prefix = self._drop_place()
        if prefix is not None:
            self.files_wanted.emit((prefix, folder))

    @Slot()
    def fast_start_here(self) -> None:
        """Look for videos that start slowly in all of this folder."""
        connection = self.connection
        if connection is not None:
            self.fast_start_requested.emit([Wish(ObjectRef(connection.profile.bucket, self._history.place.prefix))])

    @Slot()
    def show_versions(self) -> None:
        """List what was deleted or replaced in this folder."""
        if self.connection is not None:
            self.versions_requested.emit(self._history.place.prefix)

    @Slot(object)
    def _do(self, verb: str) -> None:
        self.tally.count()
        # What is selected behind health or usage is out of sight, and no key may touch it.
        if self.bar.allows(verb) and not self.overviews.chosen:
            self.verbs.do(verb)

    @Slot()
    def _on_copied(self) -> None:
        self.toast.show_message("Link copied")

    @Slot(object)
    def _on_verb_failed(self, error: VidcdnError) -> None:
        self.toast.show_message(harmless(error).sentence())
