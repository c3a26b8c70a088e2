"""Which connection the window works through, and the practice cloud's life."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal, Slot

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, SecretStore
from vidcdn_desktop.credentials.secrets import MemorySecretStore
from vidcdn_desktop.errors import SettingsInvalid, VidcdnError
from vidcdn_desktop.gui.background import run_in_background
from vidcdn_desktop.gui.models.connection_facts import ConnectionFacts
from vidcdn_desktop.jobs.connection import Connection, open_connection
from vidcdn_desktop.jobs.connections import SavedConnections
from vidcdn_desktop.jobs.practice import practice_connection
from vidcdn_desktop.jobs.signing_keys import SigningKeys
from vidcdn_desktop.network import AS_FOUND, NetworkSettings
from vidcdn_desktop.practice.cloud import PracticeCloud

_log = logging.getLogger(__name__)

PRACTICE = ConnectionProfile(id="practice", name="Practice cloud", kind=ConnectionKind.PRACTICE)
"""How the practice cloud reads before it has started."""


@dataclass(frozen=True)
class _Opened:
    number: int
    connection: Connection


class Session(QObject):
    """The current connection. GUI thread; opening happens on a thread of its own and is told by signals."""

    facts_changed = Signal(object)
    """ConnectionFacts: for the rail, the banner and the headers."""
    connection_changed = Signal(object)
    """Connection, or None while there is none."""

    def __init__(
        self,
        saved: SavedConnections,
        *,
        parallel_parts: int = 8,
        network: NetworkSettings = AS_FOUND,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._saved = saved
        self._parallel_parts = parallel_parts
        self.network = network
        """The user's proxy and authorities, for everything that goes out."""
        self.signing_keys = SigningKeys(lambda: saved.secrets)
        """The key pairs that CDN links are signed with."""
        self._cloud: PracticeCloud | None = None
        self._connection: Connection | None = None
        self._facts = ConnectionFacts(PRACTICE, status="connecting")
        self._token = CancelToken()
        self._number = 0
        self._closing = False

    @property
    def saved(self) -> SavedConnections:
        """The connections that are kept. Most of its methods block."""
        return self._saved

    @property
    def connection(self) -> Connection | None:
        """What is open now."""
        return self._connection

    @property
    def facts(self) -> ConnectionFacts:
        """What the rail shows now."""
        return self._facts

    @Slot(str)
    def use(self, profile_id: str) -> None:
        """Work through this connection from now on; the newest wish wins."""
        if self._closing:
            return
        self._token.cancel()
        token = self._token = CancelToken()
        self._number += 1
        number = self._number
        profile = PRACTICE if profile_id in ("", PRACTICE.id) else self._saved.get(profile_id)
        if profile is None:
            self._set_facts(
                ConnectionFacts(
                    PRACTICE,
                    status="problem",
                    problem=SettingsInvalid(
                        "This connection is no longer saved.", "Nothing is lost.", "Choose another connection."
                    ),
                )
            )
            return
        self._set_connection(None)
        self._set_facts(ConnectionFacts(profile, status="connecting"))
        wanted = profile

        def open_it() -> _Opened:
            used, secrets = self._prepare(wanted, token)
            connection = open_connection(used, secrets, parallel_parts=self._parallel_parts, network=self.network)
            connection.distributions()
            return _Opened(number, connection)

        run_in_background(self, open_it, self._on_opened, self._on_failed, token=token)

    def refresh(self) -> None:
        """Ask the account once more which distributions there are."""
        if self._connection is not None:
            self.use(self._facts.profile.id)

    def stop(self) -> None:
        """Close the connection and end the practice cloud. Called once, when no job runs any more."""
        self._closing = True
        self._token.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._cloud is not None:
            self._cloud.stop()
            self._cloud = None

    def _prepare(self, profile: ConnectionProfile, token: CancelToken) -> tuple[ConnectionProfile, SecretStore]:
        """In the worker thread: start the practice cloud if it is meant, find the secrets."""
        if profile.is_practice:
            if self._cloud is None:
                cloud = PracticeCloud.start(token)
                if self._closing or self._cloud is not None:
                    cloud.stop()
                    token.raise_if_cancelled()
                else:
                    self._cloud = cloud
            assert self._cloud is not None
            return practice_connection(self._cloud)
        if profile.kind in (ConnectionKind.ACCESS_KEY, ConnectionKind.S3_COMPATIBLE):
            return profile, self._saved.secrets
        return profile, MemorySecretStore()

    @Slot(object)
    def _on_opened(self, opened: _Opened) -> None:
        if opened.number != self._number or self._closing:
            opened.connection.close()
            return
        connection = opened.connection
        # The SDK found the region where the profile names none.
        profile = replace(connection.profile, region=connection.profile.region or connection.clients.region)
        serving = connection.serving()
        chosen = next((d for d in serving if d.id == profile.distribution_id), serving[0] if serving else None)
        self._set_connection(connection)
        self._set_facts(
            ConnectionFacts(
                profile,
                domain=chosen.host if chosen else "",
                status="problem" if connection.cdn_problem else "ok",
                problem=connection.cdn_problem,
                distributions=serving,
            )
        )

    @Slot(object)
    def _on_failed(self, error: VidcdnError) -> None:
        _log.warning("connection not opened: %s", error.what)
        self._set_facts(replace(self._facts, status="problem", problem=error))

    def _set_connection(self, connection: Connection | None) -> None:
        if connection is self._connection:
            return
        # A job that runs keeps the old one; its sockets close when it lets go of it.
        self._connection = connection
        self.connection_changed.emit(connection)

    def _set_facts(self, facts: ConnectionFacts) -> None:
        self._facts = facts
        self.facts_changed.emit(facts)
