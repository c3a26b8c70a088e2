"""Transfers on the Publish page: pausing, order, limits, waiting, and what the window and the settings know of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from vidcdn_desktop.errors import Offline, SourceGone, Throttled
from vidcdn_desktop.gui.bridge import JobBridge
from vidcdn_desktop.gui.limits import LimitButton, RateDialog, limit_text, read_rate
from vidcdn_desktop.gui.publish import card as card_module
from vidcdn_desktop.gui.publish import words
from vidcdn_desktop.gui.publish.card import VideoCard
from vidcdn_desktop.gui.publish.page import PublishPage
from vidcdn_desktop.gui.settings_dialog import SettingsDialog
from vidcdn_desktop.gui.switch_dialog import SwitchDialog
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishOptions, Step, StepSnapshot, StepState
from vidcdn_desktop.media.ffmpeg import find_tools
from vidcdn_desktop.progress import ProgressSnapshot
from vidcdn_desktop.settings import Settings
from vidcdn_desktop.storage.weather import Waiting

STEPS = tuple(StepSnapshot(s, StepState.RUNNING if s is Step.UPLOAD else StepState.WAITING) for s in Step)
RUNNING = JobSnapshot(
    "1",
    Path("a.mp4"),
    "Lake",
    JobState.RUNNING,
    steps=STEPS,
    progress=ProgressSnapshot(40_000_000, 100_000_000, 1e6, 60.0),
)


def waiting(seconds: float = 42.0) -> Waiting:
    error = Offline("There is no connection.", "The upload goes on.", "", retryable=True)
    return Waiting(error, seconds, time.monotonic(), 3)


@pytest.fixture
def bridge(qtbot: QtBot, qapp: QApplication) -> Iterator[JobBridge]:
    made = JobBridge(find_tools())
    yield made
    with qtbot.waitSignal(made.all_stopped, timeout=20_000):
        made.shut_down()
    qtbot.waitUntil(made.is_stopped)
    made.deleteLater()


@pytest.fixture
def page(qtbot: QtBot, bridge: JobBridge) -> PublishPage:
    made = PublishPage(bridge)
    qtbot.addWidget(made)
    made.resize(1200, 700)
    made.show()
    return made


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a screen reader is told by cards."""
    heard: list[str] = []

    def announce(_source: QObject, text: str, *, urgent: bool = False) -> None:
        assert not urgent
        heard.append(text)

    monkeypatch.setattr(card_module, "announce", announce)
    return heard


@pytest.fixture
def card(qtbot: QtBot, said: list[str]) -> VideoCard:
    made = VideoCard(RUNNING)
    qtbot.addWidget(made)
    made.resize(700, 160)
    made.show()
    return made


def buttons(card: VideoCard) -> list[str]:
    shown = (card.try_now, card.pause, card.resume, card.retry, card.cancel)
    return [button.text() for button in shown if button.isVisible()]


def entries(menu: QMenu) -> list[str]:
    return [action.text().partition("\t")[0] for action in menu.actions() if not action.isSeparator()]


def entry(menu: QMenu, text: str) -> QAction:
    return next(action for action in menu.actions() if action.text().partition("\t")[0] == text)


# The card
@pytest.mark.parametrize(
    ("changes", "offered", "bar"),
    [
        ({}, ["Pause", "Cancel"], 400),
        ({"waiting": waiting()}, ["Try now", "Pause", "Cancel"], 400),
        ({"state": JobState.QUEUED}, ["Pause", "Cancel"], None),
        ({"state": JobState.PAUSED, "kept_bytes": 30, "whole_bytes": 40}, ["Resume", "Discard"], 750),
        ({"state": JobState.PAUSED}, ["Resume", "Cancel"], None),
        ({"state": JobState.FAILED, "kept_bytes": 10, "whole_bytes": 40}, ["Resume", "Discard"], 250),
        ({"state": JobState.FAILED}, ["Retry"], None),
        ({"state": JobState.CANCELLED}, ["Retry"], None),
    ],
)
def test_each_state_offers_what_makes_sense_and_keeps_its_bar(
    card: VideoCard, changes: dict[str, object], offered: list[str], bar: int | None
) -> None:
    card.show_snapshot(replace(RUNNING, **changes))  # type: ignore[arg-type]
    assert buttons(card) == offered
    assert card.progress.isVisible() is (bar is not None)
    if bar is not None:
        assert card.progress.value() == bar
    assert card.more.isVisible()
    unfinished = "Discard" in offered or offered == ["Resume", "Cancel"]
    assert not (unfinished and card.remove.isVisible())


