"""The bucket in our own words: values, and the ports `Storage` and `PartLog`.

SDK types end at the implementation (`storage/s3.py`); nobody else sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import Counter

if TYPE_CHECKING:
    from vidcdn_desktop.storage.listing_model import Bucket, ListedPage, VersionPage
    from vidcdn_desktop.storage.weather import Weather


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
    carried: Mapping[str, Any] = field(default_factory=dict)
    """What else a successor takes over from an object, named as PutObject does (see `storage.copying.CARRIED`)."""


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
    proved_by: str = ""
    """How it is known that these are the bytes that were sent, in words for a badge; empty if nothing was sent."""
    checksum_is_whole: bool = True
    """False where `checksum` may be one of the parts' checksums: the object has parts, and the store does not say."""
    encryption: str = ""
    """At rest, as the store names it: "AES256", "aws:kms", "SSE-C"; empty if it says nothing. With any but AES256 the
    ETag of an object sent in one request is no MD5."""


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
    proof: str = ""
    """What the store itself confirmed about this part: "CRC64NVME", "CRC32", "MD5", or empty for nothing."""


@dataclass(frozen=True)
class BegunUpload:
    """A multipart upload that was created and not ended."""

    upload_id: str
    algorithm: str
    """The checksum algorithm it was created with: "CRC64NVME", "CRC32" or "" for none."""


@dataclass(frozen=True)
class UnfinishedUpload:
    """A multipart upload that was begun and neither completed nor aborted. It costs money."""

    ref: ObjectRef
    upload_id: str
    initiated: datetime


@dataclass(frozen=True)
class UploadIntent:
    """What is about to be sent, written down before its first byte leaves."""

    ref: ObjectRef
    size: int
    """Bytes of the object."""
    part_size: int
    """Bytes; 0 for a single request."""
    mark: str
    """Value of the object's `vidcdn-job` metadata: tells this upload's object from any other."""
    layout: str
    """Digest of the planned bytes: source identity, ranges and the patched head (see `bytesource.layout_digest`)."""
    only_if_absent: bool
    """Whether the key must be free."""


@dataclass(frozen=True)
class UploadRecord:
    """What a `PartLog` remembers of an upload that was begun and has not ended."""

    intent: UploadIntent
    upload_id: str
    """Empty: CreateMultipartUpload may have been answered, but the answer was not written down."""
    algorithm: str
    """Checksum algorithm the upload was created with; empty for none."""
    parts: tuple[PartResult, ...]
    """Finished parts as far as they were written down. The bucket is right, this is a hint."""
    completing: bool
    """The request that makes the object visible was about to be sent."""
    begun: datetime
    """When the intent was written down; aware UTC."""


class PartLog(Protocol):
    """One upload's memory, across restarts. The journal implements it; `NullPartLog` forgets.

    Calls come from the uploading threads, each before or after its effect as named. "Durable" calls return when a
    loss of power cannot undo them.
    """

    def earlier(self) -> UploadRecord | None:
        """The upload this log was left with, or None."""
        ...

    def planned(self, intent: UploadIntent) -> None:
        """Before anything is sent; replaces what was remembered. Durable."""
        ...

    def created(self, upload_id: str, algorithm: str) -> None:
        """CreateMultipartUpload has answered; no part was sent yet. Durable."""
        ...

    def part_finished(self, part: PartResult) -> None:
        """UploadPart has answered. May reach the disk a little later: the bucket knows it, too."""
        ...

    def completing(self) -> None:
        """The object is about to be made visible. Durable."""
        ...

    def ended(self, *, completed: bool) -> None:
        """Completed, or aborted and gone: forget it. Durable."""
        ...


