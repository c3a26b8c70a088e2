"""The real window over one bucket, for the tests of fast start inside the bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

import servers
from faultplans import Act
from repairs import World, world_on
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui import background
from vidcdn_desktop.gui.activity.card import JobCard
from vidcdn_desktop.gui.library.fast_start_dialog import FastStartDialog
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.repair_job import RepairSnapshot
from vidcdn_desktop.jobs.states import ENDED
from vidcdn_desktop.settings import Settings

WAIT_MS = 60_000
STUDIO = "studio"
SEA = "films/Sea <b>&amp; sand<br>.mov"
"""A key that would read otherwise if anybody took it for rich text."""

_ended: list[Desktop] = []
"""A program's window lives as long as its process; torn down in pieces by the collector it takes the process along."""


class Studio:
    """The window over one bucket; the test writes into the bucket as somebody else does."""

    def __init__(self, qtbot: QtBot, app: QApplication, world: World) -> None:
        self.qtbot = qtbot
        self.app = app
        self.world = world
        self.running: list[Desktop] = []

    def start(self) -> Desktop:
        """Another start of the program, as `app.main` does it."""
        desktop = Desktop(self.app, Settings(last_connection=STUDIO, ca_bundle=self.world.authority))
        desktop._app = cast("QApplication", SimpleNamespace(quit=lambda: None))  # the tests' own loop must go on
        self.running.append(desktop)
        _ended.append(desktop)
        server = self.world.server
        profile = ConnectionProfile(
            STUDIO,
            "Studio",
            ConnectionKind.S3_COMPATIBLE,
            bucket=self.world.bucket,
            region=server.region,
            access_key_id=server.access_key_id,
            endpoint_url=self.world.proxy.url,
            path_style=True,
        )
        desktop.saved.save(profile, {"secret_access_key": Secret(server.secret_access_key)})
        desktop.window.show_page("library")
        desktop.window.show()
        desktop.session.use(STUDIO)
        desktop.recall()
        self.wait(lambda: desktop.session.connection is not None)
        return desktop

    def wait(self, done: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(done, timeout=WAIT_MS)

    def click(self, button: QPushButton) -> None:
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def choose(self, desktop: Desktop, prefix: str, *names: str) -> None:
        """Open a folder and select rows by name."""
        library = desktop.library
        library.open_prefix(prefix)
        self.wait(lambda: library._complete and library.model.rowCount() > 0)
        library.table.clearSelection()
        flag = library.table.selectionModel().SelectionFlag
        for number in range(library.model.rowCount()):
            if library.model.row(number).name in names:
                index = library.model.index(number, 0)
                library.table.selectionModel().select(index, flag.Select | flag.Rows)
        assert len(library._selected()) == len(names)

    def asked(self, desktop: Desktop, *names: str, prefix: str = "films/") -> FastStartDialog:
        """Ask for fast start of some rows, and wait until it is told what it takes."""
        self.choose(desktop, prefix, *names)
        self.click(desktop.library.bar.buttons["faststart"])
        dialog = desktop.fast_start.dialog
        assert dialog is not None
        self.wait(lambda: dialog.plan is not None or not dialog.error.isHidden())
        return dialog

    def until_ended(self, desktop: Desktop, act: Callable[[], None]) -> RepairSnapshot:
        """Do something after which a repair comes to its end."""
        repairs = desktop.bridge.repairs
        with self.qtbot.waitSignal(
            repairs.changed, timeout=WAIT_MS, check_params_cb=lambda snapshot: snapshot.state in ENDED
        ) as blocker:
            act()
        assert blocker.args is not None
        return cast("RepairSnapshot", blocker.args[0])

    def card(self, desktop: Desktop, job_id: str) -> JobCard:
        desktop.window.show_page("activity")
        self.wait(lambda: job_id in desktop.activity.list.cards)
        return desktop.activity.list.cards[job_id]

    def until_stopped(self, desktop: Desktop, act: Callable[[], None]) -> None:
        with self.qtbot.waitSignal(desktop.stopped, timeout=WAIT_MS):
            act()
        self.running.remove(desktop)

    def record(self, job_id: str) -> JobRecord:
        with contextlib.closing(Journal()) as journal:
            found = journal.job(job_id)
        assert found is not None
        return found


@contextlib.contextmanager
def studio_on(
    server: servers.Endpoint,
    qtbot: QtBot,
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
    *,
    versioned: bool,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Studio]:
    store = MemorySecretStore()  # as lasting as a keyring, for this test
    monkeypatch.setattr("vidcdn_desktop.app.open_secret_store", lambda: (store, ""))
    qapp.setQuitOnLastWindowClosed(False)
    with world_on(server, versioned=versioned, tls=tls) as world:
        made = Studio(qtbot, qapp, world)
        yield made
        world.proxy.watch = lambda _phase, _request: None
        world.proxy.plan = lambda _request: Act()
        world.proxy.down.clear()
        for desktop in list(made.running):
            if not desktop._closing:
                made.until_stopped(desktop, desktop._shut_down)
        assert background.wait_all(10)


def name_of(key: str) -> str:
    return key.rpartition("/")[2]
