"""The line at the foot of the Library about unfinished uploads: asked once per connection, shown only if there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.library import cleanup_words
from vidcdn_desktop.gui.widgets import Button, ElidedLabel
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.health_model import Section
from vidcdn_desktop.jobs.health_uploads import Age, look_at_uploads
from vidcdn_desktop.jobs.journal import Journal
from vidcdn_desktop.limits import RateLimiter

_MOST = 200
"""Uploads that are looked into for one line of text."""
_REQUESTS_PER_S = 20
"""Nobody waits for it."""


class Leftovers(QWidget):
    """Words and a button. What this program is at does not count. GUI thread."""

    clean_up = Signal(object)
    """str: the prefix below which there are some."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.words = ElidedLabel(role="small", mode=Qt.TextElideMode.ElideRight)
        self.button = Button("Clean up…", small=True)
        self.button.clicked.connect(self._on_clicked)
        row.addWidget(self.words)
        row.addWidget(self.button)
        self._token = CancelToken()
        self._asked: Connection | None = None
        self._prefix = ""
        self._is_aside = False
        self.hide()

    def set_aside(self, aside: bool) -> None:
        """Leave the room at the foot to what is more urgent."""
        self._is_aside = aside
        self._show_words()

    def _show_words(self) -> None:
        self.setVisible(bool(self.words.full_text()) and not self._is_aside)

    def ask(self, connection: Connection | None, journal: Journal | None, *, again: bool = False) -> None:
        """Find out, unless that was done for this connection; nothing is shown until it is known."""
        if connection is self._asked and not again:
            return
        self._token.cancel()
        self._asked = connection
        if not again:
            self.words.set_text("")
            self._show_words()
        if connection is None or not connection.profile.bucket:
            return
        token = self._token = CancelToken()
        run_in_background(
            self,
            lambda: (token, *_looked(connection, journal, token)),
            self._on_found,
            self._on_failed,
            token=token,
        )

    @Slot(object)
    def _on_found(self, told: tuple[CancelToken, str, Section]) -> None:
        token, prefix, section = told
        if token is not self._token:
            return
        text = cleanup_words.at_foot(section)
        self._prefix = prefix
        self.words.set_text(text)
        self.button.setAccessibleDescription(text)
        self._show_words()

    @Slot(object)
    def _on_failed(self, _error: VidcdnError) -> None:
        """It is only a hint; the list itself tells what is wrong with the connection."""

    @Slot()
    def _on_clicked(self) -> None:
        self.clean_up.emit(self._prefix)


def _looked(connection: Connection, journal: Journal | None, token: CancelToken) -> tuple[str, Section]:
    """In the whole bucket; where that is not permitted, in the connection's own folder."""
    home = f"{connection.profile.prefix}/" if connection.profile.prefix else ""
    rate = RateLimiter(_REQUESTS_PER_S)

    def look(prefix: str) -> Section:
        age = Age(datetime.now(UTC), timedelta(0))
        return look_at_uploads(connection, prefix, age, journal, rate, token, most=_MOST)

    section = look("")
    if home and isinstance(section.problem, AccessDenied) and not section.findings:
        return home, look(home)
    return "", section
