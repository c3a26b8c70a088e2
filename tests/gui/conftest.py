"""One application for all window tests, in our look; after each test nothing may be left running."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QThread, QThreadPool, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from patience import with_patience
from vidcdn_desktop.gui import background
from vidcdn_desktop.gui.theme import Theme, ThemeMode, apply_theme


def pytest_configure(config: pytest.Config) -> None:
    # The offscreen platform says these of itself (sizes, windows in front, menus), not of us.
    for words in (r"propagateSizeHints\(\)", r"not support raise\(\)", r"not support grabbing the keyboard"):
        config.addinivalue_line("qt_log_ignore", words)
    # And these Qt Multimedia says of a computer without sound and without a GPU.
    for words in ("PulseAudioService", "No audio device detected", "No RHI backend"):
        config.addinivalue_line("qt_log_ignore", words)
    # And this of a stream that is cut because its player is closed.
    config.addinivalue_line("qt_log_ignore", "Demuxer received AVPacket with pts")


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """pytest-qt's, with patience."""
    return with_patience(qtbot)


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    """The application's theme, light at the start of each test."""
    return apply_theme(qapp, ThemeMode.LIGHT)


@pytest.fixture(autouse=True)
def nothing_left(qapp: QApplication, theme: Theme) -> Iterator[None]:
    """A test that leaves a thread, a pool task, a timer or a window behind fails, and is told which."""
    before = set(threading.enumerate())
    yield
    assert background.wait_all(10), "background work did not end"
    assert QThreadPool.globalInstance().waitForDone(10_000), "the thread pool is still busy"
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    windows = [w for w in qapp.topLevelWidgets() if w.isVisible()]
    assert not windows, f"windows left open: {windows}"
    # Threads of Qt's own show up as dummies in Python's list once they have run Python code.
    threads = [
        t
        for t in threading.enumerate()
        if t not in before and not t.daemon and not isinstance(t, threading._DummyThread)
    ]
    assert not threads, f"threads left running: {threads}"
    left = [o for o in gc.get_objects() if type(o) in (QTimer, QThread) and isValid(o)]
    timers = [f"{o.parent()!r}" for o in left if isinstance(o, QTimer) and o.isActive()]
    assert not timers, f"timers left running in {timers}"
    running = [repr(o) for o in left if isinstance(o, QThread) and o.isRunning() and o is not qapp.thread()]
    assert not running, f"Qt threads left running: {running}"
