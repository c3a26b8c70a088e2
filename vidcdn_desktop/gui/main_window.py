"""The window's frame: the rail, the pages it is given, the practice banner, the keys, and how it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, cast

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from vidcdn_desktop.gui.banner import PracticeBanner
from vidcdn_desktop.gui.icons import app_icon
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.palette import CommandPalette
from vidcdn_desktop.gui.quit_dialog import CloseChoice, QuitDialog
from vidcdn_desktop.gui.rail import Rail
from vidcdn_desktop.gui.reading_order import move_focus
from vidcdn_desktop.gui.theme import ThemeMode

APP_NAME = "VidCDN Desktop"

_PAGES = {
    "publish": ("Publish", "publish"),
    "library": ("Library", "library"),
    "delivery": ("Delivery", "delivery"),
    "activity": ("Activity", "activity"),
}
"""Name of a page to text and icon, in the order of the rail."""

_DEFAULT_SIZE = QSize(1280, 800)
_MINIMUM_SIZE = QSize(900, 600)


class ConnectionAware(Protocol):
    """What a page must offer beside being a widget."""

    def set_connection(self, facts: ConnectionFacts) -> None:
        """The connection in use, or what is known of it, has changed."""
        ...


class MainWindow(QMainWindow):
    """Holds the pages it is given. Owns no work: what the user wants is told by signals. GUI thread."""

    page_changed = Signal(object)
    """str: the name of the page now shown."""
    connections_requested = Signal()
    """The connection card or its action: open the Connections dialog."""
    new_connection_requested = Signal()
    """The practice banner's button: open the dialog on a new connection."""
    settings_requested = Signal()
    theme_requested = Signal(object)
    """ThemeMode, chosen in the palette."""
    close_requested = Signal(object)
    """CloseChoice. QUIT: the window has closed, shut down. BACKGROUND: it is hidden, quit when the work is done.
    PAUSE and CANCEL: pause or cancel the work, then call `finish_close`."""

    def __init__(
        self,
        pages: Mapping[str, QWidget],
        facts: ConnectionFacts,
        *,
        busy: Callable[[], int],
        settings_file: Path,
        confirm_quit: Callable[[], bool] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Put the frame together.

        Args:
            pages: "publish", "library", "delivery" and "activity" (any subset), each with `set_connection`. A page
                has a vertical box layout with its header first.
            facts: The connection as far as it is known now.
            busy: How many jobs are running; asked when the window is closed.
            settings_file: Where size and page are remembered.
            confirm_quit: Whether to ask when jobs are running; without it: always. Not asked means paused.
            parent: Owner of the window, usually none.
        """
        super().__init__(parent)
        self._busy = busy
        self._confirm_quit = confirm_quit
        self._may_close = False
        self._is_practice = False
        self._dialog: QuitDialog | None = None
        self._memory = QSettings(str(settings_file), QSettings.Format.IniFormat)
        self.setWindowTitle(APP_NAME)
        self.setWindowIcon(app_icon())
        self.setMinimumSize(_MINIMUM_SIZE)
        self._names = [name for name in _PAGES if name in pages]
        self._pages = {name: pages[name] for name in self._names}
        self._banners: list[PracticeBanner] = []
        self.rail = Rail([(name, *_PAGES[name]) for name in self._names])
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(self._with_banner(page))
        centre = QWidget()
        centre.setObjectName("Page")
        layout = QHBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addWidget(self._stack, 1)
        self.setCentralWidget(centre)
        self._own_actions: list[QAction] = []
        self._extra_actions: list[QAction] = []
        self._make_actions()
        self.rail.page_chosen.connect(self._on_page_chosen)
        self.rail.connections_requested.connect(self.connections_requested)
        self.rail.settings_requested.connect(self.settings_requested)
        self._restore()
        self.set_facts(facts)
        # Else the first button would start with a focus ring nobody asked for; Tab goes on from here.
        self._stack.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._stack.setFocus()

    # What the outside tells the window

    def set_facts(self, facts: ConnectionFacts) -> None:
        """Show another connection, or newer facts of the same, in the rail, the banners and all pages."""
        self._is_practice = facts.profile.is_practice
        self.rail.card.set_facts(facts)
        for banner in self._banners:
            banner.setVisible(facts.profile.is_practice)
        for page in self._pages.values():
            cast("ConnectionAware", page).set_connection(facts)

    def set_running(self, count: int, fraction: float | None = None) -> None:
        """Show how many jobs run (Activity badge, dock) and how far all of them are together (title), 0..1."""
        if "activity" in self._pages:
            self.rail.set_count("activity", count)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.setBadgeNumber(count)
        percent = f"{int(fraction * 100)} % · " if count and fraction is not None else ""
        self.setWindowTitle(f"{percent}{APP_NAME}")

    def show_page(self, name: str) -> None:
        """Switch to a page by name."""
        self.rail.set_current(name)

    @property
    def current_page(self) -> str:
        """The name of the page shown."""
        return self._names[self._stack.currentIndex()]

    def add_palette_actions(self, actions: Iterable[QAction]) -> None:
        """Offer more actions in the command palette, on every page.

        Actions of a page widget are there by themselves, while the page is shown.
        """
        self._extra_actions.extend(actions)

    def palette_actions(self) -> list[QAction]:
        """What the command palette offers now: the page's actions first."""
        page = self._pages[self.current_page]
        found = [*page.actions(), *self._extra_actions, *self._own_actions]
        return [action for action in dict.fromkeys(found) if not action.isSeparator()]

    def finish_close(self) -> None:
        """Close for good, without a question."""
        self._may_close = True
        self.close()

    # Building

    def _with_banner(self, page: QWidget) -> QWidget:
        banner = PracticeBanner()
        banner.connect_requested.connect(self.new_connection_requested)
        self._banners.append(banner)
        layout = page.layout()
        if isinstance(layout, QBoxLayout) and layout.count():
            layout.insertWidget(1, banner)
            return page
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(banner)
        column.addWidget(page, 1)
        return holder

    def _make_actions(self) -> None:
        for number, name in enumerate(self._names, 1):
            action = self._action(f"Go to {_PAGES[name][0]}", f"Ctrl+{number}")
            action.setData(name)
            action.triggered.connect(self._on_go)
        self._action("Connections…", "").triggered.connect(self.connections_requested)
        self._action("Connect an AWS account…", "").triggered.connect(self.new_connection_requested)
        self._action("Settings…", "Ctrl+,").triggered.connect(self.settings_requested)
        for mode, text in (
            (ThemeMode.LIGHT, "Use the light look"),
            (ThemeMode.DARK, "Use the dark look"),
            (ThemeMode.SYSTEM, "Use the system's look"),
        ):
            action = self._action(text, "")
            action.setData(mode)
            action.triggered.connect(self._on_theme)
        self._action("Quit", "Ctrl+Q").triggered.connect(self.close)
        palette = QAction("Find an action…", self)
        palette.setShortcut(QKeySequence("Ctrl+K"))
        palette.triggered.connect(self.open_palette)
        self.addAction(palette)

    def _action(self, text: str, keys: str) -> QAction:
        action = QAction(text, self)
        if keys:
            action.setShortcut(QKeySequence(keys))
        self.addAction(action)
        self._own_actions.append(action)
        return action

    # What the user does

    @Slot()
    def _on_go(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.show_page(action.data())

    @Slot()
    def _on_theme(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.theme_requested.emit(action.data())

    @Slot(object)
    def _on_page_chosen(self, name: str) -> None:
        self._stack.setCurrentIndex(self._names.index(name))
        self.page_changed.emit(name)

    @Slot()
    def open_palette(self) -> None:
        """Open the command palette over the window."""
        palette = CommandPalette(self.palette_actions(), self)
        palette.finished.connect(palette.deleteLater)
        palette.adjustSize()
        corner = self.mapToGlobal(self.rect().topLeft())
        palette.move(corner.x() + (self.width() - palette.width()) // 2, corner.y() + 72)
        palette.open()
        palette.input.setFocus()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab and Shift+Tab go in reading order: rail, header, banner, page, panel, footer."""
        return move_focus(self, forward=forward)

    # Remembering and closing

    def _restore(self) -> None:
        geometry = self._memory.value("geometry")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(_DEFAULT_SIZE)
        page = self._memory.value("page")
        self.show_page(page if isinstance(page, str) and page in self._pages else self._names[0])

    def _remember(self) -> None:
        self._memory.setValue("geometry", self.saveGeometry())
        self._memory.setValue("page", self.current_page)
        self._memory.sync()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close at once when nothing runs; else ask once."""
        self._remember()
        count = 0 if self._may_close else self._busy()
        if count == 0:
            event.accept()
            if not self._may_close:
                self._may_close = True
                self.close_requested.emit(CloseChoice.QUIT)
            return
        event.ignore()
        if self._confirm_quit is not None and not self._confirm_quit():
            self._on_close_chosen(CloseChoice.PAUSE)  # who is not asked loses nothing
            return
        if self._dialog is not None:
            self._dialog.raise_()
            return
        self._dialog = QuitDialog(count, self, practice=self._is_practice)
        self._dialog.chosen.connect(self._on_close_chosen)
        self._dialog.finished.connect(self._on_dialog_finished)
        self._dialog.open()

    @Slot(int)
    def _on_dialog_finished(self, _result: int) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    @Slot(object)
    def _on_close_chosen(self, choice: CloseChoice) -> None:
        if choice is CloseChoice.BACKGROUND:
            self.hide()
        self.close_requested.emit(choice)
