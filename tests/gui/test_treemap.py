"""Tiles whose areas are as sizes are, and the map that shows them."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from vidcdn_desktop.gui.models.squarify import Box, squarify
from vidcdn_desktop.gui.reading_order import in_reading_order, takes_tab
from vidcdn_desktop.gui.theme import Theme, ThemeMode, color
from vidcdn_desktop.gui.widgets.treemap import Area, Treemap, ground

WIDTH, HEIGHT = 640.0, 400.0
sizes = st.lists(st.one_of(st.integers(0, 10**15), st.floats(0, 1e12)), max_size=60)


def overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0.0, width) * max(0.0, height)


# The layout
@given(sizes)
@example([512000.0, 5e-324])
def test_areas_are_as_sizes_are_and_fill_the_room(found: list[float]) -> None:
    boxes = squarify(found, WIDTH, HEIGHT)
    assert len(boxes) == len(found)
    total = math.fsum(found)
    if total <= 0 or math.isinf(WIDTH * HEIGHT / total):
        assert all(box.area == 0 for box in boxes)
        return
    for size, box in zip(found, boxes, strict=True):
        assert box.area == pytest.approx(size / total * WIDTH * HEIGHT, rel=1e-6, abs=1e-3)
    assert math.fsum(box.area for box in boxes) == pytest.approx(WIDTH * HEIGHT, rel=1e-9)


@given(sizes, st.floats(1, 3000), st.floats(1, 3000))
def test_boxes_stay_in_the_room_and_never_lie_on_each_other(found: list[float], width: float, height: float) -> None:
    boxes = squarify(found, width, height)
    near = 1e-6 * width * height
    for number, box in enumerate(boxes):
        assert box.width >= 0
        assert box.height >= 0
        assert -1e-6 <= box.x <= box.x + box.width <= width + 1e-6
        assert -1e-6 <= box.y <= box.y + box.height <= height + 1e-6
        assert all(overlap(box, other) <= near for other in boxes[:number])


def test_the_example_of_the_paper() -> None:
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], 6, 4)
    assert [(round(box.width, 2), round(box.height, 2)) for box in boxes] == [
        (3.0, 2.0), (3.0, 2.0), (1.71, 2.33), (1.29, 2.33), (1.2, 1.67), (1.2, 1.67), (0.6, 1.67),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (-1, 5)])
def test_without_room_all_boxes_are_empty(width: float, height: float) -> None:
    assert [box.area for box in squarify([1, 2], width, height)] == [0, 0]


# The map
def area(name: str, weight: float, share: float = 0.2, *, can_open: bool = True) -> Area:
    return Area(name, name, (f"{weight} MB · {share:.0%}", "3 objects"), weight, share, can_open)


class Window(QWidget):
    """A window with nothing but a map."""

    def __init__(self) -> None:
        super().__init__()
        self.map = Treemap("Folders by size")
        QVBoxLayout(self).addWidget(self.map)


def shown(qtbot: QtBot, *weights: float) -> Window:
    window = Window()
    made = window.map
    qtbot.addWidget(window)
    made.set_areas([area(f"folder {number}", weight) for number, weight in enumerate(weights)])
    window.resize(640, 420)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


def test_tiles_are_buttons_with_names_and_fill_the_map_without_touching(qtbot: QtBot) -> None:
    window = shown(qtbot, 50, 25, 15, 8, 2)
    made = window.map
    assert made.tiles[0].accessibleName() == "folder 0: 50 MB · 20%, 3 objects"
    assert "folder 0" in made.tiles[0].toolTip()
    rects = [tile.geometry() for tile in made.tiles]
    room = QRect(QPoint(0, 0), made.size())
    for number, rect in enumerate(rects):
        assert room.contains(rect)
        assert not any(rect.intersects(other) for other in rects[:number])
    assert max(rect.right() for rect in rects) == room.right()
    assert max(rect.bottom() for rect in rects) == room.bottom()


def test_tab_comes_to_one_tile_and_arrows_reach_every_other(qtbot: QtBot) -> None:
    window = shown(qtbot, 50, 25, 15, 8, 2)
    made = window.map
    assert [w for w in in_reading_order(window) if takes_tab(w)] == [made.tiles[0]]
    reached, waiting = set(), [made.tiles[0]]
    while waiting:
        tile = waiting.pop()
        reached.add(tile)
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            tile.setFocus()
            qtbot.keyClick(tile, key)
            beside = QApplication.focusWidget()
            assert beside in made.tiles
            if beside not in reached and beside not in waiting:
                waiting.append(beside)
    assert reached == set(made.tiles)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_End)
    assert made.tiles[-1].hasFocus()
    assert [w for w in in_reading_order(window) if takes_tab(w)] == [made.tiles[-1]]


def test_a_click_and_enter_open_what_can_be_opened(qtbot: QtBot) -> None:
    window = shown(qtbot, 50, 25)
    made = window.map
    with qtbot.waitSignal(made.opened) as told:
        qtbot.mouseClick(made.tiles[1], Qt.MouseButton.LeftButton)
    assert told.args == ["folder 1"]
    made.tiles[0].setFocus()
    with qtbot.waitSignal(made.opened) as told:
        qtbot.keyClick(made.tiles[0], Qt.Key.Key_Return)
    assert told.args == ["folder 0"]
    made.set_areas([area("rest", 5, can_open=False)])
    with qtbot.assertNotEmitted(made.opened):
        qtbot.mouseClick(made.tiles[0], Qt.MouseButton.LeftButton)


def test_the_focus_stays_with_its_folder_while_the_map_grows(qtbot: QtBot) -> None:
    window = shown(qtbot, 50, 25)
    made = window.map
    qtbot.keyClick(made.tiles[0], Qt.Key.Key_End)
    made.tiles[1].setFocus()
    made.set_areas([area("new", 60), area("folder 0", 50), area("folder 1", 25)])
    focused = QApplication.focusWidget()
    assert focused is made.tiles[2]
    assert made.tiles[2].area.id == "folder 1"
    assert sum(not tile.isHidden() for tile in made.findChildren(type(made.tiles[0]))) == 3


def test_a_mirrored_map_begins_at_the_right(qtbot: QtBot) -> None:
    window = shown(qtbot, 50, 25, 5)
    made = window.map
    before = [tile.geometry() for tile in made.tiles]
    window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    for rect, tile in zip(before, made.tiles, strict=True):
        assert tile.geometry().right() == pytest.approx(made.width() - rect.left(), abs=1)


@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_words_are_readable_on_every_ground(theme: Theme, mode: ThemeMode, share: float) -> None:
    theme.set_mode(mode)
    for can_open in (True, False):
        assert contrast(color("text"), ground(share, can_open=can_open)) >= 4.5


def contrast(one: QColor, other: QColor) -> float:
    """Source: WCAG 2.2, contrast ratio."""

    def light(value: QColor) -> float:
        parts = [value.redF(), value.greenF(), value.blueF()]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)
