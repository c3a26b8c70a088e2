"""The Library page: what is in the bucket, one prefix at a time, page by page."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.invalidation import invalidation_path
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library.crumbs import Crumbs
from vidcdn_desktop.gui.library.links import FoundLink, link_to
from vidcdn_desktop.gui.library.selection import SelectionBar, counted, menu_for, wished
from vidcdn_desktop.gui.library.table import ObjectTable
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.listing import ListingModel, Row, rows_of
from vidcdn_desktop.gui.models.play_wish import PlayWish
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import (
    Button,
    EmptyState,
    ErrorPanel,
    IconButton,
    PageFooter,
    PageHeader,
    SearchEdit,
    Skeleton,
    Toast,
    page_body,
    set_property,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair_batch import Wish
from vidcdn_desktop.storage.port import ListingPage, ObjectRef

_NOTHING = "Nothing here yet"
_BEGIN = "Publish a video, and it appears here."


@dataclass(frozen=True)
class _Page:
    number: int
    page: ListingPage


class LibraryPage(QWidget):
    """Lists the bucket of the session's connection."""

    connections_requested = Signal()
    play_requested = Signal(object)
    """PlayWish."""
    invalidate_requested = Signal(object)
    """list[str]: invalidation paths."""
    download_requested = Signal(object)
    """list[ObjectRef]."""
    fast_start_requested = Signal(object)
    """list[Wish]: videos, and folders for all below them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._prefix = ""
        self._number = 0
        self._token = CancelToken()
        self._complete = False
        self._problem: VidcdnError | None = None
        self._wanted_key = ""
        self.model = ListingModel()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self._build_header(outer)
        outer.addWidget(self._build_body(), 1)
        self.footer = PageFooter()
        outer.addWidget(self.footer)
        self.toast = Toast(self)
        session.connection_changed.connect(self._on_connection)
        self._add_actions()
        self._show_state()

    def _build_header(self, outer: QVBoxLayout) -> None:
        header = PageHeader("Library")
        self.crumbs = Crumbs()
        self.crumbs.chosen.connect(self.open_prefix)
        header.add_start(self.crumbs)
        self.search = SearchEdit("Filter this folder", "Filter what is listed")
        set_property(self.search, "onsurface", True)
        self.search.setMinimumWidth(190)
        self.search.textChanged.connect(self._on_filter)
        header.add_end(self.search)
        refresh = IconButton("refresh", "Refresh the list")
        refresh.clicked.connect(self.refresh)
        header.add_end(refresh)
        outer.addWidget(header)

    def _build_body(self) -> QWidget:
        body, column = page_body()
        self.bar = SelectionBar()
        self.bar.verb_chosen.connect(self._do)
        self._buttons = self.bar.buttons
        column.addWidget(self.bar)
        self.stack = QStackedWidget()
        column.addWidget(self.stack, 1)
        self.table = ObjectTable(self.model)
        self._dress_table()
        self.clear_filter = Button("Clear the filter")
        self.clear_filter.clicked.connect(self.search.clear)
        self.empty = EmptyState("library", _NOTHING, _BEGIN, [self.clear_filter])
        self.error = ErrorPanel()
        self.error.action_requested.connect(self._on_try_again)
        holder = QWidget()
        error_column = QVBoxLayout(holder)
        error_column.setContentsMargins(0, 0, 0, 0)
        error_column.addWidget(self.error)
        error_column.addStretch(1)
        self.skeleton = Skeleton(8, 30)
        for widget in (self.table, self.empty, holder, self.skeleton):
            self.stack.addWidget(widget)
        return body

    def _dress_table(self) -> None:
        table = self.table
        table.horizontalHeader().sectionClicked.connect(self._on_header)
        table.activated.connect(self._on_activated)
        table.customContextMenuRequested.connect(self._on_menu)
        table.selectionModel().selectionChanged.connect(self._on_selection)
        table.installEventFilter(self)

    def _add_actions(self) -> None:
        for text, keys, slot in (
            ("Refresh the list", "F5", self.refresh),
            ("Up one folder", "Alt+Up", self.go_up),
            ("Filter this folder", "Ctrl+F", self._on_find),
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

    # Listing
    @Slot(object)
    def set_connection(self, facts: ConnectionFacts) -> None:
        """Tell a connection that cannot be opened."""
        if facts.status == "problem" and facts.problem is not None and self._session.connection is None:
            self._problem = _harmless(facts.problem)
            self._show_state()

    @Slot()
    def _on_try_again(self) -> None:
        if self._session.connection is None:
            self._session.use(self._session.facts.profile.id)
        else:
            self.refresh()

    @Slot(object)
    def _on_connection(self, connection: Connection | None) -> None:
        self._problem = None
        self.open_prefix(f"{connection.profile.prefix}/" if connection and connection.profile.prefix else "")

    @Slot()
    def refresh(self) -> None:
        """List once more from the start."""
        self.open_prefix(self._prefix)

    def show_key(self, key: str) -> None:
        """Show an object in its folder and choose it, once the listing has reached it; or a folder."""
        self.search.clear()
        if not key or key.endswith("/"):
            self.open_prefix(key)
            return
        above = key.rpartition("/")[0]
        self.open_prefix(f"{above}/" if above else "")
        self._wanted_key = key

    def _choose_wanted(self) -> None:
        if not self._wanted_key:
            return
        for number in range(self.model.rowCount()):
            if self.model.row(number).key == self._wanted_key:
                self._wanted_key = ""
                self.table.selectRow(number)
                self.table.scrollTo(self.model.index(number, 0))
                self.table.setFocus(Qt.FocusReason.OtherFocusReason)
                return
        if self._complete:
            self._wanted_key = ""
            self.toast.show_message("This object is not in the bucket any more")

    @Slot(object)
    def open_prefix(self, prefix: str) -> None:
        """Show what lies below a prefix."""
        self._wanted_key = ""
        self._token.cancel()
        token = self._token = CancelToken()
        self._number += 1
        self._prefix = prefix
        self._complete = False
        self._problem = None
        self.model.clear()
        self._show_crumbs()
        connection = self._session.connection
        if connection is not None and connection.profile.bucket:
            self._fetch(connection, token, "")
        self._show_state()

    def _fetch(self, connection: Connection, token: CancelToken, page_token: str) -> None:
        number, prefix = self._number, self._prefix

        def fetch() -> _Page:
            token.raise_if_cancelled()
            return _Page(number, connection.storage.list_page(connection.profile.bucket, prefix, token=page_token))

        run_in_background(self, fetch, self._on_page, self._on_error, token=token)

    @Slot(object)
    def _on_page(self, answer: _Page) -> None:
        if answer.number != self._number:
            return
        self.model.append(rows_of(answer.page, self._prefix))
        connection = self._session.connection
        self._complete = not answer.page.next_token
        if not self._complete and connection is not None:
            self._fetch(connection, self._token, answer.page.next_token)
        self._show_state()
        self._choose_wanted()

    @Slot(object)
    def _on_error(self, error: VidcdnError) -> None:
        self._problem = _harmless(error)
        self._show_state()

    def _show_state(self) -> None:
        rows = self.model.all_rows
        if self._problem is not None:
            self.error.set_error(self._problem, "Try again")
            self.stack.setCurrentIndex(2)
        elif self.model.rowCount():
            self.stack.setCurrentIndex(0)
        elif rows:
            self.empty.set("Nothing matches", "No name in this folder has these letters.")
            self.stack.setCurrentIndex(1)
        elif self._complete:
            self.empty.set(_NOTHING, _BEGIN)
            self.stack.setCurrentIndex(1)
        else:
            self.stack.setCurrentIndex(3)
        if self.stack.currentIndex() == 3:
            self.skeleton.start()
        else:
            self.skeleton.stop()
        self.clear_filter.setVisible(bool(rows))
        text = counted(rows, self.model.rowCount())
        self.footer.set_status("" if self._problem else text if self._complete else f"{text} so far…" if rows else "")
        self.table.fit()
        self._on_selection()

    def _show_crumbs(self) -> None:
        connection = self._session.connection
        self.crumbs.show_place(connection.profile.bucket if connection else "", self._prefix)

    # What the user does
    @Slot()
    def go_up(self) -> None:
        """Open the prefix above."""
        if self._prefix:
            above = self._prefix.rstrip("/").rpartition("/")[0]
            self.open_prefix(f"{above}/" if above else "")

    @Slot(str)
    def _on_filter(self, text: str) -> None:
        self.model.set_filter(text)
        self._show_state()

    @Slot()
    def _on_find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    @Slot(int)
    def _on_header(self, column: int) -> None:
        header = self.table.horizontalHeader()
        descending = header.isSortIndicatorShown() and header.sortIndicatorSection() == column
        descending = descending and header.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicatorShown(True)
        header.setSortIndicator(column, order)
        self.model.sort(column, order)

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        row = self.model.row(index.row())
        if row.is_folder:
            self.open_prefix(row.key)
        elif row.kind == "Video":
            self._find_link("play", row)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Backspace goes up, Enter opens, Space plays a video."""
        if watched is self.table and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Backspace:
                self.go_up()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.table.currentIndex().isValid():
                self._on_activated(self.table.currentIndex())
                return True
            if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier:
                self._do("play")
                return True
        return super().eventFilter(watched, event)

    def _selected(self) -> list[Row]:
        numbers: list[int] = []
        ranges = self.table.selectionModel().selection()
        for place in range(ranges.count()):
            numbers += range(ranges.at(place).top(), ranges.at(place).bottom() + 1)
        return [self.model.row(n) for n in sorted(set(numbers)) if n < self.model.rowCount()]

    @Slot()
    def _on_selection(self) -> None:
        self.bar.show_rows(self._selected())
        self.bar.setVisible(self.stack.currentWidget() is self.table)

    @Slot()
    def _on_action(self) -> None:
        """An action of the page or of its menu; its data is the verb."""
        action = self.sender()
        if isinstance(action, QAction):
            self._do(str(action.data()))

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        """What the bar offers, where the pointer or the focus is."""
        if not self._selected():
            return
        menu = menu_for(self.bar, self._on_action, self)
        menu.popup(self.table.viewport().mapToGlobal(place))

    @Slot()
    def _on_fast_start_here(self) -> None:
        connection = self._session.connection
        if connection is not None:
            self.fast_start_requested.emit([Wish(ObjectRef(connection.profile.bucket, self._prefix))])

    @Slot(object)
    def _do(self, verb: str) -> None:
        rows = self._selected()
        if not rows or not self._buttons[verb].isEnabled():
            return
        if verb == "invalidate":
            paths = [invalidation_path(r.key) if not r.is_folder else f"{invalidation_path(r.key)}*" for r in rows]
            self.invalidate_requested.emit(paths)
            return
        if verb == "download":
            self._ask_for_files(rows)
            return
        if verb == "faststart":
            self._ask_for_fast_start(rows)
            return
        self._find_link(verb, rows[0])

    def _ask_for_files(self, rows: list[Row]) -> None:
        connection = self._session.connection
        if connection is not None:
            bucket = connection.profile.bucket
            self.download_requested.emit([ObjectRef(bucket, row.key) for row in rows if not row.is_folder])

    def _ask_for_fast_start(self, rows: list[Row]) -> None:
        connection = self._session.connection
        if connection is not None:
            bucket = connection.profile.bucket
            self.fast_start_requested.emit([Wish(ObjectRef(bucket, row.key)) for row in wished(rows)])

    def _find_link(self, verb: str, row: Row) -> None:
        connection = self._session.connection
        if connection is None:
            return
        run_in_background(
            self, lambda: FoundLink(verb, row, link_to(connection, row.key)), self._on_link, self._on_error
        )

    @Slot(object)
    def _on_link(self, link: FoundLink) -> None:
        if link.verb == "copy":
            QGuiApplication.clipboard().setText(link.url)
            self.toast.show_message("Link copied")
        else:
            self.play_requested.emit(PlayWish(link.row.name, link.url, link.row.size, link.row.etag))


def _harmless(error: VidcdnError) -> VidcdnError:
    """The error with the fate of what is listed; another page may show the same one in its own words."""
    told = copy(error)
    told.meaning = "Nothing was changed."
    return told
