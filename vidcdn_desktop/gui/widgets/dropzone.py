"""Where videos are dropped."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QRectF, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from vidcdn_desktop.gui.theme import color
from vidcdn_desktop.gui.widgets.buttons import Button, LinkButton, PrimaryButton
from vidcdn_desktop.gui.widgets.iconlabel import IconLabel
from vidcdn_desktop.gui.widgets.labels import PlainLabel


def local_paths(mime: QMimeData) -> list[Path]:
    """The local files and folders of a drag, in its order; anything on another machine is left out."""
    if not mime.hasUrls():
        return []
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile() and url.toLocalFile()]


class DropZone(QFrame):
    """Takes dropped files and folders. Big for an empty page, slim above a list. Enter opens the file chooser."""

    files_dropped = Signal(object)
    """list[Path], in the order of the drag."""
    browse_requested = Signal()
    sample_requested = Signal()

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        slim: bool = False,
        title: str = "",
        button: str = "",
        hint: str = "",
        sample: bool = False,
    ) -> None:
        super().__init__(parent)
        title = title or ("Drop more videos here" if slim else "Drop videos here")
        button = button or ("choose files…" if slim else "Choose videos…")
        self.setObjectName("DropZone")
        self.setAcceptDrops(True)
        self.setAccessibleName(title)
        self.browse_button: Button
        self._hot = False
        if slim:
            self._build_slim(title, button)
        else:
            self._build_big(title, button, hint, sample)

    def _build_slim(self, title: str, button: str) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 11, 12, 11)
        layout.setSpacing(2)
        layout.addStretch(1)
        layout.addWidget(PlainLabel(f"{title}, or", role="muted"))
        self.browse_button = LinkButton(button)
        self.browse_button.clicked.connect(self.browse_requested)
        layout.addWidget(self.browse_button)
        layout.addStretch(1)

    def _build_big(self, title: str, button: str, hint: str, sample: bool) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(10)
        layout.addStretch(1)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addWidget(IconLabel("publish", "muted", 44), 0, centre)
        layout.addWidget(PlainLabel(title, role="hero"), 0, centre)
        layout.addWidget(PlainLabel("or", role="muted"), 0, centre)
        self.browse_button = PrimaryButton(button)
        self.browse_button.clicked.connect(self.browse_requested)
        layout.addWidget(self.browse_button, 0, centre)
        if hint:
            text = PlainLabel(hint, role="small", wrap=True)
            text.setAlignment(centre)
            layout.addWidget(text)
        if sample:
            row = QHBoxLayout()
            row.setSpacing(2)
            row.addStretch(1)
            row.addWidget(PlainLabel("No video at hand?", role="small"))
            self.sample_button = LinkButton("Try the sample clip", small=True)
            self.sample_button.clicked.connect(self.sample_requested)
            row.addWidget(self.sample_button)
            row.addStretch(1)
            layout.addLayout(row)
        layout.addStretch(1)

    def _set_hot(self, hot: bool) -> None:
        self._hot = hot
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A dashed outline; filled while files hover over it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = 2.0 if self._hot else 1.0
        pen = QPen(color("accent" if self._hot else "border_strong"), width)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(color("accent_soft") if self._hot else Qt.BrushStyle.NoBrush)
        inset = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 10, 10)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter anywhere in the zone opens the file chooser."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.browse_requested.emit()
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Light up for local files."""
        if local_paths(event.mimeData()):
            event.acceptProposedAction()
            self._set_hot(True)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Stay lit."""
        event.acceptProposedAction()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Go dark."""
        self._set_hot(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the paths on."""
        self._set_hot(False)
        paths = local_paths(event.mimeData())
        if paths:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.files_dropped.emit(paths)
