"""Read what a store answers into our values, and judge its checksum against ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidcdn_desktop.errors import ChecksumMismatch, ServiceTrouble
from vidcdn_desktop.storage.checksums import composite
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef, PartResult, StoredObject

Reply = Mapping[str, Any]


def etag_of(reply: Reply) -> str:
    """The ETag without its quotes."""
    return str(reply.get("ETag") or "").strip('"')


def required(reply: Reply, field: str, ref: ObjectRef) -> str:
    """A field no whole answer lacks, without quotes.

    Raises: ServiceTrouble: it is not there. The answer was cut in its headers, which no HTTP library minds; some
        stores answer success without having done anything.
    """
    value = str(reply.get(field) or "").strip('"')
    if not value:
        raise ServiceTrouble(
            "The service's answer was incomplete.",
            advice="Try again.",
            subject=str(ref),
            retryable=True,
            code="IncompleteAnswer",
        )
    return value


def version_of(reply: Reply) -> str:
    """The version id; empty where the bucket keeps no versions."""
    version = str(reply.get("VersionId") or "")
    return "" if version == "null" else version


@dataclass(frozen=True)
class ReportedChecksum:
    """A checksum in a reply."""

    algorithm: str
    value: str
    """Base64, without the "-N" of a composite one."""
    composite: bool
    """It says itself that it covers the parts' checksums, not the bytes."""
    declared: bool
    """It says which of the two it is."""


def reported_checksum(reply: Reply) -> ReportedChecksum | None:
    """The checksum in a reply to Put, Complete or Head; None if there is none of a kind we use."""
    kind = str(reply.get("ChecksumType") or "").upper()
    for algorithm in ("CRC64NVME", "CRC32"):
        text = str(reply.get(f"Checksum{algorithm}") or "")
        if text:
            value, dash, _ = text.partition("-")
            return ReportedChecksum(algorithm, value, bool(dash) or kind == "COMPOSITE", bool(dash) or bool(kind))
    return None


def confirmed(reply: Reply, algorithm: str, checksum: str, parts: Sequence[PartResult], ref: ObjectRef) -> bool:
    """Whether `reply` confirms our checksum of the object; False if it says nothing comparable.

    A composite value is compared with the composite of our parts; it confirms nothing about the whole object's
    checksum, but one that differs proves damage.

    Raises: ChecksumMismatch: the store holds something else than what was sent.
    """
    reported = reported_checksum(reply)
    if reported is None or reported.algorithm != algorithm or not checksum:
        return False
    if not reported.composite and reported.value == checksum:
        return True
    if reported.composite or (parts and not reported.declared):
        # Some stores answer a composite value without saying so.
        of_parts = composite(algorithm, parts)
        if not of_parts or reported.value == of_parts:
            return False
    raise damaged(ref)


def damaged(ref: ObjectRef) -> ChecksumMismatch:
    """The error for an object that is not what was sent."""
    return ChecksumMismatch(
        "What arrived in the bucket is not what was sent.",
        "Nothing was published.",
        "Try again; if it happens again, check the network and the memory of this computer.",
        subject=str(ref),
        retryable=True,
    )


def head_to_object(ref: ObjectRef, reply: Reply) -> StoredObject:
    """A HeadObject reply as a value.

    Raises: ServiceTrouble: it tells no size. A reply that was cut in its head looks like a whole one, and would make
        every object empty.
    """
    if reply.get("ContentLength") is None:
        raise ServiceTrouble(
            "The store answered without the size of the object.", advice="Try again.", subject=str(ref), retryable=True
        )
    reported = reported_checksum(reply)
    full = reported if reported and not reported.composite else None
    return StoredObject(
        ref,
        int(reply["ContentLength"]),
        etag_of(reply),
        full.value if full else "",
        full.algorithm if full else "",
        version_of(reply),
        ObjectHeaders(
            str(reply.get("ContentType") or ""),
            str(reply.get("CacheControl") or ""),
            str(reply.get("ContentDisposition") or ""),
            {str(k).lower(): str(v) for k, v in (reply.get("Metadata") or {}).items()},
        ),
        reply.get("LastModified"),
        str(reply.get("StorageClass") or "STANDARD"),
        checksum_is_whole=full is None or full.declared or "-" not in etag_of(reply),
        encryption=str(reply.get("ServerSideEncryption") or ("SSE-C" if reply.get("SSECustomerAlgorithm") else "")),
    )
