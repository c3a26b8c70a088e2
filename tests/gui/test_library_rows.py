"""The rows of the Library as data: kept small, found again, filtered and sorted beside the window."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from vidcdn_desktop.cancel import Cancelled, CancelToken
from vidcdn_desktop.gui.library.selection import count_selected, counted
from vidcdn_desktop.gui.models.arrange import Column, Wish, arrange
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import RowStore, blocks_of
from vidcdn_desktop.jobs.query import Query
from vidcdn_desktop.storage.listing_model import ListedPage, PackedTexts

HOSTILE = [
    "", " ", "/", "//", "..", "a\nb.mp4", "<b>x</b>.mp4", "e\u0301.mp4", "\u00e9.mp4", "A.MP4", "a.mp4", "😀.mp4",
    "\u202egpj.mp4", "%2F", "+~.mp4", "x" * 1000 + ".mp4", "\udcff.mp4", "trailing. ",
]  # fmt: skip


def page(keys: Sequence[str], sizes: Sequence[int] = (), folders: Sequence[str] = ()) -> ListedPage:
    count = len(keys)
    return ListedPage(
        list(keys),
        array("q", sizes or range(count)),
        array("q", [1_700_000_000 + n for n in range(count)]),
        PackedTexts([f"e{n}" for n in range(count)]),
        ["STANDARD" if n % 2 else "GLACIER" for n in range(count)],
        list(folders),
    )


def store_of(*pages: ListedPage, prefix: str = "") -> RowStore:
    store = RowStore(prefix)
    for one in pages:
        for block in blocks_of(one, prefix):
            store.add(block)
    return store


def names(store: RowStore, **wish: object) -> list[str]:
    found = array("I")
    for piece in arrange(Wish(store.blocks, store.order(), **wish), CancelToken()):  # type: ignore[arg-type]
        found += piece.ids
    return [store.row(row_id).key for row_id in found]


def test_every_key_comes_back_as_it_was_and_is_found_again() -> None:
    keys = sorted({f"v/{name}" for name in HOSTILE}, key=lambda k: k.encode("utf-8", "surrogatepass"))
    store = store_of(page(keys), prefix="v/")
    wanted = [key for key in keys if key != "v/"]
    assert [row.key for row in store.rows()] == wanted
    for key in wanted:
        row_id = store.find(key)
        assert row_id is not None
        assert store.key(row_id) == key
        row = store.row(row_id)
        assert "\u202e" not in row.name
        assert "\n" not in row.name
    assert store.find("v/none") is None
    assert store.find("elsewhere") is None


def test_blocks_stand_by_key_in_whatever_order_they_come() -> None:
    pages = [page([f"k{n:04d}" for n in range(start, start + 50)]) for start in (100, 0, 150, 50)]
    store = store_of(*pages, page([], folders=["z/", "zz/"]))
    assert names(store) == ["z/", "zz/", *(f"k{n:04d}" for n in range(200))]
    assert (store.folders, store.objects) == (2, 200)


@pytest.mark.parametrize("descending", [False, True])
def test_sizes_are_sorted_with_equal_ones_by_key_and_folders_in_front(descending: bool) -> None:
    sizes = [(n * 7919) % 1000 if n % 5 else 42 for n in range(9000)]
    pages = [page([f"k{n:05d}" for n in range(s, s + 1000)], sizes[s : s + 1000]) for s in range(0, 9000, 1000)]
    store = store_of(*pages, page([], folders=["f/"]))
    found = names(store, column=Column.SIZE, descending=descending)
    expected = sorted(range(9000), key=sizes.__getitem__)
    if descending:
        expected.reverse()
    assert found == ["f/", *(f"k{n:05d}" for n in expected)]


@pytest.mark.parametrize("needle", ["MP4", "é", "b", "a\nb", "x" * 900, "none of them"])
@pytest.mark.parametrize("column", [Column.NAME, Column.SIZE, Column.KIND, Column.CLASS])
def test_a_filter_finds_what_python_would_find(needle: str, column: Column) -> None:
    store = store_of(page([name for name in HOSTILE if name]))
    expected = {name for name in HOSTILE if name and needle.casefold() in name.casefold()}
    assert set(names(store, query=Query((needle,)), column=column)) == expected


def test_a_match_never_reaches_into_the_next_name() -> None:
    assert names(store_of(page(["ab", "cd", "xbc"])), query=Query(("bc",))) == ["xbc"]


def test_a_gallery_leaves_out_the_pictures_beside_videos() -> None:
    store = store_of(page(["a.jpg", "a.mp4", "b.jpg", "c.mov"]))
    assert names(store, no_posters=True) == ["a.mp4", "b.jpg", "c.mov"]


def test_a_selection_is_carried_over_to_another_order() -> None:
    store = store_of(page(["a", "b", "c", "d"], [4, 3, 2, 1]))
    old = array("I", [0, 1, 2, 3])
    wish = Wish(store.blocks, store.order(), column=Column.SIZE, old=old, selected=((0, 1),))
    (piece,) = arrange(wish, CancelToken())
    assert piece.selected == [(2, 3)]
    assert not piece.lost


def test_arranging_stops_when_told() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(arrange(Wish(store_of(page(["a"])).blocks, [0], column=Column.SIZE), token))


def test_the_model_keeps_qts_rules_and_folders_first() -> None:
    model = ListingModel()
    tester = QAbstractItemModelTester(model)
    model.start("v/")
    model.append(blocks_of(page(["v/", "v/b.mp4", "v/c.jpg"], [0, 5, 9], ["v/z/"]), "v/"))
    assert [row.name for row in model.rows()] == ["z/", "b.mp4", "c.jpg"]
    model.sort(Column.SIZE, Qt.SortOrder.DescendingOrder)
    assert [row.name for row in model.rows()] == ["z/", "c.jpg", "b.mp4"]
    model.sort(-1)
    model.set_filter("B.MP")
    assert [row.name for row in model.rows()] == ["b.mp4"]
    model.append(blocks_of(page(["v/a-b.mp4", "v/d.mp4"]), "v/"))
    assert [row.name for row in model.rows()] == ["a-b.mp4", "b.mp4"]
    assert model.data(model.index(0, Column.CLASS)) == "Glacier"
    assert model.data(model.createIndex(99, 99)) is None
    del tester


def test_a_large_list_is_arranged_off_the_gui_thread_and_late_rows_find_their_place(qtbot: QtBot) -> None:
    model = ListingModel()
    model.start()
    for start in range(0, 8000, 1000):
        model.append(blocks_of(page([f"k{n:05d}" for n in range(start, start + 1000)]), ""))
    model.select_ranges([(10, 12)])
    model.sort(Column.SIZE, Qt.SortOrder.DescendingOrder)
    assert model.is_arranging
    model.append(blocks_of(page(["late"], [10**9]), ""))
    model.flush()
    qtbot.waitUntil(lambda: not model.is_arranging, timeout=10_000)
    assert model.row(0).key == "late"
    assert sorted(row.key for row in (model.row(n) for a, b in model.ranges() for n in range(a, b + 1))) == [
        f"k{start + n:05d}" for start in range(0, 8000, 1000) for n in (10, 11, 12) if start == 0
    ]
    model.sort(-1)
    qtbot.waitUntil(lambda: not model.is_arranging, timeout=10_000)
    assert [model.row(n).key for n in (0, 1, 8000)] == ["k00000", "k00001", "late"]


def test_selections_and_stores_are_counted() -> None:
    store = store_of(page(["a.mp4", "b.txt"], [2_000_000, 5], ["f/"]))
    counts = count_selected(store, [row for row in (store.find("a.mp4"), store.find("f/")) if row is not None])
    assert (counts.count, counts.videos, counts.folders, counts.bytes) == (2, 1, 1, 2_000_000)
    assert counted(store, 3) == "1 folder · 2 objects · 2.0 MB"
    assert counted(store, 1) == "1 folder · 2 objects · 2.0 MB · 1 of 3 shown"
    assert counted(store_of(), 0) == "0 objects · 0 bytes"
