"""The Library through the window over a real store: places, views, what is found out about rows, selection, states."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import QBuffer, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from vidcdn_desktop.bytesource import BytesSource, FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, Offline
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.places import NotAnAddress, Place, read_address
from vidcdn_desktop.gui.library.poster_cache import PosterCache
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.rows import Block
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import ElidedLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 20_000


def put(connection: Connection, key: str, body: bytes = b"x", content_type: str = "video/mp4") -> None:
    ref = ObjectRef(connection.profile.bucket, key)
    headers = ObjectHeaders(content_type, "public, max-age=60")
    connection.storage.put(ref, BytesSource(body), headers, token=CancelToken())


def jpeg() -> bytes:
    image = QImage(320, 180, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


@pytest.fixture
def connection(session: Session) -> Connection:  # noqa: F811
    assert session.connection is not None
    return session.connection


@pytest.fixture
def page(qtbot: QtBot, session: Session, tmp_path: Path) -> Iterator[LibraryPage]:  # noqa: F811
    with FactCache(tmp_path / "facts.sqlite") as facts:
        made = LibraryPage(
            session, facts=facts, posters=PosterCache(tmp_path / "posters"), settings_file=tmp_path / "library.ini"
        )
        qtbot.addWidget(made)
        made.resize(1084, 700)
        made.show()
        yield made
        made.hide()
        made.lister.stop()


def listed(qtbot: QtBot, page: LibraryPage, prefix: str) -> list[str]:
    page.open_prefix(prefix)
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)
    return [row.name for row in page.model.rows()]


class Gated:
    """A store whose next page comes when it is let."""

    def __init__(self, pages: list[list[str]]) -> None:
        self._pages = pages
        self.gate = threading.Semaphore(0)

    def list_pages(self, _bucket: str, _prefix: str, *, token: CancelToken, **_how: object) -> Iterator[ListedPage]:
        untie = token.on_cancel(self.gate.release)
        for number, keys in enumerate(self._pages):
            self.gate.acquire()
            token.raise_if_cancelled()
            empty = ListedPage.empty()
            empty.sizes.extend([5] * len(keys))
            empty.times.extend([0] * len(keys))
            page = ListedPage(
                keys, empty.sizes, empty.times, PackedTexts(["e"] * len(keys)), ["STANDARD"] * len(keys), []
            )
            last = number == len(self._pages) - 1
            yield page.between(str(number), None if last else str(number + 1))
        untie()


def start(page: LibraryPage, store: Gated) -> None:
    page.lister.stop()
    page.model.start("")
    page._complete = False
    page.lister.start(store, "b", Place())  # type: ignore[arg-type]


# Places
def test_back_forward_and_up_go_where_they_say(qtbot: QtBot, page: LibraryPage, connection: Connection) -> None:
    put(connection, "a/b/one.mp4")
    listed(qtbot, page, "a/")
    page.model.select_ranges([(0, 0)])
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page._complete and page._history.place == Place("a/b/"), timeout=LONG)
    assert page.head.back_button.isEnabled()
    qtbot.mouseClick(page.head.back_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._complete and page._history.place == Place("a/"), timeout=LONG)
    qtbot.mouseClick(page.head.forward_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._complete and page._history.place == Place("a/b/"), timeout=LONG)
    assert not page.head.forward_button.isEnabled()
    qtbot.mouseClick(page.head.up_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._complete and page._history.place == Place("a/"), timeout=LONG)


def test_the_address_line_takes_s3_addresses_and_cdn_links(
    qtbot: QtBot,
    page: LibraryPage,
    session: Session,  # noqa: F811
    connection: Connection,
) -> None:
    put(connection, "videos/plus + sign.mp4")
    url = connection.url_of("videos/plus + sign.mp4")
    assert url is not None
    for typed in (url.url, f"s3://{connection.profile.bucket}/videos/plus + sign.mp4"):
        listed(qtbot, page, "elsewhere/")
        page.head.address.edit()
        page.head.address.line.setText(typed)
        qtbot.keyClick(page.head.address.line, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: [row.key for row in page._selected()] == ["videos/plus + sign.mp4"], timeout=LONG)
        assert page._history.place == Place("videos/")
    page.open_address("ftp://another-bucket/x")
    label = page.toast.findChild(ElidedLabel)
    assert label is not None
    assert "S3 address" in label.full_text()
    with pytest.raises(NotAnAddress):
        read_address("https://example.com/x.mp4", connection.profile.bucket, session.facts.distributions)


def test_the_whole_bucket_is_searched_and_back_shows_the_folder(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for key in ("a/needle.mp4", "b/c/NEEDLE.mov", "b/other.mp4"):
        put(connection, key)
    listed(qtbot, page, "a/")
    qtbot.keyClicks(page.search, "needle")
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page._complete and page._history.place.needle == "needle", timeout=LONG)
    assert [row.key for row in page.model.rows()] == ["a/needle.mp4", "b/c/NEEDLE.mov"]
    assert page.footer.status.text() == "2 found in 3 objects"
    page.go_back()
    qtbot.waitUntil(lambda: page._complete and page._history.place == Place("a/"), timeout=LONG)
    assert page.search.text() == ""


# What is found out
def test_only_what_is_on_screen_is_looked_at_and_remembered(
    qtbot: QtBot, page: LibraryPage, connection: Connection, clip_end: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = ObjectRef(connection.profile.bucket, "v/film.mp4")
    connection.storage.put(film, FileSource(clip_end), ObjectHeaders("video/mp4"), token=CancelToken())
    put(connection, "v/text.vtt")
    monkeypatch.setattr(connection.storage, "head", lambda *_: pytest.fail("a HEAD in the list path"))
    listed(qtbot, page, "v/")
    qtbot.waitUntil(lambda: page.model.text(0, Column.STREAMING) == "▲ index at end", timeout=LONG)
    assert page.model.text(1, Column.STREAMING) == ""
    tip = page.model.data(page.model.index(0, Column.STREAMING), Qt.ItemDataRole.ToolTipRole)
    assert "H264" in str(tip)
    monkeypatch.setattr(connection.storage, "open_range", lambda *_a, **_k: pytest.fail("read again"))
    page.refresh()
    qtbot.waitUntil(lambda: page._complete and page.model.text(0, Column.STREAMING) != "", timeout=LONG)


def test_the_cache_header_is_asked_for_when_its_column_is_shown_and_columns_are_kept(
    qtbot: QtBot,
    page: LibraryPage,
    connection: Connection,
    session: Session,  # noqa: F811
    tmp_path: Path,
) -> None:
    put(connection, "v/one.mp4")
    listed(qtbot, page, "v/")
    assert page.table.isColumnHidden(Column.CACHE)
    menu = page.table.column_menu()
    action = next(a for a in menu.actions() if a.text() == "Cache header")
    action.trigger()
    menu.close()
    assert not page.table.isColumnHidden(Column.CACHE)
    qtbot.waitUntil(lambda: page.model.text(0, Column.CACHE) == "public, max-age=60", timeout=LONG)
    page.table.setColumnWidth(Column.SIZE, 133)
    again = LibraryPage(session, settings_file=tmp_path / "library.ini")
    qtbot.addWidget(again)
    again.resize(1084, 700)
    again.show()
    listed(qtbot, again, "v/")
    assert not again.table.isColumnHidden(Column.CACHE)
    assert again.table.columnWidth(Column.SIZE) == 133


def test_the_gallery_shows_the_picture_beside_a_video_and_its_duration(
    qtbot: QtBot, page: LibraryPage, connection: Connection, clip_end: Path
) -> None:
    put(connection, "v/film.mp4", clip_end.read_bytes())
    put(connection, "v/film.jpg", jpeg(), "image/jpeg")
    put(connection, "v/odd.mp4")
    put(connection, "v/odd.jpg", b"<svg onload=alert(1)>", "image/jpeg")
    listed(qtbot, page, "v/")
    page.show_gallery()
    assert [row.name for row in page.model.rows()] == ["film.mp4", "odd.mp4"]
    memory = page.on_screen.posters.memory
    film, odd = page.model.row_id(0), page.model.row_id(1)
    qtbot.waitUntil(lambda: film in memory and odd in memory, timeout=LONG)
    picture = memory.get(film)
    assert picture is not None
    assert picture.size() == page.gallery.picture_size() * page.devicePixelRatioF()
    assert memory.get(odd) is None
    qtbot.waitUntil(lambda: page.model.facts_of(0)[1] is not None, timeout=LONG)
    assert "0:0" in str(page.gallery.grid.data(page.gallery.grid.tile(0)))
    assert not page.gallery.grab().toImage().isNull()


def test_posters_on_disk_are_bounded(tmp_path: Path) -> None:
    cache = PosterCache(tmp_path, limit_bytes=10_000)
    names = [PosterCache.name("s", "b", f"k{n}", "e") for n in range(40)]
    for name in names:
        cache.put(name, b"x" * 1000)
    cache.shrink()
    kept = [name for name in names if cache.get(name)]
    assert 0 < len(kept) <= 10
    assert PosterCache.name("s", "b", "k", "e1") != PosterCache.name("s", "b", "k", "e2")


# Selection
def test_list_and_gallery_share_one_selection_by_keys_and_mouse(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for number in range(9):
        put(connection, f"v/{number}.mp4")
    listed(qtbot, page, "v/")
    page.model.select_ranges([(1, 1)])
    page.show_gallery()
    gallery = page.gallery
    gallery.setFocus()
    qtbot.keyClick(gallery, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert [row.name for row in page._selected()] == ["0.mp4", "1.mp4", "2.mp4"]
    place = gallery.tile_rect(3).center()
    qtbot.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [row.name for row in page._selected()] == ["3.mp4"]
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, control, gallery.tile_rect(1).center())
    assert [row.name for row in page._selected()] == ["1.mp4", "3.mp4"]
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, shift, gallery.tile_rect(3).center())
    assert [row.name for row in page._selected()] == ["1.mp4", "2.mp4", "3.mp4"]
    page.show_list()
    assert page.model.ranges() == [(1, 3)]
    assert page.bar.selected.text() == "3 selected"
    with qtbot.waitSignal(page.download_requested) as caught:
        qtbot.mouseClick(page.bar.buttons["download"], Qt.MouseButton.LeftButton)
    assert [ref.key for ref in caught.args[0]] == ["v/1.mp4", "v/2.mp4", "v/3.mp4"]


def test_all_that_match_also_means_what_is_still_being_listed(qtbot: QtBot, page: LibraryPage) -> None:
    store = Gated([["a1.mp4", "x"], ["a2.mp4", "y"], ["a3.mp4"]])
    page.search.setText("a")
    start(page, store)
    store.gate.release()
    qtbot.waitUntil(lambda: page.model.rowCount() == 1, timeout=LONG)
    page.table.setFocus()
    page.select_all()
    assert "and all that is still being listed" in page.bar.selected.text()
    assert not page.bar.buttons["download"].isEnabled()
    store.gate.release()
    qtbot.waitUntil(lambda: page.model.rowCount() == 2, timeout=LONG)
    store.gate.release()
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)
    assert page.bar.selected.text() == "3 selected"
    assert page.bar.buttons["download"].isEnabled()
    page.model.select_ranges([(0, 0)])
    assert page.bar.selected.text() == "1 selected"


def test_a_listing_can_be_sorted_while_it_runs_and_stopped(qtbot: QtBot, page: LibraryPage) -> None:
    store = Gated([["b", "d"], ["e", "f"], ["g"]])
    start(page, store)
    store.gate.release()
    qtbot.waitUntil(lambda: page.model.rowCount() == 2, timeout=LONG)
    page.model.sort(Column.NAME, Qt.SortOrder.DescendingOrder)
    store.gate.release()
    qtbot.waitUntil(lambda: [row.name for row in page.model.rows()] == ["f", "e", "d", "b"], timeout=LONG)
    assert page.stop_button.isVisible()
    assert "so far" in page.footer.status.text()
    qtbot.mouseClick(page.stop_button, Qt.MouseButton.LeftButton)
    store.gate.release()
    assert not page.stop_button.isVisible()
    assert page.footer.status.text().endswith("stopped before the end")


def test_type_ahead_goes_to_the_next_name(qtbot: QtBot, page: LibraryPage, connection: Connection) -> None:
    for name in ("alpha.mp4", "beta.mp4", "Bravo.mp4"):
        put(connection, f"v/{name}")
    listed(qtbot, page, "v/")
    for view in (page.table, page.gallery):
        page._on_view("gallery" if view is page.gallery else "list")
        page.model.select_ranges([])
        view.setFocus()
        qtbot.keyClicks(view, "br")
        qtbot.waitUntil(lambda: [row.name for row in page._selected()] == ["Bravo.mp4"], timeout=LONG)


def test_nothing_on_screen_moves_when_rows_come_in_above(qtbot: QtBot, page: LibraryPage) -> None:
    page.model.start("")
    page._complete = True

    def block(first: int) -> Block:
        made = Block([f"k{n:05d}" for n in range(first, first + 500)])
        for column in (made.sizes, made.times):
            column.extend([0] * 500)
        made.etags, made.classes = [""] * 500, bytes(500)
        return made

    page._on_arrived([block(5000)])
    page.table.verticalScrollBar().setValue(100)
    top = page.model.row(page.table.visible_rows()[0]).name
    page._on_arrived([block(0)])
    assert page.model.row(page.table.visible_rows()[0]).name == top


def test_listing_anew_moves_nothing_and_keeps_what_is_chosen(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for number in range(60):
        put(connection, f"v/{number:02d}.mp4")
    listed(qtbot, page, "v/")
    page.model.select_ranges([(50, 50), (52, 53)])
    page.table.verticalScrollBar().setValue(30)
    connection.storage.delete(ObjectRef(connection.profile.bucket, "v/52.mp4"))
    put(connection, "v/50a.mp4")
    page.refresh()
    qtbot.waitUntil(lambda: page._complete and "v/50a.mp4" in [row.key for row in page.model.rows()], timeout=LONG)
    assert [row.name for row in page._selected()] == ["50.mp4", "53.mp4"]
    assert page.table.verticalScrollBar().value() == 30


def test_a_row_that_is_waited_for_is_chosen_also_when_the_folder_is_listed_anew_meanwhile(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    put(connection, "v/lake.mp4")
    page.show_key("v/lake.mp4")
    page.refresh()  # as when a job ends just then
    qtbot.waitUntil(lambda: [row.key for row in page._selected()] == ["v/lake.mp4"], timeout=LONG)
    page.refresh()
    page.refresh()
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)
    assert [row.key for row in page._selected()] == ["v/lake.mp4"]


# States
def test_not_permitted_names_the_action_and_offers_the_policy(qtbot: QtBot, page: LibraryPage) -> None:
    page.lister.stop()
    page.model.start("")
    page._on_ended(AccessDenied("You may not list this bucket.", "", "Ask for s3:ListBucket."))
    assert page.error.isVisible()
    qtbot.mouseClick(page.stack.copy_policy, Qt.MouseButton.LeftButton)
    policy = json.loads(QGuiApplication.clipboard().text())
    assert policy["Statement"][0]["Action"] == "s3:ListBucket"
    page._on_ended(Offline("There is no connection."))
    assert not page.stack.copy_policy.isVisible()


def test_a_listing_that_is_cut_keeps_its_rows_and_says_so(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    put(connection, "v/one.mp4")
    listed(qtbot, page, "v/")
    page._on_ended(Offline("There is no connection."))
    assert page.table.isVisible()
    assert page.cut_short.isVisible()
    page.cut_short.action_requested.emit()
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)
    assert not page.cut_short.isVisible()


def test_the_menu_of_the_gallery_offers_what_the_bar_does(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    put(connection, "v/one.mp4")
    listed(qtbot, page, "v/")
    page.show_gallery()
    page.model.select_ranges([(0, 0)])
    page.stack.menu_wanted.emit(QPoint(10, 10))
    (menu,) = [m for m in page.findChildren(QMenu) if m.isVisible()]
    offered = {str(action.data()): action.isEnabled() for action in menu.actions() if action.data()}
    assert offered.items() >= {verb: button.isEnabled() for verb, button in page.bar.buttons.items()}.items()
    menu.close()
