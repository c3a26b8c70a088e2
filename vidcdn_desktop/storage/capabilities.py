"""What a store can do, as far as it was found out. Pure values; `storage.probing` finds out.

Unknown is a state of its own: nothing is built on it, and the program learns by what the store refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any


class Support(Enum):
    """Whether a store has a feature."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


_UNKNOWN = Support.UNKNOWN


@dataclass(frozen=True)
class EndpointProfile:
    """The features of one store that uploads, downloads and links rely on."""

    crc64nvme_multipart: Support = _UNKNOWN
    """A multipart upload is taken with a full-object CRC64NVME."""
    crc32: Support = _UNKNOWN
    """An object is taken with a CRC32."""
    checks_checksum: Support = _UNKNOWN
    """Bytes that do not fit the checksum sent with them are refused."""
    head_checksum: Support = _UNKNOWN
    """HeadObject reports the full-object checksum of a multipart object."""
    list_parts_checksum: Support = _UNKNOWN
    """ListParts reports the checksum of each part."""
    put_if_absent: Support = _UNKNOWN
    """PutObject with `If-None-Match: *` does not replace an object."""
    complete_if_absent: Support = _UNKNOWN
    """The same of CompleteMultipartUpload."""
    part_copy: Support = _UNKNOWN
    """UploadPartCopy copies, and answers with an ETag."""
    mpu_object_size: Support = _UNKNOWN
    """CompleteMultipartUpload is taken with the size of the object."""
    part_etag_md5: Support = _UNKNOWN
    """The ETag of a part is its MD5."""
    ranged_get: Support = _UNKNOWN
    """GetObject with a Range answers 206 and the bytes asked for."""
    cloudfront: Support = _UNKNOWN
    """There is a CloudFront control API behind it."""
    checked_at: datetime | None = None
    """When this was found out, aware UTC; None for what is known beforehand."""
    server: str = ""
    """How the store names itself (its Server header). From outside: show it plain."""

    @property
    def is_known(self) -> bool:
        """Whether anything at all was found out about storing."""
        return any(
            getattr(self, name) is not Support.UNKNOWN for name in FEATURES if name not in ("cloudfront", "ranged_get")
        )

    @property
    def best_algorithm(self) -> str | None:
        """The checksum to send: "CRC64NVME", "CRC32", "" for none; None where it has to be tried."""
        if self.crc64nvme_multipart is Support.YES:
            return "CRC64NVME"
        if self.crc64nvme_multipart is Support.NO and self.crc32 is not Support.UNKNOWN:
            return "CRC32" if self.crc32 is Support.YES else ""
        return None

    def with_cloudfront(self, present: bool) -> EndpointProfile:
        """The same store, with or without a CDN behind it."""
        return replace(self, cloudfront=Support.YES if present else Support.NO)


FEATURES: Mapping[str, str] = {
    "crc64nvme_multipart": "CRC64NVME over a whole multipart upload",
    "crc32": "CRC32 with an object",
    "checks_checksum": "refuses bytes that do not fit their checksum",
    "head_checksum": "tells the checksum of an object",
    "list_parts_checksum": "tells the checksums of parts",
    "put_if_absent": "refuses to replace an object",
    "complete_if_absent": "refuses to replace an object by a multipart upload",
    "part_copy": "copies parts inside the store",
    "mpu_object_size": "takes the size when a multipart upload ends",
    "part_etag_md5": "the ETag of a part is its MD5",
    "ranged_get": "answers ranges with 206",
    "cloudfront": "CloudFront behind it",
}
"""The names of the fields that hold a `Support`, and how a person reads them."""

_YES = Support.YES

AWS = EndpointProfile(
    crc64nvme_multipart=_YES,
    crc32=_YES,
    checks_checksum=_YES,
    head_checksum=_YES,
    list_parts_checksum=_YES,
    put_if_absent=_YES,
    complete_if_absent=_YES,
    part_copy=_YES,
    mpu_object_size=_YES,
    # With a key of the user's for encryption it is not.
    part_etag_md5=Support.UNKNOWN,
    ranged_get=_YES,
    server="AmazonS3",
)
"""Amazon S3 is known and never probed. Source: Amazon S3 API Reference; User Guide, "Checking object integrity"."""

PRACTICE = replace(AWS, checks_checksum=Support.NO, list_parts_checksum=Support.NO, part_etag_md5=_YES, server="")
"""The practice cloud, as a probe finds it."""


@dataclass(frozen=True)
class Lack:
    """Something a store cannot do."""

    what: str
    """In plain words, without a full stop."""
    meaning: str
    """What it means for videos, and what the program does about it: begins small, so that both make one sentence."""

    def __str__(self) -> str:
        return f"{self.what}: {self.meaning}"


def missing(profile: EndpointProfile) -> tuple[Lack, ...]:
    """What a store lacks and what that means for videos; empty if nothing, or if nothing is known."""
    told: list[Lack] = []
    if profile.head_checksum is Support.NO:
        proofs = "sizes, part ETags" if profile.part_etag_md5 is not Support.NO else "sizes"
        checks = profile.checks_checksum is Support.YES
        what = "This store checks what arrives but keeps no checksums" if checks else "This store keeps no checksums"
        told.append(Lack(what, f"uploads are proved by {proofs} and reading back."))
    elif profile.checks_checksum is Support.NO:
        told.append(Lack("This store does not check what arrives", "the program compares checksums after the upload."))
    if Support.NO in (profile.put_if_absent, profile.complete_if_absent):
        told.append(
            Lack(
                "This store cannot refuse to overwrite",
                "the program looks first, but two people who publish under the same name at the same moment can "
                "replace each other's video.",
            )
        )
    if profile.part_copy is Support.NO:
        told.append(
            Lack(
                "This store cannot copy parts of large videos",
                "renaming or moving such a video means sending it again.",
            )
        )
    if profile.ranged_get is Support.NO:
        told.append(Lack("This store does not answer ranges properly", "some players cannot jump within a video."))
    return tuple(told)


def to_json(profile: EndpointProfile) -> dict[str, Any]:
    """The profile as an object of plain values."""
    found: dict[str, Any] = {name: getattr(profile, name).value for name in FEATURES}
    found["checked_at"] = profile.checked_at.isoformat() if profile.checked_at else None
    found["server"] = profile.server
    return found


def from_json(data: Mapping[str, Any]) -> EndpointProfile:
    """The profile from an object; what makes no sense, or is of another version, is unknown."""
    values: dict[str, Any] = {}
    for name in FEATURES:
        try:
            values[name] = Support(data.get(name, "unknown"))
        except ValueError:
            values[name] = Support.UNKNOWN
    try:
        checked_at = datetime.fromisoformat(data["checked_at"])
        values["checked_at"] = checked_at.astimezone(UTC) if checked_at.tzinfo else None
    except (KeyError, TypeError, ValueError):
        values["checked_at"] = None
    server = data.get("server", "")
    values["server"] = server if isinstance(server, str) else ""
    return EndpointProfile(**values)
