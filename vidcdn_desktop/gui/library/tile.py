"""One tile of the gallery: picture, duration, name, and what to know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView

from vidcdn_desktop.gui.fonts import ui_font
from vidcdn_desktop.gui.icons import paint_icon
from vidcdn_desktop.gui.library.posters import RADIUS, PictureMemory
from vidcdn_desktop.gui.models import celltext
from vidcdn_desktop.gui.models.arrange import Column
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.models.rows import Row
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.direction import embedded
from vidcdn_desktop.media.glance_model import VideoFacts
from vidcdn_desktop.textsafe import format_duration

if TYPE_CHECKING:
    from vidcdn_desktop.gui.library.gallery import GridModel

GAP = 14
"""Between pictures, in pixels."""
CAPTION = 46
"""Below a picture: name and one more line."""
_ICONS = {"Folder": "folder", "Video": "video", "Thumbnail": "image"}


def second_line(row: Row, facts: VideoFacts | None) -> str:
    """Size and date; of a folder its kind."""
    if row.is_folder:
        return "Folder"
    parts = [celltext.cell(row, Column.SIZE), celltext.cell(row, Column.MODIFIED)]
    if facts is not None and facts.starts_slowly:
        parts = [celltext.streaming(facts)[0], *parts]
    return " · ".join(part for part in parts if part)


def tile_text(model: ListingModel, number: int) -> str:
    """The whole tile in words, for assistive tools."""
    row, (_, facts) = model.row(number), model.facts_of(number)
    duration = format_duration(facts.duration_s) if facts is not None else ""
    return ", ".join(part for part in (row.name, row.kind, duration, second_line(row, facts)) if part)


class TileDelegate(QStyledItemDelegate):
    """Paints tiles from the listing and from the pictures that are there."""

    def __init__(self, model: ListingModel, grid: GridModel, pictures: PictureMemory, view: QTableView) -> None:
        super().__init__(view)
        self._model = model
        self._grid = grid
        self._pictures = pictures
        self._view = view
        self._strong = ui_font(13, QFont.Weight.DemiBold)
        self._small = ui_font(12)
        self._badge = ui_font(11)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Picture, badge, words, and the frame of what is selected."""
        number = self._grid.number(index)
        if number < 0:
            return
        rect: QRect = option.rect
        picture = QRect(0, 0, rect.width() - GAP, round((rect.width() - GAP) * 9 / 16))
        picture.moveTopLeft(rect.topLeft())
        picture.translate(GAP // 2, GAP // 2)  # half of the gap on each side: frames need it
        row, (_, facts) = self._model.row(number), self._model.facts_of(number)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_picture(painter, picture, row, self._pictures.get(self._model.row_id(number)))
        if facts is not None and facts.duration_s is not None:
            self._paint_badge(painter, picture, format_duration(facts.duration_s))
        self._paint_frame(painter, picture, number)
        self._paint_words(painter, picture, row, facts)
        painter.restore()

    def _paint_picture(self, painter: QPainter, box: QRect, row: Row, picture: QPixmap | None) -> None:
        if picture is not None:
            painter.drawPixmap(box, picture)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("selection" if row.is_folder else "border"))
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        side = max(20, min(40, box.height() // 3))
        place = QRect(0, 0, side, side)
        place.moveCenter(box.center())
        paint_icon(painter, _ICONS.get(row.kind, "file"), "accent" if row.is_folder else "muted", place)

    def _paint_badge(self, painter: QPainter, picture: QRect, text: str) -> None:
        painter.setFont(self._badge)
        metrics = painter.fontMetrics()
        width, height = metrics.horizontalAdvance(text) + 10, metrics.height() + 4
        left = picture.left() + 6 if self._mirrored else picture.right() - 5 - width
        box = QRectF(left, picture.bottom() - 5 - height, width, height)
        ground = color("overlay")
        ground.setAlphaF(0.82)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(color("on_overlay"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_frame(self, painter: QPainter, picture: QRect, number: int) -> None:
        selection = self._model.selection
        index = self._model.index(number, 0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if selection.isSelected(index):
            painter.setPen(QPen(color("accent"), 2))
            painter.drawRoundedRect(QRectF(picture).adjusted(-3, -3, 3, 3), RADIUS + 3, RADIUS + 3)
        if self._view.hasFocus() and selection.currentIndex().row() == number:
            painter.setPen(QPen(color("accent"), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(QRectF(picture).adjusted(-5.5, -5.5, 5.5, CAPTION - 1.5), RADIUS + 4, RADIUS + 4)

    def _paint_words(self, painter: QPainter, picture: QRect, row: Row, facts: VideoFacts | None) -> None:
        line = QRect(picture.left(), picture.bottom() + 6, picture.width(), 20)
        slow = facts is not None and facts.starts_slowly
        for text, font, tint, mode in (
            (row.name, self._strong, "text", Qt.TextElideMode.ElideMiddle),
            (second_line(row, facts), self._small, "warning" if slow else "muted", Qt.TextElideMode.ElideRight),
        ):
            painter.setFont(font)
            painter.setPen(color(tint))
            shown = painter.fontMetrics().elidedText(text, mode, line.width())
            side = Qt.AlignmentFlag.AlignRight if self._mirrored else Qt.AlignmentFlag.AlignLeft
            flags = int(side | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute)
            shown = embedded(shown, self._view.layoutDirection())
            painter.drawText(line, flags | int(Qt.TextFlag.TextSingleLine), shown)
            line.translate(0, 18)

    @property
    def _mirrored(self) -> bool:
        return self._view.layoutDirection() is Qt.LayoutDirection.RightToLeft
