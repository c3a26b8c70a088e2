"""Fast start inside the bucket through the real window: the question, the job, its endings, another start."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QPushButton
from pytestqt.qtbot import QtBot
from repair_studio import SEA, Studio, name_of, studio_on

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from films import make_clip
from repairs import CARRIED, large_film, operation, wanted
from vidcdn_desktop.gui.library.fast_start_dialog import FastStartDialog
from vidcdn_desktop.gui.quit_dialog import QuitDialog
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)


@pytest.fixture
def studio(
    qtbot: QtBot, qapp: QApplication, moto: servers.Endpoint, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Studio]:
    with studio_on(moto, qtbot, qapp, monkeypatch, versioned=False) as made:
        yield made


@pytest.fixture(params=["moto", "moto-versioned", pytest.param("swift", marks=pytest.mark.swift)])
def each_studio(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Studio]:
    """Each store in turn."""
    server, _, kind = request.param.partition("-")
    with studio_on(request.getfixturevalue(server), qtbot, qapp, monkeypatch, versioned=bool(kind)) as made:
        yield made


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_film(tmp_path_factory.mktemp("films") / "Sea.mov")


def values(dialog: FastStartDialog) -> dict[str, str]:
    return {fact.label: fact.value for fact in dialog.facts.rows()}


def test_one_film_from_the_question_to_the_card(each_studio: Studio, film: Path) -> None:
    studio, world = each_studio, each_studio.world
    world.put(film.read_bytes(), SEA, **CARRIED)
    desktop = studio.start()
    dialog = studio.asked(desktop, name_of(SEA))
    assert dialog.plan is not None
    assert world.get(SEA)["Body"] == film.read_bytes(), "only looked at"
    totals = dialog.plan.totals
    assert dialog.headline.text().startswith("Sends ")
    assert "instead of 7" in dialog.headline.text()
    told = values(dialog)
    assert told["Keeps"] == "Content type, cache header, download name, language, 2 metadata fields"
    assert told["CDN"] == "None serves this"
    assert ("earlier version" if world.versioned else "key of its own") in told["Old version"]
    assert dialog.strip.before.groups()[-1].kind == "moov"
    assert [group.kind for group in dialog.strip.after.groups()][1] == "moov"
    assert dialog.about.text() == SEA
    assert dialog.go_button.hasFocus()

    snapshot = studio.until_ended(desktop, lambda: studio.click(dialog.go_button))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert world.get(SEA)["Body"] == wanted(film)
    assert {key: world.get(SEA).get(key) for key in CARRIED} == CARRIED
    world.assert_only(SEA)
    card = studio.card(desktop, snapshot.id)
    assert card.badge.text() == "Finished"
    assert card.title.text() == name_of(SEA)
    assert "1 video starts at once now" in card.facts.text()
    assert snapshot.result is not None
    assert snapshot.result["totals"]["bytes_uploaded"] == totals.bytes_uploaded
    studio.until_stopped(desktop, desktop.window.close)

    # Another start has it in its history, with its report.
    desktop = studio.start()
    card = studio.card(desktop, snapshot.id)
    assert "1 video starts at once now" in card.facts.text()
    desktop.activity.do("report", snapshot.id)
    report = json.loads(QGuiApplication.clipboard().text())
    assert report["kind"] == "repair"
    assert report["result"]["outcomes"][0]["key"] == SEA
    desktop.activity.do("show-key", snapshot.id)
    studio.wait(lambda: [row.key for row in desktop.library._selected()] == [SEA])


def test_the_keyboard_alone_is_enough(studio: Studio, clip_end: Path) -> None:
    studio.world.put(clip_end.read_bytes(), "films/end.mp4")
    desktop = studio.start()
    studio.choose(desktop, "films/", "end.mp4")
    desktop.library.table.setFocus()
    studio.qtbot.keyClick(
        desktop.library.table,
        Qt.Key.Key_F,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    dialog = desktop.fast_start.dialog
    assert dialog is not None
    studio.wait(lambda: dialog.plan is not None)
    studio.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    studio.wait(lambda: desktop.fast_start.dialog is None)
    assert desktop.bridge.repairs.snapshots() == []
    assert studio.world.get("films/end.mp4")["Body"] == clip_end.read_bytes()

    names = [action.text() for action in desktop.window.palette_actions()]
    assert "Make fast start…" in names
    here = next(a for a in desktop.window.palette_actions() if a.text() == "Make fast start in this folder…")
    here.trigger()
    again = desktop.fast_start.dialog
    assert again is not None
    studio.wait(lambda: again.plan is not None)
    assert again.about.text() == "films/"
    snapshot = studio.until_ended(desktop, lambda: studio.qtbot.keyClick(again, Qt.Key.Key_Return))
    assert snapshot.state is JobState.PUBLISHED
    assert studio.world.get("films/end.mp4")["Body"] == wanted(clip_end)


def test_the_menu_of_the_list_offers_it(studio: Studio, clip_end: Path) -> None:
    studio.world.put(clip_end.read_bytes(), "films/end.mp4")
    studio.world.put(b"picture", "films/end.jpg")
    desktop = studio.start()
    table = desktop.library.table
    for name, offered in (("end.jpg", False), ("end.mp4", True)):
        studio.choose(desktop, "films/", name)
        table.customContextMenuRequested.emit(table.visualRect(desktop.library.model.index(0, 0)).center())
        (menu,) = [m for m in desktop.library.findChildren(QMenu) if m.isVisible()]
        actions = {action.data(): action for action in menu.actions()}
        assert actions["faststart"].isEnabled() is offered
        if offered:
            actions["faststart"].trigger()
        menu.close()
        studio.qtbot.waitUntil(lambda: not [m for m in desktop.library.findChildren(QMenu) if m.isVisible()])
    dialog = desktop.fast_start.dialog
    assert dialog is not None
    studio.wait(lambda: dialog.plan is not None)
    dialog.reject()


def test_what_needs_nothing_or_cannot_be_moved_is_told_and_left(studio: Studio, clip_fast: Path) -> None:
    studio.world.put(clip_fast.read_bytes(), "films/fast.mp4")
    studio.world.put(b"no film at all", "films/broken.mp4")
    desktop = studio.start()
    for name, words in (("fast.mp4", "starts at once already"), ("broken.mp4", "left as it is")):
        dialog = studio.asked(desktop, name)
        assert words in dialog.headline.text()
        assert dialog.subline.text()
        assert dialog.go_button.isHidden()
        assert dialog.close_button.text() == "Close"
        assert dialog.close_button.hasFocus()
        studio.click(dialog.close_button)
        studio.wait(lambda: desktop.fast_start.dialog is None)
    assert desktop.bridge.repairs.snapshots() == []
    studio.world.assert_only("films/fast.mp4", "films/broken.mp4")


def test_no_permission_is_told_before_and_on_the_card(studio: Studio, film: Path) -> None:
    world = studio.world
    world.put(film.read_bytes(), SEA)
    desktop = studio.start()
    forbidden = {"GetObject"}

    def plan(request: Request) -> Act:
        if operation(request) in forbidden and "Sea" in request.target:
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    world.proxy.plan = plan
    dialog = studio.asked(desktop, name_of(SEA))
    assert dialog.plan is None
    assert dialog.error.error is not None
    assert dialog.error.error.kind == "AccessDenied"
    assert not dialog.go_button.isEnabled()
    forbidden.clear()
    studio.click(dialog.error.button)  # somebody gave the permission to read
    studio.wait(lambda: dialog.plan is not None)
    forbidden.add("CreateMultipartUpload")
    snapshot = studio.until_ended(desktop, lambda: studio.click(dialog.go_button))
    assert snapshot.state is JobState.FAILED
    assert snapshot.error is not None
    assert snapshot.error.kind == "AccessDenied"
    card = studio.card(desktop, snapshot.id)
    assert "The video in the bucket is as it was." in card.facts.text()
    assert world.get(SEA)["Body"] == film.read_bytes()
    world.assert_only(SEA)
    forbidden.clear()
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED
    assert world.get(SEA)["Body"] == wanted(film)
    world.assert_only(SEA)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_object_that_somebody_replaces_is_theirs(studio: Studio, film: Path, tmp_path: Path, when: str) -> None:
    world = studio.world
    theirs = make_clip(tmp_path / "theirs.mov", picture="smptebars").read_bytes()
    world.put(film.read_bytes(), SEA)
    desktop = studio.start()
    dialog = studio.asked(desktop, name_of(SEA))
    if when == "before":
        world.put(theirs, SEA)
    else:
        world.when("UploadPartCopy", Phase.ARRIVED, lambda: world.put(theirs, SEA) and None)
    snapshot = studio.until_ended(desktop, lambda: studio.click(dialog.go_button))
    assert snapshot.state is JobState.FAILED
    assert snapshot.error is not None
    assert "replaced by somebody else" in snapshot.error.what
    assert world.get(SEA)["Body"] == theirs
    world.assert_only(SEA)
    # Who retries has read that, and wants theirs repaired.
    card = studio.card(desktop, snapshot.id)
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED
    assert world.get(SEA)["Body"] != theirs


def test_a_network_that_is_cut_holds_it_up_and_it_goes_on(studio: Studio, film: Path) -> None:
    world = studio.world
    world.put(film.read_bytes(), SEA)
    desktop = studio.start()
    dialog = studio.asked(desktop, name_of(SEA))
    cut = threading.Event()

    def pull_the_cable() -> None:
        world.proxy.down.set()
        cut.set()

    world.when("UploadPartCopy", Phase.ARRIVED, pull_the_cable)
    studio.click(dialog.go_button)
    job_id = desktop.bridge.repairs.snapshots()[0].id
    studio.wait(lambda: cut.is_set() and desktop.bridge.repairs.snapshot(job_id).waiting is not None)
    card = studio.card(desktop, job_id)
    studio.wait(lambda: card.badge.text() == "Held up")
    assert not card.buttons["try-now"].isHidden()
    world.proxy.down.clear()
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons["try-now"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert snapshot.retries >= 1
    assert world.get(SEA)["Body"] == wanted(film)
    world.assert_only(SEA)


def test_half_of_a_batch_fails_and_only_that_half_is_retried(studio: Studio, film: Path, clip_end: Path) -> None:
    world = studio.world
    keys = [f"films/{number}.mp4" for number in range(1, 5)]
    for number, key in enumerate(keys):
        world.put((film if number % 2 else clip_end).read_bytes(), key)
    world.put(clip_end.read_bytes()[:5000], "films/cut.mp4")
    desktop = studio.start()
    dialog = studio.asked(desktop, "films/", prefix="")
    assert dialog.plan is not None
    assert dialog.plan.totals.to_repair == 4
    assert dialog.plan.totals.left_alone == 1
    assert "4 videos will start at once" in dialog.subline.text()
    assert dialog.model.rowCount() == 5
    assert dialog.go_button.text() == "Make 4 videos fast start"
    refused = xml_answer("403 Forbidden", "AccessDenied")

    def plan(request: Request) -> Act:
        create = operation(request) == "CreateMultipartUpload" and ".vidcdn-probe" not in request.target
        return Act(Fault.ANSWER, answer=refused) if create else Act()

    world.proxy.plan = plan
    snapshot = studio.until_ended(desktop, lambda: studio.click(dialog.go_button))
    assert snapshot.state is JobState.FAILED
    assert snapshot.error is not None
    assert snapshot.error.what == "2 of 4 videos could not be repaired."
    card = studio.card(desktop, snapshot.id)
    assert "2 videos start at once now" in card.facts.text()
    studio.click(card.fold)
    assert card._details is not None
    rows = card._details.grid.rows()
    assert [row.label for row in rows if row.label in ("Failed", "Repaired")] == ["Failed"] * 2 + ["Repaired"] * 2
    assert world.get(keys[1])["Body"] == film.read_bytes()
    assert world.get(keys[0])["Body"] == wanted(clip_end)

    world.proxy.plan = lambda _request: Act()
    world.history.clear()
    world.when("none", Phase.ARRIVED, lambda: None)
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED
    assert world.history.count("CreateMultipartUpload") == 2
    assert [world.get(key)["Body"] for key in keys] == [wanted(clip_end), wanted(film)] * 2
    world.assert_only(*keys, "films/cut.mp4")
    record = studio.record(snapshot.id)
    assert record.result is not None
    assert record.result["totals"]["repaired"] == 4


def test_paused_and_cancelled_it_leaves_the_film_as_it_was(studio: Studio, film: Path) -> None:
    world = studio.world
    world.put(film.read_bytes(), SEA)
    desktop = studio.start()
    dialog = studio.asked(desktop, name_of(SEA))
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(60)

    world.when("UploadPartCopy", Phase.ARRIVED, hold)
    studio.click(dialog.go_button)
    job_id = desktop.bridge.repairs.snapshots()[0].id
    card = studio.card(desktop, job_id)
    studio.wait(lambda: held.is_set() and not card.buttons["pause"].isHidden())
    studio.click(card.buttons["pause"])
    go_on.set()
    studio.wait(lambda: desktop.bridge.repairs.snapshot(job_id).state is JobState.PAUSED)
    world.assert_only(SEA)
    assert world.get(SEA)["Body"] == film.read_bytes()
    assert "as it was" in card.facts.text()
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons["cancel"]))
    assert snapshot.state is JobState.CANCELLED
    assert studio.record(job_id).state == "cancelled"
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED
    assert world.get(SEA)["Body"] == wanted(film)
    world.assert_only(SEA)


@pytest.mark.parametrize("choice", [True, False])
def test_the_cdn_forgets_the_old_copies_or_that_is_offered_after(studio: Studio, clip_end: Path, choice: bool) -> None:
    desktop = studio.start()
    desktop.session.use("practice")
    studio.wait(lambda: desktop.session.facts.profile.is_practice and desktop.session.connection is not None)
    connection = desktop.session.connection
    assert connection is not None
    place = {"Bucket": connection.profile.bucket, "Key": "films/end.mp4"}
    connection.clients.s3.put_object(**place, Body=clip_end.read_bytes())
    dialog = studio.asked(desktop, "end.mp4")
    assert dialog.plan is not None
    assert dialog.plan.served_by
    assert "may hold copies of the old version" in values(dialog)["CDN"]
    assert not dialog.invalidate.isHidden()
    if not choice:
        studio.click(cast("QPushButton", dialog.invalidate))
    assert dialog.invalidate.isChecked() is choice
    snapshot = studio.until_ended(desktop, lambda: studio.click(dialog.go_button))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert snapshot.result is not None
    assert snapshot.result["stale"] == ([] if choice else ["films/end.mp4"])
    card = studio.card(desktop, snapshot.id)
    offered = "invalidate" in card.buttons and not card.buttons["invalidate"].isHidden()
    assert offered is not choice
    if offered:
        studio.click(card.buttons["invalidate"])
        assert desktop.window.current_page == "delivery"
        assert desktop.delivery.chips.paths() == ("/films/end.mp4",)


def test_closed_with_pause_it_goes_on_after_the_next_start(studio: Studio, film: Path) -> None:
    world = studio.world
    world.put(film.read_bytes(), SEA)
    desktop = studio.start()
    dialog = studio.asked(desktop, name_of(SEA))
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(60)

    world.when("UploadPartCopy", Phase.ARRIVED, hold)
    studio.click(dialog.go_button)
    job_id = desktop.bridge.repairs.snapshots()[0].id
    studio.wait(held.is_set)
    desktop.window.close()
    (question,) = desktop.window.findChildren(QuitDialog)

    def pause_and_quit() -> None:
        studio.click(question.pause_button)
        go_on.set()

    studio.until_stopped(desktop, pause_and_quit)
    world.assert_only(SEA)
    assert studio.record(job_id).state == "paused"

    world.proxy.watch = lambda _phase, _request: None
    desktop = studio.start()
    desktop.window.show_page("activity")
    studio.wait(desktop.activity.interrupted.isVisible)
    snapshot = studio.until_ended(desktop, lambda: studio.click(desktop.activity.interrupted.button))
    assert snapshot.id == job_id
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert world.get(SEA)["Body"] == wanted(film)
    world.assert_only(SEA)


_CHILD = Path(__file__).parent / "repair_child.py"


@pytest.mark.parametrize(
    ("name", "phase", "then"),
    [
        ("UploadPartCopy", Phase.DONE, "resume"),
        ("CompleteMultipartUpload", Phase.DONE, "resume"),
        ("CopyObject", Phase.DONE, "resume"),
        ("UploadPartCopy", Phase.DONE, "cancel"),
        ("CompleteMultipartUpload", Phase.DONE, "cancel"),
    ],
)
def test_what_a_killed_window_left_is_shown_and_gone_on_with_or_cleaned_up(
    studio: Studio, film: Path, name: str, phase: Phase, then: str
) -> None:
    world = studio.world
    world.put(film.read_bytes(), SEA)
    killed, started = threading.Event(), threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        started.wait(60)
        child[0].kill()
        killed.set()

    world.when(name, phase, kill)
    server = world.server
    arguments = (SEA, world.proxy.url, world.bucket, server.access_key_id, server.secret_access_key)
    child.append(subprocess.Popen([sys.executable, str(_CHILD), *arguments]))
    started.set()
    child[0].wait(90)
    assert killed.is_set()
    world.proxy.watch = lambda _phase, _request: None
    assert world.get(SEA)["Body"] in (film.read_bytes(), wanted(film))

    desktop = studio.start()
    desktop.window.show_page("activity")
    studio.wait(desktop.activity.interrupted.isVisible)
    (entry,) = desktop.activity.entries_left_over()
    assert entry.kind == "repair"
    assert entry.title == name_of(SEA)
    card = studio.card(desktop, entry.id)
    assert card.badge.text() == "Paused"
    snapshot = studio.until_ended(desktop, lambda: studio.click(card.buttons[then]))
    if then == "resume":
        assert snapshot.state is JobState.PUBLISHED, snapshot.error
        assert world.get(SEA)["Body"] == wanted(film)
    else:
        assert snapshot.state is JobState.CANCELLED
        assert world.get(SEA)["Body"] == film.read_bytes()
    world.assert_only(SEA)
    assert not desktop.activity.interrupted.isVisible()
