"""Finding out what a store can do, by harmless calls on one object of our own that is removed again.

Only the plain calls an upload makes anyway are made, on a random key below the connection's prefix. Nothing is ever
written to a subresource (policy, CORS, tags, ACL, …): some stores take that for a write to, or a removal of, the
object itself.

Source: Amazon S3 API Reference: PutObject, HeadObject, GetObject, CreateMultipartUpload, UploadPart, UploadPartCopy,
ListParts, CompleteMultipartUpload. The order and the doubts come from what moto, Swift's s3api and rclone answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from vidcdn_desktop.bytesource import BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.storage.calls import checksum_arguments
from vidcdn_desktop.storage.capabilities import EndpointProfile, Support
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.probe_calls import Answer, How, ProbeCalls
from vidcdn_desktop.storage.replies import etag_of, reported_checksum

PROBE_NAME = ".vidcdn-probe-"
"""Every key the probe touches has this and a random number after its last slash."""

_BODY = b"vidcdn"
_PART = b"vidcdn part"


def probe_key(prefix: str) -> str:
    """A random key below `prefix` that nobody else uses."""
    return f"{prefix.strip('/')}/{PROBE_NAME}{uuid.uuid4()}".lstrip("/")


def clean_up_probe(client: Any, bucket: str, key: str, *, expected_bucket_owner: str = "") -> None:
    """Remove what a probe has left whose process was ended in the middle. Never raises for what cannot be removed."""
    if PROBE_NAME in key:
        ProbeCalls(client, bucket, key, CancelToken(), expected_bucket_owner).clean_up_earlier()


def probe_endpoint(
    client: Any, bucket: str, prefix: str, token: CancelToken, *, expected_bucket_owner: str = "", key: str = ""
) -> EndpointProfile:
    """Ask a store what it can do: about twenty small calls on one random key below `prefix`.

    Whatever was made is removed before this returns or raises, its versions and unfinished uploads included, also
    after a cancel. Where this key may not write, everything stays unknown; where it may not delete, the probe ends
    after the first object (which stays, a few bytes).

    Args:
        client: An S3 client that `credentials.sdk.prepare_s3_client` has prepared; best one that tries once.
        bucket: The bucket to ask about.
        prefix: Where new videos go; no slash at its ends.
        token: Cancels, also in the middle of a call.
        expected_bucket_owner: Account id, sent with every request; empty if unknown.
        key: From `probe_key`, so that the caller can write it down before; empty for one nobody knows.

    Raises: Cancelled, BucketNotFound, WrongRegion, CredentialsRejected, CredentialsExpired, CredentialsMissing,
        ClockWrong, Offline.
    """
    calls = ProbeCalls(client, bucket, key or probe_key(prefix), token, expected_bucket_owner)
    probe = _Probe(calls)
    try:
        probe.run()
    finally:
        calls.clean_up()
    return EndpointProfile(**probe.found, checked_at=datetime.now(UTC), server=calls.server)


class _Probe:
    """One run. `found` grows while it goes."""

    def __init__(self, calls: ProbeCalls) -> None:
        self._calls = calls
        self.found: dict[str, Any] = {}

    def run(self) -> None:
        """Ask everything, from what tells most to what tells least."""
        algorithm = self._first_object()
        if algorithm is None or not self._may_delete():
            return
        if not self._checksums_of_an_object(algorithm):
            return
        again = self._put(algorithm, IfNoneMatch="*")
        self.found["put_if_absent"] = again.refusal
        self._range()
        self._whole_upload()
        self._conditional_upload()

    # The object
    def _put(self, algorithm: str, checksum: str | None = None, **options: Any) -> Answer:
        if checksum is None:
            checksum = _crc(algorithm, _BODY)
        return self._calls.ask("put_object", Body=_BODY, **checksum_arguments(algorithm, checksum), **options)

    def _first_object(self) -> str | None:
        """The best checksum an object is taken with; None if it is not taken at all."""
        for algorithm in ("CRC64NVME", "CRC32", ""):
            answer = self._put(algorithm)
            if algorithm == "CRC32":
                self.found["crc32"] = answer.support
            if answer.done:
                return algorithm
            if answer.how is not How.REFUSED:
                return None
        return None

    def _may_delete(self) -> bool:
        return self._calls.delete(self._calls.versions[-1] if self._calls.versions else "")

    def _checksums_of_an_object(self, algorithm: str) -> bool:
        """Put the object back; whether it is there now."""
        if algorithm != "CRC64NVME":
            self.found["crc64nvme_multipart"] = Support.NO
        if "crc32" not in self.found:
            self.found["crc32"] = self._put("CRC32").support
        if not self._put(algorithm).done:
            return False
        if algorithm:
            wrong = _crc(algorithm, _BODY[::-1])
            self.found["checks_checksum"] = {
                How.REFUSED: Support.YES,
                How.DONE: Support.NO,
            }.get(self._put(algorithm, wrong).how, Support.UNKNOWN)
        else:
            self.found["checks_checksum"] = self.found["head_checksum"] = Support.NO
            self.found["list_parts_checksum"] = Support.NO
        return True

    def _range(self) -> None:
        answer = self._calls.ask("get_object", Range="bytes=1-2")
        if not answer.done:
            return
        with contextlib.closing(answer.reply["Body"]) as body, self._calls.translated():
            right = body.read(len(_BODY) + 1) == _BODY[1:3]
        partial = answer.reply["ResponseMetadata"]["HTTPStatusCode"] == 206
        self.found["ranged_get"] = Support.YES if partial and right else Support.NO

    # Multipart uploads
    def _begin(self, **kind: Any) -> tuple[Answer, str]:
        answer = self._calls.ask("create_multipart_upload", **kind)
        return answer, str(answer.reply.get("UploadId") or "")

    def _part(self, upload_id: str, algorithm: str) -> Answer:
        return self._calls.ask(
            "upload_part",
            UploadId=upload_id,
            PartNumber=1,
            Body=_PART,
            **checksum_arguments(algorithm, _crc(algorithm, _PART)),
        )

    def _whole_upload(self) -> None:
        """An upload of one part as the program makes it, and what the store tells about it."""
        wished = [a for a in ("CRC64NVME", "CRC32") if self._takes(a)]
        for algorithm in (*wished, ""):
            kind = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"} if algorithm else {}
            created, upload_id = self._begin(**kind)
            part = self._part(upload_id, algorithm) if upload_id else created
            if part.done:
                break
            if part.how is not How.REFUSED:
                return
            if algorithm == "CRC64NVME":
                self.found["crc64nvme_multipart"] = Support.NO
        else:
            return
        etag = etag_of(part.reply)
        self.found["part_etag_md5"] = _yes(etag == hashlib.md5(_PART, usedforsecurity=False).hexdigest())
        if algorithm:
            self._listed(upload_id, algorithm)
        self._end(upload_id, etag, algorithm)

    def _takes(self, algorithm: str) -> bool:
        refused = self.found.get("crc64nvme_multipart" if algorithm == "CRC64NVME" else "crc32")
        return refused is not Support.NO

    def _listed(self, upload_id: str, algorithm: str) -> None:
        answer = self._calls.ask("list_parts", UploadId=upload_id)
        if answer.done:
            told = [reported_checksum(item) for item in answer.reply.get("Parts", ())]
            right = [t is not None and t.value == _crc(algorithm, _PART) for t in told]
            self.found["list_parts_checksum"] = _yes(right == [True])

    def _end(self, upload_id: str, etag: str, algorithm: str) -> None:
        """Complete as the program would; if that is refused, find out which of the two extras it was."""
        ways = [(with_sum, with_size) for with_sum in ([True, False] if algorithm else [False]) for with_size in (1, 0)]
        for with_sum, with_size in ways:
            answer = self._complete(upload_id, etag, algorithm if with_sum else "", bool(with_size))
            if answer.done:
                self.found["mpu_object_size"] = _yes(bool(with_size))
                if algorithm == "CRC64NVME":
                    self.found["crc64nvme_multipart"] = _yes(with_sum)
                if algorithm:
                    self._headed(algorithm)
                return
            if answer.how is not How.REFUSED or answer.gone:
                return

    def _complete(self, upload_id: str, etag: str, algorithm: str, with_size: bool, **condition: str) -> Answer:
        part: dict[str, Any] = {"PartNumber": 1, "ETag": etag}
        extra: dict[str, Any] = dict(condition)
        if algorithm:
            name, value = f"Checksum{algorithm}", _crc(algorithm, _PART)
            part[name] = extra[name] = value
            extra["ChecksumType"] = "FULL_OBJECT"
        if with_size:
            extra["MpuObjectSize"] = len(_PART)
        return self._calls.ask(
            "complete_multipart_upload", UploadId=upload_id, MultipartUpload={"Parts": [part]}, **extra
        )

    def _headed(self, algorithm: str) -> None:
        answer = self._calls.ask("head_object", ChecksumMode="ENABLED")
        if answer.done:
            told = reported_checksum(answer.reply)
            whole = told is not None and not told.composite and told.value == _crc(algorithm, _PART)
            self.found["head_checksum"] = _yes(whole)

    def _conditional_upload(self) -> None:
        """A second upload to the same key: with a part copied inside the store, and an end that must be refused."""
        _, upload_id = self._begin()
        part = self._part(upload_id, "") if upload_id else None
        if part is None or not part.done:
            return
        self._copy(upload_id)
        answer = self._complete(upload_id, etag_of(part.reply), "", False, IfNoneMatch="*")
        self.found["complete_if_absent"] = answer.refusal

    def _copy(self, upload_id: str) -> None:
        copied = self._calls.ask(
            "upload_part_copy", UploadId=upload_id, PartNumber=2, CopySource=dict(self._calls.where)
        )
        if not copied.done:
            self.found["part_copy"] = copied.support
            return
        good = bool(etag_of(copied.reply.get("CopyPartResult") or {}))
        listed = self._calls.ask("list_parts", UploadId=upload_id)
        sizes = {item.get("PartNumber"): item.get("Size") for item in listed.reply.get("Parts", ())}
        # Some stores say yes and keep an empty part.
        good = good and (not listed.done or (sizes.get(2) or 0) > 0)
        self.found["part_copy"] = _yes(good)


def _crc(algorithm: str, data: bytes) -> str:
    return checksum_of(algorithm, BytesSource(data), 0, len(data))


def _yes(found: bool) -> Support:
    return Support.YES if found else Support.NO