class RangeStream(Protocol):
    """The bytes of one range as they arrive. One thread."""

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer, and in the end none, where the reply stops.

        Raises: Offline: the connection broke.
        """
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
        meter: Counter | None = None,
        limiter: RateLimiter | None = None,
        only_if_absent: bool = False,
        replaces: str = "",
    ) -> StoredObject:
        """PutObject: the whole source in one request. `replaces`: the ETag that must be there, or nothing is written.

        Raises: KeyTaken (only_if_absent and the key exists, or `replaces` and another object is there),
            ChecksumMismatch, Cancelled.
        """
        ...

    def create_multipart(self, ref: ObjectRef, headers: ObjectHeaders) -> BegunUpload:
        """CreateMultipartUpload."""
        ...

    def upload_part(
        self,
        ref: ObjectRef,
        begun: BegunUpload,
        number: int,
        source: ByteSource,
        offset: int,
        length: int,
        *,
        token: CancelToken,
        meter: Counter | None = None,
        limiter: RateLimiter | None = None,
    ) -> PartResult:
        """UploadPart: `length` bytes of `source` at `offset` as part `number`, read in 1 MiB blocks.

        Raises: UploadGone, ChecksumMismatch, Cancelled (within milliseconds: the connection is cut).
        """
        ...

    def complete_multipart(
        self,
        ref: ObjectRef,
        begun: BegunUpload,
        parts: Sequence[PartResult],
        *,
        size: int,
        checksum: str,
        only_if_absent: bool = False,
        replaces: str = "",
    ) -> StoredObject:
        """CompleteMultipartUpload with the combined full-object checksum; `replaces` as for `put`.

        Raises: KeyTaken, Conflict, ChecksumMismatch.
        """
        ...

    def abort_multipart(self, ref: ObjectRef, upload_id: str) -> None:
        """AbortMultipartUpload; an upload id that is gone already is fine."""
        ...

    def list_parts(self, ref: ObjectRef, upload_id: str) -> Iterator[PartResult]:
        """ListParts, all pages; `checksum` is empty where the store tells none.

        Raises: UploadGone: the upload id was completed, aborted, or swept by a lifecycle rule.
        """
        ...

    def list_unfinished(self, bucket: str, prefix: str = "") -> Iterator[UnfinishedUpload]:
        """ListMultipartUploads, all pages."""
        ...

    def head(self, ref: ObjectRef, version_id: str = "") -> StoredObject:
        """HeadObject with checksum; of a certain version where one is named.

        Raises: ObjectNotFound.
        """
        ...

    def read_range(self, ref: ObjectRef, offset: int, length: int) -> bytes:
        """GetObject with a Range.

        Raises: ObjectNotFound.
        """
        ...

    def open_range(
        self, stored: StoredObject, offset: int, length: int, *, token: CancelToken, version_id: str = ""
    ) -> AbstractContextManager[RangeStream]:
        """GetObject with a Range and `If-Match`: bytes of the very object that `head` told of.

        Raises: Conflict: the object is another one by now. ObjectNotFound. Cancelled (within milliseconds, also while
            reading: the connection is cut).
        """
        ...

    def delete(self, ref: ObjectRef, version_id: str = "") -> None:
        """DeleteObject."""
        ...

    def list_page(
        self, bucket: str, prefix: str = "", *, delimiter: str = "/", token: str = "", limit: int = 1000
    ) -> ListingPage:
        """ListObjectsV2, one page, tried a few times. Who wants all of a listing takes `list_pages`."""
        ...

    def list_pages(
        self,
        bucket: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        token: CancelToken,
        start_after: str = "",
        parallel: int = 16,
        weather: Weather | None = None,
    ) -> Iterator[ListedPage]:
        """ListObjectsV2, all pages, each key exactly once; the first page after one round trip.

        With `parallel` above 1 pages come as they are answered, on as many connections as help: the first of all
        first, the others in any order (`storage.listing.in_order` sorts them by what each says it lies between). Ends
        its threads when it is exhausted, closed or stopped. Faults that pass are waited for by `weather`, which may
        also renew a sign-in; without one a few seconds.

        Args:
            bucket: Its name.
            prefix: What keys begin with.
            delimiter: "/" for one level and the folders below it; empty for everything.
            token: Stops it within milliseconds.
            start_after: Only what lies above this key.
            parallel: Connections at most; 1: one, and pages in order.
            weather: How long to put up with faults.

        Raises: Cancelled, while it is read.
        """
        ...

    def list_versions(
        self, bucket: str, prefix: str = "", *, delimiter: str = "", token: CancelToken, weather: Weather | None = None
    ) -> Iterator[VersionPage]:
        """ListObjectVersions, all pages in order: every version and delete marker. Slow on purpose: ask when wanted.

        Raises: Cancelled, while it is read.
        """
        ...

    def list_buckets(self) -> tuple[Bucket, ...]:
        """ListBuckets: the account's buckets by name.

        Raises: AccessDenied: the account may not see them, though it may use one that is named.
        """
        ...

    def presign_get(self, ref: ObjectRef, expires_s: int) -> str:
        """A presigned GET URL, valid `expires_s` seconds at most."""
        ...
