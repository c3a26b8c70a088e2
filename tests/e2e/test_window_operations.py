"""Operations on objects through the real window: the question, the job, its endings, undo, another start."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import cast

import pytest
from operation_studio import HURTING, Office, office_on
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from faultplans import Act, Fault, Request, xml_answer
from faults import Phase
from repairs import operation
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import OnExists

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)


@pytest.fixture
def office(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    server = request.getfixturevalue("moto")
    with office_on(server, qtbot, qapp, monkeypatch, versioned=getattr(request, "param", "") == "versioned") as made:
        yield made


versioned = pytest.mark.parametrize("office", ["versioned"], indirect=True)


@versioned
def test_deleted_with_the_key_and_undone_from_the_message(office: Office) -> None:
    office.fill(*HURTING, "films/stays.mp4")
    desktop = office.studio.start()
    office.studio.choose(desktop, "films/", "Sea <b>&amp;.mp4", "%2F ..mp4")
    desktop.library.table.setFocus()
    office.qtbot.keyClick(desktop.library.table, Qt.Key.Key_Delete)
    dialog = office.planned(office.dialog(desktop))
    offered = {action.text() for action in desktop.window.palette_actions()}
    assert {"Delete…", "Rename…", "Move to a folder…", "Edit tags…", "Edit headers and metadata…"} <= offered
    assert dialog.plan is not None
    assert dialog.headline.text().startswith("2 objects")
    assert "can be brought back" in dialog.facts.rows()[0].value
    assert dialog.confirm.isHidden()
    assert office.world.all_keys() == sorted([*HURTING, "films/stays.mp4"]), "only looked at"
    assert dialog.go_button.hasFocus()

    snapshot = office.until_ended(desktop, lambda: office.qtbot.keyClick(dialog.go_button, Qt.Key.Key_Return))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.all_keys() == ["films/stays.mp4", HURTING[2]]
    office.studio.wait(lambda: desktop.library._complete and desktop.library.model.rowCount() == 2)
    toast = desktop.library.toast
    assert "2 objects deleted" in toast._label.text()
    assert toast._button.text() == "Undo"
    undone = office.until_ended(desktop, lambda: office.studio.click(toast._button))
    assert undone.state is JobState.PUBLISHED
    assert undone.undoes == snapshot.id
    assert office.world.all_keys() == sorted([*HURTING, "films/stays.mp4"])
    assert office.world.get(HURTING[0])["Body"] == HURTING[0].encode()
    card = office.studio.card(desktop, snapshot.id)
    office.studio.wait(lambda: "undo" not in card.buttons or card.buttons["undo"].isHidden())


def test_what_would_be_gone_for_good_is_confirmed_by_its_number(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    dialog = office.planned(office.ask(desktop, "delete", "films/", prefix=""))
    assert "gone for good" in dialog.facts.rows()[0].value
    assert not dialog.confirm.isHidden()
    assert dialog.confirm.hasFocus()
    assert not dialog.go_button.isEnabled()
    office.qtbot.keyClicks(dialog.confirm, "2")
    assert not dialog.go_button.isEnabled()
    dialog.confirm.clear()
    office.qtbot.keyClicks(dialog.confirm, "3")
    assert dialog.go_button.isEnabled()
    snapshot = office.until_ended(desktop, lambda: office.qtbot.keyClick(dialog.confirm, Qt.Key.Key_Return))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert not snapshot.can_undo
    assert office.world.all_keys() == []
    assert desktop.library.toast._button.text() == "Show in Activity"


@versioned
def test_undone_after_another_start_and_reported(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    dialog = office.planned(office.ask(desktop, "delete", "films/", prefix=""))
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    office.studio.until_stopped(desktop, desktop.window.close)
    # Somebody puts another object where one was: theirs is left alone.
    office.world.put(b"theirs", HURTING[2])

    desktop = office.studio.start()
    card = office.studio.card(desktop, snapshot.id)
    assert card.badge.text() == "Finished"
    assert "3 objects deleted" in card.facts.text()
    with office.qtbot.waitSignal(desktop.bridge.operations.reported):
        desktop.activity.do("report", snapshot.id)
    report = json.loads(QGuiApplication.clipboard().text())
    assert sorted(item["key"] for item in report["objects"]) == sorted(HURTING)
    office.studio.click(card.fold)
    assert card._details is not None
    assert len([row for row in card._details.grid.rows() if row.label == "Done"]) == 3
    office.studio.click(card.buttons["undo"])
    dialog = office.planned(office.dialog(desktop))
    assert dialog.headline.text().startswith("3 objects")
    undone = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert undone.counts.done == 2
    assert office.world.get(HURTING[2])["Body"] == b"theirs"
    assert office.world.get(HURTING[0])["Body"] == HURTING[0].encode()


def test_no_permission_is_told_before_and_on_the_card(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    refused = xml_answer("403 Forbidden", "AccessDenied")
    forbidden = {"ListObjects"}

    def plan(request: Request) -> Act:
        return Act(Fault.ANSWER, answer=refused) if operation(request) in forbidden else Act()

    office.studio.choose(desktop, "", "films/")
    office.world.proxy.plan = plan
    desktop.library._do("delete")
    dialog = office.planned(office.dialog(desktop))
    assert dialog.error.error is not None
    assert dialog.error.error.kind == "AccessDenied"
    assert dialog.error.error.meaning == "Nothing was changed."
    assert dialog.go_button.isHidden()
    forbidden.clear()
    office.studio.click(dialog.error.button)
    office.studio.wait(lambda: dialog.plan is not None)
    office.qtbot.keyClicks(dialog.confirm, "3")
    forbidden.update(("DeleteObjects", "DeleteObject"))
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.FAILED
    card = office.studio.card(desktop, snapshot.id)
    assert "3 of 3 objects could not be deleted" in card.facts.text()
    assert len(office.world.all_keys()) == 3
    forbidden.clear()
    snapshot = office.until_ended(desktop, lambda: office.studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED
    assert office.world.all_keys() == []


@versioned
def test_an_object_somebody_replaced_since_is_left_to_them(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    dialog = office.planned(office.ask(desktop, "delete", "films/", prefix=""))
    office.world.put(b"theirs", HURTING[0])
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.FAILED
    assert (snapshot.counts.done, snapshot.counts.failed) == (2, 1)
    assert office.world.get(HURTING[0])["Body"] == b"theirs"
    card = office.studio.card(desktop, snapshot.id)
    assert "2 objects deleted" in card.facts.text()
    office.studio.click(card.fold)
    assert card._details is not None
    (failed,) = [row for row in card._details.grid.rows() if row.label == "Failed"]
    assert "Somebody else changed the object" in failed.value


def test_a_network_that_is_cut_holds_it_up_and_it_goes_on(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    dialog = office.planned(office.ask(desktop, "delete", "films/", prefix=""))
    office.qtbot.keyClicks(dialog.confirm, "3")
    cut = threading.Event()

    def pull_the_cable(phase: Phase, request: Request) -> None:
        if phase is Phase.ARRIVED and operation(request) in ("DeleteObjects", "DeleteObject"):
            office.world.proxy.down.set()
            cut.set()

    office.world.proxy.watch = pull_the_cable
    with office.qtbot.waitSignal(desktop.bridge.operations.added) as added:
        office.studio.click(cast("QPushButton", dialog.go_button))
    assert added.args is not None
    job_id = added.args[0].id
    office.studio.wait(lambda: cut.is_set() and desktop.bridge.operations.snapshot(job_id).waiting is not None)
    card = office.studio.card(desktop, job_id)
    office.studio.wait(lambda: card.badge.text() == "Held up")
    office.world.proxy.watch = lambda _phase, _request: None
    office.world.proxy.down.clear()
    snapshot = office.until_ended(desktop, lambda: office.studio.click(card.buttons["try-now"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.all_keys() == []


def test_renamed_by_the_keyboard_alone_and_undone(office: Office) -> None:
    office.world.put(b"sea", HURTING[0], ContentType="video/mp4", CacheControl="max-age=77", Metadata={"title": "Sea"})
    desktop = office.studio.start()
    office.studio.choose(desktop, "films/", "Sea <b>&amp;.mp4")
    desktop.library.table.setFocus()
    office.qtbot.keyClick(desktop.library.table, Qt.Key.Key_F2)
    dialog = office.dialog(desktop)
    form = cast("PlaceForm", dialog.form)
    assert form.place.text() == "Sea <b>&amp;.mp4"
    assert form.place.selectedText() == "Sea <b>&amp;"
    office.qtbot.keyClick(form.place, Qt.Key.Key_Return)
    assert dialog.hint.text() == "The new name is the old one."
    office.qtbot.keyClicks(form.place, "Lake #1")
    office.qtbot.keyClick(form.place, Qt.Key.Key_Return)
    office.planned(dialog)
    assert dialog.plan is not None
    assert [item.target.key for item in dialog.plan.items if item.target] == ["films/Lake #1.mp4"]
    snapshot = office.until_ended(desktop, lambda: office.qtbot.keyClick(dialog.go_button, Qt.Key.Key_Return))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.all_keys() == ["films/Lake #1.mp4"]
    moved = office.world.get("films/Lake #1.mp4")
    assert (moved["ContentType"], moved["CacheControl"], moved["Metadata"]) == (
        *("video/mp4", "max-age=77"),
        {"title": "Sea"},
    )
    undone = office.until_ended(desktop, lambda: office.studio.click(desktop.library.toast._button))
    assert undone.state is JobState.PUBLISHED, undone.error
    assert office.world.all_keys() == [HURTING[0]]
    assert office.world.get(HURTING[0])["Metadata"] == {"title": "Sea"}


@pytest.mark.parametrize("choice", [OnExists.SKIP, OnExists.REPLACE])
def test_where_a_name_is_taken_the_user_decides(office: Office, choice: OnExists) -> None:
    office.fill("films/a.mp4", "films/b.mp4")
    office.world.put(b"old", "archive/a.mp4")
    desktop = office.studio.start()
    dialog = office.ask(desktop, "move", "a.mp4", "b.mp4")
    form = cast("PlaceForm", dialog.form)
    form.place.clear()
    office.qtbot.keyClicks(form.place, "archive")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    assert "1 of 2 objects" in dialog.subline.text()
    assert dialog.go_button.text() == "Continue"
    assert not dialog.go_button.isEnabled()
    form.taken.setCurrentIndex(form.taken.findData(choice))
    assert dialog.plan is None
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    assert dialog.subline.isHidden()
    if choice is OnExists.REPLACE:
        assert "1 object would be replaced" in dialog.facts.rows()[0].value
        assert dialog.facts.rows()[1].value == "1 object"
        office.qtbot.keyClicks(dialog.confirm, "1")
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    replaced = choice is OnExists.REPLACE
    assert office.world.get("archive/a.mp4")["Body"] == (b"films/a.mp4" if replaced else b"old")
    assert office.world.all_keys() == ["archive/a.mp4", "archive/b.mp4", *([] if replaced else ["films/a.mp4"])]


def test_a_folder_is_copied_into_another(office: Office) -> None:
    office.fill(*HURTING)
    desktop = office.studio.start()
    dialog = office.ask(desktop, "copy-to", "films/", prefix="")
    form = cast("PlaceForm", dialog.form)
    office.qtbot.keyClicks(form.place, "kept/")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.all_keys() == sorted([*HURTING, *(f"kept/{key}" for key in HURTING)])


def test_half_of_a_move_fails_and_no_original_is_gone(office: Office) -> None:
    office.fill("films/a.mp4", "films/b.mp4", "films/c.mp4")
    desktop = office.studio.start()
    dialog = office.ask(desktop, "move", "a.mp4", "b.mp4", "c.mp4")
    form = cast("PlaceForm", dialog.form)
    form.place.setText("archive/")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    refused = xml_answer("403 Forbidden", "AccessDenied")

    def plan(request: Request) -> Act:
        copies = operation(request) == "CopyObject" and "b.mp4" in request.target
        return Act(Fault.ANSWER, answer=refused) if copies else Act()

    office.world.proxy.plan = plan
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.FAILED
    assert {"films/a.mp4", "films/b.mp4", "films/c.mp4"} <= set(office.world.all_keys())
    card = office.studio.card(desktop, snapshot.id)
    assert "No original was deleted" in card.facts.text()
    office.world.proxy.plan = lambda _request: Act()
    snapshot = office.until_ended(desktop, lambda: office.studio.click(card.buttons["retry"]))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.all_keys() == ["archive/a.mp4", "archive/b.mp4", "archive/c.mp4"]
