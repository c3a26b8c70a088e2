"""What health and usage have in common: a look at all below a folder, its progress, its end, and what it remembers."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, VidcdnError
from vidcdn_desktop.gui.library.long_look import Board, LongLook
from vidcdn_desktop.gui.library.views import harmless, list_policy
from vidcdn_desktop.gui.widgets import (
    GUTTER,
    PAGE_MARGIN,
    Button,
    ElidedLabel,
    EmptyState,
    ErrorPanel,
    Skeleton,
    ThinProgress,
    announce,
    beside_bar,
)
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_model import Progress

_MOST_KEPT = 50
"""Folders whose result is remembered."""
_DEAR_S = 10.0
_CHANGED = " · changed since"

Work = Callable[[Board, CancelToken], object]


class Overview(QWidget):
    """Looks at one folder at a time; a folder that was looked at is shown at once, until somebody wants a fresh look.

    Subclasses say what the work is and show what it finds.
    """

    opened = Signal(object)
    """str: the prefix of a folder the user wants to see in the same way."""
    shown = Signal(object)
    """str: the key of an object, or a folder, the user wants to see in the list."""

    def __init__(self, icon_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.connection: Connection | None = None
        self.prefix = ""
        self._looking: LongLook | None = None
        self._kept: dict[str, object] = {}
        self._result: object = None
        self.dear_s = _DEAR_S
        """A look that took longer than so many seconds is not begun again by itself."""
        self._begun = self._took_s = 0.0
        """When the look began, and how long the last one took."""
        self._is_stale = False
        """What is shown may be old: something was changed while it was looked at, or out of sight."""
        self._build(icon_name)

    def _build(self, icon_name: str) -> None:
        column = QVBoxLayout(self)
        # Whatever does not scroll stands `GUTTER` further in, where the edges of what scrolls are.
        column.setContentsMargins(PAGE_MARGIN - GUTTER, 0, PAGE_MARGIN - GUTTER, 12)
        column.setSpacing(10)
        top = QWidget()
        above = QVBoxLayout(top)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(8)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.status = ElidedLabel(role="muted", mode=Qt.TextElideMode.ElideRight)
        self.stop_button = Button("Stop", small=True, icon_name="stop")
        self.again_button = Button("Look again", small=True, icon_name="refresh")
        self.head.addWidget(self.status, 1)
        self.head.addWidget(self.again_button)
        self.head.addWidget(self.stop_button)
        above.addLayout(self.head)
        self.progress = ThinProgress("Looked at so far")
        above.addWidget(self.progress)
        self.cut_short = ErrorPanel(action="Try again")
        above.addWidget(self.cut_short)
        column.addWidget(beside_bar(top))
        self.stack = QStackedWidget()
        self.empty = EmptyState(icon_name, "")
        self.skeleton = Skeleton(6, 44)
        self._empty_page, self._skeleton_page = beside_bar(self.empty), beside_bar(self.skeleton)
        self._error_page = beside_bar(self._build_error())
        for page in (self._empty_page, self._skeleton_page, self._error_page):
            self.stack.addWidget(page)
        column.addWidget(self.stack, 1)
        self.stop_button.clicked.connect(self.stop)
        self.again_button.clicked.connect(self.look_again)
        for panel in (self.cut_short, self.error):
            panel.action_requested.connect(self.look_again)

    def _build_error(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.error = ErrorPanel(action="Try again")
        self.copy_policy = Button("Copy a policy that allows it", icon_name="copy")
        self.copy_policy.clicked.connect(self._on_copy_policy)
        column.addWidget(self.error)
        column.addWidget(self.copy_policy, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        return page

    # What a subclass says
    def work(self, connection: Connection, prefix: str) -> Work:
        """The look, for a thread of its own; what it gives is the result."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget what is shown."""
        raise NotImplementedError

    def add(self, thing: object) -> None:
        """Show something that was found while the look goes on."""
        raise NotImplementedError

    def show_result(self, result: object) -> str:
        """Show all of it; gives the words for the status line."""
        raise NotImplementedError

    @property
    def has_content(self) -> bool:
        """Whether something of this folder is on screen."""
        raise NotImplementedError

    # Where it looks
    @property
    def is_looking(self) -> bool:
        """Whether more may come."""
        return self._looking is not None

    @property
    def result(self) -> object:
        """What the look at this folder gave; None while there is nothing, or not all of it."""
        return self._result

    def show_place(self, connection: Connection | None, prefix: str) -> None:
        """Show this folder: what is remembered of it, else by a fresh look."""
        if connection is not self.connection:
            self._kept.clear()
        elif prefix == self.prefix and (self.is_looking or (self._result is not None and not self._is_stale)):
            return
        self.stop()
        self.connection, self.prefix = connection, prefix
        self._is_stale = False
        known = self._kept.get(prefix)
        self._result = None
        self.clear()
        if connection is None:
            self.show_page(self._skeleton_page)
        elif known is not None:
            self._show_end(known)
        else:
            self._start()

    def leave(self) -> None:
        """It is not on screen any more, so nothing is looked at."""
        self.stop()

    def set_stale(self) -> None:
        """Something in the bucket was changed: look again, once a look that goes on is over."""
        self._kept.clear()
        self._is_stale = True
        if self._result is not None and self.isVisible():
            self._catch_up()

    def _catch_up(self) -> None:
        """Look again by itself only where that is soon done: somebody may be publishing one video after the other."""
        if self._took_s < self.dear_s:
            self.look_again()
        elif not self.status.full_text().endswith(_CHANGED):
            self.status.set_text(f"{self.status.full_text()}{_CHANGED}")

    @Slot()
    def look_again(self) -> None:
        """A fresh look at this folder."""
        self.stop()
        self._kept.clear()
        self._is_stale = False
        if self.connection is not None:
            self._result = None
            self._start()

    @Slot()
    def stop(self) -> None:
        """Leave it at what was found so far."""
        looking, self._looking = self._looking, None
        if looking is None:
            return
        looking.stop()
        self._at_rest()
        self.status.set_text(f"Stopped. {self.status.full_text()}")
        if not self.has_content:
            self.show_empty("Stopped", "Nothing was found out so far.")

    # A look
    def _start(self) -> None:
        assert self.connection is not None
        self.cut_short.set_error(None)
        self.clear()
        self.show_page(self._skeleton_page)
        self.status.set_text("Looking at the bucket…")
        self.progress.set_fraction(None)
        self.progress.show()
        self.stop_button.show()
        self.again_button.hide()
        looking = self._looking = LongLook(self.work(self.connection, self.prefix), self)
        looking.told.connect(self._on_told)
        looking.found.connect(self._on_found)
        looking.done.connect(self._on_done)
        looking.failed.connect(self._on_failed)
        self._begun = time.monotonic()
        looking.start()

    def _at_rest(self) -> None:
        self.progress.hide()
        self.stop_button.hide()
        self.again_button.setVisible(self.connection is not None)
        self.skeleton.stop()

    @Slot(object)
    def _on_told(self, progress: Progress) -> None:
        self.status.set_text(progress.words)
        self.progress.set_fraction(progress.done / progress.total if progress.total else None)

    @Slot(object)
    def _on_found(self, things: list[object]) -> None:
        for thing in things:
            self.add(thing)

    @Slot(object)
    def _on_done(self, result: object) -> None:
        self._looking = None
        self._took_s = time.monotonic() - self._begun
        self._kept[self.prefix] = result
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._show_end(result)
        announce(self, self.status.full_text())
        if self._is_stale:
            self._catch_up()

    def _show_end(self, result: object) -> None:
        self._result = result
        self._at_rest()
        self.cut_short.set_error(None)
        self.status.set_text(self.show_result(result))

    @Slot(object)
    def _on_failed(self, problem: VidcdnError) -> None:
        self._looking = None
        error = harmless(problem)
        self._at_rest()
        self.again_button.hide()
        if self.has_content:
            self.cut_short.set_error(error)
        else:
            self.status.set_text("")
            self.show_error(error)
        announce(self, error.sentence())

    # What is on screen
    def show_error(self, error: VidcdnError) -> None:
        """It could not be looked at; where only the permission is missing, the policy that gives it is at hand."""
        self.error.set_error(error)
        self.again_button.hide()
        self.copy_policy.setVisible(isinstance(error, AccessDenied))
        self.show_page(self._error_page)

    def show_empty(self, title: str, text: str, icon_name: str = "") -> None:
        """There is nothing to show."""
        self.empty.set(title, text, icon_name)
        self.show_page(self._empty_page)

    def show_page(self, widget: QWidget) -> None:
        """One of the pages of `stack`."""
        self.stack.setCurrentWidget(widget)
        if widget is self._skeleton_page:
            self.skeleton.start()
        else:
            self.skeleton.stop()

    @Slot()
    def _on_copy_policy(self) -> None:
        if self.connection is not None:
            QGuiApplication.clipboard().setText(list_policy(self.connection.profile.bucket, self.prefix))
