"""A map of tiles whose areas are as sizes are. Each tile is a button: it has a name, the focus, and can be pressed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from vidcdn_desktop.gui.fonts import ui_font
from vidcdn_desktop.gui.models.squarify import squarify
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.direction import embedded
from vidcdn_desktop.gui.widgets.style import plain_tooltip

_GAP = 3
_RADIUS = 6
_PAD = 9
_LEAST_TEXT = QSize(44, 26)
"""A smaller tile has no room for a word; its tool tip has them all."""
_DEEPEST = 0.24
"""How far the ground of the largest tile goes from the soft accent to the accent: text stays readable on it."""
_ARROWS: dict[int, QPoint] = {
    Qt.Key.Key_Left: QPoint(-1, 0),
    Qt.Key.Key_Right: QPoint(1, 0),
    Qt.Key.Key_Up: QPoint(0, -1),
    Qt.Key.Key_Down: QPoint(0, 1),
}


@dataclass(frozen=True)
class Area:
    """What one tile is about. Its texts are safe to show."""

    id: Hashable
    title: str
    lines: tuple[str, ...]
    """Below the title, as far as there is room."""
    weight: float
    share: float
    """Of all, 0..1."""
    can_open: bool = True
    """Pressing it leads somewhere."""

    @property
    def words(self) -> str:
        """All it says, in one line."""
        return ": ".join((self.title, ", ".join(self.lines)))


def ground(share: float, *, can_open: bool) -> QColor:
    """The ground of a tile in the theme in force: deeper with the share, grey for what leads nowhere."""
    if not can_open:
        return color("control_hover")
    soft, full = color("accent_soft"), color("accent")
    part = _DEEPEST * min(1.0, max(0.0, share)) ** 0.5
    return QColor(
        *(
            round(low + (high - low) * part)
            for low, high in zip(
                (soft.red(), soft.green(), soft.blue()), (full.red(), full.green(), full.blue()), strict=True
            )
        )
    )


class Tile(QAbstractButton):
    """One area."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._area = Area(None, "", (), 0, 0)
        self._is_hovered = False
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def area(self) -> Area:
        """What it is about."""
        return self._area

    def set_area(self, area: Area) -> None:
        """Show this one."""
        if area == self._area:
            return
        self._area = area
        self.setAccessibleName(area.words)
        self.setAccessibleDescription("Enter opens it" if area.can_open else "")
        self.setToolTip(plain_tooltip(area.words))
        self.setCursor(Qt.CursorShape.PointingHandCursor if area.can_open else Qt.CursorShape.ArrowCursor)
        self.update()

    def sizeHint(self) -> QSize:
        """Any size will do."""
        return QSize(1, 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, outline, words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter)
        if self.width() >= _LEAST_TEXT.width() and self.height() >= _LEAST_TEXT.height():
            self._paint_words(painter)
        painter.end()

    def _paint_ground(self, painter: QPainter) -> None:
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        radius = min(_RADIUS, self.width() / 4, self.height() / 4)
        hovered = self._is_hovered and self._area.can_open
        painter.setBrush(ground(self._area.share, can_open=self._area.can_open))
        painter.setPen(QPen(color("accent" if hovered or self.isDown() else "border"), 1))
        painter.drawRoundedRect(frame, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color("text"), 2))
            painter.drawRoundedRect(frame.adjusted(1, 1, -1, -1), radius, radius)

    def _paint_words(self, painter: QPainter) -> None:
        room = self.rect().adjusted(_PAD, 5, -_PAD, -4)
        title, line = ui_font(13), ui_font(12)
        title.setWeight(QFont.Weight.DemiBold)
        painter.setPen(color("text"))
        top = room.top()
        for text, font in ((self._area.title, title), *((text, line) for text in self._area.lines)):
            metrics = QFontMetrics(font)
            if top + metrics.height() > room.bottom() + 1:
                return
            mode = Qt.TextElideMode.ElideMiddle if font is title else Qt.TextElideMode.ElideRight
            shown = metrics.elidedText(text, mode, room.width())
            painter.setFont(font)
            place = QRect(room.left(), top, room.width(), metrics.height())
            side = Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(place, int(side), embedded(shown, self.layoutDirection()))
            top += metrics.height() + 1

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show that it can be pressed."""
        super().enterEvent(event)
        self._is_hovered = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """At rest again."""
        super().leaveEvent(event)
        self._is_hovered = False
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The map knows which tile has it."""
        super().focusInEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses, as Space does; arrows belong to the map."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() in _ARROWS or event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            event.ignore()
        else:
            super().keyPressEvent(event)


