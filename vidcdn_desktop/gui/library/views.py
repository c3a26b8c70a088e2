"""The body of the Library: list or gallery of the same rows, or the state that stands in their place."""

from __future__ import annotations

import json
from copy import copy

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from vidcdn_desktop.errors import AccessDenied, VidcdnError
from vidcdn_desktop.gui.library.columns import ColumnMemory
from vidcdn_desktop.gui.library.gallery import GalleryView
from vidcdn_desktop.gui.library.posters import PictureMemory
from vidcdn_desktop.gui.library.table import ObjectTable
from vidcdn_desktop.gui.models.listing import ListingModel
from vidcdn_desktop.gui.widgets import Button, EmptyState, ErrorPanel, Skeleton


class Views(QStackedWidget):
    """Shows one of: list, gallery, nothing there, an error, the skeleton."""

    opened = Signal(object)
    """int: the row the user opened."""
    play_wanted = Signal()
    """Space, in list or gallery."""
    up_wanted = Signal()
    menu_wanted = Signal(QPoint)
    """Where, on the screen."""
    seen_changed = Signal()
    """Other rows are on screen."""

    def __init__(
        self, model: ListingModel, memory: ColumnMemory, pictures: PictureMemory, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self.table = ObjectTable(model, memory)
        self.gallery = GalleryView(model, pictures)
        self._active: ObjectTable | GalleryView = self.table
        self.clear_filter = Button("Clear the filter")
        self.search_all = Button("Search the whole bucket")
        self.empty = EmptyState("library", "", "", [self.clear_filter, self.search_all])
        self.error = ErrorPanel()
        self.copy_policy = Button("Copy a policy that allows it", icon_name="copy")
        self.copy_policy.clicked.connect(self._on_copy_policy)
        self._policy = ""
        self._error_page = QWidget()
        column = QVBoxLayout(self._error_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.error)
        column.addWidget(self.copy_policy, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.skeleton = Skeleton(8, 30)
        for widget in (self.table, self.empty, self._error_page, self.skeleton, self.gallery):
            self.addWidget(widget)
        self._join()

    def _join(self) -> None:
        for view in (self.table, self.gallery):
            view.customContextMenuRequested.connect(self._on_menu)
            view.installEventFilter(self)
            view.verticalScrollBar().valueChanged.connect(self.seen_changed)
        self.table.doubleClicked.connect(self._on_double_clicked)
        self.gallery.opened.connect(self.opened)
        self.gallery.tiles_changed.connect(self.seen_changed)

    # What is shown
    @property
    def active(self) -> ObjectTable | GalleryView:
        """List or gallery, whichever the user chose."""
        return self._active

    @property
    def shows_rows(self) -> bool:
        """Whether list or gallery is on screen, and no state in its place."""
        return self.currentWidget() is self._active

    def choose(self, view: str) -> None:
        """Show the "list" or the "gallery"."""
        wanted = self.gallery if view == "gallery" else self.table
        if wanted is self._active:
            return
        was_shown, had_focus = self.shows_rows, self._active.hasFocus()
        self._active = wanted
        if was_shown:
            self.setCurrentWidget(wanted)
        if had_focus:
            wanted.setFocus()
        current = self._model.selection.currentIndex()
        if current.isValid():
            wanted.show_row(current.row())

    def show_rows(self) -> None:
        """List or gallery."""
        self._show(self._active)
        self._active.fit()

    def show_empty(self, title: str, text: str, *, filtered: bool = False, searchable: bool = False) -> None:
        """Nothing is there, or nothing is left by the filter."""
        self.empty.set(title, text)
        self.clear_filter.setVisible(filtered)
        self.search_all.setVisible(searchable)
        self._show(self.empty)

    def show_error(self, error: VidcdnError, bucket: str, prefix: str) -> None:
        """It cannot be listed; where only the permission is missing, the policy that gives it is at hand."""
        self.error.set_error(error, "Try again")
        self._policy = list_policy(bucket, prefix) if isinstance(error, AccessDenied) and bucket else ""
        self.copy_policy.setVisible(bool(self._policy))
        self._show(self._error_page)

    def show_loading(self) -> None:
        """Grey bars, after a moment."""
        self._show(self.skeleton)

    def _show(self, widget: QWidget) -> None:
        self.setCurrentWidget(widget)
        if widget is self.skeleton:
            self.skeleton.start()
        else:
            self.skeleton.stop()

    # What the user does
    @Slot()
    def _on_copy_policy(self) -> None:
        QGuiApplication.clipboard().setText(self._policy)

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.menu_wanted.emit(self._active.viewport().mapToGlobal(place))

    @Slot()
    def _on_double_clicked(self) -> None:
        self._open_current()

    def _open_current(self) -> None:
        index = self._model.selection.currentIndex()
        if index.isValid():
            self.opened.emit(index.row())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Backspace goes up, Enter opens, Space plays, Ctrl+A selects all."""
        if watched in (self.table, self.gallery) and isinstance(event, QKeyEvent):
            if event.type() is QEvent.Type.KeyPress and self._on_key(event):
                return True
        elif watched in (self.table, self.gallery) and event.type() is QEvent.Type.Resize:
            self.seen_changed.emit()
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if event.key() == Qt.Key.Key_Backspace and plain:
            self.up_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain:
            self._open_current()
        elif event.key() == Qt.Key.Key_Space and plain:
            self.play_wanted.emit()
        else:
            return False
        return True


def list_policy(bucket: str, prefix: str) -> str:
    """What an administrator adds so that a bucket can be listed below a prefix.

    Source: Amazon S3 User Guide, "Bucket policy examples using condition keys" (s3:prefix).
    """
    statement: dict[str, object] = {
        "Sid": "ListForVidCDN",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    if prefix:
        statement["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def harmless(error: VidcdnError) -> VidcdnError:
    """The error with the fate of what is listed; another page may show the same one in its own words."""
    told = copy(error)
    told.meaning = "Nothing was changed."
    return told
