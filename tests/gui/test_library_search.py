"""Filters and searches of the Library through the window: the typed line, the panel, the chips, and looks at films."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_fixtures import session  # noqa: F401 - a fixture
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from test_accessibility import nameless

from vidcdn_desktop.bytesource import BytesSource, FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.gui.library.filter_words import GROUPS, chips
from vidcdn_desktop.gui.library.page import LibraryPage
from vidcdn_desktop.gui.library.places import Place
from vidcdn_desktop.gui.models.arrange import Column, Wish, arrange
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.matching import BlockMatcher
from vidcdn_desktop.gui.models.rows import RowStore, blocks_of
from vidcdn_desktop.gui.models.verdicts import Verdicts
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.gui.widgets import Chip
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.query import Matcher, Query
from vidcdn_desktop.jobs.query_text import read, write
from vidcdn_desktop.media.glance_model import IndexPlace, VideoFacts
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef

LONG = 30_000
NOW = 1_780_000_000
DAY = 86_400


def put(connection: Connection, key: str, content: bytes | Path = b"x") -> None:
    source = FileSource(content) if isinstance(content, Path) else BytesSource(content)
    ref = ObjectRef(connection.profile.bucket, key)
    connection.storage.put(ref, source, ObjectHeaders("video/mp4"), token=CancelToken())


@pytest.fixture
def connection(session: Session) -> Connection:  # noqa: F811
    assert session.connection is not None
    return session.connection


@pytest.fixture
def page(qtbot: QtBot, session: Session, tmp_path: Path) -> Iterator[LibraryPage]:  # noqa: F811
    with FactCache(tmp_path / "facts.sqlite") as facts:
        made = LibraryPage(session, facts=facts)
        qtbot.addWidget(made)
        made.resize(1084, 700)
        made.show()
        yield made
        made.hide()
        made.lister.stop()
        made.searching.looking.stop()


def listed(qtbot: QtBot, page: LibraryPage, prefix: str) -> None:
    page.open_prefix(prefix)
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)


def names(page: LibraryPage) -> list[str]:
    return [row.name for row in page.model.rows()]


def shows(qtbot: QtBot, page: LibraryPage, *expected: str) -> None:
    qtbot.waitUntil(lambda: names(page) == list(expected) and not page.model.is_arranging, timeout=LONG)


# The rows
def rows(count: int) -> ListedPage:
    chance = random.Random(11)
    words = [
        "Lake",
        "straße",
        "house.mp4",
        "x.jpg",
        "a.m3u8",
        "end.vtt",
        "\u212a",
        "odd/",
        ".mov",
        "é.MP4",
        "lake.webm",
    ]
    return ListedPage(
        [f"v/{n:05d}" + "".join(chance.sample(words, 2)) for n in range(count)],
        array("q", [chance.choice([0, 5, 10**8, chance.randrange(2**34)]) for _ in range(count)]),
        array("q", [chance.choice([0, NOW - chance.randrange(400 * DAY)]) for _ in range(count)]),
        PackedTexts(["e"] * count),
        [chance.choice(["STANDARD", "", "GLACIER", "STANDARD_IA"]) for _ in range(count)],
        ["v/a lake/", "v/b/"],
    )


QUERIES = (
    "lake", "LAKE house", "ss", "k", "STRASSE", "é", "kind:video", "kind:image,captions", "kind:other lake",
    "size:>99MB", "size:..0", "age:<100d", "age:>30d age:<300d", "class:standard", "class:glacier,standard-ia",
    "after:2026-01-01 kind:video size:>1MB lake", "class:deep-archive", "kind:playlist age:>1y",
)  # fmt: skip


@pytest.mark.parametrize("column", [Column.NAME, Column.SIZE])
def test_blocks_are_matched_as_objects_one_by_one(column: Column) -> None:
    listing = rows(3000)
    store = RowStore("v/")
    for block in blocks_of(listing, "v/"):
        store.add(block)
    for text in QUERIES:
        query = read(text).query
        wish = Wish(store.blocks, store.order(), query, column=column, now=NOW)
        shown = [store.key(row_id) for piece in arrange(wish, CancelToken()) for row_id in piece.ids]
        expected = {listing.keys[place] for place in Matcher(query, NOW, "v/").places(listing)}
        if not query.asks_of_objects:
            words = [word.casefold() for word in query.words]
            expected |= {name for name in listing.prefixes if all(word in name[2:] for word in words)}
        assert set(shown) == expected, text
        assert len(shown) == len(expected), "each once"
        matcher = BlockMatcher(query, NOW)
        alone = [
            store.key(number << 10 | place)
            for number, block in enumerate(store.blocks)
            for place in range(len(block))
            if matcher.matches(block, place)
        ]
        assert set(alone) == set(shown), text


def facts(place: IndexPlace) -> VideoFacts:
    return VideoFacts(Layout.NEEDS, place, "", True, True)


def test_of_films_only_those_are_asked_that_match_the_rest_and_once() -> None:
    listing = ListedPage(
        ["a.mp4", "b.mp4", "c.jpg", "d.mp4"], array("q", [9, 9, 9, 1]), array("q", [5] * 4),
        PackedTexts(["e"] * 4), ["STANDARD"] * 4, [],
    )  # fmt: skip
    (block,) = blocks_of(listing, "")
    asked: list[str] = []

    def recall(items):  # type: ignore[no-untyped-def]
        asked.extend(item.key for item in items)
        return {"a.mp4": facts(IndexPlace.END)}

    verdicts = Verdicts("", recall)

    def left(text: str) -> tuple[list[int], int, int]:
        matcher = BlockMatcher(read(text).query, NOW, verdicts=verdicts)
        return list(matcher.places(block, 0)), matcher.films, matcher.not_looked_at

    assert left("size:>5 starts:slowly") == ([0], 2, 1)
    assert left("size:>5 starts:unknown") == ([1], 2, 1)
    assert asked == ["a.mp4", "b.mp4"]
    verdicts.learn(1, len(block), facts(IndexPlace.FRONT))
    verdicts.learn(3, len(block), None)
    assert left("starts:at-once") == ([1], 3, 0)
    assert left("starts:unknown") == ([3], 3, 0)
    assert asked == ["a.mp4", "b.mp4"]


def test_rows_that_are_found_by_looks_come_in_without_moving_the_others(qtbot: QtBot) -> None:
    model = ListingModel()
    model.start("")
    count = 200
    keys = [f"{n:03d}.mp4" for n in range(count)]
    numbers = array("q", [5] * count)
    listing = ListedPage(keys, numbers, numbers, PackedTexts(["e"] * count), ["STANDARD"] * count, [])
    model.append(blocks_of(listing, ""))
    model.set_filter("starts:slowly")
    qtbot.waitUntil(lambda: not model.is_arranging and model.not_looked_at == count)
    for row_id in range(100):
        model.set_facts(row_id, facts(IndexPlace.END if row_id % 2 else IndexPlace.FRONT))
    model.look_again()
    qtbot.waitUntil(lambda: model.rowCount() == 50 and not model.is_arranging)
    assert (model.films, model.not_looked_at) == (200, 100)
    model.select_ranges([(3, 4)])
    resets: list[int] = []
    model.modelAboutToBeReset.connect(lambda: resets.append(1))
    for row_id in range(100, 200):
        model.set_facts(row_id, facts(IndexPlace.END))
    model.look_again()
    qtbot.waitUntil(lambda: model.rowCount() == 150)
    assert resets == []
    assert model.ranges() == [(3, 4)]
    assert [model.row(n).key for n in (0, 49, 50, 149)] == ["001.mp4", "099.mp4", "100.mp4", "199.mp4"]
    model.sort(Column.SIZE, Qt.SortOrder.DescendingOrder)
    model.append(blocks_of(ListedPage(["x.mp4"], numbers[:1], numbers[:1], PackedTexts(["e"]), [""], []), ""))
    model.flush()
    qtbot.waitUntil(lambda: model.films == 201 and not model.is_arranging)
    assert model.rowCount() == 150
    model.set_filter("starts:unknown")
    qtbot.waitUntil(lambda: [row.key for row in model.rows()] == ["x.mp4"])


def test_every_choice_of_the_panel_has_words_and_can_be_typed() -> None:
    for group in GROUPS:
        for typed in group.offered:
            query = read(typed).query
            assert write(query) == typed
            assert group.text(query) == typed
            assert group.chosen(Query(), typed) == query
            assert group.cleared(query) == Query()
            (chip,) = chips(query)
            assert chip.without == Query()
            assert group.words(typed) in chip.label
    text = "lake kind:video,image size:>=1500 size:<2GB age:<1y age:>36h after:2026-01-31 before:2026-02-28 class:cold"
    labels = [chip.label for chip in chips(read(text).query)]
    assert labels == [
        "Videos or images", "At least 1.5 kB", "Smaller than 2 GB", "Newer than 1 year", "Older than 36 hours",
        "From 31 Jan 2026 on", "Before 28 Feb 2026", "Stored as Cold",
    ]  # fmt: skip


# The window
def test_a_typed_filter_becomes_chips_and_chips_take_it_back(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for key, size in {"lake.mp4": 9, "lake.jpg": 9, "Lake two.mov": 2000, "house.mp4": 2000, "sub/x.mp4": 1}.items():
        put(connection, f"v/{key}", bytes(size))
    listed(qtbot, page, "v/")
    bar = page.searching.bar
    assert not bar.isVisible()
    qtbot.keyClicks(page.search, "lake kind:video size:>1kB")
    shows(qtbot, page, "Lake two.mov")
    assert bar.isVisible()
    assert bar.labels() == ["Videos", "Larger than 1 kB"]
    chip = next(chip for chip in bar.findChildren(Chip) if chip.text == "Larger than 1 kB")
    button = chip.findChild(QPushButton)
    assert button is not None
    assert button.accessibleName() == "Remove Larger than 1 kB"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert page.search.text() == "lake kind:video"
    shows(qtbot, page, "Lake two.mov", "lake.mp4")
    qtbot.mouseClick(bar.clear, Qt.MouseButton.LeftButton)
    assert page.search.text() == "lake"
    shows(qtbot, page, "Lake two.mov", "lake.jpg", "lake.mp4")
    assert not bar.isVisible()


def test_what_cannot_be_read_is_told_below_the_line_and_nothing_is_lost(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for key in ("lake.mp4", "lake.jpg", "house.mp4"):
        put(connection, f"v/{key}")
    listed(qtbot, page, "v/")
    message = page.searching.bar.message
    qtbot.keyClicks(page.search, "lake kind:vidoe")
    assert "“vidoe” is none of them" in message.text()
    assert message.property("role") == "muted", "the user may still be typing"
    shows(qtbot, page, "lake.jpg", "lake.mp4")
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert message.property("role") == "danger"
    assert page._history.place == Place("v/"), "nothing is searched that was not understood"
    page.searching.panel.show_query(page.searching._reading.query)
    page.searching._on_query(read("lake size:<1MB").query)
    assert page.search.text() == "lake size:<1MB kind:vidoe"
    page.search.setText("lake kind:video")
    assert not message.isVisible()
    shows(qtbot, page, "lake.mp4")


def test_the_panel_writes_the_line_and_shows_what_was_typed(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for key, size in {"a.mp4": 9, "b.mp4": 2000, "c.jpg": 2000}.items():
        put(connection, f"v/{key}", bytes(size))
    listed(qtbot, page, "v/")
    page.search.setText("size:>1kB")
    panel = page.searching.panel
    qtbot.mouseClick(page.head.filter_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.isVisible)
    fields = panel.fields
    assert all(field.accessibleName() == title for title, field in fields.items())
    assert fields["Size"].currentText() == "Larger than 1 kB"
    kind = fields["Kind"]
    kind.setCurrentIndex(kind.findText("Videos"))
    kind.activated.emit(kind.currentIndex())
    assert page.search.text() == "kind:video size:>1kB"
    shows(qtbot, page, "b.mp4")
    qtbot.mouseClick(panel.clear, Qt.MouseButton.LeftButton)
    assert page.search.text() == ""
    assert fields["Size"].currentText() == "Any size"
    assert not panel.search_all.isEnabled()
    panel.close()
    shows(qtbot, page, "a.mp4", "b.mp4", "c.jpg")


def test_a_gallery_shows_the_pictures_beside_videos_to_whoever_asks_for_pictures(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for key in ("a.mp4", "a.jpg", "b.jpg"):
        put(connection, f"v/{key}")
    page.show_gallery()
    listed(qtbot, page, "v/")
    assert names(page) == ["a.mp4", "b.jpg"]
    page.search.setText("kind:image")
    shows(qtbot, page, "a.jpg", "b.jpg")


def test_the_whole_bucket_is_searched_by_the_same_query_and_anew_when_a_chip_goes(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    for key, size in {"a/lake.mp4": 2000, "b/c/lake.mov": 10, "b/lake.jpg": 2000, "b/other.mp4": 2000}.items():
        put(connection, key, bytes(size))
    listed(qtbot, page, "a/")
    page.search.setText("lake kind:video size:>1kB")
    qtbot.mouseClick(page.search_all, Qt.MouseButton.LeftButton)
    shows(qtbot, page, "a/lake.mp4")
    qtbot.waitUntil(lambda: page.footer.status.text() == "1 found in 4 objects", timeout=LONG)
    assert not page.search_all.isVisible()
    chip = next(chip for chip in page.searching.bar.findChildren(Chip) if chip.text == "Larger than 1 kB")
    chip.removed.emit(chip)
    shows(qtbot, page, "a/lake.mp4", "b/c/lake.mov")
    assert page._history.place == Place("", "lake kind:video")
    page.go_back()
    shows(qtbot, page, "a/lake.mp4")
    assert page.search.text() == "lake kind:video size:>1kB"


def test_films_that_start_slowly_are_found_in_the_whole_bucket(
    qtbot: QtBot, page: LibraryPage, connection: Connection, media_dir: Path, clip_fast: Path
) -> None:
    put(connection, "a/end.mp4", media_dir / "gen-mdat64-end.mp4")
    put(connection, "b/two.mp4", media_dir / "portrait.mov")
    put(connection, "b/fast.mp4", clip_fast)
    put(connection, "b/small.mp4", b"tiny")
    put(connection, "b/end.jpg", media_dir / "gen-mdat64-end.mp4")
    listed(qtbot, page, "")
    page.search.setText("size:>1kB starts:slowly")
    page.search_bucket()
    shows(qtbot, page, "a/end.mp4", "b/two.mp4")
    qtbot.waitUntil(lambda: page.footer.status.text() == "2 found, 3 of 3 videos looked at", timeout=LONG)


def test_of_listed_films_the_known_ones_are_filtered_and_the_others_are_looked_at_when_asked(
    qtbot: QtBot, page: LibraryPage, connection: Connection, clip_end: Path, clip_fast: Path
) -> None:
    put(connection, "v/a.mp4", clip_end)
    put(connection, "v/b.mp4", clip_fast)
    put(connection, "v/c.txt")
    page.on_screen.facts = None  # what is on screen is not looked at by itself
    listed(qtbot, page, "v/")
    bar = page.searching.bar
    page.search.setText("starts:slowly")
    qtbot.waitUntil(lambda: bar.status.text() == "0 found, 0 of 2 videos looked at", timeout=LONG)
    assert page.searching.why_empty() == "None of these videos was looked at yet."
    assert bar.look.text() == "Look at all 2"
    qtbot.mouseClick(bar.look, Qt.MouseButton.LeftButton)
    shows(qtbot, page, "a.mp4")
    qtbot.waitUntil(lambda: bar.status.text() == "1 found, 2 of 2 videos looked at", timeout=LONG)
    assert not bar.look.isVisible()
    assert not bar.stop.isVisible()
    put(connection, "v/d.mp4", clip_end)
    page.refresh()
    qtbot.waitUntil(lambda: bar.status.text() == "1 found, 2 of 3 videos looked at", timeout=LONG)
    assert bar.look.text() == "Look at it"
    page.search.setText("starts:at-once")
    shows(qtbot, page, "b.mp4")


def test_looks_end_when_another_place_is_opened_or_the_user_says_so(
    qtbot: QtBot, page: LibraryPage, connection: Connection, clip_end: Path
) -> None:
    for number in range(5):
        put(connection, f"v/{number}.mp4", clip_end)
    put(connection, "w/x.txt")
    page.on_screen.facts = None
    listed(qtbot, page, "v/")
    page.search.setText("starts:slowly")
    bar, looking = page.searching.bar, page.searching.looking
    qtbot.waitUntil(lambda: page.model.not_looked_at == 5 and bar.look.isVisible(), timeout=LONG)
    page.searching._on_look()
    assert looking.is_running
    page.open_prefix("w/")
    assert not looking.is_running
    qtbot.waitUntil(lambda: page._complete, timeout=LONG)
    assert not bar.isVisible()
    assert names(page) == ["x.txt"]


def test_a_search_that_looks_at_films_is_stopped_at_once_and_says_how_far_it_was(
    qtbot: QtBot, page: LibraryPage, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(connection, f"v/{number}.mp4")

    def never(*_: object, token: CancelToken, **_how: object) -> None:
        token.wait(60)
        token.raise_if_cancelled()

    monkeypatch.setattr(connection.storage, "open_range", never)
    page.search.setText("starts:slowly")
    page.search_bucket()
    qtbot.waitUntil(lambda: page.stop_button.isVisible(), timeout=LONG)
    qtbot.mouseClick(page.stop_button, Qt.MouseButton.LeftButton)
    assert not page.lister.is_running
    assert page.footer.status.text().endswith("stopped")
    assert names(page) == []


def test_panel_and_chips_can_be_used_by_keys_and_have_names(
    qtbot: QtBot, page: LibraryPage, connection: Connection
) -> None:
    put(connection, "v/a.mp4")
    listed(qtbot, page, "v/")
    page.search.setText("kind:video starts:slowly color:red ")
    qtbot.waitUntil(page.searching.bar.look.isVisible, timeout=LONG)
    assert nameless(page.searching.bar) == []
    panel = page.searching.panel
    page.searching.open_panel()
    qtbot.waitUntil(panel.isVisible)
    assert nameless(panel) == []
    kind = panel.fields["Kind"]
    qtbot.keyClick(kind, Qt.Key.Key_Down)
    assert page.search.text() == "kind:image starts:slowly color:red"
    qtbot.keyClick(kind, Qt.Key.Key_Escape)
    assert not panel.isVisible()


def test_what_was_on_its_way_from_the_listing_before_is_not_taken_for_the_new_one(
    page: LibraryPage, qtbot: QtBot, connection: Connection
) -> None:
    put(connection, "v/a.mp4")
    listed(qtbot, page, "v/")
    insight = page.on_screen.facts
    assert insight is not None
    insight.stop()
    row_id = page.model.row_id(0)
    page.model.start("w/")
    insight._on_step((insight._token, (row_id, facts(IndexPlace.END))))
    assert not page.model.has_facts(row_id)
