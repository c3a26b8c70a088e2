"""Composition root of the window: the only place that builds stores, session, bridge and pages and joins them."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import cast

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QTimer, QtMsgType, Signal, Slot, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from vidcdn_desktop import paths
from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.credentials.secrets import open_secret_store
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui import background
from vidcdn_desktop.gui.activity.page import ActivityPage
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.connect.dialog import ConnectionsDialog
from vidcdn_desktop.gui.connections_backend import ConnectionsForWindow
from vidcdn_desktop.gui.delivery.page import DeliveryPage
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library_desks import LibraryDesks
from vidcdn_desktop.gui.main_window import APP_NAME, MainWindow
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.gui.models.counts import Counts
from vidcdn_desktop.gui.player import Players
from vidcdn_desktop.gui.presence import Presence
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.quit_dialog import CloseChoice
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.settings_dialog import SettingsDialog
from vidcdn_desktop.gui.theme import Theme, ThemeMode, apply_theme
from vidcdn_desktop.gui.transfers import TransferDesk
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.convert import sweep_conversions
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.jobs.means import ENDLESS, Means
from vidcdn_desktop.jobs.model import JobSnapshot, JobState
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.logs import setup_logging
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.settings import Settings, load_settings, save_settings

_log = logging.getLogger(__name__)

APP_ID = "org.vidcdn.Desktop"
"""Reverse-DNS id: desktop file name, window class."""

_LAST_WAIT_S = 15.0
"""How long the end of the program waits for threads that should be gone already."""


class Desktop(QObject):
    """Everything the window consists of, joined; lives on the GUI thread as long as the program."""

    stopped = Signal()
    """Every job, thread and server has ended."""

    def __init__(self, app: QApplication, settings: Settings) -> None:
        super().__init__(app)
        self._app = app
        self._settings = settings
        self._hidden = False
        self._closing = False
        self._published: set[str] = set()
        """Jobs whose end the Library has heard of."""
        self.theme: Theme = apply_theme(app, ThemeMode(settings.appearance))
        self.saved = SavedConnections(ProfileStore(), open_secret_store, network=settings.network)
        self.session = Session(
            self.saved, parallel_parts=settings.parallel_parts, network=settings.network, parent=self
        )
        tools = find_tools(settings.ffmpeg_path or None, settings.ffprobe_path or None)
        self.journal, no_journal = _open_journal()
        limiter = RateLimiter(settings.speed_limit_bytes_per_s)
        self.bridge = JobBridge(tools, self, means=Means(tools, self.journal, limiter, ENDLESS))
        # Before anybody else hears of a connection: what waits for it asks the bridge.
        self.session.connection_changed.connect(self.bridge.set_connection)
        self.backend = ConnectionsForWindow(self.saved, self.session, self)
        self.players = Players(parent=self, network=settings.network)
        self.publish = PublishPage(self.bridge, default_prefix=settings.prefix)
        self.facts = FactCache()
        self.library = LibraryPage(self.session, facts=self.facts, settings_file=paths.config_dir() / "library.ini")
        self.library.on_screen.show_frames(tools)
        self.delivery = DeliveryPage(self.session)
        self.activity = ActivityPage(self.bridge, self.journal)
        if no_journal is not None:
            self.activity.set_problem(no_journal)
        pages: dict[str, QWidget] = {
            "publish": self.publish,
            "library": self.library,
            "delivery": self.delivery,
            "activity": self.activity,
        }
        self.window = MainWindow(
            pages,
            self.session.facts,
            busy=self._busy,
            settings_file=paths.config_dir() / "window.ini",
            confirm_quit=self._confirm_quit,
        )
        self.transfers = TransferDesk(
            self.bridge,
            self.session,
            self.saved,
            self.window,
            (self.publish, self.library, self.activity),
            download_folder=settings.download_folder,
            parent=self,
        )
        self.desks = LibraryDesks(
            self.bridge, self.session, self.window, (self.publish, self.library, self.activity), self.players, self
        )
        self.fast_start, self.operations = self.desks.fast_start, self.desks.operations
        self._presence = Presence(self)
        self._presence.start()
        self._join()

    def _join(self) -> None:
        window, session, bridge = self.window, self.session, self.bridge
        session.facts_changed.connect(self._on_facts)
        bridge.counts_changed.connect(self._on_counts)
        bridge.job_changed.connect(self._on_job_changed)
        bridge.all_stopped.connect(self._on_jobs_stopped)
        for page in (self.publish, self.library, self.delivery):
            page.connections_requested.connect(self._on_connections)
        window.connections_requested.connect(self._on_connections)
        window.new_connection_requested.connect(self._on_new_connection)
        window.settings_requested.connect(self._on_settings)
        window.theme_requested.connect(self._on_theme)
        window.close_requested.connect(self._on_close)
        self.publish.play_requested.connect(self.players.play)
        self.library.play_requested.connect(self.players.play)
        self.library.invalidate_requested.connect(self._on_invalidate)
        self.fast_start.invalidate_requested.connect(self._on_invalidate)
        self.activity.show_job.connect(self._on_show_job)
        self.transfers.connections_requested.connect(self._on_connections)
        self.transfers.limit_changed.connect(self._on_limit)
        self.transfers.folder_changed.connect(self._on_folder)

    def recall(self) -> None:
        """Look up what an earlier run of the program was at, and go on with it if so set."""
        self.transfers.recall(resume=self._settings.resume_on_start)

    # What the frame asks
    def _busy(self) -> int:
        return self.bridge.counts().busy

    def _confirm_quit(self) -> bool:
        return self._settings.confirm_quit_busy

    # What happens
    @Slot(object)
    def _on_facts(self, facts: ConnectionFacts) -> None:
        self.window.set_facts(facts)
        if facts.status == "ok" and facts.profile.id != self._settings.last_connection:
            self._keep(replace(self._settings, last_connection=facts.profile.id))

    @Slot(object)
    def _on_counts(self, counts: Counts) -> None:
        self.window.set_running(counts.busy, counts.fraction)
        if self._hidden and not counts.busy and not self._closing:
            self._shut_down()

    @Slot(object)
    def _on_job_changed(self, snapshot: JobSnapshot) -> None:
        # Once a job: what is told of a published one later (checked, refreshed) changes nothing in the bucket.
        if snapshot.state is not JobState.PUBLISHED:
            self._published.discard(snapshot.id)
        elif snapshot.id not in self._published:
            self._published.add(snapshot.id)
            if snapshot.connection_id == self.session.facts.profile.id:
                self.library.refresh()

    @Slot()
    def _on_connections(self) -> None:
        self._open_connections(new=False)

    @Slot()
    def _on_new_connection(self) -> None:
        self._open_connections(new=True)

    def _open_connections(self, *, new: bool) -> None:
        dialog = ConnectionsDialog(self.backend, current=self.session.facts.profile.id, new=new, parent=self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot()
    def _on_settings(self) -> None:
        dialog = SettingsDialog(self._settings, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.settings_changed.connect(self._on_settings_changed)
        dialog.open()

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        self._keep(settings)
        self.transfers.show_limit(settings.speed_limit_bytes_per_s)
        self.theme.set_mode(ThemeMode(settings.appearance))

    @Slot(object)
    def _on_theme(self, mode: ThemeMode) -> None:
        self.theme.set_mode(mode)
        self._keep(replace(self._settings, appearance=mode.value))

    @Slot(object)
    def _on_limit(self, bytes_per_s: int | None) -> None:
        self._keep(replace(self._settings, speed_limit_bytes_per_s=bytes_per_s))

    @Slot(str)
    def _on_folder(self, folder: str) -> None:
        self._keep(replace(self._settings, download_folder=folder))

    def _keep(self, settings: Settings) -> None:
        self._settings = settings
        try:
            save_settings(settings)
        except VidcdnError as exc:
            _log.warning("settings not saved: %s", exc.sentence())

    @Slot(object)
    def _on_invalidate(self, invalidation_paths: list[str]) -> None:
        self.window.show_page("delivery")
        self.delivery.add_paths(invalidation_paths)

    @Slot(str)
    def _on_show_job(self, job_id: str) -> None:
        self.window.show_page("publish")
        self.publish.select(job_id)

    # The end, in stages
    @Slot(object)
    def _on_close(self, choice: CloseChoice) -> None:
        if choice is CloseChoice.BACKGROUND:
            self._hidden = True
            if not self._busy():
                self._shut_down()
            return
        if choice is CloseChoice.CANCEL:
            self.bridge.cancel_all()
            self.window.hide()
        if choice is CloseChoice.PAUSE:
            self.window.hide()
        self._shut_down(pause=choice is CloseChoice.PAUSE)

    def _shut_down(self, *, pause: bool = False) -> None:
        """Refuse new work, cancel or pause what runs, and wait for the endings by signal."""
        if self._closing:
            return
        self._closing = True
        self.players.stop()
        self.bridge.shut_down(pause=pause)
        if self.bridge.is_stopped():
            self._on_jobs_stopped()

    @Slot()
    def _on_jobs_stopped(self) -> None:
        self.window.finish_close()
        QTimer.singleShot(0, self._finish)

    @Slot()
    def _finish(self) -> None:
        # No window is left, so waiting here freezes nobody.
        background.wait_all(_LAST_WAIT_S)
        self._presence.stop()
        self.session.stop()
        self.facts.close()
        if self.journal is not None:
            self.journal.close()
        self.stopped.emit()
        self._app.quit()


def _open_journal() -> tuple[Journal | None, VidcdnError | None]:
    """The journal, or why there is none; without it the program works, and what is interrupted begins anew."""
    try:
        journal = Journal()
    except VidcdnError as exc:
        _log.warning("no journal: %s", exc.sentence())
        return None, exc
    sweep_conversions(journal)
    if journal.problem is not None:
        _log.warning("%s", journal.problem.sentence())
    return journal, None


class _CrashNet:
    """Catches what escapes from a slot or a thread: logged once in full, told once per distinct crash."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def install(self) -> None:
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def _on_exception(self, kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        last = trace
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = (last.tb_frame.f_code.co_filename, last.tb_lineno) if last else (kind.__name__, 0)
        if place in self._seen:
            return
        self._seen.add(place)
        _log.critical("an unexpected problem escaped", exc_info=(kind, value, trace))

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)


