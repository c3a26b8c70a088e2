"""The real window against a real S3 server: how it is closed, what another start finds, and what the network does."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from transfer_world import MIB, Bucket, bytes_to_arrive, fresh_bucket, make_film

import servers
from faultplans import Request
from faults import FaultProxy, Phase
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.gui import background
from vidcdn_desktop.gui.activity.card import JobCard
from vidcdn_desktop.gui.quit_dialog import QuitDialog
from vidcdn_desktop.jobs.journal import JobRecord, Journal
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.settings import Settings, load_settings

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

PART = 8 * MIB
SIZE = 5 * PART
WAIT_MS = 60_000
STUDIO, ARCHIVE = "studio", "archive"


_ended: list[Desktop] = []
"""A program's window lives as long as its process; torn down in pieces by the collector it takes the process along."""


class Gate:
    """Lets some requests through and holds the others until it is opened."""

    def __init__(self) -> None:
        self.holds: Callable[[Request], bool] = lambda _request: False
        self.held = threading.Event()
        """One stands before it."""
        self._open = threading.Event()
        self._lost_up_to = 0

    def watch(self, phase: Phase, request: Request) -> None:
        """For `FaultProxy`."""
        if phase is Phase.HALF and (request.index <= self._lost_up_to or self.holds(request)):
            self.held.set()
            self._open.wait(60)
            if request.index <= self._lost_up_to:
                raise ConnectionAbortedError

    def open(self, *, lost_up_to: int = 0) -> None:
        """Let everything through; of the requests up to a number, what was held is lost, as its sender is gone.

        Without that the sender's last bytes may stand in the sockets' buffers, and a part arrives long after its time.
        """
        self._lost_up_to = lost_up_to
        self.holds = lambda _request: False
        self._open.set()


