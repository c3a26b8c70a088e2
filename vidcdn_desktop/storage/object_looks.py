"""Calls that only look at what is known of an object beside its bytes: its lock, and some of its versions.

Source: Amazon S3 API Reference: GetObjectLockConfiguration, GetObjectRetention, GetObjectLegalHold,
ListObjectVersions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vidcdn_desktop.errors import BucketNotFound, ObjectNotFound, ServiceTrouble
from vidcdn_desktop.storage.calls import REFUSALS
from vidcdn_desktop.storage.object_facts import ObjectVersion, newest_first, version_in
from vidcdn_desktop.storage.objects import ObjectCalls
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.replies import Reply

_NO_LOCK = REFUSALS | {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "MethodNotAllowed"}
"""How stores say that a bucket or an object has no lock. Source: Amazon S3 API Reference, GetObjectRetention."""

_PAGE = 1000
"""Lines of one answer at most. Source: Amazon S3 API Reference, ListObjectVersions."""


@dataclass(frozen=True)
class Retention:
    """Until when a version can be neither deleted nor replaced, and how strictly."""

    mode: str
    """"GOVERNANCE" or "COMPLIANCE"."""
    until: datetime | None


@dataclass(frozen=True)
class Versions:
    """The versions of one key, newest first."""

    items: tuple[ObjectVersion, ...]
    is_complete: bool
    """False: there are more, and they were not asked for."""

    @property
    def are_kept(self) -> bool:
        """Whether the bucket has kept versions of this key: one without an id was written while it kept none."""
        return any(v.version_id not in ("", "null") for v in self.items)


class ObjectLooks(ObjectCalls):
    """See `ObjectCalls`; nothing here changes anything. Any thread may call any method."""

    def can_lock(self, bucket: str) -> bool:
        """GetObjectLockConfiguration: whether objects of the bucket can be locked.

        Raises: AccessDenied and what every call raises.
        """
        whole = ObjectRef(bucket, "")
        reply = self._unless_missing(
            "GetBucketObjectLockConfiguration",
            whole,
            lambda: self._asking.get_object_lock_configuration(Bucket=bucket, **self._owner),
        )
        return (reply.get("ObjectLockConfiguration") or {}).get("ObjectLockEnabled") == "Enabled"

    def retention(self, ref: ObjectRef, version_id: str = "") -> Retention | None:
        """GetObjectRetention; None where there is none.

        Raises: AccessDenied and what every call raises.
        """
        place = self._place(ref, version_id)
        reply = self._unless_missing("GetObjectRetention", ref, lambda: self._asking.get_object_retention(**place))
        found = reply.get("Retention") or {}
        return Retention(str(found["Mode"]), found.get("RetainUntilDate")) if found.get("Mode") else None

    def legal_hold(self, ref: ObjectRef, version_id: str = "") -> bool:
        """GetObjectLegalHold: whether it is on.

        Raises: AccessDenied and what every call raises.
        """
        place = self._place(ref, version_id)
        reply = self._unless_missing("GetObjectLegalHold", ref, lambda: self._asking.get_object_legal_hold(**place))
        return str((reply.get("LegalHold") or {}).get("Status") or "") == "ON"

    def _place(self, ref: ObjectRef, version_id: str) -> dict[str, str]:
        version = {"VersionId": version_id} if version_id else {}
        return {"Bucket": ref.bucket, "Key": ref.key, **version, **self._owner}

    def _unless_missing(self, action: str, ref: ObjectRef, call: Callable[[], Reply]) -> Reply:
        """The answer; nothing where there is no lock, or the store knows no such thing."""
        try:
            return self._call(action, ref, call)
        except (ServiceTrouble, ObjectNotFound, BucketNotFound) as exc:
            # Compatible stores answer a question they do not know with any fault there is.
            if self._aws and exc.code not in _NO_LOCK:
                raise
            return {}

    def some_versions(self, ref: ObjectRef, most: int) -> Versions:
        """ListObjectVersions of one key in one request: the newest, at most `most`.

        Raises: what every call raises.
        """

        def ask() -> Reply:
            reply: Reply = self._client.list_object_versions(
                Bucket=ref.bucket, Prefix=ref.key, MaxKeys=min(most, _PAGE), **self._owner
            )
            return reply

        reply = self._call("ListBucketVersions", ref, ask)
        lines = [(item, False) for item in reply.get("Versions", ())]
        lines += [(item, True) for item in reply.get("DeleteMarkers", ())]
        found = [version_in(item, is_marker) for item, is_marker in lines if item["Key"] == ref.key]
        # Keys come in order, and the key itself before all that begin with it.
        more = bool(reply.get("IsTruncated")) and len(found) == len(lines)
        return Versions(newest_first(found), not more)
