"""The real window over one bucket, for the tests of files that go in and come out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from repair_studio import WAIT_MS, Studio, studio_on

import servers
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.gui.library.upload_dialog import UploadDialog
from vidcdn_desktop.jobs.batch_report import BatchSnapshot
from vidcdn_desktop.jobs.states import ENDED

_BUTTON, _KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Yard:
    """A studio whose window takes files in and gives them out."""

    left = _BUTTON

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.world = studio.world
        self.qtbot = studio.qtbot

    def open(self, desktop: Desktop, prefix: str = "") -> None:
        """Stand in a folder, listed to its end."""
        desktop.library.open_prefix(prefix)
        self.studio.wait(lambda: desktop.library._complete)

    def spot(self, desktop: Desktop, name: str) -> tuple[QWidget, QPoint]:
        """The middle of a row of list or gallery, in what gets the mouse there."""
        library = desktop.library
        view = library.stack.active
        (number,) = [n for n in range(library.model.rowCount()) if library.model.row(n).name == name]
        view.show_row(number)
        if view is library.gallery:
            return view.viewport(), library.gallery.tile_rect(number).center()
        return view.viewport(), QPoint(60, library.table.rowViewportPosition(number) + 10)

    def hover(self, target: QWidget, at: QPoint, paths: Sequence[Path]) -> QMimeData:
        """Drag files to a place, without letting go."""
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        copy = Qt.DropAction.CopyAction
        for event in (
            QDragEnterEvent(at, copy, mime, _BUTTON, _KEYS),
            QDragMoveEvent(at, copy, mime, _BUTTON, _KEYS),
        ):
            QApplication.sendEvent(target, event)
        return mime

    def drop(self, desktop: Desktop, target: QWidget, at: QPoint, *paths: Path) -> UploadDialog:
        """Drop files at a place, and wait until the question is answered or told."""
        mime = self.hover(target, at, paths)
        event = QDropEvent(QPointF(at), Qt.DropAction.CopyAction, mime, _BUTTON, _KEYS)
        QApplication.sendEvent(target, event)
        assert event.isAccepted()
        return self.looked(desktop)

    def leave(self, target: QWidget) -> None:
        """What Esc, or going elsewhere, does to a drag."""
        QApplication.sendEvent(target, QDragLeaveEvent())

    def looked(self, desktop: Desktop) -> UploadDialog:
        """The question, once it is told what there is."""
        self.studio.wait(lambda: desktop.desks.uploads.dialog is not None)
        dialog = desktop.desks.uploads.dialog
        assert dialog is not None
        self.studio.wait(lambda: dialog.intake is not None or not dialog.error.isHidden())
        return dialog

    def until_ended(self, desktop: Desktop, act: Callable[[], None]) -> BatchSnapshot:
        """Do something after which an upload or a download of many comes to its end."""
        with self.qtbot.waitSignal(
            desktop.bridge.batches.changed, timeout=WAIT_MS, check_params_cb=lambda s: s.state in ENDED
        ) as blocker:
            act()
        assert blocker.args is not None
        return cast("BatchSnapshot", blocker.args[0])


@contextlib.contextmanager
def yard_on(
    server: servers.Endpoint,
    qtbot: QtBot,
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
    *,
    versioned: bool = False,
) -> Iterator[Yard]:
    """A window over an empty bucket."""
    with studio_on(server, qtbot, qapp, monkeypatch, versioned=versioned) as studio:
        yield Yard(studio)
