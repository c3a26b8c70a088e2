"""What is left of an upload that was begun earlier. The bucket is right, the log is a hint.

A part counts only where the bucket lists it with the size it must have, and where its content is known: by the log
(same ETag, and same checksum where the store lists one), else by reading that part of the source again.

Source: Amazon S3 API Reference, ListParts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from vidcdn_desktop.bytesource import ByteSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import ObjectNotFound, SourceChanged, UploadGone, VidcdnError
from vidcdn_desktop.storage.checksums import checksum_of, md5_of
from vidcdn_desktop.storage.parts import PartPlan, PartRange
from vidcdn_desktop.storage.port import (
    BegunUpload,
    ObjectRef,
    PartResult,
    Storage,
    StoredObject,
    UnfinishedUpload,
    UploadRecord,
)

_log = logging.getLogger(__name__)

JOB_KEY = "vidcdn-job"
"""Metadata that tells an object of this very upload from any other; settles a lost reply."""

_MD5 = re.compile(r"[0-9a-f]{32}")

_SAMPLES = 3
"""So many finished parts are compared with the source again: its size and time may lie."""

_CREATED_WITHIN = timedelta(minutes=10)
"""An upload begun by a call whose answer was never written down is looked for in this time around the call."""


@dataclass(frozen=True)
class Remains:
    """What there is to go on from."""

    begun: BegunUpload
    parts: dict[int, PartResult]
    """By number; these need not be sent again."""


def own_object(storage: Storage, ref: ObjectRef, mark: str, size: int) -> StoredObject | None:
    """The object under `ref` if the upload with this mark wrote it.

    Raises: what `Storage.head` raises, but for a missing object.
    """
    try:
        found = storage.head(ref)
    except ObjectNotFound:
        return None
    job = found.headers.metadata.get(JOB_KEY) if found.headers else None
    return found if job == mark and found.size == size else None


def remains_of(
    storage: Storage, source: ByteSource, record: UploadRecord, plan: PartPlan, token: CancelToken
) -> Remains | None:
    """Ask the bucket what it has of an earlier upload; None if it has nothing to go on from.

    Raises: SourceChanged: the source is not what the finished parts were made of. Cancelled. What the store raises.
    """
    ref = record.intent.ref
    if not record.upload_id:
        sweep_unanswered(storage, record)
        return None
    begun = BegunUpload(record.upload_id, record.algorithm)
    try:
        listed = list(storage.list_parts(ref, record.upload_id))
    except UploadGone:
        _log.info("the unfinished upload of %s is gone", ref)
        return None
    known = {part.number: part for part in record.parts}
    ranges = {piece.number: piece for piece in plan.ranges}
    parts: dict[int, PartResult] = {}
    for part in listed:
        token.raise_if_cancelled()
        piece = ranges.get(part.number)
        if piece is None or part.size != piece.length:
            continue
        remembered = known.get(part.number)
        if remembered is not None and _agree(remembered, part):
            parts[part.number] = remembered
        else:
            found = _recognised(part, piece, source, begun.algorithm, token)
            if found is not None:
                parts[part.number] = found
    _compare_samples(source, ref, begun.algorithm, [(parts[n], ranges[n]) for n in sorted(parts)], token)
    return Remains(begun, parts)


def _agree(remembered: PartResult, listed: PartResult) -> bool:
    same_checksum = not listed.checksum or not remembered.checksum or listed.checksum == remembered.checksum
    return remembered.etag == listed.etag and remembered.size == listed.size and same_checksum


def _recognised(
    listed: PartResult, piece: PartRange, source: ByteSource, algorithm: str, token: CancelToken
) -> PartResult | None:
    """A part the log does not know: its answer was lost with the process. Known by its content, or sent again."""
    checksum = checksum_of(algorithm, source, piece.offset, piece.length, token=token)
    if listed.checksum and checksum:
        return replace(listed, proof=algorithm) if listed.checksum == checksum else None
    if not _MD5.fullmatch(listed.etag):
        return None
    if md5_of(source, piece.offset, piece.length, token=token) != listed.etag:
        return None
    return replace(listed, checksum=checksum, proof="MD5")


def _compare_samples(
    source: ByteSource,
    ref: ObjectRef,
    algorithm: str,
    parts: list[tuple[PartResult, PartRange]],
    token: CancelToken,
) -> None:
    picked = {0, len(parts) // 2, len(parts) - 1} if len(parts) > _SAMPLES else set(range(len(parts)))
    for index in sorted(picked):
        part, piece = parts[index]
        if part.checksum and part.checksum != checksum_of(algorithm, source, piece.offset, piece.length, token=token):
            raise source_changed(str(ref))


def source_changed(subject: str) -> SourceChanged:
    """The error for a film that is another one now than when its upload was begun."""
    return SourceChanged(
        "The file was changed since its upload was begun.",
        "Nothing was published, and what was sent of the old file was removed from the bucket.",
        "Start again to publish what is in the file now.",
        subject=subject,
    )


def sweep_unanswered(storage: Storage, record: UploadRecord, but: str = "") -> None:
    """Abort uploads that a call of ours created without our hearing of it, but not `but`. Never raises."""
    ref = record.intent.ref
    try:
        for found in _unanswered(storage.list_unfinished(ref.bucket, ref.key), record):
            if found == but:
                continue
            storage.abort_multipart(ref, found)
    except VidcdnError as exc:
        _log.info("could not look for an unanswered upload of %s: %s", ref, exc.what)


def _unanswered(listed: Iterable[UnfinishedUpload], record: UploadRecord) -> list[str]:
    """Under a name made for this very content every upload is ours; under one that is used again, time tells."""
    earliest, latest = record.begun - _CREATED_WITHIN, record.begun + _CREATED_WITHIN
    return [
        found.upload_id
        for found in listed
        if found.ref == record.intent.ref and (record.intent.only_if_absent or earliest <= found.initiated <= latest)
    ]
