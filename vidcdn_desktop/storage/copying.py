"""The calls of a repair: look at an object with all it carries, make its successor out of it inside the store.

Every reply is held against what it must say. A condition that a store does not know is left out, and never relied on
alone: who writes looks right before.

Source: Amazon S3 API Reference: GetObject, HeadObject, GetObjectTagging, GetObjectAcl, CreateMultipartUpload,
UploadPartCopy, CompleteMultipartUpload, CopyObject, PutObject.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    Conflict,
    KeyTaken,
    Offline,
    ServiceTrouble,
    Throttled,
    UnsupportedMedia,
    VidcdnError,
)
from vidcdn_desktop.storage.calls import REFUSALS, checksum_arguments, code_of, is_aws, translating
from vidcdn_desktop.storage.cuttable import cuttable
from vidcdn_desktop.storage.port import BegunUpload, ObjectRef, PartResult, StoredObject
from vidcdn_desktop.storage.remote_source import Traffic
from vidcdn_desktop.storage.repair_parts import RepairPart
from vidcdn_desktop.storage.replies import Reply, etag_of, head_to_object, reported_checksum, required, version_of

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

UNCHANGED = "The video in the bucket is as it was."

CARRIED = (
    *("ContentType", "CacheControl", "ContentDisposition", "ContentLanguage", "ContentEncoding", "Expires"),
    *("WebsiteRedirectLocation", "Metadata", "StorageClass", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"),
    *("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus"),
)
"""What GetObject tells and CreateMultipartUpload, PutObject and CopyObject take under the same name."""

_COPIED_BY_ITSELF = frozenset(CARRIED[:6]) | {"Metadata", "Tagging"}
"""What CopyObject takes over from its source unless told otherwise."""

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


class CannotCopy(VidcdnError):
    """The store does not copy parts inside itself."""

    title = "This store cannot copy"


@dataclass(frozen=True)
class Look:
    """An object and everything its successor must carry."""

    stored: StoredObject
    head: bytes
    """Its first bytes."""
    carried: Mapping[str, Any] = field(default_factory=dict)
    """Named as CreateMultipartUpload does."""
    tag_count: int = 0


def replaced(ref: ObjectRef) -> Conflict:
    """The error for an object that somebody else has replaced meanwhile."""
    return Conflict(
        "The video was replaced by somebody else while it was being repaired.",
        "Their video is in the bucket, untouched.",
        "Repair it again if it still needs it.",
        subject=str(ref),
    )


class Copier:
    """Calls on one store. Any thread may call any method; `traffic` is kept roughly, not locked.

    Args:
        client: A boto3 S3 client that `credentials.sdk.prepare_s3_client` has prepared; never closed here.
        token: Cancels within milliseconds: the connection is cut.
        traffic: Where requests and bytes are counted.
        asking_client: One that tries once, for questions that some stores only answer with a fault.
        expected_bucket_owner: Account id, sent with every request; empty if unknown.
    """

    _unchanged = UNCHANGED
    """What a failure means for the object."""

    def __init__(
        self,
        client: Any,
        token: CancelToken,
        traffic: Traffic,
        *,
        asking_client: Any = None,
        expected_bucket_owner: str = "",
    ) -> None:
        self._client = client
        self._asking = asking_client or client
        self._token = token
        self.traffic = traffic
        """What was counted so far."""
        self._owner = {"ExpectedBucketOwner": expected_bucket_owner} if expected_bucket_owner else {}
        self._aws = is_aws(client)

    def uncancelled(self) -> Self:
        """The same for steps that cannot be taken back, and for cleaning up: a cancel does not reach them."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._token = CancelToken()
        return other

    def look(self, ref: ObjectRef, length: int) -> Look:
        """The first `length` bytes of an object and what it carries, in one request.

        Raises: ObjectNotFound. UnsupportedMedia: it cannot be read or carried over; the words say why.
        """
        try:
            reply, head = self._call("GetObject", ref, lambda: self._read(ref, length))
        except VidcdnError as exc:
            if exc.code == "InvalidRange":
                raise _left(ref, "The object is empty.") from exc
            if exc.code in ("InvalidObjectState", "InvalidRequest"):
                raise _left(ref, "The video is in an archive or locked with a key of its own.") from exc
            raise
        found = _TOTAL.fullmatch(str(reply.get("ContentRange") or ""))
        size = int(found[1]) if found else int(reply.get("ContentLength") or 0)
        stored = head_to_object(ref, {**reply, "ContentLength": size})
        if len(head) < min(length, size) or not stored.etag:
            raise ServiceTrouble("The service's answer was incomplete.", UNCHANGED, subject=str(ref), retryable=True)
        _refuse_what_cannot_be_carried(ref, reply, found is not None or len(head) == size)
        carried = {name: reply[name] for name in CARRIED if reply.get(name)}
        if carried.get("StorageClass") == "STANDARD":
            del carried["StorageClass"]
        return Look(replace(stored, checksum="", checksum_algorithm=""), head, carried, int(reply.get("TagCount") or 0))

    def with_tags_and_acl(self, look: Look) -> Look:
        """The look with what takes requests of its own: tags, and whether everybody may read the object."""
        ref = look.stored.ref
        version = {"VersionId": look.stored.version_id} if look.stored.version_id else {}
        place = {"Bucket": ref.bucket, "Key": ref.key, **version, **self._owner}
        carried = dict(look.carried)
        if look.tag_count or not self._aws:
            tags = self._asked("GetObjectTagging", ref, lambda: self._asking.get_object_tagging(**place))
            pairs = [(tag["Key"], tag["Value"]) for tag in tags.get("TagSet", ())]
            if look.tag_count and len(pairs) != look.tag_count:
                raise _left(ref, "The tags of the object may not be read, and would be lost.")
            if pairs:
                carried["Tagging"] = urlencode(pairs, quote_via=quote)
        grants = self._asked("GetObjectAcl", ref, lambda: self._asking.get_object_acl(**place)).get("Grants", ())
        if any(g.get("Grantee", {}).get("URI") == _EVERYBODY and g.get("Permission") == "READ" for g in grants):
            carried["ACL"] = "public-read"
        return replace(look, carried=carried)

    def _asked(self, action: str, ref: ObjectRef, call: Callable[[], Reply]) -> Reply:
        """The answer to a harmless question; nothing where it is not understood or not permitted."""
        try:
            return self._call(action, ref, call)
        except VidcdnError as exc:
            if isinstance(exc, (Offline, Throttled)):
                raise
            _log.info("%s is not answered: %s", action, exc.code)
            return {}

    def head(self, ref: ObjectRef, version_id: str = "") -> StoredObject:
        """HeadObject with the checksum.

        Raises: ObjectNotFound.
        """
        version = {"VersionId": version_id} if version_id else {}
        reply = self._call(
            "GetObject",
            ref,
            lambda: self._client.head_object(
                Bucket=ref.bucket, Key=ref.key, ChecksumMode="ENABLED", **version, **self._owner
            ),
        )
        return head_to_object(ref, reply)

    def still(self, stored: StoredObject) -> StoredObject:
        """Look that an object is still under its key; gives it with its checksum.

        Raises: Conflict: it is another one, or gone.
        """
        ref = stored.ref
        try:
            found = self.head(ref)
        except VidcdnError as exc:
            if exc.kind == "ObjectNotFound":
                raise replaced(ref) from exc
            raise
        if (found.etag, found.size, found.version_id) != (stored.etag, stored.size, stored.version_id):
            raise replaced(ref)
        return found

    def create(self, ref: ObjectRef, carried: Mapping[str, Any], algorithm: str) -> BegunUpload:
        """CreateMultipartUpload."""

        def begin(algorithm: str) -> Reply:
            kind = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"} if algorithm else {}
            reply: Reply = self._client.create_multipart_upload(
                Bucket=ref.bucket, Key=ref.key, **carried, **kind, **self._owner
            )
            return reply

        def call() -> BegunUpload:
            try:
                return BegunUpload(required(begin(algorithm), "UploadId", ref), algorithm)
            except ClientError as exc:
                if not algorithm or self._aws or code_of(exc) not in REFUSALS:
                    raise
            return BegunUpload(required(begin(""), "UploadId", ref), "")

        return self._call("PutObject", ref, call)

    def copy_part(self, source: StoredObject, ref: ObjectRef, begun: BegunUpload, part: RepairPart) -> PartResult:
        """UploadPartCopy of a range of `source`.

        Raises: CannotCopy: the store does not know it; some say success and store nothing. Conflict: the source is
            another object by now.
        """
        assert part.copied_from is not None
        first, last = part.copied_from, part.copied_from + part.length - 1

        def call() -> Reply:
            try:
                reply: Reply = self._client.upload_part_copy(
                    Bucket=ref.bucket,
                    Key=ref.key,
                    UploadId=begun.upload_id,
                    PartNumber=part.number,
                    CopySource=_source(source),
                    CopySourceRange=f"bytes={first}-{last}",
                    CopySourceIfMatch=f'"{source.etag}"',
                    **self._owner,
                )
            except ClientError as exc:
                if not self._aws and code_of(exc) in REFUSALS:
                    raise _cannot_copy(ref) from exc
                raise
            return reply

        reply = self._call("PutObject", ref, call)
        result = reply.get("CopyPartResult") or {}
        etag = etag_of(result)
        if not etag:
            raise _cannot_copy(ref)
        self.traffic.bytes_copied += part.length
        told = reported_checksum(result)
        return PartResult(part.number, part.length, etag, told.value if told else "")

    def complete(
        self, ref: ObjectRef, begun: BegunUpload, parts: Sequence[PartResult], *, checksum: str = "", replaces: str = ""
    ) -> StoredObject:
        """CompleteMultipartUpload.

        Args:
            ref: Bucket and key.
            begun: The upload.
            parts: All its parts.
            checksum: Of the whole object, of the upload's algorithm; the store refuses what does not fit it.
            replaces: ETag of the object that may be replaced; empty: whatever there is.

        Raises: Conflict: there is another object. What `translating` tells.
        """
        listed = [{"PartNumber": p.number, "ETag": p.etag} for p in sorted(parts, key=lambda p: p.number)]
        name = f"Checksum{begun.algorithm}"
        if all(p.checksum for p in parts) and begun.algorithm:
            listed = [
                {**line, name: part.checksum}
                for line, part in zip(listed, sorted(parts, key=lambda p: p.number), strict=True)
            ]
        whole = {name: checksum, "ChecksumType": "FULL_OBJECT"} if checksum and self._aws else {}
        reply = self._conditional(
            ref,
            replaces,
            lambda condition: self._client.complete_multipart_upload(
                Bucket=ref.bucket,
                Key=ref.key,
                UploadId=begun.upload_id,
                MultipartUpload={"Parts": listed},
                **whole,
                **condition,
                **self._owner,
            ),
        )
        return _written(ref, reply, reply, sum(part.size for part in parts))

    def copy_object(
        self,
        source: StoredObject,
        ref: ObjectRef,
        carried: Mapping[str, Any],
        replaces: str,
        *,
        with_headers: bool = False,
    ) -> StoredObject:
        """CopyObject: `source`, at most 5 GiB, with its headers and tags, in place of the object with ETag `replaces`.

        `with_headers`: the headers and the metadata are those of `carried`, all of them, instead of the source's.

        Raises: Conflict: there is another object. ServiceTrouble: the answer is no answer.
        """
        left_out = {"Tagging"} if with_headers else _COPIED_BY_ITSELF
        rest = {name: value for name, value in carried.items() if name not in left_out}
        if with_headers:
            rest["MetadataDirective"] = "REPLACE"
        reply = self._conditional(
            ref,
            replaces,
            lambda condition: self._client.copy_object(
                Bucket=ref.bucket,
                Key=ref.key,
                CopySource=_source(source),
                CopySourceIfMatch=f'"{source.etag}"',
                **rest,
                **condition,
                **self._owner,
            ),
        )
        self.traffic.bytes_copied += source.size
        return _written(ref, reply.get("CopyObjectResult") or {}, reply, source.size)

    def put(
        self, ref: ObjectRef, data: bytes, carried: Mapping[str, Any], algorithm: str, checksum: str, replaces: str
    ) -> StoredObject:
        """PutObject in place of the object with ETag `replaces`.

        Raises: Conflict: there is another object.
        """

        def send(condition: Mapping[str, str]) -> Reply:
            def once(sums: Mapping[str, str]) -> Reply:
                self.traffic.bytes_up += len(data)
                # A store that does not know the condition may hang up: that is not worth five tries.
                client = self._asking if condition and not self._aws else self._client
                reply: Reply = client.put_object(
                    Bucket=ref.bucket, Key=ref.key, Body=data, **carried, **sums, **condition, **self._owner
                )
                return reply

            sums = checksum_arguments(algorithm, checksum)
            try:
                return once(sums)
            except ClientError as exc:
                if not sums or condition or self._aws or code_of(exc) not in REFUSALS:
                    raise
            return once({})

        reply = self._conditional(ref, replaces, send)
        return _written(ref, reply, reply, len(data))

    def _conditional(self, ref: ObjectRef, replaces: str, call: Callable[[dict[str, str]], Reply]) -> Reply:
        """Call with `If-Match`; without it where a store does not know it. Whoever calls has looked right before."""
        condition = {"IfMatch": f'"{replaces}"'} if replaces else {}

        def attempt() -> Reply:
            try:
                return call(condition)
            except ClientError as exc:
                if not condition or self._aws or code_of(exc) not in REFUSALS:
                    raise
                _log.info("the store knows no condition (%s)", code_of(exc))
            self.traffic.requests += 1
            return call({})

        return self._call("PutObject", ref, attempt)

    def _read(self, ref: ObjectRef, length: int) -> tuple[Reply, bytes]:
        reply = self._client.get_object(Bucket=ref.bucket, Key=ref.key, Range=f"bytes=0-{length - 1}", **self._owner)
        with reply["Body"] as stream:
            data: bytes = stream.read(length)
        self.traffic.bytes_down += len(data)
        return reply, data

    def _call(self, action: str, ref: ObjectRef, call: Callable[[], _T]) -> _T:
        self.traffic.requests += 1
        with cuttable(self._token):
            try:
                with translating(action, ref.bucket, ref.key):
                    return call()
            except KeyTaken as exc:  # how a failed condition reads
                raise self._refused(ref) from exc
            except VidcdnError as exc:
                if exc.meaning == "Nothing was published.":
                    exc.meaning = self._unchanged
                raise

    def _refused(self, ref: ObjectRef) -> VidcdnError:
        """The error for a condition that did not hold."""
        return replaced(ref)


