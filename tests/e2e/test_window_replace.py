"""An object gets new content from the Library of the real window: the question, the job, undo, the CDN."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from operation_studio import Office
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QPushButton
from pytestqt.qtbot import QtBot
from upload_studio import Yard, yard_on

import servers
from films import make_clip
from repairs import wanted
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.gui.library.replace_dialog import ReplaceDialog
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

NAME = "Sea <b>&amp;.mp4"
KEY = f"films/{NAME}"


@pytest.fixture
def yard(
    request: pytest.FixtureRequest, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Yard]:
    server: servers.Endpoint = request.getfixturevalue("moto")
    versioned = getattr(request, "param", "") == "versioned"
    with yard_on(server, qtbot, qapp, monkeypatch, versioned=versioned) as made:
        yield made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A video that starts slowly."""
    return make_clip(tmp_path / "new.mp4")


def ask(yard: Yard, desktop: Desktop, path: Path) -> ReplaceDialog:
    """Choose the object, the verb by the menu, and the file; wait for what is found."""
    yard.studio.choose(desktop, "films/", NAME)
    yard.studio.click(desktop.library.bar.more)
    menu = next(m for m in desktop.library.findChildren(QMenu) if m.isVisible())
    next(action for action in menu.actions() if action.data() == "replace").trigger()
    menu.close()
    (chooser,) = [found for found in desktop.window.findChildren(QFileDialog) if found.isVisible()]
    chooser.fileSelected.emit(str(path))
    chooser.reject()
    dialog = desktop.desks.replace.dialog
    assert dialog is not None
    yard.studio.wait(lambda: dialog.found is not None or not dialog.error.isHidden())
    return dialog


def shown(dialog: ReplaceDialog) -> dict[str, str]:
    return {row.label: row.value for row in dialog.facts.rows()}


def button(found: QPushButton) -> QPushButton:
    assert found.isVisible()
    return found


@pytest.mark.parametrize("yard", ["versioned"], indirect=True)
def test_new_content_and_back_again(yard: Yard, film: Path) -> None:
    yard.world.put(b"old", KEY, ContentType="video/mp4", CacheControl="max-age=7", Metadata={"title": "Sea"})
    desktop = yard.studio.start()
    dialog = ask(yard, desktop, film)
    assert dialog.headline.text().startswith("new.mp4, ")
    assert shown(dialog)["Keeps"] == "key, cache header, 1 metadata value"
    assert "start at once" in shown(dialog)["Start"]
    assert "can be brought back" in shown(dialog)["Undo"]
    assert not dialog.danger_button.isVisible()
    assert yard.world.get(KEY)["Body"] == b"old", "only looked at"
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(button(dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    new = yard.world.get(KEY)
    assert new["Body"] == wanted(film)
    assert (new["CacheControl"], new["Metadata"]["title"]) == ("max-age=7", "Sea")
    toast = desktop.library.toast
    assert toast._label.full_text() == f"{NAME} has new content"
    office = Office(yard.studio)
    assert toast._button.text() == "Undo…"
    toast._on_action()  # by now it may be gone from the screen
    question = office.planned(office.dialog(desktop))
    undone = office.until_ended(desktop, lambda: yard.studio.click(question.go_button))
    assert undone.state is JobState.PUBLISHED, undone.error
    assert yard.world.get(KEY)["Body"] == b"old"


def test_what_is_gone_for_good_is_said_and_asked(yard: Yard, film: Path) -> None:
    yard.world.put(b"old", KEY, ContentType="video/mp4")
    desktop = yard.studio.start()
    dialog = ask(yard, desktop, film)
    assert "gone for good" in shown(dialog)["Undo"]
    assert not dialog.go_button.isVisible()
    assert dialog.close_button.hasFocus(), "Enter takes nothing away"
    yard.studio.click(dialog.close_button)
    assert yard.world.get(KEY)["Body"] == b"old"
    dialog = ask(yard, desktop, film)
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(button(dialog.danger_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert yard.world.get(KEY)["Body"] == wanted(film)
    card = yard.studio.card(desktop, snapshot.id)
    assert card.title.full_text() == f"Upload new content of {NAME}"


def test_an_object_that_changed_meanwhile_is_left_alone(yard: Yard, film: Path) -> None:
    yard.world.put(b"old", KEY)
    desktop = yard.studio.start()
    dialog = ask(yard, desktop, film)
    yard.world.put(b"theirs", KEY)
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(button(dialog.danger_button)))
    assert snapshot.state is JobState.FAILED
    assert snapshot.error is not None
    assert snapshot.error.kind == "Conflict"
    assert yard.world.get(KEY)["Body"] == b"theirs"
    card = yard.studio.card(desktop, snapshot.id)
    assert "Somebody else changed the object" in card.facts.text()


def test_a_file_that_is_gone_is_told_in_the_question(yard: Yard, film: Path) -> None:
    yard.world.put(b"old", KEY)
    desktop = yard.studio.start()
    dialog = ask(yard, desktop, film.with_name("none.mp4"))
    assert dialog.error.error is not None
    assert dialog.error.error.kind == "SourceGone"
    assert dialog.error.error.meaning == "Nothing was changed."
    assert not dialog.danger_button.isVisible()
    dialog.reject()


@pytest.mark.parametrize("choice", [True, False])
def test_the_cdn_is_told_or_that_is_offered(yard: Yard, film: Path, choice: bool) -> None:
    desktop = yard.studio.start()
    desktop.session.use("practice")
    yard.studio.wait(lambda: desktop.session.facts.profile.is_practice and desktop.session.connection is not None)
    connection = desktop.session.connection
    assert connection is not None
    connection.clients.s3.put_object(Bucket=connection.profile.bucket, Key=KEY, Body=b"old")
    dialog = ask(yard, desktop, film)
    assert dialog.invalidate.isVisible()
    if not choice:
        yard.qtbot.mouseClick(dialog.invalidate, yard.left)
    go = dialog.go_button if dialog.go_button.isVisible() else dialog.danger_button
    snapshot = yard.until_ended(desktop, lambda: yard.studio.click(go))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    card = yard.studio.card(desktop, snapshot.id)
    if choice:
        yard.studio.wait(lambda: desktop.bridge.batches.snapshot(snapshot.id).result["stale"] == [])
        yard.studio.wait(lambda: "invalidate" not in card.buttons or card.buttons["invalidate"].isHidden())
    else:
        yard.studio.click(button(card.buttons["invalidate"]))
        assert desktop.window.current_page == "delivery"
        assert desktop.delivery.chips.paths() == ("/films/Sea%20%3Cb%3E&amp;.mp4",)
