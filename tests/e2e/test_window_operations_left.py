"""Operations that were left: by a killed window, through another connection, paused, with old copies in the CDN."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from typing import cast

import pytest
from operation_studio import HURTING, Office, office_on
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

import servers
from faultplans import Request
from faults import Phase
from repairs import operation
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.gui.library.values_form import ValuesForm
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)


@pytest.fixture
def office(
    moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_on(moto, qtbot, qapp, monkeypatch, versioned=False) as made:
        yield made


@pytest.mark.parametrize(
    ("name", "nth", "then"),
    [
        ("CopyObject", 2, "resume"),
        ("DeleteObject", 1, "resume"),
        ("CopyObject", 2, "by itself"),
        ("CopyObject", 2, "cancel"),
        ("CopyObject", 1, "undo"),
    ],
)
def test_what_a_killed_window_left_is_shown_and_gone_on_with_or_taken_back(
    office: Office, name: str, nth: int, then: str
) -> None:
    world = office.world
    office.fill(*HURTING)
    killed, started = threading.Event(), threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        started.wait(60)
        child[0].kill()
        killed.set()

    world.when(name, Phase.DONE, kill, nth)
    child.append(office.other_window({"verb": "rename", "prefix": "films/", "text": "archive"}))
    started.set()
    child[0].wait(90)
    assert killed.is_set()
    world.proxy.watch = lambda _phase, _request: None

    desktop = office.studio.start()
    desktop.window.show_page("activity")
    office.studio.wait(desktop.activity.interrupted.isVisible)
    (entry,) = desktop.activity.entries_left_over()
    assert entry.kind == "operation"
    assert entry.title == "Move all below films/"
    card = office.studio.card(desktop, entry.id)
    assert card.badge.text() == "Paused"
    moved = [f"archive/{key.removeprefix('films/')}" for key in HURTING]
    if then == "undo":
        office.studio.wait(lambda: "undo" in card.buttons)
        office.studio.click(card.buttons["undo"])
        dialog = office.planned(office.dialog(desktop))
        snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
        assert snapshot.undoes == entry.id
    elif then == "by itself":
        snapshot = office.until_ended(desktop, lambda: desktop.transfers.recall(resume=True))
    else:
        snapshot = office.until_ended(desktop, lambda: office.studio.click(card.buttons[then]))
        assert snapshot.id == entry.id
    assert snapshot.state is (JobState.CANCELLED if then == "cancel" else JobState.PUBLISHED), snapshot.error
    assert world.all_keys() == sorted(moved if then in ("resume", "by itself") else HURTING)
    for key in world.all_keys():
        assert world.get(key)["Body"].decode().rpartition("/")[2] == key.rpartition("/")[2]
    if then == "resume":
        assert not desktop.activity.interrupted.isVisible()


@pytest.mark.parametrize("choice", [True, False])
def test_viewers_see_no_old_copies_or_that_is_offered_after(office: Office, choice: bool) -> None:
    desktop = office.studio.start()
    desktop.session.use("practice")
    office.studio.wait(lambda: desktop.session.facts.profile.is_practice and desktop.session.connection is not None)
    connection = desktop.session.connection
    assert connection is not None
    connection.clients.s3.put_object(Bucket=connection.profile.bucket, Key="films/a.mp4", Body=b"a")
    dialog = office.ask(desktop, "headers", "a.mp4")
    form = cast("ValuesForm", dialog.form)
    office.qtbot.keyClicks(form.headers["cache-control"].value, "max-age=60")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    assert "old copies" in next(row.value for row in dialog.facts.rows() if row.label == "CDN")
    assert not dialog.invalidate.isHidden()
    if not choice:
        office.studio.click(cast("QPushButton", dialog.invalidate))
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    card = office.studio.card(desktop, snapshot.id)
    if choice:
        office.studio.wait(lambda: desktop.bridge.operations.snapshot(snapshot.id).result["stale"] == [])
        office.studio.wait(lambda: "invalidate" not in card.buttons or card.buttons["invalidate"].isHidden())
    else:
        office.studio.click(card.buttons["invalidate"])
        assert desktop.window.current_page == "delivery"
        assert desktop.delivery.chips.paths() == ("/films/a.mp4",)


def test_an_undo_goes_through_the_connection_it_was_done_by(office: Office) -> None:
    office.fill("films/a.mp4")
    desktop = office.studio.start()
    dialog = office.ask(desktop, "rename", "a.mp4")
    cast("PlaceForm", dialog.form).place.setText("b.mp4")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    desktop.session.use("practice")
    office.studio.wait(lambda: desktop.session.facts.profile.is_practice and desktop.session.connection is not None)
    card = office.studio.card(desktop, snapshot.id)
    assert not desktop.activity.clear.isVisible(), "its undo would go with it"
    office.studio.click(card.buttons["undo"])
    question = desktop.transfers.dialog
    assert question is not None
    office.studio.click(question.go_button)
    dialog = office.planned(office.dialog(desktop))
    undone = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert undone.state is JobState.PUBLISHED, undone.error
    assert office.world.all_keys() == ["films/a.mp4"]


def test_one_that_is_held_is_paused_gone_on_with_and_cancelled(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    dialog = office.ask(desktop, "rename", "films/", prefix="")
    cast("PlaceForm", dialog.form).place.setText("archive")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    held, go_on = threading.Event(), threading.Event()

    def hold(phase: Phase, request: Request) -> None:
        if phase is Phase.ARRIVED and operation(request) == "CopyObject" and not go_on.is_set():
            held.set()
            go_on.wait(60)

    office.world.proxy.watch = hold
    with office.qtbot.waitSignal(desktop.bridge.operations.added) as added:
        office.studio.click(cast("QPushButton", dialog.go_button))
    assert added.args is not None
    job_id = added.args[0].id
    card = office.studio.card(desktop, job_id)
    office.studio.wait(lambda: held.is_set() and "pause" in card.buttons and card.buttons["pause"].isVisible())
    assert "of 3 objects" in card.line_text()
    office.studio.click(card.buttons["pause"])
    go_on.set()
    office.studio.wait(lambda: desktop.bridge.operations.snapshot(job_id).state is JobState.PAUSED)
    assert set(HURTING) <= set(office.world.all_keys())
    snapshot = office.until_ended(desktop, lambda: office.studio.click(card.buttons["cancel"]))
    assert snapshot.state is JobState.CANCELLED, snapshot.error
    assert office.world.all_keys() == sorted(HURTING)
    snapshot = office.until_ended(desktop, lambda: office.studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.all_keys() == sorted(f"archive/{key.removeprefix('films/')}" for key in HURTING)
