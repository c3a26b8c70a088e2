"""Folders downloaded from the Library of the real window, and by `download --recursive`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from upload_studio import Yard, yard_on

import servers
from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from repairs import World, world_on
from vidcdn_desktop.__main__ import main
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

KEYS = ("films/A.mp4", "films/a.mp4", "films/day 1/Sea <b>&amp;.vtt", "films/day 1/%2F:..txt", "notes.txt")
HERE = {
    "films/A.mp4": "films/A.mp4",
    "films/a.mp4": "films/a (2).mp4",
    "films/day 1/Sea <b>&amp;.vtt": "films/day 1/Sea _b_&amp;.vtt",
    "films/day 1/%2F:..txt": "films/day 1/%2F_..txt",
    "notes.txt": "notes.txt",
}


@pytest.fixture
def yard(moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    with yard_on(moto, qtbot, qapp, monkeypatch) as made:
        for key in KEYS:
            made.world.put(key.encode(), key)
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "chosen"
    place.mkdir()
    return place


def files_in(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def expected(*keys: str) -> dict[str, bytes]:
    return {HERE[key]: key.encode() for key in keys}


def to(yard: Yard, desktop: Desktop, folder: Path, *names: str) -> Callable[[], None]:
    """Choose rows and the folder they go to; what it gives begins it."""
    yard.studio.choose(desktop, "", *names)
    yard.studio.click(desktop.library.bar.buttons["download"])
    (chooser,) = [found for found in desktop.window.findChildren(QFileDialog) if found.isVisible()]

    def begin() -> None:
        chooser.fileSelected.emit(str(folder))
        chooser.reject()

    return begin


def test_a_folder_comes_down_with_all_below_it(yard: Yard, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop = yard.studio.start()
    snapshot = yard.until_ended(desktop, to(yard, desktop, folder, "films/", "notes.txt"))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert files_in(folder) == expected(*KEYS)
    card = yard.studio.card(desktop, snapshot.id)
    assert card.title.full_text() == "Download 1 folder and 1 file"
    assert "5 files downloaded" in card.facts.text()
    shown: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: shown.append(url.toLocalFile()))
    yard.studio.click(card.buttons["show-folder"])
    assert shown == [str(folder)]

    # Once more: nothing comes again, nothing is replaced.
    (folder / "films" / "A.mp4").write_bytes(b"mine now")
    snapshot = yard.until_ended(desktop, to(yard, desktop, folder, "films/"))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert (snapshot.counts.done, snapshot.counts.already) == (1, 3)
    assert (folder / "films" / "A.mp4").read_bytes() == b"mine now"
    assert (folder / "films" / "A (2).mp4").read_bytes() == b"films/A.mp4"


def test_what_may_not_be_read_fails_by_itself_and_is_tried_again(yard: Yard, folder: Path) -> None:
    forbidden = {"day%201"}

    def plan(request: Request) -> Act:
        hit = request.operation in ("GetObject", "HeadObject") and any(word in request.target for word in forbidden)
        return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied")) if hit else Act()

    desktop = yard.studio.start()
    yard.world.proxy.plan = plan
    snapshot = yard.until_ended(desktop, to(yard, desktop, folder, "films/"))
    assert snapshot.state is JobState.FAILED
    assert (snapshot.counts.done, snapshot.counts.failed) == (2, 2)
    card = yard.studio.card(desktop, snapshot.id)
    assert "2 of 4 files could not be downloaded" in card.facts.text()
    forbidden.clear()
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert files_in(folder) == expected(*KEYS[:4])


def test_a_link_in_the_folder_leads_nowhere(yard: Yard, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "films").symlink_to(outside, target_is_directory=True)
    desktop = yard.studio.start()
    snapshot = yard.until_ended(desktop, to(yard, desktop, folder, "films/", "notes.txt"))
    assert snapshot.state is JobState.FAILED
    assert (snapshot.counts.done, snapshot.counts.failed) == (1, 4)
    assert files_in(outside) == {}
    assert (folder / "notes.txt").read_bytes() == b"notes.txt"


@pytest.mark.parametrize("then", ["resume", "cancel"])
def test_one_that_is_held_is_paused_and_goes_on_after_another_start(yard: Yard, folder: Path, then: str) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold(phase: Phase, request: Request) -> None:
        is_rest = request.headers.get("range") != "bytes=0-8388607"
        if phase is Phase.ARRIVED and request.operation == "GetObject" and "large" in request.target and is_rest:
            held.set()
            go_on.wait(60)

    yard.world.put(os.urandom(12 << 20), "films/large.bin")
    desktop = yard.studio.start()
    begin = to(yard, desktop, folder, "films/")
    yard.world.proxy.watch = hold
    begin()
    yard.studio.wait(held.is_set)
    (snapshot,) = desktop.bridge.batches.snapshots()
    desktop.bridge.batches.pause(snapshot.id)
    yard.studio.wait(lambda: desktop.bridge.batches.snapshot(snapshot.id).state is JobState.PAUSED)
    go_on.set()
    yard.world.proxy.watch = lambda _phase, _request: None
    yard.studio.until_stopped(desktop, desktop._shut_down)

    desktop = yard.studio.start()
    card = yard.studio.card(desktop, snapshot.id)
    yard.studio.wait(lambda: then in card.buttons)
    ended = yard.until_ended(desktop, lambda: yard.studio.click(card.buttons[then]))
    assert ended.state is (JobState.PUBLISHED if then == "resume" else JobState.CANCELLED), ended.error
    large = {"films/large.bin": yard.world.get("films/large.bin")["Body"]} if then == "resume" else {}
    assert files_in(folder) == expected(*KEYS[:4]) | large


# The command
@pytest.fixture
def world(moto: servers.Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(moto) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        for key in KEYS:
            made.put(key.encode(), key)
        yield made


def fetch(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    capsys.readouterr()
    code = main([str(word) for word in ("download", "--recursive", *argv, "--json")])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_the_command_goes_on_where_it_was(world: World, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, rows, err = fetch(capsys, f"s3://{world.bucket}/films", "--to", folder)
    assert code == 0, err
    assert files_in(folder) == expected(*KEYS[:4])
    assert rows[-1]["total"]["done"] == 4
    assert {row["key"]: row["path"] for row in rows[:-1]} == {k: str(folder / HERE[k]) for k in KEYS[:4]}
    (folder / HERE[KEYS[0]]).unlink()
    code, rows, err = fetch(capsys, f"s3://{world.bucket}/films/", "--to", folder)
    assert code == 0, err
    assert (rows[-1]["total"]["done"], rows[-1]["total"]["already"]) == (1, 3)
    assert files_in(folder) == expected(*KEYS[:4])


def test_the_command_says_what_it_could_not_do(world: World, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, rows, err = fetch(capsys, f"s3://{world.bucket}/films/", "--to", folder / "missing")
    assert code == 1
    assert "not there" in err
    refused = xml_answer("403 Forbidden", "AccessDenied")
    world.proxy.plan = lambda r: Act(Fault.ANSWER, answer=refused) if "vtt" in r.target else Act()
    code, rows, err = fetch(capsys, f"s3://{world.bucket}/films/", "--to", folder)
    assert code == 1
    assert rows[-1]["total"]["failed"] == 1
    assert "s3:GetObject" in err


def test_a_disk_without_room_is_told_before_the_first_byte(
    world: World, capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcdn_desktop.jobs.fetch_job.disk_usage", lambda _folder: SimpleNamespace(free=20))
    code, _rows, err = fetch(capsys, f"s3://{world.bucket}/films/", "--to", folder)
    assert code == 1
    assert "not enough room" in err
    assert files_in(folder) == {}


def test_the_command_is_stopped_politely_and_goes_on(world: World, folder: Path) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold(phase: Phase, request: Request) -> None:
        if phase is Phase.ARRIVED and request.operation == "GetObject" and "vtt" in request.target:
            held.set()
            go_on.wait(60)

    world.proxy.watch = hold
    command = [sys.executable, "-m", "vidcdn_desktop", "download", "--recursive", f"s3://{world.bucket}/films/"]
    process = subprocess.Popen(
        [*command, "--to", str(folder), "--json"],
        env=os.environ | world.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert held.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        go_on.set()
    assert process.returncode == 130, err
    assert "Run the same command again" in err
    assert json.loads(out.splitlines()[-1])["total"]["state"] == "paused"
    world.proxy.watch = lambda _phase, _request: None
    assert main([*command[3:], "--to", str(folder)]) == 0
    assert files_in(folder) == expected(*KEYS[:4])
