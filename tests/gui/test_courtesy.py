"""Who works in the background makes room for a window that paints or does not get its turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from vidcdn_desktop import courtesy
from vidcdn_desktop.gui.presence import Presence

LONG_S = 60


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who waits waits until the test lets it go on."""
    monkeypatch.setattr(courtesy, "_LONGEST_S", LONG_S)
    monkeypatch.setattr(courtesy, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(courtesy, "_ASK_EVERY_S", 0.0)
    yield
    courtesy.ask_by(None)


def step() -> threading.Thread:
    """One step of somebody's work."""
    thread = threading.Thread(target=courtesy.give_way, daemon=True)
    thread.start()
    return thread


def ends(thread: threading.Thread) -> bool:
    thread.join(LONG_S / 2)
    return not thread.is_alive()


def test_without_a_window_nobody_waits() -> None:
    assert ends(step())


def test_a_paint_is_waited_for_but_not_by_the_window_itself() -> None:
    with courtesy.painting():
        courtesy.give_way()
        working = step()
        assert working.is_alive()
    assert ends(working)


def test_a_window_that_does_not_answer_is_given_its_turn() -> None:
    asked: list[str] = []
    courtesy.ask_by(lambda: asked.append("are you there?"))
    assert ends(step()), "who asks does not wait"
    assert len(asked) == 1
    working = [step(), step()]
    courtesy.give_way()  # the window itself
    assert all(thread.is_alive() for thread in working)
    courtesy.answered()
    assert all(ends(thread) for thread in working)


def test_a_window_that_stays_silent_stops_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    courtesy.ask_by(lambda: None)
    assert ends(step())
    monkeypatch.setattr(courtesy, "_LONGEST_S", 0.01)
    assert ends(step())
    monkeypatch.setattr(courtesy, "_LONGEST_S", LONG_S)
    assert ends(step()), "one wait for one question"


def test_the_window_answers_as_soon_as_its_event_loop_turns(qtbot: QtBot) -> None:
    window = QObject()
    presence = Presence(window)
    presence.start()
    assert ends(step())
    working = step()
    qtbot.waitUntil(lambda: not working.is_alive())
    presence.stop()
    assert ends(step())