def _source(stored: StoredObject) -> dict[str, str]:
    place = {"Bucket": stored.ref.bucket, "Key": stored.ref.key}
    return place | ({"VersionId": stored.version_id} if stored.version_id else {})


def _written(ref: ObjectRef, result: Reply, reply: Reply, size: int) -> StoredObject:
    told = reported_checksum(result)
    whole = told if told and told.declared and not told.composite else None
    return StoredObject(
        ref,
        size,
        required(result, "ETag", ref),
        whole.value if whole else "",
        whole.algorithm if whole else "",
        version_of(reply),
    )


def _refuse_what_cannot_be_carried(ref: ObjectRef, reply: Reply, ranged: bool) -> None:
    if reply.get("SSECustomerAlgorithm"):
        raise _left(ref, "The video is encrypted with a key that only its owner has.")
    if reply.get("StorageClass") in ARCHIVES:
        raise _left(ref, "The video is in an archive, and a repair would bring it out of there.")
    if reply.get("MissingMeta"):
        raise _left(ref, "The object has metadata that the store does not tell, and that would be lost.")
    if not all(str(v).isascii() for v in (reply.get("Metadata") or {}).values()):
        raise _left(ref, "The object has metadata that cannot be written back as it is.")
    if not ranged:
        raise _left(ref, "The store does not give parts of an object.")


def _left(ref: ObjectRef, reason: str) -> UnsupportedMedia:
    return UnsupportedMedia(reason, "It is left as it is.", "", subject=str(ref))


def _cannot_copy(ref: ObjectRef) -> CannotCopy:
    return CannotCopy(
        "This store cannot copy parts of large videos.",
        UNCHANGED,
        "Download it, and publish it again.",
        subject=str(ref),
    )
