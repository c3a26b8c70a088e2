"""Fast start inside the bucket: a film whose index stands at the end is repaired by sending a few megabytes.

The head and the index are read by ranges, the new head and the first of the media are sent, and the rest is copied by
the store out of the object itself (`storage.repair`). Then cached copies of the old cut are removed from the CDN.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from vidcdn_desktop.bytesource import ByteSource, RangesSource
from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.errors import Conflict, ObjectNotFound, UnsupportedMedia, VidcdnError
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.repair_leftovers import Leftovers, end_left, find_leftovers, helper_of, settle
from vidcdn_desktop.jobs.repair_marks import Marks, helper_key, helper_prefix
from vidcdn_desktop.media.faststart import FastStartPlan, plan_fast_start
from vidcdn_desktop.media.info import Layout
from vidcdn_desktop.storage.capabilities import Support
from vidcdn_desktop.storage.copying import UNCHANGED, Copier, Look, replaced
from vidcdn_desktop.storage.parts import MIB
from vidcdn_desktop.storage.port import ObjectRef
from vidcdn_desktop.storage.remote_source import HEAD, RemoteSource, Traffic
from vidcdn_desktop.storage.repair import Rewrite, rewrite
from vidcdn_desktop.storage.repair_parts import SMALLEST_PART, Piece, RepairPart, plan_parts

_log = logging.getLogger(__name__)

RESEND_LIMIT = 64 * MIB
"""Where a store cannot copy, films up to this size may be sent again whole; they are held in memory meanwhile."""

_EQUAL_PARTS = (".r2.cloudflarestorage.com",)
"""Stores that want all parts of one length. Source: Cloudflare R2 documentation, "Multipart objects"."""


_OF_OTHER_JOBS = frozenset({"Nothing was published.", "Nothing was downloaded.", "Nothing was changed."})
"""What a failure means where a film is sent or fetched; here it means that the object is as it was."""


class RepairState(Enum):
    """What became of one object."""

    REPAIRED = "repaired"
    ALREADY = "already"
    """The index stands in front."""
    LEFT = "left alone"
    """For the reason told."""
    WOULD = "would be repaired"
    """A dry run."""


@dataclass(frozen=True)
class RepairReport:
    """What became of one object, or would become of it. Bytes are bodies; of a dry run they are what a run takes."""

    ref: ObjectRef
    state: RepairState
    reason: str
    """Why it is left alone, or what stands where."""
    size: int = 0
    """Bytes of the object as it is now."""
    bytes_downloaded: int = 0
    bytes_uploaded: int = 0
    bytes_copied: int = 0
    """Inside the store."""
    parts: int = 0
    """Of the new object; 0 where nothing was written, 1 for one request."""
    requests: int = 0
    etag: str = ""
    checksum: str = ""
    """Full-object checksum as the store reports it, base64."""
    checksum_algorithm: str = ""
    proved_by: str = ""
    invalidated: int = 0
    """Distributions that were told to forget the old cut."""
    notes: tuple[str, ...] = ()
    """What the user should know beside it, in sentences."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The report as the command line prints it."""
        names = ("reason", "size", "bytes_downloaded", "bytes_uploaded", "bytes_copied", "parts", "requests", "etag")
        more = ("checksum", "checksum_algorithm", "proved_by", "invalidated", "notes", "seconds")
        values = {name: getattr(self, name) for name in (*names, *more)}
        return {"source": str(self.ref), "state": self.state.value, **values}


