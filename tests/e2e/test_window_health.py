"""Health and usage of a folder through the real window: what is found, shown, mended, and what is not permitted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from operation_studio import Office, office_on
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QTableView
from pytestqt.qtbot import QtBot

import servers
from faultplans import Act, Fault, Request, xml_answer
from repairs import World, operation
from vidcdn_desktop.app import Desktop
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.gui.library import usage_view
from vidcdn_desktop.gui.library.cleanup_dialog import CleanupDialog
from vidcdn_desktop.gui.library.health_view import HealthView
from vidcdn_desktop.gui.library.usage_view import UsageView
from vidcdn_desktop.jobs.health_model import Concern
from vidcdn_desktop.jobs.journal import JobRecord
from vidcdn_desktop.jobs.model import JobState
from vidcdn_desktop.jobs.operations.model import Kind
from vidcdn_desktop.jobs.prices import PriceTable
from vidcdn_desktop.storage.port import ObjectRef, UploadIntent

pytestmark = pytest.mark.qt_log_ignore(
    # The offscreen platform says these of itself, not of us.
    r"propagateSizeHints\(\)",
    r"not support raise\(\)",
    r"not support grabbing the keyboard",
)

MIB = 1 << 20
FINE: dict[str, Any] = {"ContentType": "video/mp4", "CacheControl": "max-age=77"}
WRONG = "films/<b>wrong à+b.mp4"


@pytest.fixture
def office(
    moto: servers.Endpoint, qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    with office_on(moto, qtbot, qapp, monkeypatch, versioned=False) as made:
        yield made


def begin_upload(world: World, key: str, size: int) -> str:
    place = {"Bucket": world.bucket, "Key": key}
    upload_id = str(world.client.create_multipart_upload(**place)["UploadId"])
    world.client.upload_part(**place, UploadId=upload_id, PartNumber=1, Body=bytes(size))
    return upload_id


def sick(world: World, film: Path) -> None:
    """One of everything below films/, and a folder that is well."""
    world.put(film.read_bytes(), "films/slow.mp4", **FINE)
    world.put(film.read_bytes(), "films/more/again.mp4", **FINE)
    world.put(b"one", WRONG, ContentType="binary/octet-stream", CacheControl="max-age=77")
    world.put(b"two!", "films/bare.png", ContentType="image/png")
    world.put(b"three", "films/gone-0123abcd.jpg", ContentType="image/jpeg", CacheControl="max-age=77")
    begin_upload(world, "films/left.mp4", 2 * MIB)
    world.put(b"text", "well/read me.txt", ContentType="text/plain")


def looked(office: Office, desktop: Desktop, prefix: str) -> HealthView:
    """The view of health, when it knows all about a folder."""
    library, health = desktop.library, desktop.library.overviews.health
    health.dear_s = math.inf
    library.open_prefix(prefix)
    library.show_health()
    office.studio.wait(lambda: health.prefix == prefix and health.result is not None)
    return health


def found(health: HealthView) -> dict[str, int]:
    return {concern.value: len(card.section.findings) for concern, card in health.cards.items()}


def actions(desktop: Desktop) -> dict[str, Any]:
    return {action.text(): action for action in desktop.window.palette_actions()}


# Health
def test_every_kind_is_found_and_an_example_leads_to_its_object(office: Office, clip_end: Path) -> None:
    sick(office.world, clip_end)
    desktop = office.studio.start()
    library, health = desktop.library, desktop.library.overviews.health
    library.open_prefix("films/")
    actions(desktop)["Show health of this folder"].trigger()
    office.studio.wait(lambda: health.result is not None)
    assert found(health) == {"uploads": 1, "types": 1, "cache": 1, "thumbnails": 1, "duplicates": 1, "slow": 2}
    assert library.head.view.value() == "health"
    assert not library.bar.isVisible()
    assert health.status.full_text() == "7 findings · 5 objects looked at"
    assert health.cards[Concern.UPLOADS].accessibleName() == "1 unfinished upload"
    assert health.cards[Concern.DUPLICATES].fix.isHidden()
    table = health.cards[Concern.TYPES].table
    assert table.model().index(0, 0).data() == "<b>wrong à+b.mp4"
    assert table.model().index(0, 1).data() == "Its Content-Type is binary/octet-stream; it should be video/mp4."
    office.qtbot.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.model().index(0, 0)).center()
    )
    office.studio.wait(lambda: [row.key for row in library._selected()] == [WRONG])
    assert library.head.view.value() == "list"
    assert library.bar.isVisible()
    library.show_health()
    assert found(health)["types"] == 1
    # What is selected behind it is out of sight, and no key touches it.
    actions(desktop)["Delete…"].trigger()
    assert desktop.operations.dialog is None
    table = health.cards[Concern.SLOW].table
    table.setCurrentIndex(table.model().index(0, 0))
    office.qtbot.keyClick(table, Qt.Key.Key_Return)
    office.studio.wait(lambda: library.head.view.value() == "list" and len(library._selected()) == 1)


def test_headers_are_mended_by_an_operation_that_can_be_undone_and_the_view_looks_again(
    office: Office, clip_end: Path
) -> None:
    sick(office.world, clip_end)
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    office.studio.click(health.cards[Concern.TYPES].fix)
    dialog = office.planned(office.dialog(desktop))
    assert dialog.model.index(0, 1).data() == "Content-Type: video/mp4"
    snapshot = office.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", dialog.go_button)))
    assert snapshot.state is JobState.PUBLISHED, snapshot.error
    assert office.world.get(WRONG)["ContentType"] == "video/mp4"
    assert office.world.get("films/bare.png").get("CacheControl") is None
    office.studio.wait(lambda: health.result is not None and "types" not in found(health))
    assert desktop.window.current_page == "library"
    undone = office.until_ended(desktop, lambda: office.studio.click(desktop.library.toast._button))
    assert undone.state is JobState.PUBLISHED, undone.error
    assert office.world.get(WRONG)["ContentType"] == "binary/octet-stream"
    office.studio.wait(lambda: health.result is not None and "types" in found(health))


def test_slow_starters_and_thumbnails_go_to_the_questions_that_are_there_for_them(
    office: Office, clip_end: Path
) -> None:
    sick(office.world, clip_end)
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    office.studio.click(health.cards[Concern.THUMBNAILS].fix)
    dialog = office.planned(office.dialog(desktop))
    assert dialog.plan is not None
    assert [item.ref.key for item in dialog.plan.items] == ["films/gone-0123abcd.jpg"]
    assert dialog.plan.confirm == 1
    dialog.reject()
    office.studio.wait(lambda: desktop.operations.dialog is None)
    office.studio.click(health.cards[Concern.SLOW].fix)
    question = desktop.fast_start.dialog
    assert question is not None
    office.studio.wait(lambda: question.plan is not None)
    assert question.plan is not None
    office.studio.until_ended(desktop, lambda: office.studio.click(question.go_button))
    office.studio.wait(lambda: health.result is not None and "slow" not in found(health))


def test_long_lists_are_folded_and_all_of_a_few_kinds_are_real_films(
    office: Office, media_dir: Path, manifest: list[dict[str, Any]]
) -> None:
    small = sorted(f["name"] for f in manifest if f["name"].endswith(".mp4") and f["size"] < 60_000)[:12]
    for name in small:
        office.world.put((media_dir / name).read_bytes(), f"films/{name}", ContentType="video/mp4")
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    card = health.cards[Concern.CACHE]
    assert card.section.objects == len(small) > 3
    assert card.table.model().rowCount() == 3
    office.studio.click(card.more)
    assert card.table.model().rowCount() == len(small)
    assert card.more.text() == "Show fewer"
    office.studio.click(card.more)
    assert card.table.model().rowCount() == 3


def test_where_all_is_well_it_says_so_and_an_empty_folder_is_another_thing(office: Office, clip_fast: Path) -> None:
    office.world.put(clip_fast.read_bytes(), "films/fine.mp4", **FINE)
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    assert health.cards == {}
    assert health.empty.title.text() == "All is well here"
    assert health.status.full_text() == "1 object looked at"
    looked(office, desktop, "nothing/")
    assert health.empty.title.text() == "Nothing here yet"


def test_what_is_not_permitted_is_named_and_the_rest_is_looked_at_all_the_same(office: Office, clip_end: Path) -> None:
    sick(office.world, clip_end)
    denied = {"ListMultipartUploads", "HeadObject"}

    def plan(request: Request) -> Act:
        if operation(request) in denied:
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    office.world.proxy.plan = plan
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    assert set(found(health)) == {"thumbnails", "duplicates", "slow"}
    uploads = health.sections[Concern.UPLOADS].problem
    assert uploads is not None
    assert "s3:ListBucketMultipartUploads" in uploads.what
    assert desktop.library.leftovers.isHidden()
    denied |= {"ListObjects"}
    desktop.library.refresh()
    office.studio.wait(lambda: health.error.isVisible())
    assert health.error.error is not None
    assert "s3:ListBucket" in health.error.error.what
    office.studio.click(health.copy_policy)
    policy = json.loads(QGuiApplication.clipboard().text())
    assert policy["Statement"][0]["Action"] == "s3:ListBucket"
    denied.clear()
    office.studio.click(health.error.button)
    office.studio.wait(lambda: health.result is not None and len(health.cards) == 6)


def test_without_a_network_it_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop = office.studio.start()
    connection = desktop.session.connection
    assert connection is not None

    def offline(*_what: object, **_how: object) -> Iterator[None]:
        raise Offline("There is no connection.", retryable=True)
        yield

    monkeypatch.setattr(connection.storage, "list_pages", offline)
    usage, health = desktop.library.overviews.usage, desktop.library.overviews.health
    desktop.library.show_usage()
    office.studio.wait(usage.error.isVisible)
    assert usage.error.error is not None
    assert usage.error.error.meaning == "Nothing was changed."
    assert not usage.copy_policy.isVisible()
    desktop.library.show_health()
    office.studio.wait(health.cut_short.isVisible)  # unfinished uploads were looked at before
    assert list(health.sections) == [Concern.UPLOADS]
    monkeypatch.undo()
    office.studio.click(health.cut_short.button)
    office.studio.wait(lambda: health.result is not None)


# All at once
def test_all_is_mended_after_one_question_and_repairs_wait_for_the_headers(office: Office, clip_end: Path) -> None:
    sick(office.world, clip_end)
    # A video that gets another header and is repaired, and a thumbnail that goes and therefore gets no header.
    office.world.put(clip_end.read_bytes() + bytes(8), "films/both.mp4", ContentType="video/mp4")
    office.world.put(b"four!!", "films/lost-89abcdef.jpg", ContentType="image/jpeg")
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    office.studio.click(health.fix_all)
    question = desktop.desks.health.question
    assert question is not None
    office.studio.wait(lambda: question.plan is not None)
    assert [box.text() for box in question.steps.values()] == [
        "Remove 1 unfinished upload",
        "Set headers of 3 objects",
        "Delete 2 thumbnails",
        "Make 3 videos fast start",
    ]
    assert not question.go_button.isEnabled()
    assert question.confirm_words.text() == "2 thumbnails will be gone for good. Type 2 to confirm:"
    question.steps["thumbnails"].setChecked(False)
    assert question.confirm.isHidden()
    assert question.go_button.text() == "Do 3 steps"
    question.steps["thumbnails"].setChecked(True)
    office.qtbot.keyClicks(question.confirm, "2")
    assert question.go_button.isEnabled()
    operations = desktop.bridge.operations

    def state(kind: Kind) -> JobState | None:
        return next((s.state for s in operations.snapshots() if s.kind is kind), None)

    headers: list[JobState | None] = []
    desktop.bridge.repairs.added.connect(lambda _snapshot: headers.append(state(Kind.HEADERS)))
    office.studio.until_ended(desktop, lambda: office.studio.click(cast("QPushButton", question.go_button)))
    dialog = cleanup(office, desktop)
    office.studio.wait(lambda: dialog.has_removed)
    assert dialog.headline.text() == "1 unfinished upload removed, 2.1 MB."
    office.studio.click(dialog.close_button)
    office.studio.wait(lambda: bool(headers))
    assert headers == [JobState.PUBLISHED]
    office.studio.wait(lambda: state(Kind.DELETE) is JobState.PUBLISHED)
    office.studio.wait(lambda: health.result is not None and set(found(health)) == {"duplicates"})
    assert office.world.unfinished() == []
    assert not [key for key in office.world.all_keys() if key.endswith(".jpg")]
    assert office.world.get("films/both.mp4")["CacheControl"]
    assert health.fix_all.isHidden()


def test_a_question_about_all_that_is_left_changes_nothing(office: Office, clip_end: Path) -> None:
    sick(office.world, clip_end)
    before = {key: office.world.get(key)["ETag"] for key in office.world.all_keys()}
    desktop = office.studio.start()
    health = looked(office, desktop, "films/")
    office.studio.click(health.fix_all)
    question = desktop.desks.health.question
    assert question is not None
    office.studio.wait(lambda: question.plan is not None)
    office.qtbot.keyClick(question, Qt.Key.Key_Escape)
    office.studio.wait(lambda: desktop.desks.health.question is None)
    assert desktop.bridge.operations.snapshots() == []
    assert {key: office.world.get(key)["ETag"] for key in office.world.all_keys()} == before
    assert office.world.unfinished() == ["films/left.mp4"]


# Unfinished uploads
def cleanup(office: Office, desktop: Desktop) -> CleanupDialog:
    office.studio.wait(lambda: desktop.desks.health.cleanup is not None)
    dialog = desktop.desks.health.cleanup
    assert dialog is not None
    office.studio.wait(lambda: dialog.section is not None)
    return dialog


def states(dialog: CleanupDialog) -> dict[str, str]:
    rows = range(dialog.model.rowCount())
    return {str(dialog.model.index(n, 0).data()): str(dialog.model.index(n, 4).data()) for n in rows}


def note_own(desktop: Desktop, world: World, key: str, upload_id: str) -> None:
    """The journal knows this one: it can be resumed."""
    assert desktop.journal is not None
    now = datetime.now(UTC)
    record = JobRecord("job-1", "publish", "paused", "Mine", bucket=world.bucket, key=key, created=now)
    desktop.journal.save_job(record)
    log = desktop.journal.part_log("job-1", key=key, profile_id="studio", endpoint="")
    log.planned(UploadIntent(ObjectRef(world.bucket, key), 9 * MIB, 5 * MIB, "", "", only_if_absent=False))
    log.created(upload_id, "")


def test_the_foot_tells_of_unfinished_uploads_and_they_are_cleaned_up(office: Office) -> None:
    world = office.world
    begin_upload(world, "films/old.mp4", 3 * MIB)
    begin_upload(world, "raw/older.mov", MIB)
    own = begin_upload(world, "films/mine.mp4", MIB)
    desktop = office.studio.start()
    note_own(desktop, world, "films/mine.mp4", own)
    leftovers = desktop.library.leftovers
    leftovers.ask(desktop.session.connection, desktop.journal, again=True)
    office.studio.wait(lambda: leftovers.words.full_text() == "2 unfinished uploads hold 4.2 MB")
    assert leftovers.isVisible()
    desktop.library.search.setText("old")
    assert leftovers.isHidden()  # the foot has no room for both
    desktop.library.search.clear()
    assert leftovers.isVisible()
    office.studio.click(leftovers.button)
    dialog = cleanup(office, desktop)
    assert "resumed" in states(dialog)["films/mine.mp4"]
    assert {finding.ref.key for finding in dialog.model.chosen()} == {"films/old.mp4", "raw/older.mov"}
    rows = {str(dialog.model.index(n, 0).data()): dialog.model.index(n, 0) for n in range(3)}
    mine, checked = rows["films/mine.mp4"], Qt.ItemDataRole.CheckStateRole
    assert not dialog.model.setData(mine, Qt.CheckState.Checked.value, checked)
    assert dialog.model.setData(rows["raw/older.mov"], Qt.CheckState.Unchecked.value, checked)
    assert dialog.go_button.text() == "Remove 1 upload"
    assert dialog.subline.text().startswith("1 chosen · 3.1 MB.")
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.studio.wait(lambda: dialog.has_removed)
    assert dialog.headline.text() == "1 unfinished upload removed, 3.1 MB."
    assert states(dialog)["films/old.mp4"] == "Removed"
    assert sorted(world.unfinished()) == ["films/mine.mp4", "raw/older.mov"]
    office.studio.click(dialog.close_button)
    office.studio.wait(lambda: leftovers.words.full_text() == "1 unfinished upload holds 1.0 MB")


def test_what_is_still_being_sent_is_left_alone_and_what_cannot_be_removed_says_why(office: Office) -> None:
    world = office.world
    upload_id = begin_upload(world, "films/live.mp4", 5 * MIB)
    begin_upload(world, "films/old.mp4", MIB)
    desktop = office.studio.start()
    office.studio.wait(lambda: desktop.library.leftovers.isVisible())
    office.studio.click(desktop.library.leftovers.button)
    dialog = cleanup(office, desktop)
    world.client.upload_part(
        Bucket=world.bucket, Key="films/live.mp4", UploadId=upload_id, PartNumber=2, Body=bytes(MIB)
    )

    def plan(request: Request) -> Act:
        if operation(request) == "AbortMultipartUpload":
            return Act(Fault.ANSWER, answer=xml_answer("403 Forbidden", "AccessDenied"))
        return Act()

    world.proxy.plan = plan
    office.studio.click(cast("QPushButton", dialog.go_button))
    office.studio.wait(lambda: dialog.has_removed)
    told = states(dialog)
    assert told["films/live.mp4"].startswith("Left alone. It has grown")
    assert told["films/old.mp4"].startswith("Not removed. This account may not do s3:AbortMultipartUpload")
    assert dialog.headline.text() == "0 unfinished uploads removed, 0 bytes; 1 left alone; 1 could not be removed."
    assert len(world.unfinished()) == 2
    office.studio.click(dialog.close_button)


def test_the_foot_is_silent_where_there_is_nothing(office: Office) -> None:
    desktop = office.studio.start()
    leftovers = desktop.library.leftovers
    leftovers.words.set_text("not asked yet")
    leftovers.ask(desktop.session.connection, desktop.journal, again=True)
    office.studio.wait(lambda: leftovers.words.full_text() == "")
    assert leftovers.isHidden()


# Usage
def counted(office: Office, desktop: Desktop, prefix: str) -> UsageView:
    usage = desktop.library.overviews.usage
    usage.dear_s = math.inf
    office.studio.wait(lambda: usage.prefix == prefix and usage.result is not None)
    return usage


def cells(table: QTableView) -> list[list[str]]:
    model = table.model()
    columns = [c for c in range(model.columnCount()) if not table.isColumnHidden(c)]
    return [[str(model.index(row, c).data()) for c in columns] for row in range(model.rowCount())]


def test_the_map_goes_into_folders_and_remembers_what_was_counted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_view, "prices_for", lambda _connection: PriceTable.shipped())
    world = office.world
    world.put(bytes(600_000), "a/one.mp4")
    world.put(bytes(200_000), "a/deep/er/two.mp4", StorageClass="STANDARD_IA")
    world.put(bytes(150_000), "b & <c>/three.jpg")
    world.put(bytes(50_000), "four.txt")
    desktop = office.studio.start()
    library = desktop.library
    library.open_prefix("")
    actions(desktop)["Show usage of this folder"].trigger()
    usage = counted(office, desktop, "")
    first = usage.result
    assert [tile.area.words for tile in usage.map.tiles] == [
        "a: 800 kB · 80 %, 2 objects",
        "b & <c>: 150 kB · 15 %, 1 object",
        "In no folder: 50.0 kB · 5 %, 1 object",
    ]
    assert usage.status.full_text() == "4 objects · 1.0 MB · less than $0.01 a month"
    assert cells(usage.kinds) == [
        ["Video", "2", "800 kB"], ["Thumbnail", "1", "150 kB"], ["Other", "1", "50.0 kB"],
    ]  # fmt: skip
    assert [row[:3] for row in cells(usage.classes)] == [["Standard", "3", "800 kB"], ["Standard-IA", "1", "200 kB"]]
    assert usage.cost.text().startswith("Prices of 2025-06-01, us-east-1.")
    usage.map.tiles[0].setFocus()
    office.qtbot.keyClick(usage.map.tiles[0], Qt.Key.Key_Return)
    counted(office, desktop, "a/")
    assert library._history.place.prefix == "a/"
    assert library.head.view.value() == "usage"
    assert [tile.area.title for tile in usage.map.tiles] == ["In no folder", "deep"]
    library.go_up()
    assert usage.result is first
    library.refresh()
    office.studio.wait(lambda: usage.result is not None and usage.result is not first)


def test_where_no_price_is_known_none_is_shown(office: Office) -> None:
    office.world.put(b"123", "films/one.mp4")
    desktop = office.studio.start()
    desktop.library.open_prefix("films/")
    desktop.library.show_usage()
    usage = counted(office, desktop, "films/")
    assert [tile.area.words for tile in usage.map.tiles] == ["Objects here: 3 bytes · 100 %, 1 object"]
    assert usage.classes.isColumnHidden(3)
    assert usage.cost.text().startswith("What this store costs is not known.")
    office.studio.click(cast("QPushButton", usage.map.tiles[0]))
    office.studio.wait(lambda: desktop.library.head.view.value() == "list" and desktop.library.model.rowCount() == 1)


def test_typing_a_search_shows_the_list_and_another_connection_does_too(office: Office) -> None:
    office.world.put(b"123", "films/one.mp4")
    desktop = office.studio.start()
    library = desktop.library
    library.open_prefix("films/")
    library.show_usage()
    counted(office, desktop, "films/")
    office.qtbot.keyClicks(library.search, "one")
    assert library.head.view.value() == "list"
    assert not library.overviews.isVisible()
    library.show_health()
    desktop.session.refresh()
    office.studio.wait(lambda: library.head.view.value() == "list")
    office.studio.wait(lambda: desktop.session.connection is not None)
