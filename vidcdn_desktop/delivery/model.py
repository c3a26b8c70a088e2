"""The CDN in our own words: distributions, links, invalidations, findings of a delivery check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol


@dataclass(frozen=True)
class Origin:
    """Where a distribution fetches from."""

    id: str
    domain_name: str
    origin_path: str = ""
    """Empty, or a leading slash and no trailing one."""
    is_group: bool = False
    member_ids: tuple[str, ...] = ()
    """Of an origin group: the origins in it."""


@dataclass(frozen=True)
class Behavior:
    """Which URL paths go to which origin."""

    path_pattern: str
    """"*" for the default behavior."""
    target_origin_id: str
    needs_signature: bool = False
    """Trusted key groups or signers are on."""
    may_rewrite: bool = False
    """A function or Lambda@Edge on viewer-request may change the URL."""


@dataclass(frozen=True)
class Distribution:
    """One CloudFront distribution."""

    id: str
    domain_name: str
    """d111111abcdef8.cloudfront.net; on the practice cloud 127.0.0.1:port."""
    status: str
    """"Deployed" or "InProgress"."""
    enabled: bool
    aliases: tuple[str, ...] = ()
    comment: str = ""
    origins: tuple[Origin, ...] = ()
    behaviors: tuple[Behavior, ...] = ()
    """In order of precedence; the default behavior last."""
    default_root_object: str = ""
    staging: bool = False
    tenant_only: bool = False
    arn: str = ""

    @property
    def host(self) -> str:
        """The name viewers use: the first alias without a wildcard, else the domain name."""
        return next((alias for alias in self.aliases if "*" not in alias), self.domain_name)


@dataclass(frozen=True)
class PlayableUrl:
    """A link to an object through a distribution."""

    url: str
    """Percent-encoded, https (http only on loopback)."""
    url_path: str
    """The path part, percent-encoded, with a leading slash."""
    distribution_id: str
    host: str
    needs_signature: bool = False
    may_differ: bool = False
    """A function at the edge may rewrite the URL."""
    enabled: bool = True
    """The distribution is switched on."""
    deployed: bool = True
    staging: bool = False
    """A staging or tenant-only distribution: viewers do not reach this address."""


@dataclass(frozen=True)
class Invalidation:
    """One request to remove cached copies from every edge."""

    id: str
    distribution_id: str
    status: str
    """"InProgress" or "Completed"."""
    paths: tuple[str, ...]
    created: datetime
    """Aware UTC."""

    @property
    def is_complete(self) -> bool:
        """Whether every edge has dropped its copy (moto says COMPLETED)."""
        return self.status.lower() == "completed"


class Severity(Enum):
    """How a finding reads."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One sentence of a delivery check."""

    name: str
    """Stable identifier: "https", "http_version", "range", "content_type", "length", "etag", "index", "cache_control",
    "cache", "cors", "reachable"…"""
    severity: Severity
    text: str
    """One sentence for people."""


@dataclass(frozen=True)
class Expected:
    """What the object should look like at the edge."""

    size: int | None = None
    etag: str = ""
    content_type: str = ""
    first_bytes: bytes = b""
    """The first bytes of the object as uploaded, to tell an old copy; empty if not known."""


@dataclass(frozen=True)
class DeliveryReport:
    """What one edge really serves for one URL, measured now."""

    url: str
    ok: bool
    """True if a viewer gets the right video: reachable, right length and bytes, ranges, content type; for an MP4 with
    its index in front `index_first` too."""
    status: int | None
    """HTTP status of the ranged GET; None if nothing answered."""
    findings: tuple[Finding, ...] = ()
    content_type: str = ""
    length: int | None = None
    """Whole length by Content-Range or Content-Length, bytes."""
    etag: str = ""
    cache_control: str = ""
    x_cache: str = ""
    age_s: int | None = None
    pop: str = ""
    """Edge location, e.g. DUB56-P1."""
    index_first: bool | None = None
    """Whether moov stands before the media in the bytes the edge returned; None if not an MP4 or not fetched."""
    starts_after_bytes: int | None = None
    """How many bytes a player needs before the first frame can be found (end of moov)."""
    first_byte_s: float | None = None
    """Seconds from the request to the first byte of the body."""
    start_s: float | None = None
    """Seconds until the bytes a player needs to start were here: "starts in 0.21 s"."""
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Response headers, lower-case names, for the folded details."""


class Cdn(Protocol):
    """The CloudFront control API. Any thread may call any method.

    Every method may raise: AccessDenied, CredentialsRejected, CredentialsExpired, CredentialsMissing, ClockWrong,
    Throttled, ServiceTrouble, Offline.
    """

    def list_distributions(self) -> tuple[Distribution, ...]:
        """All distributions of the account, all pages."""
        ...

    def create_invalidation(self, distribution_id: str, paths: Sequence[str], caller_reference: str) -> Invalidation:
        """CreateInvalidation. `paths` are validated first.

        Raises: InvalidPath, InvalidationBusy.
        """
        ...

    def get_invalidation(self, distribution_id: str, invalidation_id: str) -> Invalidation:
        """GetInvalidation."""
        ...

    def list_invalidations(self, distribution_id: str, limit: int = 20) -> tuple[Invalidation, ...]:
        """The newest invalidations, with their paths."""
        ...
