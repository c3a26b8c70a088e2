"""Which bucket the Library shows: the connection's own, or another one that its key can reach.

Where videos are published to is not changed by it. Another bucket is opened off the GUI thread, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection import Connection


@dataclass(frozen=True)
class _Opened:
    number: int
    connection: Connection | None = None
    error: VidcdnError | None = None


class ShownBucket(QObject):
    """GUI thread."""

    opened = Signal()
    """The bucket that was wanted last can be listed now."""
    changed = Signal(object)
    """Connection, or None: another one than before."""
    refused = Signal(object)
    """VidcdnError: it cannot be opened."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._number = 0
        self.connection: Connection | None = session.connection
        """About the bucket that is shown; None while there is none, or it is still being opened."""
        self.is_opening = False
        self._told = self.connection
        self.regions: dict[str, str] = {}
        """Where buckets live, as far as a list has told."""

    def show(self, bucket: str) -> None:
        """Show another bucket; empty: the one of the session's connection. The newest wish wins."""
        self._number += 1
        number, home = self._number, self._session.connection
        self.connection = home.known_at(bucket) if home is not None else None
        self.is_opening = home is not None and self.connection is None
        self._tell()
        if home is None or self.connection is not None:
            return
        region = self.regions.get(bucket, "")

        def open_it() -> _Opened:
            try:
                return _Opened(number, home.at(bucket, region))
            except VidcdnError as exc:
                return _Opened(number, error=exc)

        run_in_background(self, open_it, self._on_opened, self._on_failed)

    @Slot(object)
    def _on_opened(self, opened: _Opened) -> None:
        if opened.number != self._number:
            return
        self.is_opening = False
        self.connection = opened.connection
        self._tell()
        if opened.error is not None:
            self.refused.emit(opened.error)
        else:
            self.opened.emit()

    def _tell(self) -> None:
        if self.connection is not self._told:
            self._told = self.connection
            self.changed.emit(self.connection)

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        self.is_opening = False
        self.refused.emit(error)
