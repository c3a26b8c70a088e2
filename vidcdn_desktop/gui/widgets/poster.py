"""A still picture of a video with its duration."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from vidcdn_desktop.gui.fonts import ui_font
from vidcdn_desktop.gui.icons import paint_icon
from vidcdn_desktop.gui.theme import color

_RADIUS = 6
_MAX_SIDE = 1280
"""Decode no larger than this: a poster is never shown larger."""


def decode_poster(data: bytes, side: int = _MAX_SIDE) -> QImage:
    """Decode a picture, scaled down while reading so that no side exceeds `side` pixels. Null if it is none.

    Any thread.
    """
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()


class PosterView(QWidget):
    """A rounded frame of 16:9. Pictures of another shape stand whole in the middle of it.

    The duration badge at the lower end is free text ("12:31").
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        width: int = 160,
        fixed: bool = True,
        name: str = "Thumbnail",
        neutral: str = "video",
    ) -> None:
        """Make one without a picture.

        Args:
            parent: Where it stands.
            width: Pixels.
            fixed: Always `width` wide; else as wide as there is room, with the height that belongs to it.
            name: What assistive tools call it.
            neutral: The icon while there is no picture; empty for none, where something else stands in the middle.
        """
        super().__init__(parent)
        self._data = b""
        self._pixmap = QPixmap()
        self._scaled: tuple[QSize, QPixmap] | None = None
        self._badge = ""
        self._width = width
        self._neutral = neutral
        self.setAccessibleName(name)
        if fixed:
            self.setFixedSize(width, round(width * 9 / 16))
        else:
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
            self.setMinimumHeight(60)

    def set_jpeg(self, data: bytes) -> None:
        """Show a picture file; empty or unreadable bytes show the neutral poster. Cheap when the bytes are the same."""
        if data == self._data:
            return
        self._data = data
        image = decode_poster(data) if data else QImage()
        self.set_pixmap(QPixmap.fromImage(image) if not image.isNull() else QPixmap())

    def set_pixmap(self, pixmap: QPixmap) -> None:
        """Show a decoded picture; a null one shows the neutral poster."""
        self._pixmap = pixmap
        self._scaled = None
        self.update()

    def set_badge(self, text: str) -> None:
        """Write the duration, or nothing."""
        if text != self._badge:
            self._badge = text
            self.setAccessibleDescription(text)
            self.update()

    def hasHeightForWidth(self) -> bool:
        """16:9."""
        return True

    def heightForWidth(self, width: int) -> int:
        """16:9."""
        return round(width * 9 / 16)

    def sizeHint(self) -> QSize:
        """The wished width, 16:9."""
        return QSize(self._width, round(self._width * 9 / 16))

    def _fitted(self) -> QPixmap:
        wanted = self.size() * self.devicePixelRatioF()
        if self._scaled is None or self._scaled[0] != wanted:
            own = self._pixmap.size()
            near = own.width() * 9 * 10 > own.height() * 16 * 9 and own.width() * 9 * 9 < own.height() * 16 * 10
            # A picture that is nearly 16:9 fills the frame; a portrait one is never cut.
            mode = Qt.AspectRatioMode.KeepAspectRatioByExpanding if near else Qt.AspectRatioMode.KeepAspectRatio
            scaled = self._pixmap.scaled(wanted, mode, Qt.TransformationMode.SmoothTransformation)
            scaled.setDevicePixelRatio(self.devicePixelRatioF())
            self._scaled = (wanted, scaled)
        return self._scaled[1]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, picture, badge."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(frame, _RADIUS, _RADIUS)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), color("border" if self._pixmap.isNull() else "backdrop"))
        if self._pixmap.isNull() and self._neutral:
            side = max(16, min(36, self.height() // 3))
            box = QRectF(0, 0, side, side)
            box.moveCenter(frame.center())
            paint_icon(painter, self._neutral, "muted", box.toRect())
        elif not self._pixmap.isNull():
            picture = self._fitted()
            size = picture.deviceIndependentSize()
            x, y = (frame.width() - size.width()) / 2, (frame.height() - size.height()) / 2
            painter.drawPixmap(round(x), round(y), picture)
        if self._badge:
            self._paint_badge(painter, frame)
        painter.end()

    def _paint_badge(self, painter: QPainter, frame: QRectF) -> None:
        painter.setFont(ui_font(11))
        metrics = painter.fontMetrics()
        width, height = metrics.horizontalAdvance(self._badge) + 10, metrics.height() + 3
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        left = frame.left() + 6 if mirrored else frame.right() - 6 - width
        box = QRectF(left, frame.bottom() - 6 - height, width, height)
        ground = color("overlay")
        ground.setAlphaF(0.82)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(color("on_overlay"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._badge)
