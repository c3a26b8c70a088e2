"""Downloads of the Library when they go wrong, and tags and deletes that are taken back: at each server, both ways."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from deeds import COPY, DELETE, Deed, agree, content, fill_bucket, key_of, planned
from operation_studio import PLACES, Office, office_at
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot
from safe_words import unsafe

from faultplans import PASS, Act, Fault, Request, xml_answer
from faults import Phase
from repairs import operation
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.gui.activity.card import JobCard
from vidcdn_desktop.gui.library.operation_dialog import OperationDialog
from vidcdn_desktop.gui.library.values_form import ValuesForm
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.textsafe import safe_file_name

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

REFUSED = xml_answer("403 Forbidden", "AccessDenied")


@pytest.fixture(params=PLACES)
def office(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_at(request.param, request, qtbot, qapp, monkeypatch) as made:
        yield made


@pytest.fixture(params=PLACES)
def archive(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    """A bucket that keeps versions."""
    with office_at(request.param, request, qtbot, qapp, monkeypatch, versioned=True) as made:
        yield made


def download(office: Office, desktop: Desktop, deed: Deed, keys: list[str], folder: Path) -> dict[str, JobCard]:
    """Download objects as the Library does it; their cards by key."""
    library = desktop.library
    library.open_prefix(deed.folder)
    office.studio.wait(lambda: library._complete and not library.model.is_arranging)
    places = [n for n, row in enumerate(library.model.rows()) if row.key in keys]
    library.model.select_ranges([(place, place) for place in places])
    library._do("download")
    (chooser,) = desktop.window.findChildren(QFileDialog)
    chooser.fileSelected.emit(str(folder))  # as the system's dialog does it
    chooser.reject()
    return {s.ref.key: office.studio.card(desktop, s.id) for s in desktop.bridge.downloads.snapshots()}


def until(office: Office, card: JobCard, *states: JobState) -> None:
    office.studio.wait(lambda: card.entry.state in states)


def test_of_many_downloads_each_has_its_own_fate(office: Office, tmp_path: Path) -> None:
    fill_bucket(office, COPY)
    desktop = office.studio.start()
    keys = refused, replaced, taken, fine = COPY.keys(4)
    (tmp_path / "down").mkdir()
    (tmp_path / "down" / safe_file_name(taken)).write_bytes(b"mine")

    def plan(request: Request) -> Act:
        reads = operation(request) == "GetObject" and key_of(request) == refused
        return Act(Fault.ANSWER, answer=REFUSED) if reads else PASS

    def replace_it(phase: Phase, request: Request) -> None:
        if phase is Phase.DONE and operation(request) == "HeadObject" and key_of(request) == replaced:
            office.world.put(b"theirs", replaced)  # after it was looked at, before it is read

    office.world.proxy.plan, office.world.proxy.watch = plan, replace_it
    cards = download(office, desktop, COPY, list(keys), tmp_path / "down")
    for key in keys:
        until(office, cards[key], JobState.FAILED if key in (refused, replaced) else JobState.PUBLISHED)
    assert cards[refused].entry.error["kind"] == "AccessDenied"
    assert cards[replaced].entry.error["kind"] == "Conflict"
    assert unsafe(desktop.window) == []

    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "down").iterdir()}

    name = safe_file_name(taken)
    wanted = {name: b"mine", name.replace(".mp4", " (2).mp4"): taken.encode(), safe_file_name(fine): fine.encode()}
    assert files() == wanted, "whole files only"
    office.world.proxy.plan, office.world.proxy.watch = lambda _request: PASS, lambda _phase, _request: None
    for key in (refused, replaced):
        office.studio.click(cards[key].buttons["retry"])
        until(office, cards[key], JobState.PUBLISHED)
    assert files() == {**wanted, safe_file_name(refused): refused.encode(), safe_file_name(replaced): b"theirs"}


def test_a_network_that_is_cut_holds_a_download_up_and_it_goes_on(office: Office, tmp_path: Path) -> None:
    fill_bucket(office, COPY)
    desktop = office.studio.start()
    (key,) = COPY.keys(1)
    cut = threading.Event()

    def pull_the_cable(phase: Phase, request: Request) -> None:
        if phase is Phase.DONE and operation(request) == "GetObject" and key_of(request) == key and not cut.is_set():
            cut.set()
            office.world.proxy.down.set()
            raise ConnectionAbortedError

    office.world.proxy.watch = pull_the_cable
    card = download(office, desktop, COPY, [key], tmp_path)[key]
    office.studio.wait(lambda: cut.is_set() and card.badge.text() == "Held up")
    assert unsafe(desktop.window) == []
    office.world.proxy.down.clear()
    office.studio.click(card.buttons["try-now"])
    until(office, card, JobState.PUBLISHED)
    assert (tmp_path / safe_file_name(key)).read_bytes() == key.encode()


def ask_for_tags(office: Office, desktop: Desktop, keys: list[str]) -> OperationDialog:
    """Write one tag for some objects, up to the plan."""
    library = desktop.library
    library.open_prefix(COPY.folder)
    office.studio.wait(lambda: library._complete and not library.model.is_arranging)
    places = [n for n, row in enumerate(library.model.rows()) if row.key in keys]
    library.model.select_ranges([(place, place) for place in places])
    library._do("tags")
    dialog = office.dialog(desktop)
    form = cast("ValuesForm", dialog.form)
    office.studio.click(form.add_button)
    row = form.extra[-1]
    assert row.name_field is not None
    office.qtbot.keyClicks(row.name_field, "state")
    office.qtbot.keyClicks(row.value, "<b>")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    assert dialog.error.error is not None
    assert "no store takes in a tag" in dialog.error.error.what
    row.value.clear()
    office.qtbot.keyClicks(row.value, "done: 7/8 @home")
    office.studio.click(cast("QPushButton", dialog.go_button))
    return office.planned(dialog)


def test_tags_are_edited_and_taken_back_or_refused_in_words(office: Office) -> None:
    before = fill_bucket(office, COPY)
    desktop, world = office.studio.start(), office.world
    keys = COPY.keys(2)
    dialog = ask_for_tags(office, desktop, keys)
    ended = office.until_ended(desktop, agree(office, dialog))
    if world.server.name == "swift":  # which has none
        assert ended.state is JobState.FAILED
        assert ended.error is not None
        assert "Traceback" not in ended.error.sentence()
        assert unsafe(desktop.window) == []
        assert content(office) == before
        return
    assert ended.state is JobState.PUBLISHED, ended.result["objects"][0]["error"]
    client, bucket = world.client, world.bucket
    tags = [client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] for key in keys]
    assert tags == [[{"Key": "state", "Value": "done: 7/8 @home"}]] * 2
    undone = office.until_ended(desktop, lambda: office.studio.click(desktop.library.toast._button))
    assert undone.state is JobState.PUBLISHED, undone.error
    assert [client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] for key in keys] == [[], []]
    assert content(office) == before


def test_a_delete_is_taken_back_whatever_befalls_that(archive: Office) -> None:
    before, desktop = fill_bucket(archive, DELETE), archive.studio.start()
    proxy = archive.world.proxy
    keys = fine, refused, theirs, _stays = DELETE.keys(4)
    dialog = planned(archive, desktop, DELETE, fine, refused, theirs)
    deleted = archive.until_ended(desktop, agree(archive, dialog))
    assert deleted.state is JobState.PUBLISHED, deleted.error
    assert content(archive) == DELETE.done_to(before, fine, refused, theirs)
    archive.world.put(b"theirs", theirs)
    cut = threading.Event()

    def plan(request: Request) -> Act:
        writes = operation(request) in ("DeleteObject", "CopyObject") and key_of(request) == refused
        return Act(Fault.ANSWER, answer=REFUSED) if writes else PASS

    def pull_the_cable(phase: Phase, request: Request) -> None:
        if (
            phase is Phase.DONE
            and operation(request) == "DeleteObject"
            and key_of(request) == fine
            and not cut.is_set()
        ):
            cut.set()
            proxy.down.set()
            raise ConnectionAbortedError

    proxy.plan, proxy.watch = plan, pull_the_cable
    card = archive.studio.card(desktop, deleted.id)
    archive.studio.click(card.buttons["undo"])
    dialog = archive.planned(archive.dialog(desktop))
    with archive.qtbot.waitSignal(desktop.bridge.operations.added) as added:
        agree(archive, dialog)()
    assert added.args is not None
    back = archive.studio.card(desktop, added.args[0].id)
    archive.studio.wait(lambda: cut.is_set() and back.badge.text() == "Held up")
    proxy.down.clear()
    ended = archive.until_ended(desktop, partial(archive.studio.click, back.buttons["try-now"]))
    assert ended.state is JobState.FAILED
    now = {**before, theirs: (b"theirs", "", {})}
    assert content(archive) == {key: value for key, value in now.items() if key != refused}
    assert unsafe(desktop.window) == []
    proxy.plan = lambda _request: PASS
    ended = archive.until_ended(desktop, partial(archive.studio.click, back.buttons["retry"]))
    assert content(archive) == now, ended.error
    assert keys[3] in now
