"""Storage class, restore from an archive, older versions and deleted objects, through the real window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from operation_studio import Office, office_on
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

import servers
from faultplans import Act, Fault, Request, query_of, xml_answer
from repairs import operation
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.gui.library.class_forms import ClassForm, RestoreForm
from vidcdn_desktop.gui.library.version_form import VersionForm
from vidcdn_desktop.gui.library.versions_dialog import VersionsDialog
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Kind
from vidcdn_desktop.jobs.operations.report import OperationSnapshot
from vidcdn_desktop.storage import listing

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

KEY = "films/Sea <b>&amp;.mp4"


@pytest.fixture
def office(
    moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_on(moto, qtbot, qapp, monkeypatch, versioned=True) as made:
        yield made


def name(request: Request) -> str:
    """The operation, listings of versions told from others."""
    return "ListObjectVersions" if "versions" in query_of(request.target) else operation(request)


def go(office: Office, desktop: Desktop, dialog: Any) -> OperationSnapshot:
    """Agree to the plan that is shown, and wait until it is done."""
    return office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))


def head(office: Office, key: str) -> dict[str, Any]:
    found: dict[str, Any] = office.world.client.head_object(Bucket=office.world.bucket, Key=key)
    return found


def undo(office: Office, desktop: Desktop, snapshot: OperationSnapshot) -> None:
    back = office.until_ended(desktop, lambda: desktop.operations.undo(snapshot.id))
    assert (back.kind, back.state) == (Kind.UNDO, JobState.PUBLISHED), back.error


def listed(office: Office, desktop: Desktop) -> VersionsDialog:
    """The list of what was deleted or replaced, as far as it goes."""
    office.studio.wait(lambda: desktop.desks.versions.dialog is not None)
    dialog = desktop.desks.versions.dialog
    assert dialog is not None
    office.studio.wait(lambda: not dialog.is_listing)
    return dialog


def rows(dialog: VersionsDialog) -> list[tuple[str, str]]:
    lines = [dialog.model.line(row) for row in range(dialog.model.rowCount())]
    return [(line.name, line.words) for line in lines]


def test_a_storage_class_is_changed_with_its_cost_told_and_undone(office: Office) -> None:
    office.world.put(b"film", KEY, ContentType="video/mp4", CacheControl="max-age=5")
    desktop = office.studio.start()
    dialog = office.ask(desktop, "class", "Sea <b>&amp;.mp4")
    form = cast("ClassForm", dialog.form)
    dialog.start()
    office.planned(dialog)
    assert dialog.plan is not None
    assert dialog.plan.undo.possible
    assert "Moving costs" in " ".join(dialog.plan.notes)
    form.choice.setCurrentIndex(form.choice.findText("Glacier Deep Archive"))
    assert dialog.plan is None, "another wish than the one that was looked at"
    dialog.start()
    office.planned(dialog)
    assert dialog.plan is not None
    assert not dialog.plan.undo.possible
    assert "cannot be watched" in " ".join(dialog.plan.notes)
    form.choice.setCurrentIndex(form.choice.findText("Standard, infrequent access"))
    dialog.start()
    office.planned(dialog)
    snapshot = go(office, desktop, dialog)
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    found = head(office, KEY)
    assert (found["StorageClass"], found["CacheControl"]) == ("STANDARD_IA", "max-age=5")
    assert office.studio.card(desktop, snapshot.id).title.text().startswith("Change the storage class of")
    undo(office, desktop, snapshot)
    assert "StorageClass" not in head(office, KEY)


def test_an_archived_video_is_asked_for_and_others_are_left_alone(office: Office) -> None:
    office.world.put(b"film", KEY, StorageClass="GLACIER")
    office.world.put(b"film", "films/b.mp4")
    desktop = office.studio.start()
    dialog = office.ask(desktop, "restore", "Sea <b>&amp;.mp4", "b.mp4")
    form = cast("RestoreForm", dialog.form)
    form.tier.setCurrentIndex(form.tier.findData("Standard"))
    form.days.setCurrentIndex(form.days.findText("3 days"))
    dialog.start()
    office.planned(dialog)
    assert dialog.plan is not None
    assert (dialog.plan.action.tier, dialog.plan.action.days) == ("Standard", 3)
    assert "Reading costs" in " ".join(dialog.plan.notes)
    assert not dialog.plan.undo.possible
    snapshot = go(office, desktop, dialog)
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert (snapshot.counts.done, snapshot.counts.left) == (1, 1)
    assert "ongoing-request" in head(office, KEY)["Restore"]
    assert "Restore" not in head(office, "films/b.mp4")


def test_an_older_version_is_chosen_restored_and_that_is_undone(office: Office) -> None:
    office.world.put(b"first", KEY)
    office.world.put(b"second!", KEY)
    office.world.put(b"third", KEY)
    desktop = office.studio.start()
    dialog = office.ask(desktop, "versions", "Sea <b>&amp;.mp4")
    form = cast("VersionForm", dialog.form)
    office.studio.wait(lambda: form.is_listed)
    lines = [form.model.line(row) for row in range(form.model.rowCount())]
    assert [line.words for line in lines] == ["Served now", "Older version", "Older version"]
    form.table.choose(0)
    dialog.start()
    assert dialog.hint.text() == "Choose an older version."
    form.table.choose(next(row for row, line in enumerate(lines) if line.size == 7))
    dialog.start()
    office.planned(dialog)
    snapshot = go(office, desktop, dialog)
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.get(KEY)["Body"] == b"second!"
    undo(office, desktop, snapshot)
    assert office.world.get(KEY)["Body"] == b"third"


def test_what_was_deleted_in_a_folder_and_below_is_shown_on_request_and_brought_back(office: Office) -> None:
    office.fill(KEY, "films/there.mp4", "films/old/a.mp4", "films/old/b.mp4")
    for key in (KEY, "films/old/a.mp4", "films/old/b.mp4"):
        office.world.client.delete_object(Bucket=office.world.bucket, Key=key)
    asked: list[str] = []
    office.world.proxy.watch = lambda _phase, request: asked.append(name(request))
    desktop = office.studio.start()
    desktop.library.open_prefix("films/")
    office.studio.wait(lambda: desktop.library._complete and desktop.library.model.rowCount() > 0)
    assert "ListObjects" in asked
    assert "ListObjectVersions" not in asked, "listed though nobody has asked"
    office.studio.click(desktop.library.versions_button)
    dialog = listed(office, desktop)
    assert "ListObjectVersions" in asked
    assert rows(dialog) == [("Sea <b>&amp;.mp4", "Was deleted"), ("Sea <b>&amp;.mp4", "Older version")]
    assert not dialog.go_button.isEnabled()
    dialog.below.setChecked(True)
    office.studio.wait(lambda: not dialog.is_listing)
    assert len(rows(dialog)) == 6
    dialog.table.selectAll()
    assert not dialog.go_button.isEnabled()
    assert not dialog.hint.isHidden()
    dialog.table.clearSelection()
    flag = dialog.table.selectionModel().SelectionFlag
    for row, (_name, words) in enumerate(rows(dialog)):
        if words == "Was deleted":
            dialog.table.selectionModel().select(dialog.model.index(row, 0), flag.Select | flag.Rows)
    assert dialog.go_button.text() == "Bring back 3 objects…"
    office.studio.click(dialog.go_button)
    question = office.planned(office.dialog(desktop))
    assert question.go_button.text() == "Bring back 3 objects"
    snapshot = go(office, desktop, question)
    assert (snapshot.kind, snapshot.state) == (Kind.UNDELETE, JobState.PUBLISHED), snapshot.error
    assert len(office.world.all_keys()) == 4
    undo(office, desktop, snapshot)
    assert office.world.all_keys() == ["films/there.mp4"]


def test_an_older_version_is_restored_from_the_list_of_the_folder(office: Office) -> None:
    office.world.put(b"first", KEY)
    office.world.put(b"second", KEY)
    desktop = office.studio.start()
    desktop.library.open_prefix("films/")
    office.studio.wait(lambda: desktop.library._complete)
    desktop.library.show_versions()
    dialog = listed(office, desktop)
    dialog.table.choose(0)
    office.studio.click(dialog.go_button)
    snapshot = go(office, desktop, office.planned(office.dialog(desktop)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.get(KEY)["Body"] == b"first"


def test_a_long_list_is_cut_with_a_word_can_be_stopped_and_tells_what_is_not_permitted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for _ in range(3):
        office.fill("films/a.mp4", "films/b.mp4")
    desktop = office.studio.start()
    connection = desktop.session.connection
    assert connection is not None
    dialog = VersionsDialog(connection, "films/", desktop.window, most=4)
    dialog.open()
    dialog.start()
    office.studio.wait(lambda: not dialog.is_listing)
    assert "there are more" in dialog.words.text()
    assert 0 < len(rows(dialog)) < 4
    dialog.start()
    office.qtbot.mouseClick(dialog.stop_button, Qt.MouseButton.LeftButton)
    assert dialog.words.text().startswith("Stopped.")
    assert not dialog.is_listing

    def plan(request: Request) -> Act:
        if name(request) == "ListObjectVersions":
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    office.world.proxy.plan = plan
    dialog.start()
    office.studio.wait(lambda: not dialog.is_listing)
    assert dialog.error.error is not None
    assert dialog.error.error.kind == "AccessDenied"
    dialog.reject()
    dialog.deleteLater()
