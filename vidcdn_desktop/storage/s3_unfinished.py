"""What `S3Storage` does about uploads that are not finished: list their parts, list them, remove them.

Source: Amazon S3 API Reference: ListParts, ListMultipartUploads, AbortMultipartUpload.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from vidcdn_desktop.storage.calls import code_of, translating
from vidcdn_desktop.storage.port import ObjectRef, PartResult, UnfinishedUpload
from vidcdn_desktop.storage.replies import etag_of, reported_checksum


class S3Unfinished:
    """See `S3Storage`."""

    def __init__(self, client: Any, owner: Mapping[str, str]) -> None:
        """`owner`: arguments that name the bucket's expected owner, where it is known."""
        self._client = client
        self._owner = dict(owner)
        self._bare_parts: set[str] = set()
        """Upload ids whose parts are refused with a checksum."""

    def abort_multipart(self, ref: ObjectRef, upload_id: str) -> None:
        """See `Storage.abort_multipart`."""
        with translating("AbortMultipartUpload", ref.bucket, ref.key):
            try:
                self._client.abort_multipart_upload(Bucket=ref.bucket, Key=ref.key, UploadId=upload_id, **self._owner)
            except ClientError as exc:
                if code_of(exc) not in ("NoSuchUpload", "404"):
                    raise
        self._bare_parts.discard(upload_id)

    def list_parts(self, ref: ObjectRef, upload_id: str) -> Iterator[PartResult]:
        """See `Storage.list_parts`. A page is fetched when the one before is used up."""
        marker = 0
        while True:
            with translating("ListMultipartUploadParts", ref.bucket, ref.key):
                reply = self._client.list_parts(
                    Bucket=ref.bucket, Key=ref.key, UploadId=upload_id, PartNumberMarker=marker, **self._owner
                )
            for item in reply.get("Parts", ()):
                told = reported_checksum(item)
                yield PartResult(item["PartNumber"], item["Size"], etag_of(item), told.value if told else "")
            following = int(reply.get("NextPartNumberMarker") or 0)
            if not reply.get("IsTruncated") or following <= marker:
                return
            marker = following

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
