"""Where widgets and their words stand: beside a scroll bar, after a change, and in a mirrored window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QTableView, QVBoxLayout, QWidget

from vidcdn_desktop.gui.theme import Theme
from vidcdn_desktop.gui.widgets import (
    Badge,
    Button,
    Card,
    DropZone,
    ElidedLabel,
    EmptyState,
    FlowLayout,
    LiveLabel,
    PageFooter,
    PlainLabel,
    ScrollColumn,
    SearchEdit,
    TextDelegate,
    ThinProgress,
    Toast,
    beside_bar,
    embedded,
)


def show(qtbot, widget: QWidget, size: tuple[int, int] | None = None) -> None:
    qtbot.addWidget(widget)
    if size:
        widget.resize(*size)
    with qtbot.waitActive(widget):
        widget.show()
        widget.activateWindow()


# What stays where it is


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_a_scroll_bar_moves_nothing(qtbot, direction: Qt.LayoutDirection) -> None:
    window = QWidget()
    window.setLayoutDirection(direction)
    column = QVBoxLayout(window)
    column.setContentsMargins(10, 0, 10, 0)
    column.setSpacing(0)
    above = PlainLabel("above")
    column.addWidget(beside_bar(above, 6))
    scroll = ScrollColumn()
    card = Card()
    card.setMinimumHeight(100)
    scroll.column.addWidget(card)
    column.addWidget(scroll, 1)
    show(qtbot, window, (400, 300))

    def edges(widget: QWidget) -> tuple[int, int]:
        left = widget.mapTo(window, QPoint(0, 0)).x()
        return left, left + widget.width()

    assert not scroll.verticalScrollBar().isVisible()
    assert edges(card) == edges(above)
    card.setMinimumHeight(900)
    qtbot.waitUntil(scroll.verticalScrollBar().isVisible)
    qtbot.waitUntil(lambda: edges(card) == edges(above))


def test_a_moving_bar_waits_for_the_next_frame(qtbot) -> None:
    painted: list[int] = []

    class Bar(ThinProgress):
        def paintEvent(self, event) -> None:
            painted.append(self.value())
            super().paintEvent(event)

    bar = Bar()
    show(qtbot, bar, (200, 6))
    qtbot.waitUntil(lambda: bool(painted))
    painted.clear()
    bar.set_fraction(0.2)
    bar.set_fraction(0.4)
    assert painted == []
    qtbot.waitUntil(lambda: painted == [400])


def test_flow_knows_its_height_again_after_every_change(qtbot) -> None:
    holder = QWidget()
    flow = FlowLayout(holder, gap=4, line_gap=4)
    first, second = Badge("x" * 12), Badge("y" * 12)
    flow.addWidget(first)
    show(qtbot, holder)
    width = first.sizeHint().width() + 10
    one = flow.heightForWidth(width)
    flow.addWidget(second)
    second.show()
    two = flow.heightForWidth(width)
    assert two > one
    second.hide()
    assert flow.heightForWidth(width) == one
    second.show()
    second.setText("y")
    assert flow.heightForWidth(first.sizeHint().width() + second.sizeHint().width() + 8) == one
    flow.removeWidget(second)
    assert flow.heightForWidth(width) == one


def test_a_card_chosen_by_mouse_shows_no_keyboard_mark(qtbot) -> None:
    card = Card(selectable=True)
    show(qtbot, card, (120, 80))
    card.set_selected(True)
    card.clearFocus()
    calm = card.grab().toImage()
    card.setFocus(Qt.FocusReason.MouseFocusReason)
    assert card.grab().toImage() == calm
    card.clearFocus()
    card.setFocus(Qt.FocusReason.TabFocusReason)
    assert card.grab().toImage() != calm


def test_drop_zone_above_a_list_says_more(qtbot) -> None:
    zones = [DropZone(slim=True), DropZone()]
    for zone in zones:
        qtbot.addWidget(zone)
    assert [zone.accessibleName() for zone in zones] == ["Drop more videos here", "Drop videos here"]


def test_a_search_is_emptied_by_key_and_by_its_button(qtbot) -> None:
    search = SearchEdit("Filter", "Filter what is listed")
    show(qtbot, search, (200, 34))
    clear = search.actions()[0]
    assert not clear.isVisible()
    qtbot.keyClicks(search, "abc")
    assert clear.isVisible()
    assert clear.text() == "Clear"
    clear.trigger()
    assert search.text() == ""
    qtbot.keyClicks(search, "abc")
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert not clear.isVisible()


def test_a_toast_stands_above_the_footer(qtbot) -> None:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addStretch(1)
    footer = PageFooter()
    column.addWidget(footer)
    toast = Toast(page)
    show(qtbot, page, (600, 400))
    toast.show_message("Link copied")
    assert toast.geometry().bottom() < footer.y()
    footer.hide()
    toast.show_message("Link copied")
    assert 400 - toast.geometry().bottom() < 30
    toast.hide()
    toast._timer.stop()


# Right to left


@pytest.fixture
def mirrored(qapp: QApplication) -> Iterator[None]:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    yield
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def ink(widget: QWidget) -> tuple[int, int]:
    """First and last column that differs from the ground."""
    picture = widget.grab().toImage()
    ground = picture.pixelColor(widget.width() // 2, 0)
    columns = [
        x for x in range(picture.width()) if any(picture.pixelColor(x, y) != ground for y in range(picture.height()))
    ]
    return columns[0], columns[-1]


@pytest.mark.parametrize("make", [PlainLabel, ElidedLabel, LiveLabel], ids=lambda kind: kind.__name__)
def test_words_stand_where_reading_begins(qtbot, make) -> None:
    holder = QWidget()
    label = make(parent=holder)
    label.set_text("1.8 of 3.9 GB")
    label.resize(300, 24)
    show(qtbot, holder, (320, 40))
    assert ink(label)[0] < 10
    holder.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert ink(label)[1] > 290
    holder.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    assert ink(label)[0] < 10


def test_centred_words_stay_centred(qtbot) -> None:
    state = EmptyState("library", "Nothing here yet", "Publish a video.")
    qtbot.addWidget(state)
    state.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert state.title.alignment() & Qt.AlignmentFlag.AlignHCenter


def picture(text: str, direction: Qt.LayoutDirection) -> QImage:
    """The text as a table or a button draws it."""
    image = QImage(400, 30, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setLayoutDirection(direction)
    painter.drawText(image.rect(), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute), text)
    painter.end()
    return image


@pytest.mark.parametrize("text", ["/videos/a.mp4", "13.0 kB", "25 Nov 2026 03:51", "Connect an AWS account…"])
def test_figures_and_paths_keep_their_order_in_a_mirrored_place(theme: Theme, text: str) -> None:
    mirrored = Qt.LayoutDirection.RightToLeft
    right = picture(text, Qt.LayoutDirection.LeftToRight)
    assert picture(text, mirrored) != right
    assert picture(embedded(text, mirrored), mirrored) == right
    assert embedded(text, Qt.LayoutDirection.LeftToRight) == text


def test_buttons_of_a_mirrored_program_keep_their_words_whole(qtbot, mirrored) -> None:
    button = Button("Connect…")
    qtbot.addWidget(button)
    assert button.text() == embedded("Connect…", Qt.LayoutDirection.RightToLeft)
    assert button.accessibleName() == "Connect…"


def test_table_text_is_embedded_only_where_it_is_mirrored(qtbot) -> None:
    table = QTableView()
    qtbot.addWidget(table)
    delegate = TextDelegate(table)
    assert delegate.displayText("13.0 kB", table.locale()) == "13.0 kB"
    table.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert delegate.displayText("13.0 kB", table.locale()) == embedded("13.0 kB", Qt.LayoutDirection.RightToLeft)
