"""The top of the Library's right panel: the poster, and in its place the player once the user wants to see it play."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from vidcdn_desktop.gui.icons import paint_icon
from vidcdn_desktop.gui.player import PlayerWindow
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import PosterView, plain_tooltip

_BUTTON = 48
_ICON = 22
_GROUND = 0.72
_GROUND_HOVER = 0.9


class PlayButton(QAbstractButton):
    """A round button that can be seen on any picture."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(_BUTTON, _BUTTON)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(name)
        self.setToolTip(plain_tooltip(name))

    def sizeHint(self) -> QSize:
        """Always the same."""
        return QSize(_BUTTON, _BUTTON)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A dark disc, the sign, and a ring for the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = color("overlay")
        ground.setAlphaF(_GROUND_HOVER if self.underMouse() or self.isDown() else _GROUND)
        painter.setBrush(ground)
        painter.setPen(QPen(color("accent"), 3) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawEllipse(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        # The sign is a triangle: its weight lies at the left.
        sign = QRectF(0, 0, _ICON, _ICON)
        sign.moveCenter(QRectF(self.rect()).center())
        paint_icon(painter, "play", "on_overlay", sign.translated(1, 0).toRect())
        painter.end()


class DetailsStage(QWidget):
    """Poster or player. GUI thread."""

    play_wanted = Signal()
    ended = Signal()
    """The player is gone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.player: PlayerWindow | None = None
        self._image = QImage()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.poster = PosterView(width=295, fixed=False, name="Picture", neutral="")
        self._column.addWidget(self.poster)
        self.play_button = PlayButton("Play here, from the CDN", self.poster)
        self.play_button.clicked.connect(self.play_wanted)

    def show_poster(self, *, playable: bool, badge: str = "") -> None:
        """Another object: no picture yet, and nothing plays."""
        self.end()
        self._image = QImage()
        self.poster.set_pixmap(QPixmap())
        self.poster.set_badge(badge)
        self.play_button.setVisible(playable)
        self.play_button.setEnabled(playable)

    def set_picture(self, image: QImage) -> None:
        """The picture has come; a null one leaves the neutral poster."""
        self._image = image
        self.poster.set_pixmap(QPixmap.fromImage(image) if not image.isNull() else QPixmap())

    def set_badge(self, text: str) -> None:
        """The duration."""
        self.poster.set_badge(text)

    def begin(self, player: PlayerWindow) -> None:
        """Show a player in place of the poster, and let it play."""
        self.end()
        self.player = player
        player.closed.connect(self._on_closed)
        player.stage.set_poster(self._image)
        self._column.addWidget(player)
        self.poster.hide()
        player.show()
        player.start()

    def end(self) -> None:
        """Close the player, if there is one; the poster is back."""
        if self.player is not None:
            self.player.close()

    @Slot(object)
    def _on_closed(self, player: PlayerWindow) -> None:
        if player is self.player:
            self.player = None
            self._column.removeWidget(player)
            self.poster.show()
            self.play_button.setEnabled(True)
            self.ended.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The button stays in the middle of the poster."""
        super().resizeEvent(event)
        width, height = self.width(), self.poster.heightForWidth(self.width())
        self.play_button.move((width - _BUTTON) // 2, (height - _BUTTON) // 2)
