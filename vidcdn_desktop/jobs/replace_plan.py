"""One object gets the content of a file: what it keeps, what changes, what can be taken back. Only looks.

The upload itself is a `put_job.PutJob` of one file that replaces the object that was seen here, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vidcdn_desktop.bytesource import FileSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import UnsupportedMedia
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.operations.look import object_calls
from vidcdn_desktop.jobs.put_plan import FileToPut, LeftAlone, PutPlan, plan_put
from vidcdn_desktop.media.faststart import plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.storage.content_types import DEFAULT, content_type, extension_of, kind_of
from vidcdn_desktop.storage.copying import ARCHIVES
from vidcdn_desktop.storage.object_facts import AS_IT_WAS, ObjectFacts, changed
from vidcdn_desktop.storage.port import ObjectHeaders, ObjectRef
from vidcdn_desktop.storage.resume import JOB_KEY
from vidcdn_desktop.textsafe import plural

_OF_THE_OLD_BYTES = ("ContentEncoding", "WebsiteRedirectLocation")
"""What the old object carries because of its bytes, or instead of them."""
_LOCKS = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")
"""These protect the old version and stay with it; the bucket's own rule sets those of the new one."""
_NO_TYPE = ("", DEFAULT, "binary/octet-stream")
"""What a store tells of an object that nobody gave a type."""
_IN_HEADERS = ("ContentType", "CacheControl", "ContentDisposition", "Metadata")


@dataclass(frozen=True)
class Replacement:
    """What would be done, and what there is to know before."""

    file: FileToPut
    was: ObjectFacts
    """The object as it is."""
    versioned: bool | None
    """Whether the bucket keeps the old content; None: not known."""
    kept: tuple[str, ...]
    """What stays beside the bytes, in words."""
    notes: tuple[str, ...]
    """What is worth knowing, in sentences."""
    served_by: tuple[str, ...]
    """Domains of the CDN that may show the old content."""

    @property
    def plan(self) -> PutPlan:
        """For `PutJob`."""
        return PutPlan((self.file,), ())

    @property
    def can_undo(self) -> bool:
        """Whether the old content can be brought back."""
        return self.versioned is True and self.was.stored.version_id not in ("", "null")

    def to_json(self) -> dict[str, Any]:
        """As a script reads it."""
        headers = self.file.headers
        return {
            "source": str(self.file.path),
            "key": self.file.ref.key,
            "size": self.file.size,
            "old_size": self.was.stored.size,
            "old_etag": self.was.stored.etag,
            "old_version": self.was.stored.version_id,
            "content_type": headers.content_type if headers else self.file.content_type,
            "fast_start": self.file.fast_start,
            "can_be_undone": self.can_undo,
            "kept": list(self.kept),
            "notes": list(self.notes),
            "served_by": list(self.served_by),
        }


def plan_replace(
    connection: Connection, path: Path, ref: ObjectRef, etag: str = "", *, token: CancelToken
) -> Replacement:
    """Look at a file and at the object whose place it is to take. Blocks; writes nothing.

    Args:
        connection: Where the object is.
        path: The new content.
        ref: The object.
        etag: Of the object that the user saw; empty: whatever is there.
        token: Ends it early.

    Raises: SourceGone, SourceUnreadable, UnsupportedMedia: the file or the object does not lend itself to it.
        ObjectNotFound. Conflict: another object is there by now. Cancelled. What the store raises.
    """
    calls = object_calls(connection, token)
    facts = calls.facts(ref)
    if etag and facts.stored.etag != etag:
        raise changed(ref)
    if facts.lasting:
        raise UnsupportedMedia(
            facts.lasting, AS_IT_WAS, "Upload the file under another name instead.", subject=str(ref)
        )
    carried = dict(calls.with_rights(facts))
    notes: list[str] = []
    with FileSource(path) as source:
        size, mtime_ns = source.size, source.identity.mtime_ns
        moved = False
        if kind_of(path.name) == "Video":
            start = plan_fast_start(source)
            moved = start.moved
            if start.report.layout is Layout.UNSUPPORTED:
                notes.append(f"The video is sent as it is and may start slowly: {start.report.reason}")
    refusal = _refusal(path, ref)
    if refusal is not None:
        raise UnsupportedMedia(refusal.reason, AS_IT_WAS, "Choose another file.", subject=str(path))
    headers = _headers(carried, path, ref, notes)
    file = FileToPut(path, ref, size, headers.content_type, mtime_ns, facts.stored.etag, headers, moved)
    return Replacement(
        file, facts, calls.versioning(ref.bucket), _kept(headers), tuple(notes), connection.domains_of([ref.key])
    )


def _refusal(path: Path, ref: ObjectRef) -> LeftAlone | None:
    """Why a file cannot be an object; the same rules as for every file that is put."""
    plan = plan_put([path], ref.bucket, "")
    return plan.left_alone[0] if plan.left_alone else None


def _headers(carried: dict[str, Any], path: Path, ref: ObjectRef, notes: list[str]) -> ObjectHeaders:
    old_type = str(carried.get("ContentType") or "")
    new_type = _content_type(old_type, path, ref)
    if new_type != old_type:
        notes.append(f"The content type changes from {old_type or 'none'} to {new_type}.")
    if extension_of(path.name) != extension_of(ref.key):
        notes.append("The key keeps its ending, which is another one than that of the file.")
    for name in _OF_THE_OLD_BYTES:
        if carried.pop(name, None):
            notes.append(f"{'The content encoding' if name == 'ContentEncoding' else 'The redirect'} is taken away.")
    if carried.get("StorageClass") in ARCHIVES:
        del carried["StorageClass"]
        notes.append("The new content does not lie in the archive.")
    rest = {name: _plain(value) for name, value in carried.items() if name not in (*_IN_HEADERS, *_LOCKS)}
    metadata: Mapping[str, str] = carried.get("Metadata") or {}
    return ObjectHeaders(
        new_type,
        str(carried.get("CacheControl") or ""),
        str(carried.get("ContentDisposition") or ""),
        {name: value for name, value in metadata.items() if name != JOB_KEY},
        rest,
    )


def _content_type(old: str, path: Path, ref: ObjectRef) -> str:
    """The object's own, unless the file is of another kind than the key says."""
    new = content_type(path.name)
    if new == DEFAULT:
        return old or DEFAULT
    same = new == content_type(ref.key) or extension_of(path.name) == extension_of(ref.key)
    return old if same and old not in _NO_TYPE else new


def _plain(value: Any) -> Any:
    """What the journal can keep and the SDK takes all the same."""
    return value.isoformat() if isinstance(value, datetime) else value


def _kept(headers: ObjectHeaders) -> tuple[str, ...]:
    tags = str(headers.carried.get("Tagging") or "")
    told = (
        ("cache header", headers.cache_control),
        ("disposition", headers.content_disposition),
        (plural(len(headers.metadata), "metadata value"), headers.metadata),
        (plural(tags.count("=") or 1, "tag"), tags),
        ("public access", headers.carried.get("ACL")),
        ("storage class", headers.carried.get("StorageClass")),
        ("encryption", headers.carried.get("ServerSideEncryption")),
    )
    return tuple(words for words, is_set in told if is_set)