class Treemap(QWidget):
    """Tiles from the largest to the smallest. Tab comes to one of them, the arrow keys go to its neighbours."""

    opened = Signal(object)
    """The id of the area that was pressed."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.tiles: list[Tile] = []
        """Those that are shown."""
        self._spare: list[Tile] = []

    def set_areas(self, areas: Sequence[Area]) -> None:
        """Show these; a tile that has the focus keeps it while its area is there."""
        had_focus = any(tile.hasFocus() for tile in self.tiles)
        current = next((tile.area.id for tile in self.tiles if tile.focusPolicy() is Qt.FocusPolicy.TabFocus), None)
        while len(self.tiles) < len(areas):
            self.tiles.append(self._spare.pop() if self._spare else self._made())
        while len(self.tiles) > len(areas):
            tile = self.tiles.pop()
            tile.hide()
            self._spare.append(tile)
        for tile, area in zip(self.tiles, areas, strict=True):
            tile.set_area(area)
            tile.show()
        found = next((tile for tile in self.tiles if tile.area.id == current), self.tiles[0] if self.tiles else None)
        self._choose(found)
        if had_focus and found is not None:
            found.setFocus()
        self._place()

    def _made(self) -> Tile:
        tile = Tile(self)
        tile.clicked.connect(self._on_clicked)
        return tile

    def _choose(self, chosen: Tile | None) -> None:
        """The one Tab comes to."""
        for tile in self.tiles:
            tile.setFocusPolicy(Qt.FocusPolicy.TabFocus if tile is chosen else Qt.FocusPolicy.NoFocus)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the tiles out anew."""
        super().resizeEvent(event)
        self._place()

    def changeEvent(self, event: QEvent) -> None:
        """Mirrored with the window."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LayoutDirectionChange:
            self._place()

    def _place(self) -> None:
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        # A gap belongs to the tile before it, so the last ones reach beyond the edge by as much.
        width, height = self.width() + _GAP, self.height() + _GAP
        for tile, box in zip(
            self.tiles, squarify([tile.area.weight for tile in self.tiles], width, height), strict=True
        ):
            left, top = round(box.x), round(box.y)
            right, bottom = round(box.x + box.width) - _GAP, round(box.y + box.height) - _GAP
            if mirrored:
                left, right = self.width() - right, self.width() - left
            tile.setGeometry(left, top, max(1, right - left), max(1, bottom - top))

    @Slot()
    def _on_clicked(self) -> None:
        tile = self.sender()
        if isinstance(tile, Tile) and tile.area.can_open:
            self.opened.emit(tile.area.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the neighbours, Home and End to the largest and the smallest."""
        current = next((tile for tile in self.tiles if tile.hasFocus()), None)
        target: Tile | None = None
        if event.key() == Qt.Key.Key_Home and self.tiles:
            target = self.tiles[0]
        elif event.key() == Qt.Key.Key_End and self.tiles:
            target = self.tiles[-1]
        elif current is not None and (way := _ARROWS.get(event.key())) is not None:
            target = self._beside(current, way) or current
        if target is None:
            super().keyPressEvent(event)
            return
        self._choose(target)
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def _beside(self, tile: Tile, way: QPoint) -> Tile | None:
        """The nearest tile in this direction; one that is level with it before one that is not."""
        here = tile.geometry()

        def distance(other: Tile) -> tuple[int, int] | None:
            there = other.geometry()
            if way.x():
                gap = there.left() - here.right() if way.x() > 0 else here.left() - there.right()
                apart = max(0, there.top() - here.center().y(), here.center().y() - there.bottom())
            else:
                gap = there.top() - here.bottom() if way.y() > 0 else here.top() - there.bottom()
                apart = max(0, there.left() - here.center().x(), here.center().x() - there.right())
            return (apart, gap) if gap > 0 else None

        found = [(far, number) for number, other in enumerate(self.tiles) if (far := distance(other)) is not None]
        return self.tiles[min(found)[1]] if found else None
