"""The calls of operations on single objects: look at all an object carries, copy it, edit it, tag it, delete it.

Whoever writes has looked right before, and every write carries the conditions the store knows: the source is the one
that was looked at, the destination is free or the one that may be replaced.

Source: Amazon S3 API Reference: HeadObject, CopyObject, PutObjectTagging, DeleteObject, DeleteObjects, RestoreObject,
GetBucketVersioning, ListObjectVersions.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from vidcdn_desktop import aws_errors
from vidcdn_desktop.errors import (
    AccessDenied,
    Conflict,
    ObjectArchived,
    ObjectLocked,
    ObjectNotFound,
    ServiceTrouble,
    SettingsInvalid,
    UnsupportedMedia,
    VidcdnError,
)
from vidcdn_desktop.storage.calls import REFUSALS, UNKNOWN_CONDITION, code_of
from vidcdn_desktop.storage.copying import Copier, Look
from vidcdn_desktop.storage.object_facts import (
    AS_IT_WAS,
    TAG_RULES,
    ObjectFacts,
    ObjectVersion,
    changed,
    facts_of,
    locked,
    newest_first,
    same_object,
    version_in,
)
from vidcdn_desktop.storage.port import ObjectRef, StoredObject
from vidcdn_desktop.storage.replies import Reply, version_of

_log = logging.getLogger(__name__)

ABSENT = "*"
"""In place of the ETag that may be replaced: nothing may be."""

MOST_DELETED_AT_ONCE = 1000
"""Source: Amazon S3 API Reference, DeleteObjects."""

_NOT_IN_XML = re.compile("[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What a key in a DeleteObjects request cannot hold or would not arrive as. Source: XML 1.0, section 2.2 and 2.11."""


