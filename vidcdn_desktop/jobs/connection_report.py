"""What a test of a connection found, and what the Connections dialog needs from whoever does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from vidcdn_desktop.credentials.model import ConnectionProfile, Secret
from vidcdn_desktop.delivery.model import Distribution


class CheckState(Enum):
    """How one check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Could not be found out with these permissions; neither good nor bad."""


@dataclass(frozen=True)
class Check:
    """One finding of a connection test."""

    name: str
    """Stable identifier: "identity", "power", "clock", "bucket", "store", "cdn"."""
    state: CheckState
    text: str
    """One sentence for people. May hold text from outside: show it plain."""
    advice: str = ""
    """What to do about it; empty if nothing."""


@dataclass(frozen=True)
class ConnectionReport:
    """All findings of one test, in the order to show."""

    checks: tuple[Check, ...]
    distributions: tuple[Distribution, ...] = ()
    """Those that serve the bucket."""
    region: str = ""
    """Where the bucket really is; empty if not found out."""
    account: str = ""
    """Account id; empty if not found out."""

    @property
    def usable(self) -> bool:
        """Whether nothing failed."""
        return all(check.state is not CheckState.FAILED for check in self.checks)


class ConnectionsBackend(Protocol):
    """The work behind the Connections dialog. Every method may block: never call one on the GUI thread.

    Secrets are named "secret_access_key" and "session_token"; one that is left out stays as it is stored.
    """

    def profiles(self) -> tuple[ConnectionProfile, ...]:
        """The saved connections, without the practice cloud."""
        ...

    def aws_profile_names(self) -> tuple[str, ...]:
        """Names in the shared AWS files."""
        ...

    def test(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionReport:
        """Try a connection with harmless calls only. A refusal is a finding, not an error."""
        ...

    def save(self, profile: ConnectionProfile, secrets: Mapping[str, Secret]) -> ConnectionProfile:
        """Keep a connection; returns it as kept.

        Raises: SettingsInvalid, KeyringLocked, DiskFull.
        """
        ...

    def remove(self, profile_id: str) -> None:
        """Forget a connection and its secrets.

        Raises: KeyringLocked, DiskFull.
        """
        ...

    def use(self, profile_id: str) -> None:
        """Work through this connection from now on; "practice" is the practice cloud."""
        ...

    def keyring_note(self) -> str:
        """Where secrets go when there is no keyring, as a sentence; empty if the keyring takes them."""
        ...
