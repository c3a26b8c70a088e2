"""The writing half of `S3Storage`: objects in one request, multipart uploads, and what the store says it has.

Source: Amazon S3 API Reference: PutObject, CreateMultipartUpload, UploadPart, ListParts, CompleteMultipartUpload,
AbortMultipartUpload, ListMultipartUploads.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import AccessDenied, KeyTaken, ObjectNotFound, ServiceTrouble
from vidcdn_desktop.limits import RateLimiter
from vidcdn_desktop.progress import Counter
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
from vidcdn_desktop.storage.capabilities import EndpointProfile, Support
from vidcdn_desktop.storage.checksums import ALGORITHMS, checksum_of, md5_of
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.direct import DirectCalls
from vidcdn_desktop.storage.port import (
    BegunUpload,
    ObjectHeaders,
    ObjectRef,
    PartResult,
    StoredObject,
)
from vidcdn_desktop.storage.replies import (
    Reply,
    confirmed,
    damaged,
    head_to_object,
    reported_checksum,
    required,
    version_of,
)
from vidcdn_desktop.storage.s3_unfinished import S3Unfinished

_log = logging.getLogger(__name__)

_GRACE_S = 0.15

_MD5_ETAG = re.compile(r"[0-9a-f]{32}")

_T = TypeVar("_T")


class S3Writer(S3Unfinished):
    """See `S3Storage`, which adds reading and listing."""

    def __init__(
        self,
        client: Any,
        *,
        transfer_client: Any = None,
        expected_bucket_owner: str = "",
        checksum_algorithm: str | None = None,
        profile: EndpointProfile | None = None,
    ) -> None:
        super().__init__(client, {"ExpectedBucketOwner": expected_bucket_owner} if expected_bucket_owner else {})
        self._transfer = transfer_client or client
        self._direct = DirectCalls(self._transfer)
        self._may_fall_back = checksum_algorithm is None and not is_aws(client)
        self._algorithm = ALGORITHMS[0] if checksum_algorithm is None else checksum_algorithm
        self._unconditional: set[str] = set()
        """Operations that refuse, or do not look at, `If-None-Match: *`."""
        self._takes_size = True
        self._only_echoes = False
        """Whether a checksum in an answer is only what we sent: the store does not compare it with the bytes."""
        self._etag_is_md5: bool | None = None
        """Whether the ETag of a part is its MD5, as far as it was seen."""
        self._paces = threading.local()
        self._last_pace = Pace()
        if profile is not None:
            self.adopt(profile)

    def adopt(self, profile: EndpointProfile) -> None:
        """Start from what is known of the store; what is unknown is still learned from what it refuses."""
        if self._may_fall_back and profile.best_algorithm is not None:
            self._algorithm = profile.best_algorithm
        states = {"PutObject": profile.put_if_absent, "CompleteMultipartUpload": profile.complete_if_absent}
        self._unconditional = {operation for operation, state in states.items() if state is Support.NO}
        self._only_echoes = profile.checks_checksum is Support.NO
        self._takes_size = profile.mpu_object_size is not Support.NO
        if profile.part_etag_md5 is Support.NO:
            self._etag_is_md5 = False

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
        meter: Counter | None = None,
        limiter: RateLimiter | None = None,
        only_if_absent: bool = False,
        replaces: str = "",
    ) -> StoredObject:
        """See `Storage.put`."""
        body = SendingBody(source, 0, source.size, token, meter, self._pace(), limiter)
        sent: list[tuple[str, str]] = []

        def send(algorithm: str) -> Reply:
            checksum = checksum_of(algorithm, source, 0, source.size, token=token)
            sent.append((algorithm, checksum))
            body.seek(0)
            arguments = object_arguments(ref, headers) | self._owner | checksum_arguments(algorithm, checksum)
            return self._conditional(
                ref,
                "PutObject",
                (only_if_absent, replaces),
                lambda condition: self._direct.put_object(
                    Body=body, ContentLength=source.size, **arguments, **condition
                ),
            )

        try:
            with cuttable(token) as cut, translating("PutObject", ref.bucket, ref.key):
                # An object may become visible once it was handed over; its answer is then worth a moment.
                body.on_handed_over = partial(cut.give_grace, _GRACE_S)
                reply = self._negotiate(send)
            return self._stored(ref, reply, source.size, sent[-1][0], sent[-1][1], ())
        except BaseException:
            body.take_back()
            raise

    def create_multipart(self, ref: ObjectRef, headers: ObjectHeaders) -> BegunUpload:
        """See `Storage.create_multipart`."""
        chosen: list[str] = []

        def create(algorithm: str) -> Reply:
            chosen.append(algorithm)
            kind = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"} if algorithm else {}
            reply: Reply = self._transfer.create_multipart_upload(
                **object_arguments(ref, headers), **self._owner, **kind
            )
            return reply

        with translating("PutObject", ref.bucket, ref.key):
            upload_id = required(self._negotiate(create), "UploadId", ref)
        return BegunUpload(upload_id, chosen[-1])

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
        """See `Storage.upload_part`. The part is read twice: for its checksum, then (from the page cache) to send."""
        body = SendingBody(source, offset, length, token, meter, self._pace(), limiter)

        def send(algorithm: str) -> tuple[Reply, str, str]:
            checksum = checksum_of(begun.algorithm, source, offset, length, token=token)
            body.seek(0)
            reply: Reply = self._direct.upload_part(
                Bucket=ref.bucket,
                Key=ref.key,
                UploadId=begun.upload_id,
                PartNumber=number,
                Body=body,
                ContentLength=length,
                **self._owner,
                **checksum_arguments(algorithm, checksum),
            )
            reported = reported_checksum(reply)
            if reported is None or not algorithm or reported.algorithm != algorithm:
                return reply, checksum, ""
            if self._only_echoes:
                return reply, checksum, ""
            if reported.value != checksum:
                raise damaged(ref)
            return reply, checksum, algorithm

        algorithm = "" if begun.upload_id in self._bare_parts else begun.algorithm
        try:
            with cuttable(token), translating("PutObject", ref.bucket, ref.key):
                try:
                    reply, checksum, proof = send(algorithm)
                except ClientError as exc:
                    if not algorithm or not self._may_fall_back or code_of(exc) not in REFUSALS:
                        raise
                    _log.info("the store takes no checksum with a part (%s)", code_of(exc))
                    reply, checksum, proof = send("")
                    self._bare_parts.add(begun.upload_id)
            etag = required(reply, "ETag", ref)
            proof = proof or self._proof_by_etag(ref, etag, source, offset, length, token)
            return PartResult(number, length, etag, checksum, proof)
        except BaseException:
            body.take_back()
            raise

    def _proof_by_etag(
        self, ref: ObjectRef, etag: str, source: ByteSource, offset: int, length: int, token: CancelToken
    ) -> str:
        """Where a store echoes no checksum of ours: "MD5" if the part's ETag is the MD5 of what was sent.

        An ETag need not be one (encryption with a key of the user's, other stores), which the first part tells.

        Raises: ChecksumMismatch: earlier parts had their MD5 as ETag, this one has not.
        """
        if self._etag_is_md5 is False or not _MD5_ETAG.fullmatch(etag):
            return ""
        if md5_of(source, offset, length, token=token) == etag:
            self._etag_is_md5 = True
            return "MD5"
        if self._etag_is_md5:
            raise damaged(ref)
        self._etag_is_md5 = False
        return ""

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
        """See `Storage.complete_multipart`."""
        algorithm = begun.algorithm
        ordered = sorted(parts, key=lambda p: p.number)

        def complete(with_checksum: bool) -> Reply:
            name = f"Checksum{algorithm}"
            bare = not with_checksum or begun.upload_id in self._bare_parts
            listed = [
                {"PartNumber": p.number, "ETag": p.etag} | ({name: p.checksum} if p.checksum and not bare else {})
                for p in ordered
            ]
            whole = {name: checksum, "ChecksumType": "FULL_OBJECT"} if with_checksum else {}
            return self._conditional(
                ref,
                "CompleteMultipartUpload",
                (only_if_absent, replaces),
                lambda condition: self._transfer.complete_multipart_upload(
                    Bucket=ref.bucket,
                    Key=ref.key,
                    UploadId=begun.upload_id,
                    MultipartUpload={"Parts": listed},
                    **({"MpuObjectSize": size} if self._takes_size else {}),
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
        self._bare_parts.discard(begun.upload_id)
        return self._stored(ref, reply, size, algorithm, checksum, ordered)

    def _head(self, ref: ObjectRef) -> Reply:
        with translating("GetObject", ref.bucket, ref.key):
            reply: Reply = self._client.head_object(
                Bucket=ref.bucket, Key=ref.key, ChecksumMode="ENABLED", **self._owner
            )
        return reply

    def _pace(self) -> Pace:
        """What this thread knows about the speed of the link."""
        pace: Pace | None = getattr(self._paces, "pace", None)
        if pace is None:
            # A thread that is new starts with what others have learnt: small files have a thread each.
            pace = self._paces.pace = Pace(block=self._last_pace.block)
        self._last_pace = pace
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

    def _conditional(
        self, ref: ObjectRef, operation: str, wanted: tuple[bool, str], call: Callable[[dict[str, str]], Reply]
    ) -> Reply:
        """Call with `If-None-Match: *`; where a store does not know it, look first and call without.

        `wanted`: whether the key must be free, or the ETag it must have.
        """
        only_if_absent, replaces = wanted
        if replaces:
            return self._replacing(ref, replaces, call)
        if not only_if_absent:
            return call({})
        if operation not in self._unconditional:
            try:
                return call({"IfNoneMatch": "*"})
            except ClientError as exc:
                if not self._may_fall_back or code_of(exc) not in UNKNOWN_CONDITION:
                    raise
        try:
            self._head(ref)
        except ObjectNotFound:
            reply = call({})
            self._unconditional.add(operation)  # only now is it sure that the condition was refused, not the checksum
            return reply
        raise KeyTaken("There is already an object under this name.", advice="Choose another title.", subject=str(ref))

    def _replacing(self, ref: ObjectRef, replaces: str, call: Callable[[dict[str, str]], Reply]) -> Reply:
        """Call with `If-Match`; without it where a store does not know it. Whoever calls has looked right before."""
        try:
            return call({"IfMatch": f'"{replaces}"'})
        except ClientError as exc:
            code = code_of(exc)
            if not self._may_fall_back or code not in REFUSALS | {"PreconditionFailed", "412"}:
                raise
            if code not in REFUSALS and head_to_object(ref, self._head(ref)).etag != replaces:
                raise  # it was understood: there is another object
            _log.info("the store does not understand a condition (%s)", code)
        return call({})

    def _stored(
        self, ref: ObjectRef, reply: Reply, size: int, algorithm: str, checksum: str, parts: Sequence[PartResult]
    ) -> StoredObject:
        """Compare what the store says it has with what was sent.

        Raises: ChecksumMismatch, and ServiceTrouble where a completed object is not there.
        """
        etag, version = required(reply, "ETag", ref), version_of(reply)
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