_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def _to_log(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    """Qt's own messages go to the log, redacted like everything else, and not to the terminal."""
    logging.getLogger("qt").log(_LEVELS.get(kind, logging.WARNING), "%s", message)


def make_application() -> QApplication:
    """The QApplication with our names; offscreen where there is no display."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # Short turns for Python threads, and no full collection over what lives as long as the program: both keep the
    # GUI thread from waiting while parts are sent.
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    qInstallMessageHandler(_to_log)
    app = cast("QApplication", QApplication.instance() or QApplication([APP_NAME]))
    app.setApplicationName("vidcdn-desktop")
    app.setApplicationDisplayName(APP_NAME)
    QGuiApplication.setDesktopFileName(APP_ID)
    QGuiApplication.setQuitOnLastWindowClosed(False)
    return app


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidcdn-desktop", description="Open the window.")
    parser.add_argument("--connection", metavar="NAME", help="open with this saved connection, or “practice”")
    parser.add_argument("--page", choices=["publish", "library", "delivery", "activity"], help="open on this page")
    parser.add_argument("files", nargs="*", type=Path, help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str]) -> int:
    """Open the window; gives the exit code."""
    args = _parser().parse_args(argv)
    setup_logging()
    _CrashNet().install()
    app = make_application()
    settings = load_settings(_log.warning)
    desktop = Desktop(app, settings)
    if args.page:
        desktop.window.show_page(args.page)
    desktop.window.show()
    found = desktop.saved.get(args.connection) if args.connection and args.connection != "practice" else None
    wanted = found.id if found else (args.connection or settings.last_connection)
    # After the first paint: the practice cloud and the SDK load while the window is already there.
    starter = _Starter(desktop, wanted)
    QTimer.singleShot(0, starter.go)
    return app.exec()


class _Starter(QObject):
    """Opens the connection once the event loop runs."""

    def __init__(self, desktop: Desktop, profile_id: str) -> None:
        super().__init__(desktop)
        self._desktop = desktop
        self._profile_id = profile_id

    @Slot()
    def go(self) -> None:
        """Begin."""
        self._desktop.session.use(self._profile_id)
        self._desktop.recall()
