"""Files and folders dropped onto the Library of the real window: the question, the job, its endings, another start."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot
from upload_studio import Yard, yard_on

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from films import make_clip
from vidcdn_desktop.gui.library.upload_dialog import UploadDialog
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.put_taken import OnTaken

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

_CHILD = Path(__file__).parent / "upload_window_child.py"
HURTING = "Sea <b>&amp;%2F.vtt"


@pytest.fixture
def yard(moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    with yard_on(moto, qtbot, qapp, monkeypatch) as made:
        yield made


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    """A folder with a folder in it."""
    top = tmp_path / "shoot"
    (top / "day 1").mkdir(parents=True)
    (top / "a.txt").write_bytes(b"aaa")
    (top / "day 1" / HURTING).write_bytes(b"WEBVTT\n")
    (top / "link.txt").symlink_to(top / "a.txt")
    return top


def choose(dialog: UploadDialog, choice: OnTaken) -> None:
    dialog.taken.setCurrentIndex(dialog.taken.findData(choice))


def go(yard: Yard, dialog: UploadDialog) -> None:
    yard.studio.click(cast("QPushButton", dialog.go_button))


@pytest.mark.parametrize("view", ["list", "gallery"])
def test_dropped_onto_a_folder_it_goes_into_that_folder(yard: Yard, shoot: Path, view: str) -> None:
    yard.world.put(b"x", "films/there.mp4")
    yard.world.put(b"x", "notes.txt")
    desktop = yard.studio.start()
    yard.open(desktop)
    desktop.library._on_view_chosen(view)
    yard.studio.wait(lambda: desktop.library.stack.active.isVisible())
    mark = desktop.library.drop.mark
    target, at = yard.spot(desktop, "notes.txt")
    yard.hover(target, at, [shoot])
    assert mark.isVisible()
    assert mark.text == "Upload to the top of the bucket"
    target, at = yard.spot(desktop, "films/")
    yard.hover(target, at, [shoot])
    assert mark.text == "Upload to films"
    yard.leave(target)
    assert not mark.isVisible()
    assert desktop.desks.uploads.dialog is None

    dialog = yard.drop(desktop, target, at, shoot)
    assert not mark.isVisible()
    assert dialog.about.full_text().endswith("films")
    assert dialog.headline.text() == "2 files, 10 bytes"
    assert dialog.taken.isHidden()
    assert {row.label: row.value for row in dialog.facts.rows()}["Left out"] == "1: It is a link."
    assert "films/shoot/a.txt" not in yard.world.all_keys(), "only looked at"
    cache = dialog.cache.text()
    snapshot = yard.until_ended(desktop, lambda: go(yard, dialog))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    day = f"films/shoot/day 1/{HURTING}"
    assert yard.world.get(day)["Body"] == b"WEBVTT\n"
    assert yard.world.get(day)["ContentType"] == "text/vtt"
    assert yard.world.get(day)["CacheControl"] == cache != ""
    assert yard.world.get("films/shoot/a.txt")["Body"] == b"aaa"
    assert len(yard.world.all_keys()) == 4
    card = yard.studio.card(desktop, snapshot.id)
    assert card.title.full_text() == "Upload 2 files"
    assert "2 files uploaded (10 bytes)" in card.facts.text()


def test_the_folder_that_is_shown_is_listed_again(yard: Yard, shoot: Path) -> None:
    desktop = yard.studio.start()
    yard.open(desktop, "films/")
    stack = desktop.library.stack
    assert not stack.shows_rows, "nothing is there yet"
    assert desktop.library.upload_button.isVisible()
    dialog = yard.drop(desktop, stack, stack.rect().center(), shoot / "a.txt")
    assert yard.until_ended(desktop, lambda: go(yard, dialog)).state is JobState.PUBLISHED
    yard.studio.wait(lambda: desktop.library.model.rowCount() == 1 and desktop.library._complete)
    assert desktop.library.model.row(0).name == "a.txt"
    assert "1 file uploaded" in desktop.library.toast._label.text()


@pytest.mark.parametrize("text", ["Upload files…", "Upload a folder…"])
def test_what_is_chosen_goes_into_the_folder_that_is_shown(yard: Yard, shoot: Path, text: str) -> None:
    desktop = yard.studio.start()
    yard.open(desktop, "films/")
    action = next(found for found in desktop.window.palette_actions() if found.text() == text)
    action.trigger()
    (chooser,) = [found for found in desktop.window.findChildren(QFileDialog) if found.isVisible()]
    is_folder = text.endswith("folder…")
    chooser.filesSelected.emit([str(shoot if is_folder else shoot / "a.txt")])
    chooser.reject()
    dialog = yard.looked(desktop)
    snapshot = yard.until_ended(desktop, lambda: go(yard, dialog))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    expected = ["films/shoot/a.txt", f"films/shoot/day 1/{HURTING}"] if is_folder else ["films/a.txt"]
    assert yard.world.all_keys() == expected


@pytest.mark.parametrize("choice", list(OnTaken))
def test_a_name_that_is_taken_is_the_users_choice(yard: Yard, shoot: Path, choice: OnTaken) -> None:
    yard.world.put(b"theirs", "shoot/a.txt")
    yard.world.put(b"second", "shoot/a (2).txt")
    desktop = yard.studio.start()
    yard.open(desktop)
    stack = desktop.library.stack
    dialog = yard.drop(desktop, stack, QPoint(20, stack.height() - 5), shoot)
    assert dialog.taken_words.text() == "1 name is taken"
    assert dialog.taken.currentData() is OnTaken.SKIP, "nothing is replaced unless one says so"
    assert dialog.go_button.text() == "Upload 1 file"
    choose(dialog, choice)
    assert ("gone for good" in dialog.warning.text()) is (choice is OnTaken.REPLACE)
    snapshot = yard.until_ended(desktop, lambda: go(yard, dialog))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    expected = {"shoot/a.txt": b"theirs", "shoot/a (2).txt": b"second", f"shoot/day 1/{HURTING}": b"WEBVTT\n"}
    if choice is OnTaken.REPLACE:
        expected["shoot/a.txt"] = b"aaa"
    elif choice is OnTaken.KEEP_BOTH:
        expected["shoot/a (3).txt"] = b"aaa"
    assert {key: yard.world.get(key)["Body"] for key in yard.world.all_keys()} == expected


@pytest.mark.parametrize("choice", [OnTaken.SKIP, OnTaken.REPLACE])
def test_what_somebody_else_puts_meanwhile_stays(yard: Yard, shoot: Path, choice: OnTaken) -> None:
    if choice is OnTaken.REPLACE:
        yard.world.put(b"old", "shoot/a.txt")
    desktop = yard.studio.start()
    yard.open(desktop)
    stack = desktop.library.stack
    dialog = yard.drop(desktop, stack, QPoint(20, stack.height() - 5), shoot)
    if choice is OnTaken.REPLACE:
        choose(dialog, choice)
    yard.world.put(b"theirs", "shoot/a.txt")
    snapshot = yard.until_ended(desktop, lambda: go(yard, dialog))
    assert snapshot.state is JobState.FAILED
    assert snapshot.error is not None
    assert snapshot.error.what == "1 of 2 files could not be uploaded."
    assert yard.world.get("shoot/a.txt")["Body"] == b"theirs"
    assert yard.world.get(f"shoot/day 1/{HURTING}")["Body"] == b"WEBVTT\n"
    card = yard.studio.card(desktop, snapshot.id)
    yard.studio.click(card.fold)
    assert card._details is not None
    (failed,) = [row.value for row in card._details.grid.rows() if row.label == "Failed"]
    assert failed.startswith("shoot/a.txt: ")


def test_no_permission_is_told_and_what_failed_is_tried_again(yard: Yard, shoot: Path) -> None:
    desktop = yard.studio.start()
    yard.open(desktop)
    stack = desktop.library.stack
    refused = xml_answer("403 Forbidden", "AccessDenied")
    forbidden = {".vtt"}

    def plan(request: Request) -> Act:
        hit = request.operation == "PutObject" and any(word in request.target for word in forbidden)
        return Act(Fault.ANSWER, answer=refused) if hit else Act()

    yard.world.proxy.plan = plan
    dialog = yard.drop(desktop, stack, stack.rect().center(), shoot)
    snapshot = yard.until_ended(desktop, lambda: go(yard, dialog))
    assert snapshot.state is JobState.FAILED
    card = yard.studio.card(desktop, snapshot.id)
    assert "s3:PutObject" in card.facts.text()
    assert "1 file uploaded" in card.facts.text()
    forbidden.clear()
    (shoot / "a.txt").unlink()
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert len(yard.world.all_keys()) == 2


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_file_that_goes_or_changes_fails_by_itself(yard: Yard, shoot: Path, how: str) -> None:
    large = shoot / "large.bin"
    large.write_bytes(os.urandom(20 << 20))
    desktop = yard.studio.start()
    yard.open(desktop)
    stack = desktop.library.stack
    dialog = yard.drop(desktop, stack, stack.rect().center(), shoot)

    def act() -> None:
        if how == "gone":
            large.unlink()
        else:
            with large.open("r+b") as file:
                file.write(b"other")

    yard.world.when("CreateMultipartUpload", Phase.DONE, act)
    snapshot = yard.until_ended(desktop, lambda: go(yard, dialog))
    assert snapshot.state is JobState.FAILED
    assert snapshot.counts.done == 2
    assert snapshot.counts.failed == 1
    assert "shoot/large.bin" not in yard.world.all_keys()
    if how == "gone":  # a disk may come back, so what was sent is kept until one says otherwise
        card = yard.studio.card(desktop, snapshot.id)
        ended = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons["discard"]))
        assert ended.state is JobState.CANCELLED
    yard.studio.wait(lambda: yard.world.unfinished() == [])


def test_the_network_goes_and_comes_back(yard: Yard, shoot: Path) -> None:
    desktop = yard.studio.start()
    yard.open(desktop)
    stack = desktop.library.stack
    dialog = yard.drop(desktop, stack, stack.rect().center(), shoot)
    down = threading.Event()
    down.set()
    yard.world.proxy.plan = lambda _request: Act(Fault.REFUSED) if down.is_set() else Act()
    with yard.qtbot.waitSignal(
        desktop.bridge.batches.changed, timeout=60_000, check_params_cb=lambda s: s.waiting is not None
    ) as held:
        go(yard, dialog)
    assert held.args is not None
    card = yard.studio.card(desktop, held.args[0].id)
    yard.studio.wait(lambda: card.badge.text() == "Held up")
    down.clear()
    snapshot = yard.until_ended(desktop, lambda: desktop.bridge.batches.try_now(card.entry.id))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert len(yard.world.all_keys()) == 2


def test_paused_gone_on_with_and_cancelled(yard: Yard, shoot: Path) -> None:
    (shoot / "large.bin").write_bytes(os.urandom(20 << 20))
    held, go_on = threading.Event(), threading.Event()

    def hold(phase: Phase, request: Request) -> None:
        if phase is Phase.HALF and request.operation == "UploadPart" and request.part > 1 and not go_on.is_set():
            held.set()
            go_on.wait(60)

    desktop = yard.studio.start()
    yard.open(desktop)
    stack = desktop.library.stack
    dialog = yard.drop(desktop, stack, stack.rect().center(), shoot)
    yard.world.proxy.watch = hold
    with yard.qtbot.waitSignal(desktop.bridge.batches.added) as added:
        go(yard, dialog)
    assert added.args is not None
    job_id = added.args[0].id
    card = yard.studio.card(desktop, job_id)
    yard.studio.wait(lambda: held.is_set() and "pause" in card.buttons and card.buttons["pause"].isVisible())
    yard.studio.click(card.buttons["pause"])
    yard.studio.wait(lambda: desktop.bridge.batches.snapshot(job_id).state is JobState.PAUSED)
    go_on.set()
    yard.studio.wait(lambda: "2 files uploaded so far" in card.facts.text())
    assert yard.world.unfinished() == ["shoot/large.bin"]
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons["cancel"]))
    assert snapshot.state is JobState.CANCELLED, snapshot.error
    assert yard.world.unfinished() == []
    assert len(yard.world.all_keys()) == 2, "what is done stays"
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert yard.world.get("shoot/large.bin")["Body"] == (shoot / "large.bin").read_bytes()


def test_videos_that_start_slowly_go_to_publish_instead(yard: Yard, shoot: Path) -> None:
    make_clip(shoot / "slow.mp4")
    desktop = yard.studio.start()
    yard.open(desktop, "films/")
    stack = desktop.library.stack
    dialog = yard.drop(desktop, stack, stack.rect().center(), shoot)
    assert dialog.slow.text.text().startswith("1 video starts slowly")
    assert dialog.go_button.text() == "Upload 3 files"
    with yard.qtbot.waitSignal(desktop.bridge.job_added) as added:
        yard.studio.click(dialog.publish_button)
    assert added.args is not None
    assert added.args[0].path == shoot / "slow.mp4"
    assert added.args[0].options.prefix == "films"
    assert dialog.slow.isHidden()
    assert dialog.go_button.text() == "Upload 2 files"
    dialog.reject()
    assert yard.world.all_keys() == []


@pytest.mark.parametrize(("name", "then"), [("UploadPart", "resume"), ("UploadPart", "cancel")])
def test_what_a_killed_window_left_is_gone_on_with_or_discarded(yard: Yard, shoot: Path, name: str, then: str) -> None:
    world, server = yard.world, yard.world.server
    (shoot / "large.bin").write_bytes(os.urandom(20 << 20))
    started = threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        started.wait(60)
        child[0].kill()

    world.when(name, Phase.DONE, kill)
    arguments = (str(shoot), "films/", world.proxy.url, world.bucket, server.access_key_id, server.secret_access_key)
    child.append(subprocess.Popen([sys.executable, str(_CHILD), *arguments]))
    started.set()
    assert child[0].wait(120) != 0
    world.proxy.watch = lambda _phase, _request: None
    sent = {key: world.get(key)["LastModified"] for key in world.all_keys() if key.startswith("films/")}
    assert sent, "something was through before the kill"

    desktop = yard.studio.start()
    desktop.window.show_page("activity")
    yard.studio.wait(desktop.activity.interrupted.isVisible)
    (entry,) = desktop.activity.entries_left_over()
    assert (entry.kind, entry.title) == ("upload", "Upload 3 files")
    card = yard.studio.card(desktop, entry.id)
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons[then]))
    yard.studio.wait(lambda: world.unfinished() == [])
    if then == "cancel":
        assert snapshot.state is JobState.CANCELLED, snapshot.error
        assert "films/shoot/large.bin" not in world.all_keys()
        return
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert snapshot.counts.already >= len(sent)
    for key, path in (("a.txt", shoot / "a.txt"), ("large.bin", shoot / "large.bin")):
        assert world.get(f"films/shoot/{key}")["Body"] == path.read_bytes()
    assert {key: world.get(key)["LastModified"] for key in sent} == sent, "nothing was sent twice"