class Repairer:
    """Repairs objects of one connection, one after the other. Close it when done.

    Args:
        connection: Whose bucket it is.
        resend: Send a film up to 64 MiB again whole where the store cannot copy parts.
        marks: Where repairs under way are written down; None: in the data folder.
    """

    def __init__(self, connection: Connection, *, resend: bool = False, marks: Marks | None = None) -> None:
        self._connection = connection
        self._storage = connection.storage
        self._endpoint = connection.clients.endpoint
        self._resend = resend
        self._marks = marks or Marks()

    def close(self) -> None:
        """Give up what marks this run."""
        self._marks.close()

    def __enter__(self) -> Repairer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def repair(
        self, ref: ObjectRef, *, token: CancelToken, dry_run: bool = False, leftovers: Leftovers | None = None
    ) -> RepairReport:
        """Repair one object if it needs it; a dry run only reads. Blocks.

        Args:
            ref: The object; in the connection's bucket.
            token: Cancels: the object stays as it is, and nothing is left behind.
            dry_run: Tell what would be done.
            leftovers: What earlier repairs have left, where that was looked for already.

        Raises: ObjectNotFound. Conflict: somebody else replaced it meanwhile. UploadBusy: it is being repaired.
            ChecksumMismatch. Cancelled. What `Storage` raises.
        """
        started = time.monotonic()
        one = _One(self, ref, token)
        try:
            report = one.run(dry_run, leftovers)
        except Conflict as exc:
            raise replaced(ref) from exc
        except VidcdnError as exc:
            if exc.meaning in _OF_OTHER_JOBS:
                exc.meaning = UNCHANGED
            raise
        return replace(report, seconds=round(time.monotonic() - started, 3))

    def copies(self, token: CancelToken) -> bool:
        """Whether the store can copy parts, as far as is known. Finds out once."""
        try:
            return self._connection.endpoint_profile(token).part_copy is not Support.NO
        except VidcdnError as exc:
            _log.info("what the store can do is not known: %s", exc.what)
            return True


