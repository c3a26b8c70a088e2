"""The picture: frames painted by ourselves, so that a grab of the window shows them and nothing hides overlays."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from vidcdn_desktop.gui.widgets.poster import decode_poster


class VideoStage(QWidget):
    """Shows the newest frame, letterboxed; the poster before the first. One paint per frame at most: Qt merges."""

    double_clicked = Signal()
    clicked = Signal()

    def __init__(self, poster: bytes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: Any = None
        self._poster = decode_poster(poster) if poster else None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 180)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Video")

    def show_frame(self, frame: Any) -> None:
        """Take a valid QVideoFrame and ask for a repaint."""
        self._frame = frame
        self.update()

    def set_poster(self, image: QImage) -> None:
        """What is shown until the first frame."""
        self._poster = image
        self.update()

    @property
    def has_frame(self) -> bool:
        """Whether a frame has come."""
        return self._frame is not None

    def sizeHint(self) -> QSize:
        """A comfortable size to begin with."""
        return QSize(854, 480)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Black, then the frame or the poster in the middle."""
        from PySide6.QtMultimedia import QVideoFrame

        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self._frame is not None:
            self._frame.paint(painter, QRectF(self.rect()), QVideoFrame.PaintOptions())
        elif self._poster is not None and not self._poster.isNull():
            image = self._poster.scaled(
                self.size(), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            painter.drawImage((self.width() - image.width()) // 2, (self.height() - image.height()) // 2, image)
        painter.end()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Full screen and back."""
        self.double_clicked.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Play or pause."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit()
