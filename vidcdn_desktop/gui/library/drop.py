"""Files dropped onto the Library: onto a folder, into that folder; anywhere else, into the one that is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QDragMoveEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from vidcdn_desktop.gui.library.gallery import GalleryView
from vidcdn_desktop.gui.library.views import Views
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets import announce, local_paths
from vidcdn_desktop.textsafe import display

_LABEL_HEIGHT = 30
_LABEL_PAD = 14
_ROUND = 8


class DropMark(QWidget):
    """Shows while files hover where they would go. Takes no mouse and no focus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._spot = QRect()
        self.text = ""
        """What a drop would do."""
        self.hide()

    def show_spot(self, spot: QRect, text: str) -> None:
        """Outline a place, and say what a drop there would do."""
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(parent.rect())
        if text != self.text or self.isHidden():
            announce(self, text)
        self._spot, self.text = spot, text
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A dashed outline, and the words at the foot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(color("accent"), 2)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        soft = color("accent")
        soft.setAlpha(28)
        painter.setBrush(soft)
        painter.drawRoundedRect(QRectF(self._spot).adjusted(1, 1, -1, -1), _ROUND, _ROUND)
        metrics = painter.fontMetrics()
        text = metrics.elidedText(self.text, Qt.TextElideMode.ElideMiddle, max(80, self.width() - 80))
        width = metrics.horizontalAdvance(text) + 2 * _LABEL_PAD
        box = QRect((self.width() - width) // 2, self.height() - _LABEL_HEIGHT - 16, width, _LABEL_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("accent"))
        painter.drawRoundedRect(QRectF(box), _LABEL_HEIGHT / 2, _LABEL_HEIGHT / 2)
        painter.setPen(color("on_accent"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)
        painter.end()


class DropTarget(QObject):
    """Watches list, gallery and whatever stands in their place. Esc during the drag leaves all as it is.

    Args:
        stack: Where it watches.
        model: The rows of list and gallery.
        place: The prefix that is shown; None while nothing can be dropped.
        parent: Owner.
    """

    dropped = Signal(object)
    """(list[Path], str prefix)."""

    def __init__(
        self, stack: Views, model: ListingModel, place: Callable[[], str | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._stack = stack
        self._model = model
        self._place = place
        self.mark = DropMark(stack)
        for watched in (stack, stack.table.viewport(), stack.gallery.viewport()):
            watched.setAcceptDrops(True)
            watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Light up, follow, go dark, or take."""
        kind = event.type()
        if not isinstance(watched, QWidget):
            return False
        if kind is QEvent.Type.DragLeave:
            self.mark.hide()
            return True
        if kind in (QEvent.Type.DragEnter, QEvent.Type.DragMove) and isinstance(event, QDragMoveEvent):
            self._hover(watched, event)
            return True
        if kind is QEvent.Type.Drop and isinstance(event, QDropEvent):
            self._drop(watched, event)
            return True
        return False

    def _hover(self, watched: QWidget, event: QDragMoveEvent) -> None:
        place = self._place()
        if place is None or not local_paths(event.mimeData()):
            self.mark.hide()
            event.ignore()
            return
        prefix, spot = self._target(watched, event.position().toPoint(), place)
        where = display(prefix.rstrip("/").rpartition("/")[2]) or "the top of the bucket"
        self.mark.show_spot(spot, f"Upload to {where}")
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def _drop(self, watched: QWidget, event: QDropEvent) -> None:
        self.mark.hide()
        place = self._place()
        paths: list[Path] = local_paths(event.mimeData())
        if place is None or not paths:
            event.ignore()
            return
        prefix, _spot = self._target(watched, event.position().toPoint(), place)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.dropped.emit((paths, prefix))

    def _target(self, watched: QWidget, at: QPoint, place: str) -> tuple[str, QRect]:
        """The prefix a drop goes to, and its place in the stack."""
        view = watched.parentWidget()
        if isinstance(view, QAbstractScrollArea) and self._stack.shows_rows and view is self._stack.active:
            number, rect = self._row_at(view, at)
            if number >= 0:
                row = self._model.row(number)
                if row.is_folder:
                    return row.key, QRect(watched.mapTo(self._stack, rect.topLeft()), rect.size())
        return place, self._stack.rect()

    def _row_at(self, view: QAbstractScrollArea, at: QPoint) -> tuple[int, QRect]:
        if isinstance(view, GalleryView):
            number = view.grid.number(view.indexAt(at))
            return number, view.tile_rect(number) if number >= 0 else QRect()
        table = self._stack.table
        number = table.rowAt(at.y())
        return number, QRect(0, table.rowViewportPosition(number), table.viewport().width(), table.rowHeight(number))
