"""Looks at all below a folder: they stream, stop, start anew, and have names for every control."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from test_accessibility import nameless

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Offline
from vidcdn_desktop.gui.library.cleanup_dialog import CleanupDialog
from vidcdn_desktop.gui.library.fix_dialog import FixDialog
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.usage_view import UsageView
from vidcdn_desktop.gui.library.usage_words import HERE, MOST_TILES, REST, areas, percent
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import SegmentedControl
from vidcdn_desktop.jobs.health_model import FIXABLE
from vidcdn_desktop.jobs.usage import Usage, UsageCounter
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 30_000


def page_of(*rows: tuple[str, int]) -> ListedPage:
    empty = ListedPage.empty()
    empty.sizes.extend([size for _, size in rows])
    empty.times.extend([0] * len(rows))
    keys = [key for key, _ in rows]
    etags, classes = PackedTexts(["e"] * len(rows)), ["STANDARD"] * len(rows)
    return ListedPage(keys, empty.sizes, empty.times, etags, classes, [])


class Gated:
    """A store whose next page comes when it is let."""

    def __init__(self, *pages: ListedPage) -> None:
        self._pages = pages
        self.gate = threading.Semaphore(0)
        self.asked = 0
        self.problem: Offline | None = None
        """Raised in place of the last page."""

    def list_pages(self, _bucket: str, _prefix: str, *, token: CancelToken, **_how: object) -> Iterator[ListedPage]:
        self.asked += 1
        for number, page in enumerate(self._pages):
            while not self.gate.acquire(timeout=0.02):  # a look that is cancelled takes no page from the next one
                token.raise_if_cancelled()
            token.raise_if_cancelled()
            is_last = number == len(self._pages) - 1
            if is_last and self.problem is not None:
                raise self.problem
            yield page.between(str(number), None if is_last else str(number + 1))


def connection_to(store: Gated) -> Any:
    profile = SimpleNamespace(bucket="b", prefix="")
    clients = SimpleNamespace(endpoint="http://127.0.0.1:1")
    return SimpleNamespace(storage=store, profile=profile, clients=clients, reload_credentials=lambda: None)


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[UsageView]:
    made = UsageView()
    made.dear_s = math.inf
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    yield made
    made.stop()
    made.hide()


TWO = (page_of(("a/one.mp4", 600), ("b/two.mp4", 400)), page_of(("c/three.mp4", 9000)))


def titles(view: UsageView) -> list[str]:
    return [tile.area.title for tile in view.map.tiles]


# Streaming
def test_the_map_grows_while_the_listing_goes_on(qtbot: QtBot, view: UsageView) -> None:
    store = Gated(*TWO)
    view.show_place(connection_to(store), "")
    assert view.is_looking
    store.gate.release()
    qtbot.waitUntil(lambda: view.has_content, timeout=LONG)
    assert titles(view) == ["a", "b"]
    assert view.stop_button.isVisible()
    assert view.result is None
    store.gate.release()
    qtbot.waitUntil(lambda: view.result is not None, timeout=LONG)
    assert titles(view) == ["c", "a", "b"]
    assert view.status.full_text() == "3 objects · 10.0 kB"
    assert not view.stop_button.isVisible()
    assert not view.progress.isVisible()


def test_what_was_counted_stays_when_it_is_stopped_and_is_not_taken_for_all(qtbot: QtBot, view: UsageView) -> None:
    store = Gated(*TWO)
    connection = connection_to(store)
    view.show_place(connection, "")
    store.gate.release()
    qtbot.waitUntil(lambda: view.has_content, timeout=LONG)
    qtbot.mouseClick(view.stop_button, Qt.MouseButton.LeftButton)
    assert not view.is_looking
    assert titles(view) == ["a", "b"]
    assert view.status.full_text() == "Stopped. 2 objects, 1.0 kB so far…"
    view.set_stale()
    assert not view.is_looking
    qtbot.mouseClick(view.again_button, Qt.MouseButton.LeftButton)
    assert view.is_looking
    assert store.asked >= 1


def test_nothing_is_shown_of_a_folder_that_was_left(qtbot: QtBot, view: UsageView) -> None:
    slow, quick = Gated(*TWO), Gated(page_of(("z/here.mp4", 5)))
    view.show_place(connection_to(slow), "")
    view.show_place(connection_to(quick), "z/")
    slow.gate.release()
    quick.gate.release()
    qtbot.waitUntil(lambda: view.result is not None, timeout=LONG)
    assert titles(view) == ["Objects here"]
    assert view.prefix == "z/"


def test_a_folder_is_counted_once_until_something_changes(qtbot: QtBot, view: UsageView) -> None:
    store = Gated(page_of(("a/one.mp4", 600)))
    connection = connection_to(store)
    for prefix, asked in (("", 1), ("a/", 2), ("", 2), ("a/", 2)):
        store.gate.release()
        view.show_place(connection, prefix)
        qtbot.waitUntil(lambda: view.result is not None, timeout=LONG)
        assert store.asked == asked
    view.set_stale()
    qtbot.waitUntil(lambda: view.result is not None and store.asked == 3, timeout=LONG)


def test_a_dear_look_is_not_begun_by_itself(qtbot: QtBot, view: UsageView) -> None:
    store = Gated(page_of(("a/one.mp4", 600)))
    store.gate.release()
    view.show_place(connection_to(store), "")
    qtbot.waitUntil(lambda: view.result is not None, timeout=LONG)
    view.dear_s = 0.0
    for _ in range(2):
        view.set_stale()
    assert view.status.full_text() == "1 object · 600 bytes · changed since"
    assert not view.is_looking


def test_an_error_in_the_middle_keeps_what_was_counted(qtbot: QtBot, view: UsageView) -> None:
    store = Gated(*TWO)
    store.problem = Offline("There is no connection.", retryable=True)
    view.show_place(connection_to(store), "")
    store.gate.release()
    qtbot.waitUntil(lambda: view.has_content, timeout=LONG)
    store.gate.release()
    qtbot.waitUntil(lambda: view.cut_short.isVisible(), timeout=LONG)
    assert titles(view) == ["a", "b"]
    assert view.cut_short.error is not None
    assert view.cut_short.error.meaning == "Nothing was changed."


# Areas
def counted(*rows: tuple[str, int]) -> Usage:
    counter = UsageCounter("", 1, None)
    counter.add(page_of(*rows))
    return counter.usage()


def test_small_folders_share_a_tile_and_all_bytes_are_in_the_map() -> None:
    rows = [(f"f{number:03}/x.mp4", 1000 - number) for number in range(MOST_TILES + 40)]
    usage = counted(*rows, ("top.txt", 3))
    made = areas(usage)
    assert len(made) == MOST_TILES + 2
    assert sum(area.weight for area in made) == usage.size_bytes
    assert [area.weight for area in made] == sorted((area.weight for area in made), reverse=True)
    by_id = {area.id: area for area in made}
    assert by_id[REST].title == "40 smaller folders"
    assert not by_id[REST].can_open
    assert not by_id[HERE].can_open


def test_empty_objects_are_shown_by_their_number_and_hostile_names_plainly() -> None:
    made = areas(counted(("a\u202e/x", 0), ("a\u202e/y", 0), ("b/z", 0)))
    assert [(area.title, area.weight) for area in made] == [("a⟨U+202E⟩", 2), ("b", 1)]
    assert [percent(share) for share in (0.0, 0.001, 0.335, 1.0)] == ["0 %", "below 1 %", "34 %", "100 %"]


# The page
@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_every_control_has_a_name(
    qtbot: QtBot,
    session: Session,  # noqa: F811
    direction: Qt.LayoutDirection,
) -> None:
    connection = session.connection
    assert connection is not None
    for key, kind in (("films/a & b.mp4", "text/plain"), ("films/gone-0123abcd.jpg", "image/jpeg"), ("x.txt", "")):
        ref = ObjectRef(connection.profile.bucket, key)
        connection.storage.put(ref, BytesSource(b"bytes"), ObjectHeaders(kind or "text/plain"), token=CancelToken())
    made = LibraryPage(session)
    made.setLayoutDirection(direction)
    qtbot.addWidget(made)
    made.resize(704, 600)
    made.show()
    made.open_prefix("")
    made.show_usage()
    qtbot.waitUntil(lambda: made.overviews.usage.result is not None, timeout=LONG)
    assert nameless(made) == []
    made.show_health()
    health = made.overviews.health
    qtbot.waitUntil(lambda: health.result is not None, timeout=LONG)
    assert len(health.cards) == 4
    assert nameless(made) == []
    report = health.report
    assert report is not None
    question = FixDialog(connection, report, FIXABLE, made)
    dialog = CleanupDialog(connection, "", None, made)
    for shown in (question, dialog):
        qtbot.addWidget(shown)
        shown.setLayoutDirection(direction)
        shown.show()
        shown.start()
    qtbot.waitUntil(lambda: question.plan is not None and dialog.section is not None, timeout=LONG)
    assert nameless(question) == []
    assert nameless(dialog) == []
    question.reject()
    dialog.reject()
    made.hide()
    made.lister.stop()


def test_compact_choices_keep_their_names(qtbot: QtBot) -> None:
    control = SegmentedControl([("list", "List", "list"), ("words", "Words")], "View")
    qtbot.addWidget(control)
    wide = control.sizeHint().width()
    control.set_compact(True)
    first, second = (control._group.button(number) for number in range(2))
    assert (first.text(), first.accessibleName()) == ("", "View: List")
    assert "List" in first.toolTip()
    assert second.text() == "Words"
    assert control.sizeHint().width() < wide
    control.set_compact(False)
    assert (first.text(), first.toolTip()) == ("List", "")
    assert control.sizeHint().width() == wide
