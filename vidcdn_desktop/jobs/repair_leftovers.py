"""Clean up after repairs that were killed: unfinished uploads, and helper objects that are of no more use."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import CorruptMedia, ObjectNotFound, VidcdnError
from vidcdn_desktop.jobs.repair_marks import Left, base_of, is_copy_of
from vidcdn_desktop.media.boxes import scan_top_level
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.port import ObjectRef, Storage, StoredObject, UnfinishedUpload, UploadIntent, UploadRecord
from vidcdn_desktop.storage.remote_source import RemoteSource
from vidcdn_desktop.storage.resume import sweep_unanswered

_log = logging.getLogger(__name__)

_SAMPLE = 64 << 10


@dataclass(frozen=True)
class Leftovers:
    """What earlier repairs have left under the helper keys of an object, or of all below a prefix."""

    helpers: tuple[ObjectRef, ...] = ()
    """Complete helper objects."""
    uploads: tuple[UnfinishedUpload, ...] = ()

    def of(self, key: str) -> Leftovers:
        """Those of one object."""
        return Leftovers(
            tuple(ref for ref in self.helpers if base_of(ref.key) == key),
            tuple(upload for upload in self.uploads if base_of(upload.ref.key) == key),
        )


def find_leftovers(storage: Storage, bucket: str, prefix: str, keys: Sequence[str] | None = None) -> Leftovers:
    """Look into the bucket; with the keys at hand only for uploads. Where it may not be listed: nothing.

    Args:
        storage: The store.
        bucket: The bucket.
        prefix: A key's helper prefix, or any prefix.
        keys: All keys below `prefix`, where they were listed already.
    """
    try:
        if keys is None:
            keys = [item.key for item in storage.list_page(bucket, prefix, delimiter="").objects]
        uploads = tuple(u for u in storage.list_unfinished(bucket, prefix) if base_of(u.ref.key) is not None)
    except VidcdnError as exc:
        _log.info("not looked for earlier repairs: %s", exc.what)
        uploads = ()
    helpers = [ObjectRef(bucket, key) for key in keys or () if base_of(key) is not None]
    return Leftovers(tuple(helpers), uploads)


def end_left(storage: Storage, ref: ObjectRef, left: Left) -> bool:
    """End the upload a killed repair was making, as its mark tells; True if it is gone."""
    where = ObjectRef(ref.bucket, left.upload_key)
    if left.upload_id:
        return undo.abort(storage, where, left.upload_id) and undo.is_gone(storage, where, left.upload_id)
    intent = UploadIntent(where, 0, 0, "", "", only_if_absent=left.upload_key != ref.key)
    sweep_unanswered(storage, UploadRecord(intent, "", "", (), False, left.begun))
    return True


def helper_of(storage: Storage, ref: ObjectRef, left: Left) -> Leftovers:
    """The helper object a mark names, if it is there."""
    where = ObjectRef(ref.bucket, left.upload_key)
    if base_of(where.key) is None:
        return Leftovers()
    try:
        storage.head(where)
    except ObjectNotFound:
        return Leftovers()
    return Leftovers((where,))


def settle(storage: Storage, ref: ObjectRef, found: Leftovers, token: CancelToken) -> tuple[str, ...]:
    """End the uploads, and delete each helper unless the key might not hold a whole film; gives the keys kept.

    Raises: what the store raises. Cancelled.
    """
    for upload in found.uploads:
        undo.abort(storage, upload.ref, upload.upload_id)
    kept = []
    for helper in found.helpers:
        token.raise_if_cancelled()
        if _is_superfluous(storage, ref, helper, token):
            storage.delete(helper)
        else:
            kept.append(helper.key)
    return tuple(kept)


def _is_superfluous(storage: Storage, ref: ObjectRef, helper: ObjectRef, token: CancelToken) -> bool:
    try:
        now, copy = storage.head(ref), storage.head(helper)
    except ObjectNotFound:
        return False
    if is_copy_of(helper.key, now):
        return True  # the old object is untouched
    return _same(storage, now, copy) if now.size == copy.size else _is_whole(storage, now, token)


def _same(storage: Storage, one: StoredObject, other: StoredObject) -> bool:
    if one.checksum and one.checksum_algorithm == other.checksum_algorithm and other.checksum:
        return one.checksum == other.checksum
    length = min(_SAMPLE, one.size)
    places = (0, (one.size - length) // 2, one.size - length)
    return all(storage.read_range(one.ref, at, length) == storage.read_range(other.ref, at, length) for at in places)


def _is_whole(storage: Storage, stored: StoredObject, token: CancelToken) -> bool:
    """Whether somebody else's object is a film whose boxes are all there."""
    try:
        top = scan_top_level(RemoteSource(storage, stored, token))
    except CorruptMedia:
        return False
    return not top.problem and any(box.type in ("moov", "moof") for box in top.boxes)
