"""The port `Storage` over boto3's S3 client. SDK types and exceptions end here.

Source: Amazon S3 API Reference: PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload,
AbortMultipartUpload, ListMultipartUploads, HeadObject, GetObject, DeleteObject, ListObjectsV2.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    AccessDenied,
    KeyTaken,
    ObjectNotFound,
    ServiceTrouble,
)
from vidcdn_desktop.progress import ProgressMeter
from vidcdn_desktop.storage.body import Pace, SendingBody
from vidcdn_desktop.storage.calls import (
    REFUSALS,
    UNKNOWN_CONDITION,
    checksum_arguments,
    code_of,
    is_aws,
    object_arguments,
    translating,
)
from vidcdn_desktop.storage.checksums import ALGORITHMS, checksum_of
from vidcdn_desktop.storage.port import (
    ListingPage,
    ObjectHeaders,
    ObjectRef,
    ObjectSummary,
    PartResult,
    StoredObject,
    UnfinishedUpload,
)
from vidcdn_desktop.storage.replies import (
    Reply,
    confirmed,
    damaged,
    etag_of,
    head_to_object,
    reported_checksum,
    version_of,
)

_log = logging.getLogger(__name__)

_PRESIGN_LIMIT_S = 7 * 24 * 3600
"""Source: Amazon S3 User Guide, "Sharing objects with presigned URLs"."""

_T = TypeVar("_T")


class S3Storage:
    """An S3 bucket or one of a compatible store. Any thread may call any method; see `Storage`.

    Args:
        client: A boto3 S3 client that `credentials.sdk.prepare_s3_client` has prepared. Shared, never closed here.
        expected_bucket_owner: Account id, sent with every request; empty if unknown.
        checksum_algorithm: "CRC64NVME", "CRC32", "" for none, or None to find out: AWS takes CRC64NVME, elsewhere
            the first store that refuses it gets CRC32, and then none.
    """

    def __init__(self, client: Any, *, expected_bucket_owner: str = "", checksum_algorithm: str | None = None) -> None:
        self._client = client
        self._owner = {"ExpectedBucketOwner": expected_bucket_owner} if expected_bucket_owner else {}
        self._may_fall_back = checksum_algorithm is None and not is_aws(client)
        self._algorithm = ALGORITHMS[0] if checksum_algorithm is None else checksum_algorithm
        self._upload_algorithms: dict[str, str] = {}
        self._takes_conditions = True
        self._paces = threading.local()

    @property
    def checksum_algorithm(self) -> str:
        """See `Storage.checksum_algorithm`; before the first upload, the one that will be tried first."""
        return self._algorithm

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
        """See `Storage.put`."""
        token.raise_if_cancelled()
        body = SendingBody(source, 0, source.size, token, meter, self._pace())
        sent: list[tuple[str, str]] = []

        def send(algorithm: str) -> Reply:
            checksum = checksum_of(algorithm, source, 0, source.size, token=token)
            sent.append((algorithm, checksum))
            body.seek(0)
            arguments = object_arguments(ref, headers) | self._owner | checksum_arguments(algorithm, checksum)
            return self._conditional(
                ref,
                only_if_absent,
                lambda condition: self._client.put_object(
                    Body=body, ContentLength=source.size, **arguments, **condition
                ),
            )

        try:
            with translating("PutObject", ref.bucket, ref.key):
                reply = self._negotiate(send)
            return self._stored(ref, reply, source.size, sent[-1][0], sent[-1][1], ())
        except BaseException:
            body.take_back()
            raise

    def create_multipart(self, ref: ObjectRef, headers: ObjectHeaders) -> str:
        """See `Storage.create_multipart`."""
        chosen: list[str] = []

        def create(algorithm: str) -> Reply:
            chosen.append(algorithm)
            kind = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"} if algorithm else {}
            reply: Reply = self._client.create_multipart_upload(**object_arguments(ref, headers), **self._owner, **kind)
            return reply

        with translating("PutObject", ref.bucket, ref.key):
            upload_id = str(self._negotiate(create)["UploadId"])
        self._upload_algorithms[upload_id] = chosen[-1]
        return upload_id

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
        """See `Storage.upload_part`. The part is read twice: for its checksum, then (from the page cache) to send."""
        token.raise_if_cancelled()
        body = SendingBody(source, offset, length, token, meter, self._pace())

        def send(algorithm: str) -> PartResult:
            checksum = checksum_of(algorithm, source, offset, length, token=token)
            body.seek(0)
            reply = self._client.upload_part(
                Bucket=ref.bucket,
                Key=ref.key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ContentLength=length,
                **self._owner,
                **checksum_arguments(algorithm, checksum),
            )
            reported = reported_checksum(reply)
            if reported and reported.algorithm == algorithm and reported.value != checksum:
                raise damaged(ref)
            return PartResult(number, length, etag_of(reply), checksum)

        algorithm = self._upload_algorithms.get(upload_id, self._algorithm)
        try:
            with translating("PutObject", ref.bucket, ref.key):
                try:
                    return send(algorithm)
                except ClientError as exc:
                    if not algorithm or not self._may_fall_back or code_of(exc) not in REFUSALS:
                        raise
                    _log.info("the store takes no checksum with a part (%s)", code_of(exc))
                    result = send("")
                    self._upload_algorithms[upload_id] = ""
                    return result
        except BaseException:
            body.take_back()
            raise

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
        """See `Storage.complete_multipart`."""
        algorithm = self._upload_algorithms.get(upload_id, self._algorithm)
        ordered = sorted(parts, key=lambda p: p.number)

        def complete(with_checksum: bool) -> Reply:
            name = f"Checksum{algorithm}"
            listed = [
                {"PartNumber": p.number, "ETag": p.etag} | ({name: p.checksum} if with_checksum and p.checksum else {})
                for p in ordered
            ]
            whole = {name: checksum, "ChecksumType": "FULL_OBJECT"} if with_checksum else {}
            return self._conditional(
                ref,
                only_if_absent,
                lambda condition: self._client.complete_multipart_upload(
                    Bucket=ref.bucket,
                    Key=ref.key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": listed},
                    MpuObjectSize=size,
                    **self._owner,
                    **whole,
                    **condition,
                ),
            )

        with translating("PutObject", ref.bucket, ref.key):
            try:
                reply = complete(bool(checksum))
            except ClientError as exc:
                if not checksum or not self._may_fall_back or code_of(exc) not in REFUSALS:
                    raise
                reply = complete(False)
        self._upload_algorithms.pop(upload_id, None)
        return self._stored(ref, reply, size, algorithm, checksum, ordered)

    def abort_multipart(self, ref: ObjectRef, upload_id: str) -> None:
        """See `Storage.abort_multipart`."""
        with translating("AbortMultipartUpload", ref.bucket, ref.key):
            try:
                self._client.abort_multipart_upload(Bucket=ref.bucket, Key=ref.key, UploadId=upload_id, **self._owner)
            except ClientError as exc:
                if code_of(exc) not in ("NoSuchUpload", "404"):
                    raise
        self._upload_algorithms.pop(upload_id, None)

    def list_unfinished(self, bucket: str, prefix: str = "") -> Iterator[UnfinishedUpload]:
        """See `Storage.list_unfinished`. A page is fetched when the one before is used up."""
        marks: dict[str, str] = {}
        while True:
            with translating("ListBucketMultipartUploads", bucket):
                reply = self._client.list_multipart_uploads(Bucket=bucket, Prefix=prefix, **self._owner, **marks)
            for item in reply.get("Uploads", ()):
                yield UnfinishedUpload(ObjectRef(bucket, item["Key"]), item["UploadId"], item["Initiated"])
            following = {
                "KeyMarker": str(reply.get("NextKeyMarker") or ""),
                "UploadIdMarker": str(reply.get("NextUploadIdMarker") or ""),
            }
            if not reply.get("IsTruncated") or following == marks:
                return
            marks = following

    def head(self, ref: ObjectRef) -> StoredObject:
        """See `Storage.head`."""
        return head_to_object(ref, self._head(ref))

    def _head(self, ref: ObjectRef) -> Reply:
        with translating("GetObject", ref.bucket, ref.key):
            reply: Reply = self._client.head_object(
                Bucket=ref.bucket, Key=ref.key, ChecksumMode="ENABLED", **self._owner
            )
        return reply

    def read_range(self, ref: ObjectRef, offset: int, length: int) -> bytes:
        """See `Storage.read_range`."""
        if length <= 0:
            return b""
        with translating("GetObject", ref.bucket, ref.key):
            reply = self._client.get_object(
                Bucket=ref.bucket, Key=ref.key, Range=f"bytes={offset}-{offset + length - 1}", **self._owner
            )
            with reply["Body"] as stream:
                # A store that ignores the range starts at 0 and says so by leaving Content-Range out.
                if offset and not reply.get("ContentRange"):
                    raise ServiceTrouble(
                        "The store does not give parts of an object.",
                        "Nothing was changed.",
                        "Use another store for videos.",
                        subject=str(ref),
                    )
                data: bytes = stream.read(length)
        return data

    def delete(self, ref: ObjectRef, version_id: str = "") -> None:
        """See `Storage.delete`."""
        version = {"VersionId": version_id} if version_id else {}
        action = "DeleteObjectVersion" if version_id else "DeleteObject"
        with translating(action, ref.bucket, ref.key):
            self._client.delete_object(Bucket=ref.bucket, Key=ref.key, **version, **self._owner)

    def list_page(
        self, bucket: str, prefix: str = "", *, delimiter: str = "/", token: str = "", limit: int = 1000
    ) -> ListingPage:
        """See `Storage.list_page`."""
        options: dict[str, Any] = {}
        if delimiter:
            options["Delimiter"] = delimiter
        if token:
            options["ContinuationToken"] = token
        with translating("ListBucket", bucket):
            reply = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=limit, **self._owner, **options)
        return ListingPage(
            tuple(
                ObjectSummary(
                    item["Key"], item["Size"], etag_of(item), item["LastModified"], item.get("StorageClass", "STANDARD")
                )
                for item in reply.get("Contents", ())
            ),
            tuple(item["Prefix"] for item in reply.get("CommonPrefixes", ())),
            str(reply.get("NextContinuationToken") or "") if reply.get("IsTruncated") else "",
        )

    def presign_get(self, ref: ObjectRef, expires_s: int) -> str:
        """See `Storage.presign_get`. Makes no request; with temporary credentials the link dies with them."""
        with translating("GetObject", ref.bucket, ref.key):
            return str(
                self._client.generate_presigned_url(
                    "get_object",
                    Params={"Bucket": ref.bucket, "Key": ref.key},
                    ExpiresIn=max(1, min(expires_s, _PRESIGN_LIMIT_S)),
                )
            )

    def _pace(self) -> Pace:
        """What this thread knows about the speed of the link."""
        pace = getattr(self._paces, "pace", None)
        if pace is None:
            pace = self._paces.pace = Pace()
        return pace

    def _negotiate(self, call: Callable[[str], _T]) -> _T:
        """Call with our checksum; on a store that refuses it with a weaker one, and remember what it took."""
        tried = self._algorithm
        try:
            return call(tried)
        except ClientError as exc:
            if not tried or not self._may_fall_back or code_of(exc) not in REFUSALS:
                raise
            refusal = exc
        for weaker in ALGORITHMS[ALGORITHMS.index(tried) + 1 :]:
            try:
                result = call(weaker)
            except ClientError as exc:
                if code_of(exc) not in REFUSALS:
                    raise
                refusal = exc
                continue
            _log.info("the store refuses %s (%s); using %s", tried, code_of(refusal), weaker or "no checksum")
            self._algorithm = weaker
            return result
        raise refusal

    def _conditional(self, ref: ObjectRef, only_if_absent: bool, call: Callable[[dict[str, str]], Reply]) -> Reply:
        """Call with `If-None-Match: *`; where a store does not know it, look first and call without."""
        if not only_if_absent:
            return call({})
        if self._takes_conditions:
            try:
                return call({"IfNoneMatch": "*"})
            except ClientError as exc:
                if not self._may_fall_back or code_of(exc) not in UNKNOWN_CONDITION:
                    raise
        try:
            self._head(ref)
        except ObjectNotFound:
            reply = call({})
            self._takes_conditions = False  # only now is it sure that the condition was refused, not the checksum
            return reply
        raise KeyTaken("There is already an object under this name.", advice="Choose another title.", subject=str(ref))

    def _stored(
        self, ref: ObjectRef, reply: Reply, size: int, algorithm: str, checksum: str, parts: Sequence[PartResult]
    ) -> StoredObject:
        """Compare what the store says it has with what was sent.

        Raises: ChecksumMismatch, and ServiceTrouble where a completed object is not there.
        """
        etag, version = etag_of(reply), version_of(reply)
        if confirmed(reply, algorithm, checksum, parts, ref):
            return StoredObject(ref, size, etag, checksum, algorithm, version)
        try:
            head = self._head(ref)
        except (AccessDenied, ObjectNotFound) as exc:
            # Writing without the right to read is a sane policy; the upload itself was acknowledged.
            if isinstance(exc, ObjectNotFound) and parts:
                raise ServiceTrouble(
                    "The bucket took the video, but it is not there.",
                    advice="Try again.",
                    subject=str(ref),
                    retryable=True,
                ) from exc
            return StoredObject(ref, size, etag, version_id=version)
        seen = head_to_object(ref, head)
        if etag and seen.etag != etag:
            # Somebody replaced it since: what we see says nothing about what we sent.
            return StoredObject(ref, size, etag, version_id=version)
        if seen.size != size:
            raise damaged(ref)
        if confirmed(head, algorithm, checksum, parts, ref):
            return StoredObject(ref, size, etag, checksum, algorithm, version)
        return StoredObject(ref, size, etag, version_id=version)
