"""Connections: which account, bucket and CDN, without any secret in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol


class ConnectionKind(Enum):
    """How a connection signs its requests."""

    PRACTICE = "practice"
    ACCESS_KEY = "access_key"
    AWS_PROFILE = "aws_profile"
    ENVIRONMENT = "environment"
    S3_COMPATIBLE = "s3_compatible"


@dataclass(frozen=True)
class ConnectionProfile:
    """One saved connection. Holds no secret; safe to log and to write to a file."""

    id: str
    """UUID in text; "practice" and "environment" for the built-in ones."""
    name: str
    kind: ConnectionKind
    bucket: str = ""
    prefix: str = "videos"
    """Where new videos go; no leading or trailing slash; may be empty."""
    region: str = ""
    access_key_id: str = ""
    aws_profile: str = ""
    """Name in the shared AWS files; used by reference, never copied."""
    endpoint_url: str = ""
    """Of an S3-compatible store or the practice cloud; empty for AWS. https unless the host is loopback."""
    cloudfront_endpoint_url: str = ""
    """Only the practice cloud has one; empty for AWS."""
    distribution_id: str = ""
    """The distribution the user chose; empty means "the first that serves the key"."""
    expected_bucket_owner: str = ""
    """Account id, sent with every write where known."""
    path_style: bool = False
    """Bucket in the path instead of the host name."""
    session_only: bool = False
    """The secret is in memory only and gone when the program ends."""

    @property
    def is_practice(self) -> bool:
        """Whether nothing leaves this computer."""
        return self.kind is ConnectionKind.PRACTICE

    @property
    def has_cdn(self) -> bool:
        """Whether there is a CloudFront control API behind it."""
        return self.kind is not ConnectionKind.S3_COMPATIBLE


@dataclass(frozen=True)
class KeyLife:
    """How long a link is good that was signed with what a connection signs with now."""

    is_temporary: bool
    """The key comes with a session token, and all that it signed ends with it."""
    ends: datetime | None = None
    """When it ends; aware UTC. None for a lasting key, and for a session token that does not say."""


class Secret:
    """Text that is never shown: `repr`, `str`, formatting and pickling give bullets or refuse."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the SDK only."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "•••"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not for storage")


class SecretStore(Protocol):
    """Where secrets live. May block on a prompt: never call on the GUI thread.

    Entries are named by profile id and field ("secret_access_key", "session_token").
    """

    @property
    def persistent(self) -> bool:
        """Whether a secret survives the end of the program."""
        ...

    def get(self, profile_id: str, field: str) -> Secret | None:
        """The secret, or None.

        Raises: KeyringLocked.
        """
        ...

    def set(self, profile_id: str, field: str, secret: Secret) -> None:
        """Keep a secret.

        Raises: KeyringLocked.
        """
        ...

    def delete(self, profile_id: str, field: str) -> None:
        """Forget a secret; one that is not there is fine."""
        ...
