"""The bucket in our own words: values, and the ports `Storage` and `PartLog`.

SDK types end at the implementation (`storage/s3.py`); nobody else sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.progress import ProgressMeter


@dataclass(frozen=True)
class ObjectRef:
    """Where an object is. `key` is never URL-encoded."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class ObjectHeaders:
    """What viewers and the CDN see of an object beside its bytes."""

    content_type: str
    cache_control: str = ""
    content_disposition: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """User metadata, already encoded to ASCII (see `storage.keys.encode_metadata`), at most 2 kB in all."""


@dataclass(frozen=True)
class StoredObject:
    """An object as the bucket reports it."""

    ref: ObjectRef
    size: int
    """Bytes."""
    etag: str
    """Opaque, without quotes; of a multipart object it is no MD5."""
    checksum: str = ""
    """Full-object checksum as the store reports it, base64; empty if it keeps none."""
    checksum_algorithm: str = ""
    """"CRC64NVME", "CRC32" or empty."""
    version_id: str = ""
    headers: ObjectHeaders | None = None
    last_modified: datetime | None = None
    """Aware UTC."""
    storage_class: str = "STANDARD"


@dataclass(frozen=True)
class ObjectSummary:
    """One line of a listing."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    storage_class: str


@dataclass(frozen=True)
class ListingPage:
    """One page of a listing: up to 1,000 keys and the prefixes below."""

    objects: tuple[ObjectSummary, ...]
    prefixes: tuple[str, ...]
    next_token: str
    """Empty on the last page."""


@dataclass(frozen=True)
class PartResult:
    """One finished part."""

    number: int
    """1-based."""
    size: int
    etag: str
    checksum: str
    """Base64 CRC of the part; empty where the store takes none."""


@dataclass(frozen=True)
class UnfinishedUpload:
    """A multipart upload that was begun and neither completed nor aborted. It costs money."""

    ref: ObjectRef
    upload_id: str
    initiated: datetime


class PartLog(Protocol):
    """Where an upload is remembered while it runs. The seam for the journal; `NullPartLog` forgets.

    Calls come from the uploading threads, each before or after its effect as named.
    """

    def upload_created(self, ref: ObjectRef, upload_id: str, part_size: int, total_size: int) -> None:
        """CreateMultipartUpload has answered; no part was sent yet."""
        ...

    def part_finished(self, upload_id: str, part: PartResult) -> None:
        """UploadPart has answered."""
        ...

    def finished_parts(self, upload_id: str) -> Sequence[PartResult]:
        """Parts that need not be sent again."""
        ...

    def upload_ended(self, upload_id: str, *, completed: bool) -> None:
        """Completed or aborted: forget it."""
        ...


class Storage(Protocol):
    """An object store. Any thread may call any method.

    Every method may raise: AccessDenied, BucketNotFound, WrongRegion, CredentialsRejected, CredentialsExpired,
    CredentialsMissing, ClockWrong, Throttled, ServiceTrouble, Offline.
    """

    @property
    def checksum_algorithm(self) -> str:
        """The full-object checksum this store takes: "CRC64NVME", "CRC32" or "" for none. Found out once."""
        ...

    def put(
        self,
        ref: ObjectRef,
        source: ByteSource,
        headers: ObjectHeaders,
        *,
        token: CancelToken,
        meter: ProgressMeter | None = None,
        only_if_absent: bool = False,
    ) -> StoredObject:
        """PutObject: the whole source in one request.

        Raises: KeyTaken (only_if_absent and the key exists), ChecksumMismatch, Cancelled.
        """
        ...

    def create_multipart(self, ref: ObjectRef, headers: ObjectHeaders) -> str:
        """CreateMultipartUpload; gives the upload id."""
        ...

    def upload_part(
        self,
        ref: ObjectRef,
        upload_id: str,
        number: int,
        source: ByteSource,
        offset: int,
        length: int,
        *,
        token: CancelToken,
        meter: ProgressMeter | None = None,
    ) -> PartResult:
        """UploadPart: `length` bytes of `source` at `offset` as part `number`, read in 1 MiB blocks."""
        ...

    def complete_multipart(
        self,
        ref: ObjectRef,
        upload_id: str,
        parts: Sequence[PartResult],
        *,
        size: int,
        checksum: str,
        only_if_absent: bool = False,
    ) -> StoredObject:
        """CompleteMultipartUpload with the combined full-object checksum.

        Raises: KeyTaken, Conflict, ChecksumMismatch.
        """
        ...

    def abort_multipart(self, ref: ObjectRef, upload_id: str) -> None:
        """AbortMultipartUpload; an upload id that is gone already is fine."""
        ...

    def list_unfinished(self, bucket: str, prefix: str = "") -> Iterator[UnfinishedUpload]:
        """ListMultipartUploads, all pages."""
        ...

    def head(self, ref: ObjectRef) -> StoredObject:
        """HeadObject with checksum.

        Raises: ObjectNotFound.
        """
        ...

    def read_range(self, ref: ObjectRef, offset: int, length: int) -> bytes:
        """GetObject with a Range.

        Raises: ObjectNotFound.
        """
        ...

    def delete(self, ref: ObjectRef, version_id: str = "") -> None:
        """DeleteObject."""
        ...

    def list_page(
        self, bucket: str, prefix: str = "", *, delimiter: str = "/", token: str = "", limit: int = 1000
    ) -> ListingPage:
        """ListObjectsV2, one page."""
        ...

    def presign_get(self, ref: ObjectRef, expires_s: int) -> str:
        """A presigned GET URL, valid `expires_s` seconds at most."""
        ...
