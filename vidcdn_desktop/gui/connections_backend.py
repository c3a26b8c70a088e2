"""The Connections dialog's port over the saved connections: blocking calls in workers, `use` told to the session."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt, Signal

from vidcdn_desktop.credentials.model import ConnectionProfile, Secret
from vidcdn_desktop.gui.session import Session
from vidcdn_desktop.jobs.connection_report import ConnectionReport
from vidcdn_desktop.jobs.connections import SavedConnections


class ConnectionsForWindow(QObject):
    """See `ConnectionsBackend`. Called from worker threads, except for the constructor."""

    _wanted = Signal(str)

    def __init__(self, saved: SavedConnections, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._saved = saved
        self._wanted.connect(session.use, Qt.ConnectionType.QueuedConnection)

    def profiles(self) -> tuple[ConnectionProfile, ...]:
        """See `ConnectionsBackend.profiles`."""
        return self._saved.profiles()

    def aws_profile_names(self) -> tuple[str, ...]:
        """See `ConnectionsBackend.aws_profile_names`."""
        return self._saved.aws_profile_names()

    def test(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionReport:
        """See `ConnectionsBackend.test`."""
        return self._saved.test(profile, secrets)

    def save(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionProfile:
        """See `ConnectionsBackend.save`."""
        return self._saved.save(profile, secrets)

    def remove(self, profile_id: str) -> None:
        """See `ConnectionsBackend.remove`."""
        self._saved.remove(profile_id)

    def use(self, profile_id: str) -> None:
        """See `ConnectionsBackend.use`."""
        self._wanted.emit(profile_id)

    def keyring_note(self) -> str:
        """See `ConnectionsBackend.keyring_note`."""
        return self._saved.keyring_note()
