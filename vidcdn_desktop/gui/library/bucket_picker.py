"""Which bucket to look at: those the key can see, narrowed as one types; or one that is named."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QDialog, QLineEdit, QListView, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.icons import icon
from vidcdn_desktop.gui.palette import END_TEXT, EndTextDelegate
from vidcdn_desktop.gui.widgets import PlainLabel, announce
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.storage.listing_model import Bucket
from vidcdn_desktop.textsafe import display, isolate, plural

_WIDTH = 520
_ROWS = 8
_MOST = 500
"""Rows shown; who has more types a letter."""
_SHORTEST, _LONGEST = 3, 63
_BUCKET = Qt.ItemDataRole.UserRole + 11

NOT_ALLOWED = "This key may not list the account’s buckets (s3:ListAllMyBuckets). Type the name of one."


class BucketPicker(QDialog):
    """Type to narrow, arrows to choose, Enter to open, Esc to leave it. What is published where is not changed.

    Args:
        home: The connection's own.
        shown: The bucket that is shown now.
        parent: The window.
    """

    chosen = Signal(object)
    """Bucket."""

    def __init__(self, home: Connection, shown: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Palette")
        self.setWindowTitle("Switch bucket")
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.setModal(True)
        self._home, self._shown = home, shown
        self._token = CancelToken()
        self._buckets: tuple[Bucket, ...] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        self.input = QLineEdit()
        self.input.setPlaceholderText("Find a bucket by name")
        self.input.setAccessibleName("Find a bucket by name")
        glass = self.input.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        glass.setText("Find")
        self.input.textChanged.connect(self._on_text)
        self.input.installEventFilter(self)
        layout.addWidget(self.input)
        self.note = PlainLabel("Looking for buckets…", role="muted", wrap=True)
        layout.addWidget(self.note)
        self._model = QStandardItemModel(self)
        self.list = QListView()
        self.list.setObjectName("Plain")
        self.list.setAccessibleName("Buckets")
        self.list.setModel(self._model)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(EndTextDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.clicked.connect(self._on_chosen)
        layout.addWidget(self.list)
        self.foot = PlainLabel(f"Videos are published to {isolate(home.profile.bucket, 60)}.", role="small", wrap=True)
        layout.addWidget(self.foot)
        self.setFixedWidth(_WIDTH)
        self.finished.connect(self._token.cancel)
        self._fill()

    @Slot()
    def start(self) -> None:
        """Ask which buckets there are."""
        storage = self._home.storage
        run_in_background(self, storage.list_buckets, self._on_listed, self._on_failed, token=self._token)

    @Slot(object)
    def _on_listed(self, buckets: Sequence[Bucket]) -> None:
        self._buckets = tuple(sorted(buckets, key=lambda bucket: bucket.name))
        self.note.set_text("")
        self._fill()
        announce(self, plural(len(self._buckets), "bucket"))

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self._buckets = ()
        denied = isinstance(error, AccessDenied)
        self.note.set_text(NOT_ALLOWED if denied else f"{error.what} Type the name of a bucket, or try again later.")
        self.input.setPlaceholderText("Name of a bucket")
        self.input.setAccessibleName("Name of a bucket")
        self._fill()
        announce(self, self.note.text())

    @Slot(str)
    def _on_text(self, _text: str) -> None:
        self._fill()

    def _fill(self) -> None:
        typed = self.input.text().strip()
        words = typed.casefold().split()
        found = [b for b in self._buckets or () if all(word in b.name.casefold() for word in words)]
        self._model.clear()
        for bucket in found[:_MOST]:
            self._add(display(bucket.name, 70), self._about(bucket), bucket)
        # A bucket of somebody else that this key may use is in no list.
        named = not any(bucket.name == typed for bucket in found)
        if named and " " not in typed and _SHORTEST <= len(typed) <= _LONGEST and self._buckets is not None:
            self._add(f"Open “{display(typed, 60)}”", "", Bucket(typed, None, ""))
        if self._buckets is not None and not self._model.rowCount() and typed:
            self.note.set_text("No bucket has this name.")
        elif self._buckets and not found[:1] and self._model.rowCount():
            self.note.set_text("No bucket that this key can see has this name.")
        elif self._buckets:
            more = len(found) - _MOST
            self.note.set_text(f"{more:,} more; type to narrow." if more > 0 else "")
        self.note.setVisible(bool(self.note.text()))
        rows = self._model.rowCount()
        height = self.list.sizeHintForRow(0) if rows else 0
        self.list.setFixedHeight(max(1, min(rows, _ROWS)) * max(1, height) + 2 * self.list.frameWidth())
        self.list.setVisible(bool(rows))
        if rows:
            self.list.setCurrentIndex(self._model.index(0, 0))
        self.adjustSize()

    def _add(self, name: str, about: str, bucket: Bucket) -> None:
        item = QStandardItem(name)
        item.setData(about, END_TEXT)
        item.setData(bucket, _BUCKET)
        item.setAccessibleText(f"{name}, {about}" if about else name)
        self._model.appendRow(item)

    def _about(self, bucket: Bucket) -> str:
        parts = [display(bucket.region, 30)] if bucket.region else []
        if bucket.name == self._home.profile.bucket:
            parts.append("videos go here")
        if bucket.name == self._shown:
            parts.append("shown now")
        return " · ".join(parts)

    def shown_names(self) -> list[str]:
        """What the list holds now."""
        return [self._model.index(row, 0).data(_BUCKET).name for row in range(self._model.rowCount())]

    @Slot(QModelIndex)
    def _on_chosen(self, index: QModelIndex) -> None:
        bucket = index.data(_BUCKET)
        self.accept()
        if isinstance(bucket, Bucket):
            self.chosen.emit(bucket)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows in the input move in the list, Enter opens the chosen one."""
        if watched is self.input and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            row, rows = self.list.currentIndex().row(), self._model.rowCount()
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and rows:
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self.list.setCurrentIndex(self._model.index((row + step) % rows, 0))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if rows:
                    self._on_chosen(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)
