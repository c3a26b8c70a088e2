"""Put a better version of an object in its place, made inside the store out of the object itself.

    versions kept?  yes   create ─> parts ─> still there? ─> complete ───────────────> check
                    no    create ─> parts ─> complete, under a helper key ─> check ─┐
                          ┌─────────────────────────────────────────────────────────┘
                          └> still there? ─> copy over the key ─> check ─> delete the helper
    small                 still there? ─> put ─> check

Nothing is in danger at any moment: where versions are kept the old one stays, else the new one is complete and checked
under its helper key before the old one is replaced in one step. The helper is deleted only when the key is known to
hold a whole object. Somebody else's object is never replaced knowingly: every write is conditional and, since many
stores ignore conditions, follows a look. From the write that replaces the object on, a cancel is not obeyed.

Memory is the new head and the media sent with it, twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from vidcdn_desktop.bytesource import ByteSource, BytesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import (
    ChecksumMismatch,
    Conflict,
    ObjectNotFound,
    Offline,
    ServiceTrouble,
    Throttled,
    UploadGone,
    VidcdnError,
)
from vidcdn_desktop.storage import undo
from vidcdn_desktop.storage.checksums import checksum_of
from vidcdn_desktop.storage.copying import UNCHANGED, Copier, replaced
from vidcdn_desktop.storage.port import BegunUpload, ObjectRef, PartResult, Storage, StoredObject
from vidcdn_desktop.storage.remote_source import RemoteSource
from vidcdn_desktop.storage.repair_parts import RepairPart, split_copies
from vidcdn_desktop.storage.repair_proof import SAMPLE, Expected, Proof

_log = logging.getLogger(__name__)

LARGEST_COPY_OBJECT = 5 << 30
"""Source: Amazon S3 API Reference, CopyObject."""

_PARALLEL_COPIES = 4
_UNCLEAR = (Offline, ServiceTrouble, Throttled, UploadGone, Conflict)
"""Endings of a request that changes the object after which it may have been done all the same: the answer was lost, or
it is the refusal of a second try after a first that was done."""


class RepairLog(Protocol):
    """The memory of one repair across restarts. Each call returns when its words are on disk."""

    def planned(self, key: str) -> None:
        """An upload under `key` (the object's own, or a helper) is about to be created."""
        ...

    def created(self, upload_id: str) -> None:
        """It was created."""
        ...

    def ended(self) -> None:
        """Nothing of it is left but the object itself."""
        ...


@dataclass(frozen=True)
class Rewrite:
    """What is to be written."""

    original: StoredObject
    """The object as it was looked at."""
    carried: Mapping[str, Any]
    """Headers, metadata, tags, class, encryption: named as CreateMultipartUpload does."""
    old: RemoteSource
    """The original's bytes."""
    new: ByteSource
    """The new object's bytes."""
    parts: tuple[RepairPart, ...]
    """How the new one is made; empty: sent in one request."""
    helper: ObjectRef | None
    """Where it is made and checked first; None: under the key itself, whose old version is kept."""


def rewrite(storage: Storage, copier: Copier, work: Rewrite, log: RepairLog, *, token: CancelToken) -> StoredObject:
    """Replace the object; gives the new one with what proves it. Blocks.

    Whatever goes wrong, the key holds the old object or the new one, whole, and nothing else is left; where the store
    cannot be reached any more, what `log` remembers says what is to be cleaned up.

    Raises: Conflict: somebody else replaced it; theirs is kept. CannotCopy. ChecksumMismatch. Cancelled. What the
        store raises.
    """
    run = _Run(storage, copier, work, log, token)
    if not work.parts:
        return run.put()
    return run.through_helper(work.helper) if work.helper else run.in_place()


class _Run:
    def __init__(self, storage: Storage, copier: Copier, work: Rewrite, log: RepairLog, token: CancelToken) -> None:
        self._storage = storage
        self._copier = copier
        self._final = copier.uncancelled()
        self._work = work
        self._log = log
        self._token = token
        self._ref = work.original.ref
        self._proof = Proof(storage, self._final, work.old, work.new, work.parts)
        self._may_be_replaced = False
        """Whether a request that replaces the object has left."""

    # The three ways
    def put(self) -> StoredObject:
        """Send it whole."""
        data = self._work.new.read_at(0, self._work.new.size)
        new = BytesSource(data)  # held: once the old object is gone, it can be read no more
        self._proof = Proof(self._storage, self._final, self._work.old, new, ())
        algorithm = self._storage.checksum_algorithm
        expected = Expected(algorithm, checksum_of(algorithm, new, 0, len(data)))
        self._look_for_the_last_time()

        def put(replaces: str) -> StoredObject:
            return self._final.put(self._ref, data, self._work.carried, algorithm, expected.checksum, replaces)

        try:
            stored = put(self._work.original.etag)
        except _UNCLEAR as exc:
            try:
                stored = self._settled(exc, expected)
            except (Offline, ServiceTrouble):
                # The object is as it was. Stores exist that refuse a condition before they have read the body, which
                # looks like a broken connection.
                stored = put("")
        return self._checked(stored, expected)

    def in_place(self) -> StoredObject:
        """Make it under its own key: the bucket keeps the old version."""
        begun, parts = self._parts_under(self._ref)
        expected = Expected()
        try:
            try:
                expected = self._proof.expected(self._look_for_the_last_time())
                stored = self._final.complete(
                    self._ref,
                    begun,
                    parts,
                    checksum=expected.checksum if expected.algorithm == begun.algorithm else "",
                    replaces=self._work.original.etag,
                )
            except _UNCLEAR as exc:
                stored = self._settled(exc, expected)
        except BaseException:
            self._undo(self._ref, begun)
            raise
        stored = self._checked(stored, expected)
        self._log.ended()
        return stored

    def through_helper(self, key: ObjectRef) -> StoredObject:
        """Make it under a helper key, check it, and copy it over the old one in one step."""
        begun, parts = self._parts_under(key)
        try:
            helper = self._complete_helper(key, begun, parts)
        except BaseException:
            self._undo(key, begun)
            raise
        try:
            expected = self._proof.expected(self._copier.still(self._work.original))
            helper = self._proof.checked(helper, expected)
            if not expected.checksum and helper.checksum:
                expected = Expected(helper.checksum_algorithm, helper.checksum)
            stored = self._swapped(helper, expected)
        except BaseException:
            self._drop(helper)
            raise
        if not expected.is_of(stored):
            stored = self._final.head(self._ref)
        if not self._proof.same_as(stored, helper):
            raise _kept_under(helper, self._ref)
        if undo.take_back(self._storage, helper):
            self._log.ended()
        self._copier.traffic.requests += 1
        return replace(stored, proved_by=helper.proved_by)

    # Steps
    def _parts_under(self, ref: ObjectRef) -> tuple[BegunUpload, list[PartResult]]:
        self._log.planned(ref.key)
        begun = self._copier.create(ref, self._work.carried, self._storage.checksum_algorithm)
        try:
            self._log.created(begun.upload_id)
            return begun, self._parts(ref, begun)
        except BaseException:
            self._undo(ref, begun)
            raise

    def _parts(self, ref: ObjectRef, begun: BegunUpload) -> list[PartResult]:
        results = []
        for part in self._work.parts:
            if part.copied_from is None:
                # What stands behind it comes along: the seam is looked at later, and that spares a request.
                data = BytesSource(self._work.new.read_at(part.offset, part.length + SAMPLE)[: part.length])
                sent = self._storage.upload_part(ref, begun, part.number, data, 0, part.length, token=self._token)
                results.append(sent)
                self._copier.traffic.requests += 1
                self._copier.traffic.bytes_up += part.length
        copies = [part for part in self._work.parts if part.copied_from is not None]
        return results + self._copies(self._copier, self._work.original, (ref, begun), copies)

    def _copies(
        self, copier: Copier, source: StoredObject, target: tuple[ObjectRef, BegunUpload], parts: Sequence[RepairPart]
    ) -> list[PartResult]:
        with ThreadPoolExecutor(_PARALLEL_COPIES, thread_name_prefix="copy") as pool:
            futures = [pool.submit(copier.copy_part, source, *target, part) for part in parts]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()

    def _complete_helper(self, ref: ObjectRef, begun: BegunUpload, parts: list[PartResult]) -> StoredObject:
        try:
            # Not cancelled: the object may appear though the connection was cut, and would then be left behind.
            return self._final.complete(ref, begun, parts)
        except _UNCLEAR:
            try:
                found = self._final.head(ref)  # nobody else knows this key
            except ObjectNotFound:
                found = None
            if found is None or found.size != self._work.new.size:
                raise
            return found

    def _swapped(self, helper: StoredObject, expected: Expected) -> StoredObject:
        """The helper copied over the key."""
        etag = self._work.original.etag
        try:
            if helper.size > LARGEST_COPY_OBJECT:
                return self._swapped_in_parts(helper)
            self._look_for_the_last_time()
            self._may_be_replaced = True
            return self._final.copy_object(helper, self._ref, self._work.carried, etag)
        except _UNCLEAR as exc:
            return self._settled(exc, expected, helper)

    def _swapped_in_parts(self, helper: StoredObject) -> StoredObject:
        begun = self._copier.create(self._ref, self._work.carried, self._storage.checksum_algorithm)
        try:
            parts = self._copies(self._copier, helper, (self._ref, begun), split_copies(helper.size))
            self._look_for_the_last_time()
            self._may_be_replaced = True
            return self._final.complete(self._ref, begun, parts, replaces=self._work.original.etag)
        except BaseException:
            undo.abort(self._storage, self._ref, begun.upload_id)
            raise

    def _look_for_the_last_time(self) -> StoredObject:
        """The object, still the one that was read; what follows cannot be taken back, and is not cancelled."""
        found = self._copier.still(self._work.original)
        self._token.raise_if_cancelled()
        self._work.old.ignore_cancel()
        return found

    def _settled(self, failure: VidcdnError, expected: Expected, helper: StoredObject | None = None) -> StoredObject:
        """What became of a write whose answer did not come."""
        original = self._work.original
        try:
            found = self._final.head(self._ref)
        except ObjectNotFound:
            raise replaced(self._ref) from failure
        if (found.etag, found.version_id) == (original.etag, original.version_id):
            raise failure
        ours = expected.is_of(found)
        if ours is None:
            ours = self._proof.same_as(found, helper) if helper else self._proof.is_right(found)
        if not ours:
            raise replaced(self._ref) from failure
        return found

    # Endings
    def _checked(self, stored: StoredObject, expected: Expected) -> StoredObject:
        try:
            return self._proof.checked(stored, expected)
        except ChecksumMismatch as exc:
            if stored.version_id and undo.take_back(self._storage, stored):
                exc.meaning = UNCHANGED
                self._log.ended()
            raise

    def _undo(self, ref: ObjectRef, begun: BegunUpload) -> None:
        self._copier.traffic.requests += 2
        if undo.abort(self._storage, ref, begun.upload_id) and undo.is_gone(self._storage, ref, begun.upload_id):
            self._log.ended()
        else:
            _log.warning("an unfinished upload may be left under %s", ref)

    def _drop(self, helper: StoredObject) -> None:
        """Delete the helper, unless the key might not hold a whole object."""
        if self._may_be_replaced and not self._is_key_sound(helper):
            _log.warning("%s is kept", helper.ref)
            return
        if undo.take_back(self._storage, helper):
            self._log.ended()

    def _is_key_sound(self, helper: StoredObject) -> bool:
        """Whether the key holds the old object, somebody else's, or what the helper is."""
        try:
            found = self._storage.head(self._ref)
            if found.etag == self._work.original.etag or found.size != helper.size:
                return True
            return self._proof.same_as(found, helper)
        except VidcdnError:
            return False


def _kept_under(helper: StoredObject, ref: ObjectRef) -> ChecksumMismatch:
    return ChecksumMismatch(
        "The copy that the store made of the repaired video is damaged.",
        f"The repaired video, whole and checked, is under the key {helper.ref.key}.",
        "Copy it back from there, and do not use this store for videos.",
        subject=str(ref),
    )
