"""Copy one object inside the store and prove it, or write it again over itself with other headers.

    up to 5 GiB   CopyObject ────────────────────────────> look ─> proof
    larger        create ─> parts ─> complete ───────────> look ─> proof
    over itself   CopyObject; larger ones by `storage.repair`, which keeps the old object until the new one is checked

A copy counts only when its size, its checksum or ETag (or, where the store keeps neither, samples read back) and its
headers are those of the source. Requests that make an object visible are not cancelled: it might appear all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ChecksumMismatch, Conflict, KeyTaken, ServiceTrouble, UnsupportedMedia, VidcdnError
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.copying import CARRIED
from vidcdn_desktop.storage.object_facts import AS_IT_WAS, ObjectFacts, changed, refuse_archived, same_object, taken
from vidcdn_desktop.storage.objects import ABSENT, ObjectCalls
from vidcdn_desktop.storage.port import ObjectRef, Storage, StoredObject
from vidcdn_desktop.storage.remote_source import RemoteSource
from vidcdn_desktop.storage.repair import LARGEST_COPY_OBJECT, RepairLog, Rewrite, rewrite
from vidcdn_desktop.storage.repair_parts import SMALLEST_PART, split_copies

_PARALLEL_PARTS = 4
_SAMPLE = 32 << 10
_TOO_LARGE = frozenset({"EntityTooLarge", "InvalidRequest"})
"""How a store says that it wants a copy in parts. Source: Amazon S3 API Reference, CopyObject; OpenStack Swift,
`max_file_size`."""
_NO_MD5 = frozenset({"aws:kms", "aws:kms:dsse", "SSE-C"})
"""Encryptions with which an ETag is no MD5. Source: Amazon S3 API Reference, Object."""


@dataclass(frozen=True)
class Copied:
    """A copy that was proved."""

    facts: ObjectFacts
    proved_by: str
    """In words, for a report."""


def copy_to(
    storage: Storage,
    calls: ObjectCalls,
    source: ObjectFacts,
    target: ObjectRef,
    *,
    replaces: str = ABSENT,
    on_upload: Callable[[str], None] = lambda _upload_id: None,
    largest: int = LARGEST_COPY_OBJECT,
) -> Copied:
    """Copy an object to another key, with all it carries, and prove the copy. Blocks.

    Args:
        storage: The store.
        calls: Calls on it.
        source: As it was looked at; another one by then is not copied.
        target: Another key, in this bucket or another of the same store.
        replaces: ETag of the object that may be replaced there; `ABSENT`: the key must be free; empty: whatever is
            there.
        on_upload: Told the id of a multipart upload before its first part.
        largest: Bytes of the largest object that goes in one request.

    Raises: KeyTaken. Conflict: the source is another one by now, or what was to be replaced. ObjectArchived.
        ChecksumMismatch: the copy is not the source; it was taken back where nothing was replaced. Cancelled. What
        the store raises.
    """
    refuse_archived(source)
    carried = dict(calls.with_rights(source))
    if target.bucket != source.stored.ref.bucket:
        carried.pop("ACL", None)  # who may read is that bucket's business, and most refuse lists of rights
    try:
        stored = None
        if source.stored.size <= largest:
            stored = _in_one_request(calls, source, target, carried, replaces)
        if stored is None:
            stored = _in_parts(storage, calls, source, target, carried, replaces, on_upload)
    except Conflict as exc:
        raise _which(calls, source, target, replaces, exc) from exc
    try:
        return proved(storage, calls, source, stored, carried)
    except ChecksumMismatch:
        if replaces == ABSENT or stored.version_id:
            undo.take_back(storage, stored)
        raise


def _in_one_request(
    calls: ObjectCalls, source: ObjectFacts, target: ObjectRef, carried: Mapping[str, Any], replaces: str
) -> StoredObject | None:
    """CopyObject; None where the store takes this object in parts only."""
    try:
        return calls.uncancelled().copy_object(source.stored, target, carried, replaces)
    except ServiceTrouble as exc:
        if exc.code in _TOO_LARGE and source.stored.size > SMALLEST_PART:
            return None
        raise


def _in_parts(
    storage: Storage,
    calls: ObjectCalls,
    source: ObjectFacts,
    target: ObjectRef,
    carried: Mapping[str, Any],
    replaces: str,
    on_upload: Callable[[str], None],
) -> StoredObject:
    if source.lasting:
        raise UnsupportedMedia(source.lasting, AS_IT_WAS, "Download it instead.", subject=str(source.stored.ref))
    begun = calls.create(target, carried, storage.checksum_algorithm)
    try:
        on_upload(begun.upload_id)
        with ThreadPoolExecutor(_PARALLEL_PARTS, thread_name_prefix="copy") as pool:
            parts = split_copies(source.stored.size)
            futures = [pool.submit(calls.copy_part, source.stored, target, begun, part) for part in parts]
            try:
                results = [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()
        return calls.uncancelled().complete(target, begun, results, replaces=replaces)
    except BaseException:
        undo.abort(storage, target, begun.upload_id)
        raise


def _which(
    calls: ObjectCalls, source: ObjectFacts, target: ObjectRef, replaces: str, failure: VidcdnError
) -> VidcdnError:
    """Which of the two conditions did not hold: that of the source, or that of the target."""
    if failure.code not in ("ChangedMeanwhile", "PreconditionFailed"):
        return failure
    now = calls.facts_or_none(source.stored.ref) if not source.stored.version_id else source
    if now is None or not same_object(now.stored, source.stored):
        return changed(source.stored.ref)
    return taken(target) if replaces == ABSENT else changed(target)


def proved(
    storage: Storage,
    calls: ObjectCalls,
    source: ObjectFacts,
    stored: StoredObject,
    carried: Mapping[str, Any],
    *,
    samples: bool = True,
) -> Copied:
    """Look at a copy and hold it against its source and what it must carry.

    `samples`: bytes may be read back from both where nothing else proves them.

    Raises: ChecksumMismatch: other bytes. ServiceTrouble: the store did not keep what it must carry. Conflict: somebody
        has replaced it already.
    """
    copy = calls.uncancelled().facts(stored.ref, stored.version_id)
    if copy.stored.etag != stored.etag:
        raise changed(stored.ref)
    words = _same_bytes(storage, source.stored, copy.stored, samples=samples and not copy.is_archived)
    lost = lost_of(carried, copy)
    if lost:
        raise ServiceTrouble(
            f"The store did not keep all of the object: {', '.join(lost)}.",
            "The original is as it was; the copy lacks something.",
            "Delete the copy if you do not want it; this store does not copy well.",
            subject=str(stored.ref),
            code="HeadersLost",
        )
    return Copied(copy, words)


def _same_bytes(storage: Storage, source: StoredObject, copy: StoredObject, *, samples: bool) -> str:
    if source.size != copy.size:
        raise damaged_copy(copy.ref)
    comparable = source.checksum and source.checksum_algorithm == copy.checksum_algorithm
    if comparable and source.checksum_is_whole and copy.checksum_is_whole:
        if source.checksum != copy.checksum:
            raise damaged_copy(copy.ref)
        return f"{copy.checksum_algorithm} of the whole object"
    if source.etag == copy.etag and "-" not in source.etag:
        return "size and ETag"
    plain = not {source.encryption, copy.encryption} & _NO_MD5
    if plain and "-" not in source.etag + copy.etag and len(source.etag) == len(copy.etag) == 32:
        raise damaged_copy(copy.ref)
    if not samples:
        return "size"
    length = min(_SAMPLE, source.size)
    for at in sorted({0, (source.size - length) // 2, source.size - length}):
        if storage.read_range(source.ref, at, length) != storage.read_range(copy.ref, at, length):
            raise damaged_copy(copy.ref)
    return "size and samples read back"


def lost_of(carried: Mapping[str, Any], copy: ObjectFacts) -> tuple[str, ...]:
    """Names of what an object should carry and does not, as the SDK names them."""
    lost = []
    for name in CARRIED:
        wanted, got = carried.get(name), copy.carried.get(name)
        if name == "Metadata":
            wanted, got = _lower(wanted), _lower(got)
        elif name == "StorageClass":
            wanted = None if wanted == "STANDARD" else wanted
            if wanted is None and got != "STANDARD":
                continue  # a bucket's own default
        if wanted and wanted != got:
            lost.append(name)
    return tuple(lost)


def _lower(metadata: Mapping[str, str] | None) -> dict[str, str]:
    # A signature folds runs of spaces, and some stores keep them folded.
    return {name.lower(): " ".join(str(value).split()) for name, value in (metadata or {}).items()}


def damaged_copy(ref: ObjectRef) -> ChecksumMismatch:
    """The error for a copy that is not its source."""
    return ChecksumMismatch(
        "What the store copied is not what the original is.",
        "The original is as it was.",
        "Look at the copy before you use it; this store does not copy well.",
        subject=str(ref),
    )


def write_again(
    storage: Storage,
    calls: ObjectCalls,
    facts: ObjectFacts,
    carried: Mapping[str, Any],
    log: RepairLog,
    *,
    token: CancelToken,
    helper: ObjectRef | None = None,
    with_headers: bool = True,
    largest: int = LARGEST_COPY_OBJECT,
) -> ObjectFacts:
    """Copy an object over itself, so that it carries `carried` and nothing else; gives what is there then. Blocks.

    Args:
        storage: The store.
        calls: Calls on it.
        facts: The object as it was looked at.
        carried: All it shall carry, as `with_rights` names it.
        log: Remembers what a kill would leave of a large one.
        token: Cancels a large one while nothing is replaced yet.
        helper: Where a large one is made first; None: under its own key, whose old version is kept.
        with_headers: Headers and metadata may differ from what is there; False: only class and encryption do.
        largest: Bytes of the largest object that goes in one request.

    Raises: Conflict: it is another one by now. ObjectArchived. UnsupportedMedia: what it carries cannot be written
        back. ServiceTrouble: the store did not keep what it must carry. What the store raises.
    """
    refuse_archived(facts)
    if facts.lasting and (with_headers or facts.stored.size > largest):
        raise UnsupportedMedia(facts.lasting, AS_IT_WAS, "Publish it again instead.", subject=str(facts.stored.ref))
    ref, old = facts.stored.ref, facts.stored
    if old.size <= largest:
        token.raise_if_cancelled()
        final = calls.uncancelled()
        final.unchanged(facts)
        stored = final.copy_object(old, ref, carried, old.etag, with_headers=with_headers)
    else:
        bytes_of = RemoteSource(storage, old, token)
        work = Rewrite(old, carried, bytes_of, bytes_of, split_copies(old.size), helper)
        try:
            stored = rewrite(storage, calls, work, log, token=token)
        except (Conflict, KeyTaken) as exc:
            raise changed(ref) from exc
    try:
        return proved(storage, calls, facts, stored, carried, samples=False).facts
    except ServiceTrouble as exc:
        if exc.code == "HeadersLost":
            exc.meaning = "Its bytes are the same; what was named is not as it should be."
            exc.advice = "Look at its headers; this store does not keep them well."
        raise
