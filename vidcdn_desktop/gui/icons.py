"""Bundled SVG icons, tinted with a colour token at the moment they are painted, so a theme switch needs no reload."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from vidcdn_desktop.gui.theme import tokens
from vidcdn_desktop.paths import resource


@cache
def _source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text("utf-8")


@cache
def _pixmap(name: str, value: str, width: int, height: int) -> QPixmap:
    # Qt paints currentColor as black, so it is replaced by text.
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", value).encode()))
    pixmap = QPixmap(width, height)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.setAspectRatioMode(Qt.AspectRatioMode.KeepAspectRatio)
    renderer.render(painter, QRectF(0, 0, width, height))
    painter.end()
    return pixmap


class _TintedEngine(QIconEngine):
    """Paints one icon in the token's colour of the theme in force."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name = name
        self._token = token

    def _value(self, mode: QIcon.Mode) -> str:
        t = tokens()
        value: str = t.disabled if mode is QIcon.Mode.Disabled else getattr(t, self._token)
        return value

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        """Draw into `rect`."""
        ratio = painter.device().devicePixelRatioF()
        pixmap = _pixmap(self._name, self._value(mode), round(rect.width() * ratio), round(rect.height() * ratio))
        painter.drawPixmap(rect, pixmap)

    def pixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State) -> QPixmap:
        """A pixmap of `size` device pixels."""
        return QPixmap(_pixmap(self._name, self._value(mode), size.width(), size.height()))

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State, scale: float) -> QPixmap:
        """A pixmap of `size` device pixels, for a screen with `scale`."""
        pixmap = QPixmap(_pixmap(self._name, self._value(mode), size.width(), size.height()))
        pixmap.setDevicePixelRatio(scale)
        return pixmap

    def clone(self) -> QIconEngine:
        """Another of the same."""
        return _TintedEngine(self._name, self._token)


def icon(name: str, tint: str = "text") -> QIcon:
    """An icon of resources/icons by file name, in the colour of a token ("muted", "accent", "danger"…).

    Raises: FileNotFoundError: there is no such icon.
    """
    _source(name)
    return QIcon(_TintedEngine(name, tint))


def paint_icon(painter: QPainter, name: str, token: str, rect: QRect) -> None:
    """Draw an icon from a widget's or delegate's own paint code."""
    ratio = painter.device().devicePixelRatioF()
    value: str = getattr(tokens(), token)
    painter.drawPixmap(rect, _pixmap(name, value, round(rect.width() * ratio), round(rect.height() * ratio)))


def app_icon() -> QIcon:
    """The program's own icon, in its own colours."""
    return QIcon(str(resource("icons", "app.svg")))
