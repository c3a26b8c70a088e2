"""The window is killed in the middle of whatever the Library does, and the next start goes on with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from deeds import COPY, DELETE, HEADERS, MOVE, Deed, agree, content, fill_bucket, key_of, planned
from operation_studio import PLACES, Office, office_at
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from faultplans import Request
from faults import Phase
from repairs import operation
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

RANGE = 8 << 20


@pytest.fixture(params=PLACES)
def office(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_at(request.param, request, qtbot, qapp, monkeypatch) as made:
        yield made


def killed(office: Office, holds: list[Callable[[Request], bool]], phase: Phase, *todo: dict[str, Any]) -> None:
    """Another window does something until a request of each kind is held, and is killed then.

    Nobody hears of what those requests have done; with `Phase.ARRIVED` they never get there.
    """
    held = [threading.Event() for _ in holds]
    gone = threading.Event()

    def watch(at: Phase, request: Request) -> None:
        for event, wanted in zip(held, holds, strict=True):
            if at is phase and wanted(request):
                event.set()
                gone.wait(90)
                raise ConnectionAbortedError

    office.world.proxy.watch = watch
    child = office.other_window(*todo)
    try:
        office.studio.wait(lambda: all(event.is_set() for event in held))
    finally:
        child.kill()
        child.wait(30)
        gone.set()
    office.world.proxy.watch = lambda _phase, _request: None


def writes_in(*folders: str) -> list[Callable[[Request], bool]]:
    """Copies to keys in folders, one kind each."""

    def kind(folder: str) -> Callable[[Request], bool]:
        return lambda request: operation(request) == "CopyObject" and key_of(request).startswith(folder)

    return [kind(folder) for folder in folders]


def resume_all(office: Office, desktop: Desktop, count: int) -> None:
    """Go on with what is left, one after the other."""
    desktop.window.show_page("activity")
    office.studio.wait(lambda: len(desktop.activity.entries_left_over()) == count)
    for entry in desktop.activity.entries_left_over():
        assert entry.state is JobState.PAUSED
        card = office.studio.card(desktop, entry.id)
        snapshot = office.until_ended(desktop, partial(office.studio.click, card.buttons["resume"]))
        assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert not desktop.activity.interrupted.isVisible()


def test_two_operations_of_a_killed_window_go_on(office: Office) -> None:
    copies = office.place in ("moto-http", "swift-https")
    deeds: tuple[Deed, ...] = (COPY, DELETE) if copies else (MOVE, HEADERS)
    before = fill_bucket(office, *deeds)
    holds = writes_in(COPY.target) if copies else writes_in(MOVE.target, HEADERS.folder)
    if copies:
        holds.append(lambda request: operation(request) in DELETE.writes)
    todo = [
        {"verb": deed.verb, "keys": deed.keys(3), **({"text": text} if (text := deed.text) else {})} for deed in deeds
    ]
    killed(office, holds, Phase.DONE, *todo)
    desktop = office.studio.start()
    resume_all(office, desktop, 2)
    wanted = before
    for deed in deeds:
        wanted = deed.done_to(wanted, *deed.keys(3))
    assert content(office) == wanted


@pytest.mark.parametrize("office", [PLACES[0], PLACES[3]], indirect=True)
def test_an_undo_of_a_killed_window_goes_on(office: Office) -> None:
    before, desktop = fill_bucket(office, MOVE, HEADERS), office.studio.start()
    jobs = []
    for deed in (MOVE, HEADERS):
        dialog = planned(office, desktop, deed, *deed.keys(2))
        jobs.append(office.until_ended(desktop, agree(office, dialog)).id)
    office.studio.until_stopped(desktop, desktop.window.close)
    assert content(office) != before
    holds = writes_in(MOVE.folder, HEADERS.folder)
    killed(office, holds, Phase.DONE, *({"verb": "undo", "job": job_id} for job_id in jobs))
    resume_all(office, office.studio.start(), 2)
    assert content(office) == before


@pytest.mark.parametrize("office", [PLACES[1], PLACES[2]], indirect=True)
def test_a_download_of_a_killed_window_goes_on(office: Office, tmp_path: Path) -> None:
    key, body = "films/a <b>.mp4", bytes(range(256)) * (RANGE // 256) + b"the end"
    office.world.put(body, key)
    folder = tmp_path / "here"
    folder.mkdir()

    def second(request: Request) -> bool:
        return operation(request) == "GetObject" and request.headers.get("range", "").startswith(f"bytes={RANGE}-")

    killed(office, [second], Phase.ARRIVED, {"verb": "download", "keys": [key], "folder": str(folder)})
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == []
    desktop = office.studio.start()
    desktop.window.show_page("activity")
    office.studio.wait(lambda: len(desktop.activity.entries_left_over()) == 1)
    (entry,) = desktop.activity.entries_left_over()
    card = office.studio.card(desktop, entry.id)
    office.studio.click(card.buttons["resume"])
    office.studio.wait(lambda: card.entry.state is JobState.PUBLISHED)
    (file,) = folder.iterdir()
    assert file.name == "a _b_.mp4"
    assert file.read_bytes() == body