def test_while_it_waits_the_card_counts_down_and_says_so_once(card: VideoCard, said: list[str]) -> None:
    card.show_snapshot(replace(RUNNING, waiting=waiting(42.4)))
    assert card.line.text() == "Waiting for the network · next try in 43 s · 40.0 MB done"
    card.show_snapshot(replace(RUNNING, waiting=waiting(7.5)))
    assert "next try in 8 s" in card.line.text()
    card.show_snapshot(replace(RUNNING, waiting=waiting(0.0)))
    assert "trying again" in card.line.text()
    assert said == ["Lake: Waiting for the network"]
    card.show_snapshot(RUNNING)
    assert said[1:] == ["Lake: Sending again"]
    assert not card.try_now.isVisible()


def test_what_comes_to_rest_is_announced_with_what_is_kept(card: VideoCard, said: list[str]) -> None:
    card.show_snapshot(replace(RUNNING, state=JobState.PAUSING))
    card.show_snapshot(replace(RUNNING, state=JobState.PAUSED, kept_bytes=16_000_000, whole_bytes=40_000_000))
    assert said == ["Lake: Paused. 16.0 MB of 40.0 MB are in the bucket and need not be sent again."]
    gone = SourceGone("The disk was taken away.", "Nothing was published.", "Plug it in again.")
    card.show_snapshot(replace(RUNNING, state=JobState.FAILED, error=gone, kept_bytes=16_000_000))
    assert said[1].startswith("Lake: Nothing was published. Plug it in again. 16.0 MB are in the bucket")


def test_the_state_is_said_in_words_not_by_colour_alone(card: VideoCard) -> None:
    for changes, words_wanted in (
        ({"state": JobState.PAUSED}, "Paused"),
        ({"state": JobState.PAUSING}, "Pausing"),
        ({"state": JobState.QUEUED}, "Waiting"),
    ):
        card.show_snapshot(replace(RUNNING, **changes))  # type: ignore[arg-type]
        assert words_wanted in card.accessibleDescription()


def test_trouble_of_the_service_is_told_with_its_own_words() -> None:
    slow = Waiting(Throttled("The store asks to slow down.", "", "", retryable=True), 250.0, time.monotonic(), 2)
    line = words.waiting_line(slow)
    assert line == "The store asks to slow down · next try in 4 min 10 s"


# Keys and menus, with real jobs
@pytest.fixture
def two(qtbot: QtBot, page: PublishPage, bridge: JobBridge, clip_end: Path, clip_fast: Path) -> list[str]:
    bridge.add_paths([clip_end, clip_fast], PublishOptions())
    qtbot.waitUntil(lambda: [s.state for s in bridge.snapshots()] == [JobState.READY] * 2, timeout=30_000)
    return [s.id for s in bridge.snapshots()]


