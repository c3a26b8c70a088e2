"""What an object carries beside its bytes, as a value, and the plain answers when it is not what was expected.

Source: Amazon S3 API Reference: HeadObject, ListObjectVersions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vidcdn_desktop.errors import Conflict, KeyTaken, ObjectArchived, ObjectLocked, ServiceTrouble
from vidcdn_desktop.storage.copying import ARCHIVES, CARRIED
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.replies import Reply, etag_of, head_to_object

AS_IT_WAS = "The object is as it was."

TAG_RULES = "An object has at most 10 tags, of letters, digits, spaces and + - = . _ : / @."
"""Source: Amazon S3 User Guide, "Categorizing your objects using tags"."""

HEADER_FIELDS: Mapping[str, str] = {
    "content-type": "ContentType",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-language": "ContentLanguage",
    "content-encoding": "ContentEncoding",
}
"""The headers that can be edited, and how the SDK names them."""


@dataclass(frozen=True)
class KeptChecksum:
    """The checksum a store keeps of an object, of whatever kind."""

    algorithm: str
    """As the store names it: "CRC64NVME", "CRC32C", "SHA256"…"""
    value: str
    """Base64, without the "-N" of a composite one."""
    is_whole: bool | None
    """It covers the bytes of the object (full object), not the checksums of its parts (composite); None: not said."""


@dataclass(frozen=True)
class ObjectFacts:
    """An object and everything a copy of it must carry, as HeadObject tells it."""

    stored: StoredObject
    carried: Mapping[str, Any] = field(default_factory=dict)
    """Named as CopyObject does; the storage class only where it is not STANDARD."""
    tag_count: int = 0
    is_archived: bool = False
    """It cannot be read or copied as it is."""
    restoring: bool = False
    """It is being brought out of the archive."""
    lasting: str = ""
    """Why its headers cannot be written back as they are; empty: they can."""
    checksum: KeptChecksum | None = None
    """None where the store keeps none, or does not tell it."""

    @property
    def headers(self) -> dict[str, str]:
        """The editable headers that are set, by their names in HTTP."""
        return {name: str(self.carried[sdk]) for name, sdk in HEADER_FIELDS.items() if self.carried.get(sdk)}

    @property
    def metadata(self) -> dict[str, str]:
        """User metadata, names in lower case."""
        return {str(k).lower(): str(v) for k, v in (self.carried.get("Metadata") or {}).items()}


@dataclass(frozen=True)
class ObjectVersion:
    """One version of an object, or a delete marker."""

    version_id: str
    is_latest: bool
    is_marker: bool
    size: int
    etag: str
    last_modified: datetime | None


def changed(ref: ObjectRef) -> Conflict:
    """The error for an object that is another one by now."""
    return Conflict(
        "Somebody else changed the object meanwhile.",
        "Theirs is in the bucket, untouched.",
        "Look at it, and do it again if you still want to.",
        subject=str(ref),
        code="ChangedMeanwhile",
    )


def taken(ref: ObjectRef) -> KeyTaken:
    """The error for a name that is not free."""
    return KeyTaken(
        "There is already an object under this name.",
        "Neither of the two was changed.",
        "Choose another name, or say that it may be replaced.",
        subject=str(ref),
    )


def same_object(one: StoredObject, other: StoredObject) -> bool:
    """Whether two looks at a key saw the same object."""
    return (one.etag, one.size, one.version_id) == (other.etag, other.size, other.version_id)


def locked(ref: ObjectRef) -> ObjectLocked:
    """The error for a version that a retention or a legal hold protects."""
    return ObjectLocked(
        "A retention or a legal hold protects the object.",
        AS_IT_WAS,
        "Wait until the retention has ended, or ask the bucket's owner to lift the hold.",
        subject=str(ref),
    )


def refuse_archived(facts: ObjectFacts) -> None:
    """Raise ObjectArchived if an object cannot be read or copied as it is."""
    if not facts.is_archived:
        return
    raise ObjectArchived(
        "The object lies in an archive.",
        AS_IT_WAS,
        "Wait until it was brought out of there; that takes minutes to hours."
        if facts.restoring
        else "Restore it first; that takes minutes to hours.",
        subject=str(facts.stored.ref),
    )


def facts_of(ref: ObjectRef, reply: Reply) -> ObjectFacts:
    """A HeadObject reply as a value.

    Raises: ServiceTrouble: it is no whole answer.
    """
    stored = head_to_object(ref, reply)
    if not stored.etag:
        raise ServiceTrouble("The service's answer was incomplete.", AS_IT_WAS, subject=str(ref), retryable=True)
    carried = {name: reply[name] for name in CARRIED if reply.get(name)}
    if carried.get("StorageClass") == "STANDARD":
        del carried["StorageClass"]
    restore = str(reply.get("Restore") or "")
    in_archive = carried.get("StorageClass") in ARCHIVES or bool(reply.get("ArchiveStatus"))
    lasting = ""
    if reply.get("MissingMeta"):
        lasting = "The object has metadata that the store does not tell, and that would be lost."
    elif not all(str(v).isascii() for v in (reply.get("Metadata") or {}).values()):
        lasting = "The object has metadata that cannot be written back as it is."
    elif reply.get("ExpiresString") and not reply.get("Expires"):
        lasting = "The object's Expires header is no date, and would be lost."
    return ObjectFacts(
        stored,
        carried,
        int(reply.get("TagCount") or 0),
        in_archive and 'ongoing-request="false"' not in restore,
        'ongoing-request="true"' in restore,
        lasting,
        checksum_in(reply),
    )


def checksum_in(reply: Reply) -> KeptChecksum | None:
    """The checksum in a HeadObject reply, whatever its algorithm."""
    for name, text in reply.items():
        if not name.startswith("Checksum") or name == "ChecksumType" or not text:
            continue
        value, dash, _ = str(text).partition("-")
        kind = str(reply.get("ChecksumType") or "").upper()
        # Only an object that was sent in parts can have a composite one, and its ETag says that it was.
        whole = None if "-" in etag_of(reply) else True
        if dash or kind:
            whole = not dash and kind != "COMPOSITE"
        return KeptChecksum(name.removeprefix("Checksum"), value, whole)
    return None


def version_in(item: Reply, is_marker: bool) -> ObjectVersion:
    """A line of a ListObjectVersions reply as a value."""
    return ObjectVersion(
        str(item.get("VersionId") or ""),
        bool(item.get("IsLatest")),
        is_marker,
        int(item.get("Size") or 0),
        etag_of(item),
        item.get("LastModified"),
    )


def newest_first(versions: Iterable[ObjectVersion]) -> tuple[ObjectVersion, ...]:
    """In the order in which they were written, the one that is served first."""
    epoch = datetime.min
    order = sorted(versions, key=lambda v: (v.last_modified or epoch).replace(tzinfo=None), reverse=True)
    return tuple(sorted(order, key=lambda v: not v.is_latest))
