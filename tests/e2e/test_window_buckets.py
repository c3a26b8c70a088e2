"""Another bucket through the real window: what is done there happens there, and is taken back after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from operation_studio import Office, office_on
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import servers
from vidcdn_desktop.gui.library.place_form import PlaceForm
from vidcdn_desktop.jobs.model import JobState

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)


@pytest.fixture
def office(
    moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_on(moto, qtbot, qapp, monkeypatch, versioned=False) as made:
        yield made


def keys(client: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_an_object_of_another_bucket_is_renamed_there_and_back_also_after_another_start(office: Office) -> None:
    world, client = office.world, office.world.client
    other = f"{world.bucket}-archive"
    client.create_bucket(Bucket=other)
    client.put_object(Bucket=other, Key="films/sea.mp4", Body=b"there")
    office.fill("films/sea.mp4")
    desktop = office.studio.start()
    desktop.library.open_bucket(other)
    office.studio.wait(lambda: desktop.library._complete)
    dialog = office.ask(desktop, "rename", "sea.mp4")
    form = dialog.form
    assert isinstance(form, PlaceForm)
    form.place.setText("lake.mp4")
    dialog.go_button.click()
    office.planned(dialog)
    snapshot = office.until_ended(desktop, lambda: office.studio.click(dialog.go_button))
    assert snapshot.state is JobState.PUBLISHED
    assert snapshot.bucket == other
    assert keys(client, other) == ["films/lake.mp4"]
    office.studio.until_stopped(desktop, desktop._shut_down)

    again = office.studio.start()  # opens on the connection's own bucket
    assert again.library.bucket == world.bucket
    card = office.studio.card(again, snapshot.id)
    office.studio.wait(lambda: "undo" in card.buttons)
    office.studio.click(card.buttons["undo"])
    question = office.planned(office.dialog(again))
    undone = office.until_ended(again, lambda: office.studio.click(question.go_button))
    assert undone.state is JobState.PUBLISHED
    assert keys(client, other) == ["films/sea.mp4"]
    assert keys(client, world.bucket) == ["films/sea.mp4"]
    again.activity.do("show-key", snapshot.id)
    office.studio.wait(lambda: again.library.bucket == other and again.library._complete)
    assert [row.key for row in again.library.model.rows()] == ["films/sea.mp4"]