def test_the_menu_sets_order_and_limit(page: PublishPage, bridge: JobBridge, two: list[str]) -> None:
    snapshot = bridge.snapshot(two[1])
    assert snapshot is not None
    menu = page.transfers.menu_for(snapshot)
    assert entries(menu) == ["When it runs", "Move up", "Move down", "Speed limit"]
    when = entry(menu, "When it runs").menu()
    assert isinstance(when, QMenu)
    assert [action.text() for action in when.actions() if action.isChecked()] == ["As usual"]
    entry(when, "First").trigger()
    assert bridge.snapshot(two[1]).priority == 1  # type: ignore[union-attr]
    limits = entry(menu, "Speed limit").menu()
    assert isinstance(limits, QMenu)
    entry(limits, "2.0 MB/s").trigger()
    assert bridge.limit_of(two[1]) == 2_000_000
    assert bridge.limit_of() is None
    entry(menu, "Move up").trigger()
    assert [s.id for s in bridge.snapshots()] == [two[1], two[0]]
    again = page.transfers.menu_for(bridge.snapshot(two[1]) or snapshot)
    ticked = entry(again, "Speed limit").menu()
    assert isinstance(ticked, QMenu)
    assert [a.text() for a in ticked.actions() if a.isChecked()] == ["2.0 MB/s"]
    for made in (menu, again):
        made.deleteLater()


