"""The key pair that CloudFront links of a connection are signed with: looked after like every other secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vidcdn_desktop.credentials.model import ConnectionKind, ConnectionProfile, Secret, SecretStore
from vidcdn_desktop.credentials.secrets import SIGNING_KEY, SIGNING_KEY_ID, MemorySecretStore
from vidcdn_desktop.errors import SettingsInvalid

_BUILT_IN = (ConnectionKind.PRACTICE, ConnectionKind.ENVIRONMENT)
"""They are not saved, so nothing of theirs is."""

_LONGEST_PEM = 20_000
"""Bytes; a private key of the kinds CloudFront takes has two thousand at most."""


@dataclass(frozen=True)
class SigningKey:
    """One key pair, as the service knows it."""

    id: str
    """Of the public key at CloudFront."""
    pem: Secret = field(repr=False)
    """The private key."""


class SigningKeys:
    """Finds and keeps the key pair of a connection. Every method may block; not for the GUI thread.

    Args:
        open_store: Gives the place where the secrets of saved connections are.
    """

    def __init__(self, open_store: Callable[[], SecretStore]) -> None:
        self._open_store = open_store
        self._session = MemorySecretStore()

    def find(self, profile: ConnectionProfile) -> SigningKey | None:
        """The key pair; None if there is none.

        Raises: KeyringLocked.
        """
        store = self._store(profile)
        key_id, pem = store.get(profile.id, SIGNING_KEY_ID), store.get(profile.id, SIGNING_KEY)
        return SigningKey(key_id.reveal(), pem) if key_id and pem else None

    def keep(self, profile: ConnectionProfile, key: SigningKey) -> None:
        """Keep a key pair, after a try whether it signs.

        Raises: SettingsInvalid: CloudFront would not take it. KeyringLocked.
        """
        check(key)
        store = self._store(profile)
        store.set(profile.id, SIGNING_KEY, key.pem)
        store.set(profile.id, SIGNING_KEY_ID, Secret(key.id))

    def _store(self, profile: ConnectionProfile) -> SecretStore:
        return self._session if profile.kind in _BUILT_IN else self._open_store()


def check(key: SigningKey) -> None:
    """Sign something with a key pair.

    Raises: SettingsInvalid: CloudFront would not take it.
    """
    from vidcdn_desktop.delivery.signing import sign_url

    sign_url("https://example.com/", key.id, key.pem, datetime.now(UTC) + timedelta(minutes=1))


def read_private_key(path: Path) -> Secret:
    """The text of a private key file.

    Raises: SettingsInvalid: it cannot be read, or is no such file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_PEM + 1)
        if len(data) > _LONGEST_PEM:
            raise ValueError
        return Secret(data.decode("ascii"))
    except (OSError, ValueError):  # not chained: what cannot be read may all the same be a key
        raise SettingsInvalid(
            "The signing key cannot be read.",
            "No link was made.",
            "Choose the private key as an unencrypted PEM file.",
            subject=str(path),
        ) from None