class _One:
    """One object."""

    def __init__(self, repairer: Repairer, ref: ObjectRef, token: CancelToken) -> None:
        self._repairer = repairer
        self._connection = repairer._connection
        self._storage = repairer._storage
        self._ref = ref
        self._token = token
        self._traffic = Traffic()
        owner = self._connection.profile.expected_bucket_owner
        clients = self._connection.clients
        self._copier = Copier(
            clients.s3,
            token,
            self._traffic,
            asking_client=clients.s3_transfer,
            expected_bucket_owner=owner,
        )
        self._notes: list[str] = []

    def run(self, dry_run: bool, leftovers: Leftovers | None) -> RepairReport:
        if not dry_run:
            self._clean_up_marked()
        try:
            look = self._copier.look(self._ref, HEAD)
        except UnsupportedMedia as exc:
            return self._report(RepairState.LEFT, exc.what)
        except ObjectNotFound as exc:
            if not dry_run:
                self._clean_up(leftovers)
            exc.meaning = " ".join(self._notes) or exc.meaning
            raise
        versioned = bool(look.stored.version_id)
        if not dry_run and not versioned:
            self._clean_up(leftovers)
        source = RemoteSource(self._storage, look.stored, self._token, head=look.head, traffic=self._traffic)
        plan = plan_fast_start(source)
        if not plan.moved:
            state = RepairState.ALREADY if plan.report.layout is Layout.ALREADY else RepairState.LEFT
            return self._report(state, plan.report.reason, look)
        parts = self._parts(plan.source, source)
        helper = None
        if parts and not versioned:
            key = helper_key(look.stored)
            if key is None:
                return self._report(RepairState.LEFT, "Its name is too long for a helper beside it.", look)
            helper = ObjectRef(self._ref.bucket, key)
        if dry_run:
            return self._planned(look, plan, source, parts, helper)
        if parts and not self._repairer.copies(self._token):
            if not self._repairer._resend or look.stored.size > RESEND_LIMIT:
                reason = "This store cannot copy parts of large videos, so it would have to be sent again whole."
                return self._report(RepairState.LEFT, reason, look)
            parts, helper = (), None
        return self._written(self._copier.with_tags_and_acl(look), plan, source, parts, helper)

    def _written(
        self,
        look: Look,
        plan: FastStartPlan,
        source: RemoteSource,
        parts: tuple[RepairPart, ...],
        helper: ObjectRef | None,
    ) -> RepairReport:
        work = Rewrite(look.stored, look.carried, source, plan.source, parts, helper)
        log = self._repairer._marks.log(self._repairer._endpoint, self._ref)
        stored = rewrite(self._storage, self._copier, work, log, token=self._token)
        invalidated = self._invalidate()
        report = self._report(RepairState.REPAIRED, "The index (moov) stands in front now.", look)
        return replace(
            report,
            size=stored.size,
            parts=max(1, len(parts)),
            etag=stored.etag,
            checksum=stored.checksum,
            checksum_algorithm=stored.checksum_algorithm,
            proved_by=stored.proved_by,
            invalidated=invalidated,
            notes=tuple(self._notes),
        )

    def _parts(self, new: ByteSource, old: RemoteSource) -> tuple[RepairPart, ...]:
        if old.size <= SMALLEST_PART or new.size <= SMALLEST_PART:
            return ()
        pieces: list[Piece] = []
        for piece in new.ranges if isinstance(new, RangesSource) else ():
            at = pieces[-1].end if pieces else 0
            pieces.append(Piece(at, piece.length, piece.offset if piece.source is old else None))
        host = self._repairer._endpoint.split("//")[-1].split("/")[0].split(":")[0]
        return plan_parts(pieces, equal=host.endswith(_EQUAL_PARTS))

    def _planned(
        self,
        look: Look,
        plan: FastStartPlan,
        source: RemoteSource,
        parts: tuple[RepairPart, ...],
        helper: ObjectRef | None,
    ) -> RepairReport:
        """What a run takes, worked out and not done."""
        sent = [part for part in parts if part.copied_from is None]
        copied = sum(part.length for part in parts) - sum(part.length for part in sent)
        size = plan.source.size
        ranges = [(part.offset, part.offset + part.length) for part in sent] if parts else [(0, size)]
        missing = _missing(plan.source, source, ranges)
        # Tags and rights, a look before, the write itself; in parts also create and complete.
        requests = self._traffic.requests + bool(missing) + 2 + 2 + ((2 + len(parts) - 1) if parts else 0)
        if helper is not None:
            requests += 2 + 5  # looks for leftovers; helper, key, copy, look, delete
            copied += size
        report = self._report(RepairState.WOULD, plan.report.reason, look)
        return replace(
            report,
            bytes_downloaded=report.bytes_downloaded + missing,
            bytes_uploaded=sum(end - start for start, end in ranges),
            bytes_copied=copied,
            parts=max(1, len(parts)),
            requests=requests,
        )

    def _report(self, state: RepairState, reason: str, look: Look | None = None) -> RepairReport:
        traffic = self._traffic
        return RepairReport(
            self._ref,
            state,
            reason,
            size=look.stored.size if look else 0,
            bytes_downloaded=traffic.bytes_down,
            bytes_uploaded=traffic.bytes_up,
            bytes_copied=traffic.bytes_copied,
            requests=traffic.requests,
            etag=look.stored.etag if look else "",
            notes=tuple(self._notes),
        )

    def _clean_up_marked(self) -> None:
        """End what a killed repair of this object has left, as far as it was written down."""
        marks, endpoint = self._repairer._marks, self._repairer._endpoint
        left = marks.earlier(endpoint, self._ref)
        if left is None:
            return
        gone = end_left(self._storage, self._ref, left)
        kept = settle(self._storage, self._ref, helper_of(self._storage, self._ref, left), self._token)
        self._tell_kept(kept)
        if gone and not kept:
            marks.log(endpoint, self._ref).ended()

    def _clean_up(self, leftovers: Leftovers | None) -> None:
        if leftovers is None:
            self._traffic.requests += 2
            leftovers = find_leftovers(self._storage, self._ref.bucket, helper_prefix(self._ref.key))
        found = leftovers.of(self._ref.key)
        self._tell_kept(settle(self._storage, self._ref, found, self._token))

    def _tell_kept(self, kept: tuple[str, ...]) -> None:
        for key in kept:
            note = f"A copy of it that an earlier repair made is kept under the key {key}."
            if note not in self._notes:
                self._notes.append(note)

    def _invalidate(self) -> int:
        """Remove the old cut from the CDN; a repaired film is repaired whether or not that works."""
        try:
            told = self._connection.invalidate_keys(
                [self._ref.key], caller_reference=f"repair-{uuid.uuid4()}", token=CancelToken()
            )
        except VidcdnError as exc:
            self._notes.append(f"The CDN may show the old version for a while: {exc.what}")
            return 0
        return len(told)


def _missing(new: ByteSource, old: RemoteSource, ranges: list[tuple[int, int]]) -> int:
    """Bytes of the old object that `ranges` of the new one are made of and that have not been read yet."""
    total = position = 0
    for piece in new.ranges if isinstance(new, RangesSource) else ():
        if piece.source is old:
            for start, end in ranges:
                first, last = max(start, position), min(end, position + piece.length)
                if last > first:
                    total += old.missing(piece.offset + first - position, last - first)
        position += piece.length
    return total
