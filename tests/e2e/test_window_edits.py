"""Headers, metadata and tags edited through the real window: only what was touched is changed, and it is undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from operation_studio import Office, office_on
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

import servers
from faultplans import Act, Fault, Request, xml_answer
from repairs import operation
from vidcdn_desktop.gui.library.value_rows import ValueRow
from vidcdn_desktop.gui.library.values_form import ValuesForm
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

KEYS = ("films/a&b.mp4", "films/c.mp4")
CARRIED: dict[str, Any] = {
    "ContentType": "video/mp4",
    "ContentLanguage": "fr",
    "Metadata": {"title": "Sea", "by": "me"},
}


@pytest.fixture
def office(
    moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_on(moto, qtbot, qapp, monkeypatch, versioned=False) as made:
        made.world.put(b"1", KEYS[0], CacheControl="max-age=1", Tagging="state=draft", **CARRIED)
        made.world.put(b"2", KEYS[1], CacheControl="max-age=2", Tagging="state=draft&owner=x", **CARRIED)
        yield made


def names(form: ValuesForm) -> dict[str, ValueRow]:
    return {row.name: row for row in form.extra}


def tags(office: Office, key: str) -> dict[str, str]:
    found = office.world.client.get_object_tagging(Bucket=office.world.bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_only_what_was_touched_is_changed_and_it_is_undone(office: Office) -> None:
    desktop = office.studio.start()
    dialog = office.ask(desktop, "headers", "a&b.mp4", "c.mp4")
    form = cast("ValuesForm", dialog.form)
    office.studio.wait(lambda: len(form.extra) == 2)
    assert form.headers["content-language"].value.text() == "fr"
    assert form.headers["cache-control"].value.text() == ""
    assert form.headers["cache-control"].value.placeholderText() == "Different values"
    assert form.headers["content-encoding"].value.placeholderText() == "Not set"
    office.studio.click(cast("QPushButton", dialog.go_button))
    assert dialog.hint.text() == "Nothing was changed yet."
    office.qtbot.keyClicks(form.headers["cache-control"].value, "max-age=60")
    office.qtbot.mouseClick(names(form)["by"].button, Qt.MouseButton.LeftButton)
    office.studio.click(form.add_button)
    row = form.extra[-1]
    assert row.name_field is not None
    office.qtbot.keyClicks(row.name_field, "Camera")
    office.qtbot.keyClicks(row.value, "one")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    assert dialog.plan is not None
    assert dict(dialog.plan.action.edit.headers) == {"cache-control": "max-age=60"}
    assert dict(dialog.plan.action.edit.metadata) == {"by": None, "camera": "one"}
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    for key in KEYS:
        now = office.world.get(key)
        assert (now["ContentType"], now["ContentLanguage"], now["CacheControl"]) == ("video/mp4", "fr", "max-age=60")
        assert now["Metadata"] == {"title": "Sea", "camera": "one"}
        assert tags(office, key)["state"] == "draft"
    undone = office.until_ended(desktop, lambda: office.studio.click(desktop.library.toast._button))
    assert undone.state is JobState.PUBLISHED, undone.error
    for number, key in enumerate(KEYS, 1):
        now = office.world.get(key)
        assert now["CacheControl"] == f"max-age={number}"
        assert now["Metadata"] == CARRIED["Metadata"]


def test_tags_are_merged(office: Office) -> None:
    desktop = office.studio.start()
    dialog = office.ask(desktop, "tags", "a&b.mp4", "c.mp4")
    form = cast("ValuesForm", dialog.form)
    office.studio.wait(lambda: len(form.extra) == 2)
    state = names(form)["state"]
    assert state.value.text() == "draft"
    state.value.clear()
    office.qtbot.keyClicks(state.value, "done")
    office.qtbot.keyClick(state.value, Qt.Key.Key_Return)
    office.planned(dialog)
    snapshot = office.until_ended(desktop, lambda: office.qtbot.keyClick(dialog.go_button, Qt.Key.Key_Return))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert [tags(office, key) for key in KEYS] == [{"state": "done"}, {"state": "done", "owner": "x"}]
    office.until_ended(desktop, lambda: office.studio.click(desktop.library.toast._button))
    assert [tags(office, key) for key in KEYS] == [{"state": "draft"}, {"state": "draft", "owner": "x"}]


def test_values_that_cannot_be_are_refused_before(office: Office) -> None:
    desktop = office.studio.start()
    dialog = office.ask(desktop, "headers", "c.mp4")
    form = cast("ValuesForm", dialog.form)
    office.studio.wait(lambda: len(form.extra) == 2)
    kind = form.headers["content-type"].value
    kind.selectAll()
    office.qtbot.keyClick(kind, Qt.Key.Key_Delete)
    office.studio.click(cast("QPushButton", dialog.go_button))
    assert dialog.hint.text() == "An object always has a Content-Type."
    office.qtbot.keyClicks(kind, "video/mp4 ")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.planned(dialog)
    assert dialog.error.error is not None
    assert "no header can carry" in dialog.error.error.what
    assert dialog.go_button.isEnabled()
    office.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert desktop.bridge.operations.snapshots() == []
    assert office.world.get(KEYS[1])["ContentType"] == "video/mp4"


def test_what_may_not_be_looked_at_is_told_and_can_be_set_all_the_same(office: Office) -> None:
    desktop = office.studio.start()
    refused = xml_answer("403 Forbidden", "AccessDenied")

    def plan(request: Request) -> Act:
        looks = operation(request) == "GetObject" and "tagging" in request.target
        return Act(Fault.ANSWER, answer=refused) if looks else Act()

    office.world.proxy.plan = plan
    dialog = office.ask(desktop, "tags", "c.mp4")
    form = cast("ValuesForm", dialog.form)
    office.studio.wait(lambda: "not known" in form.note.text())
    assert form.extra == []
    office.qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    office.studio.wait(lambda: desktop.operations.dialog is None)