class ObjectCalls(Copier):
    """Calls on the objects of one store; see `Copier`. Any thread may call any method."""

    _unchanged = AS_IT_WAS

    def _refused(self, ref: ObjectRef) -> VidcdnError:
        return changed(ref)

    def facts(self, ref: ObjectRef, version_id: str = "") -> ObjectFacts:
        """HeadObject, with all it tells.

        Raises: ObjectNotFound. UnsupportedMedia: it is encrypted with a key that only its owner has.
        """
        version = {"VersionId": version_id} if version_id else {}
        place = {"Bucket": ref.bucket, "Key": ref.key, **version, **self._owner}
        try:
            reply = self._call("GetObject", ref, lambda: self._client.head_object(ChecksumMode="ENABLED", **place))
        except ServiceTrouble as exc:
            if exc.code == "400":  # a HEAD has no body that could say more
                raise UnsupportedMedia(
                    "The object cannot be looked at: it is encrypted with a key that only its owner has.",
                    AS_IT_WAS,
                    "Ask its owner.",
                    subject=str(ref),
                    code=exc.code,
                ) from exc
            raise
        return facts_of(ref, reply)

    def facts_or_none(self, ref: ObjectRef) -> ObjectFacts | None:
        """The same; None where there is nothing."""
        try:
            return self.facts(ref)
        except ObjectNotFound:
            return None

    def with_rights(self, facts: ObjectFacts) -> Mapping[str, Any]:
        """What the object carries, with its tags and whether everybody may read it, where that can be asked."""
        look = Look(facts.stored, b"", facts.carried, facts.tag_count)
        return self.with_tags_and_acl(look).carried

    def unchanged(self, facts: ObjectFacts) -> ObjectFacts:
        """Look that an object is still the one that was looked at.

        Raises: Conflict: it is another one, or gone.
        """
        stored = facts.stored
        found = self.facts_or_none(stored.ref)
        if found is None or not same_object(found.stored, stored):
            raise changed(stored.ref)
        return found

    def _conditional(self, ref: ObjectRef, replaces: str, call: Callable[[dict[str, str]], Reply]) -> Reply:
        if not replaces:
            return self._call("PutObject", ref, lambda: call({}))
        condition = {"IfNoneMatch": "*"} if replaces == ABSENT else {"IfMatch": f'"{replaces}"'}
        try:
            return self._call("PutObject", ref, lambda: call(condition))
        except (Conflict, ServiceTrouble) as exc:
            if self._aws or not self._is_misunderstood(exc, ref, replaces):
                raise
            _log.info("the store does not understand a condition (%s)", exc.code)
        return self._call("PutObject", ref, lambda: call({}))

    def _is_misunderstood(self, refusal: VidcdnError, ref: ObjectRef, replaces: str) -> bool:
        """Whether a store refused a condition that holds: some do not know it, Swift holds it against the source."""
        if refusal.code in REFUSALS:
            return True
        if refusal.code != "ChangedMeanwhile":
            return False
        found = self.facts_or_none(ref)
        return replaces == ABSENT if found is None else found.stored.etag == replaces

    # Tags
    def tags(self, ref: ObjectRef, version_id: str = "") -> dict[str, str]:
        """GetObjectTagging.

        Raises: ObjectNotFound. UnsupportedMedia: the store knows no tags.
        """
        version = {"VersionId": version_id} if version_id else {}
        place = {"Bucket": ref.bucket, "Key": ref.key, **version, **self._owner}
        try:
            reply = self._call("GetObjectTagging", ref, lambda: self._asking.get_object_tagging(**place))
        except ServiceTrouble as exc:
            raise _no_tags(ref, exc) from exc
        return {str(tag["Key"]): str(tag["Value"]) for tag in reply.get("TagSet", ())}

    def set_tags(self, ref: ObjectRef, tags: Mapping[str, str]) -> None:
        """PutObjectTagging: these and no others; without any, DeleteObjectTagging.

        Raises: ObjectNotFound. UnsupportedMedia: the store knows no tags. SettingsInvalid.
        """
        place = {"Bucket": ref.bucket, "Key": ref.key, **self._owner}
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        try:
            if pairs:
                self._call(
                    "PutObjectTagging",
                    ref,
                    lambda: self._client.put_object_tagging(Tagging={"TagSet": pairs}, **place),
                )
            else:
                self._call("DeleteObjectTagging", ref, lambda: self._client.delete_object_tagging(**place))
        except ServiceTrouble as exc:
            raise _no_tags(ref, exc) from exc

    # Deleting
    def remove(self, stored: StoredObject, *, version_id: str = "") -> str:
        """DeleteObject; gives the version id of the delete marker, empty where none was made.

        Without a version the object that is there must be `stored` (where the store knows the condition); with one,
        that version goes for good.

        Raises: Conflict: it is another one by now. ObjectLocked.
        """
        ref = stored.ref
        version = {"VersionId": version_id} if version_id else {}
        guard = {"IfMatch": f'"{stored.etag}"'} if self._aws and stored.etag and not version_id else {}
        action = "DeleteObjectVersion" if version_id else "DeleteObject"
        try:
            reply = self._call(
                action,
                ref,
                lambda: self._client.delete_object(Bucket=ref.bucket, Key=ref.key, **version, **guard, **self._owner),
            )
        except AccessDenied as exc:
            if version_id and self._is_locked(ref, version_id):
                raise locked(ref) from exc
            raise
        return version_of(reply) if reply.get("DeleteMarker") and not version_id else ""

    def remove_many(self, objects: Sequence[StoredObject]) -> dict[str, str | VidcdnError]:
        """DeleteObjects, at most 1,000 of one bucket: by key the version id of the delete marker, or what went wrong.

        One that the store refuses does not keep the others. Keys that XML cannot carry go in requests of their own.

        Raises: what befalls the request as a whole; nothing is known then of what was deleted.
        """
        plain = [stored for stored in objects if not _NOT_IN_XML.search(stored.ref.key)]
        found: dict[str, str | VidcdnError] = {}
        if len(plain) > 1:
            found = self._remove_batch(plain)
        for stored in objects:
            if stored.ref.key not in found:
                try:
                    found[stored.ref.key] = self.remove(stored)
                except (Conflict, AccessDenied, ObjectLocked, ObjectNotFound) as exc:
                    found[stored.ref.key] = exc
        return found

    def _remove_batch(self, objects: Sequence[StoredObject]) -> dict[str, str | VidcdnError]:
        bucket = objects[0].ref.bucket
        whole = ObjectRef(bucket, "")
        guarded = self._aws
        listed = [
            {"Key": stored.ref.key, **({"ETag": f'"{stored.etag}"'} if guarded and stored.etag else {})}
            for stored in objects
        ]

        def call() -> Reply:
            try:
                reply: Reply = self._client.delete_objects(Bucket=bucket, Delete={"Objects": listed}, **self._owner)
            except ClientError as exc:
                if code_of(exc) in UNKNOWN_CONDITION and not self._aws:
                    return {}  # one by one, then
                raise
            return reply

        reply = self._call("DeleteObject", whole, call)
        wanted = {stored.ref.key for stored in objects}
        found: dict[str, str | VidcdnError] = {}
        for item in reply.get("Deleted", ()):
            found[item["Key"]] = str(item.get("DeleteMarkerVersionId") or "") if item.get("DeleteMarker") else ""
        for item in reply.get("Errors", ()):
            ref = ObjectRef(bucket, str(item.get("Key") or ""))
            found[ref.key] = self._batch_error(ref, item)
        # A key the answer does not name as it was sent is asked about again, one by one: that is harmless.
        return {key: outcome for key, outcome in found.items() if key in wanted}

    def _batch_error(self, ref: ObjectRef, item: Reply) -> VidcdnError:
        code, message = str(item.get("Code") or ""), str(item.get("Message") or "")
        if code in ("PreconditionFailed", "412"):
            return changed(ref)
        raised = ClientError({"Error": {"Code": code, "Message": message}}, "DeleteObjects")
        return aws_errors.translate(
            raised, action="s3:DeleteObject", subject=str(ref), bucket=ref.bucket, meaning=AS_IT_WAS
        )

    def _is_locked(self, ref: ObjectRef, version_id: str) -> bool:
        try:
            carried = self.facts(ref, version_id).carried
        except VidcdnError:
            return False
        return bool(carried.get("ObjectLockMode")) or carried.get("ObjectLockLegalHoldStatus") == "ON"

    # Archive, versions
    def restore(self, ref: ObjectRef, days: int, tier: str, version_id: str = "") -> None:
        """RestoreObject: ask for a copy outside the archive for `days` days; it comes in minutes to hours.

        Without days the object itself comes back, as only Intelligent-Tiering does it.

        Raises: Conflict: it was asked for already. UnsupportedMedia: it is in no archive, or the store has none.
        """
        version = {"VersionId": version_id} if version_id else {}
        wanted = {"GlacierJobParameters": {"Tier": tier}, **({"Days": days} if days else {})}
        try:
            self._call(
                "RestoreObject",
                ref,
                lambda: self._client.restore_object(
                    Bucket=ref.bucket, Key=ref.key, RestoreRequest=wanted, **version, **self._owner
                ),
            )
        except ObjectArchived as exc:  # the same code says here that it is in no archive
            raise UnsupportedMedia(
                "The object is in no archive.", AS_IT_WAS, "It can be used as it is.", subject=str(ref), code=exc.code
            ) from exc
        except ServiceTrouble as exc:
            if exc.code not in UNKNOWN_CONDITION:
                raise
            raise UnsupportedMedia(
                "This store has no archive.", AS_IT_WAS, "It can be used as it is.", subject=str(ref), code=exc.code
            ) from exc

    def versioning(self, bucket: str) -> bool | None:
        """Whether the bucket keeps versions; None where that may not be asked.

        Suspended counts as no: what is deleted there may be gone.

        Raises: BucketNotFound and what every call raises.
        """
        whole = ObjectRef(bucket, "")
        try:
            reply = self._call(
                "GetBucketVersioning",
                whole,
                lambda: self._client.get_bucket_versioning(Bucket=bucket, **self._owner),
            )
        except AccessDenied:
            return None
        except ServiceTrouble as exc:
            if exc.retryable:
                raise
            return False
        return str(reply.get("Status") or "") == "Enabled"

    def versions(self, ref: ObjectRef) -> tuple[ObjectVersion, ...]:
        """ListObjectVersions of one key, newest first.

        Raises: what every call raises.
        """
        found: list[ObjectVersion] = []
        marks: dict[str, str] = {}
        while True:
            page = dict(marks)

            def ask(page: dict[str, str] = page) -> Reply:
                reply: Reply = self._client.list_object_versions(
                    Bucket=ref.bucket, Prefix=ref.key, **page, **self._owner
                )
                return reply

            reply = self._call("ListBucketVersions", ref, ask)
            lines = [(item, False) for item in reply.get("Versions", ())]
            lines += [(item, True) for item in reply.get("DeleteMarkers", ())]
            found += [version_in(item, is_marker) for item, is_marker in lines if item["Key"] == ref.key]
            following = {
                "KeyMarker": str(reply.get("NextKeyMarker") or ""),
                "VersionIdMarker": str(reply.get("NextVersionIdMarker") or ""),
            }
            # Keys come in order, and the key itself before all that begin with it.
            if not reply.get("IsTruncated") or following["KeyMarker"] != ref.key or following == marks:
                break
            marks = {name: mark for name, mark in following.items() if mark}
        return newest_first(found)


_BAD_TAGS = frozenset({"InvalidTag", "BadRequest"})
"""What S3 says of letters it does not take, and of too many tags."""


def _no_tags(ref: ObjectRef, failure: ServiceTrouble) -> VidcdnError:
    if failure.retryable and failure.code not in UNKNOWN_CONDITION:
        return failure
    if failure.code in _BAD_TAGS:
        return SettingsInvalid("The store does not take these tags.", AS_IT_WAS, TAG_RULES, subject=str(ref))
    return UnsupportedMedia(
        "This store keeps no tags.", AS_IT_WAS, "Use metadata instead.", subject=str(ref), code=failure.code
    )
