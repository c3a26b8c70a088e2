"""The table that the dialogs share: what its model answers, and how high it stands."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import RowsModel, RowsTable

pytestmark = pytest.mark.usefixtures("qapp")

Role = Qt.ItemDataRole


class _Pairs(RowsModel[tuple[str, int]]):
    def __init__(self) -> None:
        super().__init__(("Name", "Number"), figures=(1,))

    def text(self, row: tuple[str, int], column: int) -> str:
        return str(row[column])

    def tint(self, row: tuple[str, int], column: int) -> str:
        return "danger" if column == 1 and row[1] < 0 else ""

    def tip(self, row: tuple[str, int], column: int) -> str:
        return "" if column else row[0]


def test_a_model_has_words_sides_colours_and_plain_tips() -> None:
    model = _Pairs()
    tester = QAbstractItemModelTester(model)
    model.set_rows([("<b>one</b>", 1), ("two", -2)])
    assert (model.rowCount(), model.columnCount(), model.rowCount(model.index(0, 0))) == (2, 2, 0)
    name, number = model.index(1, 0), model.index(1, 1)
    assert [number.data(role) for role in (Role.DisplayRole, Role.AccessibleTextRole)] == ["-2", "-2"]
    assert number.data(Role.ForegroundRole) == color("danger")
    assert name.data(Role.ForegroundRole) is None
    assert model.index(0, 0).data(Role.ToolTipRole) == "<span>&lt;b&gt;one&lt;/b&gt;</span>"
    assert number.data(Role.ToolTipRole) is None
    assert name.data(Role.TextAlignmentRole) & Qt.AlignmentFlag.AlignLeft.value
    for side in (
        number.data(Role.TextAlignmentRole),
        model.headerData(1, Qt.Orientation.Horizontal, Role.TextAlignmentRole),
    ):
        assert side & Qt.AlignmentFlag.AlignRight.value
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Number"
    assert model.data(QModelIndex()) is None
    del tester


def test_a_table_is_as_high_as_its_rows_up_to_a_bound(qtbot: QtBot) -> None:
    model = _Pairs()
    table = RowsTable(model, "Pairs", {1: 70})
    qtbot.addWidget(table)
    heights = []
    for count in (0, 1, 3, 9):
        model.set_rows([("name", number) for number in range(count)])
        table.fit(5)
        heights.append(table.height())
    row = table.verticalHeader().defaultSectionSize()
    assert [height - heights[0] for height in heights] == [0, 0, 2 * row, 4 * row]
    table.horizontalHeader().hide()
    table.fit_to(2)
    assert table.height() == 2 * row + 2 * table.frameWidth()
    assert table.columnWidth(1) == 70
