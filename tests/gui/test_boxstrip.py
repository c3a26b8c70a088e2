"""The strip of boxes: each piece is seen and named, whatever the file looks like."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from vidcdn_desktop.gui.theme import ThemeMode, apply_theme, color
from vidcdn_desktop.gui.widgets.boxstrip import BoxBar, BoxStrip, spans
from vidcdn_desktop.media.boxwords import BoxRole, box_groups
from vidcdn_desktop.media.info import BoxHeader


def row(*boxes: tuple[str, int]) -> list[BoxHeader]:
    found = []
    at = 0
    for kind, size in boxes:
        found.append(BoxHeader(kind, at, size, 8))
        at += size
    return found


BEFORE = row(("ftyp", 32), ("mdat", 4_000_000_000), ("moov", 600_000))
AFTER = row(("ftyp", 32), ("moov", 600_000), ("mdat", 4_000_000_000))
MANY = row(("ftyp", 24), ("moov", 800), *[("moof", 100), ("mdat", 90_000)] * 400)


@pytest.mark.parametrize("boxes", [BEFORE, MANY, row(("mdat", 8)), []], ids=["film", "fragments", "empty", "none"])
@pytest.mark.parametrize("width", [40, 295, 1000])
def test_pieces_fill_the_strip_and_the_index_is_always_seen(boxes: list[BoxHeader], width: int) -> None:
    found = spans(box_groups(boxes), width)
    assert [span.left for span in found] == sorted(span.left for span in found)
    assert len(found) <= max(4, width / 6)
    assert sum(span.group.size for span in found) == sum(box.size for box in boxes)
    assert all(span.width >= 6 for span in found)
    if any(box.type == "moov" for box in boxes):
        assert any(span.group.role is BoxRole.INDEX for span in found)
    if found:
        assert found[-1].left + found[-1].width == pytest.approx(width, abs=1)


def test_before_and_after_with_a_legend(qtbot) -> None:
    strip = BoxStrip()
    qtbot.addWidget(strip)
    strip.resize(295, 100)
    strip.set_boxes(BEFORE, AFTER)
    strip.show()
    assert strip.after.isVisible()
    assert strip.legend() == (BoxRole.START, BoxRole.INDEX, BoxRole.MEDIA)
    assert strip.before.accessibleName() == "Parts of the file"
    assert strip.before.accessibleDescription() == "ftyp 32 bytes, mdat 4.0 GB, moov 600 kB"
    assert strip.after.accessibleDescription() == "ftyp 32 bytes, moov 600 kB, mdat 4.0 GB"
    strip.set_boxes(MANY)
    assert not strip.after.isVisible()
    assert BoxRole.FRAGMENT in strip.legend()


def test_colours_follow_the_theme(qtbot, qapp: QApplication) -> None:
    bar = BoxBar("Parts of the file")
    qtbot.addWidget(bar)
    bar.resize(200, 14)
    bar.set_boxes(BEFORE)
    bar.show()
    seen = []
    for mode in (ThemeMode.LIGHT, ThemeMode.DARK):
        apply_theme(qapp, mode)
        index = bar.spans()[-1]
        picture = bar.grab().toImage()
        scale = picture.width() / bar.width()
        seen.append(QColor(picture.pixel(int((index.left + 2) * scale), picture.height() // 2)))
        assert seen[-1] == color("accent")
    assert seen[0] != seen[1]


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_a_piece_tells_its_size(qtbot, direction: Qt.LayoutDirection) -> None:
    bar = BoxBar("Parts of the file")
    qtbot.addWidget(bar)
    bar.setLayoutDirection(direction)
    bar.resize(200, 14)
    bar.set_boxes(BEFORE)
    bar.show()
    first = 197 if direction is Qt.LayoutDirection.RightToLeft else 2
    assert bar.words_at(first) == "ftyp (start): 32 bytes from byte 0 on"
    assert bar.words_at(100) == "mdat (film and sound): 4.0 GB from byte 32 on"
    assert bar.words_at(500) == ""
    place = QPoint(199 - first, 7)
    QApplication.sendEvent(bar, QHelpEvent(QEvent.Type.ToolTip, place, bar.mapToGlobal(place)))
    assert "moov (index): 600 kB from byte 4,000,000,032 on" in QToolTip.text()
    QToolTip.hideText()
    qtbot.waitUntil(lambda: not QToolTip.isVisible())
