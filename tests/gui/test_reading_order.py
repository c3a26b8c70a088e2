"""Tab in reading order, in both directions of writing, and what is scrolled out of sight."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QTableView, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from vidcdn_desktop.gui.reading_order import in_reading_order, move_focus, takes_tab
from vidcdn_desktop.gui.widgets import Button, ComboBox, Drawer, ScrollColumn, SegmentedControl


class Window(QWidget):
    """A header whose second button was made last, a drawer, and a footer."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        header = QHBoxLayout()
        column.addLayout(header)
        self.drawer = Drawer(self._content(), self._panel())
        column.addWidget(self.drawer, 1)
        column.addWidget(Button("footer"))
        header.addWidget(Button("first"))
        header.addWidget(Button("second"))
        hidden = Button("hidden")
        hidden.hide()
        header.addWidget(hidden)
        off = Button("off")
        off.setEnabled(False)
        header.addWidget(off)

    def _content(self) -> QWidget:
        self.scroll = ScrollColumn()
        for number in range(30):
            self.scroll.column.addWidget(Button(f"card {number}"))
        return self.scroll

    def _panel(self) -> QWidget:
        panel = QWidget()
        column = QVBoxLayout(panel)
        column.addWidget(SegmentedControl([(1, "one"), (2, "two")], "choice"))
        column.addWidget(ComboBox("picker", editable=True))
        line = QLineEdit()
        line.setAccessibleName("line")
        column.addWidget(line)
        return panel

    def focusNextPrevChild(self, forward: bool) -> bool:
        return move_focus(self, forward=forward)


CARDS = [f"card {number}" for number in range(30)]
PANEL = ["choice: one", "picker", "line"]
ORDER = ["first", "second", *CARDS, *PANEL, "footer"]


def shown(qtbot: QtBot, *, mirrored: bool = False) -> Window:
    window = Window()
    if mirrored:
        window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    qtbot.addWidget(window)
    window.resize(1280, 400)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.setFocus()
    return window


def names(qtbot: QtBot, window: Window, key: Qt.Key, count: int) -> list[str]:
    found = []
    for _ in range(count):
        qtbot.keyClick(QApplication.focusWidget() or window, key)
        widget = QApplication.focusWidget()
        assert widget is not None
        found.append(widget.accessibleName())
    return found


def test_tab_goes_through_header_content_panel_and_footer(qtbot: QtBot) -> None:
    window = shown(qtbot)
    assert names(qtbot, window, Qt.Key.Key_Tab, len(ORDER) + 1) == [*ORDER, "first"]


def test_shift_tab_goes_back_the_same_way(qtbot: QtBot) -> None:
    window = shown(qtbot)
    assert names(qtbot, window, Qt.Key.Key_Backtab, len(ORDER)) == ORDER[::-1]


def test_right_to_left_changes_nothing_about_what_is_read_first(qtbot: QtBot) -> None:
    window = shown(qtbot, mirrored=True)
    assert names(qtbot, window, Qt.Key.Key_Tab, len(ORDER)) == ORDER


def test_what_gets_the_focus_is_scrolled_into_sight(qtbot: QtBot) -> None:
    window = shown(qtbot)
    names(qtbot, window, Qt.Key.Key_Tab, 2 + len(CARDS))
    last = QApplication.focusWidget()
    assert last is not None
    assert last.accessibleName() == CARDS[-1]
    assert not last.visibleRegion().isEmpty()


def test_the_way_goes_on_from_a_place_that_takes_no_focus_itself(qtbot: QtBot) -> None:
    window = shown(qtbot)
    window.drawer.setFocus()
    assert names(qtbot, window, Qt.Key.Key_Tab, 1) == ["card 0"]


def test_a_window_without_stops_says_so(qtbot: QtBot) -> None:
    window = QWidget()
    QVBoxLayout(window).addWidget(QWidget())
    qtbot.addWidget(window)
    window.show()
    assert not move_focus(window, forward=True)


def test_a_table_is_one_stop(qtbot: QtBot) -> None:
    table = QTableView()
    holder = QWidget()
    QVBoxLayout(holder).addWidget(table)
    qtbot.addWidget(holder)
    holder.show()
    assert [widget for widget in in_reading_order(holder) if takes_tab(widget)] == [table]
