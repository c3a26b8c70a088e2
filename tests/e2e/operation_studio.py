"""The real window over one bucket, for the tests of operations."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot
from repair_studio import WAIT_MS, Studio, studio_on

import servers
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.jobs.states import ENDED

PLACES = (
    "moto-http",
    "moto-https",
    pytest.param("swift-http", marks=pytest.mark.swift),
    pytest.param("swift-https", marks=pytest.mark.swift),
)
"""Each server, and how it is reached."""

_CHILD = Path(__file__).with_name("operation_window_child.py")

HURTING = ("films/Sea <b>&amp;.mp4", "films/%2F ..mp4", "films/été.mp4")
"""Keys that would read otherwise if anybody took them for rich text, links or paths."""


class Office:
    """A studio whose window works on objects."""

    def __init__(self, studio: Studio, place: str = "") -> None:
        self.studio = studio
        self.place = place
        """Which of the `PLACES`."""
        self.world = studio.world
        self.qtbot = studio.qtbot

    def fill(self, *keys: str) -> None:
        """Objects whose bytes are their keys."""
        for key in keys:
            self.world.put(key.encode(), key)

    def ask(self, desktop: Desktop, verb: str, *names: str, prefix: str = "films/") -> OperationDialog:
        """Choose rows by name, and a verb by the menu."""
        self.studio.choose(desktop, prefix, *names)
        self.studio.click(desktop.library.bar.more)
        menu = next(m for m in desktop.library.findChildren(QMenu) if m.isVisible())
        next(action for action in menu.actions() if action.data() == verb).trigger()
        menu.close()
        return self.dialog(desktop)

    def dialog(self, desktop: Desktop) -> OperationDialog:
        """The question that is asked."""
        self.studio.wait(lambda: desktop.operations.dialog is not None)
        dialog = desktop.operations.dialog
        assert dialog is not None
        return dialog

    def planned(self, dialog: OperationDialog) -> OperationDialog:
        """Wait until it is told what it takes, or why that is not known."""
        self.studio.wait(lambda: dialog.plan is not None or not dialog.error.isHidden())
        return dialog

    def until_ended(self, desktop: Desktop, act: Callable[[], None]) -> OperationSnapshot:
        """Do something after which an operation comes to its end."""
        with self.qtbot.waitSignal(
            desktop.bridge.operations.changed, timeout=WAIT_MS, check_params_cb=lambda s: s.state in ENDED
        ) as blocker:
            act()
        assert blocker.args is not None
        return cast("OperationSnapshot", blocker.args[0])

    def other_window(self, *todo: dict[str, Any]) -> subprocess.Popen[bytes]:
        """The window in a process of its own that does something and is to be killed."""
        world = self.world
        spec = {
            "endpoint": world.proxy.url,
            "authority": world.authority,
            "bucket": world.bucket,
            "key": world.server.access_key_id,
            "secret": world.server.secret_access_key,
            "todo": todo,
        }
        return subprocess.Popen([sys.executable, str(_CHILD), json.dumps(spec)])


@contextlib.contextmanager
def office_on(
    server: servers.Endpoint,
    qtbot: QtBot,
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
    *,
    versioned: bool,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Office]:
    """A window over an empty bucket."""
    with studio_on(server, qtbot, qapp, monkeypatch, versioned=versioned, tls=tls) as studio:
        yield Office(studio)


@contextlib.contextmanager
def office_at(
    place: str,
    request: pytest.FixtureRequest,
    qtbot: QtBot,
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
    *,
    versioned: bool = False,
) -> Iterator[Office]:
    """A window over an empty bucket at one of the `PLACES`."""
    name, _, scheme = place.partition("-")
    tls = request.getfixturevalue("tls") if scheme == "https" else None
    with office_on(request.getfixturevalue(name), qtbot, qapp, monkeypatch, versioned=versioned, tls=tls) as office:
        office.place = place
        yield office
