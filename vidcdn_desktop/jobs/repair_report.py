"""What a repair inside the bucket tells of one object, before and after. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from vidcdn_desktop.media.info import BoxHeader
from vidcdn_desktop.storage.copying import Look
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.textsafe import plural


class RepairState(Enum):
    """What became of one object."""

    REPAIRED = "repaired"
    ALREADY = "already"
    """The index stands in front."""
    LEFT = "left alone"
    """For the reason told."""
    WOULD = "would be repaired"
    """A dry run."""


class RepairWay(Enum):
    """How the new object comes into the place of the old one."""

    VERSION = "new version"
    """Made under its own key; the bucket keeps the old one as a version."""
    HELPER = "new key first"
    """Made and checked under a key beside it, then copied over the old one in one step."""
    RESENT = "sent again"
    """Small, or the store cannot copy parts: sent in one request."""


@dataclass(frozen=True)
class RepairReport:
    """What became of one object, or would become of it. Bytes are bodies; of a dry run they are what a run takes."""

    ref: ObjectRef
    state: RepairState
    reason: str
    """Why it is left alone, or what stands where."""
    size: int = 0
    """Bytes of the object as it is now."""
    bytes_downloaded: int = 0
    bytes_uploaded: int = 0
    bytes_copied: int = 0
    """Inside the store."""
    parts: int = 0
    """Of the new object; 0 where nothing was written, 1 for one request."""
    requests: int = 0
    etag: str = ""
    checksum: str = ""
    """Full-object checksum as the store reports it, base64."""
    checksum_algorithm: str = ""
    proved_by: str = ""
    invalidated: int = 0
    """Distributions that were told to forget the old cut."""
    notes: tuple[str, ...] = ()
    """What the user should know beside it, in sentences."""
    seconds: float = 0.0
    versioned: bool = False
    """Whether the bucket keeps versions, so that the old cut stays as one."""
    way: RepairWay | None = None
    """How it is, or would be, put in place; None where nothing is written."""
    kept: tuple[str, ...] = ()
    """What the new object takes over, in words."""
    boxes: tuple[BoxHeader, ...] = field(default=(), repr=False)
    """Top-level boxes of the object; only of a dry run."""
    boxes_after: tuple[BoxHeader, ...] = field(default=(), repr=False)
    """And after the repair; empty unless it would be repaired."""

    def to_json(self) -> dict[str, Any]:
        """The report as the command line prints it."""
        names = ("reason", "size", "bytes_downloaded", "bytes_uploaded", "bytes_copied", "parts", "requests", "etag")
        more = ("checksum", "checksum_algorithm", "proved_by", "invalidated", "notes", "seconds", "versioned", "kept")
        values = {name: getattr(self, name) for name in (*names, *more)}
        way = self.way.value if self.way else ""
        return {"source": str(self.ref), "state": self.state.value, **values, "way": way}


_KEPT = {
    "ContentType": "content type",
    "CacheControl": "cache header",
    "ContentDisposition": "download name",
    "ContentLanguage": "language",
    "ContentEncoding": "encoding",
    "Expires": "expiry date",
    "WebsiteRedirectLocation": "redirect",
    "StorageClass": "storage class",
    "ServerSideEncryption": "encryption",
    "ObjectLockMode": "lock",
    "ObjectLockLegalHoldStatus": "legal hold",
}


def kept_words(look: Look) -> tuple[str, ...]:
    """What a repair takes over from an object: "content type", "2 metadata fields", "1 tag"."""
    found = [words for name, words in _KEPT.items() if look.carried.get(name)]
    metadata = look.carried.get("Metadata")
    if isinstance(metadata, Mapping) and metadata:
        found.append(plural(len(metadata), "metadata field"))
    if look.tag_count:
        found.append(plural(look.tag_count, "tag"))
    return tuple(found)
