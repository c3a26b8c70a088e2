"""Health and usage in place of the Library's rows: which of them is on screen, and for which folder."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from vidcdn_desktop.gui.library.health_view import HealthView
from vidcdn_desktop.gui.library.overview import Overview
from vidcdn_desktop.gui.library.usage_view import UsageView
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache

NAMES = ("health", "usage")


class Overviews(QStackedWidget):
    """Hidden while list or gallery is shown. A look goes on while another page is shown, but not for another folder."""

    opened = Signal(object)
    """str: the prefix of a folder to go into, in the same view."""
    shown = Signal(object)
    """str: the key of an object, or a folder, to be shown in the list."""

    changed = Signal()
    """Another of them, or none, is shown."""

    def __init__(self, facts: FactCache | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.health = HealthView(facts)
        self.usage = UsageView()
        self._views: dict[str, Overview] = {"health": self.health, "usage": self.usage}
        self.chosen = ""
        """One of `NAMES`; empty: the rows are shown."""
        self._connection: Connection | None = None
        self._prefix = ""
        for view in self._views.values():
            self.addWidget(view)
            view.opened.connect(self.opened)
            view.shown.connect(self.shown)
        self.hide()

    def choose(self, name: str) -> None:
        """Show one of them; "" for the rows."""
        if name == self.chosen:
            return
        self._leave()
        self.chosen = name if name in self._views else ""
        if self.chosen:
            self.setCurrentWidget(self._views[name])
        self.setVisible(bool(self.chosen))
        self.changed.emit()
        self._look()

    def show_place(self, connection: Connection | None, prefix: str) -> None:
        """The folder the Library stands in."""
        self._connection, self._prefix = connection, prefix
        self._look()

    @Slot()
    def look_again(self) -> None:
        """The user wants a fresh look at what is shown."""
        if self.chosen:
            self._views[self.chosen].look_again()

    def set_stale(self) -> None:
        """What the bucket holds has changed."""
        for view in self._views.values():
            view.set_stale()

    def _look(self) -> None:
        if self.chosen and self.isVisible():
            self._views[self.chosen].show_place(self._connection, self._prefix)

    def _leave(self) -> None:
        if self.chosen:
            self._views[self.chosen].leave()

    def showEvent(self, event: QShowEvent) -> None:
        """On screen again: what was changed meanwhile is looked at."""
        super().showEvent(event)
        self._look()