class World:
    """A server behind a proxy, two buckets, two saved connections, and windows one after the other."""

    def __init__(self, qtbot: QtBot, app: QApplication, proxy: FaultProxy, bucket: Bucket, other: Bucket) -> None:
        self.qtbot = qtbot
        self.app = app
        self.proxy = proxy
        self.bucket = bucket
        self.other = other
        self.gate = Gate()
        proxy.watch = self.gate.watch
        self.running: list[Desktop] = []

    def start(self, connection: str = STUDIO, *, settings: Settings | None = None) -> Desktop:
        """Another start of the program, as `app.main` does it."""
        desktop = Desktop(self.app, settings or Settings(last_connection=connection))
        desktop._app = cast("QApplication", SimpleNamespace(quit=lambda: None))  # the tests' own loop must go on
        self.running.append(desktop)
        _ended.append(desktop)
        for profile_id, bucket in ((STUDIO, self.bucket), (ARCHIVE, self.other)):
            server = bucket.server
            profile = ConnectionProfile(
                profile_id,
                profile_id.title(),
                ConnectionKind.S3_COMPATIBLE,
                bucket=bucket.name,
                region=server.region,
                access_key_id=server.access_key_id,
                endpoint_url=self.proxy.url,
                path_style=True,
            )
            desktop.saved.save(profile, {"secret_access_key": Secret(server.secret_access_key)})
        desktop.window.show()
        desktop.session.use(connection)
        desktop.recall()
        self.wait(lambda: desktop.session.connection is not None)
        return desktop

    def wait(self, done: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(done, timeout=WAIT_MS)

    def begin(self, desktop: Desktop, film: Path) -> str:
        """Publish a film until two parts are in the bucket and the others are held; gives the job's id."""
        self.gate.holds = lambda request: request.part > 2
        desktop.publish.add_files([film])
        self.wait(lambda: desktop.publish.publish_button.isEnabled())
        self.click(desktop.publish.publish_button)
        self.wait(lambda: self.gate.held.is_set() and self.written_down(desktop) == 2 * PART)
        return desktop.bridge.snapshots()[0].id

    @staticmethod
    def written_down(desktop: Desktop) -> int:
        """Bytes of finished parts in the journal."""
        assert desktop.journal is not None
        return sum(upload.done_bytes for upload in desktop.journal.unfinished_uploads())

    def parts_in_bucket(self) -> list[int]:
        """Part numbers of the one upload that is under way."""
        client, name = self.bucket.client, self.bucket.name
        uploads = client.list_multipart_uploads(Bucket=name).get("Uploads", ())
        if not uploads:
            return []
        reply = client.list_parts(Bucket=name, Key=uploads[0]["Key"], UploadId=uploads[0]["UploadId"])
        return [part["PartNumber"] for part in reply.get("Parts", ())]

    def click(self, button: QPushButton) -> None:
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def close(self, desktop: Desktop, choice: str = "") -> None:
        """Close the window; `choice` is the answer to the question, if one is expected."""
        desktop.window.close()
        if choice:
            (dialog,) = desktop.window.findChildren(QuitDialog)
            self.click(getattr(dialog, f"{choice}_button"))

    def until_stopped(self, desktop: Desktop, act: Callable[[], None]) -> None:
        with self.qtbot.waitSignal(desktop.stopped, timeout=WAIT_MS):
            act()
        self.running.remove(desktop)

    def lose_held_and_open(self) -> None:
        """Between two programs: what the first had on its way never arrives, and the gate is open."""
        self.gate.open(lost_up_to=len(self.proxy.exchanges))

    def card(self, desktop: Desktop, job_id: str) -> JobCard:
        desktop.window.show_page("activity")
        self.wait(lambda: job_id in desktop.activity.list.cards)
        return desktop.activity.list.cards[job_id]

    def record(self, job_id: str) -> JobRecord:
        with contextlib.closing(Journal()) as journal:
            found = journal.job(job_id)
        assert found is not None
        return found

    def sent_again(self) -> list[int]:
        """Parts whose whole body came more than once."""
        # Small ones are those of finding out what the store can do.
        seen = [e.request.part for e in self.proxy.exchanges if e.request.size > MIB and e.status == 200]
        return sorted({part for part in seen if seen.count(part) > 1})


@pytest.fixture
def world(qtbot: QtBot, qapp: QApplication, moto: servers.Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    store = MemorySecretStore()  # as lasting as a keyring, for this test
    monkeypatch.setattr("vidcdn_desktop.app.open_secret_store", lambda: (store, ""))
    qapp.setQuitOnLastWindowClosed(False)
    with fresh_bucket(moto) as bucket, fresh_bucket(moto) as other, FaultProxy(moto.url) as proxy:
        made = World(qtbot, qapp, proxy, bucket, other)
        yield made
        made.gate.open()
        proxy.down.clear()
        for desktop in list(made.running):
            if not desktop._closing:
                made.until_stopped(desktop, desktop._shut_down)
        assert background.wait_all(10)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "Lake at dawn.mp4", SIZE)


def assert_arrived_once(world: World, film: Path) -> None:
    """One film, one thumbnail, nothing unfinished, every byte as it should be."""
    films = [key for key in world.bucket.all_keys() if key.endswith(".mp4")]
    assert len(films) == 1, world.proxy.story()
    found = world.bucket.object(films[0])
    assert found is not None
    assert found["Body"] == bytes_to_arrive(film)
    assert world.bucket.unfinished() == []


def test_pause_and_quit_keeps_what_was_sent_and_the_next_start_goes_on(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    world.until_stopped(desktop, lambda: world.close(desktop, "pause"))
    assert world.record(job_id).state == "paused"
    assert sorted(world.parts_in_bucket()) == [1, 2]
    assert world.bucket.all_keys() == []

    again = world.start()
    card = world.card(again, job_id)
    world.wait(lambda: card.entry.state is JobState.PAUSED)
    assert "16.8 MB of 41.9 MB are in the bucket" in card.facts.text()
    assert again.activity.interrupted.isVisible()
    world.lose_held_and_open()
    world.click(card.buttons["resume"])
    world.wait(lambda: card.entry.state is JobState.PUBLISHED)
    assert_arrived_once(world, film)
    assert world.sent_again() == []
    result = card.entry.result
    assert result["resumed_bytes"] == 2 * PART
    assert result["bytes_sent"] == SIZE - result["resumed_bytes"]
    world.until_stopped(again, lambda: world.close(again))
    assert world.record(job_id).state == "published"


def test_after_the_process_was_killed_one_click_goes_on(world: World, film: Path) -> None:
    world.gate.holds = lambda request: request.part > 2
    server = world.bucket.server
    place = (str(film), world.proxy.url, world.bucket.name, server.access_key_id, server.secret_access_key)
    script = Path(__file__).with_name("window_child.py")
    child = subprocess.Popen([sys.executable, str(script), *place], stderr=subprocess.DEVNULL)
    try:
        world.wait(lambda: world.gate.held.is_set() and sorted(world.parts_in_bucket()) == [1, 2])
    finally:
        child.kill()
        child.wait(30)
    world.lose_held_and_open()
    desktop = world.start()
    desktop.window.show_page("activity")
    world.wait(lambda: desktop.activity.interrupted.isVisible())
    (card,) = desktop.activity.list.cards.values()
    assert card.entry.state is JobState.PAUSED
    world.click(desktop.activity.interrupted.button)
    world.wait(lambda: card.entry.state is JobState.PUBLISHED)
    assert_arrived_once(world, film)
    # At most what was on its way, or had arrived without the journal having heard of it.
    assert card.entry.result["bytes_sent"] <= SIZE - PART


def test_cancel_and_quit_leaves_nothing_in_the_bucket(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    world.until_stopped(desktop, lambda: world.close(desktop, "cancel"))
    assert world.record(job_id).state == "cancelled"
    assert world.bucket.unfinished() == []
    assert world.bucket.all_keys() == []


def test_in_the_background_it_goes_on_and_the_program_ends_with_it(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    world.close(desktop, "background")
    assert not desktop.window.isVisible()
    assert desktop.bridge.counts().busy == 1
    world.until_stopped(desktop, world.gate.open)
    assert world.record(job_id).state == "published"
    assert_arrived_once(world, film)
    assert world.sent_again() == []


def test_who_is_not_asked_loses_nothing(world: World, film: Path) -> None:
    desktop = world.start(settings=Settings(confirm_quit_busy=False))
    job_id = world.begin(desktop, film)
    desktop.publish.transfers.set_limit(1_500_000)
    names = {action.text() for action in desktop.window.palette_actions()}
    assert {"Pause all transfers", "Resume all transfers", "Limit the speed of all transfers…"} <= names
    world.until_stopped(desktop, lambda: world.close(desktop))
    assert load_settings().speed_limit_bytes_per_s == 1_500_000
    assert world.record(job_id).state == "paused"
    assert sorted(world.parts_in_bucket()) == [1, 2]


def test_if_so_set_it_goes_on_by_itself_after_a_restart(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    world.until_stopped(desktop, lambda: world.close(desktop, "pause"))
    world.lose_held_and_open()
    again = world.start(settings=Settings(resume_on_start=True))
    card = world.card(again, job_id)
    world.wait(lambda: card.entry.state is JobState.PUBLISHED)
    assert_arrived_once(world, film)
    assert world.sent_again() == []


def test_what_belongs_to_another_connection_offers_to_switch(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    world.until_stopped(desktop, lambda: world.close(desktop, "pause"))
    world.lose_held_and_open()
    again = world.start(ARCHIVE)
    card = world.card(again, job_id)
    world.wait(lambda: "resume" in card.buttons and card.buttons["resume"].isVisible())
    for verb in ("resume", "discard"):
        world.click(card.buttons[verb])
        dialog = again.transfers.dialog
        assert dialog is not None
        world.click(dialog.stay_button)
        assert sorted(world.parts_in_bucket()) == [1, 2]
    world.click(card.buttons["resume"])
    assert again.transfers.dialog is not None
    world.click(again.transfers.dialog.go_button)
    world.wait(lambda: card.entry.state is JobState.PUBLISHED)
    assert again.session.facts.profile.id == STUDIO
    assert_arrived_once(world, film)
    assert world.other.all_keys() == []
    assert world.other.unfinished() == []


def test_discarding_a_paused_upload_removes_what_was_sent(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    card = desktop.publish._column.cards[job_id]
    world.click(card.pause)
    world.wait(lambda: card.snapshot.state is JobState.PAUSED)
    assert card.progress.isVisible()
    assert card.progress.value() == 400
    assert card.cancel.text() == "Discard"
    world.click(card.cancel)
    world.wait(lambda: card.snapshot.state is JobState.CANCELLED)
    assert world.bucket.unfinished() == []
    assert world.bucket.all_keys() == []


def test_without_a_network_it_waits_says_so_and_goes_on(world: World, film: Path) -> None:
    desktop = world.start()
    job_id = world.begin(desktop, film)
    card = desktop.publish._column.cards[job_id]
    world.proxy.down.set()
    world.gate.open()
    world.proxy.cut_all()
    world.wait(lambda: card.try_now.isVisible())
    assert card.line.text().startswith(("Waiting for the network · ", "Waiting for the service"))
    assert card.snapshot.state is JobState.RUNNING
    activity = world.card(desktop, job_id)
    world.wait(lambda: activity.badge.text() == "Held up")
    assert activity.entry.id in {entry.id for entry in desktop.activity.entries()}
    world.proxy.down.clear()
    world.click(activity.buttons["try-now"])
    world.wait(lambda: activity.entry.state is JobState.PUBLISHED)
    assert_arrived_once(world, film)
    assert activity.entry.result["retries"] > 0


def put_object(world: World, key: str, size: int) -> bytes:
    body = bytes(range(256)) * (size // 256)
    client: Any = world.bucket.client
    client.put_object(Bucket=world.bucket.name, Key=key, Body=body, ContentType="video/mp4")
    return body


def test_a_download_from_the_library_survives_a_restart(world: World, tmp_path: Path) -> None:
    body = put_object(world, "videos/lake.mp4", 3 * PART)
    folder = tmp_path / "films"
    folder.mkdir()
    desktop = world.start()
    desktop.window.show_page("library")
    library = desktop.library
    library.open_prefix("videos/")
    world.wait(lambda: library.model.rowCount() == 1)
    library.table.selectRow(0)
    refs: list[Any] = []
    library.download_requested.connect(refs.append)
    library.download_requested.disconnect(desktop.transfers._on_download)  # the system's dialog is not ours to test
    world.click(library.bar.buttons["download"])
    desktop.transfers._wanted_refs = refs[0]
    # Held from the second range on: a slow line, so that it can be stopped on its way.
    desktop.bridge.set_limit(4_000_000)
    desktop.transfers.download_to(str(folder))
    (job_id,) = (snapshot.id for snapshot in desktop.bridge.downloads.snapshots())

    def some_arrived() -> bool:
        snapshot = desktop.bridge.downloads.snapshot(job_id)
        return snapshot is not None and snapshot.progress is not None and snapshot.progress.done_bytes > MIB

    world.wait(some_arrived)
    assert desktop.bridge.counts().busy == 1
    world.until_stopped(desktop, lambda: world.close(desktop, "pause"))
    assert world.record(job_id).state == "paused"
    assert not (folder / "lake.mp4").exists()

    again = world.start()
    assert again._settings.speed_limit_bytes_per_s is None
    card = world.card(again, job_id)
    world.wait(lambda: card.entry.state is JobState.PAUSED)
    world.click(card.buttons["resume"])
    world.wait(lambda: card.entry.state is JobState.PUBLISHED)
    assert (folder / "lake.mp4").read_bytes() == body
    assert [path.name for path in folder.iterdir()] == ["lake.mp4"]
    assert card.entry.result["resumed_bytes"] >= MIB
    shown: list[str] = []
    again.activity.show_folder.disconnect(again.transfers._on_show_folder)
    again.activity.show_folder.connect(shown.append)
    world.click(card.buttons["show-folder"])
    assert shown == [str(folder)]


def test_a_finished_job_is_found_again_in_the_library(world: World, film: Path) -> None:
    world.gate.open()
    desktop = world.start()
    desktop.publish.add_files([film])
    world.wait(lambda: desktop.publish.publish_button.isEnabled())
    world.click(desktop.publish.publish_button)
    job_id = desktop.bridge.snapshots()[0].id
    card = world.card(desktop, job_id)
    world.wait(lambda: card.entry.state is JobState.PUBLISHED)
    world.click(card.buttons["show-key"])
    assert desktop.window.current_page == "library"
    world.wait(lambda: bool(desktop.library._selected()))
    assert [row.key for row in desktop.library._selected()] == [card.entry.key]
    # Removed from the list: gone from the journal too, while the video stays.
    desktop.window.show_page("activity")
    world.click(card.fold)
    desktop.activity.do("remove", job_id)
    assert desktop.activity.entry(job_id) is None
    assert background.wait_all(10)
    world.until_stopped(desktop, lambda: world.close(desktop))
    with contextlib.closing(Journal()) as journal:
        assert journal.job(job_id) is None
    assert_arrived_once(world, film)


def test_a_newer_journal_is_told_and_everything_else_works(world: World, film: Path) -> None:
    with contextlib.closing(Journal()) as journal:
        path = journal.path
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    world.gate.open()
    desktop = world.start()
    assert desktop.journal is None
    desktop.window.show_page("activity")
    assert "an upload that is interrupted starts again" in desktop.activity.problem.text.text()
    desktop.publish.add_files([film])
    world.wait(lambda: desktop.bridge.counts().ready == 1)
    desktop.bridge.publish_all()
    world.wait(lambda: desktop.bridge.counts().live == 1)
    assert_arrived_once(world, film)