def test_menu_and_order_are_reached_by_keyboard(
    qtbot: QtBot, page: PublishPage, bridge: JobBridge, two: list[str], qapp: QApplication
) -> None:
    card = page._column.cards[two[1]]
    page.select(two[1])
    card.setFocus()
    qtbot.keyClick(card, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [s.id for s in bridge.snapshots()] == [two[1], two[0]]
    qtbot.keyClick(card, Qt.Key.Key_Menu)
    menu = qapp.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert menu.accessibleName() == f"More about {card.snapshot.title}"
    qtbot.keyClick(menu, Qt.Key.Key_Escape)
    card.more.setFocus()
    qtbot.keyClick(card.more, Qt.Key.Key_Space)
    menu = qapp.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.close()


def test_priority_goes_before_the_order_of_the_list(bridge: JobBridge, two: list[str]) -> None:
    first, second = (bridge._jobs[job_id] for job_id in two)
    bridge.set_priority(two[1], 1)
    rank = bridge._queue._rank
    assert rank(second) < rank(first)
    bridge.set_priority(two[1], -1)
    assert rank(first) < rank(second)


# Limits
@pytest.mark.parametrize(
    ("typed", "rate"),
    [
        ("1.5", 1_500_000),
        ("1,5 MB/s", 1_500_000),
        ("800kB/s", 800_000),
        ("20 Mbit/s", 2_500_000),
        ("20 Mbps", 2_500_000),
        ("1 GB", 1_000_000_000),
        ("10 kB/s", 10_000),
        ("9 kB/s", None),
        ("0", None),
        ("fast", None),
        ("-1", None),
        ("", None),
        ("1e9", None),
        ("99999999999", None),
    ],
)
def test_speeds_as_people_write_them(typed: str, rate: int | None) -> None:
    assert read_rate(typed) == rate


def test_the_question_for_a_speed_keeps_what_makes_no_sense(qtbot: QtBot) -> None:
    dialog = RateDialog("All transfers together.", None)
    qtbot.addWidget(dialog)
    dialog.show()
    told: list[int] = []
    dialog.rate_chosen.connect(told.append)
    qtbot.keyClicks(dialog.line, "fast")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.message.isVisible()
    assert dialog.isVisible()
    assert told == []
    dialog.line.clear()
    qtbot.keyClicks(dialog.line, "3")
    assert not dialog.message.isVisible()
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert told == [3_000_000]
    assert not dialog.isVisible()


def test_the_limit_of_all_is_chosen_in_the_footer_and_holds_at_once(
    qtbot: QtBot, page: PublishPage, bridge: JobBridge
) -> None:
    limit: LimitButton = page.transfers.limit
    assert limit.accessibleName() == "Speed limit of all transfers: Limit: none"
    with qtbot.waitSignal(page.transfers.limit_changed) as caught:
        limit.limit_chosen.emit(5_000_000)
    assert caught.args == [5_000_000]
    assert bridge.limit_of() == 5_000_000
    assert limit.accessibleName().endswith("Limit: 5.0 MB/s")
    menu = QMenu(page)
    limit.choice.fill(menu)
    assert [a.text() for a in menu.actions() if a.isChecked()] == [limit_text(5_000_000)]
    with qtbot.waitSignal(page.transfers.limit_changed) as caught:
        entry(menu, "No limit").trigger()
    assert caught.args == [None]
    assert bridge.limit_of() is None
    menu.deleteLater()


def test_a_limit_set_by_hand_is_offered_again(page: PublishPage) -> None:
    page.transfers.set_limit(1_234_000)
    menu = QMenu(page)
    page.transfers.limit.choice.fill(menu)
    assert "1.2 MB/s" in entries(menu)
    menu.deleteLater()


def test_the_settings_know_limit_and_resuming(qtbot: QtBot) -> None:
    dialog = SettingsDialog(Settings(speed_limit_bytes_per_s=777_000))
    qtbot.addWidget(dialog)
    dialog.show()
    told: list[Settings] = []
    dialog.settings_changed.connect(told.append)
    assert dialog.limit.currentText() == "777 kB/s"
    dialog.limit.setCurrentIndex(0)
    dialog.limit.activated.emit(0)
    assert told[-1].speed_limit_bytes_per_s is None
    dialog.limit.setCurrentIndex(dialog.limit.count() - 1)
    dialog.limit.activated.emit(dialog.limit.count() - 1)
    (asked,) = dialog.findChildren(RateDialog)
    qtbot.keyClicks(asked.line, "2")
    qtbot.keyClick(asked.line, Qt.Key.Key_Return)
    assert told[-1].speed_limit_bytes_per_s == 2_000_000
    assert dialog.limit.currentText() == "2.0 MB/s"
    dialog.resume.setFocus()
    qtbot.keyClick(dialog.resume, Qt.Key.Key_Space)
    assert told[-1].resume_on_start is True
    assert dialog.parts.accessibleName() == "Parts at the same time, at most"


# All together
def test_the_footer_offers_what_there_is_to_pause_and_resume(page: PublishPage, bridge: JobBridge) -> None:
    from vidcdn_desktop.gui.models.counts import Counts

    transfers = page.transfers
    for counts, pause, resume in (
        (Counts(total=1, ready=1), False, False),
        (Counts(total=1, running=1), True, False),
        (Counts(total=1, paused=1), False, True),
        (Counts(total=2, running=1, paused=1), True, True),
        (Counts(total=1, downloads=1, paused_downloads=1), True, True),
    ):
        bridge.counts_changed.emit(counts)
        assert transfers.pause_all.isVisible() is pause
        assert transfers.resume_all.isVisible() is resume
    page.resize(700, 600)
    assert transfers.pause_all.isVisible()
    assert not transfers.resume_all.isVisible()


def test_what_is_half_sent_is_not_removed_by_a_key(
    qtbot: QtBot, page: PublishPage, bridge: JobBridge, two: list[str]
) -> None:
    job = bridge._jobs[two[0]]
    job._update(state=JobState.PAUSED, kept_bytes=5)
    card = page._column.cards[two[0]]
    card.setFocus()
    qtbot.keyClick(card, Qt.Key.Key_Delete)
    assert bridge.snapshot(two[0]) is not None
    assert "discard it first" in page.toast._label.full_text()
    job._update(state=JobState.READY, kept_bytes=0)


def test_the_palette_knows_the_actions_of_the_selected_video(page: PublishPage) -> None:
    names = {action.text() for action in page.actions()}
    assert {"Pause the video", "Resume the video", "Try again now", "Cancel the video"} <= names


def test_a_connection_that_is_gone_is_said_plainly(qtbot: QtBot) -> None:
    there, gone = SwitchDialog("Lake", "Studio"), SwitchDialog("Lake", "")
    for dialog in (there, gone):
        qtbot.addWidget(dialog)
        dialog.show()
    assert there.go_button.text() == "Switch to Studio"
    with qtbot.waitSignal(gone.connections_wanted):
        qtbot.mouseClick(gone.go_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(there.switch_wanted):
        qtbot.keyClick(there.go_button, Qt.Key.Key_Return)
    assert not there.isVisible()
