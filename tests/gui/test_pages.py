"""Library, Delivery and Activity over a real practice cloud, and the text they show."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.profiles import ProfileStore
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.delivery.model import Invalidation
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.gui.activity.page import report
from vidcdn_desktop.gui.delivery.history import HistoryModel, HistoryRow
from vidcdn_desktop.gui.delivery.page import DeliveryPage
from vidcdn_desktop.gui.delivery.table import HistoryTable
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.model import JobSnapshot, JobState, PublishResult
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef


def put(connection: Connection, key: str, body: bytes = b"x", content_type: str = "video/mp4") -> None:
    ref = ObjectRef(connection.profile.bucket, key)
    connection.storage.put(ref, BytesSource(body), ObjectHeaders(content_type), token=CancelToken())


@pytest.fixture
def connection(session: Session) -> Connection:  # noqa: F811
    assert session.connection is not None
    return session.connection


def test_library_lists_more_than_one_page_and_shows_hostile_keys_plainly(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    hostile = "videos/<b>bold\u202egpj.mp4"
    put(connection, hostile)
    for number in range(1005):
        put(connection, f"videos/many/{number:04d}.mp4")
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.open_prefix("videos/")
    qtbot.waitUntil(lambda: page.model.rowCount() == 2, timeout=20_000)
    name = next(row.name for row in page.model.rows() if not row.is_folder)
    assert "\u202e" not in name
    page.table.setFocus()
    page.table.selectRow(0)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.footer.status.text().startswith("1,005 objects"), timeout=20_000)
    assert page.model.rowCount() == 1005
    qtbot.keyClick(page.table, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: page.model.rowCount() == 2, timeout=20_000)


def test_library_copies_a_link_and_hands_paths_to_delivery(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    put(connection, "videos/one.mp4")
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.open_prefix("videos/")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=20_000)
    page.table.selectRow(0)
    qtbot.mouseClick(page._buttons["copy"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text().endswith("/videos/one.mp4"), timeout=10_000)
    with qtbot.waitSignal(page.invalidate_requested) as caught:
        qtbot.mouseClick(page._buttons["invalidate"], Qt.MouseButton.LeftButton)
    assert caught.args[0] == ["/videos/one.mp4"]


def test_an_empty_folder_and_a_filter_without_hits_are_two_states(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.open_prefix("nothing/")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty, timeout=20_000)
    put(connection, "videos/one.mp4")
    page.open_prefix("videos/")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=20_000)
    qtbot.keyClicks(page.search, "zzz")
    assert page.stack.currentWidget() is page.empty
    page.search.clear()
    assert page.stack.currentWidget() is page.table


def test_invalidate_reaches_completed_and_sees_the_fresh_copy(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    put(connection, "videos/teaser.mp4", b"new bytes")
    page = DeliveryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.set_connection(session.facts)
    qtbot.waitUntil(lambda: page._history_known, timeout=20_000)
    assert not page.button.isEnabled()
    page.add_paths(["/videos/teaser.mp4"])
    assert "0 of 1,000 free paths" in page.line.text()
    qtbot.mouseClick(page.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=20_000)

    def fresh() -> bool:
        return page.model.rows[0].invalidation.is_complete and page.model.rows[0].fresh.startswith("✓")

    qtbot.waitUntil(fresh, timeout=30_000)
    assert page.chips.paths() == ()


def test_check_a_link_says_what_is_good_and_what_is_not(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    page = DeliveryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.set_connection(session.facts)
    host = session.facts.domain
    page.link_check.url.setText(f"http://{host}/videos/none.mp4")
    qtbot.keyClick(page.link_check.url, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.link_check.report is not None, timeout=20_000)
    assert page.link_check.report is not None
    assert not page.link_check.report.ok
    assert "does not work" in page.link_check.summary.text()
    page.link_check.url.setText("ftp://example.com/x")
    qtbot.keyClick(page.link_check.url, Qt.Key.Key_Return)
    qtbot.waitUntil(page.link_check.error.isVisible, timeout=10_000)
    qtbot.waitUntil(lambda: page._token is not None and not page._tick.isActive())


def test_history_model_keeps_qts_rules_and_what_is_known() -> None:
    model = HistoryModel()
    tester = QAbstractItemModelTester(model)
    now = datetime.now(UTC)
    first = Invalidation("I1", "E", "InProgress", ("/a", "/b"), now)
    model.put(HistoryRow(first, fresh="waiting"))
    done = Invalidation("I1", "E", "Completed", ("/a", "/b"), now)
    model.put(HistoryRow(done, completed_s=41.0, fresh="✓ after 6 s"))
    model.set_rows([HistoryRow(done), HistoryRow(Invalidation("I0", "E", "Completed", ("/c",), now - timedelta(1)))])
    assert [row.invalidation.id for row in model.rows] == ["I1", "I0"]
    assert model.rows[0].fresh == "✓ after 6 s"
    assert model.data(model.index(0, 1)) == "/a, +1"
    assert model.data(model.index(0, 2)) == "✓ Completed · 41 s"
    del tester


def test_a_copied_report_holds_no_signature() -> None:
    result = PublishResult(
        "f.mp4", "b", "k", "https://b.s3.amazonaws.com/k?X-Amz-Signature=abc", datetime.now(UTC), 1, "e", "", "",
        "moved", "", "", "", 1, 1, 0, {}, None,
    )  # fmt: skip
    text = report(JobSnapshot("1", Path("f.mp4"), "t", JobState.PUBLISHED, result=result))
    assert "X-Amz-Signature" not in text
    assert json.loads(text)["result"]["url"] == "https://b.s3.amazonaws.com/k"


def test_selecting_moves_no_row_and_a_double_click_opens(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    put(connection, "videos/folder/one.mp4")
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.resize(1000, 600)
    page.show()
    page.open_prefix("videos/")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=20_000)
    top = page.table.mapTo(page, QPoint(0, 0)).y()
    assert not any(button.isEnabled() for button in page.bar.buttons.values())
    place = page.table.visualRect(page.model.index(0, 0)).center()
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert page.bar.selected.text() == "1 selected"
    assert page.table.mapTo(page, QPoint(0, 0)).y() == top
    qtbot.mouseDClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: [row.name for row in page.model.rows()] == ["one.mp4"], timeout=20_000)


def test_space_plays_the_selected_video(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    put(connection, "videos/one.mp4")
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.open_prefix("videos/")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=20_000)
    page.table.selectRow(0)
    with qtbot.waitSignal(page.play_requested, timeout=10_000) as caught:
        qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert caught.args[0].title == "one.mp4"


def test_a_filter_without_hits_offers_to_clear_it_and_counts_what_is_shown(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    put(connection, "videos/one.mp4")
    page = LibraryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.open_prefix("videos/")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=20_000)
    qtbot.keyClicks(page.search, "zzz")
    assert page.footer.status.text() == "1 object · 1 byte · 0 of 1 shown"
    assert not page.bar.isVisible()
    qtbot.mouseClick(page.clear_filter, Qt.MouseButton.LeftButton)
    assert page.model.rowCount() == 1
    page.open_prefix("nothing/")
    qtbot.waitUntil(page.empty.isVisible, timeout=20_000)
    assert not page.clear_filter.isVisible()


def test_trying_again_without_a_connection_connects(qtbot: QtBot) -> None:
    lost = Session(SavedConnections(ProfileStore(), lambda: (MemorySecretStore(), "")))
    problem = Offline("There is no connection to AWS.")
    facts = replace(lost.facts, status="problem", problem=problem)
    library, delivery = LibraryPage(lost), DeliveryPage(lost)
    wanted: list[str] = []
    lost.use = wanted.append  # type: ignore[method-assign]
    for page in (library, delivery):
        qtbot.addWidget(page)
        page.show()
        page.set_connection(facts)
    assert library.error.error is not None
    assert "Nothing was published" not in library.error.error.sentence()
    qtbot.mouseClick(library.error.button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(delivery.again, Qt.MouseButton.LeftButton)
    assert wanted == [lost.facts.profile.id] * 2
    lost.stop()


def test_a_refused_path_from_outside_says_why_nothing_can_be_sent(
    qtbot: QtBot,
    session: Session,  # noqa: F811
) -> None:
    page = DeliveryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.set_connection(session.facts)
    qtbot.waitUntil(lambda: page._history_known, timeout=20_000)
    assert page.no_history.isVisible()
    assert not page.table.isVisible()
    page.add_paths(["/good.mp4", "bad.mp4"])
    assert page.line.text().startswith("bad.mp4: ")
    assert not page.button.isEnabled()
    page.chips.set_paths(["/good.mp4"])
    page._on_paths(None)
    assert page.button.isEnabled()


@pytest.mark.parametrize("width", [640, 1200])
def test_the_history_is_as_high_as_its_rows_and_shows_every_column(qtbot: QtBot, width: int) -> None:
    model = HistoryModel()
    table = HistoryTable(model)
    qtbot.addWidget(table)
    table.resize(width, 400)
    table.show()
    now = datetime.now(UTC)
    items = [Invalidation(f"I{n}", "E1", "Completed", ("/a.mp4", "/b/*"), now) for n in range(3)]
    model.set_rows([HistoryRow(item, 41.0, "✓ after 6 s") for item in items])
    last = table.visualRect(model.index(2, 0))
    assert table.viewport().height() == last.bottom() + 1
    ends = [table.visualRect(model.index(0, column)).right() for column in range(5)]
    assert ends == sorted(ends)
    assert ends[-1] < table.viewport().width()
    assert table.columnWidth(1) > 150
    assert "/b/*" in model.data(model.index(0, 1), Qt.ItemDataRole.ToolTipRole)
    plain = table.grab().toImage()
    model.put(HistoryRow(replace(items[0], status="InProgress"), fresh="waiting"))
    assert table.grab().toImage() != plain
